//! ESP (RFC 4303) and AH (RFC 4302) in tunnel and transport mode: one Child SA's two directions, as pure
//! transformations of buffers.
//!
//! Nothing here knows a socket, a clock or a thread. An [`OutboundSa`] turns inner packets, written by the caller
//! into buffers with room for the overhead, into sealed packets; an [`InboundSa`] does the reverse and answers where
//! the inner packet stands, or why it must be dropped. Each direction has one owner and plain counters.
//!
//! Invariants: a sequence number or an IV is never used twice under one key; the replay window moves only for
//! authenticated packets; nothing leaves [`InboundSa`] that its selectors do not allow (RFC 4301 section 5.2).

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod ah;
mod hosts;
mod inbound;
mod inner;
mod outbound;
mod replay;
mod selector;
mod spi;

pub use hosts::{FamiliesDiffer, Hosts};
pub use inbound::{Delivered, DropReason, HEADROOM, InboundCounters, InboundSa};
pub use inner::{HeaderError, InnerHeader};
pub use outbound::{Carried, OutboundError, OutboundPacket, OutboundSa, Uncarried};
pub use replay::{ReplayError, ReplayWindow};
pub use selector::{AddressRange, Ports, SelectorError, Selectors, TrafficSelector};
pub use spi::{InvalidSpi, Spi};

use adit_crypto::{Encryption, Integrity};

/// Octets of SPI and sequence number before the IV.
pub const ESP_HEADER_LEN: usize = 8;

/// What protects packets, with its algorithms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protection {
    /// Integrity of the packet and of the header outside of it.
    Ah(Integrity),
    /// Encryption; an integrity algorithm beside a cipher that has none of its own.
    Esp(Encryption, Option<Integrity>),
}

impl Protection {
    /// The protocol, whatever the algorithms.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Ah(_) => Protocol::Ah,
            Self::Esp(..) => Protocol::Esp,
        }
    }
}

/// A protocol of IPsec, each with SPIs of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// IP protocol 51.
    Ah,
    /// IP protocol 50.
    Esp,
}

/// What of a packet is protected (RFC 4301 section 4.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mode {
    /// What the IP packet carries, between the two ends themselves.
    Transport,
    /// All of it.
    #[default]
    Tunnel,
}

/// How packets of an SA are built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Framing {
    /// What of them is protected.
    pub mode: Mode,
    /// Between whom they go.
    pub hosts: Hosts,
}

/// Algorithms and keys of one direction of a Child SA.
#[derive(Clone, Copy)]
pub struct Keying<'a> {
    /// The algorithms.
    pub protection: Protection,
    /// [`Encryption::key_len`] octets of KEYMAT; none for AH.
    pub encryption_key: &'a [u8],
    /// [`Integrity::key_len`] octets of KEYMAT, or none.
    pub integrity_key: &'a [u8],
}

impl core::fmt::Debug for Keying<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Keying({:?})", self.protection)
    }
}

#[cfg(test)]
mod tests;
