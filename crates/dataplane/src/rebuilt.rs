//! What a packet of transport mode still lacks when its IP header was made anew: the outer header's DSCP and ECN, and
//! checksums.

use adit_esp::InnerHeader;

use crate::checksum::{Sum, fill_ipv4, put, word_at};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Completes it. `in_udp`: the addresses that its sender's checksum is over may have been translated, and are replaced
/// by a checksum over these (RFC 3948 section 3.1.2); what the packet says was authenticated with the rest.
pub(crate) fn complete(packet: &mut [u8], inner: &InnerHeader, class: u8, in_udp: bool) {
    if inner.source.is_ipv4() {
        put(packet, 0, word_at(packet, 0) & 0xFF00 | u16::from(class));
        if let Some(header) = packet.get_mut(..20) {
            fill_ipv4(header);
        }
    } else {
        put(
            packet,
            0,
            word_at(packet, 0) & 0xF00F | u16::from(class) << 4,
        );
    }
    if in_udp && let Some(upper) = packet.get_mut(inner.transport_offset..) {
        sum_anew(upper, inner);
    }
}

fn sum_anew(upper: &mut [u8], inner: &InnerHeader) {
    let (at, least) = match inner.protocol {
        TCP => (16, 20),
        UDP => (6, 8),
        _ => return,
    };
    // A sender of UDP over IPv4 may do without (RFC 768).
    if upper.len() < least || (inner.protocol == UDP && word_at(upper, at) == 0) {
        return;
    }
    put(upper, at, 0);
    let sum = Sum::default()
        .pseudo_header(inner.source, inner.destination, inner.protocol, upper.len())
        .add(upper)
        .finish();
    // Zero would say that there is none; both stand for the same sum.
    let sum = if inner.protocol == UDP && sum == 0 {
        0xFFFF
    } else {
        sum
    };
    put(upper, at, sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{Tcp, checksums_hold, udp};
    use crate::traffic_class;

    #[test]
    fn the_class_is_taken_over_and_checksums_hold() {
        for in_udp in [false, true] {
            for mut packet in [
                udp(false, b"abc"),
                udp(true, b"abc"),
                Tcp::data(1, vec![7; 9]).build(),
            ] {
                let inner = InnerHeader::parse(&packet).unwrap();
                if inner.source.is_ipv4() {
                    put(&mut packet, 10, 0);
                }
                if in_udp {
                    // As if an address had been another one.
                    let at = inner.transport_offset + if inner.protocol == TCP { 16 } else { 6 };
                    let wrong = word_at(&packet, at) ^ 0x1234;
                    put(&mut packet, at, wrong);
                }
                complete(&mut packet, &inner, 0xB9, in_udp);
                assert_eq!(traffic_class::of(&packet), 0xB9);
                assert!(checksums_hold(&packet));
            }
        }
    }

    #[test]
    fn no_checksum_of_udp_stays_none_and_short_payloads_are_left() {
        let mut packet = udp(false, b"abc");
        put(&mut packet, 26, 0);
        let inner = InnerHeader::parse(&packet).unwrap();
        complete(&mut packet, &inner, 0, true);
        assert_eq!(word_at(&packet, 26), 0);
        let mut short = crate::packets::ip(false, TCP, 0, &[1, 2, 3], 2);
        let inner = InnerHeader::parse(&short).unwrap();
        complete(&mut short, &inner, 0, true);
        assert_eq!(short[20..], [1, 2, 3]);
    }
}
