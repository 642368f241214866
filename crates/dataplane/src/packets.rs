//! Packets for tests, with correct checksums.

use adit_esp::InnerHeader;

use crate::checksum::{Sum, fill_ipv4, put};

/// A TCP segment between 10.0.0.1:1000 and 10.1.0.1:2000, or the IPv6 likes of it.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    pub(crate) v6: bool,
    pub(crate) id: u16,
    pub(crate) sequence: u32,
    pub(crate) flags: u8,
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Tcp {
    pub(crate) fn data(sequence: u32, payload: Vec<u8>) -> Self {
        Self {
            v6: false,
            id: 7,
            sequence,
            flags: 0x10,
            options: Vec::new(),
            payload,
        }
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let mut tcp = vec![3, 232, 7, 208];
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend([0, 0, 0, 99]);
        tcp.extend([
            ((20 + self.options.len()) as u8 / 4) << 4,
            self.flags,
            1,
            0,
            0,
            0,
            0,
            0,
        ]);
        tcp.extend_from_slice(&self.options);
        tcp.extend_from_slice(&self.payload);
        ip(self.v6, 6, self.id, &tcp, 16)
    }
}

/// An IP packet around an upper-layer packet, whose checksum field is at `checksum_at`.
pub(crate) fn ip(v6: bool, protocol: u8, id: u16, upper: &[u8], checksum_at: usize) -> Vec<u8> {
    let mut packet;
    if v6 {
        packet = vec![0x60, 0, 0, 0];
        packet.extend((upper.len() as u16).to_be_bytes());
        packet.extend([protocol, 64]);
        packet.extend(std::net::Ipv6Addr::from(0xFD00_u128 << 112 | 1).octets());
        packet.extend(std::net::Ipv6Addr::from(0xFD01_u128 << 112 | 1).octets());
    } else {
        packet = vec![0x45, 0];
        packet.extend((upper.len() as u16 + 20).to_be_bytes());
        packet.extend(id.to_be_bytes());
        packet.extend([0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 1, 0, 1]);
        fill_ipv4(&mut packet);
    }
    let at = packet.len();
    packet.extend_from_slice(upper);
    let inner = InnerHeader::parse(&packet).unwrap();
    let checksum = Sum::default()
        .pseudo_header(inner.source, inner.destination, protocol, upper.len())
        .add(upper)
        .finish();
    put(&mut packet, at + checksum_at, checksum);
    packet
}

/// A UDP datagram with ports 1000 and 2000.
pub(crate) fn udp(v6: bool, payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![3, 232, 7, 208];
    datagram.extend((payload.len() as u16 + 8).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend_from_slice(payload);
    ip(v6, 17, 0, &datagram, 6)
}

/// Whether IPv4's and the upper layer's checksums are right.
pub(crate) fn checksums_hold(packet: &[u8]) -> bool {
    let inner = InnerHeader::parse(packet).unwrap();
    let (ip, upper) = packet.split_at(inner.transport_offset);
    let sum = Sum::default()
        .pseudo_header(inner.source, inner.destination, inner.protocol, upper.len())
        .add(upper)
        .partial();
    sum == 0xFFFF && (!inner.source.is_ipv4() || Sum::default().add(ip).partial() == 0xFFFF)
}
