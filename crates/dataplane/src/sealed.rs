//! Sealed packets as they arrive, by what they are known.

use std::net::SocketAddr;

use adit_esp::{Protocol, Spi};

use crate::counters::DropCause;

/// A sealed packet that has arrived.
pub(crate) struct Sealed<'a> {
    /// From its SPI on; of AH over IPv4 from the outer header on.
    pub(crate) packet: &'a mut [u8],
    pub(crate) spi: Spi,
    pub(crate) protocol: Protocol,
    /// The peer's address and port, of one that came in UDP.
    pub(crate) from: Option<SocketAddr>,
    /// It came over IPv4, where that makes a difference.
    pub(crate) is_ipv4: bool,
}

impl<'a> Sealed<'a> {
    /// One of ESP.
    pub(crate) fn esp(packet: &'a mut [u8], from: Option<SocketAddr>) -> Result<Self, DropCause> {
        Ok(Self {
            spi: Spi::of_packet(packet).ok_or(DropCause::UnknownSpi)?,
            packet,
            protocol: Protocol::Esp,
            from,
            is_ipv4: false,
        })
    }

    /// One of AH, over IPv4 with the outer header.
    pub(crate) fn ah(packet: &'a mut [u8], is_ipv4: bool) -> Result<Self, DropCause> {
        let outer_len = match packet.first() {
            Some(first) if is_ipv4 => usize::from(first & 0x0F) * 4,
            _ => 0,
        };
        // Behind next header, length and two octets of nothing (RFC 4302 section 2).
        let spi = packet.get(outer_len + 4..).and_then(Spi::of_packet);
        Ok(Self {
            spi: spi.ok_or(DropCause::UnknownSpi)?,
            packet,
            protocol: Protocol::Ah,
            from: None,
            is_ipv4,
        })
    }

    pub(crate) const fn is_in_udp(&self) -> bool {
        self.from.is_some()
    }
}
