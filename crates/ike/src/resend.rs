//! Sending again what was not answered, in both versions: the same octets, at growing intervals (RFC 7296
//! section 2.1).

use core::time::Duration;

use crate::codec::{Field, Reader, Unreadable, Writer};
use crate::time::Instant;

/// When a request is sent again, after it was sent first, and from then on.
const TO_ANYBODY: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_millis(1_000),
    Duration::from_millis(2_000),
    Duration::from_millis(4_000),
    Duration::from_millis(6_000),
    Duration::from_millis(8_000),
];
/// The same to a peer that was there: what a lifetime leaves for a rekey is to hold many attempts. With 5 of
/// 100 datagrams lost, five attempts within ten seconds were not enough for one of 100,000 rekeys.
const TO_A_PEER: [Duration; 11] = [
    Duration::from_millis(500),
    Duration::from_millis(1_000),
    Duration::from_millis(2_000),
    Duration::from_millis(2_000),
    Duration::from_millis(2_000),
    Duration::from_millis(2_000),
    Duration::from_millis(2_000),
    Duration::from_millis(2_000),
    Duration::from_millis(2_000),
    Duration::from_millis(3_000),
    Duration::from_millis(3_000),
];
const THEN_EVERY: Duration = Duration::from_millis(10_000);

/// How long a peer is tried of which nothing is known, or nothing is wanted any more.
pub(crate) const ATTEMPT: Duration = Duration::from_millis(21_500);

/// What to do about a request that was not answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Overdue<M> {
    /// Send this again, exactly as it was; it was sent `sent` times before.
    Again { message: M, sent: u32 },
    /// The peer does not answer.
    GiveUp { sent: u32 },
}

/// A message that waits for its answer.
#[derive(Debug)]
pub(crate) struct Resend<M> {
    message: M,
    since: Instant,
    sent: u32,
    due: Instant,
    intervals: &'static [Duration],
}

/// Whether it is for a peer that was there says at which intervals it is sent.
impl<M: Field> Field for Resend<M> {
    fn put(&self, to: &mut Writer) {
        self.message.put(to);
        self.since.put(to);
        self.sent.put(to);
        self.due.put(to);
        (self.intervals.len() == TO_A_PEER.len()).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            message: Field::take(from)?,
            since: Field::take(from)?,
            sent: Field::take(from)?,
            due: Field::take(from)?,
            intervals: if bool::take(from)? {
                &TO_A_PEER
            } else {
                &TO_ANYBODY
            },
        })
    }
}

impl<M: Clone> Resend<M> {
    /// One that goes out now, to somebody who may not be there.
    pub(crate) fn new(now: Instant, message: M) -> Self {
        Self::at(now, message, &TO_ANYBODY)
    }

    /// One that goes out now, to a peer that was there.
    pub(crate) fn to_peer(now: Instant, message: M) -> Self {
        Self::at(now, message, &TO_A_PEER)
    }

    fn at(now: Instant, message: M, intervals: &'static [Duration]) -> Self {
        let first = intervals.first().unwrap_or(&THEN_EVERY);
        Self {
            message,
            since: now,
            sent: 1,
            due: now + *first,
            intervals,
        }
    }

    /// The message, to be sent otherwise from now on.
    pub(crate) const fn message_mut(&mut self) -> &mut M {
        &mut self.message
    }

    /// Has it be sent again now: what was sent may not have gone out.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.due = self.due.min(now);
    }

    /// When to send it again, or to give up.
    pub(crate) const fn due(&self) -> Instant {
        self.due
    }

    /// What is to be done at `now`, if anything is. A peer is given up after `patience`.
    pub(crate) fn overdue(&mut self, now: Instant, patience: Duration) -> Option<Overdue<M>> {
        if now < self.due {
            return None;
        }
        let sent = self.sent;
        let end = self.since + patience;
        if now >= end {
            self.due = Instant::NEVER;
            return Some(Overdue::GiveUp { sent });
        }
        let index = usize::try_from(sent).unwrap_or(usize::MAX);
        let wait = self.intervals.get(index).unwrap_or(&THEN_EVERY);
        self.sent = sent.saturating_add(1);
        self.due = (now + *wait).min(end);
        Some(Overdue::Again {
            message: self.message.clone(),
            sent,
        })
    }
}
