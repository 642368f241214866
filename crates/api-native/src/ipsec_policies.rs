//! `ipsec-policies`.

use adit_model::policy::IpsecParameters;
use axum::Json as Answer;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Context, Json};
use crate::page::{Page, Wanted};
use crate::policies::{self, ChangeShape, IpsecShape, NewShape, PolicyShape};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// Lists IPsec policies, oldest first.
#[utoipa::path(
    get, path = "/ipsec-policies", tag = "ipsec-policies", operation_id = "list_ipsec_policy", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<PolicyShape<IpsecShape>>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    Ok(Answer(
        policies::list::<IpsecParameters>(&cx, &wanted).await?,
    ))
}

/// Makes an IPsec policy.
#[utoipa::path(
    post, path = "/ipsec-policies", tag = "ipsec-policies", operation_id = "create_ipsec_policy", request_body = NewShape<IpsecShape>,
    responses(
        (status = 201, description = "It is made.", body = PolicyShape<IpsecShape>),
        (status = 409, description = "The quota is used up.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewShape<IpsecShape>>,
) -> Result<impl IntoResponse, Problem> {
    policies::create::<IpsecParameters>(&cx, new.read()?).await
}

/// Shows an IPsec policy.
#[utoipa::path(
    get, path = "/ipsec-policies/{id}", tag = "ipsec-policies", operation_id = "show_ipsec_policy", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = PolicyShape<IpsecShape>),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    policies::show::<IpsecParameters>(&cx, id).await
}

/// Changes an IPsec policy; what is left out stays. Connections that name it are negotiated again.
#[utoipa::path(
    patch, path = "/ipsec-policies/{id}", tag = "ipsec-policies", operation_id = "update_ipsec_policy",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    request_body = ChangeShape<IpsecShape>,
    responses(
        (status = 200, description = "It is changed.", body = PolicyShape<IpsecShape>),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Changed,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<ChangeShape<IpsecShape>>,
) -> Result<impl IntoResponse, Problem> {
    policies::update::<IpsecParameters>(&cx, id, change).await
}

/// Deletes an IPsec policy that no connection names.
#[utoipa::path(
    delete, path = "/ipsec-policies/{id}", tag = "ipsec-policies", operation_id = "delete_ipsec_policy",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "A connection names it.", body = Problem),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Deleted,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    policies::delete::<IpsecParameters>(&cx, id).await
}
