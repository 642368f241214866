//! A gateway as it is shown, in the shape of the version that is asked for.

use adit_api::answer::set;
use adit_api::times;
use adit_model::Gateway;
use adit_model::gateway::{GatewayMode, GatewayStatus};
use serde_json::{Value, json};

use super::Shown;
use crate::context::Context;
use crate::ids::Part;
use crate::{reasons, references};

/// What a gateway's autonomous system would be called if it spoke BGP.
pub(super) const ASN: u32 = 64_520;

/// The word for a gateway's mode.
pub(super) const fn mode(gateway: &Gateway) -> &'static str {
    match gateway.mode() {
        GatewayMode::Policy => "policy",
        GatewayMode::Route => "route",
    }
}

fn lifecycle(status: GatewayStatus) -> (&'static str, &'static str, &'static str) {
    match status {
        GatewayStatus::Available => ("available", "stable", "ok"),
        GatewayStatus::Failed => ("failed", "stable", "faulted"),
        GatewayStatus::Pending => ("pending", "pending", "inapplicable"),
    }
}

pub(super) fn render(cx: &Context, shown: &Shown) -> Value {
    let Shown { view, around } = shown;
    let gateway = &view.gateway;
    let id = cx.zonal(gateway.id.uuid());
    let path = format!("vpn_gateways/{id}");
    let (status, lifecycle_state, health_state) = lifecycle(view.status);
    let connections: Vec<Value> = around
        .connections
        .iter()
        .map(|(connection, name)| {
            let connection = cx.zonal(connection.uuid());
            json!({
                "id": connection,
                "href": cx.href(&format!("{path}/connections/{connection}")),
                "name": name.as_str(),
                "resource_type": "vpn_gateway_connection",
            })
        })
        .collect();
    let mut body = json!({
        "id": id,
        "crn": cx.crn("vpn", &id),
        "href": cx.href(&path),
        "name": gateway.name.as_str(),
        "created_at": times::microseconds(gateway.created_at),
        "resource_type": "vpn_gateway",
        "public_ip": {"address": gateway.addresses.v4.to_string()},
        "subnet": around.subnet.as_ref().map(|subnet| references::subnet(cx, subnet)),
        "vpc": references::vpc(cx, &view.router),
        "resource_group": cx.resource_group(gateway.resource_group.as_ref()),
        "connections": connections,
        "members": members(cx, shown),
        "lifecycle_state": lifecycle_state,
        "lifecycle_reasons": [],
        "health_state": health_state,
        "health_reasons": reasons::render(cx, &view.reasons),
    });
    if !cx.version.has_no_gateway_status() {
        set(&mut body, "status", json!(status));
    }
    if cx.version.has_mode() {
        set(&mut body, "mode", json!(mode(gateway)));
        set(&mut body, "availability_mode", json!("zonal"));
        if gateway.mode() == GatewayMode::Route {
            set(&mut body, "local_asn", json!(ASN));
            set(&mut body, "advertised_cidrs", json!([]));
        }
    }
    body
}

/// In route mode both are active, each with a public address; otherwise the active one has it, and the standby would
/// take it over.
pub(super) fn members(cx: &Context, shown: &Shown) -> Vec<Value> {
    let Shown { view, around } = shown;
    let gateway = &view.gateway;
    let (status, lifecycle_state, health_state) = lifecycle(view.status);
    let public = gateway.addresses.v4.to_string();
    let second = gateway.addresses.second.map(|second| second.to_string());
    let roles = match &second {
        Some(second) => [("active", public.as_str()), ("active", second)],
        None => [("active", public.as_str()), ("standby", "0.0.0.0")],
    };
    let mut all = Vec::new();
    for ((index, (role, public)), private) in (0_u8..).zip(roles).zip(&around.private_addresses) {
        let id = cx.zonal(Part::Member(index).of(gateway.id.uuid()));
        let path = format!("vpn_gateways/{}/members/{id}", cx.zonal(gateway.id.uuid()));
        let Some(subnet) = &around.subnet else {
            continue;
        };
        let ip = cx.zonal(Part::MemberIp(index).of(gateway.id.uuid()));
        let name = references::member_name(gateway, index);
        let mut private_ip = references::reserved_ip(cx, subnet, &ip, &name, *private);
        set(&mut private_ip, "subnet", references::subnet(cx, subnet));
        // It is there to be addressed, and no more.
        let (health_state, health_reasons) = match role {
            "active" => (health_state, reasons::render(cx, &view.reasons)),
            _ => ("degraded", reasons::of_standby(cx)),
        };
        let mut body = json!({
            "id": id,
            "href": cx.href(&path),
            "role": role,
            "public_ip": {"address": public},
            "private_ip": private_ip,
            "lifecycle_state": lifecycle_state,
            "lifecycle_reasons": [],
            "health_state": health_state,
            "health_reasons": health_reasons,
        });
        if !cx.version.has_no_gateway_status() {
            set(&mut body, "status", json!(status));
        }
        all.push(body);
    }
    all
}
