//! Message IDs (RFC 7296 sections 2.1 to 2.3), windows of size 1.

use core::time::Duration;

use adit_ike_wire::{ExchangeType, Header};

use crate::codec::record;
use crate::resend::{Overdue, Resend};
use crate::time::Instant;
use crate::v2::outgoing::Outgoing;

/// Our requests: at most one is under way.
#[derive(Debug, Default)]
pub(crate) struct RequestWindow {
    next_id: u32,
    in_flight: Option<InFlight>,
}

#[derive(Debug)]
struct InFlight {
    id: u32,
    exchange: ExchangeType,
    resend: Resend<Outgoing>,
}

record!(InFlight {
    id,
    exchange,
    resend
});
record!(RequestWindow { next_id, in_flight });

impl RequestWindow {
    /// The window of an IKE SA whose first request has the ID `next_id`.
    pub(crate) const fn starting_at(next_id: u32) -> Self {
        Self {
            next_id,
            in_flight: None,
        }
    }

    /// The ID the next request will have.
    pub(crate) const fn next_id(&self) -> u32 {
        self.next_id
    }

    pub(crate) const fn is_idle(&self) -> bool {
        self.in_flight.is_none()
    }

    /// Notes that the request with [`Self::next_id`] went out.
    pub(crate) const fn count(&mut self) {
        self.next_id = self.next_id.saturating_add(1);
    }

    /// Goes on with this ID, if it is ahead.
    pub(crate) fn skip_to(&mut self, next_id: u32) {
        self.next_id = self.next_id.max(next_id);
    }

    /// Notes that the request with this ID goes out now.
    pub(crate) fn sent(
        &mut self,
        now: Instant,
        exchange: ExchangeType,
        id: u32,
        message: Outgoing,
    ) {
        let resend = match exchange {
            ExchangeType::CREATE_CHILD_SA
            | ExchangeType::IKE_FOLLOWUP_KE
            | ExchangeType::INFORMATIONAL => Resend::to_peer(now, message),
            _ => Resend::new(now, message),
        };
        self.in_flight = Some(InFlight {
            id,
            exchange,
            resend,
        });
    }

    /// Puts another message in the place of the request under way, with the same ID: a repeated
    /// IKE_SA_INIT with a cookie or another group (RFC 7296 section 2.6.1).
    pub(crate) fn replace(&mut self, now: Instant, message: Outgoing) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.resend = Resend::new(now, message);
        }
    }

    /// Has the request under way be sent again now.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.resend.hurry(now);
        }
    }

    /// The request under way, to be sent otherwise from now on.
    pub(crate) fn in_flight_mut(&mut self) -> Option<&mut Outgoing> {
        let in_flight = self.in_flight.as_mut()?;
        Some(in_flight.resend.message_mut())
    }

    /// Whether a response with this header is the awaited one: the request's ID, and its exchange.
    pub(crate) fn awaits(&self, header: &Header) -> bool {
        self.in_flight.as_ref().is_some_and(|in_flight| {
            in_flight.id == header.message_id && in_flight.exchange == header.exchange
        })
    }

    /// Notes that the awaited response came.
    pub(crate) fn answered(&mut self) {
        self.in_flight = None;
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.in_flight
            .as_ref()
            .map(|in_flight| in_flight.resend.due())
    }

    /// Answers what is to be done at `now`, if anything is. A peer is given up after `patience`.
    pub(crate) fn overdue(
        &mut self,
        now: Instant,
        patience: Duration,
    ) -> Option<Overdue<Outgoing>> {
        let overdue = self.in_flight.as_mut()?.resend.overdue(now, patience);
        if let Some(Overdue::GiveUp { .. }) = overdue {
            self.in_flight = None;
        }
        overdue
    }
}

/// The peer's requests: each is answered once, and the last answer is kept for repetitions.
#[derive(Debug, Default)]
pub(crate) struct ResponseWindow {
    expected: u32,
    last: Outgoing,
    /// How often the last one was answered again.
    repeated: u32,
}

record!(ResponseWindow {
    expected,
    last,
    repeated
});

/// What a request is, by its ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The one that is due.
    Fresh,
    /// The one that was answered last; the answer is to be sent again.
    Repeated,
    /// One from outside the window; it is dropped (section 2.3).
    Stray,
}

impl ResponseWindow {
    /// The ID of the peer's next request.
    pub(crate) const fn expected(&self) -> u32 {
        self.expected
    }

    pub(crate) fn classify(&self, id: u32) -> Arrival {
        if id == self.expected {
            Arrival::Fresh
        } else if id.checked_add(1) == Some(self.expected) && !self.last.is_empty() {
            Arrival::Repeated
        } else {
            Arrival::Stray
        }
    }

    /// Notes that the request that was due has been answered with this.
    pub(crate) fn answered(&mut self, message: Outgoing) {
        self.expected = self.expected.saturating_add(1);
        self.last = message;
        self.repeated = 0;
    }

    /// Goes on with this ID, if it is ahead. What was answered before is not asked for again then.
    pub(crate) fn skip_to(&mut self, expected: u32) {
        if expected > self.expected {
            *self = Self {
                expected,
                ..Self::default()
            };
        }
    }

    /// The last answer, which is given again, and how often it was before.
    pub(crate) const fn again(&mut self) -> (&mut Outgoing, u32) {
        let before = self.repeated;
        self.repeated = before.saturating_add(1);
        (&mut self.last, before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resend::ATTEMPT;

    #[test]
    fn a_request_is_sent_again_unchanged_until_the_peer_is_given_up() {
        let mut window = RequestWindow::default();
        let seven = || Outgoing::in_clear(alloc::vec![7]);
        window.sent(Instant::ZERO, ExchangeType::INFORMATIONAL, 0, seven());
        window.count();
        let mut sent = 1;
        loop {
            let due = window.deadline().unwrap();
            let before = Instant::from_micros(due.as_micros() - 1);
            assert!(window.overdue(before, ATTEMPT).is_none());
            match window.overdue(due, ATTEMPT).unwrap() {
                Overdue::Again {
                    message,
                    sent: before,
                } => {
                    assert_eq!((message.datagrams, before), (seven().datagrams, sent));
                    sent += 1;
                }
                Overdue::GiveUp { sent: before } => {
                    assert_eq!(before, sent);
                    break;
                }
            }
        }
        assert!(window.is_idle());
        assert_eq!(window.next_id(), 1);
    }

    #[test]
    fn an_answer_is_one_of_the_same_exchange_and_number() {
        let header = |exchange, message_id| Header {
            initiator_spi: adit_ike_wire::Spi(1),
            responder_spi: adit_ike_wire::Spi(2),
            next_payload: adit_ike_wire::PayloadType::NONE,
            major_version: 2,
            minor_version: 0,
            exchange,
            flags: adit_ike_wire::Flags::default(),
            message_id,
            length: 28,
        };
        let mut window = RequestWindow::starting_at(5);
        let asked = ExchangeType::CREATE_CHILD_SA;
        assert!(!window.awaits(&header(asked, 5)));
        window.sent(Instant::ZERO, asked, 5, Outgoing::in_clear(alloc::vec![7]));
        assert!(window.awaits(&header(asked, 5)));
        assert!(!window.awaits(&header(asked, 4)) && !window.awaits(&header(asked, 6)));
        assert!(!window.awaits(&header(ExchangeType::INFORMATIONAL, 5)));
    }

    #[test]
    fn a_repeated_request_gets_the_same_octets_and_older_ones_nothing() {
        let mut window = ResponseWindow::default();
        let answer = |octet| Outgoing::in_clear(alloc::vec![octet]);
        let again = |window: &mut ResponseWindow| {
            let (message, before) = window.again();
            (message.datagrams.concat(), before)
        };
        assert_eq!(window.classify(0), Arrival::Fresh);
        assert_eq!(window.classify(1), Arrival::Stray);
        window.answered(answer(1));
        assert_eq!(window.classify(0), Arrival::Repeated);
        assert_eq!(again(&mut window), (alloc::vec![1], 0));
        assert_eq!(again(&mut window), (alloc::vec![1], 1));
        window.answered(answer(2));
        assert_eq!(window.classify(0), Arrival::Stray);
        assert_eq!(window.classify(1), Arrival::Repeated);
        assert_eq!(again(&mut window), (alloc::vec![2], 0));
        assert_eq!(window.classify(2), Arrival::Fresh);
    }
}
