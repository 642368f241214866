//! What a resource is: a table of attributes, who may do what, and the use cases behind it.

use std::future::Future;

use adit_api::object::Object;
use adit_api::times;
use adit_control::{Caller, Noun, Query};
use adit_model::Revision;
use adit_model::project::Role;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::attribute::Attribute;
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::refusal::Failure;

/// What a resource is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// One, as bodies and rules have it: `ikepolicy`.
    pub(crate) one: &'static str,
    /// Many: `ikepolicies`.
    pub(crate) many: &'static str,
    /// The collection, below `/v2.0`: `vpn/ikepolicies`. Hyphens may be underscores too.
    pub(crate) path: &'static str,
}

/// What a resource is called, and has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) words: Words,
    pub(crate) attributes: &'static [Attribute],
}

impl Table {
    pub(crate) const fn of<R: Resource>() -> Self {
        Self {
            words: R::WORDS,
            attributes: R::ATTRIBUTES,
        }
    }
}

/// One kind of thing that clients make, list, show, change and delete.
pub(crate) trait Resource: 'static {
    /// What it is called.
    const WORDS: Words;
    /// What it is to use cases.
    const NOUN: Noun;
    /// What its bodies, filters and sort keys may be.
    const ATTRIBUTES: &'static [Attribute];
    /// What one must be to see it.
    const SEES: Role = Role::Member;
    /// What one must be to make, change and delete it.
    const CHANGES: Role = Role::Member;
    /// The status that the answer to a POST shows, whatever has become of it already.
    const MADE: Option<&'static str> = None;

    /// Whether one POST may make many.
    const BULK: bool = false;

    /// What the use cases give.
    type Row: Send;

    /// Its id.
    fn id(row: &Self::Row) -> Uuid;

    /// Its attributes.
    fn render(cx: &Context, row: &Self::Row) -> Object;

    /// That there is none of this id.
    fn missing(id: String) -> ApiError;

    /// That others use it.
    fn in_use(id: String, by: Noun, users: &[Uuid]) -> ApiError {
        let message = format!("{id} is used by {} of the kind {by}", users.len());
        ApiError::Conflict { message }
    }

    /// The network that one is on, or is to be on, where it is on one.
    fn network(
        _: &Context,
        _known: Option<Uuid>,
        _: &Values,
    ) -> impl Future<Output = Result<Option<Uuid>, Failure>> + Send {
        std::future::ready(Ok(None))
    }

    /// Makes one.
    fn create(
        cx: &Context,
        maker: Caller,
        values: &Values,
    ) -> impl Future<Output = Result<Self::Row, Failure>> + Send;

    /// Lists some.
    fn page(
        cx: &Context,
        query: Query,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Failure>> + Send;

    /// Changes one.
    fn update(
        cx: &Context,
        id: Uuid,
        values: &Values,
    ) -> impl Future<Output = Result<Self::Row, Failure>> + Send;

    /// Deletes one.
    fn delete(cx: &Context, id: Uuid) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The one of this id, if the caller may see it.
pub(crate) async fn look_up<R: Resource>(
    cx: &Context,
    id: Uuid,
) -> Result<Option<R::Row>, ApiError> {
    let query = Query {
        ids: Some(vec![id]),
        ..Query::default()
    };
    let rows = R::page(cx, query).await;
    let rows = rows.map_err(|failure| failure.about::<R>(&id.to_string()));
    Ok(rows?.pop())
}

/// Finds one.
pub(crate) async fn find<R: Resource>(cx: &Context, id: Uuid) -> Result<R::Row, ApiError> {
    let found = look_up::<R>(cx, id).await?;
    found.ok_or_else(|| R::missing(id.to_string()))
}

/// What most resources of networks have.
pub(crate) fn standard(
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    revision: Revision,
) -> [(&'static str, Value); 4] {
    [
        ("created_at", json!(times::seconds(created_at))),
        ("updated_at", json!(times::seconds(updated_at))),
        ("revision_number", json!(revision.0)),
        ("tags", json!([])),
    ]
}
