//! The header that a TUN device with `IFF_VNET_HDR` puts before every packet (virtio 1.2 section 5.1.6).
//!
//! Its numbers are in host order, unlike everything behind it.

/// Octets of the header; the kernel's default for TUN.
pub(crate) const VNET_HEADER_LEN: usize = 10;

/// The checksum field holds the pseudo header's sum alone.
const NEEDS_CSUM: u8 = 1;

const GSO_TCP_V4: u8 = 1;
const GSO_TCP_V6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
/// A flag beside the GSO type: the first segment may carry CWR.
const GSO_ECN: u8 = 0x80;

/// How a packet is to be cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gso {
    /// It is one packet.
    None,
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
    /// UDP, each piece a datagram of its own.
    Udp,
}

/// The header, decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct VnetHeader {
    /// How the packet is to be cut.
    pub(crate) gso: Gso,
    /// Octets of upper-layer payload in each piece.
    pub(crate) gso_size: u16,
    /// Octets of all headers; a hint.
    pub(crate) header_len: u16,
    /// Where the partial checksum's coverage starts and where, from there, the field is; `None` if it is complete.
    pub(crate) checksum: Option<(u16, u16)>,
}

impl VnetHeader {
    /// One whole packet.
    pub(crate) const PLAIN: Self = Self {
        gso: Gso::None,
        gso_size: 0,
        header_len: 0,
        checksum: None,
    };

    /// Splits what was read from the device. `None` if it is shorter than the header or of a kind that was not
    /// asked for.
    pub(crate) fn split(frame: &mut [u8]) -> Option<(Self, &mut [u8])> {
        let (header, packet) = frame.split_first_chunk_mut::<VNET_HEADER_LEN>()?;
        let &mut [flags, kind, h0, h1, s0, s1, c0, c1, o0, o1] = header;
        let gso = match kind & !GSO_ECN {
            0 => Gso::None,
            GSO_TCP_V4 => Gso::TcpV4,
            GSO_TCP_V6 => Gso::TcpV6,
            GSO_UDP_L4 => Gso::Udp,
            _ => return None,
        };
        let word = |a, b| u16::from_ne_bytes([a, b]);
        let checksum = (flags & NEEDS_CSUM != 0).then(|| (word(c0, c1), word(o0, o1)));
        Some((
            Self {
                gso,
                gso_size: word(s0, s1),
                header_len: word(h0, h1),
                checksum,
            },
            packet,
        ))
    }

    /// The octets to write before a packet.
    pub(crate) fn to_bytes(self) -> [u8; VNET_HEADER_LEN] {
        let kind = match self.gso {
            Gso::None => 0,
            Gso::TcpV4 => GSO_TCP_V4,
            Gso::TcpV6 => GSO_TCP_V6,
            Gso::Udp => GSO_UDP_L4,
        };
        let flags = if self.checksum.is_some() {
            NEEDS_CSUM
        } else {
            0
        };
        let (start, offset) = self.checksum.unwrap_or_default();
        let [h0, h1] = self.header_len.to_ne_bytes();
        let [s0, s1] = self.gso_size.to_ne_bytes();
        let [c0, c1] = start.to_ne_bytes();
        let [o0, o1] = offset.to_ne_bytes();
        [flags, kind, h0, h1, s0, s1, c0, c1, o0, o1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_emitted_is_read_back() {
        for gso in [Gso::None, Gso::TcpV4, Gso::TcpV6, Gso::Udp] {
            for checksum in [None, Some((20, 16))] {
                let header = VnetHeader {
                    gso,
                    gso_size: 1400,
                    header_len: 40,
                    checksum,
                };
                let mut frame = [&header.to_bytes()[..], b"packet"].concat();
                assert_eq!(
                    VnetHeader::split(&mut frame),
                    Some((header, &mut b"packet".to_owned()[..]))
                );
            }
        }
    }

    #[test]
    fn short_frames_and_unknown_kinds_are_refused() {
        assert_eq!(VnetHeader::split(&mut [0; 9]), None);
        let mut fragments = [0; 30];
        fragments[1] = 3;
        assert_eq!(VnetHeader::split(&mut fragments), None);
        fragments[1] = GSO_TCP_V4 | GSO_ECN;
        assert_eq!(VnetHeader::split(&mut fragments).unwrap().0.gso, Gso::TcpV4);
    }
}
