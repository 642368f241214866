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

/// The place of a fragment among those of its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FragmentNumber {
    /// From 1.
    pub number: u16,
    /// How many there are.
    pub total: u16,
}

/// What comes into an encrypted payload, in octets: the type of the first payload inside, and the payloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inner<'a> {
    /// The type of the first one.
    pub first: PayloadType,
    /// All of them, as [`emit_chain`] writes them, or a part of them.
    pub octets: &'a [u8],
}

/// How a cipher wants its message laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape<'a> {
    /// The initialization vector.
    pub iv: &'a [u8],
    /// What the length of the padded payloads is a multiple of, at least 1.
    pub block_len: usize,
    /// The length of the integrity check value.
    pub icv_len: usize,
}

impl Shape<'_> {
    /// How many octets of payloads fit into a fragment of a message of at most `limit` octets.
    #[must_use]
    pub fn room_in_fragment(&self, limit: usize) -> usize {
        let around = Header::LEN + 4 + FRAGMENT_NUMBERS_LEN + self.iv.len() + self.icv_len;
        let block_len = self.block_len.clamp(1, 255);
        let padded = limit.saturating_sub(around) / block_len * block_len;
        // The octet with the length of the padding.
        padded.saturating_sub(1)
    }
}

/// A fragment's number, and how many there are.
const FRAGMENT_NUMBERS_LEN: usize = 4;

impl Layout {
    /// Lays out `payloads` behind `header`.
    #[must_use]
    pub fn new(header: &Header, payloads: &[Payload<'_>], shape: Shape<'_>) -> Self {
        let mut octets = Vec::with_capacity(512);
        let first = emit_chain(payloads, &mut octets);
        let octets = &octets;
        Self::of(header, Inner { first, octets }, shape)
    }

    /// Lays out a message with these payloads in one encrypted payload.
    #[must_use]
    pub fn of(header: &Header, inner: Inner<'_>, shape: Shape<'_>) -> Self {
        Self::with_kind(header, PayloadType::SK, &[], inner, shape)
    }

    /// Lays out one fragment of a message (RFC 7383 section 2.5).
    #[must_use]
    pub fn of_fragment(
        header: &Header,
        fragment: FragmentNumber,
        inner: Inner<'_>,
        shape: Shape<'_>,
    ) -> Self {
        let (number, total) = (fragment.number.to_be_bytes(), fragment.total.to_be_bytes());
        let numbers = [number, total].concat();
        Self::with_kind(header, PayloadType::SKF, &numbers, inner, shape)
    }

    fn with_kind(
        header: &Header,
        kind: PayloadType,
        numbers: &[u8],
        inner: Inner<'_>,
        shape: Shape<'_>,
    ) -> Self {
        let mut octets = Vec::with_capacity(inner.octets.len() + 128);
        header.emit(&mut octets);
        let start = octets.len();
        octets.extend_from_slice(&[inner.first.0, 0, 0, 0]);
        octets.extend_from_slice(numbers);
        let associated_len = octets.len();
        octets.extend_from_slice(shape.iv);
        octets.extend_from_slice(inner.octets);
        let unpadded = inner.octets.len() + 1;
        let padding = unpadded.next_multiple_of(shape.block_len.clamp(1, 255)) - unpadded;
        octets.resize(octets.len() + padding, 0);
        octets.push(u8::try_from(padding).unwrap_or_default());
        octets.resize(octets.len() + shape.icv_len, 0);
        patch_length(&mut octets, start);
        finish(&mut octets, kind.0);
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
