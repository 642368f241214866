//! `/network_acls`: each VPC's default one, which allows everything, as nothing is filtered at the
//! edge of a subnet. It is a part of its VPC, goes with it, and can't be changed.

use adit_api::paging::Place;
use adit_api::times;
use adit_model::Router as Row;
use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::context::Context;
use crate::default_parts::{DefaultPart, every_protocol};
use crate::error::ApiError;
use crate::ids::Part;
use crate::page::{page, page_of, part, show};
use crate::references;
use crate::state::Vpc;

const MANY: &str = "network_acls";

const OWN: DefaultPart = DefaultPart {
    part: Part::NetworkAcl,
    called: "network ACL",
    word: "network_acl",
};

/// Which way a rule is, and which part of its VPC it is.
const RULES: [(&str, Part); 2] = [
    ("inbound", Part::InboundRule),
    ("outbound", Part::OutboundRule),
];

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/network_acls", get(list))
        .route("/network_acls/{acl}", get(one))
        .route("/network_acls/{acl}/rules", get(rules))
        .route("/network_acls/{acl}/rules/{rule}", get(rule))
        .route("/subnets/{subnet}/network_acl", get(of_subnet))
        .route("/vpcs/{vpc}/default_network_acl", get(of_vpc))
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let found = control.routers(&cx.caller, part(&cx)?).await?;
    let place = |row: &Row| Place::new(row.created_at, row.id.uuid());
    let is_wanted = |row: &Row| cx.wants_group(row.resource_group.as_ref());
    let page = page_of(&cx, found, place, is_wanted)?;
    let mut rendered = Vec::new();
    for row in &page.items {
        rendered.push(render(&cx, row).await?);
    }
    show(&cx, MANY, MANY, &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let row = OWN.vpc(&cx, &id).await?;
    Ok(Json(render(&cx, &row).await?))
}

async fn of_vpc(cx: Context, Path(vpc): Path<String>) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let row = control
        .router(&cx.caller, references::vpc_id(&vpc)?)
        .await?;
    Ok(Json(render(&cx, &row).await?))
}

async fn of_subnet(cx: Context, Path(subnet): Path<String>) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let view = control.subnet_view(&cx.caller, references::subnet_id(&subnet)?);
    let row = view.await?.router;
    Ok(Json(render(&cx, &row).await?))
}

async fn rules(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let row = OWN.vpc(&cx, &id).await?;
    let path = format!(
        "{MANY}/{}/rules",
        cx.regional(Part::NetworkAcl.of(row.id.uuid()))
    );
    if cx
        .query("direction")
        .is_some_and(|way| !["inbound", "outbound"].contains(&way))
    {
        let message = "The `direction` query parameter must be inbound or outbound.";
        return Err(ApiError::bad("invalid_value", message).parameter("direction"));
    }
    let mut rules: Vec<_> = (0_u128..).zip(rules_of(&cx, &row)).collect();
    rules.retain(|(_, rule)| {
        let way = rule.get("direction").and_then(Value::as_str);
        cx.wants("direction", way.unwrap_or_default())
    });
    let place = |(index, _): &(u128, Value)| Place::new(row.created_at, Uuid::from_u128(*index));
    page(&cx, &path, "rules", rules, place, |(_, rule)| rule.clone())
}

async fn rule(
    cx: Context,
    Path((id, rule)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let row = OWN.vpc(&cx, &id).await?;
    OWN.rule(rules_of(&cx, &row), &rule).map(Json)
}

async fn render(cx: &Context, row: &Row) -> Result<Value, ApiError> {
    let subnets = cx.vpc.control.subnets_of_router(&cx.caller, row.id).await?;
    let subnets: Vec<_> = subnets
        .iter()
        .map(|one| references::subnet(cx, one))
        .collect();
    let own = json!({
        "created_at": times::microseconds(row.created_at),
        "resource_group": cx.resource_group(row.resource_group.as_ref()),
        "rules": rules_of(cx, row),
        "subnets": subnets,
        "vpc": references::vpc(cx, row),
    });
    Ok(references::whole(references::network_acl(cx, row), own))
}

fn rules_of(cx: &Context, row: &Row) -> Vec<Value> {
    let acl = cx.regional(Part::NetworkAcl.of(row.id.uuid()));
    let protocol = every_protocol(cx);
    let render = |(direction, part): (&str, Part)| {
        let id = cx.regional(part.of(row.id.uuid()));
        json!({
            "id": id,
            "href": cx.href(&format!("{MANY}/{acl}/rules/{id}")),
            "name": format!("allow-{direction}"),
            "action": "allow",
            "created_at": times::microseconds(row.created_at),
            "direction": direction,
            "ip_version": "ipv4",
            "protocol": protocol,
            "source": "0.0.0.0/0",
            "destination": "0.0.0.0/0",
        })
    };
    RULES.into_iter().map(render).collect()
}
