//! How much of the change log is kept.

use std::time::Duration;

use adit_control::LogLimits;
use serde::Deserialize;

const DAY: u64 = 24 * 3600;

/// How much of the change log is kept.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ChangeLogSettings {
    /// At most so many entries.
    pub(super) keep_entries: u64,
    /// None that is older, in days.
    pub(super) keep_days: u32,
}

impl Default for ChangeLogSettings {
    fn default() -> Self {
        let limits = LogLimits::default();
        Self {
            keep_entries: limits.keep_entries,
            keep_days: u32::try_from(limits.keep.as_secs() / DAY).unwrap_or(u32::MAX),
        }
    }
}

impl ChangeLogSettings {
    pub(super) fn limits(self) -> LogLimits {
        LogLimits {
            keep_entries: self.keep_entries,
            keep: Duration::from_secs(DAY * u64::from(self.keep_days)),
        }
    }
}
