//! Lowers the MSS option of TCP's SYN to what fits the tunnel, in both directions, so that neither end sends
//! segments that would have to be refused (RFC 9293 section 3.7.1; the practice of every router with a tunnel).

use adit_esp::InnerHeader;

use crate::checksum::{put, updated, word_at};
use crate::split::{TCP, TCP_CHECKSUM};

const SYN: u8 = 0x02;
const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
const OPTION_MSS: u8 = 2;

/// Lowers the MSS in a SYN so that its segments make IP packets of at most `max_inner_len` octets. A checksum that
/// is complete is kept right; one that the kernel left partial (`checksum_is_partial`) does not cover the option yet.
pub(crate) fn clamp_mss(
    packet: &mut [u8],
    inner: &InnerHeader,
    max_inner_len: usize,
    checksum_is_partial: bool,
) {
    let ip_header = if inner.source.is_ipv4() { 20 } else { 40 };
    let limit = max_inner_len.saturating_sub(ip_header + 20).min(0xFFFF) as u16;
    if inner.protocol != TCP || inner.source_port.is_none() || limit == 0 {
        return;
    }
    let Some(tcp) = packet.get_mut(inner.transport_offset..inner.total_len) else {
        return;
    };
    if tcp.get(13).is_none_or(|flags| flags & SYN == 0) {
        return;
    }
    let Some(at) = mss_offset(tcp) else { return };
    let old = word_at(tcp, at);
    if old <= limit {
        return;
    }
    put(tcp, at, limit);
    if !checksum_is_partial {
        let mut checksum = word_at(tcp, TCP_CHECKSUM);
        // An option may stand at an odd offset, across two words of the checksum: a swapped word has a swapped sum.
        let (from, to) = if at % 2 == 0 {
            (old, limit)
        } else {
            (old.swap_bytes(), limit.swap_bytes())
        };
        checksum = updated(checksum, from, to);
        put(tcp, TCP_CHECKSUM, checksum);
    }
}

/// Where the value of the MSS option is.
fn mss_offset(tcp: &[u8]) -> Option<usize> {
    let end = usize::from(tcp.get(12)? >> 4) * 4;
    let options = tcp.get(..end)?;
    let mut at = 20;
    loop {
        match (options.get(at)?, options.get(at + 1)) {
            (&OPTION_END, _) => return None,
            (&OPTION_NOP, _) => at += 1,
            (&OPTION_MSS, Some(4)) => return (at + 4 <= end).then_some(at + 2),
            (_, Some(&len)) if len >= 2 => at += usize::from(len),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{Tcp, checksums_hold};

    fn syn(v6: bool, options: &[u8]) -> Vec<u8> {
        Tcp {
            v6,
            flags: 0x02,
            options: options.to_vec(),
            ..Tcp::data(1, Vec::new())
        }
        .build()
    }

    fn clamp(packet: &mut [u8], max: usize) {
        clamp_mss(packet, &InnerHeader::parse(packet).unwrap(), max, false);
    }

    #[test]
    fn a_large_mss_is_lowered_with_its_checksum_at_even_and_odd_offsets() {
        for (v6, ip_len) in [(false, 20), (true, 40)] {
            for (options, at) in [
                (&[2, 4, 5, 180, 1, 1, 1, 0][..], 22),
                (&[1, 2, 4, 5, 180, 1, 1, 0][..], 23),
            ] {
                let mut packet = syn(v6, options);
                clamp(&mut packet, 1400);
                assert_eq!(
                    usize::from(word_at(&packet, ip_len + at)),
                    1400 - ip_len - 20
                );
                assert!(checksums_hold(&packet));
            }
        }
    }

    #[test]
    fn a_small_mss_other_segments_and_broken_options_are_left_alone() {
        let data = Tcp {
            options: vec![2, 4, 5, 180],
            ..Tcp::data(1, vec![1; 9])
        }
        .build();
        let cases = [
            syn(false, &[2, 4, 2, 0]),
            syn(false, &[]),
            syn(false, &[3, 0, 2, 4, 5, 180, 0, 0]),
            syn(false, &[3, 9, 2, 4]),
            syn(false, &[0, 2, 4, 5, 180, 0, 0, 0]),
            data,
        ];
        for packet in cases {
            let mut clamped = packet.clone();
            clamp(&mut clamped, 1400);
            assert_eq!(clamped, packet);
        }
    }

    #[test]
    fn a_partial_checksum_is_left_for_its_completion() {
        let mut packet = syn(false, &[2, 4, 5, 180]);
        let before = word_at(&packet, 36);
        clamp_mss(
            &mut packet.clone(),
            &InnerHeader::parse(&packet).unwrap(),
            1400,
            true,
        );
        clamp_mss(
            &mut packet,
            &InnerHeader::parse(&syn(false, &[2, 4, 5, 180])).unwrap(),
            1400,
            true,
        );
        assert_eq!((word_at(&packet, 42), word_at(&packet, 36)), (1360, before));
    }
}
