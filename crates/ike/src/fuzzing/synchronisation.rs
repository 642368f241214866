//! Message IDs that are agreed on anew, as the peer of who took over, and as who did (RFC 6311).

extern crate std;

use core::iter::repeat_n;
use std::vec::Vec;

use adit_ike_wire::v2::{Notify, NotifyType};

use super::handover::successor;
use super::*;
use crate::output::ChildKey;
use crate::output::Progress;
use crate::sa::SaKey;
use crate::v2::message_ids::Numbers;
use crate::v2::task::Task;

/// Who took over, and the peer of that one.
const CLUSTER: usize = 1;
const PEER: usize = 0;

/// How many requests the peer, and then the cluster, have sent since the SA is up, the message IDs that the cluster sends
/// next and expects, and what the peer has then of each: what it expects, and what it sends next. The SA's initiator, who
/// has sent two requests before, is the peer.
type Row = ([usize; 2], [u32; 2], [u32; 2]);

/// Numbers as they are, and ahead of what they are.
const GOOD: [Row; 9] = [
    ([0, 0], [0, 2], [0, 2]),
    ([0, 0], [1, 3], [1, 3]),
    ([1, 0], [0, 3], [0, 3]),
    ([1, 0], [5, 8], [5, 8]),
    ([0, 1], [1, 2], [1, 2]),
    ([0, 1], [2, 2], [2, 2]),
    ([1, 1], [1, 3], [1, 3]),
    ([1, 1], [2, 4], [2, 4]),
    ([1, 2], [2, 4], [2, 4]),
];

impl Table {
    fn newest(&mut self, side: usize) -> &mut IkeSa {
        let sas = &mut self.end(side).sas;
        let key: SaKey = sas.values().next_back().unwrap().place().key;
        sas.get_mut(key)
            .unwrap()
            .as_any_mut()
            .downcast_mut()
            .unwrap()
    }

    fn pass_all(&mut self) {
        while !self.wire.is_empty() {
            let datagram = self.wire.remove(0);
            self.deliver(&datagram);
        }
    }

    /// What a side sends next, and expects.
    fn ids(&mut self, side: usize) -> (u32, u32) {
        let link = &self.newest(side).link;
        (link.requests.next_id(), link.responses.expected())
    }

    /// Has a side ask whether the other is there.
    fn ask(&mut self, side: usize) {
        let now = self.now;
        let established = self.newest(side).established_mut().unwrap();
        established.hurry(Task::Liveness, now);
        let child = self.children[side].last().unwrap().child;
        self.command(side, Command::ChildHeard(child));
    }

    /// The cluster's request for agreement.
    fn sync(&mut self, nonce: u32, [send, receive]: [u32; 2]) -> Vec<u8> {
        let data = Numbers {
            nonce,
            send,
            receive,
        }
        .octets();
        let notify = Notify::new(NotifyType::IKEV2_MESSAGE_ID_SYNC, &data);
        let IkeSa { link, state } = self.newest(CLUSTER);
        let header = link.header(ExchangeType::INFORMATIONAL, 0, false);
        let protection = state.protection_mut(false).unwrap();
        let sealed = protection.seal(&header, &[Payload::Notify(notify)], None, &mut Sequence(7));
        sealed.datagrams.concat()
    }

    /// Has the peer take this; what it answers.
    fn answer(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        assert!(self.wire.is_empty());
        self.made_up(CLUSTER, request.to_vec());
        let answer = self.wire.pop()?;
        assert!(self.wire.is_empty() && answer.sender == PEER);
        Some(answer.octets)
    }

    /// What an answer of the peer says.
    fn said(&mut self, answer: &[u8]) -> (u32, [u32; 2]) {
        let message = adit_ike_wire::v2::Message::parse(answer).unwrap();
        assert_eq!(message.header.message_id, 0);
        assert!(message.header.flags.response);
        let opened = self.opened(CLUSTER, answer).unwrap();
        let payloads = opened.payloads().unwrap();
        let contents = crate::v2::contents::Contents::of(&payloads);
        let numbers = Numbers::of(&contents).unwrap().unwrap();
        (numbers.nonce, [numbers.receive, numbers.send])
    }

    /// Has the cluster's IDs be these, as if it had taken them from the answer.
    fn set(&mut self, [send, receive]: [u32; 2]) {
        let link = &mut self.newest(CLUSTER).link;
        link.requests.skip_to(send);
        link.responses.skip_to(receive);
    }

    /// Lets all that is under way come to an end.
    fn pass_time(&mut self) {
        for _ in 0..2_000 {
            self.pass_all();
            self.wait(Duration::from_millis(10));
        }
    }

    /// Both can ask and be answered.
    fn goes_on(&mut self) {
        for side in [PEER, CLUSTER] {
            let before = self.ids(side).0;
            self.ask(side);
            self.pass_all();
            assert_eq!(self.ids(side).0, before + 1);
            let idle = self.newest(side).link.requests.is_idle();
            assert!(idle, "{side} is not answered");
        }
        assert_eq!(self.ids(PEER).0, self.ids(CLUSTER).1);
        assert_eq!(self.ids(CLUSTER).0, self.ids(PEER).1);
    }
}

/// A pair that is up and has sent so many requests each.
fn up([by_peer, by_cluster]: [usize; 2]) -> Table {
    let mut table = Table::new(0);
    table.pass_all();
    for side in repeat_n(PEER, by_peer).chain(repeat_n(CLUSTER, by_cluster)) {
        table.ask(side);
        table.pass_all();
    }
    let by_peer = u32::try_from(by_peer).unwrap();
    let by_cluster = u32::try_from(by_cluster).unwrap();
    assert_eq!(table.ids(PEER), (2 + by_peer, by_cluster));
    table
}

/// Plays a row up to the answer.
fn play((sent, asked, agreed): Row) -> (Table, Vec<u8>, Vec<u8>) {
    let mut table = up(sent);
    let request = table.sync(9, asked);
    let answer = table.answer(&request).unwrap();
    assert_eq!(table.said(&answer), (9, agreed), "{sent:?} {asked:?}");
    assert_eq!(table.ids(PEER), (agreed[1], agreed[0]));
    table.set(agreed);
    (table, request, answer)
}

#[test]
fn responder() {
    for row in GOOD {
        let (mut table, ..) = play(row);
        table.goes_on();
    }
}

#[test]
fn retransmit() {
    for row in GOOD {
        let (mut table, request, answer) = play(row);
        let before = table.ids(PEER);
        assert_eq!(table.answer(&request), Some(answer));
        assert_eq!(table.ids(PEER), before);
        table.goes_on();
    }
}

#[test]
fn replay() {
    for row in GOOD {
        let (mut table, request, _) = play(row);
        table.goes_on();
        let before = table.ids(PEER);
        assert_eq!(table.answer(&request), None);
        // Nor is one taken that is new and no higher than that.
        let again = table.sync(10, row.1);
        assert_eq!(table.answer(&again), None);
        assert_eq!(table.ids(PEER), before);
        table.goes_on();
    }
}

#[test]
fn replay_before_anything_else_is_asked() {
    let (mut table, ..) = play(GOOD[3]);
    let again = table.sync(10, [5, 9]);
    assert_eq!(table.answer(&again), None, "M1 was said before");
    let higher = table.sync(10, [6, 9]);
    assert!(table.answer(&higher).is_some());
    assert_eq!(table.ids(PEER), (9, 6));
}

#[test]
fn disabled() {
    for (sent, asked, _) in GOOD {
        let mut table = up(sent);
        let peer = table.newest(PEER).established_mut().unwrap();
        assert!(peer.synchronises, "both have said that they can");
        peer.synchronises = false;
        let before = table.ids(PEER);
        let request = table.sync(9, asked);
        assert_eq!(table.answer(&request), None);
        assert_eq!(table.ids(PEER), before);
        table.goes_on();
    }
}

#[test]
fn sender_too_low() {
    for (sent, asked) in [
        ([0, 1], [0, 2]),
        ([1, 2], [0, 0]),
        ([1, 2], [1, 3]),
        // Nor what would use up all numbers.
        ([1, 2], [1 << 31 | 2, 3]),
        ([1, 2], [2, u32::MAX]),
    ] {
        let mut table = up(sent);
        let before = table.ids(PEER);
        let request = table.sync(9, asked);
        assert_eq!(table.answer(&request), None);
        assert_eq!(table.ids(PEER), before);
        table.goes_on();
    }
}

#[test]
fn recv_update() {
    for row in [
        ([0, 0], [0, 0], [0, 2]),
        ([0, 0], [0, 1], [0, 2]),
        ([0, 0], [1, 1], [1, 2]),
        ([1, 0], [0, 1], [0, 3]),
        ([1, 0], [5, 2], [5, 3]),
    ] {
        let (mut table, ..) = play(row);
        table.goes_on();
    }
}

/// The peer waits for an answer, which nobody will ever give.
#[test]
fn active() {
    // The last says whether the one before is known to have answered: then there is time for its answer.
    for (sent, asked, agreed, is_answered) in [
        ([0, 0], [0, 2], [0, 3], false),
        ([0, 0], [1, 3], [1, 3], true),
        ([1, 0], [0, 3], [0, 4], false),
        ([1, 0], [5, 8], [5, 8], false),
        ([0, 1], [1, 2], [1, 3], false),
        ([0, 1], [2, 2], [2, 3], false),
        ([1, 1], [1, 3], [1, 4], false),
        ([1, 1], [2, 4], [2, 4], true),
    ] {
        for order in [0, 2] {
            let mut table = up(sent);
            table.order(PEER, order);
            assert_eq!(table.wire.len(), 1);
            table.wire.clear();
            let newest = newest_child(&table);
            let request = table.sync(9, asked);
            table.made_up(CLUSTER, request);
            let answer = table.wire.remove(0).octets;
            assert_eq!(table.said(&answer), (9, agreed));
            table.set(agreed);
            if is_answered {
                assert!(table.wire.is_empty());
                for _ in 0..2_100 {
                    table.wire.clear();
                    table.wait(Duration::from_millis(10));
                    if table.ids(PEER).0 > agreed[1] {
                        break;
                    }
                }
            }
            // What it waited for is asked anew, under the ID that was agreed on.
            let [again] = &table.wire[..] else {
                panic!("a request");
            };
            let again = adit_ike_wire::v2::Message::parse(&again.octets).unwrap();
            assert_eq!(again.header.exchange, ExchangeType::CREATE_CHILD_SA);
            assert_eq!(again.header.message_id, agreed[1]);
            table.pass_time();
            if order == 0 {
                assert!(newest_child(&table) > newest);
            }
            table.goes_on();
        }
    }
}

/// Hands the cluster's SAs over, with what `progress` says.
fn hand_over(table: &mut Table, epoch: u16) {
    let now = table.now;
    let cluster = table.end(CLUSTER);
    let snapshot = cluster.export(now, CONNECTION, |_| Progress::default());
    let snapshot = snapshot.unwrap();
    table.ends[CLUSTER] = successor(epoch);
    let wanted = config(CLUSTER, 0);
    let taken = table.ends[CLUSTER].import(now, wanted, &snapshot, Duration::ZERO);
    assert_eq!(taken, Ok(()));
    table.drain(CLUSTER);
}

#[test]
fn who_takes_over_agrees_before_it_listens() {
    let mut table = up([1, 2]);
    // The one before sends and answers what the snapshot doesn't know of.
    let now = table.now;
    let cluster = &table.ends[CLUSTER];
    let snapshot = cluster.export(now, CONNECTION, |_| Progress::default());
    let snapshot = snapshot.unwrap();
    table.ask(PEER);
    let asked = table.wire[0].octets.clone();
    table.pass_all();
    table.ask(CLUSTER);
    table.pass_all();
    table.ends[CLUSTER] = successor(1);
    let wanted = config(CLUSTER, 0);
    let taken = table.ends[CLUSTER].import(now, wanted, &snapshot, Duration::ZERO);
    assert_eq!(taken, Ok(()));
    table.drain(CLUSTER);
    let sync = table.wire.pop().unwrap();
    // Somebody sends again what was answered before: it would be fresh here.
    table.made_up(PEER, asked.clone());
    assert!(table.wire.is_empty());
    assert_eq!(table.ends[CLUSTER].statistics().out_of_order, 1);
    table.wire.push(sync);
    table.pass_all();
    assert_eq!(table.ids(PEER).0, table.ids(CLUSTER).1);
    table.made_up(PEER, asked);
    assert!(table.wire.is_empty());
    table.goes_on();
}

#[test]
fn what_was_asked_before_has_its_answer_first_or_is_given_up() {
    for is_answered in [true, false] {
        let mut table = up([0, 1]);
        table.order(CLUSTER, 0);
        let made = table.children[CLUSTER].len();
        if is_answered {
            // The peer has taken it; its answer is lost.
            table.pass(CLUSTER, |_| {});
        }
        table.wire.clear();
        if !is_answered {
            // The peer's window is ahead, as after requests that the snapshot doesn't know of.
            table.newest(PEER).link.responses.skip_to(5);
        }
        hand_over(&mut table, 1);
        table.wait(Duration::from_millis(1));
        table.pass_time();
        table.pass_time();
        table.goes_on();
        let lost = table.children[PEER].len().abs_diff(made);
        assert!(lost <= 1, "{is_answered}");
        let doubts = table.newest(CLUSTER).established().unwrap();
        assert!(!doubts.doubts_message_ids());
    }
}

#[test]
fn an_answer_to_something_else_is_none() {
    let mut table = up([0, 0]);
    // The cluster's first request, and what it was answered.
    table.ask(CLUSTER);
    table.pass(CLUSTER, |_| {});
    let before = table.wire[0].octets.clone();
    table.pass_all();
    for epoch in 1..3 {
        hand_over(&mut table, epoch);
        let out_of_order = table.ends[CLUSTER].statistics().out_of_order;
        table.made_up(PEER, before.clone());
        let statistics = table.ends[CLUSTER].statistics();
        assert_eq!(statistics.out_of_order, out_of_order + 1);
        let established = table.newest(CLUSTER).established().unwrap();
        assert!(established.doubts_message_ids());
    }
    table.pass_all();
    table.goes_on();
}

#[test]
fn two_that_took_over_agree_with_each_other() {
    let mut table = up([1, 2]);
    let now = table.now;
    for side in [PEER, CLUSTER] {
        let end = table.end(side);
        let snapshot = end.export(now, CONNECTION, |_| Progress::default());
        let snapshot = snapshot.unwrap();
        table.ends[side] = successor(1);
        let wanted = config(side, 0);
        let taken = table.ends[side].import(now, wanted, &snapshot, Duration::ZERO);
        assert_eq!(taken, Ok(()));
        table.drain(side);
    }
    table.pass_all();
    table.goes_on();
}

fn newest_child(table: &Table) -> Option<ChildKey> {
    Some(table.children[PEER].last()?.child)
}
