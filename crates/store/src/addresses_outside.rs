//! Who has which address on the external network.

use std::net::IpAddr;

use adit_model::ProjectId;
use async_trait::async_trait;

use crate::StoreError;

/// Addresses on the external network that somebody has.
#[async_trait]
pub trait AddressesOutside: Send {
    /// Those of everybody's gateways, routers and floating IPs, in no order; whoever gives one must
    /// know them all, and nothing else of their rows.
    ///
    /// # Errors
    /// The store can't answer.
    async fn addresses_outside(&mut self) -> Result<Vec<(ProjectId, IpAddr)>, StoreError>;
}
