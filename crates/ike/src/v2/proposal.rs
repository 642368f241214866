//! Offering, choosing and describing algorithms (RFC 7296 sections 2.7 and 3.3).
//!
//! AEAD ciphers and ciphers with separate integrity go into separate proposals (RFC 7296 section
//! 3.3: an AEAD proposal carries no integrity transform, or only NONE).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use adit_crypto::{AdditionalExchange, Encryption, Group, Integrity, Prf};
use adit_ike_wire::v2::{Proposal, ProtocolId, Transform, TransformType};

use crate::config::{EspAlgorithms, IkeAlgorithms, Mode, Protocol};
use crate::offers::{Kind, Offer, Offers, SHORT_NUMBERS};
use crate::suite::{EspSuite, IkeSuite};

impl IkeSuite {
    pub(crate) fn transforms(&self) -> Vec<Transform> {
        let mut transforms = alloc::vec![encryption_transform(self.encryption)];
        transforms.extend(self.integrity.map(integrity_transform));
        transforms.push(Transform::new(TransformType::PRF, self.prf.transform_id()));
        transforms.push(Transform::new(TransformType::KE, self.group.id()));
        let additional = self.additional;
        transforms.extend(additional.map(|one| Transform::new(TransformType::ADDKE1, one.id())));
        transforms
    }
}

impl EspSuite {
    pub(crate) fn transforms(&self) -> Vec<Transform> {
        let mut transforms = Vec::new();
        transforms.extend(self.encryption.map(encryption_transform));
        transforms.extend(self.integrity.map(integrity_transform));
        transforms.extend(
            self.group
                .map(|g| Transform::new(TransformType::KE, g.id())),
        );
        let additional = self.additional;
        transforms.extend(additional.map(|one| Transform::new(TransformType::ADDKE1, one.id())));
        transforms.push(Transform::new(
            TransformType::ESN,
            u16::from(self.extended_sequence_numbers),
        ));
        transforms
    }
}

fn encryption_transform(encryption: Encryption) -> Transform {
    let (id, key_bits) = encryption.transform();
    let transform = Transform::new(TransformType::ENCR, id);
    key_bits.map_or(transform, |bits| transform.with_key_bits(bits))
}

fn integrity_transform(integrity: Integrity) -> Transform {
    Transform::new(TransformType::INTEG, integrity.transform_id())
}

/// The proposals for `accepted`, AEAD and others apart; `rest` is added to each.
fn offers<'a>(
    encryption: &[Encryption],
    integrity: &[Integrity],
    protocol: ProtocolId,
    spi: &'a [u8],
    rest: &[Transform],
) -> Vec<Proposal<'a>> {
    let mut proposals = Vec::new();
    let aead_first = encryption.first().is_some_and(|first| first.is_aead());
    for aead in [aead_first, !aead_first] {
        let mut transforms: Vec<_> = encryption
            .iter()
            .filter(|encryption| encryption.is_aead() == aead)
            .map(|encryption| encryption_transform(*encryption))
            .collect();
        if transforms.is_empty() || (!aead && integrity.is_empty()) {
            continue;
        }
        if !aead {
            transforms.extend(
                integrity
                    .iter()
                    .map(|integrity| integrity_transform(*integrity)),
            );
        }
        transforms.extend_from_slice(rest);
        let number = if proposals.is_empty() { 1 } else { 2 };
        proposals.push(Proposal {
            number,
            protocol,
            spi,
            transforms,
        });
    }
    proposals
}

/// What to offer for an IKE SA with additional exchanges where the peer can. Who has not heard of them refuses a
/// proposal with one (RFC 7296 section 3.3.6), so that each is there without it too (RFC 9370 section 2.2.1).
pub(crate) fn offer_ike_and_more<'a>(accepted: &IkeAlgorithms, spi: &'a [u8]) -> Vec<Proposal<'a>> {
    with_more(offer_ike(accepted, spi), &accepted.additional)
}

/// The same for a Child SA that has a key exchange of its own.
pub(crate) fn offer_esp_and_more<'a>(accepted: &EspAlgorithms, spi: &'a [u8]) -> Vec<Proposal<'a>> {
    with_more(offer_esp(accepted, spi, true), &accepted.additional)
}

/// Each proposal with these exchanges, and then each without.
fn with_more<'a>(plain: Vec<Proposal<'a>>, additional: &[AdditionalExchange]) -> Vec<Proposal<'a>> {
    let mut proposals = Vec::new();
    if !additional.is_empty() {
        proposals.clone_from(&plain);
        for proposal in &mut proposals {
            let transforms = additional.iter();
            let transforms = transforms.map(|one| Transform::new(T_ADDKE1, one.id()));
            proposal.transforms.extend(transforms);
        }
    }
    proposals.extend(plain);
    for (proposal, number) in proposals.iter_mut().zip(1..=u8::MAX) {
        proposal.number = number;
    }
    proposals
}

/// What to offer for an IKE SA without additional exchanges. `spi` is empty in IKE_SA_INIT and 8
/// octets in a rekey.
pub(crate) fn offer_ike<'a>(accepted: &IkeAlgorithms, spi: &'a [u8]) -> Vec<Proposal<'a>> {
    let prfs = accepted
        .prf
        .iter()
        .map(|prf| Transform::new(TransformType::PRF, prf.transform_id()));
    let groups = accepted
        .groups
        .iter()
        .map(|group| Transform::new(TransformType::KE, group.id()));
    let rest: Vec<_> = prfs.chain(groups).collect();
    offers(
        &accepted.encryption,
        &accepted.integrity,
        ProtocolId::IKE,
        spi,
        &rest,
    )
}

/// What to offer for a Child SA. In IKE_AUTH there is no key exchange (RFC 7296 section 1.2).
pub(crate) fn offer_esp<'a>(
    accepted: &EspAlgorithms,
    spi: &'a [u8],
    with_groups: bool,
) -> Vec<Proposal<'a>> {
    let mut rest = Vec::new();
    if with_groups {
        rest.extend(
            accepted
                .groups
                .iter()
                .map(|group| Transform::new(TransformType::KE, group.id())),
        );
    }
    if accepted.extended_sequence_numbers {
        rest.push(Transform::new(TransformType::ESN, 1));
    }
    rest.push(Transform::new(TransformType::ESN, 0));
    if accepted.protocol == Protocol::Ah {
        let integrity = accepted.integrity.iter();
        let mut transforms: Vec<_> = integrity.map(|one| integrity_transform(*one)).collect();
        transforms.append(&mut rest);
        return alloc::vec![Proposal {
            number: 1,
            protocol: ProtocolId::AH,
            spi,
            transforms,
        }];
    }
    offers(
        &accepted.encryption,
        &accepted.integrity,
        ProtocolId::ESP,
        spi,
        &rest,
    )
}

/// A choice, with the number and SPI of the proposal it is from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Chosen<S> {
    pub(crate) suite: S,
    pub(crate) number: u8,
    pub(crate) spi: Vec<u8>,
}

/// The transforms of one type in `proposal` that can be read at all.
fn of_type<'p>(
    proposal: &'p Proposal<'_>,
    kind: TransformType,
) -> impl Iterator<Item = &'p Transform> {
    proposal
        .transforms
        .iter()
        .filter(move |transform| transform.kind == kind && !transform.unknown_attribute)
}

fn has_type(proposal: &Proposal<'_>, kind: TransformType) -> bool {
    proposal
        .transforms
        .iter()
        .any(|transform| transform.kind == kind)
}

/// Whether every transform type in the proposal is one that was considered (section 3.3.6).
fn only_types(proposal: &Proposal<'_>, kinds: &[TransformType]) -> bool {
    proposal
        .transforms
        .iter()
        .all(|transform| kinds.contains(&transform.kind))
}

/// Picks a cipher and its integrity: our order decides.
fn pick_encryption(
    proposal: &Proposal<'_>,
    encryption: &[Encryption],
    integrity: &[Integrity],
) -> Option<(Encryption, Option<Integrity>)> {
    encryption.iter().find_map(|ours| {
        let offered = of_type(proposal, TransformType::ENCR)
            .any(|t| Encryption::from_transform(t.id, t.key_bits) == Some(*ours));
        if !offered {
            None
        } else if ours.is_aead() {
            // Only NONE (0) may be there beside an AEAD cipher.
            of_type(proposal, TransformType::INTEG)
                .all(|t| t.id == 0)
                .then_some((*ours, None))
        } else {
            let integrity = pick_integrity(proposal, integrity);
            integrity.map(|integrity| (*ours, Some(integrity)))
        }
    })
}

/// Picks an integrity algorithm: our order decides.
fn pick_integrity(proposal: &Proposal<'_>, integrity: &[Integrity]) -> Option<Integrity> {
    let is_offered = |ours: &&Integrity| {
        of_type(proposal, TransformType::INTEG).any(|t| t.id == ours.transform_id())
    };
    integrity.iter().find(is_offered).copied()
}

/// Chooses from what the peer offers for an IKE SA. `prefer` is the group of the peer's public
/// value, chosen where it is acceptable at all, which saves a round trip.
pub(crate) fn choose_ike(
    proposals: &[Proposal<'_>],
    accepted: &IkeAlgorithms,
    prefer: Option<u16>,
    spi_len: usize,
) -> Option<Chosen<IkeSuite>> {
    use TransformType as T;
    proposals
        .iter()
        .filter(|p| p.protocol == ProtocolId::IKE && p.spi.len() == spi_len)
        .filter(|p| only_types(p, &[T::ENCR, T::PRF, T::INTEG, T::KE, T::ADDKE1]))
        .find_map(|proposal| {
            let additional = pick_additional(proposal, &accepted.additional)?;
            let (encryption, integrity) =
                pick_encryption(proposal, &accepted.encryption, &accepted.integrity)?;
            let prf = accepted
                .prf
                .iter()
                .find(|ours| of_type(proposal, T::PRF).any(|t| t.id == ours.transform_id()))?;
            let offered = |group: &&Group| of_type(proposal, T::KE).any(|t| t.id == group.id());
            let group = accepted
                .groups
                .iter()
                .find(|group| Some(group.id()) == prefer && offered(group))
                .or_else(|| accepted.groups.iter().find(offered))?;
            let suite = IkeSuite {
                encryption,
                integrity,
                prf: *prf,
                group: *group,
                additional,
                ppk: false,
            };
            Some(Chosen {
                suite,
                number: proposal.number,
                spi: proposal.spi.to_vec(),
            })
        })
}

/// Chooses from what the peer offers for a Child SA. `with_groups` is false in IKE_AUTH, where
/// key exchange transforms are left out of account (RFC 7296 section 1.2).
pub(crate) fn choose_esp(
    proposals: &[Proposal<'_>],
    accepted: &EspAlgorithms,
    prefer: Option<u16>,
    with_groups: bool,
) -> Option<Chosen<EspSuite>> {
    use TransformType as T;
    let protocol = ProtocolId(accepted.protocol.number());
    let types: &[T] = match accepted.protocol {
        Protocol::Ah => &[T::INTEG, T::KE, T::ADDKE1, T::ESN],
        Protocol::Esp => &[T::ENCR, T::INTEG, T::KE, T::ADDKE1, T::ESN],
    };
    proposals
        .iter()
        .filter(|p| p.protocol == protocol && p.spi.len() == 4)
        .filter(|p| only_types(p, types))
        .find_map(|proposal| {
            let (encryption, integrity) = match accepted.protocol {
                Protocol::Ah => (None, Some(pick_integrity(proposal, &accepted.integrity)?)),
                Protocol::Esp => {
                    let picked =
                        pick_encryption(proposal, &accepted.encryption, &accepted.integrity)?;
                    (Some(picked.0), picked.1)
                }
            };
            let group = if with_groups {
                pick_esp_group(proposal, &accepted.groups, prefer)?
            } else {
                None
            };
            let additional = match group {
                Some(_) => pick_additional(proposal, &accepted.additional)?,
                None if with_groups => pick_additional(proposal, &[])?,
                None => None,
            };
            // A proposal without the transform means 32-bit numbers, as old peers send it.
            let esn = |wanted: u16| of_type(proposal, T::ESN).any(|t| t.id == wanted);
            let extended_sequence_numbers = accepted.extended_sequence_numbers && esn(1);
            if !extended_sequence_numbers && !esn(0) && has_type(proposal, T::ESN) {
                return None;
            }
            let suite = EspSuite {
                encryption,
                integrity,
                group,
                additional,
                extended_sequence_numbers,
                // Said beside the proposals.
                mode: Mode::Tunnel,
            };
            Some(Chosen {
                suite,
                number: proposal.number,
                spi: proposal.spi.to_vec(),
            })
        })
}

/// `None` when nothing fits; `Some(None)` when the proposal does without.
fn pick_additional(
    proposal: &Proposal<'_>,
    ours: &[AdditionalExchange],
) -> Option<Option<AdditionalExchange>> {
    let offered = |id: u16| of_type(proposal, T_ADDKE1).any(|t| t.id == id);
    let known = ours.iter().find(|one| offered(one.id()));
    match known {
        Some(one) => Some(Some(*one)),
        None => (!has_type(proposal, T_ADDKE1) || offered(0)).then_some(None),
    }
}

/// `None` when nothing fits; `Some(None)` when neither side wants a key exchange.
fn pick_esp_group(
    proposal: &Proposal<'_>,
    ours: &[Group],
    prefer: Option<u16>,
) -> Option<Option<Group>> {
    let offered = |id: u16| of_type(proposal, TransformType::KE).any(|t| t.id == id);
    if ours.is_empty() {
        return (!has_type(proposal, TransformType::KE) || offered(0)).then_some(None);
    }
    ours.iter()
        .find(|group| Some(group.id()) == prefer && offered(group.id()))
        .or_else(|| ours.iter().find(|group| offered(group.id())))
        .map(|group| Some(*group))
}

/// What we accept, for people: `aes256 aes128 / sha256 / prfsha256 / modp2048`.
pub(crate) fn describe_ike(accepted: &IkeAlgorithms) -> Offers {
    describe(&offer_ike(accepted, &[]))
}

/// What we accept for a Child SA, for people.
pub(crate) fn describe_esp(accepted: &EspAlgorithms, with_groups: bool) -> Offers {
    describe(&offer_esp(accepted, &[], with_groups))
}

/// A suite that was chosen.
pub(crate) fn describe_suite(suite: &IkeSuite) -> Offers {
    describe(&[Proposal {
        number: 1,
        protocol: ProtocolId::IKE,
        spi: &[],
        transforms: suite.transforms(),
    }])
}

/// Proposals for people.
pub(crate) fn describe(proposals: &[Proposal<'_>]) -> Offers {
    // One with an additional exchange is there without it too, mostly.
    let plain = |proposal: &&Proposal<'_>| !has_type(proposal, T_ADDKE1);
    let any_plain = proposals.iter().any(|proposal| plain(&proposal));
    let told = proposals.iter().filter(|one| !any_plain || plain(one));
    Offers::proposals(told.map(|proposal| {
        let mut offer = Offer::default();
        if proposal.protocol == ProtocolId::AH {
            offer.add(Kind::Protocol, "ah");
        }
        for (transforms, kind) in KINDS {
            for transform in of_type(proposal, transforms) {
                offer.add(kind, transform_name(transform));
            }
        }
        offer
    }))
}

const KINDS: [(TransformType, Kind); 6] = [
    (T_ENCR, Kind::Encryption),
    (T_INTEG, Kind::Integrity),
    (T_PRF, Kind::PseudorandomFunction),
    (T_KE, Kind::Group),
    (T_ADDKE1, Kind::AdditionalExchange),
    (T_ESN, Kind::SequenceNumbers),
];

const T_ENCR: TransformType = TransformType::ENCR;
const T_INTEG: TransformType = TransformType::INTEG;
const T_PRF: TransformType = TransformType::PRF;
const T_KE: TransformType = TransformType::KE;
const T_ESN: TransformType = TransformType::ESN;
const T_ADDKE1: TransformType = TransformType::ADDKE1;

/// An algorithm's name; those that Adit does not have by their IANA number.
fn transform_name(transform: &Transform) -> String {
    let known = match transform.kind {
        T_ENCR => Encryption::from_transform(transform.id, transform.key_bits)
            .map(|algorithm| algorithm.name()),
        T_INTEG => Integrity::from_transform_id(transform.id).map(|algorithm| algorithm.name()),
        T_PRF => Prf::from_transform_id(transform.id).map(|algorithm| algorithm.name()),
        T_KE => Group::from_id(transform.id).map(|group| group.name()),
        T_ADDKE1 => AdditionalExchange::from_id(transform.id).map(|one| one.name()),
        T_ESN if transform.id == 0 => Some(SHORT_NUMBERS),
        T_ESN if transform.id == 1 => Some("esn"),
        _ => None,
    };
    match (known, transform.key_bits) {
        (Some(known), _) => String::from(known),
        (None, Some(bits)) => format!("{}:{bits}", transform.id),
        (None, None) => transform.id.to_string(),
    }
}
