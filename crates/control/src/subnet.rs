//! Subnets: blocks of addresses on networks. One set of use cases for every face; in what a face's
//! original is different, it says by its [`Rules`].

mod addresses;
mod delete;
mod layout;
mod users;
mod view;

use std::net::IpAddr;

use adit_model::port::FixedIp;
use adit_model::subnet::{AddressRange, StaticRoute};
use adit_model::{
    Cidr, Name, Network, NetworkId, ProjectId, ResourceGroup, Revision, Router, RouterId, Subnet,
    SubnetId,
};
use adit_store::{Query, Transaction};

use crate::change::Change;
use crate::error::{Error, Noun, Quota, Rule};
use crate::resource::Resource;
use crate::rules::{self, Allowance, Naming, OnDelete};
use crate::{Caller, Control, cidr_rules, network, on_router, router};
pub use addresses::{Holder, SubnetAddresses};
pub use layout::{Block, Pools};
use layout::{check, choose};
pub(crate) use users::check_unused;
pub use view::{SubnetPlace, SubnetView};

/// In what a face differs from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether names are unique among the subnets of a router.
    pub naming: Naming,
    /// Which limits count: the operator's for everybody, those on sizes of blocks among them, or the
    /// project's.
    pub allowance: Allowance,
    /// What becomes of routers' interfaces on a subnet, and of its network if nothing else is on that.
    pub on_delete: OnDelete,
}

/// Where a subnet is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// On this network.
    Network(NetworkId),
    /// On this router: with a network of its own, and an interface of the router.
    Router(RouterId),
}

/// What a subnet is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSubnet {
    /// What to call it.
    pub name: Name,
    /// The group to put it in.
    pub resource_group: Option<ResourceGroup>,
    /// What to say of it.
    pub description: String,
    /// Where it is made.
    pub place: Place,
    /// Its addresses.
    pub block: Block,
    /// The router's address: `None` is the first one, `Some(None)` is none.
    pub gateway: Option<Option<IpAddr>>,
    /// The addresses that are given to ports.
    pub pools: Pools,
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
    /// See [`Subnet::zone`].
    pub zone: String,
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
    /// No such network or router, the name is taken, the block overlaps another there or is around one
    /// behind a peer, its parts don't fit together, or a quota is used up.
    pub async fn create_subnet(
        &self,
        caller: &Caller,
        rules: Rules,
        new: NewSubnet,
    ) -> Result<Subnet, Error> {
        let mut tx = self.change(caller).await?;
        let site = self.find_subnet_site(&mut *tx, caller, &new).await?;
        let siblings = site.siblings(&mut *tx).await?;
        match rules.allowance {
            Allowance::Fixed => {
                Quota::Subnets.check(siblings.len(), self.0.config.limits.subnets)?;
            }
            Allowance::OfProject => {
                self.check_quota(&mut *tx, caller.project, Resource::Subnet)
                    .await?;
            }
        }
        check_name(&siblings, &new.name, rules.naming, None)?;
        let peers = site.peers(&mut *tx).await?;
        let cidr = choose(&siblings, &peers, &new.block, rules.allowance)?;
        let gateway = new.gateway;
        let gateway = gateway.unwrap_or_else(|| Some(Subnet::router_address(cidr)));
        let now = self.now();
        let row = Subnet {
            id: SubnetId::random(),
            project: site.project(caller),
            resource_group: new.resource_group,
            network: site.network(),
            pools: new.pools.of(cidr, gateway),
            name: new.name,
            description: new.description,
            cidr,
            gateway,
            enable_dhcp: new.enable_dhcp,
            dns_nameservers: new.dns_nameservers,
            host_routes: new.host_routes,
            ipv6_address_mode: new.ipv6_address_mode,
            ipv6_ra_mode: new.ipv6_ra_mode,
            network_acl: None,
            public_gateway: None,
            zone: new.zone,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        check(&row)?;
        match &site {
            Site::Network(_) => tx.insert(&row).await?,
            Site::Router { router, network } => {
                self.insert_on_router(&mut tx, router, *network, &row)
                    .await?;
            }
        }
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
    /// It is not there, the name is taken, or its parts would not fit together.
    pub async fn update_subnet(
        &self,
        caller: &Caller,
        rules: Rules,
        id: SubnetId,
        change: SubnetChange,
    ) -> Result<Subnet, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(change.expected, row.revision)?;
        let before = row.clone();
        if let Some(name) = change.name {
            if rules.naming == Naming::Unique {
                let router = on_router::router_of(&mut *tx, id).await?;
                let siblings = on_router::subnets(&mut *tx, router).await?;
                check_name(&siblings, &name, rules.naming, Some(id))?;
            }
            row.name = name;
        }
        row.description = change.description.unwrap_or(row.description);
        if let Some(gateway) = change.gateway.filter(|gateway| *gateway != row.gateway) {
            let ports = tx.ports_of_subnet(id).await?;
            let has = |ip: &FixedIp| row.gateway == Some(ip.address);
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

    async fn find_subnet_site(
        &self,
        tx: &mut dyn Transaction,
        caller: &Caller,
        new: &NewSubnet,
    ) -> Result<Site, Error> {
        let id = match new.place {
            Place::Network(id) => id,
            Place::Router(id) => {
                return Ok(Site::Router {
                    router: Box::new(router::find(tx, caller, id).await?),
                    network: NetworkId::random(),
                });
            }
        };
        let network = network::find(tx, caller, id).await?;
        if self.0.is_external(network.id) {
            let message = format!(
                "the network {} leads outside: its subnets come with the host's configuration",
                network.id
            );
            return Err(Error::invalid("network", Rule::Reference, message));
        }
        network::check_mtu_for(&network, new.block.within())?;
        Ok(Site::Network(network.id))
    }

    /// Puts a subnet on a router, with a network of its own.
    async fn insert_on_router(
        &self,
        tx: &mut Change,
        router: &Router,
        network: NetworkId,
        row: &Subnet,
    ) -> Result<(), Error> {
        cidr_rules::check_peers(&mut **tx, router.id, row).await?;
        let Some(address) = row.gateway else {
            let message = "a subnet on a router has an address for it";
            return Err(Error::invalid("gateway", Rule::Reference, message));
        };
        let network = Network {
            id: network,
            project: row.project,
            name: row.name.clone(),
            description: String::new(),
            admin_state_up: true,
            external: false,
            shared: false,
            mtu: Network::MTU,
            port_security: false,
            created_at: row.created_at,
            updated_at: row.updated_at,
            revision: Revision::FIRST,
        };
        tx.insert(&network).await?;
        tx.insert(row).await?;
        let interface = on_router::interface(router, row, address, row.created_at);
        Ok(tx.insert(&interface).await?)
    }
}

/// A place that was found.
enum Site {
    Network(NetworkId),
    /// A router, and the id of the network that is to be made.
    Router {
        router: Box<Router>,
        network: NetworkId,
    },
}

impl Site {
    const fn network(&self) -> NetworkId {
        match self {
            Self::Network(network) | Self::Router { network, .. } => *network,
        }
    }

    const fn project(&self, caller: &Caller) -> ProjectId {
        match self {
            Self::Network(_) => caller.project,
            Self::Router { router, .. } => router.project,
        }
    }

    /// The subnets that are there.
    async fn siblings(&self, tx: &mut dyn Transaction) -> Result<Vec<Subnet>, Error> {
        match self {
            Self::Network(network) => Ok(tx.subnets_of_network(*network).await?),
            Self::Router { router, .. } => Ok(on_router::subnets(tx, router.id).await?),
        }
    }

    /// The blocks behind peers there.
    async fn peers(&self, tx: &mut dyn Transaction) -> Result<Vec<Cidr>, Error> {
        let Self::Router { router, .. } = self else {
            return Ok(Vec::new());
        };
        let peers = tx.peer_cidrs_of_router(router.id).await?;
        Ok(peers.into_values().flatten().collect())
    }
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

fn check_name(
    siblings: &[Subnet],
    name: &Name,
    naming: Naming,
    own: Option<SubnetId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::Subnet, names, name, naming, own)
}
