//! A machine on a subnet, here for demonstrations and tests. Realised as one network namespace.

use std::net::IpAddr;

use time::OffsetDateTime;

use crate::{InstanceId, Name, ProjectId, Revision, SubnetId};

/// A machine with one address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Whose it is.
    pub project: ProjectId,
    /// The subnet it is on.
    pub subnet: SubnetId,
    /// What the user calls it.
    pub name: Name,
    /// Its address in the subnet.
    pub address: IpAddr,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}
