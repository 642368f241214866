//! Cisco ASA's commands, for a crypto map.

use std::net::IpAddr;

use adit_model::Cidr;
use adit_model::connection::{DpdAction, Identity};
use adit_model::policy::{Authentication, Encapsulation, Encryption, IkeVersion, Transform};

use super::seen::{Seen, first, joined, unsaid};
use crate::problem::Problem;

const PROGRAM: &str = "Cisco ASA";

const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Des => "des",
        Encryption::TripleDes => "3des",
        Encryption::Aes128 => "aes",
        Encryption::Aes192 => "aes-192",
        Encryption::Aes256 => "aes-256",
        Encryption::Aes128Gcm16 => "aes-gcm",
        Encryption::Aes192Gcm16 => "aes-gcm-192",
        Encryption::Aes256Gcm16 => "aes-gcm-256",
        _ => return None,
    })
}

/// By IKEv1 it has no ciphers with integrity of their own.
const fn cipher_v1(encryption: Encryption) -> Option<&'static str> {
    match encryption.is_aead() {
        true => None,
        false => cipher(encryption),
    }
}

const fn hash(authentication: Authentication) -> Option<&'static str> {
    Some(match authentication {
        Authentication::Md5 => "md5",
        Authentication::Sha1 => "sha",
        Authentication::Sha256 => "sha256",
        Authentication::Sha384 => "sha384",
        Authentication::Sha512 => "sha512",
        _ => return None,
    })
}

/// What it has of phase 2, and in IKEv1 of either.
const fn hash_v1(authentication: Authentication) -> Option<&'static str> {
    match authentication {
        Authentication::Md5 => Some("md5"),
        Authentication::Sha1 => Some("sha"),
        _ => None,
    }
}

const fn hash_of_proposal(authentication: Authentication) -> Option<&'static str> {
    Some(match authentication {
        Authentication::Md5 => "md5",
        Authentication::Sha1 => "sha-1",
        Authentication::Sha256 => "sha-256",
        Authentication::Sha384 => "sha-384",
        Authentication::Sha512 => "sha-512",
        _ => return None,
    })
}

const fn has_group(number: u16, version: IkeVersion) -> bool {
    match version {
        IkeVersion::V1 => matches!(number, 1 | 2 | 5 | 14),
        IkeVersion::V2 => matches!(number, 1 | 2 | 5 | 14..=16 | 19..=21 | 24 | 31),
    }
}

/// A block as its access lists have it: an address and a mask.
fn masked(cidr: Cidr) -> Result<String, Problem> {
    let (IpAddr::V4(first), IpAddr::V4(last)) = (cidr.first(), cidr.last()) else {
        return Err(unsaid(PROGRAM, "IPv6"));
    };
    let mask = std::net::Ipv4Addr::from_bits(!(first.to_bits() ^ last.to_bits()));
    Ok(format!("{first} {mask}"))
}

fn phase_1(seen: &Seen<'_>, groups: &[u16]) -> Result<String, Problem> {
    let ike = &seen.ike;
    let lifetime = ike.lifetime_s.clamp(120, 86_400);
    if ike.version == IkeVersion::V1 {
        let cipher = first(PROGRAM, "IKE ciphers", &ike.encryption, cipher_v1)?;
        let hash = first(PROGRAM, "IKE hashes", &ike.authentication, hash_v1)?;
        let group = groups.first().copied().unwrap_or_default();
        return Ok(format!(
            "crypto ikev1 policy 10
 authentication pre-share
 encryption {cipher}
 hash {hash}
 group {group}
 lifetime {lifetime}
crypto ikev1 enable outside
"
        ));
    }
    let cipher = first(PROGRAM, "IKE ciphers", &ike.encryption, cipher)?;
    let hash = first(PROGRAM, "IKE hashes", &ike.authentication, hash)?;
    let integrity = if cipher.contains("gcm") { "null" } else { hash };
    let groups = joined(groups, " ");
    Ok(format!(
        "crypto ikev2 policy 10
 encryption {cipher}
 integrity {integrity}
 group {groups}
 prf {hash}
 lifetime seconds {lifetime}
crypto ikev2 enable outside
"
    ))
}

fn phase_2(seen: &Seen<'_>, name: &str) -> Result<(String, String), Problem> {
    let ipsec = &seen.ipsec;
    if ipsec.transform != Transform::Esp || ipsec.encapsulation != Encapsulation::Tunnel {
        return Err(unsaid(PROGRAM, "phase 2 but by ESP in tunnel mode"));
    }
    if seen.ike.version == IkeVersion::V1 {
        let cipher = first(PROGRAM, "ESP ciphers", &ipsec.encryption, cipher_v1)?;
        let hash = first(PROGRAM, "ESP hashes", &ipsec.authentication, hash_v1)?;
        let made =
            format!("crypto ipsec ikev1 transform-set {name} esp-{cipher} esp-{hash}-hmac\n");
        return Ok((made, format!("ikev1 transform-set {name}")));
    }
    let cipher = first(PROGRAM, "ESP ciphers", &ipsec.encryption, cipher)?;
    let hash = match cipher.contains("gcm") {
        true => "null",
        false => first(
            PROGRAM,
            "ESP hashes",
            &ipsec.authentication,
            hash_of_proposal,
        )?,
    };
    let made = format!(
        "crypto ipsec ikev2 ipsec-proposal {name}
 protocol esp encryption {cipher}
 protocol esp integrity {hash}
"
    );
    Ok((made, format!("ikev2 ipsec-proposal {name}")))
}

pub(super) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    let name = seen.plain_name();
    let version = seen.ike.version;
    // It calls itself by its address, and knows a peer with a pre-shared key by that.
    for identity in [&seen.own_id, &seen.other_id] {
        let Identity::Address(_) = identity else {
            return Err(unsaid(PROGRAM, "identity"));
        };
    }
    let key = seen.unquoted_key(PROGRAM)?;
    if key.contains([' ', '?']) {
        return Err(unsaid(PROGRAM, "pre-shared key"));
    }
    let has = |one: &u16| has_group(*one, version);
    let groups: Vec<_> = seen.ike.groups.iter().map(|one| one.number()).collect();
    let groups: Vec<_> = groups.into_iter().filter(has).collect();
    if groups.is_empty() {
        return Err(unsaid(PROGRAM, "groups"));
    }
    let phase_1 = phase_1(seen, &groups)?;
    let (phase_2, set) = phase_2(seen, &name)?;
    let mut list = String::new();
    for (own, other) in seen.pairs() {
        let (own, other) = (masked(own)?, masked(other)?);
        list += &format!("access-list {name} extended permit ip {own} {other}\n");
    }
    let mut pfs = seen.ipsec.pfs.iter().map(|one| one.number());
    let pfs = pfs.find(has).map_or_else(String::new, |group| {
        format!("crypto map outside-map 10 set pfs group{group}\n")
    });
    let keys = match version {
        IkeVersion::V1 => format!(" ikev1 pre-shared-key {key}\n"),
        IkeVersion::V2 => format!(
            " ikev2 remote-authentication pre-shared-key {key}\n ikev2 local-authentication pre-shared-key {key}\n"
        ),
    };
    let keepalive = match seen.dead_peer.action {
        DpdAction::None => " isakmp keepalive disable\n".to_owned(),
        _ => format!(
            " isakmp keepalive threshold {} retry 5\n",
            seen.dead_peer.interval_s.clamp(10, 3600)
        ),
    };
    let (other, lifetime) = (seen.other, seen.ipsec.lifetime_s.clamp(120, 214_783_647));
    Ok(format!(
        "! Cisco ASA 9.8 or later. Not run on a device. outside is the interface with {own}.
! What it can't have of this connection's algorithms is left out; it uses the first that both have.
{phase_1}tunnel-group {other} type ipsec-l2l
tunnel-group {other} ipsec-attributes
{keys}{keepalive}{phase_2}{list}crypto map outside-map 10 match address {name}
crypto map outside-map 10 set peer {other}
crypto map outside-map 10 set {set}
crypto map outside-map 10 set security-association lifetime seconds {lifetime}
{pfs}crypto map outside-map interface outside
",
        own = seen.own,
    ))
}
