//! `connections/{id}/log` and `connections/{id}/history`: what happened to a connection's tunnel, and who changed it.

use adit_control::{AuditQuery, LogLine, Noun};
use adit_model::change::{Actor, LogEntry};
use adit_model::{ConnectionId, Name};
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
    OpenApiRouter::new()
        .routes(routes!(log))
        .routes(routes!(history))
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

/// How many changes a history has at most, besides what happened to the tunnel.
const CHANGES: u32 = 100;

/// Something in a connection's history.
#[derive(Serialize, ToSchema)]
struct PastShape {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    /// `change`, of what somebody changed, or `tunnel`, of what happened to its tunnel.
    kind: &'static str,
    /// What it was.
    text: String,
    /// Who changed it: a user's name, or its id where it is gone; `service`, `operator` or `link`.
    actor: Option<String>,
    /// The request that it was changed by, as its answer and the service's log have it.
    request_id: Option<String>,
}

impl PastShape {
    fn of_line(line: LogLine) -> Self {
        Self {
            at: line.at,
            kind: "tunnel",
            text: line.text,
            actor: None,
            request_id: None,
        }
    }

    fn of_change((entry, name): (LogEntry, Option<Name>)) -> Self {
        let change = entry.change;
        let actor = match (change.actor, name) {
            (Actor::User(_), Some(name)) => name.to_string(),
            (actor, _) => actor.to_string(),
        };
        Self {
            at: change.at,
            kind: "change",
            text: format!("{} by {actor}", change.kind.as_str()),
            actor: Some(actor),
            request_id: change.origin.request,
        }
    }
}

/// What came to pass with a connection.
#[derive(Serialize, ToSchema)]
struct HistoryShape {
    /// Oldest first.
    items: Vec<PastShape>,
}

/// Lists what was changed of a connection, the latest 100 changes that are known, and what happened to its tunnel, the
/// latest 32 things since the service began.
#[utoipa::path(
    get, path = "/connections/{id}/history", tag = "connections", operation_id = "show_connection_history",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "Step by step.", body = HistoryShape),
        (status = 401, description = "Nobody is known to ask.", body = Problem),
        (status = 404, description = "The connection is not there.", body = Problem),
    ),
)]
async fn history(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let known = ConnectionId::from_uuid(id);
    let lines = cx.control().connection_log(&cx.caller, known).await?;
    let query = AuditQuery {
        project: None,
        actor: None,
        request: None,
        noun: Some(Noun::Connection),
        id: Some(id),
        from: None,
        until: None,
        before: None,
        limit: CHANGES,
    };
    let changes = cx.control().audit(&cx.caller, query).await?;
    let changes = changes.into_iter().map(PastShape::of_change);
    let mut items: Vec<_> = changes
        .chain(lines.into_iter().map(PastShape::of_line))
        .collect();
    items.sort_by_key(|one| one.at);
    Ok(Answer(HistoryShape { items }))
}
