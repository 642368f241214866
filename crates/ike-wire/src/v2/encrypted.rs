//! The encrypted payload (RFC 7296 section 3.14, RFC 5282 section 3, RFC 7383 section 2.5).
//!
//! This crate lays octets out and takes them apart; sealing and opening in between is the
//! caller's: everything before the IV is associated data.

use alloc::vec::Vec;

use crate::reader::Reader;
use crate::v2::payload::{Payload, emit_chain};
use crate::writer::{finish, patch_length};
use crate::{Header, ParseError, PayloadType};

/// The encrypted payload: the IV, the ciphertext and the integrity check value in one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Encrypted<'a> {
    /// The type of the first payload inside.
    pub first_inner: PayloadType,
    /// IV, ciphertext and integrity check value.
    pub body: &'a [u8],
}

/// One fragment of an encrypted message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EncryptedFragment<'a> {
    /// The type of the first payload inside; zero in all but the first fragment.
    pub first_inner: PayloadType,
    /// Its number, from 1.
    pub number: u16,
    /// How many there are.
    pub total: u16,
    /// IV, ciphertext and integrity check value.
    pub body: &'a [u8],
}

impl<'a> EncryptedFragment<'a> {
    pub(crate) fn parse(first_inner: PayloadType, body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body, "encrypted fragment");
        let (number, total) = (reader.u16()?, reader.u16()?);
        if number == 0 || number > total {
            return Err(ParseError::Value("encrypted fragment"));
        }
        Ok(Self {
            first_inner,
            number,
            total,
            body: reader.rest(),
        })
    }

    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.total.to_be_bytes());
        out.extend_from_slice(self.body);
    }
}

/// A message laid out for sealing: header, SK generic header, IV, padded payloads, and zeros where
/// the integrity check value goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// The whole message.
    pub octets: Vec<u8>,
    /// How many octets come before the IV: the associated data.
    pub associated_len: usize,
}

impl Layout {
    /// Lays out `payloads` behind `header`, padded to a multiple of `block_len` (at least 1).
    #[must_use]
    pub fn new(
        header: &Header,
        payloads: &[Payload<'_>],
        iv: &[u8],
        block_len: usize,
        icv_len: usize,
    ) -> Self {
        let mut octets = Vec::with_capacity(512);
        header.emit(&mut octets);
        let start = octets.len();
        octets.extend_from_slice(&[0; 4]);
        let associated_len = octets.len();
        octets.extend_from_slice(iv);
        let plain = octets.len();
        let first = emit_chain(payloads, &mut octets);
        let unpadded = octets.len() - plain + 1;
        let padding = unpadded.next_multiple_of(block_len.clamp(1, 255)) - unpadded;
        octets.resize(octets.len() + padding, 0);
        octets.push(u8::try_from(padding).unwrap_or_default());
        octets.resize(octets.len() + icv_len, 0);
        if let Some(next) = octets.get_mut(start) {
            *next = first.0;
        }
        patch_length(&mut octets, start);
        finish(&mut octets, PayloadType::SK.0);
        Self {
            octets,
            associated_len,
        }
    }
}

/// Takes the padding off decrypted octets. Its content is not checked (RFC 7296 section 3.14).
#[must_use]
pub fn strip_padding(plain: &[u8]) -> Option<&[u8]> {
    let (padding, rest) = plain.split_last()?;
    rest.get(..rest.len().checked_sub(usize::from(*padding))?)
}
