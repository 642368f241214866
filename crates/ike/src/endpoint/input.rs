//! Datagrams: which SA, which window, which state.

use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};

use adit_ike_wire::{ExchangeType, Header, Message, NotifyType, ParseError};

use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::output::{Event, Output, Transmit};
use crate::sa::{Context, Effect, Ending, Path};
use crate::time::Instant;
use crate::v2::contents::Contents;
use crate::v2::cookie::Initiator;
use crate::v2::protection::Opened;
use crate::v2::sa::{IkeSa, State};
use crate::v2::task::Task;
use crate::v2::task::init::{InitOutcome, InitRequest};
use crate::v2::task::refuse::Refusing;
use crate::v2::window::{ATTEMPT, Arrival, Overdue};

/// After how many unanswered first messages the user is told.
const TELL_AFTER: u32 = 3;

/// Why a datagram went no further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Drop {
    HalfOpenLimit,
    HalfOpenLimitOfPeer,
    Malformed,
    NotAuthentic,
    OtherVersion,
    OutOfOrder,
    UnknownPeer,
    UnknownSpi,
}

impl Endpoint {
    /// Takes a datagram that came to `local` (port 500, or 4500 without its non-ESP marker) from
    /// `remote`.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        datagram: &[u8],
    ) {
        self.statistics.received += 1;
        if let Err(drop) = self.take(now, local, remote, datagram) {
            let statistics = &mut self.statistics;
            let counter = match drop {
                Drop::HalfOpenLimit => &mut statistics.half_open_limit,
                Drop::HalfOpenLimitOfPeer => &mut statistics.half_open_limit_of_peer,
                Drop::Malformed => &mut statistics.malformed,
                Drop::NotAuthentic => &mut statistics.not_authentic,
                Drop::OtherVersion => &mut statistics.other_version,
                Drop::OutOfOrder => &mut statistics.out_of_order,
                Drop::UnknownPeer => &mut statistics.unknown_peer,
                Drop::UnknownSpi => &mut statistics.unknown_spi,
            };
            *counter += 1;
        }
    }

    fn take(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Drop> {
        let header = Header::parse(datagram).map_err(|_| Drop::Malformed)?;
        if header.major_version != 2 {
            return Err(Drop::OtherVersion);
        }
        let message = Message::parse(datagram).map_err(|error| match error {
            ParseError::Version(_) => Drop::OtherVersion,
            _ => Drop::Malformed,
        })?;
        let path = Path {
            local: local.ip(),
            local_port: local.port(),
            remote,
        };
        let flags = header.flags;
        if header.exchange == ExchangeType::IKE_SA_INIT && !flags.response {
            if !flags.initiator || header.message_id != 0 || !header.responder_spi.is_zero() {
                return Err(Drop::Malformed);
            }
            return self.take_init_request(now, path, &message, datagram);
        }
        // The I flag says whose SPI is whose: the original initiator's messages carry ours second.
        let ours = if flags.initiator {
            header.responder_spi
        } else {
            header.initiator_spi
        };
        let key = self.sas.of_spi(ours).ok_or(Drop::UnknownSpi)?;
        let outcome = self
            .try_with_sa(now, key, |ctx, sa| {
                if flags.initiator == (sa.link.role == crate::sa::Role::Initiator) {
                    return Err(Drop::UnknownSpi);
                }
                if flags.response {
                    sa.take_response(ctx, path, &message, datagram)
                } else {
                    sa.take_request(ctx, path, &message, datagram)
                }
            })
            .unwrap_or(Err(Drop::UnknownSpi));
        if outcome == Ok(Taken::Repeated) {
            self.statistics.repeated += 1;
        }
        self.settle(now);
        outcome.map(|_| ())
    }

    fn take_init_request(
        &mut self,
        now: Instant,
        path: Path,
        message: &Message<'_>,
        datagram: &[u8],
    ) -> Result<(), Drop> {
        let addresses = (path.local, path.remote.ip());
        let neighbours = self.by_addresses.get_mut(&addresses);
        let neighbours = neighbours.ok_or(Drop::UnknownPeer)?;
        let transmit = |octets| {
            Output::Transmit(Transmit {
                local_port: path.local_port,
                local: path.local,
                remote: path.remote,
                octets,
            })
        };
        let spi = message.header.initiator_spi;
        if let Some(sa) = self.sas.half_open_of(path.remote, spi)
            && let State::HalfOpen(state) = &sa.state
            && state.initiator_message == datagram
        {
            let again = transmit(state.responder_message.clone());
            self.outputs.push_back(again);
            self.statistics.repeated += 1;
            return Ok(());
        }
        let config = |key| Some(Arc::clone(&self.connections.get(&key)?.config));
        let request = InitRequest {
            message,
            datagram,
            path,
            candidates: neighbours.candidates(config),
        };
        if self.must_prove_its_address(path.remote.ip()) {
            let contents = Contents::of(&message.payloads);
            let nonce = contents.nonce.ok_or(Drop::Malformed)?;
            let initiator = Initiator {
                nonce,
                address: path.remote,
                spi,
            };
            let given = contents
                .notify(NotifyType::COOKIE)
                .map(|notify| notify.data);
            if !given.is_some_and(|cookie| self.cookies.accepts(cookie, &initiator)) {
                let cookie = self.cookies.bake(now, &mut *self.random, &initiator);
                self.outputs
                    .push_back(transmit(request.refusal(NotifyType::COOKIE, &cookie)));
                self.statistics.cookies_sent += 1;
                return Ok(());
            }
        }
        self.admit_half_open(path.remote.ip())?;
        let mut ctx = Context {
            now,
            random: &mut *self.random,
            outputs: &mut self.outputs,
            effects: &mut self.effects,
            numbers: &mut self.numbers,
            limits: self.limits,
            alone: false,
            crowded: false,
        };
        match request.answer(&mut ctx) {
            InitOutcome::Ignored => return Err(Drop::Malformed),
            InitOutcome::Refused(octets) => self.outputs.push_back(transmit(octets)),
            InitOutcome::Mismatch(octets) => {
                self.outputs.push_back(transmit(octets));
                let neighbours = self.by_addresses.get_mut(&addresses);
                let told = if neighbours.is_some_and(|them| them.may_hint(now)) {
                    &*request.candidates.all
                } else {
                    self.statistics.events_left_out += request.candidates.all.len() as u64;
                    &[]
                };
                for (connection, config) in told {
                    let event = Event::Failed(*connection, request.mismatch(config));
                    self.outputs.push_back(Output::Event(event));
                }
            }
            InitOutcome::HalfOpen(sa) => self.sas.put(*sa),
        }
        Ok(())
    }

    /// Whether a cookie is asked for before anything is computed or kept (RFC 7296 section 2.6).
    fn must_prove_its_address(&self, peer: IpAddr) -> bool {
        self.sas.half_open() >= self.limits.cookie_threshold
            || self.sas.half_open_at(peer) >= self.limits.cookie_threshold_of_peer
    }

    /// Every peer has a share of its own, so that none, nor anybody in its name, can keep others out.
    fn admit_half_open(&self, peer: IpAddr) -> Result<(), Drop> {
        if self.sas.half_open_at(peer) >= self.limits.half_open_limit_of_peer {
            return Err(Drop::HalfOpenLimitOfPeer);
        }
        if self.sas.half_open() >= self.limits.half_open_limit {
            return Err(Drop::HalfOpenLimit);
        }
        Ok(())
    }
}

/// What became of a message that was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    Done,
    Repeated,
}

impl IkeSa {
    fn open(&self, datagram: &[u8], message: &Message<'_>) -> Result<Opened, Drop> {
        let protection = match &self.state {
            State::AuthSent(state) => &state.inputs.keys.protection,
            State::Established(established) => &established.keys.protection,
            State::HalfOpen(state) => &state.keys.protection,
            State::Refusing(state) => &state.keys.protection,
            State::Withdrawn(state) => &state.keys.protection,
            State::Gone | State::InitSent(_) => return Err(Drop::OutOfOrder),
        };
        protection
            .open(datagram, message)
            .map_err(|_| Drop::NotAuthentic)
    }

    fn take_response(
        &mut self,
        ctx: &mut Context<'_>,
        path: Path,
        message: &Message<'_>,
        datagram: &[u8],
    ) -> Result<Taken, Drop> {
        if !self.link.requests.awaits(&message.header) {
            return Err(Drop::OutOfOrder);
        }
        if matches!(self.state, State::InitSent(_)) {
            if let State::InitSent(state) = core::mem::replace(&mut self.state, State::Gone) {
                self.state = state.on_response(ctx, &mut self.link, message, datagram);
            }
            return Ok(Taken::Done);
        }
        let opened = self.open(datagram, message)?;
        let payloads = opened.payloads();
        let contents = payloads
            .as_ref()
            .ok()
            .map(|payloads| Contents::of(payloads));
        self.link.requests.answered();
        if self.link.confirm(path) {
            self.move_children(ctx);
        }
        match core::mem::replace(&mut self.state, State::Gone) {
            State::AuthSent(state) => {
                self.state = state.on_response(ctx, &mut self.link, contents.as_ref());
            }
            State::Established(mut established) => {
                match &contents {
                    Some(contents) => established.on_response(ctx, &mut self.link, contents),
                    // There is no answer to an answer; section 2.21.3: it ends the SA.
                    None => established.misled(ctx),
                }
                self.state = State::Established(established);
            }
            State::Refusing(_) => self.state = Refusing::on_response(ctx, &self.link),
            State::Withdrawn(state) => {
                self.state = state.on_response(ctx, &mut self.link, contents.as_ref());
            }
            other @ (State::Gone | State::HalfOpen(_) | State::InitSent(_)) => self.state = other,
        }
        Ok(Taken::Done)
    }

    fn take_request(
        &mut self,
        ctx: &mut Context<'_>,
        path: Path,
        message: &Message<'_>,
        datagram: &[u8],
    ) -> Result<Taken, Drop> {
        let opened = self.open(datagram, message)?;
        let header = message.header;
        match self.link.responses.classify(header.message_id) {
            Arrival::Stray => return Err(Drop::OutOfOrder),
            Arrival::Repeated(octets) => {
                path.send(ctx, octets);
                self.hear_from(ctx, path);
                if let Some(established) = self.established_mut() {
                    established.answered_again(ctx.now);
                }
                return Ok(Taken::Repeated);
            }
            Arrival::Fresh => {}
        }
        if let State::HalfOpen(_) = &self.state {
            // Section 2.23: both ports change between the first exchange and this one. The peer is
            // one of those at the first message's address, though.
            let known = (self.link.path.local, self.link.path.remote.ip());
            if (path.local, path.remote.ip()) != known {
                return Err(Drop::UnknownPeer);
            }
            self.link.path = path;
        }
        self.link.asked_from = path;
        self.hear_from(ctx, path);
        let parsed = opened.payloads();
        match core::mem::replace(&mut self.state, State::Gone) {
            State::HalfOpen(state) => {
                let Ok(payloads) = parsed else {
                    self.state = State::HalfOpen(state);
                    return Err(Drop::Malformed);
                };
                if header.exchange != ExchangeType::IKE_AUTH {
                    self.state = State::HalfOpen(state);
                    return Err(Drop::OutOfOrder);
                }
                let contents = Contents::of(&payloads);
                self.state = state.answer(ctx, &mut self.link, header.message_id, &contents);
            }
            State::Established(mut established) => {
                match &parsed {
                    Ok(payloads) => {
                        let contents = Contents::of(payloads);
                        established.on_request(ctx, &mut self.link, &header, &contents);
                    }
                    // RFC 7296 section 2.21.3: an authenticated peer is told.
                    Err(_) => {
                        established.refuse(
                            ctx,
                            &mut self.link,
                            &header,
                            NotifyType::INVALID_SYNTAX,
                        );
                    }
                }
                self.state = State::Established(established);
            }
            other @ (State::AuthSent(_)
            | State::Gone
            | State::InitSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_)) => self.state = other,
        }
        Ok(Taken::Done)
    }

    /// Notes where something authentic came from. Whether the peer has moved there is asked of it.
    pub(super) fn hear_from(&mut self, ctx: &mut Context<'_>, path: Path) {
        if self.established().is_some()
            && self.link.consider(path)
            && let Some(established) = self.established_mut()
        {
            established.enqueue(Task::Liveness, ctx.now);
        }
    }

    /// Has the Child SAs' packets go where the peer is.
    fn move_children(&self, ctx: &mut Context<'_>) {
        for child in self.established().into_iter().flat_map(|e| &e.children) {
            let remote = self.link.path.remote;
            ctx.outputs.push_back(Output::MoveChild(child.key, remote));
        }
    }

    /// Retransmits, gives up, or lets an established SA do what is due.
    pub(super) fn handle_timeout(&mut self, ctx: &mut Context<'_>) {
        let patience = match &self.state {
            State::Established(established) => established.patience(),
            _ => ATTEMPT,
        };
        match self.link.requests.overdue(ctx.now, patience) {
            Some(Overdue::Again { octets, sent }) => {
                self.link.transmit(ctx, octets);
                if let State::InitSent(state) = &self.state
                    && sent + 1 == TELL_AFTER
                    && !state.hinted
                {
                    let failure = Failure::NoAnswer { sent: TELL_AFTER };
                    ctx.push(Output::Event(Event::Failed(state.connection, failure)));
                }
            }
            Some(Overdue::GiveUp { sent }) => return self.give_up(ctx, sent),
            None => {}
        }
        let key = self.link.key;
        match &mut self.state {
            State::Established(established) => established.handle_timeout(ctx, &mut self.link),
            State::HalfOpen(state) if ctx.now >= state.expires => {
                ctx.effects.push(Effect::Gone(key, Ending::Failed));
            }
            State::AuthSent(_)
            | State::Gone
            | State::HalfOpen(_)
            | State::InitSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_) => {}
        }
    }

    fn give_up(&mut self, ctx: &mut Context<'_>, sent: u32) {
        let key = self.link.key;
        let ending = match &mut self.state {
            State::InitSent(state) => {
                if !state.hinted {
                    let failure = Failure::NoAnswer { sent };
                    ctx.push(Output::Event(Event::Failed(state.connection, failure)));
                }
                Ending::Failed
            }
            State::AuthSent(state) => {
                let failure = Failure::NoAnswer { sent };
                ctx.push(Output::Event(Event::Failed(
                    state.inputs.connection,
                    failure,
                )));
                Ending::Failed
            }
            State::Established(established) => {
                return established.end(ctx, key, Ending::Lost);
            }
            // The peer does not answer; it will find out by its own liveness checks.
            State::Refusing(_) | State::Withdrawn(_) => Ending::Released,
            State::Gone | State::HalfOpen(_) => Ending::Failed,
        };
        ctx.effects.push(Effect::Gone(key, ending));
    }
}
