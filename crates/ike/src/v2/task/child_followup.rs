//! A Child SA that is made, or rekeyed, with an additional key exchange (RFC 9370 section 2.2.4).

use adit_crypto::AdditionalExchange;
use adit_ike_wire::Header;
use adit_ike_wire::v2::{NotifyType, Payload};

use crate::child::ChildState;
use crate::failure::Failure;
use crate::output::ChildKey;
use crate::sa::Context;
use crate::v2::active::{Active, Agreed, ChildFollowing, Purpose};
use crate::v2::agreement::notification_name;
use crate::v2::collision::{Theirs, Verdict, decide};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::link::Link;
use crate::v2::task::child_create::Reply;
use crate::v2::task::followup::{answer, finish};

impl Established {
    /// Goes on with a request that was answered.
    pub(super) fn follow_up_child(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        additional: AdditionalExchange,
        (purpose, agreed): (Purpose, Agreed),
        contents: &Contents<'_>,
    ) {
        match self.request_followup(ctx, link, additional, contents) {
            Some(decapsulation) => {
                self.active = Some(Active::ChildFollowUp(ChildFollowing {
                    purpose,
                    agreed,
                    decapsulation,
                }));
            }
            None => {
                let notification = "an answer that does not say how to go on".into();
                let refusal = Reply::Refused(Failure::Refused { notification });
                self.child_refused(ctx, purpose, refusal);
            }
        }
    }

    /// Takes the answer to it.
    pub(crate) fn child_followed_up(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        pending: ChildFollowing,
        contents: &Contents<'_>,
    ) {
        let ChildFollowing {
            purpose,
            mut agreed,
            decapsulation,
        } = pending;
        agreed.additional = finish(&decapsulation, contents);
        if agreed.still_to_exchange().is_some() {
            return self.child_refused(ctx, purpose, refusal(contents));
        }
        match purpose {
            Purpose::New(index) => self.make_created(ctx, link, index, &agreed),
            // Had the peer's own lost, or won, this would not have gone on.
            Purpose::Rekey(old, rival) => {
                self.make_rekeyed(ctx, link, (old, rival), false, &agreed);
            }
        }
    }

    fn child_refused(&mut self, ctx: &mut Context<'_>, purpose: Purpose, refusal: Reply) {
        match purpose {
            Purpose::New(index) => self.create_refused(ctx, index, refusal),
            Purpose::Rekey(old, rival) => self.rekey_refused(ctx, old, rival.is_some(), refusal),
        }
    }

    pub(super) fn answer_child_followup(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
        (replaces, mut agreed, exchange): (Option<ChildKey>, Agreed, AdditionalExchange),
    ) {
        let theirs = match replaces {
            Some(_) => Theirs::ChildRekey,
            None => Theirs::ChildCreate,
        };
        let verdict = decide(self.stance(replaces), theirs);
        let old = replaces.map(|old| self.child(old).map(|child| child.state));
        if verdict == Verdict::RefuseForNow || old == Some(Some(ChildState::Replaced)) {
            return self.refuse(ctx, link, header, NotifyType::TEMPORARY_FAILURE);
        }
        if old == Some(None) {
            return self.refuse(ctx, link, header, NotifyType::CHILD_SA_NOT_FOUND);
        }
        let Some((public, secret)) = answer(exchange, contents) else {
            return self.refuse(ctx, link, header, NotifyType::INVALID_SYNTAX);
        };
        agreed.additional = Some(secret);
        let payloads = [Payload::KeyExchange {
            group: exchange.id(),
            data: &public,
        }];
        let made = self.install_answered(ctx, link, header, replaces, &agreed, &payloads);
        match (made, replaces) {
            (Some(new), Some(old)) => self.yield_child(ctx, old, (new, agreed.nonces), verdict),
            (Some(new), None) => self.settle_twins(ctx, new),
            (None, _) => {}
        }
    }
}

/// What an answer without a public value means.
fn refusal(contents: &Contents<'_>) -> Reply {
    let kind = contents.error().map(|notify| notify.kind);
    match kind {
        Some(NotifyType::TEMPORARY_FAILURE) => Reply::TryLater,
        Some(NotifyType::CHILD_SA_NOT_FOUND) => Reply::NotFound,
        _ => Reply::Refused(Failure::Refused {
            notification: kind.map_or_else(
                || "an answer to IKE_FOLLOWUP_KE that makes no sense".into(),
                notification_name,
            ),
        }),
    }
}
