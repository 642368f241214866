//! What a peer with the right keys can say, and what becomes of the SA.

extern crate std;

use std::vec::Vec;

use adit_ike_wire::v2::payload::emit_chain;
use adit_ike_wire::v2::{Message, Notify, NotifyType};

use crate::v2::protection::Opened;

use super::*;

/// A table whose ends are up; nothing is on the wire.
fn up() -> Table {
    let mut table = Table::new(0);
    table.settle();
    assert_eq!(established(&table), [1, 1]);
    table
}

impl Table {
    /// Delivers all there is, and what comes of it.
    fn settle(&mut self) {
        while !self.wire.is_empty() {
            let datagram = self.wire.remove(0);
            self.deliver(&datagram);
        }
    }

    /// Has a side say this on its newest SA.
    fn say(&mut self, side: usize, exchange: ExchangeType, response: bool, said: &[Payload<'_>]) {
        let mut inner = Vec::new();
        let first = emit_chain(said, &mut inner);
        let octets = self.seal(side, 0, (exchange, response), None, (first, &inner));
        self.made_up(side, octets.unwrap());
    }
}

fn established(table: &Table) -> [usize; 2] {
    let count = |end: &Endpoint| {
        let sas = end.sas.values().filter_map(v2);
        sas.filter(|sa| sa.established().is_some()).count()
    };
    let [first, second] = &table.ends;
    [count(first), count(second)]
}

const fn error(kind: NotifyType) -> [Payload<'static>; 1] {
    [Payload::Notify(Notify::new(kind, &[]))]
}

#[test]
fn an_error_that_ends_the_sa_ends_it_without_a_delete() {
    for side in [0, 1] {
        for kind in [
            NotifyType::AUTHENTICATION_FAILED,
            NotifyType::INVALID_SYNTAX,
            NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD,
        ] {
            let mut table = up();
            table.say(side, ExchangeType::INFORMATIONAL, false, &error(kind));
            let other = 1 - side;
            assert_eq!(established(&table)[other], 0, "{kind:?} from {side}");
            assert_eq!(table.wire.len(), 1, "it is answered");
        }
    }
}

#[test]
fn other_errors_of_a_peer_do_not_end_the_sa() {
    let mut table = up();
    let said = error(NotifyType::NO_PROPOSAL_CHOSEN);
    table.say(0, ExchangeType::INFORMATIONAL, false, &said);
    assert_eq!(established(&table), [1, 1]);
}

#[test]
fn a_message_that_can_not_be_understood_ends_the_sa_on_both_sides() {
    let malformed = [Payload::Unknown {
        kind: PayloadType::SA,
        critical: false,
        body: &[1],
    }];
    let mut table = up();
    table.say(0, ExchangeType::INFORMATIONAL, false, &malformed);
    table.settle();
    // The Delete comes once what was sent before has arrived.
    table.wait(Duration::from_millis(200));
    table.settle();
    assert_eq!(established(&table), [0, 0]);
}

#[test]
fn an_answer_that_says_invalid_syntax_ends_the_sa() {
    let mut table = up();
    let child = *table.children[1].last().unwrap();
    table.command(1, Command::RekeyChild(child));
    table.wire.clear();
    let said = error(NotifyType::INVALID_SYNTAX);
    table.say(0, ExchangeType::CREATE_CHILD_SA, true, &said);
    assert_eq!(established(&table)[1], 0);
}

#[test]
fn an_answer_of_another_exchange_is_none() {
    let mut table = up();
    let child = *table.children[1].last().unwrap();
    table.command(1, Command::RekeyChild(child));
    table.wire.clear();
    let waits = |table: &Table| {
        let [_, asking] = &table.ends;
        let mut sas = asking.sas.values().filter_map(v2);
        sas.any(|sa| !sa.link.requests.is_idle())
    };
    // It is authentic, and ends the SA where it is taken for an answer.
    let said = error(NotifyType::INVALID_SYNTAX);
    table.say(0, ExchangeType::INFORMATIONAL, true, &said);
    assert_eq!(table.ends[1].statistics().out_of_order, 1);
    assert!(waits(&table));
    assert_eq!(established(&table), [1, 1]);
    let said = error(NotifyType::NO_ADDITIONAL_SAS);
    table.say(0, ExchangeType::CREATE_CHILD_SA, true, &said);
    assert!(!waits(&table));
}

/// What the oldest datagram of a side says, to who has its keys.
fn said(table: &mut Table, side: usize) -> Opened {
    let datagram = table.wire.iter().find(|datagram| datagram.sender == side);
    let octets = datagram.unwrap().octets.clone();
    table.opened(1 - side, &octets).unwrap()
}

#[test]
fn a_request_for_ike_auth_that_needs_an_unknown_payload_is_refused_by_name() {
    let mut table = Table::new(0);
    for side in [0, 1] {
        table.pass(side, |_| {});
    }
    // All of it is good, but for this.
    let asked = said(&mut table, 0);
    let mut payloads = asked.payloads().unwrap();
    payloads.push(Payload::Unknown {
        kind: PayloadType(200),
        critical: true,
        body: &[],
    });
    table.wire.clear();
    table.say(0, ExchangeType::IKE_AUTH, false, &payloads);
    assert_eq!(established(&table), [0, 0]);
    let answered = &table.wire[0];
    let message = Message::parse(&answered.octets).unwrap();
    assert_eq!(message.header.exchange, ExchangeType::IKE_AUTH);
    let answer = said(&mut table, 1);
    let answer = answer.payloads().unwrap();
    let [Payload::Notify(notify)] = &answer[..] else {
        unreachable!("{answer:?}");
    };
    let kind = NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD;
    assert_eq!((notify.kind, notify.data), (kind, &[200][..]));
    table.settle();
    let [first, second] = &table.ends;
    assert_eq!((first.sas.len(), second.sas.len()), (0, 0));
}

/// Whether the attempt that a side has begun says that there is no other SA (RFC 7296 section 2.4).
fn says_initial_contact(table: &mut Table) -> bool {
    for side in [0, 1] {
        table.pass(side, |_| {});
    }
    let opened = said(table, 0);
    let payloads = opened.payloads().unwrap();
    let notified = |kind| {
        let is = |payload: &Payload<'_>| matches!(payload, Payload::Notify(n) if n.kind == kind);
        payloads.iter().any(is)
    };
    notified(NotifyType::INITIAL_CONTACT)
}

#[test]
fn initial_contact_is_said_only_where_nothing_is_known_between_the_two_identities() {
    let other = ConnectionKey(2);
    let begin = |table: &mut Table, config| {
        table.command(0, Command::SetConnection(other, Box::new(config)));
    };
    let mut table = Table::new(0);
    assert!(says_initial_contact(&mut table), "there is nothing");
    let mut table = up();
    begin(&mut table, config(0, 0));
    assert!(!says_initial_contact(&mut table), "there is one in use");
    let mut table = up();
    table.command(0, Command::RemoveConnection(CONNECTION));
    table.wire.clear();
    begin(&mut table, config(0, 0));
    assert!(says_initial_contact(&mut table), "the one there is ends");
    let mut table = up();
    let mut named = config(0, 0);
    named.local_id = Identity::of_address([192, 0, 2, 99].into());
    begin(&mut table, named);
    assert!(says_initial_contact(&mut table), "it is another's");
    // The peer has begun one that could turn out to be it.
    let mut table = Table::new(8);
    table.pass(1, |_| {});
    // Without our answer to it: only our own first message is left.
    table.wire.truncate(1);
    assert!(!says_initial_contact(&mut table), "there is one half open");
}

/// A table whose responder believes that the SA is up; its answer to IKE_AUTH never came.
fn nearly_up() -> Table {
    let mut table = Table::new(0);
    for side in [0, 1, 0] {
        table.pass(side, |_| {});
    }
    assert_eq!(established(&table), [0, 1]);
    table.wire.clear();
    table
}

#[test]
fn a_responder_whose_auth_is_refused_lets_go_of_the_sa() {
    let id = adit_ike_wire::v2::Identification {
        kind: adit_ike_wire::IdType::IPV4_ADDR,
        data: &[192, 0, 2, 2],
    };
    let auth = |method| Payload::Authentication {
        method,
        data: &[7; 32],
    };
    let needs = Payload::Unknown {
        kind: PayloadType(200),
        critical: true,
        body: &[],
    };
    let answers = [
        alloc::vec![Payload::IdResponder(id), auth(2)],
        alloc::vec![Payload::IdResponder(id), auth(1)],
        alloc::vec![Payload::IdResponder(id)],
        alloc::vec![Payload::IdResponder(id), auth(2), needs],
    ];
    for answer in answers {
        // The refusal is repeated until it is answered.
        for lost in [false, true] {
            let mut table = nearly_up();
            table.say(1, ExchangeType::IKE_AUTH, true, &answer);
            let refusals = table.wire.len();
            assert_eq!(refusals, 1, "{answer:?}");
            if lost {
                table.wire.clear();
                table.wait(Duration::from_millis(600));
                table.wire.retain(|datagram| datagram.sender == 0);
            }
            table.pass(0, |_| {});
            assert_eq!(established(&table), [0, 0], "{answer:?}");
            let [first, _] = &table.ends;
            assert_eq!(first.sas.len(), 1, "it waits for the answer");
            table.pass(1, |_| {});
            let [first, _] = &table.ends;
            assert_eq!(first.sas.len(), 0, "{answer:?}");
        }
    }
}

#[test]
fn a_responder_that_refused_is_not_told_again() {
    let mut table = nearly_up();
    let said = error(NotifyType::AUTHENTICATION_FAILED);
    table.say(1, ExchangeType::IKE_AUTH, true, &said);
    assert!(table.wire.is_empty());
    let [first, _] = &table.ends;
    assert_eq!(first.sas.len(), 0);
}

/// The SPIs of the IKE SAs that are up at a side.
fn spis(table: &Table, side: usize) -> Vec<u64> {
    let sas = table.ends[side].sas.values().filter_map(v2);
    let up = sas.filter(|sa| sa.established().is_some());
    up.map(|sa| sa.link.local_spi.0).collect()
}

#[test]
fn before_the_peer_doubts_who_we_are_it_is_told_again_beside_what_is_up() {
    let mut table = up();
    let lifetime = 60_u32.to_be_bytes();
    let said = [Payload::Notify(Notify::new(
        NotifyType::AUTH_LIFETIME,
        &lifetime,
    ))];
    table.say(1, ExchangeType::INFORMATIONAL, false, &said);
    table.settle();
    let before = spis(&table, 0);
    for _ in 0..900 {
        table.wait(Duration::from_millis(100));
        table.settle();
        let up = established(&table);
        assert!(up[0] >= 1 && up[1] >= 1, "{up:?}");
        assert!(!table.children[0].is_empty() && !table.children[1].is_empty());
    }
    let after = spis(&table, 0);
    assert!(after.len() == 1 && after != before);
}
