//! The Internet checksum (RFC 1071) of IPv4, TCP, UDP and ICMP.

use core::net::IpAddr;

/// A running ones' complement sum. It may only be continued after an even number of octets.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum(u64);

impl Sum {
    /// Adds octets; an odd last one counts as if followed by zero.
    pub(crate) fn add(mut self, bytes: &[u8]) -> Self {
        // The sum is the same in any byte order but for a swap at the end, so four octets are added as they lie.
        let mut chunks = bytes.chunks_exact(4);
        let mut native = 0_u64;
        for chunk in &mut chunks {
            if let Some(word) = chunk.first_chunk() {
                native += u64::from(u32::from_ne_bytes(*word));
            }
        }
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(chunks.remainder()) {
            *to = *from;
        }
        native += u64::from(u32::from_ne_bytes(last));
        self.0 += u64::from(u16::from_be(fold(native)));
        self
    }

    /// Adds one 16-bit word.
    pub(crate) fn word(mut self, word: u16) -> Self {
        self.0 += u64::from(word);
        self
    }

    /// Adds the pseudo header of TCP, UDP and ICMPv6 (RFC 9293 section 3.1, RFC 8200 section 8.1).
    pub(crate) fn pseudo_header(
        self,
        source: IpAddr,
        destination: IpAddr,
        protocol: u8,
        len: usize,
    ) -> Self {
        let sum = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.add(&source.octets()).add(&destination.octets())
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.add(&source.octets()).add(&destination.octets())
            }
            _ => self,
        };
        sum.word(protocol.into()).add(&(len as u32).to_be_bytes())
    }

    /// The sum folded to 16 bits, as a partial checksum for the kernel to complete.
    pub(crate) fn partial(self) -> u16 {
        fold(self.0)
    }

    /// The checksum: the complement of the folded sum.
    pub(crate) fn finish(self) -> u16 {
        !self.partial()
    }
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

/// The checksum after one 16-bit word under it has changed (RFC 1624 section 3).
pub(crate) fn updated(checksum: u16, from: u16, to: u16) -> u16 {
    Sum::default().word(!checksum).word(!from).word(to).finish()
}

/// Puts a big-endian word at an offset; does nothing outside the slice.
pub(crate) fn put(bytes: &mut [u8], at: usize, word: u16) {
    if let Some(slot) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *slot = word.to_be_bytes();
    }
}

/// The big-endian word at an offset; 0 outside the slice.
pub(crate) fn word_at(bytes: &[u8], at: usize) -> u16 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |word| u16::from_be_bytes(*word))
}

/// The big-endian double word at an offset; 0 outside the slice.
pub(crate) fn dword_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |word| u32::from_be_bytes(*word))
}

/// Computes an IPv4 header's checksum anew.
pub(crate) fn fill_ipv4(header: &mut [u8]) {
    put(header, 10, 0);
    let checksum = Sum::default().add(header).finish();
    put(header, 10, checksum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plainly(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[test]
    fn example_of_rfc_1071_section_3() {
        let sum = Sum::default().add(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.partial(), 0xddf2);
    }

    proptest! {
        #[test]
        fn sums_match_the_plain_definition(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Sum::default().add(&bytes).finish(), plainly(&bytes));
        }

        #[test]
        fn an_updated_checksum_is_the_checksum_of_the_update(
            mut bytes in proptest::collection::vec(1_u8..255, 20),
            to in 1_u16..0xFFFF,
        ) {
            let before = plainly(&bytes);
            let from = word_at(&bytes, 4);
            put(&mut bytes, 4, to);
            prop_assert_eq!(updated(before, from, to), plainly(&bytes));
        }
    }
}
