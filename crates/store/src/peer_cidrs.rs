//! The blocks behind a router's peers.

use std::collections::BTreeSet;

use adit_model::{Cidr, RouterId};
use async_trait::async_trait;

use crate::StoreError;

/// The blocks behind peers. Reading them opens no connection's key.
#[async_trait]
pub trait PeerCidrs: Send {
    /// Those of all connections of all gateways of a router.
    ///
    /// # Errors
    /// The store can't answer.
    async fn peer_cidrs_of_router(&mut self, id: RouterId) -> Result<BTreeSet<Cidr>, StoreError>;
}
