//! How often something may be said: what anybody can cause from outside must not fill the log.

use std::time::{Duration, Instant};

/// Lines that may come at once.
const BURST: u32 = 10;

/// How long until another may.
const PAUSE: Duration = Duration::from_secs(10);

/// What may be said about one thing.
#[derive(Debug)]
pub(crate) struct LineLimit {
    left: u32,
    /// When the last line was allowed, or became so.
    since: Instant,
    left_out: u64,
}

impl LineLimit {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            left: BURST,
            since: now,
            left_out: 0,
        }
    }

    /// Whether a line may be written now; how many were left out since the last one.
    pub(crate) fn allow(&mut self, now: Instant) -> Option<u64> {
        let pauses = now.saturating_duration_since(self.since).as_secs() / PAUSE.as_secs();
        if pauses > 0 {
            let more = u32::try_from(pauses).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(more).min(BURST);
            self.since = now;
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.left_out += 1;
            return None;
        };
        self.left = left;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_few_lines_and_a_count() {
        let start = Instant::now();
        let mut limit = LineLimit::new(start);
        let said: Vec<_> = (0..1000).filter_map(|_| limit.allow(start)).collect();
        assert_eq!(said, [0; BURST as usize]);
        assert_eq!(limit.allow(start + PAUSE), Some(990));
        assert_eq!(limit.allow(start + PAUSE), None);
        // A long silence is worth no more than a burst.
        let later = start + PAUSE * 1000;
        let said = (0..1000).filter_map(|_| limit.allow(later)).count();
        assert_eq!(said, BURST as usize);
    }
}
