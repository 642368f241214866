//! Suites for people, such as `aes256-sha256-modp2048`.

use alloc::string::String;
use alloc::vec::Vec;

use adit_crypto::{Encryption, Group, Integrity, Prf};
use adit_ike_wire::v1::{ProtocolId, SecurityAssociation};

use crate::config::{ConnectionConfig, IkeAlgorithms};
use crate::v1::proposal::{
    authentication, esp_cipher, esp_suites, hash, ike_cipher, ike_suites, phase_1, phase_2, value,
};

/// What we accept, for people.
pub(super) fn describe_ike(accepted: &IkeAlgorithms) -> String {
    listed(ike_suites(accepted).map(|suite| suite.name()))
}

/// The same of a Child SA.
pub(super) fn describe_esp(config: &ConnectionConfig, group: Option<Group>) -> String {
    listed(esp_suites(&config.esp, config.mode, group, false).map(|suite| suite.name()))
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.take(9).collect();
    match names.get(..8) {
        Some(some) if names.len() > 8 => alloc::format!("{}, ...", some.join(", ")),
        _ => names.join(", "),
    }
}

/// What the peer offers for an IKE SA, for people.
pub(super) fn describe_ike_offer(sa: &SecurityAssociation<'_>) -> String {
    let transforms = sa.proposals.iter().flat_map(|one| &one.transforms);
    listed(transforms.map(|transform| {
        let numbers = [phase_1::ENCRYPTION, phase_1::HASH, phase_1::GROUP];
        let [cipher, hashed, group] = numbers.map(|kind| value(transform, kind));
        let bits = value(transform, phase_1::KEY_LENGTH);
        let cipher = Encryption::ALL
            .iter()
            .find(|one| {
                ike_cipher(**one).map(|(id, bits)| (Some(id), bits)) == Some((cipher, bits))
            })
            .map_or_else(|| unknown("cipher", cipher), |one| one.name().into());
        let hashed = Prf::ALL
            .iter()
            .filter_map(|one| hash(*one))
            .find(|(number, _)| Some(*number) == hashed)
            .map_or_else(|| unknown("hash", hashed), |(_, own)| own.name().into());
        let group = group
            .and_then(|id| Group::from_id(u16::try_from(id).ok()?))
            .map_or_else(|| unknown("group", group), |one| one.name().into());
        alloc::format!("{cipher}-{hashed}-{group}")
    }))
}

/// The same of a Child SA.
pub(super) fn describe_esp_offer(sa: &SecurityAssociation<'_>) -> String {
    let proposals = sa.proposals.iter();
    let transforms =
        proposals.flat_map(|one| one.transforms.iter().map(|each| (one.protocol, each)));
    listed(transforms.map(|(protocol, transform)| {
        let bits = value(transform, phase_2::KEY_LENGTH);
        let mut ciphers = Encryption::ALL.iter();
        let mut name: String = match protocol {
            ProtocolId::AH => "ah".into(),
            ProtocolId::ESP => ciphers
                .find(|one| esp_cipher(**one) == Some((transform.id, bits)))
                .map_or_else(
                    || unknown("cipher", Some(transform.id.into())),
                    |one| one.name().into(),
                ),
            other => return unknown("protocol", Some(u32::from(other.0))),
        };
        if let Some(number) = value(transform, phase_2::AUTHENTICATION) {
            let known = Integrity::ALL
                .iter()
                .find(|one| authentication(**one) == Some(number));
            let known = known.map_or_else(
                || unknown("integrity", Some(number)),
                |one| one.name().into(),
            );
            name = alloc::format!("{name}-{known}");
        }
        if let Some(id) = value(transform, phase_2::GROUP) {
            let known = u16::try_from(id).ok().and_then(Group::from_id);
            let known = known.map_or_else(|| unknown("group", Some(id)), |one| one.name().into());
            name = alloc::format!("{name}-{known}");
        }
        if matches!(
            value(transform, phase_2::ENCAPSULATION),
            Some(2 | 4 | 61444)
        ) {
            name.push_str("-transport");
        }
        name
    }))
}

fn unknown(what: &str, number: Option<u32>) -> String {
    match number {
        Some(number) => alloc::format!("{what} {number}"),
        None => alloc::format!("no {what}"),
    }
}
