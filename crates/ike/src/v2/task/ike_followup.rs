//! A rekey of the IKE SA that goes on with an additional key exchange (RFC 9370 section 2.2.4).

use adit_crypto::AdditionalExchange;
use adit_ike_wire::Header;
use adit_ike_wire::v2::{NotifyType, Payload};

use crate::sa::Context;
use crate::v2::active::{Active, IkeFollowing, Succession};
use crate::v2::collision::{Theirs, Verdict, decide};
use crate::v2::contents::Contents;
use crate::v2::established::{Established, Phase};
use crate::v2::link::Link;
use crate::v2::task::followup::{answer, finish};

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
        let Some(decapsulation) = self.request_followup(ctx, link, additional, contents) else {
            return false;
        };
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
        succession.additional = finish(&decapsulation, contents);
        let successor = match succession.still_to_exchange() {
            None => self.bear(ctx, link, succession),
            Some(_) => None,
        };
        if self.settle_ike_rekey(ctx, link, successor) {
            return;
        }
        let told = contents.error().map(|notify| notify.kind);
        self.not_rekeyed(
            ctx,
            told,
            "an answer to IKE_FOLLOWUP_KE that makes no sense",
        );
    }

    pub(super) fn answer_ike_followup(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
        (mut succession, exchange): (Succession, AdditionalExchange),
    ) {
        let verdict = decide(self.stance(None), Theirs::IkeRekey);
        let busy = self.rival.is_some() || ctx.crowded || self.phase != Phase::InUse;
        if verdict == Verdict::RefuseForNow || busy {
            return self.refuse(ctx, link, header, NotifyType::TEMPORARY_FAILURE);
        }
        let Some((public, secret)) = answer(exchange, contents) else {
            return self.refuse(ctx, link, header, NotifyType::INVALID_SYNTAX);
        };
        succession.additional = Some(secret);
        let Some(new) = self.bear(ctx, link, succession) else {
            return self.refuse(ctx, link, header, NotifyType::NO_PROPOSAL_CHOSEN);
        };
        let payloads = [Payload::KeyExchange {
            group: exchange.id(),
            data: &public,
        }];
        self.respond(ctx, link, header, &payloads);
        self.yield_to(ctx, link, new, verdict);
    }
}
