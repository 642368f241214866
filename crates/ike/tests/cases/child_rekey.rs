//! A Child SA is rekeyed by one end alone.

use super::*;

/// CREATE_CHILD_SA, with what follows it where that is wanted, then the Delete of the old one.
fn rekeys(pair: &mut Pair, side: Side, exchanges: &[u8]) {
    rekey_child(pair, side);
    for one in exchanges {
        exchange(pair, side, *one);
    }
    exchange(pair, side, INFORMATIONAL);
    assert!(pair.wire.is_empty());
}

#[test]
fn regular() {
    for side in SIDES {
        let mut pair = up(1);
        rekeys(&mut pair, side, &[CREATE]);
        assert_eq!(maker(&pair), side);
        ends(&mut pair);
    }
}

#[test]
fn regular_multi_ke() {
    for side in SIDES {
        let mut pair = fresh(1, multi);
        rekeys(&mut pair, side, &[CREATE, FOLLOWUP]);
        for side in SIDES {
            assert!(is_multi(&pair, side, false));
        }
        ends(&mut pair);
    }
}

/// `side` tries a group that the other end refuses, and names another.
fn refused(side: Side, more: bool) -> Pair {
    fresh(1, |end, config| {
        if more {
            multi(end, config);
        }
        config.esp.groups = vec![Group::Ecp256];
        if end == side {
            config.esp.groups.insert(0, Group::Curve25519);
        }
    })
}

#[test]
fn regular_ke_invalid() {
    for side in SIDES {
        let mut pair = refused(side, false);
        rekeys(&mut pair, side, &[CREATE, CREATE]);
        // What was agreed on is tried first from now on.
        rekeys(&mut pair, side, &[CREATE]);
        ends(&mut pair);
    }
}

#[test]
fn regular_ke_invalid_multi_ke() {
    for side in SIDES {
        let mut pair = refused(side, true);
        rekeys(&mut pair, side, &[CREATE, CREATE, FOLLOWUP]);
        rekeys(&mut pair, side, &[CREATE, FOLLOWUP]);
        assert!(is_multi(&pair, side, false));
        ends(&mut pair);
    }
}

#[test]
fn regular_responder_ignore_soft_expire() {
    for side in SIDES {
        let mut pair = up(1);
        rekey_child(&mut pair, side);
        exchange(&mut pair, side, CREATE);
        // The other end still sends on the old one.
        rekey_child(&mut pair, side.other());
        assert!(!asks_now(&pair, side.other(), CREATE));
        exchange(&mut pair, side, INFORMATIONAL);
        assert!(pair.wire.is_empty());
        ends(&mut pair);
    }
}

#[test]
fn regular_responder_handle_hard_expire() {
    for side in SIDES {
        let mut pair = up(1);
        rekey_child(&mut pair, side);
        exchange(&mut pair, side, CREATE);
        wait_while_lost(&mut pair, Duration::from_secs(61), side);
        // Its time is up, and the Delete has not come.
        exchange(&mut pair, side.other(), INFORMATIONAL);
        ends(&mut pair);
    }
}

#[test]
fn regular_responder_delete() {
    for side in SIDES {
        let mut pair = up(1);
        rekey_child(&mut pair, side);
        exchange(&mut pair, side, CREATE);
        let new = newest(&pair, side.other());
        lose(&mut pair, side.other(), new);
        exchange_with_gap(&mut pair, side, INFORMATIONAL);
        exchange_with_gap(&mut pair, side.other(), INFORMATIONAL);
        ends_with_gap(&mut pair);
    }
}

#[test]
fn regular_responder_incorrect_delete() {
    for side in SIDES {
        let mut pair = up(1);
        let old = current(&pair, side.other());
        rekey_child(&mut pair, side);
        asks(&mut pair, side, CREATE);
        let answer = take_answer(&mut pair, side.other(), CREATE);
        lose(&mut pair, side.other(), old);
        let delete = take_request(&mut pair, side.other(), INFORMATIONAL);
        give_with_gap(&mut pair, &delete);
        give_with_gap(&mut pair, &answer);
        answers(&mut pair, side, INFORMATIONAL);
        assert!(pair.wire.is_empty());
        ends(&mut pair);
        for side in SIDES {
            assert_eq!(children_made(&pair, side), 4, "one, and those of the end");
        }
    }
}

#[test]
fn regular_delete_timeout() {
    for side in SIDES {
        let mut pair = up(1);
        rekey_child(&mut pair, side);
        exchange(&mut pair, side, CREATE);
        wait_while_lost(&mut pair, Duration::from_secs(200), side);
        pair.wire.clear();
        ends_with_gap(&mut pair);
    }
}
