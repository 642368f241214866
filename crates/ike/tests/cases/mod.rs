//! The cases that strongSwan's tests of its state machine play (`src/libcharon/tests/suites`), between two of our
//! endpoints: each message is delivered by hand, in the order that makes the case. `docs/state-machine-cases.md` says
//! which test is which case; those that need an end that is not as ours are, are in `src/fuzzing/cases.rs`.
//!
//! After each both ends have the same SAs, one of a kind and nothing else, and can rekey them.

use std::time::Duration;

use crate::exchange::*;
use adit_crypto::{AdditionalExchange, Group};
use adit_ike::{ChildKey, Command, ConnectionConfig, Event};
use adit_sim::{Conditions, Datagram, Pair, Side};

mod child_collision;
mod child_delay;
mod child_delete;
mod child_rekey;
mod childless;
mod ike_collision;
mod ike_rekey;

/// Exchanges by their numbers (RFC 7296 section 3.1, RFC 9370 section 5).
pub(super) const CREATE: u8 = 36;
pub(super) const INFORMATIONAL: u8 = 37;
pub(super) const FOLLOWUP: u8 = 44;

pub(super) const SEEDS: core::ops::Range<u64> = 0..8;

/// A message on its way, in as many datagrams as it took.
pub(super) struct Message(Vec<Datagram>);

/// What a datagram's header says of it: its exchange, whether it is an answer, and what names the message.
fn read(datagram: &Datagram) -> (u8, bool, Vec<u8>) {
    let octets = &datagram.octets;
    let name = [&octets[..16], &octets[20..24]].concat();
    (octets[18], octets[19] & 0x20 != 0, name)
}

fn is_from(side: Side, datagram: &Datagram) -> bool {
    datagram.from.ip() == side.address()
}

fn find(pair: &Pair, side: Side, wanted: u8, answers: bool) -> Option<Vec<u8>> {
    let mut sent = pair.wire.iter().filter(|one| is_from(side, one)).map(read);
    let found = sent.find(|(exchange, answer, _)| (*exchange, *answer) == (wanted, answers));
    found.map(|(.., name)| name)
}

fn take(pair: &mut Pair, side: Side, wanted: u8, answers: bool) -> Message {
    let name = find(pair, side, wanted, answers)
        .unwrap_or_else(|| panic!("{side:?} has not sent {wanted} (an answer: {answers})"));
    let (taken, left) = core::mem::take(&mut pair.wire)
        .into_iter()
        .partition(|one| is_from(side, one) && read(one) == (wanted, answers, name.clone()));
    pair.wire = left;
    Message(taken)
}

/// Takes the oldest request of this exchange that `side` has sent off the wire.
pub(super) fn take_request(pair: &mut Pair, side: Side, exchange: u8) -> Message {
    take(pair, side, exchange, false)
}

/// The same with an answer.
pub(super) fn take_answer(pair: &mut Pair, side: Side, exchange: u8) -> Message {
    take(pair, side, exchange, true)
}

/// Whether `side` has sent a request of this exchange that was not delivered yet.
pub(super) fn asks_now(pair: &Pair, side: Side, exchange: u8) -> bool {
    find(pair, side, exchange, false).is_some()
}

/// Delivers a message, where something may be lost by it: it deletes what is in use.
pub(super) fn give_with_gap(pair: &mut Pair, message: &Message) {
    for datagram in &message.0 {
        pair.deliver(datagram);
    }
}

/// Delivers a message; nothing is lost by it.
pub(super) fn give(pair: &mut Pair, message: &Message) {
    give_with_gap(pair, message);
    assert_nothing_lost(pair);
}

/// A request of `side` arrives.
pub(super) fn asks(pair: &mut Pair, side: Side, exchange: u8) {
    let message = take_request(pair, side, exchange);
    give(pair, &message);
}

/// An answer of `side` arrives.
pub(super) fn answers(pair: &mut Pair, side: Side, exchange: u8) {
    let message = take_answer(pair, side, exchange);
    give(pair, &message);
}

/// An exchange that `side` begins.
pub(super) fn exchange(pair: &mut Pair, side: Side, exchange: u8) {
    asks(pair, side, exchange);
    answers(pair, side.other(), exchange);
}

/// The same of a Delete, where that is of what is in use.
pub(super) fn exchange_with_gap(pair: &mut Pair, side: Side, exchange: u8) {
    let request = take_request(pair, side, exchange);
    give_with_gap(pair, &request);
    let answer = take_answer(pair, side.other(), exchange);
    give_with_gap(pair, &answer);
}

/// Lets time pass while all that `lost` sends is lost, and what the other end sends waits.
pub(super) fn wait_while_lost(pair: &mut Pair, duration: Duration, lost: Side) {
    let limit = pair.now + duration;
    loop {
        pair.wire.retain(|one| !is_from(lost, one));
        if !pair.step(limit) {
            break;
        }
    }
    pair.now = limit;
}

/// A pair with key exchanges of its own for Child SAs, of which the first one had none.
pub(super) fn fresh(seed: u64, change: impl Fn(Side, &mut ConnectionConfig)) -> Pair {
    let mut pair = Pair::connected(seed, Conditions::GOOD, |side| {
        let mut config = Pair::usual(side);
        change(side, &mut config);
        config
    });
    assert!(pair.run_until(Duration::from_secs(30), Pair::is_up));
    pair.run_for(Duration::from_millis(500));
    pair.held = true;
    for side in SIDES {
        assert_eq!(children_made(&pair, side), 1);
    }
    pair
}

/// Has both SAs made with ML-KEM-768 beside the group's exchange.
pub(super) fn multi(_: Side, config: &mut ConnectionConfig) {
    config.ike.additional = AdditionalExchange::ALL.to_vec();
    config.esp.groups = vec![Group::Curve25519];
    config.esp.additional = AdditionalExchange::ALL.to_vec();
}

/// Whether the suite of the last Child SA, or IKE SA, names ML-KEM.
pub(super) fn is_multi(pair: &Pair, side: Side, of_ike: bool) -> bool {
    let events = pair.node(side).events.iter().rev();
    let mut suites = events.filter_map(|event| match event {
        Event::ChildUp { suite, .. } if !of_ike => Some(suite),
        Event::IkeUp { suite, .. } if of_ike => Some(suite),
        _ => None,
    });
    suites
        .next()
        .is_some_and(|suite| suite.contains("-ke1_mlkem768"))
}

/// The Child SA that a side has made last.
pub(super) fn newest(pair: &Pair, side: Side) -> ChildKey {
    *pair.node(side).children.keys().next_back().unwrap()
}

/// A side finds that it can't use this Child SA, and deletes it.
pub(super) fn lose(pair: &mut Pair, side: Side, child: ChildKey) {
    pair.command(side, Command::ChildInstalled(child, false));
}

/// All comes to rest without loss; see [`at_rest`].
pub(super) fn ends(pair: &mut Pair) {
    settle(pair);
    at_rest(pair);
}

/// The same where a deletion has made a gap.
pub(super) fn ends_with_gap(pair: &mut Pair) {
    settle_with_gap(pair);
    at_rest(pair);
}

/// Nothing is under way or waits, no Child SA went down twice, and each end can rekey what there is.
pub(super) fn at_rest(pair: &mut Pair) {
    assert!(pair.wire.is_empty());
    for side in SIDES {
        let due = pair.node(side).deadline().map(|deadline| deadline.why);
        let stuck = ["retransmission", "waiting task", "missing Child SA"];
        assert!(due.is_none_or(|why| !stuck.contains(&why)), "{due:?}");
        let down = |wanted: ChildKey| {
            let is_down =
                |event: &Event| matches!(event, Event::ChildDown { child, .. } if *child == wanted);
            pair.node(side).count(is_down)
        };
        let up = |event: &Event| match event {
            Event::ChildUp { child, .. } => Some(*child),
            _ => None,
        };
        let lives = |child: &ChildKey| pair.node(side).children.contains_key(child);
        for child in pair.node(side).events.iter().filter_map(up) {
            assert_eq!(down(child), usize::from(!lives(&child)), "{child:?}");
        }
    }
    for side in SIDES {
        let made = (children_made(pair, side), ikes_made(pair, side));
        rekey_child(pair, side);
        settle(pair);
        rekey_ike(pair, side);
        settle(pair);
        let now = (children_made(pair, side), ikes_made(pair, side));
        assert_eq!(now, (made.0 + 1, made.1 + 1));
    }
}

/// How many cases there are, without those of RFC 6311.
const ALL: usize = 62;

#[test]
fn each_case_of_the_table_is_a_test() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let mut tests = std::collections::BTreeSet::new();
    for row in read("../../docs/state-machine-cases.md").lines() {
        let Some(test) = row
            .strip_prefix("| `")
            .and_then(|row| row.split('`').nth(2))
        else {
            continue;
        };
        let names: Vec<_> = test.split("::").collect();
        let (file, case) = match names[..] {
            ["cases", file, .., case] => (format!("tests/cases/{file}.rs"), case),
            ["fuzzing", "cases", case] => ("src/fuzzing/cases.rs".to_owned(), case),
            _ => panic!("{test}"),
        };
        let is_there = read(&file).contains(&format!("fn {case}()"));
        assert!(is_there, "{test}");
        assert!(tests.insert(test.to_owned()), "{test} twice");
    }
    println!("{} of {ALL}", tests.len());
    assert_eq!(tests.len(), ALL);
}
