//! `/security-group-rules`.

use adit_api::attribute::Absent;
use adit_api::ids;
use adit_control::security_group::NewRule;
use adit_control::{Caller, Error, Noun, Query, Rule};
use adit_model::project::Role;
use adit_model::security_group::{Direction, Family, Remote};
use adit_model::{Cidr, Name, SecurityGroupId, SecurityGroupRule, SecurityGroupRuleId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attribute::{Attribute, DESCRIPTION, ID, PROJECT, REVISION, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::object;
use crate::python;
use crate::refusal::Failure;
use crate::resource::{Resource, Words, standard};
use crate::security_groups::RULES;
use crate::words::{Word, one_of};
use adit_api::kind::Kind;
use adit_api::object::Object;

const BLOCK: &str = "remote_ip_prefix";
const DIRECTION: &str = "direction";
const FAMILY: &str = "ethertype";
const GROUP: &str = "security_group_id";
const MAX: &str = "port_range_max";
const MIN: &str = "port_range_min";
const PROTOCOL: &str = "protocol";
const REMOTE: &str = "remote_group_id";

/// Words for any protocol, besides `null` and 0.
const ANY: [&str; 3] = ["", "any", "0"];

pub(crate) struct SecurityGroupRules;

impl Word for Direction {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ingress", Self::Ingress), ("egress", Self::Egress)];
}

impl Word for Family {
    const WORDS: &'static [(&'static str, Self)] = &[("IPv4", Self::V4), ("IPv6", Self::V6)];
}

impl Resource for SecurityGroupRules {
    const WORDS: Words = Words {
        one: "security_group_rule",
        many: "security_group_rules",
        path: "security-group-rules",
    };

    const NOUN: Noun = Noun::SecurityGroupRule;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        DESCRIPTION,
        attribute(GROUP, Kind::Uuid).post(Absent::Required).sort(),
        attribute(DIRECTION, one_of::<Direction>())
            .post(Absent::Required)
            .sort(),
        attribute(FAMILY, one_of::<Family>())
            .post(Absent::Text("IPv4"))
            .sort(),
        attribute(PROTOCOL, Kind::Any).post(Absent::Null).sort(),
        attribute(MIN, Kind::Any).post(Absent::Null).sort(),
        attribute(MAX, Kind::Any).post(Absent::Null).sort(),
        attribute(BLOCK, Kind::Any).post(Absent::Null).sort(),
        attribute(REMOTE, Kind::Any).post(Absent::Null).sort(),
        attribute(
            "remote_address_group_id",
            Kind::NoId("there are no address groups here"),
        )
        .post(Absent::Null),
        REVISION,
    ];

    const SEES: Role = Role::Reader;

    const BULK: bool = true;

    type Row = SecurityGroupRule;

    fn id(row: &SecurityGroupRule) -> Uuid {
        row.id.uuid()
    }

    fn render(_: &Context, row: &SecurityGroupRule) -> Object {
        render_rule(row)
    }

    fn missing(id: String) -> ApiError {
        ApiError::SecurityGroupRuleNotFound { id }
    }

    fn in_use(id: String, _: Noun, _: &[Uuid]) -> ApiError {
        let message = format!("Security Group Rule {id} in use");
        ApiError::Conflict { message }
    }

    async fn create(
        cx: &Context,
        maker: Caller,
        values: &Values,
    ) -> Result<SecurityGroupRule, Failure> {
        let group = SecurityGroupId::from_uuid(values.required(GROUP)?);
        let new = NewRule {
            name: Name::default(),
            description: values.new_description(),
            direction: values.word(DIRECTION).ok_or(ApiError::Internal)?,
            family: values.word(FAMILY).ok_or(ApiError::Internal)?,
            protocol: protocol(values)?,
            port_min: port(values, MIN)?,
            port_max: port(values, MAX)?,
            remote: remote(values)?,
        };
        let (family, remote) = (new.family, new.remote);
        if let Some(project) = values.project
            && let Ok(view) = cx.control.security_group(&maker, group).await
            && view.group.project != project
        {
            let reason = "a rule is its group's project's";
            return Err(ApiError::attribute(PROJECT.name, reason).into());
        }
        let protocol = new.protocol.clone();
        let ports = Ports {
            icmp: matches!(
                new.protocol.as_deref(),
                Some("icmp" | "icmpv6" | "ipv6-icmp" | "1" | "58")
            ),
            first: new.port_min,
            last: new.port_max,
        };
        let made = cx
            .control
            .create_security_group_rule(&maker, RULES, group, new)
            .await;
        let missing = match (&made, remote) {
            // The rule's own group is looked for first.
            (Err(Error::NotFound(_)), Remote::Group(id))
                if cx.control.security_group(&maker, group).await.is_ok() =>
            {
                id
            }
            _ => group,
        };
        made.map_err(|error| match error {
            Error::NotFound(Noun::SecurityGroup) => {
                let id = missing.to_string();
                Failure::from(ApiError::SecurityGroupNotFound { id })
            }
            Error::Conflict {
                rule: Rule::Repeated,
                message,
            } => ApiError::RuleExists { message }.into(),
            Error::Invalid {
                field: "remote", ..
            } if let Remote::Block(cidr) = remote => {
                let (family, cidr) = (family.word().to_owned(), cidr.to_string());
                ApiError::OtherFamily { family, cidr }.into()
            }
            Error::Invalid {
                field: "family", ..
            } => ApiError::OtherEthertype {
                ethertype: family.word().to_owned(),
                protocol: protocol.unwrap_or_default(),
            }
            .into(),
            Error::Invalid {
                field: "port_min", ..
            } => ports.wrong().into(),
            other => other.into(),
        })
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<SecurityGroupRule>, Failure> {
        Ok(cx
            .control
            .page_security_group_rules(&cx.caller, query)
            .await?)
    }

    async fn update(cx: &Context, id: Uuid, _: &Values) -> Result<SecurityGroupRule, Failure> {
        let id = SecurityGroupRuleId::from_uuid(id);
        cx.control.security_group_rule(&cx.caller, id).await?;
        // Nothing of a rule can be changed, so there is nothing that a body could say.
        Err(ApiError::MethodNotAllowed.into())
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = SecurityGroupRuleId::from_uuid(id);
        Ok(cx
            .control
            .delete_security_group_rule(&cx.caller, id, cx.expected())
            .await?)
    }
}

/// A rule, by itself and in its group.
pub(crate) fn render_rule(row: &SecurityGroupRule) -> Object {
    let mut object = object::named(
        row.id.uuid(),
        row.project,
        &Name::default(),
        &row.description,
    );
    object.retain(|name| name != "name");
    object.extend(standard(row.created_at, row.created_at, row.revision));
    let (block, group) = match row.remote {
        Remote::Any => (None, None),
        Remote::Address(address) => (Some(Cidr::host(address)), None),
        Remote::Block(cidr) => (Some(cidr), None),
        Remote::Group(id) => (None, Some(id)),
    };
    let own = [
        (GROUP, json!(row.group.uuid())),
        (DIRECTION, json!(row.direction.word())),
        (FAMILY, json!(row.family.word())),
        (PROTOCOL, json!(row.protocol)),
        (MIN, json!(row.port_min)),
        (MAX, json!(row.port_max)),
        (BLOCK, json!(block)),
        ("normalized_cidr", json!(block)),
        (REMOTE, json!(group)),
        ("remote_address_group_id", Value::Null),
    ];
    object.extend(own);
    object
}

fn protocol(values: &Values) -> Result<Option<String>, ApiError> {
    match values.any(PROTOCOL) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if ANY.contains(&text.as_str()) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.to_ascii_lowercase())),
        Some(Value::Number(number)) if number.as_u64() == Some(0) => Ok(None),
        Some(Value::Number(number)) if number.is_u64() => Ok(Some(number.to_string())),
        Some(other) => {
            let text = python::text(other);
            let reason = format!("'{text}' is not a protocol's name or number");
            Err(ApiError::attribute(PROTOCOL, reason))
        }
    }
}

fn port(values: &Values, name: &str) -> Result<Option<u16>, ApiError> {
    let value = match values.any(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let number = number.and_then(|number| u16::try_from(number).ok());
    number.map(Some).ok_or_else(|| {
        let port = python::text(value);
        ApiError::InvalidPort { port }
    })
}

/// What a rule says of ports, or of ICMP's types and codes, which go by the same names.
struct Ports {
    icmp: bool,
    first: Option<u16>,
    last: Option<u16>,
}

impl Ports {
    /// What is wrong with them, when something is.
    fn wrong(&self) -> ApiError {
        let icmp = |field: &str, value: u16| ApiError::IcmpValue {
            field: field.to_owned(),
            value: value.to_string(),
        };
        match (self.first, self.last) {
            _ if !self.icmp => ApiError::PortRange,
            (Some(kind), _) if kind > 255 => icmp("type (port-range-min)", kind),
            (Some(_), Some(code)) => icmp("code (port-range-max)", code),
            (_, code) => ApiError::NoIcmpType {
                code: code.unwrap_or_default().to_string(),
            },
        }
    }
}

fn said_as_text<'a>(name: &str, value: &'a Value) -> Result<&'a str, ApiError> {
    value.as_str().ok_or_else(|| {
        let text = python::text(value);
        ApiError::attribute(name, format!("'{text}' is not a valid string"))
    })
}

fn remote(values: &Values) -> Result<Remote, ApiError> {
    let block = match values.any(BLOCK) {
        None | Some(Value::Null) => None,
        Some(value) => {
            let text = said_as_text(BLOCK, value)?;
            // A bare address is a block of one.
            let cidr = match text.parse() {
                Ok(address) => Ok(Cidr::host(address)),
                Err(_) => Cidr::containing(text),
            };
            let reason = format!("'{text}' is not a valid IP subnet");
            Some(cidr.map_err(|_| ApiError::attribute(BLOCK, reason))?)
        }
    };
    let group = match values.any(REMOTE) {
        None | Some(Value::Null) => None,
        Some(value) => Some(said_as_text(REMOTE, value)?.to_owned()),
    };
    match (block, group) {
        (Some(_), Some(_)) => Err(ApiError::TwoRemotes),
        (Some(block), None) => Ok(Remote::Block(block)),
        // What is no id is none of a group that there is.
        (None, Some(id)) => match ids::parse(&id) {
            Some(group) => Ok(Remote::Group(SecurityGroupId::from_uuid(group))),
            None => Err(ApiError::SecurityGroupNotFound { id }),
        },
        (None, None) => Ok(Remote::Any),
    }
}
