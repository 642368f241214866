//! A whole IKEv2 message: the header and the payloads behind it.

use alloc::vec::Vec;

use crate::payload::{Payload, emit_chain, parse_chain};
use crate::{Header, ParseError};

/// The longest message taken, in octets; longer ones are refused unread.
pub const MAX_MESSAGE_LEN: usize = 10_000;

/// An IKEv2 message, borrowed from its datagram.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// The header.
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

/// Fills in the header's first payload type and the message's length.
pub(crate) fn finish(message: &mut [u8], first: u8) {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    if let Some(field) = message.get_mut(16) {
        *field = first;
    }
    if let Some(field) = message.get_mut(24..28) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// Fills in the 16-bit length, two octets after `start`, of the structure that began there and
/// ends with `out`; a length too large becomes 65 535.
pub(crate) fn patch_length(out: &mut [u8], start: usize) {
    let length = u16::try_from(out.len().saturating_sub(start)).unwrap_or(u16::MAX);
    if let Some(field) = out.get_mut(start + 2..start + 4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}
