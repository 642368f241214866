//! The blocks behind a router's peers.

use std::collections::{BTreeMap, BTreeSet};

use adit_model::{Cidr, GatewayId, RouterId};
use async_trait::async_trait;

use crate::StoreError;

/// The blocks behind peers. Reading them opens no connection's key.
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
}
