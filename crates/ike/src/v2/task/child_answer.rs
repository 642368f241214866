//! Answering the peer's request for a Child SA, new or in the place of another (RFC 7296 sections 1.3.1 and 1.3.3).

use alloc::vec::Vec;

use adit_crypto::{Group, Secret};
use adit_ike_wire::Header;
use adit_ike_wire::v2::{Notify, NotifyType, Payload};

use crate::nonces::ExchangeNonces;
use crate::output::ChildKey;
use crate::sa::{Context, Effect, Role};
use crate::v2::active::{Agreed, Followed, Outcome};
use crate::v2::agreement::{self, Birth};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::keys::Nonces;
use crate::v2::link::Link;
use crate::v2::task::followup::{ADDITIONAL_KEY_EXCHANGE, FOLLOWED_LIFETIME};

/// How many Child SAs an IKE SA may have, beyond four for each that is wanted.
const SPARE_CHILDREN: usize = 16;

/// Our part of the group's exchange: our public value, and the secret.
type Exchanged = (Vec<u8>, Secret);

impl Agreed {
    /// How the Child SA comes to be.
    pub(super) fn birth(
        &self,
        role: Role,
        replaces: Option<ChildKey>,
        index: Option<usize>,
    ) -> Birth<'_> {
        Birth {
            agreement: self.agreement.clone(),
            shared: self.shared.as_ref(),
            additional: self.additional.as_ref(),
            nonces: Nonces {
                initiator: &self.nonces.initiator,
                responder: &self.nonces.responder,
            },
            role,
            replaces,
            index,
            redundant: false,
        }
    }
}

impl Established {
    /// Agrees, answers and installs; the new Child SA and its nonces, where it comes to that. Where there is an
    /// additional exchange to come there is none before it.
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
        let (public, shared) = match agreement.suite.group {
            None => (None, None),
            Some(group) => {
                let (public, secret) = self.exchange(ctx, link, header, contents, group)?;
                (Some((group, public)), Some(secret))
            }
        };
        let agreed = Agreed {
            agreement,
            shared,
            additional: None,
            nonces: ExchangeNonces {
                initiator: initiator_nonce.to_vec(),
                responder: ctx.nonce(),
            },
        };
        let spi = agreed.agreement.inbound_spi.to_be_bytes();
        let own_nonce = agreed.nonces.responder.clone();
        let mut payloads = agreement::answer_payloads(&agreed.agreement, &spi);
        payloads.insert(1, Payload::Nonce(&own_nonce));
        if let Some((group, public)) = &public {
            let (group, data) = (group.id(), public.as_slice());
            payloads.insert(2, Payload::KeyExchange { group, data });
        }
        if let Some(exchange) = agreed.still_to_exchange() {
            payloads.push(Payload::Notify(Notify::new(ADDITIONAL_KEY_EXCHANGE, &spi)));
            self.respond(ctx, link, header, &payloads);
            self.followed = Some(Followed {
                link: spi.to_vec(),
                exchange,
                until: ctx.now + FOLLOWED_LIFETIME,
                outcome: Outcome::Child(replaces, agreed),
            });
            return None;
        }
        let key = self.install_answered(ctx, link, header, replaces, &agreed, &payloads)?;
        Some((key, agreed.nonces))
    }

    /// Does our part of the group's exchange, or refuses.
    fn exchange(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
        group: Group,
    ) -> Option<Exchanged> {
        let Some((_, public)) = contents.key_exchange.filter(|(id, _)| *id == group.id()) else {
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
        Some((key_exchange.public().to_vec(), shared))
    }

    /// Installs what was agreed, then gives the answer that has the peer install it too.
    pub(super) fn install_answered(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        replaces: Option<ChildKey>,
        agreed: &Agreed,
        answer: &[Payload<'_>],
    ) -> Option<ChildKey> {
        let replaced = replaces.and_then(|old| self.child(old));
        let index = replaced.and_then(|old| old.index);
        let birth = agreed.birth(Role::Responder, replaces, index);
        // Section 2.8: ready to receive before the peer is told that it may send.
        let key = self.add_child(ctx, link, birth);
        match key {
            Some(key) => {
                self.respond(ctx, link, header, answer);
                if replaces.is_none() {
                    ctx.effects.push(Effect::Answered(link.key, key));
                }
            }
            None => self.refuse(ctx, link, header, NotifyType::NO_PROPOSAL_CHOSEN),
        }
        key
    }
}
