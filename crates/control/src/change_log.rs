//! The change log for whoever asks: the audit. Who follows it is in `follow`.
//!
//! A project's people see what happened to their project's rows, administrators see everything. Entries
//! don't stay for ever.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use adit_model::change::{Actor, LogBounds, LogEntry};
use adit_model::project::Role;
use adit_model::{Name, ProjectId};
use adit_store::AuditQuery;
use time::OffsetDateTime;

use crate::config::LogLimits;
use crate::error::Error;
use crate::{Caller, Control};

/// How many entries are forgotten in one transaction: others write in between.
const STEP: u32 = 500;

/// How often old entries are looked for.
const INTERVAL: Duration = Duration::from_secs(60);

/// Whose entries a caller sees that asks for this project's, or for all.
///
/// # Errors
/// It may not see them.
pub(crate) fn scope(caller: &Caller, asked: Option<ProjectId>) -> Result<Option<ProjectId>, Error> {
    if caller.role >= Role::Admin {
        return Ok(asked);
    }
    match asked.is_none_or(|asked| asked == caller.project) {
        true => Ok(Some(caller.project)),
        false => Err(Error::Forbidden("administrators")),
    }
}

impl Control {
    /// Which entries there are. A reader that begins anew goes on after the last.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn log_bounds(&self) -> Result<LogBounds, Error> {
        Ok(self.read().await?.log_bounds().await?)
    }

    /// The entries that somebody looks for, newest first, each with the name of the user whose change it
    /// was, if that user is still there.
    ///
    /// # Errors
    /// The caller asks for another project's; the store can't answer.
    pub async fn audit(
        &self,
        caller: &Caller,
        mut query: AuditQuery,
    ) -> Result<Vec<(LogEntry, Option<Name>)>, Error> {
        query.project = scope(caller, query.project)?;
        let mut tx = self.read().await?;
        let entries = tx.audit(&query).await?;
        drop(tx);
        let names = self.names_of(entries.iter().map(|entry| entry.change.actor));
        let names = names.await?;
        let named = |entry: LogEntry| {
            let name = names.get(&entry.change.actor).cloned();
            (entry, name)
        };
        Ok(entries.into_iter().map(named).collect())
    }

    /// The names of those who did something that the caller may see, as far as they are users that are still there.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn names_of(
        &self,
        actors: impl IntoIterator<Item = Actor>,
    ) -> Result<HashMap<Actor, Name>, Error> {
        let actors: HashSet<Actor> = actors.into_iter().collect();
        let mut tx = self.read().await?;
        let mut names = HashMap::new();
        for actor in actors {
            if let Actor::User(id) = actor
                && let Some(user) = tx.user(id).await?
            {
                names.insert(actor, user.name);
            }
        }
        Ok(names)
    }

    /// Forgets entries that are not kept, step by step; answers how many.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn trim_log(&self) -> Result<u64, Error> {
        let LogLimits { keep_entries, keep } = self.0.config.change_log;
        let older_than = self
            .now()
            .checked_sub(keep.try_into().unwrap_or(time::Duration::MAX));
        let older_than = older_than.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut gone = 0;
        while self.is_log_long(keep_entries, older_than).await? {
            let mut tx = self.change_by(Actor::Service).await?;
            gone += tx.trim_log(keep_entries, older_than, STEP).await?;
            tx.commit().await?;
            tokio::task::yield_now().await;
        }
        Ok(gone)
    }

    /// Whether an entry is not to be kept: nobody is made to wait for a writer that has nothing to do.
    async fn is_log_long(&self, keep: u64, older_than: OffsetDateTime) -> Result<bool, Error> {
        let mut tx = self.read().await?;
        let LogBounds { first, last } = tx.log_bounds().await?;
        if first >= last {
            return Ok(false);
        }
        let oldest = tx.log_after(None, first.saturating_sub(1), 1).await?;
        let is_old = |entry: &LogEntry| entry.change.at < older_than;
        Ok(last.saturating_sub(keep) >= first || oldest.first().is_some_and(is_old))
    }

    /// Forgets entries that are not kept, for ever.
    pub(crate) async fn keep_log_short(self) {
        let mut due = tokio::time::interval(INTERVAL);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            if let Err(error) = self.trim_log().await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the change log could not be trimmed");
            }
        }
    }
}
