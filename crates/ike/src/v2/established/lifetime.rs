//! How long the peer takes us for who we said we are (RFC 4478): before that is over another IKE SA is begun beside this
//! one, which rekeying would not do.

use core::time::Duration;

use adit_ike_wire::v2::NotifyType;

use crate::child;
use crate::sa::Context;
use crate::time::Instant;
use crate::v2::contents::Contents;
use crate::v2::established::Established;

/// What is left at least: a peer that says less would have us begin without end.
const LEAST: Duration = Duration::from_secs(10);

impl Established {
    /// Takes note of what the responder says.
    pub(crate) fn hear_lifetime(&mut self, ctx: &Context<'_>, contents: &Contents<'_>) {
        let told = contents.notify(NotifyType::AUTH_LIFETIME);
        let seconds = told.and_then(|notify| <[u8; 4]>::try_from(notify.data).ok());
        if let Some(seconds) = seconds {
            let lifetime = Duration::from_secs(u32::from_be_bytes(seconds).into());
            self.bind(Some(ctx.now + lifetime.max(LEAST)));
        }
    }

    /// Has it end by then, and another one be begun before; so do those that take its place by rekeying.
    pub(crate) fn bind(&mut self, until: Option<Instant>) {
        let Some(until) = until else { return };
        self.authenticated_until = Some(until);
        if until < self.expires_at {
            self.expires_at = until;
            self.rekey_at = if self.rekey_at < self.renew_at() {
                self.rekey_at
            } else {
                Instant::NEVER
            };
        }
    }

    /// When another IKE SA is wanted, if this one was not rekeyed by then.
    pub(crate) fn renew_at(&self) -> Instant {
        let lifetime = self.expires_at - self.since;
        self.since + child::renew_after(lifetime)
    }
}
