//! `/networks`.

use adit_api::attribute::Absent;
use adit_control::network::{NetworkChange, NetworkView, NewNetwork};
use adit_control::{Caller, Error, Noun, Query, Rule};
use adit_model::project::Role;
use adit_model::{Network, NetworkId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attribute::{
    ADMIN_STATE_UP, Attribute, DESCRIPTION, ID, NAME, PROJECT, REVISION, ZONE_HINTS, attribute,
};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::object;
use crate::refusal::Failure;
use crate::resource::{Resource, Words, standard};
use crate::status;
use adit_api::kind::Kind;
use adit_api::object::Object;

const EXTERNAL: &str = "router:external";
const MTU: &str = "mtu";
const PORT_SECURITY: &str = "port_security_enabled";
const SHARED: &str = "shared";

pub(crate) struct Networks;

impl Resource for Networks {
    const WORDS: Words = Words {
        one: "network",
        many: "networks",
        path: "networks",
    };

    const NOUN: Noun = Noun::Network;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        ADMIN_STATE_UP.sort(),
        attribute(SHARED, Kind::Flag)
            .post(Absent::Nothing)
            .put()
            .filter(),
        attribute(EXTERNAL, Kind::Flag)
            .post(Absent::Nothing)
            .put()
            .filter(),
        attribute(MTU, Kind::Integer)
            .post(Absent::Number(Network::MTU))
            .put()
            .sort(),
        attribute(PORT_SECURITY, Kind::Flag)
            .post(Absent::True)
            .put()
            .filter(),
        attribute(
            "is_default",
            Kind::Just(false, "no network is made the default one here"),
        )
        .post(Absent::Nothing)
        .put()
        .filter(),
        ZONE_HINTS,
        attribute("status", Kind::Text(16)).sort(),
        attribute("subnets", Kind::List),
        REVISION,
    ];

    const SEES: Role = Role::Reader;

    const BULK: bool = true;

    type Row = NetworkView;

    fn id(row: &NetworkView) -> Uuid {
        row.network.id.uuid()
    }

    fn render(_: &Context, view: &NetworkView) -> Object {
        let row = &view.network;
        let mut object = object::named(row.id.uuid(), row.project, &row.name, &row.description);
        object.extend(standard(row.created_at, row.updated_at, row.revision));
        let subnets: Vec<Uuid> = view.subnets.iter().map(|id| id.uuid()).collect();
        let own = [
            ("admin_state_up", json!(row.admin_state_up)),
            ("status", json!(status::of_carrier(row.admin_state_up))),
            (SHARED, json!(row.shared)),
            (EXTERNAL, json!(row.external)),
            (MTU, json!(row.mtu)),
            (PORT_SECURITY, json!(row.port_security)),
            ("is_default", json!(false)),
            ("subnets", json!(subnets)),
            ("availability_zone_hints", json!([])),
            ("availability_zones", json!([])),
            ("ipv4_address_scope", Value::Null),
            ("ipv6_address_scope", Value::Null),
            ("l2_adjacency", json!(true)),
        ];
        object.extend(own);
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::NetworkNotFound { id }
    }

    fn in_use(id: String, _: Noun, _: &[Uuid]) -> ApiError {
        ApiError::NetworkInUse { id }
    }

    async fn create(cx: &Context, maker: Caller, values: &Values) -> Result<NetworkView, Failure> {
        let new = NewNetwork {
            name: values.new_name()?,
            description: values.new_description(),
            admin_state_up: values.flag("admin_state_up").unwrap_or(true),
            external: values.flag(EXTERNAL).unwrap_or(false),
            shared: values.flag(SHARED).unwrap_or(false),
            mtu: values.number(MTU).unwrap_or(Network::MTU),
            port_security: values.flag(PORT_SECURITY).unwrap_or(true),
        };
        let made = cx.control.create_network(&maker, new).await;
        made.map_err(|error| said(error, "create", values))
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<NetworkView>, Failure> {
        Ok(cx.control.page_networks(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<NetworkView, Failure> {
        let change = NetworkChange {
            expected: cx.expected(),
            name: values.name(),
            description: values.description(),
            admin_state_up: values.flag("admin_state_up"),
            external: values.flag(EXTERNAL),
            shared: values.flag(SHARED),
            mtu: values.number(MTU),
            port_security: values.flag(PORT_SECURITY),
        };
        let id = NetworkId::from_uuid(id);
        let updated = cx.control.update_network(&cx.caller, id, change).await;
        updated.map_err(|error| match error {
            Error::Conflict {
                rule: Rule::InUse(Noun::Network),
                ..
            } => {
                let id = id.to_string();
                ApiError::StillShared { id }.into()
            }
            other => said(other, "update", values),
        })
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = NetworkId::from_uuid(id);
        Ok(cx
            .control
            .delete_network(&cx.caller, id, cx.expected())
            .await?)
    }
}

/// What only administrators may say of a network has rules of its own.
fn said(error: Error, verb: &str, values: &Values) -> Failure {
    match error {
        Error::Forbidden(_) => {
            let named = [EXTERNAL, SHARED];
            let attribute = named.into_iter().find(|name| values.get(name).is_some());
            let rule = format!("{verb}_network:{}", attribute.unwrap_or(SHARED));
            ApiError::Policy { rule }.into()
        }
        Error::Invalid {
            field: "external",
            message,
            ..
        } => ApiError::attribute(EXTERNAL, message).into(),
        Error::Invalid {
            field: "port_security",
            message,
            ..
        } => ApiError::attribute(PORT_SECURITY, message).into(),
        Error::Conflict {
            rule: Rule::Mtu,
            message,
        } => ApiError::MtuTooSmall { message }.into(),
        other => other.into(),
    }
}
