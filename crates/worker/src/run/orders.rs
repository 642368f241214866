//! What the worker does with its orders. What is gone goes first: what comes may be for the same
//! peer and the same blocks.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_crypto::{EnvelopeKey, SystemRandom};
use adit_dataplane::{ConnectionBlocks, Dataplane, RouteChange};
use adit_ike::{ChildKey, Command, ConnectionKey};
use adit_model::desired::{TunnelAct, TunnelSpec};
use adit_model::gateway::MAX_TUNNELS;
use adit_model::{ConnectionId, OuterAddresses};
use time::OffsetDateTime;

use super::Worker;
use crate::conversion::{self, Unsupported};
use crate::error::{WorkerError, failed};
use crate::finding::Finding;
use crate::protocol::{ChangeOrder, FromWorker, GatewayOrder, MAX_LINE, RecordingOrder, ToWorker};
use crate::tunnel::Tunnel;

/// Where a connection's packets belong, and whose messages are about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lead {
    blocks: ConnectionBlocks,
    peer: Option<IpAddr>,
}

/// How long a worker that was told to end waits for its peers.
const FAREWELL: Duration = Duration::from_millis(400);

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Continue,
    End,
}

impl Worker {
    /// Takes what the supervisor has said since.
    pub(super) fn take_orders(&mut self, buffer: &mut [u8]) -> Result<Order, WorkerError> {
        loop {
            match self.control.read(buffer) {
                Ok(0) => return Err(WorkerError::Abandoned),
                Ok(count) => {
                    self.incoming
                        .take_from(buffer.get_mut(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("reading orders")(error)),
            }
        }
        while let Some(line) = self.incoming.line() {
            match serde_json::from_slice(&line).map_err(WorkerError::Order)? {
                ToWorker::Act { connection, act } => self.act_on(connection, act),
                ToWorker::Apply(order) => self.apply(&order),
                ToWorker::Change(order) => self.change(&order),
                ToWorker::Recording(order) => self.hand_out(&order),
                ToWorker::Shutdown => return Ok(Order::End),
            }
        }
        if self.incoming.len() > MAX_LINE {
            return Err(failed("reading orders")(io::Error::other(
                "an order is too long",
            )));
        }
        Ok(Order::Continue)
    }

    /// Does something with the tunnels of a connection, as far as they are there.
    pub(super) fn act_on(&mut self, connection: ConnectionId, act: TunnelAct) {
        let owner = conversion::owner(conversion::key(connection));
        for key in conversion::keys(owner) {
            let Some(config) = self.configured.get(&key).cloned() else {
                continue;
            };
            match act {
                TunnelAct::Restart => {
                    self.command(Command::RemoveConnection(key));
                    self.drain();
                    self.command(Command::SetConnection(key, Box::new(config)));
                }
                TunnelAct::Rekey => {
                    let range = (key, ChildKey(0))..=(key, ChildKey(u64::MAX));
                    let children: Vec<_> = self.children_of.range(range).map(|it| it.1).collect();
                    for child in children {
                        self.command(Command::RekeyChild(child));
                    }
                    self.command(Command::RekeyIke(key));
                }
            }
        }
    }

    /// Says what happened to a tunnel, sealed.
    pub(super) fn hand_out(&mut self, order: &RecordingOrder) {
        let recording = self.endpoint.recording(conversion::key(order.connection));
        let sealed = recording.map(|recording| {
            let key = EnvelopeKey::new(&order.key.0);
            let sealed = recording.seal(&key, &mut SystemRandom);
            sealed.iter().map(|octet| format!("{octet:02x}")).collect()
        });
        let connection = order.connection;
        self.tell(&FromWorker::Recording { connection, sealed });
    }

    /// Deletes all SAs and gives the peers a moment to hear of it.
    pub(super) fn say_farewell(&mut self, buffer: &mut [u8]) {
        let keys: Vec<_> = self.tunnels.keys().copied().collect();
        for key in keys {
            self.command(Command::RemoveConnection(key));
        }
        let end = Instant::now() + FAREWELL;
        loop {
            let deadline = self.drain();
            if self.endpoint.sa_count() == 0 || Instant::now() >= end {
                return;
            }
            self.next_look = end;
            if self.wait(deadline).is_err() {
                return;
            }
            self.take_messages(buffer);
            self.endpoint.handle_timeout(self.now());
        }
    }

    /// Has exactly the tunnels of the order.
    pub(super) fn apply(&mut self, order: &GatewayOrder) {
        self.addresses = Some(order.addresses);
        let listed = order.tunnels.iter();
        let listed: BTreeSet<_> = listed.map(|one| conversion::key(one.connection)).collect();
        let mut gone: Vec<_> = self.leads.keys().copied().collect();
        gone.retain(|key| !listed.contains(key));
        self.replace(&gone, &order.tunnels);
    }

    /// Changes the tunnels of the order.
    pub(super) fn change(&mut self, order: &ChangeOrder) {
        let gone = order.gone.iter();
        let gone: Vec<_> = gone.map(|one| conversion::key(*one)).collect();
        self.replace(&gone, &order.tunnels);
    }

    fn replace(&mut self, gone: &[ConnectionKey], tunnels: &[Arc<TunnelSpec>]) {
        self.lead(gone, tunnels);
        for key in gone {
            self.remove_tunnel(*key);
        }
        for tunnel in tunnels {
            self.apply_tunnel(tunnel);
        }
    }

    /// Tells the data plane which connection each packet belongs to, before anything else changes.
    fn lead(&mut self, gone: &[ConnectionKey], tunnels: &[Arc<TunnelSpec>]) {
        let mut change = RouteChange::default();
        for key in gone {
            if let Some(lead) = self.leads.remove(key) {
                change.gone.push(lead.blocks.owner);
                self.forget_peer(&lead);
            }
        }
        for tunnel in tunnels {
            let lead = Lead {
                blocks: conversion::blocks(tunnel),
                peer: Some(tunnel.peer_address)
                    .filter(|peer| tunnel.admin_state_up && !peer.is_unspecified()),
            };
            let key = conversion::key(tunnel.connection);
            if self.leads.get(&key) == Some(&lead) {
                continue;
            }
            change.blocks.push(lead.blocks.clone());
            if let Some(peer) = lead.peer {
                self.queue.add_peer(peer);
            }
            if let Some(before) = self.leads.insert(key, lead) {
                self.forget_peer(&before);
            }
        }
        if change != RouteChange::default() {
            self.dataplane.change_routes(change);
        }
    }

    fn forget_peer(&self, lead: &Lead) {
        if let Some(peer) = lead.peer {
            self.queue.remove_peer(peer);
        }
    }

    fn apply_tunnel(&mut self, tunnel: &TunnelSpec) {
        let first = conversion::key(tunnel.connection);
        let Some(addresses) = self.addresses.filter(|_| tunnel.admin_state_up) else {
            self.changed.insert(first);
            return self.remove_tunnel(first);
        };
        self.share(tunnel);
        for (key, own) in conversion::tunnels(addresses, tunnel) {
            self.apply_one(key, own, tunnel);
        }
    }

    /// One of a connection's tunnels, which is from one of these addresses.
    fn apply_one(&mut self, key: ConnectionKey, own: OuterAddresses, tunnel: &TunnelSpec) {
        self.changed.insert(key);
        let now = OffsetDateTime::now_utc();
        let known = self
            .tunnels
            .entry(key)
            .or_insert_with(|| Tunnel::new(tunnel.peer_address, now));
        known.after_loss = conversion::after_loss(tunnel);
        let mtu = conversion::mtu(tunnel);
        if known.mtu != mtu {
            known.mtu = mtu;
            let range = (key, ChildKey(0))..=(key, ChildKey(u64::MAX));
            for (_, child) in self.children_of.range(range) {
                if let Some(child) = self.children.get(child) {
                    child.set_mtu(&self.dataplane, mtu);
                }
            }
        }
        let full = self.configured.len() >= MAX_TUNNELS && !self.configured.contains_key(&key);
        let config = if full {
            Err(Unsupported::TooMany)
        } else {
            conversion::config(own, self.encapsulation, tunnel)
        };
        self.hold(key, config.is_ok() && conversion::holds(tunnel));
        if !tunnel.peer_address.is_unspecified() {
            self.meet(key, None);
        }
        match config {
            Ok(config) if self.configured.get(&key) == Some(&config) => {}
            Ok(config) => {
                if let Some(known) = self.tunnels.get_mut(&key) {
                    known.reconfigure(tunnel.peer_address, &config);
                }
                self.configured.insert(key, config.clone());
                self.command(Command::SetConnection(key, Box::new(config)));
            }
            Err(unsupported) => self.refuse(key, &unsupported, now),
        }
    }

    /// Removes a connection's tunnels.
    fn remove_tunnel(&mut self, first: ConnectionKey) {
        self.hold(first, false);
        for key in conversion::keys(conversion::owner(first)) {
            self.remove_one(key);
        }
        self.share_no_more(first);
    }

    fn remove_one(&mut self, key: ConnectionKey) {
        if self.tunnels.contains_key(&key) {
            self.command(Command::RemoveConnection(key));
            self.drain();
            self.configured.remove(&key);
            self.tunnels.remove(&key);
            self.meet(key, None);
        }
    }

    /// Whether packets wait for a connection that has no SA.
    fn hold(&mut self, key: ConnectionKey, holds: bool) {
        let owner = conversion::owner(key);
        let key = ConnectionKey(owner.0);
        let changed = if holds {
            self.holding.insert(key)
        } else {
            self.holding.remove(&key)
        };
        if changed {
            self.dataplane.hold(owner, holds);
        }
    }

    /// Notes where the peer of a connection is that may be at any address: its messages are among those of peers from
    /// now on.
    pub(super) fn meet(&mut self, key: ConnectionKey, peer: Option<IpAddr>) {
        if let Some(peer) = peer {
            self.queue.add_peer(peer);
        }
        let before = match peer {
            Some(peer) => self.met.insert(key, peer),
            None => self.met.remove(&key),
        };
        if let Some(before) = before {
            self.queue.remove_peer(before);
        }
    }

    fn refuse(&mut self, key: ConnectionKey, unsupported: &Unsupported, now: OffsetDateTime) {
        self.configured.remove(&key);
        self.command(Command::RemoveConnection(key));
        if let Some(tunnel) = self.tunnels.get_mut(&key) {
            tunnel.find(Finding::of_unsupported(now, unsupported));
        }
    }
}
