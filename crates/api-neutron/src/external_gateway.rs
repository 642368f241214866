//! A router's way outside: `external_gateway_info`.

use std::net::IpAddr;

use adit_control::router::{WishedExternal, WishedV6};
use adit_control::{Error, Noun, Rule};
use adit_model::router::ExternalGateway;
use adit_model::{NetworkId, SubnetId};
use serde_json::{Value, json};

use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::kind::{Given, flag, parse_uuid};
use crate::privilege::{Privilege, Reserved, names_address};
use crate::python;
use crate::refusal::Failure;

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
    let network = match map.get("network_id") {
        None | Some(Value::Null) => return Ok(Some(None)),
        Some(id) => id
            .as_str()
            .and_then(parse_uuid)
            .ok_or_else(|| wrong(id, "is not a valid UUID"))?,
    };
    let enable_snat = match map.get("enable_snat") {
        None | Some(Value::Null) => true,
        Some(value) => flag(value).ok_or_else(|| wrong(value, "cannot be converted to boolean"))?,
    };
    let mut wished = WishedExternal {
        enable_snat,
        ..WishedExternal::by(NetworkId::from_uuid(network))
    };
    let ips = map.get("external_fixed_ips").and_then(Value::as_array);
    if let Some(ips) = ips.filter(|ips| !ips.is_empty()) {
        fixed_ips(cx, ips, &mut wished)?;
    }
    Ok(Some(Some(wished)))
}

/// What is listed is had, by its address or by its subnet; and an IPv4 address in any case.
fn fixed_ips(cx: &Context, ips: &[Value], wished: &mut WishedExternal) -> Result<(), ApiError> {
    let subnets = cx.control.external_subnets(wished.network);
    let v6 = subnets.and_then(|subnets| subnets.v6).map(SubnetId::uuid);
    wished.v6 = WishedV6::Without;
    for ip in ips {
        let of = ip.get("subnet_id").and_then(Value::as_str);
        let of_v6 = v6.is_some() && of.and_then(parse_uuid) == v6;
        match ip.get("ip_address") {
            None | Some(Value::Null) if of_v6 && wished.v6 == WishedV6::Without => {
                wished.v6 = WishedV6::Free;
            }
            None | Some(Value::Null) => {}
            Some(value) => match value.as_str().and_then(|text| text.parse().ok()) {
                Some(IpAddr::V4(address)) => wished.v4 = wished.v4.or(Some(address)),
                Some(IpAddr::V6(address)) => wished.v6 = WishedV6::Named(address),
                None => {
                    let text = python::text(value);
                    let reason = format!("'{text}' is not a valid IP address");
                    return Err(ApiError::attribute(EXTERNAL, reason));
                }
            },
        }
    }
    Ok(())
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
