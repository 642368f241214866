//! The SA payload (RFC 2408 section 3.4): proposals of protocols that go together, each with transforms of
//! which one is chosen. Unlike IKEv2's, a transform here is a whole suite.

use alloc::vec::Vec;

use crate::ParseError;
use crate::reader::Reader;
use crate::writer::patch_length;

/// The domain of interpretation of all numbers here (RFC 2407 section 4.1).
pub(crate) const IPSEC_DOI: u32 = 1;

/// The one situation there is: parties say who they are (RFC 2407 section 4.2).
const IDENTITY_ONLY: u32 = 1;

/// The most proposals in one SA payload.
pub const MAX_PROPOSALS: usize = 32;
/// The most transforms in one proposal: as many as its count can say.
pub const MAX_TRANSFORMS: usize = 255;
/// The most attributes of a transform.
pub const MAX_ATTRIBUTES: usize = 32;

/// What an SA is for (RFC 2407 section 4.4.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProtocolId(pub u8);

impl ProtocolId {
    /// The IKE SA.
    pub const ISAKMP: Self = Self(1);
    /// AH.
    pub const AH: Self = Self(2);
    /// ESP.
    pub const ESP: Self = Self(3);
}

/// A property of a transform: a number and its value (RFC 2408 section 3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attribute {
    /// Which one, in the numbering of phase 1 (RFC 2409 appendix A) or phase 2 (RFC 2407 section 4.5).
    pub kind: u16,
    /// Its value; none where it has more than 32 bits.
    pub value: Option<u32>,
}

/// One suite of a proposal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transform<'a> {
    /// Its number, from 1; an answer repeats it.
    pub number: u8,
    /// What it is: the key exchange (1) in phase 1, the cipher in phase 2.
    pub id: u8,
    attributes: &'a [u8],
}

impl<'a> Transform<'a> {
    /// A transform of attributes that [`emit_attributes`] has written.
    #[must_use]
    pub const fn new(number: u8, id: u8, attributes: &'a [u8]) -> Self {
        Self {
            number,
            id,
            attributes,
        }
    }

    /// Its attributes, in their order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute> + 'a {
        let mut reader = Reader::new(self.attributes, "attribute");
        // What was parsed can be read; what was written, too.
        core::iter::from_fn(move || next_attribute(&mut reader).ok())
    }
}

/// A proposal: a protocol, the sender's SPI, and suites to choose one from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal<'a> {
    /// Its number. Several of one number go together (ESP within AH).
    pub number: u8,
    /// What the SA is for.
    pub protocol: ProtocolId,
    /// The sender's SPI.
    pub spi: &'a [u8],
    /// The suites.
    pub transforms: Vec<Transform<'a>>,
}

/// An SA payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecurityAssociation<'a> {
    /// The proposals, best first.
    pub proposals: Vec<Proposal<'a>>,
}

/// A value of up to 16 bits has the short form.
const SHORT: u16 = 0x8000;

fn next_attribute(reader: &mut Reader<'_>) -> Result<Attribute, ParseError> {
    let kind = reader.u16()?;
    let length = reader.u16()?;
    if kind & SHORT != 0 {
        return Ok(Attribute {
            kind: kind & !SHORT,
            value: Some(length.into()),
        });
    }
    let octets = reader.take(usize::from(length))?;
    let significant = octets.iter().position(|octet| *octet != 0);
    let octets = octets
        .get(significant.unwrap_or(octets.len())..)
        .unwrap_or_default();
    let value = (octets.len() <= 4).then(|| {
        octets
            .iter()
            .fold(0, |value, octet| value << 8 | u32::from(*octet))
    });
    Ok(Attribute { kind, value })
}

/// Writes attributes; values over 65 535 in the long form.
#[must_use]
pub fn emit_attributes(attributes: &[(u16, u32)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(attributes.len() * 8);
    for (kind, value) in attributes {
        if let Ok(short) = u16::try_from(*value) {
            out.extend_from_slice(&(kind | SHORT).to_be_bytes());
            out.extend_from_slice(&short.to_be_bytes());
        } else {
            out.extend_from_slice(&(kind & !SHORT).to_be_bytes());
            out.extend_from_slice(&4_u16.to_be_bytes());
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
    out
}

/// The attributes that octets hold, such as those of a notification of a lifetime.
///
/// # Errors
/// They are cut short, or too many.
pub fn parse_attributes(octets: &[u8]) -> Result<Vec<Attribute>, ParseError> {
    let mut reader = Reader::new(octets, "attribute");
    let mut attributes = Vec::new();
    while !reader.is_empty() {
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(ParseError::TooMany("transform"));
        }
        attributes.push(next_attribute(&mut reader)?);
    }
    Ok(attributes)
}

/// Takes one of a chain of proposals or transforms: whether there is another, and its body.
fn link<'a>(
    reader: &mut Reader<'a>,
    more: u8,
    what: &'static str,
) -> Result<(bool, &'a [u8]), ParseError> {
    let next = reader.u8()?;
    let _reserved = reader.u8()?;
    let length = usize::from(reader.u16()?);
    let body = reader.take(length.checked_sub(4).ok_or(ParseError::Length(what))?)?;
    match next {
        0 => Ok((false, body)),
        next if next == more => Ok((true, body)),
        _ => Err(ParseError::Value(what)),
    }
}

/// The payload type that says that another proposal follows.
const PROPOSAL: u8 = 2;
/// The same of transforms.
const TRANSFORM: u8 = 3;

impl<'a> SecurityAssociation<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body, "SA payload");
        if reader.u32()? != IPSEC_DOI {
            return Err(ParseError::Value("domain of interpretation"));
        }
        if reader.u32()? != IDENTITY_ONLY {
            return Err(ParseError::Value("situation"));
        }
        let mut proposals = Vec::new();
        loop {
            if proposals.len() == MAX_PROPOSALS {
                return Err(ParseError::TooMany("SA payload"));
            }
            let (more, body) = link(&mut reader, PROPOSAL, "proposal")?;
            proposals.push(parse_proposal(body)?);
            if !more {
                break;
            }
        }
        if reader.is_empty() {
            Ok(Self { proposals })
        } else {
            Err(ParseError::Length("SA payload"))
        }
    }

    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&IPSEC_DOI.to_be_bytes());
        out.extend_from_slice(&IDENTITY_ONLY.to_be_bytes());
        for (index, proposal) in self.proposals.iter().enumerate() {
            let start = out.len();
            let last = index + 1 == self.proposals.len();
            let spi = proposal.spi.get(..255).unwrap_or(proposal.spi);
            let transforms = proposal
                .transforms
                .get(..MAX_TRANSFORMS)
                .unwrap_or(&proposal.transforms);
            out.extend_from_slice(&[if last { 0 } else { PROPOSAL }, 0, 0, 0]);
            out.extend_from_slice(&[
                proposal.number,
                proposal.protocol.0,
                u8::try_from(spi.len()).unwrap_or(u8::MAX),
                u8::try_from(transforms.len()).unwrap_or(u8::MAX),
            ]);
            out.extend_from_slice(spi);
            for (index, transform) in transforms.iter().enumerate() {
                let start = out.len();
                let last = index + 1 == transforms.len();
                out.extend_from_slice(&[if last { 0 } else { TRANSFORM }, 0, 0, 0]);
                out.extend_from_slice(&[transform.number, transform.id, 0, 0]);
                out.extend_from_slice(transform.attributes);
                patch_length(out, start);
            }
            patch_length(out, start);
        }
    }
}

fn parse_proposal(body: &[u8]) -> Result<Proposal<'_>, ParseError> {
    let mut reader = Reader::new(body, "proposal");
    let [number, protocol, spi_len, count] = reader.array()?;
    let spi = reader.take(usize::from(spi_len))?;
    let mut transforms = Vec::with_capacity(usize::from(count).min(body.len() / 8));
    for index in 1..=count {
        let (more, body) = link(&mut reader, TRANSFORM, "transform")?;
        if more != (index != count) {
            return Err(ParseError::Value("transform"));
        }
        let mut reader = Reader::new(body, "transform");
        let [number, id, _, _] = reader.array()?;
        let attributes = reader.rest();
        parse_attributes(attributes)?;
        transforms.push(Transform {
            number,
            id,
            attributes,
        });
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
