//! A way into a tunnel: what is for a block goes to the peer of a connection whose gateway is in route mode.
//! (IBM: a route of a routing table whose next hop is a VPN gateway connection.)
//!
//! Ways to blocks by neighbours are their router's, or their subnet's ([`crate::subnet::StaticRoute`]).

use time::OffsetDateTime;

use crate::{Cidr, ConnectionId, Name, ProjectId, Revision, RouteId, RouterId};

/// The greatest priority's number, which comes last.
pub const LAST_PRIORITY: u16 = 4;

/// A way into a tunnel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Random, made with the row, and its own for good.
    pub id: RouteId,
    /// Whose it is.
    pub project: ProjectId,
    /// The router whose packets take it: that of the connection's gateway.
    pub router: RouterId,
    /// What the user calls it.
    pub name: Name,
    /// An IPv4 block, which no other route or connection of the router has.
    pub destination: Cidr,
    /// Whose peer has what is for it. The connection lists the block among its peer's.
    pub connection: ConnectionId,
    /// The zone that the user made it for. A router is the same in all of them.
    pub zone: String,
    /// Which of several ways to a block is taken, from 0 to [`LAST_PRIORITY`]; kept as given, since there is one.
    pub priority: u16,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}
