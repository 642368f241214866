//! What is due on an SA that is up, and when.

use alloc::vec::Vec;

use crate::child::ChildState;
use crate::output::Deadline;
use crate::sa::{Context, Effect, Ending, Farewell};
use crate::time::Instant;
use crate::v2::established::{Established, Phase};
use crate::v2::link::Link;
use crate::v2::task::{Queued, Task};

impl Established {
    /// Does what is due: rekeys, expiries, liveness checks, and waiting tasks.
    pub(crate) fn handle_timeout(&mut self, ctx: &mut Context<'_>, link: &mut Link) {
        let now = ctx.now;
        if self.phase != Phase::Closing && now >= self.expires_at {
            if self.phase == Phase::Replaced {
                self.dispose_children(ctx, Farewell::Lingering);
                ctx.effects.push(Effect::Gone(link.key, Ending::Released));
                return;
            }
            if self.rival.is_some() {
                return self.end(ctx, link.key, Ending::Lost);
            }
            self.close(ctx, Farewell::Lingering);
        }
        if self.phase == Phase::InUse && !self.waits {
            if now >= self.rekey_at {
                self.rekey_at = Instant::NEVER;
                self.enqueue(Task::IkeRekey, now);
            }
            self.child_timers(now);
            self.check_liveness(ctx, link.key);
        }
        if self.ask_anew_at.is_some_and(|at| at <= now) {
            self.ask_anew(ctx, link);
        }
        self.run_queue(ctx, link);
    }

    fn child_timers(&mut self, now: Instant) {
        let mut due = Vec::new();
        for child in &mut self.children {
            if now >= child.renewal_due {
                // The endpoint, which looks for what is missing after each time-out, makes another.
                child.renewal_due = Instant::NEVER;
            }
            if now >= child.expires_at && child.state != ChildState::Closing {
                child.state = ChildState::Closing;
                due.push(Task::ChildDelete(child.key));
            } else if now >= child.rekey_at && child.is_live() {
                child.rekey_at = Instant::NEVER;
                due.push(Task::ChildRekey(child.key));
            }
        }
        for task in due {
            self.enqueue(task, now);
        }
    }

    pub(crate) fn deadline(&self, link: &Link) -> Option<Deadline> {
        let mut deadline = Deadline {
            at: match self.phase {
                Phase::Closing => Instant::NEVER,
                Phase::InUse | Phase::Replaced => self.expires_at,
            },
            why: "IKE SA lifetime",
        };
        let mut consider = |at: Instant, why: &'static str| {
            if at < deadline.at {
                deadline = Deadline { at, why };
            }
        };
        if self.phase == Phase::InUse && !self.waits {
            consider(self.rekey_at, "IKE SA rekey");
            for child in &self.children {
                if child.state != ChildState::Closing {
                    consider(child.expires_at, "Child SA lifetime");
                }
                if child.is_live() {
                    consider(child.rekey_at, "Child SA rekey");
                    consider(child.renewal_due, "Child SA renewal");
                }
            }
            if let Some(at) = self.liveness_due() {
                consider(at, "liveness check");
            }
        }
        if let Some(at) = self.ask_anew_at {
            consider(at, "answer to who was taken over from");
        }
        if link.requests.is_idle() && self.active.is_none() {
            let allowed = |queued: &&Queued| self.allows(&queued.task);
            for queued in self.queue.iter().filter(allowed) {
                consider(queued.not_before, "waiting task");
            }
        }
        Some(deadline)
    }
}
