//! What a peer, or anybody in its name, can make an endpoint hold and say is bounded.

use std::net::IpAddr;
use std::time::Duration;

use crate::exchange::*;
use adit_crypto::Encryption;
use adit_ike::config::block;
use adit_ike::{
    ChildConfig, Command, ConnectionConfig, ConnectionKey, EndpointConfig, Event, Identity,
};
use adit_sim::{Conditions, Datagram, Pair, Side};

#[test]
fn a_peer_that_rekeys_without_end_is_made_to_wait() {
    let mut pair = up(1);
    for _ in 0..200 {
        // A rekeys and forgets to delete what it replaced; B keeps each for a minute.
        rekey_ike(&mut pair, Side::A);
        while let Some(datagram) = pair.wire.first().cloned() {
            pair.wire.remove(0);
            // Deletes are INFORMATIONAL exchanges.
            if datagram.octets.get(18) != Some(&37) {
                pair.deliver(&datagram);
            }
        }
        assert!(pair.node(Side::B).endpoint.sa_count() <= 16);
    }
    assert!(ikes_made(&pair, Side::B) <= 17);
}

#[test]
fn a_peer_that_asks_for_child_sas_without_end_is_refused() {
    let mut pair = up_with(1, |side, config| {
        // A wants many, all within what B allows.
        if side == Side::A {
            let local = config.children[0].local.clone();
            let blocks = (0..100).map(|last| {
                let address = IpAddr::from([10, 2, 0, last]);
                vec![block(address, 32)]
            });
            config.children = blocks
                .map(|remote| ChildConfig {
                    local: local.clone(),
                    remote,
                })
                .collect();
        }
    });
    pair.held = false;
    pair.run_for(Duration::from_secs(300));
    let made = pair.node(Side::B).children.len();
    assert_eq!(made, 20);
}

/// B's connections with A and with one more peer, whose address is next to A's.
fn with_two_peers() -> (Pair, ConnectionConfig) {
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    pair.held = true;
    pair.connect(Side::B, passive(Pair::usual(Side::B)));
    pair.connect(Side::A, Pair::usual(Side::A));
    (pair, Pair::usual(Side::B))
}

fn passive(mut config: ConnectionConfig) -> ConnectionConfig {
    config.initiate = false;
    config
}

/// The same first message with another SPI.
fn again(first: &Datagram, number: u32) -> Datagram {
    let mut again = first.clone();
    again.octets[..4].copy_from_slice(&number.to_be_bytes());
    again
}

#[test]
fn first_messages_in_the_name_of_one_peer_do_not_keep_another_out() {
    let (mut pair, mut config) = with_two_peers();
    let real = pair.take_from(Side::A).unwrap();
    // B has another peer, in whose name somebody sends one first message after the other.
    let victim = IpAddr::from([198, 51, 100, 77]);
    config.remote = victim;
    config.remote_id = Identity::of_address(victim);
    let flooded = ConnectionKey(2);
    pair.command(
        Side::B,
        Command::SetConnection(flooded, Box::new(passive(config))),
    );
    let mut flood = real.clone();
    flood.from.set_ip(victim);
    for number in 1..2_000 {
        pair.deliver(&again(&flood, number));
        let statistics = pair.node(Side::B).endpoint.statistics();
        assert!(statistics.half_open <= 5, "{statistics:?}");
    }
    let statistics = pair.node(Side::B).endpoint.statistics();
    assert!(statistics.cookies_sent > 1_900, "{statistics:?}");
    pair.wire.clear();
    // A is let in as if nothing was, without a cookie.
    pair.deliver(&real);
    pair.pass_all();
    assert!(pair.is_up());
    assert_eq!(
        pair.node(Side::B).endpoint.statistics().cookies_sent,
        statistics.cookies_sent
    );
}

#[test]
fn a_peer_gets_in_beside_those_who_use_its_name() {
    let (mut pair, _) = with_two_peers();
    let real = pair.take_from(Side::A).unwrap();
    for number in 1..2_000 {
        pair.deliver(&again(&real, number));
    }
    pair.wire.clear();
    // It is asked for a cookie, which the others never see, and returns it.
    pair.deliver(&real);
    pair.pass_all();
    assert!(pair.is_up());
    // What the others left over is gone after half a minute.
    pair.held = false;
    pair.run_for(Duration::from_secs(40));
    assert_eq!(pair.node(Side::B).endpoint.statistics().half_open, 0);
    assert_eq!(pair.node(Side::B).endpoint.sa_count(), 1);
}

#[test]
fn what_anybody_can_cause_is_told_at_a_limited_rate_and_counted() {
    let (mut pair, mut config) = with_two_peers();
    config.ike.encryption = vec![Encryption::AesCbc256];
    pair.connect(Side::B, passive(config));
    let first = pair.take_from(Side::A).unwrap();
    for number in 1..=1_000 {
        pair.deliver(&again(&first, number));
    }
    let told = |pair: &Pair| {
        let failed = |event: &Event| matches!(event, Event::Failed(..));
        pair.node(Side::B).count(failed)
    };
    assert_eq!(told(&pair), 1);
    let statistics = pair.node(Side::B).endpoint.statistics();
    assert_eq!(statistics.events_left_out, 999);
    pair.now = pair.now + Duration::from_secs(1);
    pair.deliver(&again(&first, 2_000));
    assert_eq!(told(&pair), 2);
}

/// An initiator's SPI is its own word. Each message that begins something counts, and goes with the connection.
#[test]
fn half_open_sas_with_the_same_spi_are_counted_and_forgotten_one_by_one() {
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    pair.held = true;
    pair.connect(Side::B, passive(Pair::usual(Side::B)));
    pair.connect(Side::A, Pair::usual(Side::A));
    let first = pair.take_from(Side::A).unwrap();
    let mut other = first.clone();
    // Its last octets are of a notification that is not known.
    *other.octets.last_mut().unwrap() ^= 1;
    for begun in [&first, &other, &first, &other] {
        pair.deliver(begun);
    }
    let statistics = pair.node(Side::B).endpoint.statistics();
    assert_eq!((statistics.half_open, statistics.repeated), (2, 2));
    assert_eq!(
        pair.wire[0],
        Datagram {
            number: pair.wire[0].number,
            ..pair.wire[2].clone()
        }
    );
    delete_ike(&mut pair, Side::B);
    assert_eq!(pair.node(Side::B).endpoint.sa_count(), 0);
    assert_eq!(pair.node(Side::B).endpoint.statistics().half_open, 0);
}

/// Gives both ends this many connections, each with blocks of its own, or A alone.
fn with_connections(pair: &mut Pair, sides: &[Side], count: u8) {
    for number in 0..count {
        for side in sides {
            let net = |net| vec![block(IpAddr::from([10, net, number, 0]), 24)];
            let mut config = Pair::usual(*side);
            let [local, remote] = if *side == Side::A { [1, 2] } else { [2, 1] };
            config.children = vec![ChildConfig {
                local: net(local),
                remote: net(remote),
            }];
            let key = ConnectionKey(number.into());
            pair.command(*side, Command::SetConnection(key, Box::new(config)));
        }
    }
}

#[test]
fn a_peer_of_many_connections_that_starts_anew_gets_in_at_once() {
    const MANY: u8 = 40;
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    pair.held = true;
    with_connections(&mut pair, &[Side::B, Side::A], MANY);
    // B has answered, with a cookie or in earnest, what A has begun and forgets.
    while pair.pass(Side::A) {}
    while pair.pass(Side::B) {}
    while pair.pass(Side::A) {}
    assert!(pair.node(Side::B).endpoint.statistics().half_open >= 5);
    pair.wire.clear();
    let mut other = Pair::new(77, Conditions::GOOD, EndpointConfig::default());
    std::mem::swap(pair.node_mut(Side::A), other.node_mut(Side::A));
    with_connections(&mut pair, &[Side::A], MANY);
    pair.held = false;
    pair.run_for(Duration::from_secs(5));
    for side in [Side::A, Side::B] {
        // B has some of A's former life until it finds out.
        assert!(pair.node(side).children.len() >= MANY.into(), "{side:?}");
    }
}
