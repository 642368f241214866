//! The agent of the host this process runs on.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use adit_control::agent::{AgentError, AgentErrorCode};
use adit_control::{Agent, AgentEvent, Echo, Probe};
use adit_model::desired::{GatewayChange, GatewaySpec, NetworkSpec, RouterSpec, TunnelAct};
use adit_model::{ConnectionId, GatewayId, NetworkId, OuterAddresses, RouterId};
use adit_netns::{Network, NetworkError};
use adit_worker::protocol::SealingKey;
use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::news::News;
use crate::orders::Orders;
use crate::supervisor::{Supervisor, WorkerProgram};
use crate::tunnels::Tunnels;
use crate::users::Users;

/// Events that may wait for the reconciler.
const EVENTS: usize = 1024;

/// How long a worker may take to hand out a recording.
const RECORDING: Duration = Duration::from_secs(5);

/// A gateway that was begun: something of it may be in its router's namespace.
struct Gateway {
    router: RouterId,
    addresses: OuterAddresses,
    running: Option<Running>,
}

/// A gateway's supervisor.
struct Running {
    orders: Arc<Orders>,
    supervisor: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.orders.stop();
        // A supervisor that panicked has reported it.
        let _ = self.supervisor.await;
    }
}

/// The agent of this host.
pub struct LocalAgent {
    network: Arc<Network>,
    program: WorkerProgram,
    users: Arc<Users>,
    gateways: Mutex<HashMap<GatewayId, Gateway>>,
    news: Arc<News>,
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
        NetworkError::NoNetwork(network) => {
            AgentError::new(AgentErrorCode::MissingNetwork, network)
        }
        error => AgentError::caused(AgentErrorCode::FailedNetwork, &error),
    }
}

/// What goes wrong with a gateway on a router.
fn gateway_error(router: RouterId, error: NetworkError) -> AgentError {
    match error {
        NetworkError::NoRouter(_) => AgentError::new(AgentErrorCode::MissingRouter, router),
        error => network_error(error),
    }
}

fn no_user() -> AgentError {
    let text = "all numbers for workers' users are taken";
    AgentError::new(AgentErrorCode::FailedWorker, text)
}

/// Something is still there.
fn removal_error(error: NetworkError) -> AgentError {
    AgentError::caused(AgentErrorCode::FailedRemoval, &error)
}

impl LocalAgent {
    /// An agent that works on `network` and runs `program` as workers.
    #[must_use]
    pub fn new(network: Arc<Network>, program: WorkerProgram) -> Self {
        let (events, receiver) = mpsc::channel(EVENTS);
        Self {
            network,
            users: Users::new(program.first_user),
            program,
            gateways: Mutex::new(HashMap::new()),
            news: Arc::new(News::new(events)),
            receiver: std::sync::Mutex::new(Some(receiver)),
        }
    }

    /// What a gateway's worker has kept of what happened to a connection: sealed with this key, in hexadecimal. None where
    /// there is no such worker, it has kept nothing, or it does not answer.
    pub async fn recording(
        &self,
        gateway: GatewayId,
        connection: ConnectionId,
        key: SealingKey,
    ) -> Option<String> {
        let orders = {
            let gateways = self.gateways.lock().await;
            Arc::clone(&gateways.get(&gateway)?.running.as_ref()?.orders)
        };
        if !orders.has(connection) {
            return None;
        }
        let asked = orders.ask(connection, key);
        timeout(RECORDING, asked).await.ok()?.ok()?
    }

    /// Ends all workers; each tells its peers. The network stays as it is.
    pub async fn stop(&self) {
        let gateways = std::mem::take(&mut *self.gateways.lock().await);
        let running: Vec<_> = gateways.into_values().filter_map(|g| g.running).collect();
        for one in &running {
            one.orders.stop();
        }
        for one in running {
            one.stop().await;
        }
    }
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
            .map_err(removal_error)
    }

    async fn apply_router(&self, spec: &RouterSpec) -> Result<(), AgentError> {
        self.network.apply_router(spec).await.map_err(network_error)
    }

    async fn remove_router(&self, router: RouterId) -> Result<(), AgentError> {
        self.network
            .remove_router(router)
            .await
            .map_err(removal_error)
    }

    async fn apply_gateway(&self, spec: &GatewaySpec) -> Result<(), AgentError> {
        let tunnels = Tunnels::of(spec.tunnels.clone());
        let blocks = tunnels.blocks();
        let known = {
            let mut gateways = self.gateways.lock().await;
            let gateway = gateways.entry(spec.id).or_insert(Gateway {
                router: spec.router,
                addresses: spec.addresses,
                running: None,
            });
            gateway.running.as_ref().map(|one| Arc::clone(&one.orders))
        };
        let hosts = tunnels.hosts(spec.addresses);
        let lead = || async {
            let network = &self.network;
            network
                .set_gateway_blocks(spec.router, spec.id, &blocks)
                .await?;
            network
                .set_gateway_hosts(spec.router, spec.id, &hosts)
                .await
        };
        let failed = |error| gateway_error(spec.router, error);
        // First of all, so that what is behind the peers goes nowhere even if nothing else works.
        lead().await.map_err(failed)?;
        if let Some(orders) = known {
            orders.apply(tunnels);
            // From now on nobody's word is taken of the others.
            let is_gone = |id| !spec.tunnels.contains_key(&id);
            self.news.forget_tunnels(spec.id, is_gone);
            return Ok(());
        }
        let attach = self
            .network
            .attach_gateway(spec.router, spec.id, spec.addresses);
        let ports = attach.await.map_err(failed)?;
        lead().await.map_err(failed)?;
        let orders = Arc::new(Orders::new(spec.addresses, tunnels));
        let supervisor = Supervisor {
            gateway: spec.id,
            program: self.program.clone(),
            user: self.users.take().ok_or_else(no_user)?,
            ports,
            orders: Arc::clone(&orders),
            news: Arc::clone(&self.news),
        };
        let running = Running {
            orders,
            supervisor: tokio::spawn(supervisor.supervise()),
        };
        if let Some(gateway) = self.gateways.lock().await.get_mut(&spec.id) {
            gateway.running = Some(running);
        }
        Ok(())
    }

    async fn change_gateway(&self, change: &GatewayChange) -> Result<(), AgentError> {
        let (router, orders) = {
            let gateways = self.gateways.lock().await;
            let gateway = gateways.get(&change.id);
            let running = gateway.and_then(|one| Some((one.router, one.running.as_ref()?)));
            let (router, running) = running
                .ok_or_else(|| AgentError::new(AgentErrorCode::MissingGateway, change.id))?;
            (router, Arc::clone(&running.orders))
        };
        let blocks = orders.weigh(change);
        if !blocks.added.is_empty() || !blocks.removed.is_empty() {
            let (added, removed) = (&blocks.added, &blocks.removed);
            let network = &self.network;
            let changed = network.change_gateway_blocks(router, change.id, added, removed);
            changed
                .await
                .map_err(|error| gateway_error(router, error))?;
        }
        if let Some(hosts) = orders.hosts_after(change) {
            let changed = self.network.set_gateway_hosts(router, change.id, &hosts);
            changed
                .await
                .map_err(|error| gateway_error(router, error))?;
        }
        orders.change(change);
        let is_gone = |id| change.tunnels.get(&id).is_some_and(Option::is_none);
        self.news.forget_tunnels(change.id, is_gone);
        Ok(())
    }

    async fn act(
        &self,
        gateway: GatewayId,
        connection: ConnectionId,
        act: TunnelAct,
    ) -> Result<(), AgentError> {
        let gateways = self.gateways.lock().await;
        let running = gateways.get(&gateway).and_then(|one| one.running.as_ref());
        let running = running.filter(|one| one.orders.has(connection));
        let missing = || AgentError::new(AgentErrorCode::MissingGateway, gateway);
        running.ok_or_else(missing)?.orders.act(connection, act);
        Ok(())
    }

    async fn remove_gateway(&self, id: GatewayId) -> Result<(), AgentError> {
        let (router, addresses, running) = {
            let mut gateways = self.gateways.lock().await;
            let Some(gateway) = gateways.get_mut(&id) else {
                return Ok(());
            };
            (gateway.router, gateway.addresses, gateway.running.take())
        };
        if let Some(running) = running {
            running.stop().await;
        }
        let detached = self.network.detach_gateway(router, id, addresses).await;
        detached.map_err(removal_error)?;
        self.gateways.lock().await.remove(&id);
        self.news.forget_gateway(id);
        Ok(())
    }

    async fn retain(
        &self,
        networks: &[NetworkId],
        routers: &[RouterId],
        gateways: &[GatewayId],
    ) -> Result<(), AgentError> {
        self.network
            .retain(networks, routers, gateways)
            .await
            .map_err(removal_error)
    }

    async fn probe(&self, probe: &Probe) -> Result<Option<Echo>, AgentError> {
        let Probe { router, from, to } = probe;
        let reply = self.network.probe(*router, *from, to.clone()).await;
        let reply = reply.map_err(network_error)?;
        Ok(reply.map(|reply| Echo {
            from: reply.from,
            after_us: reply.after.as_micros().try_into().unwrap_or(u64::MAX),
            path_mtu: reply.path_mtu,
        }))
    }

    async fn tell_all(&self) -> Result<(), AgentError> {
        self.news.tell_all().await;
        Ok(())
    }

    fn events(&self) -> Option<mpsc::Receiver<AgentEvent>> {
        self.receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}
