//! How long the disk takes to make a commit last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Up to this, a commit is waited for where one stands: to have another thread wait takes a tenth
/// of a millisecond of two threads' time, which is a third of what a change costs in all.
const QUICK: Duration = Duration::from_millis(1);

/// What the last commit showed of the disk; before the first it passes for slow.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    quick: AtomicBool,
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
        self.quick
            .store(begun.elapsed() <= QUICK, Ordering::Relaxed);
        committed
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
