//! Gateways: VPN endpoints of a router, each with public addresses. One set of use cases for every
//! face; in what a face's original is different, it says by its [`Rules`].

mod view;

use adit_model::gateway::GatewayMode;
use adit_model::{
    Gateway, GatewayId, Name, ResourceGroup, Revision, Router, RouterId, Subnet, SubnetId,
};
use adit_store::{Only, Query, Transaction};

use crate::error::{Error, Noun, Quota, Rule};
use crate::listed::{Listed, Part, listed};
use crate::misfit::Misfit;
use crate::resource::Resource;
use crate::rules::{self, Allowance, Naming, OnDelete};
use crate::{Caller, Control, address, on_router, route, router, subnet};
pub(crate) use view::private_addresses;
pub use view::{GatewaySurroundings, GatewayView};

/// In what a face differs from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether names are unique among the gateways of a router.
    pub naming: Naming,
    /// Which limits count: the operator's for everybody, those on a zone among them, or the project's.
    pub allowance: Allowance,
    /// What becomes of a gateway's connections.
    pub on_delete: OnDelete,
}

/// Where a gateway is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a subnet, where addresses are set aside for it; it serves the router that the subnet is on.
    Subnet(SubnetId),
    /// On a router with a way outside.
    Router {
        /// One of the same project.
        id: RouterId,
        /// The one subnet of it that connections lead to, unless they say themselves.
        subnet: Option<SubnetId>,
    },
}

/// What a gateway is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewGateway {
    /// What to call it.
    pub name: Name,
    /// The group to put it in.
    pub resource_group: Option<ResourceGroup>,
    /// What to say of it.
    pub description: String,
    /// Where it is made.
    pub place: Place,
    /// By what packets' ways into its tunnels are chosen; it stays.
    pub mode: GatewayMode,
    /// Whether its connections are wanted up.
    pub admin_state_up: bool,
}

/// What to change of a gateway; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewGateway")]
pub struct GatewayChange {
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
    pub name: Option<Name>,
    pub description: Option<String>,
    pub admin_state_up: Option<bool>,
}

impl Control {
    /// Makes a gateway; it has its public addresses at once.
    ///
    /// # Errors
    /// Its place is not there or can't have one, the name is taken, no address is left, a quota is
    /// used up.
    pub async fn create_gateway(
        &self,
        caller: &Caller,
        rules: Rules,
        new: NewGateway,
    ) -> Result<GatewayView, Error> {
        let mut tx = self.change(caller).await?;
        if rules.allowance == Allowance::OfProject {
            self.check_quota(&mut *tx, caller.project, Resource::Gateway)
                .await?;
        }
        let site = find_site(&mut *tx, caller, new.place).await?;
        if rules.allowance == Allowance::Fixed {
            self.check_limits(&mut *tx, caller, &site).await?;
        }
        check_name(&mut *tx, site.router.id, &new.name, rules.naming, None).await?;
        if let (Place::Subnet(_), Some(subnet)) = (new.place, &site.subnet) {
            self.check_private_addresses(&mut *tx, subnet).await?;
        }
        let project = caller.project;
        let row = Gateway {
            id: GatewayId::random(),
            project,
            resource_group: new.resource_group,
            router: site.router.id,
            subnet: site.subnet.as_ref().map(|subnet| subnet.id),
            name: new.name,
            description: new.description,
            admin_state_up: new.admin_state_up,
            addresses: self
                .free_outer(&mut *tx, project, new.mode, site.with_v6)
                .await?,
            host: site.router.host,
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
    /// said to be on. How each is, and what is around it, is in [`Self::gateway_views`] and
    /// [`Self::gateway_surroundings`].
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

    /// The gateways that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_gateways(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<GatewayView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::new();
        for row in tx.page_gateways(caller.within(query)).await? {
            views.push(self.gateway_view(&mut *tx, row).await?);
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

    /// Changes a gateway.
    ///
    /// # Errors
    /// It is not there, or of another revision, or the name is taken.
    pub async fn update_gateway(
        &self,
        caller: &Caller,
        rules: Rules,
        id: GatewayId,
        change: GatewayChange,
    ) -> Result<GatewayView, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(change.expected, row.revision)?;
        if let Some(name) = change.name {
            check_name(&mut *tx, row.router, &name, rules.naming, Some(id)).await?;
            row.name = name;
        }
        row.description = change.description.unwrap_or(row.description);
        row.admin_state_up = change.admin_state_up.unwrap_or(row.admin_state_up);
        row.revision = tx.update(&row).await?;
        let view = self.gateway_view(&mut *tx, row).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Deletes a gateway, whatever state it is in.
    ///
    /// # Errors
    /// It is not there, or of another revision, or has connections that are in the way, or routes lead to them.
    pub async fn delete_gateway(
        &self,
        caller: &Caller,
        rules: Rules,
        id: GatewayId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        match rules.on_delete {
            OnDelete::Cascade => {
                for connection in tx.connections_of_gateway(id).await? {
                    route::check_unused(&mut *tx, Noun::Gateway, connection.id).await?;
                    tx.delete(&connection).await?;
                }
            }
            OnDelete::Restrict => check_unused(&mut *tx, id).await?,
        }
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Deletes a gateway that was made for something else, if it is still there and has no connection.
    pub(crate) async fn delete_unused_gateway(
        &self,
        caller: &Caller,
        rules: Rules,
        id: GatewayId,
    ) -> Result<(), Error> {
        let mut tx = self.read().await?;
        let is_unused = tx.gateway(caller.project, id).await?.is_some()
            && tx.connections_of_gateway(id).await?.is_empty();
        drop(tx);
        match is_unused {
            true => self.delete_gateway(caller, rules, id, None).await,
            false => Ok(()),
        }
    }

    /// Refuses one more than everybody may have.
    async fn check_limits(
        &self,
        tx: &mut dyn Transaction,
        caller: &Caller,
        site: &Site,
    ) -> Result<(), Error> {
        let limits = &self.0.config.limits;
        let mine = tx.gateways(caller.project).await?;
        Quota::Gateways.check(mine.len(), limits.gateways)?;
        let Some(subnet) = &site.subnet else {
            return Ok(());
        };
        let mut in_zone = 0;
        for other in mine.iter().filter_map(|other| other.subnet) {
            let place = tx.any_subnet(other).await?;
            in_zone += usize::from(place.is_some_and(|place| place.zone == subnet.zone));
        }
        Quota::GatewaysInZone.check(in_zone, limits.gateways_in_zone)
    }

    /// Refuses a subnet that has no addresses to be set aside.
    async fn check_private_addresses(
        &self,
        tx: &mut dyn Transaction,
        subnet: &Subnet,
    ) -> Result<(), Error> {
        let need = self.0.config.limits.addresses_of_gateway;
        let left = address::available(tx, subnet, need).await?;
        if left < need {
            let message = format!("a gateway needs {need} free addresses, the subnet has {left}");
            return Err(Error::conflict(Rule::NoPrivateAddress, message));
        }
        Ok(())
    }
}

/// A place that was found.
struct Site {
    router: Router,
    subnet: Option<Subnet>,
    /// Whether a gateway there gets an IPv6 address, where there are any.
    with_v6: bool,
}

async fn find_site(tx: &mut dyn Transaction, caller: &Caller, place: Place) -> Result<Site, Error> {
    match place {
        Place::Subnet(id) => {
            let subnet = subnet::find(tx, caller, id).await?;
            let router = on_router::router_of(tx, subnet.id).await?;
            let router = tx.any_router(router).await?;
            Ok(Site {
                router: router.ok_or(Error::NotFound(Noun::Router))?,
                subnet: Some(subnet),
                with_v6: true,
            })
        }
        Place::Router { id, subnet } => {
            let router = router::find(tx, caller, id).await?;
            let subnet = match subnet {
                Some(subnet) => Some(find_on_router(tx, id, subnet).await?),
                None => None,
            };
            let external = router.external.ok_or(Misfit::RouterNotExternal(id))?;
            Ok(Site {
                router,
                subnet,
                with_v6: external.addresses.v6.is_some(),
            })
        }
    }
}

async fn find_on_router(
    tx: &mut dyn Transaction,
    router: RouterId,
    subnet: SubnetId,
) -> Result<Subnet, Error> {
    let known = on_router::subnets(tx, router).await?;
    let mut known = known.into_iter();
    let found = known.find(|row| row.id == subnet);
    found.ok_or_else(|| Misfit::SubnetNotOnRouter { subnet, router }.into())
}

async fn check_unused(tx: &mut dyn Transaction, id: GatewayId) -> Result<(), Error> {
    let query = Query {
        limit: Some(1),
        ..Query::hanging_on(Noun::Gateway, id.uuid())
    };
    let users = tx.page_connections(query).await?;
    let users = users.iter().map(|row| row.id.uuid());
    Error::used(Noun::Gateway, Noun::Connection, users)
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: GatewayId,
) -> Result<Gateway, Error> {
    let row = tx.gateway(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::Gateway))
}

async fn check_name(
    tx: &mut dyn Transaction,
    router: RouterId,
    name: &Name,
    naming: Naming,
    own: Option<GatewayId>,
) -> Result<(), Error> {
    if naming == Naming::Free {
        return Ok(());
    }
    let siblings = tx.gateways_of_router(router).await?;
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::Gateway, names, name, naming, own)
}
