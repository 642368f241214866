//! `connections/{id}/log`: what happened to a connection's tunnel.

use adit_model::ConnectionId;
use axum::Json as Answer;
use axum::extract::Path;
use axum::response::IntoResponse;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::Context;
use crate::problem::Problem;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(log))
}

/// Something that happened to a tunnel.
#[derive(Serialize, ToSchema)]
struct LineShape {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    /// What it was.
    text: String,
}

/// The latest of what happened to a tunnel.
#[derive(Serialize, ToSchema)]
struct LogShape {
    /// Oldest first.
    items: Vec<LineShape>,
}

/// Lists what happened to a connection's tunnel, the latest 32 things since the service began.
#[utoipa::path(
    get, path = "/connections/{id}/log", tag = "connections", operation_id = "list_connection_log",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "Line by line.", body = LogShape),
        (status = 401, description = "Nobody is known to ask.", body = Problem),
        (status = 404, description = "The connection is not there.", body = Problem),
    ),
)]
async fn log(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = ConnectionId::from_uuid(id);
    let lines = cx.control().connection_log(&cx.caller, id).await?;
    let items = lines.into_iter().map(|line| LineShape {
        at: line.at,
        text: line.text,
    });
    let items = items.collect();
    Ok(Answer(LogShape { items }))
}
