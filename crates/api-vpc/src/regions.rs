//! `/regions` and their zones: what the operator configured.

use adit_api::answer::set;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::config::Zone;
use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::state::Vpc;

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/regions", get(list))
        .route("/regions/{region}", get(one))
        .route("/regions/{region}/zones", get(zones))
        .route("/regions/{region}/zones/{zone}", get(zone))
}

async fn list(cx: Context) -> Json<Value> {
    Json(json!({"regions": [region(&cx)]}))
}

async fn one(cx: Context, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    known(&cx, &name)?;
    Ok(Json(region(&cx)))
}

async fn zones(cx: Context, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    known(&cx, &name)?;
    let zones = cx.vpc.config.zones.iter();
    let zones: Vec<Value> = zones.map(|zone| full_zone(&cx, &zone.name)).collect();
    Ok(Json(json!({"zones": zones})))
}

async fn zone(
    cx: Context,
    Path((name, zone)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    known(&cx, &name)?;
    if !cx.vpc.config.zones.iter().any(|known| known.name == zone) {
        let message = format!("The zone `{zone}` could not be found.");
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "zone_not_found",
            message,
        ));
    }
    Ok(Json(full_zone(&cx, &zone)))
}

fn known(cx: &Context, name: &str) -> Result<(), ApiError> {
    if name == cx.vpc.config.region {
        return Ok(());
    }
    let message = format!("The region `{name}` could not be found.");
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        "region_not_found",
        message,
    ))
}

fn region(cx: &Context) -> Value {
    let name = &cx.vpc.config.region;
    let mut body = region_reference(cx);
    set(
        &mut body,
        "endpoint",
        json!(cx.href("").trim_end_matches("/v1/")),
    );
    set(&mut body, "status", json!("available"));
    set(&mut body, "name", json!(name));
    body
}

fn region_reference(cx: &Context) -> Value {
    let name = &cx.vpc.config.region;
    json!({"name": name, "href": cx.href(&format!("regions/{name}"))})
}

fn full_zone(cx: &Context, name: &str) -> Value {
    let mut body = zone_reference(cx, name);
    set(&mut body, "region", region_reference(cx));
    set(&mut body, "status", json!("available"));
    body
}

/// The zone that a body names, if it names one.
pub(crate) fn zone_named<'a>(cx: &'a Context, body: &Fields) -> Result<Option<&'a Zone>, ApiError> {
    let Some(zone) = body.object("zone")? else {
        return Ok(None);
    };
    zone.check_known(&["href", "name"])?;
    let href = zone.text("href")?.and_then(|href| href.rsplit('/').next());
    let name = zone.text("name")?.or(href);
    let name = name.ok_or_else(|| zone.missing("name"))?;
    let known = cx.vpc.config.zones.iter().find(|known| known.name == name);
    known
        .map(Some)
        .ok_or_else(|| zone.wrong("name", "a zone of this region"))
}

/// A zone as other things name it.
pub(crate) fn zone_reference(cx: &Context, name: &str) -> Value {
    let region = &cx.vpc.config.region;
    json!({"name": name, "href": cx.href(&format!("regions/{region}/zones/{name}"))})
}
