//! CREATE_CHILD_SA for a new Child SA (RFC 7296 section 1.3.1), and what a rekey shares with it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use adit_crypto::Group;
use adit_ike_wire::v2::{Notify, NotifyType, Payload};
use adit_ike_wire::{ExchangeType, Header, TrafficSelector};

use crate::child::{ChildSa, Standing};
use crate::failure::{Failure, Judge};
use crate::nonces::ExchangeNonces;
use crate::output::{ChildKey, Part};
use crate::sa::{Context, Role};
use crate::v2::active::{Active, Agreed, ChildCreating, Purpose, Request};
use crate::v2::agreement::{self, Birth, Wish};
use crate::v2::collision::{Theirs, Verdict, decide};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::link::Link;
use crate::v2::private_value::PrivateValue;
use crate::v2::proposal::{offer_esp, offer_esp_and_more};
use crate::v2::task::Task;

/// How soon a task that met TEMPORARY_FAILURE is tried again, plus up to as much jitter.
pub(crate) const TEMPORARY_WAIT: Duration = Duration::from_millis(1_500);

/// Two Child SAs for the same traffic that were made within this time are there because both sides
/// asked at once; otherwise the peer wants two.
const SIMULTANEOUS: Duration = Duration::from_secs(10);

/// What the peer said to our request.
pub(crate) enum Reply {
    /// It agreed.
    Agreed(Box<Agreed>),
    /// It does not know the Child SA that was to be rekeyed.
    NotFound,
    /// It said no.
    Refused(Failure),
    /// It wants another group.
    TryGroup(Group),
    /// Not at this moment.
    TryLater,
}

impl Established {
    /// Sends CREATE_CHILD_SA; with `rekey`, for the Child SA that has this inbound SPI.
    pub(crate) fn request_child(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        (local, remote): (Vec<TrafficSelector>, Vec<TrafficSelector>),
        rekey: Option<u32>,
        group: Option<Group>,
    ) -> Request {
        let group = group.or_else(|| self.config.esp.groups.first().copied());
        let request = Request {
            wish: Wish {
                inbound_spi: ctx.expected_spi(),
                local,
                remote,
            },
            nonce: ctx.nonce(),
            key_exchange: group.map(|group| PrivateValue::generate(group, ctx.random)),
        };
        let spi = request.wish.inbound_spi.to_be_bytes();
        let rekeyed = rekey.unwrap_or_default().to_be_bytes();
        let mut payloads = Vec::new();
        if rekey.is_some() {
            payloads.push(Payload::Notify(Notify {
                protocol: adit_ike_wire::v2::ProtocolId(self.config.esp.protocol.number()),
                spi: &rekeyed,
                kind: NotifyType::REKEY_SA,
                data: &[],
            }));
        }
        // A peer that could once can again; others are not bothered.
        let proposals = match (self.keys.suite.additional, group) {
            (Some(_), Some(_)) => offer_esp_and_more(&self.config.esp, &spi),
            _ => offer_esp(&self.config.esp, &spi, true),
        };
        payloads.push(Payload::SecurityAssociation(proposals));
        payloads.push(Payload::Nonce(&request.nonce));
        if let Some(key_exchange) = &request.key_exchange {
            payloads.push(Payload::KeyExchange {
                group: key_exchange.group().id(),
                data: key_exchange.public(),
            });
        }
        payloads.push(Payload::TsInitiator(request.wish.local.clone()));
        payloads.push(Payload::TsResponder(request.wish.remote.clone()));
        payloads.extend(agreement::mode_payload(self.config.mode));
        let protection = &mut self.keys.protection;
        link.request(ctx, protection, ExchangeType::CREATE_CHILD_SA, &payloads);
        request
    }

    /// Reads the peer's answer to [`Self::request_child`].
    pub(crate) fn read_child_reply(&self, request: &Request, contents: &Contents<'_>) -> Reply {
        match contents.error().map(|notify| (notify.kind, notify.data)) {
            Some((NotifyType::TEMPORARY_FAILURE, _)) => return Reply::TryLater,
            Some((NotifyType::CHILD_SA_NOT_FOUND, _)) => return Reply::NotFound,
            Some((NotifyType::INVALID_KE_PAYLOAD, data)) => {
                let ours = request
                    .key_exchange
                    .as_ref()
                    .map(|key_exchange| key_exchange.group());
                let wanted = <[u8; 2]>::try_from(data)
                    .ok()
                    .and_then(|id| Group::from_id(u16::from_be_bytes(id)))
                    .filter(|group| self.config.esp.groups.contains(group))
                    .filter(|group| Some(*group) != ours);
                if let Some(group) = wanted {
                    return Reply::TryGroup(group);
                }
            }
            _ => {}
        }
        let agreement = match agreement::accept(&self.config, &request.wish, contents, true) {
            Ok(agreement) => agreement,
            Err(failure) => return Reply::Refused(failure),
        };
        let refused = |what: &str| {
            Reply::Refused(Failure::Refused {
                notification: what.into(),
            })
        };
        let Some(nonce) = contents.nonce else {
            return refused("an answer without nonce");
        };
        let shared = match (&request.key_exchange, agreement.suite.group) {
            (None, None) => None,
            (Some(key_exchange), Some(group)) if key_exchange.group() == group => {
                let public = contents.key_exchange.filter(|(id, _)| *id == group.id());
                match public.and_then(|(_, public)| key_exchange.agree(public).ok()) {
                    Some(shared) => Some(shared),
                    None => return refused("an answer with a bad public value"),
                }
            }
            _ => return refused("an answer with another group than its public value's"),
        };
        let nonces = ExchangeNonces {
            initiator: request.nonce.clone(),
            responder: nonce.to_vec(),
        };
        Reply::Agreed(Box::new(Agreed {
            agreement,
            shared,
            additional: None,
            nonces,
        }))
    }

    pub(crate) fn start_child_create(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        index: usize,
    ) {
        if self.is_busy_with(index, ctx.now) {
            return;
        }
        let Some(selectors) = self.wanted(index) else {
            return;
        };
        let request = self.request_child(ctx, link, selectors, None, None);
        let index = Some(index);
        self.active = Some(Active::ChildCreate(ChildCreating { index, request }));
    }

    pub(crate) fn child_created(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        pending: ChildCreating,
        contents: &Contents<'_>,
    ) {
        let ChildCreating { index, request } = pending;
        match self.read_child_reply(&request, contents) {
            Reply::Agreed(agreed) => match agreed.still_to_exchange() {
                Some(additional) => {
                    let purpose = Purpose::New(index);
                    self.follow_up_child(ctx, link, additional, (purpose, *agreed), contents);
                }
                None => self.make_created(ctx, link, index, &agreed),
            },
            Reply::TryGroup(group) => {
                let selectors = (request.wish.local, request.wish.remote);
                let request = self.request_child(ctx, link, selectors, None, Some(group));
                self.active = Some(Active::ChildCreate(ChildCreating { index, request }));
            }
            refusal => self.create_refused(ctx, index, refusal),
        }
    }

    pub(super) fn create_refused(
        &mut self,
        ctx: &mut Context<'_>,
        index: Option<usize>,
        refusal: Reply,
    ) {
        let Some(index) = index else { return };
        match refusal {
            // The endpoint asks again after a while; nothing here would change the answer.
            Reply::Refused(failure) => self.report_part(ctx, Part::Child(index), failure),
            Reply::TryLater | Reply::NotFound | Reply::TryGroup(_) => {
                let wait = TEMPORARY_WAIT + ctx.jitter(TEMPORARY_WAIT);
                self.enqueue(Task::ChildCreate(index), ctx.now + wait);
            }
            Reply::Agreed(_) => {}
        }
    }

    /// Makes a Child SA that was asked for and agreed to.
    pub(super) fn make_created(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        index: Option<usize>,
        agreed: &Agreed,
    ) {
        if self.is_withdrawn(agreed) {
            // The endpoint asks again.
            return;
        }
        let birth = agreed.birth(Role::Initiator, None, index);
        let part = index.map(Part::Child);
        if let Some(new) = self.add_agreed(ctx, link, part, birth) {
            self.settle_twins(ctx, new);
        }
    }

    /// Whether the peer has deleted what it agreed to before its answer came.
    pub(super) fn is_withdrawn(&self, agreed: &Agreed) -> bool {
        self.withdrawn.contains(&agreed.agreement.outbound_spi)
    }

    /// Makes a Child SA of what the peer has agreed to, if that is what was asked for. The peer may have made one in
    /// tunnel mode instead, which is closed then (RFC 7296 section 1.3.1).
    pub(crate) fn add_agreed(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        part: Option<Part>,
        birth: Birth<'_>,
    ) -> Option<ChildKey> {
        if birth.agreement.suite.mode == self.config.mode {
            return self.add_child(ctx, link, birth);
        }
        let unwanted = Birth {
            redundant: true,
            ..birth
        };
        if let Some(key) = self.add_child(ctx, link, unwanted) {
            self.close_child(ctx, key);
            if let Some(child) = self.child_mut(key) {
                // Nobody is told that it is up.
                child.standing = Standing::Unproven;
            }
        }
        if let Some(part) = part {
            self.report_part(ctx, part, Failure::Mode { by: Judge::Peer });
        }
        None
    }

    /// Answers a request for a new Child SA.
    pub(crate) fn answer_child_create(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
    ) {
        if decide(self.stance(None), Theirs::ChildCreate) == Verdict::RefuseForNow {
            return self.refuse(ctx, link, header, NotifyType::TEMPORARY_FAILURE);
        }
        if let Some((new, _)) = self.answer_child(ctx, link, header, contents, None) {
            self.settle_twins(ctx, new);
        }
    }

    /// Closes one of two Child SAs that both sides made for the same traffic at once. As with
    /// simultaneous rekeys (section 2.8.1) the one with the lowest nonce goes, by who made it.
    pub(crate) fn settle_twins(&mut self, ctx: &mut Context<'_>, new: ChildKey) {
        let Some(made) = self.child(new) else { return };
        let twins = self.children.iter().filter(|other| {
            other.is_live()
                && other.is_twin_of(made)
                && other.role != made.role
                && Some(other.key) != made.replaces
                && made.since - other.since <= SIMULTANEOUS
        });
        let pairs = twins.map(|other| {
            if made.nonces.lose_against(&other.nonces) {
                (made.key, other.key)
            } else {
                (other.key, made.key)
            }
        });
        for (loser, winner) in pairs.collect::<Vec<_>>() {
            let asked_for = self.child(loser).and_then(|child| child.index);
            if let Some(winner) = self.child_mut(winner) {
                // It is what was agreed for whatever the other was asked for.
                winner.index = winner.index.or(asked_for);
            }
            if let Some(loser) = self.child_mut(loser)
                && loser.role == Role::Initiator
            {
                loser.yields_to = Some(winner);
            }
        }
        self.close_yielding(ctx);
    }

    /// Closes what yields to a Child SA that the peer is known to have by now; until then packets
    /// are sent on it.
    pub(crate) fn close_yielding(&mut self, ctx: &mut Context<'_>) {
        let ready = |key: ChildKey| self.child(key).is_some_and(ChildSa::is_ready);
        let yielding = self
            .children
            .iter()
            .filter(|child| child.is_live() && child.yields_to.is_some_and(ready));
        for key in yielding.map(|child| child.key).collect::<Vec<_>>() {
            self.close_child(ctx, key);
        }
        self.close_outgrown(ctx);
    }
}
