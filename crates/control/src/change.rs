//! The one place where things change: a unit of work.
//!
//! ```text
//!   use case --> Control::change(caller): may it write at all? --> Change
//!                  insert, update, delete: the row, its entry in the change log, and which lanes of
//!                                          the reconciler it concerns (`touch`), in one transaction
//!                  commit: all of it lasts, then those lanes and the log's readers are woken
//!                  dropped: none of it was
//! ```
//!
//! So each row that changes has its entry and each entry its row, and nobody wakes anything by hand.
//! Several use cases may be one unit of work: [`Together`].

mod accounts;
mod numbers;
mod together;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use adit_model::change::{self as log, Actor, ChangeKind, LogEntry};
use adit_model::{Noun, ProjectId, Revision};
use adit_store::{StoreError, Transaction, WriteTransaction};
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
use uuid::Uuid;

use crate::caller::Caller;
use crate::control::{Control, Inner};
use crate::error::Error;
use crate::origin;
use crate::touch::{Touch, Touched};

pub use together::Together;

/// What is done once a change lasts, and before anybody is woken.
type After = Box<dyn FnOnce(&Inner) + Send>;

/// A transaction that writes, with what is to happen when it is committed.
pub(crate) struct Unit {
    tx: Box<dyn WriteTransaction>,
    touched: Touched,
    /// Its entries in the log.
    entries: Vec<LogEntry>,
    after: Vec<After>,
    /// Whether a use case gave up in it: what it wrote until then must not last.
    broken: bool,
}

/// A unit of work that several use cases share; nothing once it is over.
pub(crate) type Shared = Arc<Mutex<Option<Unit>>>;

/// A use case's part in a unit of work that it shares.
struct Part {
    unit: OwnedMappedMutexGuard<Option<Unit>, Unit>,
    /// Whether the use case came to its end.
    is_done: bool,
}

impl Drop for Part {
    fn drop(&mut self) {
        self.unit.broken |= !self.is_done;
    }
}

enum Held {
    Own(Box<Unit>),
    Joined(Part),
}

/// A unit of work. As a [`Transaction`] it reads what it has written. Dropped, it changes nothing.
pub(crate) struct Change {
    held: Held,
    actor: Actor,
    inner: Arc<Inner>,
}

impl Unit {
    async fn begin(inner: &Inner) -> Result<Self, StoreError> {
        Ok(Self {
            tx: inner.store.write().await?,
            touched: Touched::default(),
            entries: Vec::new(),
            after: Vec::new(),
            broken: false,
        })
    }

    async fn commit(self, inner: &Inner) -> Result<(), StoreError> {
        self.tx.commit().await?;
        for then in self.after {
            then(inner);
        }
        let newest = self.entries.last().map(|entry| entry.revision);
        inner.view.events().committed(self.entries);
        inner.wakes.add(self.touched);
        if let Some(newest) = newest {
            let is_newer = |known: &mut u64| newest > std::mem::replace(known, newest.max(*known));
            inner.newest.send_if_modified(is_newer);
        }
        Ok(())
    }
}

fn unit_is_over() -> StoreError {
    StoreError::Unavailable("the unit of work is over".into())
}

impl Control {
    /// A unit of work on a caller's behalf.
    ///
    /// # Errors
    /// It may only look.
    pub(crate) async fn change(&self, caller: &Caller) -> Result<Change, Error> {
        caller.may_write()?;
        Ok(self.change_by(caller.actor()).await?)
    }

    /// A unit of work of somebody who may do it for another reason than a role in a project, or of
    /// the service itself.
    pub(crate) async fn change_by(&self, actor: Actor) -> Result<Change, StoreError> {
        let held = match &self.1 {
            None => Held::Own(Box::new(Unit::begin(&self.0).await?)),
            Some(shared) => Held::Joined(Part {
                unit: joined(shared).await?,
                is_done: false,
            }),
        };
        Ok(Change {
            held,
            actor,
            inner: Arc::clone(&self.0),
        })
    }

    /// A look at what is stored; within a unit of work at what that has written.
    pub(crate) async fn read(&self) -> Result<Reading, StoreError> {
        Ok(match &self.1 {
            None => Reading::Own(self.0.store.read().await?),
            Some(shared) => Reading::Joined(joined(shared).await?),
        })
    }
}

async fn joined(shared: &Shared) -> Result<OwnedMappedMutexGuard<Option<Unit>, Unit>, StoreError> {
    let guard = Arc::clone(shared).lock_owned().await;
    OwnedMutexGuard::try_map(guard, Option::as_mut).map_err(|_| unit_is_over())
}

impl Change {
    fn unit(&mut self) -> &mut Unit {
        match &mut self.held {
            Held::Own(unit) => unit,
            Held::Joined(part) => &mut part.unit,
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// See [`adit_store::WriteRows::insert`].
    pub(crate) async fn insert<T: Touch>(&mut self, row: &T) -> Result<(), StoreError> {
        let Unit { tx, touched, .. } = self.unit();
        T::rows(&mut **tx).insert(row).await?;
        T::touch(&mut **tx, None, Some(row), touched).await?;
        self.note_row(row, ChangeKind::Created).await
    }

    /// Replaces the row of the same revision; answers its next one.
    ///
    /// # Errors
    /// See [`adit_store::WriteRows::update`].
    pub(crate) async fn update<T: Touch>(&mut self, row: &T) -> Result<Revision, StoreError> {
        let Unit { tx, touched, .. } = self.unit();
        let rows = T::rows(&mut **tx);
        let old = match T::BY_OLD {
            true => rows.get(Some(row.project()), row.id()).await?,
            false => None,
        };
        let next = rows.update(row).await?;
        T::touch(&mut **tx, old.as_ref(), Some(row), touched).await?;
        self.note_row(row, ChangeKind::Updated).await?;
        Ok(next)
    }

    /// Deletes a row, if it is there. What would go with it is to be deleted before.
    ///
    /// # Errors
    /// See [`adit_store::WriteRows::delete`].
    pub(crate) async fn delete<T: Touch>(&mut self, row: &T) -> Result<(), StoreError> {
        let Unit { tx, touched, .. } = self.unit();
        T::touch(&mut **tx, Some(row), None, touched).await?;
        if T::rows(&mut **tx).delete(row.project(), row.id()).await? {
            self.note_row(row, ChangeKind::Deleted).await?;
        }
        Ok(())
    }

    async fn note_row<T: Touch>(&mut self, row: &T, kind: ChangeKind) -> Result<(), StoreError> {
        self.note(T::NOUN, Some(row.project()), row.id(), kind)
            .await
    }

    /// Writes an entry of the change log.
    async fn note(
        &mut self,
        noun: Noun,
        project: Option<ProjectId>,
        id: Uuid,
        kind: ChangeKind,
    ) -> Result<(), StoreError> {
        let change = log::Change {
            at: self.inner.clock.now(),
            project,
            actor: self.actor,
            origin: origin::of(self.actor),
            noun,
            id,
            kind,
        };
        let unit = self.unit();
        let revision = unit.tx.append(&change).await?;
        unit.entries.push(LogEntry { revision, change });
        Ok(())
    }

    /// Forgets old entries of the change log; answers how many.
    pub(crate) async fn trim_log(
        &mut self,
        keep: u64,
        older_than: time::OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.unit().tx.trim(keep, older_than, limit).await
    }

    /// Has something done once all of this lasts, before anybody is woken by it.
    pub(crate) fn then(&mut self, then: impl FnOnce(&Inner) + Send + 'static) {
        self.unit().after.push(Box::new(then));
    }

    /// Makes it last, and wakes whom it concerns. What is a part of a greater unit of work waits for
    /// that one's end.
    ///
    /// # Errors
    /// Nothing was written.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.held {
            Held::Own(unit) => unit.commit(&self.inner).await,
            Held::Joined(mut part) => {
                part.is_done = true;
                Ok(())
            }
        }
    }
}

impl Deref for Change {
    type Target = dyn Transaction;

    fn deref(&self) -> &Self::Target {
        match &self.held {
            Held::Own(unit) => &*unit.tx,
            Held::Joined(part) => &*part.unit.tx,
        }
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.unit().tx
    }
}

/// A look at what is stored.
pub(crate) enum Reading {
    Own(Box<dyn Transaction>),
    Joined(OwnedMappedMutexGuard<Option<Unit>, Unit>),
}

impl Deref for Reading {
    type Target = dyn Transaction;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Own(tx) => &**tx,
            Self::Joined(unit) => &*unit.tx,
        }
    }
}

impl DerefMut for Reading {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Own(tx) => &mut **tx,
            Self::Joined(unit) => &mut *unit.tx,
        }
    }
}
