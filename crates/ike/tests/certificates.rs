//! Ends that show who they are by certificates (RFC 7296 section 2.15, RFC 7427), alone or on one side.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::*;
use adit_crypto::{CertificateFault, Secret, SignatureFault};
use adit_ike::{
    Authentication, ConnectionConfig, Demand, Distrust, Event, Failure, Identity, Means, Proof,
    ReplayError, Versions,
};
use adit_ike_wire::IdType;
use adit_sim::{Authority, Conditions, Issued, KeyType, NOW, Pair, Side, Wanted};

const MINUTE: Duration = Duration::from_secs(60);

const NAMES: [&str; 2] = ["a.example.com", "b.example.com"];

const fn name(side: Side) -> &'static str {
    let [a, b] = NAMES;
    match side {
        Side::A => a,
        Side::B => b,
    }
}

fn identity(side: Side) -> Identity {
    Identity {
        kind: IdType::FQDN,
        data: name(side).as_bytes().to_vec(),
    }
}

/// An authority, and a certificate of each end.
struct World {
    authority: Authority,
    issued: [Issued; 2],
    lists: Vec<Vec<u8>>,
}

impl World {
    fn of(key: KeyType, wanted: impl Fn(Side) -> Wanted) -> Self {
        let authority = Authority::root("Root", key);
        let issued = SIDES.map(|side| authority.issue(&wanted(side)));
        Self {
            authority,
            issued,
            lists: Vec::new(),
        }
    }

    fn usual(key: KeyType) -> Self {
        Self::of(key, |side| Wanted {
            key,
            ..Wanted::named(name(side))
        })
    }

    fn proof(&self, side: Side) -> Proof {
        let index = usize::from(side == Side::B);
        Proof::Certificate(Arc::new(self.issued[index].credentials()))
    }

    fn demand(&self) -> Demand {
        Demand::Certificate(Arc::new(self.authority.trust(&self.lists)))
    }

    fn config(&self, side: Side) -> ConnectionConfig {
        ConnectionConfig {
            local_id: identity(side),
            remote_id: identity(side.other()),
            authentication: Authentication {
                own: self.proof(side),
                peer: self.demand(),
                ppk: None,
            },
            ..Pair::usual(side)
        }
    }

    fn connected(
        &self,
        conditions: Conditions,
        change: impl Fn(Side, &mut ConnectionConfig),
    ) -> Pair {
        Pair::connected(1, conditions, |side| {
            let mut config = self.config(side);
            change(side, &mut config);
            config
        })
    }
}

fn failures(pair: &Pair, side: Side) -> Vec<&Failure> {
    let events = pair.node(side).events.iter();
    let failures = events.filter_map(|event| match event {
        Event::Failed(_, failure) => Some(failure),
        _ => None,
    });
    failures.collect()
}

/// It does not come up, and `side` says why.
#[track_caller]
fn distrusted(mut pair: Pair, side: Side) -> Distrust {
    assert!(!pair.run_until(MINUTE, Pair::is_up));
    for node in SIDES.map(|side| pair.node(side)) {
        assert!(node.children.is_empty());
    }
    let failures = failures(&pair, side);
    let found = failures.iter().find_map(|failure| match failure {
        Failure::Distrust(distrust) => Some(distrust.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{failures:?}"))
}

#[test]
fn each_type_of_key_authenticates_both_ends() {
    for key in KeyType::ALL {
        for conditions in [Conditions::GOOD, Conditions::BAD] {
            let mut pair = World::usual(key).connected(conditions, |_, _| {});
            assert!(pair.run_until(10 * MINUTE, Pair::is_up), "{key:?}");
            pair.run_for(MINUTE);
            assert_nothing_lost(&pair);
        }
    }
}

#[test]
fn ends_have_keys_of_two_types_and_authorities_between() {
    let root = Authority::root("Root", KeyType::P521);
    let middle = root.below("Middle", KeyType::Rsa2048);
    let issued = [KeyType::Ed25519, KeyType::Rsa2048].map(|key| {
        let side = if key == KeyType::Ed25519 {
            Side::A
        } else {
            Side::B
        };
        middle.issue(&Wanted {
            key,
            ..Wanted::named(name(side))
        })
    });
    let world = World {
        authority: root,
        issued,
        lists: vec![middle.revoke(&[], NOW + 1000).0],
    };
    // In fragments, of which some are lost.
    for mtu in [1_280, 576] {
        let mut pair = world.connected(Conditions::BAD, |_, _| {});
        pair.mtu = mtu;
        assert!(pair.run_until(10 * MINUTE, Pair::is_up), "{mtu}");
        assert_nothing_lost(&pair);
    }
}

#[test]
fn each_end_shows_what_the_other_wants_and_the_two_may_differ() {
    let world = World::usual(KeyType::P256);
    let key = || Arc::new(Secret::new(b"known to both".to_vec()));
    for by_certificate in SIDES {
        let mut pair = world.connected(Conditions::GOOD, |side, config| {
            if side == by_certificate {
                config.authentication.peer = Demand::PresharedKey(key());
            } else {
                config.authentication.own = Proof::PresharedKey(key());
            }
        });
        assert!(pair.run_until(MINUTE, Pair::is_up), "{by_certificate:?}");
    }
}

#[test]
fn addresses_mail_addresses_and_subjects_are_identities_too() {
    for kind in [IdType::IPV4_ADDR, IdType::RFC822_ADDR, IdType::DER_ASN1_DN] {
        let world = World::of(KeyType::P256, |side| Wanted {
            addresses: vec![side.address()],
            emails: vec![format!("root@{}", name(side))],
            ..Wanted::named(name(side))
        });
        let own = |side: Side| match kind {
            IdType::IPV4_ADDR => Identity::of_address(side.address()),
            IdType::RFC822_ADDR => Identity {
                kind,
                data: format!("root@{}", name(side)).into_bytes(),
            },
            _ => Identity {
                kind,
                data: world.issued[usize::from(side == Side::B)]
                    .credentials()
                    .subject(),
            },
        };
        let mut pair = world.connected(Conditions::GOOD, |side, config| {
            config.local_id = own(side);
            config.remote_id = own(side.other());
        });
        assert!(pair.run_until(MINUTE, Pair::is_up), "{kind:?}");
    }
}

#[test]
fn a_certificate_for_somebody_else_is_refused_at_both_ends() {
    for stranger in SIDES {
        let world = World::of(KeyType::P256, |side| {
            Wanted::named(if side == stranger {
                "c.example.com"
            } else {
                name(side)
            })
        });
        let judge = stranger.other();
        let pair = world.connected(Conditions::GOOD, |_, _| {});
        let Distrust::Certificate(CertificateFault::NotForIdentity { names }) =
            distrusted(pair, judge)
        else {
            panic!("{stranger:?}");
        };
        assert_eq!(names[0], "fqdn:c.example.com");
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_told() {
    let world = World::usual(KeyType::P256);
    // Another authority of the same name.
    let other = World::usual(KeyType::P256);
    let pair = world.connected(Conditions::GOOD, |side, config| {
        if side == Side::B {
            config.authentication.peer = other.demand();
        }
    });
    let untrusted = distrusted(pair, Side::B);
    assert!(
        matches!(&untrusted, Distrust::Certificate(CertificateFault::Untrusted { issuer, .. })
            if issuer == "O=Example, CN=Root"),
        "{untrusted:?}"
    );
    // One that is not valid any more, or not yet.
    let at = |valid: (u64, u64)| {
        let world = World::of(KeyType::P256, |side| {
            let usual = Wanted::named(name(side));
            let valid = if side == Side::A { valid } else { usual.valid };
            Wanted { valid, ..usual }
        });
        distrusted(world.connected(Conditions::GOOD, |_, _| {}), Side::B)
    };
    assert!(matches!(
        at((NOW - 200, NOW - 100)),
        Distrust::Certificate(CertificateFault::Expired { until, .. }) if until == NOW - 100
    ));
    assert!(matches!(
        at((NOW + 100, NOW + 200)),
        Distrust::Certificate(CertificateFault::NotYetValid { from, .. }) if from == NOW + 100
    ));
    // One that was taken back.
    let mut world = World::usual(KeyType::P256);
    let (list, _) = world.authority.revoke(&[&world.issued[1]], NOW + 1000);
    world.lists = vec![list];
    let revoked = distrusted(world.connected(Conditions::GOOD, |_, _| {}), Side::A);
    assert_eq!(revoked, Distrust::Certificate(CertificateFault::Revoked));
}

#[test]
fn a_refused_peer_says_that_it_was_refused_and_that_there_are_certificates() {
    let world = World::usual(KeyType::P256);
    let other = World::usual(KeyType::P256);
    let pair = world.connected(Conditions::GOOD, |side, config| {
        if side == Side::B {
            config.authentication.peer = other.demand();
        }
    });
    assert_eq!(distrusted(pair, Side::A), Distrust::Refused);
}

#[test]
fn a_key_where_a_certificate_is_wanted_and_the_other_way_round() {
    let world = World::usual(KeyType::P256);
    let key = Secret::new(b"known to both".to_vec());
    let (certificate, preshared) = (Means::Certificate, Means::PresharedKey);
    for of_key in SIDES {
        let pair = || {
            world.connected(Conditions::GOOD, |side, config| {
                if side == of_key {
                    config.authentication = Authentication::psk(key.clone());
                }
            })
        };
        // Who hears first refuses, and the other hears no more than that.
        let judge = Side::B;
        let (wanted, shown) = match of_key {
            Side::A => (certificate, preshared),
            Side::B => (preshared, certificate),
        };
        let expected = Distrust::Means { wanted, shown };
        assert_eq!(distrusted(pair(), judge), expected);
    }
    // The initiator wants another than the responder shows.
    let pair = world.connected(Conditions::GOOD, |side, config| {
        if side == Side::B {
            config.authentication.own = Proof::PresharedKey(Arc::new(key.clone()));
        }
    });
    let expected = Distrust::Means {
        wanted: certificate,
        shown: preshared,
    };
    assert_eq!(distrusted(pair, Side::A), expected);
}

#[test]
fn a_signature_over_something_else_is_not_taken() {
    // What A says is changed on its way to B.
    let world = World::usual(KeyType::Ed25519);
    let mut pair = world.connected(Conditions::GOOD, |_, _| {});
    pair.held = true;
    let mut first = pair.take_from(Side::A).unwrap();
    // A reserved bit of the header's flags, which is ignored, and signed (RFC 7296 section 3.1).
    first.octets[19] |= 0x80;
    pair.deliver(&first);
    pair.held = false;
    let wrong = Failure::Distrust(Distrust::Signature(SignatureFault::Wrong));
    let told = |pair: &Pair| failures(pair, Side::B).contains(&&wrong);
    assert!(pair.run_until(MINUTE, told) && !pair.is_up());
    // Nobody changes it the next time.
    assert!(pair.run_until(MINUTE, Pair::is_up));
}

#[test]
fn a_certificate_s_end_is_the_sa_s_end_unless_there_is_another_one() {
    let world = World::of(KeyType::P256, |side| {
        let usual = Wanted::named(name(side));
        let (from, _) = usual.valid;
        Wanted {
            valid: (from, NOW + 600),
            ..usual
        }
    });
    let mut pair = world.connected(Conditions::GOOD, |_, config| {
        config.ike_lifetime = Duration::from_secs(14_400);
    });
    assert!(pair.run_until(MINUTE, Pair::is_up));
    pair.run_for(Duration::from_secs(599));
    assert!(pair.is_up());
    pair.run_for(Duration::from_secs(120));
    assert!(!pair.is_up());
    let expired = failures(&pair, Side::B).into_iter().any(|failure| {
        matches!(
            failure,
            Failure::Distrust(Distrust::Certificate(CertificateFault::Expired { .. }))
        )
    });
    assert!(expired);
}

#[test]
fn one_with_certificates_goes_over_and_is_not_replayed() {
    let world = World::usual(KeyType::P256);
    let mut pair = world.connected(Conditions::GOOD, |_, _| {});
    assert!(pair.run_until(MINUTE, Pair::is_up));
    pair.run_for(MINUTE);
    let config = world.config(Side::A);
    let endpoint = &mut pair.node_mut(Side::A).endpoint;
    endpoint.record(1 << 20, 1 << 20);
    let recording = endpoint.recording(Pair::CONNECTION).unwrap();
    let replayed = recording.replay(&config.authentication);
    assert_eq!(replayed, Err(ReplayError::Signed));
    assert_eq!(pair.hand_over(Side::A, config, 7), Ok(()));
    pair.run_for(MINUTE);
    assert!(pair.is_up());
    assert_nothing_lost(&pair);
}

#[test]
fn certificates_are_of_ikev2_alone() {
    let world = World::usual(KeyType::P256);
    let mut pair = world.connected(Conditions::GOOD, |side, config| {
        config.versions = match side {
            Side::A => Versions::V1,
            Side::B => Versions::Any,
        };
        if side == Side::A {
            config.authentication = Authentication::psk(Secret::new(b"key".to_vec()));
        }
    });
    assert!(!pair.run_until(MINUTE, Pair::is_up));
}
