//! The blocks behind a router's peers, as they are known on the router's side.

use std::collections::{BTreeMap, BTreeSet};

use adit_model::{Cidr, Connection, GatewayId, RouterId};
use async_trait::async_trait;

use crate::StoreError;

/// The blocks behind peers.
#[async_trait]
pub trait PeerCidrs: Send {
    /// Those of the connections of each of a router's gateways that has any.
    ///
    /// # Errors
    /// The store can't answer.
    async fn peer_cidrs_of_router(
        &mut self,
        id: RouterId,
    ) -> Result<BTreeMap<GatewayId, BTreeSet<Cidr>>, StoreError>;

    /// The connections of a router's gateways that have exactly this block behind their peer.
    ///
    /// # Errors
    /// The store can't answer.
    async fn connections_behind(
        &mut self,
        id: RouterId,
        cidr: Cidr,
    ) -> Result<Vec<Connection>, StoreError>;
}
