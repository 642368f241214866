//! A broadcast domain. Realised as one bridge in a namespace of its own; the external network is
//! a bridge of the host. (Neutron: a network. IBM: part of a subnet.)

use time::OffsetDateTime;

use crate::{Name, NetworkId, ProjectId, Revision};

/// A broadcast domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Network {
    /// Random, made with the row, and its own for good.
    pub id: NetworkId,
    /// Whose it is.
    pub project: ProjectId,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// Whether it is carried.
    pub admin_state_up: bool,
    /// Whether it leads outside: routers get gateways and floating IPs in it.
    pub external: bool,
    /// Whether every project may use it.
    pub shared: bool,
    /// The most octets of an IP packet on it.
    pub mtu: u32,
    /// Whether its ports are filtered unless they say otherwise.
    pub port_security: bool,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// When it was last changed, UTC.
    pub updated_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

impl Network {
    /// The MTU of a network that asks for none: Ethernet's.
    pub const MTU: u32 = 1500;
}
