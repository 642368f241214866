//! One gateway's way from wish to truth: whole at first and after a failure, and by single tunnels
//! from then on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adit_model::desired::{GatewayChange, GatewaySpec};
use adit_model::gateway::GatewayStatus;
use adit_model::observed::GatewayObserved;
use adit_model::{ConnectionId, Gateway, GatewayId, HostId, Reason, RouterId};
use tokio::time::Instant;
use tracing::debug;

use super::lane::{Hands, Lane, Step};
use crate::wake::{Due, Key};
use crate::{spec, view};

/// A gateway that was well for so long starts its retries from the shortest pause again.
const WELL: Duration = Duration::from_secs(30);

pub(super) struct GatewayLane {
    id: GatewayId,
    router: Option<RouterId>,
    /// Where it was seen to belong.
    host: Option<HostId>,
    /// What the agent has; `None` if that is not certain.
    applied: Option<GatewaySpec>,
    /// When the agent was last asked to apply it.
    called: Option<Instant>,
}

impl Lane for GatewayLane {
    fn key(&self) -> Key {
        Key::Gateway(self.id)
    }

    async fn step(&mut self, hands: &mut Hands, due: Due) -> Step {
        if due.whole || due.connections.is_empty() || self.applied.is_none() {
            self.look_at_whole(hands).await
        } else {
            self.look_at(hands, &due.connections).await
        }
    }

    async fn failed(&mut self, hands: &Hands, reason: Reason) {
        self.applied = None;
        let now = hands.inner.clock.now();
        let failed = view::failed(reason);
        hands.inner.view.set_gateway(self.id, failed, now);
    }
}

impl GatewayLane {
    pub(super) const fn new(id: GatewayId) -> Self {
        Self {
            id,
            router: None,
            host: None,
            applied: None,
            called: None,
        }
    }

    async fn look_at_whole(&mut self, hands: &mut Hands) -> Step {
        let id = self.id;
        let inner = Arc::clone(&hands.inner);
        let wished = hands.look(async {
            let mut tx = inner.store.read().await?;
            let Some(row) = tx.any_gateway(id).await? else {
                return Ok(None);
            };
            let spec = spec::gateway(&mut *tx, inner.config.crypto_profile, &row).await?;
            Ok(Some((row, spec)))
        });
        let (row, wished) = match wished.await {
            Ok(Some(wished)) => wished,
            Ok(None) => return self.remove(hands).await,
            Err(error) => return Step::Retry(error.into()),
        };
        let view = &hands.inner.view;
        self.router = Some(row.router);
        self.host = Some(row.host);
        view.hold(&row);
        view.keep_tunnels(id, |connection| wished.tunnels.contains_key(connection));
        if !view.router_is_applied(row.router) {
            return Step::Wait;
        }
        let status = self.status(hands, &row);
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
            view.set_gateway(id, pending, hands.inner.clock.now());
        } else if self.applied.as_ref() == Some(&wished) {
            return self.rest(status);
        }
        let agent = match hands.agents.of(row.host) {
            Ok(agent) => agent,
            Err(cause) => return Step::Retry(cause),
        };
        self.called = Some(Instant::now());
        match hands.call(agent.apply_gateway(&wished)).await {
            Ok(()) => {
                debug!(gateway = %id, tunnels = wished.tunnels.len(), "applied");
                self.applied = Some(wished);
                Step::Wait
            }
            Err(cause) => Step::Retry(cause),
        }
    }

    async fn look_at(&mut self, hands: &mut Hands, due: &BTreeSet<ConnectionId>) -> Step {
        let id = self.id;
        let inner = Arc::clone(&hands.inner);
        let wished = hands.look(async {
            let mut tx = inner.store.read().await?;
            let Some(row) = tx.any_gateway(id).await? else {
                return Ok(None);
            };
            let tunnels = spec::tunnels(&mut *tx, inner.config.crypto_profile, &row, due).await?;
            Ok(Some((row, tunnels)))
        });
        let (row, mut tunnels) = match wished.await {
            Ok(Some(wished)) => wished,
            Ok(None) => return self.remove(hands).await,
            Err(error) => return Step::Retry(error.into()),
        };
        let Some(applied) = &mut self.applied else {
            return self.look_at_whole(hands).await;
        };
        for (connection, _) in tunnels.iter().filter(|(_, wished)| wished.is_none()) {
            let (view, now) = (&hands.inner.view, hands.inner.clock.now());
            view.forget_tunnel(id, *connection, now);
            view.forget_log(id, *connection);
        }
        tunnels.retain(|connection, wished| applied.tunnels.get(connection) != wished.as_ref());
        if !tunnels.is_empty() {
            let agent = match hands.agents.of(row.host) {
                Ok(agent) => agent,
                Err(cause) => return Step::Retry(cause),
            };
            let change = GatewayChange { id, tunnels };
            if let Err(cause) = hands.call(agent.change_gateway(&change)).await {
                return Step::Retry(cause);
            }
            debug!(gateway = %id, tunnels = change.tunnels.len(), "changed");
            change.apply_to(&mut applied.tunnels);
        }
        let status = self.status(hands, &row);
        self.rest(status)
    }

    fn status(&self, hands: &Hands, row: &Gateway) -> GatewayStatus {
        let now = hands.inner.clock.now();
        hands.inner.view.gateway(row, now).status
    }

    fn rest(&self, status: GatewayStatus) -> Step {
        let well = self.called.is_some_and(|called| called.elapsed() > WELL);
        if status == GatewayStatus::Available && well {
            Step::Rest
        } else {
            Step::Wait
        }
    }

    async fn remove(&self, hands: &Hands) -> Step {
        for agent in hands.agents.where_it_may_be(self.host) {
            if let Err(cause) = hands.call(agent.remove_gateway(self.id)).await {
                return Step::Retry(cause);
            }
        }
        debug!(gateway = %self.id, "removed");
        let router = hands.inner.view.forget_gateway(self.id);
        if let Some(router) = router.or(self.router) {
            hands.inner.wakes.wake(Key::Router(router));
        }
        Step::End
    }
}
