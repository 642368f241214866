//! A whole IKEv2 message: the header and the payloads behind it.

use alloc::vec::Vec;

use crate::v2::payload::{Payload, emit_chain, parse_chain};
use crate::writer::finish;
use crate::{ExchangeType, Header, ParseError};

/// The exchanges of IKEv2 (IANA "IKEv2 Exchange Types").
impl ExchangeType {
    /// `IKE_SA_INIT`, 34.
    pub const IKE_SA_INIT: Self = Self(34);
    /// `IKE_AUTH`, 35.
    pub const IKE_AUTH: Self = Self(35);
    /// `CREATE_CHILD_SA`, 36.
    pub const CREATE_CHILD_SA: Self = Self(36);
    /// `INFORMATIONAL`, 37.
    pub const INFORMATIONAL: Self = Self(37);
    /// `IKE_INTERMEDIATE`, 43 (RFC 9242).
    pub const IKE_INTERMEDIATE: Self = Self(43);
    /// `IKE_FOLLOWUP_KE`, 44 (RFC 9370).
    pub const IKE_FOLLOWUP_KE: Self = Self(44);
}

/// The longest message taken, in octets; longer ones are refused unread.
pub const MAX_MESSAGE_LEN: usize = 10_000;

/// An IKEv2 message, borrowed from its datagram.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// Its length is that of the whole datagram.
    pub header: Header,
    /// The payloads in their order; an encrypted one is the last.
    pub payloads: Vec<Payload<'a>>,
}

impl<'a> Message<'a> {
    /// Reads an IKEv2 message that fills `datagram`.
    ///
    /// # Errors
    /// The header or a payload is malformed, or the major version is not 2.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        let header = Header::parse(datagram)?;
        if header.major_version != 2 {
            return Err(ParseError::Version(header.major_version));
        }
        if datagram.len() > MAX_MESSAGE_LEN {
            return Err(ParseError::Length("message"));
        }
        let octets = datagram.get(Header::LEN..).unwrap_or_default();
        let payloads = parse_chain(header.next_payload, octets)?;
        Ok(Self { header, payloads })
    }
}

/// Writes a message in the clear. The header's `next_payload` and `length` are filled in.
#[must_use]
pub fn emit(header: &Header, payloads: &[Payload<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    header.emit(&mut out);
    let first = emit_chain(payloads, &mut out);
    finish(&mut out, first.0);
    out
}
