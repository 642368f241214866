//! Quick mode as its initiator (RFC 2409 section 5.5): a Child SA for one pair of blocks.
//!
//! ```text
//!   HASH(1), SA, Ni, [KE], IDci, IDcr -->
//!                                     <-- HASH(2), SA, Nr, [KE], IDci, IDcr
//!   HASH(3) -->
//! ```
//!
//! A peer may install the SA with the third message alone, which nobody answers. Where it knows dead peer
//! detection it is asked for a sign of life, a while after it: the answer says that it has come. A peer
//! that repeats the second message has not had the third: then nothing is said to be up until it has.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use adit_crypto::Secret;
use adit_ike_wire::v1::identification::of_selector;
use adit_ike_wire::v1::{Identification, Payload, ProtocolId};
use adit_ike_wire::{ExchangeType, Header, TrafficSelector};

use crate::child::{self, ChildSa, Owner, Standing};
use crate::failure::Failure;
use crate::nonces::ExchangeNonces;
use crate::output::{ChildKey, Event, Output};
use crate::resend::Resend;
use crate::sa::{Context, DropReason, Effect, Path, Received, Role, Want};
use crate::selectors;
use crate::suite::EspSuite;
use crate::time::Instant;
use crate::v1::established::{Asking, Established, Exchange, Phase, Progress};
use crate::v1::informational::TAKEN_IN;
use crate::v1::link::Link;
use crate::v1::proposal::{choose_esp, esp_offers, offer};
use crate::v1::protection::{open, seal, seal_hashed};
use crate::v1::quick_contents::{QuickContents, spi_of};
use crate::v1::state::Said;

/// How long an exchange that is over is remembered, so that what is repeated is answered again.
pub(super) const REMEMBERED: Duration = Duration::from_secs(30);

/// What both sides agreed on for a Child SA.
pub(super) struct Agreed {
    pub(super) suite: EspSuite,
    pub(super) spis: (u32, u32),
    pub(super) shared: Option<Secret>,
    pub(super) nonces: ExchangeNonces,
    pub(super) local: TrafficSelector,
    pub(super) remote: TrafficSelector,
    pub(super) lifetime: Duration,
    pub(super) index: Option<usize>,
    pub(super) replaces: Option<ChildKey>,
    pub(super) role: Role,
    /// Nothing is sent on it until the peer is known to have it.
    pub(super) is_silent: bool,
}

impl Established {
    pub(super) fn ask_for_child(&mut self, ctx: &mut Context<'_>, link: &Link, index: usize) {
        if self.is_busy_with(index, ctx.now) {
            return;
        }
        let Some(wanted) = self.config.children.get(index) else {
            return;
        };
        let (Some(local), Some(remote)) = (wanted.local.first(), wanted.remote.first()) else {
            return;
        };
        let pair = (
            TrafficSelector::any_of(*local),
            TrafficSelector::any_of(*remote),
        );
        self.ask(ctx, link, Some(index), None, pair);
    }

    pub(super) fn rekey_child(&mut self, ctx: &mut Context<'_>, link: &Link, key: ChildKey) {
        let Some(child) = self.child(key).filter(|child| child.is_live()) else {
            return;
        };
        // Another one for the same traffic, made since, goes on: both ends may have begun at once.
        let is_newer = |other: &ChildSa| {
            other.is_twin_of(child) && other.is_live() && other.key.0 > child.key.0
        };
        if self.children.iter().any(is_newer) || self.is_asking_for(key) {
            return;
        }
        let (Some(local), Some(remote)) = (child.local.first(), child.remote.first()) else {
            return;
        };
        let (index, pair) = (child.index, (*local, *remote));
        self.ask(ctx, link, index, Some(key), pair);
    }

    fn is_asking_for(&self, replaces: ChildKey) -> bool {
        self.exchanges
            .iter()
            .any(|exchange| match &exchange.progress {
                Progress::Asked(asking, _) => asking.replaces == Some(replaces),
                Progress::Answered { .. } | Progress::Over { .. } => false,
            })
    }

    /// Sends the first message.
    fn ask(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        index: Option<usize>,
        replaces: Option<ChildKey>,
        (local, remote): (TrafficSelector, TrafficSelector),
    ) {
        let config = Arc::clone(&self.config);
        let group = config.esp.groups.first().copied();
        let asking = Asking {
            index,
            replaces,
            inbound_spi: ctx.expected_spi(),
            nonce: ctx.nonce(),
            key_exchange: group.map(|group| group.generate(ctx.random)),
            local,
            remote,
        };
        let offers = esp_offers(&config, group, self.peer.wrapping);
        let spi = asking.inbound_spi.to_be_bytes();
        let protocol = ProtocolId(config.esp.protocol.number());
        let sa = offer(protocol, &spi, &offers);
        let mut payloads = alloc::vec![
            Payload::SecurityAssociation(sa, &[]),
            Payload::Nonce(&asking.nonce),
        ];
        let public = asking.key_exchange.as_ref();
        payloads.extend(public.map(|own| Payload::KeyExchange(own.public())));
        let identities = [of_selector(&local), of_selector(&remote)];
        payloads.extend(
            identities
                .iter()
                .map(|(kind, data)| Payload::Identification(Identification::of(*kind, data))),
        );
        let message_id = ctx.message_id();
        let iv = self.keys.iv_of(message_id);
        let exchange = ExchangeType::QUICK_MODE;
        let sealed = seal_hashed(&self.keys, link, exchange, message_id, &iv, &[], &payloads);
        let Some(sealed) = sealed else { return };
        self.has_seen(message_id);
        link.path.send(ctx, sealed.octets.clone());
        self.exchanges.push(Exchange {
            message_id,
            iv: sealed.next_iv,
            progress: Progress::Asked(asking, Resend::to_peer(ctx.now, sealed.octets)),
            said: None,
        });
    }

    /// Takes a message of a quick mode.
    pub(super) fn take_quick(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        path: Path,
        header: &Header,
        datagram: &[u8],
    ) -> Result<Received, DropReason> {
        let id = header.message_id;
        let Some(index) = self.exchanges.iter().position(|one| one.message_id == id) else {
            return self.answer_quick(ctx, link, path, header, datagram);
        };
        let mut exchange = self.exchanges.swap_remove(index);
        let said = exchange.said.as_ref();
        if let Some(said) = said.filter(|said| said.to == datagram) {
            path.send(ctx, said.octets.clone());
            if let Progress::Over { told, .. } = &mut exchange.progress
                && let Some(child) = told.take()
            {
                self.doubt(ctx, child);
            }
            self.exchanges.push(exchange);
            return Ok(Received::Repeated);
        }
        let outcome = self.go_on(ctx, link, path, header, datagram, &mut exchange);
        self.exchanges.push(exchange);
        outcome.map(|()| Received::Processed)
    }

    /// Takes the second or the third message; what can't be read leaves the exchange as it was.
    fn go_on(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        path: Path,
        header: &Header,
        datagram: &[u8],
        exchange: &mut Exchange,
    ) -> Result<(), DropReason> {
        let id = exchange.message_id;
        let opened = open(&self.keys.cipher, &exchange.iv, header, datagram);
        let opened = opened.ok_or(DropReason::NotAuthentic)?;
        let payloads = match &exchange.progress {
            Progress::Asked(asking, _) => {
                opened.authentic(|rest| self.keys.hash(id, &[&asking.nonce, rest]))
            }
            Progress::Answered { nonces, .. } => {
                let nonces = (&*nonces.initiator, &*nonces.responder);
                opened.authentic(|_| self.keys.third_hash(id, nonces))
            }
            Progress::Over { .. } => return Err(DropReason::OutOfOrder),
        };
        let payloads = payloads.ok_or(DropReason::NotAuthentic)?;
        self.heard = ctx.now;
        exchange.iv.clone_from(&opened.next_iv);
        let until = ctx.now + REMEMBERED;
        let over = Progress::Over { until, told: None };
        match core::mem::replace(&mut exchange.progress, over) {
            Progress::Asked(asking, _) => {
                let agreed = self.agreed(ctx, link, path, exchange, asking, &payloads);
                if let Some((child, octets)) = agreed {
                    let told = Some(child);
                    exchange.progress = Progress::Over { until, told };
                    exchange.said = Some(Said {
                        to: datagram.to_vec(),
                        octets,
                    });
                }
            }
            Progress::Answered { child, .. } => {
                self.prove(ctx, child);
                self.outdo(ctx, child);
                if self.phase == Phase::Replaced {
                    ctx.effects.push(Effect::Inherit(self.connection));
                }
            }
            Progress::Over { .. } => {}
        }
        Ok(())
    }

    /// Takes the answer to what we asked for; the Child SA and the third message.
    fn agreed(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        path: Path,
        exchange: &Exchange,
        asking: Asking,
        payloads: &[Payload<'_>],
    ) -> Option<(ChildKey, Vec<u8>)> {
        let part = asking.part();
        let replaces = asking.replaces;
        let agreed = match self.read_answer(asking, payloads) {
            Ok(agreed) => agreed,
            Err(what) => {
                let failure = Failure::Refused {
                    notification: what.into(),
                };
                self.quick_refused(ctx, part, replaces, failure);
                return None;
            }
        };
        let nonces = (&*agreed.nonces.initiator, &*agreed.nonces.responder);
        let hash = self.keys.third_hash(exchange.message_id, nonces);
        let header = link.header(ExchangeType::QUICK_MODE, exchange.message_id);
        let payloads = [Payload::Hash(hash.as_slice())];
        let sealed = seal(&self.keys.cipher, &exchange.iv, header, &payloads)?;
        let child = self.install(ctx, link, agreed)?;
        path.send(ctx, sealed.octets.clone());
        if self.peer.abilities.dead_peer_detection {
            self.await_proof(ctx.now, child);
        } else {
            self.prove(ctx, child);
        }
        Some((child, sealed.octets))
    }

    /// The peer is asked whether it has what was sent until now, once it has had time to take it in: one
    /// with several threads may take the question first. strongSwan, which keeps the IVs of three
    /// exchanges, may not be able to read the third message any more then.
    fn await_proof(&mut self, now: Instant, child: ChildKey) {
        if let Some(child) = self.child_mut(child) {
            child.standing = Standing::Unproven;
            child.proof_at = now + TAKEN_IN;
        }
        self.ask_for_proof(now);
    }

    /// The peer has repeated its answer, so it has not had the third message, or can't read it. It is sent
    /// again; in case that it can't, another Child SA is made in the place of this one, which is not up
    /// until then.
    ///
    /// That is done once for each exchange: somebody else may send on what the peer once said.
    fn doubt(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        let connection = self.connection;
        let Some(child) = self.child_mut(key).filter(|child| child.is_live()) else {
            return;
        };
        let was = core::mem::replace(&mut child.standing, Standing::Unproven);
        child.proof_at = Instant::NEVER;
        if was == Standing::Announced {
            let event = Event::ChildDown {
                connection,
                child: key,
            };
            ctx.push(Output::Event(event));
        }
        self.want(Want::ChildRekey(key), ctx.now + TAKEN_IN);
    }

    fn read_answer(
        &self,
        asking: Asking,
        payloads: &[Payload<'_>],
    ) -> Result<Agreed, &'static str> {
        let contents = QuickContents::of(payloads).ok_or("an answer without SA or nonce")?;
        let config = &self.config;
        let public_len = contents.public.map(<[u8]>::len);
        let chosen = choose_esp(contents.sa, config, self.peer.wrapping, public_len)
            .filter(|chosen| {
                let own = asking.key_exchange.as_ref().map(|own| own.group());
                chosen.suite.group == own
            })
            .ok_or("an answer with algorithms that were not offered")?;
        let outbound_spi = spi_of(chosen.proposal.spi).ok_or("an answer with a reserved SPI")?;
        let shared = match (&asking.key_exchange, contents.public) {
            (Some(own), Some(public)) => Some(
                own.agree(public)
                    .map_err(|_| "an answer with a bad public value")?,
            ),
            _ => None,
        };
        let (mut local, mut remote) = (asking.local, asking.remote);
        if let Some((initiator, responder)) = contents.identities {
            let pair = initiator.selector().zip(responder.selector());
            let (theirs, ours) = pair.ok_or("an answer with selectors that can't be read")?;
            let fits =
                selectors::within(&[theirs], &[local]) && selectors::within(&[ours], &[remote]);
            if !fits {
                return Err("an answer with selectors that were not asked for");
            }
            (local, remote) = (theirs, ours);
        }
        let lifetime = [contents.lifetime, chosen.lifetime];
        let lifetime = lifetime
            .into_iter()
            .flatten()
            .fold(config.child_lifetime, Duration::min);
        Ok(Agreed {
            suite: chosen.suite,
            spis: (asking.inbound_spi, outbound_spi),
            shared,
            nonces: ExchangeNonces {
                initiator: asking.nonce,
                responder: contents.nonce.to_vec(),
            },
            local,
            remote,
            lifetime,
            index: asking.index,
            replaces: asking.replaces,
            role: Role::Initiator,
            is_silent: asking.replaces.is_some(),
        })
    }

    /// Derives keys for what was agreed and asks the caller to install it.
    pub(super) fn install(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        agreed: Agreed,
    ) -> Option<ChildKey> {
        let nonces = (&*agreed.nonces.initiator, &*agreed.nonces.responder);
        let shared = agreed.shared.as_ref();
        let direction = |spi| self.keys.child(&agreed.suite, spi, shared, nonces);
        let (inbound, outbound) = (direction(agreed.spis.0)?, direction(agreed.spis.1)?);
        let config = Arc::clone(&self.config);
        let owner = Owner {
            connection: self.connection,
            config: &config,
            path: link.path,
            carriage: link.carriage,
            behind_nat: link.behind_nat,
            ecn: false,
        };
        let mut child = child::install(
            ctx,
            &owner,
            child::Birth {
                suite: agreed.suite,
                inbound,
                outbound,
                local: alloc::vec![agreed.local],
                remote: alloc::vec![agreed.remote],
                role: agreed.role,
                nonces: agreed.nonces,
                replaces: agreed.replaces,
                index: agreed.index,
                redundant: agreed.is_silent,
            },
        );
        if agreed.lifetime < config.child_lifetime {
            child.shorten(ctx, agreed.lifetime);
        }
        let key = child.key;
        self.children.push(child);
        Some(key)
    }

    /// Of two Child SAs for the same traffic, one of which was to replace the other, the older one is
    /// not rekeyed any more.
    fn outdo(&mut self, ctx: &Context<'_>, new: ChildKey) {
        let Some(made) = self.child(new) else { return };
        let old: Vec<_> = self
            .children
            .iter()
            .filter(|other| other.is_twin_of(made) && other.key.0 < made.key.0)
            .map(|other| other.key)
            .collect();
        for key in old {
            if let Some(child) = self.child_mut(key) {
                child.rekey_at = Instant::NEVER;
                // The peer deletes what it has replaced; where it does not, it has this long.
                child.expires_at = child.expires_at.min(ctx.now + Duration::from_secs(60));
            }
        }
    }
}
