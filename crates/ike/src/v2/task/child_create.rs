//! CREATE_CHILD_SA for a new Child SA (RFC 7296 section 1.3.1), and what a rekey shares with it.

use alloc::vec::Vec;
use core::time::Duration;

use adit_crypto::{Group, Secret};
use adit_ike_wire::v2::{Notify, NotifyType, Payload};
use adit_ike_wire::{ExchangeType, Header, TrafficSelector};

use crate::child::{ChildSa, Standing};
use crate::failure::{Failure, Judge};
use crate::nonces::ExchangeNonces;
use crate::output::{ChildKey, Part};
use crate::sa::{Context, Effect, Role};
use crate::v2::active::{Active, ChildCreating, Request};
use crate::v2::agreement::{self, Agreement, Birth, Wish};
use crate::v2::collision::{Theirs, Verdict, decide};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::keys::Nonces;
use crate::v2::link::Link;
use crate::v2::private_value::PrivateValue;
use crate::v2::proposal::offer_esp;
use crate::v2::task::Task;

/// How soon a task that met TEMPORARY_FAILURE is tried again, plus up to as much jitter.
pub(crate) const TEMPORARY_WAIT: Duration = Duration::from_millis(1_500);

/// Two Child SAs for the same traffic that were made within this time are there because both sides
/// asked at once; otherwise the peer wants two.
const SIMULTANEOUS: Duration = Duration::from_secs(10);

/// How many Child SAs an IKE SA may have, beyond four for each that is wanted.
const SPARE_CHILDREN: usize = 16;

/// What the peer said to our request.
pub(crate) enum Reply {
    /// It agreed; the keys' ingredients.
    Agreed {
        agreement: Agreement,
        shared: Option<Secret>,
        nonces: ExchangeNonces,
    },
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
                inbound_spi: ctx.esp_spi(),
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
        payloads.push(Payload::SecurityAssociation(offer_esp(
            &self.config.esp,
            &spi,
            true,
        )));
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
        Reply::Agreed {
            agreement,
            shared,
            nonces,
        }
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
            Reply::Agreed {
                agreement,
                shared,
                nonces,
            } => {
                let birth = Birth {
                    agreement,
                    shared: shared.as_ref(),
                    nonces: Nonces {
                        initiator: &nonces.initiator,
                        responder: &nonces.responder,
                    },
                    role: Role::Initiator,
                    replaces: None,
                    index,
                    redundant: false,
                };
                let part = index.map(Part::Child);
                if let Some(new) = self.add_agreed(ctx, link, part, birth) {
                    self.settle_twins(ctx, new);
                }
            }
            Reply::TryGroup(group) => {
                let selectors = (request.wish.local, request.wish.remote);
                let request = self.request_child(ctx, link, selectors, None, Some(group));
                self.active = Some(Active::ChildCreate(ChildCreating { index, request }));
            }
            Reply::TryLater | Reply::NotFound => {
                let wait = TEMPORARY_WAIT + ctx.jitter(TEMPORARY_WAIT);
                if let Some(index) = index {
                    self.enqueue(Task::ChildCreate(index), ctx.now + wait);
                }
            }
            // The endpoint asks again after a while; nothing here would change the answer.
            Reply::Refused(failure) => {
                if let Some(index) = index {
                    self.report_part(ctx, Part::Child(index), failure);
                }
            }
        }
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

    /// Agrees, answers and installs; the new Child SA and its nonces, where it comes to that.
    pub(crate) fn answer_child(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
        replaces: Option<ChildKey>,
    ) -> Option<(ChildKey, ExchangeNonces)> {
        let Some(initiator_nonce) = contents.nonce else {
            self.refuse(ctx, link, header, NotifyType::INVALID_SYNTAX);
            return None;
        };
        if self.children.len() >= 4 * self.config.children.len() + SPARE_CHILDREN {
            // Section 1.3: a peer can't make us hold any number of Child SAs.
            self.refuse(ctx, link, header, NotifyType::NO_ADDITIONAL_SAS);
            return None;
        }
        let agreement = match agreement::agree(ctx, &self.config, contents, true) {
            Ok(agreement) => agreement,
            Err(disagreement) => {
                self.refuse(ctx, link, header, disagreement.notify);
                if let Some(failure) = disagreement.failure {
                    self.report(ctx, failure);
                }
                return None;
            }
        };
        let replaced = replaces.and_then(|old| self.child(old));
        let index = replaced.and_then(|old| old.index);
        let mut ours = None;
        if let Some(group) = agreement.suite.group {
            let Some((_, public)) = contents.key_exchange.filter(|(id, _)| *id == group.id())
            else {
                let wanted = group.id().to_be_bytes();
                let payload = Payload::Notify(Notify::new(NotifyType::INVALID_KE_PAYLOAD, &wanted));
                self.respond(ctx, link, header, &[payload]);
                return None;
            };
            let key_exchange = group.generate(ctx.random);
            let Ok(shared) = key_exchange.agree(public) else {
                self.refuse(ctx, link, header, NotifyType::INVALID_SYNTAX);
                return None;
            };
            ours = Some((key_exchange, shared));
        }
        let nonces = ExchangeNonces {
            initiator: initiator_nonce.to_vec(),
            responder: ctx.nonce(),
        };
        let spi = agreement.inbound_spi.to_be_bytes();
        let mut payloads = agreement::answer_payloads(&agreement, &spi);
        payloads.insert(1, Payload::Nonce(&nonces.responder));
        if let Some((key_exchange, _)) = &ours {
            let group = key_exchange.group().id();
            payloads.insert(
                2,
                Payload::KeyExchange {
                    group,
                    data: key_exchange.public(),
                },
            );
        }
        let birth = Birth {
            agreement,
            shared: ours.as_ref().map(|(_, shared)| shared),
            nonces: Nonces {
                initiator: &nonces.initiator,
                responder: &nonces.responder,
            },
            role: Role::Responder,
            replaces,
            index,
            redundant: false,
        };
        // Section 2.8: ready to receive before the peer is told that it may send.
        let key = self.add_child(ctx, link, birth);
        match key {
            Some(key) => {
                self.respond(ctx, link, header, &payloads);
                if replaces.is_none() {
                    ctx.effects.push(Effect::Answered(link.key, key));
                }
            }
            None => self.refuse(ctx, link, header, NotifyType::NO_PROPOSAL_CHOSEN),
        }
        key.map(|key| (key, nonces))
    }
}
