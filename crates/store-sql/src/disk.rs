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
        let quick = begun.elapsed() <= QUICK;
        self.quick.store(quick, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        committed
    }

    /// Whether it is time to bring the log into the database.
    pub(crate) fn wants_checkpoint(&self) -> bool {
        self.commits.load(Ordering::Relaxed).is_multiple_of(COMMITS)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{Disk, QUICK};

    #[test]
    fn a_slow_commit_sends_the_next_elsewhere_until_one_is_quick() {
        let disk = Disk::default();
        assert!(!disk.is_quick());
        disk.time(|| ());
        assert!(disk.is_quick());
        disk.time(|| thread::sleep(2 * QUICK));
        assert!(!disk.is_quick());
        disk.time(|| ());
        assert!(disk.is_quick());
    }
}
