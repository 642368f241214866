//! What the reconciler is to look at. Bounded by the number of things there are.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use adit_model::{ConnectionId, GatewayId, NetworkId, RouterId};
use tokio::sync::Notify;

/// Something the reconciler is to look at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Key {
    /// One tunnel of a gateway.
    Connection(GatewayId, ConnectionId),
    Gateway(GatewayId),
    Network(NetworkId),
    Router(RouterId),
}

#[derive(Default)]
pub(crate) struct Wakes {
    keys: Mutex<BTreeSet<Key>>,
    notify: Notify,
}

impl Wakes {
    pub(crate) fn wake(&self, key: Key) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key);
        self.notify.notify_one();
    }

    /// Waits for at least one, and takes all.
    pub(crate) async fn next(&self) -> BTreeSet<Key> {
        loop {
            let taken = {
                let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *keys)
            };
            if !taken.is_empty() {
                return taken;
            }
            self.notify.notified().await;
        }
    }
}
