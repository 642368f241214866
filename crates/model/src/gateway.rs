//! A VPN endpoint on a router. (Neutron: a vpnservice. IBM: a vpn_gateway.)

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    GatewayId, HostId, Name, OuterAddresses, ProjectId, ResourceGroup, Revision, RouterId, SubnetId,
};

/// How many connections a gateway may have: what its worker, its data plane and its orders are made for, and measured
/// with.
pub const MAX_TUNNELS: usize = 10_000;

/// How far a gateway has come. Computed from what the agent sees, never set by a user.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayStatus {
    /// Its worker listens.
    Available,
    /// It could not be made; the reasons say why.
    Failed,
    /// It is being made.
    Pending,
}

/// By what a packet's way into a tunnel is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum GatewayMode {
    /// By the blocks of connections, which are negotiated: each connection has one tunnel.
    Policy,
    /// By routes that name connections. What is negotiated is any address to any, and each connection has two
    /// tunnels, one from each of the gateway's addresses.
    Route,
}

/// A VPN endpoint with public addresses of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gateway {
    /// Random, made with the row, and its own for good.
    pub id: GatewayId,
    /// Whose it is.
    pub project: ProjectId,
    /// The group it is in; `None` is the project's default one.
    pub resource_group: Option<ResourceGroup>,
    /// The router it serves.
    pub router: RouterId,
    /// The subnet it was made in. In Neutron's words: its connections lead to this subnet, and
    /// without one each connection says where it leads by endpoint groups.
    pub subnet: Option<SubnetId>,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// Whether its connections are wanted up.
    pub admin_state_up: bool,
    /// Its addresses on the external network, fixed from creation to deletion; also its IKE
    /// identities, each to peers of its family.
    pub addresses: OuterAddresses,
    /// The host it is on: its router's.
    pub host: HostId,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

impl Gateway {
    /// A gateway has a second address for its mode, and for nothing else.
    #[must_use]
    pub const fn mode(&self) -> GatewayMode {
        match self.addresses.second {
            Some(_) => GatewayMode::Route,
            None => GatewayMode::Policy,
        }
    }
}
