//! VyOS: `set` commands of a site-to-site peer with tunnels.

use adit_model::connection::{DpdAction, Identity};
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeVersion, Transform,
};

use super::seen::{Seen, had, hex, unsaid};
use crate::problem::Problem;

const PROGRAM: &str = "VyOS";

const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::TripleDes => "3des",
        Encryption::Aes128 => "aes128",
        Encryption::Aes192 => "aes192",
        Encryption::Aes256 => "aes256",
        Encryption::Aes128Gcm16 => "aes128gcm128",
        Encryption::Aes192Gcm16 => "aes192gcm128",
        Encryption::Aes256Gcm16 => "aes256gcm128",
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
        Authentication::AesXcbc => "aesxcbc",
        Authentication::AesCmac => "aescmac",
    })
}

/// Groups have the registry's numbers there.
const fn has_group(group: DhGroup) -> bool {
    matches!(group.number(), 2 | 5 | 14..=32)
}

fn identity(identity: &Identity) -> String {
    match identity {
        Identity::Address(address) => address.to_string(),
        Identity::DistinguishedName(octets) => format!("asn1dn:#{}", hex(octets)),
        Identity::Email(text) => format!("email:{text}"),
        Identity::KeyId(octets) => format!("keyid:#{}", hex(octets)),
        Identity::Name(text) => format!("fqdn:{text}"),
    }
}

/// A text within quotation marks.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn phase_1(seen: &Seen<'_>, out: &mut Vec<String>) -> Result<(), Problem> {
    let ike = &seen.ike;
    let name = seen.plain_name();
    let groups: Vec<_> = ike.groups.iter().filter(|one| has_group(**one)).collect();
    if groups.is_empty() {
        return Err(unsaid(PROGRAM, "groups"));
    }
    let group = format!("set vpn ipsec ike-group {name}");
    let version = match ike.version {
        IkeVersion::V1 => "ikev1",
        IkeVersion::V2 => "ikev2",
    };
    let ciphers = had(PROGRAM, "IKE ciphers", &ike.encryption, cipher)?;
    let hashes = had(PROGRAM, "IKE hashes", &ike.authentication, hash)?;
    out.push(format!("{group} key-exchange {version}"));
    out.push(format!(
        "{group} lifetime {}",
        ike.lifetime_s.clamp(30, 86_400)
    ));
    if seen.dead_peer.action != DpdAction::None {
        let (interval, timeout) = (seen.dead_peer.interval_s, seen.dead_peer.timeout_s);
        out.push(format!("{group} dead-peer-detection action restart"));
        out.push(format!("{group} dead-peer-detection interval {interval}"));
        out.push(format!("{group} dead-peer-detection timeout {timeout}"));
    }
    let all = ciphers
        .iter()
        .flat_map(|cipher| hashes.iter().map(move |hash| (cipher, hash)));
    let all = all.flat_map(|(cipher, hash)| groups.iter().map(move |dh| (cipher, hash, dh)));
    // Proposals have numbers, and there are many combinations: the best of them.
    for (number, (cipher, hash, dh)) in (1..=10).zip(all) {
        out.push(format!("{group} proposal {number} encryption {cipher}"));
        out.push(format!("{group} proposal {number} hash {hash}"));
        out.push(format!(
            "{group} proposal {number} dh-group {}",
            dh.number()
        ));
    }
    Ok(())
}

fn phase_2(seen: &Seen<'_>, out: &mut Vec<String>) -> Result<(), Problem> {
    let ipsec = &seen.ipsec;
    let name = seen.plain_name();
    let group = format!("set vpn ipsec esp-group {name}");
    let mode = match ipsec.encapsulation {
        Encapsulation::Transport => "transport",
        Encapsulation::Tunnel => "tunnel",
    };
    let pfs = ipsec.pfs.iter().find(|one| has_group(**one));
    let pfs = pfs.map_or_else(
        || "disable".to_owned(),
        |one| format!("dh-group{}", one.number()),
    );
    out.push(format!(
        "{group} lifetime {}",
        ipsec.lifetime_s.clamp(30, 86_400)
    ));
    out.push(format!("{group} mode {mode}"));
    out.push(format!("{group} pfs {pfs}"));
    let ciphers = had(PROGRAM, "ESP ciphers", &ipsec.encryption, cipher)?;
    let hashes: Vec<_> = ipsec
        .authentication
        .iter()
        .filter_map(|one| hash(*one))
        .collect();
    let hashes = if hashes.is_empty() {
        vec!["sha256"]
    } else {
        hashes
    };
    let all = ciphers
        .iter()
        .flat_map(|cipher| hashes.iter().map(move |hash| (cipher, hash)));
    for (number, (cipher, hash)) in (1..=10).zip(all) {
        out.push(format!("{group} proposal {number} encryption {cipher}"));
        out.push(format!("{group} proposal {number} hash {hash}"));
    }
    Ok(())
}

fn peer(seen: &Seen<'_>, out: &mut Vec<String>) -> Result<(), Problem> {
    let name = seen.plain_name();
    let key = seen.text_key(PROGRAM)?;
    let (own_id, other_id) = (identity(&seen.own_id), identity(&seen.other_id));
    let psk = format!("set vpn ipsec authentication psk {name}");
    out.push(format!("{psk} id {}", quoted(&own_id)));
    out.push(format!("{psk} id {}", quoted(&other_id)));
    out.push(format!("{psk} secret {}", quoted(&key)));
    let peer = format!("set vpn ipsec site-to-site peer {name}");
    out.push(format!("{peer} authentication mode pre-shared-secret"));
    out.push(format!(
        "{peer} authentication local-id {}",
        quoted(&own_id)
    ));
    out.push(format!(
        "{peer} authentication remote-id {}",
        quoted(&other_id)
    ));
    out.push(format!("{peer} connection-type initiate"));
    out.push(format!("{peer} default-esp-group {name}"));
    out.push(format!("{peer} ike-group {name}"));
    out.push(format!("{peer} local-address {}", seen.own));
    out.push(format!("{peer} remote-address {}", seen.other));
    for (number, (own, other)) in seen.pairs().enumerate() {
        out.push(format!("{peer} tunnel {number} local prefix {own}"));
        out.push(format!("{peer} tunnel {number} remote prefix {other}"));
    }
    Ok(())
}

pub(super) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    if seen.ipsec.transform != Transform::Esp {
        return Err(unsaid(PROGRAM, "AH"));
    }
    let mut out = Vec::new();
    phase_1(seen, &mut out)?;
    phase_2(seen, &mut out)?;
    peer(seen, &mut out)?;
    Ok(format!(
        "# VyOS 1.4. Not run on a device.\n{}\n",
        out.join("\n")
    ))
}
