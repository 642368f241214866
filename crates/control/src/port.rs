//! Ports: places on networks, for machines and whatever users plug in.

use std::net::IpAddr;

use adit_model::port::{Device, FixedIp};
use adit_model::{
    MacAddress, Name, Network, NetworkId, Port, PortId, ProjectId, Revision, RouterId,
    SecurityGroupId, Subnet, SubnetId,
};
use adit_store::{Query, Rows, StoreError, Transaction};

use crate::error::{Error, Noun, Quota, Rule};
use crate::quota::Resource;
use crate::{
    Caller, Control, address, attached_subnet, instance, network, router_interface, security_group,
};

/// An address that is wished for: of this subnet, this one, or any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WishedIp {
    /// The subnet; the one that has the address if none is named.
    pub subnet: Option<SubnetId>,
    /// The address; a free one if none is named.
    pub address: Option<IpAddr>,
}

/// What a port is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPort {
    /// What to call it.
    pub name: Name,
    /// What to say of it.
    pub description: String,
    /// The network it is on.
    pub network: NetworkId,
    /// Whether it carries anything.
    pub admin_state_up: bool,
    /// Its link address; made from its id if none is given.
    pub mac: Option<MacAddress>,
    /// Its addresses; `None` is a free one of each family that the network has.
    pub fixed_ips: Option<Vec<WishedIp>>,
    /// What is plugged in.
    pub device: Device,
    /// Whether it is filtered; `None` is as the network says.
    pub port_security: Option<bool>,
    /// Its groups; `None` is the project's default one.
    pub security_groups: Option<Vec<SecurityGroupId>>,
}

/// What to change of a port; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewPort")]
pub struct PortChange {
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
    pub name: Option<Name>,
    pub description: Option<String>,
    pub admin_state_up: Option<bool>,
    pub mac: Option<MacAddress>,
    pub fixed_ips: Option<Vec<WishedIp>>,
    pub device_owner: Option<String>,
    pub device_id: Option<String>,
    pub port_security: Option<bool>,
    pub security_groups: Option<Vec<SecurityGroupId>>,
}

impl Control {
    /// Makes a port.
    ///
    /// # Errors
    /// Something it names is not there, an address is taken or none is left, the quota is used up.
    pub async fn create_port(&self, caller: &Caller, new: NewPort) -> Result<Port, Error> {
        let mut tx = self.change(caller).await?;
        let network = network::visible(&mut *tx, caller, new.network).await?;
        let own = caller.scope().is_none_or(|own| own == network.project);
        if self.0.is_external(network.id) || (!own && !network.shared) {
            let message = "ports can't be made on this network";
            return Err(Error::conflict(Rule::Reference, message));
        }
        self.check_quota(&mut *tx, caller.project, Resource::Port)
            .await?;
        if new.device.is_instance() {
            self.check_machines(&mut *tx, caller.project).await?;
        }
        let port_security = new.port_security.unwrap_or(network.port_security);
        let security_groups = match new.security_groups {
            Some(groups) => groups,
            None if port_security => {
                let default = self.default_security_group(&mut tx, caller.project).await?;
                vec![default.id]
            }
            None => Vec::new(),
        };
        let (id, now) = (PortId::random(), self.now());
        let row = Port {
            id,
            project: caller.project,
            network: network.id,
            name: new.name,
            description: new.description,
            admin_state_up: new.admin_state_up,
            mac: new.mac.unwrap_or_else(|| MacAddress::of_port(id)),
            fixed_ips: self
                .addresses(&mut *tx, &network, id, new.fixed_ips)
                .await?,
            device: new.device,
            port_security,
            security_groups,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        check_groups(&mut *tx, caller, &row).await?;
        tx.insert(&row).await.map_err(taken)?;
        tx.commit().await?;
        Ok(row)
    }

    /// Refuses one more machine than the project may have: each is a namespace.
    async fn check_machines(
        &self,
        tx: &mut dyn Transaction,
        project: ProjectId,
    ) -> Result<(), Error> {
        let limit = self.0.config.limits.machines;
        let ports: &mut dyn Rows<Port> = tx;
        let machines = ports.count(instance::of_project(project)).await?;
        Error::over(Quota::Machines, machines, limit)
    }

    /// The ports that are asked for, as far as the caller may see them. Who sees those of all
    /// projects sees those outside, too.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_ports(&self, caller: &Caller, query: Query) -> Result<Vec<Port>, Error> {
        let mut tx = self.read().await?;
        let query = caller.within(query);
        if caller.all_projects {
            return self.page_with_outside(&mut *tx, query).await;
        }
        Ok(tx.page_ports(query).await?)
    }

    /// One port.
    ///
    /// # Errors
    /// It is not there.
    pub async fn port(&self, caller: &Caller, id: PortId) -> Result<Port, Error> {
        let mut tx = self.read().await?;
        match find(&mut *tx, caller, id).await {
            Err(Error::NotFound(_)) if caller.all_projects => {
                let outside = self.outside_port(&mut *tx, id).await?;
                outside.ok_or(Error::NotFound(Noun::Port))
            }
            found => found,
        }
    }

    /// Changes a port.
    ///
    /// # Errors
    /// It is not there, something it would name is not, an address is taken, or it is a router's.
    pub async fn update_port(
        &self,
        caller: &Caller,
        id: PortId,
        change: PortChange,
    ) -> Result<Port, Error> {
        let mut tx = self.change(caller).await?;
        let before = find(&mut *tx, caller, id).await?;
        Error::stale(change.expected, before.revision)?;
        let mut row = before.clone();
        row.name = change.name.unwrap_or(row.name);
        row.description = change.description.unwrap_or(row.description);
        row.admin_state_up = change.admin_state_up.unwrap_or(row.admin_state_up);
        row.mac = change.mac.unwrap_or(row.mac);
        row.device = plug(row.device, change.device_owner, change.device_id)?;
        if row.device.is_instance() && !before.device.is_instance() {
            self.check_machines(&mut *tx, row.project).await?;
        }
        row.port_security = change.port_security.unwrap_or(row.port_security);
        row.security_groups = change.security_groups.unwrap_or(row.security_groups);
        check_groups(&mut *tx, caller, &row).await?;
        if let Some(wished) = change.fixed_ips {
            let network = network::visible(&mut *tx, caller, row.network).await?;
            row.fixed_ips = self.addresses(&mut *tx, &network, id, Some(wished)).await?;
            if let Some(router) = row.device.router() {
                self.check_moved(&mut *tx, router, &before, &row).await?;
            }
            for floating in tx.floating_ips_of_port(id).await? {
                let of = floating.association.map(|of| of.fixed_ip);
                if !row.fixed_ips.iter().any(|ip| Some(ip.address) == of) {
                    let message = format!("the floating IP {} stands for it", floating.address);
                    return Err(Error::conflict(Rule::InUse(Noun::Port), message));
                }
            }
        }
        row.updated_at = self.now();
        row.revision = tx.update(&row).await.map_err(taken)?;
        tx.commit().await?;
        Ok(row)
    }

    /// Refuses to take an interface from a subnet that needs the router, or to put it on one where
    /// the router can't be.
    async fn check_moved(
        &self,
        tx: &mut dyn Transaction,
        router: RouterId,
        before: &Port,
        row: &Port,
    ) -> Result<(), Error> {
        let has = |port: &Port, subnet| port.fixed_ips.iter().any(|ip| ip.subnet == subnet);
        let router = tx.any_router(router).await?;
        let router = router.ok_or(Error::NotFound(Noun::Router))?;
        let left = before.fixed_ips.iter().filter(|ip| !has(row, ip.subnet));
        for ip in left {
            router_interface::check_unused(tx, &router, ip.subnet).await?;
        }
        let on_router = attached_subnet::of_router(tx, router.id).await?;
        let new = row.fixed_ips.iter().filter(|ip| !has(before, ip.subnet));
        for ip in new {
            let subnet = tx.any_subnet(ip.subnet).await?;
            let subnet = subnet.ok_or(Error::NotFound(Noun::Subnet))?;
            self.check_place(tx, router.id, &on_router, &subnet).await?;
        }
        Ok(())
    }

    /// Deletes a port. A floating IP that stood for it stands for nothing then.
    ///
    /// # Errors
    /// It is not there, or it is a router's.
    pub async fn delete_port(
        &self,
        caller: &Caller,
        id: PortId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        if let Some(router) = row.device.router() {
            let users = std::iter::once(router.uuid());
            return Error::used(Noun::Port, Noun::Router, users);
        }
        for mut floating in tx.floating_ips_of_port(id).await? {
            floating.association = None;
            floating.updated_at = self.now();
            tx.update(&floating).await?;
        }
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The addresses of the port `own` for what is wished.
    async fn addresses(
        &self,
        tx: &mut dyn Transaction,
        network: &Network,
        own: PortId,
        wished: Option<Vec<WishedIp>>,
    ) -> Result<Vec<FixedIp>, Error> {
        let subnets = tx.subnets_of_network(network.id).await?;
        let wished = wished.unwrap_or_else(|| one_of_each_family(&subnets));
        // Those that are wished for by name first, so that no other wish is given one of them.
        let (mut chosen, mut given) = (Vec::new(), Vec::new());
        for wish in wished {
            let subnet = choose(&subnets, wish)?;
            chosen.push((subnet, wish.address));
            let Some(address) = wish.address else {
                continue;
            };
            check_free(tx, subnet, own, address).await?;
            let subnet = subnet.id;
            let ip = FixedIp { subnet, address };
            if given.contains(&ip) {
                let message = format!("the address {address} is wished for twice");
                return Err(Error::invalid("fixed_ips", Rule::Repeated, message));
            }
            given.push(ip);
        }
        let mut fixed_ips = Vec::new();
        for (subnet, address) in chosen {
            let address = match address {
                Some(address) => address,
                None => self.free_address(tx, subnet, own, &given).await?,
            };
            let subnet = subnet.id;
            let ip = FixedIp { subnet, address };
            given.push(ip);
            fixed_ips.push(ip);
        }
        Ok(fixed_ips)
    }

    /// A free address; one that the port has already stays its own.
    async fn free_address(
        &self,
        tx: &mut dyn Transaction,
        subnet: &Subnet,
        own: PortId,
        given: &[FixedIp],
    ) -> Result<IpAddr, Error> {
        if let Some(port) = tx.any_port(own).await? {
            let mut mine = port.fixed_ips.iter();
            let kept = mine.find(|ip| ip.subnet == subnet.id && !given.contains(ip));
            if let Some(kept) = kept {
                return Ok(kept.address);
            }
        }
        let limits = &self.0.config.limits;
        address::free(tx, subnet, limits.addresses_of_gateway, given).await
    }
}

fn one_of_each_family(subnets: &[Subnet]) -> Vec<WishedIp> {
    let mut wished: Vec<(bool, WishedIp)> = Vec::new();
    for subnet in subnets {
        let is_ipv4 = subnet.cidr.is_ipv4();
        if !wished.iter().any(|(known, _)| *known == is_ipv4) {
            let wish = WishedIp {
                subnet: Some(subnet.id),
                address: None,
            };
            wished.push((is_ipv4, wish));
        }
    }
    wished.into_iter().map(|(_, wish)| wish).collect()
}

/// The subnet of a wish.
fn choose(subnets: &[Subnet], wish: WishedIp) -> Result<&Subnet, Error> {
    let fits = |subnet: &&Subnet| {
        wish.subnet.is_none_or(|id| id == subnet.id)
            && wish
                .address
                .is_none_or(|address| subnet.cidr.contains(address))
    };
    subnets.iter().find(fits).ok_or_else(|| {
        let message = match (wish.address, wish.subnet) {
            (Some(address), _) => format!("the address {address} is not one of that subnet"),
            (None, Some(subnet)) => format!("the subnet {subnet} is not on this network"),
            (None, None) => "the network has no subnet".to_owned(),
        };
        Error::invalid("fixed_ips", Rule::AddressOutside, message)
    })
}

async fn check_free(
    tx: &mut dyn Transaction,
    subnet: &Subnet,
    own: PortId,
    address: IpAddr,
) -> Result<(), Error> {
    let ports = tx.ports_of_subnet(subnet.id).await?;
    let others = ports.iter().filter(|port| port.id != own);
    let mut taken = others.flat_map(|port| &port.fixed_ips);
    if taken.any(|ip| ip.address == address) {
        let message = format!("the address {address} is taken in the subnet {}", subnet.id);
        return Err(Error::conflict(Rule::AddressTaken, message));
    }
    let outer = [subnet.cidr.first(), subnet.cidr.last()];
    let small = subnet.cidr.address_count() <= 2;
    if subnet.cidr.is_ipv4() && !small && outer.contains(&address) {
        let message = format!("the address {address} is that of the network or the broadcast one");
        return Err(Error::invalid("fixed_ips", Rule::AddressOutside, message));
    }
    Ok(())
}

/// What is plugged in after a change.
fn plug(device: Device, owner: Option<String>, id: Option<String>) -> Result<Device, Error> {
    match device {
        Device::Router(_) if owner.is_some() || id.is_some() => {
            let message = "what is plugged into a router's port can't be changed";
            Err(Error::conflict(Rule::Reference, message))
        }
        Device::Router(id) => Ok(Device::Router(id)),
        Device::Other {
            owner: old_owner,
            id: old_id,
        } => Ok(Device::Other {
            owner: owner.unwrap_or(old_owner),
            id: id.unwrap_or(old_id),
        }),
    }
}

async fn check_groups(tx: &mut dyn Transaction, caller: &Caller, row: &Port) -> Result<(), Error> {
    for id in &row.security_groups {
        security_group::find(tx, caller, *id).await?;
    }
    if !row.port_security && !row.security_groups.is_empty() {
        let message = "a port that is not filtered can't have security groups";
        return Err(Error::conflict(Rule::Reference, message));
    }
    Ok(())
}

fn taken(error: StoreError) -> Error {
    match error {
        StoreError::Duplicate => {
            let message = "the link address is taken on this network";
            Error::conflict(Rule::MacTaken, message)
        }
        other => other.into(),
    }
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: PortId,
) -> Result<Port, Error> {
    let row = tx.port(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::Port))
}
