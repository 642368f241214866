//! A connection as it is shown, in the shape of the version that is asked for.

use adit_api::answer::{self, set};
use adit_api::times;
use adit_control::connection::ConnectionView;
use adit_model::connection::{DpdAction, Initiator};
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
    let mut body = json!({
        "id": id,
        "href": cx.href(&format!("vpn_gateways/{gateway}/connections/{id}")),
        "name": row.name.as_str(),
        "created_at": times::microseconds(row.created_at),
        "resource_type": "vpn_gateway_connection",
        "admin_state_up": row.admin_state_up,
        "authentication_mode": "psk",
        "psk": answer::key(&row.psk, cx.vpc.config.show_psk && cx.caller.may_see_keys()),
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
    if cx.version.has_mode() {
        set(&mut body, "mode", json!("policy"));
    } else {
        set(&mut body, "route_mode", json!("policy"));
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

fn ends(cx: &Context, view: &ConnectionView, body: &mut Value) {
    let row = &view.connection;
    let texts = |cidrs: &[adit_model::Cidr]| -> Vec<String> {
        cidrs.iter().map(ToString::to_string).collect()
    };
    let peer = row.peer_address.to_string();
    let (local_cidrs, peer_cidrs) = (texts(row.ends.local()), texts(row.ends.peer()));
    if !cx.version.has_nested_ends() {
        set(body, "peer_address", json!(peer));
        set(body, "local_cidrs", json!(local_cidrs));
        set(body, "peer_cidrs", json!(peer_cidrs));
        return;
    }
    let own = identity::show(row.local_id.as_deref(), view.local_address);
    set(
        body,
        "local",
        json!({"cidrs": local_cidrs, "ike_identities": Vec::from_iter(own)}),
    );
    let mut end = json!({
        "cidrs": peer_cidrs,
        "ike_identity": identity::show(row.peer_id.as_deref(), row.peer_address),
    });
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
