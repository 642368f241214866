//! Datagrams for one IKE SA: which message of which exchange.

use adit_ike_wire::v1::Payload;
use adit_ike_wire::{ExchangeType, Header, Spi};

use crate::failure::Failure;
use crate::output::{Event, Output};
use crate::resend::{ATTEMPT, Overdue};
use crate::sa::{Context, DropReason, Effect, Ending, Path, Received};
use crate::v1::main_mode::clear;
use crate::v1::sa::{IkeSa, State};
use crate::v1::state::Attempt;
use crate::v1::state::Said;

/// After how many unanswered messages the user is told.
const TELL_AFTER: u32 = 3;

/// The cookies that one of ours may be, the likelier one first: there is no flag that says whose is whose.
pub(crate) fn cookies(header: &Header) -> impl Iterator<Item = Spi> {
    let known = [header.responder_spi, header.initiator_spi];
    known.into_iter().filter(|spi| !spi.is_zero())
}

/// Sends again what was said to the same octets.
fn repeated(ctx: &mut Context<'_>, path: Path, said: &Said, datagram: &[u8]) -> bool {
    let is_same = said.to == datagram;
    if is_same {
        path.send(ctx, said.octets.clone());
    }
    is_same
}

impl IkeSa {
    /// Takes a datagram with one of its cookies.
    pub(super) fn take_datagram(
        &mut self,
        ctx: &mut Context<'_>,
        path: Path,
        header: &Header,
        datagram: &[u8],
    ) -> Result<Received, DropReason> {
        if header.major_version != 1 {
            return Err(DropReason::OtherVersion);
        }
        let here = self.link.path;
        if (path.local, path.remote.ip()) != (here.local, here.remote.ip()) {
            return Err(DropReason::UnknownPeer);
        }
        let (mine, theirs) = (self.link.local_spi, self.link.remote_spi);
        let named = [header.initiator_spi, header.responder_spi];
        let is_known = |spi: Spi| theirs.is_zero() || spi == theirs || spi.is_zero();
        if !named.contains(&mine) || !named.iter().all(|spi| *spi == mine || is_known(*spi)) {
            return Err(DropReason::UnknownSpi);
        }
        let state = core::mem::replace(&mut self.state, State::Gone);
        let (state, outcome) = self.step(ctx, state, path, header, datagram);
        self.state = state;
        outcome
    }

    fn step(
        &mut self,
        ctx: &mut Context<'_>,
        state: State,
        path: Path,
        header: &Header,
        datagram: &[u8],
    ) -> (State, Result<Received, DropReason>) {
        let is_main = header.exchange == ExchangeType::MAIN_MODE;
        let is_informational = header.exchange == ExchangeType::INFORMATIONAL_V1;
        let link = &mut self.link;
        match state {
            State::SaSent(mut task) => match clear(header, datagram) {
                Ok(payloads) if is_main => (task.take(ctx, link, header, &payloads), DONE),
                Ok(payloads) if is_informational => {
                    let outcome = hinted(ctx, &mut task.attempt, &payloads);
                    (State::SaSent(task), outcome)
                }
                Ok(_) => (State::SaSent(task), Err(DropReason::OutOfOrder)),
                Err(drop) => (State::SaSent(task), Err(drop)),
            },
            State::KeSent(mut task) => match clear(header, datagram) {
                Ok(payloads) if is_main => (task.take(ctx, link, &payloads), DONE),
                Ok(payloads) if is_informational => {
                    let outcome = hinted(ctx, &mut task.attempt, &payloads);
                    (State::KeSent(task), outcome)
                }
                Ok(_) => (State::KeSent(task), Err(DropReason::OutOfOrder)),
                Err(drop) => (State::KeSent(task), Err(drop)),
            },
            State::AuthSent(mut task) => {
                if header.flags.encryption && is_main {
                    (task.take(ctx, link, header, datagram), DONE)
                } else if header.flags.encryption && is_informational {
                    (task.notified(ctx, link, header, datagram), DONE)
                } else if let (true, Ok(payloads)) = (is_informational, clear(header, datagram)) {
                    let outcome = hinted(ctx, &mut task.attempt, &payloads);
                    (State::AuthSent(task), outcome)
                } else {
                    (State::AuthSent(task), Err(DropReason::OutOfOrder))
                }
            }
            State::SaAnswered(task) => match clear(header, datagram) {
                Ok(_) if repeated(ctx, path, &task.half.said, datagram) => {
                    (State::SaAnswered(task), Ok(Received::Repeated))
                }
                Ok(payloads) if is_main => settle(task.take(ctx, link, path, &payloads, datagram)),
                Ok(_) => (State::SaAnswered(task), Err(DropReason::OutOfOrder)),
                Err(drop) => (State::SaAnswered(task), Err(drop)),
            },
            State::KeAnswered(task) => {
                if repeated(ctx, path, &task.half.said, datagram) {
                    (State::KeAnswered(task), Ok(Received::Repeated))
                } else if is_main && header.flags.encryption {
                    settle(task.take(ctx, link, path, header, datagram))
                } else {
                    (State::KeAnswered(task), Err(DropReason::OutOfOrder))
                }
            }
            State::Established(mut sa) => {
                let outcome = match header.exchange {
                    ExchangeType::MAIN_MODE => match &sa.last_main {
                        Some(said) if repeated(ctx, path, said, datagram) => Ok(Received::Repeated),
                        _ => Err(DropReason::OutOfOrder),
                    },
                    ExchangeType::QUICK_MODE => sa.take_quick(ctx, link, path, header, datagram),
                    ExchangeType::INFORMATIONAL_V1 => {
                        sa.take_informational(ctx, link, path, header, datagram)
                    }
                    _ => Err(DropReason::OutOfOrder),
                };
                (State::Established(sa), outcome)
            }
            State::Gone => (State::Gone, Err(DropReason::UnknownSpi)),
        }
    }

    /// Repeats, gives up, or lets an established SA do what is due.
    pub(super) fn on_timeout(&mut self, ctx: &mut Context<'_>) {
        let link = &self.link;
        let proving = matches!(self.state, State::AuthSent(_));
        let attempt = match &mut self.state {
            State::SaSent(task) => &mut task.attempt,
            State::KeSent(task) => &mut task.attempt,
            State::AuthSent(task) => &mut task.attempt,
            State::SaAnswered(task) if ctx.now >= task.half.expires => {
                return ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
            }
            State::KeAnswered(task) if ctx.now >= task.half.expires => {
                return ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
            }
            State::Established(sa) => return sa.handle_timeout(ctx, link),
            State::SaAnswered(_) | State::KeAnswered(_) | State::Gone => return,
        };
        let failure = |sent| {
            // It answered until we said who we are.
            if proving {
                let by = crate::failure::Judge::Peer;
                Failure::Authentication { by }
            } else {
                Failure::NoAnswer { sent }
            }
        };
        match attempt.resend.overdue(ctx.now, ATTEMPT) {
            Some(Overdue::Again { message, sent }) => {
                link.path.send(ctx, message);
                if sent + 1 == TELL_AFTER && !attempt.hinted {
                    let failure = failure(TELL_AFTER);
                    ctx.push(Output::Event(Event::Failed(attempt.connection, failure)));
                }
            }
            Some(Overdue::GiveUp { sent }) => {
                attempt.hint(ctx, failure(sent));
                ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
            }
            None => {}
        }
    }
}

const DONE: Result<Received, DropReason> = Ok(Received::Processed);

fn settle(outcome: Result<State, (State, DropReason)>) -> (State, Result<Received, DropReason>) {
    match outcome {
        Ok(state) => (state, DONE),
        Err((state, drop)) => (state, Err(drop)),
    }
}

/// Notifications in the clear.
fn hinted(
    ctx: &mut Context<'_>,
    attempt: &mut Attempt,
    payloads: &[Payload<'_>],
) -> Result<Received, DropReason> {
    for payload in payloads {
        if let Payload::Notify(notify) = payload {
            attempt.notified(ctx, notify.kind);
        }
    }
    DONE
}
