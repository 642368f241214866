//! Both directions together, for every algorithm.

mod ah;
mod handover;
mod transport;

use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;

use adit_crypto::{Encryption, Integrity, Opener, Random, SealItem, Sealer};
use proptest::prelude::*;

use crate::inner::tests::{v4, v6};
use crate::*;

struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, out: &mut [u8]) {
        for octet in out {
            self.0 = self.0.wrapping_add(1);
            *octet = self.0;
        }
    }
}

fn suites() -> Vec<(Encryption, Option<Integrity>)> {
    let mut suites = Vec::new();
    for &enc in Encryption::ALL {
        if enc.is_aead() {
            suites.push((enc, None));
        } else {
            suites.extend(Integrity::ALL.iter().map(|&integ| (enc, Some(integ))));
        }
    }
    suites
}

struct Keys {
    suite: (Encryption, Option<Integrity>),
    enc: Vec<u8>,
    integ: Vec<u8>,
}

impl Keys {
    fn new(suite: (Encryption, Option<Integrity>)) -> Self {
        let enc = (1..).take(suite.0.key_len()).collect();
        let integ = (50..).take(suite.1.map_or(0, Integrity::key_len)).collect();
        Self { suite, enc, integ }
    }

    fn keying(&self) -> Keying<'_> {
        Keying {
            protection: Protection::Esp(self.suite.0, self.suite.1),
            encryption_key: &self.enc,
            integrity_key: &self.integ,
        }
    }

    fn outbound(&self, extended: bool) -> OutboundSa {
        sender(&self.keying(), framing(Mode::Tunnel), left(), extended)
    }

    fn inbound(&self, extended: bool) -> InboundSa {
        receiver(&self.keying(), framing(Mode::Tunnel), right(), extended)
    }

    fn sealer(&self) -> Sealer {
        Sealer::new(self.suite.0, self.suite.1, &self.enc, &self.integ).unwrap()
    }
}

/// From 192.0.2.1, the left one, to 192.0.2.2.
fn framing(mode: Mode) -> Framing {
    between("192.0.2.1", "192.0.2.2", mode)
}

fn between(local: &str, remote: &str, mode: Mode) -> Framing {
    let hosts = Hosts::new(local.parse().unwrap(), remote.parse().unwrap()).unwrap();
    Framing { mode, hosts }
}

/// The other end's.
fn turned(framing: Framing) -> Framing {
    let hosts = match framing.hosts {
        Hosts::V4(one, two) => Hosts::V4(two, one),
        Hosts::V6(one, two) => Hosts::V6(two, one),
    };
    Framing { hosts, ..framing }
}

fn sender(
    keying: &Keying<'_>,
    framing: Framing,
    selectors: Selectors,
    extended: bool,
) -> OutboundSa {
    let random = &mut Counting(0);
    OutboundSa::new(spi(), keying, framing, selectors, extended, 3, random).unwrap()
}

/// The end that `framing` is the other one of.
fn receiver(
    keying: &Keying<'_>,
    framing: Framing,
    selectors: Selectors,
    extended: bool,
) -> InboundSa {
    InboundSa::new(spi(), keying, turned(framing), selectors, extended).unwrap()
}

fn spi() -> Spi {
    Spi::try_from(0xC0FF_EE00).unwrap()
}

fn net(text: &str, prefix_len: u8) -> TrafficSelector {
    let address: IpAddr = text.parse().unwrap();
    TrafficSelector::addresses(AddressRange::subnet(address, prefix_len).unwrap())
}

fn left() -> Selectors {
    Selectors::new(
        vec![net("10.0.0.0", 24), net("::", 0)],
        vec![net("10.1.0.0", 24), net("::", 0)],
    )
}

fn right() -> Selectors {
    Selectors::new(
        vec![net("10.1.0.0", 24), net("::", 0)],
        vec![net("10.0.0.0", 24), net("::", 0)],
    )
}

fn packet(payload: usize) -> Vec<u8> {
    v4([10, 0, 0, 1], [10, 1, 0, 1], 17, &vec![0x5A; payload + 8])
}

/// What of it the SA carries, and what that is.
fn payload<'a>(sa: &OutboundSa, inner: &'a [u8]) -> (&'a [u8], u8) {
    let carried = sa
        .carried(&InnerHeader::parse(inner).unwrap(), inner)
        .unwrap();
    (&inner[carried.skipped..], carried.next_header)
}

fn seal(sa: &mut OutboundSa, inner: &[u8]) -> Vec<u8> {
    let (payload, next_header) = payload(sa, inner);
    let mut buf = vec![0xEE; sa.sealed_len(payload.len())];
    buf[sa.payload_offset()..][..payload.len()].copy_from_slice(payload);
    seal_once(sa, &mut buf, payload.len(), next_header).unwrap();
    buf
}

fn seal_once(
    sa: &mut OutboundSa,
    buf: &mut [u8],
    payload_len: usize,
    next_header: u8,
) -> Result<(), OutboundError> {
    sa.seal_batch(&mut [OutboundPacket {
        buf,
        payload_len,
        next_header,
        class: 0,
    }])
}

/// The inner packet.
fn open(sa: &mut InboundSa, packet: &mut [u8]) -> Result<Vec<u8>, DropReason> {
    let delivered = sa.open(packet)?;
    Ok(delivered.packet(packet).unwrap().to_vec())
}

/// An ESP packet with any content and trailer, correctly sealed.
fn forge(keys: &Keys, sequence: u32, body: &[u8]) -> Vec<u8> {
    let sealer = keys.sealer();
    let mut buf = spi().get().to_be_bytes().to_vec();
    buf.extend(sequence.to_be_bytes());
    buf.extend(vec![0x77; sealer.iv_len()]);
    buf.extend_from_slice(body);
    buf.extend(vec![0; sealer.icv_len()]);
    sealer
        .seal_batch(&mut [SealItem {
            buf: &mut buf,
            aad_len: 8,
            esn_high: None,
        }])
        .unwrap();
    buf
}

const GCM: (Encryption, Option<Integrity>) = (Encryption::AesGcm256, None);
const CBC: (Encryption, Option<Integrity>) =
    (Encryption::AesCbc128, Some(Integrity::HmacSha256_128));

#[test]
fn a_gcm_packet_has_the_layout_of_rfc_4106() {
    let keys = Keys::new(GCM);
    let mut sa = keys.outbound(false);
    let inner = packet(1);
    seal(&mut sa, &inner);
    let mut sealed = seal(&mut sa, &inner);
    assert_eq!(sealed[..8], [0xC0, 0xFF, 0xEE, 0x00, 0, 0, 0, 2]);
    assert_eq!(
        sealed[8..16],
        [0, 3, 0, 0, 0, 0, 0, 2],
        "epoch, then the counter"
    );
    assert_eq!(sealed.len(), 8 + 8 + 32 + 16);
    let opener = Opener::new(GCM.0, None, &keys.enc, &[]).unwrap();
    let body = opener.open(&mut sealed, 8, None).unwrap();
    assert_eq!(sealed[body], [&inner[..], &[1, 1, 4]].concat());
}

#[test]
fn a_cbc_packet_is_padded_to_blocks_under_an_iv_that_does_not_repeat() {
    let keys = Keys::new(CBC);
    let mut sa = keys.outbound(false);
    let inner = v6(59, &[]);
    let first = seal(&mut sa, &inner);
    let mut second = seal(&mut sa, &inner);
    assert_ne!(first[8..24], second[8..24]);
    let opener = Opener::new(CBC.0, CBC.1, &keys.enc, &keys.integ).unwrap();
    let body = opener.open(&mut second, 8, None).unwrap();
    assert_eq!(
        second[body],
        [&inner[..], &[1, 2, 3, 4, 5, 6, 6, 41]].concat()
    );
}

#[test]
fn lengths_answer_what_sealing_needs() {
    for suite in suites() {
        let sa = Keys::new(suite).outbound(false);
        for inner in 20..200 {
            let sealed = sa.sealed_len(inner);
            assert!(sealed <= inner + sa.overhead());
            assert!(sa.max_inner_len(sealed) >= inner);
            assert!(sa.sealed_len(sa.max_inner_len(inner + 100)) <= inner + 100);
            assert!(sa.sealed_len(sa.max_inner_len(inner + 100) + 1) > inner + 100);
        }
        assert_eq!(sa.max_inner_len(0), 0);
        assert_eq!(sa.sealed_len(usize::MAX), usize::MAX);
    }
}

#[test]
fn small_blocks_end_an_sa_early() {
    let (des, triple) = (Encryption::DesCbc, Encryption::TripleDesCbc);
    for (cipher, extended) in [(des, false), (triple, false), (triple, true)] {
        let keys = Keys::new((cipher, Some(Integrity::HmacMd5_96)));
        let mut sa = keys.outbound(extended);
        assert_eq!(sa.sequence_limit(), 1 << 21);
        sa.skip_to(u64::MAX);
        let mut buf = vec![0; sa.sealed_len(28)];
        buf[16..44].copy_from_slice(&packet(0));
        let refused = seal_once(&mut sa, &mut buf, 28, 4);
        assert_eq!(refused, Err(OutboundError::SequenceExhausted));
    }
}

#[test]
fn sequence_numbers_end_and_none_is_used_twice() {
    let keys = Keys::new(GCM);
    for (extended, limit) in [(false, 0xFFFF_FFFF), (true, 0xFFFF_FFFF_FFFF)] {
        let mut sa = keys.outbound(extended);
        assert_eq!(sa.sequence_limit(), limit);
        sa.skip_to(limit - 1);
        let inner = packet(0);
        let (mut a, mut b) = (vec![0; sa.sealed_len(28)], vec![0; sa.sealed_len(28)]);
        a[16..44].copy_from_slice(&inner);
        b[16..44].copy_from_slice(&inner);
        let before = a.clone();
        let mut batch = [&mut a, &mut b].map(|buf| OutboundPacket {
            buf,
            payload_len: 28,
            next_header: 4,
            class: 0,
        });
        assert_eq!(
            sa.seal_batch(&mut batch),
            Err(OutboundError::SequenceExhausted)
        );
        assert_eq!(a, before, "nothing is sealed when not all can be");
        seal(&mut sa, &inner);
        assert_eq!(sa.sequence(), limit);
        let refused = seal_once(&mut sa, &mut a, 28, 4);
        assert_eq!(refused, Err(OutboundError::SequenceExhausted));
        sa.skip_to(5);
        assert_eq!(sa.sequence(), limit);
    }
}

#[test]
fn buffers_that_do_not_fit_are_refused() {
    let mut sa = Keys::new(GCM).outbound(false);
    let expected = sa.sealed_len(28);
    let error = seal_once(&mut sa, &mut vec![0x45; expected + 1], 28, 4).unwrap_err();
    assert_eq!(
        error,
        OutboundError::WrongLength {
            expected,
            actual: expected + 1
        }
    );
    assert_eq!(sa.sequence(), 0);
}

#[test]
fn each_fault_is_dropped_for_its_own_reason_and_counted() {
    let keys = Keys::new(GCM);
    let mut sa = keys.inbound(false);
    let inner = packet(2);
    let with = |trailer: &[u8]| [&inner[..], trailer].concat();
    let outside = [v4([10, 0, 1, 1], [10, 1, 0, 1], 17, &[0; 10]), vec![0, 4]].concat();
    let mut wrong_key = forge(&keys, 9, &with(&[0, 4]));
    *wrong_key.last_mut().unwrap() ^= 1;
    let mut wrong_spi = forge(&keys, 9, &with(&[0, 4]));
    wrong_spi[3] ^= 1;
    let cases = [
        (forge(&keys, 0, &with(&[0, 4])), DropReason::Malformed),
        (vec![0xC0, 0xFF, 0xEE], DropReason::Malformed),
        (wrong_spi, DropReason::Malformed),
        (wrong_key, DropReason::Integrity),
        (forge(&keys, 1, &[]), DropReason::Padding),
        (
            forge(&keys, 2, &with(&[1, 2, 4, 3, 4])),
            DropReason::Padding,
        ),
        (forge(&keys, 3, &with(&[200, 4])), DropReason::Padding),
        (forge(&keys, 4, &with(&[0, 59])), DropReason::Dummy),
        (forge(&keys, 5, &with(&[0, 6])), DropReason::NextHeader),
        (forge(&keys, 6, &with(&[0, 41])), DropReason::NextHeader),
        (forge(&keys, 7, &[0x45, 0, 0, 4]), DropReason::InnerHeader),
        (forge(&keys, 8, &outside), DropReason::Selector),
        (forge(&keys, 8, &with(&[0, 4])), DropReason::Replayed),
    ];
    for (at, (mut packet, reason)) in cases.into_iter().enumerate() {
        let before = sa.counters().drops(reason);
        assert_eq!(sa.open(&mut packet), Err(reason), "case {at}");
        assert_eq!(sa.counters().drops(reason), before + 1);
    }
    assert_eq!(
        sa.highest_sequence(),
        8,
        "the forged number 9 moved nothing"
    );
    assert_eq!((sa.counters().packets, sa.counters().dropped()), (0, 12));
    let mut late = forge(&keys, 5000, &with(&[0, 4]));
    assert!(sa.open(&mut late).is_ok());
    assert_eq!(
        sa.open(&mut forge(&keys, 9, &with(&[0, 4]))),
        Err(DropReason::TooOld)
    );
    assert_eq!((sa.counters().packets, sa.counters().octets), (1, 30));
}

#[test]
fn the_longest_padding_and_traffic_flow_padding_are_taken_off() {
    let keys = Keys::new(GCM);
    let mut sa = keys.inbound(false);
    let inner = packet(3);
    let mut body = inner.clone();
    body.extend([0xAA; 77]);
    body.extend(1..=255_u8);
    body.extend([255, 4]);
    let mut sealed = forge(&keys, 1, &body);
    assert_eq!(open(&mut sa, &mut sealed), Ok(inner));
}

#[test]
fn every_drop_reason_has_its_own_counter() {
    for (at, &reason) in DropReason::ALL.iter().enumerate() {
        assert_eq!(reason as usize, at, "{}", reason.name());
    }
}

#[test]
fn extended_numbers_cross_the_turn_of_the_low_half() {
    // With small blocks an SA ends long before.
    let large_blocks = |suite: &(Encryption, _)| suite.0.block_len() != 8;
    for suite in suites().into_iter().filter(large_blocks) {
        let keys = Keys::new(suite);
        let (mut sender, mut receiver) = (keys.outbound(true), keys.inbound(true));
        // As after long traffic: the receiver follows by two jumps within what it can infer.
        for at in [0x7000_0000, 0xFFFF_FFFD] {
            sender.skip_to(at);
            assert!(receiver.open(&mut seal(&mut sender, &packet(9))).is_ok());
        }
        for _ in 0..5 {
            assert!(receiver.open(&mut seal(&mut sender, &packet(9))).is_ok());
        }
        assert_eq!(receiver.highest_sequence(), 0x1_0000_0003);
    }
}

#[test]
fn any_changed_bit_is_refused_and_the_packet_itself_is_not() {
    for suite in suites() {
        let keys = Keys::new(suite);
        let mut receiver = keys.inbound(false);
        let sealed = seal(&mut keys.outbound(false), &packet(5));
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(receiver.open(&mut changed).is_err(), "{suite:?} {bit}");
        }
        assert!(
            receiver.open(&mut sealed.clone()).is_ok(),
            "no forgery has moved the window"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_sealed_in_batches_opens(
        suite in 0..suites().len(),
        extended in any::<bool>(),
        lengths in proptest::collection::vec(0_usize..300, 0..50),
    ) {
        let keys = Keys::new(suites()[suite]);
        let (mut sender, mut receiver) = (keys.outbound(extended), keys.inbound(extended));
        let inners: Vec<Vec<u8>> = lengths.iter().map(|len| packet(*len)).collect();
        let offset = sender.payload_offset();
        let mut bufs: Vec<Vec<u8>> = inners.iter().map(|inner| {
            let mut buf = vec![0; sender.sealed_len(inner.len())];
            buf[offset..][..inner.len()].copy_from_slice(inner);
            buf
        }).collect();
        let mut batch: Vec<OutboundPacket<'_>> = bufs.iter_mut().zip(&inners)
            .map(|(buf, inner)| OutboundPacket { buf, payload_len: inner.len(), next_header: 4, class: 0 }).collect();
        sender.seal_batch(&mut batch).unwrap();
        prop_assert_eq!(sender.sequence(), inners.len() as u64);
        for (buf, inner) in bufs.iter_mut().zip(&inners) {
            prop_assert_eq!(&open(&mut receiver, buf).unwrap(), inner);
        }
        prop_assert_eq!(receiver.counters().packets, inners.len() as u64);
    }

    #[test]
    fn any_octets_are_dropped_without_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(head) = octets.first_chunk_mut() {
            *head = spi().get().to_be_bytes();
        }
        for suite in [GCM, CBC] {
            prop_assert!(Keys::new(suite).inbound(true).open(&mut octets.clone()).is_err());
        }
    }

    #[test]
    fn any_authentic_content_is_judged_without_panic(
        body in proptest::collection::vec(any::<u8>(), 0..100),
        first in prop_oneof![Just(0x45_u8), Just(0x60)],
        pad_len in 0_u8..8,
        next in prop_oneof![Just(4_u8), Just(41), any::<u8>()],
    ) {
        let keys = Keys::new(GCM);
        let mut content = body;
        if let Some(octet) = content.first_mut() {
            *octet = first;
        }
        content.extend(1..=pad_len);
        content.extend([pad_len, next]);
        let mut sealed = forge(&keys, 1, &content);
        let len = sealed.len();
        match keys.inbound(false).open(&mut sealed) {
            Ok(Delivered::InPlace(range)) => prop_assert!(range.end <= len - 16),
            Ok(Delivered::Rebuilt(_)) => prop_assert!(false, "nothing is rebuilt in tunnel mode"),
            Err(_) => {}
        }
    }
}
