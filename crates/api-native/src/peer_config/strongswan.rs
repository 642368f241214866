//! strongSwan's `swanctl.conf` (seen to work with 5.9.8).

use adit_model::connection::{DpdAction, Identity};
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeVersion, IpsecParameters, Transform,
};

use super::seen::{Seen, hex, joined};
use crate::algorithms::{AuthenticationName, EncryptionName};

/// A group as strongSwan calls it.
const fn group(group: DhGroup) -> &'static str {
    match group.number() {
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
        22 => "modp1024s160",
        23 => "modp2048s224",
        24 => "modp2048s256",
        25 => "ecp192",
        26 => "ecp224",
        27 => "ecp224bp",
        28 => "ecp256bp",
        29 => "ecp384bp",
        30 => "ecp512bp",
        // The only one left that there is.
        _ => "curve25519",
    }
}

/// Proposals: combined-mode ciphers stand in one of their own (RFC 7296 section 3.3).
fn proposals(
    encryption: &[Encryption],
    authentication: &[Authentication],
    groups: &[DhGroup],
    is_ike: bool,
) -> String {
    let mut all = Vec::new();
    for aead in [true, false] {
        let ciphers = encryption.iter().filter(|one| one.is_aead() == aead);
        let mut words: Vec<_> = ciphers.map(|one| EncryptionName(*one).word()).collect();
        if words.is_empty() {
            continue;
        }
        let names = authentication
            .iter()
            .map(|one| AuthenticationName(*one).word());
        match (aead, is_ike) {
            (false, _) => words.extend(names),
            (true, true) => words.extend(names.map(|name| format!("prf{name}"))),
            (true, false) => {}
        }
        words.extend(groups.iter().map(|one| group(*one).to_owned()));
        all.push(words.join("-"));
    }
    all.join(",")
}

fn identity(identity: &Identity) -> String {
    match identity {
        Identity::Address(address) => address.to_string(),
        Identity::Email(text) => format!("\"email:{text}\""),
        Identity::DistinguishedName(octets) => format!("\"asn1dn:#{}\"", hex(octets)),
        Identity::KeyId(octets) => format!("\"keyid:#{}\"", hex(octets)),
        Identity::Name(text) => format!("\"fqdn:{text}\""),
    }
}

/// The line that says what phase 2 may be.
fn phase_2(ipsec: &IpsecParameters) -> String {
    if ipsec.transform == Transform::Ah {
        let names = ipsec.authentication.iter();
        let names = names.map(|one| AuthenticationName(*one).word());
        let groups = ipsec.pfs.iter().map(|one| group(*one).to_owned());
        return format!("ah_proposals = {}", joined(names.chain(groups), "-"));
    }
    let all = proposals(&ipsec.encryption, &ipsec.authentication, &ipsec.pfs, false);
    format!("esp_proposals = {all}")
}

fn child(seen: &Seen<'_>) -> String {
    let name = seen.plain_name();
    let (local_ts, remote_ts) = (joined(seen.own_cidrs, ","), joined(seen.other_cidrs, ","));
    let phase_2 = phase_2(&seen.ipsec);
    let mode = match seen.ipsec.encapsulation {
        Encapsulation::Transport => "transport",
        Encapsulation::Tunnel => "tunnel",
    };
    let start = if seen.must_begin {
        "start"
    } else {
        "trap|start"
    };
    format!(
        "            {name} {{
                local_ts = {local_ts}
                remote_ts = {remote_ts}
                {phase_2}
                rekey_time = {}s
                mode = {mode}
                dpd_action = restart
                start_action = {start}
            }}",
        seen.ipsec.lifetime_s
    )
}

pub(super) fn write(seen: &Seen<'_>) -> String {
    let Seen { ike, other, .. } = seen;
    let name = seen.plain_name();
    let version = match ike.version {
        IkeVersion::V1 => 1,
        IkeVersion::V2 => 2,
    };
    let own = match seen.own.is_unspecified() {
        true => "%any".to_owned(),
        false => seen.own.to_string(),
    };
    let (own_id, other_id) = (identity(&seen.own_id), identity(&seen.other_id));
    let phase_1 = proposals(&ike.encryption, &ike.authentication, &ike.groups, true);
    let delay = match seen.dead_peer.action {
        DpdAction::None => 0,
        _ => seen.dead_peer.interval_s,
    };
    let secret = seen.quoted_or_hex_key();
    let child = child(seen);
    format!(
        "# strongSwan 5.8 or later: /etc/swanctl/conf.d/{name}.conf, then swanctl --load-all
connections {{
    {name} {{
        version = {version}
        local_addrs = {own}
        remote_addrs = {other}
        proposals = {phase_1}
        rekey_time = {}s
        dpd_delay = {delay}s
        mobike = no
        local {{
            auth = psk
            id = {own_id}
        }}
        remote {{
            auth = psk
            id = {other_id}
        }}
        children {{
{child}
        }}
    }}
}}
secrets {{
    ike-{name} {{
        id-1 = {own_id}
        id-2 = {other_id}
        secret = {secret}
    }}
}}
",
        ike.lifetime_s
    )
}
