//! The IKE header (RFC 7296 section 3.1), shared by IKEv1 and IKEv2.

use alloc::vec::Vec;
use core::fmt;

use crate::ParseError;
use crate::reader::Reader;

/// An IKE SPI; zero stands for "not known yet" in the responder's place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spi(pub u64);

impl Spi {
    /// The responder's SPI in the first message.
    pub const ZERO: Self = Self(0);

    /// Whether it is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Spi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A payload's type: a number of its version's (RFC 7296 section 3.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PayloadType(pub u8);

impl PayloadType {
    /// No further payload.
    pub const NONE: Self = Self(0);
}

/// Which exchange a message belongs to: a number of its version's (RFC 7296 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExchangeType(pub u8);

/// The header's flags. Other bits are ignored and sent as zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// IKEv1: what follows the header is encrypted (RFC 2408 section 3.1).
    pub encryption: bool,
    /// The sender is the original initiator of the IKE SA.
    pub initiator: bool,
    /// The sender can speak a higher major version.
    pub version: bool,
    /// The message is a response.
    pub response: bool,
}

impl Flags {
    const ENCRYPTION: u8 = 0x01;
    const INITIATOR: u8 = 0x08;
    const VERSION: u8 = 0x10;
    const RESPONSE: u8 = 0x20;

    const fn from_bits(bits: u8) -> Self {
        Self {
            encryption: bits & Self::ENCRYPTION != 0,
            initiator: bits & Self::INITIATOR != 0,
            version: bits & Self::VERSION != 0,
            response: bits & Self::RESPONSE != 0,
        }
    }

    const fn bits(self) -> u8 {
        (if self.encryption { Self::ENCRYPTION } else { 0 })
            | (if self.initiator { Self::INITIATOR } else { 0 })
            | (if self.version { Self::VERSION } else { 0 })
            | (if self.response { Self::RESPONSE } else { 0 })
    }
}

/// The fixed header of every IKE message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The SPI the original initiator chose; never zero.
    pub initiator_spi: Spi,
    /// The SPI the original responder chose; zero in the first request.
    pub responder_spi: Spi,
    /// The type of the first payload.
    pub next_payload: PayloadType,
    /// The major version: 2, or 1.
    pub major_version: u8,
    /// The minor version: 0.
    pub minor_version: u8,
    /// RFC 7296 section 3.1, RFC 2408 section 3.1.
    pub exchange: ExchangeType,
    /// Their bits differ by version.
    pub flags: Flags,
    /// The message ID: in IKEv2 counted per direction from 0; in IKEv1 zero in phase 1, and random for
    /// each exchange after it.
    pub message_id: u32,
    /// The length of the whole message in octets, header included.
    pub length: u32,
}

impl Header {
    /// The header's length in octets.
    pub const LEN: usize = 28;

    /// Reads the header of `datagram`.
    ///
    /// # Errors
    /// Fewer than 28 octets, a length field other than the datagram's length, or a zero initiator
    /// SPI.
    pub fn parse(datagram: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(datagram, "header");
        let initiator_spi = Spi(reader.u64()?);
        let responder_spi = Spi(reader.u64()?);
        let next_payload = PayloadType(reader.u8()?);
        let version = reader.u8()?;
        let exchange = ExchangeType(reader.u8()?);
        let flags = Flags::from_bits(reader.u8()?);
        let message_id = reader.u32()?;
        let length = reader.u32()?;
        if usize::try_from(length) != Ok(datagram.len()) {
            return Err(ParseError::Length("header"));
        }
        if initiator_spi.is_zero() {
            return Err(ParseError::Value("initiator SPI"));
        }
        Ok(Self {
            initiator_spi,
            responder_spi,
            next_payload,
            major_version: version >> 4,
            minor_version: version & 0x0f,
            exchange,
            flags,
            message_id,
            length,
        })
    }

    /// Appends the header, with `length` as it stands.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.initiator_spi.0.to_be_bytes());
        out.extend_from_slice(&self.responder_spi.0.to_be_bytes());
        out.push(self.next_payload.0);
        out.push((self.major_version << 4) | (self.minor_version & 0x0f));
        out.push(self.exchange.0);
        out.push(self.flags.bits());
        out.extend_from_slice(&self.message_id.to_be_bytes());
        out.extend_from_slice(&self.length.to_be_bytes());
    }
}
