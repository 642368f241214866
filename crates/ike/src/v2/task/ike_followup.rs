//! IKE_FOLLOWUP_KE: a rekey of the IKE SA that goes on with an additional key exchange (RFC 9370 section 2.2.4).
//!
//! ```text
//!  CREATE_CHILD_SA: SK {SA, Ni, KEi}             -->
//!                                                <--  SK {SA, Nr, KEr, N(ADDITIONAL_KEY_EXCHANGE)(link)}
//!  IKE_FOLLOWUP_KE: SK {KEi(1), N(A..K..E..)(link)}  -->
//!                                                <--  SK {KEr(1)}
//! ```
//!
//! The new SA is there with the last message. Rekeys of both ends at once meet as they do without.

use adit_crypto::AdditionalExchange;
use adit_ike_wire::v2::{Notify, NotifyType, Payload};
use adit_ike_wire::{ExchangeType, Header};

use crate::failure::Failure;
use crate::output::Part;
use crate::sa::Context;
use crate::v2::active::{Active, IkeFollowing, Succession};
use crate::v2::agreement::notification_name;
use crate::v2::collision::{Theirs, Verdict, decide};
use crate::v2::contents::Contents;
use crate::v2::established::{Established, Phase};
use crate::v2::link::Link;
use crate::v2::task::Task;
use crate::v2::task::child_create::TEMPORARY_WAIT;
use crate::v2::task::ike_rekey::REFUSED_WAIT;

pub(super) const ADDITIONAL_KEY_EXCHANGE: NotifyType = NotifyType::ADDITIONAL_KEY_EXCHANGE;

impl Established {
    /// Goes on with a rekey that was answered; whether the answer has what that takes.
    pub(super) fn follow_up(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        additional: AdditionalExchange,
        succession: Succession,
        contents: &Contents<'_>,
    ) -> bool {
        let Some(named) = contents.notify(ADDITIONAL_KEY_EXCHANGE) else {
            return false;
        };
        let Some(decapsulation) = additional.begin() else {
            return false;
        };
        let payloads = [
            Payload::KeyExchange {
                group: additional.id(),
                data: decapsulation.public(),
            },
            Payload::Notify(Notify::new(ADDITIONAL_KEY_EXCHANGE, named.data)),
        ];
        let protection = &mut self.keys.protection;
        link.request(ctx, protection, ExchangeType::IKE_FOLLOWUP_KE, &payloads);
        self.active = Some(Active::IkeFollowUp(IkeFollowing {
            succession,
            decapsulation,
        }));
        true
    }

    /// Takes the answer to it.
    pub(crate) fn ike_followed_up(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        pending: IkeFollowing,
        contents: &Contents<'_>,
    ) {
        let IkeFollowing {
            mut succession,
            decapsulation,
        } = pending;
        let answer = contents
            .key_exchange
            .filter(|(group, _)| *group == decapsulation.exchange().id());
        succession.additional = answer.and_then(|(_, answer)| decapsulation.finish(answer).ok());
        let successor = match succession.still_to_exchange() {
            None => self.bear(ctx, link, succession),
            Some(_) => None,
        };
        if self.settle_ike_rekey(ctx, link, successor) {
            return;
        }
        let told = contents.error().map(|notify| notify.kind);
        if told == Some(NotifyType::TEMPORARY_FAILURE) {
            let wait = TEMPORARY_WAIT + ctx.jitter(TEMPORARY_WAIT);
            return self.enqueue(Task::IkeRekey, ctx.now + wait);
        }
        let notification = told.map_or_else(
            || "an answer to IKE_FOLLOWUP_KE that makes no sense".into(),
            notification_name,
        );
        self.report_part(ctx, Part::IkeRekey, Failure::Refused { notification });
        self.enqueue(Task::IkeRekey, ctx.now + REFUSED_WAIT);
    }

    pub(crate) fn answer_ike_followup(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
    ) {
        let named = contents.notify(ADDITIONAL_KEY_EXCHANGE);
        let named = named.map(|notify| notify.data);
        let followed = self.followed.take();
        let Some(mut followed) = followed.filter(|one| named == Some(&one.link)) else {
            return self.refuse(ctx, link, header, NotifyType::STATE_NOT_FOUND);
        };
        let verdict = decide(self.stance(None), Theirs::IkeRekey);
        let busy = self.rival.is_some() || ctx.crowded || self.phase != Phase::InUse;
        if verdict == Verdict::RefuseForNow || busy {
            return self.refuse(ctx, link, header, NotifyType::TEMPORARY_FAILURE);
        }
        let public = contents
            .key_exchange
            .filter(|(group, _)| *group == followed.exchange.id());
        let answer = public.and_then(|(_, public)| followed.exchange.answer(public).ok());
        let Some((public, secret)) = answer else {
            return self.refuse(ctx, link, header, NotifyType::INVALID_SYNTAX);
        };
        followed.succession.additional = Some(secret);
        let Some(new) = self.bear(ctx, link, followed.succession) else {
            return self.refuse(ctx, link, header, NotifyType::NO_PROPOSAL_CHOSEN);
        };
        let payloads = [Payload::KeyExchange {
            group: followed.exchange.id(),
            data: &public,
        }];
        self.respond(ctx, link, header, &payloads);
        self.yield_to(ctx, link, new, verdict);
    }
}
