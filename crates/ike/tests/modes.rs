//! AH and ESP, in tunnel and in transport mode: what both ends want they have, and nothing else.

use std::time::Duration;

use crate::exchange::*;
use adit_crypto::{Group, Integrity};
use adit_ike::offers::Kind;
use adit_ike::{
    Authentication, ChildConfig, ConnectionConfig, Encapsulation, Event, Failure, Mode, Part,
    Protocol, Versions,
};
use adit_ike_wire::AddressRange;
use adit_sim::{Conditions, Pair, Side};

const VERSIONS: [Versions; 2] = [Versions::V1, Versions::V2];

fn wanting(side: Side, versions: Versions, protocol: Protocol, mode: Mode) -> ConnectionConfig {
    let mut config = Pair::usual(side);
    config.versions = versions;
    config.encapsulation = Encapsulation::Never;
    config.ike.encryption.retain(|cipher| !cipher.is_aead());
    config.esp.protocol = protocol;
    config.esp.integrity = vec![Integrity::HmacSha256_128, Integrity::AesXcbc96];
    config.mode = mode;
    if protocol == Protocol::Ah {
        config.esp.encryption.clear();
    }
    if mode == Mode::Transport {
        let host = |address| match address {
            std::net::IpAddr::V4(one) => AddressRange::V4(one, one),
            std::net::IpAddr::V6(one) => AddressRange::V6(one, one),
        };
        config.children = vec![ChildConfig {
            local: vec![host(config.local)],
            remote: vec![host(config.remote)],
        }];
    }
    config
}

fn kinds(pair: &Pair, side: Side) -> Vec<(Protocol, Mode)> {
    let children = pair.node(side).children.values();
    children
        .map(|one| {
            let protocol = match one.child.encryption {
                None => Protocol::Ah,
                Some(_) => Protocol::Esp,
            };
            (protocol, one.child.mode)
        })
        .collect()
}

#[test]
fn each_protocol_comes_up_in_each_mode_and_stays_when_it_is_replaced() {
    for versions in VERSIONS {
        for protocol in [Protocol::Ah, Protocol::Esp] {
            for mode in [Mode::Tunnel, Mode::Transport] {
                let mut pair = Pair::connected(1, Conditions::GOOD, |side| ConnectionConfig {
                    child_lifetime: Duration::from_secs(200),
                    ..wanting(side, versions, protocol, mode)
                });
                assert!(
                    pair.run_until(Duration::from_secs(10), Pair::is_up),
                    "{versions:?} {protocol:?} {mode:?}"
                );
                pair.run_for(Duration::from_secs(500));
                settle(&mut pair);
                assert_mirrored(&pair);
                for side in SIDES {
                    assert_eq!(kinds(&pair, side), [(protocol, mode)], "{versions:?}");
                    let is_new = |event: &Event| {
                        matches!(event, Event::ChildUp { suite, .. } if {
                            suite.starts_with("ah-") == (protocol == Protocol::Ah)
                                && suite.ends_with("-transport") == (mode == Mode::Transport)
                        })
                    };
                    assert!(pair.node(side).count(is_new) >= 3, "{versions:?} {mode:?}");
                }
                pair.command(
                    Side::A,
                    adit_ike::Command::RemoveConnection(Pair::CONNECTION),
                );
                pair.run_for(Duration::from_secs(60));
                assert_nothing_left(&pair);
            }
        }
    }
}

#[test]
fn ah_has_forward_secrecy_and_extended_numbers_like_esp() {
    let mut pair = Pair::connected(1, Conditions::GOOD, |side| {
        let mut config = wanting(side, Versions::V2, Protocol::Ah, Mode::Tunnel);
        config.esp.groups = vec![Group::Curve25519];
        config.esp.extended_sequence_numbers = true;
        config
    });
    assert!(pair.run_until(Duration::from_secs(10), Pair::is_up));
    pair.run_for(Duration::from_secs(30));
    let is_whole = |event: &Event| matches!(event, Event::ChildUp { suite, .. } if suite == "ah-sha256-x25519-esn");
    for side in SIDES {
        assert!(pair.node(side).count(is_whole) > 0);
    }
}

#[test]
fn another_protocol_than_the_peers_is_refused_with_both_named() {
    for versions in VERSIONS {
        let mut pair = Pair::connected(1, Conditions::GOOD, |side| {
            let protocol = match side {
                Side::A => Protocol::Ah,
                Side::B => Protocol::Esp,
            };
            wanting(side, versions, protocol, Mode::Tunnel)
        });
        pair.run_for(Duration::from_secs(20));
        let names_both = |event: &Event| {
            let (Event::Failed(_, failure) | Event::PartFailed(_, _, failure)) = event else {
                return false;
            };
            matches!(failure, Failure::EspProposal { ours, theirs: Some(theirs), .. }
                if ours.differing(theirs) == Some(Kind::Protocol))
        };
        let told = SIDES.map(|side| pair.node(side).count(names_both));
        assert!(told.iter().sum::<usize>() > 0, "{versions:?}");
        for side in SIDES {
            assert!(pair.node(side).children.is_empty(), "{versions:?}");
        }
    }
}

/// RFC 7296 section 1.3.1: who answers may decline transport mode, and has made a Child SA in tunnel mode then.
#[test]
fn a_peer_that_declines_transport_mode_has_no_child_sa_left() {
    for (asking, answering) in [(Side::A, Side::B), (Side::B, Side::A)] {
        let mut pair = Pair::connected(1, Conditions::GOOD, |side| {
            let mut config = wanting(side, Versions::V2, Protocol::Esp, Mode::Transport);
            config.initiate = side == asking;
            if side == answering {
                config.mode = Mode::Tunnel;
            }
            config
        });
        pair.run_for(Duration::from_secs(9));
        let is_told = |event: &Event| {
            matches!(
                event,
                Event::PartFailed(_, Part::Child(0), Failure::Mode { .. })
            )
        };
        assert!(pair.node(asking).count(is_told) > 0);
        let carried = |event: &Event| matches!(event, Event::ChildUp { .. });
        assert_eq!(pair.node(asking).count(carried), 0);
        for side in SIDES {
            assert_eq!(pair.node(side).sending().count(), 0, "{side:?}");
        }
    }
}

/// The other way round it is refused: the peer asks for what is less than the connection's policy.
#[test]
fn a_peer_that_asks_for_tunnel_mode_alone_is_refused() {
    for versions in VERSIONS {
        let mut pair = Pair::connected(1, Conditions::GOOD, |side| {
            let mut config = wanting(side, versions, Protocol::Esp, Mode::Transport);
            match side {
                Side::A => config.mode = Mode::Tunnel,
                Side::B => config.initiate = false,
            }
            config
        });
        pair.run_for(Duration::from_secs(9));
        let is_told = |event: &Event| match event {
            Event::Failed(_, Failure::Mode { .. }) => true,
            Event::Failed(_, Failure::EspProposal { ours, theirs, .. }) => {
                let theirs = theirs.as_ref().map(|theirs| theirs.names(Kind::Mode));
                ours.names(Kind::Mode) == ["transport"] && theirs.is_none_or(|mode| mode.is_empty())
            }
            _ => false,
        };
        assert!(pair.node(Side::B).count(is_told) > 0, "{versions:?}");
        for side in SIDES {
            assert!(pair.node(side).children.is_empty(), "{versions:?}");
        }
    }
}

/// Two connections of the same two addresses, of which one can't do with UDP, and the other has it where it can.
#[test]
fn ah_and_esp_between_the_same_addresses_leave_each_other_alone() {
    for versions in VERSIONS {
        for first in [Protocol::Ah, Protocol::Esp] {
            for esp in [Encapsulation::Auto, Encapsulation::Never] {
                let mut pair = Pair::new(1, Conditions::GOOD, adit_ike::EndpointConfig::default());
                let second = match first {
                    Protocol::Ah => Protocol::Esp,
                    Protocol::Esp => Protocol::Ah,
                };
                for side in [Side::B, Side::A] {
                    for (key, protocol) in [(1, first), (2, second)] {
                        let mut config = wanting(side, versions, protocol, Mode::Tunnel);
                        if protocol == Protocol::Esp {
                            // A's peer would have it in UDP, and A perhaps not.
                            config.encapsulation = match side {
                                Side::A => esp,
                                Side::B => Encapsulation::Auto,
                            };
                        }
                        if versions == Versions::V1 && protocol == Protocol::Ah {
                            // By IKEv1 nothing else tells connections apart in time.
                            config.authentication = Authentication::psk(adit_crypto::Secret::new(
                                b"another key".to_vec(),
                            ));
                        }
                        let key = adit_ike::ConnectionKey(key);
                        let set = adit_ike::Command::SetConnection(key, Box::new(config));
                        pair.command(side, set);
                    }
                }
                pair.run_for(Duration::from_secs(20));
                assert!(pair.loses_nothing());
                for side in SIDES {
                    let mut found = kinds(&pair, side);
                    found.sort_by_key(|(protocol, _)| *protocol == Protocol::Ah);
                    let both = [Protocol::Esp, Protocol::Ah].map(|one| (one, Mode::Tunnel));
                    assert_eq!(found, both, "{versions:?} {first:?} {esp:?} {side:?}");
                    for one in pair.node(side).children.values() {
                        let in_udp = one.child.carriage == adit_ike::Carriage::Udp;
                        let is_esp = one.child.encryption.is_some();
                        assert_eq!(in_udp, is_esp && esp == Encapsulation::Auto);
                    }
                }
            }
        }
    }
}
