//! `/security_groups`: each VPC's default one, which allows everything: nothing that is made by this
//! dialect is filtered. It is a part of its VPC, goes with it, and can't be changed.

use adit_api::paging::Place;
use adit_api::times;
use adit_model::Router as Row;
use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::Context;
use crate::default_parts::{DefaultPart, every_protocol};
use crate::error::ApiError;
use crate::ids::Part;
use crate::page::{page_of, part, show};
use crate::references;
use crate::state::Vpc;

const MANY: &str = "security_groups";

const OWN: DefaultPart = DefaultPart {
    part: Part::SecurityGroup,
    called: "security group",
    word: "security_group",
};

/// Which way a rule is, and which part of its VPC it is.
const RULES: [(&str, Part); 2] = [
    ("inbound", Part::IngressRule),
    ("outbound", Part::EgressRule),
];

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/security_groups", get(list))
        .route("/security_groups/{group}", get(one))
        .route("/security_groups/{group}/rules", get(rules))
        .route("/security_groups/{group}/rules/{rule}", get(rule))
        .route("/vpcs/{vpc}/default_security_group", get(of_vpc))
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let found = cx.vpc.control.routers(&cx.caller, part(&cx)?).await?;
    let place = |row: &Row| Place::new(row.created_at, row.id.uuid());
    let page = page_of(&cx, found, place, |row| {
        cx.wants_group(row.resource_group.as_ref()) && references::wants_vpc(&cx, row)
    })?;
    let rendered = page.items.iter().map(|row| render(&cx, row)).collect();
    show(&cx, MANY, MANY, &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&cx, &OWN.vpc(&cx, &id).await?)))
}

async fn of_vpc(cx: Context, Path(vpc): Path<String>) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let row = control
        .router(&cx.caller, references::vpc_id(&vpc)?)
        .await?;
    Ok(Json(render(&cx, &row)))
}

async fn rules(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let row = OWN.vpc(&cx, &id).await?;
    Ok(Json(json!({"rules": rules_of(&cx, &row)})))
}

async fn rule(
    cx: Context,
    Path((id, rule)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let row = OWN.vpc(&cx, &id).await?;
    OWN.rule(rules_of(&cx, &row), &rule).map(Json)
}

fn render(cx: &Context, row: &Row) -> Value {
    let own = json!({
        "created_at": times::microseconds(row.created_at),
        "resource_group": cx.resource_group(row.resource_group.as_ref()),
        "rules": rules_of(cx, row),
        "targets": [],
        "vpc": references::vpc(cx, row),
    });
    references::whole(references::security_group(cx, row), own)
}

fn rules_of(cx: &Context, row: &Row) -> Vec<Value> {
    let group = cx.regional(Part::SecurityGroup.of(row.id.uuid()));
    let protocol = every_protocol(cx);
    let render = |(direction, part): (&str, Part)| {
        let id = cx.regional(part.of(row.id.uuid()));
        let everywhere = json!({"cidr_block": "0.0.0.0/0"});
        json!({
            "id": id,
            "href": cx.href(&format!("{MANY}/{group}/rules/{id}")),
            "name": format!("allow-{direction}"),
            "resource_type": "security_group_rule",
            "direction": direction,
            "ip_version": "ipv4",
            "protocol": protocol,
            "local": everywhere,
            "remote": everywhere,
        })
    };
    RULES.into_iter().map(render).collect()
}
