//! Child SAs are deleted and made, and IKE SAs deleted, while the other end does something too (RFC 7296 sections
//! 1.4.1 and 2.25).

use super::*;

#[test]
fn regular() {
    for side in SIDES {
        let mut pair = up(1);
        delete_child(&mut pair, side);
        exchange_with_gap(&mut pair, side, INFORMATIONAL);
        for side in SIDES {
            assert_eq!(pair.node(side).sending().count(), 0);
        }
        ends_with_gap(&mut pair);
    }
}

#[test]
fn collision() {
    let mut pair = up(1);
    for side in SIDES {
        delete_child(&mut pair, side);
    }
    let requests = SIDES.map(|side| take_request(&mut pair, side, INFORMATIONAL));
    for request in requests {
        give_with_gap(&mut pair, &request);
    }
    for side in SIDES {
        let answer = take_answer(&mut pair, side, INFORMATIONAL);
        give_with_gap(&mut pair, &answer);
    }
    ends_with_gap(&mut pair);
}

#[test]
fn collision_drop() {
    for late in SIDES {
        let mut pair = up(1);
        for side in SIDES {
            delete_child(&mut pair, side);
        }
        let request = take_request(&mut pair, late, INFORMATIONAL);
        exchange_with_gap(&mut pair, late.other(), INFORMATIONAL);
        give_with_gap(&mut pair, &request);
        let answer = take_answer(&mut pair, late.other(), INFORMATIONAL);
        give_with_gap(&mut pair, &answer);
        ends_with_gap(&mut pair);
    }
}

#[test]
fn collision_ike_rekey() {
    for side in SIDES {
        let mut pair = up(1);
        delete_child(&mut pair, side);
        rekey_ike(&mut pair, side.other());
        let delete = take_request(&mut pair, side, INFORMATIONAL);
        give_with_gap(&mut pair, &delete);
        let rekey = take_request(&mut pair, side.other(), CREATE);
        give_with_gap(&mut pair, &rekey);
        let answer = take_answer(&mut pair, side.other(), INFORMATIONAL);
        give_with_gap(&mut pair, &answer);
        let refusal = take_answer(&mut pair, side, CREATE);
        give_with_gap(&mut pair, &refusal);
        assert_eq!(ikes_made(&pair, side), 1);
        ends_with_gap(&mut pair);
    }
}

#[test]
fn collision_ike_delete() {
    for side in SIDES {
        let mut pair = up(1);
        delete_child(&mut pair, side);
        delete_ike(&mut pair, side.other());
        let requests =
            [side, side.other()].map(|side| take_request(&mut pair, side, INFORMATIONAL));
        for request in requests {
            give_with_gap(&mut pair, &request);
        }
        for side in [side.other(), side] {
            let answer = take_answer(&mut pair, side, INFORMATIONAL);
            give_with_gap(&mut pair, &answer);
        }
        assert!(pair.wire.is_empty());
        pair.connect(side.other(), Pair::usual(side.other()));
        ends_with_gap(&mut pair);
    }
}

mod child_create {
    use super::*;

    #[test]
    fn duplicate() {
        let mut pair = up_with(1, |_, config| config.initiate = true);
        for side in SIDES {
            pair.command(side, Command::Traffic(Pair::CONNECTION));
            let mut same = Pair::usual(side);
            same.initiate = true;
            pair.connect(side, same);
        }
        assert!(pair.wire.is_empty());
        for side in SIDES {
            assert_eq!(children_made(&pair, side), 1);
        }
        ends(&mut pair);
    }

    /// `creator` has deleted its Child SA and asks for another.
    fn creates(creator: Side, change: impl Fn(Side, &mut ConnectionConfig)) -> Pair {
        let mut pair = fresh(1, |side, config| {
            change(side, config);
            config.initiate = side == creator;
        });
        delete_child(&mut pair, creator);
        exchange_with_gap(&mut pair, creator, INFORMATIONAL);
        let limit = pair.now + Duration::from_secs(30);
        while !asks_now(&pair, creator, CREATE) {
            assert!(pair.step(limit));
        }
        pair
    }

    #[test]
    fn collision_ike_rekey() {
        for creator in SIDES {
            let mut pair = creates(creator, |_, _| {});
            rekey_ike(&mut pair, creator.other());
            let sides = [creator, creator.other()];
            let requests = sides.map(|side| take_request(&mut pair, side, CREATE));
            for request in requests {
                give_with_gap(&mut pair, &request);
            }
            for side in sides {
                let refusal = take_answer(&mut pair, side, CREATE);
                give_with_gap(&mut pair, &refusal);
            }
            // Both try again, and not at once.
            assert!(pair.wire.is_empty());
            ends_with_gap(&mut pair);
        }
    }

    #[test]
    fn multi_ke() {
        for creator in SIDES {
            let mut pair = creates(creator, multi);
            exchange_with_gap(&mut pair, creator, CREATE);
            // Who answers sends at once where there is nothing else to send on.
            exchange_with_gap(&mut pair, creator, FOLLOWUP);
            assert!(pair.wire.is_empty());
            assert!(is_multi(&pair, creator, false));
            ends(&mut pair);
        }
    }
}

mod ike_delete {
    use super::*;

    /// Neither end has anything left, and both can begin again.
    fn nothing_is_left(pair: &mut Pair) {
        assert!(pair.wire.is_empty());
        for side in SIDES {
            delete_ike(pair, side);
        }
        pair.run_for(Duration::from_secs(10));
        assert_nothing_left(pair);
        for side in [Side::B, Side::A] {
            pair.connect(side, Pair::usual(side));
        }
        ends_with_gap(pair);
    }

    #[test]
    fn regular() {
        for side in SIDES {
            let mut pair = up(1);
            delete_ike(&mut pair, side);
            exchange_with_gap(&mut pair, side, INFORMATIONAL);
            nothing_is_left(&mut pair);
        }
    }

    #[test]
    fn collision() {
        let mut pair = up(1);
        for side in SIDES {
            delete_ike(&mut pair, side);
        }
        for side in SIDES {
            let delete = take_request(&mut pair, side, INFORMATIONAL);
            give_with_gap(&mut pair, &delete);
        }
        for side in SIDES {
            let answer = take_answer(&mut pair, side, INFORMATIONAL);
            give_with_gap(&mut pair, &answer);
        }
        nothing_is_left(&mut pair);
    }
}
