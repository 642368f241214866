//! `/vpcs/{id}/routing_tables/{id}/routes`, or `/vpcs/{id}/routes` for the default table, as older clients say: ways into
//! the tunnels of connections in route mode. There is no other next hop.

use adit_api::paging::Place;
use adit_api::times;
use adit_control::Noun;
use adit_control::route::{NewRoute, RouteChange};
use adit_model::{Connection, ConnectionId, Route, RouteId, Router as Row};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::page::{page_of, part, show};
use crate::references::whole;
use crate::state::Vpc;
use crate::{connections, ids, regions, routing_tables, subnets};

/// The priority of a route that is given none.
const PRIORITY: u16 = 2;

pub(crate) fn routes() -> Router<Vpc> {
    let (named, default) = (
        "/vpcs/{vpc}/routing_tables/{table}/routes",
        "/vpcs/{vpc}/routes",
    );
    let all_named = get(async |cx, Path(at): Path<Named>| list(cx, at.into()).await)
        .post(async |cx, Path(at): Path<Named>, body| create(cx, at.into(), body).await);
    let all_default = get(async |cx, Path(at): Path<String>| list(cx, at.into()).await)
        .post(async |cx, Path(at): Path<String>, body| create(cx, at.into(), body).await);
    let one_named = get(async |cx, Path(at): Path<NamedOne>| one(cx, at.into()).await)
        .patch(async |cx, Path(at): Path<NamedOne>, body| update(cx, at.into(), body).await)
        .delete(async |cx, Path(at): Path<NamedOne>| delete(cx, at.into()).await);
    let one_default = get(async |cx, Path(at): Path<DefaultOne>| one(cx, at.into()).await)
        .patch(async |cx, Path(at): Path<DefaultOne>, body| update(cx, at.into(), body).await)
        .delete(async |cx, Path(at): Path<DefaultOne>| delete(cx, at.into()).await);
    Router::new()
        .route(named, all_named)
        .route(default, all_default)
        .route(&format!("{named}/{{route}}"), one_named)
        .route(&format!("{default}/{{route}}"), one_default)
}

type Named = (String, String);
type NamedOne = (String, String, String);
type DefaultOne = (String, String);

/// A table as a path names it: the default one, if it names none.
struct Table {
    vpc: String,
    table: Option<String>,
}

/// A route of a table.
struct One {
    of: Table,
    route: String,
}

impl From<Named> for Table {
    fn from((vpc, table): Named) -> Self {
        let table = Some(table);
        Self { vpc, table }
    }
}

impl From<String> for Table {
    fn from(vpc: String) -> Self {
        Self { vpc, table: None }
    }
}

impl From<NamedOne> for One {
    fn from((vpc, table, route): NamedOne) -> Self {
        let of = (vpc, table).into();
        Self { of, route }
    }
}

impl From<DefaultOne> for One {
    fn from((vpc, route): DefaultOne) -> Self {
        let of = vpc.into();
        Self { of, route }
    }
}

impl Table {
    /// The VPC, if the table is its own.
    async fn vpc(&self, cx: &Context) -> Result<Row, ApiError> {
        match &self.table {
            Some(table) => routing_tables::find(cx, &self.vpc, table).await,
            None => routing_tables::vpc(cx, &self.vpc).await,
        }
    }
}

impl One {
    /// The route; a missing VPC or table is told first.
    async fn find(&self, cx: &Context) -> Result<RouteId, ApiError> {
        let vpc = self.of.vpc(cx).await?;
        let missing = || ApiError::not_found(Noun::Route, &self.route);
        let id = ids::parse(&self.route).ok_or_else(missing)?;
        let (row, ..) = cx.vpc.control.route(&cx.caller, id).await?;
        match row.router == vpc.id {
            true => Ok(id),
            false => Err(missing()),
        }
    }
}

async fn create(
    cx: Context,
    at: Table,
    body: Fields,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let vpc = at.vpc(&cx).await?;
    body.check_known(&[
        "action",
        "advertise",
        "destination",
        "name",
        "next_hop",
        "priority",
        "zone",
    ])?;
    body.only("action", &json!("deliver"))?;
    body.only("advertise", &json!(false))?;
    let destination = body.text("destination")?;
    let destination = destination.ok_or_else(|| body.missing("destination"))?;
    let wrong = || {
        body.wrong(
            "destination",
            "an IPv4 block without host bits, such as 10.9.0.0/16",
        )
    };
    let destination = destination.parse().map_err(|_| wrong())?;
    if body.value("zone").is_none() {
        return Err(body.missing("zone"));
    }
    let new = NewRoute {
        name: body.new_name(&cx, Noun::Route)?,
        router: vpc.id,
        destination,
        connection: next_hop(&body)?.ok_or_else(|| body.missing("next_hop"))?,
        zone: subnets::zone(&cx, &body)?.name.clone(),
        priority: priority(&body)?.unwrap_or(PRIORITY),
    };
    let made = cx.vpc.control.create_route(&cx.caller, new).await;
    let made = body.naming("next_hop", Noun::Connection, made)?;
    Ok((StatusCode::CREATED, Json(shown(&cx, made.id).await?)))
}

async fn list(cx: Context, at: Table) -> Result<Json<Value>, ApiError> {
    let vpc = at.vpc(&cx).await?;
    let control = &cx.vpc.control;
    let found = control
        .part_of_routes(&cx.caller, vpc.id, part(&cx)?)
        .await?;
    let place = |row: &Route| Place::new(row.created_at, row.id.uuid());
    let mut page = page_of(&cx, found, place, |_| true)?;
    let views = control.route_views(page.take()).await?;
    let rendered = views.iter().map(|(row, vpc, to)| render(&cx, row, vpc, to));
    let rendered = rendered.collect();
    let path = format!("{}/routes", routing_tables::path(&cx, &vpc));
    show(&cx, &path, "routes", &page, rendered)
}

async fn one(cx: Context, at: One) -> Result<Json<Value>, ApiError> {
    let id = at.find(&cx).await?;
    Ok(Json(shown(&cx, id).await?))
}

async fn update(cx: Context, at: One, body: Fields) -> Result<Json<Value>, ApiError> {
    let id = at.find(&cx).await?;
    body.check_known(&["advertise", "name", "next_hop", "priority"])?;
    body.only("advertise", &json!(false))?;
    let change = RouteChange {
        name: body.name_change(&cx, Noun::Route)?.map(|(name, _)| name),
        connection: next_hop(&body)?,
        priority: priority(&body)?,
    };
    let changed = cx.vpc.control.update_route(&cx.caller, id, change).await;
    body.naming("next_hop", Noun::Connection, changed)?;
    Ok(Json(shown(&cx, id).await?))
}

async fn delete(cx: Context, at: One) -> Result<StatusCode, ApiError> {
    let id = at.find(&cx).await?;
    cx.vpc.control.delete_route(&cx.caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The connection that is named. There is no other next hop.
fn next_hop(body: &Fields) -> Result<Option<ConnectionId>, ApiError> {
    let hop = body.object("next_hop")?;
    if let Some(hop) = hop.filter(|hop| hop.value("address").is_some()) {
        let what =
            "left out: a next hop is a VPN gateway connection in route mode, by its `id` or `href`";
        return Err(hop.wrong("address", what));
    }
    match body.identity("next_hop")? {
        None => Ok(None),
        Some(Some(id)) => Ok(Some(id)),
        Some(None) => Err(body.no_such("next_hop", Noun::Connection)),
    }
}

fn priority(body: &Fields) -> Result<Option<u16>, ApiError> {
    let Some(number) = body.number("priority")? else {
        return Ok(None);
    };
    let wrong = |_| body.wrong("priority", "0 to 4");
    u16::try_from(number).map(Some).map_err(wrong)
}

async fn shown(cx: &Context, id: RouteId) -> Result<Value, ApiError> {
    let (row, vpc, to) = cx.vpc.control.route(&cx.caller, id).await?;
    Ok(render(cx, &row, &vpc, &to))
}

fn render(cx: &Context, row: &Route, vpc: &Row, to: &Connection) -> Value {
    let own = json!({
        "action": "deliver",
        "advertise": false,
        "created_at": times::microseconds(row.created_at),
        "destination": row.destination.to_string(),
        "lifecycle_state": "stable",
        "next_hop": connections::reference(cx, to),
        "origin": "user",
        "priority": row.priority,
        "zone": regions::zone_reference(cx, &row.zone),
    });
    whole(routing_tables::reference(cx, vpc, row), own)
}
