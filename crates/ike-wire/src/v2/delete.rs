//! The Delete payload (RFC 7296 section 3.11).

use alloc::vec::Vec;

use crate::ParseError;
use crate::reader::Reader;
use crate::v2::ProtocolId;

/// The SAs a peer has deleted: the IKE SA itself, or Child SAs by the SPIs the sender receives on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delete<'a> {
    /// What kind of SAs.
    pub protocol: ProtocolId,
    spi_len: u8,
    spis: &'a [u8],
}

impl<'a> Delete<'a> {
    /// The IKE SA that carries the message.
    pub const IKE_SA: Self = Self {
        protocol: ProtocolId::IKE,
        spi_len: 0,
        spis: &[],
    };

    /// Child SAs, by their SPIs, one after the other, four octets each; what does not fill four
    /// octets at the end is left off.
    #[must_use]
    pub fn child_sas(protocol: ProtocolId, spis: &'a [u8]) -> Self {
        let whole = spis.len() - spis.len() % 4;
        Self {
            protocol,
            spi_len: 4,
            spis: spis.get(..whole).unwrap_or_default(),
        }
    }

    /// The SPIs of four octets; none when it is about the IKE SA.
    pub fn spis(&self) -> impl Iterator<Item = u32> + 'a {
        let octets = if self.spi_len == 4 { self.spis } else { &[] };
        octets
            .as_chunks::<4>()
            .0
            .iter()
            .map(|spi| u32::from_be_bytes(*spi))
    }

    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body, "delete payload");
        let [protocol, spi_len] = reader.array()?;
        let count = usize::from(reader.u16()?);
        let spis = reader.take(count * usize::from(spi_len))?;
        if !reader.is_empty() {
            return Err(ParseError::Length("delete payload"));
        }
        let expected = if ProtocolId(protocol) == ProtocolId::IKE {
            0
        } else {
            4
        };
        // Zero SPIs may come with any stated size.
        if count != 0 && spi_len != expected {
            return Err(ParseError::Value("delete payload"));
        }
        let spi_len = if count == 0 { expected } else { spi_len };
        Ok(Self {
            protocol: ProtocolId(protocol),
            spi_len,
            spis,
        })
    }

    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        let count = self
            .spis
            .len()
            .checked_div(usize::from(self.spi_len))
            .unwrap_or_default();
        out.extend_from_slice(&[self.protocol.0, self.spi_len]);
        out.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(self.spis);
    }
}
