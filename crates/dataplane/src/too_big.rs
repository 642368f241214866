//! Packets larger than the tunnel: the ICMP message that says so, and IPv4 fragments where the sender allows them.
//!
//! The message is IPv4 "fragmentation needed" (RFC 1191) or ICMPv6 "packet too big" (RFC 4443 section 3.2), written
//! back to the device. Its source is the packet's own destination: it must pass reverse path filters and the
//! sender's idea of whom it talks to, and the gateway need not have an inner address.

use core::net::IpAddr;

use adit_esp::InnerHeader;

use crate::checksum::{Sum, fill_ipv4, put, word_at};

const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;

/// IPv6 has no links below this (RFC 8200 section 5).
const MIN_V6_MTU: usize = 1280;
/// ICMPv4 errors quote at most this much (RFC 1812 section 4.3.2.3), less the headers of the message.
const QUOTE_V4: usize = 576 - 28;
const QUOTE_V6: usize = MIN_V6_MTU - 48;

/// The largest message.
pub(crate) const MAX_MESSAGE_LEN: usize = MIN_V6_MTU;

/// Writes the message for a packet that may not be fragmented into `out`, which has [`MAX_MESSAGE_LEN`] octets, and
/// answers its length. `None` where no error may be sent: about errors, later fragments and groups (RFC 1812
/// section 4.3.2.7, RFC 4443 section 2.4).
pub(crate) fn message(
    inner: &InnerHeader,
    packet: &[u8],
    mtu: usize,
    out: &mut [u8],
) -> Option<usize> {
    let is_group = |address: IpAddr| address.is_multicast() || address.is_unspecified();
    if is_group(inner.source) || is_group(inner.destination) {
        return None;
    }
    // A later fragment shows no ports.
    if inner.is_fragment && inner.source_port.is_none() {
        return None;
    }
    match (inner.source, inner.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let kind = inner.source_port.map(|port| port >> 8);
            if destination.is_broadcast()
                || (inner.protocol == ICMP && !matches!(kind, Some(0 | 8 | 13 | 14)))
            {
                return None;
            }
            let quote = packet.get(..inner.total_len.min(QUOTE_V4))?;
            let message = out.get_mut(..28 + quote.len())?;
            let (ip, icmp) = message.split_at_mut_checked(20)?;
            let len = (20 + icmp.len()) as u16;
            ip.copy_from_slice(&[
                0x45, 0xC0, 0, 0, 0, 0, 0, 0, 64, ICMP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ]);
            put(ip, 2, len);
            ip.get_mut(12..16)?.copy_from_slice(&destination.octets());
            ip.get_mut(16..20)?.copy_from_slice(&source.octets());
            fill_ipv4(ip);
            icmp.get_mut(..8)?
                .copy_from_slice(&[3, 4, 0, 0, 0, 0, 0, 0]);
            put(icmp, 6, mtu.min(0xFFFF) as u16);
            icmp.get_mut(8..)?.copy_from_slice(quote);
            let checksum = Sum::default().add(icmp).finish();
            put(icmp, 2, checksum);
            Some(len.into())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            if inner.protocol == ICMP_V6 && inner.source_port.is_none_or(|port| port >> 8 < 128) {
                return None;
            }
            let quote = packet.get(..inner.total_len.min(QUOTE_V6))?;
            let message = out.get_mut(..48 + quote.len())?;
            let (ip, icmp) = message.split_at_mut_checked(40)?;
            ip.get_mut(..8)?
                .copy_from_slice(&[0x60, 0, 0, 0, 0, 0, ICMP_V6, 64]);
            put(ip, 4, icmp.len() as u16);
            ip.get_mut(8..24)?.copy_from_slice(&destination.octets());
            ip.get_mut(24..40)?.copy_from_slice(&source.octets());
            icmp.get_mut(..4)?.copy_from_slice(&[2, 0, 0, 0]);
            icmp.get_mut(4..8)?
                .copy_from_slice(&(mtu.max(MIN_V6_MTU) as u32).to_be_bytes());
            icmp.get_mut(8..)?.copy_from_slice(quote);
            let (from, to) = (inner.destination, inner.source);
            let checksum = Sum::default()
                .pseudo_header(from, to, ICMP_V6, icmp.len())
                .add(icmp)
                .finish();
            put(icmp, 2, checksum);
            Some(40 + icmp.len())
        }
        _ => None,
    }
}

/// An IPv4 packet to be fragmented before encryption (RFC 791 section 3.2), so that the peer need not reassemble.
pub(crate) struct Fragments<'a> {
    header: &'a [u8],
    payload: &'a [u8],
    share: usize,
}

impl<'a> Fragments<'a> {
    /// `None` if the packet is IPv6, has DF or IP options, or no fragment fits `max_len`.
    pub(crate) fn new(inner: &InnerHeader, packet: &'a [u8], max_len: usize) -> Option<Self> {
        if inner.dont_fragment || inner.transport_offset != 20 || !inner.source.is_ipv4() {
            return None;
        }
        let (header, payload) = packet.get(..inner.total_len)?.split_at_checked(20)?;
        let share = max_len.checked_sub(20)? & !7;
        (share > 0).then_some(Self {
            header,
            payload,
            share,
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.payload.len().div_ceil(self.share)
    }

    pub(crate) fn len(&self, index: usize) -> usize {
        20 + self.part(index).len()
    }

    fn part(&self, index: usize) -> &'a [u8] {
        let start = (index * self.share).min(self.payload.len());
        self.payload
            .get(start..(start + self.share).min(self.payload.len()))
            .unwrap_or_default()
    }

    /// Writes the fragment into `out`, which has exactly [`len`](Self::len) octets.
    pub(crate) fn write(&self, index: usize, out: &mut [u8]) {
        let part = self.part(index);
        let Some((header, payload)) = out.split_at_mut_checked(20) else {
            return;
        };
        if payload.len() != part.len() {
            return;
        }
        header.copy_from_slice(self.header);
        payload.copy_from_slice(part);
        put(header, 2, (20 + part.len()) as u16);
        // The packet may itself be a fragment: count on from its offset, and keep its mark that more follow.
        let flags = word_at(self.header, 6);
        let more = if index + 1 < self.count() {
            0x2000
        } else {
            flags & 0x2000
        };
        let offset = (flags & 0x1FFF).wrapping_add((index * self.share / 8) as u16) & 0x1FFF;
        put(header, 6, flags & 0xC000 | more | offset);
        fill_ipv4(header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{Tcp, checksums_hold, ip, udp};

    fn answer(packet: &[u8], mtu: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; MAX_MESSAGE_LEN];
        let len = message(&InnerHeader::parse(packet).unwrap(), packet, mtu, &mut out)?;
        out.truncate(len);
        Some(out)
    }

    #[test]
    fn ipv4_is_told_the_mtu_with_a_quote_of_its_packet() {
        let packet = Tcp::data(1, vec![3; 1460]).build();
        let message = answer(&packet, 1400).unwrap();
        let inner = InnerHeader::parse(&message).unwrap();
        assert_eq!(inner.source.to_string(), "10.1.0.1");
        assert_eq!(inner.destination.to_string(), "10.0.0.1");
        assert_eq!((inner.protocol, inner.source_port), (1, Some(0x0304)));
        assert_eq!(word_at(&message, 26), 1400);
        assert_eq!(message[28..], packet[..548]);
        assert_eq!(Sum::default().add(&message[..20]).partial(), 0xFFFF);
        assert_eq!(Sum::default().add(&message[20..]).partial(), 0xFFFF);
    }

    #[test]
    fn ipv6_is_told_the_mtu_but_never_less_than_1280() {
        let packet = udp(true, &[3; 1460]);
        for (mtu, said) in [(1400, 1400), (900, 1280)] {
            let message = answer(&packet, mtu).unwrap();
            assert_eq!(message.len(), 1280);
            assert_eq!(message[40..42], [2, 0]);
            assert_eq!(
                u32::from_be_bytes(message[44..48].try_into().unwrap()),
                said
            );
            assert!(checksums_hold(&message));
        }
    }

    #[test]
    fn no_error_is_sent_about_errors_and_groups() {
        assert!(answer(&ip(false, 1, 0, &[3, 1, 0, 0, 0, 0, 0, 0], 2), 100).is_none());
        assert!(answer(&ip(false, 1, 0, &[8, 0, 0, 0, 0, 0, 0, 0], 2), 100).is_some());
        assert!(answer(&ip(true, 58, 0, &[1, 0, 0, 0, 0, 0, 0, 0], 2), 100).is_none());
        assert!(answer(&ip(true, 58, 0, &[128, 0, 0, 0, 0, 0, 0, 0], 2), 100).is_some());
        let mut group = udp(false, &[0; 9]);
        group[16] = 224;
        assert!(answer(&group, 100).is_none());
        let mut later = udp(false, &[0; 9]);
        later[7] = 1;
        assert!(answer(&later, 100).is_none());
    }

    #[test]
    fn fragments_cover_the_packet_and_count_their_offsets() {
        let mut packet = udp(false, &[9; 1500]);
        assert!(
            Fragments::new(&InnerHeader::parse(&packet).unwrap(), &packet, 600).is_none(),
            "DF"
        );
        for first_offset in [0_u16, 100] {
            put(&mut packet, 6, first_offset);
            let fragments =
                Fragments::new(&InnerHeader::parse(&packet).unwrap(), &packet, 600).unwrap();
            let mut payload = Vec::new();
            for index in 0..fragments.count() {
                let mut out = vec![0; fragments.len(index)];
                fragments.write(index, &mut out);
                assert!(out.len() <= 600);
                let inner = InnerHeader::parse(&out).unwrap();
                assert_eq!(inner.total_len, out.len());
                assert!(inner.is_fragment);
                assert_eq!(Sum::default().add(&out[..20]).partial(), 0xFFFF);
                let offset = usize::from(word_at(&out, 6) & 0x1FFF);
                assert_eq!((offset - usize::from(first_offset)) * 8, payload.len());
                assert_eq!(
                    word_at(&out, 6) & 0x2000 != 0,
                    index + 1 < fragments.count()
                );
                payload.extend_from_slice(&out[20..]);
            }
            assert_eq!(payload, packet[20..]);
        }
    }
}
