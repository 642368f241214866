//! `/security_groups/{id}/rules`.

use adit_control::security_group::{NewRule, RouterGroupView, RuleChange};
use adit_control::{Error, Noun};
use adit_model::security_group::{Direction, Family, Remote};
use adit_model::{Cidr, SecurityGroupRule, SecurityGroupRuleId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};

use super::{MANY, RULES, find};
use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::protocols::{self, Kind};
use crate::state::Vpc;
use crate::{ids, names, references};

/// All addresses there are.
const EVERYWHERE: &str = "0.0.0.0/0";

pub(super) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/security_groups/{group}/rules", get(list).post(create))
        .route(
            "/security_groups/{group}/rules/{rule}",
            get(one).patch(update).delete(delete),
        )
}

async fn list(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let view = find(&cx, &id).await?;
    Ok(Json(json!({"rules": of(&cx, &view)})))
}

async fn one(
    cx: Context,
    Path((id, rule)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let view = find(&cx, &id).await?;
    let row = find_rule(&view, &rule)?;
    Ok(Json(render(&cx, &view, row)))
}

async fn create(
    cx: Context,
    Path(id): Path<String>,
    body: Fields,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let group = find(&cx, &id).await?.group.id;
    let new = read(&cx, &body)?;
    let made = cx
        .vpc
        .control
        .create_security_group_rule(&cx.caller, RULES, group, new);
    let made = made.await.map_err(|error| named(&body, error))?;
    let view = find(&cx, &id).await?;
    Ok((StatusCode::CREATED, Json(render(&cx, &view, &made))))
}

async fn update(
    cx: Context,
    Path((id, rule)): Path<(String, String)>,
    body: Fields,
) -> Result<Json<Value>, ApiError> {
    let view = find(&cx, &id).await?;
    let row = find_rule(&view, &rule)?;
    let change = read_change(&cx, &body, row)?;
    let at = (view.group.id, row.id);
    let changed = cx
        .vpc
        .control
        .update_security_group_rule(&cx.caller, RULES, at, change);
    let changed = changed.await.map_err(|error| named(&body, error))?;
    let view = find(&cx, &id).await?;
    Ok(Json(render(&cx, &view, &changed)))
}

async fn delete(
    cx: Context,
    Path((id, rule)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let view = find(&cx, &id).await?;
    let row = find_rule(&view, &rule)?;
    let control = &cx.vpc.control;
    control
        .delete_security_group_rule(&cx.caller, row.id, None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A group that a rule names and that is not there.
fn named(body: &Fields, error: Error) -> ApiError {
    body.named("remote", Noun::SecurityGroup, error)
}

/// This dialect's rules are IPv4's alone.
fn is_shown(row: &SecurityGroupRule) -> bool {
    row.family == Family::V4
}

fn find_rule<'a>(view: &'a RouterGroupView, id: &str) -> Result<&'a SecurityGroupRule, ApiError> {
    let own: Option<SecurityGroupRuleId> = ids::parse(id);
    let mut rows = view.rules.iter().filter(|row| is_shown(row));
    let found = rows.find(|row| Some(row.id) == own);
    found.ok_or_else(|| ApiError::not_found(Noun::SecurityGroupRule, id))
}

/// What a rule is to be.
pub(super) fn read(cx: &Context, body: &Fields) -> Result<NewRule, ApiError> {
    body.check_known(&[
        "code",
        "direction",
        "ip_version",
        "local",
        "name",
        "port_max",
        "port_min",
        "protocol",
        "remote",
        "type",
    ])?;
    check_fixed(body)?;
    let direction = direction(body)?.ok_or_else(|| body.missing("direction"))?;
    let protocol = protocols::read(body)?;
    let (port_min, port_max) = numbers(body, Kind::of(protocol.as_deref()))?;
    Ok(NewRule {
        name: body.new_name(cx, Noun::SecurityGroupRule)?,
        description: String::new(),
        direction,
        family: Family::V4,
        protocol,
        port_min,
        port_max,
        remote: remote(body)?.unwrap_or(Remote::Any),
    })
}

/// What is to change of a rule. `null` takes a number away.
fn read_change(
    cx: &Context,
    body: &Fields,
    row: &SecurityGroupRule,
) -> Result<RuleChange, ApiError> {
    body.check_known(&[
        "code",
        "direction",
        "ip_version",
        "local",
        "name",
        "port_max",
        "port_min",
        "remote",
        "type",
    ])?;
    check_fixed(body)?;
    let kind = Kind::of(row.protocol.as_deref());
    let mut change = RuleChange {
        name: body
            .name_change(cx, Noun::SecurityGroupRule)?
            .map(|(name, _)| name),
        direction: direction(body)?,
        remote: remote(body)?,
        ..RuleChange::default()
    };
    protocols::check_kind(body, kind, &["port_min", "port_max"])?;
    let [first, last] = match kind {
        Kind::Types => ["type", "code"],
        Kind::Ports | Kind::Whole => ["port_min", "port_max"],
    };
    let number = |name| match kind {
        Kind::Types => protocols::of_icmp(body, name),
        Kind::Ports | Kind::Whole => protocols::port(body, name),
    };
    if body.has(first) {
        change.port_min = Some(number(first)?);
    }
    if body.has(last) {
        change.port_max = Some(number(last)?);
    }
    Ok(change)
}

fn check_fixed(body: &Fields) -> Result<(), ApiError> {
    body.only("ip_version", &json!("ipv4"))?;
    let Some(local) = body.object("local")? else {
        return Ok(());
    };
    // A rule is for all addresses of what it is on.
    local.check_known(&["cidr_block"])?;
    local.only("cidr_block", &json!(EVERYWHERE))
}

fn direction(body: &Fields) -> Result<Option<Direction>, ApiError> {
    match body.text("direction")? {
        None => Ok(None),
        Some("inbound") => Ok(Some(Direction::Ingress)),
        Some("outbound") => Ok(Some(Direction::Egress)),
        Some(_) => Err(body.wrong("direction", "inbound or outbound")),
    }
}

/// The ports, or the type and the code.
fn numbers(body: &Fields, kind: Kind) -> Result<(Option<u16>, Option<u16>), ApiError> {
    protocols::check_kind(body, kind, &["port_min", "port_max"])?;
    if kind == Kind::Types {
        let (icmp, code) = (
            protocols::of_icmp(body, "type")?,
            protocols::of_icmp(body, "code")?,
        );
        if icmp.is_none() && code.is_some() {
            return Err(body.missing("type"));
        }
        return Ok((icmp, code));
    }
    let (first, last) = (
        protocols::port(body, "port_min")?,
        protocols::port(body, "port_max")?,
    );
    match (first, last) {
        (Some(_), None) => Err(body.missing("port_max")),
        (None, Some(_)) => Err(body.missing("port_min")),
        (Some(first), Some(last)) if first > last => {
            Err(body.wrong("port_max", "no less than `port_min`"))
        }
        both => Ok(both),
    }
}

fn remote(body: &Fields) -> Result<Option<Remote>, ApiError> {
    let Some(remote) = body.object("remote")? else {
        return Ok(None);
    };
    if let Some(text) = remote.text("cidr_block")? {
        remote.check_known(&["cidr_block"])?;
        let cidr: Option<Cidr> = text.parse().ok();
        let cidr = cidr.filter(|cidr| cidr.is_ipv4());
        let what = "an IPv4 block without host bits, such as 10.240.0.0/24";
        let cidr = cidr.ok_or_else(|| remote.wrong("cidr_block", what))?;
        return Ok(Some(match cidr.prefix_len() {
            0 => Remote::Any,
            _ => Remote::Block(cidr),
        }));
    }
    if let Some(text) = remote.text("address")? {
        remote.check_known(&["address"])?;
        let address: Option<Ipv4Addr> = text.parse().ok();
        let address = address.ok_or_else(|| remote.wrong("address", "an IPv4 address"))?;
        return Ok(Some(Remote::Address(IpAddr::V4(address))));
    }
    let group = body.identity("remote")?.flatten();
    let group = group.ok_or_else(|| body.no_such("remote", Noun::SecurityGroup))?;
    Ok(Some(Remote::Group(group)))
}

/// A group's rules.
pub(super) fn of(cx: &Context, view: &RouterGroupView) -> Vec<Value> {
    let rows = view.rules.iter().filter(|row| is_shown(row));
    rows.map(|row| render(cx, view, row)).collect()
}

fn render(cx: &Context, view: &RouterGroupView, row: &SecurityGroupRule) -> Value {
    let group = cx.regional(view.group.id.uuid());
    let id = cx.regional(row.id.uuid());
    let mut own = json!({
        "id": id,
        "href": cx.href(&format!("{MANY}/{group}/rules/{id}")),
        "name": names::or_short(&row.name, "rule", &row.id.short()),
        "resource_type": "security_group_rule",
        "direction": match row.direction {
            Direction::Ingress => "inbound",
            Direction::Egress => "outbound",
        },
        "ip_version": "ipv4",
        "protocol": protocols::show(cx, row.protocol.as_deref()),
        "local": {"cidr_block": EVERYWHERE},
        "remote": match row.remote {
            Remote::Any => json!({"cidr_block": EVERYWHERE}),
            Remote::Address(address) => json!({"address": address}),
            Remote::Block(cidr) => json!({"cidr_block": cidr}),
            Remote::Group(id) => {
                let named = view.named.iter().find(|group| group.id == id);
                named.map_or(Value::Null, |group| references::security_group(cx, group))
            }
        },
    });
    let names = match Kind::of(row.protocol.as_deref()) {
        Kind::Types => ["type", "code"],
        Kind::Ports | Kind::Whole => ["port_min", "port_max"],
    };
    for (name, number) in names.into_iter().zip([row.port_min, row.port_max]) {
        if let (Some(own), Some(number)) = (own.as_object_mut(), number) {
            own.insert(name.to_owned(), json!(number));
        }
    }
    own
}
