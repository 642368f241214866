//! Where wishes are kept: [`Rows`] of every noun, all of them on a [`Transaction`], and [`WriteRows`]
//! on a [`WriteTransaction`].
//!
//! Whoever checks and then writes does both in one transaction of [`Store::write`]: writers go one
//! after another, so what was checked still holds when it is written. A transaction that is dropped
//! changes nothing; after [`WriteTransaction::commit`] a change survives a crash (where the store is
//! kept on a disk). Every read of a tenant's takes its project: another project's id answers
//! exactly like a missing one. Revisions are counted here: an update names the one it was made from.
//!
//! Names are not unique here, since not every dialect wants that; addresses are.

mod addresses_outside;
mod api_key;
mod application_credential;
mod change_log;
#[cfg(feature = "contract")]
pub mod contract;
mod memory;
mod nouns;
mod numbers;
mod peer_cidrs;
mod peer_host;
mod project;
mod query;
mod quota;
mod revoked_token;
mod role_assignment;
mod row;
mod user;

use std::error::Error;
use std::ops::{Deref, DerefMut};

use adit_model::{
    Connection, ConnectionRequest, EndpointGroup, FloatingIp, Gateway, IkePolicy, IpsecPolicy,
    Network, NetworkAcl, Port, PublicGateway, Route, Router, SecurityGroup, SecurityGroupRule,
    SshKey, Subnet, TunnelContext,
};
use async_trait::async_trait;

pub use addresses_outside::AddressesOutside;
pub use api_key::{ApiKeys, WriteApiKeys};
pub use application_credential::{ApplicationCredentials, WriteApplicationCredentials};
pub use change_log::{AuditQuery, ChangeLog, WriteChangeLog};
pub use memory::MemoryStore;
pub use numbers::{NumberOf, Numbers, WriteNumbers};
pub use peer_cidrs::PeerCidrs;
pub use peer_host::PeerHosts;
pub use project::{Projects, WriteProjects};
pub use query::{Only, Order, OrderBy, Query};
pub use quota::{Quotas, WriteQuotas};
pub use revoked_token::{RevokedTokens, WriteRevokedTokens};
pub use role_assignment::{RoleAssignments, WriteRoleAssignments};
pub use row::{Row, Rows, StoredPhase, WriteRows};
pub use user::{Users, WriteUsers};

/// A place for wishes.
#[async_trait]
pub trait Store: Send + Sync {
    /// A transaction that sees one moment and can't write. Any number at a time.
    ///
    /// # Errors
    /// The store can't answer.
    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError>;

    /// A transaction that may write. One at a time: this waits for the one before to end.
    ///
    /// # Errors
    /// The store can't answer, or the one before took too long.
    async fn write(&self) -> Result<Box<dyn WriteTransaction>, StoreError>;

    /// A number that changes whenever a transaction is committed that may have changed projects,
    /// users, roles, credentials or revoked tokens: what was read of them at the same number still
    /// holds.
    fn identity_version(&self) -> u64;

    /// Whether it can be read, and, where the last write failed, whether it can be written again.
    ///
    /// # Errors
    /// It can't.
    async fn check(&self) -> Result<(), StoreError> {
        drop(self.read().await?);
        Ok(())
    }

    /// How many writes failed since the start.
    fn write_failures(&self) -> u64 {
        0
    }
}

/// Reads that belong together.
pub trait Transaction:
    Projects
    + Users
    + RoleAssignments
    + ApiKeys
    + ApplicationCredentials
    + RevokedTokens
    + Quotas
    + Numbers
    + ChangeLog
    + AddressesOutside
    + PeerCidrs
    + PeerHosts
    + Rows<Network>
    + Rows<Subnet>
    + Rows<Port>
    + Rows<Router>
    + Rows<FloatingIp>
    + Rows<PublicGateway>
    + Rows<NetworkAcl>
    + Rows<SshKey>
    + Rows<SecurityGroup>
    + Rows<SecurityGroupRule>
    + Rows<Gateway>
    + Rows<ConnectionRequest>
    + Rows<EndpointGroup>
    + Rows<IkePolicy>
    + Rows<IpsecPolicy>
    + Rows<Connection>
    + Rows<Route>
    + Rows<TunnelContext>
    + Send
{
}

/// Reads and writes that belong together. As a [`Transaction`] it reads what it has written.
#[async_trait]
pub trait WriteTransaction:
    Transaction
    + WriteProjects
    + WriteUsers
    + WriteRoleAssignments
    + WriteApiKeys
    + WriteApplicationCredentials
    + WriteRevokedTokens
    + WriteQuotas
    + WriteNumbers
    + WriteChangeLog
    + WriteRows<Network>
    + WriteRows<Subnet>
    + WriteRows<Port>
    + WriteRows<Router>
    + WriteRows<FloatingIp>
    + WriteRows<PublicGateway>
    + WriteRows<NetworkAcl>
    + WriteRows<SshKey>
    + WriteRows<SecurityGroup>
    + WriteRows<SecurityGroupRule>
    + WriteRows<Gateway>
    + WriteRows<ConnectionRequest>
    + WriteRows<EndpointGroup>
    + WriteRows<IkePolicy>
    + WriteRows<IpsecPolicy>
    + WriteRows<Connection>
    + WriteRows<Route>
    + WriteRows<TunnelContext>
{
    /// Makes the writes last, all of them. Dropping the transaction instead undoes them.
    ///
    /// # Errors
    /// Nothing was written.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// Whoever may write reads as everybody does.
impl<'a> Deref for dyn WriteTransaction + 'a {
    type Target = dyn Transaction + 'a;

    fn deref(&self) -> &Self::Target {
        self
    }
}

impl DerefMut for dyn WriteTransaction + '_ {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self
    }
}

/// Why the store did not do as asked. The transaction it happened in is to be dropped.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What is stored can't be read back.
    #[error("a stored {what} can't be read")]
    Corrupt {
        /// What it is, such as `connection`.
        what: &'static str,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The id, the name or the address is taken.
    #[error("it is there already")]
    Duplicate,
    /// Something hangs on it, or what it hangs on is missing.
    #[error("a reference would point nowhere")]
    Referenced,
    /// The row has another revision, or is gone.
    #[error("it was changed by somebody else")]
    Stale,
    /// The database is locked, full, or broken.
    #[error("the store can't answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}
