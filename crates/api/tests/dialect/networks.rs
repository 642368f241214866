//! `/tiny/networks`.

use adit_api::attribute::{Absent, Attribute};
use adit_api::kind::Kind;
use adit_api::object::{Many, Object, One};
use adit_api::{ids, times, values};
use adit_control::network::{NetworkChange, NewNetwork};
use adit_control::{Control, Error, Noun, Query};
use adit_model::{Network, NetworkId};
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::context::Context;
use crate::refusal::Refusal;

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new("id", Kind::Uuid, ()),
    Attribute::new("link", Kind::Text(255), ()),
    Attribute::new("made", Kind::Text(32), ()),
    Attribute::new("name", Kind::Name, ())
        .post(Absent::Required)
        .put(),
    Attribute::new("mtu", Kind::Integer, ())
        .post(Absent::Number(Network::MTU))
        .put(),
];

pub(crate) fn routes() -> Router<Control> {
    Router::new()
        .route("/tiny/networks", get(list).post(create))
        .route("/tiny/networks/{id}", get(show).put(change).delete(delete))
}

fn render(cx: &Context, row: &Network) -> Object {
    let mut object = Object::default();
    object.add("id", &row.id);
    object.add("link", &format!("{}/tiny/networks/{}", cx.base, row.id));
    object.add("made", &times::seconds(row.created_at));
    object.add("name", row.name.as_str());
    object.add("mtu", &row.mtu);
    object
}

fn parse(id: &str) -> Result<NetworkId, Refusal> {
    let id = ids::parse(id).ok_or(Error::NotFound(Noun::Network))?;
    Ok(NetworkId::from_uuid(id))
}

async fn create(cx: Context, body: Body) -> Result<impl IntoResponse, Refusal> {
    let body = adit_api::body::object(body).await?;
    let said = values::post(body, ATTRIBUTES, false)?;
    let new = NewNetwork {
        name: said.name("name").cloned().unwrap_or_default(),
        description: String::new(),
        admin_state_up: true,
        external: false,
        shared: false,
        mtu: said.number("mtu").unwrap_or(Network::MTU),
        port_security: true,
    };
    let made = cx.control.create_network(&cx.caller, new).await?;
    let object = render(&cx, &made.network);
    Ok((StatusCode::CREATED, One("network", object)))
}

async fn list(cx: Context) -> Result<Many, Refusal> {
    let query = Query::of_project(cx.caller.project);
    let found = cx.control.page_networks(&cx.caller, query).await?;
    let rows = found.iter().map(|view| render(&cx, &view.network));
    Ok(Many("networks", rows.collect()))
}

async fn show(cx: Context, Path(id): Path<String>) -> Result<One, Refusal> {
    let view = cx.control.network(&cx.caller, parse(&id)?).await?;
    Ok(One("network", render(&cx, &view.network)))
}

async fn change(cx: Context, Path(id): Path<String>, body: Body) -> Result<One, Refusal> {
    let body = adit_api::body::object(body).await?;
    let said = values::put(&body, ATTRIBUTES)?;
    let change = NetworkChange {
        name: said.name("name").cloned(),
        mtu: said.number("mtu"),
        ..NetworkChange::default()
    };
    let id = parse(&id)?;
    let changed = cx.control.update_network(&cx.caller, id, change).await?;
    Ok(One("network", render(&cx, &changed.network)))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    let id = parse(&id)?;
    cx.control.delete_network(&cx.caller, id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
