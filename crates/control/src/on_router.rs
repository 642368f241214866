//! What is on a router: its interfaces, and the subnets that they are on.

use std::net::IpAddr;

use adit_model::port::{Device, FixedIp};
use adit_model::{MacAddress, Name, Port, PortId, Revision, Router, RouterId, Subnet, SubnetId};
use adit_store::{StoreError, Transaction};
use time::OffsetDateTime;

use crate::error::{Error, Noun};

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
pub(crate) async fn subnets(
    tx: &mut dyn Transaction,
    router: RouterId,
) -> Result<Vec<Subnet>, StoreError> {
    let mut subnets = Vec::new();
    for port in tx.ports_of_router(router).await? {
        for ip in &port.fixed_ips {
            subnets.extend(tx.any_subnet(ip.subnet).await?);
        }
    }
    Ok(subnets)
}

/// The interface of a router on a subnet. It is not filtered.
pub(crate) fn interface(
    router: &Router,
    subnet: &Subnet,
    address: IpAddr,
    now: OffsetDateTime,
) -> Port {
    let id = PortId::random();
    Port {
        id,
        project: router.project,
        resource_group: None,
        network: subnet.network,
        name: Name::default(),
        description: String::new(),
        admin_state_up: true,
        mac: MacAddress::of_port(id),
        fixed_ips: vec![FixedIp {
            subnet: subnet.id,
            address,
        }],
        device: Device::Router(router.id),
        port_security: false,
        security_groups: Vec::new(),
        created_at: now,
        updated_at: now,
        revision: Revision::FIRST,
    }
}

/// Refuses when something needs the router on this subnet.
pub(crate) async fn check_unused(
    tx: &mut dyn Transaction,
    router: &Router,
    subnet: SubnetId,
) -> Result<(), Error> {
    let mut users = Vec::new();
    for gateway in tx.gateways_of_router(router.id).await? {
        if gateway.subnet == Some(subnet) {
            let users = std::iter::once(gateway.id.uuid());
            return Error::used(Noun::Subnet, Noun::Gateway, users);
        }
        users.push(gateway.id);
    }
    for group in tx.endpoint_groups_of_subnet(subnet).await? {
        for connection in tx.connections_of_endpoint_group(group.id).await? {
            if users.contains(&connection.gateway) {
                let users = std::iter::once(connection.id.uuid());
                return Error::used(Noun::Subnet, Noun::Connection, users);
            }
        }
    }
    if let Some(row) = tx.any_subnet(subnet).await? {
        if let Some(gateway) = row.public_gateway {
            let users = std::iter::once(gateway.uuid());
            return Error::used(Noun::Subnet, Noun::PublicGateway, users);
        }
        if let Some(acl) = row.network_acl {
            let users = std::iter::once(acl.uuid());
            return Error::used(Noun::Subnet, Noun::NetworkAcl, users);
        }
        let mut hops = router.routes.iter().map(|route| route.nexthop);
        if hops.any(|hop| row.cidr.contains(hop)) {
            let users = std::iter::once(router.id.uuid());
            return Error::used(Noun::Subnet, Noun::Router, users);
        }
    }
    for floating in tx.floating_ips_of_router(router.id).await? {
        let Some(of) = floating.association else {
            continue;
        };
        let port = tx.any_port(of.port).await?;
        let here = |port: &Port| port.fixed_ips.iter().any(|ip| ip.subnet == subnet);
        if port.as_ref().is_some_and(here) {
            let users = std::iter::once(floating.id.uuid());
            return Error::used(Noun::Subnet, Noun::FloatingIp, users);
        }
    }
    Ok(())
}
