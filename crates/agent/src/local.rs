//! The agent of the host this process runs on.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use adit_control::agent::Cause;
use adit_control::{Agent, AgentError, AgentEvent};
use adit_model::desired::{GatewaySpec, NetworkSpec, RouterSpec};
use adit_model::{Cidr, GatewayId, NetworkId, RouterId};
use adit_netns::{Network, NetworkError};
use adit_worker::protocol::GatewayOrder;
use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;

use crate::supervisor::{Supervisor, Wish, WorkerProgram};

/// Events that may wait for the reconciler.
const EVENTS: usize = 1024;

/// A gateway that was begun: something of it may be in its router's namespace.
struct Gateway {
    router: RouterId,
    address: IpAddr,
    running: Option<Running>,
}

/// A gateway's supervisor.
struct Running {
    wish: watch::Sender<Wish>,
    supervisor: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.wish.send_replace(Wish::Stop);
        // A supervisor that panicked has reported it.
        let _ = self.supervisor.await;
    }
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
    match error {
        NetworkError::NoNetwork(network) => AgentError::MissingNetwork(network),
        error => AgentError::FailedNetwork(Cause::from(error)),
    }
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
        let running: Vec<_> = gateways.into_values().filter_map(|g| g.running).collect();
        for one in &running {
            one.wish.send_replace(Wish::Stop);
        }
        for one in running {
            one.stop().await;
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
    async fn apply_network(&self, spec: &NetworkSpec) -> Result<(), AgentError> {
        self.network
            .apply_network(spec)
            .await
            .map_err(network_error)
    }

    async fn remove_network(&self, network: NetworkId) -> Result<(), AgentError> {
        self.network
            .remove_network(network)
            .await
            .map_err(|error| AgentError::FailedRemoval(error.into()))
    }

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
            let mut gateways = self.gateways.lock().await;
            let gateway = gateways.entry(spec.id).or_insert(Gateway {
                router: spec.router,
                address: spec.address,
                running: None,
            });
            gateway.running.as_ref().map(|one| one.wish.clone())
        };
        let blocks = blocks(spec);
        let lead = || {
            self.network
                .set_gateway_blocks(spec.router, spec.id, &blocks)
        };
        let failed = |error| match error {
            NetworkError::NoRouter(_) => AgentError::MissingRouter(spec.router),
            error => network_error(error),
        };
        // First of all, so that what is behind the peers goes nowhere even if nothing else works.
        lead().await.map_err(failed)?;
        if let Some(wish) = known {
            wish.send_replace(Wish::Run(order));
            return Ok(());
        }
        let attach = self
            .network
            .attach_gateway(spec.router, spec.id, spec.address);
        let ports = attach.await.map_err(failed)?;
        lead().await.map_err(failed)?;
        let (sender, receiver) = watch::channel(Wish::Run(order));
        let supervisor = Supervisor {
            gateway: spec.id,
            program: self.program.clone(),
            ports,
            wish: receiver,
            events: self.events.clone(),
        };
        let running = Some(Running {
            wish: sender,
            supervisor: tokio::spawn(supervisor.supervise()),
        });
        let gateway = Gateway {
            router: spec.router,
            address: spec.address,
            running,
        };
        self.gateways.lock().await.insert(spec.id, gateway);
        Ok(())
    }

    async fn remove_gateway(&self, id: GatewayId) -> Result<(), AgentError> {
        let (router, address, running) = {
            let mut gateways = self.gateways.lock().await;
            let Some(gateway) = gateways.get_mut(&id) else {
                return Ok(());
            };
            (gateway.router, gateway.address, gateway.running.take())
        };
        if let Some(running) = running {
            running.stop().await;
        }
        let detached = self.network.detach_gateway(router, id, address).await;
        detached.map_err(|error| AgentError::FailedRemoval(error.into()))?;
        self.gateways.lock().await.remove(&id);
        Ok(())
    }

    async fn retain(
        &self,
        networks: &[NetworkId],
        routers: &[RouterId],
        _gateways: &[GatewayId],
    ) -> Result<(), AgentError> {
        // Gateways leave nothing behind but an address: their devices and sockets went with the
        // process that held them.
        self.network
            .retain(networks, routers)
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
