//! `/public_gateways`, and `/subnets/{id}/public_gateway`: how the instances of a subnet get outside.

use adit_api::paging::Place;
use adit_api::times;
use adit_control::public_gateway::{Address, NewPublicGateway, PublicGatewayView};
use adit_control::{Error, Noun, OnDelete, Part};
use adit_model::{FloatingIpId, PublicGateway, PublicGatewayId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::net::IpAddr;

use crate::context::{Context, etag};
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _, identified};
use crate::floating_ips::{RULES, no_address};
use crate::page::{page_of, part, show};
use crate::regions::{zone_named, zone_reference};
use crate::state::Vpc;
use crate::{ids, references};

const MANY: &str = "public_gateways";
const ADDRESS: &str = "floating_ip";

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/public_gateways", get(list).post(create))
        .route(
            "/public_gateways/{public}",
            get(one).patch(update).delete(delete),
        )
        .route(
            "/subnets/{subnet}/public_gateway",
            get(of_subnet).put(attach).delete(detach),
        )
}

async fn create(cx: Context, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&[ADDRESS, "name", "resource_group", "vpc", "zone"])?;
    let vpc = body.identity("vpc")?.ok_or_else(|| body.missing("vpc"))?;
    let zone = zone_named(&cx, &body)?.ok_or_else(|| body.missing("zone"))?;
    let new = NewPublicGateway {
        name: body.new_name(&cx, Noun::PublicGateway)?,
        resource_group: body.resource_group(&cx)?,
        router: vpc.ok_or_else(|| body.no_such("vpc", Noun::Router))?,
        zone: zone.name.clone(),
        address: address(&cx, &body).await?,
    };
    let made = cx
        .vpc
        .control
        .create_public_gateway(&cx.caller, RULES, new)
        .await;
    let made = made.map_err(|error| match error {
        Error::NotFound(Noun::FloatingIp) => body.no_such(ADDRESS, Noun::FloatingIp),
        Error::NotFound(Noun::Router) => body.no_such("vpc", Noun::Router),
        other => no_address(other),
    })?;
    Ok((StatusCode::CREATED, answer(&cx, &made)).into_response())
}

/// The floating IP that is named, by whichever of its members, or that is to be made.
async fn address(cx: &Context, body: &Fields) -> Result<Address, ApiError> {
    let given = body.object(ADDRESS)?;
    if let Some(given) = &given {
        if let Some(text) = given.text("address")? {
            given.check_known(&["address"])?;
            let address: Option<IpAddr> = text.parse().ok();
            let control = &cx.vpc.control;
            let all = control.floating_ips(&cx.caller, Part::default()).await?;
            let found = all.rows.iter().find(|row| Some(row.address) == address);
            let found = found.ok_or_else(|| ApiError::not_found(Noun::FloatingIp, text));
            return Ok(Address::Known(found?.id));
        }
        if ["id", "href", "crn"].iter().any(|part| given.has(part)) {
            let id: Option<FloatingIpId> = identified(given)?;
            let id = id.ok_or_else(|| body.no_such(ADDRESS, Noun::FloatingIp))?;
            return Ok(Address::Known(id));
        }
        given.check_known(&["name", "resource_group"])?;
    }
    let given = given.as_ref();
    let name = match given {
        Some(given) => given.new_name(cx, Noun::FloatingIp)?,
        None => crate::names::fresh(),
    };
    let resource_group = match given {
        Some(given) => given.resource_group(cx)?,
        None => None,
    };
    Ok(Address::New {
        name,
        resource_group,
    })
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let found = control.public_gateways(&cx.caller, part(&cx)?).await?;
    let place = |row: &PublicGateway| Place::new(row.created_at, row.id.uuid());
    let is_wanted = |row: &PublicGateway| cx.wants_group(row.resource_group.as_ref());
    let mut page = page_of(&cx, found, place, is_wanted)?;
    let views = control.public_gateway_views(page.take()).await?;
    let rendered = views.iter().map(|view| render(&cx, view)).collect();
    show(&cx, MANY, MANY, &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Response, ApiError> {
    let view = cx.vpc.control.public_gateway_view(&cx.caller, parse(&id)?);
    Ok(answer(&cx, &view.await?))
}

/// Its name. With `If-Match`, if it is that version of it.
async fn update(cx: Context, Path(id): Path<String>, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&["name"])?;
    let name = body.name_change(&cx, Noun::PublicGateway)?;
    let (control, id) = (&cx.vpc.control, parse(&id)?);
    let name = name.map(|(name, _)| name);
    control
        .update_public_gateway(&cx.caller, id, cx.if_match()?, name)
        .await?;
    let view = control.public_gateway_view(&cx.caller, id).await?;
    Ok(answer(&cx, &view))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let control = &cx.vpc.control;
    control
        .delete_public_gateway(&cx.caller, OnDelete::Restrict, parse(&id)?, cx.if_match()?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn of_subnet(cx: Context, Path(subnet): Path<String>) -> Result<Response, ApiError> {
    let control = &cx.vpc.control;
    let view = control.subnet_view(&cx.caller, references::subnet_id(&subnet)?);
    let attached = view.await?.public_gateway.ok_or_else(|| {
        let message = format!("The subnet `{subnet}` has no public gateway.");
        ApiError::new(StatusCode::NOT_FOUND, "public_gateway_not_found", message)
    })?;
    let view = control.public_gateway_view(&cx.caller, attached.id).await?;
    Ok(answer(&cx, &view))
}

async fn attach(
    cx: Context,
    Path(subnet): Path<String>,
    body: Fields,
) -> Result<Response, ApiError> {
    let control = &cx.vpc.control;
    let subnet = references::subnet_id(&subnet)?;
    // What is missing of the path is told before what is wrong with the body.
    control.subnet_view(&cx.caller, subnet).await?;
    let id: Option<PublicGatewayId> = identified(&body)?;
    let missing = || body.nothing(Noun::PublicGateway);
    let id = id.ok_or_else(missing)?;
    let attached = control.attach_public_gateway(&cx.caller, subnet, Some(id));
    attached.await.map_err(|error| match error {
        Error::NotFound(Noun::PublicGateway) => missing(),
        other => other.into(),
    })?;
    let view = control.public_gateway_view(&cx.caller, id).await?;
    Ok((StatusCode::CREATED, answer(&cx, &view)).into_response())
}

async fn detach(cx: Context, Path(subnet): Path<String>) -> Result<StatusCode, ApiError> {
    let subnet = references::subnet_id(&subnet)?;
    let detached = cx
        .vpc
        .control
        .attach_public_gateway(&cx.caller, subnet, None);
    detached.await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(text: &str) -> Result<PublicGatewayId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::PublicGateway, text))
}

fn answer(cx: &Context, view: &PublicGatewayView) -> Response {
    (etag(view.row.revision), Json(render(cx, view))).into_response()
}

fn render(cx: &Context, view: &PublicGatewayView) -> Value {
    let row = &view.row;
    let own = json!({
        "created_at": times::microseconds(row.created_at),
        "floating_ip": references::floating_ip(cx, &view.floating_ip),
        "resource_group": cx.resource_group(row.resource_group.as_ref()),
        "status": "available",
        "vpc": references::vpc(cx, &view.router),
        "zone": zone_reference(cx, &row.zone),
    });
    references::whole(references::public_gateway(cx, row), own)
}
