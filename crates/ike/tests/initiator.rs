//! Who begins, and when: ends that only respond, and ends that wait for a peer that was lost. And how
//! the shortest lifetimes are kept.

use std::time::Duration;

use crate::exchange::*;
use adit_ike::{ConnectionConfig, EndpointConfig, Event, Failure, Liveness};
use adit_sim::{Conditions, Pair, Side};

const MINUTE: Duration = Duration::from_secs(60);

fn pair(seed: u64, change: impl Fn(Side, &mut ConnectionConfig)) -> Pair {
    let mut pair = Pair::new(seed, Conditions::GOOD, EndpointConfig::default());
    for side in [Side::B, Side::A] {
        let mut config = Pair::usual(side);
        change(side, &mut config);
        pair.connect(side, config);
    }
    pair
}

fn count(pair: &Pair, side: Side, wanted: fn(&Event) -> bool) -> usize {
    pair.node(side).count(wanted)
}

const BEGAN: fn(&Event) -> bool = |event| matches!(event, Event::Connecting(_));
const LOST: fn(&Event) -> bool = |event| matches!(event, Event::Failed(_, Failure::Lost));
const WENT: fn(&Event) -> bool = |event| matches!(event, Event::IkeDown(_));

fn dpd(restart: bool) -> Option<Liveness> {
    Some(Liveness {
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(10),
        restart,
    })
}

#[test]
fn who_only_responds_never_begins_but_keeps_up_what_the_peer_began() {
    let short = |side, config: &mut ConnectionConfig| {
        config.initiate = false;
        if side == Side::B {
            config.ike_lifetime = MINUTE;
            config.child_lifetime = MINUTE;
        }
    };
    let mut pair = pair(1, short);
    pair.run_for(10 * MINUTE);
    for side in SIDES {
        assert_eq!(count(&pair, side, BEGAN), 0);
        assert_eq!(pair.node(side).endpoint.sa_count(), 0);
    }

    pair.connect(Side::A, Pair::usual(Side::A));
    assert!(pair.run_until(Duration::from_secs(1), Pair::is_up));
    // Only B's lifetimes are short: it is the one that rekeys.
    watch(&mut pair, 5 * MINUTE);
    assert!(pair.is_up());
    for side in SIDES {
        assert!(ikes_made(&pair, side) >= 5, "{side:?}");
        assert!(children_made(&pair, side) >= 5, "{side:?}");
        assert_eq!(count(&pair, side, WENT), 0);
    }
    assert_eq!(count(&pair, Side::A, BEGAN), 1);
    assert_eq!(count(&pair, Side::B, BEGAN), 0);
}

/// A pair whose A lost its B, which only responds; the network is good again.
fn lost(restart: bool) -> Pair {
    let mut pair = pair(1, |side, config| {
        if side == Side::A {
            config.liveness = dpd(restart);
        }
    });
    assert!(pair.run_until(MINUTE, Pair::is_up));
    pair.conditions.loss = 1000;
    assert!(pair.run_until(MINUTE, |pair| count(pair, Side::A, LOST) == 1));
    pair.conditions.loss = 0;
    pair
}

#[test]
fn who_restarts_begins_again_by_itself() {
    let mut pair = lost(true);
    assert!(pair.run_until(MINUTE, |pair| ikes_made(pair, Side::A) == 2));
    settle_with_gap(&mut pair);
}

#[test]
fn who_clears_waits_until_it_is_told_otherwise() {
    let changes: [fn(&mut ConnectionConfig); 2] = [
        |config| config.liveness = dpd(true),
        |config| config.liveness = None,
    ];
    for change in changes {
        let mut pair = lost(false);
        pair.run_for(10 * MINUTE);
        assert_eq!(count(&pair, Side::A, BEGAN), 1, "it waits");
        // Another lifetime is no reason to begin.
        let mut config = Pair::usual(Side::A);
        config.liveness = dpd(false);
        config.child_lifetime = 10 * MINUTE;
        pair.connect(Side::A, config.clone());
        pair.run_for(MINUTE);
        assert_eq!(count(&pair, Side::A, BEGAN), 1, "it still waits");
        change(&mut config);
        pair.connect(Side::A, config);
        assert!(pair.run_until(Duration::from_secs(1), |pair| ikes_made(pair, Side::A) == 2));
    }
}

#[test]
fn who_clears_answers_a_peer_that_comes_back() {
    let mut pair = lost(false);
    pair.run_for(MINUTE);
    let mut config = Pair::usual(Side::B);
    config.initiate = true;
    pair.connect(Side::B, config);
    // B still believes in its IKE SA: it has to lose it first.
    pair.command(
        Side::B,
        adit_ike::Command::RemoveConnection(Pair::CONNECTION),
    );
    let mut config = Pair::usual(Side::B);
    config.initiate = true;
    pair.connect(Side::B, config);
    assert!(pair.run_until(MINUTE, |pair| ikes_made(pair, Side::A) == 2));
    pair.run_for(MINUTE);
    assert!(pair.is_up());
    assert_eq!(count(&pair, Side::A, BEGAN), 1, "it was the peer");
}

#[test]
fn lifetimes_of_a_minute_are_kept_without_a_gap() {
    for seed in 0..12 {
        let mut pair = pair(seed, |_, config| {
            config.ike_lifetime = MINUTE;
            config.child_lifetime = MINUTE;
            config.initiate = true;
        });
        pair.conditions.loss = 50;
        pair.conditions.jitter = Duration::from_millis(50);
        assert!(pair.run_until(MINUTE, Pair::is_up));
        // Both began; one of the two IKE SAs may have gone at once.
        pair.run_for(Duration::from_secs(10));
        let before = SIDES.map(|side| count(&pair, side, WENT));
        watch(&mut pair, 20 * MINUTE);
        let after = SIDES.map(|side| count(&pair, side, WENT));
        assert_eq!(before, after, "{seed}");
        for side in SIDES {
            // Neither too late nor much too often: every 48 s or later, sometimes by both sides.
            let made = ikes_made(&pair, side);
            assert!((20..=40).contains(&made), "{seed}: {made}");
        }
    }
}
