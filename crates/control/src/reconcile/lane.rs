//! One network's, one router's, and one gateway's, way from wish to truth.

use std::sync::Arc;
use std::time::Duration;

use adit_model::desired::{GatewaySpec, NetworkSpec, RouterSpec};
use adit_model::gateway::GatewayStatus;
use adit_model::observed::GatewayObserved;
use adit_model::{GatewayId, NetworkId, Reason, ReasonCode, RouterId, Whose};
use adit_store::StoreError;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

use crate::agent::{Agent, AgentError, Cause};
use crate::config::Timing;
use crate::wake::Key;
use crate::{Inner, spec, view};

/// A gateway that was well for so long starts its retries from the shortest pause again.
const WELL: Duration = Duration::from_secs(30);

/// How long a lane rests after a step, as a multiple of what looking at the store took.
const PATIENCE: u32 = 8;

/// The longest such rest.
const MOST_PATIENCE: Duration = Duration::from_secs(2);

/// What much hangs on takes long to look at: as many of its changes as come meanwhile are taken
/// at once. What little hangs on is looked at again at once.
#[derive(Default)]
struct Pace(Duration);

impl Pace {
    fn looked(&mut self, begun: Instant) {
        self.0 = begun.elapsed();
    }

    async fn rest(&self) {
        tokio::time::sleep(self.0.saturating_mul(PATIENCE).min(MOST_PATIENCE)).await;
    }
}

/// What a step led to.
enum Step {
    /// It is gone; so is the lane.
    End,
    /// Nothing to do until woken.
    Rest,
    /// It went wrong; try again later.
    Retry(Cause),
    /// Its worker ended; start another one later.
    Restart,
}

/// The pause after so many failures in a row.
pub(super) fn pause(timing: Timing, failures: u32) -> Duration {
    let factor = 1_u32
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u32::MAX);
    timing
        .retry_first
        .saturating_mul(factor)
        .min(timing.retry_most)
}

/// Counts failures and knows when the next try is due.
#[derive(Default)]
struct Retries {
    failures: u32,
    due: Option<Instant>,
}

impl Retries {
    fn failed(&mut self, timing: Timing) {
        self.failures = self.failures.saturating_add(1);
        self.due = Some(Instant::now() + pause(timing, self.failures));
    }

    fn is_early(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() < due)
    }

    /// Waits for the bell, or for the next try.
    async fn wait(&self, bell: &Notify) {
        match self.due {
            Some(due) => tokio::select! {
                () = bell.notified() => {}
                () = sleep_until(due) => {}
            },
            None => bell.notified().await,
        }
    }
}

/// Whether it was deleted: that is not made to wait for a retry.
async fn is_gone(inner: &Inner, key: Key) -> bool {
    let Ok(mut tx) = inner.store.read().await else {
        return false;
    };
    match key {
        Key::Gateway(id) => matches!(tx.any_gateway(id).await, Ok(None)),
        Key::Network(id) => matches!(tx.any_network(id).await, Ok(None)),
        Key::Router(id) => matches!(tx.any_router(id).await, Ok(None)),
    }
}

/// Calls the agent, but not for ever.
async fn call(
    timing: Timing,
    call: impl Future<Output = Result<(), AgentError>>,
) -> Result<(), Cause> {
    match timeout(timing.call, call).await {
        Ok(outcome) => outcome.map_err(Cause::from),
        Err(late) => Err(late.into()),
    }
}

/// The whole chain of causes as evidence.
fn evidence(cause: &Cause) -> String {
    let mut text = cause.to_string();
    let mut source = cause.source();
    while let Some(next) = source {
        text.push_str(": ");
        text.push_str(&next.to_string());
        source = next.source();
    }
    text
}

fn reason(cause: &Cause, since: OffsetDateTime) -> Reason {
    Reason {
        code: ReasonCode::InternalError,
        whose: Whose::Local,
        since,
        evidence: evidence(cause),
        next_step: "nothing; it is being tried again, and the log of the service has more"
            .to_owned(),
    }
}

pub(super) async fn network(
    inner: Arc<Inner>,
    agent: Arc<dyn Agent>,
    id: NetworkId,
    bell: &Notify,
) {
    let timing = inner.config.timing;
    let mut applied = None;
    let mut retries = Retries::default();
    loop {
        retries.wait(bell).await;
        if retries.is_early() && !is_gone(&inner, Key::Network(id)).await {
            continue;
        }
        match network_step(&inner, &*agent, id, &mut applied).await {
            Step::End => return,
            Step::Rest | Step::Restart => retries = Retries::default(),
            Step::Retry(cause) => {
                warn!(network = %id, error = evidence(&cause), "the network will be tried again");
                // What waits for the network says why.
                let reason = reason(&cause, inner.clock.now());
                for router in routers_on(&inner, id).await.unwrap_or_default() {
                    inner.view.set_router(router, Err(reason.clone()));
                }
                retries.failed(timing);
            }
        }
    }
}

async fn network_step(
    inner: &Inner,
    agent: &dyn Agent,
    id: NetworkId,
    applied: &mut Option<NetworkSpec>,
) -> Step {
    let timing = inner.config.timing;
    if inner.external_subnet(id).is_some() {
        // The host has it from the start, and keeps it.
        inner.view.set_network(id);
        return Step::Rest;
    }
    let wished = match inner.store.read().await {
        Ok(mut tx) => spec::network(&mut *tx, id).await,
        Err(error) => Err(error),
    };
    match wished {
        Err(error) => Step::Retry(error.into()),
        Ok(None) => match call(timing, agent.remove_network(id)).await {
            Ok(()) => {
                debug!(network = %id, "removed");
                inner.view.forget_network(id);
                Step::End
            }
            Err(cause) => Step::Retry(cause),
        },
        Ok(wished) if wished == *applied => Step::Rest,
        Ok(Some(wished)) => match call(timing, agent.apply_network(&wished)).await {
            Ok(()) => {
                debug!(network = %id, instances = wished.instances.len(), "applied");
                let first = applied.replace(wished).is_none();
                inner.view.set_network(id);
                if first {
                    wake_routers(inner, id).await
                } else {
                    Step::Rest
                }
            }
            Err(cause) => {
                *applied = None;
                Step::Retry(cause)
            }
        },
    }
}

/// Routers wait for the networks of their interfaces.
async fn wake_routers(inner: &Inner, network: NetworkId) -> Step {
    match routers_on(inner, network).await {
        Ok(routers) => {
            for router in routers {
                inner.wakes.wake(Key::Router(router));
            }
            Step::Rest
        }
        Err(error) => Step::Retry(error.into()),
    }
}

async fn routers_on(inner: &Inner, network: NetworkId) -> Result<Vec<RouterId>, StoreError> {
    let mut tx = inner.store.read().await?;
    let ports = tx.ports_of_network(network).await?;
    Ok(ports
        .iter()
        .filter_map(|port| port.device.router())
        .collect())
}

pub(super) async fn router(inner: Arc<Inner>, agent: Arc<dyn Agent>, id: RouterId, bell: &Notify) {
    let timing = inner.config.timing;
    let mut applied = None;
    let mut pace = Pace::default();
    let mut retries = Retries::default();
    loop {
        retries.wait(bell).await;
        if retries.is_early() && !is_gone(&inner, Key::Router(id)).await {
            continue;
        }
        let step = router_step(&inner, &*agent, id, &mut applied, &mut pace).await;
        pace.rest().await;
        match step {
            Step::End => return,
            Step::Rest | Step::Restart => retries = Retries::default(),
            Step::Retry(cause) => {
                warn!(router = %id, error = evidence(&cause), "the router will be tried again");
                inner
                    .view
                    .set_router(id, Err(reason(&cause, inner.clock.now())));
                retries.failed(timing);
            }
        }
    }
}

async fn router_step(
    inner: &Inner,
    agent: &dyn Agent,
    id: RouterId,
    applied: &mut Option<RouterSpec>,
    pace: &mut Pace,
) -> Step {
    let timing = inner.config.timing;
    let begun = Instant::now();
    let wished = match inner.store.read().await {
        Ok(mut tx) => spec::router(&mut *tx, id).await,
        Err(error) => Err(error),
    };
    pace.looked(begun);
    match wished {
        Err(error) => Step::Retry(error.into()),
        Ok(None) if inner.view.holds_any_of(id) => Step::Rest,
        Ok(None) => match call(timing, agent.remove_router(id)).await {
            Ok(()) => {
                debug!(router = %id, "removed");
                inner.view.forget_router(id);
                Step::End
            }
            Err(cause) => Step::Retry(cause),
        },
        Ok(wished) if wished == *applied => Step::Rest,
        Ok(Some(wished)) if !inner.view.are_applied(networks(&wished)) => Step::Rest,
        Ok(Some(wished)) => match call(timing, agent.apply_router(&wished)).await {
            Ok(()) => {
                debug!(router = %id, interfaces = wished.interfaces.len(), "applied");
                *applied = Some(wished);
                inner.view.set_router(id, Ok(()));
                wake_gateways(inner, id).await
            }
            Err(cause) => {
                *applied = None;
                Step::Retry(cause)
            }
        },
    }
}

fn networks(spec: &RouterSpec) -> impl Iterator<Item = NetworkId> {
    spec.interfaces.iter().map(|interface| interface.network)
}

async fn wake_gateways(inner: &Inner, router: RouterId) -> Step {
    let gateways = match inner.store.read().await {
        Ok(mut tx) => tx.gateways_of_router(router).await,
        Err(error) => Err(error),
    };
    match gateways {
        Ok(gateways) => {
            for gateway in gateways {
                inner.wakes.wake(Key::Gateway(gateway.id));
            }
            Step::Rest
        }
        Err(error) => Step::Retry(error.into()),
    }
}

pub(super) async fn gateway(
    inner: Arc<Inner>,
    agent: Arc<dyn Agent>,
    id: GatewayId,
    bell: &Notify,
) {
    let timing = inner.config.timing;
    let mut lane = GatewayLane {
        id,
        router: None,
        applied: None,
        called: None,
        pace: Pace::default(),
        retries: Retries::default(),
    };
    loop {
        lane.retries.wait(bell).await;
        if lane.retries.is_early() && !is_gone(&inner, Key::Gateway(id)).await {
            continue;
        }
        let step = lane.step(&inner, &*agent).await;
        lane.pace.rest().await;
        match step {
            Step::End => return,
            Step::Rest => lane.retries.due = None,
            Step::Restart => {
                warn!(gateway = %id, "the gateway failed and will be started again");
                lane.retries.failed(timing);
            }
            Step::Retry(cause) => {
                warn!(gateway = %id, error = evidence(&cause), "the gateway will be tried again");
                lane.applied = None;
                let now = inner.clock.now();
                let failed = view::failed(reason(&cause, now));
                inner.view.set_gateway(id, failed, now);
                lane.retries.failed(timing);
            }
        }
    }
}

struct GatewayLane {
    id: GatewayId,
    router: Option<RouterId>,
    applied: Option<GatewaySpec>,
    /// When the agent was last asked to apply it.
    called: Option<Instant>,
    pace: Pace,
    retries: Retries,
}

impl GatewayLane {
    async fn step(&mut self, inner: &Inner, agent: &dyn Agent) -> Step {
        let begun = Instant::now();
        let wished = match inner.store.read().await {
            Ok(mut tx) => match spec::gateway(&mut *tx, self.id).await {
                Ok(Some(spec)) => tx.any_gateway(self.id).await.map(|row| row.zip(Some(spec))),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        self.pace.looked(begun);
        let (row, wished) = match wished {
            Ok(Some(wished)) => wished,
            Ok(None) => return self.remove(inner, agent).await,
            Err(error) => return Step::Retry(error.into()),
        };
        self.router = Some(wished.router);
        inner.view.hold(&row);
        let connections = wished.tunnels.iter().map(|tunnel| tunnel.connection);
        inner.view.keep_tunnels(self.id, &connections.collect());
        if !inner.view.router_is_applied(wished.router) {
            return Step::Rest;
        }
        let now = inner.clock.now();
        let status = inner.view.gateway(&row, now).status;
        let well = self.called.is_some_and(|called| called.elapsed() > WELL);
        if status == GatewayStatus::Available && well {
            self.retries = Retries::default();
        }
        if status != GatewayStatus::Failed && self.applied.as_ref() == Some(&wished) {
            return Step::Rest;
        }
        self.apply(inner, agent, wished, status).await
    }

    async fn apply(
        &mut self,
        inner: &Inner,
        agent: &dyn Agent,
        wished: GatewaySpec,
        status: GatewayStatus,
    ) -> Step {
        let timing = inner.config.timing;
        if status == GatewayStatus::Failed {
            // A worker that ends right after it was started must not be started in a circle.
            if self.applied.take().is_some() {
                return Step::Restart;
            }
            // Before the call, since the agent's news may come before its answer.
            let pending = GatewayObserved {
                status: GatewayStatus::Pending,
                reasons: Vec::new(),
            };
            inner.view.set_gateway(self.id, pending, inner.clock.now());
        }
        self.called = Some(Instant::now());
        match call(timing, agent.apply_gateway(&wished)).await {
            Ok(()) => {
                debug!(gateway = %self.id, tunnels = wished.tunnels.len(), "applied");
                self.applied = Some(wished);
                Step::Rest
            }
            Err(cause) => Step::Retry(cause),
        }
    }

    async fn remove(&self, inner: &Inner, agent: &dyn Agent) -> Step {
        match call(inner.config.timing, agent.remove_gateway(self.id)).await {
            Ok(()) => {
                debug!(gateway = %self.id, "removed");
                let router = inner.view.forget_gateway(self.id);
                if let Some(router) = router.or(self.router) {
                    inner.wakes.wake(Key::Router(router));
                }
                Step::End
            }
            Err(cause) => Step::Retry(cause),
        }
    }
}
