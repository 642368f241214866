//! A router's way outside: `external_gateway_info`.

use std::net::IpAddr;

use adit_api::ids;
use adit_control::ExternalSubnets;
use adit_control::router::{WishedExternal, WishedV6};
use adit_control::{Error, Noun, Rule};
use adit_model::router::ExternalGateway;
use adit_model::{NetworkId, SubnetId};
use serde_json::{Value, json};

use crate::attribute::{Privilege, Reserved};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::privilege::names_address;
use crate::python;
use crate::refusal::Failure;
use adit_api::kind::{Given, flag};

/// Its attribute.
pub(crate) const EXTERNAL: &str = "external_gateway_info";

/// What of it is for administrators. Which family is wished for, by its subnet, everybody may say:
/// that chooses no address.
pub(crate) const RESERVED: &[Reserved] = &[
    Reserved::part(
        "external_gateway_info:enable_snat",
        Privilege::Admin,
        |given| member(given, "enable_snat").is_some_and(|flag| !flag.is_null()),
    ),
    Reserved::part(
        "external_gateway_info:external_fixed_ips",
        Privilege::Admin,
        |given| member(given, "external_fixed_ips").is_some_and(names_address),
    ),
];

fn member<'a>(given: &'a Given, name: &str) -> Option<&'a Value> {
    match given {
        Given::Any(value) => value.get(name),
        _ => None,
    }
}

pub(crate) fn show(cx: &Context, external: Option<ExternalGateway>) -> Value {
    let show = |external: ExternalGateway| {
        json!({
            "network_id": external.network,
            "enable_snat": external.enable_snat,
            "external_fixed_ips": addresses(cx, external),
        })
    };
    json!(external.map(show))
}

/// A router's addresses outside, each with the subnet that it is of.
fn addresses(cx: &Context, external: ExternalGateway) -> Vec<Value> {
    let subnets = cx.control.external_subnets(external.network);
    let subnet = |address: IpAddr| match address {
        IpAddr::V4(_) => subnets.map(|subnets| subnets.v4),
        IpAddr::V6(_) => subnets.and_then(|subnets| subnets.v6),
    };
    let one = |address| json!({"subnet_id": subnet(address), "ip_address": address});
    external.addresses.all().map(one).collect()
}

/// `None` is not said, `Some(None)` is none: `null` or `{}`.
pub(crate) fn wished(
    cx: &Context,
    values: &Values,
) -> Result<Option<Option<WishedExternal>>, ApiError> {
    let wrong = |value: &Value, what: &str| {
        let text = python::text(value);
        ApiError::attribute(EXTERNAL, format!("'{text}' {what}"))
    };
    let map = match values.any(EXTERNAL) {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(None)),
        Some(Value::Object(map)) if map.is_empty() => return Ok(Some(None)),
        Some(Value::Object(map)) => map,
        Some(other) => return Err(wrong(other, "is not a dictionary")),
    };
    let known = [
        "network_id",
        "enable_snat",
        "external_fixed_ips",
        "qos_policy_id",
    ];
    if let Some(unknown) = map.keys().find(|name| !known.contains(&name.as_str())) {
        let reason = format!("Unexpected keys supplied: {unknown}");
        return Err(ApiError::attribute(EXTERNAL, reason));
    }
    if map.get("qos_policy_id").is_some_and(|id| !id.is_null()) {
        let reason = "there are no QoS policies here: qos_policy_id has to be null";
        return Err(ApiError::attribute(EXTERNAL, reason));
    }
    let enable_snat = match map.get("enable_snat") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let flag = flag(value);
            Some(flag.ok_or_else(|| wrong(value, "cannot be converted to boolean"))?)
        }
    };
    let ips = match map.get("external_fixed_ips") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(ips)) => ips.as_slice(),
        Some(other) => return Err(wrong(other, "is not a list of external_fixed_ips")),
    };
    let network = match map.get("network_id") {
        None | Some(Value::Null) if enable_snat.is_none() && ips.is_empty() => {
            return Ok(Some(None));
        }
        None | Some(Value::Null) => {
            let reason = "enable_snat and external_fixed_ips need a network_id";
            return Err(ApiError::attribute(EXTERNAL, reason));
        }
        Some(id) => id
            .as_str()
            .and_then(ids::parse)
            .ok_or_else(|| wrong(id, "is not a valid UUID"))?,
    };
    let mut wished = WishedExternal {
        enable_snat: enable_snat.unwrap_or(true),
        ..WishedExternal::by(NetworkId::from_uuid(network))
    };
    // Of another network there are no addresses, which the use case says.
    if let Some(subnets) = cx.control.external_subnets(wished.network)
        && !ips.is_empty()
    {
        fixed_ips(subnets, ips, &mut wished)?;
    }
    Ok(Some(Some(wished)))
}

/// What is listed is had, by its address or by its subnet, one of each family at most; and an IPv4
/// address in any case.
fn fixed_ips(
    subnets: ExternalSubnets,
    ips: &[Value],
    wished: &mut WishedExternal,
) -> Result<(), ApiError> {
    wished.v6 = WishedV6::Without;
    let (mut has_v4, mut has_v6) = (false, false);
    for ip in ips {
        let (subnet, address) = fixed_ip(ip)?;
        let is_v6 = match (subnet, address) {
            (Some(id), _) if id == subnets.v4 => false,
            (Some(id), _) if Some(id) == subnets.v6 => true,
            (Some(id), _) => return Err(foreign(id, subnets)),
            (None, address) => address.is_some_and(|address| address.is_ipv6()),
        };
        if address.is_some_and(|address| address.is_ipv6() != is_v6) {
            let text = python::text(ip);
            let reason = format!("'{text}' names an address that is not of its subnet");
            return Err(ApiError::attribute(EXTERNAL, reason));
        }
        let seen = if is_v6 { &mut has_v6 } else { &mut has_v4 };
        if std::mem::replace(seen, true) {
            let reason = "a router has one IPv4 address and one IPv6 address outside at most";
            return Err(ApiError::attribute(EXTERNAL, reason));
        }
        match address {
            Some(IpAddr::V4(address)) => wished.v4 = Some(address),
            Some(IpAddr::V6(address)) => wished.v6 = WishedV6::Named(address),
            None if is_v6 => wished.v6 = WishedV6::Free,
            None => {}
        }
    }
    Ok(())
}

/// One of the list: its subnet and its address, one of which it has.
fn fixed_ip(ip: &Value) -> Result<(Option<SubnetId>, Option<IpAddr>), ApiError> {
    let wrong = |value: &Value, what: &str| {
        let text = python::text(value);
        ApiError::attribute(EXTERNAL, format!("'{text}' {what}"))
    };
    let none = || wrong(ip, "is no subnet_id, ip_address or both");
    let map = ip.as_object().ok_or_else(none)?;
    let member = |name: &str| map.get(name).filter(|value| !value.is_null());
    let known = |name: &String| matches!(name.as_str(), "subnet_id" | "ip_address");
    let (subnet, address) = (member("subnet_id"), member("ip_address"));
    if !map.keys().all(known) || (subnet.is_none() && address.is_none()) {
        return Err(none());
    }
    let subnet = subnet.map(|value| {
        let id = value.as_str().and_then(ids::parse);
        let id = id.ok_or_else(|| wrong(value, "is not a valid UUID"))?;
        Ok::<_, ApiError>(SubnetId::from_uuid(id))
    });
    let address = address.map(|value| {
        let address = value.as_str().and_then(|text| text.parse().ok());
        address.ok_or_else(|| wrong(value, "is not a valid IP address"))
    });
    Ok((subnet.transpose()?, address.transpose()?))
}

/// That a subnet is none of the network outside.
fn foreign(id: SubnetId, subnets: ExternalSubnets) -> ApiError {
    let v6 = subnets.v6.map(|v6| format!(" and {v6}"));
    let reason = format!(
        "the subnet {id} is not one of the network outside, which has {}{}",
        subnets.v4,
        v6.unwrap_or_default()
    );
    ApiError::attribute(EXTERNAL, reason)
}

/// An external network that is not there, or is none.
pub(crate) fn refused(error: Error, wished: Option<NetworkId>) -> Failure {
    let id = wished.map(|id| id.to_string()).unwrap_or_default();
    match error {
        Error::NotFound(Noun::Network) => ApiError::NetworkNotFound { id }.into(),
        Error::Invalid {
            field: "external",
            rule: Rule::Reference,
            ..
        } => {
            let reason = format!("Network {id} is not an external network.");
            ApiError::RouterRequest { reason }.into()
        }
        Error::Invalid {
            field: "address",
            message,
            ..
        } => ApiError::attribute(EXTERNAL, message).into(),
        Error::Conflict {
            rule: Rule::AddressTaken,
            message,
        } => ApiError::AddressTaken { message }.into(),
        other => other.into(),
    }
}
