//! What the tests of exchanges on established SAs share: a pair that is up and whose network is in
//! the test's hands, and what must hold when all has come to rest.

use std::time::Duration;

use adit_ike::{ChildKey, Command, ConnectionConfig, DirectionKeys, EndpointConfig, Event};
use adit_sim::{Conditions, InstalledChild, Pair, Side};

/// Both sides.
pub(crate) const SIDES: [Side; 2] = [Side::A, Side::B];

/// Longer than anything that is left over from an exchange.
const REST: Duration = Duration::from_secs(120);

/// A pair that is up; from here on the test moves each datagram. Both sides make up for what they
/// miss.
pub(crate) fn up_with(seed: u64, change: impl Fn(Side, &mut ConnectionConfig)) -> Pair {
    let mut pair = Pair::new(seed, Conditions::GOOD, EndpointConfig::default());
    for side in [Side::B, Side::A] {
        let mut config = Pair::usual(side);
        change(side, &mut config);
        pair.connect(side, config);
    }
    assert!(pair.run_until(Duration::from_secs(30), Pair::is_up));
    pair.run_for(Duration::from_secs(20));
    for side in SIDES {
        // Where forward secrecy is wanted the first Child SA was replaced already.
        pair.node_mut(side).installed = 1;
    }
    pair.held = true;
    pair
}

/// A pair with the usual configuration.
pub(crate) fn up(seed: u64) -> Pair {
    up_with(seed, |_, _| {})
}

/// The Child SA a side sends on.
pub(crate) fn current(pair: &Pair, side: Side) -> ChildKey {
    let newest = pair.node(side).sending().next_back();
    newest.map_or_else(|| panic!("{side:?} has none"), |sent| sent.child.child)
}

pub(crate) fn rekey_child(pair: &mut Pair, side: Side) {
    let child = current(pair, side);
    pair.command(side, Command::RekeyChild(child));
}

pub(crate) fn rekey_ike(pair: &mut Pair, side: Side) {
    pair.command(side, Command::RekeyIke(Pair::CONNECTION));
}

/// The data plane of a side has lost its Child SA, which is therefore deleted.
pub(crate) fn delete_child(pair: &mut Pair, side: Side) {
    let child = current(pair, side);
    pair.command(side, Command::ChildInstalled(child, false));
}

pub(crate) fn delete_ike(pair: &mut Pair, side: Side) {
    pair.command(side, Command::RemoveConnection(Pair::CONNECTION));
}

/// Delivers the oldest datagram of `side`, which must be there; nothing is lost by it.
pub(crate) fn pass(pair: &mut Pair, side: Side) {
    assert!(pair.pass(side), "nothing from {side:?}");
    assert_nothing_lost(pair);
}

pub(crate) fn assert_nothing_lost(pair: &Pair) {
    assert!(
        pair.loses_nothing(),
        "A: {:#?}\nB: {:#?}",
        pair.describe(Side::A),
        pair.describe(Side::B)
    );
}

/// Lets time pass on a good network, step by step; nothing is lost meanwhile.
pub(crate) fn watch(pair: &mut Pair, duration: Duration) {
    pair.held = false;
    let limit = pair.now + duration;
    let mut steps = 0;
    while pair.step(limit) {
        assert_nothing_lost(pair);
        steps += 1;
        assert!(steps < 10_000, "it never comes to rest");
    }
    pair.now = limit;
}

/// Lets everything come to rest without loss, then checks that all is single and mirrored.
pub(crate) fn settle(pair: &mut Pair) {
    watch(pair, REST);
    assert_settled(pair);
}

/// Lets everything come to rest after a Child SA or an IKE SA was deleted, where loss is the
/// point, then checks that all is single and mirrored.
pub(crate) fn settle_with_gap(pair: &mut Pair) {
    pair.held = false;
    pair.run_for(REST);
    assert_settled(pair);
}

/// One IKE SA and one Child SA on each side, and each mirrors the other's.
pub(crate) fn assert_settled(pair: &Pair) {
    let story = || {
        format!(
            "A: {:#?} {:#?}\nB: {:#?} {:#?}",
            pair.describe(Side::A),
            pair.node(Side::A).events,
            pair.describe(Side::B),
            pair.node(Side::B).events
        )
    };
    assert!(pair.is_up(), "{}", story());
    for side in SIDES {
        let node = pair.node(side);
        assert_eq!(node.endpoint.sa_count(), 1, "{side:?} {}", story());
        assert_eq!(node.children.len(), 1, "{side:?} {}", story());
        assert_eq!(node.sending().count(), 1, "{side:?} {}", story());
    }
    assert_mirrored(pair);
}

/// Each Child SA of one side has its counterpart on the other, with the same keys and selectors.
pub(crate) fn assert_mirrored(pair: &Pair) {
    for side in SIDES {
        for here in pair.node(side).children.values() {
            let there = pair.node(side.other()).children.values();
            let mut same = there.filter(|there| is_mirror(here, there));
            assert!(same.next().is_some(), "{side:?} has one alone");
        }
    }
}

fn is_mirror(a: &InstalledChild, b: &InstalledChild) -> bool {
    let same = |one: &DirectionKeys, other: &DirectionKeys| {
        one.spi == other.spi
            && one.encryption.as_slice() == other.encryption.as_slice()
            && one.integrity.as_slice() == other.integrity.as_slice()
    };
    same(&a.child.outbound, &b.child.inbound)
        && same(&a.child.inbound, &b.child.outbound)
        && a.child.local_selectors == b.child.remote_selectors
        && a.child.remote_selectors == b.child.local_selectors
}

/// Neither side has any SA.
pub(crate) fn assert_nothing_left(pair: &Pair) {
    for side in SIDES {
        assert_eq!(pair.node(side).endpoint.sa_count(), 0, "{side:?}");
        assert!(pair.node(side).children.is_empty(), "{side:?}");
    }
}

/// The side that made the Child SA which stayed: it was told to send on it at once.
pub(crate) fn maker(pair: &Pair) -> Side {
    let child = current(pair, Side::A);
    let made = &pair.node(Side::A).children.get(&child);
    match made {
        Some(installed) if installed.child.outbound_active => Side::A,
        _ => Side::B,
    }
}

/// How many Child SAs a side has had.
pub(crate) fn children_made(pair: &Pair, side: Side) -> usize {
    pair.node(side).installed
}

/// How many IKE SAs a side has had.
pub(crate) fn ikes_made(pair: &Pair, side: Side) -> usize {
    pair.node(side)
        .count(|event| matches!(event, Event::IkeUp { .. }))
}
