//! Gateways: VPN endpoints of a router, each with a public address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use adit_model::gateway::GatewayStatus;
use adit_model::{
    ConnectionId, Gateway, GatewayId, Name, Reason, Revision, Router, Subnet, SubnetId,
};
use adit_store::{Only, Query, Transaction};

use crate::error::{Error, Noun, Quota, Rule};
use crate::listed::{Listed, Part, listed};
use crate::{Caller, Control, Naming, attached_subnet, subnet};

/// What a gateway is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewGateway {
    /// What to call it.
    pub name: Name,
    /// Whether the name must be unique in the router.
    pub naming: Naming,
    /// The subnet it is made in.
    pub subnet: SubnetId,
}

/// A gateway, how it is, and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayView {
    /// The gateway.
    pub gateway: Gateway,
    /// How far it has come.
    pub status: GatewayStatus,
    /// Why it is not available.
    pub reasons: Vec<Reason>,
    /// The subnet it was made in, or else the first one on its router; a gateway on a router
    /// without any has none.
    pub subnet: Option<Subnet>,
    /// The router it serves.
    pub router: Router,
    /// A private address for each of its members, active first. They are set aside.
    pub private_addresses: Vec<IpAddr>,
    /// Its connections, oldest first.
    pub connections: Vec<(ConnectionId, Name)>,
}

impl Control {
    /// Makes a gateway; it has its public address at once.
    ///
    /// # Errors
    /// No such subnet; the name is taken, no address is left, a quota is used up.
    pub async fn create_gateway(
        &self,
        caller: &Caller,
        new: NewGateway,
    ) -> Result<GatewayView, Error> {
        let limits = &self.0.config.limits;
        let mut tx = self.change(caller).await?;
        let subnet = subnet::find(&mut *tx, caller, new.subnet).await?;
        let router = attached_subnet::router_of(&mut *tx, subnet.id).await?;
        let mine = tx.gateways(caller.project).await?;
        Error::over(Quota::Gateways, mine.len(), limits.gateways)?;
        let mut in_zone = 0;
        for other in &mine {
            let place = match other.subnet {
                Some(place) => tx.any_subnet(place).await?,
                None => None,
            };
            in_zone += usize::from(place.is_some_and(|place| place.zone == subnet.zone));
        }
        Error::over(Quota::GatewaysInZone, in_zone, limits.gateways_in_zone)?;
        let siblings = tx.gateways_of_router(router).await?;
        check_name(&siblings, &new.name, new.naming, None)?;
        let need = limits.addresses_of_gateway;
        let left = attached_subnet::available(&mut *tx, &subnet, need).await?;
        if left < need {
            let message = format!("a gateway needs {need} free addresses, the subnet has {left}");
            return Err(Error::conflict(Rule::NoPrivateAddress, message));
        }
        let row = Gateway {
            id: GatewayId::random(),
            project: caller.project,
            router,
            subnet: Some(subnet.id),
            name: new.name,
            description: String::new(),
            admin_state_up: true,
            addresses: self.free_outer(&mut *tx, caller.project, true).await?,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert(&row).await?;
        let view = self.gateway_view(&mut *tx, row).await?;
        let held = view.gateway.clone();
        tx.then(move |inner| inner.view.hold(&held));
        tx.commit().await?;
        Ok(view)
    }

    /// A part of the project's gateways, oldest first, as far as there is a subnet that they can be
    /// said to be on. What goes with each is in [`Self::gateway_views`].
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn gateways_on_subnets(
        &self,
        caller: &Caller,
        part: Part,
    ) -> Result<Listed<Gateway>, Error> {
        let mut tx = self.read().await?;
        let query = Query {
            only: Some(Only::OnSubnets),
            ..Query::of_project(caller.project)
        };
        Ok(listed::<Gateway>(&mut *tx, query, part).await?)
    }

    /// Gateways with what goes with them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn gateway_views(&self, rows: Vec<Gateway>) -> Result<Vec<GatewayView>, Error> {
        let mut tx = self.read().await?;
        let mut siblings = HashMap::new();
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            let siblings = match siblings.entry(row.router) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(tx.gateways_of_router(row.router).await?),
            };
            views.push(self.gateway_view_among(&mut *tx, row, siblings).await?);
        }
        Ok(views)
    }

    /// One gateway.
    ///
    /// # Errors
    /// It is not there.
    pub async fn gateway(&self, caller: &Caller, id: GatewayId) -> Result<GatewayView, Error> {
        let mut tx = self.read().await?;
        let row = find(&mut *tx, caller, id).await?;
        self.gateway_view(&mut *tx, row).await
    }

    /// Gives a gateway another name.
    ///
    /// # Errors
    /// It is not there, or the name is taken.
    pub async fn rename_gateway(
        &self,
        caller: &Caller,
        id: GatewayId,
        name: Name,
        naming: Naming,
    ) -> Result<GatewayView, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        let siblings = tx.gateways_of_router(row.router).await?;
        check_name(&siblings, &name, naming, Some(id))?;
        row.name = name;
        row.revision = tx.update(&row).await?;
        let view = self.gateway_view(&mut *tx, row).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Deletes a gateway with its connections, whatever state it is in.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_gateway(&self, caller: &Caller, id: GatewayId) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        for connection in tx.connections_of_gateway(id).await? {
            tx.delete(&connection).await?;
        }
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn gateway_view(
        &self,
        tx: &mut dyn Transaction,
        gateway: Gateway,
    ) -> Result<GatewayView, Error> {
        let siblings = tx.gateways_of_router(gateway.router).await?;
        self.gateway_view_among(tx, gateway, &siblings).await
    }

    async fn gateway_view_among(
        &self,
        tx: &mut dyn Transaction,
        gateway: Gateway,
        siblings: &[Gateway],
    ) -> Result<GatewayView, Error> {
        let observed = self.0.view.gateway(&gateway, self.now());
        let subnet = match gateway.subnet {
            Some(id) => tx.any_subnet(id).await?,
            None => {
                let on_router = attached_subnet::of_router(tx, gateway.router).await?;
                on_router.into_iter().next()
            }
        };
        let router = tx.any_router(gateway.router).await?;
        let connections = tx.connections_of_gateway(gateway.id).await?;
        let of_gateway = self.0.config.limits.addresses_of_gateway;
        Ok(GatewayView {
            status: observed.status,
            reasons: observed.reasons,
            router: router.ok_or(Error::NotFound(Noun::Router))?,
            private_addresses: subnet.as_ref().map_or_else(Vec::new, |subnet| {
                private_addresses(&gateway, subnet, siblings, of_gateway)
            }),
            connections: connections.into_iter().map(|c| (c.id, c.name)).collect(),
            subnet,
            gateway,
        })
    }
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: GatewayId,
) -> Result<Gateway, Error> {
    let row = tx.gateway(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::Gateway))
}

/// Two addresses from the end of the subnet, a block of them for each of its gateways.
fn private_addresses(
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

fn check_name(
    siblings: &[Gateway],
    name: &Name,
    naming: Naming,
    own: Option<GatewayId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    crate::check_name(Noun::Gateway, names, name, naming, own)
}
