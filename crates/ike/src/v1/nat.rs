//! NAT traversal (RFC 3947), and vendor IDs that say what a peer can do.
//!
//! As in IKEv2 our own source hash is wrong on purpose, so that the peer encapsulates ESP in UDP.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use adit_crypto::Prf;
use adit_ike_wire::Spi;
use adit_ike_wire::v1::Payload;

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

impl Dialect {
    /// The encapsulation mode "tunnel in UDP" (RFC 3947 section 5.1, and the drafts').
    pub(super) const fn tunnel_mode(self) -> u32 {
        match self {
            Self::Rfc => 3,
            Self::Draft => 61443,
        }
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

/// The hashes to send: that of where the message goes, then the wrong one.
pub(super) fn hashes(prf: Prf, cookies: (Spi, Spi), remote: SocketAddr) -> [Vec<u8>; 2] {
    let unspecified = match remote.ip() {
        IpAddr::V4(_) => IpAddr::from([0; 4]),
        IpAddr::V6(_) => IpAddr::from([0; 16]),
    };
    [
        hash(prf, cookies, remote),
        hash(prf, cookies, SocketAddr::new(unspecified, 0)),
    ]
}

/// Whether the peer's address is translated (or it wants UDP encapsulation): none of its source hashes,
/// which come after the first, is that of where its message came from.
pub(super) fn is_translated(
    payloads: &[Payload<'_>],
    prf: Prf,
    cookies: (Spi, Spi),
    remote: SocketAddr,
) -> bool {
    let expected = hash(prf, cookies, remote);
    let hashes = payloads.iter().filter_map(|payload| match payload {
        Payload::NatDetection { hash, .. } => Some(*hash),
        _ => None,
    });
    !hashes.skip(1).any(|hash| hash == expected)
}
