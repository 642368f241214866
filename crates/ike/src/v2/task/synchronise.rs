//! Agreeing on message IDs after a takeover (RFC 6311 section 5): who goes on with an SA may not know the last messages.
//!
//! ```text
//!  INFORMATIONAL, message ID 0: SK {N(IKEV2_MESSAGE_ID_SYNC)(nonce, M1, P1)}  -->
//!                                          <--  SK {N(IKEV2_MESSAGE_ID_SYNC)(nonce, P2, M2)}
//! ```
//!
//! Both have said in IKE_AUTH that they can. Each names the ID of its next request, then the one that it expects; no
//! number ever goes back. Until the answer is there, whoever took over drops the peer's requests: somebody may send again
//! what the one before has answered.

use core::time::Duration;

use adit_ike_wire::v2::{Notify, NotifyType, Payload};
use adit_ike_wire::{ExchangeType, Header};

use crate::output::ChildKey;
use crate::sa::{Context, DropReason, Path, Received};
use crate::time::Instant;
use crate::v2::active::{Active, Purpose, Rival};
use crate::v2::contents::Contents;
use crate::v2::established::{Established, Phase};
use crate::v2::link::Link;
use crate::v2::message_ids::{Numbers, Synchronised, is_ahead};
use crate::v2::task::Task;

/// The message ID of the exchange, which belongs to no window.
pub(crate) const MESSAGE_ID: u32 = 0;

/// How many requests the one before may have sent that are not known of here.
const UNKNOWN: u32 = 256;

/// How long the answer to a request of the one before is waited for. If it was answered, asking for something else instead
/// leaves the peer with an SA that is not known of here.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is said in IKE_AUTH by who can.
pub(crate) fn supported(ctx: &Context<'_>) -> Option<Payload<'static>> {
    let notify = Notify::new(NotifyType::IKEV2_MESSAGE_ID_SYNC_SUPPORTED, &[]);
    ctx.limits
        .message_id_sync
        .then_some(Payload::Notify(notify))
}

/// Whether both ends can, as the other one says.
pub(crate) fn agrees(ctx: &Context<'_>, contents: &Contents<'_>) -> bool {
    let said = contents.notify(NotifyType::IKEV2_MESSAGE_ID_SYNC_SUPPORTED);
    ctx.limits.message_id_sync && said.is_some()
}

impl Established {
    /// Notes that somebody else had the SA until now. Before anything else message IDs are agreed on, where the peer can,
    /// and else it is asked whether it is there. What was asked before has some time for its answer.
    pub(crate) fn taken_over(&mut self, now: Instant, link: &mut Link) {
        if !self.synchronises {
            return self.enqueue(Task::Liveness, now);
        }
        if let Some(Active::Synchronise(_)) = &self.active {
            // That was about what the one before knew.
            self.active = None;
            link.requests.answered();
        }
        self.doubted = true;
        self.ask_anew_at = self.active.is_some().then_some(now + PATIENCE);
        self.hurry(Task::Synchronise, now);
    }

    /// Whether the peer's requests can't be told from ones that were answered before.
    pub(crate) fn doubts_message_ids(&self) -> bool {
        self.phase == Phase::InUse && self.doubted
    }

    pub(crate) fn start_synchronise(&mut self, ctx: &mut Context<'_>, link: &mut Link) {
        // M1 must be one that was never used (section 5.1).
        let send = link.requests.next_id().saturating_add(UNKNOWN);
        link.requests.skip_to(send);
        let mut nonce = [0; 4];
        ctx.random.fill(&mut nonce);
        let numbers = Numbers {
            nonce: u32::from_be_bytes(nonce),
            send,
            receive: link.responses.expected(),
        };
        let data = numbers.octets();
        let payloads = [Payload::Notify(Notify::new(
            NotifyType::IKEV2_MESSAGE_ID_SYNC,
            &data,
        ))];
        let protection = &mut self.keys.protection;
        let exchange = ExchangeType::INFORMATIONAL;
        link.request_as(ctx, protection, exchange, MESSAGE_ID, &payloads);
        self.active = Some(Active::Synchronise(numbers));
    }

    /// Whether a message with the right number may be the answer. One to a request for agreement has the number of others
    /// that were answered before; it has the request's nonce, and no number that goes back.
    pub(crate) fn may_be_answered_by(&self, contents: &Contents<'_>) -> bool {
        let Some(Active::Synchronise(asked)) = &self.active else {
            return true;
        };
        let said = Numbers::of(contents).and_then(Result::ok);
        said.is_some_and(|said| {
            said.nonce == asked.nonce
                && is_ahead(said.receive, asked.send)
                && is_ahead(said.send, asked.receive)
        })
    }

    /// Takes the answer, which may be one.
    pub(crate) fn synchronised(&mut self, link: &mut Link, contents: &Contents<'_>) {
        if let Some(Ok(answer)) = Numbers::of(contents) {
            self.doubted = false;
            link.requests.skip_to(answer.receive);
            link.responses.skip_to(answer.send);
        }
    }

    /// Answers the peer that took over, or the same again. What it asked for before is older, or somebody else's copy.
    pub(crate) fn answer_synchronise(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        (header, path): (&Header, Path),
        asked: Numbers,
    ) -> Result<Received, DropReason> {
        let expected = link.responses.expected();
        if let Some(before) = &self.synchronised {
            if before.asked == asked && before.answered.receive == expected {
                path.send_all(ctx, before.answer.datagrams.clone());
                return Ok(Received::Repeated);
            }
            // Section 5.1: M1 is higher than whatever came before.
            if asked.send <= before.asked.send {
                return Err(DropReason::OutOfOrder);
            }
        }
        let own = link.requests.next_id();
        let too_far = asked.receive > own && !is_ahead(asked.receive, own);
        if !is_ahead(asked.send, expected) || too_far {
            return Err(DropReason::OutOfOrder);
        }
        self.heard = ctx.now;
        link.asked_from = path;
        let answered = Numbers {
            nonce: asked.nonce,
            send: asked.receive.max(own),
            receive: asked.send,
        };
        link.responses.skip_to(answered.receive);
        link.requests.skip_to(answered.send);
        if asked.receive == own && self.active.is_some() {
            // What we wait for was answered by the one before; this one may have the answer.
            self.ask_anew_at = Some(ctx.now + PATIENCE);
        } else {
            self.ask_anew(ctx, link);
        }
        let data = answered.octets();
        let payloads = [Payload::Notify(Notify::new(
            NotifyType::IKEV2_MESSAGE_ID_SYNC,
            &data,
        ))];
        let protection = &mut self.keys.protection;
        let answer = link.respond_as(ctx, protection, header, &payloads);
        self.synchronised = Some(Synchronised {
            asked,
            answered,
            answer,
        });
        Ok(Received::Processed)
    }

    /// Gives up the request under way, which whoever took over does not answer, and has it be made anew.
    pub(crate) fn ask_anew(&mut self, ctx: &mut Context<'_>, link: &mut Link) {
        if matches!(self.active, Some(Active::Synchronise(_))) {
            return;
        }
        self.ask_anew_at = None;
        link.requests.answered();
        let again = match self.active.take() {
            Some(Active::ChildCreate(pending)) => pending.index.map(Task::ChildCreate),
            Some(Active::ChildDelete(child)) => Some(Task::ChildDelete(child)),
            Some(Active::ChildRekey(pending)) => {
                self.rekey_anew(ctx.now, pending.child, pending.rival)
            }
            Some(Active::ChildFollowUp(pending)) => match pending.purpose {
                Purpose::New(index) => index.map(Task::ChildCreate),
                Purpose::Rekey(child, rival) => self.rekey_anew(ctx.now, child, rival),
            },
            Some(Active::IkeDelete) => Some(Task::IkeDelete),
            Some(Active::IkeRekey(_) | Active::IkeFollowUp(_)) => {
                let is_settled = self.settle_ike_rekey(ctx, link, None);
                (!is_settled).then_some(Task::IkeRekey)
            }
            Some(Active::Liveness) => Some(Task::Liveness),
            Some(Active::Synchronise(_)) | None => None,
        };
        if let Some(task) = again {
            self.enqueue(task, ctx.now);
        }
    }

    /// Where the peer made one for the same purpose, that stands, and ours is not asked for again.
    fn rekey_anew(&mut self, now: Instant, child: ChildKey, rival: Option<Rival>) -> Option<Task> {
        if rival.is_some() {
            self.hand_over(now, child);
            return None;
        }
        Some(Task::ChildRekey(child))
    }
}
