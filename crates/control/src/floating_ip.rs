//! Floating IPs: external addresses that stand for addresses of ports.

mod view;

use std::net::IpAddr;

use adit_model::floating_ip::Association;
use adit_model::{
    FloatingIp, FloatingIpId, Name, NetworkId, PortId, ResourceGroup, Revision, RouterId, SubnetId,
};
use adit_store::{Query, Transaction};

use crate::change::Change;
use crate::error::{Error, Noun, Quota, Rule};
use crate::listed::{Listed, Part, listed};
use crate::resource::Resource;
use crate::rules::{self, Allowance, Naming};
use crate::{Caller, Control, network, port};
pub use view::FloatingIpView;

/// In what a face differs from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether names are unique in the project.
    pub naming: Naming,
    /// Which limits count: the operator's on floating IPs in a zone, or the project's.
    pub allowance: Allowance,
    /// How a router comes by its way outside.
    pub way: Way,
}

/// How a router comes by its way outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// By the first that needs it, and until the last one did.
    OnDemand,
    /// Somebody gave it one before.
    Given,
}

/// What a floating IP is to stand for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// The one that has the fixed address.
    pub port: PortId,
    /// Which of its addresses; the first IPv4 one if none is named.
    pub fixed_ip: Option<IpAddr>,
}

/// What a floating IP is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewFloatingIp {
    /// What to call it; may be empty.
    pub name: Name,
    /// The group to put it in.
    pub resource_group: Option<ResourceGroup>,
    /// What to say of it.
    pub description: String,
    /// The external network; the one that there is if none is named.
    pub network: Option<NetworkId>,
    /// See [`FloatingIp::zone`]. One that is to stand for something is in the zone of that.
    pub zone: String,
    /// The subnet of its address; that of IPv4 addresses outside if none is named.
    pub subnet: Option<SubnetId>,
    /// The address; a free one if none is named.
    pub address: Option<IpAddr>,
    /// What it is to stand for.
    pub target: Option<Target>,
}

impl NewFloatingIp {
    /// One of any address that stands for nothing yet.
    #[must_use]
    pub fn of(network: NetworkId) -> Self {
        Self {
            name: Name::default(),
            resource_group: None,
            description: String::new(),
            network: Some(network),
            zone: String::new(),
            subnet: None,
            address: None,
            target: None,
        }
    }
}

/// What to change of a floating IP; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FloatingIpChange {
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
    /// What it is called.
    pub name: Option<Name>,
    /// What is said of it.
    pub description: Option<String>,
    /// What it stands for: `Some(None)` is nothing.
    pub target: Option<Option<Target>>,
}

impl Control {
    /// Makes a floating IP.
    ///
    /// # Errors
    /// Something it names is not there, the address is taken or none is left, no router leads from
    /// the port outside, or the quota is used up.
    pub async fn create_floating_ip(
        &self,
        caller: &Caller,
        rules: Rules,
        new: NewFloatingIp,
    ) -> Result<FloatingIp, Error> {
        let mut tx = self.change(caller).await?;
        let row = self.insert_floating_ip(&mut tx, caller, rules, new).await?;
        tx.commit().await?;
        Ok(row)
    }

    pub(crate) async fn insert_floating_ip(
        &self,
        tx: &mut Change,
        caller: &Caller,
        rules: Rules,
        new: NewFloatingIp,
    ) -> Result<FloatingIp, Error> {
        let outside = self.external_network()?;
        let network = new.network.unwrap_or(outside);
        let network = network::visible(&mut **tx, caller, network).await?;
        if network.id != outside {
            let message = format!("the network {} does not lead outside from here", network.id);
            return Err(Error::invalid("network", Rule::Reference, message));
        }
        let v4 = self.external_subnets(network.id).map(|subnets| subnets.v4);
        if let Some(subnet) = new.subnet.filter(|subnet| Some(*subnet) != v4) {
            let allowed = v4.map(|v4| v4.to_string()).unwrap_or_default();
            let message =
                format!("{subnet} is not the subnet that floating IPs are of, which is {allowed}");
            return Err(Error::invalid("subnet", Rule::Reference, message));
        }
        let siblings = tx.floating_ips(caller.project).await?;
        check_name(&siblings, &new.name, rules.naming, None)?;
        let taken = self.taken_outside(&mut **tx, caller.project).await?;
        let address = self.free_v4(&taken, new.address)?.into();
        let now = self.now();
        let mut row = FloatingIp {
            id: FloatingIpId::random(),
            project: caller.project,
            resource_group: new.resource_group,
            name: new.name,
            description: new.description,
            network: network.id,
            address,
            zone: new.zone,
            association: None,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        if let Some(target) = new.target {
            let place = find_place(&mut **tx, caller, target).await?;
            if row.zone.is_empty() {
                row.zone.clone_from(&place.zone);
            }
            row.association = Some(self.associate(tx, caller, rules, &row, place).await?);
        }
        match rules.allowance {
            Allowance::Fixed => {
                let here = siblings.iter().filter(|other| other.zone == row.zone);
                let limit = self.0.config.limits.floating_ips_in_zone;
                Quota::FloatingIpsInZone.check(here.count(), limit)?;
            }
            Allowance::OfProject => {
                self.check_quota(&mut **tx, caller.project, Resource::FloatingIp)
                    .await?;
            }
        }
        tx.insert(&row).await?;
        Ok(row)
    }

    /// A part of the project's floating IPs, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn floating_ips(
        &self,
        caller: &Caller,
        part: Part,
    ) -> Result<Listed<FloatingIp>, Error> {
        let mut tx = self.read().await?;
        let query = Query::of_project(caller.project);
        Ok(listed::<FloatingIp>(&mut *tx, query, part).await?)
    }

    /// The floating IPs that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_floating_ips(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<FloatingIp>, Error> {
        let mut tx = self.read().await?;
        Ok(tx.page_floating_ips(caller.within(query)).await?)
    }

    /// One floating IP.
    ///
    /// # Errors
    /// It is not there.
    pub async fn floating_ip(
        &self,
        caller: &Caller,
        id: FloatingIpId,
    ) -> Result<FloatingIp, Error> {
        let mut tx = self.read().await?;
        find(&mut *tx, caller, id).await
    }

    /// Changes a floating IP.
    ///
    /// # Errors
    /// It is not there, the name is taken, or no router leads from the port outside.
    pub async fn update_floating_ip(
        &self,
        caller: &Caller,
        rules: Rules,
        id: FloatingIpId,
        change: FloatingIpChange,
    ) -> Result<FloatingIp, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(change.expected, row.revision)?;
        if let Some(name) = change.name {
            let siblings = tx.floating_ips(row.project).await?;
            check_name(&siblings, &name, rules.naming, Some(id))?;
            row.name = name;
        }
        row.description = change.description.unwrap_or(row.description);
        let before = row.association;
        match change.target {
            None => {}
            Some(None) => row.association = None,
            Some(Some(target)) => {
                let place = find_place(&mut *tx, caller, target).await?;
                row.association = Some(self.associate(&mut tx, caller, rules, &row, place).await?);
            }
        }
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        self.give_back(&mut tx, before).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Gives a floating IP back.
    ///
    /// # Errors
    /// It is not there, or a public gateway has it.
    pub async fn delete_floating_ip(
        &self,
        caller: &Caller,
        id: FloatingIpId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        check_no_gateway(&mut *tx, &row).await?;
        tx.delete(&row).await?;
        self.give_back(&mut tx, row.association).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What a floating IP is to stand for, with the router that translates.
    async fn associate(
        &self,
        tx: &mut Change,
        caller: &Caller,
        rules: Rules,
        row: &FloatingIp,
        place: Spot,
    ) -> Result<Association, Error> {
        check_no_gateway(&mut **tx, row).await?;
        let others = tx.floating_ips_of_port(place.port).await?;
        let mut others = others.iter().filter(|other| other.id != row.id);
        let taken = |other: &&FloatingIp| {
            other
                .association
                .is_some_and(|of| of.fixed_ip == place.address)
        };
        if let Some(other) = others.find(taken) {
            let message = format!("the floating IP {} stands for that address", other.address);
            return Err(Error::conflict(Rule::InUse(Noun::Port), message));
        }
        if !row.zone.is_empty() && !place.zone.is_empty() && row.zone != place.zone {
            let message = format!(
                "the floating IP is of the zone {}, and what it is to stand for is in {}",
                row.zone, place.zone
            );
            return Err(Error::invalid("target", Rule::Reference, message));
        }
        if rules.way == Way::OnDemand
            && let Some(router) = place.routers.first()
        {
            self.ensure_way_outside(tx, caller, *router).await?;
        }
        let router = router_outside(&mut **tx, &place).await?;
        Ok(Association {
            port: place.port,
            fixed_ip: place.address,
            router,
        })
    }

    /// Takes a router's way outside that nothing needs any more.
    async fn give_back(&self, tx: &mut Change, before: Option<Association>) -> Result<(), Error> {
        match before {
            Some(before) => self.release_way_outside(tx, before.router).await,
            None => Ok(()),
        }
    }
}

/// Refuses one that stands for something, or that a public gateway has.
pub(crate) async fn check_free(tx: &mut dyn Transaction, row: &FloatingIp) -> Result<(), Error> {
    if let Some(of) = row.association {
        let users = std::iter::once(of.port.uuid());
        return Error::used(Noun::FloatingIp, Noun::Port, users);
    }
    check_no_gateway(tx, row).await
}

async fn check_no_gateway(tx: &mut dyn Transaction, row: &FloatingIp) -> Result<(), Error> {
    let gateways = tx.public_gateways_of_floating_ip(row.id).await?;
    let gateways = gateways.iter().map(|row| row.id.uuid());
    Error::used(Noun::FloatingIp, Noun::PublicGateway, gateways)
}

/// What a floating IP can stand for.
struct Spot {
    port: PortId,
    address: IpAddr,
    subnet: SubnetId,
    /// The subnet's.
    zone: String,
    /// The routers that the subnet is on, oldest interface first.
    routers: Vec<RouterId>,
}

async fn find_place(
    tx: &mut dyn Transaction,
    caller: &Caller,
    target: Target,
) -> Result<Spot, Error> {
    let port = port::find(tx, caller, target.port).await?;
    // External addresses are IPv4's.
    let named = |address| target.fixed_ip.is_none_or(|fixed_ip| fixed_ip == address);
    let wanted = |address: IpAddr| address.is_ipv4() && named(address);
    let Some(ip) = port.fixed_ips.iter().find(|ip| wanted(ip.address)) else {
        let message = format!("the port {} has no such IPv4 address", port.id);
        return Err(Error::invalid(
            "fixed_ip_address",
            Rule::AddressOutside,
            message,
        ));
    };
    let ports = tx.ports_of_subnet(ip.subnet).await?;
    let subnet = tx.any_subnet(ip.subnet).await?;
    Ok(Spot {
        port: port.id,
        address: ip.address,
        subnet: ip.subnet,
        zone: subnet.map_or_else(String::new, |subnet| subnet.zone),
        routers: ports
            .iter()
            .filter_map(|port| port.device.router())
            .collect(),
    })
}

/// The router of the subnet that has a way outside.
async fn router_outside(tx: &mut dyn Transaction, place: &Spot) -> Result<RouterId, Error> {
    for id in &place.routers {
        let router = tx.any_router(*id).await?;
        if router.is_some_and(|router| router.external.is_some()) {
            return Ok(*id);
        }
    }
    let message = format!(
        "no router leads from the subnet {} of the port {} outside",
        place.subnet, place.port
    );
    Err(Error::NoWayOutside(message))
}

fn check_name(
    siblings: &[FloatingIp],
    name: &Name,
    naming: Naming,
    own: Option<FloatingIpId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::FloatingIp, names, name, naming, own)
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: FloatingIpId,
) -> Result<FloatingIp, Error> {
    let row = tx.floating_ip(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::FloatingIp))
}
