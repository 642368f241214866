//! Liveness checks (RFC 7296 section 2.4): an empty INFORMATIONAL request after silence.

use core::time::Duration;

use adit_ike_wire::ExchangeType;

use crate::established::Established;
use crate::sa::{Context, Ending, Link, SaKey};
use crate::task::{Active, Task};
use crate::time::Instant;

/// The least time a peer has for its answer.
const MIN_GRACE: Duration = Duration::from_secs(2);

impl Established {
    /// When silence makes a check, or the end, due.
    pub(crate) fn liveness_due(&self) -> Option<Instant> {
        let liveness = self.config.liveness?;
        if self.active.is_none() {
            return Some(self.heard + liveness.interval);
        }
        // Any request under way will do for a check, but it must have had the time for an answer:
        // after a pause of the whole machine silence alone says nothing.
        let grace = liveness.timeout.saturating_sub(liveness.interval);
        Some((self.heard + liveness.timeout).max(self.asked + grace.max(MIN_GRACE)))
    }

    /// Checks a silent peer, and gives up one that stayed silent.
    pub(crate) fn check_liveness(&mut self, ctx: &mut Context<'_>, key: SaKey) {
        if self.liveness_due().is_none_or(|due| ctx.now < due) {
            return;
        }
        if self.active.is_some() {
            self.end(ctx, key, Ending::Lost);
        } else {
            self.enqueue(Task::Liveness, ctx.now);
        }
    }

    pub(crate) fn start_liveness(&mut self, ctx: &mut Context<'_>, link: &mut Link) {
        let protection = &mut self.keys.protection;
        link.request(ctx, protection, ExchangeType::INFORMATIONAL, &[]);
        self.active = Some(Active::Liveness);
    }
}
