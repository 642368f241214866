//! `operator/old-keys`: pre-shared keys that it is time to replace.

use adit_control::connection::ConnectionView;
use axum::Json as Answer;
use axum::extract::{FromRequestParts, Query as Parameters};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::told;
use crate::context::Context;
use crate::page::{self, Wanted};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

/// A hundred years.
const MOST_DAYS: u32 = 36_500;

pub(super) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which keys, and which page of them.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WantedKeys {
    /// How many things, at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Where the page begins: the `next` of the one before.
    cursor: Option<String>,
    /// Those that were set so many days ago or earlier; the operator's setting `native.old_key_days` otherwise.
    #[param(minimum = 0, maximum = 36_500)]
    days: Option<u32>,
}

impl FromRequestParts<Native> for WantedKeys {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Native) -> Result<Self, Problem> {
        let read = Parameters::<Self>::try_from_uri(&parts.uri);
        let wanted = read
            .map_err(|error| Problem::invalid("", error.body_text()))?
            .0;
        page::limit(wanted.limit)?;
        if wanted.days.is_some_and(|days| days > MOST_DAYS) {
            let detail = format!("days is 0 to {MOST_DAYS}");
            return Err(Problem::invalid("days", detail));
        }
        Ok(wanted)
    }
}

/// A connection whose pre-shared key is old, or of an age that nobody knows.
#[derive(Serialize, ToSchema)]
struct OldKeyShape {
    id: Uuid,
    name: String,
    project: Uuid,
    gateway: Uuid,
    /// When the key was set; not known of connections that were made before that was written down.
    #[serde(with = "time::serde::rfc3339::option")]
    psk_set_at: Option<OffsetDateTime>,
}

/// A page of those, and what is called old.
#[derive(Serialize, ToSchema)]
struct OldKeysShape {
    /// Connections, oldest first.
    items: Vec<OldKeyShape>,
    /// The `cursor` of the next page; none on the last.
    next: Option<String>,
    /// Their keys were set so many days ago or earlier, or nobody knows when.
    days: u32,
}

impl OldKeyShape {
    fn of(view: &ConnectionView, before: OffsetDateTime) -> Option<Self> {
        let row = &view.connection;
        row.authentication.psk()?;
        if row.psk_set_at.is_some_and(|at| at > before) {
            return None;
        }
        Some(Self {
            id: row.id.uuid(),
            name: row.name.to_string(),
            project: row.project.uuid(),
            gateway: row.gateway.uuid(),
            psk_set_at: row.psk_set_at,
        })
    }
}

/// Lists the connections of all projects whose pre-shared key is old, or of an age that nobody knows. For administrators.
#[utoipa::path(
    get, path = "/operator/old-keys", tag = "operator", operation_id = "list_old_keys", params(WantedKeys),
    responses(
        (status = 200, description = "A page of them.", body = OldKeysShape),
        (status = 403, description = "It is for administrators.", body = Problem),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: WantedKeys) -> Result<impl IntoResponse, Problem> {
    let days = wanted.days.unwrap_or(cx.native.config.old_key_days);
    let before = cx.control().now() - Duration::days(days.into());
    let page = Wanted::page_of(wanted.limit, wanted.cursor);
    let page = told(&cx, &page, |view| OldKeyShape::of(view, before)).await?;
    Ok(Answer(OldKeysShape {
        items: page.items,
        next: page.next,
        days,
    }))
}
