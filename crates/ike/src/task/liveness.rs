//! Liveness checks (RFC 7296 section 2.4): an empty INFORMATIONAL request after silence.

use adit_ike_wire::ExchangeType;

use crate::established::Established;
use crate::sa::{Context, Effect, Ending, Link, SaKey};
use crate::task::{Active, Task};
use crate::time::Instant;

impl Established {
    /// When silence makes a check, or the end, due.
    pub(crate) fn liveness_due(&self) -> Option<Instant> {
        let liveness = self.config.liveness?;
        let waiting = self
            .queue
            .iter()
            .any(|queued| queued.task == Task::Liveness);
        let checking = waiting || self.active.is_some();
        Some(
            self.heard
                + if checking {
                    liveness.timeout
                } else {
                    liveness.interval
                },
        )
    }

    /// Checks a silent peer, and gives up one that stayed silent.
    pub(crate) fn check_liveness(&mut self, ctx: &mut Context<'_>, key: SaKey) {
        let Some(liveness) = self.config.liveness else {
            return;
        };
        let silence = ctx.now - self.heard;
        if silence >= liveness.timeout && self.active.is_some() {
            self.dispose_children(ctx);
            ctx.effects.push(Effect::Gone(key, Ending::Lost));
        } else if silence >= liveness.interval && self.active.is_none() {
            self.enqueue(Task::Liveness, ctx.now);
        }
    }

    pub(crate) fn start_liveness(&mut self, ctx: &mut Context<'_>, link: &mut Link) {
        let protection = &mut self.keys.protection;
        link.request(ctx, protection, ExchangeType::INFORMATIONAL, &[]);
        self.active = Some(Active::Liveness);
    }
}
