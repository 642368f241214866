//! Connections with a tunnel from each of the gateway's addresses: how their packets are shared, and whether each
//! peer still answers.

use std::time::{Duration, Instant};

use adit_dataplane::{Dataplane, Owner, Sharing};
use adit_ike::{ChildKey, Command, ConnectionKey};
use adit_model::desired::{Carriers, TunnelSpec};
use adit_model::observed::{TunnelObserved, TunnelState};
use time::OffsetDateTime;

use super::Worker;
use crate::conversion;
use crate::doubt::{Doubt, Step};
use crate::finding::Finding;
use crate::members;

/// How often peers that are silent are looked at.
const WATCH: Duration = Duration::from_millis(200);

/// What is known of a connection's two tunnels beside what is known of each.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    distribute: bool,
    doubts: [Doubt; 2],
    /// Since when each is in doubt.
    since: [Option<OffsetDateTime>; 2],
}

impl Lanes {
    fn sharing(&self) -> Sharing {
        Sharing {
            distribute: self.distribute,
            doubtful: self.doubts.each_ref().map(Doubt::is_doubtful),
        }
    }
}

impl Worker {
    /// Has a connection's packets be shared as it says.
    pub(super) fn share(&mut self, tunnel: &TunnelSpec) {
        let Carriers::Each { distribute } = tunnel.carriers else {
            return;
        };
        let owner = conversion::owner(conversion::key(tunnel.connection));
        let lanes = self.lanes.entry(owner).or_default();
        lanes.distribute = distribute;
        self.dataplane.share(owner, Some(lanes.sharing()));
    }

    pub(super) fn share_no_more(&mut self, key: ConnectionKey) {
        let owner = conversion::owner(key);
        if self.lanes.remove(&owner).is_some() {
            self.dataplane.share(owner, None);
        }
    }

    /// Notes that packets were sent by a Child SA.
    pub(super) fn note_sent(&mut self, child: ChildKey) {
        let Some(key) = self.owners.get(&child).copied() else {
            return;
        };
        if let Some(lanes) = self.lanes.get_mut(&conversion::owner(key)) {
            let doubts = lanes.doubts.each_mut();
            conversion::lane(key).of(doubts).note_sent();
        }
    }

    /// Forgets what was doubtful of a tunnel that is another now.
    pub(super) fn trust(&mut self, key: ConnectionKey) {
        let owner = conversion::owner(key);
        let Some(lanes) = self.lanes.get_mut(&owner) else {
            return;
        };
        let lane = conversion::lane(key);
        let was = std::mem::take(lane.of(lanes.doubts.each_mut()));
        *lane.of(lanes.since.each_mut()) = None;
        if was.is_doubtful() {
            self.dataplane.share(owner, Some(lanes.sharing()));
        }
    }

    /// Looks at the peers that packets are sent to, and asks those that are silent.
    pub(super) fn watch(&mut self) {
        let now = self.now();
        let mut silent = Vec::new();
        let mut is_pending = false;
        for (owner, lanes) in &mut self.lanes {
            if lanes.doubts.iter().all(Doubt::is_idle) {
                continue;
            }
            let keys = conversion::keys(*owner);
            let before = lanes.sharing();
            let each = keys.into_iter().zip(lanes.doubts.iter_mut());
            for ((key, doubt), since) in each.zip(lanes.since.iter_mut()) {
                match doubt.look(now, self.endpoint.heard(key)) {
                    Step::Rest => {}
                    Step::Ask => silent.push(key),
                    Step::Tell => {
                        *since = doubt.is_doubtful().then(OffsetDateTime::now_utc);
                        self.changed.insert(key);
                    }
                }
                is_pending |= doubt.is_pending();
            }
            if lanes.sharing() != before {
                tracing::info!(
                    connection = %conversion::connection_id(keys[0]),
                    doubtful = ?lanes.sharing().doubtful,
                    "which of two tunnels can have the packets"
                );
                self.dataplane.share(*owner, Some(lanes.sharing()));
            }
        }
        for key in silent {
            self.command(Command::Ask(key));
        }
        self.next_watch = is_pending.then(|| Instant::now() + WATCH);
    }

    /// How a connection is, if it is one of this worker's.
    pub(super) fn observed(&self, owner: Owner) -> Option<TunnelObserved> {
        let keys = conversion::keys(owner);
        let Some(lanes) = self.lanes.get(&owner) else {
            return self.tunnels.get(&keys[0]).map(|it| it.observed());
        };
        let members = self.addresses?.members();
        let each = keys.into_iter().zip(members).zip(lanes.since);
        let each = each.filter_map(|((key, address), doubtful)| {
            let tunnel = self.tunnels.get(&key)?;
            let mut observed = tunnel.observed();
            if let Some(since) = doubtful.filter(|_| observed.state == TunnelState::Up) {
                let silent = Finding::silent(since, tunnel.peer());
                observed.state = TunnelState::Connecting;
                observed.since = since;
                observed.reasons = vec![silent.reason];
            }
            Some((address, observed))
        });
        members::together(each.collect())
    }
}
