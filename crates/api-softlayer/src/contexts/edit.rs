//! Reading what `editObject` is to change. Clients send the whole context back, with what they want otherwise: what is only
//! shown must be as it is shown.

use std::net::Ipv4Addr;

use adit_control::tunnel_context::TunnelContextChange;
use adit_model::policy::DhGroup;
use adit_model::{Name, Psk};
use serde_json::{Map, Value};

use super::parameters::{AUTHENTICATION, ENCRYPTION, GROUPS, KEYLIFE};
use crate::arguments::{flag, number, text};
use crate::fault::Fault;

/// What is to change, all of it or nothing.
pub(super) fn read(
    template: &Map<String, Value>,
    shown: &Value,
) -> Result<TunnelContextChange, Fault> {
    let mut change = TunnelContextChange::default();
    for (name, value) in template {
        // Nothing is said of it, or it hangs on the context and is changed by methods of its own.
        if value.is_null() || value.is_object() || value.is_array() {
            continue;
        }
        if shown.get(name).is_some_and(|shown| is_same(shown, value)) {
            continue;
        }
        read_one(&mut change, name, value)?;
    }
    Ok(change)
}

fn read_one(change: &mut TunnelContextChange, name: &str, value: &Value) -> Result<(), Fault> {
    match name {
        "friendlyName" => {
            let name = Name::parse(&text(name, value)?);
            let name = name.map_err(|error| Fault::invalid(format!("friendlyName: {error}.")))?;
            change.friendly_name = Some(name);
        }
        "customerPeerIpAddress" => change.peer_address = Some(peer_address(&text(name, value)?)?),
        "presharedKey" => change.psk = Some(key(&text(name, value)?)?),
        "phaseOneAuthentication" => {
            change.ike.authentication = Some(word(name, value, &AUTHENTICATION)?);
        }
        "phaseOneEncryption" => change.ike.encryption = Some(word(name, value, &ENCRYPTION)?),
        "phaseOneDiffieHellmanGroup" => {
            let group = group(name, value)?;
            let none = || Fault::invalid(format!("{name}: phase one needs a group: 1, 2 or 5."));
            change.ike_group = Some(group.ok_or_else(none)?);
        }
        "phaseOneKeylife" => change.ike.lifetime_s = Some(keylife(name, value)?),
        "phaseTwoAuthentication" => {
            change.ipsec.authentication = Some(word(name, value, &AUTHENTICATION)?);
        }
        "phaseTwoEncryption" => change.ipsec.encryption = Some(word(name, value, &ENCRYPTION)?),
        "phaseTwoDiffieHellmanGroup" => change.pfs_group = Some(group(name, value)?),
        "phaseTwoKeylife" => change.ipsec.lifetime_s = Some(keylife(name, value)?),
        "phaseTwoPerfectForwardSecrecy" => change.wants_pfs = Some(flag(name, value)?),
        // How clients say what kind of object it is.
        "complexType" => {}
        "accountId"
        | "advancedConfigurationFlag"
        | "createDate"
        | "id"
        | "internalPeerIpAddress"
        | "modifyDate"
        | "name" => {
            return Err(Fault::invalid(format!("{name} can't be changed.")));
        }
        _ => {
            return Err(Fault::invalid(format!(
                "Property '{name}' is not valid for 'SoftLayer_Network_Tunnel_Module_Context'."
            )));
        }
    }
    Ok(())
}

/// Whether a value is sent back as it was shown, of whatever type.
fn is_same(shown: &Value, value: &Value) -> bool {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    plain(shown) == plain(value)
}

fn peer_address(text: &str) -> Result<Option<Ipv4Addr>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let address = text.trim().parse::<Ipv4Addr>();
    let address =
        address.map_err(|_| Fault::invalid("customerPeerIpAddress must be an IPv4 address."))?;
    Ok(Some(address))
}

fn key(text: &str) -> Result<Psk, Fault> {
    if text.chars().any(char::is_control) {
        let said = "presharedKey can't hold control characters.";
        return Err(Fault::invalid(said));
    }
    let key = Psk::new(text.as_bytes().to_vec());
    key.map_err(|error| Fault::invalid(format!("presharedKey: {error}.")))
}

/// One of a list of words, in whatever case.
fn word<T: Copy>(name: &str, value: &Value, words: &[(&str, T)]) -> Result<T, Fault> {
    let said = text(name, value)?;
    let found = words
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(said.trim()));
    found.map(|(_, one)| *one).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        Fault::invalid(format!("{name} must be one of {}.", words.join(", ")))
    })
}

fn group(name: &str, value: &Value) -> Result<Option<DhGroup>, Fault> {
    let said = number(name, value)?;
    if !GROUPS.contains(&said) {
        return Err(Fault::invalid(format!("{name} must be one of 0, 1, 2, 5.")));
    }
    Ok(u16::try_from(said)
        .ok()
        .and_then(|group| DhGroup::try_from(group).ok()))
}

fn keylife(name: &str, value: &Value) -> Result<u32, Fault> {
    let said = number(name, value)?;
    let [least, most] = KEYLIFE;
    if (least..=most).contains(&said) {
        return Ok(said);
    }
    Err(Fault::invalid(format!(
        "{name} must be {least} to {most} seconds."
    )))
}
