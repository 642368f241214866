//! A named list of what is at one end of connections.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{EndpointGroupId, Name, ProjectId, Revision};

/// What the entries of a group are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndpointKind {
    /// Blocks of addresses.
    Cidr,
    /// Networks, by id. Connections can't use them.
    Network,
    /// Routers, by id. Connections can't use them.
    Router,
    /// Subnets, by id.
    Subnet,
    /// VLANs. Connections can't use them.
    Vlan,
}

impl EndpointKind {
    /// The kind as APIs spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cidr => "cidr",
            Self::Network => "network",
            Self::Router => "router",
            Self::Subnet => "subnet",
            Self::Vlan => "vlan",
        }
    }
}

/// A named list of what is at one end of connections. The list never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointGroup {
    /// Its id.
    pub id: EndpointGroupId,
    /// Whose it is.
    pub project: ProjectId,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// What the entries are.
    pub kind: EndpointKind,
    /// The entries in the order given, as the user wrote them; never empty, no two the same.
    pub endpoints: Vec<String>,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}
