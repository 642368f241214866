//! What the disk has to do, and how long it takes.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Up to this, a commit is waited for where one stands: to have another thread wait takes a tenth
/// of a millisecond of two threads' time, which is a third of what a change costs in all.
const QUICK: Duration = Duration::from_millis(1);

/// After so many commits the write-ahead log is brought into the database. A commit adds four to
/// ten pages to it, so that it stays at a few megabytes.
const COMMITS: u32 = 250;

/// What the last commit showed of the disk; before the first it passes for slow.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    quick: AtomicBool,
    commits: AtomicU32,
}

impl Disk {
    /// Whether the last commit was over so soon that the next may be waited for on the spot.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick.load(Ordering::Relaxed)
    }

    /// Commits, and sees how long that takes.
    pub(crate) fn time<R>(&self, commit: impl FnOnce() -> R) -> R {
        let begun = Instant::now();
        let committed = commit();
        self.saw(begun.elapsed());
        committed
    }

    fn saw(&self, commit: Duration) {
        self.quick.store(commit <= QUICK, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it is time to bring the log into the database.
    pub(crate) fn wants_checkpoint(&self) -> bool {
        self.commits.load(Ordering::Relaxed).is_multiple_of(COMMITS)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{COMMITS, Disk, QUICK};

    #[test]
    fn a_slow_commit_sends_the_next_elsewhere_until_one_is_quick() {
        let disk = Disk::default();
        assert!(!disk.is_quick());
        disk.saw(QUICK);
        assert!(disk.is_quick());
        disk.saw(QUICK + Duration::from_nanos(1));
        assert!(!disk.is_quick());
        disk.saw(QUICK);
        assert!(disk.is_quick());
    }

    #[test]
    fn the_log_is_brought_in_now_and_then() {
        let disk = Disk::default();
        let wanted = (0..2 * COMMITS).filter(|_| {
            disk.time(|| ());
            disk.wants_checkpoint()
        });
        assert_eq!(wanted.count(), 2);
    }
}
