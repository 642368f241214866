//! Informational exchanges (RFC 2409 section 5.7): deletes, notifications, and dead peer detection (RFC
//! 3706). Nobody answers them, but for a question whether somebody is there.

use alloc::vec::Vec;
use core::time::Duration;

use adit_ike_wire::v1::{Delete, Notify, NotifyType, Payload, ProtocolId};
use adit_ike_wire::{ExchangeType, Header};

use crate::child::{self, ChildSa, Standing};
use crate::config::Protocol;
use crate::output::Output;
use crate::sa::{Context, DropReason, Effect, Ending, Path, Received, Role, Want};
use crate::time::Instant;
use crate::v1::established::{Established, Phase, Progress};
use crate::v1::keys::Keys;
use crate::v1::link::Link;
use crate::v1::protection::{open, seal_hashed};

/// How long until a question is repeated for the first time; then twice as long each time, to this.
const ASK_AGAIN: Duration = Duration::from_millis(500);
pub(super) const ASK_AGAIN_AT_MOST: Duration = Duration::from_secs(5);

/// Said beside an answer of ours: the third message of a quick mode that the peer began has not come. Its number is for
/// private use (RFC 2408 section 3.14.1): others pass over it, and our own kind does not take the answer for a sign that
/// the message has come.
const THIRD_IS_MISSING: NotifyType = NotifyType(39_417);

/// How long a peer has for the third message of a quick mode before it is asked something else.
pub(super) const TAKEN_IN: Duration = Duration::from_millis(100);

/// The questions whether the peer is there.
#[derive(Debug, Default)]
pub(super) struct Check {
    next: u32,
    pub(super) asked: Option<Asked>,
}

/// A question without an answer yet. Each repetition has the next number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    first: u32,
    pub(super) since: Instant,
    pub(super) again: Instant,
    times: u32,
}

/// Sends a message that begins with HASH(1).
fn send(ctx: &mut Context<'_>, link: &Link, path: Path, keys: &Keys, payloads: &[Payload<'_>]) {
    let id = ctx.message_id();
    let exchange = ExchangeType::INFORMATIONAL_V1;
    let sealed = seal_hashed(keys, link, exchange, id, &keys.iv_of(id), &[], payloads);
    if let Some(sealed) = sealed {
        path.send(ctx, sealed.octets);
    }
}

/// Tells the peer something that no data goes with.
pub(super) fn notify(
    ctx: &mut Context<'_>,
    link: &Link,
    path: Path,
    keys: &Keys,
    protocol: ProtocolId,
    spi: &[u8],
    kind: NotifyType,
) {
    let notify = Notify {
        protocol,
        spi,
        kind,
        data: &[],
    };
    send(ctx, link, path, keys, &[Payload::Notify(notify)]);
}

/// Tells the peer that SAs are gone.
pub(super) fn delete(
    ctx: &mut Context<'_>,
    link: &Link,
    keys: &Keys,
    protocol: ProtocolId,
    spi_len: u8,
    spis: &[u8],
) {
    let delete = Delete {
        protocol,
        spi_len,
        spis,
    };
    send(ctx, link, link.path, keys, &[Payload::Delete(delete)]);
}

/// Both cookies, which name the IKE SA.
fn cookies(link: &Link) -> [u8; 16] {
    let (one, two) = link.cookies();
    let both = u128::from(one.0) << 64 | u128::from(two.0);
    both.to_be_bytes()
}

/// Tells the peer that the IKE SA is gone.
pub(super) fn delete_sa(ctx: &mut Context<'_>, link: &Link, keys: &Keys) {
    delete(ctx, link, keys, ProtocolId::ISAKMP, 16, &cookies(link));
}

impl Established {
    /// Takes an informational message.
    pub(super) fn take_informational(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        path: Path,
        header: &Header,
        datagram: &[u8],
    ) -> Result<Received, DropReason> {
        let id = header.message_id;
        let iv = self.keys.iv_of(id);
        let opened =
            open(&self.keys.cipher, &iv, header, datagram).ok_or(DropReason::NotAuthentic)?;
        let hash = |rest: &[u8]| self.keys.hash(id, &[rest]);
        let payloads = opened.authentic(hash).ok_or(DropReason::NotAuthentic)?;
        if self.has_seen(id) {
            return Err(DropReason::OutOfOrder);
        }
        self.heard = ctx.now;
        let lacks_third = payloads.iter().any(
            |payload| matches!(payload, Payload::Notify(notify) if notify.kind == THIRD_IS_MISSING),
        );
        for payload in &payloads {
            match payload {
                Payload::Delete(delete) if Protocol::is_known(delete.protocol.0) => {
                    for spi in delete.spis() {
                        self.child_deleted(ctx, delete.protocol, spi);
                    }
                }
                Payload::Delete(delete)
                    if delete.protocol == ProtocolId::ISAKMP && delete.spis == cookies(link) =>
                {
                    self.leave(ctx, link.key, Ending::PeerDeleted);
                    return Ok(Received::Processed);
                }
                Payload::Notify(notify) => {
                    self.notified(ctx, link, path, notify, lacks_third);
                }
                _ => {}
            }
        }
        Ok(Received::Processed)
    }

    /// The peer has deleted the Child SA that it receives on by this SPI.
    fn child_deleted(&mut self, ctx: &mut Context<'_>, protocol: ProtocolId, spi: u32) {
        let mut children = self.children.iter();
        let found = children.position(|child| {
            child.outbound.spi == spi && child.suite.protocol().number() == protocol.0
        });
        if let Some(index) = found {
            let child = self.children.swap_remove(index);
            // What the peer sent before is still good.
            child::dispose(ctx, self.connection, &child, true);
        }
    }

    fn notified(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        path: Path,
        notify: &Notify<'_>,
        lacks_third: bool,
    ) {
        let is_ours = notify.spi == cookies(link);
        match notify.kind {
            NotifyType::R_U_THERE if is_ours && notify.data.len() == 4 => {
                let answer = Notify {
                    kind: NotifyType::R_U_THERE_ACK,
                    ..*notify
                };
                let missing = Notify {
                    kind: THIRD_IS_MISSING,
                    data: &[],
                    ..*notify
                };
                let payloads = [answer, missing].map(Payload::Notify);
                let said = if self.misses_third(ctx.now) { 2 } else { 1 };
                let payloads = payloads.get(..said).unwrap_or_default();
                send(ctx, link, path, &self.keys, payloads);
            }
            NotifyType::R_U_THERE_ACK if is_ours => {
                let number = <[u8; 4]>::try_from(notify.data).map(u32::from_be_bytes);
                if let Ok(number) = number {
                    self.is_there(ctx, link, path, (number, lacks_third));
                }
            }
            NotifyType::INITIAL_CONTACT => {
                ctx.effects
                    .push(Effect::InitialContact(link.key, self.since));
            }
            kind if kind.is_error() => self.quick_refused_by_peer(ctx, kind, notify.spi),
            _ => {}
        }
    }

    /// The Child SAs of which the third message has told the peer, and that a sign of life is to prove.
    fn told(&self) -> impl Iterator<Item = &ChildSa> {
        self.children.iter().filter(|child| {
            child.is_live()
                && child.standing == Standing::Unproven
                && child.role == Role::Initiator
                && child.proof_at < Instant::NEVER
        })
    }

    /// Sees to it that the peer is asked for the first proof that is still missing.
    pub(super) fn ask_for_proof(&mut self, not_before: Instant) {
        if let Some(at) = self.told().map(|child| child.proof_at).min() {
            self.want(Want::Liveness, at.max(not_before));
        }
    }

    /// Whether a quick mode of the peer still lacks its third message. A peer of our kind would take an answer to its
    /// question for a sign that we have it.
    fn misses_third(&self, now: Instant) -> bool {
        let answered = self.exchanges.iter().filter_map(|one| match one.progress {
            Progress::Answered { child, .. } => self.child(child),
            Progress::Asked(..) | Progress::Over { .. } => None,
        });
        answered
            .into_iter()
            .any(|child| now > child.since + TAKEN_IN)
    }

    /// The peer has answered a question, and with it has had all that was sent before the question, unless it says that
    /// it `lacks_third`.
    fn is_there(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        path: Path,
        (number, lacks_third): (u32, bool),
    ) {
        let next = self.check.next;
        let asked = self.check.asked.filter(|asked| {
            // Numbers count on, around the end too.
            number.wrapping_sub(asked.first) < next.wrapping_sub(asked.first)
        });
        let Some(asked) = asked else { return };
        self.check.asked = None;
        let has_moved = link.is_translated
            && path.remote != link.path.remote
            && path.remote.ip() == link.path.remote.ip();
        if has_moved {
            link.path.remote = path.remote;
            for child in &self.children {
                ctx.outputs
                    .push_back(Output::MoveChild(child.key, path.remote));
            }
        }
        self.candidate = None;
        if lacks_third {
            // It asks for it again by itself.
            return self.ask_for_proof(ctx.now + ASK_AGAIN);
        }
        let told = self.told().filter(|child| child.proof_at <= asked.since);
        let told: Vec<_> = told.map(|child| child.key).collect();
        for key in told {
            self.prove(ctx, key);
        }
        self.ask_for_proof(ctx.now);
    }

    /// Asks whether the peer is there, unless it is asked already or does not know the question.
    pub(super) fn ask_for_life(&mut self, ctx: &mut Context<'_>, link: &Link) {
        let may = self.peer.abilities.dead_peer_detection && self.phase == Phase::InUse;
        if !may || self.check.asked.is_some() {
            return;
        }
        self.check.asked = Some(Asked {
            first: self.check.next,
            since: ctx.now,
            again: ctx.now,
            times: 0,
        });
        self.ask_again(ctx, link);
    }

    /// Sends the question, with a number of its own: a repetition would be dropped as one.
    pub(super) fn ask_again(&mut self, ctx: &mut Context<'_>, link: &Link) {
        let Some(asked) = &mut self.check.asked else {
            return;
        };
        let wait = ASK_AGAIN.saturating_mul(1 << asked.times.min(8));
        asked.times = asked.times.saturating_add(1);
        asked.again = ctx.now + wait.min(ASK_AGAIN_AT_MOST);
        let number = self.check.next.to_be_bytes();
        self.check.next = self.check.next.wrapping_add(1);
        let spi = cookies(link);
        let ask = |ctx: &mut Context<'_>, path: Path| {
            let notify = Notify {
                protocol: ProtocolId::ISAKMP,
                spi: &spi,
                kind: NotifyType::R_U_THERE,
                data: &number,
            };
            send(ctx, link, path, &self.keys, &[Payload::Notify(notify)]);
        };
        if let Some(remote) = self.candidate {
            ask(ctx, link.path.with_remote(remote));
        }
        ask(ctx, link.path);
    }
}
