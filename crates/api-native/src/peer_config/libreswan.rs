//! libreswan's `ipsec.conf` and `ipsec.secrets`. The words are those that Debian's `algparse` of libreswan 4.10 takes.

use adit_model::connection::{DpdAction, Identity};
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeParameters, IkeVersion, IpsecParameters,
    Transform,
};

use super::seen::{Seen, had, hex, joined, unsaid};
use crate::problem::Problem;

const PROGRAM: &str = "libreswan";

/// A cipher as libreswan calls it. An ICV's length is a letter there: of 8, 12 and 16 octets.
const fn cipher(encryption: Encryption) -> Option<&'static str> {
    Some(match encryption {
        Encryption::TripleDes => "3des",
        Encryption::Aes128 => "aes128",
        Encryption::Aes192 => "aes192",
        Encryption::Aes256 => "aes256",
        Encryption::Aes128Ctr => "aes_ctr128",
        Encryption::Aes192Ctr => "aes_ctr192",
        Encryption::Aes256Ctr => "aes_ctr256",
        Encryption::Aes128Ccm8 => "aes_ccm_a128",
        Encryption::Aes192Ccm8 => "aes_ccm_a192",
        Encryption::Aes256Ccm8 => "aes_ccm_a256",
        Encryption::Aes128Ccm12 => "aes_ccm_b128",
        Encryption::Aes192Ccm12 => "aes_ccm_b192",
        Encryption::Aes256Ccm12 => "aes_ccm_b256",
        Encryption::Aes128Ccm16 => "aes_ccm_c128",
        Encryption::Aes192Ccm16 => "aes_ccm_c192",
        Encryption::Aes256Ccm16 => "aes_ccm_c256",
        Encryption::Aes128Gcm8 => "aes_gcm_a128",
        Encryption::Aes192Gcm8 => "aes_gcm_a192",
        Encryption::Aes256Gcm8 => "aes_gcm_a256",
        Encryption::Aes128Gcm12 => "aes_gcm_b128",
        Encryption::Aes192Gcm12 => "aes_gcm_b192",
        Encryption::Aes256Gcm12 => "aes_gcm_b256",
        Encryption::Aes128Gcm16 => "aes_gcm_c128",
        Encryption::Aes192Gcm16 => "aes_gcm_c192",
        Encryption::Aes256Gcm16 => "aes_gcm_c256",
        Encryption::ChaCha20Poly1305 => "chacha20_poly1305",
        Encryption::Des => return None,
    })
}

/// Phase 1 has no CCM there.
fn cipher_of_ike(encryption: Encryption) -> Option<&'static str> {
    cipher(encryption).filter(|word| !word.contains("ccm"))
}

const fn hash(authentication: Authentication) -> Option<&'static str> {
    Some(match authentication {
        Authentication::Md5 => "md5",
        Authentication::Sha1 => "sha1",
        Authentication::Sha256 => "sha2_256",
        Authentication::Sha384 => "sha2_384",
        Authentication::Sha512 => "sha2_512",
        Authentication::AesXcbc => "aes_xcbc",
        Authentication::AesCmac => "aes_cmac",
    })
}

fn hash_of_ike(authentication: Authentication) -> Option<&'static str> {
    hash(authentication).filter(|word| *word != "aes_cmac")
}

const fn group(group: DhGroup) -> Option<&'static str> {
    Some(match group.number() {
        5 => "dh5",
        14 => "dh14",
        15 => "dh15",
        16 => "dh16",
        17 => "dh17",
        18 => "dh18",
        19 => "dh19",
        20 => "dh20",
        21 => "dh21",
        31 => "dh31",
        _ => return None,
    })
}

/// Alternatives of one part, as one version or the other has them: IKEv1's parser knows no `+`.
fn alternatives(version: IkeVersion, words: &[&'static str]) -> Vec<String> {
    match version {
        IkeVersion::V1 => words.iter().map(|word| (*word).to_owned()).collect(),
        IkeVersion::V2 => vec![words.join("+")],
    }
}

/// Every way of one of each part, best first.
fn combined(parts: &[Vec<String>]) -> String {
    let mut all = vec![String::new()];
    for part in parts.iter().filter(|part| !part.is_empty()) {
        let next = all.iter().flat_map(|begin| {
            part.iter().map(move |word| match begin.is_empty() {
                true => word.clone(),
                false => format!("{begin}-{word}"),
            })
        });
        all = next.collect();
    }
    all.join(",")
}

fn phase_1(ike: &IkeParameters) -> Result<String, Problem> {
    let ciphers = had(PROGRAM, "IKE ciphers", &ike.encryption, cipher_of_ike)?;
    let hashes = had(PROGRAM, "IKE hashes", &ike.authentication, hash_of_ike)?;
    let groups = had(PROGRAM, "groups", &ike.groups, group)?;
    Ok(combined(&[
        ciphers.iter().map(|word| (*word).to_owned()).collect(),
        alternatives(ike.version, &hashes),
        alternatives(ike.version, &groups),
    ]))
}

/// What has integrity of its own has "none" besides.
fn phase_2(version: IkeVersion, ipsec: &IpsecParameters) -> Result<String, Problem> {
    let hashes: Vec<_> = ipsec
        .authentication
        .iter()
        .filter_map(|one| hash(*one))
        .collect();
    if ipsec.transform == Transform::Ah {
        return Ok(combined(&[alternatives(version, &hashes)]));
    }
    let groups = match ipsec.pfs.is_empty() {
        true => Vec::new(),
        false => had(PROGRAM, "groups of forward secrecy", &ipsec.pfs, group)?,
    };
    // A quick mode has one group.
    let groups = match version {
        IkeVersion::V1 => groups.get(..1).unwrap_or_default(),
        IkeVersion::V2 => &groups,
    };
    let groups = match groups {
        [] => Vec::new(),
        some => alternatives(version, some),
    };
    let mut all = Vec::new();
    for one in &ipsec.encryption {
        let Some(word) = cipher(*one) else { continue };
        let hashes = match one.is_aead() {
            true => vec!["none".to_owned()],
            false => alternatives(version, &hashes),
        };
        all.push(combined(&[vec![word.to_owned()], hashes, groups.clone()]));
    }
    if all.is_empty() {
        return Err(unsaid(PROGRAM, "ESP ciphers"));
    }
    Ok(all.join(","))
}

fn identity(identity: &Identity) -> Result<String, Problem> {
    Ok(match identity {
        Identity::Address(address) => address.to_string(),
        Identity::DistinguishedName(_) => {
            // It takes one in words, and this one is known by its octets.
            return Err(unsaid(PROGRAM, "identity"));
        }
        Identity::Email(text) => text.clone(),
        Identity::KeyId(octets) => format!("@#{}", hex(octets)),
        Identity::Name(text) => format!("@{text}"),
    })
}

pub(super) fn write(seen: &Seen<'_>) -> Result<String, Problem> {
    let Seen { ike, ipsec, .. } = seen;
    let name = seen.plain_name();
    let version = match ike.version {
        IkeVersion::V1 => "no",
        IkeVersion::V2 => "insist",
    };
    let own = match seen.own.is_unspecified() {
        true => "%defaultroute".to_owned(),
        false => seen.own.to_string(),
    };
    let (own_id, other_id) = (identity(&seen.own_id)?, identity(&seen.other_id)?);
    let (phase_1, phase_2) = (phase_1(ike)?, phase_2(ike.version, ipsec)?);
    let kind = match ipsec.transform {
        Transform::Ah => "ah",
        Transform::Esp | Transform::AhEsp => "esp",
    };
    let pfs = if ipsec.pfs.is_empty() { "no" } else { "yes" };
    let mode = match ipsec.encapsulation {
        Encapsulation::Transport => "transport",
        Encapsulation::Tunnel => "tunnel",
    };
    let dpd = match seen.dead_peer.action {
        DpdAction::None => String::new(),
        _ => {
            let (delay, timeout) = (seen.dead_peer.interval_s, seen.dead_peer.timeout_s);
            format!("    dpddelay={delay}\n    dpdtimeout={timeout}\n    dpdaction=restart\n")
        }
    };
    let blocks = |list: &[adit_model::Cidr]| joined(list, ",");
    let (own_blocks, other_blocks) = (blocks(seen.own_cidrs), blocks(seen.other_cidrs));
    let secret = seen.quoted_or_hex_key();
    let (other, ike_s, child_s) = (seen.other, ike.lifetime_s, ipsec.lifetime_s);
    Ok(format!(
        "# libreswan 4 (not run there yet): /etc/ipsec.d/{name}.conf, then ipsec auto --add {name}
conn {name}
    authby=secret
    ikev2={version}
    left={own}
    leftid={own_id}
    leftsubnets={{{own_blocks}}}
    right={other}
    rightid={other_id}
    rightsubnets={{{other_blocks}}}
    ike={phase_1}
    phase2={kind}
    {kind}={phase_2}
    pfs={pfs}
    type={mode}
    ikelifetime={ike_s}s
    salifetime={child_s}s
{dpd}    auto=start

# /etc/ipsec.d/{name}.secrets, readable by root alone
{own_id} {other_id} : PSK {secret}
"
    ))
}
