//! A gateway as it is shown, with what is seen of it and what is around it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use adit_model::gateway::GatewayStatus;
use adit_model::observed::Drops;
use adit_model::{ConnectionId, Gateway, Name, Reason, Router, Subnet};
use adit_store::Transaction;

use crate::error::{Error, Noun};
use crate::{Control, on_router};

/// A gateway, how it is, and its router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayView {
    /// As the store has it.
    pub gateway: Gateway,
    /// How far it has come.
    pub status: GatewayStatus,
    /// Why it is not available.
    pub reasons: Vec<Reason>,
    /// The router it serves.
    pub router: Router,
    /// What it dropped since its worker was started, by cause.
    pub drops: Drops,
    /// Its IKE SAs whose peer has not shown who it is.
    pub half_open: u64,
}

/// What is around a gateway, for dialects that show it with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewaySurroundings {
    /// The subnet it was made in, or else the first one on its router; a gateway on a router
    /// without any has none.
    pub subnet: Option<Subnet>,
    /// A private address for each of its members, active first. They are set aside.
    pub private_addresses: Vec<IpAddr>,
    /// Its connections, oldest first.
    pub connections: Vec<(ConnectionId, Name)>,
}

impl Control {
    /// How gateways are.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn gateway_views(&self, rows: Vec<Gateway>) -> Result<Vec<GatewayView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(self.gateway_view(&mut *tx, row).await?);
        }
        Ok(views)
    }

    /// What is around each of these gateways.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn gateway_surroundings(
        &self,
        views: &[GatewayView],
    ) -> Result<Vec<GatewaySurroundings>, Error> {
        let mut tx = self.read().await?;
        let mut siblings = HashMap::new();
        let mut all = Vec::with_capacity(views.len());
        for GatewayView { gateway, .. } in views {
            let siblings = match siblings.entry(gateway.router) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(tx.gateways_of_router(gateway.router).await?),
            };
            let of_gateway = self.0.config.limits.addresses_of_gateway;
            all.push(surroundings(&mut *tx, gateway, siblings, of_gateway).await?);
        }
        Ok(all)
    }

    pub(super) async fn gateway_view(
        &self,
        tx: &mut dyn Transaction,
        gateway: Gateway,
    ) -> Result<GatewayView, Error> {
        let router = tx.any_router(gateway.router).await?;
        let observed = self.0.view.gateway(&gateway, self.now());
        let (drops, half_open) = self.0.view.load(gateway.id);
        Ok(GatewayView {
            drops,
            half_open,
            status: observed.status,
            reasons: observed.reasons,
            router: router.ok_or(Error::NotFound(Noun::Router))?,
            gateway,
        })
    }
}

async fn surroundings(
    tx: &mut dyn Transaction,
    gateway: &Gateway,
    siblings: &[Gateway],
    of_gateway: u64,
) -> Result<GatewaySurroundings, Error> {
    let subnet = match gateway.subnet {
        Some(id) => tx.any_subnet(id).await?,
        None => {
            let known = on_router::subnets(tx, gateway.router).await?;
            known.into_iter().next()
        }
    };
    let connections = tx.connections_of_gateway(gateway.id).await?;
    Ok(GatewaySurroundings {
        private_addresses: subnet.as_ref().map_or_else(Vec::new, |subnet| {
            private_addresses(gateway, subnet, siblings, of_gateway)
        }),
        connections: connections.into_iter().map(|c| (c.id, c.name)).collect(),
        subnet,
    })
}

/// Two addresses from the end of the subnet, a block of them for each of its gateways.
pub(crate) fn private_addresses(
    gateway: &Gateway,
    subnet: &Subnet,
    siblings: &[Gateway],
    of_gateway: u64,
) -> Vec<IpAddr> {
    let here = siblings
        .iter()
        .filter(|other| other.subnet == Some(subnet.id));
    let before = here.take_while(|other| other.id != gateway.id).count() as u64;
    let end = subnet.cidr.address_count().saturating_sub(2);
    let from_end = before.saturating_mul(of_gateway);
    (0..2)
        .filter_map(|member| end.checked_sub(from_end.saturating_add(member)))
        .filter_map(|index| subnet.cidr.nth(index))
        .collect()
}
