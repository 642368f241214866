//! Rekeying a Child SA, alone and while the other side does something too (RFC 7296 sections 2.8,
//! 2.8.1 and 2.25.1). In each case nothing is lost and one mirrored Child SA remains.

use std::time::Duration;

use crate::exchange::*;
use adit_crypto::Group;
use adit_ike::Event;
use adit_sim::{Pair, Side};

/// With forward secrecy, where A prefers a group that B refuses.
fn up_with_groups(seed: u64, a: &[Group], b: &[Group]) -> Pair {
    up_with(seed, |side, config| {
        config.esp.groups = if side == Side::A { a } else { b }.to_vec();
    })
}

#[test]
fn either_side_can_rekey() {
    for side in SIDES {
        let mut pair = up(1);
        let old = (current(&pair, Side::A), current(&pair, Side::B));
        rekey_child(&mut pair, side);
        pass(&mut pair, side);
        pass(&mut pair, side.other());
        // The responder sends on the old one until it hears from the new one.
        let of_responder = if side == Side::A { old.1 } else { old.0 };
        assert_eq!(current(&pair, side.other()), of_responder);
        settle(&mut pair);
        assert_ne!(old.0, current(&pair, Side::A));
        assert_ne!(old.1, current(&pair, Side::B));
        assert_eq!(maker(&pair), side);
        assert_eq!(
            (children_made(&pair, Side::A), children_made(&pair, Side::B)),
            (2, 2)
        );
    }
}

#[test]
fn a_packet_on_the_new_sa_makes_the_responder_use_it() {
    let mut pair = up(1);
    rekey_child(&mut pair, Side::A);
    pass(&mut pair, Side::A);
    let old = current(&pair, Side::B);
    let new = *pair.node(Side::B).children.keys().next_back().unwrap();
    assert_eq!(current(&pair, Side::B), old);
    pass(&mut pair, Side::B);
    pair.command(Side::B, adit_ike::Command::ChildHeard(new));
    assert_eq!(current(&pair, Side::B), new);
    settle(&mut pair);
}

#[test]
fn another_group_is_tried_when_the_first_is_refused() {
    for side in SIDES {
        let (x, y) = (Group::Curve25519, Group::Ecp256);
        let mut pair = up_with_groups(1, &[x, y], &[y, x]);
        rekey_child(&mut pair, side);
        settle(&mut pair);
        let mut pair = up_with_groups(1, &[x, y], &[y]);
        rekey_child(&mut pair, side);
        settle(&mut pair);
        let named = |event: &Event| matches!(event, Event::ChildUp { suite, .. } if suite.contains("ecp256"));
        assert!(pair.node(side).count(named) >= 1);
        // The group that was agreed is tried first from now on.
        rekey_child(&mut pair, side);
        settle(&mut pair);
        assert_eq!(children_made(&pair, side), 3);
    }
}

#[test]
fn a_soft_lifetime_rekeys_and_a_hard_one_ends_it() {
    let mut pair = up_with(1, |_, config| {
        config.child_lifetime = Duration::from_secs(300);
    });
    watch(&mut pair, Duration::from_secs(3_000));
    let made = children_made(&pair, Side::A);
    assert!((10..=14).contains(&made), "{made}");
    assert!(pair.is_up());
    for side in SIDES {
        assert_eq!(pair.node(side).endpoint.sa_count(), 1);
        assert!(pair.node(side).children.len() <= 2);
    }
}

#[test]
fn a_rekey_that_is_refused_again_and_again_ends_at_the_hard_lifetime() {
    let (x, y) = (Group::Curve25519, Group::Ecp256);
    // IKE_AUTH needs no group, so the mismatch shows in the first rekey only.
    let mut pair = up_with(1, |side, config| {
        config.esp.groups = vec![if side == Side::A { x } else { y }];
        config.child_lifetime = Duration::from_secs(300);
    });
    pair.held = false;
    pair.run_for(Duration::from_secs(310));
    for side in SIDES {
        assert!(pair.node(side).children.is_empty(), "{side:?}");
        assert_eq!(pair.node(side).endpoint.sa_count(), 1, "{side:?}");
    }
    let failed = pair
        .node(Side::A)
        .count(|event| matches!(event, Event::PartFailed(..)));
    assert!(failed < 20, "{failed}");
}

#[test]
fn a_hard_lifetime_of_the_responder_crosses_the_rekey() {
    for order in SIDES {
        let mut pair = up(1);
        rekey_child(&mut pair, Side::A);
        delete_child(&mut pair, Side::B);
        assert!(pair.pass(order));
        assert!(pair.pass(order.other()));
        settle_with_gap(&mut pair);
    }
}

#[test]
fn the_responder_deletes_the_old_sa_before_its_answer_arrives() {
    let mut pair = up(1);
    rekey_child(&mut pair, Side::A);
    pass(&mut pair, Side::A);
    let answer = pair.take_from(Side::B).unwrap();
    let old = current(&pair, Side::B);
    pair.command(Side::B, adit_ike::Command::ChildInstalled(old, false));
    pass(&mut pair, Side::B);
    // From here to the answer A has none: what the network delays, no rule of ours can mend.
    assert!(pair.pass(Side::A));
    pair.deliver(&answer);
    settle(&mut pair);
    assert_eq!(children_made(&pair, Side::A), 2);
}

#[test]
fn the_responder_deletes_the_old_sa_when_the_initiator_does_not() {
    let mut pair = up(1);
    rekey_child(&mut pair, Side::A);
    pass(&mut pair, Side::A);
    pass(&mut pair, Side::B);
    // A's Delete is on its way, and B's crosses it.
    let old = current(&pair, Side::B);
    pair.command(Side::B, adit_ike::Command::ChildInstalled(old, false));
    settle(&mut pair);
    assert_eq!(children_made(&pair, Side::A), 2);
}

#[test]
fn a_rekey_of_an_sa_that_is_gone_leads_to_a_new_one() {
    for side in SIDES {
        let mut pair = up(1);
        // The rekey comes so late that the Child SA is deleted on both sides before it arrives.
        let old = current(&pair, side);
        rekey_child(&mut pair, side);
        let request = pair.take_from(side).unwrap();
        delete_child(&mut pair, side.other());
        assert!(pair.pass(side.other()));
        assert!(pair.pass(side));
        pair.deliver(&request);
        settle_with_gap(&mut pair);
        assert_ne!(current(&pair, side), old);
    }
}

#[test]
fn the_delete_that_ends_a_rekey_can_get_lost() {
    let mut pair = up(1);
    rekey_child(&mut pair, Side::A);
    pass(&mut pair, Side::A);
    pass(&mut pair, Side::B);
    for _ in 0..3 {
        assert!(pair.take_from(Side::A).is_some());
        assert_nothing_lost(&pair);
        let limit = pair.now + Duration::from_secs(5);
        assert!(pair.step(limit));
    }
    settle(&mut pair);
    assert_eq!(children_made(&pair, Side::A), 2);
}

#[test]
fn a_replaced_sa_whose_delete_never_comes_goes_after_a_minute() {
    let mut pair = up(1);
    rekey_child(&mut pair, Side::A);
    pass(&mut pair, Side::A);
    // A has lost all memory of the exchange and is silent: B alone goes on.
    pair.wire.clear();
    let old = *pair.node(Side::B).children.keys().next().unwrap();
    let limit = pair.now + Duration::from_secs(61);
    while pair.step(limit) {
        pair.wire
            .retain(|datagram| datagram.from.ip() != Side::A.address());
    }
    pair.now = limit;
    let delete = pair.take_from(Side::B);
    assert!(delete.is_some(), "B asks for the end of {old:?}");
}
