//! `/vpn_gateways/{id}/connections`. Bodies are taken flat, as they were, and with `local` and
//! `peer` objects, as they are, whatever the version; answers follow the version.

mod body;

use std::net::IpAddr;

use adit_api::answer::{self, set};
use adit_api::paging::Place;
use adit_api::times;
use adit_control::connection::{ConnectionView, DeadPeerRule, Overlaps, Rules};
use adit_control::{Allowance, Naming, Noun};
use adit_model::connection::DpdAction;
use adit_model::observed::TunnelState;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::{Context, etag};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::page::page;
use crate::state::Vpc;
use crate::{ids, reasons, vpn_gateways};

/// What IBM wants otherwise than others.
pub(crate) const RULES: Rules = Rules {
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    overlaps: Overlaps::Refused,
    dead_peer: DeadPeerRule::Bounded,
};

pub(crate) fn routes() -> Router<Vpc> {
    let path = "/vpn_gateways/{gateway}/connections";
    let connection = get(one).patch(update).delete(delete);
    Router::new()
        .route(path, get(list).post(create))
        .route(&format!("{path}/{{connection}}"), connection)
}

async fn create(
    cx: Context,
    Path(gateway): Path<String>,
    body: Fields,
) -> Result<Response, ApiError> {
    let gateway = vpn_gateways::parse(&gateway)?;
    // A missing gateway is told before anything that is wrong with the body.
    let control = &cx.vpc.control;
    let own = control.gateway(&cx.caller, gateway).await?.gateway;
    let new = body::new_connection(&cx, &own, &body)?;
    let view = control.create_connection(&cx.caller, RULES, new).await?;
    Ok((StatusCode::CREATED, tagged(&cx, &view)).into_response())
}

async fn list(cx: Context, Path(gateway): Path<String>) -> Result<Json<Value>, ApiError> {
    let gateway = vpn_gateways::parse(&gateway)?;
    let mut views = cx
        .vpc
        .control
        .connections_of_gateway(&cx.caller, gateway)
        .await?;
    let mut path = format!("vpn_gateways/{}/connections", cx.zonal(gateway.uuid()));
    if let Some(status) = cx.query("status") {
        if !matches!(status, "up" | "down") {
            let message = "The `status` query parameter must be up or down.";
            return Err(ApiError::bad("invalid_value", message).parameter("status"));
        }
        views.retain(|view| self::status(view) == status);
        path = format!("{path}?status={status}");
    }
    list_page(&cx, &path, views)
}

/// A page of connections; policies list theirs too.
pub(crate) fn list_page(
    cx: &Context,
    path: &str,
    views: Vec<ConnectionView>,
) -> Result<Json<Value>, ApiError> {
    let place = |view: &ConnectionView| {
        let connection = &view.connection;
        Place::new(connection.created_at, connection.id.uuid())
    };
    page(cx, path, "connections", views, place, |view| {
        render(cx, view)
    })
}

async fn one(
    cx: Context,
    Path((gateway, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let view = find(&cx, &gateway, &id).await?;
    Ok(tagged(&cx, &view))
}

async fn update(
    cx: Context,
    Path((gateway, id)): Path<(String, String)>,
    body: Fields,
) -> Result<Response, ApiError> {
    let seen = find(&cx, &gateway, &id).await?;
    let expected = cx.if_match()?;
    let change = body::change(&cx, seen.local_address, &body)?;
    let seen = seen.connection;
    let control = &cx.vpc.control;
    let view = control
        .update_connection(&cx.caller, RULES, seen.id, expected, change)
        .await?;
    Ok(tagged(&cx, &view))
}

async fn delete(
    cx: Context,
    Path((gateway, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let seen = find(&cx, &gateway, &id).await?.connection;
    let expected = cx.if_match()?;
    let control = &cx.vpc.control;
    control
        .delete_connection(&cx.caller, seen.id, expected)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// The connection of the gateway; a missing gateway is told first.
pub(crate) async fn find(
    cx: &Context,
    gateway: &str,
    id: &str,
) -> Result<ConnectionView, ApiError> {
    let gateway = vpn_gateways::parse(gateway)?;
    let control = &cx.vpc.control;
    control.gateway(&cx.caller, gateway).await?;
    let missing = || ApiError::not_found(Noun::Connection, id);
    let connection = ids::parse(id).ok_or_else(missing)?;
    let view = control.connection(&cx.caller, connection).await?;
    match view.connection.gateway == gateway {
        true => Ok(view),
        false => Err(missing()),
    }
}

/// Connections as policies name them.
pub(crate) fn references(cx: &Context, views: &[ConnectionView]) -> Vec<Value> {
    let mut references = Vec::new();
    for ConnectionView { connection, .. } in views {
        let id = cx.zonal(connection.id.uuid());
        let gateway = cx.zonal(connection.gateway.uuid());
        references.push(json!({
            "id": id,
            "href": cx.href(&format!("vpn_gateways/{gateway}/connections/{id}")),
            "name": connection.name.as_str(),
            "resource_type": "vpn_gateway_connection",
        }));
    }
    references
}

/// A CIDR that is none.
pub(crate) fn invalid_cidr(field: &str) -> ApiError {
    let message = "The CIDR must be an IPv4 block without host bits, such as 192.168.1.0/24.";
    ApiError::bad("vpn_connection_cidr_not_valid", message).field(field)
}

fn tagged(cx: &Context, view: &ConnectionView) -> Response {
    (etag(view.connection.revision), Json(render(cx, view))).into_response()
}

fn status(view: &ConnectionView) -> &'static str {
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

fn render(cx: &Context, view: &ConnectionView) -> Value {
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
        "psk": answer::key(&row.psk, cx.vpc.config.show_psk),
        "dead_peer_detection": {
            "action": dpd_action(dpd.action),
            "interval": dpd.interval_s,
            "timeout": dpd.timeout_s,
        },
        "establish_mode": "bidirectional",
        "status": status(view),
        "status_reasons": reasons::render(&view.reasons),
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
    // Of addresses there are only IPv4's among IBM's identities.
    let identity = |address: IpAddr| {
        let identity = json!({"type": "ipv4_address", "value": address});
        address.is_ipv4().then_some(identity)
    };
    set(
        body,
        "local",
        json!({
            "cidrs": local_cidrs,
            "ike_identities": Vec::from_iter(identity(view.local_address)),
        }),
    );
    set(
        body,
        "peer",
        json!({
            "type": "address",
            "address": &peer,
            "cidrs": peer_cidrs,
            "ike_identity": identity(row.peer_address),
        }),
    );
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
