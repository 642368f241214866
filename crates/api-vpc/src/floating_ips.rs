//! `/floating_ips`: public addresses that stand for instances', and those of an instance's interface.

use adit_api::paging::Place;
use adit_api::times;
use adit_control::floating_ip::{
    FloatingIpChange, FloatingIpView, NewFloatingIp, Rules, Target, Way,
};
use adit_control::{Allowance, Error, Naming, Noun, Rule};
use adit_model::{FloatingIp, FloatingIpId, PortId};
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
use crate::ids::{self, Part};
use crate::instances;
use crate::page::{cut_out, page_of, part, show};
use crate::references;
use crate::regions::{zone_named, zone_reference};
use crate::state::Vpc;

const MANY: &str = "floating_ips";

/// What IBM refuses, too. A VPC gets its way outside with the first of them.
pub(crate) const RULES: Rules = Rules {
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    way: Way::OnDemand,
};

pub(crate) fn routes() -> Router<Vpc> {
    let of_nic = "/instances/{instance}/network_interfaces/{nic}/floating_ips";
    Router::new()
        .route("/floating_ips", get(list).post(create))
        .route(
            "/floating_ips/{floating}",
            get(one).patch(update).delete(delete),
        )
        .route(of_nic, get(list_of_nic))
        .route(
            &format!("{of_nic}/{{floating}}"),
            get(one_of_nic).put(add).delete(remove),
        )
}

async fn create(cx: Context, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&["name", "resource_group", "target", "zone"])?;
    let target = target(&body)?;
    let zone = zone_named(&cx, &body)?.map(|zone| zone.name.clone());
    if target.is_none() && zone.is_none() {
        return Err(body.missing("zone"));
    }
    let new = NewFloatingIp {
        name: body.new_name(&cx, Noun::FloatingIp)?,
        resource_group: body.resource_group(&cx)?,
        description: String::new(),
        network: None,
        zone: zone.unwrap_or_default(),
        subnet: None,
        address: None,
        target,
    };
    let control = &cx.vpc.control;
    let made = control.create_floating_ip(&cx.caller, RULES, new).await;
    let made = made.map_err(|error| refusal(&body, error))?;
    let view = control.floating_ip_view(&cx.caller, made.id).await?;
    Ok((StatusCode::CREATED, answer(&cx, &view)).into_response())
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let found = control.floating_ips(&cx.caller, part(&cx)?).await?;
    let place = |row: &FloatingIp| Place::new(row.created_at, row.id.uuid());
    if cx.has_filters() {
        let mut views = control.floating_ip_views(found.rows).await?;
        views.retain(|view| is_wanted(&cx, view));
        let page = cut_out(&cx, views, |view| place(&view.row))?;
        let rendered = page.items.iter().map(|view| render(&cx, view)).collect();
        return show(&cx, MANY, MANY, &page, rendered);
    }
    let mut page = page_of(&cx, found, place, |_| true)?;
    let views = control.floating_ip_views(page.take()).await?;
    let rendered = views.iter().map(|view| render(&cx, view)).collect();
    show(&cx, MANY, MANY, &page, rendered)
}

/// Whether a list that is asked for has this one.
fn is_wanted(cx: &Context, view: &FloatingIpView) -> bool {
    let target = target_of(cx, view);
    let wants = |parameter: &str, member: &str| {
        cx.query(parameter).is_none_or(|wanted| {
            let member = target.as_ref().and_then(|target| target.get(member));
            member.and_then(Value::as_str) == Some(wanted)
        })
    };
    cx.wants_group(view.row.resource_group.as_ref())
        && wants("target.id", "id")
        && wants("target.name", "name")
        && wants("target.resource_type", "resource_type")
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Response, ApiError> {
    let view = cx.vpc.control.floating_ip_view(&cx.caller, parse(&id)?);
    Ok(answer(&cx, &view.await?))
}

/// Its name, and what it stands for; `null` is nothing. With `If-Match`, if it is that version of it.
async fn update(cx: Context, Path(id): Path<String>, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&["name", "target"])?;
    let name = body.name_change(&cx, Noun::FloatingIp)?;
    let change = FloatingIpChange {
        expected: cx.if_match()?,
        name: name.map(|(name, _)| name),
        description: None,
        target: match body.is_null("target") {
            true => Some(None),
            false => target(&body)?.map(Some),
        },
    };
    let control = &cx.vpc.control;
    let changed = control.update_floating_ip(&cx.caller, RULES, parse(&id)?, change);
    let changed = changed.await.map_err(|error| refusal(&body, error))?;
    let view = control.floating_ip_view(&cx.caller, changed.id).await?;
    Ok(answer(&cx, &view))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let control = &cx.vpc.control;
    control
        .delete_floating_ip(&cx.caller, parse(&id)?, cx.if_match()?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_of_nic(
    cx: Context,
    Path((instance, nic)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let machine = instances::of_interface(&cx, &instance, &nic).await?;
    let views = cx.vpc.control.floating_ip_views(machine.floating_ips);
    let rendered = views.await?;
    let rendered: Vec<_> = rendered.iter().map(|view| render(&cx, view)).collect();
    Ok(Json(json!({ MANY: rendered })))
}

async fn one_of_nic(
    cx: Context,
    Path((instance, nic, id)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let machine = instances::of_interface(&cx, &instance, &nic).await?;
    let found = of_machine(&machine.floating_ips, &id)?;
    let view = cx.vpc.control.floating_ip_view(&cx.caller, found);
    Ok(answer(&cx, &view.await?))
}

/// Has it stand for the interface, whatever it stood for before.
async fn add(
    cx: Context,
    Path((instance, nic, id)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let machine = instances::of_interface(&cx, &instance, &nic).await?;
    let target = Target {
        port: machine.port.id,
        fixed_ip: Some(machine.address),
    };
    let view = associated(&cx, parse(&id)?, Some(target)).await?;
    Ok((StatusCode::CREATED, answer(&cx, &view)).into_response())
}

/// Has it stand for nothing; it stays.
async fn remove(
    cx: Context,
    Path((instance, nic, id)): Path<(String, String, String)>,
) -> Result<StatusCode, ApiError> {
    let machine = instances::of_interface(&cx, &instance, &nic).await?;
    associated(&cx, of_machine(&machine.floating_ips, &id)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn associated(
    cx: &Context,
    id: FloatingIpId,
    target: Option<Target>,
) -> Result<FloatingIpView, ApiError> {
    let control = &cx.vpc.control;
    let change = FloatingIpChange {
        target: Some(target),
        ..FloatingIpChange::default()
    };
    let changed = control.update_floating_ip(&cx.caller, RULES, id, change);
    let changed = changed.await.map_err(no_address)?;
    Ok(control.floating_ip_view(&cx.caller, changed.id).await?)
}

fn of_machine(rows: &[FloatingIp], id: &str) -> Result<FloatingIpId, ApiError> {
    let own = parse(id)?;
    let found = rows.iter().find(|row| row.id == own);
    let found = found.ok_or_else(|| ApiError::not_found(Noun::FloatingIp, id))?;
    Ok(found.id)
}

fn parse(text: &str) -> Result<FloatingIpId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::FloatingIp, text))
}

/// The interface that it is to stand for, if one is given.
fn target(body: &Fields) -> Result<Option<Target>, ApiError> {
    let Some(interface) = body.identity::<Uuid>("target")? else {
        return Ok(None);
    };
    let interface = interface.ok_or_else(|| no_interface(body))?;
    Ok(Some(Target {
        port: PortId::from_uuid(Part::Interface.of(interface)),
        fixed_ip: None,
    }))
}

/// 404 for the interface that a body names.
fn no_interface(body: &Fields) -> ApiError {
    let missing = body.no_such("target", Noun::Port);
    missing.coded(StatusCode::NOT_FOUND, "network_interface_not_found")
}

fn refusal(body: &Fields, error: Error) -> ApiError {
    match error {
        Error::NotFound(Noun::Port) => no_interface(body),
        other => no_address(other),
    }
}

/// There are as many of them as the operator has addresses.
pub(crate) fn no_address(error: Error) -> ApiError {
    let none_left = matches!(
        error,
        Error::Conflict {
            rule: Rule::NoExternalAddress,
            ..
        }
    );
    let error = ApiError::from(error);
    match none_left {
        true => error.coded(StatusCode::CONFLICT, "floating_ip_create_error"),
        false => error,
    }
}

fn answer(cx: &Context, view: &FloatingIpView) -> Response {
    (etag(view.row.revision), Json(render(cx, view))).into_response()
}

/// What it stands for, as far as that is anything here.
fn target_of(cx: &Context, view: &FloatingIpView) -> Option<Value> {
    if let Some(gateway) = &view.public_gateway {
        return Some(references::public_gateway(cx, gateway));
    }
    let (port, subnet) = view.machine.as_ref()?;
    let of = view.row.association?;
    let own = json!({"primary_ip": references::interface_ip(cx, port, subnet, of.fixed_ip)});
    Some(references::whole(references::interface(cx, port), own))
}

fn render(cx: &Context, view: &FloatingIpView) -> Value {
    let row = &view.row;
    let mut own = json!({
        "created_at": times::microseconds(row.created_at),
        "resource_group": cx.resource_group(row.resource_group.as_ref()),
        "status": "available",
        "zone": zone_reference(cx, &row.zone),
    });
    if let (Some(target), Some(own)) = (target_of(cx, view), own.as_object_mut()) {
        own.insert("target".to_owned(), target);
    }
    references::whole(references::floating_ip(cx, row), own)
}
