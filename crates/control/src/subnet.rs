//! Subnets: blocks of addresses on networks.

use std::net::IpAddr;

use adit_model::subnet::{AddressRange, StaticRoute};
use adit_model::{Cidr, Name, NetworkId, Revision, Subnet, SubnetId};
use adit_store::{Query, Transaction};

use crate::error::{Error, Noun, Rule};
use crate::quota::Resource;
use crate::{Caller, Control, network};

/// What a subnet is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSubnet {
    /// What to call it.
    pub name: Name,
    /// What to say of it.
    pub description: String,
    /// The network it is on.
    pub network: NetworkId,
    /// Its addresses.
    pub cidr: Cidr,
    /// The router's address: `None` is the first one, `Some(None)` is none.
    pub gateway: Option<Option<IpAddr>>,
    /// The addresses that are given to ports; `None` is all but the router's.
    pub pools: Option<Vec<AddressRange>>,
    /// Whether DHCP is wished for.
    pub enable_dhcp: bool,
    /// Name servers.
    pub dns_nameservers: Vec<IpAddr>,
    /// Further routes.
    pub host_routes: Vec<StaticRoute>,
    /// See [`Subnet::ipv6_address_mode`].
    pub ipv6_address_mode: Option<String>,
    /// See [`Subnet::ipv6_ra_mode`].
    pub ipv6_ra_mode: Option<String>,
}

/// What to change of a subnet; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewSubnet")]
pub struct SubnetChange {
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
    pub name: Option<Name>,
    pub description: Option<String>,
    pub gateway: Option<Option<IpAddr>>,
    pub pools: Option<Vec<AddressRange>>,
    pub enable_dhcp: Option<bool>,
    pub dns_nameservers: Option<Vec<IpAddr>>,
    pub host_routes: Option<Vec<StaticRoute>>,
}

impl Control {
    /// Makes a subnet.
    ///
    /// # Errors
    /// No such network, the block overlaps one on it, its parts don't fit together, or the quota
    /// is used up.
    pub async fn create_subnet(&self, caller: &Caller, new: NewSubnet) -> Result<Subnet, Error> {
        let mut tx = self.change(caller).await?;
        let network = network::find(&mut *tx, caller, new.network).await?;
        if self.0.is_external(network.id) {
            let message = format!(
                "the network {} leads outside: its subnets come with the host's configuration",
                network.id
            );
            return Err(Error::invalid("network", Rule::Reference, message));
        }
        network::check_mtu_for(&network, new.cidr)?;
        self.check_quota(&mut *tx, caller.project, Resource::Subnet)
            .await?;
        for other in tx.subnets_of_network(network.id).await? {
            if other.cidr.overlaps(new.cidr) {
                let message = format!(
                    "the block {} overlaps {} of the subnet {} on this network",
                    new.cidr, other.cidr, other.id
                );
                return Err(Error::invalid("cidr", Rule::CidrOverlap, message));
            }
        }
        let first = || Subnet::router_address(new.cidr);
        let gateway = new.gateway.unwrap_or_else(|| Some(first()));
        let now = self.now();
        let row = Subnet {
            id: SubnetId::random(),
            project: caller.project,
            network: network.id,
            name: new.name,
            description: new.description,
            cidr: new.cidr,
            gateway,
            pools: new.pools.unwrap_or_else(|| all_but(new.cidr, gateway)),
            enable_dhcp: new.enable_dhcp,
            dns_nameservers: new.dns_nameservers,
            host_routes: new.host_routes,
            ipv6_address_mode: new.ipv6_address_mode,
            ipv6_ra_mode: new.ipv6_ra_mode,
            zone: String::new(),
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        check(&row)?;
        tx.insert(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// The subnets that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_subnets(&self, caller: &Caller, query: Query) -> Result<Vec<Subnet>, Error> {
        let mut tx = self.read().await?;
        Ok(tx.page_subnets(caller.within_or_public(query)).await?)
    }

    /// One subnet.
    ///
    /// # Errors
    /// It is not there.
    pub async fn subnet(&self, caller: &Caller, id: SubnetId) -> Result<Subnet, Error> {
        let mut tx = self.read().await?;
        visible(&mut *tx, caller, id).await
    }

    /// Changes a subnet.
    ///
    /// # Errors
    /// It is not there, or its parts would not fit together.
    pub async fn update_subnet(
        &self,
        caller: &Caller,
        id: SubnetId,
        change: SubnetChange,
    ) -> Result<Subnet, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(change.expected, row.revision)?;
        let before = row.clone();
        row.name = change.name.unwrap_or(row.name);
        row.description = change.description.unwrap_or(row.description);
        if let Some(gateway) = change.gateway.filter(|gateway| *gateway != row.gateway) {
            let ports = tx.ports_of_subnet(id).await?;
            let has = |ip: &adit_model::port::FixedIp| row.gateway == Some(ip.address);
            let users = ports
                .iter()
                .filter(|port| port.device.router().is_some() && port.fixed_ips.iter().any(has));
            Error::used(Noun::Subnet, Noun::Port, users.map(|port| port.id.uuid()))?;
            row.gateway = gateway;
        }
        row.pools = change.pools.unwrap_or(row.pools);
        row.enable_dhcp = change.enable_dhcp.unwrap_or(row.enable_dhcp);
        row.dns_nameservers = change.dns_nameservers.unwrap_or(row.dns_nameservers);
        row.host_routes = change.host_routes.unwrap_or(row.host_routes);
        if self.0.is_external(row.network) {
            network::check_configured([
                ("gateway", before.gateway != row.gateway),
                ("pools", before.pools != row.pools),
                ("enable_dhcp", before.enable_dhcp != row.enable_dhcp),
                (
                    "dns_nameservers",
                    before.dns_nameservers != row.dns_nameservers,
                ),
                ("host_routes", before.host_routes != row.host_routes),
            ])?;
        }
        check(&row)?;
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a subnet.
    ///
    /// # Errors
    /// It is not there, or something has an address of it or names it.
    pub async fn delete_subnet(
        &self,
        caller: &Caller,
        id: SubnetId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        let ports = tx.ports_of_subnet(id).await?;
        Error::used(
            Noun::Subnet,
            Noun::Port,
            ports.iter().map(|row| row.id.uuid()),
        )?;
        check_unused(&mut *tx, &row).await?;
        let external = self.external_subnets(row.network);
        if external.is_some_and(|external| external.contains(id)) {
            let message = "it is the block that this host's external addresses are of";
            return Err(Error::conflict(Rule::InUse(Noun::Subnet), message));
        }
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Refuses when endpoint groups or gateways name the subnet.
pub(crate) async fn check_unused(tx: &mut dyn Transaction, row: &Subnet) -> Result<(), Error> {
    let groups = tx.endpoint_groups_of_subnet(row.id).await?;
    let groups = groups.iter().map(|row| row.id.uuid());
    Error::used(Noun::Subnet, Noun::EndpointGroup, groups)?;
    let gateways = tx.gateways_of_subnet(row.id).await?;
    let gateways = gateways.iter().map(|row| row.id.uuid());
    Error::used(Noun::Subnet, Noun::Gateway, gateways)
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: SubnetId,
) -> Result<Subnet, Error> {
    let row = tx.subnet(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::Subnet))
}

/// A subnet that the caller may put something on: the project's, or one of a shared network.
pub(crate) async fn visible(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: SubnetId,
) -> Result<Subnet, Error> {
    let row = tx.any_subnet(id).await?;
    let row = row.ok_or(Error::NotFound(Noun::Subnet))?;
    let own = caller.scope().is_none_or(|own| own == row.project);
    let network = tx.any_network(row.network).await?;
    if own || network.is_some_and(|network| network.shared) {
        Ok(row)
    } else {
        Err(Error::NotFound(Noun::Subnet))
    }
}

/// What is left of a block without its own address, the broadcast address and the router's.
fn all_but(cidr: Cidr, gateway: Option<IpAddr>) -> Vec<AddressRange> {
    let small = cidr.address_count() <= 2;
    let (mut first, mut last) = (cidr.first(), cidr.last());
    if !small {
        first = step(first, true).unwrap_or(first);
    }
    if !small && cidr.is_ipv4() {
        last = step(last, false).unwrap_or(last);
    }
    let whole = AddressRange { first, last };
    let Some(gateway) = gateway.filter(|gateway| whole.contains(*gateway)) else {
        return vec![whole];
    };
    let below = step(gateway, false).map(|last| AddressRange { first, last });
    let above = step(gateway, true).map(|first| AddressRange { first, last });
    let is_one = |range: &AddressRange| range.first <= range.last;
    below.into_iter().chain(above).filter(is_one).collect()
}

/// The address after, or before.
fn step(address: IpAddr, up: bool) -> Option<IpAddr> {
    match address {
        IpAddr::V4(ip) => {
            let bits = ip.to_bits();
            let next = if up {
                bits.checked_add(1)
            } else {
                bits.checked_sub(1)
            };
            next.map(|bits| IpAddr::V4(bits.into()))
        }
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            let next = if up {
                bits.checked_add(1)
            } else {
                bits.checked_sub(1)
            };
            next.map(|bits| IpAddr::V6(bits.into()))
        }
    }
}

fn check(row: &Subnet) -> Result<(), Error> {
    let outside = |field, address: IpAddr| {
        let message = format!("the address {address} is not one of {}", row.cidr);
        Error::invalid(field, Rule::AddressOutside, message)
    };
    if let Some(gateway) = row.gateway {
        if !row.cidr.contains(gateway) {
            return Err(outside("gateway", gateway));
        }
        if let Some(pool) = row.pools.iter().find(|pool| pool.contains(gateway)) {
            let message = format!(
                "the router's address {gateway} is in the pool {} to {}",
                pool.first, pool.last
            );
            return Err(Error::conflict(Rule::AddressTaken, message));
        }
    }
    for (index, pool) in row.pools.iter().enumerate() {
        for address in [pool.first, pool.last] {
            if !row.cidr.contains(address) {
                return Err(outside("pools", address));
            }
        }
        let later = row.pools.iter().skip(index + 1);
        let overlaps = |other: &&AddressRange| {
            pool.contains(other.first) || pool.contains(other.last) || other.contains(pool.first)
        };
        if pool.first > pool.last || later.into_iter().any(|other| overlaps(&other)) {
            let message = format!(
                "the pool {} to {} overlaps or is empty",
                pool.first, pool.last
            );
            return Err(Error::conflict(Rule::CidrOverlap, message));
        }
    }
    Ok(())
}
