//! What time it is.

use time::OffsetDateTime;

/// Tells the time, so that tests can.
pub trait Clock: Send + Sync {
    /// This moment, UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}
