//! The SA payload: proposals of transforms (RFC 7296 section 3.3).

use alloc::vec::Vec;

use crate::ParseError;
use crate::reader::Reader;
use crate::writer::patch_length;

/// The most proposals in one SA payload.
pub const MAX_PROPOSALS: usize = 32;
/// The most transforms in one proposal.
pub const MAX_TRANSFORMS: usize = 128;

/// What an SA is for (RFC 7296 section 3.3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProtocolId(pub u8);

impl ProtocolId {
    /// No SA in particular (in a notification).
    pub const NONE: Self = Self(0);
    /// The IKE SA.
    pub const IKE: Self = Self(1);
    /// AH.
    pub const AH: Self = Self(2);
    /// ESP.
    pub const ESP: Self = Self(3);
}

/// What a transform is about (RFC 7296 section 3.3.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TransformType(pub u8);

impl TransformType {
    /// Encryption.
    pub const ENCR: Self = Self(1);
    /// Pseudorandom function.
    pub const PRF: Self = Self(2);
    /// Integrity.
    pub const INTEG: Self = Self(3);
    /// Key exchange method.
    pub const KE: Self = Self(4);
    /// Extended sequence numbers.
    pub const ESN: Self = Self(5);
    /// The first additional key exchange (RFC 9370).
    pub const ADDKE1: Self = Self(6);
}

/// One algorithm of a proposal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Transform {
    /// What it is about.
    pub kind: TransformType,
    /// Which algorithm, by its IANA number.
    pub id: u16,
    /// The key length attribute in bits, where there is one.
    pub key_bits: Option<u16>,
    /// It has an attribute not known here, so it can't be chosen (section 3.3.6).
    pub unknown_attribute: bool,
}

impl Transform {
    /// A transform without attributes.
    #[must_use]
    pub const fn new(kind: TransformType, id: u16) -> Self {
        Self {
            kind,
            id,
            key_bits: None,
            unknown_attribute: false,
        }
    }

    /// The same with a key length in bits.
    #[must_use]
    pub const fn with_key_bits(mut self, bits: u16) -> Self {
        self.key_bits = Some(bits);
        self
    }
}

/// One proposal: a protocol, the sender's SPI, and the algorithms to choose from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal<'a> {
    /// Its number, from 1; an answer repeats the number of what it chose.
    pub number: u8,
    /// What the SA is for.
    pub protocol: ProtocolId,
    /// The sender's SPI: none, 4 or 8 octets.
    pub spi: &'a [u8],
    /// The algorithms; one of each type is chosen.
    pub transforms: Vec<Transform>,
}

/// The attribute that holds a key length, in its two-octet form (section 3.3.5).
const KEY_LENGTH: u16 = 0x8000 | 14;

pub(crate) fn parse(body: &[u8]) -> Result<Vec<Proposal<'_>>, ParseError> {
    let mut reader = Reader::new(body, "SA payload");
    let mut proposals = Vec::new();
    loop {
        if proposals.len() == MAX_PROPOSALS {
            return Err(ParseError::TooMany("SA payload"));
        }
        let last = match reader.u8()? {
            0 => true,
            2 => false,
            _ => return Err(ParseError::Value("proposal")),
        };
        let _reserved = reader.u8()?;
        let length = usize::from(reader.u16()?);
        let octets = reader.take(
            length
                .checked_sub(4)
                .ok_or(ParseError::Length("proposal"))?,
        )?;
        proposals.push(parse_proposal(octets)?);
        if last {
            break;
        }
    }
    if reader.is_empty() {
        Ok(proposals)
    } else {
        Err(ParseError::Length("SA payload"))
    }
}

fn parse_proposal(octets: &[u8]) -> Result<Proposal<'_>, ParseError> {
    let mut reader = Reader::new(octets, "proposal");
    let [number, protocol, spi_len, count] = reader.array()?;
    let spi = reader.take(usize::from(spi_len))?;
    let count = usize::from(count);
    if count > MAX_TRANSFORMS {
        return Err(ParseError::TooMany("proposal"));
    }
    let mut transforms = Vec::with_capacity(count.min(octets.len() / 8));
    for index in 0..count {
        let more = reader.u8()?;
        if more != if index + 1 == count { 0 } else { 3 } {
            return Err(ParseError::Value("transform"));
        }
        let _reserved = reader.u8()?;
        let length = usize::from(reader.u16()?);
        let octets = reader.take(
            length
                .checked_sub(4)
                .ok_or(ParseError::Length("transform"))?,
        )?;
        transforms.push(parse_transform(octets)?);
    }
    if reader.is_empty() {
        Ok(Proposal {
            number,
            protocol: ProtocolId(protocol),
            spi,
            transforms,
        })
    } else {
        Err(ParseError::Length("proposal"))
    }
}

fn parse_transform(octets: &[u8]) -> Result<Transform, ParseError> {
    let mut reader = Reader::new(octets, "transform");
    let kind = TransformType(reader.u8()?);
    let _reserved = reader.u8()?;
    let mut transform = Transform::new(kind, reader.u16()?);
    while !reader.is_empty() {
        let attribute = reader.u16()?;
        let value = reader.u16()?;
        if attribute == KEY_LENGTH && transform.key_bits.is_none() {
            transform.key_bits = Some(value);
        } else {
            transform.unknown_attribute = true;
            if attribute & 0x8000 == 0 {
                reader.take(usize::from(value))?;
            }
        }
    }
    Ok(transform)
}

pub(crate) fn emit(proposals: &[Proposal<'_>], out: &mut Vec<u8>) {
    for (index, proposal) in proposals.iter().enumerate() {
        let start = out.len();
        let last = index + 1 == proposals.len();
        let spi = proposal.spi.get(..255).unwrap_or(proposal.spi);
        let spi_len = u8::try_from(spi.len()).unwrap_or(u8::MAX);
        let transforms = proposal
            .transforms
            .get(..MAX_TRANSFORMS)
            .unwrap_or(&proposal.transforms);
        let count = u8::try_from(transforms.len()).unwrap_or(u8::MAX);
        out.extend_from_slice(&[if last { 0 } else { 2 }, 0, 0, 0]);
        out.extend_from_slice(&[proposal.number, proposal.protocol.0, spi_len, count]);
        out.extend_from_slice(spi);
        for (index, transform) in transforms.iter().enumerate() {
            let start = out.len();
            let last = index + 1 == transforms.len();
            out.extend_from_slice(&[if last { 0 } else { 3 }, 0, 0, 0, transform.kind.0, 0]);
            out.extend_from_slice(&transform.id.to_be_bytes());
            if let Some(bits) = transform.key_bits {
                out.extend_from_slice(&KEY_LENGTH.to_be_bytes());
                out.extend_from_slice(&bits.to_be_bytes());
            }
            patch_length(out, start);
        }
        patch_length(out, start);
    }
}
