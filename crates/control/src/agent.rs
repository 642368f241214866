//! What a host can be asked to do, and what it tells.
//!
//! A spec is complete: applying it twice changes nothing, and what it no longer lists is removed.
//! The caller keeps calls for one router, and for one gateway, one after another; calls for
//! different ones overlap. Every call may be repeated, after an error and after a restart.

use std::error::Error;

use adit_model::desired::{GatewayChange, GatewaySpec, NetworkSpec, RouterSpec};
use adit_model::observed::{Drops, GatewayObserved, TunnelObserved};
use adit_model::{ConnectionId, GatewayId, NetworkId, RouterId};
use async_trait::async_trait;
use tokio::sync::mpsc;

/// The cause below an [`AgentError`], with the evidence in its text.
pub type Cause = Box<dyn Error + Send + Sync>;

/// A host that realises networks, routers and gateways.
#[async_trait]
pub trait Agent: Send + Sync {
    /// Makes the network, and the machines on it, as the spec says.
    ///
    /// # Errors
    /// It could not be made so; what was made stays, and a later call goes on from there.
    async fn apply_network(&self, spec: &NetworkSpec) -> Result<(), AgentError>;

    /// Removes the network and the machines on it. One that doesn't exist is removed.
    ///
    /// # Errors
    /// Something of it is still there.
    async fn remove_network(&self, network: NetworkId) -> Result<(), AgentError>;

    /// Makes the router, its interfaces and its way outside as the spec says. The networks of its
    /// interfaces were applied before.
    ///
    /// # Errors
    /// The network could not be made so; what was made stays, and a later call goes on from there.
    async fn apply_router(&self, spec: &RouterSpec) -> Result<(), AgentError>;

    /// Removes the router and all below it. One that doesn't exist is removed.
    ///
    /// # Errors
    /// Something of it is still there.
    async fn remove_router(&self, router: RouterId) -> Result<(), AgentError>;

    /// Gives the gateway its address and its worker, and the worker its tunnels. Its router was
    /// applied before. `Ok` means that it was told; [`AgentEvent::Gateway`] says when it listens.
    ///
    /// # Errors
    /// The address, the descriptors or the worker could not be had.
    async fn apply_gateway(&self, spec: &GatewaySpec) -> Result<(), AgentError>;

    /// Changes single tunnels of a gateway that was applied.
    ///
    /// # Errors
    /// The gateway is not there, or could not be changed. What it has is unclear until it is
    /// applied again.
    async fn change_gateway(&self, change: &GatewayChange) -> Result<(), AgentError>;

    /// Ends the gateway's worker, which tells its peers, and takes its address away. One that
    /// doesn't exist is removed.
    ///
    /// # Errors
    /// Something of it is still there.
    async fn remove_gateway(&self, gateway: GatewayId) -> Result<(), AgentError>;

    /// Removes whatever of ours exists on this host but is not listed: the leftovers of a run that
    /// was killed. Called once, before any other call.
    ///
    /// # Errors
    /// Something unlisted is still there.
    async fn retain(
        &self,
        networks: &[NetworkId],
        routers: &[RouterId],
        gateways: &[GatewayId],
    ) -> Result<(), AgentError>;

    /// What is seen from now on. There is one receiver: later calls get `None`.
    fn events(&self) -> Option<mpsc::Receiver<AgentEvent>>;
}

/// What a host saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AgentEvent {
    /// What a gateway dropped, and what is half open; told now and then.
    Load {
        /// Which gateway.
        gateway: GatewayId,
        /// What it dropped.
        drops: Drops,
        /// Its IKE SAs whose peer has not shown who it is.
        half_open: u64,
    },
    /// How a gateway is. A worker that ended is `Failed`; the next [`Agent::apply_gateway`]
    /// starts another.
    Gateway {
        /// Which gateway.
        id: GatewayId,
        /// How it is.
        observed: GatewayObserved,
    },
    /// How a tunnel is; told with every change of state or reason, and now and then for counters.
    Tunnel {
        /// The gateway it belongs to.
        gateway: GatewayId,
        /// Which connection.
        connection: ConnectionId,
        /// How it is.
        observed: TunnelObserved,
    },
}

/// Why a host could not do as asked. All of them are worth another try, later.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Namespaces, links, addresses, routes or filters.
    #[error("the host's network could not be set up")]
    FailedNetwork(#[source] Cause),
    /// The worker's process: it did not start, or broke its channel.
    #[error("the gateway's worker could not be run")]
    FailedWorker(#[source] Cause),
    /// Something that was to go is still there.
    #[error("not everything could be removed")]
    FailedRemoval(#[source] Cause),
    /// A gateway was changed that was not applied before.
    #[error("the gateway {0} is not on this host")]
    MissingGateway(GatewayId),
    /// A router was applied before a network of its interfaces.
    #[error("the network {0} is not on this host")]
    MissingNetwork(NetworkId),
    /// A gateway was applied before its router.
    #[error("the router {0} is not on this host")]
    MissingRouter(RouterId),
    /// The agent ends.
    #[error("the agent is stopping")]
    Stopping,
}
