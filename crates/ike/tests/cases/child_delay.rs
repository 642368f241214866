//! A Child SA is rekeyed by both ends, or by one while the other deletes it, and something comes late (RFC 7296
//! sections 2.8.1 and 2.25.1).

use super::child_collision::either_wins;
use super::*;

/// The requests of both cross, and the answer to A is late. B, which has its own, may be done; whether it has won.
fn answer_is_late(pair: &mut Pair) -> (Message, bool) {
    let old = current(pair, Side::B);
    asks(pair, Side::A, CREATE);
    asks(pair, Side::B, CREATE);
    let late = take_answer(pair, Side::B, CREATE);
    answers(pair, Side::A, CREATE);
    let won = current(pair, Side::B) != old || asks_now(pair, Side::B, FOLLOWUP);
    (late, won)
}

const fn side(b_has_won: bool) -> Side {
    if b_has_won { Side::B } else { Side::A }
}

#[test]
fn collision_delayed_response() {
    either_wins(
        |_, _| {},
        |pair| {
            let (late, won) = answer_is_late(pair);
            exchange(pair, Side::B, INFORMATIONAL);
            give(pair, &late);
            exchange(pair, Side::A, INFORMATIONAL);
            assert!(pair.wire.is_empty());
            side(won)
        },
    );
}

#[test]
fn collision_delayed_response_delete() {
    either_wins(
        |_, _| {},
        |pair| {
            let old = current(pair, Side::B);
            let (late, won) = answer_is_late(pair);
            exchange(pair, Side::B, INFORMATIONAL);
            let mut children = pair.node(Side::B).children.values();
            let new =
                children.find(|one| one.child.outbound_active == won && one.child.child != old);
            let new = new.unwrap().child.child;
            lose(pair, Side::B, new);
            exchange_with_gap(pair, Side::B, INFORMATIONAL);
            give_with_gap(pair, &late);
            // A has one that B has not, or an old one that B has given up.
            exchange_with_gap(pair, Side::A, INFORMATIONAL);
            side(won)
        },
    );
}

#[test]
fn collision_delayed_response_multi_ke() {
    for delete_first in [false, true] {
        either_wins(multi, |pair| {
            let (late, won) = answer_is_late(pair);
            if won {
                exchange(pair, Side::B, FOLLOWUP);
                if delete_first {
                    exchange(pair, Side::B, INFORMATIONAL);
                    give(pair, &late);
                } else {
                    give(pair, &late);
                    exchange(pair, Side::B, INFORMATIONAL);
                }
            } else {
                assert!(pair.wire.is_empty());
                give(pair, &late);
                exchange(pair, Side::A, FOLLOWUP);
                exchange(pair, Side::A, INFORMATIONAL);
            }
            assert!(pair.wire.is_empty());
            for side in SIDES {
                assert_eq!(children_made(pair, side), 2);
            }
            side(won)
        });
    }
}

/// A's request is late, and B's is answered.
fn request_is_late(seed: u64, change: impl Fn(Side, &mut ConnectionConfig)) -> (Pair, Message) {
    let mut pair = fresh(seed, change);
    rekey_child(&mut pair, Side::A);
    rekey_child(&mut pair, Side::B);
    let late = take_request(&mut pair, Side::A, CREATE);
    exchange(&mut pair, Side::B, CREATE);
    (pair, late)
}

/// The rekey of B alone was done.
fn only_b(pair: &Pair) {
    assert!(pair.wire.is_empty());
    for side in SIDES {
        assert_eq!(children_made(pair, side), 2);
    }
    assert_eq!(maker(pair), Side::B);
}

#[test]
fn collision_delayed_request() {
    for seed in SEEDS {
        for delete_first in [false, true] {
            let (mut pair, late) = request_is_late(seed, |_, _| {});
            give(&mut pair, &late);
            if delete_first {
                asks(&mut pair, Side::B, INFORMATIONAL);
                answers(&mut pair, Side::B, CREATE);
            } else {
                answers(&mut pair, Side::B, CREATE);
                asks(&mut pair, Side::B, INFORMATIONAL);
            }
            answers(&mut pair, Side::A, INFORMATIONAL);
            only_b(&pair);
            ends(&mut pair);
        }
    }
}

#[test]
fn collision_delayed_request_more() {
    for seed in SEEDS {
        let (mut pair, late) = request_is_late(seed, |_, _| {});
        exchange(&mut pair, Side::B, INFORMATIONAL);
        give(&mut pair, &late);
        answers(&mut pair, Side::B, CREATE);
        only_b(&pair);
        ends(&mut pair);
    }
}

#[test]
fn collision_delayed_request_more_delete() {
    for seed in SEEDS {
        let (mut pair, late) = request_is_late(seed, |_, _| {});
        exchange(&mut pair, Side::B, INFORMATIONAL);
        let new = current(&pair, Side::B);
        lose(&mut pair, Side::B, new);
        exchange_with_gap(&mut pair, Side::B, INFORMATIONAL);
        give_with_gap(&mut pair, &late);
        let refusal = take_answer(&mut pair, Side::B, CREATE);
        give_with_gap(&mut pair, &refusal);
        ends_with_gap(&mut pair);
    }
}

#[test]
fn collision_delayed_request_multi_ke() {
    for seed in SEEDS {
        for refusal_after in 0..3 {
            let (mut pair, late) = request_is_late(seed, multi);
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
            only_b(&pair);
            assert!(is_multi(&pair, Side::A, false));
            ends(&mut pair);
        }
    }
}

#[test]
fn collision_responder_incorrect_delete() {
    either_wins(
        |_, _| {},
        |pair| {
            let old = current(pair, Side::B);
            let (late, won) = answer_is_late(pair);
            // Whether B has won or not, it deletes the old one.
            lose(pair, Side::B, old);
            while asks_now(pair, Side::B, INFORMATIONAL) {
                exchange_with_gap(pair, Side::B, INFORMATIONAL);
            }
            give_with_gap(pair, &late);
            if asks_now(pair, Side::A, INFORMATIONAL) {
                exchange_with_gap(pair, Side::A, INFORMATIONAL);
            }
            assert!(pair.wire.is_empty());
            side(won)
        },
    );
}

/// One end rekeys what the other deletes.
fn deletes(deleter: Side, change: impl Fn(Side, &mut ConnectionConfig)) -> Pair {
    let mut pair = fresh(1, change);
    rekey_child(&mut pair, deleter.other());
    delete_child(&mut pair, deleter);
    pair
}

/// What remains to be delivered, in the order of sending.
fn rest_with_gap(pair: &mut Pair, steps: &[(Side, u8, bool)]) {
    for (side, exchange, is_answer) in steps {
        let message = take(pair, *side, *exchange, *is_answer);
        give_with_gap(pair, &message);
    }
    // Whoever began with it all asks for a new one, and for nothing else.
    pair.wire.retain(|one| read(one).0 != CREATE);
    assert!(pair.wire.is_empty());
    ends_with_gap(pair);
}

#[test]
fn collision_delete() {
    for deleter in SIDES {
        let mut pair = deletes(deleter, |_, _| {});
        let other = deleter.other();
        let steps = [
            (other, CREATE, false),
            (deleter, INFORMATIONAL, false),
            (deleter, CREATE, true),
            (other, INFORMATIONAL, true),
        ];
        rest_with_gap(&mut pair, &steps);
    }
}

#[test]
fn collision_delete_multi_ke() {
    for deleter in SIDES {
        let mut pair = fresh(1, multi);
        let other = deleter.other();
        rekey_child(&mut pair, other);
        exchange(&mut pair, other, CREATE);
        delete_child(&mut pair, deleter);
        let steps = [
            (other, FOLLOWUP, false),
            (deleter, INFORMATIONAL, false),
            (deleter, FOLLOWUP, true),
            (other, INFORMATIONAL, true),
        ];
        rest_with_gap(&mut pair, &steps);
    }
}

#[test]
fn collision_delete_drop_delete() {
    for deleter in SIDES {
        let mut pair = deletes(deleter, |_, _| {});
        let other = deleter.other();
        let steps = [
            (other, CREATE, false),
            (deleter, CREATE, true),
            (deleter, INFORMATIONAL, false),
            (other, INFORMATIONAL, true),
        ];
        rest_with_gap(&mut pair, &steps);
    }
}

#[test]
fn collision_delete_drop_rekey() {
    for deleter in SIDES {
        let mut pair = deletes(deleter, |_, _| {});
        let other = deleter.other();
        let late = take_request(&mut pair, other, CREATE);
        exchange_with_gap(&mut pair, deleter, INFORMATIONAL);
        pair.wire.clear();
        give_with_gap(&mut pair, &late);
        rest_with_gap(&mut pair, &[(deleter, CREATE, true)]);
    }
}

#[test]
fn collision_delete_delayed_response() {
    for deleter in SIDES {
        let mut pair = up(1);
        let other = deleter.other();
        rekey_child(&mut pair, other);
        asks(&mut pair, other, CREATE);
        let late = take_answer(&mut pair, deleter, CREATE);
        let new = newest(&pair, deleter);
        lose(&mut pair, deleter, new);
        // Of an SA that the other end has not heard of yet.
        exchange(&mut pair, deleter, INFORMATIONAL);
        give(&mut pair, &late);
        assert_eq!(children_made(&pair, other), 1, "it is not made any more");
        exchange_with_gap(&mut pair, other, INFORMATIONAL);
        ends_with_gap(&mut pair);
    }
}
