//! What ESP is carried in: as the connection wants, as the peer can, and as the path allows.

use std::time::Duration;

use crate::exchange::*;
use adit_ike::{Carriage, ConnectionConfig, Encapsulation, Event, Failure, Versions};
use adit_ike_wire::Header;
use adit_ike_wire::v1::{self, Payload};
use adit_sim::{Conditions, Datagram, Pair, Side};

const VERSIONS: [Versions; 2] = [Versions::V1, Versions::V2];

fn pair(versions: Versions, wanted: impl Fn(Side) -> Encapsulation) -> Pair {
    Pair::connected(1, Conditions::GOOD, |side| {
        let mut config = Pair::usual(side);
        config.versions = versions;
        config.encapsulation = wanted(side);
        config.ike.encryption.retain(|cipher| !cipher.is_aead());
        config.esp.extended_sequence_numbers = false;
        config
    })
}

fn carriages(pair: &Pair, side: Side) -> Vec<(Carriage, u16)> {
    let children = pair.node(side).children.values();
    children
        .map(|one| (one.child.carriage, one.child.remote.port()))
        .collect()
}

fn failed(pair: &Pair, side: Side, failure: &Failure) -> bool {
    let told = |event: &Event| matches!(event, Event::Failed(_, found) if found == failure);
    pair.node(side).count(told) > 0
}

#[test]
fn it_goes_in_udp_unless_both_exclude_that() {
    for versions in VERSIONS {
        for (wanted, expected) in [
            (Encapsulation::Auto, (Carriage::Udp, 4500)),
            (Encapsulation::Always, (Carriage::Udp, 4500)),
            (Encapsulation::Never, (Carriage::Ip, 500)),
        ] {
            let mut pair = pair(versions, |_| wanted);
            assert!(pair.run_until(Duration::from_secs(10), Pair::is_up));
            for side in SIDES {
                assert_eq!(
                    carriages(&pair, side),
                    [expected],
                    "{versions:?} {wanted:?}"
                );
            }
        }
    }
}

#[test]
fn what_was_found_outlives_rekeying() {
    for versions in VERSIONS {
        let mut pair = Pair::connected(1, Conditions::GOOD, |side| {
            let mut config = ConnectionConfig {
                versions,
                encapsulation: Encapsulation::Never,
                ike_lifetime: Duration::from_secs(300),
                child_lifetime: Duration::from_secs(200),
                ..Pair::usual(side)
            };
            config.ike.encryption.retain(|cipher| !cipher.is_aead());
            config
        });
        pair.run_for(Duration::from_secs(1000));
        assert!(pair.is_up() && pair.node(Side::A).installed > 4);
        for side in SIDES {
            let found = carriages(&pair, side);
            let all = found.iter().all(|one| *one == (Carriage::Ip, 500));
            assert!(all, "{versions:?} {found:?}");
        }
    }
}

#[test]
fn one_end_that_wants_udp_and_one_that_excludes_it_have_no_tunnel_but_a_reason() {
    for versions in VERSIONS {
        for never in SIDES {
            let mut pair = pair(versions, |side| {
                if side == never {
                    Encapsulation::Never
                } else {
                    Encapsulation::Always
                }
            });
            pair.run_for(Duration::from_secs(20));
            assert!(!pair.is_up());
            assert!(
                failed(&pair, never, &Failure::NatInBetween),
                "{versions:?} {never:?}"
            );
            for side in SIDES {
                assert!(pair.node(side).children.is_empty());
            }
        }
    }
}

/// Runs for a while, with what each end sends changed before it arrives.
fn run_changed(pair: &mut Pair, change: impl Fn(&Datagram) -> Datagram) {
    pair.held = true;
    let limit = pair.now + Duration::from_secs(30);
    loop {
        while !pair.wire.is_empty() {
            let datagram = pair.wire.remove(0);
            pair.deliver(&change(&datagram));
        }
        if !pair.step(limit) {
            break;
        }
    }
}

/// Main mode's first two messages without vendor IDs, which nothing authenticates.
fn without_vendor_ids(datagram: &Datagram) -> Datagram {
    let octets = &datagram.octets;
    let Ok(header) = Header::parse(octets) else {
        return datagram.clone();
    };
    let chain = v1::parse_chain(header.next_payload, octets.get(28..).unwrap_or_default());
    let payloads = if header.flags.encryption {
        Vec::new()
    } else {
        chain.map(|(payloads, _)| payloads).unwrap_or_default()
    };
    let is_first = payloads
        .iter()
        .any(|payload| matches!(payload, Payload::SecurityAssociation(..)));
    if !is_first {
        return datagram.clone();
    }
    let left: Vec<_> = payloads
        .into_iter()
        .filter(|payload| !matches!(payload, Payload::VendorId(_)))
        .collect();
    Datagram {
        octets: v1::emit(&header, &left),
        ..datagram.clone()
    }
}

#[test]
fn a_peer_that_knows_no_nat_traversal_gets_esp_by_itself() {
    let mut pair = pair(Versions::V1, |_| Encapsulation::Auto);
    run_changed(&mut pair, without_vendor_ids);
    assert!(pair.is_up());
    for side in SIDES {
        assert_eq!(carriages(&pair, side), [(Carriage::Ip, 500)]);
    }
}

#[test]
fn or_a_reason_where_udp_is_demanded() {
    let mut pair = pair(Versions::V1, |_| Encapsulation::Always);
    run_changed(&mut pair, without_vendor_ids);
    assert!(
        failed(&pair, Side::A, &Failure::NoNatTraversal)
            || failed(&pair, Side::B, &Failure::NoNatTraversal)
    );
    for side in SIDES {
        assert!(pair.node(side).children.is_empty());
    }
}

#[test]
fn a_nat_in_between_is_seen_from_both_sides_and_named_where_udp_is_excluded() {
    for versions in VERSIONS {
        let mut pair = pair(versions, |_| Encapsulation::Never);
        // A's ports look like others to B.
        run_changed(&mut pair, |datagram| {
            let mut changed = datagram.clone();
            if changed.from.ip() == Side::A.address() {
                changed.from.set_port(changed.from.port() + 7000);
            } else {
                changed.to.set_port(changed.to.port() - 7000);
            }
            changed
        });
        assert!(
            failed(&pair, Side::B, &Failure::NatInBetween),
            "{versions:?}"
        );
        for side in SIDES {
            assert!(pair.node(side).children.is_empty());
        }
    }
}
