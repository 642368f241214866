//! Deleting Child SAs and IKE SAs, and making them, while the other side does something too
//! (RFC 7296 sections 1.4.1 and 2.25).

use std::time::Duration;

use crate::exchange::*;
use adit_sim::{Pair, Side};

const SEEDS: core::ops::Range<u64> = 0..12;

/// Both sides make up for a Child SA they miss.
fn eager(seed: u64) -> Pair {
    up_with(seed, |_, config| config.initiate = true)
}

#[test]
fn a_deleted_child_sa_goes_on_both_sides_and_comes_back() {
    for side in SIDES {
        let mut pair = up(1);
        delete_child(&mut pair, side);
        assert!(pair.pass(side));
        assert_eq!(pair.node(side.other()).sending().count(), 0);
        settle_with_gap(&mut pair);
        assert_eq!(ikes_made(&pair, Side::A), 1);
        assert_eq!(children_made(&pair, Side::A), 2);
    }
}

#[test]
fn deletes_of_the_same_child_sa_cross() {
    for order in SIDES {
        let mut pair = up(1);
        delete_child(&mut pair, Side::A);
        delete_child(&mut pair, Side::B);
        assert!(pair.pass(order));
        assert!(pair.pass(order.other()));
        settle_with_gap(&mut pair);
        assert_eq!(ikes_made(&pair, Side::A), 1);
        assert_eq!(children_made(&pair, Side::A), 2);
    }
}

#[test]
fn one_of_two_crossing_deletes_gets_lost() {
    for lost in SIDES {
        let mut pair = up(1);
        delete_child(&mut pair, Side::A);
        delete_child(&mut pair, Side::B);
        assert!(pair.take_from(lost).is_some());
        settle_with_gap(&mut pair);
        assert_eq!(ikes_made(&pair, Side::A), 1);
    }
}

#[test]
fn a_delete_of_the_child_meets_a_rekey_of_the_ike_sa() {
    for seed in SEEDS {
        for deleter in SIDES {
            for order in SIDES {
                let mut pair = up(seed);
                delete_child(&mut pair, deleter);
                rekey_ike(&mut pair, deleter.other());
                assert!(pair.pass(order));
                assert!(pair.pass(order.other()));
                settle_with_gap(&mut pair);
                assert_eq!(ikes_made(&pair, Side::A), 2);
                assert_eq!(children_made(&pair, Side::A), 2);
            }
        }
    }
}

#[test]
fn a_delete_that_waits_behind_the_rekey_of_the_ike_sa_is_not_forgotten() {
    for deleter in SIDES {
        for steps in 0..5 {
            let mut pair = up(1);
            rekey_ike(&mut pair, Side::A);
            rekey_ike(&mut pair, Side::B);
            let gone = current(&pair, deleter);
            delete_child(&mut pair, deleter);
            for side in SIDES.into_iter().cycle().take(steps) {
                let _ = pair.pass(side);
            }
            settle_with_gap(&mut pair);
            assert_ne!(current(&pair, deleter), gone);
            assert_eq!(children_made(&pair, Side::A), 2);
        }
    }
}

#[test]
fn a_delete_of_the_child_meets_the_end_of_the_ike_sa() {
    for deleter in SIDES {
        for order in SIDES {
            let mut pair = up(1);
            delete_child(&mut pair, deleter);
            delete_ike(&mut pair, deleter.other());
            delete_ike(&mut pair, deleter);
            assert!(pair.pass(order));
            assert!(pair.pass(order.other()));
            pair.held = false;
            pair.run_for(Duration::from_secs(60));
            assert_nothing_left(&pair);
        }
    }
}

#[test]
fn child_sas_made_by_both_sides_at_once_become_one() {
    let mut survivors = std::collections::BTreeSet::new();
    for seed in SEEDS {
        let mut pair = eager(seed);
        let gone = current(&pair, Side::A);
        let before = (ikes_made(&pair, Side::A), children_made(&pair, Side::A));
        // Both notice at once that theirs is gone, and both ask for a new one.
        delete_child(&mut pair, Side::A);
        delete_child(&mut pair, Side::B);
        pair.held = false;
        settle_with_gap(&mut pair);
        assert_ne!(current(&pair, Side::A), gone);
        assert_eq!(ikes_made(&pair, Side::A), before.0);
        let made = children_made(&pair, Side::A) - before.1;
        assert_eq!(made, 2, "each side made one, and one of them was closed");
        survivors.insert(current(&pair, Side::A).0 - gone.0);
    }
    assert!(survivors.len() > 1, "always the same stays: {survivors:?}");
}

#[test]
fn a_request_for_a_child_meets_a_rekey_of_the_ike_sa() {
    for seed in SEEDS {
        for creator in SIDES {
            let mut pair = up_with(seed, |side, config| config.initiate = side == creator);
            delete_child(&mut pair, creator);
            assert!(pair.pass(creator));
            assert!(pair.pass(creator.other()));
            rekey_ike(&mut pair, creator.other());
            settle_with_gap(&mut pair);
            for side in SIDES {
                assert_eq!(ikes_made(&pair, side), 2);
                assert_eq!(children_made(&pair, side), 2);
            }
        }
    }
}

#[test]
fn a_deleted_ike_sa_takes_its_child_sas_along() {
    for side in SIDES {
        let mut pair = up(1);
        delete_ike(&mut pair, side);
        assert!(pair.node(side).children.is_empty());
        assert!(pair.pass(side));
        // What was sent before is still on its way.
        assert_eq!(pair.node(side.other()).sending().count(), 0);
        assert!(pair.pass(side.other()));
        delete_ike(&mut pair, side.other());
        pair.held = false;
        pair.run_for(Duration::from_secs(60));
        assert_nothing_left(&pair);
    }
}

#[test]
fn deletes_of_the_ike_sa_cross() {
    for order in SIDES {
        let mut pair = up(1);
        delete_ike(&mut pair, Side::A);
        delete_ike(&mut pair, Side::B);
        assert!(pair.pass(order));
        assert!(pair.pass(order.other()));
        pair.pass_all();
        assert_nothing_left(&pair);
    }
}

#[test]
fn a_hard_lifetime_of_the_ike_sa_ends_it_and_it_comes_back() {
    // The rekey is still being repeated to a peer that hears nothing when the lifetime ends.
    let mut pair = up_with(1, |_, config| {
        config.ike_lifetime = Duration::from_secs(60);
        config.initiate = true;
    });
    pair.held = true;
    let limit = pair.now + Duration::from_secs(90);
    let mut steps = 0;
    while pair.step(limit) {
        pair.wire.clear();
        steps += 1;
        assert!(steps < 1_000, "it never comes to rest");
    }
    settle_with_gap_of_short_lives(&mut pair);
}

fn settle_with_gap_of_short_lives(pair: &mut Pair) {
    pair.held = false;
    assert!(pair.run_until(Duration::from_secs(60), |pair| {
        pair.is_up()
            && SIDES
                .into_iter()
                .all(|side| pair.node(side).endpoint.sa_count() == 1)
    }));
}
