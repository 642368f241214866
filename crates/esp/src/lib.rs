//! ESP in tunnel mode (RFC 4303): one Child SA's two directions, as pure transformations of buffers.
//!
//! Nothing here knows a socket, a clock or a thread. An [`OutboundSa`] turns inner packets, written by the caller
//! into buffers with room for the overhead, into ESP packets; an [`InboundSa`] does the reverse and answers where
//! the inner packet stands, or why it must be dropped. Each direction has one owner and plain counters.
//!
//! Invariants: a sequence number or an IV is never used twice under one key; the replay window moves only for
//! authenticated packets; nothing leaves [`InboundSa`] that its selectors do not allow (RFC 4301 section 5.2).

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod inbound;
mod inner;
mod outbound;
mod replay;
mod selector;
mod spi;

pub use inbound::{DropReason, InboundCounters, InboundPacket, InboundSa};
pub use inner::{HeaderError, InnerHeader};
pub use outbound::{OutboundError, OutboundPacket, OutboundSa};
pub use replay::{ReplayError, ReplayWindow};
pub use selector::{AddressRange, Ports, SelectorError, Selectors, TrafficSelector};
pub use spi::{InvalidSpi, Spi};

use adit_crypto::{Encryption, Integrity};

/// Octets of SPI and sequence number before the IV.
pub const ESP_HEADER_LEN: usize = 8;

/// Algorithms and keys of one direction of a Child SA.
#[derive(Clone, Copy)]
pub struct Keying<'a> {
    /// The cipher.
    pub encryption: Encryption,
    /// The integrity algorithm; `None` with an AEAD cipher.
    pub integrity: Option<Integrity>,
    /// [`Encryption::key_len`] octets of KEYMAT.
    pub encryption_key: &'a [u8],
    /// [`Integrity::key_len`] octets of KEYMAT, or none.
    pub integrity_key: &'a [u8],
}

impl core::fmt::Debug for Keying<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Keying({:?}, {:?})", self.encryption, self.integrity)
    }
}

#[cfg(test)]
mod tests;
