//! Peers at any address: they begin, and are known by what they call themselves.

use std::net::IpAddr;
use std::time::Duration;

use crate::exchange::*;
use adit_crypto::Secret;
use adit_ike::config::block;
use adit_ike::{
    Authentication, Command, ConnectionConfig, ConnectionKey, EndpointConfig, Event, Failure,
    Identity, Judge, Versions,
};
use adit_ike_wire::IdType;
use adit_sim::{Conditions, Datagram, Pair, Side};

const ANY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
const NAT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));
const SECOND: ConnectionKey = ConnectionKey(2);
const MINUTE: Duration = Duration::from_secs(60);

fn named(name: &str) -> Identity {
    Identity {
        kind: IdType::FQDN,
        data: name.as_bytes().to_vec(),
    }
}

/// One of two sites, each with a key of its own.
fn config(side: Side, site: u8) -> ConnectionConfig {
    let mut config = Pair::usual(side);
    let name = named(&format!("site-{site}.example.com"));
    let there = vec![block(IpAddr::from([10, 1, site, 0]), 24)];
    config.authentication = Authentication::psk(Secret::new(vec![site; 20]));
    match side {
        Side::A => {
            config.local_id = name;
            config.children[0].local = there;
        }
        Side::B => {
            config.remote_id = name;
            config.remote = ANY;
            config.children[0].remote = there;
        }
    }
    config
}

fn new(nat: Option<IpAddr>) -> Pair {
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    pair.nat = nat;
    pair
}

fn failures(pair: &Pair, side: Side) -> Vec<&Failure> {
    let events = pair.node(side).events.iter();
    let failures = events.filter_map(|event| match event {
        Event::Failed(_, failure) => Some(failure),
        _ => None,
    });
    failures.collect()
}

fn set(pair: &mut Pair, side: Side, key: ConnectionKey, config: ConnectionConfig) {
    pair.command(side, Command::SetConnection(key, Box::new(config)));
}

#[test]
fn a_peer_at_any_address_begins_and_this_end_never_does() {
    let mut pair = new(None);
    let mut waits = config(Side::B, 1);
    waits.initiate = true;
    pair.connect(Side::B, waits);
    pair.run_for(MINUTE);
    assert!(pair.wire.is_empty() && pair.node(Side::B).events.is_empty());
    pair.connect(Side::A, config(Side::A, 1));
    assert!(pair.run_until(MINUTE, Pair::is_up));
    // It rekeys as any other does, and ends as any other does.
    pair.run_for(MINUTE);
    for side in SIDES {
        rekey_child(&mut pair, side);
        pair.run_for(MINUTE);
        rekey_ike(&mut pair, side);
        pair.run_for(MINUTE);
    }
    assert_settled(&pair);
    delete_ike(&mut pair, Side::A);
    pair.run_for(MINUTE);
    assert_nothing_left(&pair);
}

#[test]
fn two_peers_behind_one_nat_are_told_apart_by_what_they_call_themselves() {
    let mut pair = new(Some(NAT));
    for (key, site) in [(Pair::CONNECTION, 1), (SECOND, 2)] {
        set(&mut pair, Side::B, key, config(Side::B, site));
        set(&mut pair, Side::A, key, config(Side::A, site));
    }
    pair.run_for(MINUTE);
    for side in SIDES {
        let children: Vec<_> = pair.node(side).children.values().collect();
        assert_eq!(children.len(), 2);
        assert!(failures(&pair, side).is_empty());
        for one in &children {
            // Each connection has the blocks that are its own.
            let site = if one.child.connection == SECOND { 2 } else { 1 };
            let theirs = vec![block(IpAddr::from([10, 1, site, 0]), 24)];
            let there = match side {
                Side::A => &one.child.local_selectors,
                Side::B => &one.child.remote_selectors,
            };
            assert_eq!(*there, adit_ike::selectors::of_ranges(&theirs));
            assert_eq!(one.child.behind_nat, side == Side::A);
            if side == Side::B {
                assert_eq!(one.child.remote.to_string(), "203.0.113.7:34500");
            }
        }
    }
    assert!(pair.loses_nothing());
    // One begins anew, and says that it has no other: the other's goes on.
    let before = pair.node(Side::B).children.len();
    pair.command(Side::A, Command::RemoveConnection(SECOND));
    set(&mut pair, Side::A, SECOND, config(Side::A, 2));
    pair.run_for(MINUTE);
    assert_eq!(pair.node(Side::B).children.len(), before);
    assert_eq!(ikes_made(&pair, Side::B), 3);
}

#[test]
fn a_stranger_with_another_name_or_key_is_not_let_in() {
    let wrongs: [fn(&mut ConnectionConfig); 2] = [
        |config| config.local_id = named("elsewhere.example.com"),
        |config| config.authentication = Authentication::psk(Secret::new(vec![9; 20])),
    ];
    for wrong in wrongs {
        let mut pair = new(Some(NAT));
        pair.connect(Side::B, config(Side::B, 1));
        let mut stranger = config(Side::A, 1);
        wrong(&mut stranger);
        pair.connect(Side::A, stranger);
        assert!(!pair.run_until(MINUTE, Pair::is_up));
        let is_known = |failure: &&&Failure| {
            let key = Failure::Authentication { by: Judge::Us };
            **failure == &key || matches!(failure, Failure::Identity { .. })
        };
        assert!(failures(&pair, Side::B).iter().any(|one| is_known(&one)));
        assert!(pair.node(Side::B).children.is_empty());
    }
}

#[test]
fn a_stranger_who_names_nobody_is_told_to_the_one_that_may_be_meant_or_to_none() {
    let third = ConnectionKey(3);
    for (waiting, told) in [(&[SECOND][..], 1), (&[SECOND, third], 0)] {
        let mut pair = new(Some(NAT));
        for (key, site) in [(Pair::CONNECTION, 1), (SECOND, 2), (third, 3)] {
            if key == Pair::CONNECTION || waiting.contains(&key) {
                set(&mut pair, Side::B, key, config(Side::B, site));
            }
        }
        pair.connect(Side::A, config(Side::A, 1));
        assert!(pair.run_until(MINUTE, Pair::is_up));
        let mut stranger = config(Side::A, 2);
        stranger.local_id = named("elsewhere.example.com");
        set(&mut pair, Side::A, ConnectionKey(9), stranger);
        pair.run_for(Duration::from_secs(25));
        let node = pair.node(Side::B);
        let about =
            |key| move |event: &Event| matches!(event, Event::Failed(about, _) if *about == key);
        assert_eq!(node.count(about(Pair::CONNECTION)), 0, "it is up");
        assert_eq!(node.count(about(SECOND)), told);
        assert_eq!(node.count(about(third)), 0);
        let statistics = node.endpoint.statistics();
        assert!(statistics.unknown_identity > 2, "{statistics:?}");
        assert!(statistics.events_left_out > 2, "{statistics:?}");
        // Who names one and has not its key is told to that one, as seldom.
        let mut wrong = config(Side::A, 2);
        wrong.authentication = Authentication::psk(Secret::new(vec![9; 20]));
        set(&mut pair, Side::A, ConnectionKey(9), wrong);
        pair.run_for(MINUTE);
        let node = pair.node(Side::B);
        let known = node.count(about(SECOND)) - told;
        assert!((1..=3).contains(&known), "{known}");
        assert_eq!(node.count(about(Pair::CONNECTION)), 0);
        assert_eq!(node.count(about(third)), 0);
    }
}

#[test]
fn one_at_an_address_that_is_named_may_be_one_of_any_address() {
    // There is a connection with the NAT itself, and one with whoever is behind it.
    let mut pair = new(Some(NAT));
    let mut named_one = config(Side::B, 1);
    named_one.remote = NAT;
    named_one.initiate = false;
    set(&mut pair, Side::B, Pair::CONNECTION, named_one);
    set(&mut pair, Side::B, SECOND, config(Side::B, 2));
    set(&mut pair, Side::A, SECOND, config(Side::A, 2));
    assert!(pair.run_until(MINUTE, Pair::is_up));
    set(&mut pair, Side::A, Pair::CONNECTION, config(Side::A, 1));
    pair.run_for(MINUTE);
    assert_eq!(pair.node(Side::B).children.len(), 2);
    // A connection that goes, or takes an address, is not found by any.
    pair.command(Side::B, Command::RemoveConnection(SECOND));
    pair.run_for(MINUTE);
    assert_eq!(pair.node(Side::B).children.len(), 1);
}

#[test]
fn ikev1_is_not_for_them() {
    let mut pair = new(Some(NAT));
    for side in [Side::B, Side::A] {
        let mut config = config(side, 1);
        config.versions = Versions::V1;
        pair.connect(side, config);
    }
    pair.run_for(MINUTE);
    assert!(pair.node(Side::B).events.is_empty());
    assert_eq!(pair.node(Side::B).endpoint.sa_count(), 0);
    assert!(pair.node(Side::B).endpoint.statistics().other_version > 0);
}

#[test]
fn strangers_have_a_share_of_what_is_half_open_and_no_more() {
    let mut pair = new(None);
    pair.held = true;
    pair.connect(Side::B, config(Side::B, 1));
    let mut neighbour = Pair::usual(Side::B);
    neighbour.initiate = false;
    set(&mut pair, Side::B, SECOND, neighbour);
    pair.connect(Side::A, config(Side::A, 1));
    let first = pair.take_from(Side::A).unwrap();
    for number in 0..2_000_u32 {
        let mut strangers = Datagram {
            from: (std::net::Ipv4Addr::from(0xcb00_7100 + number * 256), 500).into(),
            ..first.clone()
        };
        strangers.octets[..4].copy_from_slice(&number.to_be_bytes());
        pair.deliver(&strangers);
    }
    let statistics = pair.node(Side::B).endpoint.statistics();
    assert_eq!(statistics.half_open, 8, "the rest has to bring a cookie");
    assert!(statistics.cookies_sent > 1_900);
    // And the peer whose address is known is answered without.
    pair.wire.clear();
    pair.deliver(&first);
    let answer = pair.take_from(Side::B).unwrap();
    assert!(answer.octets.len() > 200);
}
