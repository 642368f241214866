//! Rows of one noun that belong to projects and count their revisions.

use std::collections::BTreeMap;

use adit_model::{
    Connection, Gateway, IkePolicy, Instance, IpsecPolicy, ProjectId, Revision, Router, Subnet,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// What all rows have.
pub(super) trait Row: Clone {
    type Id: Copy;
    fn key(id: Self::Id) -> Uuid;
    fn id(&self) -> Self::Id;
    fn project(&self) -> ProjectId;
    fn created_at(&self) -> OffsetDateTime;
    fn revision(&mut self) -> &mut Revision;
    /// Takes from `old` what an update can't change.
    fn keep(&mut self, old: &Self);
}

#[derive(Clone, Debug)]
pub(super) struct Table<T>(BTreeMap<Uuid, T>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Row> Table<T> {
    pub(super) fn any(&self, test: impl FnMut(&T) -> bool) -> bool {
        self.0.values().any(test)
    }

    pub(super) fn contains(&self, id: T::Id) -> bool {
        self.0.contains_key(&T::key(id))
    }

    pub(super) fn get(&self, project: ProjectId, id: T::Id) -> Option<T> {
        self.get_any(id).filter(|row| row.project() == project)
    }

    pub(super) fn get_any(&self, id: T::Id) -> Option<T> {
        self.0.get(&T::key(id)).cloned()
    }

    pub(super) fn list(&self, mut test: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut rows: Vec<T> = self.0.values().filter(|row| test(row)).cloned().collect();
        // The map is in the order of ids, and the sort is stable.
        rows.sort_by_key(T::created_at);
        rows
    }

    pub(super) fn insert(&mut self, row: &T) -> Result<(), StoreError> {
        if self.contains(row.id()) {
            return Err(StoreError::Duplicate);
        }
        self.0.insert(T::key(row.id()), row.clone());
        Ok(())
    }

    pub(super) fn update(&mut self, row: &T) -> Result<Revision, StoreError> {
        let old = self.0.get_mut(&T::key(row.id())).ok_or(StoreError::Stale)?;
        let mut new = row.clone();
        if old.project() != new.project() || old.revision() != new.revision() {
            return Err(StoreError::Stale);
        }
        let next = new.revision().next();
        *new.revision() = next;
        new.keep(old);
        *old = new;
        Ok(next)
    }

    pub(super) fn delete(&mut self, project: ProjectId, id: T::Id) -> bool {
        let mine = self.get(project, id).is_some();
        mine && self.0.remove(&T::key(id)).is_some()
    }

    pub(super) fn retain(&mut self, mut test: impl FnMut(&T) -> bool) {
        self.0.retain(|_, row| test(row));
    }
}

macro_rules! rows {
    ($($row:ident: $id:ident $(, $fixed:ident)*;)+) => {$(
        impl Row for $row {
            type Id = adit_model::$id;

            fn key(id: Self::Id) -> Uuid {
                id.uuid()
            }

            fn id(&self) -> Self::Id {
                self.id
            }

            fn project(&self) -> ProjectId {
                self.project
            }

            fn created_at(&self) -> OffsetDateTime {
                self.created_at
            }

            fn revision(&mut self) -> &mut Revision {
                &mut self.revision
            }

            fn keep(&mut self, old: &Self) {
                self.created_at = old.created_at;
                $(self.$fixed.clone_from(&old.$fixed);)*
            }
        }
    )+};
}

rows! {
    Router: RouterId;
    Subnet: SubnetId, router, cidr, zone;
    Instance: InstanceId, subnet, address;
    Gateway: GatewayId, router, subnet, public_address;
    Connection: ConnectionId, gateway;
    IkePolicy: IkePolicyId;
    IpsecPolicy: IpsecPolicyId;
}
