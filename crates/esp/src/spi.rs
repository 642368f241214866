//! The Security Parameters Index: which SA a packet belongs to.

use core::fmt;
use core::num::NonZeroU32;

/// An ESP SPI. Values up to 255 are reserved (RFC 4303 section 2.1) and cannot be represented.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spi(NonZeroU32);

/// The value is in the reserved range from 0 to 255.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("SPI {0} is reserved")]
pub struct InvalidSpi(pub u32);

impl Spi {
    /// The smallest value that may stand for an SA.
    pub const MIN: u32 = 256;

    /// The number as it stands in the packet, host order.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The SPI at the head of an ESP packet.
    #[must_use]
    pub fn of_packet(packet: &[u8]) -> Option<Self> {
        Self::try_from(u32::from_be_bytes(*packet.first_chunk()?)).ok()
    }
}

impl TryFrom<u32> for Spi {
    type Error = InvalidSpi;

    fn try_from(value: u32) -> Result<Self, InvalidSpi> {
        NonZeroU32::new(value)
            .filter(|spi| spi.get() >= Self::MIN)
            .map(Self)
            .ok_or(InvalidSpi(value))
    }
}

impl fmt::Display for Spi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for Spi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spi({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn reserved_values_are_no_spi() {
        assert_eq!(Spi::try_from(255), Err(InvalidSpi(255)));
        assert_eq!(Spi::try_from(0), Err(InvalidSpi(0)));
        assert_eq!(Spi::try_from(256).unwrap().to_string(), "00000100");
    }

    #[test]
    fn the_spi_is_read_from_the_first_four_octets() {
        assert_eq!(Spi::of_packet(&[0, 0, 1, 2, 9]).unwrap().get(), 0x102);
        assert_eq!(Spi::of_packet(&[0, 0, 1]), None);
        assert_eq!(Spi::of_packet(&[0; 8]), None);
    }
}
