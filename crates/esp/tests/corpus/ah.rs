//! Everything that happens to an AH packet: raw octets, and authentic packets with any content.
//!
//! The first octet chooses algorithm, mode, the outer header's version and whether sequence numbers are extended. The
//! rest is opened as it is, then signed as the payload of an authentic packet and opened again, so that what is behind
//! the ICV is reached too. Invariant: what is delivered is an IP packet of its own length, and never delivered twice.

use adit_crypto::{Authenticator, Integrity};
use adit_esp::{DropReason, Framing, Hosts, InboundSa, InnerHeader, Keying, Mode, Protection, Spi};

use crate::check::{SPI, selectors};

/// The peer and us.
const V4: [&str; 2] = ["192.0.2.1", "192.0.2.2"];
const V6: [&str; 2] = ["2001:db8::1", "2001:db8::2"];

/// Plays one input.
pub fn check(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    let place = usize::from(choice >> 3) % Integrity::ALL.len();
    let integrity = *Integrity::ALL.get(place).expect("a place in it");
    let extended = choice & 1 != 0;
    let mode = if choice & 2 != 0 {
        Mode::Transport
    } else {
        Mode::Tunnel
    };
    let is_v4 = choice & 4 == 0;
    let [peer, ours] = if is_v4 { V4 } else { V6 }.map(|text| text.parse().expect("an address"));
    let hosts = Hosts::new(ours, peer).expect("one family");
    let key = vec![2; integrity.key_len()];
    let keying = Keying {
        protection: Protection::Ah(integrity),
        encryption_key: &[],
        integrity_key: &key,
    };
    let spi = Spi::try_from(SPI).expect("an SPI above 255");
    let framing = Framing { mode, hosts };
    let sa = InboundSa::new(spi, &keying, framing, selectors(), extended);
    let mut sa = sa.expect("keys that fit");
    assert!(
        sa.open(&mut data.to_vec()).is_err(),
        "nobody guesses an ICV"
    );

    let authenticator = Authenticator::new(integrity, &key).expect("keys that fit");
    // The first octet of what is left is the next header.
    let (next_header, payload) = data.split_first().unwrap_or((&4, &[]));
    let unit = if is_v4 { 4 } else { 8 };
    let len = (12 + authenticator.icv_len()).next_multiple_of(unit);
    let total = len + payload.len();
    let mut outer = Vec::new();
    if is_v4 {
        outer.extend([0x45, 0]);
        outer.extend(((20 + total) as u16).to_be_bytes());
        outer.extend([0, 7, 0, 0, 0, 51, 0, 0]);
        outer.extend([192, 0, 2, 1, 192, 0, 2, 2]);
    } else {
        outer.extend([0x60, 0, 0, 0]);
        outer.extend((total as u16).to_be_bytes());
        outer.extend([51, 0]);
        for last in [1, 2] {
            outer.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
    }
    let mut ah = vec![*next_header, (len / 4 - 2) as u8, 0, 0];
    ah.extend(SPI.to_be_bytes());
    ah.extend(1_u32.to_be_bytes());
    ah.resize(len, 0);
    let high: &[u8] = if extended { &[0; 4] } else { &[] };
    let mut icv = vec![0; authenticator.icv_len()];
    assert!(authenticator.sign(&[&outer, &ah, payload, high], &mut icv));
    for (to, from) in ah.iter_mut().skip(12).zip(&icv) {
        *to = *from;
    }
    if !is_v4 {
        outer.clear();
    }
    let mut packet = [&outer[..], &ah, payload].concat();
    let mut opened = packet.clone();
    if let Ok(delivered) = sa.open(&mut opened) {
        let inner = delivered
            .packet(&opened)
            .expect("a range inside the packet");
        assert_eq!(
            InnerHeader::parse(inner).expect("an IP packet").total_len,
            inner.len()
        );
    }
    assert_eq!(sa.open(&mut packet), Err(DropReason::Replayed));
}
