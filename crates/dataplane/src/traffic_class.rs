//! DSCP and ECN, the octet that IPv4 calls type of service and IPv6 traffic class: what the outer header says for the
//! inner one, and the other way round (RFC 6040, RFC 4301 section 5.1.2).

use crate::checksum::{put, updated, word_at};

/// The two bits of ECN (RFC 3168 section 5).
const ECN: u8 = 0b11;
const NOT_ECT: u8 = 0b00;
const ECT_1: u8 = 0b01;
const ECT_0: u8 = 0b10;
/// Congestion was experienced.
const CE: u8 = 0b11;

/// The first two octets of an IP header, where the class stands in both versions.
fn class_of(word: u16, is_ipv4: bool) -> u8 {
    if is_ipv4 {
        word as u8
    } else {
        (word >> 4) as u8
    }
}

/// The class of an IP packet.
pub(crate) fn of(packet: &[u8]) -> u8 {
    let word = word_at(packet, 0);
    class_of(word, word >> 12 == 4)
}

/// The class of the outer header around a packet of this one: the same, since who is at the other end combines the two
/// again. Without `ecn` it may not, and there must be no mark that it would lose (RFC 6040 section 4.1's compatibility
/// mode).
pub(crate) fn outer(inner: u8, ecn: bool) -> u8 {
    if ecn { inner } else { inner & !ECN }
}

/// Brings into an inner packet what happened to the outer one (RFC 6040 figure 4); whether the packet goes on. Where
/// congestion was marked on one that can't say so, dropping it says so.
pub(crate) fn decapsulate(packet: &mut [u8], outer: u8) -> bool {
    let word = word_at(packet, 0);
    let is_ipv4 = word >> 12 == 4;
    let inner = class_of(word, is_ipv4) & ECN;
    let ecn = match (inner, outer & ECN) {
        (NOT_ECT, CE) => return false,
        (ECT_0 | ECT_1, CE) => CE,
        (ECT_0, ECT_1) => ECT_1,
        _ => return true,
    };
    let shift = if is_ipv4 { 0 } else { 4 };
    let marked = word & !(u16::from(ECN) << shift) | u16::from(ecn) << shift;
    put(packet, 0, marked);
    if is_ipv4 {
        let checksum = word_at(packet, 10);
        put(packet, 10, updated(checksum, word, marked));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{checksums_hold, udp};

    const EXPEDITED: u8 = 46 << 2;

    fn packet(v6: bool, class: u8) -> Vec<u8> {
        let mut packet = udp(v6, b"some");
        let word = word_at(&packet, 0);
        let classed = word | u16::from(class) << if v6 { 4 } else { 0 };
        put(&mut packet, 0, classed);
        if !v6 {
            let checksum = word_at(&packet, 10);
            put(&mut packet, 10, updated(checksum, word, classed));
        }
        packet
    }

    #[test]
    fn figure_4_of_rfc_6040() {
        // By the inner mark; in each row by the outer one: Not-ECT, ECT(0), ECT(1), CE.
        let outer_marks = [NOT_ECT, ECT_0, ECT_1, CE];
        let figure = [
            (NOT_ECT, [Some(NOT_ECT), Some(NOT_ECT), Some(NOT_ECT), None]),
            (ECT_0, [Some(ECT_0), Some(ECT_0), Some(ECT_1), Some(CE)]),
            (ECT_1, [Some(ECT_1), Some(ECT_1), Some(ECT_1), Some(CE)]),
            (CE, [Some(CE), Some(CE), Some(CE), Some(CE)]),
        ];
        for (inner, row) in figure {
            for (outer, expected) in outer_marks.into_iter().zip(row) {
                for v6 in [false, true] {
                    let mut packet = packet(v6, EXPEDITED | inner);
                    let goes_on = decapsulate(&mut packet, outer);
                    let found = goes_on.then(|| of(&packet));
                    let expected = expected.map(|ecn| EXPEDITED | ecn);
                    assert_eq!(found, expected, "{inner:02b} in {outer:02b}");
                    assert!(checksums_hold(&packet));
                }
            }
        }
    }

    #[test]
    fn the_outer_dscp_is_nobody_elses_business() {
        let mut packet = packet(false, ECT_0);
        assert!(decapsulate(&mut packet, EXPEDITED | ECT_0));
        assert_eq!(of(&packet), ECT_0);
    }

    #[test]
    fn a_peer_that_may_lose_marks_gets_none() {
        assert_eq!(outer(EXPEDITED | ECT_0, true), EXPEDITED | ECT_0);
        assert_eq!(outer(EXPEDITED | ECT_0, false), EXPEDITED);
    }
}
