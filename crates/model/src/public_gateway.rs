//! A way outside for the machines of some subnets: what they send there has its address for a source.
//! Nobody outside reaches them by it.

use time::OffsetDateTime;

use crate::{FloatingIpId, Name, ProjectId, PublicGatewayId, ResourceGroup, Revision, RouterId};

/// A way outside for subnets of a router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicGateway {
    /// Random, made with the row, and its own for good.
    pub id: PublicGatewayId,
    /// Whose it is.
    pub project: ProjectId,
    /// The group it is in; `None` is the project's default one.
    pub resource_group: Option<ResourceGroup>,
    /// The router it is of.
    pub router: RouterId,
    /// The availability zone of the subnets that it is for.
    pub zone: String,
    /// What the user calls it.
    pub name: Name,
    /// Whose address it has. It stands for nothing else.
    pub floating_ip: FloatingIpId,
    /// Whether that was made with it, and goes with it.
    pub owns_floating_ip: bool,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}
