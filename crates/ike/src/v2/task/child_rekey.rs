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
use crate::v2::active::{Active, ChildRekeying};
use crate::v2::agreement::Birth;
use crate::v2::collision::{Theirs, Verdict, decide};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::keys::Nonces;
use crate::v2::link::Link;
use crate::v2::task::Task;
use crate::v2::task::child_create::{Reply, TEMPORARY_WAIT};

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
            Reply::Agreed {
                agreement,
                shared,
                nonces,
            } => {
                let redundant = rival
                    .as_ref()
                    .is_some_and(|(_, rival_nonces)| nonces.lose_against(rival_nonces));
                let birth = Birth {
                    agreement,
                    shared: shared.as_ref(),
                    nonces: Nonces {
                        initiator: &nonces.initiator,
                        responder: &nonces.responder,
                    },
                    role: Role::Initiator,
                    replaces: Some(old),
                    index: self.child(old).and_then(|child| child.index),
                    redundant,
                };
                let Some(new) = self.add_agreed(ctx, link, Some(Part::ChildRekey(old)), birth)
                else {
                    return;
                };
                if redundant {
                    self.hand_over(ctx.now, old);
                    self.close_child(ctx, new);
                } else {
                    let alone = rival.is_none();
                    self.take_over(ctx, old, rival.map(|(rival, _)| rival));
                    if alone {
                        self.settle_twins(ctx, new);
                    }
                }
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
            refusal => match rival {
                // The peer's own rekey stands; ours is not needed any more.
                Some(_) => self.hand_over(ctx.now, old),
                None => self.child_rekey_refused(ctx, old, refusal),
            },
        }
    }

    /// Notes that our own is not answered: the peer's stands, if it made one.
    pub(crate) fn abandon_child_rekey(&mut self, now: Instant, pending: &ChildRekeying) {
        if pending.rival.is_some() {
            self.hand_over(now, pending.child);
        }
    }

    fn child_rekey_refused(&mut self, ctx: &mut Context<'_>, old: ChildKey, reply: Reply) {
        match reply {
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
            Reply::Agreed { .. } => {}
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
    fn hand_over(&mut self, now: Instant, old: ChildKey) {
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
