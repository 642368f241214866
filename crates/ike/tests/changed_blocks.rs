//! Blocks that change while a connection is up: the IKE SA stays, and so does each Child SA that is wanted still.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::exchange::*;
use adit_ike::config::block;
use adit_ike::{ChildConfig, ChildKey, ConnectionConfig, EndpointConfig, Versions};
use adit_ike_wire::AddressRange;
use adit_sim::{Conditions, Pair, Side};

const MINUTE: Duration = Duration::from_secs(60);

const BOTH: [Versions; 2] = [Versions::V1, Versions::V2];

/// The third octets of blocks behind A and behind B.
type Wanted = &'static [(u8, u8)];

fn net(side: Side, third: u8) -> AddressRange {
    let second = if side == Side::A { 1 } else { 2 };
    block(IpAddr::V4(Ipv4Addr::new(10, second, third, 0)), 24)
}

fn child(side: Side, (a, b): (u8, u8)) -> ChildConfig {
    let (here, there) = if side == Side::A { (a, b) } else { (b, a) };
    ChildConfig {
        local: vec![net(side, here)],
        remote: vec![net(side.other(), there)],
    }
}

fn config(versions: Versions, side: Side, wanted: Wanted) -> ConnectionConfig {
    let mut config = Pair::usual(side);
    config.versions = versions;
    config.initiate = true;
    config.children = wanted.iter().map(|pair| child(side, *pair)).collect();
    config
}

/// The Child SAs that a side sends on, each with the third octets of its blocks behind A and B.
fn sent_on(pair: &Pair, side: Side) -> BTreeMap<(u8, u8), ChildKey> {
    let third = |selectors: &[adit_ike_wire::TrafficSelector]| match selectors[0].addresses {
        AddressRange::V4(first, _) => first.octets()[2],
        AddressRange::V6(..) => panic!("not of IPv6"),
    };
    let used = pair.node(side).used().map(|used| {
        let (here, there) = (
            third(&used.child.local_selectors),
            third(&used.child.remote_selectors),
        );
        let blocks = if side == Side::A {
            (here, there)
        } else {
            (there, here)
        };
        (blocks, used.child.child)
    });
    used.collect()
}

fn has_exactly(pair: &Pair, wanted: Wanted) -> bool {
    SIDES.into_iter().all(|side| {
        let sent = sent_on(pair, side);
        sent.len() == wanted.len() && wanted.iter().all(|one| sent.contains_key(one))
    }) && pair.loses_nothing()
}

fn connected(seed: u64, conditions: Conditions, versions: Versions, wanted: Wanted) -> Pair {
    let mut pair = Pair::new(seed, conditions, EndpointConfig::default());
    for side in [Side::B, Side::A] {
        pair.connect(side, config(versions, side, wanted));
    }
    let up = |pair: &Pair| has_exactly(pair, wanted);
    assert!(pair.run_until(MINUTE * 10, up));
    pair
}

/// Lets time pass; no packet of these is lost meanwhile.
fn keeps(pair: &mut Pair, duration: Duration, these: Wanted) {
    let limit = pair.now + duration;
    loop {
        for side in SIDES {
            let sent = sent_on(pair, side);
            for one in these {
                let child = sent
                    .get(one)
                    .and_then(|key| pair.node(side).children.get(key));
                let keys = child.map(|child| &child.child.outbound);
                let arrives = keys.is_some_and(|keys| pair.node(side.other()).receives(keys));
                assert!(arrives, "{side:?} {one:?}");
            }
        }
        if !pair.step(limit) {
            pair.now = limit;
            return;
        }
    }
}

#[test]
fn what_is_wanted_still_stays_what_is_not_goes_and_what_is_new_comes() {
    const BEFORE: Wanted = &[(1, 1), (1, 2), (1, 3)];
    const AFTER: Wanted = &[(2, 3), (1, 3), (1, 1), (2, 1)];
    for versions in BOTH {
        for order in [[Side::A, Side::B], [Side::B, Side::A]] {
            for pause in [0, 1, 700, 5_000] {
                let mut pair = connected(1, Conditions::GOOD, versions, BEFORE);
                pair.run_for(MINUTE / 2);
                // By IKEv1 there may be two of one pair, where both began.
                let spare = pair.node(Side::A).children.len() - BEFORE.len();
                let before = SIDES.map(|side| sent_on(&pair, side));
                let ikes = SIDES.map(|side| ikes_made(&pair, side));
                for side in order {
                    pair.connect(side, config(versions, side, AFTER));
                    keeps(&mut pair, Duration::from_millis(pause), &[(1, 1), (1, 3)]);
                }
                keeps(&mut pair, MINUTE, &[(1, 1), (1, 3)]);
                assert!(has_exactly(&pair, AFTER), "{versions:?} {order:?} {pause}");
                assert_eq!(SIDES.map(|side| ikes_made(&pair, side)), ikes);
                for (side, before) in SIDES.into_iter().zip(before) {
                    let after = sent_on(&pair, side);
                    for same in [(1, 1), (1, 3)] {
                        assert_eq!(after.get(&same), before.get(&same), "{versions:?}");
                    }
                    let there = pair.describe(side);
                    assert!(
                        there.len() <= AFTER.len() + spare,
                        "{versions:?} {order:?} {pause} {there:#?}"
                    );
                    assert_eq!(pair.node(side).gaps, 1, "of the pair that is gone");
                }
            }
        }
    }
}

#[test]
fn lifetimes_and_liveness_change_nothing_that_is_up() {
    const WANTED: Wanted = &[(1, 1), (1, 2)];
    for versions in BOTH {
        let mut pair = connected(2, Conditions::GOOD, versions, WANTED);
        pair.run_for(MINUTE);
        let before = SIDES.map(|side| sent_on(&pair, side));
        for side in SIDES {
            let mut config = config(versions, side, WANTED);
            config.ike_lifetime /= 2;
            config.child_lifetime /= 2;
            config.liveness = Some(adit_ike::Liveness {
                interval: Duration::from_secs(5),
                timeout: Duration::from_secs(20),
                restart: true,
            });
            pair.connect(side, config);
        }
        watch(&mut pair, MINUTE);
        assert_eq!(SIDES.map(|side| sent_on(&pair, side)), before);
        assert_eq!(SIDES.map(|side| pair.node(side).gaps), [0, 0]);
    }
}

#[test]
fn a_child_sa_of_more_than_is_wanted_is_replaced_before_it_goes() {
    for asker in SIDES {
        let mut pair = Pair::new(3, Conditions::GOOD, EndpointConfig::default());
        for side in [Side::B, Side::A] {
            let mut config = config(Versions::V2, side, &[(1, 1), (2, 1)]);
            if side == Side::A {
                // As a peer that has one for all.
                config.children = vec![ChildConfig {
                    local: vec![net(Side::A, 1), net(Side::A, 2)],
                    remote: vec![net(Side::B, 1)],
                }];
            }
            config.initiate = side == Side::A;
            pair.connect(side, config);
        }
        assert!(pair.run_until(MINUTE, Pair::is_up));
        pair.run_for(MINUTE);
        assert_eq!(pair.node(Side::B).children.len(), 1);
        let mut narrower = config(Versions::V2, Side::B, &[(1, 1)]);
        narrower.initiate = asker == Side::B;
        pair.connect(Side::B, narrower);
        let served = |pair: &Pair| {
            let mut sent = pair.node(Side::B).sending();
            sent.any(|one| one.child.remote_selectors[0].addresses == net(Side::A, 1))
        };
        let limit = pair.now + MINUTE;
        let mut missing = Duration::ZERO;
        let mut last = pair.now;
        while pair.step(limit) {
            // Where only the peer may ask there is a gap, and the answer's side tries first.
            assert!(asker == Side::A || pair.loses_nothing());
            if !served(&pair) {
                missing += pair.now - last;
            }
            last = pair.now;
        }
        assert!(served(&pair), "{asker:?}");
        if asker == Side::B {
            assert_eq!(missing, Duration::ZERO);
        }
        let left = pair.node(Side::B).children.values();
        assert!(
            left.into_iter()
                .all(|one| one.child.remote_selectors.len() == 1)
        );
    }
}

#[test]
fn a_change_while_an_sa_is_being_made_counts_too() {
    const BEFORE: Wanted = &[(1, 1), (1, 2)];
    const AFTER: Wanted = &[(1, 2), (1, 3)];
    for versions in BOTH {
        for changed in SIDES {
            for millis in 0..160 {
                let mut pair = Pair::new(millis, Conditions::GOOD, EndpointConfig::default());
                for side in [Side::B, Side::A] {
                    let mut config = config(versions, side, BEFORE);
                    config.initiate = side == Side::A || millis % 2 == 1;
                    pair.connect(side, config);
                }
                pair.run_for(Duration::from_millis(millis));
                for side in [changed, changed.other()] {
                    pair.connect(side, config(versions, side, AFTER));
                    pair.run_for(Duration::from_millis(millis % 7));
                }
                pair.run_for(MINUTE * 2);
                let exact = has_exactly(&pair, AFTER);
                assert!(exact, "{versions:?} {changed:?} {millis}");
            }
        }
    }
}

#[test]
fn changes_on_bad_networks_end_with_what_is_wanted_last() {
    const CHOICES: [Wanted; 5] = [
        &[(1, 1)],
        &[(1, 1), (1, 2)],
        &[(2, 2), (1, 2)],
        &[(3, 1), (2, 1), (1, 1)],
        &[(3, 3)],
    ];
    let bad = Conditions {
        loss: 50,
        jitter: Duration::from_millis(50),
        ..Conditions::BAD
    };
    for versions in BOTH {
        for seed in 0..12 {
            let mut pair = connected(seed, bad, versions, CHOICES[0]);
            for step in 0..8_usize {
                let seed = usize::try_from(seed).unwrap();
                let wanted = CHOICES[(seed + step * 3) % CHOICES.len()];
                for side in SIDES {
                    pair.connect(side, config(versions, side, wanted));
                    pair.run_for(Duration::from_millis(100 * u64::try_from(seed).unwrap()));
                }
                if step == 7 {
                    pair.conditions = Conditions::GOOD;
                    pair.run_for(MINUTE * 3);
                    assert!(has_exactly(&pair, wanted), "{versions:?} {seed}");
                }
            }
        }
    }
}
