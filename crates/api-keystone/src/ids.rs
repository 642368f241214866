//! Ids and times as Keystone writes them.

use adit_api::times;
use time::OffsetDateTime;
use uuid::Uuid;

/// 32 hexadecimal digits.
pub(crate) fn id(uuid: Uuid) -> String {
    uuid.simple().to_string()
}

/// `2026-01-02T03:04:05.000006`, in UTC: as Keystone says when an application credential ends.
pub(crate) fn time_without_zone(when: OffsetDateTime) -> String {
    times::microseconds(when).trim_end_matches('Z').to_owned()
}
