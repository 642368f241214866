//! Payloads and their chain (RFC 2408 sections 3.2 to 3.16, RFC 3947).

use alloc::vec::Vec;

use crate::reader::Reader;
use crate::v1::identification::Identification;
use crate::v1::notify::Notify;
use crate::v1::security_association::{ProtocolId, SecurityAssociation};
use crate::writer::{finish, patch_length};
use crate::{Header, ParseError, PayloadType};

/// The most payloads in one message.
pub const MAX_PAYLOADS: usize = 64;

const SA: PayloadType = PayloadType(1);
const KE: PayloadType = PayloadType(4);
const ID: PayloadType = PayloadType(5);
const HASH: PayloadType = PayloadType(8);
const NONCE: PayloadType = PayloadType(10);
const NOTIFY: PayloadType = PayloadType(11);
const DELETE: PayloadType = PayloadType(12);
const VENDOR_ID: PayloadType = PayloadType(13);
const NAT_D: PayloadType = PayloadType(20);
/// NAT-D as the drafts before RFC 3947 numbered it.
const NAT_D_DRAFT: PayloadType = PayloadType(130);

/// One payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Payload<'a> {
    /// SAs that the sender has deleted.
    Delete(Delete<'a>),
    /// What authenticates.
    Hash(&'a [u8]),
    /// Who somebody is, or which traffic is meant.
    Identification(Identification<'a>),
    /// A public value.
    KeyExchange(&'a [u8]),
    /// What NAT detection compares; whether in the drafts' numbering.
    NatDetection {
        /// The hash of an address.
        hash: &'a [u8],
        /// Whether it has the number of the drafts before RFC 3947.
        is_draft: bool,
    },
    /// RFC 2409 section 5: 8 to 256 octets.
    Nonce(&'a [u8]),
    /// A notification.
    Notify(Notify<'a>),
    /// Proposals; the octets too, since they are hashed as they came.
    SecurityAssociation(SecurityAssociation<'a>, &'a [u8]),
    /// A payload of a type not known here.
    Unknown(PayloadType, &'a [u8]),
    /// RFC 2408 section 3.16: any octets.
    VendorId(&'a [u8]),
}

/// SAs that the sender has deleted, by the SPIs it receives on, or the IKE SA by its cookies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delete<'a> {
    /// What kind of SAs.
    pub protocol: ProtocolId,
    /// Octets of one SPI.
    pub spi_len: u8,
    /// The SPIs one after the other, in whole numbers.
    pub spis: &'a [u8],
}

impl<'a> Delete<'a> {
    /// The SPIs of ESP or AH; none when it is about the IKE SA.
    pub fn spis(&self) -> impl Iterator<Item = u32> + 'a {
        let octets = if self.spi_len == 4 { self.spis } else { &[] };
        let chunks = octets.as_chunks::<4>().0.iter();
        chunks.map(|spi| u32::from_be_bytes(*spi))
    }

    fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body, "delete payload");
        let _doi = reader.u32()?;
        let [protocol, spi_len] = reader.array()?;
        let count = usize::from(reader.u16()?);
        let spis = reader.take(count * usize::from(spi_len))?;
        if reader.is_empty() {
            Ok(Self {
                protocol: ProtocolId(protocol),
                spi_len,
                spis,
            })
        } else {
            Err(ParseError::Length("delete payload"))
        }
    }

    fn emit(&self, out: &mut Vec<u8>) {
        let count = self.spis.len().checked_div(usize::from(self.spi_len));
        let count = u16::try_from(count.unwrap_or_default()).unwrap_or(u16::MAX);
        out.extend_from_slice(&super::security_association::IPSEC_DOI.to_be_bytes());
        out.extend_from_slice(&[self.protocol.0, self.spi_len]);
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(self.spis);
    }
}

impl<'a> Payload<'a> {
    /// The payload's type.
    #[must_use]
    pub const fn kind(&self) -> PayloadType {
        match self {
            Self::Delete(_) => DELETE,
            Self::Hash(_) => HASH,
            Self::Identification(_) => ID,
            Self::KeyExchange(_) => KE,
            Self::NatDetection { is_draft: true, .. } => NAT_D_DRAFT,
            Self::NatDetection { .. } => NAT_D,
            Self::Nonce(_) => NONCE,
            Self::Notify(_) => NOTIFY,
            Self::SecurityAssociation(..) => SA,
            Self::Unknown(kind, _) => *kind,
            Self::VendorId(_) => VENDOR_ID,
        }
    }

    fn parse(kind: PayloadType, body: &'a [u8]) -> Result<Self, ParseError> {
        Ok(match kind {
            SA => Self::SecurityAssociation(SecurityAssociation::parse(body)?, body),
            KE => Self::KeyExchange(body),
            ID => Self::Identification(Identification::parse(body)?),
            HASH => Self::Hash(body),
            // RFC 2409 section 5.
            NONCE if (8..=256).contains(&body.len()) => Self::Nonce(body),
            NONCE => return Err(ParseError::Length("nonce")),
            NOTIFY => Self::Notify(Notify::parse(body)?),
            DELETE => Self::Delete(Delete::parse(body)?),
            VENDOR_ID => Self::VendorId(body),
            NAT_D | NAT_D_DRAFT => Self::NatDetection {
                hash: body,
                is_draft: kind == NAT_D_DRAFT,
            },
            _ => Self::Unknown(kind, body),
        })
    }

    /// Appends the payload's body, without its generic header.
    pub fn emit_body(&self, out: &mut Vec<u8>) {
        match self {
            Self::Delete(delete) => delete.emit(out),
            Self::Identification(id) => id.emit(out),
            Self::Notify(notify) => notify.emit(out),
            Self::SecurityAssociation(sa, _) => sa.emit(out),
            Self::Hash(body)
            | Self::KeyExchange(body)
            | Self::NatDetection { hash: body, .. }
            | Self::Nonce(body)
            | Self::Unknown(_, body)
            | Self::VendorId(body) => out.extend_from_slice(body),
        }
    }
}

/// Reads a chain of payloads, the first of type `first`, and answers what follows it: in an encrypted
/// message, padding.
///
/// # Errors
/// The chain is cut short, or holds a payload whose body is malformed.
pub fn parse_chain(
    first: PayloadType,
    octets: &[u8],
) -> Result<(Vec<Payload<'_>>, &[u8]), ParseError> {
    let mut reader = Reader::new(octets, "payload");
    let mut kind = first;
    let mut payloads = Vec::new();
    while kind != PayloadType::NONE {
        if payloads.len() == MAX_PAYLOADS {
            return Err(ParseError::TooMany("message"));
        }
        let next = PayloadType(reader.u8()?);
        let _reserved = reader.u8()?;
        let length = usize::from(reader.u16()?);
        let body = reader.take(length.checked_sub(4).ok_or(ParseError::Length("payload"))?)?;
        payloads.push(Payload::parse(kind, body)?);
        kind = next;
    }
    Ok((payloads, reader.rest()))
}

/// Appends a chain of payloads and answers the type of the first. A payload longer than 65 535 octets
/// can't be expressed; none that Adit makes comes near.
pub fn emit_chain(payloads: &[Payload<'_>], out: &mut Vec<u8>) -> PayloadType {
    for (index, payload) in payloads.iter().enumerate() {
        let next = payloads.get(index + 1);
        let next = next.map_or(PayloadType::NONE, Payload::kind);
        let start = out.len();
        out.extend_from_slice(&[next.0, 0, 0, 0]);
        payload.emit_body(out);
        patch_length(out, start);
    }
    payloads.first().map_or(PayloadType::NONE, Payload::kind)
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

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::v1::security_association::{Proposal, Transform, emit_attributes};
    use crate::v1::{Attribute, NotifyType};

    #[test]
    fn a_chain_is_read_as_it_was_written_and_what_follows_it_is_padding() {
        // AES-CBC, SHA-256, a pre-shared key, group 14, and a lifetime of a day and a half.
        let attributes =
            emit_attributes(&[(1, 7), (2, 4), (3, 1), (4, 14), (14, 256), (12, 129_600)]);
        let sa = SecurityAssociation {
            proposals: vec![Proposal {
                number: 1,
                protocol: ProtocolId::ISAKMP,
                spi: &[],
                transforms: vec![
                    Transform::new(1, 1, &attributes),
                    Transform::new(2, 1, &attributes),
                ],
            }],
        };
        let payloads = [
            Payload::SecurityAssociation(sa.clone(), &[]),
            Payload::VendorId(b"someone"),
            Payload::Notify(Notify {
                protocol: ProtocolId::ISAKMP,
                spi: &[1; 16],
                kind: NotifyType::R_U_THERE,
                data: &[0, 0, 0, 9],
            }),
            Payload::Delete(Delete {
                protocol: ProtocolId::ESP,
                spi_len: 4,
                spis: &[0, 0, 1, 0, 0, 0, 1, 1],
            }),
        ];
        let mut octets = Vec::new();
        let first = emit_chain(&payloads, &mut octets);
        octets.extend_from_slice(&[0; 7]);
        let (read, padding) = parse_chain(first, &octets).unwrap();
        assert_eq!(padding, &[0; 7]);
        assert_eq!(read[1..], payloads[1..]);
        let Payload::SecurityAssociation(read, octets) = &read[0] else {
            panic!("{read:?}");
        };
        assert_eq!(*read, sa);
        let mut body = Vec::new();
        sa.emit(&mut body);
        assert_eq!(*octets, body);
        let lifetime = read.proposals[0].transforms[0].attributes().last();
        let expected = Attribute {
            kind: 12,
            value: Some(129_600),
        };
        assert_eq!(lifetime, Some(expected));
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let mut octets = Vec::new();
        let first = emit_chain(
            &[Payload::Nonce(&[7; 16]), Payload::Hash(&[8; 20])],
            &mut octets,
        );
        assert!(parse_chain(first, &octets).is_ok());
        for end in 0..octets.len() {
            assert!(parse_chain(first, &octets[..end]).is_err(), "{end}");
        }
    }
}
