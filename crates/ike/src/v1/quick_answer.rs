//! Quick mode as its responder (RFC 2409 section 5.5).

use alloc::sync::Arc;
use alloc::vec::Vec;

use adit_crypto::Group;
use adit_ike_wire::v1::security_association::emit_attributes;
use adit_ike_wire::v1::{
    Identification, Notify, NotifyType, Payload, Proposal, ProtocolId, SecurityAssociation,
};
use adit_ike_wire::{AddressRange, ExchangeType, Header, TrafficSelector};

use crate::config::block;
use crate::failure::{Failure, Judge};
use crate::nonces::ExchangeNonces;
use crate::output::{Event, Output};
use crate::resend::Resend;
use crate::sa::{Context, DropReason, Path, Received, Role};
use crate::selectors;
use crate::v1::description::{describe_esp, describe_esp_offer};
use crate::v1::established::{Established, Exchange, Phase, Progress};
use crate::v1::informational;
use crate::v1::link::Link;
use crate::v1::proposal::{choose_esp, phase_2};
use crate::v1::protection::{open, seal_hashed};
use crate::v1::quick_contents::{QuickContents, spi_of};
use crate::v1::quick_mode::Agreed;
use crate::v1::state::Said;

/// How many quick modes of the peer are under way at once.
const MAX_ANSWERED: usize = 64;

/// Why a quick mode is refused: what the peer is told, and what the user.
struct Refusal {
    kind: NotifyType,
    failure: Option<Failure>,
}

/// What is agreed, and what the answer repeats.
struct Answer<'a> {
    agreed: Agreed,
    proposal: Proposal<'a>,
    public: Option<Vec<u8>>,
    /// Our own lifetime is the shorter one: the peer is told.
    is_shorter: bool,
}

impl Established {
    /// Takes the first message of a quick mode.
    pub(super) fn answer_quick(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
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
        if self.has_seen(id) || self.phase != Phase::InUse {
            return Err(DropReason::OutOfOrder);
        }
        self.heard = ctx.now;
        let is_open = |one: &&Exchange| matches!(one.progress, Progress::Answered { .. });
        if self.exchanges.iter().filter(is_open).count() >= MAX_ANSWERED {
            return Err(DropReason::HalfOpenLimit);
        }
        let Some(contents) = QuickContents::of(&payloads) else {
            let kind = NotifyType::PAYLOAD_MALFORMED;
            informational::notify(ctx, link, path, &self.keys, ProtocolId::ISAKMP, &[], kind);
            return Ok(Received::Processed);
        };
        match self.agree(ctx, &contents) {
            Ok(answer) => {
                let message = (header, datagram, &*opened.next_iv);
                self.send_answer(ctx, link, path, message, &contents, answer);
            }
            Err(Refusal { kind, failure }) => {
                let first = contents.sa.proposals.first();
                let spi = first.map_or(&[][..], |proposal| proposal.spi);
                let protocol = ProtocolId(self.config.esp.protocol.number());
                informational::notify(ctx, link, path, &self.keys, protocol, spi, kind);
                let event = failure.map(|failure| Event::Failed(self.connection, failure));
                ctx.outputs.extend(event.map(Output::Event));
            }
        }
        Ok(Received::Processed)
    }

    fn agree<'a>(
        &self,
        ctx: &mut Context<'_>,
        contents: &QuickContents<'a>,
    ) -> Result<Answer<'a>, Refusal> {
        let config = &self.config;
        let public_len = contents.public.map(<[u8]>::len);
        let chosen = choose_esp(contents.sa, config, self.peer.wrapping, public_len)
            .and_then(|chosen| Some((spi_of(chosen.proposal.spi)?, chosen)));
        let Some((outbound_spi, chosen)) = chosen else {
            return Err(Refusal {
                kind: NotifyType::NO_PROPOSAL_CHOSEN,
                failure: Some(Failure::EspProposal {
                    by: Judge::Us,
                    ours: describe_esp(config, config.esp.groups.first().copied()),
                    theirs: Some(describe_esp_offer(contents.sa)),
                }),
            });
        };
        let (local, remote, index) = self.selected(contents)?;
        let made = chosen.suite.group.map(|group: Group| {
            let own = group.generate(ctx.random);
            let shared = own.agree(contents.public.unwrap_or_default()).ok();
            shared.map(|shared| (own.public().to_vec(), shared))
        });
        let (public, shared) = match made {
            None => (None, None),
            Some(Some((public, shared))) => (Some(public), Some(shared)),
            Some(None) => {
                return Err(Refusal {
                    kind: NotifyType::INVALID_KEY_INFORMATION,
                    failure: None,
                });
            }
        };
        let own = config.child_lifetime;
        let is_live_twin = |child: &&crate::child::ChildSa| {
            child.is_live() && child.local == [local] && child.remote == [remote]
        };
        let twin = self
            .children
            .iter()
            .filter(is_live_twin)
            .max_by_key(|child| child.key);
        Ok(Answer {
            is_shorter: chosen.lifetime.is_some_and(|theirs| theirs > own),
            agreed: Agreed {
                suite: chosen.suite,
                spis: (ctx.esp_spi(), outbound_spi),
                shared,
                nonces: ExchangeNonces {
                    initiator: contents.nonce.to_vec(),
                    responder: ctx.nonce(),
                },
                local,
                remote,
                lifetime: chosen.lifetime.map_or(own, |theirs| theirs.min(own)),
                index: Some(index),
                replaces: twin.map(|child| child.key),
                role: Role::Responder,
                is_silent: true,
            },
            proposal: chosen.proposal,
            public,
        })
    }

    /// The traffic that is asked for, from our side, and which of the wanted pairs it is within.
    fn selected(
        &self,
        contents: &QuickContents<'_>,
    ) -> Result<(TrafficSelector, TrafficSelector, usize), Refusal> {
        let pair = match contents.identities {
            Some((initiator, responder)) => initiator.selector().zip(responder.selector()),
            // Without identities it is about the two themselves.
            None => Some((
                TrafficSelector::any_of(block(self.config.remote, 128)),
                TrafficSelector::any_of(block(self.config.local, 128)),
            )),
        };
        let wanted =
            |ranges: &[AddressRange]| ranges.first().map(|range| TrafficSelector::any_of(*range));
        let found = pair.and_then(|(remote, local)| {
            let index = self.config.children.iter().position(|child| {
                let ends = wanted(&child.local).zip(wanted(&child.remote));
                ends.is_some_and(|(here, there)| {
                    selectors::within(&[local], &[here]) && selectors::within(&[remote], &[there])
                })
            })?;
            Some((local, remote, index))
        });
        found.ok_or_else(|| {
            let children = self.config.children.iter();
            let ours: Vec<_> = children
                .filter_map(|child| wanted(&child.local).zip(wanted(&child.remote)))
                .take(8)
                .map(|(local, remote)| selectors::describe(&[local], &[remote]))
                .collect();
            Refusal {
                kind: NotifyType::INVALID_ID_INFORMATION,
                failure: Some(Failure::Selectors {
                    by: Judge::Us,
                    ours: ours.join(", "),
                    theirs: pair.map(|(remote, local)| selectors::describe(&[local], &[remote])),
                }),
            }
        })
    }

    /// Installs what was agreed, then answers.
    fn send_answer(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        path: Path,
        (header, datagram, iv): (&Header, &[u8], &[u8]),
        contents: &QuickContents<'_>,
        answer: Answer<'_>,
    ) {
        let Answer {
            agreed,
            proposal,
            public,
            is_shorter,
        } = answer;
        let (nonces, spi) = (agreed.nonces.clone(), agreed.spis.0.to_be_bytes());
        let config = Arc::clone(&self.config);
        let Some(child) = self.install(ctx, link, agreed) else {
            return;
        };
        let sa = SecurityAssociation {
            proposals: alloc::vec![Proposal {
                spi: &spi,
                ..proposal
            }],
        };
        let mut payloads = alloc::vec![
            Payload::SecurityAssociation(sa, &[]),
            Payload::Nonce(&nonces.responder),
        ];
        payloads.extend(public.as_deref().map(Payload::KeyExchange));
        if let Some((initiator, responder)) = contents.identities {
            let as_they_came: [Identification<'_>; 2] = [initiator, responder];
            payloads.extend(as_they_came.map(Payload::Identification));
        }
        let seconds = u32::try_from(config.child_lifetime.as_secs()).unwrap_or(u32::MAX);
        let lifetime =
            emit_attributes(&[(phase_2::LIFE_TYPE, 1), (phase_2::LIFE_DURATION, seconds)]);
        if is_shorter {
            payloads.push(Payload::Notify(Notify {
                protocol: ProtocolId(config.esp.protocol.number()),
                spi: &spi,
                kind: NotifyType::RESPONDER_LIFETIME,
                data: &lifetime,
            }));
        }
        let id = header.message_id;
        let exchange = ExchangeType::QUICK_MODE;
        let before = &nonces.initiator;
        let sealed = seal_hashed(&self.keys, link, exchange, id, iv, before, &payloads);
        let Some(sealed) = sealed else { return };
        path.send(ctx, sealed.octets.clone());
        self.exchanges.push(Exchange {
            message_id: id,
            iv: sealed.next_iv,
            progress: Progress::Answered {
                child,
                nonces,
                resend: Resend::to_peer(ctx.now, sealed.octets.clone()),
            },
            said: Some(Said {
                to: datagram.to_vec(),
                octets: sealed.octets,
            }),
        });
    }
}
