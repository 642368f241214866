//! What wakes a lane, and what it is to look at then.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::wake::Due;

#[derive(Default)]
pub(super) struct Bell {
    due: Mutex<Due>,
    notify: Notify,
}

impl Bell {
    pub(super) fn ring(&self, more: Due) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        due.add(more);
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
