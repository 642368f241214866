//! `/images` and `/instance/profiles`: what instances can be made of. An instance here is a network
//! namespace, which runs nothing: there is one image and one profile that say so.

use adit_api::paging::Place;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::ids;
use crate::page::page;
use crate::references;
use crate::state::Vpc;

/// The name of the one image and of the one profile.
const NAME: &str = "namespace";

/// The id of the one image.
const IMAGE: Uuid = Uuid::from_u128(0x00ad_1700_0000_4000_8000_0000_0000_0001);

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/images", get(images))
        .route("/images/{image}", get(image_of_id))
        .route("/instance/profiles", get(profiles))
        .route("/instance/profiles/{profile}", get(profile_of_name))
}

/// A list of what is always there.
fn list(cx: &Context, path: &str, name: &str, all: Vec<Value>) -> Result<Json<Value>, ApiError> {
    let place = |_: &Value| Place::new(OffsetDateTime::UNIX_EPOCH, IMAGE);
    page(cx, path, name, all, place, Value::clone)
}

async fn images(cx: Context) -> Result<Json<Value>, ApiError> {
    list(&cx, "images", "images", vec![whole_image(&cx)])
}

async fn image_of_id(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    if ids::parse(&id) == Some(IMAGE) {
        return Ok(Json(whole_image(&cx)));
    }
    let message = format!("The image `{id}` could not be found.");
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        "image_not_found",
        message,
    ))
}

async fn profiles(cx: Context) -> Result<Json<Value>, ApiError> {
    let all = vec![whole_profile(&cx)];
    list(&cx, "instance/profiles", "profiles", all)
}

async fn profile_of_name(cx: Context, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    if name == NAME {
        return Ok(Json(whole_profile(&cx)));
    }
    let message = format!("The instance profile `{name}` could not be found.");
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        "instance_profile_not_found",
        message,
    ))
}

/// The image as instances name it.
pub(crate) fn image(cx: &Context) -> Value {
    let id = cx.regional(IMAGE);
    json!({
        "id": id,
        "crn": cx.crn("image", &id),
        "href": cx.href(&format!("images/{id}")),
        "name": NAME,
        "resource_type": "image",
    })
}

fn whole_image(cx: &Context) -> Value {
    let own = json!({
        "status": "available",
        "status_reasons": [],
        "visibility": "public",
        "owner_type": "provider",
        "encryption": "none",
        "minimum_provisioned_size": 0,
        "operating_system": {"name": NAME, "family": NAME, "architecture": std::env::consts::ARCH},
    });
    references::whole(image(cx), own)
}

/// The profile as instances name it.
pub(crate) fn profile(cx: &Context) -> Value {
    json!({
        "name": NAME,
        "href": cx.href(&format!("instance/profiles/{NAME}")),
        "resource_type": "instance_profile",
    })
}

fn whole_profile(cx: &Context) -> Value {
    let own = json!({"family": NAME, "status": "current"});
    references::whole(profile(cx), own)
}

/// Refuses another image or profile, and keys, in what an instance is to be made of.
pub(crate) fn check(body: &Fields) -> Result<(), ApiError> {
    if body
        .identity::<Uuid>("image")?
        .is_some_and(|id| id != Some(IMAGE))
    {
        return Err(body.wrong("image", "the one that `/images` lists"));
    }
    if let Some(profile) = body.object("profile")? {
        profile.check_known(&["href", "name"])?;
        let href = profile
            .text("href")?
            .and_then(|href| href.rsplit('/').next());
        if profile.text("name")?.or(href) != Some(NAME) {
            return Err(body.wrong("profile", "the one that `/instance/profiles` lists"));
        }
    }
    match body.list("keys")? {
        None | Some([]) => Ok(()),
        Some(_) => Err(body.wrong("keys", "empty: nobody logs in to an instance here")),
    }
}
