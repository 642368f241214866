//! IKEv1: main mode, quick modes, and what keeps a connection up.

use std::time::Duration;

use crate::exchange::*;
use adit_crypto::{Encryption, Group, Integrity, Prf, Secret};
use adit_ike::config::block;
use adit_ike::offers::Kind;
use adit_ike::{
    Authentication, ChildConfig, Command, ConnectionConfig, ConnectionKey, Endpoint,
    EndpointConfig, Event, Failure, Identity, Judge, Liveness, Versions,
};
use adit_ike_wire::IdType;
use adit_sim::{Conditions, Pair, SeededRandom, Side};

const MINUTE: Duration = Duration::from_secs(60);

/// What IKEv1's users have.
fn usual(side: Side) -> ConnectionConfig {
    let mut config = Pair::usual(side);
    config.versions = Versions::V1;
    config.ike.encryption = vec![Encryption::AesCbc256, Encryption::AesCbc128];
    config.ike.prf = vec![Prf::HmacSha256, Prf::HmacSha1];
    config.ike.groups = vec![Group::Modp2048];
    config.esp.encryption = vec![Encryption::AesCbc128, Encryption::AesGcm128];
    config.esp.integrity = vec![Integrity::HmacSha1_96];
    config.liveness = Some(Liveness {
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(40),
        restart: true,
    });
    config
}

fn pair_in(
    seed: u64,
    conditions: Conditions,
    change: impl Fn(Side, &mut ConnectionConfig),
) -> Pair {
    Pair::connected(seed, conditions, |side| {
        let mut config = usual(side);
        change(side, &mut config);
        config
    })
}

fn pair(seed: u64, change: impl Fn(Side, &mut ConnectionConfig)) -> Pair {
    pair_in(seed, Conditions::GOOD, change)
}

#[track_caller]
fn comes_up(pair: &mut Pair) {
    let up = pair.run_until(Duration::from_secs(30), Pair::is_up);
    let story = || SIDES.map(|side| format!("{:?}", pair.node(side).events));
    assert!(up, "{:#?}", story());
    assert!(pair.keeps_its_word());
}

fn failures(pair: &Pair, side: Side) -> Vec<Failure> {
    let events = pair.node(side).events.iter();
    let failures = events.filter_map(|event| match event {
        Event::Failed(_, failure) | Event::PartFailed(_, _, failure) => Some(failure.clone()),
        _ => None,
    });
    failures.collect()
}

fn suites(pair: &Pair, side: Side) -> Vec<String> {
    let events = pair.node(side).events.iter();
    let suites = events.filter_map(|event| match event {
        Event::IkeUp { suite, .. } | Event::ChildUp { suite, .. } => Some(suite.clone()),
        _ => None,
    });
    suites.collect()
}

#[test]
fn a_connection_comes_up_within_a_few_exchanges() {
    let mut pair = pair(1, |_, _| {});
    comes_up(&mut pair);
    pair.run_for(Duration::from_secs(1));
    for side in SIDES {
        assert_eq!(
            suites(&pair, side),
            ["aes256-sha256-modp2048", "aes128-sha1-esn"]
        );
        assert_eq!(pair.node(side).installed, 1);
    }
    assert!(pair.now < adit_ike::Instant::from_micros(3_000_000));
}

/// Both begin at once. A third message comes after the other IKE SA has come up, and says of a Child SA that it is there
/// all the same.
#[test]
fn a_third_message_counts_though_another_ike_sa_has_come_up() {
    for seed in 0..20 {
        let mut pair = Pair::new(seed, Conditions::GOOD, EndpointConfig::default());
        pair.held = true;
        for side in SIDES {
            let mut config = usual(side);
            config.initiate = true;
            pair.connect(side, config);
        }
        // The initiator's cookie, behind the marker of port 4500.
        let cookie = |octets: &[u8]| octets.strip_prefix(&[0; 4]).unwrap_or(octets)[..8].to_vec();
        let of_b = pair
            .wire
            .iter()
            .find(|one| one.from.ip() == pair.wire[1].from.ip());
        let of_b = cookie(&of_b.unwrap().octets);
        let (mut sent_by_b, mut fifth, mut third) = (0, None, None);
        for _ in 0..20 {
            for side in SIDES {
                let Some(datagram) = pair.take_from(side) else {
                    continue;
                };
                pair.now = pair.now + Duration::from_millis(1);
                let is_of_b = cookie(&datagram.octets) == of_b;
                sent_by_b += usize::from(is_of_b && side == Side::B);
                if is_of_b && side == Side::B && sent_by_b == 3 {
                    fifth = Some(datagram);
                } else if !is_of_b && side == Side::A && pair.node(side).installed == 1 {
                    third = third.or(Some(datagram));
                } else {
                    pair.deliver(&datagram);
                }
            }
        }
        let is_up = |pair: &Pair| {
            let mut events = pair.node(Side::B).events.iter();
            events.any(|event| matches!(event, Event::ChildUp { .. }))
        };
        pair.deliver(&fifth.unwrap());
        let sixth = pair.take_from(Side::A).unwrap();
        pair.deliver(&sixth);
        let ups = pair.node(Side::B).events.iter();
        let ups = ups.filter(|event| matches!(event, Event::IkeUp { .. }));
        assert_eq!(ups.count(), 2, "{seed}");
        assert!(!is_up(&pair), "{seed}");
        pair.deliver(&third.unwrap());
        assert!(is_up(&pair), "{seed}");
        pair.held = false;
        pair.run_for(Duration::from_secs(60));
        assert!(pair.is_up() && pair.keeps_its_word(), "{seed}");
        for side in SIDES {
            assert_eq!(pair.node(side).endpoint.sa_count(), 1, "{seed}");
        }
    }
}

/// RFC 4304: 64 bits where both want them, and 32 where one end doesn't.
#[test]
fn sequence_numbers_have_as_many_bits_as_both_ends_want() {
    for long in [[true, true], [true, false], [false, true], [false, false]] {
        let mut pair = pair(1, |side, config| {
            config.esp.extended_sequence_numbers = long[usize::from(side == Side::B)];
        });
        comes_up(&mut pair);
        pair.run_for(Duration::from_secs(1));
        for side in SIDES {
            let both = long == [true, true];
            let suites = suites(&pair, side);
            let has = suites.iter().any(|suite| suite.ends_with("-esn"));
            assert_eq!(has, both, "{long:?}: {suites:?}");
            let used: Vec<_> = pair.node(side).used().collect();
            assert_eq!(used[0].child.extended_sequence_numbers, both);
        }
    }
}

#[test]
fn every_suite_that_both_ends_know_comes_up() {
    let ciphers = [
        Encryption::DesCbc,
        Encryption::TripleDesCbc,
        Encryption::AesCbc192,
        Encryption::AesCbc256,
    ];
    let mut tried = 0;
    // Those that are made of a hash.
    let hashed = Prf::ALL.iter().filter(|prf| prf.hash(&[]).is_some());
    for (n, &prf) in hashed.enumerate() {
        for (m, &cipher) in ciphers.iter().enumerate() {
            let group = [
                Group::Modp768,
                Group::Ecp256,
                Group::Curve25519,
                Group::Modp1024,
            ][m];
            let integrity = Integrity::ALL[n];
            let mut pair = pair(2, |_, config| {
                config.ike.encryption = vec![cipher];
                config.ike.prf = vec![prf];
                config.ike.groups = vec![group];
                config.esp.encryption = vec![cipher];
                config.esp.integrity = vec![integrity];
                config.esp.groups = vec![group];
            });
            let up = pair.run_until(Duration::from_secs(30), Pair::is_up);
            let story = || SIDES.map(|side| format!("{:?}", pair.node(side).events));
            assert!(
                up,
                "{cipher:?} {prf:?} {group:?} {integrity:?} {:#?}",
                story()
            );
            tried += 1;
        }
    }
    assert_eq!(tried, 20);
}

#[test]
fn every_cipher_that_has_a_number_protects_packets() {
    let mut tried = 0;
    for (n, &cipher) in Encryption::ALL.iter().enumerate() {
        let integrity = Integrity::ALL[n % Integrity::ALL.len()];
        let mut pair = pair(2, |_, config| {
            config.esp.encryption = vec![cipher];
            config.esp.integrity = vec![integrity];
        });
        let numbered = cipher != Encryption::ChaCha20Poly1305
            && (cipher.is_aead() || integrity != Integrity::AesCmac96);
        let up = pair.run_until(Duration::from_secs(30), Pair::is_up);
        assert_eq!(up, numbered, "{cipher:?} {integrity:?}");
        tried += usize::from(up);
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn each_pair_of_blocks_has_a_quick_mode_of_its_own() {
    let mut pair = pair(3, |side, config| {
        let net = |side: Side, third| {
            let second = if side == Side::A { 1 } else { 2 };
            vec![block([10, second, third, 0].into(), 24)]
        };
        config.children = (1..=20)
            .map(|third| ChildConfig {
                local: net(side, third),
                remote: net(side.other(), third),
            })
            .collect();
    });
    comes_up(&mut pair);
    let all = |pair: &Pair| {
        SIDES
            .iter()
            .all(|side| pair.node(*side).sending().count() == 20)
    };
    assert!(pair.run_until(Duration::from_secs(5), all));
    assert!(pair.loses_nothing());
}

#[test]
fn a_wrong_key_is_told_at_both_ends() {
    let mut pair = pair(4, |side, config| {
        if side == Side::B {
            config.authentication = Authentication::psk(Secret::new(b"another".to_vec()));
        }
    });
    pair.run_for(MINUTE);
    assert!(!pair.is_up());
    let by = |by| Failure::Authentication { by };
    assert!(failures(&pair, Side::A).contains(&by(Judge::Peer)));
    assert!(failures(&pair, Side::B).contains(&by(Judge::Us)));
    assert_eq!(SIDES.map(|side| pair.node(side).children.len()), [0, 0]);
}

#[test]
fn what_differs_is_told_with_both_lists() {
    let mut pair = pair(5, |side, config| {
        if side == Side::B {
            config.ike.groups = vec![Group::Modp3072];
        }
    });
    pair.run_for(MINUTE);
    let by_peer = failures(&pair, Side::A);
    let by_us = failures(&pair, Side::B);
    let is_told = |failure: &Failure| matches!(failure, Failure::IkeProposal { by: Judge::Peer, ours, .. } if ours.to_string().contains("modp2048"));
    assert!(by_peer.iter().any(is_told), "{by_peer:?}");
    let is_told = |failure: &Failure| matches!(failure, Failure::IkeProposal { by: Judge::Us, ours, theirs: Some(theirs), .. } if ours.differing(theirs) == Some(Kind::Group) && theirs.to_string().contains("aes256-sha256-modp2048"));
    assert!(by_us.iter().any(is_told), "{by_us:?}");
}

#[test]
fn a_refused_quick_mode_is_told_and_the_ike_sa_stays() {
    type Change = fn(&mut ConnectionConfig);
    let other_cipher: Change = |config| config.esp.encryption = vec![Encryption::AesCbc256];
    let other_pfs: Change = |config| config.esp.groups = vec![Group::Modp2048];
    let other_block: Change =
        |config| config.children[0].remote = vec![block([10, 9, 0, 0].into(), 24)];
    for (change, is_policy) in [
        (other_cipher, true),
        (other_pfs, true),
        (other_block, false),
    ] {
        let mut pair = pair(6, |side, config| {
            if side == Side::B {
                change(config);
            }
        });
        pair.run_for(MINUTE);
        assert!(!pair.is_up());
        for (side, judge) in [(Side::A, Judge::Peer), (Side::B, Judge::Us)] {
            let told = failures(&pair, side);
            let is_told = |failure: &Failure| match failure {
                Failure::EspProposal { by, .. } => is_policy && *by == judge,
                Failure::Selectors { by, .. } => !is_policy && *by == judge,
                _ => false,
            };
            assert!(told.iter().any(is_told), "{side:?} {told:?}");
            assert_eq!(ikes_made(&pair, side), 1, "{told:?}");
        }
    }
}

#[test]
fn a_peer_of_another_name_is_refused() {
    let name = |text: &str| Identity {
        kind: IdType::FQDN,
        data: text.as_bytes().to_vec(),
    };
    let mut pair = pair(7, |side, config| {
        config.local_id = name(if side == Side::A { "West" } else { "east" });
        config.remote_id = name(if side == Side::A { "East" } else { "south" });
    });
    pair.run_for(MINUTE);
    assert!(!pair.is_up());
    let told = failures(&pair, Side::B);
    let is_told = |failure: &Failure| matches!(failure, Failure::Identity { expected, received } if *expected == name("south") && *received == name("West"));
    assert!(told.iter().any(is_told), "{told:?}");
    let told = failures(&pair, Side::A);
    let is_told = |failure: &Failure| matches!(failure, Failure::Refused { notification } if notification == "INVALID-ID-INFORMATION");
    assert!(told.iter().any(is_told), "{told:?}");
    // Case does not matter.
    let mut config = usual(Side::B);
    (config.local_id, config.remote_id) = (name("east"), name("west"));
    pair.connect(Side::B, config);
    assert!(pair.run_until(MINUTE, Pair::is_up));
}

#[test]
fn of_several_connections_at_one_address_the_key_decides() {
    let mut pair = pair(8, |_, _| {});
    let mut other = usual(Side::B);
    other.authentication = Authentication::psk(Secret::new(b"somebody else's".to_vec()));
    other.ike.prf = vec![Prf::HmacSha256];
    other.children[0].remote = vec![block([10, 7, 0, 0].into(), 24)];
    other.initiate = false;
    let command = Command::SetConnection(ConnectionKey(7), Box::new(other));
    pair.command(Side::B, command);
    comes_up(&mut pair);
    assert!(failures(&pair, Side::B).is_empty());
}

#[test]
fn a_version_that_only_one_end_speaks_is_told() {
    for (one, two) in [(Versions::V1, Versions::V2), (Versions::V2, Versions::V1)] {
        let mut pair = pair(9, |side, config| {
            config.versions = if side == Side::A { one } else { two };
        });
        pair.run_for(MINUTE);
        assert!(!pair.is_up());
        let theirs = if one == Versions::V1 { 1 } else { 2 };
        let told = failures(&pair, Side::B);
        assert!(told.contains(&Failure::Version { theirs }), "{told:?}");
    }
    for one in [Versions::V1, Versions::V2] {
        for other in [Versions::Any, Versions::AnyFromV1] {
            let mut pair = pair(10, |side, config| {
                config.versions = if side == Side::A { one } else { other };
            });
            comes_up(&mut pair);
            // And stays, though this end would begin with the other version.
            let made = SIDES.map(|side| ikes_made(&pair, side));
            pair.run_for(MINUTE);
            assert!(pair.is_up());
            assert_eq!(SIDES.map(|side| ikes_made(&pair, side)), made);
        }
    }
}

#[test]
fn aggressive_mode_is_refused_without_an_answer() {
    let mut pair = pair(11, |_, config| config.initiate = false);
    pair.connect(Side::A, usual(Side::A));
    pair.held = true;
    pair.run_for(Duration::from_millis(10));
    let mut first = pair.take_from(Side::A).unwrap();
    first.octets[18] = 4;
    pair.wire.clear();
    pair.deliver(&first);
    assert_eq!(failures(&pair, Side::B), [Failure::AggressiveMode]);
    assert!(pair.wire.is_empty());
}

/// Lifetimes so short that much happens in a quarter of an hour.
fn short(side: Side, config: &mut ConnectionConfig) {
    let longer = if side == Side::A { 0 } else { 7 };
    config.ike_lifetime = Duration::from_secs(100 + longer);
    config.child_lifetime = Duration::from_secs(60 + longer);
}

#[test]
fn everything_is_renewed_in_time_and_no_packet_is_lost() {
    for seed in 0..8 {
        let mut pair = pair(seed, |side, config| {
            short(side, config);
            // Also where both begin everything.
            config.initiate = side == Side::A || seed % 2 == 0;
        });
        comes_up(&mut pair);
        watch(&mut pair, 15 * MINUTE);
        assert!(pair.is_up());
        for side in SIDES {
            assert!(ikes_made(&pair, side) >= 8, "{side:?}");
            assert!(pair.node(side).installed >= 12, "{side:?}");
            assert!(pair.node(side).endpoint.sa_count() <= 3, "{side:?}");
            assert_eq!(pair.node(side).gaps, 0, "{side:?} {seed}");
        }
    }
}

#[test]
fn a_renewal_right_after_the_start_takes_the_place_of_what_was_there() {
    for seed in 0..8 {
        let mut pair = pair(seed, |_, _| {});
        comes_up(&mut pair);
        for _ in 0..3 {
            watch(&mut pair, Duration::from_secs(2));
            // By who began the first, or by the other end.
            let side = if seed % 2 == 0 { Side::A } else { Side::B };
            rekey_ike(&mut pair, side);
        }
        watch(&mut pair, MINUTE);
        for side in SIDES {
            assert_eq!(ikes_made(&pair, side), 4, "{side:?}");
            assert_eq!(pair.node(side).endpoint.sa_count(), 1, "{side:?}");
            assert_eq!(pair.node(side).installed, 1, "{side:?}");
        }
    }
}

#[test]
fn a_bad_network_delays_it_and_no_more() {
    let bad = Conditions {
        loss: 150,
        duplication: 100,
        jitter: Duration::from_millis(40),
        ..Conditions::GOOD
    };
    for seed in 0..20 {
        let mut pair = pair_in(seed, bad, short);
        let up = pair.run_until(3 * MINUTE, Pair::is_up);
        assert!(up, "{seed}: {:#?}", pair.node(Side::A).events);
        pair.run_for(10 * MINUTE);
        pair.conditions = Conditions::GOOD;
        pair.run_for(3 * MINUTE);
        assert!(pair.is_up(), "{seed}");
        for side in SIDES {
            assert!(pair.node(side).endpoint.sa_count() <= 3, "{seed} {side:?}");
            assert!(pair.node(side).children.len() <= 8, "{seed} {side:?}");
        }
    }
}

#[test]
fn a_peer_that_is_gone_is_noticed_and_come_back_to() {
    let mut pair = pair(12, |_, _| {});
    comes_up(&mut pair);
    pair.conditions.loss = 1000;
    pair.run_for(MINUTE);
    assert!(failures(&pair, Side::A).contains(&Failure::Lost));
    assert_eq!(pair.node(Side::A).sending().count(), 0);
    pair.conditions.loss = 0;
    assert!(pair.run_until(MINUTE, Pair::is_up));
}

#[test]
fn a_connection_that_is_removed_is_gone_at_both_ends() {
    for side in SIDES {
        let mut pair = pair(13, |_, config| config.liveness = None);
        comes_up(&mut pair);
        pair.run_for(Duration::from_secs(1));
        pair.command(side, Command::RemoveConnection(Pair::CONNECTION));
        pair.run_for(Duration::from_millis(500));
        for side in SIDES {
            assert_eq!(pair.node(side).sending().count(), 0, "{side:?}");
        }
        pair.connect(side, usual(side));
        assert!(pair.run_until(MINUTE, Pair::is_up));
    }
}

#[test]
fn a_restarted_peer_takes_its_place() {
    let mut pair = pair(14, |_, _| {});
    comes_up(&mut pair);
    pair.run_for(Duration::from_secs(20));
    let random = Box::new(SeededRandom::new(99));
    let now = pair.now;
    let node = pair.node_mut(Side::A);
    node.endpoint = Endpoint::new(now, EndpointConfig::default(), random);
    node.children.clear();
    pair.connect(Side::A, usual(Side::A));
    assert!(pair.run_until(MINUTE, Pair::is_up));
    pair.run_for(MINUTE);
    for side in SIDES {
        assert_eq!(pair.node(side).sending().count(), 1, "{side:?}");
        assert_eq!(pair.node(side).endpoint.sa_count(), 1, "{side:?}");
    }
}

#[test]
fn what_is_said_to_be_up_carries_packets() {
    let mut pair = pair(15, |_, _| {});
    let limit = pair.now + MINUTE;
    while pair.step(limit) {
        assert!(pair.keeps_its_word(), "{:?}", pair.node(Side::A).events);
    }
    assert!(pair.is_up());
}

#[test]
fn a_peer_without_the_third_message_is_not_said_to_have_the_child_sa() {
    let mut pair = pair(17, |_, _| {});
    // The wire is held: each message is passed by hand.
    pair.held = true;
    let mut third = None;
    for _ in 0..20 {
        while pair.pass(Side::B) {}
        let Some(datagram) = pair.take_from(Side::A) else {
            break;
        };
        if pair.node(Side::A).installed == 1 && third.is_none() {
            third = Some(datagram);
        } else {
            pair.deliver(&datagram);
        }
    }
    assert!(third.is_some());
    let is_up = |pair: &Pair, side| {
        let mut events = pair.node(side).events.iter();
        events.any(|event| matches!(event, Event::ChildUp { .. }))
    };
    // The third message is lost, and what is asked after it arrives.
    pair.held = false;
    pair.run_for(Duration::from_millis(400));
    assert!(!is_up(&pair, Side::A), "{:?}", pair.node(Side::A).events);
    comes_up(&mut pair);
    pair.run_for(Duration::from_secs(30));
    assert!(is_up(&pair, Side::A) && is_up(&pair, Side::B));
    // The doubtful one was replaced, and is gone.
    assert_eq!(SIDES.map(|side| pair.node(side).children.len()), [1, 1]);
    assert_eq!(SIDES.map(|side| pair.node(side).installed), [2, 2]);
}

#[test]
fn a_peer_that_asks_whether_we_are_there_is_answered_though_its_third_message_is_missing() {
    let liveness = Liveness {
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(6),
        restart: true,
    };
    let mut pair = pair(19, |side, config| {
        config.liveness = (side == Side::A).then_some(liveness);
    });
    // Of A's messages of quick modes none arrives but the first.
    let mut first = None;
    let limit = pair.now + Duration::from_secs(15);
    while pair.step(limit) {
        pair.wire.retain(|datagram| {
            let is_quick = datagram.octets.get(18) == Some(&32);
            !is_quick
                || datagram.from.ip() != Side::A.address()
                || first.get_or_insert_with(|| datagram.octets.clone()) == &datagram.octets
        });
    }
    assert!(first.is_some());
    let lost = pair
        .node(Side::A)
        .count(|event| matches!(event, Event::Failed(..)));
    assert_eq!(lost, 0, "{:?}", pair.node(Side::A).events);
    let up = |event: &Event| matches!(event, Event::ChildUp { .. });
    assert_eq!(pair.node(Side::A).count(up), 0, "B has not had it");
    comes_up(&mut pair);
}

#[test]
fn a_repeated_answer_takes_the_word_back_until_another_child_sa_is_there() {
    let mut pair = pair(18, |_, _| {});
    pair.held = true;
    let mut answer = None;
    for _ in 0..20 {
        while pair.pass(Side::A) {}
        let Some(datagram) = pair.take_from(Side::B) else {
            break;
        };
        let before = pair.node(Side::A).installed;
        pair.deliver(&datagram);
        if pair.node(Side::A).installed > before {
            answer = Some(datagram);
        }
    }
    let answer = answer.expect("an answer that made a Child SA");
    pair.held = false;
    comes_up(&mut pair);
    let changes = |pair: &Pair| {
        let events = pair.node(Side::A).events.iter();
        let changes = events.filter_map(|event| match event {
            Event::ChildUp { .. } => Some("up"),
            Event::ChildDown { .. } => Some("down"),
            _ => None,
        });
        changes.collect::<Vec<_>>()
    };
    pair.run_for(Duration::from_secs(1));
    assert_eq!(changes(&pair), ["up"]);
    // Whoever repeats it, and however often, makes one more quick mode.
    for _ in 0..10 {
        pair.deliver(&answer);
    }
    assert_eq!(changes(&pair), ["up", "down"]);
    pair.run_for(Duration::from_secs(3));
    for _ in 0..10 {
        pair.deliver(&answer);
    }
    pair.run_for(Duration::from_secs(20));
    assert_eq!(changes(&pair), ["up", "down", "up"]);
    assert_eq!(pair.node(Side::A).installed, 2);
    assert!(pair.is_up() && pair.keeps_its_word());
}

#[test]
fn repeated_and_forged_messages_change_nothing() {
    let mut pair = pair(16, |_, _| {});
    pair.held = true;
    let mut seen = Vec::new();
    for _ in 0..400 {
        if pair.wire.is_empty() {
            pair.held = false;
            let limit = pair.now + Duration::from_millis(100);
            pair.held = true;
            pair.step(limit);
            continue;
        }
        let datagram = pair.wire.remove(0);
        let mut forged = datagram.clone();
        // Padding is the one thing that nobody vouches for (RFC 2409 appendix B).
        forged.octets[28] ^= 1;
        if forged.octets[19] & 1 == 1 {
            pair.deliver(&forged);
        }
        pair.deliver(&datagram);
        seen.push(datagram);
        if seen.len() > 60 {
            break;
        }
    }
    let story = || SIDES.map(|side| format!("{:?}", pair.node(side).events));
    assert!(pair.is_up(), "{:#?} {}", story(), seen.len());
    let before = SIDES.map(|side| pair.node(side).installed);
    for datagram in &seen {
        pair.deliver(datagram);
    }
    pair.wire.clear();
    assert_eq!(SIDES.map(|side| pair.node(side).installed), before);
    assert!(pair.is_up());
}
