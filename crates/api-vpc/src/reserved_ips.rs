//! `/subnets/{id}/reserved_ips`, to be read: the provider's own addresses, those of instances, and
//! those that are set aside for members of gateways.

use adit_api::answer::set;
use adit_api::paging::Place;
use adit_api::times;
use adit_control::subnet::{Holder, SubnetAddresses};
use adit_model::Subnet;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::net::IpAddr;
use uuid::Uuid;

use crate::context::Context;
use crate::error::ApiError;
use crate::ids::Part;
use crate::page::page;
use crate::references;
use crate::state::Vpc;

/// The provider's, by their place in the block from its start, as they are called.
const PROVIDER: [(u64, &str); 4] = [
    (0, "ibm-network-address"),
    (1, "ibm-default-gateway"),
    (2, "ibm-dns-address"),
    (3, "ibm-reserved-address"),
];

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/subnets/{subnet}/reserved_ips", get(list))
        .route("/subnets/{subnet}/reserved_ips/{ip}", get(one))
}

async fn list(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let (subnet, all) = all(&cx, &id).await?;
    let path = format!("subnets/{}/reserved_ips", cx.zonal(subnet.id.uuid()));
    let all: Vec<_> = (0_u128..).zip(all).collect();
    // Lowest first.
    let place = |(index, _): &(u128, Value)| Place::new(subnet.created_at, Uuid::from_u128(*index));
    page(&cx, &path, "reserved_ips", all, place, |(_, ip)| ip.clone())
}

async fn one(cx: Context, Path((id, ip)): Path<(String, String)>) -> Result<Json<Value>, ApiError> {
    let (_, all) = all(&cx, &id).await?;
    let mut all = all.into_iter();
    let found = all.find(|one| one.get("id") == Some(&json!(ip)));
    found.map(Json).ok_or_else(|| {
        let message = format!("The reserved IP `{ip}` could not be found.");
        ApiError::new(StatusCode::NOT_FOUND, "reserved_ip_not_found", message)
    })
}

async fn all(cx: &Context, id: &str) -> Result<(Subnet, Vec<Value>), ApiError> {
    let id = references::subnet_id(id)?;
    let control = &cx.vpc.control;
    // One that is on no router is not there in this dialect.
    control.subnet_view(&cx.caller, id).await?;
    let SubnetAddresses { subnet, held } = control.subnet_addresses(&cx.caller, id).await?;
    let last = subnet.cidr.address_count().saturating_sub(1);
    let own = PROVIDER
        .into_iter()
        .chain([(last, "ibm-broadcast-address")]);
    let own: Vec<_> = (0_u8..)
        .zip(own)
        .filter_map(|(number, (index, name))| {
            let id = cx.zonal(Part::ProviderIp(number).of(subnet.id.uuid()));
            Some((subnet.cidr.nth(index)?, id, name.to_owned(), None))
        })
        .collect();
    let provider: Vec<IpAddr> = own.iter().map(|(address, ..)| *address).collect();
    let held = held
        .into_iter()
        .filter(|(address, _)| !provider.contains(address));
    let held = held.map(|(address, holder)| {
        let (id, name, target) = of_holder(cx, &holder);
        (address, cx.zonal(id), name, Some(target))
    });
    let mut all: Vec<_> = own.into_iter().chain(held).collect();
    all.sort_by_key(|(address, ..)| *address);
    let all = all.into_iter().map(|(address, id, name, target)| {
        let mut body = references::reserved_ip(cx, &subnet, &id, &name, address);
        set(&mut body, "auto_delete", json!(target.is_some()));
        set(
            &mut body,
            "created_at",
            json!(times::microseconds(subnet.created_at)),
        );
        set(&mut body, "lifecycle_state", json!("stable"));
        let owner = if target.is_some() { "user" } else { "provider" };
        set(&mut body, "owner", json!(owner));
        if let Some(target) = target {
            set(&mut body, "target", target);
        }
        body
    });
    let all = all.collect();
    Ok((subnet, all))
}

/// The id and the name of an address, and what has it.
fn of_holder(cx: &Context, holder: &Holder) -> (Uuid, String, Value) {
    match holder {
        Holder::Member(gateway, number) => {
            let id = cx.zonal(gateway.id.uuid());
            let target = json!({
                "id": id,
                "crn": cx.crn("vpn", &id),
                "href": cx.href(&format!("vpn_gateways/{id}")),
                "name": gateway.name.as_str(),
                "resource_type": "vpn_gateway",
            });
            let name = references::member_name(gateway, *number);
            (Part::MemberIp(*number).of(gateway.id.uuid()), name, target)
        }
        Holder::Port(port) => {
            let name = format!("{}-eth0", port.name);
            let target = references::interface(cx, port);
            (Part::InterfaceIp.of(port.id.uuid()), name, target)
        }
    }
}
