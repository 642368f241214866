//! NAT traversal (RFC 3947), and vendor IDs that say what a peer can do.
//!
//! As in IKEv2 our own source hash is wrong on purpose, so that the peer encapsulates ESP in UDP, unless the
//! connection excludes that.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use adit_crypto::Prf;
use adit_ike_wire::Spi;
use adit_ike_wire::v1::Payload;

use crate::carriage::{Carriage, Wanted};
use crate::config::Mode;
use crate::failure::Failure;
use crate::sa::Path;
use crate::v1::link::Link;

/// RFC 3947 section 3.1.
const RFC_3947: [u8; 16] = *b"\x4a\x13\x1c\x81\x07\x03\x58\x45\x5c\x57\x28\xf2\x0e\x95\x45\x2f";
/// Two drafts before it, which number their payloads and modes alike.
const DRAFT_03: [u8; 16] = *b"\x7d\x94\x19\xa6\x53\x10\xca\x6f\x2c\x17\x9d\x92\x15\x52\x9d\x56";
const DRAFT_02: [u8; 16] = *b"\x90\xcb\x80\x91\x3e\xbb\x69\x6e\x08\x63\x81\xb5\xec\x42\x7b\x1f";
/// RFC 3706 section 5.1, version 1.0.
const DEAD_PEER_DETECTION: [u8; 16] =
    *b"\xaf\xca\xd7\x13\x68\xa1\xf1\xc9\x6b\x86\x96\xfc\x77\x57\x01\x00";

/// What we can do.
pub(super) const OURS: [&[u8]; 4] = [&DEAD_PEER_DETECTION, &RFC_3947, &DRAFT_03, &DRAFT_02];

/// Whose numbers NAT traversal is spoken with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dialect {
    Rfc,
    Draft,
}

/// How ESP is carried: what an encapsulation mode says beside tunnel or transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wrapping {
    Plain,
    Udp(Dialect),
}

impl Wrapping {
    /// The encapsulation mode as an attribute (RFC 2407 section 4.5, RFC 3947 section 5.1, and the drafts').
    pub(super) const fn number(self, mode: Mode) -> u32 {
        let tunnel = match self {
            Self::Plain => 1,
            Self::Udp(Dialect::Rfc) => 3,
            Self::Udp(Dialect::Draft) => 61443,
        };
        match mode {
            Mode::Transport => tunnel + 1,
            Mode::Tunnel => tunnel,
        }
    }

    pub(super) const fn carriage(self) -> Carriage {
        match self {
            Self::Plain => Carriage::Ip,
            Self::Udp(_) => Carriage::Udp,
        }
    }

    /// What both ends conclude from their hashes; `dialect` is none where the peer does not speak of NAT
    /// traversal.
    pub(super) fn of(
        wanted: impl Into<Wanted>,
        dialect: Option<Dialect>,
        translated: bool,
    ) -> Result<Self, Failure> {
        // Who says nothing of addresses says nothing of a NAT.
        let supported = dialect.is_some();
        let carriage = wanted.into().conclude(supported, supported && translated)?;
        let in_udp = dialect.filter(|_| carriage == Carriage::Udp);
        Ok(in_udp.map_or(Self::Plain, Self::Udp))
    }
}

/// What a peer can do, by its vendor IDs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Abilities {
    pub(super) nat_traversal: Option<Dialect>,
    pub(super) dead_peer_detection: bool,
}

impl Abilities {
    pub(super) fn of(payloads: &[Payload<'_>]) -> Self {
        let has = |wanted: &[u8]| {
            let mut ids = payloads.iter();
            ids.any(|payload| matches!(payload, Payload::VendorId(id) if *id == wanted))
        };
        let draft = has(&DRAFT_03) || has(&DRAFT_02);
        Self {
            nat_traversal: if has(&RFC_3947) {
                Some(Dialect::Rfc)
            } else {
                draft.then_some(Dialect::Draft)
            },
            dead_peer_detection: has(&DEAD_PEER_DETECTION),
        }
    }
}

/// HASH(CKY-I | CKY-R | address | port).
fn hash(prf: Prf, cookies: (Spi, Spi), address: SocketAddr) -> Vec<u8> {
    let (one, two) = (cookies.0.0.to_be_bytes(), cookies.1.0.to_be_bytes());
    let port = address.port().to_be_bytes();
    let hash = match address.ip() {
        IpAddr::V4(ip) => prf.hash(&[&one, &two, &ip.octets(), &port]),
        IpAddr::V6(ip) => prf.hash(&[&one, &two, &ip.octets(), &port]),
    };
    // No suite of IKEv1 is without.
    hash.unwrap_or_default()
}

/// The hashes to send: that of where the message goes, then that of where it is said to come from.
pub(super) fn hashes(
    prf: Prf,
    cookies: (Spi, Spi),
    path: Path,
    source: SocketAddr,
) -> [Vec<u8>; 2] {
    [hash(prf, cookies, path.remote), hash(prf, cookies, source)]
}

fn received<'a>(payloads: &'a [Payload<'_>]) -> impl Iterator<Item = &'a [u8]> {
    payloads.iter().filter_map(|payload| match payload {
        Payload::NatDetection { hash, .. } => Some(*hash),
        _ => None,
    })
}

/// Notes in `link` what a message that came by `path` says of NATs, and what follows for ESP.
pub(super) fn conclude(
    link: &mut Link,
    path: Path,
    wanted: impl Into<Wanted>,
    dialect: Option<Dialect>,
    prf: Prf,
    payloads: &[Payload<'_>],
) -> Result<Wrapping, Failure> {
    let expected = |address| hash(prf, link.cookies(), address);
    let mut hashes = received(payloads);
    // The first is of where the message went, the others of where it may have come from.
    let ours = hashes.next();
    let here = expected(path.local_address());
    let we_are_translated = ours.is_none_or(|hash| hash != here);
    let there = expected(path.remote);
    link.is_translated = dialect.is_some() && !hashes.any(|hash| hash == there);
    link.behind_nat = dialect.is_some() && we_are_translated;
    let translated = link.is_translated || we_are_translated;
    let wrapping = Wrapping::of(wanted, dialect, translated)?;
    link.carriage = wrapping.carriage();
    Ok(wrapping)
}
