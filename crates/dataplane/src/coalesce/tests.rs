//! Joining and cutting are each other's inverse.

use super::*;
use crate::packets::{Tcp, checksums_hold, udp};
use crate::split::{SuperPacket, complete_checksum};
use proptest::prelude::*;

fn offer(coalescer: &mut Coalescer, packet: &[u8]) -> Offered {
    coalescer.offer(&InnerHeader::parse(packet).unwrap(), packet)
}

/// Cuts a frame as the outbound loop does.
fn cut(frame: &[u8], max_len: usize) -> Vec<Vec<u8>> {
    let mut frame = frame.to_vec();
    let (vnet, packet) = VnetHeader::split(&mut frame).unwrap();
    let inner = InnerHeader::parse(packet).unwrap();
    if vnet.gso == Gso::None {
        complete_checksum(&vnet, &inner, packet);
        return vec![packet.to_vec()];
    }
    let whole = SuperPacket::new(&vnet, &inner, packet, max_len).unwrap();
    (0..whole.count())
        .map(|index| {
            let mut piece = vec![0; whole.len(index)];
            whole.write(index, &mut piece);
            piece
        })
        .collect()
}

/// Runs packets through a coalescer as the inbound loop does, and answers the frames.
fn join(packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut coalescer = Coalescer::new();
    let mut frames = Vec::new();
    for packet in packets {
        let mut answer = offer(&mut coalescer, packet);
        if matches!(answer, Offered::FlushFirst | Offered::WriteAlone(true)) {
            frames.extend(coalescer.take().map(|(frame, _)| frame.to_vec()));
            if answer == Offered::FlushFirst {
                answer = offer(&mut coalescer, packet);
            }
        }
        if matches!(answer, Offered::WriteAlone(_)) {
            frames.push([&VnetHeader::PLAIN.to_bytes()[..], packet].concat());
        }
    }
    frames.extend(coalescer.take().map(|(frame, _)| frame.to_vec()));
    frames
}

fn flow(v6: bool, payloads: &[usize]) -> Vec<Vec<u8>> {
    let mut sequence = u32::MAX - 2000;
    let mut packets = Vec::new();
    for (id, len) in payloads.iter().enumerate() {
        let payload = (0..*len).map(|at| (at * 7 + id) as u8).collect();
        let options = vec![1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6];
        packets.push(
            Tcp {
                v6,
                id: id as u16,
                options,
                ..Tcp::data(sequence, payload)
            }
            .build(),
        );
        sequence = sequence.wrapping_add(*len as u32);
    }
    packets
}

#[test]
fn equal_segments_become_one_frame_and_come_apart_the_same() {
    for v6 in [false, true] {
        let packets = flow(v6, &[1000, 1000, 1000, 300]);
        assert!(packets.iter().all(|packet| checksums_hold(packet)));
        let frames = join(&packets);
        assert_eq!(frames.len(), 1);
        assert_eq!(cut(&frames[0], 1500), packets);
    }
}

#[test]
fn a_smaller_limit_cuts_into_more_and_keeps_every_octet() {
    let packets = flow(false, &[1400, 1400]);
    let pieces = cut(&join(&packets)[0], 600);
    assert!(
        pieces
            .iter()
            .all(|piece| piece.len() <= 600 && checksums_hold(piece))
    );
    let octets = |packets: &[Vec<u8>]| {
        packets
            .iter()
            .flat_map(|packet| packet[52..].to_vec())
            .collect::<Vec<_>>()
    };
    assert_eq!(octets(&pieces), octets(&packets));
}

#[test]
fn push_ends_a_frame_and_stands_on_its_last_segment() {
    let mut packets = flow(false, &[500, 500, 500]);
    let pushed = Tcp {
        id: 1,
        flags: 0x18,
        options: packets[1][40..52].to_vec(),
        payload: packets[1][52..].to_vec(),
        ..Tcp::data((u32::MAX - 2000).wrapping_add(500), Vec::new())
    };
    packets[1] = pushed.build();
    let frames = join(&packets);
    assert_eq!(frames.len(), 2);
    let again: Vec<_> = frames.iter().flat_map(|frame| cut(frame, 1500)).collect();
    assert_eq!(again, packets);
}

#[test]
fn what_does_not_continue_the_flow_is_not_joined() {
    let first = Tcp::data(100, vec![1; 50]);
    let next = Tcp {
        id: 8,
        ..Tcp::data(150, vec![2; 50])
    };
    let joined = |second: Vec<u8>| join(&[first.build(), second]).len() == 1;
    assert!(joined(next.build()));
    assert!(
        !joined(
            Tcp {
                sequence: 151,
                ..next.clone()
            }
            .build()
        ),
        "a gap"
    );
    assert!(
        !joined(
            Tcp {
                payload: vec![2; 51],
                ..next.clone()
            }
            .build()
        ),
        "longer than the first"
    );
    assert!(
        !joined(
            Tcp {
                flags: 0x11,
                ..next.clone()
            }
            .build()
        ),
        "FIN"
    );
    assert!(
        !joined(
            Tcp {
                flags: 0x50,
                ..next.clone()
            }
            .build()
        ),
        "ECE"
    );
    assert!(
        !joined(
            Tcp {
                payload: vec![],
                ..next.clone()
            }
            .build()
        ),
        "a bare acknowledgement"
    );
    assert!(
        !joined(
            Tcp {
                options: vec![1; 4],
                ..next.clone()
            }
            .build()
        ),
        "other options"
    );
    let change = |at: usize| {
        let mut packet = next.build();
        packet[at] ^= 1;
        packet
    };
    assert!(
        !joined(change(60)),
        "a wrong checksum, which joining would hide"
    );
    assert!(!joined(change(8)), "another hop limit");
}

#[test]
fn packets_of_the_held_flow_do_not_overtake_it_and_others_may() {
    let mut coalescer = Coalescer::new();
    assert_eq!(
        offer(&mut coalescer, &Tcp::data(100, vec![1; 50]).build()),
        Offered::Taken
    );
    assert_eq!(
        offer(&mut coalescer, &udp(false, b"x")),
        Offered::WriteAlone(false)
    );
    let fin = Tcp {
        flags: 0x11,
        ..Tcp::data(150, vec![])
    }
    .build();
    assert_eq!(offer(&mut coalescer, &fin), Offered::WriteAlone(true));
    assert_eq!(coalescer.take().unwrap().1, 1);
    assert!(coalescer.take().is_none());
}

#[test]
fn a_frame_ends_before_the_largest_ip_packet() {
    let frames = join(&flow(false, &[1400; 60]));
    assert_eq!(frames.len(), 2);
    assert!(
        frames
            .iter()
            .all(|frame| frame.len() <= VNET_HEADER_LEN + 65_535)
    );
}

#[test]
fn udp_pieces_are_datagrams_and_partial_checksums_are_completed() {
    let whole = udp(false, &[7; 250]);
    let vnet = VnetHeader {
        gso: Gso::Udp,
        gso_size: 100,
        header_len: 28,
        checksum: Some((20, 6)),
    };
    let frame = [&vnet.to_bytes()[..], &whole].concat();
    let pieces = cut(&frame, 1500);
    assert_eq!(
        pieces.iter().map(Vec::len).collect::<Vec<_>>(),
        [128, 128, 78]
    );
    assert!(pieces.iter().all(|piece| checksums_hold(piece)));
    let inner = InnerHeader::parse(&whole).unwrap();
    assert_eq!(cut(&frame, 127), pieces, "datagrams are not made smaller");

    let mut partial = whole.clone();
    put(
        &mut partial,
        26,
        Sum::default()
            .pseudo_header(inner.source, inner.destination, 17, 258)
            .partial(),
    );
    let vnet = VnetHeader {
        checksum: Some((20, 6)),
        ..VnetHeader::PLAIN
    };
    assert_eq!(
        cut(&[&vnet.to_bytes()[..], &partial].concat(), 1500),
        [whole]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn cutting_what_was_joined_gives_the_same_packets(
        v6 in any::<bool>(),
        payloads in proptest::collection::vec(prop_oneof![4 => Just(700_usize), 1 => 0_usize..900], 1..100),
    ) {
        let packets = flow(v6, &payloads);
        let again: Vec<_> = join(&packets).iter().flat_map(|frame| cut(frame, 1500)).collect();
        prop_assert_eq!(again, packets);
    }

    #[test]
    fn any_packet_is_cut_or_refused_without_panic(
        mut packet in proptest::collection::vec(any::<u8>(), 20..200),
        first in prop_oneof![Just(0x45_u8), Just(0x60)],
        protocol in prop_oneof![Just(6_u8), Just(17)],
        kind in 0_u8..6,
        gso_size in any::<u16>(),
        max_len in 0_usize..300,
    ) {
        packet[0] = first;
        let len = packet.len();
        if first == 0x45 {
            put(&mut packet, 2, len as u16);
            packet[9] = protocol;
        } else if len >= 40 {
            put(&mut packet, 4, len as u16 - 40);
            packet[6] = protocol;
        }
        let Ok(inner) = InnerHeader::parse(&packet) else { return Ok(()) };
        let mut coalescer = Coalescer::new();
        coalescer.offer(&inner, &packet[..inner.total_len]);
        let mut vnet = VnetHeader::PLAIN.to_bytes();
        vnet[1] = kind;
        vnet[4..6].copy_from_slice(&gso_size.to_ne_bytes());
        let Some((vnet, _)) = VnetHeader::split(&mut vnet) else { return Ok(()) };
        if let Some(whole) = SuperPacket::new(&vnet, &inner, &packet, max_len) {
            for index in 0..whole.count() {
                let mut piece = vec![0; whole.len(index)];
                whole.write(index, &mut piece);
                prop_assert!(inner.protocol == 17 || piece.len() <= max_len);
            }
        }
    }
}
