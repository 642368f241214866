//! Datagrams for one IKE SA: which window, which state.

use adit_ike_wire::v2::{Message, NotifyType};
use adit_ike_wire::{ExchangeType, Header, ParseError, Spi};

use crate::failure::Failure;
use crate::output::{Event, Output};
use crate::resend::{ATTEMPT, Overdue};
use crate::sa::{Context, DropReason, Effect, Ending, Path, Received, Role};
use crate::v2::contents::Contents;
use crate::v2::fragments::smallest_limit;
use crate::v2::link::TROUBLE;
use crate::v2::message_ids::Numbers;
use crate::v2::protection::{Opened, Piece, Protection};
use crate::v2::sa::IkeSa;
use crate::v2::state::{Refusing, State};
use crate::v2::task::Task;
use crate::v2::task::synchronise;
use crate::v2::window::Arrival;

/// After how many unanswered first messages the user is told.
const TELL_AFTER: u32 = 3;

/// Whom a message is for.
pub(crate) enum Addressee {
    /// Nobody yet: it begins an SA.
    New,
    /// The SA with this SPI.
    Sa(Spi),
}

/// Whom a message is for, by its header.
pub(crate) fn addressee(header: &Header) -> Result<Addressee, DropReason> {
    let flags = header.flags;
    if header.exchange == ExchangeType::IKE_SA_INIT && !flags.response {
        if !flags.initiator || header.message_id != 0 || !header.responder_spi.is_zero() {
            return Err(DropReason::Malformed);
        }
        return Ok(Addressee::New);
    }
    // The I flag says whose SPI is whose: the original initiator's messages carry ours second.
    Ok(Addressee::Sa(if flags.initiator {
        header.responder_spi
    } else {
        header.initiator_spi
    }))
}

/// Reads a message.
pub(crate) fn parse(datagram: &[u8]) -> Result<Message<'_>, DropReason> {
    Message::parse(datagram).map_err(|error| match error {
        ParseError::Version(_) => DropReason::OtherVersion,
        _ => DropReason::Malformed,
    })
}

impl IkeSa {
    /// Takes a datagram with its SPI.
    pub(super) fn take_datagram(
        &mut self,
        ctx: &mut Context<'_>,
        path: Path,
        header: &Header,
        datagram: &[u8],
    ) -> Result<Received, DropReason> {
        if header.major_version != 2 {
            return Err(DropReason::OtherVersion);
        }
        if header.flags.initiator == (self.link.role == Role::Initiator) {
            return Err(DropReason::UnknownSpi);
        }
        let message = parse(datagram)?;
        if header.flags.response {
            self.take_response(ctx, path, &message, datagram)
        } else {
            self.take_request(ctx, path, &message, datagram)
        }
    }

    /// What messages with this header are opened by.
    fn protection_mut(&mut self, header: &Header) -> Option<&mut Protection> {
        let arrival = self.link.responses.classify(header.message_id);
        let is_repeated = !header.flags.response && arrival == Arrival::Repeated;
        self.state.protection_mut(is_repeated)
    }

    pub(crate) fn open(
        &mut self,
        datagram: &[u8],
        message: &Message<'_>,
    ) -> Result<Piece, DropReason> {
        self.protection_mut(&message.header)
            .ok_or(DropReason::OutOfOrder)?
            .open(datagram, message)
            .map_err(|_| DropReason::NotAuthentic)
    }

    /// The message that a piece completes.
    fn complete(&mut self, header: &Header, piece: Piece) -> Result<Option<Opened>, DropReason> {
        let fragment = match piece {
            Piece::Part(fragment) => fragment,
            Piece::Whole(opened) => return Ok(Some(opened)),
        };
        let whole = self.link.fragmentation.take(header, fragment)?;
        Ok(whole.map(|whole| {
            // Who cuts messages up that small has a reason, which is likely to hold in this direction too.
            if whole.longest <= smallest_limit(self.link.path.remote.ip()) {
                self.link.fragmentation.meet_trouble();
            }
            whole.opened
        }))
    }

    fn take_response(
        &mut self,
        ctx: &mut Context<'_>,
        path: Path,
        message: &Message<'_>,
        datagram: &[u8],
    ) -> Result<Received, DropReason> {
        if !self.link.requests.awaits(&message.header) {
            return Err(DropReason::OutOfOrder);
        }
        if matches!(self.state, State::InitSent(_)) {
            if let State::InitSent(state) = core::mem::replace(&mut self.state, State::Gone) {
                self.state = state.on_response(ctx, &mut self.link, message, datagram);
            }
            return Ok(Received::Processed);
        }
        let piece = self.open(datagram, message)?;
        let Some(opened) = self.complete(&message.header, piece)? else {
            return Ok(Received::Processed);
        };
        let payloads = opened.payloads();
        let contents = payloads
            .as_ref()
            .ok()
            .map(|payloads| Contents::of(payloads));
        if let (State::Established(established), Some(contents)) = (&self.state, &contents)
            && !established.may_be_answered_by(contents)
        {
            return Err(DropReason::OutOfOrder);
        }
        self.link.requests.answered();
        if self.link.confirm(path) {
            self.move_children(ctx);
        }
        match core::mem::replace(&mut self.state, State::Gone) {
            State::AuthSent(state) => {
                self.state = state.on_response(ctx, &mut self.link, contents.as_ref());
            }
            State::IntermediateSent(state) => {
                let covered = opened.covered();
                self.state = state.on_response(ctx, &mut self.link, contents.as_ref(), &covered);
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
        Ok(Received::Processed)
    }

    fn take_request(
        &mut self,
        ctx: &mut Context<'_>,
        path: Path,
        message: &Message<'_>,
        datagram: &[u8],
    ) -> Result<Received, DropReason> {
        let piece = self.open(datagram, message)?;
        let header = message.header;
        if let Some(result) = self.take_synchronisation(ctx, path, &header, &piece) {
            return result;
        }
        match self.link.responses.classify(header.message_id) {
            Arrival::Stray => return Err(DropReason::OutOfOrder),
            // RFC 7383 section 2.6.1: the first fragment stands for all.
            Arrival::Repeated if !piece.is_first() => return Ok(Received::Repeated),
            Arrival::Repeated => {
                if let Some(protection) = self.state.protection_mut(true) {
                    self.link.respond_again(ctx, protection, path);
                }
                self.hear_from(ctx, path);
                if let Some(established) = self.established_mut() {
                    established.answered_again(ctx.now);
                }
                return Ok(Received::Repeated);
            }
            Arrival::Fresh => {}
        }
        self.meet(path)?;
        let Some(opened) = self.complete(&header, piece)? else {
            return Ok(Received::Processed);
        };
        self.link.asked_from = path;
        self.hear_from(ctx, path);
        let parsed = opened.payloads();
        match core::mem::replace(&mut self.state, State::Gone) {
            State::HalfOpen(state) => {
                let Ok(payloads) = parsed else {
                    self.state = State::HalfOpen(state);
                    return Err(DropReason::Malformed);
                };
                let contents = Contents::of(&payloads);
                let id = header.message_id;
                match (header.exchange, state.additional) {
                    (ExchangeType::IKE_AUTH, None) => {
                        self.state = state.answer(ctx, &mut self.link, id, &contents);
                    }
                    (ExchangeType::IKE_INTERMEDIATE, Some(additional)) => {
                        let covered = opened.covered();
                        let asked = (id, additional);
                        self.state =
                            state.intermediate(ctx, &mut self.link, asked, &contents, &covered);
                    }
                    _ => {
                        self.state = State::HalfOpen(state);
                        return Err(DropReason::OutOfOrder);
                    }
                }
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
            | State::IntermediateSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_)) => self.state = other,
        }
        Ok(Received::Processed)
    }

    /// Notes where an initiator is that has not shown yet who it is.
    fn meet(&mut self, path: Path) -> Result<(), DropReason> {
        if let State::HalfOpen(_) = &self.state {
            // Section 2.23: both ports change between the first exchange and this one. The peer is
            // one of those at the first message's address, though.
            let known = (self.link.path.local, self.link.path.remote.ip());
            if (path.local, path.remote.ip()) != known {
                return Err(DropReason::UnknownPeer);
            }
            self.link.path = path;
        }
        Ok(())
    }

    /// Takes what a peer that took over says of message IDs, whatever IDs are due.
    fn take_synchronisation(
        &mut self,
        ctx: &mut Context<'_>,
        path: Path,
        header: &Header,
        piece: &Piece,
    ) -> Option<Result<Received, DropReason>> {
        let State::Established(established) = &mut self.state else {
            return None;
        };
        let is_one = header.message_id == synchronise::MESSAGE_ID
            && header.exchange == ExchangeType::INFORMATIONAL;
        if is_one
            && let Piece::Whole(opened) = piece
            && let Ok(payloads) = opened.payloads()
            && let Some(asked) = Numbers::of(&Contents::of(&payloads))
        {
            if !established.synchronises {
                return Some(Err(DropReason::OutOfOrder));
            }
            let link = &mut self.link;
            let result = asked
                .and_then(|asked| established.answer_synchronise(ctx, link, (header, path), asked));
            if result.is_ok() {
                self.hear_from(ctx, path);
            }
            return Some(result);
        }
        // What was answered last may be answered again with the same.
        let is_fresh = self.link.responses.classify(header.message_id) == Arrival::Fresh;
        let doubts = established.doubts_message_ids() && is_fresh;
        doubts.then_some(Err(DropReason::OutOfOrder))
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
    pub(super) fn on_timeout(&mut self, ctx: &mut Context<'_>) {
        let patience = match &self.state {
            State::Established(established) => established.patience(),
            _ => ATTEMPT,
        };
        match self.link.requests.overdue(ctx.now, patience) {
            Some(Overdue::Again { mut message, sent }) => {
                if sent >= TROUBLE
                    && let Some(protection) = self.state.protection_mut(false)
                    && let Some(smaller) = self.link.cut_request(ctx, protection)
                {
                    message = smaller;
                }
                self.link.transmit(ctx, message);
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
            | State::IntermediateSent(_)
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
            State::AuthSent(_) | State::IntermediateSent(_) => {
                let failure = Failure::NoAnswer { sent };
                if let Some(connection) = self.link.connection {
                    ctx.push(Output::Event(Event::Failed(connection, failure)));
                }
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
