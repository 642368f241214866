//! ML-KEM beside the group's exchange (RFC 9370), in IKE_INTERMEDIATE (RFC 9242): used where both ends can, and in
//! nobody's way where one can't.

use std::time::Duration;

use crate::exchange::*;
use adit_crypto::{AdditionalExchange, Secret};
use adit_ike::{Authentication, ConnectionConfig, Event, Failure, Judge, Versions};
use adit_sim::{Conditions, Pair, Side};

const MINUTE: Duration = Duration::from_secs(60);

/// The exchanges' numbers.
const INTERMEDIATE: u8 = 43;
const FOLLOWUP: u8 = 44;

/// Where a datagram has its exchange. Over the ports of NAT traversal four octets of zero come first.
fn exchange_at(octets: &[u8]) -> usize {
    if octets.starts_with(&[0; 4]) { 22 } else { 18 }
}

fn connected(
    seed: u64,
    conditions: Conditions,
    change: impl Fn(Side, &mut ConnectionConfig),
) -> Pair {
    Pair::connected(seed, conditions, |side| {
        let mut config = Pair::usual(side);
        config.ike.additional = AdditionalExchange::ALL.to_vec();
        change(side, &mut config);
        config
    })
}

fn suites(pair: &Pair, side: Side) -> Vec<&str> {
    let events = pair.node(side).events.iter();
    let suites = events.filter_map(|event| match event {
        Event::IkeUp { suite, .. } => Some(suite.as_str()),
        _ => None,
    });
    suites.collect()
}

fn failures(pair: &Pair, side: Side) -> Vec<&Failure> {
    let events = pair.node(side).events.iter();
    let failures = events.filter_map(|event| match event {
        Event::Failed(_, failure) => Some(failure),
        _ => None,
    });
    failures.collect()
}

#[test]
fn two_ends_that_can_do_it_in_one_more_round_trip_and_say_so() {
    let mut pair = connected(1, Conditions::GOOD, |_, _| {});
    assert!(pair.run_until(MINUTE, Pair::is_up));
    assert_eq!(pair.now.as_micros(), 60_000);
    pair.run_for(Duration::from_secs(1));
    for side in SIDES {
        let suites = suites(&pair, side);
        assert_eq!(suites.len(), 1);
        assert!(suites[0].ends_with("-ke1_mlkem768"), "{suites:?}");
    }
    // Each sends by the keys that the other receives by.
    assert!(pair.loses_nothing() && pair.keeps_its_word());
}

#[test]
fn with_every_function_and_kind_of_cipher() {
    use adit_crypto::{Encryption, Integrity, Prf};
    for &prf in Prf::ALL {
        for cipher in [Encryption::AesCbc128, Encryption::AesGcm256] {
            let mut pair = connected(2, Conditions::GOOD, |_, config| {
                config.ike.encryption = vec![cipher];
                config.ike.integrity = vec![Integrity::HmacSha384_192];
                config.ike.prf = vec![prf];
            });
            assert!(pair.run_until(MINUTE, Pair::is_up), "{prf:?} {cipher:?}");
            assert!(suites(&pair, Side::B)[0].ends_with("mlkem768"));
        }
    }
}

#[test]
fn where_one_end_cannot_the_tunnel_comes_up_without() {
    for cannot in SIDES {
        let mut pair = connected(3, Conditions::GOOD, |side, config| {
            if side == cannot {
                config.ike.additional.clear();
            }
        });
        assert!(pair.run_until(MINUTE, Pair::is_up));
        assert_eq!(pair.now.as_micros(), 40_000);
        for side in SIDES {
            assert!(!suites(&pair, side)[0].contains("ke1"));
            assert!(failures(&pair, side).is_empty());
        }
    }
}

#[test]
fn ikev1_has_none() {
    let mut pair = connected(4, Conditions::GOOD, |_, config| {
        config.versions = Versions::V1;
    });
    assert!(pair.run_until(MINUTE, Pair::is_up));
    assert!(!suites(&pair, Side::A)[0].contains("ke1"));
}

#[test]
fn a_bad_network_delays_it_and_no_more() {
    let bad = Conditions {
        loss: 25,
        duplication: 20,
        ..Conditions::GOOD
    };
    for seed in 0..30 {
        let mut pair = connected(seed, bad, |_, _| {});
        assert!(pair.run_until(MINUTE * 3, Pair::is_up), "seed {seed}");
        for side in SIDES {
            assert!(suites(&pair, side)[0].ends_with("mlkem768"), "seed {seed}");
        }
    }
}

#[test]
fn another_key_is_found_out_after_it() {
    let mut pair = connected(5, Conditions::GOOD, |side, config| {
        if side == Side::A {
            config.authentication = Authentication::psk(Secret::new(b"another".to_vec()));
        }
    });
    assert!(!pair.run_until(Duration::from_secs(5), Pair::is_up));
    let by_us = Failure::Authentication { by: Judge::Us };
    assert_eq!(failures(&pair, Side::B).first(), Some(&&by_us));
}

#[test]
fn what_was_changed_on_the_way_is_not_taken() {
    let mut pair = connected(6, Conditions::GOOD, |_, _| {});
    pair.held = true;
    let mut changed = 0;
    for _ in 0..40 {
        if pair.wire.is_empty() {
            pair.held = false;
            let up = pair.run_until(MINUTE, |pair| !pair.wire.is_empty() || pair.is_up());
            assert!(up);
            pair.held = true;
        }
        if pair.is_up() {
            break;
        }
        let mut datagram = pair.wire.remove(0);
        let at = exchange_at(&datagram.octets);
        if datagram.octets.get(at) == Some(&INTERMEDIATE) && changed < 2 {
            changed += 1;
            let middle = datagram.octets.len() / 2;
            datagram.octets[middle] ^= 1;
        }
        pair.deliver(&datagram);
    }
    assert!(changed > 0 && pair.is_up(), "{changed}");
}

/// How many messages of IKE_FOLLOWUP_KE are sent within a time.
fn followups(pair: &mut Pair, duration: Duration) -> usize {
    let limit = pair.now + duration;
    let mut seen = std::collections::BTreeSet::new();
    while pair.step(limit) {
        let sent = pair.wire.iter();
        let followups =
            sent.filter(|one| one.octets.get(exchange_at(&one.octets)) == Some(&FOLLOWUP));
        seen.extend(followups.map(|one| one.number));
    }
    pair.now = limit;
    seen.len()
}

#[test]
fn each_rekey_of_the_ike_sa_has_one_of_its_own() {
    let mut pair = connected(7, Conditions::GOOD, |_, config| {
        config.ike_lifetime = Duration::from_secs(120);
    });
    assert!(pair.run_until(MINUTE, Pair::is_up));
    let followups = followups(&mut pair, Duration::from_secs(600));
    assert!(pair.is_up() && pair.loses_nothing());
    for side in SIDES {
        let suites = suites(&pair, side);
        assert!(suites.len() > 3, "{suites:?}");
        assert!(suites.iter().all(|suite| suite.ends_with("mlkem768")));
        assert!(failures(&pair, side).is_empty());
        assert!(followups >= (suites.len() - 1) * 2, "{followups}");
    }
}

#[test]
fn a_peer_that_cannot_any_more_is_rekeyed_without() {
    let mut pair = connected(8, Conditions::GOOD, |_, config| {
        config.ike_lifetime = Duration::from_secs(120);
    });
    assert!(pair.run_until(MINUTE, Pair::is_up));
    let mut other = Pair::usual(Side::B);
    other.ike_lifetime = Duration::from_secs(1_000_000);
    pair.connect(Side::B, other);
    assert!(pair.run_until(MINUTE, Pair::is_up));
    assert_eq!(followups(&mut pair, Duration::from_secs(600)), 0);
    assert!(pair.is_up() && pair.loses_nothing());
}

#[test]
fn rekeys_of_both_ends_at_once_are_settled_on_bad_networks_too() {
    let bad = Conditions {
        loss: 5,
        duplication: 10,
        ..Conditions::GOOD
    };
    for (seed, conditions) in (0..12).zip([Conditions::GOOD, bad].into_iter().cycle()) {
        let mut pair = connected(seed, conditions, |_, config| {
            config.ike_lifetime = Duration::from_secs(120);
            config.child_lifetime = Duration::from_secs(60);
            config.initiate = true;
        });
        assert!(pair.run_until(MINUTE, Pair::is_up));
        pair.run_for(Duration::from_secs(2_000));
        assert!(pair.run_until(MINUTE * 2, Pair::is_up), "seed {seed}");
        for side in SIDES {
            assert!(suites(&pair, side).len() > 10, "seed {seed}");
            assert!(pair.node(side).endpoint.sa_count() <= 3, "seed {seed}");
            assert!(pair.node(side).children.len() <= 3, "seed {seed}");
        }
    }
}
