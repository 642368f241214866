//! Two endpoints negotiate: algorithms, groups, cookies, keys, selectors.

use std::time::Duration;

use adit_crypto::{Encryption, Group, Integrity, Prf, Secret};
use adit_ike::config::block;
use adit_ike::offers::Kind;
use adit_ike::{
    Authentication, Command, ConnectionConfig, EndpointConfig, Event, Failure, Identity, Judge,
    Polled, Versions,
};
use adit_sim::{Conditions, Pair, Side};

const MINUTE: Duration = Duration::from_secs(60);

fn pair() -> Pair {
    Pair::new(1, Conditions::GOOD, EndpointConfig::default())
}

fn connected(change: impl Fn(Side, &mut ConnectionConfig)) -> Pair {
    let mut pair = pair();
    for side in [Side::B, Side::A] {
        let mut config = Pair::usual(side);
        change(side, &mut config);
        pair.connect(side, config);
    }
    pair
}

fn failures(pair: &Pair, side: Side) -> Vec<Failure> {
    let events = pair.node(side).events.iter();
    events
        .filter_map(|event| match event {
            Event::Failed(_, failure) | Event::PartFailed(_, _, failure) => Some(failure.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn two_ends_come_up_in_two_round_trips() {
    let mut pair = connected(|_, _| {});
    assert!(pair.run_until(MINUTE, Pair::is_up));
    assert_eq!(pair.now.as_micros(), 40_000);
    // The responder knows a little later that the initiator has the Child SA, too.
    pair.run_for(Duration::from_secs(1));
    for side in [Side::A, Side::B] {
        assert_eq!(
            pair.node(side)
                .count(|event| matches!(event, Event::IkeUp { .. })),
            1
        );
        assert_eq!(
            pair.node(side)
                .count(|event| matches!(event, Event::ChildUp { .. })),
            1
        );
        assert_eq!(failures(&pair, side), []);
    }
}

#[test]
fn every_suite_comes_up() {
    for (n, encryption) in Encryption::ALL.iter().enumerate() {
        for (m, prf) in Prf::ALL.iter().enumerate() {
            // Those that go with every other are tried with a few each.
            let some = Integrity::ALL.iter().cycle().skip(n + m);
            for integrity in some.take(if n == 0 { Integrity::ALL.len() } else { 1 }) {
                let mut pair = connected(|_, config| {
                    config.ike.encryption = vec![*encryption];
                    config.ike.prf = vec![*prf];
                    config.ike.integrity = vec![*integrity];
                    config.esp.encryption = vec![*encryption];
                    config.esp.integrity = vec![*integrity];
                });
                let up = pair.run_until(MINUTE, Pair::is_up);
                assert!(up, "{encryption:?} {prf:?} {integrity:?}");
            }
        }
    }
}

#[test]
fn every_group_comes_up() {
    for group in Group::ALL {
        let mut pair = connected(|_, config| config.ike.groups = vec![*group]);
        assert!(pair.run_until(MINUTE, Pair::is_up), "{group:?}");
    }
}

#[test]
fn another_group_is_tried_when_the_first_is_refused() {
    let mut pair = connected(|side, config| {
        config.ike.groups = match side {
            Side::A => vec![Group::Curve25519, Group::Ecp256, Group::Modp2048],
            Side::B => vec![Group::Ecp256],
        };
    });
    assert!(pair.run_until(MINUTE, Pair::is_up));
    let named =
        |event: &Event| matches!(event, Event::IkeUp { suite, .. } if suite.ends_with("ecp256"));
    assert_eq!(pair.node(Side::A).count(named), 1);
}

#[test]
fn a_cookie_is_demanded_and_returned() {
    let limits = EndpointConfig {
        cookie_threshold: 0,
        ..EndpointConfig::default()
    };
    let mut pair = Pair::new(1, Conditions::GOOD, limits);
    pair.connect(Side::B, Pair::usual(Side::B));
    pair.connect(Side::A, Pair::usual(Side::A));
    assert!(pair.run_until(MINUTE, Pair::is_up));
    assert_eq!(pair.node(Side::B).endpoint.statistics().cookies_sent, 1);
}

#[test]
fn a_cookie_and_another_group_are_both_demanded() {
    let limits = EndpointConfig {
        cookie_threshold: 0,
        ..EndpointConfig::default()
    };
    let mut pair = Pair::new(1, Conditions::GOOD, limits);
    let mut config = Pair::usual(Side::B);
    config.ike.groups = vec![Group::Ecp256];
    pair.connect(Side::B, config);
    pair.connect(Side::A, Pair::usual(Side::A));
    assert!(pair.run_until(MINUTE, Pair::is_up));
}

#[test]
fn a_wrong_key_is_found_on_both_sides_and_nothing_comes_up() {
    let mut pair = connected(|side, config| {
        if side == Side::B {
            config.authentication = Authentication::psk(Secret::new(b"another".to_vec()));
        }
    });
    pair.run_for(Duration::from_secs(5));
    assert!(failures(&pair, Side::A).contains(&Failure::Authentication { by: Judge::Peer }));
    assert!(failures(&pair, Side::B).contains(&Failure::Authentication { by: Judge::Us }));
    for side in [Side::A, Side::B] {
        assert!(pair.node(side).children.is_empty());
        assert_eq!(
            pair.node(side)
                .count(|event| matches!(event, Event::IkeUp { .. })),
            0
        );
    }
    pair.connect(Side::B, Pair::usual(Side::B));
    assert!(pair.run_until(MINUTE, Pair::is_up));
}

#[test]
fn keys_at_the_edges_of_the_hash_block_come_up() {
    for len in [1, 63, 64, 65, 255] {
        let psk = Secret::new((0..len).map(|i| i as u8).collect());
        let mut pair =
            connected(|_, config| config.authentication = Authentication::psk(psk.clone()));
        assert!(pair.run_until(MINUTE, Pair::is_up), "{len}");
    }
}

#[test]
fn an_unexpected_identity_is_named() {
    let mut pair = connected(|side, config| {
        if side == Side::A {
            config.local_id = Identity::of_address("192.0.2.7".parse().unwrap());
        }
    });
    pair.run_for(Duration::from_secs(5));
    let expected = Identity::of_address(Side::A.address());
    let received = Identity::of_address("192.0.2.7".parse().unwrap());
    assert!(failures(&pair, Side::B).contains(&Failure::Identity { expected, received }));
    assert!(!pair.is_up());
}

#[test]
fn different_ike_algorithms_are_named_by_the_side_that_sees_both() {
    let mut pair = connected(|side, config| {
        if side == Side::B {
            config.ike.encryption = vec![Encryption::AesCbc256];
        }
    });
    pair.run_for(Duration::from_secs(5));
    let Some(Failure::IkeProposal {
        by: Judge::Us,
        ours,
        theirs: Some(theirs),
    }) = failures(&pair, Side::B).pop()
    else {
        panic!("{:?}", failures(&pair, Side::B));
    };
    assert_eq!(
        ours.to_string(),
        "aes256 / sha256 / prfsha256 / x25519 ecp256"
    );
    assert_eq!(
        theirs.to_string(),
        "aes256gcm16 / prfsha256 / x25519 ecp256, aes128 / sha256 / prfsha256 / x25519 ecp256"
    );
    assert_eq!(ours.differing(&theirs), Some(Kind::Encryption));
    let blamed = |failure: &Failure| {
        matches!(
            failure,
            Failure::IkeProposal {
                by: Judge::Peer,
                ..
            }
        )
    };
    assert!(failures(&pair, Side::A).iter().any(blamed));
}

#[test]
fn different_esp_algorithms_leave_the_ike_sa_up() {
    let mut pair = connected(|side, config| {
        if side == Side::B {
            config.esp.encryption = vec![Encryption::AesCbc256];
        }
    });
    pair.run_for(Duration::from_secs(5));
    for (side, judge) in [(Side::A, Judge::Peer), (Side::B, Judge::Us)] {
        assert_eq!(
            pair.node(side)
                .count(|event| matches!(event, Event::IkeUp { .. })),
            1
        );
        assert!(pair.node(side).children.is_empty());
        let blamed =
            |failure: &Failure| matches!(failure, Failure::EspProposal { by, .. } if *by == judge);
        assert!(failures(&pair, side).iter().any(blamed));
    }
    pair.connect(Side::B, Pair::usual(Side::B));
    assert!(pair.run_until(MINUTE, Pair::is_up));
}

#[test]
fn different_selectors_are_named_from_our_side() {
    let mut pair = connected(|side, config| {
        if side == Side::B {
            config.children[0].remote = vec![block("10.9.0.0".parse().unwrap(), 24)];
        }
    });
    pair.run_for(Duration::from_secs(5));
    let expected = Failure::Selectors {
        by: Judge::Us,
        ours: "10.2.0.0/24 === 10.9.0.0/24".into(),
        theirs: Some("10.2.0.0/24 === 10.1.0.0/24".into()),
    };
    assert!(failures(&pair, Side::B).contains(&expected));
    assert!(!pair.is_up());
}

#[test]
fn an_absent_peer_is_reported_within_five_seconds() {
    let mut pair = pair();
    pair.connect(Side::A, Pair::usual(Side::A));
    pair.run_for(Duration::from_secs(5));
    assert_eq!(failures(&pair, Side::A), [Failure::NoAnswer { sent: 3 }]);
    assert_eq!(pair.node(Side::B).endpoint.statistics().unknown_peer, 4);
    pair.connect(Side::B, Pair::usual(Side::B));
    assert!(pair.run_until(MINUTE, Pair::is_up));
}

#[test]
fn a_peer_that_has_none_of_our_answers_is_named_by_either_version() {
    for versions in [Versions::V1, Versions::V2] {
        let mut pair = pair();
        for side in [Side::B, Side::A] {
            let mut config = Pair::usual(side);
            config.versions = versions;
            config.initiate = side == Side::A;
            pair.connect(side, config);
        }
        let end = pair.now + Duration::from_secs(10);
        while pair.step(end) {
            while pair.take_from(Side::B).is_some() {}
        }
        let after = Duration::from_millis(7_500);
        let told = failures(&pair, Side::B);
        assert_eq!(told, [Failure::AnswersLost { after }], "{versions:?}");
        assert!(pair.run_until(MINUTE, Pair::is_up));
    }
}

#[test]
fn both_ends_may_begin_at_once_and_one_ike_sa_remains() {
    for seed in 0..20 {
        let mut pair = Pair::new(seed, Conditions::GOOD, EndpointConfig::default());
        for side in [Side::A, Side::B] {
            let mut config = Pair::usual(side);
            config.initiate = true;
            pair.connect(side, config);
        }
        assert!(pair.run_until(MINUTE, Pair::is_up), "seed {seed}");
        pair.run_for(MINUTE);
        for side in [Side::A, Side::B] {
            assert_eq!(
                pair.node(side).endpoint.sa_count(),
                1,
                "seed {seed}, {side:?}"
            );
            assert_eq!(pair.node(side).children.len(), 1, "seed {seed}, {side:?}");
        }
        assert!(pair.is_up(), "seed {seed}");
    }
}

#[test]
fn each_pair_of_blocks_gets_its_child_sa_from_either_side() {
    for combined in [None, Some(Side::A), Some(Side::B)] {
        let mut pair = connected(|side, config| {
            let more = match side {
                Side::A => block("10.2.5.0".parse().unwrap(), 24),
                Side::B => block("10.2.0.0".parse().unwrap(), 24),
            };
            let mut second = config.children[0].clone();
            if side == Side::A {
                second.remote = vec![more];
            } else {
                second.local = vec![block("10.2.5.0".parse().unwrap(), 24)];
            }
            if combined == Some(side) {
                config.children[0]
                    .remote
                    .extend(second.remote.iter().copied());
                config.children[0]
                    .local
                    .extend(second.local.iter().copied());
                config.children[0].local.dedup();
                config.children[0].remote.dedup();
            } else {
                config.children.push(second);
            }
        });
        pair.run_for(MINUTE);
        assert!(pair.is_up());
        let expected = if combined == Some(Side::A) { 1 } else { 2 };
        assert_eq!(pair.node(Side::A).children.len(), expected, "{combined:?}");
        assert_eq!(pair.node(Side::B).children.len(), expected, "{combined:?}");
    }
}

#[test]
fn a_responder_is_ready_to_receive_before_it_answers() {
    let mut pair = connected(|_, _| {});
    pair.held = true;
    pair.pass(Side::A);
    pair.pass(Side::B);
    let auth = pair.take_from(Side::A).unwrap();
    let now = pair.now;
    let endpoint = &mut pair.node_mut(Side::B).endpoint;
    endpoint.handle_datagram(now, auth.to, auth.from, &auth.octets);
    let mut order = Vec::new();
    while let Polled::Output(output) = endpoint.poll_output() {
        match output {
            adit_ike::Output::InstallChild(_) => order.push("install"),
            adit_ike::Output::Transmit(_) => order.push("answer"),
            _ => {}
        }
    }
    assert_eq!(order, ["install", "answer"]);
}

#[test]
fn a_removed_connection_is_deleted_at_the_other_end_too() {
    let mut pair = connected(|_, _| {});
    assert!(pair.run_until(MINUTE, Pair::is_up));
    pair.command(Side::A, Command::RemoveConnection(Pair::CONNECTION));
    assert!(pair.node(Side::A).children.is_empty());
    pair.run_for(MINUTE);
    for side in [Side::A, Side::B] {
        assert!(pair.node(side).children.is_empty());
        assert_eq!(pair.node(side).endpoint.sa_count(), 0);
    }
}

#[test]
fn a_restarted_peer_replaces_what_it_forgot() {
    let mut pair = connected(|_, _| {});
    assert!(pair.run_until(MINUTE, Pair::is_up));
    let random = Box::new(adit_sim::SeededRandom::new(99));
    let now = pair.now;
    let fresh = adit_ike::Endpoint::new(now, EndpointConfig::default(), random);
    pair.node_mut(Side::A).endpoint = fresh;
    pair.node_mut(Side::A).children.clear();
    pair.connect(Side::A, Pair::usual(Side::A));
    assert!(pair.run_until(MINUTE, Pair::is_up));
    pair.run_for(MINUTE);
    assert_eq!(pair.node(Side::B).endpoint.sa_count(), 1);
    assert_eq!(pair.node(Side::B).children.len(), 1);
}

#[test]
fn a_child_sa_that_can_not_be_installed_is_reported_and_not_left_at_the_peer() {
    let mut pair = connected(|_, _| {});
    pair.node_mut(Side::A).installs = false;
    pair.run_for(Duration::from_secs(7));
    assert!(failures(&pair, Side::A).contains(&Failure::ChildNotInstalled));
    assert!(
        pair.node(Side::B).children.is_empty(),
        "{:?}",
        pair.describe(Side::B)
    );
}

#[test]
fn a_silent_peer_is_given_up_and_tried_again() {
    let mut pair = connected(|_, config| {
        config.liveness = Some(adit_ike::Liveness {
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(10),
            restart: true,
        });
    });
    assert!(pair.run_until(MINUTE, Pair::is_up));
    pair.run_for(MINUTE);
    assert!(pair.is_up());
    pair.conditions.loss = 1000;
    pair.run_for(Duration::from_secs(14));
    assert!(failures(&pair, Side::A).contains(&Failure::Lost));
    assert!(pair.node(Side::A).children.is_empty());
    pair.conditions.loss = 0;
    assert!(pair.run_until(MINUTE, Pair::is_up));
}

#[test]
fn garbage_and_replays_change_nothing() {
    let mut pair = connected(|_, _| {});
    pair.held = true;
    let mut seen = Vec::new();
    for _ in 0..8 {
        for side in [Side::A, Side::B] {
            if let Some(datagram) = pair.take_from(side) {
                seen.push(datagram.clone());
                pair.deliver(&datagram);
            }
        }
    }
    assert!(pair.is_up());
    let before = (pair.describe(Side::A), pair.describe(Side::B));
    let mut random = adit_sim::SeededRandom::new(3);
    for datagram in &seen {
        for _ in 0..300 {
            let mut damaged = datagram.clone();
            let at = random.below(damaged.octets.len() as u64) as usize;
            damaged.octets[at] ^= 1 + random.below(255) as u8;
            pair.deliver(&damaged);
            damaged
                .octets
                .truncate(random.below(damaged.octets.len() as u64) as usize);
            pair.deliver(&damaged);
        }
        pair.deliver(datagram);
        pair.wire.clear();
    }
    assert_eq!((pair.describe(Side::A), pair.describe(Side::B)), before);
    assert!(pair.node(Side::B).endpoint.sa_count() < 300);
    assert!(matches!(
        pair.node_mut(Side::A).endpoint.poll_output(),
        Polled::Idle(_)
    ));
}

#[test]
fn bad_networks_only_slow_it_down() {
    for seed in 0..200 {
        let mut pair = Pair::new(seed, Conditions::BAD, EndpointConfig::default());
        for side in [Side::B, Side::A] {
            let mut config = Pair::usual(side);
            config.initiate = true;
            pair.connect(side, config);
        }
        let up = pair.run_until(Duration::from_secs(300), Pair::is_up);
        assert!(up, "seed {seed}: {:?}", failures(&pair, Side::A));
    }
}
