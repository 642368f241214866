//! One network's way from wish to truth.

use std::collections::HashSet;
use std::sync::Arc;

use adit_model::desired::NetworkSpec;
use adit_model::{NetworkId, Reason, RouterId};
use adit_store::StoreError;
use tracing::debug;

use super::lane::{Hands, Lane, Step};
use crate::control::Inner;
use crate::spec;
use crate::wake::{Due, Key};

pub(super) struct NetworkLane {
    id: NetworkId,
    applied: Option<NetworkSpec>,
}

impl NetworkLane {
    pub(super) const fn new(id: NetworkId) -> Self {
        Self { id, applied: None }
    }
}

impl Lane for NetworkLane {
    fn key(&self) -> Key {
        Key::Network(self.id)
    }

    async fn step(&mut self, hands: &mut Hands, _: Due) -> Step {
        let id = self.id;
        if hands.inner.is_external(id) {
            // The host has it from the start, and keeps it.
            hands.inner.view.set_network(id, HashSet::new());
            return Step::Rest;
        }
        let inner = Arc::clone(&hands.inner);
        let wished = hands.look(async {
            let mut tx = inner.store.read().await?;
            spec::network(&mut *tx, id).await
        });
        match wished.await {
            Err(error) => Step::Retry(error.into()),
            Ok(None) => self.remove(hands).await,
            Ok(wished) if wished == self.applied => Step::Rest,
            Ok(Some(wished)) => self.apply(hands, wished).await,
        }
    }

    async fn failed(&mut self, hands: &Hands, reason: Reason) {
        self.applied = None;
        // What waits for the network says why.
        let waiting = routers_on(&hands.inner, self.id).await.unwrap_or_default();
        for router in waiting {
            hands.inner.view.set_router(router, Err(reason.clone()));
        }
    }
}

impl NetworkLane {
    /// A network is on each host, for whatever is on it there.
    async fn apply(&mut self, hands: &Hands, wished: NetworkSpec) -> Step {
        for (_, agent) in hands.agents.all() {
            if let Err(cause) = hands.call(agent.apply_network(&wished)).await {
                return Step::Retry(cause);
            }
        }
        debug!(network = %self.id, instances = wished.instances.len(), "applied");
        let machines = wished.instances.iter().map(|machine| machine.id);
        hands.inner.view.set_network(self.id, machines.collect());
        let first = self.applied.replace(wished).is_none();
        if first {
            wake_routers(&hands.inner, self.id).await
        } else {
            Step::Rest
        }
    }

    async fn remove(&self, hands: &Hands) -> Step {
        for (_, agent) in hands.agents.all() {
            if let Err(cause) = hands.call(agent.remove_network(self.id)).await {
                return Step::Retry(cause);
            }
        }
        debug!(network = %self.id, "removed");
        hands.inner.view.forget_network(self.id);
        Step::End
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
