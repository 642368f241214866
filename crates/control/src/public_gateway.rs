//! Public gateways: ways outside for the subnets that are attached to them. At most one in each zone of
//! a router.

use adit_model::{
    FloatingIpId, Name, PublicGateway, PublicGatewayId, ResourceGroup, Revision, Router, RouterId,
    Subnet, SubnetId,
};
use adit_store::{Query, Transaction};

use crate::error::{Error, Noun, Quota, Rule};
use crate::floating_ip::{self, NewFloatingIp};
use crate::listed::{Listed, Part, listed};
use crate::rules::{self, Naming, OnDelete};
use crate::{Caller, Control, on_router, router, subnet};

/// How many there may be in a zone of a router.
const IN_ZONE: usize = 1;

/// Which address a public gateway is to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// That of a floating IP which stands for nothing.
    Known(FloatingIpId),
    /// That of one that is made with it, and goes with it.
    New {
        /// What to call it.
        name: Name,
        /// The group to put it in.
        resource_group: Option<ResourceGroup>,
    },
}

/// What a public gateway is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPublicGateway {
    /// What to call it.
    pub name: Name,
    /// The group to put it in.
    pub resource_group: Option<ResourceGroup>,
    /// The router it is of.
    pub router: RouterId,
    /// See [`PublicGateway::zone`].
    pub zone: String,
    /// Its address.
    pub address: Address,
}

/// A public gateway with what is around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicGatewayView {
    /// As the store has it.
    pub row: PublicGateway,
    /// Whose address it has.
    pub floating_ip: adit_model::FloatingIp,
    /// The router it is of.
    pub router: Router,
}

impl Control {
    /// Makes a public gateway. Its router has a way outside from then on.
    ///
    /// # Errors
    /// The router or the floating IP is not there, that is used or in another zone, the name is taken, a
    /// quota is used up, or no address is left.
    pub async fn create_public_gateway(
        &self,
        caller: &Caller,
        rules: floating_ip::Rules,
        new: NewPublicGateway,
    ) -> Result<PublicGatewayView, Error> {
        let mut tx = self.change(caller).await?;
        let router = router::find(&mut *tx, caller, new.router).await?;
        let siblings = tx.public_gateways(router.project).await?;
        check_name(&siblings, &new.name, None)?;
        let here = |row: &&PublicGateway| row.router == router.id && row.zone == new.zone;
        let count = siblings.iter().filter(here).count();
        Quota::PublicGatewaysInZone.check(count, IN_ZONE)?;
        let owns_floating_ip = matches!(new.address, Address::New { .. });
        let floating_ip = match new.address {
            Address::Known(id) => {
                let known = floating_ip::find(&mut *tx, caller, id).await?;
                floating_ip::check_free(&mut *tx, &known).await?;
                if !known.zone.is_empty() && known.zone != new.zone {
                    let message = format!(
                        "the floating IP is of the zone {}, and the public gateway of {}",
                        known.zone, new.zone
                    );
                    return Err(Error::invalid("floating_ip", Rule::Reference, message));
                }
                known
            }
            Address::New {
                name,
                resource_group,
            } => {
                let wished = NewFloatingIp {
                    name,
                    resource_group,
                    zone: new.zone.clone(),
                    ..NewFloatingIp::of(self.external_network()?)
                };
                let made = self.insert_floating_ip(&mut tx, caller, rules, wished);
                made.await?
            }
        };
        let row = PublicGateway {
            id: PublicGatewayId::random(),
            project: router.project,
            resource_group: new.resource_group,
            router: router.id,
            zone: new.zone,
            name: new.name,
            floating_ip: floating_ip.id,
            owns_floating_ip,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert(&row).await?;
        self.ensure_way_outside(&mut tx, caller, router.id).await?;
        tx.commit().await?;
        Ok(PublicGatewayView {
            row,
            floating_ip,
            router,
        })
    }

    /// A part of the project's public gateways, oldest first. What goes with each is in
    /// [`Self::public_gateway_views`].
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn public_gateways(
        &self,
        caller: &Caller,
        part: Part,
    ) -> Result<Listed<PublicGateway>, Error> {
        let mut tx = self.read().await?;
        let query = Query::of_project(caller.project);
        Ok(listed::<PublicGateway>(&mut *tx, query, part).await?)
    }

    /// Public gateways with what is around them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn public_gateway_views(
        &self,
        rows: Vec<PublicGateway>,
    ) -> Result<Vec<PublicGatewayView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(view(&mut *tx, row).await?);
        }
        Ok(views)
    }

    /// One public gateway.
    ///
    /// # Errors
    /// It is not there.
    pub async fn public_gateway_view(
        &self,
        caller: &Caller,
        id: PublicGatewayId,
    ) -> Result<PublicGatewayView, Error> {
        let mut tx = self.read().await?;
        let row = find(&mut *tx, caller, id).await?;
        view(&mut *tx, row).await
    }

    /// Renames a public gateway.
    ///
    /// # Errors
    /// It is not there, or the name is taken.
    pub async fn update_public_gateway(
        &self,
        caller: &Caller,
        id: PublicGatewayId,
        expected: Option<Revision>,
        name: Option<Name>,
    ) -> Result<PublicGateway, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        if let Some(name) = name {
            let siblings = tx.public_gateways(row.project).await?;
            check_name(&siblings, &name, Some(id))?;
            row.name = name;
        }
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a public gateway, with its floating IP if that was made with it, and its router's way
    /// outside if nothing else needs it.
    ///
    /// # Errors
    /// It is not there, or subnets are attached to it and are in the way.
    pub async fn delete_public_gateway(
        &self,
        caller: &Caller,
        on_delete: OnDelete,
        id: PublicGatewayId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        let subnets = tx.subnets_of_public_gateway(id).await?;
        if on_delete == OnDelete::Restrict {
            let users = subnets.iter().map(|row| row.id.uuid());
            Error::used(Noun::PublicGateway, Noun::Subnet, users)?;
        }
        for mut subnet in subnets {
            subnet.public_gateway = None;
            subnet.updated_at = self.now();
            tx.update(&subnet).await?;
        }
        tx.delete(&row).await?;
        if row.owns_floating_ip
            && let Some(floating) = tx.any_floating_ip(row.floating_ip).await?
        {
            tx.delete(&floating).await?;
        }
        self.release_way_outside(&mut tx, row.router).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Has a subnet's machines get outside by a public gateway, or by none.
    ///
    /// # Errors
    /// One of them is not there, or they are not of one router and one zone.
    pub async fn attach_public_gateway(
        &self,
        caller: &Caller,
        id: SubnetId,
        gateway: Option<PublicGatewayId>,
    ) -> Result<Subnet, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = subnet::find(&mut *tx, caller, id).await?;
        let router = on_router::router_of(&mut *tx, id).await?;
        if let Some(gateway) = gateway {
            let gateway = find(&mut *tx, caller, gateway).await?;
            if gateway.router != router || gateway.zone != row.zone {
                let message = format!(
                    "the public gateway {} is for subnets of the router {} in the zone {}",
                    gateway.id, gateway.router, gateway.zone
                );
                return Err(Error::invalid("public_gateway", Rule::Reference, message));
            }
        }
        if row.public_gateway != gateway {
            row.public_gateway = gateway;
            row.updated_at = self.now();
            row.revision = tx.update(&row).await?;
        }
        tx.commit().await?;
        Ok(row)
    }
}

async fn view(tx: &mut dyn Transaction, row: PublicGateway) -> Result<PublicGatewayView, Error> {
    let router = tx.any_router(row.router).await?;
    let floating_ip = tx.any_floating_ip(row.floating_ip).await?;
    Ok(PublicGatewayView {
        router: router.ok_or(Error::NotFound(Noun::Router))?,
        floating_ip: floating_ip.ok_or(Error::NotFound(Noun::FloatingIp))?,
        row,
    })
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: PublicGatewayId,
) -> Result<PublicGateway, Error> {
    let row = tx.public_gateway(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::PublicGateway))
}

fn check_name(
    siblings: &[PublicGateway],
    name: &Name,
    own: Option<PublicGatewayId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::PublicGateway, names, name, Naming::Unique, own)
}
