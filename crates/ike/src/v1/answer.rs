//! Main mode as its responder (RFC 2409 section 5.4): which connection the peer is of is known by the key
//! that reads its fifth message.
//!
//! ```text
//!   (SA) --> SaAnswered --(KE, Ni)--> KeAnswered --(IDii, HASH_I)--> Established
//! ```
//!
//! Each message is answered once, and again when it is repeated; nothing is sent unasked.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use adit_crypto::equal;
use adit_ike_wire::v1::{
    self, Identification, Notify, NotifyType, Payload, ProtocolId, SecurityAssociation,
};
use adit_ike_wire::{ExchangeType, Header};

use crate::carriage::Carriage;
use crate::config::{ConnectionConfig, ConnectionKey, Identity, IkeAlgorithms};
use crate::endpoint::candidates::Candidates;
use crate::failure::{Failure, Judge};
use crate::nonces::ExchangeNonces;
use crate::output::{Event, Output};
use crate::sa::{Context, DropReason, Effect, Ending, Path, Role, Sa, SaKey};
use crate::v1::description::{describe_ike, describe_ike_offer, describe_suite};
use crate::v1::established::Established;
use crate::v1::keys::{Keys, Material, Party};
use crate::v1::link::Link;
use crate::v1::main_mode::{clear, identified, key_exchange};
use crate::v1::nat::{self, Abilities, Dialect, Wrapping};
use crate::v1::proposal::{choose_ike, ike_suites};
use crate::v1::protection::{open, seal};
use crate::v1::sa::{IkeSa, State};
use crate::v1::state::{Half, KeAnswered, Peer, SaAnswered, Said};

/// How long a peer may take for main mode.
const HALF_OPEN: Duration = Duration::from_secs(30);

/// A message that begins an IKE SA.
pub(crate) struct FirstMessage<'m> {
    pub(crate) header: &'m Header,
    pub(crate) datagram: &'m [u8],
    pub(crate) path: Path,
    pub(crate) candidates: Arc<Candidates>,
}

/// What becomes of it.
pub(crate) enum Verdict {
    /// It makes no sense.
    Ignored,
    /// Each of these connections is told; the peer too, if octets are there.
    Refused(Option<Vec<u8>>, Vec<(ConnectionKey, Failure)>),
    /// It is answered.
    HalfOpen(Box<dyn Sa>),
}

impl FirstMessage<'_> {
    pub(crate) fn answer(&self, ctx: &mut Context<'_>) -> Verdict {
        if self.header.exchange == ExchangeType::AGGRESSIVE_MODE {
            return self.refuse(None, |_| Failure::AggressiveMode);
        }
        let Ok(payloads) = clear(self.header, self.datagram) else {
            return Verdict::Ignored;
        };
        let Some(Payload::SecurityAssociation(sa, body)) = payloads.first() else {
            return Verdict::Ignored;
        };
        if self.header.exchange != ExchangeType::MAIN_MODE {
            return Verdict::Ignored;
        }
        let all = self.candidates.all.iter();
        let common = self.candidates.common.iter();
        let accepted = common.chain(all.map(|(_, config)| &config.ike));
        let chosen = { accepted }.find_map(|accepted| choose_ike(sa, accepted));
        let Some(chosen) = chosen else {
            let refusal = self.refusal(ctx);
            return self.refuse(Some(refusal), |config| Failure::IkeProposal {
                by: Judge::Us,
                ours: describe_ike(&config.ike),
                theirs: Some(describe_ike_offer(sa)),
            });
        };
        let abilities = Abilities::of(&payloads);
        let dialect = abilities.nat_traversal;
        let wanted = self.candidates.encapsulation;
        // Whether there is a NAT is seen with the next message.
        if let Err(failure) = Wrapping::of(wanted, dialect, false) {
            return self.refuse(None, |_| failure.clone());
        }
        let link = Link {
            key: SaKey(ctx.numbers.next_key()),
            connection: None,
            role: Role::Responder,
            local_spi: ctx.ike_spi(),
            remote_spi: self.header.initiator_spi,
            path: self.path,
            is_translated: false,
            behind_nat: false,
            carriage: Carriage::Udp,
        };
        let answer = SecurityAssociation {
            proposals: alloc::vec![chosen.proposal],
        };
        let mut payloads = alloc::vec![Payload::SecurityAssociation(answer, &[])];
        payloads.extend(nat::OURS.map(Payload::VendorId));
        let octets = v1::emit(&link.header(ExchangeType::MAIN_MODE, 0), &payloads);
        self.path.send(ctx, octets.clone());
        let state = SaAnswered {
            half: Half {
                candidates: Arc::clone(&self.candidates),
                begun: ctx.now,
                expires: ctx.now + HALF_OPEN,
                said: Said {
                    to: self.datagram.to_vec(),
                    octets,
                },
            },
            sa_body: body.to_vec(),
            suite: chosen.suite,
            lifetime: chosen.lifetime,
            abilities,
            dialect,
        };
        Verdict::HalfOpen(Box::new(IkeSa {
            link,
            state: State::SaAnswered(Box::new(state)),
        }))
    }

    fn refuse(
        &self,
        octets: Option<Vec<u8>>,
        why: impl Fn(&ConnectionConfig) -> Failure,
    ) -> Verdict {
        let all = self.candidates.all.iter();
        let told = all.map(|(connection, config)| (*connection, why(config)));
        Verdict::Refused(octets, told.collect())
    }

    /// NO-PROPOSAL-CHOSEN, in the clear: shorter than any offer.
    fn refusal(&self, ctx: &mut Context<'_>) -> Vec<u8> {
        let mut header = *self.header;
        header.exchange = ExchangeType::INFORMATIONAL_V1;
        header.message_id = ctx.message_id();
        let payload = Payload::Notify(Notify {
            protocol: ProtocolId::ISAKMP,
            spi: &[],
            kind: NotifyType::NO_PROPOSAL_CHOSEN,
            data: &[],
        });
        v1::emit(&header, &[payload])
    }
}

impl SaAnswered {
    /// Takes the third message; the SA's next state.
    pub(super) fn take(
        self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        path: Path,
        payloads: &[Payload<'_>],
        datagram: &[u8],
    ) -> Result<State, (State, DropReason)> {
        let group = self.suite.group;
        let taken = key_exchange(payloads).and_then(|(public, nonce)| {
            let own = group.generate(ctx.random);
            let shared = own.agree(public).ok()?;
            Some((own, public.to_vec(), nonce.to_vec(), shared))
        });
        let Some((own, public, nonce, shared)) = taken else {
            return Err((State::SaAnswered(self), DropReason::Malformed));
        };
        let own_nonce = ctx.nonce();
        let cookies = link.cookies();
        let prf = self.suite.prf;
        let dialect = self.dialect;
        let wanted = self.half.candidates.encapsulation;
        let wrapping = match nat::conclude(link, path, wanted, dialect, prf, payloads) {
            Ok(wrapping) => wrapping,
            Err(failure) => {
                for (connection, _) in &self.half.candidates.all {
                    ctx.push(Output::Event(Event::Failed(*connection, failure.clone())));
                }
                ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
                return Ok(State::Gone);
            }
        };
        let source = wanted.told_source(path.local_address(), link.carriage);
        let hashes = dialect.map(|_| nat::hashes(prf, cookies, path, source));
        let is_draft = dialect == Some(Dialect::Draft);
        let mut payloads = alloc::vec![
            Payload::KeyExchange(own.public()),
            Payload::Nonce(&own_nonce),
        ];
        payloads.extend(
            hashes
                .iter()
                .flatten()
                .map(|hash| Payload::NatDetection { hash, is_draft }),
        );
        let octets = v1::emit(&link.header(ExchangeType::MAIN_MODE, 0), &payloads);
        path.send(ctx, octets.clone());
        let mut half = self.half;
        half.candidates = Candidates::that_allow(&half.candidates, link.carriage);
        half.said = Said {
            to: datagram.to_vec(),
            octets,
        };
        Ok(State::KeAnswered(Box::new(KeAnswered {
            half,
            material: Material {
                suite: self.suite,
                cookies,
                publics: (public, own.public().to_vec()),
                nonces: (nonce, own_nonce),
                shared,
                sa_body: self.sa_body,
            },
            lifetime: self.lifetime,
            peer: Peer {
                abilities: self.abilities,
                wrapping,
            },
            reported: false,
        })))
    }
}

/// A peer that has shown that it knows a connection's key.
struct Known {
    connection: ConnectionKey,
    config: Arc<ConnectionConfig>,
    keys: Keys,
    identity: Identity,
    next_iv: Vec<u8>,
    initial_contact: bool,
}

impl KeAnswered {
    /// Who has sent this, by trying the key of each connection it may be.
    fn read(&self, header: &Header, datagram: &[u8]) -> Vec<Known> {
        let mut known = Vec::new();
        for (connection, config) in &self.half.candidates.all {
            let key = config.authentication.only_key();
            let Some(keys) = key.and_then(|key| Keys::of(&self.material, key)) else {
                continue;
            };
            let Some(opened) = open(&keys.cipher, &keys.iv, header, datagram) else {
                continue;
            };
            let payloads = opened.payloads().unwrap_or_default();
            let Some((identity, body, hash)) = identified(&payloads) else {
                continue;
            };
            let proof = keys.proof(&self.material, Party::Initiator, &body);
            if !equal(proof.as_slice(), hash) {
                continue;
            }
            let initial_contact = payloads.iter().any(|payload| {
                matches!(payload, Payload::Notify(one) if one.kind == NotifyType::INITIAL_CONTACT)
            });
            known.push(Known {
                connection: *connection,
                config: Arc::clone(config),
                keys,
                identity: Identity {
                    kind: identity.kind,
                    data: identity.data.to_vec(),
                },
                next_iv: opened.next_iv.clone(),
                initial_contact,
            });
        }
        known
    }

    /// Takes the fifth message.
    pub(super) fn take(
        mut self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        path: Path,
        header: &Header,
        datagram: &[u8],
    ) -> Result<State, (State, DropReason)> {
        let known = self.read(header, datagram);
        if known.is_empty() {
            // Anybody on the way can send this.
            if !core::mem::replace(&mut self.reported, true) {
                for (connection, _) in &self.half.candidates.all {
                    let failure = Failure::Authentication { by: Judge::Us };
                    ctx.push(Output::Event(Event::Failed(*connection, failure)));
                }
            }
            return Err((State::KeAnswered(self), DropReason::NotAuthentic));
        }
        let suite = self.material.suite;
        let allows = |accepted: &IkeAlgorithms| ike_suites(accepted).any(|one| one == suite);
        let fits =
            |one: &Known| one.config.remote_id.matches(&one.identity) && allows(&one.config.ike);
        let Some(index) = known.iter().position(fits) else {
            return Ok(self.refuse(ctx, link, path, known));
        };
        let mut known = known;
        let one = known.swap_remove(index);
        let identity = one.config.local_id.view();
        let identity = Payload::Identification(Identification::of(identity.kind, identity.data));
        let mut body = Vec::new();
        identity.emit_body(&mut body);
        let proof = one.keys.proof(&self.material, Party::Responder, &body);
        let header = link.header(ExchangeType::MAIN_MODE, 0);
        let answer = [identity, Payload::Hash(proof.as_slice())];
        let Some(sealed) = seal(&one.keys.cipher, &one.next_iv, header, &answer) else {
            return Err((State::KeAnswered(self), DropReason::Malformed));
        };
        // RFC 3947 section 4: the peer has changed its port, and perhaps its NAT the other.
        link.path = path;
        link.connection = Some(one.connection);
        let mut keys = one.keys;
        keys.iv = sealed.next_iv;
        let nonces = ExchangeNonces {
            initiator: self.material.nonces.0,
            responder: self.material.nonces.1,
        };
        let own = one.config.ike_lifetime;
        let lifetime = self.lifetime.map_or(own, |theirs| theirs.min(own));
        if one.initial_contact {
            let begun = self.half.begun;
            ctx.effects.push(Effect::InitialContact(link.key, begun));
        }
        let mut established = Established::new(
            ctx,
            link,
            one.connection,
            one.config,
            keys,
            nonces,
            self.peer,
            lifetime,
        );
        established.begun = self.half.begun;
        established.announce(ctx, link);
        path.send(ctx, sealed.octets.clone());
        established.last_main = Some(Said {
            to: datagram.to_vec(),
            octets: sealed.octets,
        });
        Ok(State::Established(Box::new(established)))
    }

    /// The key is right, and something else is not.
    fn refuse(
        self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &Link,
        path: Path,
        known: Vec<Known>,
    ) -> State {
        let suite = self.material.suite;
        let mut wrong_name = None;
        for one in known {
            let failure = if one.config.remote_id.matches(&one.identity) {
                ctx.effects.push(Effect::Expect(one.connection));
                Failure::IkeProposal {
                    by: Judge::Us,
                    ours: describe_ike(&one.config.ike),
                    theirs: Some(describe_suite(&suite)),
                }
            } else {
                let failure = Failure::Identity {
                    expected: one.config.remote_id.clone(),
                    received: one.identity,
                };
                wrong_name = Some((one.keys, one.next_iv));
                failure
            };
            ctx.push(Output::Event(Event::Failed(one.connection, failure)));
        }
        if let Some((mut keys, next_iv)) = wrong_name {
            keys.iv = next_iv;
            let kind = NotifyType::INVALID_ID_INFORMATION;
            crate::v1::informational::notify(ctx, link, path, &keys, ProtocolId::ISAKMP, &[], kind);
        }
        let ending = Ending::Failed;
        ctx.effects.push(Effect::Gone(link.key, ending));
        State::Gone
    }
}
