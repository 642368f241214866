//! The two ends of an SA as hosts: what the IP header outside of it has, and, in transport mode, the only one.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Octets of an IPv4 header without options.
pub(crate) const V4_HEADER_LEN: usize = 20;
/// Octets of an IPv6 header.
pub(crate) const V6_HEADER_LEN: usize = 40;

/// The TTL or hop limit of packets that begin here.
const HOPS: u8 = 64;

/// Don't fragment (RFC 791 section 3.1).
const DONT_FRAGMENT: [u8; 2] = [0x40, 0];

/// Both ends' own addresses, of one family.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Hosts {
    /// Ours and the peer's.
    V4(Ipv4Addr, Ipv4Addr),
    /// Ours and the peer's.
    V6(Ipv6Addr, Ipv6Addr),
}

/// One end is IPv4 and the other IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the two ends' addresses are of different IP versions")]
pub struct FamiliesDiffer;

/// Which way a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

impl Hosts {
    /// Our address and the peer's.
    ///
    /// # Errors
    /// They are of two families.
    pub fn new(local: IpAddr, remote: IpAddr) -> Result<Self, FamiliesDiffer> {
        match (local, remote) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => Ok(Self::V4(local, remote)),
            (IpAddr::V6(local), IpAddr::V6(remote)) => Ok(Self::V6(local, remote)),
            _ => Err(FamiliesDiffer),
        }
    }

    /// Octets of an IP header between them.
    #[must_use]
    pub const fn header_len(self) -> usize {
        match self {
            Self::V4(..) => V4_HEADER_LEN,
            Self::V6(..) => V6_HEADER_LEN,
        }
    }

    /// Writes the header of a whole datagram that goes this way into the beginning of `to`, which has room for it.
    /// An IPv4 header's checksum is left at zero. Whether there is such a datagram, which is not too long.
    pub(crate) fn write_header(
        self,
        to: &mut [u8],
        way: Way,
        protocol: u8,
        payload_len: usize,
    ) -> bool {
        match self {
            Self::V4(local, remote) => {
                let len = u16::try_from(V4_HEADER_LEN + payload_len);
                let (Ok(len), Some(to)) = (len, to.first_chunk_mut()) else {
                    return false;
                };
                let mut header = v4(ends(way, local, remote), protocol, len, 0);
                let [_, _, _, _, _, _, flags, offset, hops, ..] = &mut header;
                [*flags, *offset] = DONT_FRAGMENT;
                *hops = HOPS;
                *to = header;
            }
            Self::V6(local, remote) => {
                let len = u16::try_from(payload_len);
                let (Ok(len), Some(to)) = (len, to.first_chunk_mut()) else {
                    return false;
                };
                let mut header = v6(ends(way, local, remote), protocol, len);
                let [_, _, _, _, _, _, _, hops, ..] = &mut header;
                *hops = HOPS;
                *to = header;
            }
        }
        true
    }
}

/// Source and destination.
pub(crate) fn ends<A>(way: Way, local: A, remote: A) -> (A, A) {
    match way {
        Way::In => (remote, local),
        Way::Out => (local, remote),
    }
}

/// An IPv4 header with zero for what changes on the way (RFC 4302 section 3.3.3.1.1).
pub(crate) fn v4(
    (source, destination): (Ipv4Addr, Ipv4Addr),
    protocol: u8,
    total_len: u16,
    id: u16,
) -> [u8; V4_HEADER_LEN] {
    let ([s0, s1, s2, s3], [d0, d1, d2, d3]) = (source.octets(), destination.octets());
    let ([l0, l1], [i0, i1]) = (total_len.to_be_bytes(), id.to_be_bytes());
    [
        0x45, 0, l0, l1, i0, i1, 0, 0, 0, protocol, 0, 0, s0, s1, s2, s3, d0, d1, d2, d3,
    ]
}

/// An IPv6 header with zero for what changes on the way (RFC 4302 section 3.3.3.1.2).
pub(crate) fn v6(
    (source, destination): (Ipv6Addr, Ipv6Addr),
    protocol: u8,
    payload_len: u16,
) -> [u8; V6_HEADER_LEN] {
    let [l0, l1] = payload_len.to_be_bytes();
    let mut header = [0; V6_HEADER_LEN];
    let fixed = [0x60, 0, 0, 0, l0, l1, protocol, 0];
    let octets = fixed.into_iter().chain(source.octets());
    for (to, from) in header.iter_mut().zip(octets.chain(destination.octets())) {
        *to = from;
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InnerHeader;
    use alloc::vec;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let pairs = [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")];
        for (local, remote) in pairs {
            let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
            let hosts = Hosts::new(local, remote).unwrap();
            for way in [Way::In, Way::Out] {
                let mut packet = vec![0xEE; hosts.header_len() + 8];
                assert!(hosts.write_header(&mut packet, way, 17, 8));
                let header = InnerHeader::parse(&packet).unwrap();
                let (source, destination) = ends(way, local, remote);
                assert_eq!((header.source, header.destination), (source, destination));
                assert_eq!((header.protocol, header.total_len), (17, packet.len()));
                assert!(header.dont_fragment && !header.is_fragment);
            }
            assert!(!hosts.write_header(&mut [0; 40], Way::Out, 17, 65_536));
        }
    }

    #[test]
    fn ends_are_of_one_family() {
        let (v4, v6) = ("192.0.2.1".parse().unwrap(), "::1".parse().unwrap());
        assert_eq!(Hosts::new(v4, v6), Err(FamiliesDiffer));
    }
}
