//! Connections that come, change and go.

use crate::config::{ConnectionConfig, ConnectionKey};
use crate::endpoint::Endpoint;
use crate::endpoint::connection::Connection;
use crate::sa::{Farewell, Order, Role, Stage};
use crate::time::Instant;

/// Whether going from `old` to `new` leaves IKE SAs good, and the Child SAs that are wanted still.
fn leaves_ike_good(old: &ConnectionConfig, new: &ConnectionConfig) -> bool {
    let mut aligned = new.clone();
    aligned.liveness = old.liveness;
    aligned.initiate = old.initiate;
    aligned.ike_lifetime = old.ike_lifetime;
    aligned.child_lifetime = old.child_lifetime;
    aligned.children.clone_from(&old.children);
    aligned == *old
}

impl Endpoint {
    pub(super) fn set_connection(
        &mut self,
        now: Instant,
        key: ConnectionKey,
        config: ConnectionConfig,
    ) {
        if let Some(connection) = self.connections.get(&key)
            && leaves_ike_good(&connection.config, &config)
        {
            let asks = self.survivor(key).and_then(|sa| self.sas.get(sa));
            let role = asks.map_or(Role::Initiator, |sa| sa.place().role);
            let Some(connection) = self.connections.get_mut(&key) else {
                return;
            };
            let config = connection.change(now, role, config);
            for sa in self.sas.keys_of_connection(key) {
                self.with_sa(now, sa, |ctx, sa| sa.reconfigure(ctx, &config));
            }
            if let Some(neighbours) = self.by_addresses.get_mut(&(config.local, config.remote)) {
                neighbours.changed();
            }
            self.touched.insert(key);
            return;
        }
        self.remove_connection(now, key);
        let addresses = (config.local, config.remote);
        self.by_addresses.entry(addresses).or_default().add(key);
        let identities = (config.local_id.clone(), config.remote_id.clone());
        self.by_identities
            .entry(identities)
            .or_default()
            .insert(key);
        self.connections.insert(key, Connection::new(now, config));
        self.touched.insert(key);
    }

    pub(super) fn remove_connection(&mut self, now: Instant, key: ConnectionKey) {
        let Some(gone) = self.connections.remove(&key) else {
            return;
        };
        if let Some(planned) = gone.planned {
            self.plans.remove(&(planned, key));
        }
        let addresses = (gone.config.local, gone.config.remote);
        if let Some(neighbours) = self.by_addresses.get_mut(&addresses) {
            neighbours.remove(key);
            if neighbours.is_empty() {
                self.by_addresses.remove(&addresses);
            }
        }
        let identities = (gone.config.local_id.clone(), gone.config.remote_id.clone());
        if let Some(keys) = self.by_identities.get_mut(&identities) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_identities.remove(&identities);
            }
        }
        for sa in self.sas.half_open_keys_at(gone.config.remote) {
            if self.could_become(sa, key) {
                self.sas.forget(sa);
            }
        }
        for sa in self.sas.keys_of_connection(key) {
            match self.sas.get(sa).map(|sa| sa.stage()) {
                Some(Stage::Begun) => drop(self.sas.forget(sa)),
                // Nothing of a connection that is not wanted lingers.
                Some(Stage::InUse | Stage::Ending | Stage::Proving) => {
                    self.order(now, sa, Order::Close(Farewell::AtOnce));
                }
                Some(Stage::HalfOpen(_)) | None => {}
            }
        }
    }
}
