//! Both sides act on the same Child SA at once (RFC 7296 sections 2.8.1 and 2.25.1).

use std::collections::BTreeSet;

use crate::exchange::*;
use adit_crypto::Group;
use adit_ike::ConnectionConfig;
use adit_sim::{Pair, Side};

const SEEDS: core::ops::Range<u64> = 0..12;

/// Runs a collision for many seeds; the Child SA of either side must have won in some of them.
fn either_wins(change: impl Fn(Side, &mut ConnectionConfig), play: impl Fn(&mut Pair)) {
    let mut winners = BTreeSet::new();
    for seed in SEEDS {
        let mut pair = up_with(seed, &change);
        rekey_child(&mut pair, Side::A);
        rekey_child(&mut pair, Side::B);
        play(&mut pair);
        settle(&mut pair);
        for side in SIDES {
            assert_eq!(children_made(&pair, side), 3, "seed {seed}, {side:?}");
        }
        winners.insert(format!("{:?}", maker(&pair)));
    }
    assert_eq!(winners.len(), 2, "{winners:?}");
}

#[test]
fn the_sa_with_the_lowest_nonce_goes() {
    either_wins(
        |_, _| {},
        |pair| {
            for side in SIDES {
                pass(pair, side);
            }
            for side in SIDES {
                pass(pair, side);
            }
        },
    );
    either_wins(|_, _| {}, |_| {});
}

#[test]
fn forward_secrecy_on_both_sides_changes_nothing() {
    either_wins(
        |_, config| config.esp.groups = vec![Group::Curve25519],
        |_| {},
    );
}

#[test]
fn an_answer_that_comes_after_all_else_is_still_settled() {
    for late in SIDES {
        either_wins(
            |_, _| {},
            |pair| {
                pass(pair, Side::A);
                pass(pair, Side::B);
                // Each side's oldest datagram is its answer.
                let answer = pair.take_from(late).unwrap();
                pass(pair, late.other());
                // The other side draws its conclusion and deletes before the first answer arrives.
                for _ in 0..2 {
                    for side in SIDES {
                        if pair.pass(side) {
                            assert_nothing_lost(pair);
                        }
                    }
                }
                pair.deliver(&answer);
                assert_nothing_lost(pair);
            },
        );
    }
}

#[test]
fn a_request_that_comes_after_the_other_rekey_is_refused_and_forgotten() {
    for steps in 0..6 {
        for late in SIDES {
            let mut pair = up(1);
            rekey_child(&mut pair, Side::A);
            rekey_child(&mut pair, Side::B);
            let request = pair.take_from(late).unwrap();
            let mut next = late.other();
            for _ in 0..steps {
                if !pair.pass(next) {
                    break;
                }
                assert_nothing_lost(&pair);
                next = next.other();
            }
            pair.deliver(&request);
            assert_nothing_lost(&pair);
            settle(&mut pair);
            let made = children_made(&pair, Side::A);
            // From the second step on the other side's rekey is complete.
            let expected = if steps < 2 { 3 } else { 2 };
            assert_eq!(made, expected, "{steps} steps");
        }
    }
}

/// A tries one group first and B the other; each accepts both after a refusal.
fn crossed(side: Side, config: &mut ConnectionConfig) {
    let (x, y) = (Group::Curve25519, Group::Ecp256);
    config.esp.groups = if side == Side::A { vec![x] } else { vec![y, x] };
}

#[test]
fn refused_groups_in_a_collision_are_settled() {
    for seed in SEEDS {
        let mut pair = up_with(seed, crossed);
        rekey_child(&mut pair, Side::A);
        rekey_child(&mut pair, Side::B);
        settle(&mut pair);
    }
}

#[test]
fn a_retry_with_another_group_may_come_late() {
    for seed in SEEDS {
        for steps in 0..6 {
            let mut pair = up_with(seed, crossed);
            rekey_child(&mut pair, Side::B);
            pass(&mut pair, Side::B);
            pass(&mut pair, Side::A);
            let retry = pair.take_from(Side::B).unwrap();
            rekey_child(&mut pair, Side::A);
            for side in [Side::A, Side::B].into_iter().cycle().take(steps) {
                if pair.pass(side) {
                    assert_nothing_lost(&pair);
                }
            }
            pair.deliver(&retry);
            settle(&mut pair);
        }
    }
}

#[test]
fn a_delete_meets_the_rekey_of_the_same_sa() {
    for deleter in SIDES {
        // Which datagrams get lost the first time, in the order of sending: none, the Delete, the
        // rekey, either answer.
        for lost in 0..5 {
            let mut pair = up(1);
            rekey_child(&mut pair, deleter.other());
            delete_child(&mut pair, deleter);
            match lost {
                1 => drop(pair.take_from(deleter)),
                2 => drop(pair.take_from(deleter.other())),
                3 | 4 => {
                    assert!(pair.pass(deleter));
                    assert!(pair.pass(deleter.other()));
                    let side = if lost == 3 { deleter } else { deleter.other() };
                    assert!(pair.take_from(side).is_some());
                }
                _ => {}
            }
            settle_with_gap(&mut pair);
        }
    }
}

#[test]
fn an_answer_that_comes_after_the_delete_is_settled() {
    for deleter in SIDES {
        let mut pair = up(1);
        rekey_child(&mut pair, deleter.other());
        delete_child(&mut pair, deleter);
        assert!(pair.pass(deleter.other()));
        let refusal = pair.wire.pop().unwrap();
        assert!(pair.pass(deleter));
        assert!(pair.pass(deleter.other()));
        pair.deliver(&refusal);
        settle_with_gap(&mut pair);
    }
}

#[test]
fn a_rekey_of_the_child_meets_a_rekey_of_the_ike_sa() {
    for seed in SEEDS {
        for (side, order) in [(Side::A, Side::A), (Side::A, Side::B), (Side::B, Side::A)] {
            let mut pair = up(seed);
            rekey_child(&mut pair, side);
            rekey_ike(&mut pair, side.other());
            pass(&mut pair, order);
            pass(&mut pair, order.other());
            settle(&mut pair);
            for side in SIDES {
                assert_eq!(ikes_made(&pair, side), 2, "seed {seed}");
                assert_eq!(children_made(&pair, side), 2, "seed {seed}");
            }
        }
    }
}

#[test]
fn one_side_rekeys_both_at_once() {
    for side in SIDES {
        for child_first in [true, false] {
            let mut pair = up(1);
            if child_first {
                rekey_child(&mut pair, side);
            }
            rekey_ike(&mut pair, side);
            if !child_first {
                rekey_child(&mut pair, side);
            }
            settle(&mut pair);
            for side in SIDES {
                assert_eq!(ikes_made(&pair, side), 2);
                assert_eq!(children_made(&pair, side), 2);
            }
        }
    }
}

#[test]
fn a_rekey_of_the_child_meets_the_end_of_the_ike_sa() {
    for side in SIDES {
        for order in SIDES {
            let mut pair = up(1);
            rekey_child(&mut pair, side);
            delete_ike(&mut pair, side.other());
            assert!(pair.pass(order));
            assert!(pair.pass(order.other()));
            pair.connect(side.other(), Pair::usual(side.other()));
            settle_with_gap(&mut pair);
        }
    }
}
