//! The catalog: where each service is. It is made from the settings; nobody changes it by API.

use adit_api::answer::set;
use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use crate::config::CatalogService;
use crate::context::{Context, Place};
use crate::domains::need_admin;
use crate::error::ApiError;

const INTERFACES: [&str; 3] = ["public", "internal", "admin"];

/// This service and the others, each with its id.
fn all(place: &Place) -> Vec<(u128, CatalogService)> {
    let own = CatalogService {
        kind: "identity".to_owned(),
        name: "keystone".to_owned(),
        path: "/identity".to_owned(),
    };
    let others = place.keystone.config.services.iter().cloned();
    (1..).zip(std::iter::once(own).chain(others)).collect()
}

fn service_id(number: u128) -> String {
    format!("ad17{:028x}", number << 8)
}

fn endpoint_id(number: u128, interface: u128) -> String {
    format!("ad17{:028x}", (number << 8) + interface)
}

fn endpoints_of(place: &Place, number: u128, service: &CatalogService) -> Vec<Value> {
    let region = &place.keystone.config.region;
    (1..)
        .zip(INTERFACES)
        .map(|(n, interface)| {
            json!({
                "id": endpoint_id(number, n),
                "interface": interface,
                "region": region,
                "region_id": region,
                "url": format!("{}{}", place.base, service.path),
            })
        })
        .collect()
}

/// What tokens carry.
pub(crate) fn body(place: &Place) -> Value {
    let rows = all(place).into_iter().map(|(number, service)| {
        json!({
            "id": service_id(number),
            "type": service.kind,
            "name": service.name,
            "endpoints": endpoints_of(place, number, &service),
        })
    });
    Value::Array(rows.collect())
}

pub(crate) async fn show(cx: Context) -> Result<Json<Value>, ApiError> {
    if cx.session.scope.is_none() {
        return Err(ApiError::forbidden("the token has no project"));
    }
    let links = json!({"next": null, "previous": null, "self": cx.place.href("auth/catalog")});
    Ok(Json(json!({"catalog": body(&cx.place), "links": links})))
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn service_rows(place: &Place) -> Vec<Value> {
    let rows = all(place).into_iter().map(|(number, service)| {
        let id = service_id(number);
        json!({
            "links": place.link(&format!("services/{id}")),
            "id": id,
            "type": service.kind,
            "name": service.name,
            "description": "",
            "enabled": true,
        })
    });
    rows.collect()
}

fn endpoint_rows(place: &Place) -> Vec<Value> {
    let mut rows = Vec::new();
    for (number, service) in all(place) {
        for mut row in endpoints_of(place, number, &service) {
            let links = place.link(&format!("endpoints/{}", text(&row, "id")));
            set(&mut row, "links", links);
            set(&mut row, "service_id", json!(service_id(number)));
            set(&mut row, "enabled", json!(true));
            rows.push(row);
        }
    }
    rows
}

/// Whether a row is what the queries of these names, where there are any, ask for.
fn wanted(place: &Place, row: &Value, names: &[&str]) -> bool {
    names.iter().all(|name| place.wants(name, text(row, name)))
}

fn find(noun: &str, rows: Vec<Value>, id: &str) -> Result<Json<Value>, ApiError> {
    let row = rows.into_iter().find(|row| text(row, "id") == id);
    row.map(|row| Json(json!({noun: row})))
        .ok_or_else(|| ApiError::missing(noun, id))
}

pub(crate) async fn services(cx: Context) -> Result<Json<Value>, ApiError> {
    need_admin(&cx, "identity:list_services")?;
    let mut rows = service_rows(&cx.place);
    rows.retain(|row| wanted(&cx.place, row, &["type", "name"]));
    Ok(cx.place.list("services", rows))
}

pub(crate) async fn service(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    need_admin(&cx, "identity:get_service")?;
    find("service", service_rows(&cx.place), &id)
}

pub(crate) async fn endpoints(cx: Context) -> Result<Json<Value>, ApiError> {
    need_admin(&cx, "identity:list_endpoints")?;
    let mut rows = endpoint_rows(&cx.place);
    rows.retain(|row| wanted(&cx.place, row, &["interface", "service_id", "region_id"]));
    Ok(cx.place.list("endpoints", rows))
}

pub(crate) async fn endpoint(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    need_admin(&cx, "identity:get_endpoint")?;
    find("endpoint", endpoint_rows(&cx.place), &id)
}

fn region_rows(place: &Place) -> Vec<Value> {
    let id = &place.keystone.config.region;
    vec![json!({
        "id": id,
        "description": "",
        "parent_region_id": null,
        "links": place.link(&format!("regions/{id}")),
    })]
}

pub(crate) async fn regions(cx: Context) -> Json<Value> {
    cx.place.list("regions", region_rows(&cx.place))
}

pub(crate) async fn region(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    find("region", region_rows(&cx.place), &id)
}
