//! Connections whose peer was given by name.

use adit_model::Connection;
use async_trait::async_trait;

use crate::StoreError;

/// Connections whose peer was given by name, to be looked up again.
#[async_trait]
pub trait PeerHosts: Send {
    /// All of them, everybody's.
    ///
    /// # Errors
    /// The store can't answer.
    async fn connections_with_peer_host(&mut self) -> Result<Vec<Connection>, StoreError>;
}
