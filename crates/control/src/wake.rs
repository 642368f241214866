//! What the reconciler is to look at. Bounded by the number of things there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use adit_model::{ConnectionId, GatewayId, NetworkId, RouterId};
use tokio::sync::Notify;

/// Something the reconciler keeps true.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Key {
    Gateway(GatewayId),
    Network(NetworkId),
    Router(RouterId),
}

/// What of it is to be looked at. Nothing at all means that it is time for another try.
#[derive(Default)]
pub(crate) struct Due {
    /// The thing with all that hangs on it.
    pub(crate) whole: bool,
    /// Single tunnels of a gateway.
    pub(crate) connections: BTreeSet<ConnectionId>,
}

impl Due {
    pub(crate) fn add(&mut self, other: Self) {
        self.whole |= other.whole;
        self.connections.extend(other.connections);
    }
}

#[derive(Default)]
pub(crate) struct Wakes {
    due: Mutex<BTreeMap<Key, Due>>,
    notify: Notify,
}

impl Wakes {
    /// Has all of a thing looked at. For the reconciler itself: what a change concerns is `touch`'s to
    /// say.
    pub(crate) fn wake(&self, key: Key) {
        let whole = Due {
            whole: true,
            ..Due::default()
        };
        self.add([(key, whole)]);
    }

    /// Has all of these looked at.
    pub(crate) fn add(&self, more: impl IntoIterator<Item = (Key, Due)>) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, more) in more {
            due.entry(key).or_default().add(more);
        }
        if !due.is_empty() {
            self.notify.notify_one();
        }
    }

    /// Waits for at least one, and takes all.
    pub(crate) async fn next(&self) -> BTreeMap<Key, Due> {
        loop {
            let taken = {
                let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *due)
            };
            if !taken.is_empty() {
                return taken;
            }
            self.notify.notified().await;
        }
    }
}
