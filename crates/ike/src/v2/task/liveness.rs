//! Liveness checks (RFC 7296 section 2.4): an empty INFORMATIONAL request after silence.

use core::time::Duration;

use adit_ike_wire::ExchangeType;

use crate::resend::ATTEMPT;
use crate::sa::{Context, Ending, SaKey};
use crate::time::Instant;
use crate::v2::active::Active;
use crate::v2::established::{Established, Phase};
use crate::v2::link::Link;
use crate::v2::task::Task;

/// The least time a peer has for its answer.
const MIN_GRACE: Duration = Duration::from_secs(2);

/// How long a peer is tried that is not checked, or whose packets still come (section 2.4: minutes
/// rather than seconds).
const PATIENCE: Duration = Duration::from_secs(180);

impl Established {
    /// How long a request may go unanswered. Where there are liveness checks their time-out says
    /// when silence ends the SA; this is for a peer that is heard and does not answer.
    pub(crate) fn patience(&self) -> Duration {
        let timeout = self.config.liveness.map(|liveness| liveness.timeout);
        match self.phase {
            Phase::Closing => ATTEMPT,
            Phase::InUse | Phase::Replaced => timeout.unwrap_or(PATIENCE).max(PATIENCE),
        }
    }

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
