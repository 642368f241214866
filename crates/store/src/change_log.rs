//! What happened to rows, in the order in which it was committed.
//!
//! An entry is written in the transaction of the change it tells of, so that there is one for each
//! change that lasts, and none for one that doesn't. Revisions go up and are never given again: the last
//! entry always stays.

use adit_model::ProjectId;
use adit_model::change::{Change, LogBounds, LogEntry};
use async_trait::async_trait;
use time::OffsetDateTime;

use crate::StoreError;

/// What happened to rows.
#[async_trait]
pub trait ChangeLog: Send {
    /// The entries after a revision, oldest first, at most so many. With a project, its own alone.
    ///
    /// # Errors
    /// The store can't answer.
    async fn log_after(
        &mut self,
        project: Option<ProjectId>,
        revision: u64,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError>;

    /// Which entries there are.
    ///
    /// # Errors
    /// The store can't answer.
    async fn log_bounds(&mut self) -> Result<LogBounds, StoreError>;
}

/// Changes of [`ChangeLog`].
#[async_trait]
pub trait WriteChangeLog: ChangeLog {
    /// Adds an entry; answers its revision.
    ///
    /// # Errors
    /// The store can't answer.
    async fn append(&mut self, change: &Change) -> Result<u64, StoreError>;

    /// Forgets the oldest entries, as far as they are not among the last `keep` or are older than a
    /// time, but at most `limit` of them, and never the last; answers how many. What is left has no
    /// holes.
    ///
    /// # Errors
    /// The store can't answer.
    async fn trim(
        &mut self,
        keep: u64,
        older_than: OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError>;
}
