//! Both ends rekey the same Child SA at once (RFC 7296 section 2.8.1).

use std::collections::BTreeSet;

use super::*;

/// Plays a case with many seeds, until the nonces of either end were the lowest: either end's own Child SA must have
/// stayed in some.
pub(super) fn either_wins(
    change: impl Fn(Side, &mut ConnectionConfig),
    play: impl Fn(&mut Pair) -> Side,
) {
    let mut winners = BTreeSet::new();
    for seed in SEEDS {
        let mut pair = fresh(seed, &change);
        rekey_child(&mut pair, Side::A);
        rekey_child(&mut pair, Side::B);
        winners.insert(format!("{:?}", play(&mut pair)));
        ends_with_gap(&mut pair);
    }
    assert_eq!(winners.len(), 2, "{winners:?}");
}

/// Each end gets the other's request, then the other's answer.
fn cross(pair: &mut Pair) {
    for side in SIDES {
        asks(pair, side, CREATE);
    }
    for side in [Side::B, Side::A] {
        answers(pair, side, CREATE);
    }
}

#[test]
fn collision() {
    either_wins(
        |_, _| {},
        |pair| {
            cross(pair);
            // Who won deletes the old one, who lost its own.
            for side in SIDES {
                exchange(pair, side, INFORMATIONAL);
            }
            assert!(pair.wire.is_empty());
            for side in SIDES {
                assert_eq!(children_made(pair, side), 3);
            }
            maker(pair)
        },
    );
}

#[test]
fn collision_multi_ke() {
    either_wins(multi, |pair| {
        cross(pair);
        // Who lost goes no further, and has nothing to delete.
        let winner = match SIDES.map(|side| asks_now(pair, side, FOLLOWUP)) {
            [true, false] => Side::A,
            [false, true] => Side::B,
            both => panic!("{both:?}"),
        };
        exchange(pair, winner, FOLLOWUP);
        exchange(pair, winner, INFORMATIONAL);
        assert!(pair.wire.is_empty());
        for side in SIDES {
            assert_eq!(children_made(pair, side), 2);
            assert!(is_multi(pair, side, false));
        }
        winner
    });
}

/// Each end tries a group first that the other one refuses; both accept a third.
pub(super) fn crossed(side: Side, config: &mut ConnectionConfig) {
    let own = match side {
        Side::A => Group::Curve25519,
        Side::B => Group::Ecp256,
    };
    config.esp.groups = vec![own, Group::Ecp384];
}

/// Both are refused.
fn refuse_both(pair: &mut Pair) {
    cross(pair);
    for side in SIDES {
        assert_eq!(children_made(pair, side), 1);
        assert!(asks_now(pair, side, CREATE));
    }
}

#[test]
fn collision_ke_invalid() {
    either_wins(crossed, |pair| {
        refuse_both(pair);
        cross(pair);
        for side in SIDES {
            exchange(pair, side, INFORMATIONAL);
        }
        assert!(pair.wire.is_empty());
        for side in SIDES {
            assert_eq!(children_made(pair, side), 3);
        }
        maker(pair)
    });
}

#[test]
fn collision_ke_invalid_delayed_retry() {
    for seed in SEEDS {
        for late in SIDES {
            let mut pair = fresh(seed, crossed);
            rekey_child(&mut pair, Side::A);
            rekey_child(&mut pair, Side::B);
            refuse_both(&mut pair);
            let retry = take_request(&mut pair, late, CREATE);
            exchange(&mut pair, late.other(), CREATE);
            give(&mut pair, &retry);
            // The other end has not noticed, and is about to delete the old one.
            let delete = take_request(&mut pair, late.other(), INFORMATIONAL);
            answers(&mut pair, late.other(), CREATE);
            give(&mut pair, &delete);
            answers(&mut pair, late, INFORMATIONAL);
            assert!(!asks_now(&pair, late, CREATE));
            assert_eq!(maker(&pair), late.other());
            ends(&mut pair);
        }
    }
}

#[test]
fn collision_ike_rekey() {
    for side in SIDES {
        let mut pair = up(1);
        rekey_child(&mut pair, side);
        rekey_ike(&mut pair, side.other());
        asks(&mut pair, side, CREATE);
        asks(&mut pair, side.other(), CREATE);
        // Both are told to try later.
        answers(&mut pair, side.other(), CREATE);
        answers(&mut pair, side, CREATE);
        assert!(pair.wire.is_empty());
        for side in SIDES {
            assert_eq!((children_made(&pair, side), ikes_made(&pair, side)), (1, 1));
        }
        ends(&mut pair);
    }
}

#[test]
fn collision_ike_delete() {
    for side in SIDES {
        let mut pair = up(1);
        rekey_child(&mut pair, side);
        delete_ike(&mut pair, side.other());
        let rekey = take_request(&mut pair, side, CREATE);
        give_with_gap(&mut pair, &rekey);
        let delete = take_request(&mut pair, side.other(), INFORMATIONAL);
        give_with_gap(&mut pair, &delete);
        let answer = take_answer(&mut pair, side.other(), CREATE);
        give_with_gap(&mut pair, &answer);
        let answer = take_answer(&mut pair, side, INFORMATIONAL);
        give_with_gap(&mut pair, &answer);
        assert!(pair.wire.is_empty());
        for side in SIDES {
            assert_eq!(pair.node(side).endpoint.sa_count(), 0);
        }
        pair.connect(side.other(), Pair::usual(side.other()));
        ends_with_gap(&mut pair);
    }
}
