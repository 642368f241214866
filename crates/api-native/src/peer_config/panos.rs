//! Palo Alto Networks' PAN-OS: `set` commands.

use adit_model::connection::{DpdAction, Identity};
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeVersion, Transform,
};

use super::seen::{Seen, first, had, hex, joined, unsaid};
use crate::problem::Problem;

const PROGRAM: &str = "PAN-OS";

const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Des => "des",
        Encryption::TripleDes => "3des",
        Encryption::Aes128 => "aes-128-cbc",
        Encryption::Aes192 => "aes-192-cbc",
        Encryption::Aes256 => "aes-256-cbc",
        Encryption::Aes128Gcm16 => "aes-128-gcm",
        Encryption::Aes256Gcm16 => "aes-256-gcm",
        _ => return None,
    })
}

const fn hash(authentication: Authentication) -> Option<&'static str> {
    Some(match authentication {
        Authentication::Md5 => "md5",
        Authentication::Sha1 => "sha1",
        Authentication::Sha256 => "sha256",
        Authentication::Sha384 => "sha384",
        Authentication::Sha512 => "sha512",
        _ => return None,
    })
}

const fn group(group: DhGroup) -> Option<&'static str> {
    Some(match group.number() {
        1 => "group1",
        2 => "group2",
        5 => "group5",
        14 => "group14",
        15 => "group15",
        16 => "group16",
        19 => "group19",
        20 => "group20",
        21 => "group21",
        _ => return None,
    })
}

fn identity(identity: &Identity) -> Result<String, Problem> {
    Ok(match identity {
        Identity::Address(address) => format!("type ipaddr id {address}"),
        Identity::Email(text) => format!("type ufqdn id {text}"),
        Identity::Name(text) => format!("type fqdn id {text}"),
        Identity::KeyId(octets) => format!("type keyid id {}", hex(octets)),
        Identity::DistinguishedName(_) => return Err(unsaid(PROGRAM, "identity")),
    })
}

fn profiles(seen: &Seen<'_>, name: &str) -> Result<String, Problem> {
    let (ike, ipsec) = (&seen.ike, &seen.ipsec);
    if ipsec.transform != Transform::Esp || ipsec.encapsulation != Encapsulation::Tunnel {
        return Err(unsaid(PROGRAM, "phase 2 but by ESP in tunnel mode"));
    }
    let ciphers = joined(had(PROGRAM, "IKE ciphers", &ike.encryption, cipher)?, " ");
    let hashes = joined(had(PROGRAM, "IKE hashes", &ike.authentication, hash)?, " ");
    let groups = joined(had(PROGRAM, "groups", &ike.groups, group)?, " ");
    let esp = had(PROGRAM, "ESP ciphers", &ipsec.encryption, cipher)?;
    let needs_hash = ipsec.encryption.iter().any(|one| !one.is_aead());
    let hash = match needs_hash {
        true => joined(
            had(PROGRAM, "ESP hashes", &ipsec.authentication, hash)?,
            " ",
        ),
        false => "none".to_owned(),
    };
    let pfs = match ipsec.pfs.is_empty() {
        true => "no-pfs",
        false => first(PROGRAM, "groups of forward secrecy", &ipsec.pfs, group)?,
    };
    let (own, esp) = ("set network ike crypto-profiles", joined(esp, " "));
    Ok(format!(
        "{own} ike-crypto-profiles {name} encryption [ {ciphers} ]
{own} ike-crypto-profiles {name} hash [ {hashes} ]
{own} ike-crypto-profiles {name} dh-group [ {groups} ]
{own} ike-crypto-profiles {name} lifetime seconds {}
{own} ipsec-crypto-profiles {name} esp encryption [ {esp} ]
{own} ipsec-crypto-profiles {name} esp authentication [ {hash} ]
{own} ipsec-crypto-profiles {name} dh-group {pfs}
{own} ipsec-crypto-profiles {name} lifetime seconds {}
",
        ike.lifetime_s.clamp(180, 65_535),
        ipsec.lifetime_s.clamp(180, 65_535),
    ))
}

pub(super) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    // Longer names are refused there.
    let name: String = seen.plain_name().chars().take(31).collect();
    let key = seen.unquoted_key(PROGRAM)?;
    let profiles = profiles(seen, &name)?;
    let version = match seen.ike.version {
        IkeVersion::V1 => "ikev1",
        IkeVersion::V2 => "ikev2",
    };
    let own = match seen.own.is_unspecified() {
        true => String::new(),
        false => format!(" ip {}", seen.own),
    };
    let (own_id, other_id) = (identity(&seen.own_id)?, identity(&seen.other_id)?);
    let dpd = match seen.dead_peer.action {
        DpdAction::None => "enable no".to_owned(),
        _ => format!(
            "enable yes interval {}",
            seen.dead_peer.interval_s.clamp(2, 100)
        ),
    };
    let (mut proxies, mut routes) = (String::new(), String::new());
    for (number, (own, other)) in seen.pairs().enumerate() {
        proxies += &format!(
            "set network tunnel ipsec {name} auto-key proxy-id pair-{number} local {own} remote {other} protocol any\n"
        );
    }
    for (number, other) in seen.other_cidrs.iter().enumerate() {
        routes += &format!(
            "set network virtual-router default routing-table ip static-route {name}-{number} destination {other} interface tunnel.1\n"
        );
    }
    let gateway = format!("set network ike gateway {name}");
    Ok(format!(
        "# PAN-OS 10 or later, in configuration mode. Not run on a device. ethernet1/1 is the interface with {}; tunnel.1 must be
# free, and gets a zone and a security policy of yours. What it can't have of this connection's algorithms is left out.
{profiles}{gateway} authentication pre-shared-key key \"{key}\"
{gateway} protocol version {version}
{gateway} protocol {version} ike-crypto-profile {name}
{gateway} protocol {version} dpd {dpd}
{gateway} local-address interface ethernet1/1{own}
{gateway} peer-address ip {other}
{gateway} local-id {own_id}
{gateway} peer-id {other_id}
set network interface tunnel units tunnel.1
set network virtual-router default interface tunnel.1
set network tunnel ipsec {name} tunnel-interface tunnel.1
set network tunnel ipsec {name} auto-key ike-gateway {name}
set network tunnel ipsec {name} auto-key ipsec-crypto-profile {name}
{proxies}{routes}",
        seen.own,
        other = seen.other,
    ))
}
