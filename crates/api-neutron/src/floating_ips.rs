//! `/floatingips`.

use adit_api::attribute::Absent;
use adit_control::floating_ip::{FloatingIpChange, NewFloatingIp, Rules, Target, Way};
use adit_control::{Allowance, Caller, Error, Naming, Noun, Query, Rule};
use adit_model::project::Role;
use adit_model::{FloatingIp, FloatingIpId, Name, NetworkId, PortId, SubnetId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attribute::{
    Attribute, DESCRIPTION, ID, PROJECT, Privilege, REVISION, Reserved, Special, attribute,
};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::object;
use crate::refusal::Failure;
use crate::resource::{Resource, Words, standard};
use adit_api::kind::{Given, Kind};
use adit_api::object::Object;

const ADDRESS: &str = "floating_ip_address";
const FIXED: &str = "fixed_ip_address";
const NETWORK: &str = "floating_network_id";
const PORT: &str = "port_id";
const SUBNET: &str = "subnet_id";

/// A router's way outside is given to it before.
const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    way: Way::Given,
};

pub(crate) struct FloatingIps;

impl Resource for FloatingIps {
    const WORDS: Words = Words {
        one: "floatingip",
        many: "floatingips",
        path: "floatingips",
    };

    const NOUN: Noun = Noun::FloatingIp;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        DESCRIPTION,
        attribute(NETWORK, Kind::Uuid).post(Absent::Required).sort(),
        attribute(ADDRESS, Kind::IpOrNull)
            .post(Absent::Nothing)
            .own(Special::reserved(&[Reserved::part(
                ADDRESS,
                Privilege::Admin,
                |given| !matches!(given, Given::Null),
            )]))
            .sort(),
        attribute(SUBNET, Kind::UuidOrNull).post(Absent::Nothing),
        attribute(PORT, Kind::UuidOrNull)
            .post(Absent::Nothing)
            .put()
            .sort(),
        attribute(FIXED, Kind::IpOrNull)
            .post(Absent::Nothing)
            .put()
            .sort(),
        attribute("router_id", Kind::UuidOrNull).sort(),
        attribute("status", Kind::Text(16)).sort(),
        REVISION,
    ];

    const SEES: Role = Role::Reader;

    const BULK: bool = true;

    type Row = FloatingIp;

    fn id(row: &FloatingIp) -> Uuid {
        row.id.uuid()
    }

    fn render(_: &Context, row: &FloatingIp) -> Object {
        let mut object = object::named(
            row.id.uuid(),
            row.project,
            &Name::default(),
            &row.description,
        );
        object.retain(|name| name != "name");
        object.extend(standard(row.created_at, row.updated_at, row.revision));
        let of = row.association;
        let own = [
            (NETWORK, json!(row.network.uuid())),
            (ADDRESS, json!(row.address)),
            (PORT, json!(of.map(|of| of.port))),
            (FIXED, json!(of.map(|of| of.fixed_ip))),
            ("router_id", json!(of.map(|of| of.router))),
            (
                "status",
                json!(if of.is_some() { "ACTIVE" } else { "DOWN" }),
            ),
            ("port_details", Value::Null),
        ];
        object.extend(own);
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::FloatingIpNotFound { id }
    }

    fn in_use(id: String, _: Noun, _: &[Uuid]) -> ApiError {
        let message = format!("Floating IP {id} is in use");
        ApiError::Conflict { message }
    }

    async fn create(cx: &Context, maker: Caller, values: &Values) -> Result<FloatingIp, Failure> {
        let network = values.required(NETWORK)?;
        let new = NewFloatingIp {
            description: values.new_description(),
            subnet: values.uuid(SUBNET).flatten().map(SubnetId::from_uuid),
            address: values.ip(ADDRESS).flatten(),
            target: target(values, None)?.flatten(),
            ..NewFloatingIp::of(NetworkId::from_uuid(network))
        };
        let made = cx.control.create_floating_ip(&maker, RULES, new).await;
        made.map_err(|error| said(error, values, Some(network)))
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<FloatingIp>, Failure> {
        Ok(cx.control.page_floating_ips(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<FloatingIp, Failure> {
        let id = FloatingIpId::from_uuid(id);
        let known = cx.control.floating_ip(&cx.caller, id).await?;
        let port = known.association.map(|of| of.port);
        // A body that says nothing at all takes the port away, as Neutron has it; one that says
        // something else leaves it.
        let target = match values.is_empty() {
            true => Some(None),
            false => target(values, port)?,
        };
        let change = FloatingIpChange {
            expected: cx.expected(),
            name: None,
            description: values.description(),
            target,
        };
        let update = cx.control.update_floating_ip(&cx.caller, RULES, id, change);
        update.await.map_err(|error| said(error, values, None))
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = FloatingIpId::from_uuid(id);
        Ok(cx
            .control
            .delete_floating_ip(&cx.caller, id, cx.expected())
            .await?)
    }
}

/// `None` is not said, `Some(None)` is nothing.
fn target(values: &Values, known: Option<PortId>) -> Result<Option<Option<Target>>, ApiError> {
    let fixed_ip = values.ip(FIXED).flatten();
    let port = match values.uuid(PORT) {
        Some(None) => return Ok(Some(None)),
        Some(Some(port)) => Some(PortId::from_uuid(port)),
        None => known.filter(|_| fixed_ip.is_some()),
    };
    match (port, fixed_ip) {
        (Some(port), fixed_ip) => Ok(Some(Some(Target { port, fixed_ip }))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(ApiError::attribute(FIXED, "it needs a port_id")),
    }
}

fn said(error: Error, values: &Values, network: Option<Uuid>) -> Failure {
    let port = values.uuid(PORT).flatten().unwrap_or_default().to_string();
    let network = network.unwrap_or_default();
    match error {
        Error::NotFound(Noun::Network) => {
            let id = network.to_string();
            ApiError::NetworkNotFound { id }.into()
        }
        Error::NotFound(Noun::Port) => ApiError::PortNotFound { id: port }.into(),
        Error::Invalid {
            field: "network",
            rule: Rule::Reference,
            ..
        } => {
            let reason = format!("Network {network} is not a valid external network.");
            ApiError::FloatingIpRequest { reason }.into()
        }
        Error::Invalid {
            field: "subnet",
            message,
            ..
        } => ApiError::attribute(SUBNET, message).into(),
        Error::Invalid {
            rule: Rule::AddressOutside,
            message,
            ..
        } => {
            let reason = format!("{message}.");
            ApiError::FloatingIpRequest { reason }.into()
        }
        Error::NoWayOutside(message) => ApiError::NoWayOutside { message }.into(),
        Error::Conflict {
            rule: Rule::InUse(Noun::Port),
            message,
        } => ApiError::FloatingIpPortInUse { message }.into(),
        Error::Conflict {
            rule: Rule::AddressTaken,
            message,
        } => ApiError::AddressTaken { message }.into(),
        other => other.into(),
    }
}
