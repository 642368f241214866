//! A routing domain of a project: its subnets, and the external addresses of its gateways.
//! Realised as one Linux network namespace. (Neutron: a router. IBM: a VPC.)

use time::OffsetDateTime;

use crate::{Name, ProjectId, Revision, RouterId};

/// A routing domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Router {
    /// Its id.
    pub id: RouterId,
    /// Whose it is.
    pub project: ProjectId,
    /// What the user calls it.
    pub name: Name,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}
