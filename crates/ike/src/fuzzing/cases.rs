//! Those of the cases of `tests/cases` in which an end is not as ours are: it prefers other algorithms than it accepts,
//! changes its mind, or loses an SA without a word.

extern crate std;

use alloc::sync::Arc;
use std::collections::BTreeSet;
use std::vec::Vec;

use crate::sa::SaKey;
use crate::v2::established::{Established, Phase};

use super::*;

const CREATE: u8 = 36;
const INFORMATIONAL: u8 = 37;
const FOLLOWUP: u8 = 44;

/// Of ours, what a table's choice makes: ML-KEM for both SAs, and two groups.
const MULTI: u8 = 3;

/// What of both ends is rekeyed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    Child,
    Ike,
}

/// Two ends that are up; nothing is on the wire.
fn up(choice: u8, seed: u64) -> Table {
    let seeds = [1, 2].map(|side| 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed * 2 + side));
    let mut table = Table::of(choice, seeds, |side| ConnectionConfig {
        ike_lifetime: Duration::from_secs(14_400),
        child_lifetime: Duration::from_secs(14_400),
        ..config(side, choice)
    });
    table.deliver_all();
    for side in [0, 1] {
        assert_eq!(table.children[side].len(), 1);
    }
    table
}

/// What a header says: the exchange, whether it is an answer, and what names the message.
fn read(datagram: &Datagram) -> (u8, bool, Vec<u8>) {
    let octets = &datagram.octets;
    let name = [&octets[..16], &octets[20..24]].concat();
    (octets[18], octets[19] & 0x20 != 0, name)
}

impl Table {
    pub(super) fn deliver_all(&mut self) {
        while !self.wire.is_empty() {
            let datagram = self.wire.remove(0);
            self.deliver(&datagram);
        }
    }

    pub(super) fn keys(&self, side: usize) -> Vec<SaKey> {
        let sas = self.ends[side].sas.values();
        sas.map(|sa| sa.place().key).collect()
    }

    /// Does something to each IKE SA of an end that is up.
    pub(super) fn each(&mut self, side: usize, act: impl Fn(&mut Established)) {
        for key in self.keys(side) {
            let sa = self.end(side).sas.get_mut(key).unwrap().as_any_mut();
            let sa: &mut IkeSa = sa.downcast_mut().unwrap();
            sa.established_mut().into_iter().for_each(&act);
        }
    }

    /// Has an end want something else from now on, on the SAs it has.
    pub(super) fn change(&mut self, side: usize, act: impl Fn(&mut ConnectionConfig)) {
        self.each(side, |sa| act(Arc::make_mut(&mut sa.config)));
    }

    pub(super) fn rekey(&mut self, side: usize, what: What) {
        let newest = self.children[side].last().unwrap().child;
        self.command(
            side,
            match what {
                What::Child => Command::RekeyChild(newest),
                What::Ike => Command::RekeyIke(CONNECTION),
            },
        );
    }

    fn find(&self, sender: usize, exchange: u8, answers: bool) -> Option<Vec<u8>> {
        let mut sent = self.wire.iter().filter(|one| one.sender == sender);
        let found = sent.find(|one| {
            let (of, answer, _) = read(one);
            (of, answer) == (exchange, answers)
        });
        found.map(|one| read(one).2)
    }

    fn asks_now(&self, sender: usize, exchange: u8) -> bool {
        self.find(sender, exchange, false).is_some()
    }

    /// Takes the oldest message of this kind off the wire.
    fn take(&mut self, sender: usize, exchange: u8, answers: bool) -> Vec<Datagram> {
        let name = self.find(sender, exchange, answers);
        let name = name.unwrap_or_else(|| panic!("{sender} has not sent {exchange} {answers}"));
        let wire = core::mem::take(&mut self.wire).into_iter();
        let (taken, left) = wire.partition(|one| {
            one.sender == sender && read(one) == (exchange, answers, name.clone())
        });
        self.wire = left;
        taken
    }

    fn give(&mut self, message: &[Datagram]) {
        for datagram in message {
            self.deliver(datagram);
        }
    }

    fn asks(&mut self, sender: usize, exchange: u8) {
        let message = self.take(sender, exchange, false);
        self.give(&message);
    }

    fn answers(&mut self, sender: usize, exchange: u8) {
        let message = self.take(sender, exchange, true);
        self.give(&message);
    }

    fn exchange(&mut self, sender: usize, exchange: u8) {
        self.asks(sender, exchange);
        self.answers(1 - sender, exchange);
    }

    /// Both requests arrive, then both answers.
    fn cross(&mut self) {
        for side in [0, 1] {
            self.asks(side, CREATE);
        }
        for side in [1, 0] {
            self.answers(side, CREATE);
        }
    }

    /// All comes to rest: each end has one IKE SA and one Child SA, which are the same, and can rekey both.
    fn ends(&mut self) {
        self.rest();
        for side in [0, 1] {
            for what in [What::Child, What::Ike] {
                self.rekey(side, what);
                self.rest();
            }
        }
    }

    fn rest(&mut self) {
        for _ in 0..130 {
            self.deliver_all();
            self.wait(Duration::from_secs(1));
        }
        assert!(self.wire.is_empty());
        for side in [0, 1] {
            assert_eq!(self.ends[side].sas.len(), 1, "{side}");
            assert_eq!(self.children[side].len(), 1, "{side}");
            self.each(side, |sa| {
                assert!(sa.phase == Phase::InUse && sa.children.len() == 1);
                assert!(sa.children[0].outbound_active);
                assert!(sa.active.is_none() && sa.queue.is_empty());
            });
        }
        let [ours, theirs] = &self.children;
        let same = |one: &crate::DirectionKeys, other: &crate::DirectionKeys| {
            one.spi == other.spi && one.encryption.as_slice() == other.encryption.as_slice()
        };
        assert!(same(&ours[0].inbound, &theirs[0].outbound));
        assert!(same(&ours[0].outbound, &theirs[0].inbound));
    }
}

/// Has the ends accept these groups alone when the IKE SA is rekeyed.
fn accept(table: &mut Table, groups: [&[Group]; 2]) {
    for (side, groups) in groups.into_iter().enumerate() {
        table.change(side, |config| config.ike.groups = groups.to_vec());
    }
}

#[test]
fn child_rekey_regular_responder_lost_sa() {
    for side in [0, 1] {
        let mut table = up(0, 1);
        table.each(1 - side, |sa| sa.children.clear());
        table.children[1 - side].clear();
        table.rekey(side, What::Child);
        // CHILD_SA_NOT_FOUND, then a new one from scratch.
        table.exchange(side, CREATE);
        assert!(!table.asks_now(side, INFORMATIONAL));
        table.exchange(side, CREATE);
        table.ends();
    }
}

/// The group of the IKE SA is refused when it is rekeyed; after another was tried come these exchanges.
fn refused(choice: u8, exchanges: &[u8]) {
    for side in [0, 1] {
        let mut table = up(choice, 1);
        let of_side: &[Group] = &[Group::Curve25519, Group::Ecp256];
        let mut groups: [&[Group]; 2] = [&[Group::Ecp256]; 2];
        groups[side] = of_side;
        accept(&mut table, groups);
        table.rekey(side, What::Ike);
        table.exchange(side, CREATE);
        for one in exchanges {
            table.exchange(side, *one);
        }
        assert!(table.wire.is_empty());
        table.ends();
    }
}

#[test]
fn ike_rekey_regular_ke_invalid() {
    refused(0, &[CREATE, INFORMATIONAL]);
}

#[test]
fn ike_rekey_regular_ke_invalid_multi_ke() {
    refused(MULTI, &[CREATE, FOLLOWUP, INFORMATIONAL]);
}

/// Both begin with the group they have agreed on, and refuse it of the other: they accept another by now.
fn refused_at_both(seed: u64) -> Table {
    let mut table = up(0, seed);
    accept(&mut table, [&[Group::Ecp384]; 2]);
    for side in [0, 1] {
        table.rekey(side, What::Ike);
    }
    table.cross();
    for side in [0, 1] {
        assert!(table.asks_now(side, CREATE));
    }
    table
}

/// Whether the next request of a side is the first on its SA: it deletes the one it has made.
fn gives_up(table: &Table, side: usize) -> bool {
    let mut sent = table.wire.iter().filter(|one| one.sender == side);
    let request = sent.find(|one| (read(one).0, read(one).1) == (INFORMATIONAL, false));
    request.is_some_and(|one| one.octets[20..24] == [0; 4])
}

#[test]
fn ike_rekey_collision_ke_invalid() {
    let mut losers = BTreeSet::new();
    for seed in 1..12 {
        let mut table = refused_at_both(seed);
        table.cross();
        let lost = [0, 1].map(|side| gives_up(&table, side));
        assert_ne!(lost[0], lost[1]);
        losers.insert(lost);
        for side in [0, 1] {
            table.exchange(side, INFORMATIONAL);
        }
        assert!(table.wire.is_empty());
        table.ends();
    }
    assert_eq!(losers.len(), 2, "{losers:?}");
}

#[test]
fn ike_rekey_collision_ke_invalid_delayed_retry() {
    for seed in 1..8 {
        for late in [0, 1] {
            let mut table = refused_at_both(seed);
            let retry = table.take(late, CREATE, false);
            table.exchange(1 - late, CREATE);
            table.give(&retry);
            table.asks(1 - late, INFORMATIONAL);
            table.answers(1 - late, CREATE);
            table.answers(late, INFORMATIONAL);
            assert!(table.wire.is_empty());
            table.ends();
        }
    }
}

/// Both accept an additional exchange, and only the first end asks for one.
fn mixed(what: What, play: impl Fn(&mut Table) -> usize) {
    let mut winners = BTreeSet::new();
    for seed in 1..16 {
        let mut table = up(MULTI, seed);
        let all = |config: &mut ConnectionConfig| {
            config.ike.additional = AdditionalExchange::ALL.to_vec();
            config.esp.additional = AdditionalExchange::ALL.to_vec();
        };
        table.rekey(0, what);
        table.change(1, |config| {
            config.ike.additional.clear();
            config.esp.additional.clear();
        });
        table.rekey(1, what);
        table.change(1, all);
        for side in [0, 1] {
            table.asks(side, CREATE);
        }
        winners.insert(play(&mut table));
        table.ends();
    }
    assert_eq!(winners.len(), 2);
}

#[test]
fn child_rekey_collision_mixed() {
    mixed(What::Child, |table| {
        table.answers(1, CREATE);
        if table.asks_now(0, FOLLOWUP) {
            table.answers(0, CREATE);
            // The other end has lost, and deletes the one it has made.
            table.exchange(0, FOLLOWUP);
            table.exchange(1, INFORMATIONAL);
            table.exchange(0, INFORMATIONAL);
            assert!(table.wire.is_empty());
            return 0;
        }
        table.answers(0, CREATE);
        table.exchange(1, INFORMATIONAL);
        assert!(table.wire.is_empty());
        1
    });
}

#[test]
fn ike_rekey_collision_mixed() {
    mixed(What::Ike, |table| {
        table.answers(1, CREATE);
        if table.asks_now(0, FOLLOWUP) {
            table.answers(0, CREATE);
            table.exchange(0, FOLLOWUP);
            table.exchange(1, INFORMATIONAL);
            table.exchange(0, INFORMATIONAL);
            assert!(table.wire.is_empty());
            return 0;
        }
        table.answers(0, CREATE);
        table.exchange(1, INFORMATIONAL);
        assert!(table.wire.is_empty());
        1
    });
}
