//! MikroTik's RouterOS: commands of its IPsec menu.

use adit_model::connection::{DpdAction, Identity};
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeVersion, Transform,
};

use super::seen::{Seen, first, had, joined, unsaid};
use crate::problem::Problem;

const PROGRAM: &str = "RouterOS";

/// Phase 1 has no combined modes there.
const fn cipher_of_ike(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Des => "des",
        Encryption::TripleDes => "3des",
        Encryption::Aes128 => "aes-128",
        Encryption::Aes192 => "aes-192",
        Encryption::Aes256 => "aes-256",
        _ => return None,
    })
}

const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Des => "des",
        Encryption::TripleDes => "3des",
        Encryption::Aes128 => "aes-128-cbc",
        Encryption::Aes192 => "aes-192-cbc",
        Encryption::Aes256 => "aes-256-cbc",
        Encryption::Aes128Ctr => "aes-128-ctr",
        Encryption::Aes192Ctr => "aes-192-ctr",
        Encryption::Aes256Ctr => "aes-256-ctr",
        Encryption::Aes128Gcm16 => "aes-128-gcm",
        Encryption::Aes192Gcm16 => "aes-192-gcm",
        Encryption::Aes256Gcm16 => "aes-256-gcm",
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
        1 => "modp768",
        2 => "modp1024",
        5 => "modp1536",
        14 => "modp2048",
        15 => "modp3072",
        16 => "modp4096",
        17 => "modp6144",
        18 => "modp8192",
        19 => "ecp256",
        20 => "ecp384",
        21 => "ecp521",
        31 => "x25519",
        _ => return None,
    })
}

fn identity(identity: &Identity) -> Result<String, Problem> {
    Ok(match identity {
        Identity::Address(address) => format!("address:{address}"),
        Identity::Email(text) => format!("user-fqdn:{text}"),
        Identity::Name(text) => format!("fqdn:{text}"),
        Identity::KeyId(octets) => match std::str::from_utf8(octets) {
            Ok(text) => format!("key-id:{text}"),
            Err(_) => return Err(unsaid(PROGRAM, "identity")),
        },
        Identity::DistinguishedName(_) => return Err(unsaid(PROGRAM, "identity")),
    })
}

/// A text within quotation marks.
fn quoted(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\\' | '$' | '?' => format!("\\{c}"),
        other => other.to_string(),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

pub(super) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    let Seen { ike, ipsec, .. } = seen;
    if ipsec.transform != Transform::Esp {
        return Err(unsaid(PROGRAM, "AH"));
    }
    let name = seen.plain_name();
    let key = seen.text_key(PROGRAM)?;
    let mode = match ike.version {
        IkeVersion::V1 => "main",
        IkeVersion::V2 => "ike2",
    };
    let dpd = match seen.dead_peer.action {
        DpdAction::None => "disable-dpd".to_owned(),
        _ => format!("{}s", seen.dead_peer.interval_s),
    };
    let phase_1 = joined(
        had(PROGRAM, "IKE ciphers", &ike.encryption, cipher_of_ike)?,
        ",",
    );
    let groups = joined(had(PROGRAM, "groups", &ike.groups, group)?, ",");
    let phase_2 = joined(had(PROGRAM, "ESP ciphers", &ipsec.encryption, cipher)?, ",");
    let hashes: Vec<_> = ipsec
        .authentication
        .iter()
        .filter_map(|one| hash(*one))
        .collect();
    let hashes = if hashes.is_empty() {
        "null".to_owned()
    } else {
        hashes.join(",")
    };
    let pfs = match ipsec.pfs.is_empty() {
        true => "none",
        false => first(PROGRAM, "groups of forward secrecy", &ipsec.pfs, group)?,
    };
    let tunnel = match ipsec.encapsulation {
        Encapsulation::Transport => "no",
        Encapsulation::Tunnel => "yes",
    };
    let mut policies = String::new();
    for (own, other) in seen.pairs() {
        policies += &format!(
            "/ip ipsec policy add peer={name} proposal={name} tunnel={tunnel} src-address={own} dst-address={other}\n"
        );
    }
    Ok(format!(
        "# MikroTik RouterOS 7. Not run on a device. Packets to the other blocks must not be masqueraded.
/ip ipsec profile add name={name} enc-algorithm={phase_1} hash-algorithm={hash} dh-group={groups} \\
    lifetime={ike_s}s dpd-interval={dpd} nat-traversal=yes
/ip ipsec proposal add name={name} enc-algorithms={phase_2} auth-algorithms={hashes} pfs-group={pfs} \\
    lifetime={child_s}s
/ip ipsec peer add name={name} address={other} exchange-mode={mode} profile={name}
/ip ipsec identity add peer={name} auth-method=pre-shared-key secret={key} \\
    my-id={own_id} remote-id={other_id}
{policies}",
        hash = first(PROGRAM, "IKE hashes", &ike.authentication, hash)?,
        ike_s = ike.lifetime_s,
        child_s = ipsec.lifetime_s,
        other = seen.other,
        key = quoted(&key),
        own_id = identity(&seen.own_id)?,
        other_id = identity(&seen.other_id)?,
    ))
}
