//! One router's way from wish to truth.

use std::sync::Arc;

use adit_model::desired::RouterSpec;
use adit_model::{HostId, NetworkId, Reason, RouterId};
use tracing::debug;

use super::lane::{Hands, Lane, Step};
use crate::control::Inner;
use crate::spec;
use crate::wake::{Due, Key};

pub(super) struct RouterLane {
    id: RouterId,
    /// Where it was seen to belong.
    host: Option<HostId>,
    applied: Option<RouterSpec>,
}

impl RouterLane {
    pub(super) const fn new(id: RouterId) -> Self {
        Self {
            id,
            host: None,
            applied: None,
        }
    }
}

impl Lane for RouterLane {
    fn key(&self) -> Key {
        Key::Router(self.id)
    }

    async fn step(&mut self, hands: &mut Hands, _: Due) -> Step {
        let id = self.id;
        let inner = Arc::clone(&hands.inner);
        let wished = hands.look(async {
            let mut tx = inner.store.read().await?;
            let Some(row) = tx.any_router(id).await? else {
                return Ok(None);
            };
            let host = row.host;
            let of_gateway = inner.config.limits.addresses_of_gateway;
            Ok(Some((host, spec::router(&mut *tx, row, of_gateway).await?)))
        });
        match wished.await {
            Err(error) => Step::Retry(error.into()),
            Ok(None) => self.remove(hands).await,
            Ok(Some((host, wished))) => self.apply(hands, host, wished).await,
        }
    }

    async fn failed(&mut self, hands: &Hands, reason: Reason) {
        self.applied = None;
        hands.inner.view.set_router(self.id, Err(reason));
    }
}

impl RouterLane {
    async fn apply(&mut self, hands: &Hands, host: HostId, wished: RouterSpec) -> Step {
        let view = &hands.inner.view;
        self.host = Some(host);
        if self.applied.as_ref() == Some(&wished) || !view.are_applied(networks(&wished)) {
            return Step::Rest;
        }
        let agent = match hands.agents.of(host) {
            Ok(agent) => agent,
            Err(cause) => return Step::Retry(cause),
        };
        if let Err(cause) = hands.call(agent.apply_router(&wished)).await {
            return Step::Retry(cause);
        }
        debug!(router = %self.id, interfaces = wished.interfaces.len(), "applied");
        let first = self.applied.replace(wished).is_none();
        view.set_router(self.id, Ok(()));
        if first {
            wake_gateways(&hands.inner, self.id).await
        } else {
            Step::Rest
        }
    }

    async fn remove(&self, hands: &Hands) -> Step {
        let view = &hands.inner.view;
        if view.holds_any_of(self.id) {
            return Step::Rest;
        }
        for agent in hands.agents.where_it_may_be(self.host) {
            if let Err(cause) = hands.call(agent.remove_router(self.id)).await {
                return Step::Retry(cause);
            }
        }
        debug!(router = %self.id, "removed");
        view.forget_router(self.id);
        Step::End
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
