//! `routers`: a tenant's routing domains, each a namespace on the host.

use adit_api::paging::Place;
use adit_control::router::NewRouter;
use adit_control::{Allowance, Naming};
use adit_model::{Router, RouterId};
use axum::Json as Answer;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Context, Json, etag, name};
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, delete))
}

/// What a router is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRouterShape {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
}

/// A router.
#[derive(Serialize, ToSchema)]
struct RouterShape {
    id: Uuid,
    name: String,
    description: String,
    /// Whether it forwards.
    enabled: bool,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

fn shape(row: &Router) -> RouterShape {
    RouterShape {
        id: row.id.uuid(),
        name: row.name.to_string(),
        description: row.description.clone(),
        enabled: row.admin_state_up,
        created_at: row.created_at,
        revision: row.revision.0,
    }
}

/// Lists routers, oldest first.
#[utoipa::path(
    get, path = "/routers", tag = "routers", operation_id = "list_routers", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<RouterShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = wanted.query(&cx.caller)?;
    let rows = cx.control().page_routers(&cx.caller, query).await?;
    let place = |row: &Router| Place::new(row.created_at, row.id.uuid());
    Ok(Answer(wanted.page(rows, place, |row| shape(&row))))
}

/// Makes a router. Subnets and gateways are made on it.
#[utoipa::path(
    post, path = "/routers", tag = "routers", operation_id = "create_router", request_body = NewRouterShape,
    responses(
        (status = 201, description = "It is made.", body = RouterShape),
        (status = 409, description = "A quota is used up, or another is in the way.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewRouterShape>,
) -> Result<impl IntoResponse, Problem> {
    let new = NewRouter {
        name: name("name", &new.name)?,
        naming: Naming::Free,
        allowance: Allowance::OfProject,
        description: new.description,
        admin_state_up: true,
        external: None,
        resource_group: None,
    };
    let made = cx.control().create_router(&cx.caller, new).await?;
    Ok((
        StatusCode::CREATED,
        etag(made.revision),
        Answer(shape(&made)),
    ))
}

/// Shows a router.
#[utoipa::path(
    get, path = "/routers/{id}", tag = "routers", operation_id = "show_router", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = RouterShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = RouterId::from_uuid(id);
    let row = cx.control().router(&cx.caller, id).await?;
    Ok((etag(row.revision), Answer(shape(&row))))
}

/// Deletes a router that nothing is on.
#[utoipa::path(
    delete, path = "/routers/{id}", tag = "routers", operation_id = "delete_router",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "Subnets or gateways are on it.", body = Problem),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Deleted,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (id, expected) = (RouterId::from_uuid(id), cx.if_match()?);
    cx.control().delete_router(&cx.caller, id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
