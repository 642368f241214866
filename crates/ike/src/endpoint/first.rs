//! The first message of somebody: nothing of it is authentic, so it must cost little and leave little.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use adit_ike_wire::{Header, Spi};

use crate::config::ConnectionKey;
use crate::endpoint::Endpoint;
use crate::endpoint::candidates::Candidates;
use crate::failure::Failure;
use crate::output::{Event, Output};
use crate::sa::{DropReason, Path};
use crate::time::Instant;
use crate::v1;
use crate::v2::input::parse;
use crate::v2::task::init_answer::{InitOutcome, InitRequest};

/// How often a connection is told of people who were not let in and may be anybody.
const TELL_OF_STRANGERS_EVERY: Duration = Duration::from_secs(30);

/// How long a first message may be repeated until its answers are taken for lost. One that is lost by chance was
/// asked for again by then: strongSwan asks after 4 s and 11 s, this engine after 0.5, 1.5, 3.5 and 7.5 s.
const ANSWERS_ARRIVE_WITHIN: Duration = Duration::from_secs(7);

impl Endpoint {
    pub(super) fn take_first(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let message = &parse(datagram)?;
        let addresses = (path.local, path.remote.ip());
        let candidates = self.candidates_for(now, path, 2)?;
        let spi = message.header.initiator_spi;
        if self.answer_again(now, path, spi, datagram, &candidates) {
            return Ok(());
        }
        let request = InitRequest {
            message,
            datagram,
            path,
            candidates,
        };
        if self.must_prove_its_address(path.remote.ip(), request.candidates.of_stranger) {
            let demand = request.cookie_demand(now, &mut self.random, &mut self.cookies)?;
            if let Some(octets) = demand {
                self.outputs.push_back(path.transmit(octets));
                self.statistics.cookies_sent += 1;
                return Ok(());
            }
        }
        self.admit_half_open(path.remote.ip(), &request.candidates)?;
        let (_, made) = self.begin_act(None);
        let keys = request.candidates.keys();
        let mut ctx = self.context(now);
        let outcome = request.answer(&mut ctx);
        let drawn = self.random.end();
        match outcome {
            InitOutcome::Ignored => return Err(DropReason::Malformed),
            InitOutcome::Refused(octets) => self.outputs.push_back(path.transmit(octets)),
            InitOutcome::Mismatch(octets) => {
                self.outputs.push_back(path.transmit(octets));
                let all = request.candidates.all.iter();
                let failures =
                    all.map(|(connection, config)| (*connection, request.mismatch(config)));
                let failures = failures.collect();
                self.hint(now, addresses, failures);
            }
            InitOutcome::HalfOpen(sa) => self.sas.put(sa),
        }
        self.note_first(keys, made, &drawn);
        Ok(())
    }

    /// The same of IKEv1. There are no cookies to ask for: what begins there is answered with little, and
    /// has its share of what may be half open.
    pub(super) fn take_first_v1(
        &mut self,
        now: Instant,
        path: Path,
        header: &Header,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let candidates = self.candidates_for(now, path, 1)?;
        let spi = header.initiator_spi;
        if self.answer_again(now, path, spi, datagram, &candidates) {
            return Ok(());
        }
        if !self.sas.half_open_of(path.remote, spi).is_empty() {
            return Err(DropReason::OutOfOrder);
        }
        self.admit_half_open(path.remote.ip(), &candidates)?;
        let (_, made) = self.begin_act(None);
        let keys = candidates.keys();
        let first = v1::FirstMessage {
            header,
            datagram,
            path,
            candidates,
        };
        let mut ctx = self.context(now);
        let verdict = first.answer(&mut ctx);
        let drawn = self.random.end();
        match verdict {
            v1::Verdict::Ignored => return Err(DropReason::Malformed),
            v1::Verdict::Refused(answer, failures) => {
                let answer = answer.map(|octets| path.transmit(octets));
                self.outputs.extend(answer);
                self.hint(now, (path.local, path.remote.ip()), failures);
            }
            v1::Verdict::HalfOpen(sa) => self.sas.put(sa),
        }
        self.note_first(keys, made, &drawn);
        Ok(())
    }

    /// Repeats the answer to a first message that is repeated. Who still does so after this while has none of the
    /// answers, as it seems.
    fn answer_again(
        &mut self,
        now: Instant,
        path: Path,
        spi: Spi,
        datagram: &[u8],
        candidates: &Candidates,
    ) -> bool {
        let begun = self.sas.half_open_of(path.remote, spi);
        let Some((answer, since)) = begun.iter().find_map(|sa| sa.repeats(datagram)) else {
            return false;
        };
        let output = path.transmit(answer.to_vec());
        self.outputs.push_back(output);
        self.statistics.repeated += 1;
        let waits = now - since;
        if waits >= ANSWERS_ARRIVE_WITHIN && !candidates.of_stranger {
            let all = candidates.all.iter();
            let failures = all.map(|(key, _)| (*key, Failure::AnswersLost { after: waits }));
            let failures = failures.collect();
            self.hint(now, (path.local, path.remote.ip()), failures);
        }
        true
    }

    /// The connections between two addresses that speak this version, and those with peers at any address. Where
    /// there are others between the two alone, they are told.
    fn candidates_for(
        &mut self,
        now: Instant,
        path: Path,
        major: u8,
    ) -> Result<Arc<Candidates>, DropReason> {
        let addresses = (path.local, path.remote.ip());
        let to_any = (path.local, unspecified(path.local));
        let config = |key| Some(Arc::clone(&self.connections.get(&key)?.config));
        if !self.by_addresses.contains_key(&addresses) {
            let strangers = self.by_addresses.get_mut(&to_any);
            let strangers = strangers.ok_or(DropReason::UnknownPeer)?;
            let candidates = strangers.candidates(major, &[], config);
            // Anybody may send anything: what is no version of theirs is no matter for people.
            let is_one = !candidates.all.is_empty();
            return is_one.then_some(candidates).ok_or(DropReason::OtherVersion);
        }
        let others = self.by_addresses.get(&to_any);
        let others = others.map_or_else(Vec::new, |others| others.keys().to_vec());
        let neighbours = self.by_addresses.get_mut(&addresses);
        let neighbours = neighbours.ok_or(DropReason::UnknownPeer)?;
        let candidates = neighbours.candidates(major, &others, config);
        if candidates.all.is_empty() {
            let keys = neighbours.keys().iter();
            let failures = keys.map(|key| (*key, Failure::Version { theirs: major }));
            let failures = failures.collect();
            self.hint(now, addresses, failures);
            return Err(DropReason::OtherVersion);
        }
        Ok(candidates)
    }

    /// Tells connections of something that anybody can cause, or counts it.
    fn hint(
        &mut self,
        now: Instant,
        addresses: (IpAddr, IpAddr),
        failures: Vec<(ConnectionKey, Failure)>,
    ) {
        let known = if self.by_addresses.contains_key(&addresses) {
            addresses
        } else {
            (addresses.0, unspecified(addresses.0))
        };
        let neighbours = self.by_addresses.get_mut(&known);
        if !neighbours.is_some_and(|them| them.may_hint(now)) {
            self.statistics.events_left_out += failures.len() as u64;
            return;
        }
        for (connection, failure) in failures {
            let event = Event::Failed(connection, failure);
            self.outputs.push_back(Output::Event(event));
        }
    }

    /// Tells connections of somebody who has shown that he is at his address, and not that he knows a key. Whose peers may
    /// be at any address is told by what may be anybody's, so seldom, and not while it is up; and of who names nobody only
    /// where there is no other that he could mean.
    pub(super) fn not_let_in(
        &mut self,
        now: Instant,
        told: Vec<(ConnectionKey, Failure)>,
        is_named: bool,
    ) {
        if !is_named {
            self.statistics.unknown_identity += 1;
        }
        let is_to_any = |key: &ConnectionKey| {
            let connection = self.connections.get(key);
            connection.is_some_and(|connection| connection.config.is_to_any())
        };
        let (mut anywhere, at_address): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|(key, _)| is_to_any(key));
        let all = anywhere.len();
        anywhere.retain(|(key, _)| self.newest_in_use(*key).is_none());
        if !is_named && (anywhere.len() > 1 || !at_address.is_empty()) {
            anywhere.clear();
        }
        for (connection, failure) in at_address {
            let event = Event::Failed(connection, failure);
            self.outputs.push_back(Output::Event(event));
        }
        let mut said = 0;
        for (connection, failure) in anywhere {
            let found = self.connections.get_mut(&connection);
            let Some(found) = found.filter(|found| found.next_hint <= now) else {
                continue;
            };
            found.next_hint = now + TELL_OF_STRANGERS_EVERY;
            said += 1;
            let event = Event::Failed(connection, failure);
            self.outputs.push_back(Output::Event(event));
        }
        self.statistics.events_left_out += (all - said) as u64;
    }

    /// Whether a cookie is asked for before anything is computed or kept (RFC 7296 section 2.6).
    fn must_prove_its_address(&self, peer: IpAddr, is_stranger: bool) -> bool {
        let strangers = self.sas.half_open_of_strangers();
        self.sas.half_open() >= self.limits.cookie_threshold
            || is_stranger && strangers >= self.limits.cookie_threshold_of_strangers
            || self.sas.half_open_at(peer) >= self.limits.cookie_threshold_of_peer
    }

    /// Every peer has a share of its own, so that none, nor anybody in its name, can keep others out. So have all
    /// strangers together. A peer with many connections begins all of them at once, and what it had begun before it
    /// started anew lies there beside them until its time is up.
    fn admit_half_open(&self, peer: IpAddr, candidates: &Candidates) -> Result<(), DropReason> {
        let is_stranger = candidates.of_stranger;
        let share = (2 * candidates.all.len()).min(self.limits.half_open_limit / 2);
        let share = share.max(self.limits.half_open_limit_of_peer);
        let strangers = self.sas.half_open_of_strangers();
        if is_stranger && strangers >= self.limits.half_open_limit_of_strangers {
            return Err(DropReason::HalfOpenLimit);
        }
        if self.sas.half_open_at(peer) >= share {
            return Err(DropReason::HalfOpenLimitOfPeer);
        }
        if self.sas.half_open() >= self.limits.half_open_limit {
            return Err(DropReason::HalfOpenLimit);
        }
        Ok(())
    }
}

/// What stands for any address of a family.
const fn unspecified(family: IpAddr) -> IpAddr {
    match family {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
