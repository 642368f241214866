//! Both ends rekey the IKE SA at once (RFC 7296 section 2.8.2).

use std::collections::BTreeSet;

use super::ike_rekey::{ends_untouched, multi_ike};
use super::*;

fn both(seed: u64, change: impl Fn(Side, &mut ConnectionConfig)) -> Pair {
    let mut pair = up_with(seed, change);
    rekey_ike(&mut pair, Side::A);
    rekey_ike(&mut pair, Side::B);
    pair
}

/// Plays a case with many seeds, until the nonces of either end were the lowest: each end must have won in some.
fn either_wins(change: impl Fn(Side, &mut ConnectionConfig), play: impl Fn(&mut Pair) -> Side) {
    let mut winners = BTreeSet::new();
    for seed in SEEDS {
        let mut pair = both(seed, &change);
        winners.insert(format!("{:?}", play(&mut pair)));
        ends_untouched(&mut pair);
    }
    assert_eq!(winners.len(), 2, "{winners:?}");
}

/// Whether the next request of a side is its first on its SA: it deletes the one it has made.
fn gives_up(pair: &Pair, side: Side) -> bool {
    let mut sent = pair.wire.iter().filter(|one| is_from(side, one));
    let request = sent.find(|one| (read(one).0, read(one).1) == (INFORMATIONAL, false));
    request.is_some_and(|one| one.octets[20..24] == [0; 4])
}

#[test]
fn collision() {
    either_wins(
        |_, _| {},
        |pair| {
            for side in SIDES {
                asks(pair, side, CREATE);
            }
            for side in [Side::B, Side::A] {
                answers(pair, side, CREATE);
            }
            let loser = match SIDES.map(|side| gives_up(pair, side)) {
                [true, false] => Side::A,
                [false, true] => Side::B,
                both => panic!("{both:?}"),
            };
            for side in SIDES {
                exchange(pair, side, INFORMATIONAL);
            }
            assert!(pair.wire.is_empty());
            for side in SIDES {
                assert_eq!(ikes_made(pair, side), 3);
            }
            loser.other()
        },
    );
}

#[test]
fn collision_multi_ke() {
    either_wins(multi_ike, |pair| {
        for side in SIDES {
            asks(pair, side, CREATE);
        }
        for side in [Side::B, Side::A] {
            answers(pair, side, CREATE);
        }
        let winner = match SIDES.map(|side| asks_now(pair, side, FOLLOWUP)) {
            [true, false] => Side::A,
            [false, true] => Side::B,
            both => panic!("{both:?}"),
        };
        exchange(pair, winner, FOLLOWUP);
        exchange(pair, winner, INFORMATIONAL);
        assert!(pair.wire.is_empty());
        for side in SIDES {
            assert_eq!(ikes_made(pair, side), 2);
            assert!(is_multi(pair, side, true));
        }
        winner
    });
}

#[test]
fn collision_delayed_response() {
    either_wins(
        |_, _| {},
        |pair| {
            asks(pair, Side::A, CREATE);
            asks(pair, Side::B, CREATE);
            let late = take_answer(pair, Side::B, CREATE);
            answers(pair, Side::A, CREATE);
            let lost = gives_up(pair, Side::B);
            exchange(pair, Side::B, INFORMATIONAL);
            give(pair, &late);
            if lost {
                exchange(pair, Side::A, INFORMATIONAL);
            }
            assert!(pair.wire.is_empty());
            if lost { Side::A } else { Side::B }
        },
    );
}

#[test]
fn collision_delayed_response_multi_ke() {
    for delete_first in [false, true] {
        either_wins(multi_ike, |pair| {
            asks(pair, Side::A, CREATE);
            asks(pair, Side::B, CREATE);
            let late = take_answer(pair, Side::B, CREATE);
            answers(pair, Side::A, CREATE);
            if !asks_now(pair, Side::B, FOLLOWUP) {
                assert!(pair.wire.is_empty());
                give(pair, &late);
                exchange(pair, Side::A, FOLLOWUP);
                exchange(pair, Side::A, INFORMATIONAL);
                return Side::A;
            }
            exchange(pair, Side::B, FOLLOWUP);
            if delete_first {
                exchange(pair, Side::B, INFORMATIONAL);
                give(pair, &late);
            } else {
                give(pair, &late);
                exchange(pair, Side::B, INFORMATIONAL);
            }
            assert!(pair.wire.is_empty());
            Side::B
        });
    }
}

/// The rekey of B alone was done.
fn only_b(pair: &mut Pair) {
    assert!(pair.wire.is_empty());
    for side in SIDES {
        assert_eq!(ikes_made(pair, side), 2);
    }
    ends_untouched(pair);
}

#[test]
fn collision_dropped_request() {
    for seed in SEEDS {
        let mut pair = both(seed, |_, _| {});
        let _lost = take_request(&mut pair, Side::A, CREATE);
        exchange(&mut pair, Side::B, CREATE);
        exchange(&mut pair, Side::B, INFORMATIONAL);
        only_b(&mut pair);
    }
}

#[test]
fn collision_delayed_request() {
    for seed in SEEDS {
        let mut pair = both(seed, |_, _| {});
        let late = take_request(&mut pair, Side::A, CREATE);
        exchange(&mut pair, Side::B, CREATE);
        give(&mut pair, &late);
        asks(&mut pair, Side::B, INFORMATIONAL);
        answers(&mut pair, Side::B, CREATE);
        answers(&mut pair, Side::A, INFORMATIONAL);
        only_b(&mut pair);
    }
}

#[test]
fn collision_delayed_request_and_delete() {
    for seed in SEEDS {
        let mut pair = both(seed, |_, _| {});
        let late = take_request(&mut pair, Side::A, CREATE);
        exchange(&mut pair, Side::B, CREATE);
        give(&mut pair, &late);
        answers(&mut pair, Side::B, CREATE);
        exchange(&mut pair, Side::B, INFORMATIONAL);
        only_b(&mut pair);
    }
}

#[test]
fn collision_delayed_request_multi_ke() {
    for seed in SEEDS {
        for refusal_after in 0..3 {
            let mut pair = both(seed, multi_ike);
            let late = take_request(&mut pair, Side::A, CREATE);
            exchange(&mut pair, Side::B, CREATE);
            give(&mut pair, &late);
            let refusal = take_answer(&mut pair, Side::B, CREATE);
            for (step, one) in [FOLLOWUP, INFORMATIONAL].into_iter().enumerate() {
                if step == refusal_after {
                    give(&mut pair, &refusal);
                }
                exchange(&mut pair, Side::B, one);
            }
            if refusal_after == 2 {
                give(&mut pair, &refusal);
            }
            only_b(&mut pair);
        }
    }
}
