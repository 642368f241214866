//! The agent of the host this process runs on.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use adit_control::agent::Cause;
use adit_control::{Agent, AgentError, AgentEvent};
use adit_model::desired::{GatewaySpec, RouterSpec};
use adit_model::{Cidr, GatewayId, RouterId};
use adit_netns::{Network, NetworkError};
use adit_worker::protocol::GatewayOrder;
use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;

use crate::supervisor::{Supervisor, Wish, WorkerProgram};

/// Events that may wait for the reconciler.
const EVENTS: usize = 1024;

/// A gateway with its running supervisor.
struct Gateway {
    router: RouterId,
    address: IpAddr,
    wish: watch::Sender<Wish>,
    supervisor: JoinHandle<()>,
}

/// The agent of this host.
pub struct LocalAgent {
    network: Arc<Network>,
    program: WorkerProgram,
    gateways: Mutex<HashMap<GatewayId, Gateway>>,
    events: mpsc::Sender<AgentEvent>,
    receiver: std::sync::Mutex<Option<mpsc::Receiver<AgentEvent>>>,
}

impl std::fmt::Debug for LocalAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalAgent")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

fn network_error(error: NetworkError) -> AgentError {
    AgentError::FailedNetwork(Cause::from(error))
}

impl LocalAgent {
    /// An agent that works on `network` and runs `program` as workers.
    #[must_use]
    pub fn new(network: Arc<Network>, program: WorkerProgram) -> Self {
        let (events, receiver) = mpsc::channel(EVENTS);
        Self {
            network,
            program,
            gateways: Mutex::new(HashMap::new()),
            events,
            receiver: std::sync::Mutex::new(Some(receiver)),
        }
    }

    /// Ends all workers; each tells its peers. The network stays as it is.
    pub async fn stop(&self) {
        let gateways = std::mem::take(&mut *self.gateways.lock().await);
        for gateway in gateways.values() {
            gateway.wish.send_replace(Wish::Stop);
        }
        for (_, gateway) in gateways {
            // A supervisor that panicked has reported it.
            let _ = gateway.supervisor.await;
        }
    }
}

/// The blocks behind the peers of a gateway. Tunnels that are down keep theirs: their traffic must
/// not take another way.
fn blocks(spec: &GatewaySpec) -> Vec<Cidr> {
    let mut blocks: Vec<_> = spec
        .tunnels
        .iter()
        .flat_map(|tunnel| tunnel.peer_cidrs.iter().copied())
        .collect();
    blocks.sort_unstable();
    blocks.dedup();
    blocks
}

#[async_trait]
impl Agent for LocalAgent {
    async fn apply_router(&self, spec: &RouterSpec) -> Result<(), AgentError> {
        self.network.apply_router(spec).await.map_err(network_error)
    }

    async fn remove_router(&self, router: RouterId) -> Result<(), AgentError> {
        self.network
            .remove_router(router)
            .await
            .map_err(|error| AgentError::FailedRemoval(error.into()))
    }

    async fn apply_gateway(&self, spec: &GatewaySpec) -> Result<(), AgentError> {
        let order = Arc::new(GatewayOrder::from(spec));
        let known = {
            let gateways = self.gateways.lock().await;
            gateways.get(&spec.id).map(|gateway| gateway.wish.clone())
        };
        let blocks = blocks(spec);
        if let Some(wish) = known {
            let set = self
                .network
                .set_gateway_blocks(spec.router, spec.id, &blocks);
            set.await.map_err(network_error)?;
            wish.send_replace(Wish::Run(order));
            return Ok(());
        }
        let attach = self
            .network
            .attach_gateway(spec.router, spec.id, spec.address);
        let ports = attach.await.map_err(|error| match error {
            NetworkError::NoRouter(_) => AgentError::MissingRouter(spec.router),
            error => network_error(error),
        })?;
        let set = self
            .network
            .set_gateway_blocks(spec.router, spec.id, &blocks);
        set.await.map_err(network_error)?;
        let (sender, receiver) = watch::channel(Wish::Run(order));
        let supervisor = Supervisor {
            gateway: spec.id,
            program: self.program.clone(),
            ports,
            wish: receiver,
            events: self.events.clone(),
        };
        let gateway = Gateway {
            router: spec.router,
            address: spec.address,
            wish: sender,
            supervisor: tokio::spawn(supervisor.supervise()),
        };
        self.gateways.lock().await.insert(spec.id, gateway);
        Ok(())
    }

    async fn remove_gateway(&self, id: GatewayId) -> Result<(), AgentError> {
        let removed = self.gateways.lock().await.remove(&id);
        let Some(gateway) = removed else {
            return Ok(());
        };
        gateway.wish.send_replace(Wish::Stop);
        let _ = gateway.supervisor.await;
        self.network
            .detach_gateway(gateway.router, id, gateway.address)
            .await
            .map_err(|error| AgentError::FailedRemoval(error.into()))
    }

    async fn retain(
        &self,
        routers: &[RouterId],
        _gateways: &[GatewayId],
    ) -> Result<(), AgentError> {
        // Gateways leave nothing behind but an address: their devices and sockets went with the
        // process that held them.
        self.network
            .retain(routers)
            .await
            .map_err(|error| AgentError::FailedRemoval(error.into()))
    }

    fn events(&self) -> Option<mpsc::Receiver<AgentEvent>> {
        self.receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}
