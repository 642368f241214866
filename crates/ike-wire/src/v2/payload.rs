//! Payloads and their chain (RFC 7296 sections 3.2 to 3.16).

use alloc::vec::Vec;

use crate::reader::Reader;
use crate::v2::delete::Delete;
use crate::v2::encrypted::{Encrypted, EncryptedFragment};
use crate::v2::identification::Identification;
use crate::v2::notify::Notify;
use crate::v2::security_association::{self, Proposal};
use crate::v2::traffic_selector;
use crate::writer::patch_length;
use crate::{ParseError, PayloadType, TrafficSelector};

/// The most payloads in one message.
pub const MAX_PAYLOADS: usize = 64;

#[expect(missing_docs, reason = "the names are those of the IANA registry")]
impl PayloadType {
    pub const SA: Self = Self(33);
    pub const KE: Self = Self(34);
    pub const ID_I: Self = Self(35);
    pub const ID_R: Self = Self(36);
    pub const CERT: Self = Self(37);
    pub const CERTREQ: Self = Self(38);
    pub const AUTH: Self = Self(39);
    pub const NONCE: Self = Self(40);
    pub const NOTIFY: Self = Self(41);
    pub const DELETE: Self = Self(42);
    pub const VENDOR_ID: Self = Self(43);
    pub const TS_I: Self = Self(44);
    pub const TS_R: Self = Self(45);
    pub const SK: Self = Self(46);
    pub const CP: Self = Self(47);
    pub const EAP: Self = Self(48);
    pub const SKF: Self = Self(53);
}

/// One payload, borrowed from the message it was read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Payload<'a> {
    /// Authentication: the method, and its data (section 3.8).
    Authentication {
        /// 2 is the shared key message integrity code.
        method: u8,
        /// What the method makes.
        data: &'a [u8],
    },
    /// A certificate (section 3.6): its encoding, and its data.
    Certificate {
        /// RFC 7296 section 3.6.
        encoding: u8,
        /// The certificate.
        data: &'a [u8],
    },
    /// A wish for a certificate (section 3.7).
    CertificateRequest {
        /// RFC 7296 section 3.7: as of certificates.
        encoding: u8,
        /// The authorities.
        data: &'a [u8],
    },
    /// Configuration (section 3.15), unread.
    Configuration(&'a [u8]),
    /// SAs to delete (section 3.11).
    Delete(Delete<'a>),
    /// Extensible authentication (section 3.16), unread.
    Eap(&'a [u8]),
    /// The encrypted payload (section 3.14); always the last one.
    Encrypted(Encrypted<'a>),
    /// A fragment of an encrypted message (RFC 7383 section 2.5); always the last payload.
    EncryptedFragment(EncryptedFragment<'a>),
    /// The initiator's identity (section 3.5).
    IdInitiator(Identification<'a>),
    /// The responder's identity.
    IdResponder(Identification<'a>),
    /// A public value (section 3.4).
    KeyExchange {
        /// The group's IANA number.
        group: u16,
        /// The public value.
        data: &'a [u8],
    },
    /// A nonce of 16 to 256 octets (section 3.9).
    Nonce(&'a [u8]),
    /// A notification (section 3.10).
    Notify(Notify<'a>),
    /// Proposals (section 3.3).
    SecurityAssociation(Vec<Proposal<'a>>),
    /// The initiator's traffic selectors (section 3.13).
    TsInitiator(Vec<TrafficSelector>),
    /// The responder's traffic selectors.
    TsResponder(Vec<TrafficSelector>),
    /// A payload of a type not known here.
    Unknown {
        /// One without a word here.
        kind: PayloadType,
        /// Whether the message must be refused by who does not know the type (section 2.5).
        critical: bool,
        /// What follows the generic header.
        body: &'a [u8],
    },
    /// A vendor ID (section 3.12).
    VendorId(&'a [u8]),
}

impl<'a> Payload<'a> {
    /// The payload's type.
    #[must_use]
    pub const fn kind(&self) -> PayloadType {
        match self {
            Self::Authentication { .. } => PayloadType::AUTH,
            Self::Certificate { .. } => PayloadType::CERT,
            Self::CertificateRequest { .. } => PayloadType::CERTREQ,
            Self::Configuration(_) => PayloadType::CP,
            Self::Delete(_) => PayloadType::DELETE,
            Self::Eap(_) => PayloadType::EAP,
            Self::Encrypted(_) => PayloadType::SK,
            Self::EncryptedFragment(_) => PayloadType::SKF,
            Self::IdInitiator(_) => PayloadType::ID_I,
            Self::IdResponder(_) => PayloadType::ID_R,
            Self::KeyExchange { .. } => PayloadType::KE,
            Self::Nonce(_) => PayloadType::NONCE,
            Self::Notify(_) => PayloadType::NOTIFY,
            Self::SecurityAssociation(_) => PayloadType::SA,
            Self::TsInitiator(_) => PayloadType::TS_I,
            Self::TsResponder(_) => PayloadType::TS_R,
            Self::Unknown { kind, .. } => *kind,
            Self::VendorId(_) => PayloadType::VENDOR_ID,
        }
    }

    fn parse(
        kind: PayloadType,
        critical: bool,
        next: PayloadType,
        body: &'a [u8],
    ) -> Result<Self, ParseError> {
        Ok(match kind {
            PayloadType::AUTH => {
                let mut reader = Reader::new(body, "AUTH payload");
                let [method, _, _, _] = reader.array()?;
                Self::Authentication {
                    method,
                    data: reader.rest(),
                }
            }
            PayloadType::CERT | PayloadType::CERTREQ => {
                let mut reader = Reader::new(body, "certificate payload");
                let encoding = reader.u8()?;
                let data = reader.rest();
                if kind == PayloadType::CERT {
                    Self::Certificate { encoding, data }
                } else {
                    Self::CertificateRequest { encoding, data }
                }
            }
            PayloadType::CP => Self::Configuration(body),
            PayloadType::DELETE => Self::Delete(Delete::parse(body)?),
            PayloadType::EAP => Self::Eap(body),
            PayloadType::ID_I => Self::IdInitiator(Identification::parse(body)?),
            PayloadType::ID_R => Self::IdResponder(Identification::parse(body)?),
            PayloadType::KE => {
                let mut reader = Reader::new(body, "KE payload");
                let group = reader.u16()?;
                let _reserved = reader.u16()?;
                Self::KeyExchange {
                    group,
                    data: reader.rest(),
                }
            }
            PayloadType::NONCE if (16..=256).contains(&body.len()) => Self::Nonce(body),
            PayloadType::NONCE => return Err(ParseError::Length("nonce")),
            PayloadType::NOTIFY => Self::Notify(Notify::parse(body)?),
            PayloadType::SA => Self::SecurityAssociation(security_association::parse(body)?),
            PayloadType::SK => Self::Encrypted(Encrypted {
                first_inner: next,
                body,
            }),
            PayloadType::SKF => Self::EncryptedFragment(EncryptedFragment::parse(next, body)?),
            PayloadType::TS_I => Self::TsInitiator(traffic_selector::parse(body)?),
            PayloadType::TS_R => Self::TsResponder(traffic_selector::parse(body)?),
            PayloadType::VENDOR_ID => Self::VendorId(body),
            _ => Self::Unknown {
                kind,
                critical,
                body,
            },
        })
    }

    /// Appends the payload's body, without its generic header.
    fn emit_body(&self, out: &mut Vec<u8>) {
        match self {
            Self::Authentication { method, data } => {
                out.extend_from_slice(&[*method, 0, 0, 0]);
                out.extend_from_slice(data);
            }
            Self::Certificate { encoding, data } | Self::CertificateRequest { encoding, data } => {
                out.push(*encoding);
                out.extend_from_slice(data);
            }
            Self::Configuration(body)
            | Self::Eap(body)
            | Self::Nonce(body)
            | Self::Unknown { body, .. }
            | Self::VendorId(body) => out.extend_from_slice(body),
            Self::Delete(delete) => delete.emit(out),
            Self::Encrypted(encrypted) => out.extend_from_slice(encrypted.body),
            Self::EncryptedFragment(fragment) => fragment.emit(out),
            Self::IdInitiator(id) | Self::IdResponder(id) => id.emit(out),
            Self::KeyExchange { group, data } => {
                out.extend_from_slice(&group.to_be_bytes());
                out.extend_from_slice(&[0, 0]);
                out.extend_from_slice(data);
            }
            Self::Notify(notify) => notify.emit(out),
            Self::SecurityAssociation(proposals) => security_association::emit(proposals, out),
            Self::TsInitiator(selectors) | Self::TsResponder(selectors) => {
                traffic_selector::emit(selectors, out);
            }
        }
    }

    const fn critical(&self) -> bool {
        // Section 2.5: the bit is zero for every payload type RFC 7296 defines.
        matches!(self, Self::Unknown { critical: true, .. })
    }
}

/// Reads a chain of payloads, the first of type `first`, that fills `octets`.
///
/// # Errors
/// The chain is cut short, leaves octets over, or holds a payload whose body is malformed.
pub fn parse_chain(first: PayloadType, octets: &[u8]) -> Result<Vec<Payload<'_>>, ParseError> {
    let mut reader = Reader::new(octets, "payload");
    let mut kind = first;
    let mut payloads = Vec::new();
    while kind != PayloadType::NONE {
        if payloads.len() == MAX_PAYLOADS {
            return Err(ParseError::TooMany("message"));
        }
        let next = PayloadType(reader.u8()?);
        let critical = reader.u8()? & 0x80 != 0;
        let length = usize::from(reader.u16()?);
        let body = reader.take(length.checked_sub(4).ok_or(ParseError::Length("payload"))?)?;
        payloads.push(Payload::parse(kind, critical, next, body)?);
        // Sections 3.14 and RFC 7383 2.5: the encrypted payload is the last one, and its
        // "next payload" names the first payload inside.
        if kind == PayloadType::SK || kind == PayloadType::SKF {
            break;
        }
        kind = next;
    }
    if reader.is_empty() {
        Ok(payloads)
    } else {
        Err(ParseError::Length("message"))
    }
}

/// Appends a chain of payloads and answers the type of the first.
///
/// A payload longer than 65 535 octets can't be expressed; its length field is then 65 535 and the
/// message is refused by whoever reads it. No payload Adit makes comes near.
pub fn emit_chain(payloads: &[Payload<'_>], out: &mut Vec<u8>) -> PayloadType {
    for (index, payload) in payloads.iter().enumerate() {
        let next = match payload {
            Payload::Encrypted(encrypted) => encrypted.first_inner,
            Payload::EncryptedFragment(fragment) => fragment.first_inner,
            _ => payloads
                .get(index + 1)
                .map_or(PayloadType::NONE, Payload::kind),
        };
        let start = out.len();
        out.extend_from_slice(&[next.0, if payload.critical() { 0x80 } else { 0 }, 0, 0]);
        payload.emit_body(out);
        patch_length(out, start);
    }
    payloads.first().map_or(PayloadType::NONE, Payload::kind)
}
