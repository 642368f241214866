//! [`ChangeLog`] in memory.

use std::collections::BTreeMap;

use adit_model::ProjectId;
use adit_model::change::{Change, LogBounds, LogEntry};
use async_trait::async_trait;
use time::OffsetDateTime;

use super::MemoryTransaction;
use crate::{AuditQuery, ChangeLog, StoreError, WriteChangeLog};

/// The entries, and the last revision that was given.
#[derive(Clone, Default, Debug)]
pub(super) struct Log {
    entries: BTreeMap<u64, Change>,
    last: u64,
}

#[async_trait]
impl ChangeLog for MemoryTransaction {
    async fn log_after(
        &mut self,
        project: Option<ProjectId>,
        revision: u64,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let after = self.tables.log.entries.range(revision.saturating_add(1)..);
        let seen = after.filter(|(_, change)| project.is_none() || change.project == project);
        let entries = seen.map(|(revision, change)| LogEntry {
            revision: *revision,
            change: change.clone(),
        });
        Ok(entries
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect())
    }

    async fn audit(&mut self, query: &AuditQuery) -> Result<Vec<LogEntry>, StoreError> {
        let before = query.before.unwrap_or(u64::MAX);
        let entries = self.tables.log.entries.range(..before).rev();
        let found = entries.filter(|(_, change)| query.matches(change));
        let found = found.map(|(revision, change)| LogEntry {
            revision: *revision,
            change: change.clone(),
        });
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        Ok(found.take(limit).collect())
    }

    async fn log_bounds(&mut self) -> Result<LogBounds, StoreError> {
        let log = &self.tables.log;
        let first = log.entries.keys().next().copied();
        Ok(LogBounds {
            first: first.unwrap_or(log.last.saturating_add(1)),
            last: log.last,
        })
    }
}

#[async_trait]
impl WriteChangeLog for MemoryTransaction {
    async fn append(&mut self, change: &Change) -> Result<u64, StoreError> {
        let log = &mut self.writable().log;
        log.last = log.last.saturating_add(1);
        log.entries.insert(log.last, change.clone());
        Ok(log.last)
    }

    async fn trim(
        &mut self,
        keep: u64,
        older_than: OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let log = &mut self.writable().log;
        let surplus = log.last.saturating_sub(keep);
        let mut count = 0;
        while count < u64::from(limit) {
            let Some(oldest) = log.entries.first_entry() else {
                break;
            };
            let is_kept = *oldest.key() > surplus && oldest.get().at >= older_than;
            if is_kept || *oldest.key() == log.last {
                break;
            }
            oldest.remove();
            count += 1;
        }
        Ok(count)
    }
}
