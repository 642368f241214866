//! Fortinet's FortiOS: phase 1 and phase 2 interfaces.

use adit_model::Cidr;
use adit_model::connection::{DpdAction, Identity};
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeVersion, Transform,
};

use super::seen::{Seen, had, joined, unsaid};
use crate::problem::Problem;

const PROGRAM: &str = "FortiOS";

const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Des => "des",
        Encryption::TripleDes => "3des",
        Encryption::Aes128 => "aes128",
        Encryption::Aes192 => "aes192",
        Encryption::Aes256 => "aes256",
        Encryption::Aes128Gcm16 => "aes128gcm",
        Encryption::Aes256Gcm16 => "aes256gcm",
        Encryption::ChaCha20Poly1305 => "chacha20poly1305",
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
        1 => "1",
        2 => "2",
        5 => "5",
        14 => "14",
        15 => "15",
        16 => "16",
        17 => "17",
        18 => "18",
        19 => "19",
        20 => "20",
        21 => "21",
        27 => "27",
        28 => "28",
        29 => "29",
        30 => "30",
        31 => "31",
        _ => return None,
    })
}

/// Every combination that it has: `aes256-sha256`; with its own integrity `aes256gcm`, or `aes256gcm-prfsha384`.
fn proposals(
    encryption: &[Encryption],
    authentication: &[Authentication],
    is_ike: bool,
) -> Result<String, Problem> {
    let hashes: Vec<_> = authentication.iter().filter_map(|one| hash(*one)).collect();
    let mut all = Vec::new();
    for one in encryption {
        let Some(word) = cipher(*one) else { continue };
        match (one.is_aead(), is_ike) {
            (true, false) => all.push(word.to_owned()),
            (true, true) => all.extend(hashes.iter().map(|hash| format!("{word}-prf{hash}"))),
            (false, _) => all.extend(hashes.iter().map(|hash| format!("{word}-{hash}"))),
        }
    }
    if all.is_empty() {
        return Err(unsaid(PROGRAM, "algorithms"));
    }
    // A longer list is refused there.
    all.truncate(10);
    Ok(all.join(" "))
}

fn identity(identity: &Identity) -> Result<(&'static str, String), Problem> {
    Ok(match identity {
        Identity::Address(address) => ("address", address.to_string()),
        Identity::Email(text) => ("user-fqdn", text.clone()),
        Identity::Name(text) => ("fqdn", text.clone()),
        Identity::KeyId(_) | Identity::DistinguishedName(_) => {
            return Err(unsaid(PROGRAM, "identity"));
        }
    })
}

/// A block: address and mask, or prefix.
fn block(cidr: Cidr) -> String {
    match cidr.is_ipv4() {
        true => format!("subnet {cidr}"),
        false => format!("subnet6 {cidr}"),
    }
}

/// A text within quotation marks.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A phase 2 for each pair of blocks.
fn phase_2(seen: &Seen<'_>, name: &str) -> Result<String, Problem> {
    let ipsec = &seen.ipsec;
    let pfs = match ipsec.pfs.is_empty() {
        true => "        set pfs disable\n".to_owned(),
        false => {
            let groups = had(PROGRAM, "groups of forward secrecy", &ipsec.pfs, group)?;
            format!(
                "        set pfs enable\n        set dhgrp {}\n",
                joined(groups, " ")
            )
        }
    };
    let phase_2 = proposals(&ipsec.encryption, &ipsec.authentication, false)?;
    let mut parts = String::new();
    for (number, (own, other)) in seen.pairs().enumerate() {
        parts += &format!(
            "    edit \"{name}-{number}\"
        set phase1name \"{name}\"
        set proposal {phase_2}
{pfs}        set src-{}
        set dst-{}
        set keylifeseconds {}
        set auto-negotiate enable
    next\n",
            block(own),
            block(other),
            ipsec.lifetime_s.clamp(120, 172_800),
        );
    }
    Ok(parts)
}

/// What leads into the tunnel.
fn routes(seen: &Seen<'_>, name: &str) -> String {
    let mut routes = String::new();
    for other in seen.other_cidrs.iter().filter(|one| one.is_ipv4()) {
        routes += &format!(
            "    edit 0\n        set dst {other}\n        set device \"{name}\"\n    next\n"
        );
    }
    routes
}

pub(super) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    let Seen { ike, ipsec, .. } = seen;
    if ipsec.transform != Transform::Esp || ipsec.encapsulation != Encapsulation::Tunnel {
        return Err(unsaid(PROGRAM, "AH or transport mode"));
    }
    // Names of interfaces have fifteen characters there.
    let name: String = seen.plain_name().chars().take(15).collect();
    let key = seen.text_key(PROGRAM)?;
    let version = match ike.version {
        IkeVersion::V1 => 1,
        IkeVersion::V2 => 2,
    };
    let (kind, own_id) = identity(&seen.own_id)?;
    let (_, other_id) = identity(&seen.other_id)?;
    let dpd = match seen.dead_peer.action {
        DpdAction::None => "disable",
        _ => "on-idle",
    };
    let groups = joined(had(PROGRAM, "groups", &ike.groups, group)?, " ");
    let (parts, routes) = (phase_2(seen, &name)?, routes(seen, &name));
    Ok(format!(
        "# Fortinet FortiOS 7. Not run on a device. OUTSIDE is the interface with {own}; firewall policies between
# {name} and the inside are needed, too.
config vpn ipsec phase1-interface
    edit \"{name}\"
        set interface \"OUTSIDE\"
        set ike-version {version}
        set peertype any
        set net-device disable
        set proposal {phase_1}
        set dhgrp {groups}
        set keylife {lifetime}
        set localid-type {kind}
        set localid {own_id}
        set remote-gw {gateway}
        set dpd {dpd}
        set psksecret {key}
        set comments {peer}
    next
end
config vpn ipsec phase2-interface
{parts}end
config router static
{routes}end
",
        own = seen.own,
        phase_1 = proposals(&ike.encryption, &ike.authentication, true)?,
        lifetime = ike.lifetime_s.clamp(120, 172_800),
        own_id = quoted(&own_id),
        gateway = seen.other,
        key = quoted(&key),
        peer = quoted(&format!("the peer calls itself {other_id}")),
    ))
}
