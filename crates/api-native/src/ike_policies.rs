//! `ike-policies`.

use adit_model::policy::IkeParameters;
use axum::Json as Answer;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Context, Json};
use crate::page::{Page, Wanted};
use crate::policies::{self, ChangeShape, IkeShape, NewShape, PolicyShape};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// Lists IKE policies, oldest first.
#[utoipa::path(
    get, path = "/ike-policies", tag = "ike-policies", operation_id = "list_ike_policy", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<PolicyShape<IkeShape>>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    Ok(Answer(policies::list::<IkeParameters>(&cx, &wanted).await?))
}

/// Makes an IKE policy.
#[utoipa::path(
    post, path = "/ike-policies", tag = "ike-policies", operation_id = "create_ike_policy", request_body = NewShape<IkeShape>,
    responses(
        (status = 201, description = "It is made.", body = PolicyShape<IkeShape>),
        (status = 409, description = "The quota is used up.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewShape<IkeShape>>,
) -> Result<impl IntoResponse, Problem> {
    policies::create::<IkeParameters>(&cx, new.read()?).await
}

/// Shows an IKE policy.
#[utoipa::path(
    get, path = "/ike-policies/{id}", tag = "ike-policies", operation_id = "show_ike_policy", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = PolicyShape<IkeShape>),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    policies::show::<IkeParameters>(&cx, id).await
}

/// Changes an IKE policy; what is left out stays. Connections that name it are negotiated again.
#[utoipa::path(
    patch, path = "/ike-policies/{id}", tag = "ike-policies", operation_id = "update_ike_policy",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    request_body = ChangeShape<IkeShape>,
    responses(
        (status = 200, description = "It is changed.", body = PolicyShape<IkeShape>),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Changed,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<ChangeShape<IkeShape>>,
) -> Result<impl IntoResponse, Problem> {
    policies::update::<IkeParameters>(&cx, id, change).await
}

/// Deletes an IKE policy that no connection names.
#[utoipa::path(
    delete, path = "/ike-policies/{id}", tag = "ike-policies", operation_id = "delete_ike_policy",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "A connection names it.", body = Problem),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Deleted,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    policies::delete::<IkeParameters>(&cx, id).await
}
