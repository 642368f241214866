//! An agent that only remembers what it was told, and says what a test wants it to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use adit_model::desired::{GatewayChange, GatewaySpec, NetworkSpec, RouterSpec, TunnelAct};
use adit_model::gateway::GatewayStatus;
use adit_model::observed::GatewayObserved;
use adit_model::{ConnectionId, GatewayId, NetworkId, RouterId};
use async_trait::async_trait;
use tokio::sync::{mpsc, watch};

use crate::agent::{Agent, AgentError, AgentErrorCode, AgentEvent, Echo, Probe};

/// An agent that only remembers. Every gateway it is given is available at once.
#[derive(Debug)]
pub struct FakeAgent {
    state: Mutex<State>,
    say: mpsc::UnboundedSender<AgentEvent>,
    calls: watch::Sender<u64>,
}

/// What an agent was told to retain.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Retained {
    /// Applied, and not removed since.
    pub networks: BTreeSet<NetworkId>,
    /// Applied, and not removed since.
    pub routers: BTreeSet<RouterId>,
    /// Applied, and not removed since.
    pub gateways: BTreeSet<GatewayId>,
}

#[derive(Debug, Default)]
struct State {
    networks: BTreeMap<NetworkId, NetworkSpec>,
    routers: BTreeMap<RouterId, RouterSpec>,
    gateways: BTreeMap<GatewayId, GatewaySpec>,
    fail: u32,
    silent: bool,
    log: Vec<String>,
    retained: Option<Retained>,
    said: Option<mpsc::UnboundedReceiver<AgentEvent>>,
    answers: BTreeSet<IpAddr>,
}

impl Default for FakeAgent {
    fn default() -> Self {
        let (say, said) = mpsc::unbounded_channel();
        Self {
            state: Mutex::new(State {
                said: Some(said),
                ..State::default()
            }),
            say,
            calls: watch::Sender::new(0),
        }
    }
}

impl FakeAgent {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ticks with every call.
    #[must_use]
    pub fn calls(&self) -> watch::Receiver<u64> {
        self.calls.subscribe()
    }

    /// The calls so far, such as `apply_router 0a1b2c3d`.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// What it has of networks.
    #[must_use]
    pub fn networks(&self) -> Vec<NetworkSpec> {
        self.state().networks.values().cloned().collect()
    }

    /// What it has of a network.
    #[must_use]
    pub fn network(&self, id: NetworkId) -> Option<NetworkSpec> {
        self.state().networks.get(&id).cloned()
    }

    /// What it has of routers.
    #[must_use]
    pub fn routers(&self) -> Vec<RouterSpec> {
        self.state().routers.values().cloned().collect()
    }

    /// What it has of a router.
    #[must_use]
    pub fn router(&self, id: RouterId) -> Option<RouterSpec> {
        self.state().routers.get(&id).cloned()
    }

    /// What it has of a gateway.
    #[must_use]
    pub fn gateway(&self, id: GatewayId) -> Option<GatewaySpec> {
        self.state().gateways.get(&id).cloned()
    }

    /// How many networks, routers and gateways it has.
    #[must_use]
    pub fn held(&self) -> usize {
        let state = self.state();
        state.networks.len() + state.routers.len() + state.gateways.len()
    }

    /// What it was told to retain.
    #[must_use]
    pub fn retained(&self) -> Option<Retained> {
        self.state().retained.clone()
    }

    /// Has the next calls fail.
    pub fn fail_next(&self, calls: u32) {
        self.state().fail = calls;
    }

    /// Has it say nothing by itself.
    pub fn be_silent(&self) {
        self.state().silent = true;
    }

    /// Has an address answer echo requests.
    pub fn answer_from(&self, address: IpAddr) {
        self.state().answers.insert(address);
    }

    /// Says something.
    pub fn say(&self, event: AgentEvent) {
        drop(self.say.send(event));
    }

    fn call(&self, name: String) -> Result<MutexGuard<'_, State>, AgentError> {
        let mut state = self.state();
        state.log.push(name);
        self.calls.send_modify(|count| *count += 1);
        if let Some(rest) = state.fail.checked_sub(1) {
            state.fail = rest;
            return Err(AgentError::new(
                AgentErrorCode::FailedNetwork,
                "told to fail",
            ));
        }
        Ok(state)
    }
}

#[async_trait]
impl Agent for FakeAgent {
    async fn apply_network(&self, spec: &NetworkSpec) -> Result<(), AgentError> {
        let mut state = self.call(format!("apply_network {}", spec.id.short()))?;
        state.networks.insert(spec.id, spec.clone());
        Ok(())
    }

    async fn remove_network(&self, network: NetworkId) -> Result<(), AgentError> {
        let mut state = self.call(format!("remove_network {}", network.short()))?;
        state.networks.remove(&network);
        Ok(())
    }

    async fn apply_router(&self, spec: &RouterSpec) -> Result<(), AgentError> {
        let mut state = self.call(format!("apply_router {}", spec.id.short()))?;
        let mut networks = spec.interfaces.iter().map(|interface| interface.network);
        if let Some(missing) = networks.find(|id| !state.networks.contains_key(id)) {
            return Err(AgentError::new(AgentErrorCode::MissingNetwork, missing));
        }
        state.routers.insert(spec.id, spec.clone());
        Ok(())
    }

    async fn remove_router(&self, router: RouterId) -> Result<(), AgentError> {
        let mut state = self.call(format!("remove_router {}", router.short()))?;
        state.routers.remove(&router);
        Ok(())
    }

    async fn apply_gateway(&self, spec: &GatewaySpec) -> Result<(), AgentError> {
        let mut state = self.call(format!("apply_gateway {}", spec.id.short()))?;
        if !state.routers.contains_key(&spec.router) {
            return Err(AgentError::new(AgentErrorCode::MissingRouter, spec.router));
        }
        state.gateways.insert(spec.id, spec.clone());
        if !state.silent {
            self.say(AgentEvent::Gateway {
                id: spec.id,
                observed: GatewayObserved {
                    status: GatewayStatus::Available,
                    reasons: Vec::new(),
                },
            });
        }
        Ok(())
    }

    async fn change_gateway(&self, change: &GatewayChange) -> Result<(), AgentError> {
        let mut state = self.call(format!("change_gateway {}", change.id.short()))?;
        let gateway = state.gateways.get_mut(&change.id);
        let gateway =
            gateway.ok_or_else(|| AgentError::new(AgentErrorCode::MissingGateway, change.id))?;
        change.apply_to(&mut gateway.tunnels);
        Ok(())
    }

    async fn act(
        &self,
        gateway: GatewayId,
        connection: ConnectionId,
        act: TunnelAct,
    ) -> Result<(), AgentError> {
        let state = self.call(format!("{act:?} {}", connection.short()))?;
        let known = state.gateways.get(&gateway);
        match known.is_some_and(|known| known.tunnels.contains_key(&connection)) {
            true => Ok(()),
            false => Err(AgentError::new(AgentErrorCode::MissingGateway, gateway)),
        }
    }

    async fn remove_gateway(&self, gateway: GatewayId) -> Result<(), AgentError> {
        let mut state = self.call(format!("remove_gateway {}", gateway.short()))?;
        state.gateways.remove(&gateway);
        Ok(())
    }

    async fn retain(
        &self,
        networks: &[NetworkId],
        routers: &[RouterId],
        gateways: &[GatewayId],
    ) -> Result<(), AgentError> {
        let mut state = self.call("retain".to_owned())?;
        state.retained = Some(Retained {
            networks: networks.iter().copied().collect(),
            routers: routers.iter().copied().collect(),
            gateways: gateways.iter().copied().collect(),
        });
        Ok(())
    }

    async fn probe(&self, probe: &Probe) -> Result<Option<Echo>, AgentError> {
        let state = self.call(format!("probe {}", probe.router.short()))?;
        let answers = |to: &&IpAddr| state.answers.contains(*to);
        Ok(probe.to.iter().find(answers).map(|from| Echo {
            from: *from,
            after_us: 1000,
            path_mtu: Some(1400),
        }))
    }

    async fn tell_all(&self) -> Result<(), AgentError> {
        self.call("tell_all".to_owned()).map(drop)
    }

    fn events(&self) -> Option<mpsc::Receiver<AgentEvent>> {
        let mut said = self.state().said.take()?;
        let (sender, receiver) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Some(event) = said.recv().await {
                if sender.send(event).await.is_err() {
                    return;
                }
            }
        });
        Some(receiver)
    }
}
