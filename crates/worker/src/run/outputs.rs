//! What the worker does with what the engine wants.

use std::time::Instant;

use adit_crypto::Integrity;
use adit_dataplane::Dataplane;
use adit_ike::{
    Age, Carriage, ChildKey, Command, ConnectionKey, Event, InstallChild, Output, Transmit,
};
use adit_model::observed::SaTimes;
use time::OffsetDateTime;

use super::Worker;
use crate::conversion;
use crate::forwarder::Forwarded;

impl Worker {
    pub(super) fn act(&mut self, output: Output) {
        let dataplane = &self.dataplane;
        match output {
            Output::ActivateOutbound(key) => {
                if let Some(child) = self.children.get(&key) {
                    child.activate_outbound(dataplane);
                }
            }
            Output::Event(event) => self.note(&event),
            Output::ExpectChild(spi) => dataplane.expect(spi),
            Output::InstallChild(child) => self.install(&child),
            Output::MoveChild(key, remote) => {
                if let Some(child) = self.children.get_mut(&key) {
                    child.move_to(dataplane, remote);
                    self.keepalives.move_to(Instant::now(), key, remote);
                }
            }
            Output::RemoveChild(key) => self.remove(key),
            Output::RetireChild(key) => {
                if let Some(child) = self.children.get(&key) {
                    child.stop_outbound(dataplane);
                }
            }
            Output::Transmit(transmit) => self.send(&transmit),
        }
    }

    fn send(&mut self, transmit: &Transmit) {
        let (from, to) = (transmit.local, transmit.remote);
        self.keepalives.note(Instant::now(), (from, to));
        let outcome = if transmit.local_port == 500 {
            self.ike.send(&transmit.octets, from, to)
        } else {
            self.dataplane.send_ike(from, to, &transmit.octets)
        };
        if let Err(error) = outcome {
            // Like a loss on the way: the message is repeated.
            tracing::debug!(%error, "an IKE message could not be sent");
        }
    }

    fn install(&mut self, child: &InstallChild) {
        let owner = self.tunnels.get(&child.connection);
        let mtu = owner.and_then(|tunnel| tunnel.mtu);
        let outcome = Forwarded::install(&self.dataplane, child, mtu);
        let installed = match outcome {
            Ok(forwarded) => {
                self.children.insert(child.child, forwarded);
                self.owners.insert(child.child, child.connection);
                let of_connection = (child.connection, child.child);
                self.children_of.insert(of_connection);
                if child.integrity == Some(Integrity::HmacSha256_128)
                    && let Some(tunnel) = self.tunnels.get_mut(&child.connection)
                {
                    tunnel.may_be_truncated(child.child);
                }
                if child.behind_nat && child.carriage == Carriage::Udp {
                    let way = (child.local, child.remote);
                    self.keepalives.add(Instant::now(), child.child, way);
                }
                true
            }
            Err(error) => {
                tracing::error!(%error, "a Child SA could not be installed");
                false
            }
        };
        self.command(Command::ChildInstalled(child.child, installed));
    }

    fn remove(&mut self, key: ChildKey) {
        self.look_at(key);
        self.keepalives.remove(key);
        if let Some(child) = self.children.remove(&key) {
            child.remove(&self.dataplane);
        }
        let Some(owner) = self.owners.remove(&key) else {
            return;
        };
        self.children_of.remove(&(owner, key));
        if let Some(tunnel) = self.tunnels.get_mut(&owner) {
            tunnel.settle(key);
        }
    }

    /// Notes how old a tunnel's SAs are.
    fn note_times(&mut self, key: ConnectionKey) {
        let (now, utc) = (self.now(), OffsetDateTime::now_utc());
        let at = |instant: adit_ike::Instant| {
            let at = match instant >= now {
                true => utc + (instant - now),
                false => utc - (now - instant),
            };
            // Finer than the two clocks go together.
            let whole = at.millisecond();
            at.replace_millisecond(whole).unwrap_or(at)
        };
        let times = |age: Age| SaTimes {
            since: Some(at(age.since)),
            rekey_at: age.rekey_at.map(at),
        };
        let ike = self.endpoint.age(key).map(times).unwrap_or_default();
        let children = self.endpoint.ages_of_children(key);
        let children: Vec<_> = children.map(|(child, age)| (child, times(age))).collect();
        if let Some(tunnel) = self.tunnels.get_mut(&key) {
            tunnel.note_times(ike, children);
        }
    }

    fn note(&mut self, event: &Event) {
        let key = match event {
            Event::ChildUp { connection, .. }
            | Event::ChildDown { connection, .. }
            | Event::Connecting(connection)
            | Event::Failed(connection, _)
            | Event::IkeUp { connection, .. }
            | Event::IkeDown(connection)
            | Event::PartFailed(connection, ..) => *connection,
        };
        let connection = conversion::connection_id(key);
        let Some(tunnel) = self.tunnels.get_mut(&key) else {
            return;
        };
        tunnel.on_event(event, OffsetDateTime::now_utc());
        self.note_times(key);
        let Some(tunnel) = self.tunnels.get_mut(&key) else {
            return;
        };
        let is_other = matches!(
            event,
            Event::ChildDown { .. } | Event::IkeDown(_) | Event::IkeUp { .. }
        );
        if tunnel.is_anywhere() {
            match event {
                Event::IkeUp { peer, .. } => self.meet(key, Some(peer.ip())),
                Event::IkeDown(_) => self.meet(key, None),
                _ => {}
            }
        }
        if is_other {
            self.trust(key);
        }
        let Some(tunnel) = self.tunnels.get_mut(&key) else {
            return;
        };
        let anybodys = matches!(
            event,
            Event::Connecting(_) | Event::Failed(..) | Event::PartFailed(..)
        );
        let left_out = if anybodys {
            tunnel.lines.allow(Instant::now())
        } else {
            Some(0)
        };
        let Some(left_out) = left_out else {
            // It is told with the next counters, if it is still so.
            self.later.insert(key);
            return;
        };
        self.changed.insert(key);
        // Said only where there is something to say.
        let left_out = (left_out > 0).then_some(left_out);
        let lane = conversion::lane(key);
        tracing::info!(%connection, ?lane, ?event, left_out, "tunnel");
    }
}
