//! Suites for people, such as `aes256-sha256-modp2048`.

use alloc::string::String;

use adit_crypto::{Encryption, Group, Integrity, Prf};
use adit_ike_wire::v1::{ProtocolId, SecurityAssociation};

use crate::config::{ConnectionConfig, IkeAlgorithms, Mode};
use crate::offers::{Kind, Offer, Offers};
use crate::suite::{EspSuite, IkeSuite};
use crate::v1::proposal::{
    authentication, esp_cipher, esp_suites, hash, ike_cipher, ike_suites, phase_1, phase_2, value,
};

/// What we accept, for people.
pub(super) fn describe_ike(accepted: &IkeAlgorithms) -> Offers {
    Offers::suites(ike_suites(accepted).map(|suite| of_ike_suite(&suite)))
}

/// The same of a Child SA.
pub(super) fn describe_esp(config: &ConnectionConfig, group: Option<Group>) -> Offers {
    let suites = esp_suites(&config.esp, config.mode, group, false);
    Offers::suites(suites.map(|suite| of_esp_suite(&suite)))
}

/// A suite that was chosen.
pub(super) fn describe_suite(suite: &IkeSuite) -> Offers {
    Offers::suites([of_ike_suite(suite)])
}

fn of_ike_suite(suite: &IkeSuite) -> Offer {
    let mut offer = Offer::default();
    offer.add(Kind::Encryption, suite.encryption.name());
    if let Some((_, hash)) = hash(suite.prf) {
        offer.add(Kind::Integrity, hash.name());
    }
    offer.add(Kind::Group, suite.group.name());
    offer
}

fn of_esp_suite(suite: &EspSuite) -> Offer {
    let mut offer = Offer::default();
    match suite.encryption {
        Some(cipher) => offer.add(Kind::Encryption, cipher.name()),
        None => offer.add(Kind::Protocol, "ah"),
    }
    if let Some(integrity) = suite.integrity {
        offer.add(Kind::Integrity, integrity.name());
    }
    if let Some(group) = suite.group {
        offer.add(Kind::Group, group.name());
    }
    if suite.mode == Mode::Transport {
        offer.add(Kind::Mode, "transport");
    }
    offer
}

/// What the peer offers for an IKE SA, for people.
pub(super) fn describe_ike_offer(sa: &SecurityAssociation<'_>) -> Offers {
    let transforms = sa.proposals.iter().flat_map(|one| &one.transforms);
    Offers::suites(transforms.map(|transform| {
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
        let mut offer = Offer::default();
        offer.add(Kind::Encryption, cipher);
        offer.add(Kind::Integrity, hashed);
        offer.add(Kind::Group, group);
        offer
    }))
}

/// The same of a Child SA.
pub(super) fn describe_esp_offer(sa: &SecurityAssociation<'_>) -> Offers {
    let proposals = sa.proposals.iter();
    let transforms =
        proposals.flat_map(|one| one.transforms.iter().map(|each| (one.protocol, each)));
    Offers::suites(transforms.map(|(protocol, transform)| {
        let mut offer = Offer::default();
        let bits = value(transform, phase_2::KEY_LENGTH);
        let mut ciphers = Encryption::ALL.iter();
        match protocol {
            ProtocolId::AH => offer.add(Kind::Protocol, "ah"),
            ProtocolId::ESP => {
                let known = ciphers.find(|one| esp_cipher(**one) == Some((transform.id, bits)));
                let name = known.map_or_else(
                    || unknown("cipher", Some(transform.id.into())),
                    |one| one.name().into(),
                );
                offer.add(Kind::Encryption, name);
            }
            other => {
                offer.add(
                    Kind::Protocol,
                    unknown("protocol", Some(u32::from(other.0))),
                );
                return offer;
            }
        }
        if let Some(number) = value(transform, phase_2::AUTHENTICATION) {
            let known = Integrity::ALL
                .iter()
                .find(|one| authentication(**one) == Some(number));
            let name = known.map_or_else(
                || unknown("integrity", Some(number)),
                |one| one.name().into(),
            );
            offer.add(Kind::Integrity, name);
        }
        if let Some(id) = value(transform, phase_2::GROUP) {
            let known = u16::try_from(id).ok().and_then(Group::from_id);
            let name = known.map_or_else(|| unknown("group", Some(id)), |one| one.name().into());
            offer.add(Kind::Group, name);
        }
        if matches!(
            value(transform, phase_2::ENCAPSULATION),
            Some(2 | 4 | 61444)
        ) {
            offer.add(Kind::Mode, "transport");
        }
        offer
    }))
}

fn unknown(what: &str, number: Option<u32>) -> String {
    match number {
        Some(number) => alloc::format!("{what} {number}"),
        None => alloc::format!("no {what}"),
    }
}
