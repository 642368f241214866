//! Routers: a project's routing domains, and their ways outside.

use std::net::{Ipv4Addr, Ipv6Addr};

use adit_model::router::ExternalGateway;
use adit_model::subnet::StaticRoute;
use adit_model::{
    HostId, Name, NetworkId, OuterAddresses, Port, ResourceGroup, Revision, Router, RouterId,
};
use adit_store::{Query, Transaction};

use crate::error::{Error, Noun, Quota, Rule};
use crate::external_address::UsedAddresses;
use crate::listed::{Listed, Part, listed};
use crate::resource::Resource;
use crate::rules::{self, Allowance, Naming, OnDelete};
use crate::{Caller, Control, network, network_acl, on_router, security_group};

/// A way outside that is wished for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WishedExternal {
    /// The external network.
    pub network: NetworkId,
    /// The IPv4 address; a free one if none is named.
    pub v4: Option<Ipv4Addr>,
    /// The IPv6 address.
    pub v6: WishedV6,
    /// Whether IPv4 that leaves gets the router's address as its source.
    pub enable_snat: bool,
}

impl WishedExternal {
    /// Free addresses of the network, and IPv4 that leaves by the router's.
    #[must_use]
    pub fn by(network: NetworkId) -> Self {
        Self {
            network,
            v4: None,
            v6: WishedV6::Free,
            enable_snat: true,
        }
    }

    /// Whether these addresses are as wished; `has_v6` is whether there are any of IPv6.
    fn is_met_by(self, known: OuterAddresses, has_v6: bool) -> bool {
        let v6 = match self.v6 {
            WishedV6::Free => known.v6.is_some() == has_v6,
            WishedV6::Named(v6) => known.v6 == Some(v6),
            WishedV6::Without => known.v6.is_none(),
        };
        v6 && self.v4.is_none_or(|v4| v4 == known.v4)
    }
}

/// An IPv6 address outside that is wished for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WishedV6 {
    /// The one there is, or else a free one, if there are any.
    #[default]
    Free,
    /// This one.
    Named(Ipv6Addr),
    /// None.
    Without,
}

/// What a router is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRouter {
    /// What to call it.
    pub name: Name,
    /// The group to put it in.
    pub resource_group: Option<ResourceGroup>,
    /// Whether the name must be unique in the project.
    pub naming: Naming,
    /// Which limit counts.
    pub allowance: Allowance,
    /// What to say of it.
    pub description: String,
    /// Whether it forwards.
    pub admin_state_up: bool,
    /// Its way outside.
    pub external: Option<WishedExternal>,
}

/// What to change of a router; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RouterChange {
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
    /// Its name, and whether it must be unique.
    pub name: Option<(Name, Naming)>,
    /// What is said of it.
    pub description: Option<String>,
    /// Whether it forwards.
    pub admin_state_up: Option<bool>,
    /// Its way outside; `Some(None)` is none.
    pub external: Option<Option<WishedExternal>>,
    /// Ways to blocks by neighbours on its subnets.
    pub routes: Option<Vec<StaticRoute>>,
}

impl Control {
    /// Makes a router.
    ///
    /// # Errors
    /// The name is taken, there is no such way outside, or the quota is used up.
    pub async fn create_router(&self, caller: &Caller, new: NewRouter) -> Result<Router, Error> {
        let mut tx = self.change(caller).await?;
        match new.allowance {
            Allowance::Fixed => {
                let count = tx.count_routers(caller.project).await?;
                Quota::Routers.check(count, self.0.config.limits.routers)?;
            }
            Allowance::OfProject => {
                self.check_quota(&mut *tx, caller.project, Resource::Router)
                    .await?;
            }
        }
        if new.naming == Naming::Unique {
            let siblings = tx.routers(caller.project).await?;
            check_name(&siblings, &new.name, new.naming, None)?;
        }
        let external = match new.external {
            Some(wished) => Some(self.way_outside(&mut *tx, caller, None, wished).await?),
            None => None,
        };
        let now = self.now();
        let row = Router {
            id: RouterId::random(),
            project: caller.project,
            resource_group: new.resource_group,
            name: new.name,
            description: new.description,
            admin_state_up: new.admin_state_up,
            external,
            routes: Vec::new(),
            host: HostId::ONLY,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        tx.insert(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// A part of the project's routers, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn routers(&self, caller: &Caller, part: Part) -> Result<Listed<Router>, Error> {
        let mut tx = self.read().await?;
        let query = Query::of_project(caller.project);
        Ok(listed::<Router>(&mut *tx, query, part).await?)
    }

    /// The routers that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_routers(&self, caller: &Caller, query: Query) -> Result<Vec<Router>, Error> {
        let mut tx = self.read().await?;
        Ok(tx.page_routers(caller.within(query)).await?)
    }

    /// One router.
    ///
    /// # Errors
    /// It is not there.
    pub async fn router(&self, caller: &Caller, id: RouterId) -> Result<Router, Error> {
        let mut tx = self.read().await?;
        find(&mut *tx, caller, id).await
    }

    /// A router's interfaces, oldest first.
    ///
    /// # Errors
    /// There is no such router.
    pub async fn router_interfaces(
        &self,
        caller: &Caller,
        id: RouterId,
    ) -> Result<Vec<Port>, Error> {
        let mut tx = self.read().await?;
        find(&mut *tx, caller, id).await?;
        Ok(tx.ports_of_router(id).await?)
    }

    /// Changes a router.
    ///
    /// # Errors
    /// It is not there, the name is taken, there is no such way outside, gateways or floating IPs
    /// need the one there is, or a route's neighbour is on none of its subnets.
    pub async fn update_router(
        &self,
        caller: &Caller,
        id: RouterId,
        change: RouterChange,
    ) -> Result<Router, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(change.expected, row.revision)?;
        if let Some((name, naming)) = change.name {
            if naming == Naming::Unique {
                let siblings = tx.routers(row.project).await?;
                check_name(&siblings, &name, naming, Some(id))?;
            }
            row.name = name;
        }
        row.description = change.description.unwrap_or(row.description);
        row.admin_state_up = change.admin_state_up.unwrap_or(row.admin_state_up);
        match change.external {
            Some(Some(wished)) => {
                let known = row.external;
                let external = self.way_outside(&mut *tx, caller, known, wished).await?;
                check_families(&mut *tx, id, external.addresses).await?;
                row.external = Some(external);
            }
            Some(None) if row.external.is_some() => {
                check_way_unused(&mut *tx, id).await?;
                row.external = None;
            }
            Some(None) | None => {}
        }
        if let Some(routes) = change.routes {
            let subnets = on_router::subnets(&mut *tx, id).await?;
            for route in &routes {
                if !subnets
                    .iter()
                    .any(|subnet| subnet.cidr.contains(route.nexthop))
                {
                    let message = format!(
                        "the next hop {} is on none of the router's subnets",
                        route.nexthop
                    );
                    return Err(Error::invalid("routes", Rule::AddressOutside, message));
                }
            }
            row.routes = routes;
        }
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a router, with its security groups and network ACLs.
    ///
    /// # Errors
    /// It is not there, has interfaces, gateways or public gateways, or a port has one of its groups.
    pub async fn delete_router(
        &self,
        caller: &Caller,
        id: RouterId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        let ports = tx.ports_of_router(id).await?;
        Error::used(
            Noun::Router,
            Noun::Port,
            ports.iter().map(|row| row.id.uuid()),
        )?;
        let gateways = tx.gateways_of_router(id).await?;
        let gateways = gateways.iter().map(|row| row.id.uuid());
        Error::used(Noun::Router, Noun::Gateway, gateways)?;
        check_without_public_gateways(&mut *tx, id).await?;
        for group in tx.security_groups_of_router(id).await? {
            let ports = tx.ports_of_security_group(group.id).await?;
            let ports = ports.iter().map(|row| row.id.uuid());
            Error::used(Noun::Router, Noun::Port, ports)?;
            security_group::delete(&mut tx, &group, OnDelete::Cascade).await?;
        }
        network_acl::delete_of_router(&mut tx, id).await?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The way outside for a wish; the addresses that the router has already stay.
    pub(crate) async fn way_outside(
        &self,
        tx: &mut dyn Transaction,
        caller: &Caller,
        known: Option<ExternalGateway>,
        wished: WishedExternal,
    ) -> Result<ExternalGateway, Error> {
        let network = network::visible(tx, caller, wished.network).await?;
        if network.id != self.external_network()? {
            let message = format!("the network {} does not lead outside from here", network.id);
            return Err(Error::invalid("external", Rule::Reference, message));
        }
        let known = known.filter(|known| known.network == network.id);
        let known = known.map(|known| known.addresses);
        let has_v6 = self.0.config.external_v6.is_some();
        let addresses = match known.filter(|known| wished.is_met_by(*known, has_v6)) {
            Some(known) => known,
            None => {
                let taken = self.taken_outside(tx, caller.project).await?;
                self.wished_addresses(&taken, known, wished)?
            }
        };
        Ok(ExternalGateway {
            network: network.id,
            addresses,
            enable_snat: wished.enable_snat,
            on_demand: false,
        })
    }

    /// The addresses for a wish: what the router has of them, and of the others free ones.
    fn wished_addresses(
        &self,
        taken: &UsedAddresses,
        known: Option<OuterAddresses>,
        wished: WishedExternal,
    ) -> Result<OuterAddresses, Error> {
        let kept = known.map(|known| known.v4);
        let kept = kept.filter(|kept| wished.v4.is_none_or(|v4| v4 == *kept));
        let v4 = match kept {
            Some(kept) => kept,
            None => self.free_v4(taken, wished.v4.map(Into::into))?,
        };
        let kept = known.and_then(|known| known.v6);
        let v6 = match wished.v6 {
            WishedV6::Without => None,
            WishedV6::Named(v6) if kept != Some(v6) => self.free_v6(taken, Some(v6.into()))?,
            WishedV6::Free if kept.is_none() => self.free_v6(taken, None)?,
            WishedV6::Named(_) | WishedV6::Free => kept,
        };
        Ok(OuterAddresses { v6, ..v4.into() })
    }
}

/// Refuses when gateways, floating IPs or public gateways need the router's way outside.
async fn check_way_unused(tx: &mut dyn Transaction, id: RouterId) -> Result<(), Error> {
    let gateways = tx.gateways_of_router(id).await?;
    let gateways = gateways.iter().map(|row| row.id.uuid());
    Error::used(Noun::Router, Noun::Gateway, gateways)?;
    let floating = tx.floating_ips_of_router(id).await?;
    let floating = floating.iter().map(|row| row.id.uuid());
    Error::used(Noun::Router, Noun::FloatingIp, floating)?;
    check_without_public_gateways(tx, id).await
}

async fn check_without_public_gateways(
    tx: &mut dyn Transaction,
    id: RouterId,
) -> Result<(), Error> {
    let gateways = tx.public_gateways_of_router(id).await?;
    let gateways = gateways.iter().map(|row| row.id.uuid());
    Error::used(Noun::Router, Noun::PublicGateway, gateways)
}

/// Refuses to take a family from a router whose gateways have addresses of it.
async fn check_families(
    tx: &mut dyn Transaction,
    id: RouterId,
    addresses: OuterAddresses,
) -> Result<(), Error> {
    if addresses.v6.is_some() {
        return Ok(());
    }
    let gateways = tx.gateways_of_router(id).await?;
    let users = gateways.iter().filter(|row| row.addresses.v6.is_some());
    Error::used(Noun::Router, Noun::Gateway, users.map(|row| row.id.uuid()))
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: RouterId,
) -> Result<Router, Error> {
    let row = tx.router(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::Router))
}

fn check_name(
    siblings: &[Router],
    name: &Name,
    naming: Naming,
    own: Option<RouterId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::Router, names, name, naming, own)
}
