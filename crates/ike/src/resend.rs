//! Sending again what was not answered, in both versions: the same octets, at growing intervals.

use alloc::vec::Vec;
use core::time::Duration;

use crate::time::Instant;

/// When a request is sent again, after it was sent first, and from then on.
const RETRANSMIT_AFTER: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_millis(1_000),
    Duration::from_millis(2_000),
    Duration::from_millis(4_000),
    Duration::from_millis(6_000),
    Duration::from_millis(8_000),
];
const THEN_EVERY: Duration = Duration::from_millis(10_000);

/// How long a peer is tried of which nothing is known, or nothing is wanted any more.
pub(crate) const ATTEMPT: Duration = Duration::from_millis(21_500);

/// What to do about a request that was not answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Send these octets again, exactly as they were; they were sent `sent` times before.
    Again { octets: Vec<u8>, sent: u32 },
    /// The peer does not answer.
    GiveUp { sent: u32 },
}

/// A message that waits for its answer.
#[derive(Debug)]
pub(crate) struct Resend {
    octets: Vec<u8>,
    since: Instant,
    sent: u32,
    due: Instant,
}

impl Resend {
    /// One that goes out now.
    pub(crate) fn new(now: Instant, octets: Vec<u8>) -> Self {
        Self {
            octets,
            since: now,
            sent: 1,
            due: now + RETRANSMIT_AFTER[0],
        }
    }

    /// When to send it again, or to give up.
    pub(crate) const fn due(&self) -> Instant {
        self.due
    }

    /// What is to be done at `now`, if anything is. A peer is given up after `patience`.
    pub(crate) fn overdue(&mut self, now: Instant, patience: Duration) -> Option<Overdue> {
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
        let wait = RETRANSMIT_AFTER.get(index).unwrap_or(&THEN_EVERY);
        self.sent = sent.saturating_add(1);
        self.due = (now + *wait).min(end);
        Some(Overdue::Again {
            octets: self.octets.clone(),
            sent,
        })
    }
}
