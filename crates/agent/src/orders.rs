//! What a gateway's worker is to be told: the agent puts it down, the supervisor takes it up. What
//! comes while the worker is busy, or dead, is told at once afterwards.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adit_model::desired::GatewayChange;
use adit_model::{Cidr, ConnectionId, OuterAddresses};
use adit_worker::protocol::{ChangeOrder, GatewayOrder, ToWorker};
use tokio::sync::Notify;

use crate::tunnels::{BlockChange, Tunnels};

pub(crate) struct Orders {
    addresses: OuterAddresses,
    wish: Mutex<Wish>,
    notify: Notify,
}

struct Wish {
    tunnels: Tunnels,
    untold: Untold,
    stop: bool,
}

/// What the worker has not been told.
enum Untold {
    All,
    Tunnels(BTreeSet<ConnectionId>),
}

impl Orders {
    pub(crate) fn new(addresses: OuterAddresses, tunnels: Tunnels) -> Self {
        Self {
            addresses,
            wish: Mutex::new(Wish {
                tunnels,
                untold: Untold::All,
                stop: false,
            }),
            notify: Notify::new(),
        }
    }

    fn wish(&self) -> MutexGuard<'_, Wish> {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Exactly these tunnels are wanted.
    pub(crate) fn apply(&self, tunnels: Tunnels) {
        let mut wish = self.wish();
        wish.tunnels = tunnels;
        wish.untold = Untold::All;
        self.notify.notify_one();
    }

    /// What a change would do to the blocks that the tunnels lead to.
    pub(crate) fn weigh(&self, change: &GatewayChange) -> BlockChange {
        self.wish().tunnels.weigh(change)
    }

    /// The peers that the gateway speaks to itself after a change, if that has anything to do with them.
    pub(crate) fn hosts_after(&self, change: &GatewayChange) -> Option<BTreeSet<Cidr>> {
        self.wish().tunnels.hosts_after(change)
    }

    pub(crate) fn change(&self, change: &GatewayChange) {
        let mut wish = self.wish();
        wish.tunnels.change(change);
        if let Untold::Tunnels(untold) = &mut wish.untold {
            untold.extend(change.tunnels.keys());
        }
        self.notify.notify_one();
    }

    /// The gateway is not wanted any more.
    pub(crate) fn stop(&self) {
        self.wish().stop = true;
        self.notify.notify_one();
    }

    /// There is a new worker, which was told nothing.
    pub(crate) fn begin(&self) {
        self.wish().untold = Untold::All;
    }

    /// Waits until there is something to tell.
    pub(crate) async fn next(&self) -> ToWorker {
        loop {
            if let Some(message) = self.take() {
                return message;
            }
            self.notify.notified().await;
        }
    }

    /// Waits until the gateway is not wanted any more.
    pub(crate) async fn stopped(&self) {
        while !self.wish().stop {
            self.notify.notified().await;
        }
    }

    /// Whether this connection is one of the gateway's.
    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.wish().tunnels.specs().contains_key(&connection)
    }

    /// The connections whose tunnels are wanted up, unless the gateway isn't wanted.
    pub(crate) fn wanted(&self) -> Option<Vec<ConnectionId>> {
        let wish = self.wish();
        let up = wish
            .tunnels
            .specs()
            .values()
            .filter(|spec| spec.admin_state_up);
        (!wish.stop).then(|| up.map(|spec| spec.connection).collect())
    }

    fn take(&self) -> Option<ToWorker> {
        let mut wish = self.wish();
        if wish.stop {
            return Some(ToWorker::Shutdown);
        }
        let untold = std::mem::replace(&mut wish.untold, Untold::Tunnels(BTreeSet::new()));
        let specs = wish.tunnels.specs();
        match untold {
            Untold::All => Some(ToWorker::Apply(GatewayOrder {
                addresses: self.addresses,
                tunnels: specs.values().map(Arc::clone).collect(),
            })),
            Untold::Tunnels(untold) if untold.is_empty() => None,
            Untold::Tunnels(untold) => {
                let mut order = ChangeOrder::default();
                for connection in untold {
                    match specs.get(&connection) {
                        Some(spec) => order.tunnels.push(Arc::clone(spec)),
                        None => order.gone.push(connection),
                    }
                }
                Some(ToWorker::Change(order))
            }
        }
    }
}
