//! Main mode as its initiator (RFC 2409 section 5.4): three pairs of messages.
//!
//! ```text
//!   SaSent --(SA)--> KeSent --(KE, Nr)--> AuthSent --(IDir, HASH_R)--> Established
//! ```
//!
//! Nothing before the last answer is authenticated. A notification is therefore a hint for the user and
//! no more: messages go on being repeated until their time is over.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use adit_crypto::equal;
use adit_ike_wire::v1::{self, Identification, Notify, NotifyType, Payload, ProtocolId};
use adit_ike_wire::{ExchangeType, Header, Spi};

use crate::carriage::Carriage;
use crate::config::{ConnectionConfig, ConnectionKey, Identity};
use crate::failure::{Failure, Judge};
use crate::nonces::ExchangeNonces;
use crate::output::{Event, Output};
use crate::resend::Resend;
use crate::sa::{Context, DropReason, Effect, Ending, NAT_PORT, PORT, Path, Role, SaKey};
use crate::v1::description::describe_ike;
use crate::v1::established::Established;
use crate::v1::keys::{Keys, Material, Party};
use crate::v1::link::Link;
use crate::v1::nat::{self, Abilities, Dialect, Wrapping};
use crate::v1::proposal::{choose_ike, ike_offers, offer};
use crate::v1::protection::{open, seal};
use crate::v1::sa::{IkeSa, State};
use crate::v1::state::{Attempt, AuthSent, KeSent, Peer, SaSent};

impl Attempt {
    /// Tells the user what nobody has vouched for, once.
    pub(super) fn hint(&mut self, ctx: &mut Context<'_>, failure: Failure) {
        if !core::mem::replace(&mut self.hinted, true) {
            ctx.push(Output::Event(Event::Failed(self.connection, failure)));
        }
    }

    fn send(&mut self, ctx: &mut Context<'_>, link: &Link, octets: Vec<u8>) {
        self.resend = Resend::new(ctx.now, octets.clone());
        link.path.send(ctx, octets);
    }

    /// A notification without protection.
    pub(super) fn notified(&mut self, ctx: &mut Context<'_>, kind: NotifyType) {
        let failure = match kind {
            NotifyType::NO_PROPOSAL_CHOSEN => Failure::IkeProposal {
                by: Judge::Peer,
                ours: describe_ike(&self.config.ike),
                theirs: None,
            },
            kind => Failure::Refused {
                notification: notification_name(kind),
            },
        };
        if kind.is_error() {
            self.hint(ctx, failure);
        }
    }
}

/// A notification's name, or its number.
pub(super) fn notification_name(kind: NotifyType) -> alloc::string::String {
    let named = kind.name().map(alloc::string::String::from);
    named.unwrap_or_else(|| alloc::format!("notification {}", kind.0))
}

impl IkeSa {
    /// Begins an IKE SA with the peer of a connection; `None` if nothing can be offered.
    pub(crate) fn initiate(
        ctx: &mut Context<'_>,
        connection: ConnectionKey,
        config: Arc<ConnectionConfig>,
    ) -> Option<Self> {
        let offers = ike_offers(&config.ike, config.ike_lifetime);
        if offers.is_empty() {
            return None;
        }
        let link = Link {
            key: SaKey(ctx.numbers.next_key()),
            connection: Some(connection),
            role: Role::Initiator,
            local_spi: ctx.ike_spi(),
            remote_spi: Spi::ZERO,
            path: Path {
                local: config.local,
                local_port: PORT,
                remote: (config.remote, PORT).into(),
            },
            is_translated: false,
            behind_nat: false,
            carriage: Carriage::Udp,
        };
        let sa = Payload::SecurityAssociation(offer(ProtocolId::ISAKMP, &[], &offers), &[]);
        let mut sa_body = Vec::new();
        sa.emit_body(&mut sa_body);
        let mut payloads = alloc::vec![sa];
        payloads.extend(nat::OURS.map(Payload::VendorId));
        let octets = v1::emit(&link.header(ExchangeType::MAIN_MODE, 0), &payloads);
        let mut attempt = Attempt {
            connection,
            config,
            begun: ctx.now,
            resend: Resend::new(ctx.now, Vec::new()),
            hinted: false,
        };
        attempt.send(ctx, &link, octets);
        let state = State::SaSent(Box::new(SaSent { attempt, sa_body }));
        Some(Self { link, state })
    }
}

/// The payloads of a message in the clear.
pub(super) fn clear<'a>(
    header: &Header,
    datagram: &'a [u8],
) -> Result<Vec<Payload<'a>>, DropReason> {
    if header.flags.encryption {
        return Err(DropReason::OutOfOrder);
    }
    let octets = datagram.get(Header::LEN..).unwrap_or_default();
    match v1::parse_chain(header.next_payload, octets) {
        Ok((payloads, [])) => Ok(payloads),
        _ => Err(DropReason::Malformed),
    }
}

/// The public value and the nonce of a message.
pub(super) fn key_exchange<'a>(payloads: &[Payload<'a>]) -> Option<(&'a [u8], &'a [u8])> {
    let mut public = None;
    let mut nonce = None;
    for payload in payloads {
        match payload {
            Payload::KeyExchange(value) => public = public.or(Some(*value)),
            Payload::Nonce(value) => nonce = nonce.or(Some(*value)),
            _ => {}
        }
    }
    Some((public?, nonce?))
}

/// The identity and the hash of a message, the identity also as its octets.
pub(super) fn identified<'a>(
    payloads: &[Payload<'a>],
) -> Option<(Identification<'a>, Vec<u8>, &'a [u8])> {
    let mut identity = None;
    let mut hash = None;
    for payload in payloads {
        match payload {
            Payload::Identification(id) => {
                let mut body = Vec::new();
                payload.emit_body(&mut body);
                identity = identity.or(Some((*id, body)));
            }
            Payload::Hash(value) => hash = hash.or(Some(*value)),
            _ => {}
        }
    }
    let (identity, body) = identity?;
    Some((identity, body, hash?))
}

impl SaSent {
    /// Takes the second message; the SA's next state.
    pub(super) fn take(
        mut self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        payloads: &[Payload<'_>],
    ) -> State {
        let sa = payloads.iter().find_map(|payload| match payload {
            Payload::SecurityAssociation(sa, _) => Some(sa),
            _ => None,
        });
        let chosen = sa.and_then(|sa| choose_ike(sa, &self.attempt.config.ike));
        let (Some(chosen), false) = (chosen, header.responder_spi.is_zero()) else {
            // It may be forged; the real one may still come.
            return State::SaSent(self);
        };
        let abilities = Abilities::of(payloads);
        let dialect = abilities.nat_traversal;
        let wanted = self.attempt.config.encapsulation;
        // Whether there is a NAT is seen with the next message.
        if let Err(failure) = Wrapping::of(wanted, dialect, false) {
            self.attempt.hint(ctx, failure);
            return State::SaSent(self);
        }
        link.remote_spi = header.responder_spi;
        let suite = chosen.suite;
        let key_exchange = suite.group.generate(ctx.random);
        let nonce = ctx.nonce();
        let source = wanted.told_source(link.path.local_address());
        let hashes = dialect.map(|_| nat::hashes(suite.prf, link.cookies(), link.path, source));
        let is_draft = dialect == Some(Dialect::Draft);
        let mut payloads = alloc::vec![
            Payload::KeyExchange(key_exchange.public()),
            Payload::Nonce(&nonce),
        ];
        payloads.extend(
            hashes
                .iter()
                .flatten()
                .map(|hash| Payload::NatDetection { hash, is_draft }),
        );
        let octets = v1::emit(&link.header(ExchangeType::MAIN_MODE, 0), &payloads);
        self.attempt.send(ctx, link, octets);
        State::KeSent(Box::new(KeSent {
            attempt: self.attempt,
            sa_body: self.sa_body,
            suite,
            key_exchange,
            nonce,
            abilities,
            dialect,
        }))
    }
}

impl KeSent {
    /// Takes the fourth message.
    pub(super) fn take(
        self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        payloads: &[Payload<'_>],
    ) -> State {
        let made = key_exchange(payloads).and_then(|(public, nonce)| {
            let shared = self.key_exchange.agree(public).ok()?;
            Some((public.to_vec(), nonce.to_vec(), shared))
        });
        let Some((public, nonce, shared)) = made else {
            return State::KeSent(self);
        };
        let Self {
            mut attempt,
            sa_body,
            suite,
            key_exchange,
            nonce: own_nonce,
            abilities,
            dialect,
        } = *self;
        let cookies = link.cookies();
        let wanted = attempt.config.encapsulation;
        let wrapping = match nat::conclude(link, link.path, wanted, dialect, suite.prf, payloads) {
            Ok(wrapping) => wrapping,
            Err(failure) => {
                attempt.hint(ctx, failure);
                ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
                return State::Gone;
            }
        };
        if link.carriage == Carriage::Udp {
            // RFC 3947 section 4: from the next message on both ends use port 4500.
            link.path.local_port = NAT_PORT;
            link.path.remote.set_port(NAT_PORT);
        }
        let material = Material {
            suite,
            cookies,
            publics: (key_exchange.public().to_vec(), public),
            nonces: (own_nonce, nonce),
            shared,
            sa_body,
        };
        let config = Arc::clone(&attempt.config);
        let key = config.authentication.only_key();
        let sealed = key
            .and_then(|key| Keys::of(&material, key))
            .and_then(|keys| {
                let identity = config.local_id.view();
                let identity =
                    Payload::Identification(Identification::of(identity.kind, identity.data));
                let mut body = Vec::new();
                identity.emit_body(&mut body);
                let proof = keys.proof(&material, Party::Initiator, &body);
                let (one, two) = (cookies.0.0.to_be_bytes(), cookies.1.0.to_be_bytes());
                let spi = [one, two].concat();
                let mut payloads = alloc::vec![identity, Payload::Hash(proof.as_slice())];
                if ctx.alone {
                    payloads.push(Payload::Notify(Notify {
                        protocol: ProtocolId::ISAKMP,
                        spi: &spi,
                        kind: NotifyType::INITIAL_CONTACT,
                        data: &[],
                    }));
                }
                let header = link.header(ExchangeType::MAIN_MODE, 0);
                let sealed = seal(&keys.cipher, &keys.iv, header, &payloads)?;
                Some((keys, sealed))
            });
        let Some((keys, sealed)) = sealed else {
            ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
            return State::Gone;
        };
        attempt.send(ctx, link, sealed.octets);
        State::AuthSent(Box::new(AuthSent {
            attempt,
            material,
            keys,
            iv: sealed.next_iv,
            peer: Peer {
                abilities,
                wrapping,
            },
        }))
    }
}

impl AuthSent {
    /// Takes the sixth message.
    pub(super) fn take(
        mut self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        datagram: &[u8],
    ) -> State {
        let Some(opened) = open(&self.keys.cipher, &self.iv, header, datagram) else {
            return State::AuthSent(self);
        };
        let payloads = opened.payloads().unwrap_or_default();
        let Some((identity, body, hash)) = identified(&payloads) else {
            // Hardly anything can be read with another key.
            self.suspect_key(ctx);
            return State::AuthSent(self);
        };
        let proof = self.keys.proof(&self.material, Party::Responder, &body);
        if !equal(proof.as_slice(), hash) {
            self.suspect_key(ctx);
            return State::AuthSent(self);
        }
        let Attempt {
            connection,
            config,
            begun,
            ..
        } = self.attempt;
        let received = Identity {
            kind: identity.kind,
            data: identity.data.to_vec(),
        };
        if !config.remote_id.matches(&received) {
            let expected = config.remote_id.clone();
            let failure = Failure::Identity { expected, received };
            ctx.push(Output::Event(Event::Failed(connection, failure)));
            ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
            return State::Gone;
        }
        let mut keys = self.keys;
        keys.iv.clone_from(&opened.next_iv);
        let nonces = ExchangeNonces {
            initiator: self.material.nonces.0,
            responder: self.material.nonces.1,
        };
        let lifetime = config.ike_lifetime;
        let peer = self.peer;
        let mut established =
            Established::new(ctx, link, connection, config, keys, nonces, peer, lifetime);
        established.begun = begun;
        established.announce(ctx, link);
        State::Established(Box::new(established))
    }

    /// What came can't be read, or nothing comes: most likely the peer has another key.
    pub(super) fn suspect_key(&mut self, ctx: &mut Context<'_>) {
        let failure = Failure::Authentication { by: Judge::Peer };
        self.attempt.hint(ctx, failure);
    }

    /// A notification that the peer has encrypted: only who has the key can.
    pub(super) fn notified(
        mut self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &Link,
        header: &Header,
        datagram: &[u8],
    ) -> State {
        // The peer's last block is that of the message it refuses.
        self.keys.iv.clone_from(&self.iv);
        let iv = self.keys.iv_of(header.message_id);
        let opened = open(&self.keys.cipher, &iv, header, datagram);
        let hash = |rest: &[u8]| self.keys.hash(header.message_id, &[rest]);
        let payloads = opened.as_ref().and_then(|opened| opened.authentic(hash));
        let refused = payloads.iter().flatten().find_map(|payload| match payload {
            Payload::Notify(notify) if notify.kind.is_error() => Some(notify.kind),
            _ => None,
        });
        let failure = match refused {
            Some(NotifyType::AUTHENTICATION_FAILED | NotifyType::INVALID_HASH_INFORMATION) => {
                Failure::Authentication { by: Judge::Peer }
            }
            Some(kind) => Failure::Refused {
                notification: notification_name(kind),
            },
            None => {
                self.suspect_key(ctx);
                return State::AuthSent(self);
            }
        };
        self.attempt.hint(ctx, failure);
        ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
        State::Gone
    }
}
