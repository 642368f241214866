//! Rekeying the IKE SA (RFC 7296 sections 1.3.2, 2.8.2 and 2.18).
//!
//! The new SA is an SA of its own, with message IDs from 0; whoever asked for it is its original
//! initiator. The Child SAs move over, and who asked deletes the old SA.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use adit_crypto::Group;
use adit_ike_wire::v2::{Notify, NotifyType, Payload, Proposal, ProtocolId};
use adit_ike_wire::{ExchangeType, Header, Spi};

use crate::failure::Failure;
use crate::nonces::ExchangeNonces;
use crate::output::Part;
use crate::sa::{Context, Effect, Role, SaKey};
use crate::suite::IkeSuite;
use crate::v2::active::{Active, Followed, IkeRekeying, Outcome, Succession};
use crate::v2::agreement::notification_name;
use crate::v2::collision::{Theirs, Verdict, decide};
use crate::v2::contents::Contents;
use crate::v2::established::{Established, Phase};
use crate::v2::keys::{Nonces, SaKeys};
use crate::v2::link::Link;
use crate::v2::private_value::PrivateValue;
use crate::v2::proposal::{choose_ike, offer_ike, offer_ike_and_more};
use crate::v2::sa::IkeSa;
use crate::v2::state::State;
use crate::v2::task::Task;
use crate::v2::task::child_create::TEMPORARY_WAIT;
use crate::v2::task::followup::{ADDITIONAL_KEY_EXCHANGE, FOLLOWED_LIFETIME, FOLLOWED_WAIT};
use crate::v2::window::{RequestWindow, ResponseWindow};

/// How soon a refused rekey is tried again.
const REFUSED_WAIT: Duration = Duration::from_secs(30);

impl Established {
    pub(crate) fn start_ike_rekey(&mut self, ctx: &mut Context<'_>, link: &mut Link) {
        if self.followed_rekey().is_some() && self.is_followed(ctx.now) {
            // The peer is at it.
            return self.enqueue(Task::IkeRekey, ctx.now + FOLLOWED_WAIT);
        }
        let group = self.keys.suite.group;
        self.request_ike_rekey(ctx, link, group);
    }

    fn request_ike_rekey(&mut self, ctx: &mut Context<'_>, link: &mut Link, group: Group) {
        let pending = IkeRekeying {
            spi: ctx.ike_spi(),
            nonce: ctx.nonce(),
            key_exchange: PrivateValue::generate(group, ctx.random),
        };
        let spi = pending.spi.0.to_be_bytes();
        // A peer that could once can again; others are not bothered.
        let proposals = match self.keys.suite.additional {
            Some(_) => offer_ike_and_more(&self.config.ike, &spi),
            None => offer_ike(&self.config.ike, &spi),
        };
        let payloads = [
            Payload::SecurityAssociation(proposals),
            Payload::Nonce(&pending.nonce),
            Payload::KeyExchange {
                group: group.id(),
                data: pending.key_exchange.public(),
            },
        ];
        let protection = &mut self.keys.protection;
        link.request(ctx, protection, ExchangeType::CREATE_CHILD_SA, &payloads);
        self.active = Some(Active::IkeRekey(pending));
    }

    pub(crate) fn ike_rekeyed(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        pending: IkeRekeying,
        contents: &Contents<'_>,
    ) {
        let succession = self.ike_succession(&pending, contents);
        let Some(succession) = succession else {
            if !self.settle_ike_rekey(ctx, link, None) {
                self.ike_rekey_refused(ctx, link, &pending, contents);
            }
            return;
        };
        let followed = self.followed_rekey();
        let rival = self.rival.as_ref().map(|(_, nonces)| nonces).or(followed);
        let lost = rival.is_some_and(|rival| succession.nonces.lose_against(rival));
        let is_followed = followed.is_some();
        let waits = lost && self.rival.is_none() && self.phase == Phase::InUse;
        if is_followed && !lost {
            // The peer will find that it has lost, too, and not go on.
            self.followed = None;
        }
        if waits {
            // It is the peer's rekey that is gone on with; if it is not, ours comes again.
            self.enqueue(Task::IkeRekey, ctx.now + FOLLOWED_WAIT);
        }
        let successor = match succession.still_to_exchange() {
            None if waits => {
                if let Some((new, _)) = self.bear(ctx, link, succession) {
                    let key = new.link.key;
                    ctx.effects.push(Effect::New(Box::new(new)));
                    ctx.effects.push(Effect::Close(key));
                }
                return;
            }
            None => self.bear(ctx, link, succession),
            // The answer comes too late to be of use, and the peer has no new SA yet.
            Some(_) if self.phase != Phase::InUse || waits => return,
            // Nor goes it on if it loses.
            Some(_) if lost => None,
            Some(additional) => {
                if self.follow_up(ctx, link, additional, succession, contents) {
                    return;
                }
                None
            }
        };
        if !self.settle_ike_rekey(ctx, link, successor) {
            self.ike_rekey_refused(ctx, link, &pending, contents);
        }
    }

    /// Has one SA take the place of this one: ours, or the one the peer made for the same purpose. Whether there
    /// is any.
    pub(super) fn settle_ike_rekey(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        successor: Option<(IkeSa, ExchangeNonces)>,
    ) -> bool {
        let rival = self.rival.take();
        if self.phase != Phase::InUse {
            // The answer comes too late to be of use, but the peer has the SA.
            if let Some((new, _)) = successor {
                let key = new.link.key;
                ctx.effects.push(Effect::New(Box::new(new)));
                ctx.effects.push(Effect::Close(key));
            }
            return true;
        }
        match (successor, rival) {
            (Some((new, nonces)), Some((rival, rival_nonces)))
                if nonces.lose_against(&rival_nonces) =>
            {
                let key = new.link.key;
                ctx.effects.push(Effect::New(Box::new(new)));
                ctx.effects.push(Effect::Close(key));
                ctx.effects.push(Effect::MoveChildren(link.key, rival));
                self.replaced(ctx.now);
            }
            (Some((new, _)), rival) => {
                let key = new.link.key;
                ctx.effects.push(Effect::New(Box::new(new)));
                ctx.effects.push(Effect::MoveChildren(link.key, key));
                ctx.effects.push(Effect::Close(link.key));
                self.replaced(ctx.now);
                if let Some((rival, _)) = rival {
                    ctx.effects.push(Effect::Outdone(rival));
                }
            }
            (None, Some((rival, _))) => {
                ctx.effects.push(Effect::MoveChildren(link.key, rival));
                self.replaced(ctx.now);
            }
            (None, None) => return false,
        }
        true
    }

    fn ike_rekey_refused(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        pending: &IkeRekeying,
        contents: &Contents<'_>,
    ) {
        let error = contents.error().map(|notify| (notify.kind, notify.data));
        if let Some((NotifyType::INVALID_KE_PAYLOAD, data)) = error {
            let wanted = <[u8; 2]>::try_from(data)
                .ok()
                .and_then(|id| Group::from_id(u16::from_be_bytes(id)))
                .filter(|group| self.config.ike.groups.contains(group))
                .filter(|group| *group != pending.key_exchange.group());
            if let Some(group) = wanted {
                return self.request_ike_rekey(ctx, link, group);
            }
        }
        let kind = error.map(|(kind, _)| kind);
        self.not_rekeyed(
            ctx,
            kind,
            "an answer to an IKE SA rekey that makes no sense",
        );
    }

    /// The peer will not have the SA rekeyed, now or at all.
    pub(super) fn not_rekeyed(
        &mut self,
        ctx: &mut Context<'_>,
        kind: Option<NotifyType>,
        otherwise: &str,
    ) {
        if kind == Some(NotifyType::TEMPORARY_FAILURE) {
            let wait = TEMPORARY_WAIT + ctx.jitter(TEMPORARY_WAIT);
            return self.enqueue(Task::IkeRekey, ctx.now + wait);
        }
        let notification = kind.map_or_else(|| otherwise.into(), notification_name);
        self.report_part(ctx, Part::IkeRekey, Failure::Refused { notification });
        self.cannot_be_rekeyed(ctx.now);
        self.enqueue(Task::IkeRekey, ctx.now + REFUSED_WAIT);
    }

    /// What the peer's answer makes of our request, if it is good.
    fn ike_succession(&self, pending: &IkeRekeying, contents: &Contents<'_>) -> Option<Succession> {
        let (group, public) = contents.key_exchange?;
        let chosen = choose_ike(contents.proposals?, &self.config.ike, Some(group), 8)?;
        if chosen.suite.group != pending.key_exchange.group() || chosen.suite.group.id() != group {
            return None;
        }
        Some(Succession {
            suite: chosen.suite,
            shared: pending.key_exchange.agree(public).ok()?,
            additional: None,
            nonces: ExchangeNonces {
                initiator: pending.nonce.clone(),
                responder: contents.nonce?.to_vec(),
            },
            role: Role::Initiator,
            local_spi: pending.spi,
            remote_spi: spi_of(&chosen.spi)?,
        })
    }

    pub(super) fn bear(
        &self,
        ctx: &mut Context<'_>,
        link: &Link,
        succession: Succession,
    ) -> Option<(IkeSa, ExchangeNonces)> {
        let Succession {
            suite,
            shared,
            additional,
            nonces,
            role,
            local_spi,
            remote_spi,
        } = succession;
        // Where nothing additional is exchanged the keys rest on what was before, as they come out of SK_d.
        let suite = IkeSuite {
            additional: suite.additional.or(self.keys.suite.additional),
            ppk: self.keys.suite.ppk,
            ..suite
        };
        let link = Link {
            key: SaKey(ctx.numbers.next_key()),
            connection: link.connection,
            role,
            local_spi,
            remote_spi,
            path: link.path,
            translation: link.translation,
            behind_nat: link.behind_nat,
            carriage: link.carriage,
            candidate: None,
            asked_from: link.path,
            requests: RequestWindow::starting_at(0),
            responses: ResponseWindow::default(),
            fragmentation: link.fragmentation.inherit(),
        };
        let keys: SaKeys = self
            .keys
            .rekeyed(
                suite,
                (&shared, additional.as_ref()),
                &Nonces {
                    initiator: &nonces.initiator,
                    responder: &nonces.responder,
                },
                link.spis(),
                role,
                ctx.limits.iv_epoch,
            )
            .ok()?;
        let mut established = Self::new(
            ctx,
            role,
            self.connection,
            Arc::clone(&self.config),
            keys,
            nonces.clone(),
            self.proof.inherit(),
        );
        established.synchronises = self.synchronises;
        established.bind(self.authenticated_until);
        established.announce(ctx, &link, true);
        let state = State::Established(Box::new(established));
        Some((IkeSa { link, state }, nonces))
    }

    pub(crate) fn answer_ike_rekey(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
    ) {
        let verdict = decide(self.stance(None), Theirs::IkeRekey);
        if verdict == Verdict::RefuseForNow || self.rival.is_some() || ctx.crowded {
            return self.refuse(ctx, link, header, NotifyType::TEMPORARY_FAILURE);
        }
        let (Some(proposals), Some((group, public)), Some(nonce)) =
            (contents.proposals, contents.key_exchange, contents.nonce)
        else {
            return self.refuse(ctx, link, header, NotifyType::INVALID_SYNTAX);
        };
        let chosen = choose_ike(proposals, &self.config.ike, Some(group), 8)
            .and_then(|chosen| spi_of(&chosen.spi).map(|spi| (chosen, spi)));
        let Some((chosen, remote_spi)) = chosen else {
            return self.refuse(ctx, link, header, NotifyType::NO_PROPOSAL_CHOSEN);
        };
        if chosen.suite.group.id() != group {
            let wanted = chosen.suite.group.id().to_be_bytes();
            let payload = Payload::Notify(Notify::new(NotifyType::INVALID_KE_PAYLOAD, &wanted));
            return self.respond(ctx, link, header, &[payload]);
        }
        let key_exchange = chosen.suite.group.generate(ctx.random);
        let Ok(shared) = key_exchange.agree(public) else {
            return self.refuse(ctx, link, header, NotifyType::INVALID_SYNTAX);
        };
        let local_spi = ctx.ike_spi();
        let succession = Succession {
            suite: chosen.suite,
            shared,
            additional: None,
            nonces: ExchangeNonces {
                initiator: nonce.to_vec(),
                responder: ctx.nonce(),
            },
            role: Role::Responder,
            local_spi,
            remote_spi,
        };
        let spi = local_spi.0.to_be_bytes();
        let proposal = Proposal {
            number: chosen.number,
            protocol: ProtocolId::IKE,
            spi: &spi,
            transforms: chosen.suite.transforms(),
        };
        let own_nonce = succession.nonces.responder.clone();
        let mut payloads = alloc::vec![
            Payload::SecurityAssociation(alloc::vec![proposal]),
            Payload::Nonce(&own_nonce),
            Payload::KeyExchange {
                group,
                data: key_exchange.public(),
            },
        ];
        if let Some(exchange) = chosen.suite.additional {
            // There is no new SA before the peer has gone on with it.
            payloads.push(Payload::Notify(Notify::new(ADDITIONAL_KEY_EXCHANGE, &spi)));
            self.respond(ctx, link, header, &payloads);
            self.followed = Some(Followed {
                link: spi.to_vec(),
                exchange,
                until: ctx.now + FOLLOWED_LIFETIME,
                outcome: Outcome::Ike(succession),
            });
            return;
        }
        let Some(new) = self.bear(ctx, link, succession) else {
            return self.refuse(ctx, link, header, NotifyType::NO_PROPOSAL_CHOSEN);
        };
        self.respond(ctx, link, header, &payloads);
        self.yield_to(ctx, link, new, verdict);
    }

    /// Lets the SA that the peer made take this one's place, or be the rival of the one we are making.
    pub(super) fn yield_to(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        (mut new, nonces): (IkeSa, ExchangeNonces),
        verdict: Verdict,
    ) {
        let key = new.link.key;
        if let (Some(new), Verdict::ProceedAndCompare) = (new.established_mut(), verdict) {
            new.waits = true;
        }
        ctx.effects.push(Effect::New(Box::new(new)));
        if verdict == Verdict::ProceedAndCompare {
            self.rival = Some((key, nonces));
        } else {
            ctx.effects.push(Effect::MoveChildren(link.key, key));
            self.replaced(ctx.now);
        }
    }
}

/// An IKE SPI from a proposal; zero is none.
fn spi_of(octets: &[u8]) -> Option<Spi> {
    let spi = Spi(u64::from_be_bytes(octets.try_into().ok()?));
    (!spi.is_zero()).then_some(spi)
}
