//! IKE SAs that are made without a Child SA (RFC 6023).

use super::*;
use adit_crypto::Group;
use adit_ike::{Childless, Failure};

const INIT: u8 = 34;
const AUTH: u8 = 35;

/// Two ends before their first message has arrived.
fn begun(modes: [Childless; 2]) -> Pair {
    let mut pair = Pair::new(1, Conditions::GOOD, adit_ike::EndpointConfig::default());
    pair.held = true;
    for (side, childless) in [Side::B, Side::A].into_iter().zip([modes[1], modes[0]]) {
        let mut config = Pair::usual(side);
        config.esp.groups = vec![Group::Curve25519];
        config.childless = childless;
        pair.connect(side, config);
    }
    pair
}

fn refusals(pair: &Pair, side: Side) -> usize {
    let refused = |event: &Event| matches!(event, Event::Failed(_, Failure::Refused { .. }));
    pair.node(side).count(refused)
}

/// The IKE SA is up at both ends, and no Child SA.
fn up_without_child(pair: &mut Pair) {
    exchange(pair, Side::A, INIT);
    exchange(pair, Side::A, AUTH);
    for side in SIDES {
        assert_eq!((ikes_made(pair, side), children_made(pair, side)), (1, 0));
    }
}

/// What was made with a key exchange of its own needs none soon.
fn has_its_own_exchange(pair: &mut Pair) {
    pair.held = false;
    pair.run_for(Duration::from_secs(20));
    for side in SIDES {
        assert_eq!(children_made(pair, side), 1);
    }
}

#[test]
fn regular() {
    let mut pair = begun([Childless::Always, Childless::Auto]);
    up_without_child(&mut pair);
    exchange_with_gap(&mut pair, Side::A, CREATE);
    assert!(pair.is_up());
    has_its_own_exchange(&mut pair);
    ends(&mut pair);
}

#[test]
fn regular_manual() {
    let mut pair = begun([Childless::Always, Childless::Always]);
    up_without_child(&mut pair);
    // The Child SA is asked for much later; an IKE SA goes on without.
    let request = take_request(&mut pair, Side::A, CREATE);
    wait_while_lost(&mut pair, Duration::from_secs(60), Side::A);
    for side in SIDES {
        assert_eq!(
            (
                pair.node(side).endpoint.sa_count(),
                children_made(&pair, side)
            ),
            (1, 0)
        );
    }
    give_with_gap(&mut pair, &request);
    let answer = take_answer(&mut pair, Side::B, CREATE);
    give(&mut pair, &answer);
    assert!(pair.is_up());
    has_its_own_exchange(&mut pair);
    ends(&mut pair);
}

#[test]
fn failure_init() {
    let mut pair = begun([Childless::Always, Childless::Never]);
    exchange(&mut pair, Side::A, INIT);
    // B does not offer it, so A goes no further.
    assert!(!asks_now(&pair, Side::A, AUTH));
    assert_eq!(refusals(&pair, Side::A), 1);
    pair.held = false;
    pair.run_for(Duration::from_secs(90));
    for side in SIDES {
        assert_eq!((ikes_made(&pair, side), children_made(&pair, side)), (0, 0));
    }
}

#[test]
fn failure_resp() {
    let mut pair = begun([Childless::Never, Childless::Always]);
    exchange(&mut pair, Side::A, INIT);
    exchange(&mut pair, Side::A, AUTH);
    for side in SIDES {
        assert_eq!(refusals(&pair, side), 1, "{side:?}");
        assert_eq!((ikes_made(&pair, side), children_made(&pair, side)), (0, 0));
        assert_eq!(pair.node(side).endpoint.sa_count(), 0);
    }
    // One that is free to choose does without at the next attempt.
    let mut config = Pair::usual(Side::A);
    config.esp.groups = vec![Group::Curve25519];
    pair.connect(Side::A, config);
    exchange(&mut pair, Side::A, INIT);
    exchange(&mut pair, Side::A, AUTH);
    assert_eq!(refusals(&pair, Side::A), 2);
    pair.held = false;
    assert!(pair.run_until(Duration::from_secs(10), Pair::is_up));
    has_its_own_exchange(&mut pair);
    ends(&mut pair);
}

#[test]
fn one_connection_of_an_address_offers_what_another_refuses() {
    let mut pair = begun([Childless::Always, Childless::Never]);
    let mut other = Pair::usual(Side::B);
    other.local_id.data = vec![203, 0, 113, 7];
    let other = Command::SetConnection(adit_ike::ConnectionKey(2), Box::new(other));
    pair.command(Side::B, other);
    exchange(&mut pair, Side::A, INIT);
    exchange(&mut pair, Side::A, AUTH);
    for side in SIDES {
        assert_eq!((ikes_made(&pair, side), refusals(&pair, side)), (0, 1));
    }
}
