//! The IKE SA is rekeyed by one end alone, or while the other one deletes it (RFC 7296 sections 2.18 and 2.25.2). The
//! Child SA moves over untouched.

use super::*;

/// The Child SA is still the first one.
pub(super) fn ends_untouched(pair: &mut Pair) {
    settle(pair);
    for side in SIDES {
        assert_eq!(children_made(pair, side), 1, "{side:?}");
        let down = |event: &Event| matches!(event, Event::IkeDown(_) | Event::ChildDown { .. });
        assert_eq!(pair.node(side).count(down), 0);
    }
    at_rest(pair);
}

/// Has the IKE SA made with ML-KEM, and the Child SA as usual.
pub(super) fn multi_ike(_: Side, config: &mut ConnectionConfig) {
    config.ike.additional = AdditionalExchange::ALL.to_vec();
}

#[test]
fn regular() {
    for side in SIDES {
        let mut pair = up(1);
        rekey_ike(&mut pair, side);
        exchange(&mut pair, side, CREATE);
        exchange(&mut pair, side, INFORMATIONAL);
        assert!(pair.wire.is_empty());
        for side in SIDES {
            assert_eq!(ikes_made(&pair, side), 2);
        }
        ends_untouched(&mut pair);
    }
}

#[test]
fn regular_multi_ke() {
    for side in SIDES {
        let mut pair = up_with(1, multi_ike);
        rekey_ike(&mut pair, side);
        exchange(&mut pair, side, CREATE);
        for side in SIDES {
            assert_eq!(ikes_made(&pair, side), 1);
        }
        exchange(&mut pair, side, FOLLOWUP);
        exchange(&mut pair, side, INFORMATIONAL);
        assert!(pair.wire.is_empty());
        for side in SIDES {
            assert_eq!(ikes_made(&pair, side), 2);
            assert!(is_multi(&pair, side, true));
        }
        ends_untouched(&mut pair);
    }
}

/// The SA goes, whatever else was under way, and can be made again.
fn goes(pair: &mut Pair, deleter: Side, steps: &[(Side, u8, bool)]) {
    for (side, exchange, is_answer) in steps {
        let message = take(pair, *side, *exchange, *is_answer);
        give_with_gap(pair, &message);
    }
    assert!(pair.wire.is_empty());
    for side in SIDES {
        assert_eq!(pair.node(side).endpoint.sa_count(), 0);
    }
    pair.connect(deleter, Pair::usual(deleter));
    ends_with_gap(pair);
}

#[test]
fn collision_delete() {
    for deleter in SIDES {
        let other = deleter.other();
        let mut pair = up(1);
        rekey_ike(&mut pair, other);
        delete_ike(&mut pair, deleter);
        let steps = [
            (other, CREATE, false),
            (deleter, INFORMATIONAL, false),
            (deleter, CREATE, true),
            (other, INFORMATIONAL, true),
        ];
        goes(&mut pair, deleter, &steps);
    }
}

#[test]
fn collision_delete_multi_ke() {
    for deleter in SIDES {
        let other = deleter.other();
        let mut pair = up_with(1, multi_ike);
        rekey_ike(&mut pair, other);
        exchange(&mut pair, other, CREATE);
        delete_ike(&mut pair, deleter);
        let steps = [
            (other, FOLLOWUP, false),
            (deleter, INFORMATIONAL, false),
            (deleter, FOLLOWUP, true),
            (other, INFORMATIONAL, true),
        ];
        goes(&mut pair, deleter, &steps);
    }
}

#[test]
fn collision_delete_drop_delete() {
    for deleter in SIDES {
        let other = deleter.other();
        let mut pair = up(1);
        rekey_ike(&mut pair, other);
        delete_ike(&mut pair, deleter);
        let steps = [
            (other, CREATE, false),
            (deleter, CREATE, true),
            (deleter, INFORMATIONAL, false),
            (other, INFORMATIONAL, true),
        ];
        goes(&mut pair, deleter, &steps);
    }
}
