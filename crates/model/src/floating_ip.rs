//! An address of the external network that stands for one of a port, both ways.

use std::net::IpAddr;

use time::OffsetDateTime;

use crate::{FloatingIpId, Name, NetworkId, PortId, ProjectId, ResourceGroup, Revision, RouterId};

/// An address of the external network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FloatingIp {
    /// Random, made with the row, and its own for good.
    pub id: FloatingIpId,
    /// Whose it is.
    pub project: ProjectId,
    /// The group it is in; `None` is the project's default one.
    pub resource_group: Option<ResourceGroup>,
    /// What the user calls it; may be empty.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// The external network it is of.
    pub network: NetworkId,
    /// One of the external network's that nobody else has.
    pub address: IpAddr,
    /// The availability zone it was made in, such as `us-south-1`; empty where there are none.
    pub zone: String,
    /// What it stands for, if anything.
    pub association: Option<Association>,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// When it was last changed, UTC.
    pub updated_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

/// What a floating IP stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Association {
    /// The machine's.
    pub port: PortId,
    /// Which of the port's addresses.
    pub fixed_ip: IpAddr,
    /// The router that translates.
    pub router: RouterId,
}
