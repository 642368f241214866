//! `security-groups/{id}/rules`: what a group allows.

use adit_control::security_group::{NewRule, RuleChange};
use adit_control::{Error, Noun};
use adit_model::security_group::{Direction, Family, Remote};
use adit_model::{Cidr, Name, SecurityGroupId, SecurityGroupRule, SecurityGroupRuleId};
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

use super::RULES;
use crate::context::{Context, IfMatch, Json, etag, name, said};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

pub(super) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(update, delete))
}

/// With whom.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RemoteShape {
    /// The addresses of a block; an address is a block of one.
    #[schema(example = "10.2.0.0/24")]
    Cidr(String),
    /// The machines that have this security group.
    Group(Uuid),
}

/// What a rule is to allow.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSecurityRuleShape {
    /// What to call it; it may have no name.
    name: Option<String>,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// `ingress`, into the machine, or `egress`, out of it.
    #[schema(value_type = String, example = "ingress")]
    direction: Direction,
    /// `IPv4` or `IPv6`; that of the block, if it is left out, or IPv4.
    #[schema(value_type = Option<String>)]
    family: Option<Family>,
    /// The protocol's name, such as `tcp`, `udp` or `icmp`, or its number; any, if it is left out.
    protocol: Option<String>,
    /// The first destination port, or the ICMP type.
    port_min: Option<u16>,
    /// The last destination port, or the ICMP code.
    port_max: Option<u16>,
    /// With whom; anybody, if it is left out.
    remote: Option<RemoteShape>,
}

fn remote(shape: Option<RemoteShape>) -> Result<Remote, Problem> {
    match shape {
        None => Ok(Remote::Any),
        Some(RemoteShape::Group(id)) => Ok(Remote::Group(SecurityGroupId::from_uuid(id))),
        Some(RemoteShape::Cidr(text)) => match (text.parse(), text.parse::<Cidr>()) {
            (Ok(address), _) => Ok(Remote::Address(address)),
            (_, Ok(cidr)) => Ok(Remote::Block(cidr)),
            (_, Err(error)) => Err(Problem::invalid("remote.cidr", error.to_string())),
        },
    }
}

impl NewSecurityRuleShape {
    pub(super) fn read(self) -> Result<NewRule, Problem> {
        let called = self.name.map(|text| name("name", &text)).transpose()?;
        let remote = remote(self.remote)?;
        let of_remote = match remote {
            Remote::Address(address) => Family::of(Cidr::host(address)),
            Remote::Block(cidr) => Family::of(cidr),
            Remote::Any | Remote::Group(_) => Family::V4,
        };
        Ok(NewRule {
            name: called.unwrap_or_else(Name::default),
            description: self.description,
            direction: self.direction,
            family: self.family.unwrap_or(of_remote),
            protocol: self.protocol.map(|text| text.to_ascii_lowercase()),
            port_min: self.port_min,
            port_max: self.port_max,
            remote,
        })
    }
}

/// What to change of a rule; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecurityRuleChangeShape {
    name: Option<String>,
    /// `ingress` or `egress`.
    #[schema(value_type = Option<String>)]
    direction: Option<Direction>,
    /// The first destination port, or the ICMP type; `null` is all.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<u16>)]
    port_min: Option<Option<u16>>,
    /// The last destination port, or the ICMP code; `null` is all.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<u16>)]
    port_max: Option<Option<u16>>,
    /// With whom; `null` is anybody.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<RemoteShape>)]
    remote: Option<Option<RemoteShape>>,
}

/// Something that is allowed.
#[derive(Serialize, ToSchema)]
pub(super) struct SecurityRuleShape {
    id: Uuid,
    name: String,
    description: String,
    /// `ingress`, into the machine, or `egress`, out of it.
    #[schema(value_type = String)]
    direction: Direction,
    /// `IPv4` or `IPv6`.
    #[schema(value_type = String)]
    family: Family,
    /// The protocol's name or number, as it was given; any, if there is none.
    protocol: Option<String>,
    /// The first destination port, or the ICMP type.
    port_min: Option<u16>,
    /// The last destination port, or the ICMP code.
    port_max: Option<u16>,
    /// With whom; anybody, if there is none.
    remote: Option<RemoteShape>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

impl SecurityRuleShape {
    pub(super) fn of(row: &SecurityGroupRule) -> Self {
        Self {
            id: row.id.uuid(),
            name: row.name.to_string(),
            description: row.description.clone(),
            direction: row.direction,
            family: row.family,
            protocol: row.protocol.clone(),
            port_min: row.port_min,
            port_max: row.port_max,
            remote: match row.remote {
                Remote::Any => None,
                Remote::Address(address) => Some(RemoteShape::Cidr(address.to_string())),
                Remote::Block(cidr) => Some(RemoteShape::Cidr(cidr.to_string())),
                Remote::Group(id) => Some(RemoteShape::Group(id.uuid())),
            },
            created_at: row.created_at,
            revision: row.revision.0,
        }
    }
}

/// Of a group and a rule that are not there, the one that the path names is 404.
async fn in_body(cx: &Context, group: SecurityGroupId, error: Error) -> Problem {
    let is_there = cx.control().security_group(&cx.caller, group).await.is_ok();
    match error {
        Error::NotFound(Noun::SecurityGroup) if is_there => {
            let detail = "the security group could not be found";
            Problem::misfit(detail).of("remote.group")
        }
        other => other.into(),
    }
}

/// Has a security group allow something more.
#[utoipa::path(
    post, path = "/security-groups/{id}/rules", tag = "security-groups", operation_id = "create_security_group_rule",
    params(("id" = Uuid, Path)), request_body = NewSecurityRuleShape,
    responses(
        (status = 201, description = "It is made.", body = SecurityRuleShape),
        (status = 409, description = "The quota is used up, or a rule allows the same.", body = Problem),
        (status = 422, description = "The group that it names is not there.", body = Problem),
        refusals::Changed,
    ),
)]
async fn create(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(new): Json<NewSecurityRuleShape>,
) -> Result<impl IntoResponse, Problem> {
    let group = SecurityGroupId::from_uuid(id);
    let made = cx
        .control()
        .create_security_group_rule(&cx.caller, RULES, group, new.read()?);
    match made.await {
        Ok(row) => {
            let shape = SecurityRuleShape::of(&row);
            Ok((StatusCode::CREATED, etag(row.revision), Answer(shape)))
        }
        Err(error) => Err(in_body(&cx, group, error).await),
    }
}

/// Changes a rule; what is left out stays.
#[utoipa::path(
    patch, path = "/security-groups/{id}/rules/{rule}", tag = "security-groups",
    operation_id = "update_security_group_rule",
    params(("id" = Uuid, Path), ("rule" = Uuid, Path), IfMatch), request_body = SecurityRuleChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = SecurityRuleShape),
        (status = 409, description = "A rule allows the same.", body = Problem),
        (status = 422, description = "The group that it names is not there.", body = Problem),
        refusals::Changed,
        refusals::Conditional,
    ),
)]
async fn update(
    cx: Context,
    Path((id, rule)): Path<(Uuid, Uuid)>,
    Json(change): Json<SecurityRuleChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    let group = SecurityGroupId::from_uuid(id);
    let ids = (group, SecurityGroupRuleId::from_uuid(rule));
    let called = change.name.map(|text| name("name", &text));
    let change = RuleChange {
        expected: cx.if_match()?,
        name: called.transpose()?,
        direction: change.direction,
        port_min: change.port_min,
        port_max: change.port_max,
        remote: change.remote.map(remote).transpose()?,
    };
    let changed = cx
        .control()
        .update_security_group_rule(&cx.caller, RULES, ids, change);
    match changed.await {
        Ok(row) => Ok((etag(row.revision), Answer(SecurityRuleShape::of(&row)))),
        Err(error) => Err(in_body(&cx, group, error).await),
    }
}

/// Takes a rule away.
#[utoipa::path(
    delete, path = "/security-groups/{id}/rules/{rule}", tag = "security-groups",
    operation_id = "delete_security_group_rule",
    params(("id" = Uuid, Path), ("rule" = Uuid, Path), IfMatch),
    responses(
        (status = 204, description = "It is gone."),
        refusals::Deleted,
        refusals::Conditional,
    ),
)]
async fn delete(cx: Context, Path((id, rule)): Path<(Uuid, Uuid)>) -> Result<StatusCode, Problem> {
    let (rule, expected) = (SecurityGroupRuleId::from_uuid(rule), cx.if_match()?);
    let row = cx.control().security_group_rule(&cx.caller, rule).await?;
    if row.group.uuid() != id {
        return Err(Problem::not_found(Noun::SecurityGroupRule));
    }
    cx.control()
        .delete_security_group_rule(&cx.caller, rule, expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
