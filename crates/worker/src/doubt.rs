//! Whether a peer still answers on one of a connection's two tunnels: noticed within about a second where packets are
//! sent, so that the other tunnel can have them.
//!
//! ```text
//!   heard --(packets are sent, nothing comes for 0.5 s)--> asked --(no answer for 0.6 s)--> doubtful
//!     ^                                                      |                               |
//!     +------------------(anything comes)--------------------+-------------------------------+
//! ```
//!
//! Dead peer detection is another matter: it ends an SA, after as long as the user says. Traffic that goes one way
//! alone, or comes back by the other tunnel, costs a question and an answer now and then, and moves nothing.

use std::time::Duration;

use adit_ike::Instant;

/// How long nothing may come while packets are sent, until the peer is asked.
const SILENCE: Duration = Duration::from_millis(500);

/// How long its answer may take.
const ANSWER: Duration = Duration::from_millis(600);

/// What to do about a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Nothing.
    Rest,
    /// Ask it for a sign of life.
    Ask,
    /// It is doubtful now, or no more.
    Tell,
}

/// What is known of a peer.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    heard: Option<Instant>,
    /// Packets were sent since the last look.
    sent: bool,
    /// Since when packets are sent and nothing comes.
    unanswered: Option<Instant>,
    asked: Option<Instant>,
    doubtful: bool,
}

impl Doubt {
    /// Whether it is in doubt that the peer has what is sent.
    pub(crate) const fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Whether something is to be found out soon.
    pub(crate) const fn is_pending(&self) -> bool {
        self.unanswered.is_some()
    }

    /// Whether there is nothing to look at.
    pub(crate) const fn is_idle(&self) -> bool {
        !self.sent && self.unanswered.is_none()
    }

    /// Notes that packets were sent.
    pub(crate) fn note_sent(&mut self) {
        self.sent = true;
    }

    /// Looks at it, when the peer was heard last at this time, by packets or messages; of one that can't be asked, or
    /// with which nothing is up, nothing is known.
    pub(crate) fn look(&mut self, now: Instant, heard: Option<Instant>) -> Step {
        if heard.is_none() {
            let was = std::mem::take(self);
            return if was.doubtful { Step::Tell } else { Step::Rest };
        }
        let mut step = Step::Rest;
        if heard > self.heard {
            self.heard = heard;
            (self.unanswered, self.asked) = (None, None);
            if std::mem::take(&mut self.doubtful) {
                step = Step::Tell;
            }
        }
        if std::mem::take(&mut self.sent) {
            self.unanswered.get_or_insert(now);
        }
        match (self.unanswered, self.asked) {
            (Some(since), None) if now - since >= SILENCE => {
                self.asked = Some(now);
                Step::Ask
            }
            (_, Some(asked)) if !self.doubtful && now - asked >= ANSWER => {
                self.doubtful = true;
                Step::Tell
            }
            _ => step,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Step::{Ask, Rest, Tell};
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn a_peer_that_falls_silent_is_asked_and_then_doubtful_until_it_is_heard() {
        let mut doubt = Doubt::default();
        for millis in [0, 200, 400] {
            doubt.note_sent();
            assert_eq!(doubt.look(at(millis), Some(at(millis))), Rest);
        }
        let mut steps = Vec::new();
        for millis in (600..2000).step_by(200) {
            doubt.note_sent();
            steps.push(doubt.look(at(millis), Some(at(400))));
        }
        assert_eq!(steps, [Rest, Rest, Ask, Rest, Rest, Tell, Rest]);
        assert!(doubt.is_doubtful() && doubt.is_pending());
        assert_eq!(doubt.look(at(2000), Some(at(1990))), Tell);
        assert!(!doubt.is_doubtful() && !doubt.is_pending());
    }

    #[test]
    fn one_that_answers_or_to_whom_nothing_is_sent_is_never_doubtful() {
        let mut doubt = Doubt::default();
        let mut heard = at(0);
        for millis in (0..10_000).step_by(200) {
            doubt.note_sent();
            if doubt.look(at(millis), Some(heard)) == Ask {
                heard = at(millis + 50);
            }
            assert!(!doubt.is_doubtful());
        }
        assert!(heard > at(8000), "it is asked again and again");
        let mut idle = Doubt::default();
        for millis in (0..10_000).step_by(200) {
            assert_eq!(idle.look(at(millis), Some(at(0))), Rest);
        }
        assert!(!idle.is_pending());
        let mut unasked = Doubt::default();
        for millis in (0..10_000).step_by(200) {
            unasked.note_sent();
            assert_eq!(unasked.look(at(millis), None), Rest);
        }
    }
}
