//! A routing domain of a project: its interfaces on networks, and its way outside.
//! Realised as one Linux network namespace. (Neutron: a router. IBM: a VPC.)

use time::OffsetDateTime;

use crate::subnet::StaticRoute;
use crate::{
    HostId, Name, NetworkId, OuterAddresses, ProjectId, ResourceGroup, Revision, RouterId,
};

/// A routing domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Router {
    /// Random, made with the row, and its own for good.
    pub id: RouterId,
    /// Whose it is.
    pub project: ProjectId,
    /// The group it is in; `None` is the project's default one.
    pub resource_group: Option<ResourceGroup>,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// Whether it forwards.
    pub admin_state_up: bool,
    /// Its way outside, if it has one.
    pub external: Option<ExternalGateway>,
    /// Ways to blocks by neighbours on its subnets.
    pub routes: Vec<StaticRoute>,
    /// The host it is on.
    pub host: HostId,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// When it was last changed, UTC.
    pub updated_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

/// A router's way outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExternalGateway {
    /// The external network.
    pub network: NetworkId,
    /// The router's addresses in it.
    pub addresses: OuterAddresses,
    /// Whether IPv4 that leaves gets the router's address as its source.
    pub enable_snat: bool,
    /// Whether it is there for what needs it, such as floating IPs, and goes with the last of that.
    pub on_demand: bool,
}
