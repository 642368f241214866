//! `/network_acls/{id}/rules`.

use adit_api::paging::Place;
use adit_api::times;
use adit_control::Noun;
use adit_control::network_acl::{Before, NewAclRule};
use adit_model::network_acl::{AclRule, Action, Flow, NetworkAclRule, Place as End};
use adit_model::security_group::{Family, protocol_number};
use adit_model::{NetworkAcl, NetworkAclRuleId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{MANY, find};
use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::ids;
use crate::page::page;
use crate::protocols::{self, Kind};
use crate::state::Vpc;

/// The ports of either end, first and last.
const SOURCE: [&str; 2] = ["source_port_min", "source_port_max"];
const DESTINATION: [&str; 2] = ["destination_port_min", "destination_port_max"];

/// What a rule may say, but its protocol.
const FIELDS: [&str; 12] = [
    "action",
    "code",
    "destination",
    DESTINATION[0],
    DESTINATION[1],
    "direction",
    "ip_version",
    "name",
    "source",
    SOURCE[0],
    SOURCE[1],
    "type",
];

pub(super) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/network_acls/{acl}/rules", get(list).post(create))
        .route(
            "/network_acls/{acl}/rules/{rule}",
            get(one).patch(update).delete(delete),
        )
}

async fn list(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let acl = find(&cx, &id).await?.acl;
    let wanted = match cx.query("direction") {
        None => None,
        Some("inbound") => Some(Flow::Inbound),
        Some("outbound") => Some(Flow::Outbound),
        Some(_) => {
            let message = "The `direction` query parameter must be inbound or outbound.";
            return Err(ApiError::bad("invalid_value", message).parameter("direction"));
        }
    };
    let path = format!("{MANY}/{}/rules", cx.regional(acl.id.uuid()));
    let rendered = acl.rules.iter().zip(of(&cx, &acl));
    let kept = rendered.filter(|(rule, _)| wanted.is_none_or(|flow| rule.content.flow == flow));
    let kept: Vec<_> = (0_u128..).zip(kept.map(|(_, shown)| shown)).collect();
    // In the order in which they decide.
    let place = |(index, _): &(u128, Value)| Place::new(acl.created_at, Uuid::from_u128(*index));
    page(&cx, &path, "rules", kept, place, |(_, rule)| rule.clone())
}

async fn one(
    cx: Context,
    Path((id, rule)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let acl = find(&cx, &id).await?.acl;
    let own = find_rule(&acl, &rule)?.id;
    shown(&cx, &acl, own).map(Json)
}

async fn create(
    cx: Context,
    Path(id): Path<String>,
    body: Fields,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let acl = find(&cx, &id).await?.acl.id;
    let new = read(&cx, &body, &["before"])?;
    let before = before(&body)?.unwrap_or(Before::Nothing);
    let control = &cx.vpc.control;
    let made = control.create_network_acl_rule(&cx.caller, acl, new, before);
    let (acl, own) = made.await?;
    Ok((StatusCode::CREATED, Json(shown(&cx, &acl, own)?)))
}

async fn update(
    cx: Context,
    Path((id, rule)): Path<(String, String)>,
    body: Fields,
) -> Result<Json<Value>, ApiError> {
    let acl = find(&cx, &id).await?.acl;
    let row = find_rule(&acl, &rule)?;
    let new = read_change(&cx, &body, row)?;
    let before = match body.is_null("before") {
        true => Some(Before::Nothing),
        false => before(&body)?,
    };
    let (at, expected) = ((acl.id, row.id), Some(acl.revision));
    let changed = cx
        .vpc
        .control
        .update_network_acl_rule(&cx.caller, at, expected, new, before);
    shown(&cx, &changed.await?, row.id).map(Json)
}

async fn delete(
    cx: Context,
    Path((id, rule)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let acl = find(&cx, &id).await?.acl;
    let at = (acl.id, find_rule(&acl, &rule)?.id);
    let control = &cx.vpc.control;
    control.delete_network_acl_rule(&cx.caller, at).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn missing(id: &str) -> ApiError {
    let message = format!("The network ACL rule `{id}` could not be found.");
    ApiError::new(StatusCode::NOT_FOUND, "network_acl_rule_not_found", message)
}

fn find_rule<'a>(acl: &'a NetworkAcl, id: &str) -> Result<&'a NetworkAclRule, ApiError> {
    let own: Option<NetworkAclRuleId> = ids::parse(id);
    let mut rules = acl.rules.iter();
    let found = rules.find(|rule| Some(rule.id) == own);
    found.ok_or_else(|| missing(id))
}

/// What a rule is to be; `more` may be said besides.
pub(super) fn read(cx: &Context, body: &Fields, more: &[&str]) -> Result<NewAclRule, ApiError> {
    body.check_known(&[&FIELDS[..], &["protocol"], more].concat())?;
    body.only("ip_version", &json!("ipv4"))?;
    let protocol = protocols::read(body)?;
    let protocol = protocol.and_then(|name| protocol_number(&name, Family::V4));
    let content = AclRule {
        action: action(body)?.ok_or_else(|| body.missing("action"))?,
        source: end(body, "source")?.ok_or_else(|| body.missing("source"))?,
        destination: end(body, "destination")?.ok_or_else(|| body.missing("destination"))?,
        protocol,
        ..AclRule::allowing(direction(body)?.ok_or_else(|| body.missing("direction"))?)
    };
    Ok(NewAclRule {
        name: body.new_name(cx, Noun::NetworkAcl)?,
        content: numbers(body, content)?,
    })
}

/// What a rule is to be after a change. `null` takes a number away.
fn read_change(cx: &Context, body: &Fields, row: &NetworkAclRule) -> Result<NewAclRule, ApiError> {
    body.check_known(&[&FIELDS[..], &["before"]].concat())?;
    body.only("ip_version", &json!("ipv4"))?;
    let name = body.name_change(cx, Noun::NetworkAcl)?;
    let old = row.content;
    let content = AclRule {
        action: action(body)?.unwrap_or(old.action),
        flow: direction(body)?.unwrap_or(old.flow),
        source: end(body, "source")?.unwrap_or(old.source),
        destination: end(body, "destination")?.unwrap_or(old.destination),
        ..old
    };
    Ok(NewAclRule {
        name: name.map_or_else(|| row.name.clone(), |(name, _)| name),
        content: numbers(body, content)?,
    })
}

/// The ports, or the type and the code, as far as a body says them.
fn numbers(body: &Fields, mut rule: AclRule) -> Result<AclRule, ApiError> {
    let protocol = rule.protocol.map(|number| number.to_string());
    let kind = Kind::of(protocol.as_deref());
    protocols::check_kind(body, kind, &[SOURCE, DESTINATION].concat())?;
    rule.source_ports = ports(body, SOURCE, rule.source_ports)?;
    rule.destination_ports = ports(body, DESTINATION, rule.destination_ports)?;
    let number = |name: &str, old: Option<u8>| match body.has(name) {
        true => Ok::<_, ApiError>(protocols::of_icmp(body, name)?.and_then(|n| n.try_into().ok())),
        false => Ok(old),
    };
    rule.icmp_type = number("type", rule.icmp_type)?;
    rule.icmp_code = number("code", rule.icmp_code)?;
    if rule.icmp_type.is_none() && rule.icmp_code.is_some() {
        return Err(body.missing("type"));
    }
    Ok(rule)
}

fn ports(
    body: &Fields,
    [first, last]: [&str; 2],
    old: Option<(u16, u16)>,
) -> Result<Option<(u16, u16)>, ApiError> {
    if !body.has(first) && !body.has(last) {
        return Ok(old);
    }
    let port = |name: &str, old: u16, all: u16| match body.has(name) {
        true => Ok::<_, ApiError>(protocols::port(body, name)?.unwrap_or(all)),
        false => Ok(old),
    };
    let (lowest, highest) = old.unwrap_or((1, u16::MAX));
    let range = (port(first, lowest, 1)?, port(last, highest, u16::MAX)?);
    if range.0 > range.1 {
        return Err(body.wrong(last, &format!("no less than `{first}`")));
    }
    Ok(Some(range).filter(|range| *range != (1, u16::MAX)))
}

fn action(body: &Fields) -> Result<Option<Action>, ApiError> {
    match body.text("action")? {
        None => Ok(None),
        Some("allow") => Ok(Some(Action::Allow)),
        Some("deny") => Ok(Some(Action::Deny)),
        Some(_) => Err(body.wrong("action", "allow or deny")),
    }
}

fn direction(body: &Fields) -> Result<Option<Flow>, ApiError> {
    match body.text("direction")? {
        None => Ok(None),
        Some("inbound") => Ok(Some(Flow::Inbound)),
        Some("outbound") => Ok(Some(Flow::Outbound)),
        Some(_) => Err(body.wrong("direction", "inbound or outbound")),
    }
}

fn end(body: &Fields, name: &str) -> Result<Option<End>, ApiError> {
    let Some(text) = body.text(name)? else {
        return Ok(None);
    };
    let end = text.parse().ok().filter(|end: &End| end.cidr().is_ipv4());
    let what = "an IPv4 address, or a block without host bits, such as 10.240.0.0/24";
    end.map(Some).ok_or_else(|| body.wrong(name, what))
}

/// The rule that one is to be before.
fn before(body: &Fields) -> Result<Option<Before>, ApiError> {
    let Some(id) = body.identity("before")? else {
        return Ok(None);
    };
    let id = id.ok_or_else(|| body.wrong("before", "a rule of this network ACL"))?;
    Ok(Some(Before::Rule(id)))
}

/// All of a network ACL's rules, in their order.
pub(super) fn of(cx: &Context, acl: &NetworkAcl) -> Vec<Value> {
    let next = acl.rules.iter().skip(1).map(Some).chain([None]);
    let both = acl.rules.iter().zip(next);
    both.map(|(rule, next)| render(cx, acl, rule, next))
        .collect()
}

fn shown(cx: &Context, acl: &NetworkAcl, id: NetworkAclRuleId) -> Result<Value, ApiError> {
    let place = acl.rules.iter().position(|rule| rule.id == id);
    let shown = place.and_then(|place| of(cx, acl).into_iter().nth(place));
    shown.ok_or_else(|| missing(&cx.regional(id.uuid())))
}

fn reference(cx: &Context, acl: &NetworkAcl, rule: &NetworkAclRule) -> Value {
    let (acl, id) = (cx.regional(acl.id.uuid()), cx.regional(rule.id.uuid()));
    json!({
        "id": id,
        "href": cx.href(&format!("{MANY}/{acl}/rules/{id}")),
        "name": rule.name.as_str(),
    })
}

fn render(
    cx: &Context,
    acl: &NetworkAcl,
    rule: &NetworkAclRule,
    next: Option<&NetworkAclRule>,
) -> Value {
    let content = &rule.content;
    let protocol = content.protocol.map(|number| number.to_string());
    let own = json!({
        "action": match content.action {
            Action::Allow => "allow",
            Action::Deny => "deny",
        },
        "created_at": times::microseconds(rule.created_at),
        "direction": match content.flow {
            Flow::Inbound => "inbound",
            Flow::Outbound => "outbound",
        },
        "ip_version": "ipv4",
        "protocol": protocols::show(cx, protocol.as_deref()),
        "source": content.source.to_string(),
        "destination": content.destination.to_string(),
    });
    let mut shown = crate::references::whole(reference(cx, acl, rule), own);
    let mut add = |name: &str, value: Value| {
        if let Some(shown) = shown.as_object_mut() {
            shown.insert(name.to_owned(), value);
        }
    };
    if let Some(next) = next {
        add("before", reference(cx, acl, next));
    }
    match Kind::of(protocol.as_deref()) {
        Kind::Ports => {
            let all = (1, u16::MAX);
            for (names, ports) in [
                (SOURCE, content.source_ports),
                (DESTINATION, content.destination_ports),
            ] {
                let (first, last) = ports.unwrap_or(all);
                add(names[0], json!(first));
                add(names[1], json!(last));
            }
        }
        Kind::Types => {
            for (name, number) in [("type", content.icmp_type), ("code", content.icmp_code)] {
                if let Some(number) = number {
                    add(name, json!(number));
                }
            }
        }
        Kind::Whole => {}
    }
    shown
}
