//! Specs for the agent out of what is stored: complete, with policies and groups resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use adit_model::connection::{Ends, Identity};
use adit_model::desired::{
    Carriers, EdgeGateway, EdgeSpec, ExternalSpec, FilterRule, FloatingIpSpec, GatewaySpec,
    InstanceSpec, InterfaceAddress, InterfaceSpec, NetworkSpec, RouterSpec, SourceSpec, TunnelSpec,
};
use adit_model::gateway::GatewayMode;
use adit_model::network_acl::{AclRule, Action, Flow, Place};
use adit_model::port::FixedIp;
use adit_model::security_group::{Family, Remote, protocol_number};
use adit_model::{
    Cidr, Connection, ConnectionId, Gateway, NetworkId, Port, ProjectId, Router, RouterId,
    SecurityGroupId, SecurityGroupRule, Subnet,
};
use adit_store::{StoreError, Transaction};

use crate::connection::local_address;
use crate::crypto_profile::CryptoProfile;
use crate::gateway::private_addresses;
use crate::network_acl;
use crate::on_router;
use crate::policies::Policies;
use crate::resolver::NOT_FOUND_YET;
use crate::view::Wish;

/// The network as it is wished, if it still is. The external network is the host's own.
pub(crate) async fn network(
    tx: &mut dyn Transaction,
    id: NetworkId,
) -> Result<Option<NetworkSpec>, StoreError> {
    let Some(network) = tx.any_network(id).await? else {
        return Ok(None);
    };
    let subnets = tx.subnets_of_network(id).await?;
    let mut instances = Vec::new();
    for port in tx.ports_of_network(id).await? {
        if port.device.is_instance() {
            instances.push(instance(tx, &subnets, port).await?);
        }
    }
    Ok(Some(NetworkSpec {
        id,
        admin_state_up: network.admin_state_up,
        mtu: network.mtu,
        instances,
    }))
}

async fn instance(
    tx: &mut dyn Transaction,
    subnets: &[Subnet],
    port: Port,
) -> Result<InstanceSpec, StoreError> {
    let (mut gateways, mut routes) = (Vec::new(), Vec::new());
    for ip in &port.fixed_ips {
        let Some(subnet) = subnets.iter().find(|subnet| subnet.id == ip.subnet) else {
            continue;
        };
        routes.extend(&subnet.host_routes);
        if let Some(gateway) = subnet.gateway
            && gateways
                .iter()
                .all(|known: &std::net::IpAddr| known.is_ipv4() != gateway.is_ipv4())
        {
            gateways.push(gateway);
        }
    }
    let filter = match port.port_security {
        true => Some(filter(tx, &port.security_groups).await?),
        false => None,
    };
    Ok(InstanceSpec {
        id: port.id,
        admin_state_up: port.admin_state_up,
        mac: port.mac,
        addresses: addresses(subnets, &port.fixed_ips),
        gateways,
        routes,
        filter,
    })
}

fn addresses(subnets: &[Subnet], fixed_ips: &[FixedIp]) -> Vec<InterfaceAddress> {
    let with_prefix = |ip: &FixedIp| {
        let subnet = subnets.iter().find(|subnet| subnet.id == ip.subnet)?;
        Some(InterfaceAddress {
            address: ip.address,
            prefix_len: subnet.cidr.prefix_len(),
        })
    };
    fixed_ips.iter().filter_map(with_prefix).collect()
}

async fn filter(
    tx: &mut dyn Transaction,
    groups: &[SecurityGroupId],
) -> Result<Vec<FilterRule>, StoreError> {
    let mut filter = Vec::new();
    for group in groups {
        for rule in tx.rules_of_security_group(*group).await? {
            filter.push(filter_rule(tx, &rule).await?);
        }
    }
    Ok(filter)
}

/// A rule of a security group, with the addresses of a group that it names.
pub(crate) async fn filter_rule(
    tx: &mut dyn Transaction,
    rule: &SecurityGroupRule,
) -> Result<FilterRule, StoreError> {
    let remote = match rule.remote {
        Remote::Any => None,
        Remote::Address(address) => Some(vec![Cidr::host(address)]),
        Remote::Block(cidr) => Some(vec![cidr]),
        Remote::Group(group) => Some(members(tx, group, rule.family).await?),
    };
    let protocol = rule.protocol.as_deref();
    Ok(FilterRule {
        direction: rule.direction,
        family: rule.family,
        protocol: protocol.and_then(|name| protocol_number(name, rule.family)),
        port_min: rule.port_min,
        port_max: rule.port_max,
        remote,
    })
}

async fn members(
    tx: &mut dyn Transaction,
    group: SecurityGroupId,
    family: Family,
) -> Result<Vec<Cidr>, StoreError> {
    let ports = tx.ports_of_security_group(group).await?;
    let addresses = ports.iter().flat_map(|port| &port.fixed_ips);
    let mut hosts: Vec<_> = addresses.map(|ip| Cidr::host(ip.address)).collect();
    hosts.retain(|host| Family::of(*host) == family);
    Ok(hosts)
}

/// The router as it is wished. One that is down has no interfaces and no way outside. A gateway takes
/// `of_gateway` addresses of its subnet.
pub(crate) async fn router(
    tx: &mut dyn Transaction,
    router: Router,
    of_gateway: u64,
) -> Result<RouterSpec, StoreError> {
    let id = router.id;
    let mut spec = RouterSpec {
        id,
        interfaces: Vec::new(),
        external: None,
        floating_ips: Vec::new(),
        sources: Vec::new(),
        services: BTreeSet::new(),
        edges: Vec::new(),
        routes: Vec::new(),
        peer_cidrs: tx.peer_cidrs_of_router(id).await?,
    };
    if !router.admin_state_up {
        return Ok(spec);
    }
    for port in tx
        .ports_of_router(id)
        .await?
        .iter()
        .filter(|port| port.admin_state_up)
    {
        let subnets = tx.subnets_of_network(port.network).await?;
        if router.external.is_some() {
            spec.sources.extend(sources(tx, &subnets, port).await?);
        }
        spec.edges
            .extend(edges(tx, &subnets, port, id, of_gateway).await?);
        spec.interfaces.push(InterfaceSpec {
            id: port.id,
            network: port.network,
            mac: port.mac,
            addresses: addresses(&subnets, &port.fixed_ips),
        });
    }
    spec.routes = router.routes;
    spec.external = router.external.map(|external| ExternalSpec {
        addresses: external.addresses,
        snat: external.enable_snat,
    });
    if spec.external.is_some() {
        let floating = tx.floating_ips_of_router(id).await?;
        let stands_for = floating.into_iter().filter_map(|floating| {
            Some(FloatingIpSpec {
                address: floating.address,
                fixed_ip: floating.association?.fixed_ip,
            })
        });
        spec.floating_ips = stands_for.collect();
        spec.services = services(tx, router.project, id).await?;
    }
    Ok(spec)
}

/// The blocks of services that are reached through tunnels of a router, as it was applied.
pub(crate) async fn services(
    tx: &mut dyn Transaction,
    project: ProjectId,
    router: RouterId,
) -> Result<BTreeSet<Cidr>, StoreError> {
    let mut services = BTreeSet::new();
    for context in tx.tunnel_contexts(project).await? {
        let applied = context.running.map(|running| running.services);
        let applied = applied.unwrap_or_default();
        if applied.is_empty() {
            continue;
        }
        let gateway = tx.any_gateway(context.gateway).await?;
        if gateway.is_some_and(|gateway| gateway.router == router) {
            services.extend(applied);
        }
    }
    Ok(services)
}

/// How the subnets of an interface get outside that have a public gateway.
async fn sources(
    tx: &mut dyn Transaction,
    subnets: &[Subnet],
    port: &Port,
) -> Result<Vec<SourceSpec>, StoreError> {
    let mut sources = Vec::new();
    for subnet in subnets {
        let is_here = port.fixed_ips.iter().any(|ip| ip.subnet == subnet.id);
        let Some(id) = subnet.public_gateway.filter(|_| is_here) else {
            continue;
        };
        let Some(gateway) = tx.any_public_gateway(id).await? else {
            continue;
        };
        let floating = tx.any_floating_ip(gateway.floating_ip).await?;
        sources.extend(floating.map(|floating| SourceSpec {
            block: subnet.cidr,
            address: floating.address,
        }));
    }
    Ok(sources)
}

/// What may pass the edges of an interface's subnets, as far as that is not everything.
async fn edges(
    tx: &mut dyn Transaction,
    subnets: &[Subnet],
    port: &Port,
    router: RouterId,
    of_gateway: u64,
) -> Result<Vec<EdgeSpec>, StoreError> {
    let mut edges = Vec::new();
    for subnet in subnets {
        let is_here = port.fixed_ips.iter().any(|ip| ip.subnet == subnet.id);
        if !is_here || !subnet.cidr.is_ipv4() {
            continue;
        }
        let Some(acl) = network_acl::of_subnet(tx, subnet, router).await? else {
            continue;
        };
        let rules: Vec<_> = acl.rules.iter().map(|rule| rule.content).collect();
        if lets_everything_through(&rules) {
            continue;
        }
        let siblings = tx.gateways_of_router(router).await?;
        let gateways = siblings.iter().filter(|row| row.subnet == Some(subnet.id));
        // In route mode each of its two members has addresses of its own.
        let gateways = gateways.flat_map(|gateway| {
            let inside = private_addresses(gateway, subnet, &siblings, of_gateway);
            let both = gateway.addresses.members().zip(inside);
            both.map(|(address, inside)| EdgeGateway { address, inside })
        });
        edges.push(EdgeSpec {
            interface: port.id,
            block: (port.fixed_ips.len() > 1).then_some(subnet.cidr),
            gateways: gateways.collect(),
            rules,
        });
    }
    Ok(edges)
}

/// Whether the first rule for each way is for every packet, and allows it.
fn lets_everything_through(rules: &[AclRule]) -> bool {
    [Flow::Inbound, Flow::Outbound].into_iter().all(|flow| {
        let first = rules.iter().find(|rule| rule.flow == flow);
        let everywhere = |place: Place| place.cidr().prefix_len() == 0;
        first.is_some_and(|rule| {
            rule.action == Action::Allow
                && rule.protocol.is_none()
                && everywhere(rule.source)
                && everywhere(rule.destination)
        })
    })
}

/// The gateway as it is wished.
pub(crate) async fn gateway(
    tx: &mut dyn Transaction,
    profile: CryptoProfile,
    gateway: &Gateway,
) -> Result<GatewaySpec, StoreError> {
    let mut tunnels = BTreeMap::new();
    let mut around = Around::of(tx, profile, gateway).await?;
    for connection in tx.connections_of_gateway(gateway.id).await? {
        if !can_be_told(&connection) {
            continue;
        }
        let tunnel = around.tunnel(tx, connection).await?;
        tunnels.insert(tunnel.connection, Arc::new(tunnel));
    }
    Ok(GatewaySpec {
        id: gateway.id,
        router: gateway.router,
        addresses: gateway.addresses,
        tunnels,
    })
}

/// Some of a gateway's tunnels as they are wished; `None` for those that are not any more.
pub(crate) async fn tunnels(
    tx: &mut dyn Transaction,
    profile: CryptoProfile,
    gateway: &Gateway,
    connections: &BTreeSet<ConnectionId>,
) -> Result<BTreeMap<ConnectionId, Option<Arc<TunnelSpec>>>, StoreError> {
    let mut tunnels = BTreeMap::new();
    let mut around = Around::of(tx, profile, gateway).await?;
    for id in connections {
        let wished = match tx.any_connection(*id).await? {
            Some(row) if row.gateway == gateway.id && can_be_told(&row) => {
                let tunnel = around.tunnel(tx, row).await?;
                Some(Arc::new(tunnel))
            }
            _ => None,
        };
        tunnels.insert(*id, wished);
    }
    Ok(tunnels)
}

/// Whether it is known where the peer is, and the key. Without these there is nothing to negotiate
/// with.
fn can_be_told(connection: &Connection) -> bool {
    let has_peer = connection.peer_host.is_none() || connection.peer_address != NOT_FOUND_YET;
    has_peer && !connection.authentication.is_lost()
}

/// What a gateway's tunnels have in common.
struct Around<'a> {
    gateway: &'a Gateway,
    profile: CryptoProfile,
    policies: Policies,
    /// Of a gateway in route mode, what its router leads to otherwise.
    networks: Vec<Cidr>,
    /// Those that tunnel contexts are applied to: the service that these are as began with IKEv1, and took IKEv2 too.
    of_contexts: BTreeSet<ConnectionId>,
}

impl<'a> Around<'a> {
    async fn of(
        tx: &mut dyn Transaction,
        profile: CryptoProfile,
        gateway: &'a Gateway,
    ) -> Result<Self, StoreError> {
        let networks = match gateway.mode() {
            GatewayMode::Policy => Vec::new(),
            GatewayMode::Route => networks(tx, gateway.router).await?,
        };
        let contexts = tx.tunnel_contexts(gateway.project).await?;
        let contexts = contexts.into_iter();
        let applied = contexts.filter(|row| row.gateway == gateway.id);
        let running = applied.filter_map(|row| row.running);
        Ok(Self {
            gateway,
            profile,
            policies: Policies::default(),
            networks,
            of_contexts: running.map(|running| running.connection).collect(),
        })
    }

    async fn tunnel(
        &mut self,
        tx: &mut dyn Transaction,
        connection: Connection,
    ) -> Result<TunnelSpec, StoreError> {
        let (gateway, profile, policies) = (self.gateway, self.profile, &mut self.policies);
        policies.look_up(tx, gateway, &connection).await?;
        let (ike, ipsec) = policies.of(&connection);
        let ike = ike.map(|policy| policy.parameters.clone());
        let ipsec = ipsec.map(|policy| policy.parameters.clone());
        // An empty one is kept as it was given, and nobody could show it.
        let identity = |text: &Option<String>, or| match text.as_deref() {
            None | Some("") => Identity::Address(or),
            Some(text) => Identity::parse(text),
        };
        let (carriers, local_cidrs) = match &connection.ends {
            Ends::Routes { .. } => {
                let distribute = connection.distribute_traffic;
                (Carriers::Each { distribute }, self.networks.clone())
            }
            ends => (Carriers::One, ends.local().to_vec()),
        };
        Ok(TunnelSpec {
            connection: connection.id,
            revision: connection.revision,
            admin_state_up: policies.wish(gateway, &connection) == Wish::Up,
            local_id: identity(&connection.local_id, local_address(gateway, &connection)),
            peer_id: identity(&connection.peer_id, connection.peer_address),
            peer_address: connection.peer_address,
            initiator: connection.initiator,
            carriers,
            mtu: connection.mtu,
            authentication: connection.authentication,
            ppk: connection.ppk,
            local_cidrs,
            peer_cidrs: connection.ends.peer().to_vec(),
            translations: connection.translations,
            either_version: self.of_contexts.contains(&connection.id),
            ike: ike.unwrap_or_else(|| profile.negotiable_ike()),
            ipsec: ipsec.unwrap_or_else(|| profile.negotiable_ipsec()),
            dead_peer_detection: connection.dead_peer_detection,
        })
    }
}

/// The IPv4 blocks that a router leads to by its interfaces and their neighbours: what may come out of a tunnel of a
/// gateway in route mode is for these, and for no other tunnel's peer, nor for outside.
async fn networks(tx: &mut dyn Transaction, id: RouterId) -> Result<Vec<Cidr>, StoreError> {
    let subnets = on_router::subnets(tx, id).await?;
    let router = tx.any_router(id).await?;
    let routes = router.iter().flat_map(|router| &router.routes);
    let beyond = routes.map(|route| route.destination);
    let all = subnets.iter().map(|subnet| subnet.cidr).chain(beyond);
    Ok(all.filter(|block| block.is_ipv4()).collect())
}
