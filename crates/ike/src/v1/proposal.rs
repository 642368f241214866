//! Offering, choosing and describing suites (RFC 2409 appendix A, RFC 2407 section 4.5).
//!
//! A transform is a whole suite, so that what is acceptable is written out as all combinations, best first.

use alloc::vec::Vec;
use core::time::Duration;

use adit_crypto::{Encryption, Group, Integrity, Prf};
use adit_ike_wire::v1::security_association::emit_attributes;
use adit_ike_wire::v1::{Proposal, ProtocolId, SecurityAssociation, Transform};

use crate::config::{ConnectionConfig, EspAlgorithms, IkeAlgorithms, Mode, Protocol};
use crate::suite::{EspSuite, IkeSuite};
use crate::v1::nat::Wrapping;

/// The most suites that are offered: what fits into a datagram that is not fragmented on any usual path.
const MAX_OFFERS: usize = 32;

/// The one transform of phase 1 (RFC 2407 section 4.4.2).
const KEY_IKE: u8 = 1;

/// A pre-shared key, as the authentication method.
const PRE_SHARED_KEY: u32 = 1;

/// Lifetimes in seconds.
const SECONDS: u32 = 1;

/// Attributes of phase 1.
pub(super) mod phase_1 {
    pub(in crate::v1) const ENCRYPTION: u16 = 1;
    pub(in crate::v1) const HASH: u16 = 2;
    pub(in crate::v1) const AUTHENTICATION: u16 = 3;
    pub(in crate::v1) const GROUP: u16 = 4;
    pub(in crate::v1) const LIFE_TYPE: u16 = 11;
    pub(in crate::v1) const LIFE_DURATION: u16 = 12;
    pub(in crate::v1) const KEY_LENGTH: u16 = 14;
}

/// Attributes of phase 2.
pub(super) mod phase_2 {
    pub(in crate::v1) const LIFE_TYPE: u16 = 1;
    pub(in crate::v1) const LIFE_DURATION: u16 = 2;
    pub(in crate::v1) const GROUP: u16 = 3;
    pub(in crate::v1) const ENCAPSULATION: u16 = 4;
    pub(in crate::v1) const AUTHENTICATION: u16 = 5;
    pub(in crate::v1) const KEY_LENGTH: u16 = 6;
    /// RFC 4304.
    pub(in crate::v1) const SEQUENCE_NUMBERS: u16 = 11;
}

/// Sequence numbers have 64 bits.
const OF_64_BITS: u32 = 1;

/// A cipher's number in phase 1, and its key length where it has several.
pub(super) const fn ike_cipher(cipher: Encryption) -> Option<(u32, Option<u32>)> {
    Some(match cipher {
        Encryption::DesCbc => (1, None),
        Encryption::TripleDesCbc => (5, None),
        Encryption::AesCbc128 => (7, Some(128)),
        Encryption::AesCbc192 => (7, Some(192)),
        Encryption::AesCbc256 => (7, Some(256)),
        _ => return None,
    })
}

/// A hash's number in phase 1, and the integrity algorithm of the same hash, for a suite's name; `None` for
/// functions that are made of no hash.
pub(super) const fn hash(prf: Prf) -> Option<(u32, Integrity)> {
    Some(match prf {
        Prf::HmacMd5 => (1, Integrity::HmacMd5_96),
        Prf::HmacSha1 => (2, Integrity::HmacSha1_96),
        Prf::HmacSha256 => (4, Integrity::HmacSha256_128),
        Prf::HmacSha384 => (5, Integrity::HmacSha384_192),
        Prf::HmacSha512 => (6, Integrity::HmacSha512_256),
        Prf::AesXcbc | Prf::AesCmac => return None,
    })
}

/// An integrity algorithm's number as an attribute of phase 2 (RFC 2407 section 4.5, RFC 4868, RFC 3566); AES-CMAC has none.
pub(super) const fn authentication(integrity: Integrity) -> Option<u32> {
    Some(match integrity {
        Integrity::HmacMd5_96 => 1,
        Integrity::HmacSha1_96 => 2,
        Integrity::HmacSha256_128 => 5,
        Integrity::HmacSha384_192 => 6,
        Integrity::HmacSha512_256 => 7,
        Integrity::AesXcbc96 => 9,
        Integrity::AesCmac96 => return None,
    })
}

/// All suites that `accepted` makes, best first: ciphers change last.
pub(super) fn ike_suites(accepted: &IkeAlgorithms) -> impl Iterator<Item = IkeSuite> + '_ {
    let ciphers = accepted.encryption.iter().copied();
    let ciphers = ciphers.filter(|cipher| ike_cipher(*cipher).is_some());
    ciphers.flat_map(move |encryption| {
        let hashes = accepted.prf.iter();
        let hashes = hashes.filter_map(|prf| hash(*prf).map(|(_, own)| (*prf, own)));
        hashes.flat_map(move |(prf, own)| {
            accepted.groups.iter().map(move |group| IkeSuite {
                encryption,
                integrity: Some(own),
                prf,
                group: *group,
                additional: None,
                ppk: false,
            })
        })
    })
}

fn seconds(lifetime: Duration) -> u32 {
    u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX)
}

fn ike_attributes(suite: &IkeSuite, lifetime: Duration) -> Vec<u8> {
    let (cipher, bits) = ike_cipher(suite.encryption).unwrap_or_default();
    let mut attributes = alloc::vec![
        (phase_1::ENCRYPTION, cipher),
        (
            phase_1::HASH,
            hash(suite.prf).map_or(0, |(number, _)| number)
        ),
        (phase_1::AUTHENTICATION, PRE_SHARED_KEY),
        (phase_1::GROUP, u32::from(suite.group.id())),
        (phase_1::LIFE_TYPE, SECONDS),
        (phase_1::LIFE_DURATION, seconds(lifetime)),
    ];
    attributes.extend(bits.map(|bits| (phase_1::KEY_LENGTH, bits)));
    emit_attributes(&attributes)
}

/// The attributes of what is offered, which an [`offer`] borrows.
pub(super) fn ike_offers(accepted: &IkeAlgorithms, lifetime: Duration) -> Vec<(u8, Vec<u8>)> {
    let suites = ike_suites(accepted).take(MAX_OFFERS);
    suites
        .map(|suite| (KEY_IKE, ike_attributes(&suite, lifetime)))
        .collect()
}

/// One proposal of these transforms.
pub(super) fn offer<'a>(
    protocol: ProtocolId,
    spi: &'a [u8],
    transforms: &'a [(u8, Vec<u8>)],
) -> SecurityAssociation<'a> {
    let numbered = (1..=u8::MAX).zip(transforms);
    let transforms = numbered.map(|(number, (id, octets))| Transform::new(number, *id, octets));
    SecurityAssociation {
        proposals: alloc::vec![Proposal {
            number: 1,
            protocol,
            spi,
            transforms: transforms.collect(),
        }],
    }
}

/// What was chosen: the suite, the lifetime that went with it, and the transform as it came.
pub(super) struct Chosen<'a, S> {
    pub(super) suite: S,
    pub(super) lifetime: Option<Duration>,
    pub(super) proposal: Proposal<'a>,
}

/// The value of an attribute, where it has one.
pub(super) fn value(transform: &Transform<'_>, kind: u16) -> Option<u32> {
    let mut found = transform.attributes().filter(|one| one.kind == kind);
    found.next()?.value
}

fn lifetime(transform: &Transform<'_>, kinds: (u16, u16)) -> Option<Duration> {
    let mut unit = None;
    for attribute in transform.attributes() {
        if attribute.kind == kinds.0 {
            unit = attribute.value;
        } else if attribute.kind == kinds.1 && unit == Some(SECONDS) {
            return attribute.value.map(|s| Duration::from_secs(s.into()));
        }
    }
    None
}

fn reads_as(transform: &Transform<'_>, suite: &IkeSuite) -> bool {
    let Some((cipher, bits)) = ike_cipher(suite.encryption) else {
        return false;
    };
    transform.id == KEY_IKE
        && value(transform, phase_1::ENCRYPTION) == Some(cipher)
        && value(transform, phase_1::KEY_LENGTH) == bits
        && value(transform, phase_1::HASH) == hash(suite.prf).map(|(number, _)| number)
        && value(transform, phase_1::AUTHENTICATION) == Some(PRE_SHARED_KEY)
        && value(transform, phase_1::GROUP) == Some(u32::from(suite.group.id()))
}

/// Chooses from what the peer offers for an IKE SA: our order decides.
pub(super) fn choose_ike<'a>(
    sa: &SecurityAssociation<'a>,
    accepted: &IkeAlgorithms,
) -> Option<Chosen<'a, IkeSuite>> {
    let proposals = sa.proposals.iter();
    let mut proposals = proposals.filter(|one| one.protocol == ProtocolId::ISAKMP);
    proposals.find_map(|proposal| {
        ike_suites(accepted).find_map(|suite| {
            let mut transforms = proposal.transforms.iter();
            let transform = *transforms.find(|transform| reads_as(transform, &suite))?;
            let kinds = (phase_1::LIFE_TYPE, phase_1::LIFE_DURATION);
            Some(Chosen {
                suite,
                lifetime: lifetime(&transform, kinds),
                proposal: Proposal {
                    transforms: alloc::vec![transform],
                    ..proposal.clone()
                },
            })
        })
    })
}

/// A cipher's number in ESP (RFC 2407 section 4.4.4), which IKEv2's continues; RFC 7634 gave none to ChaCha20.
pub(super) fn esp_cipher(cipher: Encryption) -> Option<(u8, Option<u32>)> {
    if cipher == Encryption::ChaCha20Poly1305 {
        return None;
    }
    let (id, bits) = cipher.transform();
    Some((u8::try_from(id).ok()?, bits.map(u32::from)))
}

/// The number of AH with an integrity algorithm (RFC 2407 section 4.4.3, RFC 4868, RFC 3566).
fn ah_transform(integrity: Integrity) -> Option<u8> {
    Some(match integrity {
        Integrity::HmacMd5_96 => 2,
        Integrity::HmacSha1_96 => 3,
        Integrity::HmacSha256_128 => 5,
        Integrity::HmacSha384_192 => 6,
        Integrity::HmacSha512_256 => 7,
        Integrity::AesXcbc96 => 9,
        Integrity::AesCmac96 => return None,
    })
}

/// What a transform of this suite is, and its key length where it has several.
fn child_transform(suite: &EspSuite) -> Option<(u8, Option<u32>)> {
    match suite.encryption {
        Some(cipher) => esp_cipher(cipher),
        None => Some((ah_transform(suite.integrity?)?, None)),
    }
}

/// All suites that `accepted` makes, best first, each with sequence numbers of 64 bits or of 32.
pub(super) fn esp_suites(
    accepted: &EspAlgorithms,
    mode: Mode,
    group: Option<Group>,
    extended_sequence_numbers: bool,
) -> impl Iterator<Item = EspSuite> + '_ {
    let suite = move |encryption: Option<&Encryption>, integrity| EspSuite {
        encryption: encryption.copied(),
        integrity,
        group,
        additional: None,
        extended_sequence_numbers,
        mode,
    };
    let integrity = accepted.integrity.iter();
    let integrity = integrity.filter(|one| authentication(**one).is_some());
    let is_ah = accepted.protocol == Protocol::Ah;
    let of_ah = integrity.filter(move |_| is_ah);
    let of_ah = of_ah.map(move |one| suite(None, Some(*one)));
    let ciphers = accepted.encryption.iter();
    let ciphers = ciphers.filter(move |cipher| !is_ah && esp_cipher(**cipher).is_some());
    let of_esp = ciphers.flat_map(move |cipher| {
        let own = cipher.is_aead().then(|| suite(Some(cipher), None));
        let beside: &[Integrity] = if cipher.is_aead() {
            &[]
        } else {
            &accepted.integrity
        };
        let beside = beside.iter().filter(|one| authentication(**one).is_some());
        let others = beside.map(move |one| suite(Some(cipher), Some(*one)));
        own.into_iter().chain(others)
    });
    of_ah.chain(of_esp)
}

fn esp_attributes(suite: &EspSuite, mode: u32, lifetime: Duration) -> Option<(u8, Vec<u8>)> {
    let (id, bits) = child_transform(suite)?;
    let mut attributes = alloc::vec![
        (phase_2::LIFE_TYPE, SECONDS),
        (phase_2::LIFE_DURATION, seconds(lifetime)),
        (phase_2::ENCAPSULATION, mode),
    ];
    let group = suite.group.map(|group| u32::from(group.id()));
    attributes.extend(group.map(|group| (phase_2::GROUP, group)));
    let integrity = suite.integrity.and_then(authentication);
    attributes.extend(integrity.map(|number| (phase_2::AUTHENTICATION, number)));
    attributes.extend(bits.map(|bits| (phase_2::KEY_LENGTH, bits)));
    if suite.extended_sequence_numbers {
        attributes.push((phase_2::SEQUENCE_NUMBERS, OF_64_BITS));
    }
    Some((id, emit_attributes(&attributes)))
}

/// The transforms that are offered for a Child SA. Those with an attribute of RFC 4304, which not every peer knows,
/// come last.
pub(super) fn esp_offers(
    config: &ConnectionConfig,
    group: Option<Group>,
    wrapping: Wrapping,
) -> Vec<(u8, Vec<u8>)> {
    let long: &[bool] = if config.esp.extended_sequence_numbers {
        &[false, true]
    } else {
        &[false]
    };
    let long = long.iter();
    let suites = long.flat_map(|long| esp_suites(&config.esp, config.mode, group, *long));
    let mode = wrapping.number(config.mode);
    let lifetime = config.child_lifetime;
    let offers = suites.filter_map(|suite| esp_attributes(&suite, mode, lifetime));
    offers.take(MAX_OFFERS).collect()
}

fn esp_reads_as(transform: &Transform<'_>, suite: &EspSuite, mode: u32) -> bool {
    let Some((id, bits)) = child_transform(suite) else {
        return false;
    };
    transform.id == id
        && value(transform, phase_2::KEY_LENGTH) == bits
        && value(transform, phase_2::AUTHENTICATION) == suite.integrity.and_then(authentication)
        && value(transform, phase_2::ENCAPSULATION) == Some(mode)
        && value(transform, phase_2::GROUP) == suite.group.map(|group| u32::from(group.id()))
        && value(transform, phase_2::SEQUENCE_NUMBERS)
            == suite.extended_sequence_numbers.then_some(OF_64_BITS)
}

/// Chooses from what the peer offers for a Child SA with a public value of `public_len` octets, or none:
/// our order decides.
pub(super) fn choose_esp<'a>(
    sa: &SecurityAssociation<'a>,
    config: &ConnectionConfig,
    wrapping: Wrapping,
    public_len: Option<usize>,
) -> Option<Chosen<'a, EspSuite>> {
    let accepted = &config.esp;
    let mode = wrapping.number(config.mode);
    let groups: Vec<Option<Group>> = match public_len {
        None if accepted.groups.is_empty() => alloc::vec![None],
        None => return None,
        Some(len) => {
            let groups = accepted.groups.iter();
            groups
                .filter(|group| group.public_len() == len)
                .map(|group| Some(*group))
                .collect()
        }
    };
    let alone = |number: u8| {
        // ESP within AH, and the like, goes together by its number.
        sa.proposals
            .iter()
            .filter(|one| one.number == number)
            .count()
            == 1
    };
    let proposals = sa.proposals.iter();
    let protocol = ProtocolId(accepted.protocol.number());
    let mut proposals =
        proposals.filter(|one| one.protocol == protocol && one.spi.len() == 4 && alone(one.number));
    proposals.find_map(|proposal| {
        let suites = [true, false].into_iter().flat_map(|long| {
            let groups = groups
                .iter()
                .filter(move |_| accepted.extended_sequence_numbers || !long);
            groups.flat_map(move |group| esp_suites(accepted, config.mode, *group, long))
        });
        suites.into_iter().find_map(|suite| {
            let mut transforms = proposal.transforms.iter();
            let transform = *transforms.find(|one| esp_reads_as(one, &suite, mode))?;
            let kinds = (phase_2::LIFE_TYPE, phase_2::LIFE_DURATION);
            Some(Chosen {
                suite,
                lifetime: lifetime(&transform, kinds),
                proposal: Proposal {
                    transforms: alloc::vec![transform],
                    ..proposal.clone()
                },
            })
        })
    })
}
