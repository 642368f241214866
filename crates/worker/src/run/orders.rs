//! What the worker does with its orders. What is gone goes first: what comes may be for the same
//! peer and the same blocks.

use std::collections::BTreeSet;
use std::sync::Arc;

use adit_dataplane::{Dataplane, Routes};
use adit_ike::{Command, ConnectionKey};
use time::OffsetDateTime;

use super::{Lead, Worker};
use crate::conversion::{self, Unsupported};
use crate::protocol::{ChangeOrder, GatewayOrder, TunnelOrder};
use crate::reason::Finding;
use crate::tunnel::Tunnel;

impl Worker {
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

    fn replace(&mut self, gone: &[ConnectionKey], tunnels: &[TunnelOrder]) {
        self.lead(gone, tunnels);
        for key in gone {
            self.remove_tunnel(*key);
        }
        for tunnel in tunnels {
            self.apply_tunnel(tunnel);
        }
    }

    /// Tells the data plane which connection each packet belongs to, before anything else changes.
    fn lead(&mut self, gone: &[ConnectionKey], tunnels: &[TunnelOrder]) {
        let mut changed = false;
        for key in gone {
            changed |= self.leads.remove(key).is_some();
        }
        for tunnel in tunnels {
            let lead = Lead {
                blocks: conversion::blocks(tunnel),
                peer: tunnel.admin_state_up.then_some(tunnel.peer_address),
            };
            let key = conversion::key(tunnel.connection);
            changed |= self.leads.get(&key) != Some(&lead);
            self.leads.insert(key, lead);
        }
        if changed {
            let blocks = self.leads.values().map(|lead| &lead.blocks);
            self.dataplane.set_routes(Arc::new(Routes::new(blocks)));
            let peers = self.leads.values().filter_map(|lead| lead.peer).collect();
            self.queue.set_peers(&peers);
        }
    }

    fn apply_tunnel(&mut self, tunnel: &TunnelOrder) {
        let key = conversion::key(tunnel.connection);
        self.changed.insert(key);
        let Some(addresses) = self.addresses.filter(|_| tunnel.admin_state_up) else {
            return self.remove_tunnel(key);
        };
        let now = OffsetDateTime::now_utc();
        let known = self
            .tunnels
            .entry(key)
            .or_insert_with(|| Tunnel::new(tunnel.peer_address, now));
        let mtu = conversion::mtu(tunnel);
        if known.mtu != mtu {
            known.mtu = mtu;
            for (child, _) in self.owners.iter().filter(|(_, owner)| **owner == key) {
                if let Some(child) = self.children.get(child) {
                    child.set_mtu(&self.dataplane, mtu);
                }
            }
        }
        match conversion::config(addresses, tunnel) {
            Ok(config) if self.configured.get(&key) == Some(&config) => {}
            Ok(config) => {
                known.reconfigure(tunnel.peer_address, &config);
                self.configured.insert(key, config.clone());
                self.command(Command::SetConnection(key, Box::new(config)));
            }
            Err(unsupported) => self.refuse(key, &unsupported, now),
        }
    }

    fn remove_tunnel(&mut self, key: ConnectionKey) {
        if self.tunnels.contains_key(&key) {
            self.command(Command::RemoveConnection(key));
            self.drain();
            self.configured.remove(&key);
            self.tunnels.remove(&key);
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
