//! A block of private addresses on a router. Realised as one bridge.

use std::net::IpAddr;

use time::OffsetDateTime;

use crate::{Cidr, Name, ProjectId, Revision, RouterId, SubnetId};

/// A private subnet; the router has its first address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Whose it is.
    pub project: ProjectId,
    /// The router it hangs on.
    pub router: RouterId,
    /// What the user calls it.
    pub name: Name,
    /// Its addresses.
    pub cidr: Cidr,
    /// The availability zone it was made in, such as `us-south-1`.
    pub zone: String,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

impl Subnet {
    /// Addresses at the start of every subnet that instances don't get: the network, the router,
    /// and two kept for the provider; the last address makes five in all (as IBM VPC has it).
    pub const RESERVED_AT_START: u64 = 4;

    /// The router's address in this subnet: the one after the first.
    #[must_use]
    pub fn router_address(&self) -> IpAddr {
        self.cidr.nth(1).unwrap_or_else(|| self.cidr.first())
    }
}
