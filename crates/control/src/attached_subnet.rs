//! Subnets that were made on a router: a network, a subnet and the router's interface in one, as
//! dialects want them that know no networks.

use std::net::IpAddr;

use adit_model::subnet::AddressRange;
use adit_model::{
    Cidr, Name, Network, NetworkId, Port, Revision, Router, RouterId, Subnet, SubnetId,
};
use adit_store::{Only, Query, Transaction};

use crate::error::{Error, Noun, Quota, Rule};
use crate::listed::{Listed, Part, listed};
use crate::rules::{self, Naming};
use crate::{Caller, Control, address, cidr_rules, router, router_interface, subnet};

/// Which addresses a subnet is to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// These.
    Exact(Cidr),
    /// The first free block of `prefix_len` in `within`.
    FirstFree {
        /// Where to look.
        within: Cidr,
        /// Its length.
        prefix_len: u8,
    },
}

/// What a subnet is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewAttachedSubnet {
    /// What to call it.
    pub name: Name,
    /// Whether the name must be unique in the router.
    pub naming: Naming,
    /// Where it hangs.
    pub router: RouterId,
    /// Its addresses.
    pub block: Block,
    /// Its zone.
    pub zone: String,
}

/// A subnet, and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubnetView {
    /// The subnet.
    pub subnet: Subnet,
    /// The router it hangs on.
    pub router: Router,
    /// How many addresses are left for instances and gateways.
    pub available: u64,
}

impl Control {
    /// Makes a subnet.
    ///
    /// # Errors
    /// No such router; the name is taken, the block overlaps, the quota is used up.
    pub async fn create_attached_subnet(
        &self,
        caller: &Caller,
        new: NewAttachedSubnet,
    ) -> Result<SubnetView, Error> {
        let mut tx = self.change(caller).await?;
        let router = router::find(&mut *tx, caller, new.router).await?;
        let siblings = of_router(&mut *tx, router.id).await?;
        Error::over(Quota::Subnets, siblings.len(), self.0.config.limits.subnets)?;
        check_name(&siblings, &new.name, new.naming, None)?;
        let peers = tx.peer_cidrs_of_router(router.id).await?;
        let peers: Vec<Cidr> = peers.into_values().flatten().collect();
        let (network, row, interface) = self.attached(&router, &siblings, &peers, new)?;
        cidr_rules::check_peers(&mut *tx, router.id, &row).await?;
        tx.insert(&network).await?;
        tx.insert(&row).await?;
        tx.insert(&interface).await?;
        let view = self.subnet_view(&mut *tx, row).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// A part of the project's subnets that are on a router, oldest first. What goes with each is in
    /// [`Self::attached_subnet_views`].
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn attached_subnets(
        &self,
        caller: &Caller,
        part: Part,
    ) -> Result<Listed<Subnet>, Error> {
        let mut tx = self.read().await?;
        let query = Query {
            only: Some(Only::OnRouters),
            ..Query::of_project(caller.project)
        };
        Ok(listed::<Subnet>(&mut *tx, query, part).await?)
    }

    /// Subnets with what goes with them, as far as they are on a router.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn attached_subnet_views(&self, rows: Vec<Subnet>) -> Result<Vec<SubnetView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            match self.subnet_view(&mut *tx, row).await {
                Err(Error::NotFound(_)) => {}
                view => views.push(view?),
            }
        }
        Ok(views)
    }

    /// One subnet.
    ///
    /// # Errors
    /// It is not there.
    pub async fn attached_subnet(
        &self,
        caller: &Caller,
        id: SubnetId,
    ) -> Result<SubnetView, Error> {
        let mut tx = self.read().await?;
        let row = subnet::find(&mut *tx, caller, id).await?;
        self.subnet_view(&mut *tx, row).await
    }

    /// Gives a subnet another name.
    ///
    /// # Errors
    /// It is not there, or the name is taken.
    pub async fn rename_attached_subnet(
        &self,
        caller: &Caller,
        id: SubnetId,
        name: Name,
        naming: Naming,
    ) -> Result<SubnetView, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = subnet::find(&mut *tx, caller, id).await?;
        let router = router_of(&mut *tx, id).await?;
        let siblings = of_router(&mut *tx, router).await?;
        check_name(&siblings, &name, naming, Some(id))?;
        row.name = name;
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        let view = self.subnet_view(&mut *tx, row).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Deletes a subnet with the router's interface, and its network if nothing else is on it.
    ///
    /// # Errors
    /// It is not there, or a gateway, a machine or an endpoint group uses it.
    pub async fn delete_attached_subnet(&self, caller: &Caller, id: SubnetId) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = subnet::find(&mut *tx, caller, id).await?;
        let in_use = |what: String| Err(Error::conflict(Rule::InUse(Noun::Subnet), what));
        if let Some(gateway) = tx.gateways_of_subnet(id).await?.first() {
            return in_use(format!(
                "the gateway {} ({}) is in it",
                gateway.name, gateway.id
            ));
        }
        if let Some(group) = tx.endpoint_groups_of_subnet(id).await?.first() {
            return in_use(format!(
                "the endpoint group {} ({}) names it",
                group.name, group.id
            ));
        }
        for port in tx.ports_of_subnet(id).await? {
            let Some(router) = port.device.router() else {
                return in_use(format!("the instance {} ({}) is in it", port.name, port.id));
            };
            if port.fixed_ips.len() > 1 {
                return in_use(format!(
                    "the port {} has addresses of other subnets too",
                    port.id
                ));
            }
            if let Some(floating) = tx.floating_ips_of_port(port.id).await?.first() {
                return in_use(format!(
                    "the floating IP {} stands for its router's address",
                    floating.address
                ));
            }
            let routes = tx.any_router(router).await?.map(|row| row.routes);
            if let Some(route) = routes
                .iter()
                .flatten()
                .find(|route| row.cidr.contains(route.nexthop))
            {
                return in_use(format!(
                    "its router has a route to {} by {}",
                    route.destination, route.nexthop
                ));
            }
            tx.delete(&port).await?;
        }
        tx.delete(&row).await?;
        let alone = tx.subnets_of_network(row.network).await?.is_empty()
            && tx.ports_of_network(row.network).await?.is_empty();
        let network = tx.network(row.project, row.network).await?;
        if let Some(network) = network.filter(|_| alone) {
            tx.delete(&network).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    fn attached(
        &self,
        router: &Router,
        siblings: &[Subnet],
        peers: &[Cidr],
        new: NewAttachedSubnet,
    ) -> Result<(Network, Subnet, Port), Error> {
        let cidr = choose(siblings, peers, &new.block)?;
        let now = self.now();
        let address = Subnet::router_address(cidr);
        let network = Network {
            id: NetworkId::random(),
            project: router.project,
            name: new.name.clone(),
            description: String::new(),
            admin_state_up: true,
            external: false,
            shared: false,
            mtu: Network::MTU,
            port_security: false,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        let last = cidr.address_count().saturating_sub(2);
        let pool = cidr.nth(Subnet::RESERVED_AT_START).zip(cidr.nth(last));
        let subnet = Subnet {
            id: SubnetId::random(),
            project: router.project,
            network: network.id,
            name: new.name,
            description: String::new(),
            cidr,
            gateway: Some(address),
            pools: pool
                .map(|(first, last)| AddressRange { first, last })
                .into_iter()
                .collect(),
            enable_dhcp: true,
            dns_nameservers: Vec::new(),
            host_routes: Vec::new(),
            ipv6_address_mode: None,
            ipv6_ra_mode: None,
            zone: new.zone,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        let interface = router_interface::port_on(router, &subnet, address, now);
        Ok((network, subnet, interface))
    }

    async fn subnet_view(
        &self,
        tx: &mut dyn Transaction,
        subnet: Subnet,
    ) -> Result<SubnetView, Error> {
        let router = router_of(tx, subnet.id).await?;
        let router = tx.any_router(router).await?;
        let available = available(tx, &subnet, self.0.config.limits.addresses_of_gateway).await?;
        Ok(SubnetView {
            router: router.ok_or(Error::NotFound(Noun::Router))?,
            available,
            subnet,
        })
    }
}

/// The router that a subnet is on; the oldest, if there are several.
pub(crate) async fn router_of(
    tx: &mut dyn Transaction,
    subnet: SubnetId,
) -> Result<RouterId, Error> {
    let ports = tx.ports_of_subnet(subnet).await?;
    let router = ports.iter().find_map(|port| port.device.router());
    router.ok_or(Error::NotFound(Noun::Subnet))
}

/// The subnets on which a router has interfaces.
pub(crate) async fn of_router(
    tx: &mut dyn Transaction,
    router: RouterId,
) -> Result<Vec<Subnet>, Error> {
    let mut subnets = Vec::new();
    for port in tx.ports_of_router(router).await? {
        for ip in &port.fixed_ips {
            subnets.extend(tx.any_subnet(ip.subnet).await?);
        }
    }
    Ok(subnets)
}

/// How many addresses nobody has.
pub(crate) async fn available(
    tx: &mut dyn Transaction,
    subnet: &Subnet,
    of_gateway: u64,
) -> Result<u64, Error> {
    let mut taken = 0_u64;
    for port in tx.ports_of_subnet(subnet.id).await? {
        let mine = port.fixed_ips.iter().filter(|ip| ip.subnet == subnet.id);
        taken += mine.filter(|ip| is_in_pools(subnet, ip.address)).count() as u64;
    }
    if !subnet.zone.is_empty() {
        let gateways = tx.gateways_of_subnet(subnet.id).await?.len() as u64;
        taken = taken.saturating_add(gateways.saturating_mul(of_gateway));
    }
    let pools = subnet.pools.iter().map(address::count);
    Ok(pools.fold(0, u64::saturating_add).saturating_sub(taken))
}

fn is_in_pools(subnet: &Subnet, address: IpAddr) -> bool {
    subnet.pools.iter().any(|pool| pool.contains(address))
}

/// The block that is wished for, or the first one that is free: neither a sibling's, nor around a
/// block behind a peer.
fn choose(siblings: &[Subnet], peers: &[Cidr], block: &Block) -> Result<Cidr, Error> {
    let around = |cidr: Cidr| peers.iter().any(|peer| cidr.contains_block(*peer));
    let overlaps = |cidr: Cidr| siblings.iter().find(|row| row.cidr.overlaps(cidr));
    match *block {
        Block::Exact(cidr) => {
            if cidr.address_count() < 8 || cidr.prefix_len() < 8 {
                let message = format!("{cidr} is no block of /8 to /29");
                return Err(Error::invalid("cidr", Rule::CidrSize, message));
            }
            if let Some(other) = overlaps(cidr) {
                let message = format!("{cidr} overlaps {} of {}", other.cidr, other.name);
                return Err(Error::invalid("cidr", Rule::CidrOverlap, message));
            }
            Ok(cidr)
        }
        Block::FirstFree { within, prefix_len } => {
            let mut candidates = blocks(within, prefix_len);
            let free = candidates.find(|cidr| overlaps(*cidr).is_none() && !around(*cidr));
            let message = format!("no block of /{prefix_len} is free in {within}");
            free.ok_or_else(|| Error::conflict(Rule::CidrOverlap, message))
        }
    }
}

/// The blocks of `prefix_len` in `within`, lowest first.
fn blocks(within: Cidr, prefix_len: u8) -> impl Iterator<Item = Cidr> {
    let size = Cidr::new(within.first(), prefix_len).map_or(u64::MAX, Cidr::address_count);
    let count = within.address_count() / size;
    (0..count).filter_map(move |index| {
        let first = within.nth(index.checked_mul(size)?)?;
        Cidr::new(first, prefix_len).ok()
    })
}

fn check_name(
    siblings: &[Subnet],
    name: &Name,
    naming: Naming,
    own: Option<SubnetId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::Subnet, names, name, naming, own)
}
