//! NAT detection (RFC 7296 section 2.23).
//!
//! Adit wants ESP in UDP wherever it can be had: it is the only form that crosses every path and that
//! the kernel can batch. So our own source hash is wrong on purpose, and the peer concludes that we are
//! behind a NAT and encapsulates. A connection that excludes UDP says its true address, and a peer that
//! does not speak of NAT traversal gets ESP as an IP protocol of its own.

use core::net::{IpAddr, SocketAddr};

use adit_ike_wire::Spi;
use adit_ike_wire::v2::{Notify, NotifyType, Payload};

use crate::carriage::{Carriage, Wanted};
use crate::failure::Failure;
use crate::v2::link::Translation;

/// SHA-1 over SPIi | SPIr | address | port.
pub(crate) fn hash(spis: (Spi, Spi), address: SocketAddr) -> [u8; 20] {
    let (spi_i, spi_r) = (spis.0.0.to_be_bytes(), spis.1.0.to_be_bytes());
    let port = address.port().to_be_bytes();
    match address.ip() {
        IpAddr::V4(ip) => adit_crypto::sha1(&[&spi_i, &spi_r, &ip.octets(), &port]),
        IpAddr::V6(ip) => adit_crypto::sha1(&[&spi_i, &spi_r, &ip.octets(), &port]),
    }
}

/// What the peer's hashes say about the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Detection {
    /// The peer understands NAT traversal at all.
    pub(crate) supported: bool,
    /// The peer's address was translated (or the peer says so to get UDP encapsulation).
    pub(crate) peer_is_translated: bool,
    /// Our address was translated.
    pub(crate) we_are_translated: bool,
}

impl Detection {
    /// What ESP travels in at this path, as both ends conclude (RFC 7296 section 2.23).
    pub(crate) fn carriage(self, wanted: impl Into<Wanted>) -> Result<Carriage, Failure> {
        let translated = self.peer_is_translated || self.we_are_translated;
        wanted.into().conclude(self.supported, translated)
    }

    pub(crate) const fn translation(self) -> Translation {
        if self.peer_is_translated {
            Translation::Yes
        } else {
            Translation::No
        }
    }

    pub(crate) fn of(
        payloads: &[Payload<'_>],
        spis: (Spi, Spi),
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Self {
        let hashes = |kind: NotifyType| {
            payloads.iter().filter_map(move |payload| match payload {
                Payload::Notify(Notify {
                    kind: found, data, ..
                }) if *found == kind => Some(*data),
                _ => None,
            })
        };
        let sources = || hashes(NotifyType::NAT_DETECTION_SOURCE_IP);
        let destinations = || hashes(NotifyType::NAT_DETECTION_DESTINATION_IP);
        let supported = sources().next().is_some() && destinations().next().is_some();
        // There may be several source hashes, one for each address the sender might use.
        let peer = hash(spis, remote);
        let us = hash(spis, local);
        Self {
            supported,
            peer_is_translated: supported && !sources().any(|hash| hash == peer),
            we_are_translated: supported && !destinations().any(|hash| hash == us),
        }
    }
}
