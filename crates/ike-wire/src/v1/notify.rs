//! Notifications (RFC 2408 section 3.14).

use alloc::vec::Vec;

use crate::ParseError;
use crate::reader::Reader;
use crate::v1::ProtocolId;

/// What a notification says (RFC 2408 section 3.14.1, RFC 2407 section 4.6.3). Below 8192 it is an error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NotifyType(pub u16);

#[expect(missing_docs, reason = "the names are those of the RFCs")]
impl NotifyType {
    pub const INVALID_PAYLOAD_TYPE: Self = Self(1);
    pub const INVALID_EXCHANGE_TYPE: Self = Self(7);
    pub const INVALID_MESSAGE_ID: Self = Self(9);
    pub const NO_PROPOSAL_CHOSEN: Self = Self(14);
    pub const PAYLOAD_MALFORMED: Self = Self(16);
    pub const INVALID_KEY_INFORMATION: Self = Self(17);
    pub const INVALID_ID_INFORMATION: Self = Self(18);
    pub const INVALID_HASH_INFORMATION: Self = Self(23);
    pub const AUTHENTICATION_FAILED: Self = Self(24);
    /// The lifetime of what was agreed is shorter than what was offered (RFC 2407 section 4.6.3.1).
    pub const RESPONDER_LIFETIME: Self = Self(24576);
    /// There is no other SA between the two (RFC 2407 section 4.6.3.3).
    pub const INITIAL_CONTACT: Self = Self(24578);
    /// Dead peer detection's question (RFC 3706 section 5.3).
    pub const R_U_THERE: Self = Self(36136);
    /// Its answer.
    pub const R_U_THERE_ACK: Self = Self(36137);

    /// Whether it announces an error.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 < 8192
    }

    /// The name, where it is one of the above.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::INVALID_PAYLOAD_TYPE => "INVALID-PAYLOAD-TYPE",
            Self::INVALID_EXCHANGE_TYPE => "INVALID-EXCHANGE-TYPE",
            Self::INVALID_MESSAGE_ID => "INVALID-MESSAGE-ID",
            Self::NO_PROPOSAL_CHOSEN => "NO-PROPOSAL-CHOSEN",
            Self::PAYLOAD_MALFORMED => "PAYLOAD-MALFORMED",
            Self::INVALID_KEY_INFORMATION => "INVALID-KEY-INFORMATION",
            Self::INVALID_ID_INFORMATION => "INVALID-ID-INFORMATION",
            Self::INVALID_HASH_INFORMATION => "INVALID-HASH-INFORMATION",
            Self::AUTHENTICATION_FAILED => "AUTHENTICATION-FAILED",
            Self::RESPONDER_LIFETIME => "RESPONDER-LIFETIME",
            Self::INITIAL_CONTACT => "INITIAL-CONTACT",
            Self::R_U_THERE => "R-U-THERE",
            Self::R_U_THERE_ACK => "R-U-THERE-ACK",
            _ => return None,
        })
    }
}

/// A notification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notify<'a> {
    /// What kind of SA it is about.
    pub protocol: ProtocolId,
    /// Which one: both cookies, or an SPI; may be empty.
    pub spi: &'a [u8],
    /// What it says.
    pub kind: NotifyType,
    /// What goes with it.
    pub data: &'a [u8],
}

impl<'a> Notify<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body, "notification");
        let _doi = reader.u32()?;
        let [protocol, spi_len] = reader.array()?;
        let kind = NotifyType(reader.u16()?);
        let spi = reader.take(usize::from(spi_len))?;
        Ok(Self {
            protocol: ProtocolId(protocol),
            spi,
            kind,
            data: reader.rest(),
        })
    }

    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        let spi = self.spi.get(..255).unwrap_or(self.spi);
        out.extend_from_slice(&super::security_association::IPSEC_DOI.to_be_bytes());
        out.push(self.protocol.0);
        out.push(u8::try_from(spi.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(&self.kind.0.to_be_bytes());
        out.extend_from_slice(spi);
        out.extend_from_slice(self.data);
    }
}
