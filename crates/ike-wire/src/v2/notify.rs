//! Notifications (RFC 7296 section 3.10).

use alloc::vec::Vec;

use crate::ParseError;
use crate::reader::Reader;
use crate::v2::ProtocolId;

/// What a notification says (IANA "IKEv2 Notify Message Types"). Below 16384 it is an error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NotifyType(pub u16);

#[expect(missing_docs, reason = "the names are those of the IANA registry")]
impl NotifyType {
    pub const UNSUPPORTED_CRITICAL_PAYLOAD: Self = Self(1);
    pub const INVALID_IKE_SPI: Self = Self(4);
    pub const INVALID_MAJOR_VERSION: Self = Self(5);
    pub const INVALID_SYNTAX: Self = Self(7);
    pub const INVALID_MESSAGE_ID: Self = Self(9);
    pub const INVALID_SPI: Self = Self(11);
    pub const NO_PROPOSAL_CHOSEN: Self = Self(14);
    pub const INVALID_KE_PAYLOAD: Self = Self(17);
    pub const AUTHENTICATION_FAILED: Self = Self(24);
    pub const SINGLE_PAIR_REQUIRED: Self = Self(34);
    pub const NO_ADDITIONAL_SAS: Self = Self(35);
    pub const INTERNAL_ADDRESS_FAILURE: Self = Self(36);
    pub const FAILED_CP_REQUIRED: Self = Self(37);
    pub const TS_UNACCEPTABLE: Self = Self(38);
    pub const INVALID_SELECTORS: Self = Self(39);
    pub const TEMPORARY_FAILURE: Self = Self(43);
    pub const CHILD_SA_NOT_FOUND: Self = Self(44);
    pub const STATE_NOT_FOUND: Self = Self(47);
    pub const INITIAL_CONTACT: Self = Self(16384);
    pub const SET_WINDOW_SIZE: Self = Self(16385);
    pub const ADDITIONAL_TS_POSSIBLE: Self = Self(16386);
    pub const NAT_DETECTION_SOURCE_IP: Self = Self(16388);
    pub const NAT_DETECTION_DESTINATION_IP: Self = Self(16389);
    pub const COOKIE: Self = Self(16390);
    pub const USE_TRANSPORT_MODE: Self = Self(16391);
    pub const HTTP_CERT_LOOKUP_SUPPORTED: Self = Self(16392);
    pub const REKEY_SA: Self = Self(16393);
    pub const ESP_TFC_PADDING_NOT_SUPPORTED: Self = Self(16394);
    pub const NON_FIRST_FRAGMENTS_ALSO: Self = Self(16395);
    pub const AUTH_LIFETIME: Self = Self(16403);
    pub const CHILDLESS_IKEV2_SUPPORTED: Self = Self(16418);
    pub const IKEV2_MESSAGE_ID_SYNC_SUPPORTED: Self = Self(16420);
    pub const IKEV2_MESSAGE_ID_SYNC: Self = Self(16422);
    pub const FRAGMENTATION_SUPPORTED: Self = Self(16430);
    pub const SIGNATURE_HASH_ALGORITHMS: Self = Self(16431);
    pub const USE_PPK: Self = Self(16435);
    pub const PPK_IDENTITY: Self = Self(16436);
    pub const NO_PPK_AUTH: Self = Self(16437);
    pub const INTERMEDIATE_EXCHANGE_SUPPORTED: Self = Self(16438);
    pub const ADDITIONAL_KEY_EXCHANGE: Self = Self(16441);

    /// Whether it reports an error (section 3.10.1).
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 < 16384
    }

    /// The name as the registry spells it, where it is one named here.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::UNSUPPORTED_CRITICAL_PAYLOAD => "UNSUPPORTED_CRITICAL_PAYLOAD",
            Self::INVALID_IKE_SPI => "INVALID_IKE_SPI",
            Self::INVALID_MAJOR_VERSION => "INVALID_MAJOR_VERSION",
            Self::INVALID_SYNTAX => "INVALID_SYNTAX",
            Self::INVALID_MESSAGE_ID => "INVALID_MESSAGE_ID",
            Self::INVALID_SPI => "INVALID_SPI",
            Self::NO_PROPOSAL_CHOSEN => "NO_PROPOSAL_CHOSEN",
            Self::INVALID_KE_PAYLOAD => "INVALID_KE_PAYLOAD",
            Self::AUTHENTICATION_FAILED => "AUTHENTICATION_FAILED",
            Self::SINGLE_PAIR_REQUIRED => "SINGLE_PAIR_REQUIRED",
            Self::NO_ADDITIONAL_SAS => "NO_ADDITIONAL_SAS",
            Self::INTERNAL_ADDRESS_FAILURE => "INTERNAL_ADDRESS_FAILURE",
            Self::FAILED_CP_REQUIRED => "FAILED_CP_REQUIRED",
            Self::TS_UNACCEPTABLE => "TS_UNACCEPTABLE",
            Self::INVALID_SELECTORS => "INVALID_SELECTORS",
            Self::TEMPORARY_FAILURE => "TEMPORARY_FAILURE",
            Self::CHILD_SA_NOT_FOUND => "CHILD_SA_NOT_FOUND",
            Self::STATE_NOT_FOUND => "STATE_NOT_FOUND",
            _ => return None,
        })
    }
}

/// A notification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notify<'a> {
    /// The SA it is about: [`ProtocolId::NONE`], AH or ESP.
    pub protocol: ProtocolId,
    /// The SPI of that SA, or nothing.
    pub spi: &'a [u8],
    /// What it says.
    pub kind: NotifyType,
    /// What belongs to it.
    pub data: &'a [u8],
}

impl<'a> Notify<'a> {
    /// A notification about no SA in particular.
    #[must_use]
    pub const fn new(kind: NotifyType, data: &'a [u8]) -> Self {
        Self {
            protocol: ProtocolId::NONE,
            spi: &[],
            kind,
            data,
        }
    }

    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body, "notify payload");
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
        out.extend_from_slice(&[self.protocol.0, u8::try_from(spi.len()).unwrap_or(u8::MAX)]);
        out.extend_from_slice(&self.kind.0.to_be_bytes());
        out.extend_from_slice(spi);
        out.extend_from_slice(self.data);
    }
}
