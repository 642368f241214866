//! libreswan's `ipsec.conf` and `ipsec.secrets`.

use adit_model::connection::{DpdAction, Identity};
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeVersion, Transform,
};

use super::seen::{Seen, hex, joined};
use crate::problem::Problem;

/// A cipher as libreswan calls it.
fn cipher(encryption: Encryption) -> String {
    let word = crate::algorithms::EncryptionName(encryption).word();
    for (ours, theirs) in [("gcm", "aes_gcm"), ("ccm", "aes_ccm"), ("ctr", "aes_ctr")] {
        if let Some((bits, icv)) = word
            .strip_prefix("aes")
            .and_then(|rest| rest.split_once(ours))
        {
            // The ICV's length is a part of the name: aes_gcm_16 is aes_gcm_c.
            let letter = match icv {
                "8" => "_a",
                "12" => "_b",
                "16" => "_c",
                _ => "",
            };
            return format!("{theirs}{letter}{bits}");
        }
    }
    match word.as_str() {
        "chacha20poly1305" => "chacha20_poly1305".to_owned(),
        _ => word,
    }
}

const fn hash(authentication: Authentication) -> &'static str {
    match authentication {
        Authentication::Md5 => "md5",
        Authentication::Sha1 => "sha1",
        Authentication::Sha256 => "sha2_256",
        Authentication::Sha384 => "sha2_384",
        Authentication::Sha512 => "sha2_512",
        Authentication::AesXcbc => "aes_xcbc",
        Authentication::AesCmac => "aes_cmac",
    }
}

/// Every combination that both can have, best first; groups it has no name for are left out.
fn proposals(
    encryption: &[Encryption],
    authentication: &[Authentication],
    groups: &[DhGroup],
    is_ike: bool,
) -> String {
    let group = |group: &DhGroup| matches!(group.number(), 2 | 5 | 14..=22 | 31);
    let groups: Vec<_> = groups.iter().filter(|one| group(one)).collect();
    let mut all = Vec::new();
    for one in encryption {
        let hashes = joined(authentication.iter().map(|one| hash(*one)), "+");
        let hashes = if one.is_aead() && !is_ike {
            String::new()
        } else {
            format!("-{hashes}")
        };
        let groups = joined(groups.iter().map(|one| format!("dh{}", one.number())), "+");
        let groups = if groups.is_empty() {
            groups
        } else {
            format!("-{groups}")
        };
        all.push(format!("{}{hashes}{groups}", cipher(*one)));
    }
    all.join(",")
}

fn identity(identity: &Identity) -> Result<String, Problem> {
    Ok(match identity {
        Identity::Address(address) => address.to_string(),
        Identity::DistinguishedName(_) => {
            let detail = "libreswan writes a distinguished name in words, and this one is known by its octets";
            return Err(Problem::misfit(detail).of("vendor"));
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
    let phase_1 = proposals(&ike.encryption, &ike.authentication, &ike.groups, true);
    let phase_2 = match ipsec.transform {
        Transform::Ah => joined(ipsec.authentication.iter().map(|one| hash(*one)), ","),
        Transform::Esp | Transform::AhEsp => {
            proposals(&ipsec.encryption, &ipsec.authentication, &ipsec.pfs, false)
        }
    };
    let (phase2, alg) = match ipsec.transform {
        Transform::Ah => ("ah", "ah"),
        Transform::Esp | Transform::AhEsp => ("esp", "esp"),
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
    let secret = match seen.is_plain_key() {
        true => format!("\"{}\"", String::from_utf8_lossy(&seen.key())),
        false => seen.hex_key(),
    };
    let (other, ike_s, child_s) = (seen.other, ike.lifetime_s, ipsec.lifetime_s);
    Ok(format!(
        "# libreswan 4: /etc/ipsec.d/{name}.conf, then ipsec auto --add {name}
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
    phase2={phase2}
    {alg}={phase_2}
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
