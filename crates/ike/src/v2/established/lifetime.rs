//! An IKE SA that rekeying does not keep: another one is begun beside it before it ends.
//!
//! Either the peer says for how long it takes us for who we are (RFC 4478), or it refuses to have the SA rekeyed. Where it
//! is not for this end to begin, the peer is told so how long the SA will last.

use core::time::Duration;

use adit_ike_wire::ExchangeType;
use adit_ike_wire::v2::{Notify, NotifyType, Payload};

use crate::child;
use crate::sa::Context;
use crate::time::Instant;
use crate::v2::active::Active;
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::link::Link;
use crate::v2::task::Task;

/// What is left at least: a peer that says less would have us begin without end.
pub(super) const LEAST: Duration = Duration::from_secs(10);

impl Established {
    /// Takes note of what the responder says.
    pub(crate) fn hear_lifetime(&mut self, ctx: &Context<'_>, contents: &Contents<'_>) {
        let told = contents.notify(NotifyType::AUTH_LIFETIME);
        let seconds = told.and_then(|notify| <[u8; 4]>::try_from(notify.data).ok());
        if let Some(seconds) = seconds {
            let lifetime = Duration::from_secs(u32::from_be_bytes(seconds).into());
            let until = ctx.now + lifetime.max(LEAST);
            // Its certificate says no more than that.
            let certified = self.proof.until.map(|certified| certified.min(until));
            self.bind(Some(certified.unwrap_or(until)));
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
        (self.since + child::renew_after(lifetime)).min(self.renew_from)
    }

    /// The peer refuses to have it rekeyed. Another one is made while there is time to try often.
    pub(crate) fn cannot_be_rekeyed(&mut self, now: Instant) {
        if self.config.begins() {
            self.renew_from = self.renew_from.min(now);
        } else {
            self.enqueue(Task::Reauthenticate, now);
        }
    }

    /// Says how long this end will have it.
    pub(crate) fn ask_to_authenticate(&mut self, ctx: &mut Context<'_>, link: &mut Link) {
        let left = (self.expires_at - ctx.now).as_secs();
        let left = u32::try_from(left).unwrap_or(u32::MAX).to_be_bytes();
        let payloads = [Payload::Notify(Notify::new(
            NotifyType::AUTH_LIFETIME,
            &left,
        ))];
        let protection = &mut self.keys.protection;
        link.request(ctx, protection, ExchangeType::INFORMATIONAL, &payloads);
        self.active = Some(Active::Liveness);
    }
}
