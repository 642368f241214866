//! Who an end is in IKE, in IBM's words. The model keeps what users write: each type of IBM's is one of
//! the types that may stand before a colon there.

use std::net::{IpAddr, Ipv4Addr};

use adit_model::connection::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};

/// The longest identity, in octets: what it comes in is no longer than 65,535, and no user's is near.
const LONGEST: usize = 253;

/// A host's name without a domain goes as a name, as one with a domain does; only this dialect tells
/// them apart.
const HOSTNAME: &str = "dns:";

/// The identity of whoever has this name.
pub(super) fn of_fqdn(name: &str) -> String {
    format!("fqdn:{name}")
}

/// Reads `{"type": .., "value": ..}`, as the model keeps it. `None` is the one with the end's own address.
pub(super) fn read(identity: &Fields, own: Option<IpAddr>) -> Result<Option<String>, ApiError> {
    identity.check_known(&["type", "value"])?;
    let (kind, value) = (identity.need_text("type")?, identity.need_text("value")?);
    let sane = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_name = (1..=LONGEST).contains(&value.len()) && value.chars().all(sane);
    match kind {
        "ipv4_address" => {
            let address: Option<Ipv4Addr> = value.parse().ok();
            let wrong = || identity.wrong("value", "an IPv4 address such as 203.0.113.7");
            let address = IpAddr::V4(address.ok_or_else(wrong)?);
            Ok((own != Some(address)).then(|| address.to_string()))
        }
        "fqdn" if is_name => Ok(Some(of_fqdn(value))),
        "hostname" if is_name => Ok(Some(format!("{HOSTNAME}{value}"))),
        "fqdn" | "hostname" => Err(identity.wrong("value", "the name of a host")),
        "key_id" => {
            let octets = BASE64.decode(value).ok();
            let octets = octets.filter(|octets| (1..=LONGEST).contains(&octets.len()));
            let wrong = || identity.wrong("value", "1 to 253 octets in base64");
            let octets = octets.ok_or_else(wrong)?;
            let digits: Vec<_> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            Ok(Some(format!("keyid:#{}", digits.concat())))
        }
        _ => Err(identity.wrong("type", "ipv4_address, fqdn, hostname or key_id")),
    }
}

/// The identity as it is shown; those of other dialects that this one has no words for are not.
pub(super) fn show(kept: Option<&str>, own: IpAddr) -> Option<Value> {
    let identity = kept.map_or(Identity::Address(own), Identity::parse);
    let (kind, value) = match identity {
        Identity::Address(IpAddr::V4(address)) => ("ipv4_address", address.to_string()),
        Identity::Name(name) if kept.is_some_and(|kept| kept.starts_with(HOSTNAME)) => {
            ("hostname", name)
        }
        Identity::Name(name) => ("fqdn", name),
        Identity::KeyId(octets) => ("key_id", BASE64.encode(octets)),
        Identity::Address(IpAddr::V6(_)) | Identity::DistinguishedName(_) | Identity::Email(_) => {
            return None;
        }
    };
    Some(json!({"type": kind, "value": value}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(kind: &str, value: &str) -> Option<Value> {
        let own: IpAddr = [203, 0, 113, 1].into();
        let fields = Fields::of(&json!({"type": kind, "value": value}), "x").unwrap();
        let kept = read(&fields, Some(own)).ok()?;
        show(kept.as_deref(), own)
    }

    #[test]
    fn each_type_is_kept_and_shown_as_it_was() {
        for (kind, value) in [
            ("ipv4_address", "203.0.113.1"),
            ("ipv4_address", "198.51.100.7"),
            ("fqdn", "vpn.example.com"),
            ("fqdn", "198.51.100.7"),
            ("hostname", "vpn-7"),
            ("key_id", "AAECaXQ="),
        ] {
            let same = json!({"type": kind, "value": value});
            assert_eq!(read_back(kind, value), Some(same));
        }
        let long = "a".repeat(254);
        for (kind, value) in [
            ("ipv4_address", "2001:db8::1"),
            ("ipv4_address", "010.0.0.1"),
            ("fqdn", ""),
            ("fqdn", "a b"),
            ("fqdn", &long),
            ("hostname", "@x"),
            ("key_id", "%"),
            ("key_id", ""),
            ("email", "a@b"),
        ] {
            assert_eq!(read_back(kind, value), None, "{kind} {value}");
        }
    }

    #[test]
    fn what_other_dialects_keep_is_shown_where_there_are_words() {
        let own: IpAddr = [203, 0, 113, 1].into();
        for (kept, kind) in [
            ("@west.example", Some("fqdn")),
            ("198.51.100.7", Some("ipv4_address")),
            ("site:1", Some("key_id")),
            ("user@west.example", None),
            ("2001:db8::1", None),
        ] {
            let shown = show(Some(kept), own);
            assert_eq!(
                shown.as_ref().map(|one| one["type"].as_str().unwrap()),
                kind,
                "{kept}"
            );
        }
    }
}
