//! `endpoint-groups`: named lists of what is at one end of connections.

use std::collections::BTreeSet;

use adit_api::paging::Place;
use adit_control::Error;
use adit_control::endpoint_group::{EndpointGroupChange, NewEndpointGroup};
use adit_model::endpoint_group::{EndpointKind, Endpoints};
use adit_model::{EndpointGroup, EndpointGroupId};
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

use crate::connections::RULES;
use crate::context::{Context, IfMatch, Json, etag, name};
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

/// How many entries a group has at most.
const MOST: usize = 256;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// What the entries of a new group are.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum NewEndpointKind {
    /// Blocks of addresses: what is at the peer's end.
    Cidr,
    /// Subnets, by their ids: what is at this end.
    Subnet,
}

impl From<NewEndpointKind> for EndpointKind {
    fn from(kind: NewEndpointKind) -> Self {
        match kind {
            NewEndpointKind::Cidr => Self::Cidr,
            NewEndpointKind::Subnet => Self::Subnet,
        }
    }
}

/// What an endpoint group is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEndpointGroupShape {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    kind: NewEndpointKind,
    /// What is in it, each once.
    #[schema(example = json!(["10.2.0.0/24"]))]
    endpoints: Vec<String>,
}

/// What to change of an endpoint group; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndpointGroupChangeShape {
    name: Option<String>,
    description: Option<String>,
    /// What is in it from now on, all of it. Connections between its blocks are negotiated again.
    endpoints: Option<Vec<String>>,
}

/// An endpoint group.
#[derive(Serialize, ToSchema)]
struct EndpointGroupShape {
    id: Uuid,
    name: String,
    description: String,
    /// What its entries are: `cidr` or `subnet`; other dialects also make some that connections can't use: `network`,
    /// `router` and `vlan`.
    #[schema(value_type = String)]
    kind: EndpointKind,
    endpoints: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

fn shape(row: &EndpointGroup) -> EndpointGroupShape {
    let texts = row.endpoints.texts().into_iter();
    EndpointGroupShape {
        id: row.id.uuid(),
        name: row.name.to_string(),
        description: row.description.clone(),
        kind: row.endpoints.kind(),
        endpoints: texts.map(str::to_owned).collect(),
        created_at: row.created_at,
        revision: row.revision.0,
    }
}

/// Entries of a kind, each once, as the field of a body has them.
pub(crate) fn entries(
    field: &str,
    kind: EndpointKind,
    texts: Vec<String>,
) -> Result<Endpoints, Problem> {
    if !(1..=MOST).contains(&texts.len()) {
        let detail = format!("an endpoint group has 1 to {MOST} entries");
        return Err(Problem::invalid(field, detail));
    }
    let (mut entries, mut seen) = (Endpoints::none(kind), BTreeSet::new());
    for (at, text) in texts.into_iter().enumerate() {
        let refused = |detail: String| Problem::invalid(&format!("{field}[{at}]"), detail);
        if !seen.insert(text.clone()) {
            return Err(refused("it is in the list twice".to_owned()));
        }
        let added = entries.push(text);
        added.map_err(|invalid| {
            let allowed = match kind {
                EndpointKind::Subnet => "the id of a subnet",
                _ => "a block, such as 10.2.0.0/24",
            };
            refused(format!("{invalid}: an entry is {allowed}"))
        })?;
    }
    Ok(entries)
}

/// A subnet that an entry names and that is not there, or a connection that would not fit.
fn in_body(error: Error) -> Problem {
    match error {
        Error::Misfit(misfit) => Problem::misfit(misfit.to_string()).of("endpoints"),
        other => other.into(),
    }
}

/// Lists endpoint groups, oldest first.
#[utoipa::path(
    get, path = "/endpoint-groups", tag = "endpoint-groups", operation_id = "list_endpoint_groups", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<EndpointGroupShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = wanted.query(&cx.caller)?;
    let rows = cx.control().page_endpoint_groups(&cx.caller, query).await?;
    let place = |row: &EndpointGroup| Place::new(row.created_at, row.id.uuid());
    Ok(Answer(wanted.page(rows, place, |row| shape(&row))))
}

/// Makes an endpoint group.
#[utoipa::path(
    post, path = "/endpoint-groups", tag = "endpoint-groups", operation_id = "create_endpoint_group",
    request_body = NewEndpointGroupShape,
    responses(
        (status = 201, description = "It is made.", body = EndpointGroupShape),
        (status = 409, description = "The quota is used up.", body = Problem),
        (status = 422, description = "A subnet is not there.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewEndpointGroupShape>,
) -> Result<impl IntoResponse, Problem> {
    let new = NewEndpointGroup {
        name: name("name", &new.name)?,
        description: new.description,
        endpoints: entries("endpoints", new.kind.into(), new.endpoints)?,
    };
    let made = cx.control().create_endpoint_group(&cx.caller, new).await;
    let made = made.map_err(in_body)?;
    Ok((
        StatusCode::CREATED,
        etag(made.revision),
        Answer(shape(&made)),
    ))
}

/// Shows an endpoint group.
#[utoipa::path(
    get, path = "/endpoint-groups/{id}", tag = "endpoint-groups", operation_id = "show_endpoint_group",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = EndpointGroupShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = EndpointGroupId::from_uuid(id);
    let row = cx.control().endpoint_group(&cx.caller, id).await?;
    Ok((etag(row.revision), Answer(shape(&row))))
}

/// Changes an endpoint group; what is left out stays. What is in it may change while connections use it, which are
/// negotiated again where they go between other blocks then.
#[utoipa::path(
    patch, path = "/endpoint-groups/{id}", tag = "endpoint-groups", operation_id = "update_endpoint_group",
    params(("id" = Uuid, Path), IfMatch), request_body = EndpointGroupChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = EndpointGroupShape),
        (status = 409, description = "Another connection has one of its blocks.", body = Problem),
        (status = 422, description = "A subnet is not there, or a connection would not fit together.", body = Problem),
        refusals::Changed,
        refusals::Conditional,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<EndpointGroupChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    let id = EndpointGroupId::from_uuid(id);
    let called = change.name.map(|text| name("name", &text)).transpose()?;
    let endpoints = match change.endpoints {
        None => None,
        Some(texts) => {
            let kind = cx.control().endpoint_group(&cx.caller, id).await?;
            let kind = kind.endpoints.kind();
            Some(entries("endpoints", kind, texts)?)
        }
    };
    let change = EndpointGroupChange {
        expected: cx.if_match()?,
        name: called,
        description: change.description,
        endpoints,
    };
    let changed = cx
        .control()
        .update_endpoint_group(&cx.caller, RULES, id, change);
    let row = changed.await.map_err(in_body)?;
    Ok((etag(row.revision), Answer(shape(&row))))
}

/// Deletes an endpoint group that no connection uses.
#[utoipa::path(
    delete, path = "/endpoint-groups/{id}", tag = "endpoint-groups", operation_id = "delete_endpoint_group",
    params(("id" = Uuid, Path), IfMatch),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "A connection uses it.", body = Problem),
        refusals::Deleted,
        refusals::Conditional,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (id, expected) = (EndpointGroupId::from_uuid(id), cx.if_match()?);
    cx.control()
        .delete_endpoint_group(&cx.caller, id, expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
