//! What wakes a lane, and what it is to look at then.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use adit_model::ConnectionId;
use tokio::sync::Notify;

use crate::wake::Key;

#[derive(Default)]
pub(super) struct Bell {
    due: Mutex<Due>,
    notify: Notify,
}

/// What is to be looked at. Nothing at all means that it is time for another try.
#[derive(Default)]
pub(super) struct Due {
    /// The thing with all that hangs on it.
    pub(super) whole: bool,
    /// Single tunnels of a gateway.
    pub(super) connections: BTreeSet<ConnectionId>,
}

impl Bell {
    pub(super) fn ring(&self, key: Key) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        match key {
            Key::Connection(_, connection) => {
                due.connections.insert(connection);
            }
            Key::Gateway(_) | Key::Network(_) | Key::Router(_) => due.whole = true,
        }
        self.notify.notify_one();
    }

    /// Waits until it is rung.
    pub(super) async fn rung(&self) {
        self.notify.notified().await;
    }

    /// What it was rung for since it was asked last.
    pub(super) fn take(&self) -> Due {
        std::mem::take(&mut *self.due.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
