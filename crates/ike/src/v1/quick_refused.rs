//! Quick modes of ours that the peer refuses, or does not answer.

use core::time::Duration;

use adit_ike_wire::v1::NotifyType;

use crate::failure::{Failure, Judge};
use crate::output::{ChildKey, Part};
use crate::sa::Context;
use crate::selectors;
use crate::v1::description::describe_esp;
use crate::v1::established::{Asking, Established, Exchange, Progress};
use crate::v1::main_mode::notification_name;

/// How long a refused rekey waits at least.
const REFUSED_WAIT: Duration = Duration::from_secs(30);

impl Asking {
    /// What of the connection does not work without it.
    pub(super) fn part(&self) -> Option<Part> {
        let replaces = self.replaces.map(Part::ChildRekey);
        replaces.or(self.index.map(Part::Child))
    }
}

impl Established {
    /// What the user is told, and when it is tried again.
    pub(super) fn quick_refused(
        &mut self,
        ctx: &mut Context<'_>,
        part: Option<Part>,
        replaces: Option<ChildKey>,
        failure: Failure,
    ) {
        if let Some(part) = part {
            self.report_part(ctx, part, failure);
        }
        if let Some(child) = replaces.and_then(|old| self.child_mut(old)) {
            // Sooner and sooner until its time is up; what is missing the endpoint asks for again.
            let wait = ((child.expires_at - ctx.now) / 10).max(REFUSED_WAIT);
            child.rekey_at = ctx.now + wait;
        }
    }

    /// The peer refuses a quick mode of ours: that of this SPI, or else the only one, or the oldest.
    pub(super) fn quick_refused_by_peer(
        &mut self,
        ctx: &mut Context<'_>,
        kind: NotifyType,
        spi: &[u8],
    ) {
        let is_asked = |exchange: &Exchange| matches!(exchange.progress, Progress::Asked(..));
        let is_named = |exchange: &Exchange| match &exchange.progress {
            Progress::Asked(asking, _) => asking.inbound_spi.to_be_bytes() == spi,
            Progress::Answered { .. } | Progress::Over { .. } => false,
        };
        let named = self.exchanges.iter().position(is_named);
        let found = named.or_else(|| self.exchanges.iter().position(is_asked));
        let Some(exchange) = found.map(|index| self.exchanges.remove(index)) else {
            return;
        };
        let Progress::Asked(asking, _) = exchange.progress else {
            return;
        };
        let group = asking.key_exchange.as_ref().map(|own| own.group());
        let failure = match kind {
            NotifyType::NO_PROPOSAL_CHOSEN => Failure::EspProposal {
                by: Judge::Peer,
                ours: describe_esp(&self.config, group),
                theirs: None,
            },
            NotifyType::INVALID_ID_INFORMATION => Failure::Selectors {
                by: Judge::Peer,
                ours: selectors::describe(&[asking.local], &[asking.remote]),
                theirs: None,
            },
            kind => Failure::Refused {
                notification: notification_name(kind),
            },
        };
        self.quick_refused(ctx, asking.part(), asking.replaces, failure);
    }
}
