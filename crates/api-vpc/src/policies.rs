//! `/ike_policies` and `/ipsec_policies`: what both do alike. What a phase's parameters are called is
//! in `ike_policies` and `ipsec_policies`.

use adit_api::paging::Place;
use adit_api::times;
use adit_control::policy::{NewPolicy, Phase, PolicyView};
use adit_control::{Allowance, Naming, PolicyEdit};
use adit_model::policy::Policy;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::page::{page_of, part, show};
use crate::state::Vpc;
use crate::{connections, ids};

/// A phase in this dialect's words.
pub(crate) trait Words: Phase + Clone + Sync {
    /// The collection in paths and lists.
    const MANY: &'static str;
    /// `resource_type`.
    const ONE: &'static str;

    /// What a body may say of the parameters.
    const FIELDS: &'static [&'static str];

    /// What a body says; what it doesn't say stays.
    type Change: Send + Sync;

    /// Reads a body.
    fn read(body: &Fields) -> Result<Self::Change, ApiError>;

    /// The parameters of a new policy. Refuses what is missing.
    fn make(body: &Fields, change: Self::Change) -> Result<Self, ApiError>;

    /// The parameters after a change.
    fn apply(change: Self::Change, old: Self) -> Self;

    /// Refuses what doesn't go together here.
    fn check_together(&self, body: &Fields) -> Result<(), ApiError>;

    /// The parameters' own fields.
    fn show(&self, cx: &Context) -> Value;
}

pub(crate) fn routes<P: Words>() -> Router<Vpc> {
    let many = P::MANY;
    Router::new()
        .route(&format!("/{many}"), get(list::<P>).post(create::<P>))
        .route(
            &format!("/{many}/{{policy}}"),
            get(one::<P>).patch(update::<P>).delete(delete::<P>),
        )
        .route(&format!("/{many}/{{policy}}/connections"), get(users::<P>))
}

async fn create<P: Words>(
    cx: Context,
    body: Fields,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    body.check_known(&[P::FIELDS, &["name", "resource_group"]].concat())?;
    let parameters = P::make(&body, P::read(&body)?)?;
    parameters.check_together(&body)?;
    let new = NewPolicy {
        name: body.new_name(&cx, P::NOUN)?,
        resource_group: body.resource_group(&cx)?,
        naming: Naming::Unique,
        description: String::new(),
        allowance: Allowance::Fixed,
        parameters,
    };
    let view = cx.vpc.control.create_policy(&cx.caller, new).await?;
    Ok((StatusCode::CREATED, Json(render(&cx, &view))))
}

async fn list<P: Words>(cx: Context) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let found = control
        .part_of_policies::<P>(&cx.caller, part(&cx)?)
        .await?;
    let place = |row: &Policy<P>| Place::new(row.created_at, P::uuid(row.id));
    let mut page = page_of(&cx, found, place, |_| true)?;
    let views = control.policy_views(page.take()).await?;
    let rendered = views.iter().map(|view| render(&cx, view)).collect();
    show(&cx, P::MANY, P::MANY, &page, rendered)
}

async fn one<P: Words>(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let view = find::<P>(&cx, &id).await?;
    Ok(Json(render(&cx, &view)))
}

async fn update<P: Words>(
    cx: Context,
    Path(id): Path<String>,
    body: Fields,
) -> Result<Json<Value>, ApiError> {
    let old = find::<P>(&cx, &id).await?.policy;
    body.check_known(&[P::FIELDS, &["name"]].concat())?;
    P::apply(P::read(&body)?, old.parameters).check_together(&body)?;
    let change = P::read(&body)?;
    let edit = PolicyEdit {
        expected: None,
        name: body.name_change(&cx, P::NOUN)?,
        description: None,
        parameters: |old| P::apply(change, old),
        only_unused: false,
    };
    let view = cx
        .vpc
        .control
        .update_policy(&cx.caller, old.id, edit)
        .await?;
    Ok(Json(render(&cx, &view)))
}

async fn delete<P: Words>(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = parse::<P>(&id)?;
    cx.vpc
        .control
        .delete_policy::<P>(&cx.caller, id, None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn users<P: Words>(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let view = find::<P>(&cx, &id).await?;
    let id = cx.regional(P::uuid(view.policy.id));
    let path = format!("{}/{id}/connections", P::MANY);
    connections::list_page(&cx, &path, view.connections)
}

async fn find<P: Words>(cx: &Context, id: &str) -> Result<PolicyView<P>, ApiError> {
    let id = parse::<P>(id)?;
    Ok(cx.vpc.control.policy::<P>(&cx.caller, id).await?)
}

fn parse<P: Words>(text: &str) -> Result<P::Id, ApiError> {
    let id: Option<Uuid> = ids::parse(text);
    let id = id.ok_or_else(|| ApiError::not_found(P::NOUN, text))?;
    Ok(P::id(id))
}

fn render<P: Words>(cx: &Context, view: &PolicyView<P>) -> Value {
    let row = &view.policy;
    let id = cx.regional(P::uuid(row.id));
    let mut shown = json!({
        "id": id,
        "href": cx.href(&format!("{}/{id}", P::MANY)),
        "name": row.name.as_str(),
        "created_at": times::microseconds(row.created_at),
        "resource_type": P::ONE,
        "resource_group": cx.resource_group(row.resource_group.as_ref()),
        "connections": connections::references(cx, &view.connections),
    });
    if let (Value::Object(shown), Value::Object(own)) = (&mut shown, row.parameters.show(cx)) {
        shown.extend(own);
    }
    shown
}
