//! What is due on an SA that is up, and when.

use alloc::vec::Vec;
use core::time::Duration;

use crate::child::{self, ChildState};
use crate::failure::Failure;
use crate::output::{Deadline, Event, Output};
use crate::resend::{ATTEMPT, Overdue};
use crate::sa::{Context, Effect, Ending, Farewell, Want};
use crate::time::Instant;
use crate::v1::established::{Established, Phase, Progress};
use crate::v1::informational;
use crate::v1::link::Link;

/// The least time a peer has for its answer.
const MIN_GRACE: Duration = Duration::from_secs(2);

impl Established {
    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, ctx: &mut Context<'_>, link: &Link) {
        if ctx.now >= self.expires_at {
            return self.expire(ctx, link);
        }
        self.repeat(ctx, link);
        self.child_timers(ctx, link);
        if self.phase == Phase::InUse {
            if ctx.now >= self.rekey_at {
                self.rekey_at = Instant::NEVER;
                if self.config.initiate {
                    self.want(Want::IkeRekey, ctx.now);
                }
            }
            self.check_liveness(ctx, link);
        }
    }

    fn expire(&mut self, ctx: &mut Context<'_>, link: &Link) {
        match self.phase {
            Phase::InUse => {
                informational::delete_sa(ctx, link, &self.keys);
                self.leave(ctx, link.key, Ending::Released);
            }
            Phase::Replaced => {
                informational::delete_sa(ctx, link, &self.keys);
                self.dispose_children(ctx, Farewell::Lingering);
                ctx.effects.push(Effect::Gone(link.key, Ending::Released));
            }
            Phase::Orphaned => {
                if !self.children.is_empty() {
                    // Nobody has taken them, so there is no other SA.
                    ctx.push(Output::Event(Event::IkeDown(self.connection)));
                }
                self.dispose_children(ctx, Farewell::Lingering);
                ctx.effects.push(Effect::Gone(link.key, Ending::Released));
            }
        }
    }

    /// Sends again what was not answered, and forgets what is over.
    fn repeat(&mut self, ctx: &mut Context<'_>, link: &Link) {
        let mut given_up = Vec::new();
        let now = ctx.now;
        for exchange in &mut self.exchanges {
            let resend = match &mut exchange.progress {
                Progress::Asked(_, resend) | Progress::Answered { resend, .. } => resend,
                Progress::Over { until, .. } => {
                    if *until <= now {
                        given_up.push(exchange.message_id);
                    }
                    continue;
                }
            };
            match resend.overdue(now, ATTEMPT) {
                Some(Overdue::Again { message, .. }) => link.path.send(ctx, message),
                Some(Overdue::GiveUp { .. }) => given_up.push(exchange.message_id),
                None => {}
            }
        }
        for id in given_up {
            let found = self.exchanges.iter().position(|one| one.message_id == id);
            match found.map(|index| self.exchanges.swap_remove(index).progress) {
                Some(Progress::Asked(asking, _)) => {
                    let failure = Failure::NoAnswer { sent: 1 };
                    self.quick_refused(ctx, asking.part(), asking.replaces, failure);
                }
                Some(Progress::Answered { child, .. }) => {
                    let found = self.children.iter().position(|one| one.key == child);
                    if let Some(index) = found {
                        let child = self.children.swap_remove(index);
                        child::dispose(ctx, self.connection, &child, false);
                    }
                }
                Some(Progress::Over { .. }) | None => {}
            }
        }
    }

    fn child_timers(&mut self, ctx: &mut Context<'_>, link: &Link) {
        let now = ctx.now;
        let mut expired = Vec::new();
        let mut rekeyed = Vec::new();
        for child in &mut self.children {
            if now >= child.renewal_due {
                // The endpoint, which looks for what is missing after each time-out, makes another.
                child.renewal_due = Instant::NEVER;
            }
            if now >= child.expires_at && child.state != ChildState::Closing {
                expired.push(child.key);
            } else if now >= child.rekey_at && child.is_live() {
                child.rekey_at = Instant::NEVER;
                rekeyed.push(child.key);
            }
        }
        for key in expired {
            self.delete_child(ctx, link, key);
        }
        for key in rekeyed {
            self.want(Want::ChildRekey(key), now);
        }
    }

    /// When silence makes a question, or the end, due.
    fn liveness_due(&self) -> Option<Instant> {
        let liveness = self.config.liveness?;
        if !self.peer.abilities.dead_peer_detection {
            return None;
        }
        let Some(asked) = &self.check.asked else {
            return Some(self.heard + liveness.interval);
        };
        // After a pause of the whole machine silence alone says nothing.
        let grace = liveness.timeout.saturating_sub(liveness.interval);
        let end = (self.heard + liveness.timeout).max(asked.since + grace.max(MIN_GRACE));
        Some(end)
    }

    fn check_liveness(&mut self, ctx: &mut Context<'_>, link: &Link) {
        if self.liveness_due().is_some_and(|due| ctx.now >= due) {
            if self.check.asked.is_some() {
                self.dispose_children(ctx, Farewell::Lingering);
                ctx.effects.push(Effect::Gone(link.key, Ending::Lost));
                return;
            }
            return self.ask_for_life(ctx, link);
        }
        let Some(asked) = self.check.asked else {
            return;
        };
        if self.config.liveness.is_none() && ctx.now >= asked.since + ATTEMPT {
            self.check.asked = None;
            self.ask_for_proof(ctx.now + informational::ASK_AGAIN_AT_MOST);
        } else if ctx.now >= asked.again {
            self.ask_again(ctx, link);
        }
    }

    pub(super) fn deadline(&self) -> Deadline {
        let mut deadline = Deadline {
            at: self.expires_at,
            why: "IKE SA lifetime",
        };
        let mut consider = |at: Instant, why: &'static str| {
            if at < deadline.at {
                deadline = Deadline { at, why };
            }
        };
        for exchange in &self.exchanges {
            match &exchange.progress {
                Progress::Asked(_, resend) | Progress::Answered { resend, .. } => {
                    consider(resend.due(), "retransmission");
                }
                Progress::Over { until, .. } => consider(*until, "end of an exchange"),
            }
        }
        for child in &self.children {
            if child.state != ChildState::Closing {
                consider(child.expires_at, "Child SA lifetime");
            }
            if child.is_live() && self.phase == Phase::InUse {
                consider(child.rekey_at, "Child SA rekey");
                consider(child.renewal_due, "Child SA renewal");
            }
        }
        if self.phase == Phase::InUse {
            consider(self.rekey_at, "IKE SA rekey");
            if let Some(at) = self.liveness_due() {
                consider(at, "liveness check");
            }
            if let Some(asked) = &self.check.asked {
                consider(asked.again, "liveness question");
            }
        }
        if let Some(at) = self.next_want() {
            consider(at, "waiting task");
        }
        deadline
    }
}
