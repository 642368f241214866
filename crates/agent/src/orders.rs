//! What a gateway's worker is to be told: the agent puts it down, the supervisor takes it up. What
//! comes while the worker is busy, or dead, is told at once afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adit_model::desired::{GatewayChange, TunnelAct};
use adit_model::{Cidr, ConnectionId, OuterAddresses};
use adit_worker::protocol::{ChangeOrder, GatewayOrder, RecordingOrder, SealingKey, ToWorker};
use tokio::sync::{Notify, oneshot};

use crate::tunnels::{BlockChange, Tunnels};

pub(crate) struct Orders {
    addresses: OuterAddresses,
    wish: Mutex<Wish>,
    notify: Notify,
}

struct Wish {
    tunnels: Tunnels,
    untold: Untold,
    recordings: BTreeMap<ConnectionId, Wanted>,
    /// What is to be done with tunnels. A restart does what rekeying would.
    acts: BTreeMap<ConnectionId, TunnelAct>,
    stop: bool,
}

/// A recording that somebody waits for.
struct Wanted {
    /// Until the worker has it.
    key: Option<SealingKey>,
    answer: oneshot::Sender<Option<String>>,
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
                recordings: BTreeMap::new(),
                acts: BTreeMap::new(),
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
        self.wish().tunnels.hosts_after(self.addresses, change)
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

    /// There is a new worker, which was told nothing, and knows nothing of what happened before.
    pub(crate) fn begin(&self) {
        let mut wish = self.wish();
        wish.untold = Untold::All;
        wish.recordings.clear();
        wish.acts.clear();
    }

    /// Something is to be done with a tunnel.
    pub(crate) fn act(&self, connection: ConnectionId, act: TunnelAct) {
        let mut wish = self.wish();
        let wanted = wish.acts.entry(connection).or_insert(act);
        *wanted = act.min(*wanted);
        self.notify.notify_one();
    }

    /// Asks what happened to a connection. Who asked before for the same has no answer any more.
    pub(crate) fn ask(
        &self,
        connection: ConnectionId,
        key: SealingKey,
    ) -> oneshot::Receiver<Option<String>> {
        let (answer, asked) = oneshot::channel();
        let key = Some(key);
        let mut wish = self.wish();
        wish.recordings.insert(connection, Wanted { key, answer });
        self.notify.notify_one();
        asked
    }

    /// The worker says what happened to a connection; whether it was asked.
    pub(crate) fn answer(&self, connection: ConnectionId, sealed: Option<String>) -> bool {
        let mut wish = self.wish();
        let told = wish.recordings.get(&connection);
        if told.is_none_or(|wanted| wanted.key.is_some()) {
            return false;
        }
        if let Some(wanted) = wish.recordings.remove(&connection) {
            // Who asked may have gone.
            let _ = wanted.answer.send(sealed);
        }
        true
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
            Untold::Tunnels(untold) if untold.is_empty() => {
                if let Some((connection, act)) = wish.acts.pop_first() {
                    return Some(ToWorker::Act { connection, act });
                }
                wish.recordings.iter_mut().find_map(|(connection, wanted)| {
                    let (connection, key) = (*connection, wanted.key.take()?);
                    Some(ToWorker::Recording(RecordingOrder { connection, key }))
                })
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> Orders {
        let addresses = OuterAddresses {
            v4: [192, 0, 2, 1].into(),
            second: None,
            v6: None,
        };
        Orders::new(addresses, Tunnels::of(Default::default()))
    }

    #[tokio::test]
    async fn what_is_to_be_done_is_told_once_and_after_what_is_wished() {
        let orders = orders();
        let connection = ConnectionId::random();
        orders.act(connection, TunnelAct::Rekey);
        orders.act(connection, TunnelAct::Restart);
        orders.act(connection, TunnelAct::Rekey);
        assert!(matches!(orders.next().await, ToWorker::Apply(_)));
        let told = orders.next().await;
        let ToWorker::Act { act, .. } = told else {
            panic!("{told:?}");
        };
        assert_eq!(act, TunnelAct::Restart);
        assert!(orders.take().is_none());
        orders.act(connection, TunnelAct::Rekey);
        orders.begin();
        assert!(matches!(orders.next().await, ToWorker::Apply(_)));
        assert!(
            orders.take().is_none(),
            "a new worker has nothing to replace"
        );
    }

    #[tokio::test]
    async fn a_recording_is_asked_for_once_and_its_answer_goes_to_who_asked_last() {
        let orders = orders();
        let (one, other) = (ConnectionId::random(), ConnectionId::random());
        let early = orders.ask(one, SealingKey([1; 32]));
        let late = orders.ask(one, SealingKey([2; 32]));
        assert!(!orders.answer(one, None), "it was not told yet");
        assert!(matches!(orders.next().await, ToWorker::Apply(_)));
        let ToWorker::Recording(order) = orders.next().await else {
            panic!("a recording");
        };
        assert_eq!((order.connection, order.key.0), (one, [2; 32]));
        assert!(orders.take().is_none());
        assert!(!orders.answer(other, None), "nobody asked");
        assert!(orders.answer(one, Some("00".to_owned())));
        assert!(!orders.answer(one, None));
        assert!(early.await.is_err());
        assert_eq!(late.await, Ok(Some("00".to_owned())));
    }

    #[tokio::test]
    async fn a_new_worker_is_not_asked_for_what_the_one_before_knew() {
        let orders = orders();
        let asked = orders.ask(ConnectionId::random(), SealingKey([1; 32]));
        orders.begin();
        assert!(asked.await.is_err());
        assert!(matches!(orders.next().await, ToWorker::Apply(_)));
        assert!(orders.take().is_none());
    }
}
