//! What must be known of an inner packet: addresses, protocol, ports and true length.
//!
//! The parser follows IPv6 extension headers and knows fragments: the later ones have no ports (RFC 4301
//! section 7). It accepts a packet followed by other octets, since ESP may pad for traffic-flow confidentiality.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv6 extension headers followed before giving up; real packets carry two or three.
const MAX_EXTENSION_HEADERS: usize = 8;

const HOP_BY_HOP: u8 = 0;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const ICMP_V6: u8 = 58;
const DESTINATION_OPTIONS: u8 = 60;
const SCTP: u8 = 132;
const UDP_LITE: u8 = 136;

/// Why octets are no IP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    /// The version is neither 4 nor 6.
    #[error("not an IP packet")]
    NotIp,
    /// A length inside the packet reaches beyond it, or is shorter than the header that holds it.
    #[error("IP packet is cut short")]
    Truncated,
    /// More IPv6 extension headers than any real packet has.
    #[error("too many IPv6 extension headers")]
    TooManyHeaders,
}

/// The parts of an inner packet that selectors and the data plane look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InnerHeader {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// The upper-layer protocol, behind all extension headers.
    pub protocol: u8,
    /// Source port, or `type << 8 | code` for ICMP (RFC 4301 section 4.4.1.1). `None` if the packet shows none.
    pub source_port: Option<u16>,
    /// Destination port, or `type << 8 | code` for ICMP.
    pub destination_port: Option<u16>,
    /// Octets of the packet by its own header, at most the octets there are.
    pub total_len: usize,
    /// Octets before the upper-layer header.
    pub transport_offset: usize,
    /// Whether the packet is a fragment, the first one included.
    pub is_fragment: bool,
    /// Whether routers may not fragment: DF is set, or the packet is IPv6.
    pub dont_fragment: bool,
}

impl InnerHeader {
    /// Reads the headers of an IPv4 or IPv6 packet.
    ///
    /// # Errors
    /// If the octets are no complete IP packet.
    pub fn parse(packet: &[u8]) -> Result<Self, HeaderError> {
        match packet.first().map(|first| first >> 4) {
            Some(4) => Self::parse_v4(packet),
            Some(6) => Self::parse_v6(packet),
            _ => Err(HeaderError::NotIp),
        }
    }

    fn parse_v4(packet: &[u8]) -> Result<Self, HeaderError> {
        let &[
            v,
            _,
            l0,
            l1,
            _,
            _,
            f0,
            f1,
            _,
            protocol,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = packet.first_chunk::<20>().ok_or(HeaderError::Truncated)?;
        let header_len = usize::from(v & 0x0F) * 4;
        let total_len = usize::from(u16::from_be_bytes([l0, l1]));
        if header_len < 20 || total_len < header_len || total_len > packet.len() {
            return Err(HeaderError::Truncated);
        }
        let flags = u16::from_be_bytes([f0, f1]);
        let first_fragment = flags & 0x1FFF == 0;
        let payload = packet.get(header_len..total_len).filter(|_| first_fragment);
        let (source_port, destination_port) = ports(protocol, payload);
        Ok(Self {
            source: Ipv4Addr::new(s0, s1, s2, s3).into(),
            destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
            protocol,
            source_port,
            destination_port,
            total_len,
            transport_offset: header_len,
            is_fragment: flags & 0x3FFF != 0,
            dont_fragment: flags & 0x4000 != 0,
        })
    }

    fn parse_v6(packet: &[u8]) -> Result<Self, HeaderError> {
        let header = packet.first_chunk::<40>().ok_or(HeaderError::Truncated)?;
        let &[_, _, _, _, l0, l1, next, _, ref addresses @ ..] = header;
        let (source, destination) = addresses.split_at(16);
        let total_len = 40 + usize::from(u16::from_be_bytes([l0, l1]));
        let packet = packet.get(..total_len).ok_or(HeaderError::Truncated)?;
        let upper = UpperLayer::find(packet, next)?;
        let payload = packet.get(upper.offset..).filter(|_| !upper.later_fragment);
        let (source_port, destination_port) = ports(upper.protocol, payload);
        Ok(Self {
            source: v6_address(source).into(),
            destination: v6_address(destination).into(),
            protocol: upper.protocol,
            source_port,
            destination_port,
            total_len,
            transport_offset: upper.offset,
            is_fragment: upper.is_fragment,
            dont_fragment: true,
        })
    }
}

fn v6_address(bytes: &[u8]) -> Ipv6Addr {
    let mut octets = [0; 16];
    for (to, from) in octets.iter_mut().zip(bytes) {
        *to = *from;
    }
    octets.into()
}

/// Where IPv6's extension headers end.
struct UpperLayer {
    protocol: u8,
    offset: usize,
    is_fragment: bool,
    later_fragment: bool,
}

impl UpperLayer {
    fn find(packet: &[u8], first: u8) -> Result<Self, HeaderError> {
        let mut at = Self {
            protocol: first,
            offset: 40,
            is_fragment: false,
            later_fragment: false,
        };
        for _ in 0..MAX_EXTENSION_HEADERS {
            let unit = match at.protocol {
                HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | FRAGMENT => 8,
                AUTHENTICATION => 4,
                _ => return Ok(at),
            };
            let rest = packet.get(at.offset..).ok_or(HeaderError::Truncated)?;
            let &[next, units, o0, o1, ..] = rest else {
                return Err(HeaderError::Truncated);
            };
            let len = match at.protocol {
                FRAGMENT => {
                    at.is_fragment = true;
                    at.later_fragment = u16::from_be_bytes([o0, o1]) & 0xFFF8 != 0;
                    unit
                }
                AUTHENTICATION => (usize::from(units) + 2) * unit,
                _ => (usize::from(units) + 1) * unit,
            };
            if len > rest.len() {
                return Err(HeaderError::Truncated);
            }
            at.protocol = next;
            at.offset += len;
            // Behind the header of a later fragment stands the middle of something.
            if at.later_fragment {
                return Ok(at);
            }
        }
        Err(HeaderError::TooManyHeaders)
    }
}

fn ports(protocol: u8, payload: Option<&[u8]>) -> (Option<u16>, Option<u16>) {
    match (protocol, payload) {
        (TCP | UDP | SCTP | UDP_LITE, Some(&[s0, s1, d0, d1, ..])) => (
            Some(u16::from_be_bytes([s0, s1])),
            Some(u16::from_be_bytes([d0, d1])),
        ),
        (ICMP | ICMP_V6, Some(&[kind, code, ..])) => {
            let both = Some(u16::from_be_bytes([kind, code]));
            (both, both)
        }
        _ => (None, None),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// An IPv4 packet whose payload begins with the ports.
    pub(crate) fn v4(
        source: [u8; 4],
        destination: [u8; 4],
        protocol: u8,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
        packet.extend(source);
        packet.extend(destination);
        packet.extend_from_slice(payload);
        let len = packet.len() as u16;
        packet[2..4].copy_from_slice(&len.to_be_bytes());
        packet
    }

    /// An IPv6 packet from ::1 to ::2.
    pub(crate) fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend((payload.len() as u16).to_be_bytes());
        packet.extend([next, 64]);
        packet.extend(Ipv6Addr::LOCALHOST.octets());
        packet.extend(Ipv6Addr::from(2).octets());
        packet.extend_from_slice(payload);
        packet
    }

    #[test]
    fn an_ipv4_udp_packet_is_read_and_trailing_octets_are_not_counted() {
        let mut packet = v4(
            [10, 0, 0, 1],
            [10, 1, 0, 1],
            UDP,
            &[0, 53, 1, 0, 0, 8, 0, 0],
        );
        packet.extend([0; 5]);
        let header = InnerHeader::parse(&packet).unwrap();
        assert_eq!(header.total_len, 28);
        assert_eq!(
            (header.source_port, header.destination_port),
            (Some(53), Some(256))
        );
        assert!(header.dont_fragment && !header.is_fragment);
    }

    #[test]
    fn a_later_fragment_has_no_ports_and_a_first_one_has() {
        let mut packet = v4([10, 0, 0, 1], [10, 1, 0, 1], TCP, &[0; 24]);
        packet[6..8].copy_from_slice(&[0x20, 0x00]);
        let first = InnerHeader::parse(&packet).unwrap();
        assert_eq!(
            (first.source_port, first.is_fragment, first.dont_fragment),
            (Some(0), true, false)
        );
        packet[6..8].copy_from_slice(&[0x00, 0x03]);
        let later = InnerHeader::parse(&packet).unwrap();
        assert_eq!((later.source_port, later.is_fragment), (None, true));
    }

    #[test]
    fn ipv6_extension_headers_are_followed() {
        let mut payload = vec![DESTINATION_OPTIONS, 0, 0, 0, 0, 0, 0, 0];
        payload.extend([FRAGMENT, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        payload.extend([ICMP_V6, 0, 0, 1, 0, 0, 0, 9]);
        payload.extend([128, 3, 0, 0]);
        let header = InnerHeader::parse(&v6(HOP_BY_HOP, &payload)).unwrap();
        assert_eq!((header.protocol, header.transport_offset), (ICMP_V6, 72));
        assert_eq!(header.destination_port, Some(0x8003));
        assert!(header.is_fragment);
        payload[26..28].copy_from_slice(&[0x05, 0xA8]);
        assert_eq!(
            InnerHeader::parse(&v6(HOP_BY_HOP, &payload))
                .unwrap()
                .destination_port,
            None
        );
    }

    #[test]
    fn lengths_that_reach_beyond_the_packet_are_refused() {
        let packet = v4([1; 4], [2; 4], UDP, &[0; 8]);
        assert_eq!(
            InnerHeader::parse(&packet[..27]),
            Err(HeaderError::Truncated)
        );
        assert_eq!(
            InnerHeader::parse(&v6(UDP, &[0; 8])[..47]),
            Err(HeaderError::Truncated)
        );
        assert_eq!(
            InnerHeader::parse(&v6(HOP_BY_HOP, &[6, 1, 0, 0, 0, 0, 0, 0])),
            Err(HeaderError::Truncated)
        );
        assert_eq!(
            InnerHeader::parse(&v6(HOP_BY_HOP, &[0; 80])),
            Err(HeaderError::TooManyHeaders)
        );
        assert_eq!(InnerHeader::parse(&[0x50; 40]), Err(HeaderError::NotIp));
        assert_eq!(InnerHeader::parse(&[]), Err(HeaderError::NotIp));
    }

    proptest! {
        #[test]
        fn any_octets_parse_or_fail_and_never_reach_outside(
            mut packet in proptest::collection::vec(any::<u8>(), 0..120),
            version in prop_oneof![Just(0x45_u8), Just(0x60), any::<u8>()],
        ) {
            if let Some(first) = packet.first_mut() {
                *first = version;
            }
            if let Ok(header) = InnerHeader::parse(&packet) {
                prop_assert!(header.total_len <= packet.len());
                prop_assert!(header.transport_offset <= header.total_len);
            }
        }
    }
}
