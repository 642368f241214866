//! Two IKE SAs of one connection: a peer reauthenticates by making a second one before it closes the
//! first, or both ends begin at once. No packet is lost by it, and what is said to be up is up.

use std::net::IpAddr;
use std::time::Duration;

use crate::exchange::*;
use adit_ike::config::block;
use adit_ike::{ChildConfig, Command, ConnectionConfig, ConnectionKey, EndpointConfig, Instant};
use adit_sim::{Conditions, Pair, Side};

const SECOND: Duration = Duration::from_secs(1);
const OTHER: ConnectionKey = ConnectionKey(2);

/// A configuration with this many pairs of blocks.
fn config(side: Side, children: u8) -> ConnectionConfig {
    let mut config = Pair::usual(side);
    for index in 1..children {
        let net = |side| {
            let octets = [10, if side == Side::A { 1 } else { 2 }, index, 0];
            vec![block(IpAddr::from(octets), 24)]
        };
        config.children.push(ChildConfig {
            local: net(side),
            remote: net(side.other()),
        });
    }
    config
}

/// Runs step by step; nothing is lost, nothing is cut, and no pair of blocks is without a Child SA.
fn watch_closely(pair: &mut Pair, duration: Duration) {
    let limit = pair.now + duration;
    while pair.step(limit) {
        assert_nothing_lost(pair);
        let gaps = SIDES.map(|side| pair.node(side).gaps);
        let story = || (pair.now, pair.describe(Side::A), pair.describe(Side::B));
        assert_eq!((gaps, pair.cut), ([0, 0], 0), "{:#?}", story());
    }
    pair.now = limit;
}

#[test]
fn a_peer_that_reauthenticates_before_it_closes_loses_nothing() {
    for children in 1..=3 {
        for begins in [false, true] {
            let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
            let mut b = config(Side::B, children);
            b.initiate = begins;
            pair.connect(Side::B, b);
            pair.connect(Side::A, config(Side::A, children));
            let all = usize::from(children);
            let complete = |pair: &Pair| {
                SIDES
                    .into_iter()
                    .all(|side| pair.node(side).used().count() == all)
                    && pair.is_up()
            };
            assert!(pair.run_until(60 * SECOND, complete));
            pair.run_for(90 * SECOND);
            // The same under another key: A makes an IKE SA beside the one it has.
            for round in 0..3 {
                let (new, old) = if round % 2 == 0 {
                    (OTHER, Pair::CONNECTION)
                } else {
                    (Pair::CONNECTION, OTHER)
                };
                let config = Box::new(config(Side::A, children));
                pair.command(Side::A, Command::SetConnection(new, config));
                watch_closely(&mut pair, 5 * SECOND);
                let used = pair.node(Side::B).used().map(|used| used.child.child);
                let used: Vec<_> = used.collect();
                pair.command(Side::A, Command::RemoveConnection(old));
                watch_closely(&mut pair, 20 * SECOND);
                let now = pair.node(Side::B).used().map(|used| used.child.child);
                assert_eq!(
                    now.collect::<Vec<_>>(),
                    used,
                    "B was on the new ones before"
                );
                for side in SIDES {
                    assert_eq!(pair.node(side).children.len(), all, "{side:?}");
                }
            }
        }
    }
}

#[test]
fn who_did_not_make_the_second_ike_sa_leaves_the_first_alone() {
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    for side in [Side::B, Side::A] {
        pair.connect(side, config(side, 1));
    }
    assert!(pair.run_until(60 * SECOND, Pair::is_up));
    pair.run_for(30 * SECOND);
    let mut first = config(Side::A, 1);
    first.initiate = false;
    pair.connect(Side::A, first);
    let again = Box::new(config(Side::A, 1));
    pair.command(Side::A, Command::SetConnection(OTHER, again));
    watch_closely(&mut pair, 50 * SECOND);
    assert_eq!(pair.node(Side::B).endpoint.sa_count(), 2);
    // A forgets to close it. After a minute B does.
    watch_closely(&mut pair, 60 * SECOND);
    assert_eq!(pair.node(Side::B).endpoint.sa_count(), 1);
}

#[test]
fn both_begin_at_once_and_what_is_said_to_be_up_carries_packets_from_then_on() {
    let networks = [
        Conditions::GOOD,
        Conditions {
            jitter: Duration::from_millis(30),
            ..Conditions::GOOD
        },
    ];
    for seed in 0..200 {
        for conditions in networks {
            let children = 1 + (seed % 3) as u8;
            let mut pair = Pair::new(seed, conditions, EndpointConfig::default());
            for side in SIDES {
                let mut config = config(side, children);
                config.initiate = true;
                pair.connect(side, config);
                pair.run_for(Duration::from_millis(seed % 60));
            }
            let limit = pair.now + 100 * SECOND;
            while pair.step(limit) {
                let story = || {
                    let events = SIDES.map(|side| pair.node(side).events.clone());
                    (pair.describe(Side::A), pair.describe(Side::B), events)
                };
                assert!(
                    pair.keeps_its_word(),
                    "{seed} {:?}: {:#?}",
                    pair.now,
                    story()
                );
                let gaps = SIDES.map(|side| pair.node(side).gaps);
                assert_eq!((gaps, pair.cut), ([0, 0], 0), "{seed} {:#?}", story());
            }
            for side in SIDES {
                let node = pair.node(side);
                assert_eq!(node.endpoint.sa_count(), 1, "{seed}");
                assert_eq!(node.children.len(), usize::from(children), "{seed}");
            }
        }
    }
}

/// A peer may take IKE before the packets that came ahead of it: what was sent on the surplus Child SA has arrived, and
/// been read, before its Delete is sent.
#[test]
fn the_surplus_is_closed_a_while_after_nothing_is_sent_on_it_any_more() {
    let mut seen = 0;
    for seed in 0..50 {
        let mut pair = Pair::new(seed, Conditions::GOOD, EndpointConfig::default());
        for side in SIDES {
            let mut config = config(side, 1);
            config.initiate = true;
            pair.connect(side, config);
        }
        let sas = |pair: &Pair| SIDES.map(|side| pair.node(side).endpoint.sa_count());
        let sends_on = |pair: &Pair, side| {
            let used = pair.node(side).used();
            used.map(|one| one.child.outbound.spi).collect::<Vec<_>>()
        };
        let mut last_moved = [pair.now; 2];
        let mut before = [Vec::new(), Vec::new()];
        let limit = pair.now + 20 * SECOND;
        while sas(&pair) != [1, 1] || !pair.is_up() {
            let had = sas(&pair);
            assert!(pair.step(limit), "{seed}");
            for (n, side) in SIDES.into_iter().enumerate() {
                let now = sends_on(&pair, side);
                if !before[n].is_empty() && now != before[n] {
                    last_moved[n] = pair.now;
                }
                before[n] = now;
            }
            let has = sas(&pair);
            for (n, closed) in [1, 0].into_iter().enumerate() {
                // Whoever is told so has one less at once; the other waits for its answer.
                let told =
                    has[closed] < had[closed] && has[n] == had[n] && last_moved[n] > Instant::ZERO;
                if told && had == [2, 2] {
                    let quiet = pair.now - last_moved[n];
                    assert!(quiet >= SECOND / 5, "{seed}: {quiet:?}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen >= 10, "{seen}");
}
