//! VPCs and subnets, and the parts of a VPC, as other things name them; and how paths and queries
//! name VPCs and subnets.

use std::net::IpAddr;

use adit_control::Noun;
use adit_model::gateway::GatewayMode;
use adit_model::{
    FloatingIp, Gateway, NetworkAcl, Port, PublicGateway, Router, RouterId, SecurityGroup, Subnet,
    SubnetId,
};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiError;
use crate::ids::{self, Part};
use crate::names;

/// The VPC that a path names.
pub(crate) fn vpc_id(text: &str) -> Result<RouterId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::Router, text))
}

/// The subnet that a path names.
pub(crate) fn subnet_id(text: &str) -> Result<SubnetId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::Subnet, text))
}

/// Whether a list of what is in VPCs, as it is asked for, has what is in this one.
pub(crate) fn wants_vpc(cx: &Context, row: &Router) -> bool {
    let crn = cx.crn("vpc", &cx.regional(row.id.uuid()));
    cx.wants_id("vpc.id", row.id.uuid())
        && cx.wants("vpc.crn", &crn)
        && cx.wants("vpc.name", row.name.as_str())
}

/// A VPC.
pub(crate) fn vpc(cx: &Context, row: &Router) -> Value {
    let id = cx.regional(row.id.uuid());
    json!({
        "id": id,
        "crn": cx.crn("vpc", &id),
        "href": cx.href(&format!("vpcs/{id}")),
        "name": row.name.as_str(),
        "resource_type": "vpc",
    })
}

/// A subnet.
pub(crate) fn subnet(cx: &Context, subnet: &Subnet) -> Value {
    let id = cx.zonal(subnet.id.uuid());
    json!({
        "id": id,
        "crn": cx.crn("subnet", &id),
        "href": cx.href(&format!("subnets/{id}")),
        "name": subnet.name.as_str(),
        "resource_type": "subnet",
    })
}

/// A network ACL.
pub(crate) fn network_acl(cx: &Context, row: &NetworkAcl) -> Value {
    let id = cx.regional(row.id.uuid());
    json!({
        "id": id,
        "crn": cx.crn("network-acl", &id),
        "href": cx.href(&format!("network_acls/{id}")),
        "name": row.name.as_str(),
    })
}

/// A security group.
pub(crate) fn security_group(cx: &Context, row: &SecurityGroup) -> Value {
    let id = cx.regional(row.id.uuid());
    json!({
        "id": id,
        "crn": cx.crn("security-group", &id),
        "href": cx.href(&format!("security_groups/{id}")),
        "name": row.name.as_str(),
    })
}

/// What a VPC's routing table is called.
pub(crate) fn routing_table_name(row: &Router) -> String {
    format!("{}-routing-table", row.name)
}

/// A VPC's default routing table.
pub(crate) fn routing_table(cx: &Context, row: &Router) -> Value {
    let vpc = cx.regional(row.id.uuid());
    let id = cx.regional(Part::RoutingTable.of(row.id.uuid()));
    json!({
        "id": id,
        "crn": cx.crn("routing-table", &id),
        "href": cx.href(&format!("vpcs/{vpc}/routing_tables/{id}")),
        "name": routing_table_name(row),
        "resource_type": "routing_table",
    })
}

/// An address of a subnet.
pub(crate) fn reserved_ip(
    cx: &Context,
    subnet: &Subnet,
    id: &str,
    name: &str,
    address: IpAddr,
) -> Value {
    let subnet = cx.zonal(subnet.id.uuid());
    json!({
        "id": id,
        "href": cx.href(&format!("subnets/{subnet}/reserved_ips/{id}")),
        "name": name,
        "address": address.to_string(),
        "resource_type": "subnet_reserved_ip",
    })
}

/// What the address of a gateway's member is called.
pub(crate) fn member_name(gateway: &Gateway, number: u8) -> String {
    let role = match (gateway.mode(), number) {
        (_, 0) => "active",
        (GatewayMode::Policy, _) => "standby",
        (GatewayMode::Route, _) => "active-2",
    };
    format!("{}-{role}", gateway.name)
}

/// An instance's network interface.
pub(crate) fn interface(cx: &Context, port: &Port) -> Value {
    let instance = cx.zonal(port.id.uuid());
    let id = cx.zonal(Part::Interface.of(port.id.uuid()));
    json!({
        "id": id,
        "href": cx.href(&format!("instances/{instance}/network_interfaces/{id}")),
        "name": "eth0",
        "resource_type": "network_interface",
    })
}

/// The address of an instance's network interface.
pub(crate) fn interface_ip(cx: &Context, port: &Port, subnet: &Subnet, address: IpAddr) -> Value {
    let ip = cx.zonal(Part::InterfaceIp.of(port.id.uuid()));
    let name = format!("{}-eth0", port.name);
    reserved_ip(cx, subnet, &ip, &name, address)
}

/// A floating IP.
pub(crate) fn floating_ip(cx: &Context, row: &FloatingIp) -> Value {
    let id = cx.regional(row.id.uuid());
    json!({
        "id": id,
        "crn": cx.crn("floating-ip", &id),
        "href": cx.href(&format!("floating_ips/{id}")),
        "name": names::or_short(&row.name, "floating-ip", &row.id.short()),
        "address": row.address.to_string(),
    })
}

/// A public gateway.
pub(crate) fn public_gateway(cx: &Context, row: &PublicGateway) -> Value {
    let id = cx.regional(row.id.uuid());
    json!({
        "id": id,
        "crn": cx.crn("public-gateway", &id),
        "href": cx.href(&format!("public_gateways/{id}")),
        "name": row.name.as_str(),
        "resource_type": "public_gateway",
    })
}

/// A thing's own members, added to how others name it.
pub(crate) fn whole(mut reference: Value, own: Value) -> Value {
    if let (Value::Object(body), Value::Object(own)) = (&mut reference, own) {
        body.extend(own);
    }
    reference
}
