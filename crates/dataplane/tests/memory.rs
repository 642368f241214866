//! The SA commands, on the data plane in memory.

use std::net::SocketAddr;

use crate::packets::{packet, to_left, to_right};
use crate::support::{OWNER, Side, child, routes};
use adit_dataplane::{
    ChildId, ChildSa, ConnectionBlocks, Dataplane, DropCause, InstallError, Lane, Memory, Owner,
    Pair, RouteChange, Sharing, Translations,
};
use adit_esp::DropReason;

fn peer(port: u16) -> SocketAddr {
    ([192, 0, 2, 1], port).into()
}

fn memory() -> Memory {
    let memory = Memory::new();
    memory.change_routes(routes());
    memory
}

fn pair() -> (Memory, Memory) {
    let (left, right) = (memory(), memory());
    left.install(child(Side::Left, 0x1000, true, peer(4500), true))
        .unwrap();
    right
        .install(child(Side::Right, 0x1000, true, peer(4501), true))
        .unwrap();
    (left, right)
}

fn spi(datagram: &[u8]) -> u32 {
    u32::from_be_bytes(datagram[..4].try_into().unwrap())
}

#[test]
fn a_packet_crosses_and_is_counted_on_both_sides() {
    let (left, right) = pair();
    let datagram = left.send(&to_right(b"hello")).unwrap();
    assert_eq!((datagram.to, spi(&datagram.bytes)), (peer(4500), 0x1001));
    assert!(!datagram.bytes.windows(5).any(|window| window == b"hello"));
    assert_eq!(
        right.receive(peer(9), &datagram.bytes).unwrap(),
        to_right(b"hello")
    );
    let id = ChildId(0x1000);
    let (sent, received) = (
        left.child_counters(id).unwrap(),
        right.child_counters(id).unwrap(),
    );
    assert_eq!((sent.packets_out, sent.octets_out), (1, 33));
    assert_eq!((received.packets_in, received.octets_in), (1, 33));
    assert_eq!(received.endpoint_seen, Some(peer(9)));
    assert!(received.last_inbound.is_some() && sent.last_inbound.is_none());
    assert!(sent.sequence_used > 0.0 && sent.sequence_used < 1e-6);
}

/// A tunnel from an address of its own.
fn tunnel(lane: Lane, spi: u32) -> ChildSa {
    ChildSa {
        lane,
        local: lane.of([[192, 0, 2, 7], [192, 0, 2, 8]]).into(),
        ..child(Side::Left, spi, true, peer(4500), true)
    }
}

#[test]
fn a_connection_s_packets_go_by_the_tunnel_whose_turn_it_is_and_come_by_either() {
    let (left, right) = (memory(), memory());
    let sharing = |doubtful| Sharing {
        distribute: false,
        doubtful,
    };
    left.share(OWNER, Some(sharing([false; 2])));
    for (lane, spi) in [(Lane::First, 0x1000), (Lane::Second, 0x2000)] {
        left.install(tunnel(lane, spi)).unwrap();
        let theirs = child(Side::Right, spi, true, peer(4501), true);
        right.install(theirs).unwrap();
    }
    let goes_by = || {
        let sent = left.send(&to_right(b"on its way")).unwrap();
        let got = right.receive(peer(9), &sent.bytes).unwrap();
        assert_eq!(got, to_right(b"on its way"));
        (sent.from.to_string(), spi(&sent.bytes) & 0xf000)
    };
    let (first, second) = (("192.0.2.7", 0x1000), ("192.0.2.8", 0x2000));
    let is = |(from, spi): (&str, u32)| (from.to_owned(), spi);
    assert_eq!(goes_by(), is(first));
    left.share(OWNER, Some(sharing([true, false])));
    assert_eq!(goes_by(), is(second));
    // It is trusted again, and its packets are not called back.
    left.share(OWNER, Some(sharing([false; 2])));
    assert_eq!(goes_by(), is(second));
    // A rekeyed SA is of the same tunnel.
    left.install(tunnel(Lane::Second, 0x3000)).unwrap();
    let theirs = child(Side::Right, 0x3000, true, peer(4501), true);
    right.install(theirs).unwrap();
    assert_eq!(goes_by(), is(("192.0.2.8", 0x3000)));
    for id in [0x2000, 0x3000] {
        left.stop_outbound(ChildId(id));
    }
    assert_eq!(goes_by(), is(first));
    // What comes may come by either.
    for spi in [0x1000, 0x2000] {
        let theirs = memory();
        theirs
            .install(child(Side::Right, spi, true, peer(1), true))
            .unwrap();
        let sent = theirs.send(&to_left(b"back")).unwrap();
        assert_eq!(
            left.receive(peer(9), &sent.bytes).unwrap(),
            to_left(b"back")
        );
    }
    left.remove(ChildId(0x1000));
    assert_eq!(left.send(&to_right(b"nowhere")), None);
    assert_eq!(left.counters().drops(DropCause::NoSa), 1);
}

#[test]
fn what_comes_before_its_child_sa_waits_where_that_was_asked_for() {
    for announced in [true, false] {
        let (left, right) = (memory(), memory());
        left.install(child(Side::Left, 0x1000, true, peer(4500), true))
            .unwrap();
        if announced {
            right.expect(0x1001);
        }
        let early: Vec<_> = [&b"one"[..], b"two"]
            .map(|text| left.send(&to_right(text)).unwrap().bytes)
            .into();
        for datagram in &early {
            assert_eq!(right.receive(peer(9), datagram), None);
        }
        right
            .install(child(Side::Right, 0x1000, true, peer(4501), true))
            .unwrap();
        let late = right.take_late();
        let dropped = right.counters().drops(DropCause::UnknownSpi);
        if announced {
            assert_eq!(
                (late, dropped),
                (vec![to_right(b"one"), to_right(b"two")], 0)
            );
            // They have been: a repetition is one.
            assert_eq!(right.receive(peer(9), &early[0]), None);
            let replayed = DropCause::Esp(DropReason::Replayed);
            assert_eq!(right.counters().drops(replayed), 1);
        } else {
            assert_eq!((late, dropped), (Vec::new(), 2));
        }
    }
}

#[test]
fn a_child_sa_goes_on_elsewhere_behind_the_numbers_it_has_had() {
    let (left, right) = pair();
    let id = ChildId(0x1000);
    let mut sent = Vec::new();
    for _ in 0..3 {
        let datagram = left.send(&to_right(b"")).unwrap().bytes;
        assert!(right.receive(peer(1), &datagram).is_some());
        sent.push(datagram);
    }
    let last_sent = left.child_counters(id).unwrap().last_sent;
    let highest = right.child_counters(id).unwrap().highest_received;
    assert_eq!((last_sent, highest), (3, 3));
    let (left, right) = (memory(), memory());
    let mut there = child(Side::Left, 0x1000, true, peer(4500), true);
    there.outbound.skip_to(last_sent);
    left.install(there).unwrap();
    let mut there = child(Side::Right, 0x1000, true, peer(4501), true);
    there.inbound.skip_to(highest);
    right.install(there).unwrap();
    assert_eq!(left.child_counters(id).unwrap().last_sent, 3);
    assert_eq!(right.child_counters(id).unwrap().highest_received, 3);
    for before in sent {
        assert!(right.receive(peer(1), &before).is_none());
    }
    let drops = right.counters().drops(DropCause::Esp(DropReason::Replayed));
    assert_eq!(drops, 3);
    let datagram = left.send(&to_right(b"")).unwrap().bytes;
    assert!(right.receive(peer(1), &datagram).is_some());
    assert_eq!(left.child_counters(id).unwrap().last_sent, 4);
    assert_eq!(right.child_counters(id).unwrap().highest_received, 4);
}

#[test]
fn a_child_sa_is_busy_once_until_it_is_asked_for_and_carries_more() {
    let (left, right) = pair();
    let (id, none) = (ChildId(0x1000), Vec::<ChildId>::new());
    assert_eq!(
        (left.take_busy(), right.take_busy()),
        (none.clone(), none.clone())
    );
    // That nothing but this has come is worth a look.
    let mut forged = left.send(&to_right(b"")).unwrap().bytes;
    *forged.last_mut().unwrap() ^= 1;
    assert!(right.receive(peer(1), &forged).is_none());
    assert_eq!((left.take_busy(), right.take_busy()), (vec![id], vec![id]));
    assert_eq!(right.child_counters(id).unwrap().not_authentic, 1);
    for _ in 0..3 {
        let datagram = left.send(&to_right(b"")).unwrap();
        right.receive(peer(1), &datagram.bytes).unwrap();
    }
    assert_eq!((left.take_busy(), right.take_busy()), (vec![id], vec![id]));
    assert_eq!(left.take_busy(), none);
    left.send(&to_right(b"")).unwrap();
    assert_eq!(left.take_busy(), [id]);
    // What is forged is nothing of the peer's.
    let mut forged = left.send(&to_right(b"")).unwrap().bytes;
    *forged.last_mut().unwrap() ^= 1;
    assert!(right.receive(peer(1), &forged).is_none());
    assert_eq!(right.take_busy(), none);
}

#[test]
fn what_no_sa_may_carry_is_dropped_and_counted() {
    let (left, right) = pair();
    assert!(
        left.send(&packet([10, 0, 9, 1], [10, 1, 0, 1], b""))
            .is_none()
    );
    assert!(left.send(&to_left(b"")).is_none());
    assert_eq!(left.counters().drops(DropCause::NoConnection), 1);
    assert_eq!(left.counters().drops(DropCause::NoSa), 1);
    assert!(left.send(&to_right(&[0; 1500])).is_none());
    assert_eq!(left.counters().drops(DropCause::TooBig), 1);
    assert!(left.send(b"no packet").is_none());
    assert_eq!(left.counters().drops(DropCause::NotIp), 1);
    let datagram = left.send(&to_right(b"")).unwrap();
    assert!(right.receive(peer(1), &datagram.bytes).is_some());
    assert!(right.receive(peer(1), &datagram.bytes).is_none());
    assert_eq!(
        right.counters().drops(DropCause::Esp(DropReason::Replayed)),
        1
    );
    assert!(right.receive(peer(1), &[0, 0, 9, 9, 0, 0, 0, 1]).is_none());
    assert_eq!(right.counters().drops(DropCause::UnknownSpi), 1);
}

#[test]
fn a_forged_packet_does_not_move_the_endpoint() {
    let (left, right) = pair();
    let mut datagram = left.send(&to_right(b"x")).unwrap().bytes;
    *datagram.last_mut().unwrap() ^= 1;
    assert!(right.receive(peer(666), &datagram).is_none());
    assert_eq!(
        right.child_counters(ChildId(0x1000)).unwrap().endpoint_seen,
        None
    );
}

#[test]
fn a_rekey_moves_traffic_when_it_is_activated_and_the_old_sa_still_receives() {
    let (left, right) = pair();
    left.install(child(Side::Left, 0x2000, true, peer(4500), false))
        .unwrap();
    right
        .install(child(Side::Right, 0x2000, true, peer(4501), false))
        .unwrap();
    assert_eq!(spi(&left.send(&to_right(b"a")).unwrap().bytes), 0x1001);
    left.activate_outbound(ChildId(0x2000));
    let new = left.send(&to_right(b"b")).unwrap();
    assert_eq!(spi(&new.bytes), 0x2001);
    left.stop_outbound(ChildId(0x1000));
    let late = right.send(&to_left(b"c")).unwrap();
    assert_eq!(spi(&late.bytes), 0x1000);
    assert!(left.receive(peer(1), &late.bytes).is_some());
    left.remove(ChildId(0x1000));
    assert!(
        left.receive(peer(1), &right.send(&to_left(b"d")).unwrap().bytes)
            .is_none()
    );
    assert!(right.receive(peer(1), &new.bytes).is_some());
    assert!(left.child_counters(ChildId(0x1000)).is_none());
    left.remove(ChildId(0x2000));
    assert!(left.send(&to_right(b"e")).is_none());
}

#[test]
fn a_moved_endpoint_is_where_packets_go() {
    let (left, _) = pair();
    left.move_endpoint(ChildId(0x1000), peer(7777));
    assert_eq!(left.send(&to_right(b"")).unwrap().to, peer(7777));
}

#[test]
fn a_connections_mtu_bounds_what_it_takes_and_can_change() {
    let left = memory();
    let mut small = child(Side::Left, 0x1000, true, peer(4500), true);
    small.mtu = Some(1300);
    left.install(small).unwrap();
    let takes = |len: usize| left.send(&to_right(&vec![0; len - 28])).is_some();
    assert_eq!((takes(1300), takes(1301)), (true, false));
    left.set_mtu(ChildId(0x1000), Some(600));
    assert_eq!((takes(600), takes(601)), (true, false));
    left.set_mtu(ChildId(0x1000), None);
    assert_eq!((takes(1400), takes(1500)), (true, false));
    assert_eq!(left.counters().drops(DropCause::TooBig), 3);
    left.set_mtu(ChildId(0x2000), Some(68));
    assert!(takes(1400), "another one's");
}

#[test]
fn an_id_or_spi_in_use_is_refused() {
    let (left, _) = pair();
    let twice = child(Side::Left, 0x1000, true, peer(1), true);
    assert_eq!(left.install(twice), Err(InstallError::DuplicateId));
    let mut same_spi = child(Side::Left, 0x1000, true, peer(1), true);
    same_spi.id = ChildId(5);
    assert_eq!(left.install(same_spi), Err(InstallError::DuplicateSpi));
    left.remove(ChildId(0x1000));
    assert_eq!(
        left.install(child(Side::Left, 0x1000, true, peer(1), true)),
        Ok(())
    );
}

#[test]
fn a_captured_packet_that_is_sent_on_from_elsewhere_moves_the_endpoint_only_if_it_is_the_newest() {
    let (left, right) = pair();
    let sent = [b"a", b"b", b"c"].map(|octets| left.send(&to_right(octets)).unwrap().bytes);
    let seen = || right.child_counters(ChildId(0x1000)).unwrap().endpoint_seen;
    assert!(right.receive(peer(9), &sent[1]).is_some());
    // One that was overtaken is good, but says nothing of where the peer is now.
    assert!(right.receive(peer(666), &sent[0]).is_some());
    assert_eq!(seen(), Some(peer(9)));
    assert!(right.receive(peer(666), &sent[1]).is_none());
    assert_eq!(seen(), Some(peer(9)));
    assert!(right.receive(peer(10), &sent[2]).is_some());
    assert_eq!(seen(), Some(peer(10)));
}

/// The left end of a connection to the right one, and of a wider one to another peer.
fn overlapping() -> Memory {
    let blocks = |owner, remote: &str| ConnectionBlocks {
        owner,
        enabled: true,
        local: vec!["10.0.0.0/24".parse().unwrap()],
        remote: vec![remote.parse().unwrap()],
        translations: Translations::default(),
    };
    let left = Memory::new();
    let (narrow, wide) = (blocks(OWNER, "10.1.0.0/24"), blocks(WIDE, "0.0.0.0/0"));
    left.change_routes(RouteChange {
        gone: Vec::new(),
        blocks: vec![wide, narrow],
    });
    left
}

const WIDE: Owner = Owner(8);

fn install(plane: &Memory, owner: Owner, spi: u32, port: u16) {
    let mut new = child(Side::Left, spi, true, peer(port), true);
    new.owner = owner;
    plane.install(new).unwrap();
}

#[test]
fn one_peers_packets_never_go_to_another_whose_blocks_are_wider() {
    let left = overlapping();
    install(&left, OWNER, 0x1000, 1);
    // Newer, as after each rekey of the wider one, and its selectors allow the packet.
    install(&left, WIDE, 0x2000, 2);
    assert_eq!(left.send(&to_right(b"")).unwrap().to, peer(1));
    // Down is not a way to the other peer either.
    left.remove(ChildId(0x1000));
    assert_eq!(left.send(&to_right(b"")), None);
    assert_eq!(left.counters().drops(DropCause::NoSa), 1);
    install(&left, OWNER, 0x3000, 1);
    assert_eq!(left.send(&to_right(b"")).unwrap().to, peer(1));
}

#[test]
fn a_peer_brings_no_packets_of_what_is_behind_another() {
    let (left, right) = (overlapping(), pair().1);
    install(&left, WIDE, 0x1000, 1);
    let stolen = right.send(&to_left(b"")).unwrap();
    assert_eq!(left.receive(peer(1), &stolen.bytes), None);
    assert_eq!(left.counters().drops(DropCause::OtherConnection), 1);
}

#[test]
fn what_the_kernel_says_on_a_new_device_is_counted_apart() {
    let left = memory();
    // A router solicitation from a link-local address to all routers, and a packet to an IPv4 group.
    let mut solicitation = vec![0x60, 0, 0, 0, 0, 8, 58, 255, 0xFE, 0x80];
    solicitation.extend([0; 13]);
    solicitation.extend([1, 0xFF, 2]);
    solicitation.extend([0; 13]);
    solicitation.extend([2, 133, 0, 0, 0, 0, 0, 0, 0]);
    assert!(left.send(&solicitation).is_none());
    assert!(
        left.send(&packet([10, 0, 0, 1], [224, 0, 0, 251], b""))
            .is_none()
    );
    let counters = left.counters();
    let counted = [
        DropCause::LinkScope,
        DropCause::NoSa,
        DropCause::NoConnection,
    ];
    assert_eq!(counted.map(|cause| counters.drops(cause)), [2, 0, 0]);
}

#[test]
fn two_peers_of_the_same_addresses_as_ours_are_each_known_by_others() {
    // Here it is 10.1.0.0/24 too, as behind both peers: it is shown to them as 10.0.0.0/24.
    let pair = |ours: &str, theirs: &str| Pair {
        ours: ours.parse().unwrap(),
        theirs: theirs.parse().unwrap(),
    };
    let known_as = |owner, name: &str| ConnectionBlocks {
        owner,
        enabled: true,
        local: vec!["10.1.0.0/24".parse().unwrap()],
        remote: vec![name.parse().unwrap()],
        translations: Translations::new(
            [pair("10.1.0.0/24", "10.0.0.0/24")],
            [pair(name, "10.1.0.0/24")],
        ),
    };
    let (left, right) = (Memory::new(), self::pair().1);
    left.change_routes(RouteChange {
        gone: Vec::new(),
        blocks: vec![
            known_as(OWNER, "10.6.0.0/24"),
            known_as(WIDE, "10.7.0.0/24"),
        ],
    });
    install(&left, OWNER, 0x1000, 1);
    install(&left, WIDE, 0x2000, 2);
    let ends = |packet: &[u8]| (packet[12..16].to_vec(), packet[16..20].to_vec());
    for (name, port) in [(6, 1), (7, 2)] {
        let sent = left.send(&packet([10, 1, 0, 1], [10, name, 0, 1], b"hi"));
        assert_eq!(sent.as_ref().map(|sent| sent.to), Some(peer(port)));
        if port == 1 {
            let there = right.receive(peer(9), &sent.unwrap().bytes).unwrap();
            assert_eq!(ends(&there), ends(&to_right(b"hi")));
        }
    }
    let back = right.send(&to_left(b"ho")).unwrap();
    let here = left.receive(peer(1), &back.bytes).unwrap();
    assert_eq!(ends(&here), (vec![10, 6, 0, 1], vec![10, 1, 0, 1]));
    // Once nothing is translated any more, the same packets are nobody's.
    left.change_routes(RouteChange {
        gone: vec![OWNER],
        blocks: Vec::new(),
    });
    assert!(
        left.send(&packet([10, 1, 0, 1], [10, 6, 0, 1], b""))
            .is_none()
    );
}
