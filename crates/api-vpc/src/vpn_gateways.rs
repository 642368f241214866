//! `/vpn_gateways` and their members, in policy mode and in route mode. There is no BGP: a gateway advertises
//! nothing, and has no service connections.

mod shown;

use adit_api::paging::Place;
use adit_control::gateway::{
    GatewayChange, GatewaySurroundings, GatewayView, NewGateway, Place as Site, Rules,
};
use adit_control::{Allowance, Error, Naming, Noun, OnDelete};
use adit_model::gateway::GatewayMode;
use adit_model::{Gateway, GatewayId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::context::{Context, etag};
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::ids;
use crate::page::{page, page_of, part, show};
use crate::sort::{Key, sort};
use crate::state::Vpc;

/// What IBM refuses, too.
const RULES: Rules = Rules {
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    on_delete: OnDelete::Cascade,
};

/// A gateway with all that is shown with it.
struct Shown {
    view: GatewayView,
    around: GatewaySurroundings,
}

pub(crate) fn routes() -> Router<Vpc> {
    let gateway = get(one).patch(update).delete(delete);
    Router::new()
        .route("/vpn_gateways", get(list).post(create))
        .route("/vpn_gateways/{gateway}", gateway)
        .route("/vpn_gateways/{gateway}/members", get(members))
        .route("/vpn_gateways/{gateway}/members/{member}", get(member))
        .route("/vpn_gateways/{gateway}/advertised_cidrs", get(advertised))
        .route("/vpn_gateways/{gateway}/service_connections", get(services))
}

async fn create(cx: Context, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&[
        "advertised_cidrs",
        "availability_mode",
        "local_asn",
        "mode",
        "name",
        "resource_group",
        "subnet",
    ])?;
    let mode = mode(&cx, &body)?;
    unsupported(mode, &body)?;
    let Some(subnet) = body.identity("subnet")? else {
        let message = "The gateway needs a subnet: `subnet.id` is required.";
        return Err(ApiError::bad("vpn_gateway_missing_subnet_id", message).field("subnet.id"));
    };
    let missing = || {
        let no_such = body.no_such("subnet", Noun::Subnet);
        no_such.coded(StatusCode::BAD_REQUEST, "vpn_gateway_subnet_not_found")
    };
    let new = NewGateway {
        name: body.new_name(&cx, Noun::Gateway)?,
        resource_group: body.resource_group(&cx)?,
        description: String::new(),
        place: Site::Subnet(subnet.ok_or_else(missing)?),
        mode,
        admin_state_up: true,
    };
    let made = cx.vpc.control.create_gateway(&cx.caller, RULES, new).await;
    let made = made.map_err(|error| match error {
        Error::NotFound(Noun::Subnet) => missing(),
        other => other.into(),
    })?;
    let shown = around(&cx, made).await?;
    Ok((StatusCode::CREATED, answer(&cx, &shown)).into_response())
}

/// The mode that is asked for. Clients of versions that have it mean route mode when they say nothing.
fn mode(cx: &Context, body: &Fields) -> Result<GatewayMode, ApiError> {
    match body.text("mode")? {
        Some("policy") => Ok(GatewayMode::Policy),
        Some("route") => Ok(GatewayMode::Route),
        Some(_) => Err(body.wrong("mode", "policy or route")),
        None if cx.version.has_mode() => Ok(GatewayMode::Route),
        None => Ok(GatewayMode::Policy),
    }
}

/// What there is of it: a gateway is in one zone, and what belongs to BGP can have the value it has without it.
fn unsupported(mode: GatewayMode, body: &Fields) -> Result<(), ApiError> {
    body.only("availability_mode", &json!("zonal"))?;
    for (name, value) in [
        ("advertised_cidrs", json!([])),
        ("local_asn", json!(shown::ASN)),
    ] {
        if mode == GatewayMode::Policy && body.value(name).is_some() {
            return Err(body.wrong(name, "left out in policy mode"));
        }
        body.only(name, &value)?;
    }
    Ok(())
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let found = control.gateways_on_subnets(&cx.caller, part(&cx)?).await?;
    let place = |row: &Gateway| Place::new(row.created_at, row.id.uuid());
    let is_wanted = |row: &Gateway| {
        cx.wants("mode", shown::mode(row)) && cx.wants_group(row.resource_group.as_ref())
    };
    let mut page = match sort(&cx)? {
        None => page_of(&cx, found, place, is_wanted)?,
        Some(sort) => {
            let rows = found.rows.into_iter().filter(is_wanted).collect();
            sort.page(&cx, rows, |row| Key {
                name: row.name.to_string(),
                place: place(row),
            })?
        }
    };
    let views = control.gateway_views(page.take()).await?;
    let around = control.gateway_surroundings(&views).await?;
    let all = views.into_iter().zip(around);
    let rendered = all.map(|(view, around)| shown::render(&cx, &Shown { view, around }));
    let rendered = rendered.collect();
    show(&cx, "vpn_gateways", "vpn_gateways", &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Response, ApiError> {
    let shown = find(&cx, &id).await?;
    Ok(answer(&cx, &shown))
}

async fn update(cx: Context, Path(id): Path<String>, body: Fields) -> Result<Response, ApiError> {
    let (control, id) = (&cx.vpc.control, parse(&id)?);
    body.check_known(&["availability_mode", "local_asn", "name"])?;
    let seen = control.gateway(&cx.caller, id).await?;
    unsupported(seen.gateway.mode(), &body)?;
    let view = match body.name_change(&cx, Noun::Gateway)? {
        Some((name, _)) => {
            let change = GatewayChange {
                name: Some(name),
                ..GatewayChange::default()
            };
            control
                .update_gateway(&cx.caller, RULES, id, change)
                .await?
        }
        None => seen,
    };
    Ok(answer(&cx, &around(&cx, view).await?))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = parse(&id)?;
    cx.vpc
        .control
        .delete_gateway(&cx.caller, RULES, id, None)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

async fn members(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let shown = find(&cx, &id).await?;
    let gateway = &shown.view.gateway;
    let path = format!("vpn_gateways/{}/members", cx.zonal(gateway.id.uuid()));
    let members: Vec<_> = (0_u128..).zip(shown::members(&cx, &shown)).collect();
    // Active before standby.
    let place =
        |(index, _): &(u128, Value)| Place::new(gateway.created_at, Uuid::from_u128(*index));
    page(&cx, &path, "members", members, place, |(_, member)| {
        member.clone()
    })
}

async fn member(
    cx: Context,
    Path((id, member)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let shown = find(&cx, &id).await?;
    let mut members = shown::members(&cx, &shown).into_iter();
    let found = members.find(|rendered| rendered.get("id") == Some(&json!(member)));
    let message = format!("The VPN gateway member `{member}` could not be found.");
    let missing = || {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "vpn_gateway_member_not_found",
            message,
        )
    };
    found.map(Json).ok_or_else(missing)
}

/// Nothing is advertised without BGP.
async fn advertised(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    find(&cx, &id).await?;
    Ok(Json(json!({"advertised_cidrs": []})))
}

/// There is no transit gateway here to be connected to.
async fn services(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let Shown { view, .. } = find(&cx, &id).await?;
    let path = format!(
        "vpn_gateways/{}/service_connections",
        cx.zonal(view.gateway.id.uuid())
    );
    let place = |(): &()| Place::new(view.gateway.created_at, view.gateway.id.uuid());
    page(&cx, &path, "service_connections", Vec::new(), place, |()| {
        Value::Null
    })
}

/// The gateway that a path names.
pub(crate) fn parse(text: &str) -> Result<GatewayId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::Gateway, text))
}

async fn around(cx: &Context, view: GatewayView) -> Result<Shown, ApiError> {
    let one = std::slice::from_ref(&view);
    let around = cx.vpc.control.gateway_surroundings(one).await?.pop();
    let around = around.ok_or(Error::NotFound(Noun::Gateway))?;
    Ok(Shown { view, around })
}

async fn find(cx: &Context, id: &str) -> Result<Shown, ApiError> {
    let view = cx.vpc.control.gateway(&cx.caller, parse(id)?).await?;
    let shown = around(cx, view).await?;
    // A gateway on a router without subnets can't be said in this dialect.
    match shown.around.subnet {
        Some(_) => Ok(shown),
        None => Err(ApiError::not_found(Noun::Gateway, id)),
    }
}

fn answer(cx: &Context, shown: &Shown) -> Response {
    let revision = shown.view.gateway.revision;
    (etag(revision), Json(shown::render(cx, shown))).into_response()
}
