//! A place on a network: a machine's, or a router's. Realised as one veth pair.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    MacAddress, Name, NetworkId, PortId, ProjectId, ResourceGroup, Revision, RouterId,
    SecurityGroupId, SubnetId,
};

/// What is plugged into a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Device {
    /// A router: the port is its interface.
    Router(RouterId),
    /// What a user says it is. An owner that begins with [`Device::INSTANCE`] makes it a machine.
    Other {
        /// What kind, such as `compute:nova`; may be empty.
        owner: String,
        /// Which one; may be empty.
        id: String,
    },
}

impl Device {
    /// What owners of machines begin with.
    pub const INSTANCE: &'static str = "compute:";

    /// The owner of machines that were asked for as such.
    #[must_use]
    pub fn instance() -> Self {
        Self::Other {
            owner: format!("{}adit", Self::INSTANCE),
            id: String::new(),
        }
    }

    /// Nothing yet.
    #[must_use]
    pub const fn none() -> Self {
        Self::Other {
            owner: String::new(),
            id: String::new(),
        }
    }

    /// Whether it is a machine, which Adit realises as a network namespace.
    #[must_use]
    pub fn is_instance(&self) -> bool {
        matches!(self, Self::Other { owner, .. } if owner.starts_with(Self::INSTANCE))
    }

    /// The router it is an interface of.
    #[must_use]
    pub const fn router(&self) -> Option<RouterId> {
        match self {
            Self::Router(id) => Some(*id),
            Self::Other { .. } => None,
        }
    }
}

/// An address of a port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FixedIp {
    /// One of the port's network.
    pub subnet: SubnetId,
    /// Within the subnet, and nobody else's there.
    pub address: IpAddr,
}

/// A place on a network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// Random, made with the row, and its own for good.
    pub id: PortId,
    /// Whose it is.
    pub project: ProjectId,
    /// The group it is in; `None` is the project's default one.
    pub resource_group: Option<ResourceGroup>,
    /// The network it is on.
    pub network: NetworkId,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// Whether it carries anything.
    pub admin_state_up: bool,
    /// Its link address.
    pub mac: MacAddress,
    /// Its addresses, no two the same.
    pub fixed_ips: Vec<FixedIp>,
    /// What is plugged in.
    pub device: Device,
    /// Whether it is filtered by its security groups.
    pub port_security: bool,
    /// The groups whose rules allow traffic; without any, nothing passes but what answers.
    pub security_groups: Vec<SecurityGroupId>,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// When it was last changed, UTC.
    pub updated_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}
