//! Juniper's Junos: `set` commands of a policy-based selection by traffic selectors on a tunnel interface.

use adit_model::connection::{DpdAction, Identity};
use adit_model::policy::{Authentication, DhGroup, Encryption, IkeVersion, Transform};

use super::seen::{Seen, first, unsaid};
use crate::problem::Problem;

const PROGRAM: &str = "Junos";

const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Des => "des-cbc",
        Encryption::TripleDes => "3des-cbc",
        Encryption::Aes128 => "aes-128-cbc",
        Encryption::Aes192 => "aes-192-cbc",
        Encryption::Aes256 => "aes-256-cbc",
        Encryption::Aes128Gcm16 => "aes-128-gcm",
        Encryption::Aes192Gcm16 => "aes-192-gcm",
        Encryption::Aes256Gcm16 => "aes-256-gcm",
        _ => return None,
    })
}

/// Phase 1 has no AES-192 in GCM mode there.
const fn cipher_of_ike(encryption: Encryption) -> Option<&'static str> {
    match encryption {
        Encryption::Aes192Gcm16 => None,
        other => cipher(other),
    }
}

const fn hash(authentication: Authentication) -> Option<&'static str> {
    Some(match authentication {
        Authentication::Md5 => "md5",
        Authentication::Sha1 => "sha1",
        Authentication::Sha256 => "sha-256",
        Authentication::Sha384 => "sha-384",
        Authentication::Sha512 => "sha-512",
        _ => return None,
    })
}

const fn hash_of_esp(authentication: Authentication) -> Option<&'static str> {
    Some(match authentication {
        Authentication::Md5 => "hmac-md5-96",
        Authentication::Sha1 => "hmac-sha1-96",
        Authentication::Sha256 => "hmac-sha-256-128",
        Authentication::Sha384 => "hmac-sha-384",
        Authentication::Sha512 => "hmac-sha-512",
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
        24 => "group24",
        _ => return None,
    })
}

fn identity(identity: &Identity) -> Result<String, Problem> {
    Ok(match identity {
        Identity::Address(address) => format!("inet {address}"),
        Identity::Email(text) => format!("user-at-hostname {text}"),
        Identity::Name(text) => format!("hostname {text}"),
        Identity::KeyId(_) | Identity::DistinguishedName(_) => {
            return Err(unsaid(PROGRAM, "identity"));
        }
    })
}

fn phase_1(seen: &Seen<'_>, out: &mut Vec<String>) -> Result<(), Problem> {
    let ike = &seen.ike;
    let name = seen.plain_name();
    let (other, key) = (seen.other, seen.unquoted_key(PROGRAM)?);
    let proposal = format!("set security ike proposal {name}");
    let phase_1 = first(PROGRAM, "IKE ciphers", &ike.encryption, cipher_of_ike)?;
    out.push(format!("{proposal} authentication-method pre-shared-keys"));
    out.push(format!(
        "{proposal} dh-group {}",
        first(PROGRAM, "groups", &ike.groups, group)?
    ));
    out.push(format!("{proposal} encryption-algorithm {phase_1}"));
    if !phase_1.ends_with("gcm") {
        let hash = first(PROGRAM, "IKE hashes", &ike.authentication, hash)?;
        out.push(format!("{proposal} authentication-algorithm {hash}"));
    }
    out.push(format!(
        "{proposal} lifetime-seconds {}",
        ike.lifetime_s.clamp(180, 86_400)
    ));
    out.push(format!("set security ike policy {name} proposals {name}"));
    out.push(format!(
        "set security ike policy {name} pre-shared-key ascii-text \"{key}\""
    ));
    let gateway = format!("set security ike gateway {name}");
    let version = match ike.version {
        IkeVersion::V1 => "v1-only",
        IkeVersion::V2 => "v2-only",
    };
    out.push(format!("{gateway} ike-policy {name}"));
    out.push(format!("{gateway} address {other}"));
    out.push(format!("{gateway} external-interface OUTSIDE"));
    out.push(format!(
        "{gateway} local-identity {}",
        identity(&seen.own_id)?
    ));
    out.push(format!(
        "{gateway} remote-identity {}",
        identity(&seen.other_id)?
    ));
    out.push(format!("{gateway} version {version}"));
    if seen.dead_peer.action != DpdAction::None {
        let interval = seen.dead_peer.interval_s.clamp(2, 60);
        out.push(format!("{gateway} dead-peer-detection probe-idle-tunnel"));
        out.push(format!("{gateway} dead-peer-detection interval {interval}"));
    }
    Ok(())
}

fn phase_2(seen: &Seen<'_>, out: &mut Vec<String>) -> Result<(), Problem> {
    let ipsec = &seen.ipsec;
    let name = seen.plain_name();
    let proposal = format!("set security ipsec proposal {name}");
    let phase_2 = first(PROGRAM, "ESP ciphers", &ipsec.encryption, cipher)?;
    out.push(format!("{proposal} protocol esp"));
    out.push(format!("{proposal} encryption-algorithm {phase_2}"));
    if !phase_2.ends_with("gcm") {
        let hash = first(PROGRAM, "ESP hashes", &ipsec.authentication, hash_of_esp)?;
        out.push(format!("{proposal} authentication-algorithm {hash}"));
    }
    out.push(format!(
        "{proposal} lifetime-seconds {}",
        ipsec.lifetime_s.clamp(180, 86_400)
    ));
    out.push(format!("set security ipsec policy {name} proposals {name}"));
    if !ipsec.pfs.is_empty() {
        let group = first(PROGRAM, "groups of forward secrecy", &ipsec.pfs, group)?;
        out.push(format!(
            "set security ipsec policy {name} perfect-forward-secrecy keys {group}"
        ));
    }
    let vpn = format!("set security ipsec vpn {name}");
    out.push("set interfaces st0 unit 0 family inet".to_owned());
    out.push(format!("{vpn} bind-interface st0.0"));
    out.push(format!("{vpn} ike gateway {name}"));
    out.push(format!("{vpn} ike ipsec-policy {name}"));
    for (number, (own, other)) in seen.pairs().enumerate() {
        out.push(format!(
            "{vpn} traffic-selector ts{number} local-ip {own} remote-ip {other}"
        ));
    }
    out.push(format!("{vpn} establish-tunnels immediately"));
    Ok(())
}

pub(super) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    if seen.ipsec.transform != Transform::Esp {
        return Err(unsaid(PROGRAM, "AH with traffic selectors"));
    }
    let mut out = Vec::new();
    phase_1(seen, &mut out)?;
    phase_2(seen, &mut out)?;
    Ok(format!(
        "# Juniper Junos. Not run on a device. OUTSIDE is the interface with {}; put st0.0 into a security zone.
# What it can't have of this connection's algorithms is left out; it uses the first that both have.
{}\n",
        seen.own,
        out.join("\n")
    ))
}
