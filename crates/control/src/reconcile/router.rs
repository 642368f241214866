//! One router's way from wish to truth.

use std::sync::Arc;

use adit_model::desired::RouterSpec;
use adit_model::{NetworkId, Reason, RouterId};
use tracing::debug;

use super::lane::{Hands, Lane, Step};
use crate::control::Inner;
use crate::spec;
use crate::wake::{Due, Key};

pub(super) struct RouterLane {
    id: RouterId,
    applied: Option<RouterSpec>,
}

impl RouterLane {
    pub(super) const fn new(id: RouterId) -> Self {
        Self { id, applied: None }
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
            spec::router(&mut *tx, id).await
        });
        let wished = wished.await;
        let view = &hands.inner.view;
        match wished {
            Err(error) => Step::Retry(error.into()),
            Ok(None) if view.holds_any_of(id) => Step::Rest,
            Ok(None) => match hands.call(hands.agent.remove_router(id)).await {
                Ok(()) => {
                    debug!(router = %id, "removed");
                    view.forget_router(id);
                    Step::End
                }
                Err(cause) => Step::Retry(cause),
            },
            Ok(wished) if wished == self.applied => Step::Rest,
            Ok(Some(wished)) if !view.are_applied(networks(&wished)) => Step::Rest,
            Ok(Some(wished)) => match hands.call(hands.agent.apply_router(&wished)).await {
                Ok(()) => {
                    debug!(router = %id, interfaces = wished.interfaces.len(), "applied");
                    let first = self.applied.replace(wished).is_none();
                    view.set_router(id, Ok(()));
                    if first {
                        wake_gateways(&hands.inner, id).await
                    } else {
                        Step::Rest
                    }
                }
                Err(cause) => Step::Retry(cause),
            },
        }
    }

    async fn failed(&mut self, hands: &Hands, reason: Reason) {
        self.applied = None;
        hands.inner.view.set_router(self.id, Err(reason));
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
