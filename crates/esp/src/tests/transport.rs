//! ESP in transport mode: what leaves its header outside, and gets one again.

use super::*;

/// Between the two hosts alone.
fn host_to_host(framing: Framing) -> (Selectors, Selectors) {
    let (ours, theirs, len) = match framing.hosts {
        Hosts::V4(ours, theirs) => (IpAddr::V4(ours), IpAddr::V4(theirs), 32),
        Hosts::V6(ours, theirs) => (IpAddr::V6(ours), IpAddr::V6(theirs), 128),
    };
    let of = |address| {
        vec![TrafficSelector::addresses(
            AddressRange::subnet(address, len).unwrap(),
        )]
    };
    (
        Selectors::new(of(ours), of(theirs)),
        Selectors::new(of(theirs), of(ours)),
    )
}

fn pair(suite: (Encryption, Option<Integrity>), framing: Framing) -> (OutboundSa, InboundSa) {
    let keys = Keys::new(suite);
    let (ours, theirs) = host_to_host(framing);
    (
        sender(&keys.keying(), framing, ours, false),
        receiver(&keys.keying(), framing, theirs, false),
    )
}

fn ours(protocol: u8, payload: &[u8]) -> Vec<u8> {
    v4([192, 0, 2, 1], [192, 0, 2, 2], protocol, payload)
}

fn ours_v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = v6(next, payload);
    for (at, last) in [(8, 1), (24, 2)] {
        packet[at..at + 16].fill(0);
        packet[at..at + 4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        packet[at + 15] = last;
    }
    packet
}

#[test]
fn the_payload_alone_is_sealed_and_has_a_header_again() {
    let v6_hosts = between("2001:db8::1", "2001:db8::2", Mode::Transport);
    for suite in suites() {
        for len in [0, 1, 8, 100, 1000] {
            let udp = vec![0x5A; len];
            let cases = [
                (framing(Mode::Transport), ours(17, &udp)),
                (v6_hosts, ours_v6(17, &udp)),
            ];
            for (framing, inner) in cases {
                let (mut sender, mut receiver) = pair(suite, framing);
                let mut sealed = seal(&mut sender, &inner);
                assert_eq!(sealed.len(), sender.sealed_len(len));
                assert!(sender.max_inner_len(sealed.len()) >= inner.len());
                let opened = open(&mut receiver, &mut sealed).unwrap();
                let before = InnerHeader::parse(&inner).unwrap();
                let after = InnerHeader::parse(&opened).unwrap();
                assert_eq!(before, after);
                let header = framing.hosts.header_len();
                assert_eq!(opened[header..], inner[header..]);
            }
        }
    }
}

#[test]
fn fragments_and_headers_that_routers_read_are_not_carried() {
    let (sender, _) = pair(GCM, framing(Mode::Transport));
    let refused = |sa: &OutboundSa, packet: &[u8]| {
        let header = InnerHeader::parse(packet).unwrap();
        sa.carried(&header, packet).unwrap_err()
    };
    let mut fragment = ours(17, &[0; 16]);
    fragment[6] = 0x20;
    assert_eq!(refused(&sender, &fragment), Uncarried::Fragment);
    let mut options = ours(17, &[0; 16]);
    options[0] = 0x46;
    assert_eq!(refused(&sender, &options), Uncarried::Options);
    let (sender, _) = pair(GCM, between("2001:db8::1", "2001:db8::2", Mode::Transport));
    let hop_by_hop = ours_v6(0, &[17, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    assert_eq!(refused(&sender, &hop_by_hop), Uncarried::Options);
    let fragment = ours_v6(44, &[17, 0, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4]);
    assert_eq!(refused(&sender, &fragment), Uncarried::Fragment);
    // What only the destination reads is protected with the rest (RFC 4303 section 3.1.1).
    let for_destination = ours_v6(60, &[17, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    assert_eq!(payload(&sender, &for_destination).1, 60);
}

#[test]
fn a_peer_brings_nothing_but_its_own_datagrams() {
    let keys = Keys::new(GCM);
    let selectors = || {
        let tcp = |address: &str| TrafficSelector {
            protocol: 6,
            ..net(address, 32)
        };
        Selectors::new(vec![tcp("192.0.2.2")], vec![tcp("192.0.2.1")])
    };
    let mut sa = receiver(&keys.keying(), framing(Mode::Transport), selectors(), false);
    let tcp = [&[0x5A; 20][..], &[0, 6]].concat();
    let opened = open(&mut sa, &mut forge(&keys, 1, &tcp)).unwrap();
    assert_eq!(opened[12..20], [192, 0, 2, 1, 192, 0, 2, 2]);
    let udp = [&[0x5A; 20][..], &[0, 17]].concat();
    let refused = sa.open(&mut forge(&keys, 2, &udp));
    assert_eq!(refused, Err(DropReason::Selector));
    // A whole packet is no payload of an SA for TCP, whoever it says it is from.
    let inner = v4([10, 9, 9, 9], [192, 0, 2, 2], 6, &[0; 20]);
    let tunnelled = [&inner[..], &[0, 4]].concat();
    let refused = sa.open(&mut forge(&keys, 3, &tunnelled));
    assert_eq!(refused, Err(DropReason::Selector));
    let dummy = [&[0x5A; 20][..], &[0, 59]].concat();
    let refused = sa.open(&mut forge(&keys, 4, &dummy));
    assert_eq!(refused, Err(DropReason::Dummy));
}

proptest! {
    #[test]
    fn any_authentic_content_is_a_datagram_of_the_peer_or_dropped(
        body in proptest::collection::vec(any::<u8>(), 0..100),
        next in any::<u8>(),
        is_v6 in any::<bool>(),
    ) {
        let framing = if is_v6 {
            between("2001:db8::1", "2001:db8::2", Mode::Transport)
        } else {
            framing(Mode::Transport)
        };
        let (_, mut receiver) = pair(GCM, framing);
        let content = [&body[..], &[0, next]].concat();
        let mut sealed = forge(&Keys::new(GCM), 1, &content);
        if let Ok(opened) = open(&mut receiver, &mut sealed) {
            let header = InnerHeader::parse(&opened).unwrap();
            prop_assert_eq!(header.total_len, opened.len());
            prop_assert!(!header.is_fragment);
            let source: IpAddr = if is_v6 { "2001:db8::1" } else { "192.0.2.1" }.parse().unwrap();
            prop_assert_eq!(header.source, source);
        }
    }
}
