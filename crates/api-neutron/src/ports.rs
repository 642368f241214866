//! `/ports`. A port whose `device_owner` begins with `compute:` becomes a machine of this host.

use std::collections::BTreeSet;

use adit_api::attribute::Absent;
use adit_api::ids;
use adit_control::outside_port::{Outside, PortView};
use adit_control::port::{Knows, NewPort, Place, PortChange, Rules, WishedIp};
use adit_control::{Allowance, Caller, Error, Naming, Noun, OnDelete, Query, Rule};
use adit_model::port::Device;
use adit_model::project::Role;
use adit_model::{NetworkId, PortId, SecurityGroupId, SubnetId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attribute::{
    ADMIN_STATE_UP, Attribute, DESCRIPTION, ID, NAME, PROJECT, Privilege, REVISION, Reserved,
    Special, attribute,
};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::object;
use crate::privilege::names_address;
use crate::python;
use crate::refusal::Failure;
use crate::resource::{Resource, Words, standard};
use adit_api::kind::{Given, Kind};
use adit_api::object::Object;

const DEVICE: &str = "device_id";
const FIXED_IPS: &str = "fixed_ips";
const GROUPS: &str = "security_groups";
const MAC: &str = "mac_address";
const NETWORK: &str = "network_id";
const OWNER: &str = "device_owner";
const NORMAL: &str = "normal";
const PORT_SECURITY: &str = "port_security_enabled";
const VNIC: &str = "binding:vnic_type";

/// What owners of routers' interfaces are.
pub(crate) const ROUTER_INTERFACE: &str = "network:router_interface";

/// What owners of routers' ports outside are.
const ROUTER_OUTSIDE: &str = "network:router_gateway";

/// What owners of floating IPs' ports outside are.
const FLOATING_IP: &str = "network:floatingip";

/// What Neutron lets through, and no more.
const RULES: Rules = Rules {
    knows: Knows::Ports,
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Cascade,
};

pub(crate) struct Ports;

impl Resource for Ports {
    const WORDS: Words = Words {
        one: "port",
        many: "ports",
        path: "ports",
    };

    const NOUN: Noun = Noun::Port;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        attribute(NETWORK, Kind::Uuid).post(Absent::Required).sort(),
        ADMIN_STATE_UP.sort(),
        attribute(MAC, Kind::Text(32))
            .post(Absent::Nothing)
            .put()
            .own(Special::reserved(&[Reserved::whole(
                MAC,
                Privilege::NetworkOwner,
            )
            .put(Privilege::Admin)]))
            .sort(),
        attribute(FIXED_IPS, Kind::List)
            .post(Absent::Nothing)
            .put()
            .own(Special::reserved(&[Reserved::part(
                "fixed_ips:ip_address",
                Privilege::NetworkOwner,
                |given| matches!(given, Given::List(ips) if ips.iter().any(names_address)),
            )]))
            .filter(),
        attribute(DEVICE, Kind::Text(255))
            .post(Absent::Text(""))
            .put()
            .sort(),
        attribute(OWNER, Kind::Text(255))
            .post(Absent::Text(""))
            .put()
            .own(Special::reserved(&[Reserved::part(
                OWNER,
                Privilege::NetworkOwner,
                |given| matches!(given, Given::Text(owner) if owner.starts_with("network:")),
            )]))
            .sort(),
        attribute(PORT_SECURITY, Kind::Flag)
            .post(Absent::Nothing)
            .put()
            .own(Special::reserved(&[Reserved::whole(
                PORT_SECURITY,
                Privilege::NetworkOwner,
            )]))
            .filter(),
        attribute(GROUPS, Kind::ListOrNull)
            .post(Absent::Nothing)
            .put()
            .filter(),
        attribute(VNIC, Kind::OneOf(|text| text == NORMAL))
            .post(Absent::Text(NORMAL))
            .put()
            .filter(),
        attribute("status", Kind::Text(16)).sort(),
        REVISION,
    ];

    const SEES: Role = Role::Reader;

    const BULK: bool = true;

    type Row = PortView;

    fn id(row: &PortView) -> Uuid {
        row.port.id.uuid()
    }

    fn render(cx: &Context, view: &PortView) -> Object {
        let row = &view.port;
        let mut object = object::named(row.id.uuid(), row.project, &row.name, &row.description);
        object.extend(standard(row.created_at, row.updated_at, row.revision));
        let (owner, device) = plugged(view);
        let real = match (row.device.is_instance(), view.outside) {
            (true, _) => cx.control.is_machine_made(row),
            (false, Some(Outside::Router(_))) => true,
            (false, _) => row.device.router().is_some(),
        };
        let status = match real && row.admin_state_up {
            _ if owner == FLOATING_IP => "N/A",
            true => "ACTIVE",
            false => "DOWN",
        };
        let ips = row.fixed_ips.iter();
        let ips = ips.map(|ip| json!({"subnet_id": ip.subnet, "ip_address": ip.address}));
        let own = [
            (NETWORK, json!(row.network.uuid())),
            ("admin_state_up", json!(row.admin_state_up)),
            ("status", json!(status)),
            (MAC, json!(row.mac)),
            (FIXED_IPS, ips.collect()),
            (DEVICE, json!(device)),
            (OWNER, json!(owner)),
            (PORT_SECURITY, json!(row.port_security)),
            (GROUPS, json!(row.security_groups)),
            ("allowed_address_pairs", json!([])),
            ("extra_dhcp_opts", json!([])),
            (VNIC, json!(NORMAL)),
        ];
        object.extend(own);
        if view.outside.is_some() {
            // What is outside is nobody's in particular.
            object.set("project_id", &json!(""));
            object.set("tenant_id", &json!(""));
        }
        if cx.caller.role >= Role::Admin {
            let binding = [
                ("binding:host_id", json!("")),
                ("binding:profile", json!({})),
                ("binding:vif_details", json!({})),
                (
                    "binding:vif_type",
                    json!(if real { "other" } else { "unbound" }),
                ),
            ];
            object.extend(binding);
        }
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::PortNotFound { id }
    }

    fn in_use(id: String, _: Noun, _: &[Uuid]) -> ApiError {
        let reason = format!("has device owner {ROUTER_INTERFACE}");
        ApiError::ServicePortInUse { id, reason }
    }

    async fn network(
        cx: &Context,
        known: Option<Uuid>,
        values: &Values,
    ) -> Result<Option<Uuid>, Failure> {
        let Some(id) = known else {
            return Ok(values.uuid(NETWORK).flatten());
        };
        let port = cx.control.port(&cx.caller, PortId::from_uuid(id)).await?;
        Ok(Some(port.port.network.uuid()))
    }

    async fn create(cx: &Context, maker: Caller, values: &Values) -> Result<PortView, Failure> {
        let network = values.required(NETWORK)?;
        let device = Device::Other {
            owner: owner(values)?.unwrap_or_default(),
            id: values.text(DEVICE).unwrap_or_default().to_owned(),
        };
        let new = NewPort {
            name: values.new_name()?,
            resource_group: None,
            description: values.new_description(),
            place: Place::Network(NetworkId::from_uuid(network)),
            admin_state_up: values.flag("admin_state_up").unwrap_or(true),
            mac: mac(values)?,
            fixed_ips: fixed_ips(values)?,
            device,
            port_security: values.flag(PORT_SECURITY),
            security_groups: groups(values)?,
        };
        match cx.control.create_port(&maker, RULES, new).await {
            Err(Error::NotFound(Noun::Network)) => {
                let id = network.to_string();
                Err(ApiError::NetworkNotFound { id }.into())
            }
            Err(error) => Err(named(cx, error, values, network).await),
            Ok(row) => Ok(row.into()),
        }
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<PortView>, Failure> {
        Ok(cx.control.page_ports(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<PortView, Failure> {
        let change = PortChange {
            expected: cx.expected(),
            name: values.name(),
            description: values.description(),
            admin_state_up: values.flag("admin_state_up"),
            mac: mac(values)?,
            fixed_ips: fixed_ips(values)?,
            device_owner: owner(values)?,
            device_id: values.text(DEVICE).map(str::to_owned),
            port_security: values.flag(PORT_SECURITY),
            security_groups: groups(values)?,
        };
        let id = PortId::from_uuid(id);
        match cx.control.update_port(&cx.caller, id, change).await {
            Ok(row) => Ok(row.into()),
            Err(Error::NotFound(Noun::Port)) => Err(not_stored(cx, id).await),
            Err(error) => {
                let network = cx.control.port(&cx.caller, id).await?.port.network;
                Err(named(cx, error, values, network.uuid()).await)
            }
        }
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = PortId::from_uuid(id);
        let delete = cx.control.delete_port(&cx.caller, RULES, id, cx.expected());
        let deleted = delete.await;
        match deleted {
            Err(Error::NotFound(Noun::Port)) => Err(not_stored(cx, id).await),
            deleted => Ok(deleted?),
        }
    }
}

/// Why a port that is not stored is not changed or deleted: it is not there, or it is a router's or a
/// floating IP's outside.
async fn not_stored(cx: &Context, id: PortId) -> Failure {
    match cx.control.port(&cx.caller, id).await {
        Ok(view) if view.outside.is_some() => {
            let (owner, _) = plugged(&view);
            let (id, reason) = (id.to_string(), format!("has device owner {owner}"));
            ApiError::ServicePortInUse { id, reason }.into()
        }
        Ok(_) => Error::NotFound(Noun::Port).into(),
        Err(error) => error.into(),
    }
}

/// What is plugged into a port: its owner, and which one.
fn plugged(view: &PortView) -> (String, String) {
    let (owner, id) = match (&view.port.device, view.outside) {
        (_, Some(Outside::FloatingIp(id))) => (FLOATING_IP, id.to_string()),
        (_, Some(Outside::Router(id))) => (ROUTER_OUTSIDE, id.to_string()),
        (Device::Router(id), None) => (ROUTER_INTERFACE, id.to_string()),
        (Device::Other { owner, id }, None) => return (owner.clone(), id.clone()),
    };
    (owner.to_owned(), id)
}

/// A group that is not there, by its name, and an address that somebody has.
async fn named(cx: &Context, error: Error, values: &Values, network: Uuid) -> Failure {
    match error {
        Error::Conflict {
            rule: Rule::MacTaken,
            ..
        } => {
            let mac = values.text(MAC).unwrap_or_default().to_owned();
            let network = network.to_string();
            ApiError::MacTaken { network, mac }.into()
        }
        Error::Conflict {
            rule: Rule::Reference,
            ..
        } if values.flag(PORT_SECURITY) == Some(false) => ApiError::OpenPortHasGroups.into(),
        Error::Conflict {
            rule: Rule::AddressTaken,
            message,
        } => ApiError::AddressTaken { message }.into(),
        Error::Invalid {
            field: "subnet_id",
            message,
            ..
        } => ApiError::attribute(FIXED_IPS, message).into(),
        Error::NotFound(Noun::SecurityGroup) => {
            for id in groups(values).ok().flatten().unwrap_or_default() {
                if cx.control.security_group(&cx.caller, id).await.is_err() {
                    let id = id.to_string();
                    return ApiError::SecurityGroupNotFound { id }.into();
                }
            }
            Failure::Failed(error)
        }
        other => other.into(),
    }
}

/// What owners are is free, but for what routers' ports have.
fn owner(values: &Values) -> Result<Option<String>, ApiError> {
    match values.text(OWNER) {
        Some(owner) if owner.starts_with("network:router_") => {
            let reason = format!("{owner} is for routers' own ports");
            Err(ApiError::attribute(OWNER, reason))
        }
        Some(FLOATING_IP) => {
            let reason = format!("{FLOATING_IP} is for floating IPs' own ports");
            Err(ApiError::attribute(OWNER, reason))
        }
        owner => Ok(owner.map(str::to_owned)),
    }
}

fn mac(values: &Values) -> Result<Option<adit_model::MacAddress>, ApiError> {
    let wrong = |text: &str| {
        let reason = format!("'{text}' is not a valid MAC address");
        ApiError::attribute(MAC, reason)
    };
    let text = values.text(MAC);
    text.map(|text| text.parse().map_err(|_| wrong(text)))
        .transpose()
}

fn fixed_ips(values: &Values) -> Result<Option<Vec<WishedIp>>, ApiError> {
    let Some(list) = values.list(FIXED_IPS) else {
        return Ok(None);
    };
    let wish = |value: &Value| {
        let wrong = || {
            let text = python::text(value);
            ApiError::attribute(
                FIXED_IPS,
                format!("'{text}' is no subnet_id and ip_address"),
            )
        };
        let map = value.as_object().ok_or_else(wrong)?;
        let known = |name: &String| matches!(name.as_str(), "subnet_id" | "subnet" | "ip_address");
        if !map.keys().all(known) {
            return Err(wrong());
        }
        let subnet = match map.get("subnet_id").or(map.get("subnet")) {
            None | Some(Value::Null) => None,
            Some(id) => Some(id.as_str().and_then(ids::parse).ok_or_else(wrong)?),
        };
        let address = match map.get("ip_address") {
            None | Some(Value::Null) => None,
            Some(text) => {
                let address = text.as_str().and_then(|text| text.parse().ok());
                Some(address.ok_or_else(wrong)?)
            }
        };
        Ok(WishedIp {
            subnet: subnet.map(SubnetId::from_uuid),
            address,
        })
    };
    list.iter().map(wish).collect::<Result<_, _>>().map(Some)
}

fn groups(values: &Values) -> Result<Option<Vec<SecurityGroupId>>, ApiError> {
    let Some(list) = values.list(GROUPS) else {
        return Ok(None);
    };
    let id = |value: &Value| {
        let id = value.as_str().and_then(ids::parse);
        id.map(SecurityGroupId::from_uuid).ok_or_else(|| {
            let text = python::text(value);
            ApiError::attribute(GROUPS, format!("'{text}' is not an integer or uuid"))
        })
    };
    let groups: Vec<SecurityGroupId> = list.iter().map(id).collect::<Result<_, _>>()?;
    let mut known = BTreeSet::new();
    if let Some(twice) = groups.iter().find(|group| !known.insert(**group)) {
        let reason = format!("Duplicate items in the list: '{twice}'");
        return Err(ApiError::attribute(GROUPS, reason));
    }
    Ok(Some(groups))
}
