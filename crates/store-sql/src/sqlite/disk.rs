//! What the disk has to do, and how long it takes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use adit_store::StoreError;
use rusqlite::ErrorCode;

/// Up to this, a commit is waited for where one stands: to have another thread wait takes a tenth
/// of a millisecond of two threads' time, which is a third of what a change costs in all.
const QUICK: Duration = Duration::from_millis(1);

/// After so many commits the write-ahead log is brought into the database. A commit adds four to
/// ten pages to it, so that it stays at a few megabytes.
const COMMITS: u32 = 250;

/// What the last commit showed of the disk; before the first it passes for slow.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// Where the database is, for messages.
    folder: PathBuf,
    quick: AtomicBool,
    commits: AtomicU32,
    /// Whether the last write failed.
    failing: AtomicBool,
    failures: AtomicU64,
    /// Whether nothing is to be written: what is open is a copy.
    refused: AtomicBool,
}

/// A write that came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}", folder.display())]
struct NotWritten {
    what: &'static str,
    folder: PathBuf,
    source: rusqlite::Error,
}

/// Why nothing is written any more.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} could not be written when the service was started, so what is open is a copy of the database that is only read: make room, and start it again", .0.display()
)]
struct OnlyRead(PathBuf);

/// Whether an error is one of a disk that is full or can't be written: what there is may still be
/// read.
pub(super) fn is_of_disk(error: &rusqlite::Error) -> bool {
    what(error).is_some()
}

fn what(error: &rusqlite::Error) -> Option<&'static str> {
    match error.sqlite_error_code()? {
        ErrorCode::DiskFull => Some("no space is left on"),
        ErrorCode::ReadOnly => Some("nothing can be written to"),
        // SQLite makes its shared memory beside the database, too: there is no room even for that.
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => {
            Some("no space is left on, or nothing can be written to,")
        }
        _ => None,
    }
}

impl Disk {
    pub(super) fn at(database: &Path) -> Self {
        let folder = database.parent().unwrap_or(Path::new("."));
        Self {
            folder: folder.to_owned(),
            ..Self::default()
        }
    }

    /// Has every write refused from now on.
    pub(super) fn refuse(&self) {
        self.refused.store(true, Ordering::SeqCst);
    }

    /// Refuses to write to a copy.
    pub(super) fn may_write(&self) -> Result<(), StoreError> {
        if self.refused.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable(
                OnlyRead(self.folder.clone()).into(),
            ));
        }
        Ok(())
    }

    /// Notes a write that did not even begin.
    pub(super) fn count_refusal(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how a write went, and says of a failure what the disk has to do with it.
    pub(super) fn note(&self, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        let failed = matches!(outcome, Err(StoreError::Unavailable(_)));
        self.failing.store(failed, Ordering::SeqCst);
        if failed {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        outcome.map_err(|error| match error {
            StoreError::Unavailable(source) => StoreError::Unavailable(self.explain(source)),
            other => other,
        })
    }

    fn explain(
        &self,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> Box<dyn std::error::Error + Send + Sync> {
        match source.downcast::<rusqlite::Error>() {
            Ok(source) => match what(&source) {
                Some(what) => NotWritten {
                    what,
                    folder: self.folder.clone(),
                    source: *source,
                }
                .into(),
                None => source,
            },
            Err(source) => source,
        }
    }

    /// Whether the last write failed, so that another try is worth while.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::SeqCst)
    }

    /// How many writes failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Whether the last commit was over so soon that the next may be waited for on the spot.
    pub(super) fn is_quick(&self) -> bool {
        self.quick.load(Ordering::Relaxed)
    }

    /// Commits, and sees how long that takes.
    pub(super) fn time<R>(&self, commit: impl FnOnce() -> R) -> R {
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
    pub(super) fn wants_checkpoint(&self) -> bool {
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
