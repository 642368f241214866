//! What happened to rows, in the order in which it was committed.
//!
//! An entry is written in the transaction of the change it tells of, so that there is one for each
//! change that lasts, and none for one that doesn't. Revisions go up and are never given again: the last
//! entry always stays.

use adit_model::change::{Actor, Change, LogBounds, LogEntry};
use adit_model::{Noun, ProjectId};
use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// Which entries somebody looks for. What is not said may be anything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditQuery {
    /// Whose rows.
    pub project: Option<ProjectId>,
    /// By whom.
    pub actor: Option<Actor>,
    /// By which request.
    pub request: Option<String>,
    /// Of which kind of row.
    pub noun: Option<Noun>,
    /// Of which row.
    pub id: Option<Uuid>,
    /// Not before.
    pub from: Option<OffsetDateTime>,
    /// Before.
    pub until: Option<OffsetDateTime>,
    /// Of a revision below this.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

impl AuditQuery {
    /// Whether it is about a change, wherever in the log that is.
    pub(crate) fn matches(&self, change: &Change) -> bool {
        self.project.is_none_or(|id| change.project == Some(id))
            && self.actor.is_none_or(|actor| change.actor == actor)
            && (self.request.is_none() || change.origin.request == self.request)
            && self.noun.is_none_or(|noun| change.noun == noun)
            && self.id.is_none_or(|id| change.id == id)
            && self.from.is_none_or(|from| change.at >= from)
            && self.until.is_none_or(|until| change.at < until)
    }
}

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

    /// The entries that somebody looks for, newest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn audit(&mut self, query: &AuditQuery) -> Result<Vec<LogEntry>, StoreError>;

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
