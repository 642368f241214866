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
    /// Has all of a thing looked at.
    pub(crate) fn wake(&self, key: Key) {
        self.note(key, |due| due.whole = true);
    }

    /// Has one tunnel of a gateway looked at.
    pub(crate) fn wake_connection(&self, gateway: GatewayId, connection: ConnectionId) {
        self.note(Key::Gateway(gateway), |due| {
            due.connections.insert(connection);
        });
    }

    fn note(&self, key: Key, note: impl FnOnce(&mut Due)) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        note(due.entry(key).or_default());
        self.notify.notify_one();
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
