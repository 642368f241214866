//! What a host can be asked to do, and what it tells.
//!
//! A spec is complete: applying it twice changes nothing, and what it no longer lists is removed.
//! The caller keeps calls for one router, and for one gateway, one after another; calls for
//! different ones overlap. Every call may be repeated, after an error and after a restart.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;

use adit_model::desired::{GatewayChange, GatewaySpec, NetworkSpec, RouterSpec, TunnelAct};
use adit_model::observed::{Drops, GatewayObserved, TunnelObserved};
use adit_model::{ConnectionId, GatewayId, NetworkId, RouterId};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Whatever went wrong below.
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

    /// Does something with a tunnel of a gateway that was applied. `Ok` means that its worker is told; one that is gone
    /// by then has begun anew anyway.
    ///
    /// # Errors
    /// The gateway is not there.
    async fn act(
        &self,
        gateway: GatewayId,
        connection: ConnectionId,
        act: TunnelAct,
    ) -> Result<(), AgentError>;

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

    /// Sends an echo request to one address after another until one answers, from an address of a router, as what is
    /// behind the router would; answers who did. Takes a second per address at most, and a few more to measure the path.
    ///
    /// # Errors
    /// The router was not applied, or has no such address.
    async fn probe(&self, probe: &Probe) -> Result<Option<Echo>, AgentError>;

    /// Has everything that it sees told again, as [`AgentEvent`]s: how each gateway and each tunnel
    /// is. For whoever listens anew.
    ///
    /// # Errors
    /// It can't be asked.
    async fn tell_all(&self) -> Result<(), AgentError>;

    /// What is seen from now on. There is one receiver: later calls get `None`.
    fn events(&self) -> Option<mpsc::Receiver<AgentEvent>>;
}

/// Whom to send echo requests to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Probe {
    /// One that was applied on this host.
    pub router: RouterId,
    /// An address of it.
    pub from: IpAddr,
    /// One after another.
    pub to: Vec<IpAddr>,
}

/// An answer to an echo request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Echo {
    /// Who answered.
    pub from: IpAddr,
    /// After how long, in microseconds.
    pub after_us: u64,
    /// The largest packet that came through and back unbroken, in octets, its IP header included.
    pub path_mtu: Option<u16>,
}

/// What a host saw.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentEvent {
    /// What a gateway dropped, and what is half open; told now and then.
    Load {
        /// One that was applied on this host.
        gateway: GatewayId,
        /// What it dropped.
        drops: Drops,
        /// Its IKE SAs whose peer has not shown who it is.
        half_open: u64,
    },
    /// How a gateway is. A worker that ended is `Failed`; the next [`Agent::apply_gateway`]
    /// starts another.
    Gateway {
        /// One that was applied on this host.
        id: GatewayId,
        /// How it is.
        observed: GatewayObserved,
    },
    /// How a tunnel is; told with every change of state or reason, and now and then for counters.
    Tunnel {
        /// The gateway it belongs to.
        gateway: GatewayId,
        /// One that this gateway was told of.
        connection: ConnectionId,
        /// How it is.
        observed: TunnelObserved,
    },
}

/// Why a host could not do as asked. All of them are worth another try, later.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("{code}: {text}")]
pub struct AgentError {
    /// What it was about.
    pub code: AgentErrorCode,
    /// The evidence.
    pub text: String,
}

/// What an [`AgentError`] was about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentErrorCode {
    /// Namespaces, links, addresses, routes or filters.
    FailedNetwork,
    /// The worker's process: it did not start, or broke its channel.
    FailedWorker,
    /// Something that was to go is still there.
    FailedRemoval,
    /// A gateway was changed that was not applied before.
    MissingGateway,
    /// A router was applied before a network of its interfaces.
    MissingNetwork,
    /// A gateway was applied before its router.
    MissingRouter,
}

impl fmt::Display for AgentErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FailedNetwork => "the host's network could not be set up",
            Self::FailedWorker => "the gateway's worker could not be run",
            Self::FailedRemoval => "not everything could be removed",
            Self::MissingGateway => "the gateway is not on this host",
            Self::MissingNetwork => "the network is not on this host",
            Self::MissingRouter => "the router is not on this host",
        })
    }
}

impl AgentError {
    /// An error with a text as its evidence.
    pub fn new(code: AgentErrorCode, text: impl fmt::Display) -> Self {
        Self {
            code,
            text: text.to_string(),
        }
    }

    /// An error with another, and all below it, as its evidence.
    #[must_use]
    pub fn caused(code: AgentErrorCode, cause: &dyn Error) -> Self {
        let text = chain(cause);
        Self { code, text }
    }
}

/// An error and all below it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        text.push_str(": ");
        text.push_str(&next.to_string());
        source = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_travels_with_all_that_is_below_it() {
        let source = std::io::Error::other("no such device");
        let below = crate::Error::Internal(source.into());
        let error = AgentError::caused(AgentErrorCode::FailedNetwork, &below);
        let text = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<AgentError>(&text).unwrap(), error);
        let said = error.to_string();
        assert!(said.starts_with("the host's network could not be set up: "));
        assert!(said.ends_with(": no such device"), "{said}");
    }
}
