//! Cisco IOS-XE's commands, for a crypto map, which carries what its access list says.

use adit_model::Cidr;
use adit_model::connection::{DpdAction, Identity};
use adit_model::policy::{Authentication, Encapsulation, Encryption, IkeVersion};

use super::seen::{Seen, had, joined, unsaid};
use crate::problem::Problem;

const PROGRAM: &str = "Cisco IOS-XE";

/// A cipher of phase 1 by IKEv2, as the commands have it.
const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Des => "des",
        Encryption::TripleDes => "3des",
        Encryption::Aes128 => "aes-cbc-128",
        Encryption::Aes192 => "aes-cbc-192",
        Encryption::Aes256 => "aes-cbc-256",
        Encryption::Aes128Gcm16 => "aes-gcm-128",
        Encryption::Aes256Gcm16 => "aes-gcm-256",
        _ => return None,
    })
}

/// A cipher of phase 1 by IKEv1.
const fn cipher_v1(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Des => "des",
        Encryption::TripleDes => "3des",
        Encryption::Aes128 => "aes 128",
        Encryption::Aes192 => "aes 192",
        Encryption::Aes256 => "aes 256",
        _ => return None,
    })
}

/// A cipher of phase 2.
const fn transform(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::Des => "esp-des",
        Encryption::TripleDes => "esp-3des",
        Encryption::Aes128 => "esp-aes",
        Encryption::Aes192 => "esp-aes 192",
        Encryption::Aes256 => "esp-aes 256",
        Encryption::Aes128Gcm16 => "esp-gcm 128",
        Encryption::Aes192Gcm16 => "esp-gcm 192",
        Encryption::Aes256Gcm16 => "esp-gcm 256",
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

const fn hash_of_transform(authentication: Authentication) -> Option<&'static str> {
    Some(match authentication {
        Authentication::Md5 => "esp-md5-hmac",
        Authentication::Sha1 => "esp-sha-hmac",
        Authentication::Sha256 => "esp-sha256-hmac",
        Authentication::Sha384 => "esp-sha384-hmac",
        Authentication::Sha512 => "esp-sha512-hmac",
        _ => return None,
    })
}

const fn has_group(number: u16) -> bool {
    matches!(number, 1 | 2 | 5 | 14..=16 | 19..=21 | 24)
}

fn identity(identity: &Identity) -> Result<String, Problem> {
    Ok(match identity {
        Identity::Address(address) => format!("address {address}"),
        Identity::Email(text) => format!("email {text}"),
        Identity::Name(text) => format!("fqdn {text}"),
        Identity::KeyId(_) | Identity::DistinguishedName(_) => {
            return Err(unsaid(PROGRAM, "identity"));
        }
    })
}

/// A block as access lists have it: its address, and what may differ.
fn wildcard(cidr: Cidr) -> Result<String, Problem> {
    let (std::net::IpAddr::V4(first), std::net::IpAddr::V4(last)) = (cidr.first(), cidr.last())
    else {
        return Err(unsaid(PROGRAM, "IPv6"));
    };
    let differs = std::net::Ipv4Addr::from_bits(first.to_bits() ^ last.to_bits());
    Ok(format!("{first} {differs}"))
}

fn phase_1_v2(seen: &Seen<'_>, name: &str, groups: &str) -> Result<String, Problem> {
    let ike = &seen.ike;
    let ciphers = had(PROGRAM, "IKE ciphers", &ike.encryption, cipher)?;
    // Ciphers with integrity of their own stand in a proposal of their own, with a PRF.
    let is_aead = ciphers.first().is_some_and(|first| first.contains("gcm"));
    let alike = ciphers.iter().filter(|one| one.contains("gcm") == is_aead);
    let encryption = joined(alike, " ");
    let hashes = joined(had(PROGRAM, "IKE hashes", &ike.authentication, hash)?, " ");
    let integrity = if is_aead { "prf" } else { "integrity" };
    let (own_id, other_id) = (identity(&seen.own_id)?, identity(&seen.other_id)?);
    let (other, key) = (seen.other, seen.unquoted_key(PROGRAM)?);
    let dpd = match seen.dead_peer.action {
        DpdAction::None => String::new(),
        _ => format!(" dpd {} 5 periodic\n", seen.dead_peer.interval_s.max(10)),
    };
    Ok(format!(
        "crypto ikev2 proposal {name}
 encryption {encryption}
 {integrity} {hashes}
 group {groups}
crypto ikev2 policy {name}
 proposal {name}
crypto ikev2 keyring {name}
 peer {name}
  address {other}
  pre-shared-key {key}
crypto ikev2 profile {name}
 match identity remote {other_id}{host}
 identity local {own_id}
 authentication remote pre-share
 authentication local pre-share
 keyring local {name}
 lifetime {}
{dpd}",
        ike.lifetime_s.clamp(120, 86_400),
        host = if other_id.starts_with("address") {
            " 255.255.255.255"
        } else {
            ""
        },
    ))
}

fn phase_1_v1(seen: &Seen<'_>, groups: &[u16]) -> Result<String, Problem> {
    let ike = &seen.ike;
    let ciphers = had(PROGRAM, "IKE ciphers", &ike.encryption, cipher_v1)?;
    let hashes = had(PROGRAM, "IKE hashes", &ike.authentication, hash)?;
    let (other, key) = (seen.other, seen.unquoted_key(PROGRAM)?);
    let hash = match hashes.first().copied() {
        Some("sha1") | None => "sha",
        Some(other) => other,
    };
    let cipher = ciphers.first().copied().unwrap_or_default();
    let group = groups.first().copied().unwrap_or_default();
    let dpd = match seen.dead_peer.action {
        DpdAction::None => String::new(),
        _ => format!(
            "crypto isakmp keepalive {} 5 periodic\n",
            seen.dead_peer.interval_s.max(10)
        ),
    };
    Ok(format!(
        "crypto isakmp policy 10
 encryption {cipher}
 hash {hash}
 authentication pre-share
 group {group}
 lifetime {}
crypto isakmp key {key} address {other}
{dpd}",
        ike.lifetime_s.clamp(60, 86_400)
    ))
}

pub(super) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    let name = seen.plain_name();
    let groups: Vec<_> = seen.ike.groups.iter().map(|one| one.number()).collect();
    let groups: Vec<_> = groups.into_iter().filter(|one| has_group(*one)).collect();
    if groups.is_empty() {
        return Err(unsaid(PROGRAM, "groups"));
    }
    let is_v2 = seen.ike.version == IkeVersion::V2;
    let phase_1 = match is_v2 {
        true => phase_1_v2(seen, &name, &joined(&groups, " "))?,
        false => phase_1_v1(seen, &groups)?,
    };
    let ciphers = had(PROGRAM, "ESP ciphers", &seen.ipsec.encryption, transform)?;
    let cipher = ciphers.first().copied().unwrap_or_default();
    let hash = match cipher.starts_with("esp-gcm") {
        true => String::new(),
        false => {
            let hashes = had(
                PROGRAM,
                "ESP hashes",
                &seen.ipsec.authentication,
                hash_of_transform,
            )?;
            format!(" {}", hashes.first().copied().unwrap_or_default())
        }
    };
    let mode = match seen.ipsec.encapsulation {
        Encapsulation::Transport => "transport",
        Encapsulation::Tunnel => "tunnel",
    };
    let pfs = seen.ipsec.pfs.iter().find(|one| has_group(one.number()));
    let pfs = pfs.map_or_else(String::new, |one| {
        format!(" set pfs group{}\n", one.number())
    });
    let profile = if is_v2 {
        format!(" set ikev2-profile {name}\n")
    } else {
        String::new()
    };
    let mut list = String::new();
    for (own, other) in seen.pairs() {
        list += &format!(" permit ip {} {}\n", wildcard(own)?, wildcard(other)?);
    }
    let (other, lifetime) = (seen.other, seen.ipsec.lifetime_s);
    Ok(format!(
        "! Cisco IOS-XE 16 or later. Not run on a device. OUTSIDE is the interface with {own}.
! What it can't have of this connection's algorithms is left out; it uses the first that both have.
{phase_1}crypto ipsec transform-set {name} {cipher}{hash}
 mode {mode}
ip access-list extended {name}
{list}crypto map {name} 10 ipsec-isakmp
 set peer {other}
 set transform-set {name}
 set security-association lifetime seconds {lifetime}
{pfs}{profile} match address {name}
interface OUTSIDE
 crypto map {name}
",
        own = seen.own,
    ))
}
