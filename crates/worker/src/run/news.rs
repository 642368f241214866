//! What the worker tells its supervisor: of tunnels that changed, and of those whose packets flow.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use adit_dataplane::{ChildId, Dataplane};
use adit_ike::{ChildKey, Command};
use time::OffsetDateTime;

use super::Worker;
use crate::conversion;
use crate::drops;
use crate::error::WorkerError;
use crate::flood::FloodNews;
use crate::protocol::{FromWorker, MAX_LINE};

/// How often counters are looked at.
pub(super) const LOOK: Duration = Duration::from_millis(500);

/// How many looks until counters are told.
const TELL_EVERY: u32 = 4;

impl Worker {
    /// Looks at the counters that changed.
    pub(super) fn look(&mut self) {
        self.next_look = Instant::now() + LOOK;
        self.looks = self.looks.wrapping_add(1);
        self.look_at_busy();
        self.watch();
        for (from, to) in self.keepalives.due(Instant::now()) {
            if let Err(error) = self.dataplane.send_keepalive(from, to) {
                tracing::debug!(%error, "a NAT keepalive could not be sent");
            }
        }
        let with_counters = self.looks.is_multiple_of(TELL_EVERY);
        self.tell_news(with_counters);
        if with_counters {
            self.tell_load();
            self.tell(&FromWorker::Alive);
        }
    }

    pub(super) fn look_at_busy(&mut self) {
        for ChildId(key) in self.dataplane.take_busy() {
            self.look_at(ChildKey(key));
        }
    }

    pub(super) fn look_at(&mut self, key: ChildKey) {
        let Some(child) = self.children.get_mut(&key) else {
            return;
        };
        let Some(look) = child.look(&self.dataplane) else {
            return;
        };
        if look.sent {
            self.keepalives.note_child(Instant::now(), key);
            self.note_sent(key);
        }
        if let Some(remote) = look.moved {
            self.command(Command::ChildHeardFrom(key, remote));
        }
        if let Some(owner) = self.owners.get(&key)
            && let Some(tunnel) = self.tunnels.get_mut(owner)
        {
            tunnel.count(key, look.counters);
            self.later.insert(*owner);
            if tunnel.judge(key, look.unreadable, OffsetDateTime::now_utc()) {
                self.changed.insert(*owner);
            }
        }
        if look.heard {
            self.command(Command::ChildHeard(key));
        }
        if look.exhausting {
            self.command(Command::RekeyChild(key));
        }
    }

    /// Tells what is new of the tunnels that something happened to; those of which counters alone may have changed
    /// are looked at only `with_traffic`.
    pub(super) fn tell_news(&mut self, with_traffic: bool) {
        let mut keys = std::mem::take(&mut self.changed);
        let now = OffsetDateTime::now_utc();
        if with_traffic {
            keys.append(&mut self.later);
            while let Some((at, key)) = self.again.first().copied()
                && at <= now
            {
                self.again.remove(&(at, key));
                keys.insert(key);
            }
        }
        for key in &keys {
            let again = self.tunnels.get(key).and_then(|it| it.look_again(now));
            self.again.extend(again.map(|at| (at, *key)));
        }
        let owners: BTreeSet<_> = keys.into_iter().map(conversion::owner).collect();
        for owner in owners {
            let Some(observed) = self.observed(owner) else {
                continue;
            };
            let [key, _] = conversion::keys(owner);
            let tunnel = self.tunnels.get_mut(&key);
            if let Some(observed) = tunnel.and_then(|it| it.news(observed, with_traffic)) {
                let connection = conversion::connection_id(key);
                self.tell(&FromWorker::of_tunnel(connection, observed));
            }
        }
    }

    fn tell_load(&mut self) {
        let (packets, messages) = (self.dataplane.counters(), self.endpoint.statistics());
        let drops = drops::of(&packets, &messages, &self.lost);
        match self.flood.look(&drops) {
            Some(FloodNews::Begins(cause)) => {
                tracing::warn!(cause, "a flood of unwanted datagrams begins");
            }
            Some(FloodNews::Ended(dropped)) => {
                tracing::warn!(dropped, "a flood of unwanted datagrams has ended");
            }
            None => {}
        }
        let load = (drops, messages.half_open);
        if load != self.load_told {
            self.load_told = load.clone();
            let (drops, half_open) = load;
            self.tell(&FromWorker::Load { drops, half_open });
        }
    }

    pub(super) fn tell(&mut self, message: &FromWorker) {
        // A supervisor that does not read for so long is as good as gone; the newest state is
        // told again with the next change.
        if self.outgoing.len() < MAX_LINE
            && serde_json::to_writer(&mut self.outgoing, message).is_ok()
        {
            self.outgoing.push(b'\n');
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), WorkerError> {
        while !self.outgoing.is_empty() {
            match self.control.write(&self.outgoing) {
                Ok(count) => {
                    self.outgoing.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(WorkerError::Abandoned),
            }
        }
        Ok(())
    }
}
