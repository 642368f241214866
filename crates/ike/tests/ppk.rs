//! Post-quantum pre-shared keys (RFC 8784): used where both ends have the same, and in nobody's way where none insists.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::*;
use adit_crypto::{AdditionalExchange, Secret};
use adit_ike::{
    Authentication, ConnectionConfig, Demand, Distrust, Event, Failure, Ppk, PpkFault, Proof,
};
use adit_sim::{Authority, Conditions, KeyType, Pair, Side, Wanted};

const MINUTE: Duration = Duration::from_secs(60);

const ID: &[u8] = b"ppk.example.com";

fn ppk(id: &[u8], key: &[u8], mandatory: bool) -> Option<Arc<Ppk>> {
    Some(Arc::new(Ppk {
        id: id.to_vec(),
        key: Secret::new(key.to_vec()),
        mandatory,
    }))
}

fn connected(conditions: Conditions, ppks: [Option<Arc<Ppk>>; 2]) -> Pair {
    let [a, b] = ppks;
    Pair::connected(1, conditions, |side| {
        let mut config = Pair::usual(side);
        let own = if side == Side::A { &a } else { &b };
        config.authentication.ppk.clone_from(own);
        config
    })
}

/// The suites that an end was told of.
fn suites(pair: &Pair, side: Side) -> Vec<&str> {
    let events = pair.node(side).events.iter();
    let suites = events.filter_map(|event| match event {
        Event::IkeUp { suite, .. } => Some(suite.as_str()),
        _ => None,
    });
    suites.collect()
}

fn faults(pair: &Pair, side: Side) -> Vec<PpkFault> {
    let events = pair.node(side).events.iter();
    let faults = events.filter_map(|event| match event {
        Event::Failed(_, Failure::Distrust(Distrust::Ppk(fault))) => Some(fault.clone()),
        _ => None,
    });
    faults.collect()
}

#[track_caller]
fn up(mut pair: Pair, with: bool) -> Pair {
    assert!(pair.run_until(10 * MINUTE, Pair::is_up));
    pair.run_for(MINUTE);
    assert_nothing_lost(&pair);
    for side in SIDES {
        let suites = suites(&pair, side);
        let all = suites.iter().all(|suite| suite.ends_with("-ppk") == with);
        assert!(!suites.is_empty() && all, "{suites:?}");
    }
    pair
}

#[test]
fn one_that_both_have_is_used_and_outlives_a_rekey() {
    for mandatory in [[false; 2], [true, false], [false, true], [true; 2]] {
        for conditions in [Conditions::GOOD, Conditions::BAD] {
            let ppks = mandatory.map(|mandatory| ppk(ID, b"of both", mandatory));
            let mut pair = up(connected(conditions, ppks), true);
            rekey_ike(&mut pair, Side::A);
            rekey_ike(&mut pair, Side::B);
            rekey_child(&mut pair, Side::B);
            pair.run_for(10 * MINUTE);
            assert_nothing_lost(&pair);
            for side in SIDES {
                let suites = suites(&pair, side);
                assert!(suites.len() > 1);
                assert!(suites.iter().all(|suite| suite.ends_with("-ppk")));
            }
        }
    }
}

#[test]
fn the_keys_of_child_sas_rest_on_it() {
    let keys = |key: &[u8]| {
        let ppks = [(); 2].map(|()| ppk(ID, key, true));
        let pair = up(connected(Conditions::GOOD, ppks), true);
        let children: Vec<_> = pair.node(Side::A).children.values().collect();
        let [child] = children.as_slice() else {
            panic!("one Child SA");
        };
        child.child.inbound.encryption.as_slice().to_vec()
    };
    // All else is the same: the seed, and what is drawn by it.
    assert_eq!(keys(b"one"), keys(b"one"));
    assert_ne!(keys(b"one"), keys(b"another"));
}

#[test]
fn who_lacks_it_does_without_where_nobody_insists() {
    for ppks in [
        [ppk(ID, b"of A", false), None],
        [None, ppk(ID, b"of B", false)],
        [ppk(ID, b"of A", false), ppk(b"another", b"of B", false)],
    ] {
        let pair = up(connected(Conditions::GOOD, ppks), false);
        assert!(SIDES.iter().all(|side| faults(&pair, *side).is_empty()));
    }
}

#[track_caller]
fn refused(ppks: [Option<Arc<Ppk>>; 2], expected: [Option<PpkFault>; 2]) {
    let mut pair = connected(Conditions::GOOD, ppks);
    assert!(!pair.run_until(MINUTE, Pair::is_up));
    for (side, expected) in SIDES.into_iter().zip(expected) {
        let faults = faults(&pair, side);
        assert_eq!(faults.first(), expected.as_ref(), "{side:?}: {faults:?}");
    }
}

#[test]
fn who_insists_says_what_is_missing() {
    let id = || ID.to_vec();
    // The peer has never heard of them: it is seen in the first exchange.
    refused(
        [ppk(ID, b"of A", true), None],
        [Some(PpkFault::Missing), None],
    );
    refused(
        [None, ppk(ID, b"of B", true)],
        [None, Some(PpkFault::Missing)],
    );
    // It has one of another name.
    refused(
        [ppk(ID, b"of A", true), ppk(b"another", b"of B", false)],
        [
            Some(PpkFault::Refused { id: id() }),
            Some(PpkFault::Unknown { theirs: id() }),
        ],
    );
    refused(
        [ppk(ID, b"of A", false), ppk(b"another", b"of B", true)],
        [
            Some(PpkFault::Refused { id: id() }),
            Some(PpkFault::Unknown { theirs: id() }),
        ],
    );
}

#[test]
fn another_key_of_the_same_name_is_told_from_another_pre_shared_key() {
    let id = || ID.to_vec();
    refused(
        [ppk(ID, b"of A", false), ppk(ID, b"of B", false)],
        [
            Some(PpkFault::Refused { id: id() }),
            Some(PpkFault::Differs { id: id() }),
        ],
    );
    refused(
        [ppk(ID, b"of A", true), ppk(ID, b"of B", false)],
        [
            Some(PpkFault::Refused { id: id() }),
            Some(PpkFault::Either { id: id() }),
        ],
    );
    let mut pair = Pair::connected(1, Conditions::GOOD, |side| {
        let mut config = Pair::usual(side);
        let key = if side == Side::A { "of A" } else { "of B" };
        config.authentication = Authentication {
            ppk: ppk(ID, b"of both", false),
            ..Authentication::psk(Secret::new(key.into()))
        };
        config
    });
    assert!(!pair.run_until(MINUTE, Pair::is_up));
    let events = &pair.node(Side::B).events;
    let by_key = |event: &Event| matches!(event, Event::Failed(_, Failure::Authentication { .. }));
    assert!(events.iter().any(by_key), "{events:?}");
}

#[test]
fn it_goes_with_certificates_and_with_ml_kem() {
    let authority = Authority::root("Root", KeyType::P256);
    let mut pair = Pair::connected(3, Conditions::BAD, |side| {
        let usual = Pair::usual(side);
        let issued = authority.issue(&Wanted {
            addresses: vec![side.address()],
            ..Wanted::named("a gateway")
        });
        let mut config = ConnectionConfig {
            authentication: Authentication {
                own: Proof::Certificate(Arc::new(issued.credentials())),
                peer: Demand::Certificate(Arc::new(authority.trust(&[]))),
                ppk: ppk(ID, b"of both", true),
            },
            ..usual
        };
        config.ike.additional = AdditionalExchange::ALL.to_vec();
        config
    });
    assert!(pair.run_until(10 * MINUTE, Pair::is_up));
    for side in SIDES {
        assert!(suites(&pair, side)[0].ends_with("-ke1_mlkem768-ppk"));
    }
    rekey_child(&mut pair, Side::A);
    pair.run_for(10 * MINUTE);
    assert_nothing_lost(&pair);
}

#[test]
fn it_goes_over_to_another_endpoint() {
    let ppks = || [(); 2].map(|()| ppk(ID, b"of both", true));
    let mut pair = up(connected(Conditions::GOOD, ppks()), true);
    let mut config = Pair::usual(Side::A);
    let [own, _] = ppks();
    config.authentication.ppk = own;
    assert_eq!(pair.hand_over(Side::A, config, 9), Ok(()));
    rekey_ike(&mut pair, Side::A);
    pair.run_for(10 * MINUTE);
    assert_nothing_lost(&pair);
    let suites = suites(&pair, Side::A);
    assert!(suites.iter().all(|suite| suite.ends_with("-ppk")));
}
