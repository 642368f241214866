//! `audit`: who changed what, when, by which request.

use adit_control::{AuditQuery, Noun};
use adit_model::ProjectId;
use adit_model::change::{Actor, LogEntry, Origin};
use adit_model::{Name, change::Change};
use axum::Json as Answer;
use axum::extract::{FromRequestParts, Query as Parameters};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::Context;
use crate::page::{self, Page};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which changes. All that are said count.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WantedChanges {
    /// How many, at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Where the page begins: the `next` of the one before.
    cursor: Option<String>,
    /// Of this kind of thing.
    #[param(example = "connection")]
    noun: Option<String>,
    /// Of this thing.
    id: Option<Uuid>,
    /// By the user of this id, by the service itself (`service`), by who is on its host (`operator`), or by who has the
    /// link to a key (`link`).
    #[param(example = "service")]
    actor: Option<String>,
    /// By this request.
    request_id: Option<String>,
    /// Not before this time.
    #[serde(default, with = "time::serde::rfc3339::option")]
    from: Option<OffsetDateTime>,
    /// Before this time.
    #[serde(default, with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
    /// Of this project's things; for administrators. Others see their own project's.
    project: Option<Uuid>,
}

impl FromRequestParts<Native> for WantedChanges {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Native) -> Result<Self, Problem> {
        let read = Parameters::<Self>::try_from_uri(&parts.uri);
        Ok(read
            .map_err(|error| Problem::invalid("", error.body_text()))?
            .0)
    }
}

/// A kind of thing by its word.
pub(crate) fn noun(text: &str) -> Result<Noun, Problem> {
    text.parse().map_err(|_| {
        let words: Vec<_> = Noun::ALL.iter().map(|noun| noun.as_str()).collect();
        Problem::invalid("noun", format!("noun is one of {}", words.join(", ")))
    })
}

impl WantedChanges {
    fn query(self) -> Result<(AuditQuery, u32), Problem> {
        let limit = page::limit(self.limit)?;
        let before = self.cursor.as_deref().map(str::parse).transpose();
        let actor = self.actor.as_deref().map(str::parse).transpose();
        let query = AuditQuery {
            project: self.project.map(ProjectId::from_uuid),
            actor: actor.map_err(|_| {
                Problem::invalid("actor", "actor is a user's id, link, operator or service")
            })?,
            request: self.request_id,
            noun: self.noun.as_deref().map(noun).transpose()?,
            id: self.id,
            from: self.from,
            until: self.until,
            before: before.map_err(|_| page::no_cursor())?,
            limit: limit.saturating_add(1),
        };
        Ok((query, limit))
    }
}

/// A change.
#[derive(Serialize, ToSchema)]
struct AuditShape {
    /// Greater than that of every change before.
    revision: u64,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    /// Whose change it was.
    actor: ActorShape,
    /// Whose the thing is; nobody's where it is a matter of the whole service.
    project: Option<Uuid>,
    /// What kind of thing was changed.
    #[schema(example = "connection")]
    noun: &'static str,
    /// Which; where a kind has no ids, the user or the project that it is about.
    id: Uuid,
    /// `created`, `updated` or `deleted`.
    change: &'static str,
    /// Where the request came from.
    address: Option<String>,
    /// The request, as its answer and the service's log have it.
    request_id: Option<String>,
}

/// Whose change it was.
#[derive(Serialize, ToSchema)]
struct ActorShape {
    /// `user`; `link`, who has the link to a key; `operator`, who is on the service's host itself; or `service`: what it does itself, as it finds something out or has to do it
    /// later.
    kind: &'static str,
    /// The user's id.
    id: Option<Uuid>,
    /// The user's name, if the user is still there.
    name: Option<String>,
}

impl AuditShape {
    fn of((LogEntry { revision, change }, name): (LogEntry, Option<Name>)) -> Self {
        let Change {
            at,
            project,
            actor,
            origin: Origin { address, request },
            noun,
            id,
            kind,
        } = change;
        Self {
            revision,
            at,
            actor: match actor {
                Actor::User(id) => ActorShape {
                    kind: "user",
                    id: Some(id.uuid()),
                    name: name.map(|name| name.as_str().to_owned()),
                },
                Actor::Link | Actor::Operator | Actor::Service => ActorShape {
                    kind: match actor {
                        Actor::Link => "link",
                        Actor::Operator => "operator",
                        _ => "service",
                    },
                    id: None,
                    name: None,
                },
            },
            project: project.map(|project| project.uuid()),
            noun: noun.as_str(),
            id,
            change: kind.as_str(),
            address: address.map(|address| address.to_string()),
            request_id: request,
        }
    }
}

/// Lists who changed what, newest first, as far as the service still knows it.
#[utoipa::path(
    get, path = "/audit", tag = "events", operation_id = "list_audit", params(WantedChanges),
    responses(
        (status = 200, description = "A page of changes.", body = Page<AuditShape>),
        (status = 403, description = "Other projects' are for administrators.", body = Problem),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: WantedChanges) -> Result<impl IntoResponse, Problem> {
    let (query, limit) = wanted.query()?;
    let mut found = cx.control().audit(&cx.caller, query).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > limit;
    found.truncate(limit);
    // Those before the last that is shown.
    let next = found.last().filter(|_| has_more);
    let next = next.map(|(entry, _)| entry.revision.to_string());
    let items = found.into_iter().map(AuditShape::of).collect();
    Ok(Answer(Page { items, next }))
}
