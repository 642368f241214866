//! A part of a connection does not work while the rest does: it is named, and not asked for without end.

use std::net::IpAddr;
use std::time::Duration;

use crate::exchange::*;
use adit_crypto::Group;
use adit_ike::config::block;
use adit_ike::{
    ChildConfig, ConnectionConfig, Encapsulation, EndpointConfig, Event, Failure, Part,
};
use adit_ike_wire::v2::{Message, NotifyType, Payload, emit};
use adit_sim::{Conditions, Datagram, Pair, Side};

fn parts(pair: &Pair, side: Side) -> Vec<(Part, Failure)> {
    let failed = pair
        .node(side)
        .events
        .iter()
        .filter_map(|event| match event {
            Event::PartFailed(_, part, failure) => Some((*part, failure.clone())),
            _ => None,
        });
    failed.collect()
}

fn pair(change: impl Fn(Side, &mut ConnectionConfig)) -> Pair {
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    for side in [Side::B, Side::A] {
        let mut config = Pair::usual(side);
        change(side, &mut config);
        pair.connect(side, config);
    }
    pair
}

#[test]
fn what_a_peer_narrowed_is_not_asked_for_again() {
    let wide = |net| vec![block(IpAddr::from([10, net, 0, 0]), 16)];
    for both_begin in [false, true] {
        for wider in SIDES {
            let mut pair = pair(|side, config| {
                config.initiate |= both_begin;
                if side == wider {
                    let child = &mut config.children[0];
                    let (here, there) = if side == Side::A { (1, 2) } else { (2, 1) };
                    child.local = wide(here);
                    child.remote = wide(there);
                }
                config.child_lifetime = Duration::from_secs(300);
            });
            assert!(pair.run_until(Duration::from_secs(10), Pair::is_up));
            for _ in 0..40 {
                pair.run_for(Duration::from_secs(30));
                for side in SIDES {
                    let held = pair.node(side).children.len();
                    assert!(held <= 3, "{wider:?} {both_begin}: {held}");
                    let sends = pair.node(side).used().count();
                    assert_eq!(sends, 1, "{wider:?} {both_begin}");
                }
            }
            let made = pair.node(Side::A).installed;
            assert!(made <= 16, "{wider:?} {both_begin}: {made}");
        }
    }
}

#[test]
fn different_forward_secrecy_is_told_soon_and_not_after_hours() {
    let groups = [
        (vec![Group::Curve25519], vec![Group::Ecp256]),
        (vec![Group::Curve25519], vec![]),
        (vec![], vec![Group::Curve25519]),
    ];
    for (a, b) in groups {
        let mut pair = pair(|side, config| {
            let groups = if side == Side::A { &a } else { &b };
            config.esp.groups.clone_from(groups);
        });
        pair.run_for(Duration::from_secs(20));
        assert!(pair.is_up(), "the old one goes on");
        let told = |side| {
            parts(&pair, side).iter().any(|(part, failure)| {
                let rekey = matches!(part, Part::ChildRekey(_));
                rekey && matches!(failure, Failure::EspProposal { .. })
            })
        };
        assert!(told(Side::A) || told(Side::B), "{a:?} {b:?}");
        // It is not tried all the time.
        pair.run_for(Duration::from_secs(600));
        let tried = parts(&pair, Side::A).len() + parts(&pair, Side::B).len();
        assert!(tried <= 10, "{tried}");
    }
}

#[test]
fn the_same_forward_secrecy_is_tried_right_after_up() {
    for (groups, made) in [(vec![Group::Curve25519], 2), (vec![], 1)] {
        let mut pair = pair(|_, config| config.esp.groups.clone_from(&groups));
        assert!(pair.run_until(Duration::from_secs(5), Pair::is_up));
        pair.run_for(Duration::from_secs(20));
        for side in SIDES {
            assert_eq!(children_made(&pair, side), made, "{groups:?}");
            assert_eq!(parts(&pair, side), []);
        }
    }
}

#[test]
fn one_of_two_pairs_of_blocks_that_is_refused_is_named() {
    let mut pair = pair(|side, config| {
        if side == Side::A {
            config.children.push(ChildConfig {
                local: config.children[0].local.clone(),
                remote: vec![block(IpAddr::from([10, 77, 0, 0]), 24)],
            });
        }
    });
    pair.run_for(Duration::from_secs(5));
    assert!(pair.is_up());
    let found = parts(&pair, Side::A);
    let named = |(part, failure): &(Part, Failure)| {
        *part == Part::Child(1) && matches!(failure, Failure::Selectors { .. })
    };
    assert!(found.iter().any(named), "{found:?}");
}

/// The first message of an exchange without its NAT detection.
fn without_nat_detection(datagram: &Datagram) -> Datagram {
    let Ok(message) = Message::parse(&datagram.octets) else {
        return datagram.clone();
    };
    let detects = |payload: &&Payload<'_>| {
        let kinds = [
            NotifyType::NAT_DETECTION_SOURCE_IP,
            NotifyType::NAT_DETECTION_DESTINATION_IP,
        ];
        !matches!(payload, Payload::Notify(notify) if kinds.contains(&notify.kind))
    };
    let left: Vec<_> = message.payloads.iter().filter(detects).cloned().collect();
    Datagram {
        octets: emit(&message.header, &left),
        ..datagram.clone()
    }
}

#[test]
fn a_peer_without_nat_traversal_is_told_of_where_udp_is_demanded() {
    for side in SIDES {
        let mut pair = pair(|_, config| config.encapsulation = Encapsulation::Always);
        pair.held = true;
        let limit = pair.now + Duration::from_secs(60);
        loop {
            while !pair.wire.is_empty() {
                let datagram = pair.wire.remove(0);
                // IKE_SA_INIT is exchange 34.
                if datagram.from.ip() == side.address() && datagram.octets[18] == 34 {
                    pair.deliver(&without_nat_detection(&datagram));
                } else {
                    pair.deliver(&datagram);
                }
            }
            if !pair.step(limit) {
                break;
            }
        }
        let told = |event: &Event| matches!(event, Event::Failed(_, Failure::NoNatTraversal));
        let count = pair.node(side.other()).count(told);
        assert!((1..=20).contains(&count), "{side:?}: {count}");
        for side in SIDES {
            assert!(pair.node(side).children.is_empty());
        }
    }
}

/// Who agrees to a Child SA may send on it behind its answer: the one who asked must have been told before.
#[test]
fn what_is_asked_for_is_expected_before_it_can_come() {
    for versions in [adit_ike::Versions::V1, adit_ike::Versions::V2] {
        let mut pair = pair(|_, config| {
            config.versions = versions;
            config.child_lifetime = Duration::from_secs(100);
            config.initiate = true;
        });
        let limit = pair.now + Duration::from_secs(600);
        let mut asked_for = 0;
        let mut seen = std::collections::BTreeSet::new();
        while pair.step(limit) {
            for side in SIDES {
                let there = pair.node(side.other()).children.values();
                // What the other end has as an answer it can send on: here it was asked for, or is there.
                for child in there
                    .map(|one| &one.child)
                    .filter(|one| !one.outbound_active)
                {
                    let node = pair.node(side);
                    let known = node.expected.contains(&child.outbound.spi);
                    assert!(known || node.receives(&child.outbound), "{versions:?}");
                    if known && seen.insert(child.outbound.spi) {
                        asked_for += 1;
                    }
                }
            }
        }
        assert!(asked_for > 5, "{versions:?}: {asked_for}");
    }
}
