//! AH: known answers, and both directions together.

use super::*;

struct AhKeys {
    integrity: Integrity,
    key: Vec<u8>,
}

impl AhKeys {
    fn new(integrity: Integrity) -> Self {
        let key = (50..).take(integrity.key_len()).collect();
        Self { integrity, key }
    }

    fn keying(&self) -> Keying<'_> {
        Keying {
            protection: Protection::Ah(self.integrity),
            encryption_key: &[],
            integrity_key: &self.key,
        }
    }

    fn pair(&self, framing: Framing, extended: bool) -> (OutboundSa, InboundSa) {
        let (ours, theirs) = match framing.mode {
            Mode::Tunnel => (left(), right()),
            Mode::Transport => (everything(), everything()),
        };
        (
            sender(&self.keying(), framing, ours, extended),
            receiver(&self.keying(), framing, theirs, extended),
        )
    }
}

fn everything() -> Selectors {
    let all = || vec![net("0.0.0.0", 0), net("::", 0)];
    Selectors::new(all(), all())
}

fn over_v6(mode: Mode) -> Framing {
    between("2001:db8::1", "2001:db8::2", mode)
}

/// Everything there is, both ways to carry it.
fn framings() -> [Framing; 4] {
    [
        framing(Mode::Tunnel),
        over_v6(Mode::Tunnel),
        framing(Mode::Transport),
        over_v6(Mode::Transport),
    ]
}

/// Something that such an SA carries.
fn carried_by(framing: Framing, octets: usize) -> Vec<u8> {
    let udp = vec![0x5A; octets + 8];
    match framing.hosts {
        _ if framing.mode == Mode::Tunnel => packet(octets),
        Hosts::V4(one, two) => v4(one.octets(), two.octets(), 17, &udp),
        Hosts::V6(one, two) => {
            let mut packet = v6(17, &udp);
            packet[8..24].copy_from_slice(&one.octets());
            packet[24..40].copy_from_slice(&two.octets());
            packet
        }
    }
}

/// The ICVs were computed by Python's `hmac` over octets that were put together by hand: the outer header with zero for
/// TOS, flags, TTL and checksum (over IPv6 for class, flow label and hop limit), then AH with zero for the ICV and its
/// padding, then the payload, then the high half of an extended sequence number.
#[test]
fn icvs_are_those_of_another_implementation() {
    let hex = |text: &str| -> Vec<u8> {
        let digits = text.as_bytes().chunks(2);
        digits
            .map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap())
            .collect()
    };
    let cases = [
        (
            Integrity::HmacSha256_128,
            framing(Mode::Tunnel),
            false,
            "3e496716540a0b0983957fa65f1d7643",
        ),
        (
            Integrity::HmacSha1_96,
            framing(Mode::Tunnel),
            false,
            "6043ae481f591e33d94968e9",
        ),
        (
            Integrity::HmacSha512_256,
            framing(Mode::Tunnel),
            true,
            "5d3f0c4055f46a02a14ab82c8d366ebc2ae1e46a5d067dada1293ebdbf04321e",
        ),
        (
            Integrity::HmacSha384_192,
            over_v6(Mode::Transport),
            false,
            "1bd4d97fda12ac8a9b45f6b1e9c5cbaafdf9adeb18203668",
        ),
    ];
    for (integrity, framing, extended, icv) in cases {
        let (mut sender, mut receiver) = AhKeys::new(integrity).pair(framing, extended);
        let inner = carried_by(framing, 4);
        let mut sealed = seal(&mut sender, &inner);
        let at = sender.outer_len() + 12;
        assert_eq!(sealed[at..][..integrity.icv_len()], hex(icv));
        let opened = open(&mut receiver, &mut sealed).unwrap();
        assert_eq!(opened.len(), inner.len());
    }
}

#[test]
fn an_ipv4_packet_has_the_layout_of_rfc_4302() {
    let (mut sender, _) = AhKeys::new(Integrity::HmacSha256_128).pair(framing(Mode::Tunnel), false);
    let inner = packet(4);
    let sealed = seal(&mut sender, &inner);
    assert_eq!(sealed.len(), 20 + 28 + inner.len());
    assert_eq!(sealed[..4], [0x45, 0, 0, 80]);
    assert_eq!(
        (sealed[9], &sealed[12..20]),
        (51, &[192, 0, 2, 1, 192, 0, 2, 2][..])
    );
    assert_eq!(
        sealed[20..32],
        [4, 5, 0, 0, 0xC0, 0xFF, 0xEE, 0, 0, 0, 0, 1]
    );
    assert_eq!(sealed[48..], inner);
    assert_ne!(sealed[4..6], [0, 0], "the kernel would replace it");
}

#[test]
fn headers_end_on_32_bits_over_ipv4_and_on_64_over_ipv6() {
    let lengths = |framing: Framing| {
        let of = |integrity: &Integrity| {
            let (sender, _) = AhKeys::new(*integrity).pair(framing, false);
            sender.payload_offset() - sender.outer_len()
        };
        Integrity::ALL.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(lengths(framing(Mode::Tunnel)), [24, 24, 28, 36, 44, 24, 24]);
    assert_eq!(lengths(over_v6(Mode::Tunnel)), [24, 24, 32, 40, 48, 24, 24]);
}

#[test]
fn what_changes_on_the_way_is_not_covered_and_everything_else_is() {
    // TOS, flags, fragment offset, TTL and checksum.
    let mutable = [1, 6, 7, 8, 10, 11];
    for &integrity in Integrity::ALL {
        for framing in framings() {
            let (mut sender, mut receiver) = AhKeys::new(integrity).pair(framing, false);
            let sealed = seal(&mut sender, &carried_by(framing, 5));
            for bit in 0..sealed.len() * 8 {
                let mut changed = sealed.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                if sender.outer_len() > 0 && mutable.contains(&(bit / 8)) {
                    let mut fresh = AhKeys::new(integrity).pair(framing, false).1;
                    assert!(fresh.open(&mut changed).is_ok(), "{integrity:?} {bit}");
                } else {
                    assert!(receiver.open(&mut changed).is_err(), "{integrity:?} {bit}");
                }
            }
            assert!(receiver.open(&mut sealed.clone()).is_ok());
            let replayed = receiver.open(&mut sealed.clone());
            assert_eq!(replayed, Err(DropReason::Replayed));
        }
    }
}

#[test]
fn another_source_than_the_peer_is_not_believed() {
    let keys = AhKeys::new(Integrity::HmacSha256_128);
    let elsewhere = between("192.0.2.9", "192.0.2.2", Mode::Tunnel);
    let mut sender = sender(&keys.keying(), elsewhere, left(), false);
    let mut receiver = receiver(&keys.keying(), framing(Mode::Tunnel), right(), false);
    let refused = receiver.open(&mut seal(&mut sender, &packet(1)));
    assert_eq!(refused, Err(DropReason::Integrity));
}

#[test]
fn a_header_padded_to_64_bits_over_ipv4_is_heard_and_options_are_not() {
    // What Linux sends over IPv4 unless it is told to keep to the RFC.
    let keys = AhKeys::new(Integrity::HmacSha256_128);
    let (_, mut receiver) = keys.pair(framing(Mode::Tunnel), false);
    let inner = packet(4);
    let authenticator = adit_crypto::Authenticator::new(keys.integrity, &keys.key).unwrap();
    let mut sealed = vec![0x45, 0, 0, 0, 0, 7, 0, 0, 0, 51, 0, 0];
    sealed.extend([192, 0, 2, 1, 192, 0, 2, 2]);
    sealed.extend([4, 6, 0, 0, 0xC0, 0xFF, 0xEE, 0, 0, 0, 0, 1]);
    sealed.extend([0; 20]);
    sealed.extend_from_slice(&inner);
    let len = sealed.len() as u16;
    sealed[2..4].copy_from_slice(&len.to_be_bytes());
    let mut icv = [0; 16];
    assert!(authenticator.sign(&[&sealed], &mut icv));
    sealed[32..48].copy_from_slice(&icv);
    assert_eq!(open(&mut receiver, &mut sealed.clone()), Ok(inner));
    sealed[0] = 0x46;
    let refused = receiver.open(&mut sealed);
    assert_eq!(refused, Err(DropReason::OuterHeader));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_sealed_opens_once(
        integrity in 0..Integrity::ALL.len(),
        framing in 0..4_usize,
        extended in any::<bool>(),
        lengths in proptest::collection::vec(0_usize..300, 1..20),
    ) {
        let framing = framings()[framing];
        let (mut sender, mut receiver) = AhKeys::new(Integrity::ALL[integrity]).pair(framing, extended);
        for len in lengths {
            let inner = carried_by(framing, len);
            let (payload, _) = payload(&sender, &inner);
            prop_assert!(sender.sealed_len(payload.len()) <= payload.len() + sender.overhead());
            let largest = sender.max_inner_len(sender.sealed_len(payload.len()));
            prop_assert_eq!(largest, inner.len());
            let mut sealed = seal(&mut sender, &inner);
            let opened = open(&mut receiver, &mut sealed).unwrap();
            prop_assert_eq!(opened.len(), inner.len());
            let header = inner.len() - payload.len();
            prop_assert_eq!(&opened[header..], &inner[header..]);
        }
    }

    #[test]
    fn any_octets_are_dropped_without_panic(
        mut octets in proptest::collection::vec(any::<u8>(), 0..200),
        framing in 0..4_usize,
    ) {
        let (sender, mut receiver) = AhKeys::new(Integrity::HmacSha256_128).pair(framings()[framing], true);
        if sender.outer_len() > 0 && let Some(first) = octets.first_mut() {
            *first = 0x45;
        }
        if let Some(at) = octets.get_mut(sender.outer_len() + 4..).and_then(|rest| rest.first_chunk_mut()) {
            *at = spi().get().to_be_bytes();
        }
        prop_assert!(receiver.open(&mut octets).is_err());
    }
}
