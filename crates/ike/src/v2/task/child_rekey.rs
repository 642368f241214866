//! Rekeying a Child SA (RFC 7296 sections 1.3.3, 2.8 and 2.8.1).
//!
//! ```text
//!   request --(agreed)----------------------> Delete the old SA
//!      | \--(agreed, and the peer rekeyed it too)--> nonces decide: Delete the old or the new one
//!      | \--(TEMPORARY_FAILURE)--> later     \--(INVALID_KE_PAYLOAD)--> again with that group
//!      \--(CHILD_SA_NOT_FOUND)--> forget the old SA; the endpoint makes a new one
//! ```

use alloc::sync::Arc;
use core::time::Duration;

use adit_ike_wire::Header;
use adit_ike_wire::v2::{Notify, NotifyType};

use crate::child::{self, ChildSa, ChildState};
use crate::output::{ChildKey, Part};
use crate::sa::{Context, Role};
use crate::selectors::covers;
use crate::time::Instant;
use crate::v2::active::{Active, Agreed, ChildRekeying, Purpose, Rival};
use crate::v2::agreement::Birth;
use crate::v2::collision::{Theirs, Verdict, decide};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::link::Link;
use crate::v2::task::Task;
use crate::v2::task::child_create::{Reply, TEMPORARY_WAIT};
use crate::v2::task::followup::FOLLOWED_WAIT;

/// How soon a refused rekey is tried again at the soonest.
const REFUSED_WAIT: Duration = Duration::from_secs(30);

/// How long a replaced Child SA waits for its Delete, which whoever replaced it sends.
const REPLACED_LIFETIME: Duration = Duration::from_secs(60);

impl Established {
    pub(crate) fn start_child_rekey(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        key: ChildKey,
    ) {
        let Some(child) = self.child(key).filter(|child| child.is_live()) else {
            return;
        };
        let successor = |other: &ChildSa| {
            other.is_ready() && other.replaces.is_none() && other.since > child.since
        };
        let mut twins = self.children.iter().filter(|other| other.is_twin_of(child));
        if twins.any(successor) {
            // It was made anew in the meantime, and ends when its time is up.
            return;
        }
        if self.followed_rekey_of(key).is_some() && self.is_followed(ctx.now) {
            // The peer is at it.
            return self.enqueue(Task::ChildRekey(key), ctx.now + FOLLOWED_WAIT);
        }
        // RFC 7296 section 2.9.2: a rekey asks for what was agreed, not for what was wished.
        let selectors = (child.local.clone(), child.remote.clone());
        let group = child.suite.group;
        let spi = child.inbound.spi;
        let request = self.request_child(ctx, link, selectors, Some(spi), group);
        self.active = Some(Active::ChildRekey(ChildRekeying {
            child: key,
            request,
            rival: None,
        }));
    }

    pub(crate) fn child_rekeyed(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        pending: ChildRekeying,
        contents: &Contents<'_>,
    ) {
        let ChildRekeying {
            child: old,
            request,
            rival,
        } = pending;
        match self.read_child_reply(&request, contents) {
            Reply::Agreed(agreed) => {
                self.rekey_agreed(ctx, link, (old, rival), *agreed, contents);
            }
            Reply::TryGroup(group) if rival.is_none() => {
                let Some(child) = self.child(old).filter(|child| child.is_live()) else {
                    return;
                };
                let selectors = (child.local.clone(), child.remote.clone());
                let spi = child.inbound.spi;
                let request = self.request_child(ctx, link, selectors, Some(spi), Some(group));
                let pending = ChildRekeying {
                    child: old,
                    request,
                    rival,
                };
                self.active = Some(Active::ChildRekey(pending));
            }
            refusal => self.rekey_refused(ctx, old, rival.is_some(), refusal),
        }
    }

    /// Takes what the peer has agreed to, or goes on where there is something still to be exchanged.
    fn rekey_agreed(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        (old, rival): (ChildKey, Option<Rival>),
        agreed: Agreed,
        contents: &Contents<'_>,
    ) {
        let followed = self.followed_rekey_of(old);
        let theirs = rival.as_ref().map(|(_, nonces)| nonces).or(followed);
        let lost = theirs.is_some_and(|theirs| agreed.nonces.lose_against(theirs));
        let is_followed = followed.is_some();
        if is_followed && !lost {
            // The peer will find that it has lost, too, and not go on.
            self.followed = None;
        }
        if lost && rival.is_none() {
            // It is the peer's rekey that is gone on with; if it is not, ours comes again.
            self.enqueue(Task::ChildRekey(old), ctx.now + FOLLOWED_WAIT);
        }
        match agreed.still_to_exchange() {
            None => self.make_rekeyed(ctx, link, (old, rival), lost, &agreed),
            Some(additional) if !lost => {
                let purpose = Purpose::Rekey(old, rival);
                self.follow_up_child(ctx, link, additional, (purpose, agreed), contents);
            }
            // There is no SA yet that would have to be deleted.
            Some(_) if rival.is_some() => self.hand_over(ctx.now, old),
            Some(_) => {}
        }
    }

    /// Makes the Child SA that is to take the place of `old`, unless it has `lost` against the peer's.
    pub(super) fn make_rekeyed(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        (old, rival): (ChildKey, Option<Rival>),
        lost: bool,
        agreed: &Agreed,
    ) {
        if self.is_withdrawn(agreed) {
            // The peer has deleted it already. It has given the old one up for it; where there is no other the endpoint
            // makes one from scratch.
            return match rival {
                Some(_) if lost => self.hand_over(ctx.now, old),
                rival => self.take_over(ctx, old, rival.map(|(rival, _)| rival)),
            };
        }
        let index = self.child(old).and_then(|child| child.index);
        let birth = Birth {
            redundant: lost,
            ..agreed.birth(Role::Initiator, Some(old), index)
        };
        let Some(new) = self.add_agreed(ctx, link, Some(Part::ChildRekey(old)), birth) else {
            return;
        };
        if lost {
            if rival.is_some() {
                self.hand_over(ctx.now, old);
            }
            self.close_child(ctx, new);
        } else {
            let alone = rival.is_none();
            self.take_over(ctx, old, rival.map(|(rival, _)| rival));
            if alone {
                self.settle_twins(ctx, new);
            }
        }
    }

    pub(super) fn rekey_refused(
        &mut self,
        ctx: &mut Context<'_>,
        old: ChildKey,
        has_rival: bool,
        reply: Reply,
    ) {
        match reply {
            // The peer's own rekey stands; ours is not needed any more.
            _ if has_rival => self.hand_over(ctx.now, old),
            Reply::NotFound => {
                // Section 2.25: the peer has lost it, so it is of no use here either.
                if let Some(index) = self.children.iter().position(|child| child.key == old) {
                    let child = self.children.swap_remove(index);
                    child::dispose(ctx, self.connection, &child, true);
                    // Section 2.25: a new one is asked for from scratch.
                    for (index, wanted) in Arc::clone(&self.config).children.iter().enumerate() {
                        if covers(&child.local, &child.remote, wanted) {
                            self.enqueue(Task::ChildCreate(index), ctx.now);
                        }
                    }
                }
            }
            Reply::TryLater | Reply::TryGroup(_) => {
                let wait = TEMPORARY_WAIT + ctx.jitter(TEMPORARY_WAIT);
                self.enqueue(Task::ChildRekey(old), ctx.now + wait);
            }
            Reply::Refused(failure) => {
                self.report_part(ctx, Part::ChildRekey(old), failure);
                // Sooner and sooner until its time is up.
                let left = self
                    .child(old)
                    .map_or(REFUSED_WAIT, |old| old.expires_at - ctx.now);
                let wait = (left / 10).max(REFUSED_WAIT);
                self.enqueue(Task::ChildRekey(old), ctx.now + wait);
            }
            Reply::Agreed(_) => {}
        }
    }

    /// Our new Child SA takes the place of `old`, which we delete. The peer deletes the one it made
    /// for the same purpose, if it did.
    fn take_over(&mut self, ctx: &mut Context<'_>, old: ChildKey, rival: Option<ChildKey>) {
        if let Some(rival) = rival {
            self.hand_over(ctx.now, rival);
        }
        if self.child(old).is_some() {
            self.hand_over(ctx.now, old);
            self.enqueue(Task::ChildDelete(old), ctx.now);
        }
    }

    /// Another Child SA takes the place of `old`, which is about to be deleted; until then the side
    /// that did not ask for it sends on `old` (section 2.8).
    pub(super) fn hand_over(&mut self, now: Instant, old: ChildKey) {
        if let Some(child) = self.child_mut(old)
            && child.is_live()
        {
            child.state = ChildState::Replaced;
            child.expires_at = child.expires_at.min(now + REPLACED_LIFETIME);
        }
    }

    pub(crate) fn answer_child_rekey(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
        rekey: &Notify<'_>,
    ) {
        // The notification names the SA by the SPI the peer receives on (section 1.3.3).
        let spi = <[u8; 4]>::try_from(rekey.spi).map(u32::from_be_bytes).ok();
        let old = self
            .children
            .iter()
            .find(|child| Some(child.outbound.spi) == spi)
            .map(|child| child.key);
        let verdict = decide(self.stance(old), Theirs::ChildRekey);
        if verdict == Verdict::RefuseForNow {
            return self.refuse(ctx, link, header, NotifyType::TEMPORARY_FAILURE);
        }
        let Some(old) = old else {
            return self.refuse(ctx, link, header, NotifyType::CHILD_SA_NOT_FOUND);
        };
        let has_rival = matches!(&self.active, Some(Active::ChildRekey(p)) if p.child == old && p.rival.is_some());
        if has_rival
            || self
                .child(old)
                .is_some_and(|child| child.state == ChildState::Replaced)
        {
            // It has a successor already and is waiting for its Delete.
            return self.refuse(ctx, link, header, NotifyType::TEMPORARY_FAILURE);
        }
        let Some((new, nonces)) = self.answer_child(ctx, link, header, contents, Some(old)) else {
            return;
        };
        self.yield_child(ctx, old, (new, nonces), verdict);
    }

    /// Lets the Child SA that the peer made take the place of `old`, or be the rival of the one we are making.
    pub(super) fn yield_child(
        &mut self,
        ctx: &mut Context<'_>,
        old: ChildKey,
        (new, nonces): Rival,
        verdict: Verdict,
    ) {
        match &mut self.active {
            Some(Active::ChildRekey(pending)) if verdict == Verdict::ProceedAndCompare => {
                pending.rival = Some((new, nonces));
            }
            _ => {
                self.hand_over(ctx.now, old);
                self.settle_twins(ctx, new);
            }
        }
    }
}
