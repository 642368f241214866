//! What versions and resources there are.

use axum::Json;
use serde_json::{Value, json};

use crate::context::{Context, Place};
use crate::resources::RESOURCES;

/// All versions. No token is needed.
pub(crate) async fn all(place: Place) -> Json<Value> {
    let links = json!([{"rel": "self", "href": format!("{}/v2.0/", place.root)}]);
    Json(json!({"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]}))
}

/// The resources of the one version.
pub(crate) async fn resources(cx: Context) -> Json<Value> {
    let resources = RESOURCES.iter().map(|table| {
        let words = table.words;
        let href = cx.href(&format!("/v2.0/{}", words.path));
        json!({
            "name": words.one,
            "collection": words.many,
            "links": [{"rel": "self", "href": href}],
        })
    });
    Json(json!({"resources": resources.collect::<Value>()}))
}
