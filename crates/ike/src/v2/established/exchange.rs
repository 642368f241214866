//! What an SA that is up makes of the peer's requests and answers.

use adit_ike_wire::v2::{NotifyType, Payload};
use adit_ike_wire::{ExchangeType, Header};

use crate::config::Protocol;
use crate::failure::{Failure, Judge};
use crate::sa::{Context, Effect, Ending, Farewell, SaKey};
use crate::v2::active::Active;
use crate::v2::agreement::{error_payload, notification_name};
use crate::v2::contents::Contents;
use crate::v2::established::{Established, Phase};
use crate::v2::link::Link;

/// What a peer says in an INFORMATIONAL exchange to have the IKE SA deleted without a Delete (RFC 7296
/// section 2.21.2).
const ENDS_THE_SA: [NotifyType; 3] = [
    NotifyType::AUTHENTICATION_FAILED,
    NotifyType::INVALID_SYNTAX,
    NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD,
];

impl Established {
    /// Takes the answer to the request under way; its window is free again.
    pub(crate) fn on_response(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        contents: &Contents<'_>,
    ) {
        self.heard = ctx.now;
        // Section 2.21.3: who answers so has deleted the SA, without a Delete.
        if contents.notify(NotifyType::INVALID_SYNTAX).is_some() {
            return self.refused(ctx, link.key, NotifyType::INVALID_SYNTAX);
        }
        // Section 2.5: a message with such a payload is rejected whole.
        if contents.unknown_critical.is_some() {
            return self.misled(ctx);
        }
        let (asked, number) = (self.asked, self.asked_number);
        self.prove_where(ctx, |child| {
            child.proof_at <= asked && child.key.0 <= number
        });
        self.ask_for_proof();
        self.ask_anew_at = None;
        match self.active.take() {
            // The Child SA would not outlive the answer to the Delete that comes next.
            Some(active) if active.makes_any() && self.phase == Phase::Closing => {}
            Some(Active::ChildCreate(pending)) => {
                self.child_created(ctx, link, pending, contents);
            }
            Some(Active::ChildDelete(key)) => self.child_deleted(ctx, key),
            Some(Active::ChildFollowUp(pending)) => {
                self.child_followed_up(ctx, link, pending, contents);
            }
            Some(Active::ChildRekey(pending)) => {
                self.child_rekeyed(ctx, link, pending, contents);
            }
            Some(Active::IkeDelete) => self.ike_deleted(ctx, link.key),
            Some(Active::IkeFollowUp(pending)) => {
                self.ike_followed_up(ctx, link, pending, contents);
            }
            Some(Active::IkeRekey(pending)) => self.ike_rekeyed(ctx, link, pending, contents),
            // Whoever was asked for is not there; otherwise the path was changed by now.
            Some(Active::Liveness) => link.candidate = None,
            Some(Active::Synchronise(_)) => self.synchronised(link, contents),
            None => {}
        }
    }

    /// Answers a request that was opened.
    pub(crate) fn on_request(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
    ) {
        self.heard = ctx.now;
        if let Some(kind) = contents.unknown_critical {
            let payload = Payload::Notify(adit_ike_wire::v2::Notify {
                protocol: adit_ike_wire::v2::ProtocolId::NONE,
                spi: &[],
                kind: NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD,
                data: &[kind],
            });
            return self.respond(ctx, link, header, &[payload]);
        }
        let mut said = contents.notifies.iter().map(|notify| notify.kind);
        if !said.any(|kind| ENDS_THE_SA.contains(&kind)) {
            // Section 2.3: the peer's next request comes after it has had our last answer.
            self.prove_where(ctx, |_| true);
        }
        let mut deletes = contents.deletes.iter();
        if self.waits
            && (header.exchange == ExchangeType::CREATE_CHILD_SA
                || deletes.any(|delete| Protocol::is_known(delete.protocol.0)))
        {
            // The peer uses this SA, so it has settled for it. The request is left unanswered: its
            // repetition will find the Child SAs here.
            ctx.effects.push(Effect::Preferred(link.key));
            return;
        }
        match header.exchange {
            ExchangeType::CREATE_CHILD_SA => {
                let for_ike = contents
                    .proposals
                    .and_then(|proposals| proposals.first())
                    .is_some_and(|first| first.protocol == adit_ike_wire::v2::ProtocolId::IKE);
                if let Some(rekey) = contents.notify(NotifyType::REKEY_SA) {
                    self.answer_child_rekey(ctx, link, header, contents, rekey);
                } else if for_ike {
                    self.answer_ike_rekey(ctx, link, header, contents);
                } else {
                    self.answer_child_create(ctx, link, header, contents);
                }
            }
            ExchangeType::IKE_FOLLOWUP_KE => self.answer_followup(ctx, link, header, contents),
            ExchangeType::INFORMATIONAL => self.answer_informational(ctx, link, header, contents),
            _ => self.refuse(ctx, link, header, NotifyType::INVALID_SYNTAX),
        }
    }

    fn answer_informational(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
    ) {
        let mut deletes = contents.deletes.iter().map(|delete| delete.protocol);
        let ends = deletes
            .clone()
            .any(|one| one == adit_ike_wire::v2::ProtocolId::IKE);
        let mut said = contents.notifies.iter().map(|notify| notify.kind);
        let fatal = said.find(|kind| ENDS_THE_SA.contains(kind));
        if let Some(kind) = fatal {
            self.respond(ctx, link, header, &[]);
            self.refused(ctx, link.key, kind);
        } else if ends {
            self.answer_ike_delete(ctx, link, header);
        } else if deletes.any(|one| Protocol::is_known(one.0)) {
            self.answer_child_delete(ctx, link, header, contents);
        } else {
            // A liveness check, or notifications that ask for nothing but to be sure again who we are (RFC 4478
            // section 3). Who began may not be known any more after a rekey.
            self.hear_lifetime(ctx, contents);
            self.respond(ctx, link, header, &[]);
        }
    }

    pub(crate) fn respond(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        request: &Header,
        payloads: &[Payload<'_>],
    ) {
        let protection = &mut self.keys.protection;
        link.respond(
            ctx,
            protection,
            request.exchange,
            request.message_id,
            payloads,
        );
    }

    pub(crate) fn refuse(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        request: &Header,
        kind: NotifyType,
    ) {
        self.respond(ctx, link, request, &[error_payload(kind)]);
        if kind == NotifyType::INVALID_SYNTAX {
            // Section 2.21.3: it is fatal on both sides. Not every peer knows; the Delete tells it.
            self.close(ctx, Farewell::Lingering);
        }
    }

    /// Ends the SA, which the peer has deleted without a Delete: it refuses us.
    fn refused(&mut self, ctx: &mut Context<'_>, key: SaKey, kind: NotifyType) {
        let failure = if kind == NotifyType::AUTHENTICATION_FAILED {
            Failure::Authentication { by: Judge::Peer }
        } else {
            Failure::Refused {
                notification: notification_name(kind),
            }
        };
        if self.phase == Phase::InUse {
            self.report(ctx, failure);
        }
        self.end(ctx, key, Ending::Failed);
    }

    /// Closes the SA after an answer that makes no sense though it is authentic.
    pub(crate) fn misled(&mut self, ctx: &mut Context<'_>) {
        self.active = None;
        if self.phase == Phase::InUse {
            let notification = "an answer that can't be understood".into();
            self.report(ctx, Failure::Refused { notification });
        }
        self.close(ctx, Farewell::Lingering);
    }
}
