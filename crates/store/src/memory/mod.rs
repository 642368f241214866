//! A store that lasts as long as the process: for tests, and for trying things out.
//!
//! A transaction works on a copy of the tables, made at its first write, which replaces the
//! original at commit.

mod account;
mod change_log;
mod credential;
mod numbers;
mod quota;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use adit_model::user::{ApiKey, KeyHash, RevokedToken};
use adit_model::{
    ApplicationCredential, ApplicationCredentialId, Project, ProjectId, RoleAssignment, TokenId,
    User, UserId,
};
use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{NumberOf, Store, StoreError, Transaction, WriteTransaction};
use change_log::Log;
use rows::Nouns;

/// A store that lasts as long as the process.
#[derive(Clone, Default, Debug)]
pub struct MemoryStore {
    current: Arc<RwLock<Arc<Tables>>>,
    writer: Arc<Mutex<()>>,
    identity: Arc<AtomicU64>,
}

#[derive(Clone, Default, Debug)]
struct Tables {
    projects: BTreeMap<ProjectId, Project>,
    ended_projects: BTreeSet<ProjectId>,
    users: BTreeMap<UserId, User>,
    role_assignments: BTreeSet<RoleAssignment>,
    api_keys: BTreeMap<KeyHash, ApiKey>,
    application_credentials: BTreeMap<ApplicationCredentialId, ApplicationCredential>,
    revoked_tokens: BTreeMap<TokenId, RevokedToken>,
    quotas: BTreeMap<ProjectId, BTreeMap<String, i64>>,
    numbers: BTreeMap<(ProjectId, NumberOf, String), u32>,
    last_number: u32,
    nouns: Nouns,
    log: Log,
}

#[derive(Debug)]
struct MemoryTransaction {
    tables: Arc<Tables>,
    store: MemoryStore,
    /// The turn to write, for those that may.
    _writer: Option<OwnedMutexGuard<()>>,
    /// Whether it may have changed who may do what.
    identity: bool,
}

impl MemoryStore {
    fn tables(&self) -> Arc<Tables> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }
}

impl MemoryTransaction {
    fn begin(store: &MemoryStore, writer: Option<OwnedMutexGuard<()>>) -> Self {
        Self {
            tables: store.tables(),
            store: store.clone(),
            _writer: writer,
            identity: false,
        }
    }

    /// The copy, made at the first write. Who only reads has no type to get here by.
    fn writable(&mut self) -> &mut Tables {
        Arc::make_mut(&mut self.tables)
    }

    fn need_project(&self, id: ProjectId) -> Result<(), StoreError> {
        let tables = &self.tables;
        need(tables.projects.contains_key(&id) || tables.ended_projects.contains(&id))
    }
}

/// What a foreign key says in a database.
fn need(holds: bool) -> Result<(), StoreError> {
    if holds {
        Ok(())
    } else {
        Err(StoreError::Referenced)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(MemoryTransaction::begin(self, None)))
    }

    async fn write(&self) -> Result<Box<dyn WriteTransaction>, StoreError> {
        let writer = Arc::clone(&self.writer).lock_owned().await;
        Ok(Box::new(MemoryTransaction::begin(self, Some(writer))))
    }

    fn identity_version(&self) -> u64 {
        self.identity.load(Ordering::SeqCst)
    }
}

impl Transaction for MemoryTransaction {}

#[async_trait]
impl WriteTransaction for MemoryTransaction {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let current = self.store.current.write();
        *current.unwrap_or_else(PoisonError::into_inner) = self.tables;
        if self.identity {
            self.store.identity.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    fn store() -> Arc<dyn crate::Store> {
        Arc::new(super::MemoryStore::default())
    }

    crate::contract_tests!(std::future::ready(store()));
}
