//! Several connections with the peers at one address: none decides for another, and each is told what
//! is wrong with it alone.

use std::net::IpAddr;
use std::time::Duration;

use adit_crypto::{Encryption, Secret};
use adit_ike::config::block;
use adit_ike::{
    Authentication, Command, ConnectionConfig, ConnectionKey, EndpointConfig, Event, Failure,
    Identity,
};
use adit_ike_wire::IdType;
use adit_sim::{Conditions, Pair, Side};

const OTHER: ConnectionKey = ConnectionKey(2);

fn named(kind: IdType, name: &str) -> Identity {
    Identity {
        kind,
        data: name.as_bytes().to_vec(),
    }
}

fn passive(mut config: ConnectionConfig) -> ConnectionConfig {
    config.initiate = false;
    config
}

fn failures(pair: &Pair, side: Side, of: ConnectionKey) -> Vec<Failure> {
    let failed = pair
        .node(side)
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Failed(key, failure) if *key == of => Some(failure.clone()),
            _ => None,
        });
    failed.collect()
}

/// B has A's connection and another one with the same address; A begins.
fn pair(
    change: impl Fn(&mut ConnectionConfig, &mut ConnectionConfig, &mut ConnectionConfig),
) -> Pair {
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    let mut a = Pair::usual(Side::A);
    let mut right = passive(Pair::usual(Side::B));
    let mut other = right.clone();
    other.remote_id = named(IdType::FQDN, "other");
    other.authentication = Authentication::psk(Secret::new(b"another".to_vec()));
    other.children[0].remote = vec![block(IpAddr::from([10, 9, 0, 0]), 24)];
    change(&mut a, &mut right, &mut other);
    for (key, config) in [(OTHER, other), (Pair::CONNECTION, right)] {
        pair.command(Side::B, Command::SetConnection(key, Box::new(config)));
    }
    pair.connect(Side::A, a);
    pair
}

#[test]
fn the_policy_of_another_connection_does_not_decide() {
    let suites = [
        (vec![Encryption::AesCbc128], vec![Encryption::AesGcm256]),
        (vec![Encryption::AesGcm256], vec![Encryption::AesCbc128]),
        (
            vec![Encryption::AesCbc128, Encryption::AesGcm256],
            vec![Encryption::AesGcm256],
        ),
    ];
    for (others, rights) in suites {
        for swapped in [false, true] {
            let mut pair = pair(|_, right, other| {
                right.ike.encryption.clone_from(&rights);
                other.ike.encryption.clone_from(&others);
                if swapped {
                    std::mem::swap(right, other);
                }
            });
            assert!(pair.run_until(Duration::from_secs(10), Pair::is_up));
        }
    }
}

#[test]
fn what_all_connections_allow_is_taken_at_once() {
    let mut pair = pair(|_, right, other| {
        right.ike.encryption = vec![Encryption::AesGcm256, Encryption::AesCbc128];
        other.ike.encryption = vec![Encryption::AesCbc256, Encryption::AesCbc128];
    });
    assert!(pair.run_until(Duration::from_millis(50), Pair::is_up));
}

#[test]
fn a_peer_that_asks_for_somebody_else_is_told_of_as_such() {
    let mut pair = pair(|a, _, _| a.remote_id = named(IdType::FQDN, "elsewhere.example"));
    pair.run_for(Duration::from_secs(3));
    let expected = Failure::NameAskedFor {
        ours: Identity::of_address(Side::B.address()),
        asked: named(IdType::FQDN, "elsewhere.example"),
    };
    let found = failures(&pair, Side::B, Pair::CONNECTION);
    assert!(
        found.iter().all(|failure| *failure == expected) && !found.is_empty(),
        "{found:?}"
    );
    // The other connection has nothing to do with it.
    assert_eq!(failures(&pair, Side::B, OTHER), []);
}

#[test]
fn a_wrong_key_is_told_to_the_connection_it_is_wrong_for() {
    let mut pair =
        pair(|a, _, _| a.authentication = Authentication::psk(Secret::new(b"wrong".to_vec())));
    pair.run_for(Duration::from_secs(3));
    assert!(!failures(&pair, Side::B, Pair::CONNECTION).is_empty());
    assert_eq!(failures(&pair, Side::B, OTHER), []);
}

#[test]
fn case_does_not_matter_in_names() {
    for kind in [IdType::FQDN, IdType::RFC822_ADDR] {
        let mut pair = pair(|a, right, _| {
            a.local_id = named(kind, "West.Example.Org");
            right.remote_id = named(kind, "west.example.org");
            a.remote_id = named(kind, "east.EXAMPLE.org");
            right.local_id = named(kind, "East.Example.Org");
        });
        assert!(
            pair.run_until(Duration::from_secs(5), Pair::is_up),
            "{kind:?}"
        );
    }
    // In opaque octets it does.
    let mut pair = pair(|a, right, _| {
        a.local_id = named(IdType::KEY_ID, "West");
        right.remote_id = named(IdType::KEY_ID, "west");
    });
    pair.run_for(Duration::from_secs(5));
    assert!(!pair.is_up());
}

#[test]
fn names_are_shown_as_they_are() {
    let shown = named(IdType::KEY_ID, "branch office \u{7}1").to_string();
    assert_eq!(shown, "branch office \\x071");
}
