//! A connection as it is shown, in the shape of the version that is asked for.

use std::net::Ipv4Addr;

use adit_api::answer::{self, set};
use adit_api::times;
use adit_control::connection::{ConnectionView, Side};
use adit_model::ReasonCode;
use adit_model::connection::{DpdAction, Ends, Initiator};
use adit_model::gateway::GatewayStatus;
use adit_model::observed::TunnelState;
use serde_json::{Value, json};

use super::identity;
use crate::context::Context;
use crate::reasons;

pub(super) fn status(view: &ConnectionView) -> &'static str {
    match view.state {
        TunnelState::Up => "up",
        TunnelState::Down | TunnelState::Connecting => "down",
    }
}

const fn dpd_action(action: DpdAction) -> &'static str {
    match action {
        DpdAction::Clear => "clear",
        DpdAction::Hold => "hold",
        DpdAction::None => "none",
        // The nearest that there is here.
        DpdAction::RestartByPeer => "clear",
        DpdAction::Restart => "restart",
    }
}

pub(super) fn render(cx: &Context, view: &ConnectionView) -> Value {
    let row = &view.connection;
    let id = cx.zonal(row.id.uuid());
    let gateway = cx.zonal(row.gateway.uuid());
    let dpd = row.dead_peer_detection;
    let is_shown = cx.vpc.config.show_psk && cx.caller.may_see_keys();
    let mut body = json!({
        "id": id,
        "href": cx.href(&format!("vpn_gateways/{gateway}/connections/{id}")),
        "name": row.name.as_str(),
        "created_at": times::microseconds(row.created_at),
        "resource_type": "vpn_gateway_connection",
        "admin_state_up": row.admin_state_up,
        "authentication_mode": "psk",
        "psk": answer::key_of(&row.authentication, is_shown),
        "dead_peer_detection": {
            "action": dpd_action(dpd.action),
            "interval": dpd.interval_s,
            "timeout": dpd.timeout_s,
        },
        "establish_mode": match row.initiator {
            Initiator::BiDirectional => "bidirectional",
            Initiator::ResponseOnly => "peer_only",
        },
        "status": status(view),
        "status_reasons": reasons::render(cx, &view.reasons),
        "negotiated": negotiated(view),
    });
    let is_routed = matches!(row.ends, Ends::Routes { .. });
    let name = if cx.version.has_mode() {
        "mode"
    } else {
        "route_mode"
    };
    set(
        &mut body,
        name,
        json!(if is_routed { "route" } else { "policy" }),
    );
    if is_routed {
        set(
            &mut body,
            "distribute_traffic",
            json!(row.distribute_traffic),
        );
        set(&mut body, "routing_protocol", json!("none"));
        set(&mut body, "tunnels", tunnels(cx, view));
    }
    ends(cx, view, &mut body);
    if let Some((id, name)) = &view.ike_policy {
        set(
            &mut body,
            "ike_policy",
            policy(
                cx,
                "ike_policies",
                "ike_policy",
                cx.regional(id.uuid()),
                name,
            ),
        );
    }
    if let Some((id, name)) = &view.ipsec_policy {
        let id = cx.regional(id.uuid());
        set(
            &mut body,
            "ipsec_policy",
            policy(cx, "ipsec_policies", "ipsec_policy", id, name),
        );
    }
    body
}

/// The two tunnels of a connection in route mode, by the gateway's members.
fn tunnels(cx: &Context, view: &ConnectionView) -> Value {
    let is_told = view.gateway_status == GatewayStatus::Available
        && !view
            .reasons
            .iter()
            .any(|one| one.code == ReasonCode::AdministrativelyDown);
    let observed = view.observed.as_ref().filter(|_| is_told);
    let members = view.addresses.members().enumerate();
    let tunnel = |(number, address): (usize, Ipv4Addr)| {
        let member = observed.and_then(|observed| observed.members.get(number));
        let (is_up, why) = match member {
            Some(member) => (member.state == TunnelState::Up, &member.reasons),
            None => (false, &view.reasons),
        };
        json!({
            "public_ip": {"address": address.to_string()},
            "status": if is_up { "up" } else { "down" },
            "status_reasons": reasons::render(cx, why),
        })
    };
    members.map(tunnel).collect()
}

fn ends(cx: &Context, view: &ConnectionView, body: &mut Value) {
    let row = &view.connection;
    let texts = |cidrs: &[adit_model::Cidr]| -> Vec<String> {
        cidrs.iter().map(ToString::to_string).collect()
    };
    let peer = row.peer_address.to_string();
    let is_routed = matches!(row.ends, Ends::Routes { .. });
    let cidrs = [Side::Local, Side::Peer].map(|side| json!(texts(side.of(row))));
    if !cx.version.has_nested_ends() {
        set(body, "peer_address", json!(peer));
        // The oldest clients know no connection without lists.
        if !is_routed || !cx.version.has_mode() {
            let [local, peer] = cidrs;
            set(body, "local_cidrs", local);
            set(body, "peer_cidrs", peer);
        }
        return;
    }
    let own: Vec<_> = match is_routed {
        true => {
            let members = view.addresses.members();
            members
                .filter_map(|own| identity::show(None, own.into()))
                .collect()
        }
        false => Vec::from_iter(identity::show(row.local_id.as_deref(), view.local_address)),
    };
    let mut local = json!({"ike_identities": own});
    let peer_identity = identity::show(row.peer_id.as_deref(), row.peer_address);
    let mut end = json!({"ike_identity": peer_identity});
    if !is_routed {
        let [of_local, of_peer] = cidrs;
        set(&mut local, "cidrs", of_local);
        set(&mut end, "cidrs", of_peer);
    }
    set(body, "local", local);
    let (kind, place) = match &row.peer_host {
        Some(host) => ("fqdn", host.as_str()),
        None => ("address", peer.as_str()),
    };
    set(&mut end, "type", json!(kind));
    set(&mut end, kind, json!(place));
    set(body, "peer", end);
}

fn policy(
    cx: &Context,
    collection: &str,
    resource_type: &str,
    id: String,
    name: &adit_model::Name,
) -> Value {
    json!({
        "id": id,
        "href": cx.href(&format!("{collection}/{id}")),
        "name": name.as_str(),
        "resource_type": resource_type,
    })
}

/// What was agreed with the peer, which IBM's object lacks.
fn negotiated(view: &ConnectionView) -> Value {
    let Some(observed) = &view.observed else {
        return Value::Null;
    };
    let children: Vec<Value> = observed
        .children
        .iter()
        .map(|child| {
            let texts = |cidrs: &[adit_model::Cidr]| -> Vec<String> {
                cidrs.iter().map(ToString::to_string).collect()
            };
            json!({
                "suite": child.suite,
                "spi_in": format!("{:08x}", child.spi_in),
                "spi_out": format!("{:08x}", child.spi_out),
                "local_cidrs": texts(&child.local_cidrs),
                "peer_cidrs": texts(&child.peer_cidrs),
            })
        })
        .collect();
    json!({
        "since": times::microseconds(observed.since),
        "ike_suite": observed.ike_suite,
        "children": children,
        "traffic": observed.traffic,
    })
}
