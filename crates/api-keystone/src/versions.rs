//! Version documents, for which no token is needed.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::context::Place;

fn document(place: &Place) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": place.href("")}],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.identity-v3+json",
        }],
    })
}

pub(crate) async fn all(place: Place) -> impl IntoResponse {
    let body = json!({"versions": {"values": [document(&place)]}});
    (StatusCode::MULTIPLE_CHOICES, Json(body))
}

pub(crate) async fn v3(place: Place) -> Json<Value> {
    Json(json!({"version": document(&place)}))
}
