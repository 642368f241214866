//! Makes what is stored true, and keeps it so.
//!
//! Each network, each router and each gateway has a lane: a task that compares what is stored with
//! what it last applied, calls the agent, and sleeps until it is woken by a write, by news from the
//! agent, by a retry that is due, or by the sweep. So calls for one thing never overlap and calls
//! for different ones do. A lane ends when its thing is gone from the store and from the host.
//!
//! ```text
//!   network lane:  stored?  --yes--> differs? --> apply_network --> wake its routers
//!                     |no --> remove_network --> end
//!   router lane:   stored?  --yes--> networks applied, and differs? --> apply_router
//!                     |                                        --> wake its gateways
//!                     |no
//!                     +--> gateways of it on the host? --no--> remove_router --> end
//!   gateway lane:  stored?  --yes--> router applied, and (differs or failed)? --> apply_gateway
//!                     |no                 or only some of its tunnels differ? --> change_gateway
//!                     +--> remove_gateway --> wake its router --> end
//! ```

mod bell;
mod gateway;
mod lane;
mod network;
mod router;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adit_crypto::Random;
use adit_model::HostId;
use adit_model::gateway::GatewayStatus;
use adit_store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use self::bell::Bell;
use self::gateway::GatewayLane;
use self::lane::Hands;
use self::network::NetworkLane;
use self::router::RouterLane;
use crate::agent::{Agent, AgentEvent};
use crate::agents::Agents;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{Control, Inner};
use crate::wake::{Due, Key};

/// How often the removal of leftovers is tried before going on without it.
const RETAIN_TRIES: u32 = 3;

/// Makes what is stored true. There is one for a store.
pub struct Reconciler {
    inner: Arc<Inner>,
    agents: Agents,
}

impl fmt::Debug for Reconciler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconciler").finish_non_exhaustive()
    }
}

/// The lanes that run, and how to wake each.
#[derive(Default)]
struct Lanes {
    tasks: JoinSet<Key>,
    bells: HashMap<Key, Arc<Bell>>,
}

impl Control {
    /// The use cases over a store, and the reconciler that makes their outcome true by an agent.
    /// [`Reconciler::run`] is to be spawned by the caller.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        agent: Arc<dyn Agent>,
        clock: Arc<dyn Clock>,
        random: Box<dyn Random>,
        config: Config,
    ) -> (Self, Reconciler) {
        let agents = Agents::of_one(agent);
        let inner = Inner::new(store, agents.clone(), clock, random, config);
        let inner = Arc::new(inner);
        let control = Self::of(Arc::clone(&inner));
        (control, Reconciler { inner, agents })
    }
}

impl Reconciler {
    /// Runs until it is dropped; its lanes end with it.
    pub async fn run(self) {
        let news = self
            .agents
            .all()
            .map(|(host, agent)| (host, agent.events()));
        let news: Vec<_> = news.collect();
        self.start().await;
        let mut lanes = Lanes::default();
        let control = Control::of(Arc::clone(&self.inner));
        let mut beside = JoinSet::new();
        beside.spawn(follow_peers(control.clone()));
        beside.spawn(control.clone().keep_log_short());
        beside.spawn(control.clone().tell_changes());
        beside.spawn(control.clear_projects());
        for (host, news) in news {
            beside.spawn(hear(Arc::clone(&self.inner), host, news));
        }
        for (_, agent) in self.agents.all() {
            beside.spawn(hear_all(Arc::clone(agent)));
        }
        let mut sweep = interval(self.inner.config.timing.sweep);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                woken = self.inner.wakes.next() => {
                    for (key, due) in woken {
                        self.ring(&mut lanes, key, due);
                    }
                }
                Some(ended) = lanes.tasks.join_next() => self.ended(&mut lanes, ended),
                _ = sweep.tick() => {
                    if let Err(error) = self.sweep().await {
                        warn!(error = &error as &dyn std::error::Error, "the sweep failed");
                    }
                }
            }
        }
    }

    /// Takes over from the run before: leftovers go, addresses in use are known.
    async fn start(&self) {
        let timing = self.inner.config.timing;
        for attempt in 1..=RETAIN_TRIES {
            match self.retain().await {
                Ok(()) => return,
                Err(cause) => warn!(
                    error = &*cause as &dyn std::error::Error,
                    attempt, "the leftovers of an earlier run could not be removed"
                ),
            }
            tokio::time::sleep(lane::pause(timing, attempt)).await;
        }
    }

    async fn retain(&self) -> Result<(), crate::agent::Cause> {
        let mut tx = self.inner.store.read().await?;
        let routers = tx.all_routers().await?;
        let gateways = tx.all_gateways().await?;
        let networks: Vec<_> = tx.all_networks().await?.iter().map(|row| row.id).collect();
        drop(tx);
        for gateway in &gateways {
            self.inner.view.hold(gateway);
        }
        info!(
            networks = networks.len(),
            routers = routers.len(),
            gateways = gateways.len(),
            "taking over"
        );
        for (host, agent) in self.agents.all() {
            let routers = routers.iter().filter(|row| row.host == host);
            let routers: Vec<_> = routers.map(|row| row.id).collect();
            let gateways = gateways.iter().filter(|row| row.host == host);
            let gateways: Vec<_> = gateways.map(|row| row.id).collect();
            agent.retain(&networks, &routers, &gateways).await?;
        }
        Ok(())
    }

    /// Has everything looked at.
    async fn sweep(&self) -> Result<(), StoreError> {
        let mut tx = self.inner.store.read().await?;
        for network in tx.all_networks().await? {
            self.inner.wakes.wake(Key::Network(network.id));
        }
        for router in tx.all_routers().await? {
            self.inner.wakes.wake(Key::Router(router.id));
        }
        for gateway in tx.all_gateways().await? {
            self.inner.wakes.wake(Key::Gateway(gateway.id));
        }
        Ok(())
    }

    fn ring(&self, lanes: &mut Lanes, key: Key, due: Due) {
        if let Some(bell) = lanes.bells.get(&key) {
            bell.ring(due);
            return;
        }
        let bell = Arc::new(Bell::default());
        bell.ring(due);
        lanes.bells.insert(key, Arc::clone(&bell));
        let hands = Hands::new(Arc::clone(&self.inner), self.agents.clone());
        lanes.tasks.spawn(async move {
            match key {
                Key::Gateway(id) => lane::run(GatewayLane::new(id), hands, &bell).await,
                Key::Network(id) => lane::run(NetworkLane::new(id), hands, &bell).await,
                Key::Router(id) => lane::run(RouterLane::new(id), hands, &bell).await,
            }
            key
        });
    }

    fn ended(&self, lanes: &mut Lanes, ended: Result<Key, tokio::task::JoinError>) {
        match ended {
            Ok(key) => {
                lanes.bells.remove(&key);
            }
            Err(error) => {
                // A fault of ours. The lanes that still run keep their bells alive by a second
                // owner; the others are made anew by the sweep.
                error!(error = &error as &dyn std::error::Error, "a lane broke");
                lanes.bells.retain(|_, bell| Arc::strong_count(bell) > 1);
            }
        }
    }
}

/// How soon peers are looked up again that somebody waits for, at least.
const LOOKED_UP: Duration = Duration::from_secs(1);

/// Has tunnels follow peers that were given by name, for ever.
async fn follow_peers(control: Control) {
    let mut due = interval(control.config().timing.resolve);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut all = JoinSet::new();
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = control.0.lookups.woken() => {}
        }
        match control.followers().await {
            Ok(mut followers) => {
                all.spawn(async move { while followers.join_next().await.is_some() {} });
            }
            Err(error) => warn!(
                error = &error as &dyn std::error::Error,
                "peers could not be looked up"
            ),
        }
        while all.try_join_next().is_some() {}
        tokio::time::sleep(LOOKED_UP).await;
    }
}

/// An agent may have been at work before: what it told then is asked for while its news are read.
async fn hear_all(agent: Arc<dyn Agent>) {
    if let Err(error) = agent.tell_all().await {
        warn!(%error, "the agent does not say what it sees; its next news will");
    }
}

/// Takes note of what a host's agent tells, for as long as it does.
async fn hear(inner: Arc<Inner>, host: HostId, news: Option<mpsc::Receiver<AgentEvent>>) {
    let Some(mut news) = news else { return };
    while let Some(event) = news.recv().await {
        note(&inner, event);
    }
    error!(%host, "the agent ended its news");
}

fn note(inner: &Inner, event: AgentEvent) {
    match event {
        AgentEvent::Load {
            gateway,
            drops,
            half_open,
        } => inner.view.set_load(gateway, drops, half_open),
        AgentEvent::Gateway { id, observed } => {
            let failed = observed.status == GatewayStatus::Failed;
            let now = inner.clock.now();
            inner.view.set_gateway(id, observed, now);
            if failed {
                inner.wakes.wake(Key::Gateway(id));
            }
        }
        AgentEvent::Tunnel {
            gateway,
            connection,
            observed,
        } => inner
            .view
            .set_tunnel(gateway, connection, observed, inner.clock.now()),
    }
}
