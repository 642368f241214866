//! Protocols as rules name them, and the ports or the ICMP types that go with some.

use adit_model::security_group::{Family, protocol_number};

use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};

/// IBM's names, the model's and their numbers, as far as they have names here.
const NAMED: &[(&str, &str, u8)] = &[
    ("ah", "ah", 51),
    ("esp", "esp", 50),
    ("gre", "gre", 47),
    ("icmp", "icmp", 1),
    ("ip_in_ip", "ipip", 4),
    ("l2tp", "115", 115),
    ("rsvp", "rsvp", 46),
    ("sctp", "sctp", 132),
    ("tcp", "tcp", 6),
    ("udp", "udp", 17),
    ("vrrp", "vrrp", 112),
];

/// What numbers begin with that have no name.
const NUMBER: &str = "number_";

/// The numbers of what ports, and types, are for.
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;

/// A protocol in the model's words; `None` is any.
pub(crate) fn read(body: &Fields) -> Result<Option<String>, ApiError> {
    let name = match body.text("protocol")? {
        None | Some("all" | "any") => return Ok(None),
        Some(name) => name,
    };
    if let Some((_, word, _)) = NAMED.iter().find(|(known, ..)| *known == name) {
        return Ok(Some((*word).to_owned()));
    }
    let number = name.strip_prefix(NUMBER).map(str::parse::<u8>);
    if let Some(Ok(number)) = number {
        return Ok(Some(number.to_string()));
    }
    let named: Vec<_> = NAMED.iter().map(|(known, ..)| *known).collect();
    let named = named.join(", ");
    let what = format!("any, {named}, or number_0 to number_255: one of them, a rule for each");
    Err(body.wrong("protocol", &what))
}

/// A protocol as this client's version has it.
pub(crate) fn show(cx: &Context, protocol: Option<&str>) -> String {
    let Some(protocol) = protocol else {
        return every(cx).to_owned();
    };
    let number = protocol_number(protocol, Family::V4);
    let named = NAMED.iter().find(|(.., known)| Some(*known) == number);
    match (named, number) {
        (Some((name, ..)), _) => (*name).to_owned(),
        (None, Some(number)) => format!("{NUMBER}{number}"),
        // None is stored that has no number.
        (None, None) => protocol.to_owned(),
    }
}

/// What a rule for every protocol says.
fn every(cx: &Context) -> &'static str {
    if cx.version.has_any_protocol() {
        "any"
    } else {
        "all"
    }
}

/// What a protocol's packets are told apart by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// TCP's and UDP's ports.
    Ports,
    /// ICMP's types and codes.
    Types,
    /// Nothing.
    Whole,
}

impl Kind {
    pub(crate) fn of(protocol: Option<&str>) -> Self {
        match protocol.and_then(|name| protocol_number(name, Family::V4)) {
            Some(TCP | UDP) => Self::Ports,
            Some(ICMP) => Self::Types,
            _ => Self::Whole,
        }
    }
}

/// Refuses fields of another kind of protocol.
pub(crate) fn check_kind(body: &Fields, kind: Kind, ports: &[&str]) -> Result<(), ApiError> {
    let refuse = |names: &[&str], what: &str| {
        let given = names.iter().find(|name| body.value(name).is_some());
        given.map_or(Ok(()), |name| Err(body.wrong(name, what)))
    };
    if kind != Kind::Ports {
        refuse(ports, "left out: only tcp and udp have ports")?;
    }
    if kind != Kind::Types {
        refuse(&["type", "code"], "left out: only icmp has types and codes")?;
    }
    Ok(())
}

/// A port, if one is given.
pub(crate) fn port(body: &Fields, name: &str) -> Result<Option<u16>, ApiError> {
    within(body, name, 1, u16::MAX)
}

/// A type of ICMP, or a code, if one is given.
pub(crate) fn of_icmp(body: &Fields, name: &str) -> Result<Option<u16>, ApiError> {
    within(body, name, 0, u8::MAX.into())
}

fn within(body: &Fields, name: &str, least: u16, most: u16) -> Result<Option<u16>, ApiError> {
    let Some(number) = body.number(name)? else {
        return Ok(None);
    };
    let number = u16::try_from(number).ok();
    let number = number.filter(|number| (least..=most).contains(number));
    let what = format!("a number from {least} to {most}");
    number.map(Some).ok_or_else(|| body.wrong(name, &what))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_protocol_is_read_by_its_name_and_nothing_else_is() {
        let read = |name: &str| read(&Fields::of(&json!({"protocol": name}), "rule").unwrap());
        for (name, word) in [
            ("all", None),
            ("any", None),
            ("tcp", Some("tcp")),
            ("ip_in_ip", Some("ipip")),
            ("number_89", Some("89")),
        ] {
            assert_eq!(read(name).unwrap().as_deref(), word, "{name}");
        }
        for name in ["", "6", "number_256", "number_-1", "icmp_tcp_udp", "TCP"] {
            assert!(read(name).is_err(), "{name}");
        }
        for (_, word, number) in NAMED {
            assert_eq!(protocol_number(word, Family::V4), Some(*number));
        }
    }
}
