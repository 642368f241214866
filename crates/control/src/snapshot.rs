//! Everybody's gateways and connections with their counters, for metrics and readiness.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use adit_model::gateway::GatewayStatus;
use adit_model::observed::{Drops, Traffic, TunnelState};
use adit_model::{Connection, ConnectionId, GatewayId, Name};

use crate::Control;
use crate::error::Error;
use crate::view::Wish;

/// All there is, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// How many routers there are.
    pub routers: usize,
    /// All gateways.
    pub gateways: Vec<GatewaySnapshot>,
    /// How many changes the store could not keep since the start.
    pub write_failures: u64,
    /// How often something could not be made as wished, and was to be tried again.
    pub retries: u64,
}

/// One gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewaySnapshot {
    /// Which.
    pub id: GatewayId,
    /// Names are not unique: the id tells.
    pub name: Name,
    /// How it is.
    pub status: GatewayStatus,
    /// What it dropped.
    pub drops: Drops,
    /// IKE SAs whose peer has not shown who it is.
    pub half_open: u64,
    /// How often its worker was started.
    pub starts: u64,
    /// All that the store has, those that are down included.
    pub connections: Vec<ConnectionSnapshot>,
}

impl GatewaySnapshot {
    /// What went through all its tunnels.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let mut sum = Traffic::default();
        for Traffic {
            packets_in,
            bytes_in,
            packets_out,
            bytes_out,
        } in self.connections.iter().map(|c| c.traffic)
        {
            sum.packets_in = sum.packets_in.saturating_add(packets_in);
            sum.bytes_in = sum.bytes_in.saturating_add(bytes_in);
            sum.packets_out = sum.packets_out.saturating_add(packets_out);
            sum.bytes_out = sum.bytes_out.saturating_add(bytes_out);
        }
        sum
    }
}

/// One connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionSnapshot {
    /// Which.
    pub id: ConnectionId,
    /// Names are not unique: the id tells.
    pub name: Name,
    /// How its tunnel is.
    pub state: TunnelState,
    /// What went through it.
    pub traffic: Traffic,
    /// How often its keys were replaced while it was up.
    pub rekeys: u64,
}

impl Control {
    /// All there is, whosever it is. Not for tenants.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let now = self.now();
        let view = &self.0.view;
        let mut tx = self.read().await?;
        let routers = tx.all_routers().await?;
        let down: HashSet<_> = routers
            .iter()
            .filter(|router| !router.admin_state_up)
            .map(|router| router.id)
            .collect();
        let mut gateways = Vec::new();
        for gateway in tx.all_gateways().await? {
            let observed = view.gateway(&gateway, now);
            let router_is_up = !down.contains(&gateway.router);
            let wish = |row: &Connection| Wish::of(row, &gateway, router_is_up);
            let rows = tx.connections_of_gateway(gateway.id).await?;
            let connections: Vec<_> = rows
                .into_iter()
                .map(|row| ConnectionSnapshot {
                    id: row.id,
                    state: view.connection(&row, wish(&row), &observed, now).0,
                    traffic: view
                        .tunnel(row.gateway, row.id)
                        .map(|t| t.traffic)
                        .unwrap_or_default(),
                    rekeys: view.rekeys(row.gateway, row.id),
                    name: row.name,
                })
                .collect();
            let (drops, half_open) = view.load(gateway.id);
            gateways.push(GatewaySnapshot {
                id: gateway.id,
                name: gateway.name,
                status: observed.status,
                drops,
                half_open,
                starts: view.starts(gateway.id),
                connections,
            });
        }
        Ok(Snapshot {
            routers: routers.len(),
            gateways,
            write_failures: self.0.store.write_failures(),
            retries: self.0.retries.load(Ordering::Relaxed),
        })
    }

    /// Whether the store answers, and takes changes as far as is known.
    ///
    /// # Errors
    /// It doesn't.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.0.store.check().await?)
    }
}
