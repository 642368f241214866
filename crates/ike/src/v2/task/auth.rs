//! IKE_AUTH (RFC 7296 sections 1.2 and 2.15): identities, the pre-shared key, the first Child SA.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use adit_ike_wire::{ExchangeType, Notify, NotifyType, Payload};

use crate::child::{self, ChildSa, Owner};
use crate::config::{ConnectionConfig, ConnectionKey, Identity};
use crate::failure::{Failure, Judge};
use crate::nonces::ExchangeNonces;
use crate::output::{Event, Output, Part};
use crate::sa::{Context, Effect, Ending, Role};
use crate::selectors;
use crate::time::Instant;
use crate::v2::agreement::{self, Birth, Wish, error_payload, notification_name};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::keys::{Nonces, SaKeys};
use crate::v2::link::Link;
use crate::v2::proposal::{describe_ike, offer_esp};
use crate::v2::sa::State;
use crate::v2::task::init::HalfOpen;
use crate::v2::task::refuse::Refusing;

/// The authentication method "shared key message integrity code".
const SHARED_KEY: u8 = 2;

/// Proof that the peer knows the pre-shared key: only verification makes one, and an established
/// SA can't be had without.
#[derive(Debug)]
pub(crate) struct Authenticated(());

impl Authenticated {
    /// A rekeyed SA inherits the proof of the one it came from.
    pub(crate) const fn inherit(&self) -> Self {
        Self(())
    }
}

/// What both sides have before IKE_AUTH.
pub(crate) struct Inputs {
    pub(crate) connection: ConnectionKey,
    pub(crate) config: Arc<ConnectionConfig>,
    pub(crate) keys: SaKeys,
    pub(crate) initiator_nonce: Vec<u8>,
    pub(crate) responder_nonce: Vec<u8>,
    pub(crate) initiator_message: Vec<u8>,
    pub(crate) responder_message: Vec<u8>,
    /// When the exchange before began.
    pub(crate) begun: Instant,
}

impl Inputs {
    fn nonces(&self) -> ExchangeNonces {
        ExchangeNonces {
            initiator: self.initiator_nonce.clone(),
            responder: self.responder_nonce.clone(),
        }
    }

    /// The AUTH octets of `signer`, who calls itself `identity`.
    fn auth(&self, signer: Role, identity: &Identity) -> adit_crypto::Secret {
        let (message, nonce) = match signer {
            Role::Initiator => (&self.initiator_message, &self.responder_nonce),
            Role::Responder => (&self.responder_message, &self.initiator_nonce),
        };
        self.keys
            .auth(signer, &self.config.psk, message, nonce, identity)
    }

    fn verify(&self, signer: Role, identity: &Identity, received: &[u8]) -> Option<Authenticated> {
        let expected = self.auth(signer, identity);
        adit_crypto::equal(expected.as_slice(), received).then_some(Authenticated(()))
    }
}

/// The initiator's state while it waits for the answer to IKE_AUTH.
pub(crate) struct AuthSent {
    pub(crate) inputs: Inputs,
    wish: Option<Wish>,
}

impl AuthSent {
    /// Sends IKE_AUTH.
    pub(crate) fn start(ctx: &mut Context<'_>, link: &mut Link, mut inputs: Inputs) -> State {
        let config = Arc::clone(&inputs.config);
        let auth = inputs.auth(Role::Initiator, &config.local_id);
        let wish = config.children.first().map(|child| Wish {
            inbound_spi: ctx.esp_spi(),
            local: selectors::of_ranges(&child.local),
            remote: selectors::of_ranges(&child.remote),
        });
        let spi = wish
            .as_ref()
            .map_or(0, |wish| wish.inbound_spi)
            .to_be_bytes();
        let mut payloads = alloc::vec![
            Payload::IdInitiator(config.local_id.view()),
            Payload::IdResponder(config.remote_id.view()),
            Payload::Authentication {
                method: SHARED_KEY,
                data: auth.as_slice()
            },
            Payload::Notify(Notify::new(NotifyType::INITIAL_CONTACT, &[])),
        ];
        if !ctx.alone {
            payloads.pop();
        }
        if let Some(wish) = &wish {
            payloads.push(Payload::SecurityAssociation(offer_esp(
                &config.esp,
                &spi,
                false,
            )));
            payloads.push(Payload::TsInitiator(wish.local.clone()));
            payloads.push(Payload::TsResponder(wish.remote.clone()));
        }
        link.request(
            ctx,
            &mut inputs.keys.protection,
            ExchangeType::IKE_AUTH,
            &payloads,
        );
        State::AuthSent(Box::new(Self { inputs, wish }))
    }

    /// Takes the opened answer; the SA's next state.
    pub(crate) fn on_response(
        self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        contents: Option<&Contents<'_>>,
    ) -> State {
        let Self { inputs, wish } = *self;
        let connection = inputs.connection;
        let config = Arc::clone(&inputs.config);
        let (proof, contents) = match judge(&inputs, contents) {
            Ok(verified) => verified,
            Err((failure, tell)) => {
                ctx.push(Output::Event(Event::Failed(connection, failure)));
                if let Some((kind, data)) = tell {
                    return Refusing::start(ctx, link, inputs.keys, kind, &data);
                }
                ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
                return State::Gone;
            }
        };
        let nonces = inputs.nonces();
        let mut established = Established::new(
            ctx,
            link.role,
            connection,
            config,
            inputs.keys,
            nonces,
            proof,
        );
        if let Some(wish) = wish {
            established.first_child(ctx, link, &wish, contents);
        }
        established.announce(ctx, link.key, false);
        State::Established(Box::new(established))
    }
}

/// What to tell the responder that we refuse: it believes that the SA is up.
type Tell = (NotifyType, Vec<u8>);

/// Whether the responder is who it should be. If not, why, and what to tell it.
fn judge<'c, 'm>(
    inputs: &Inputs,
    contents: Option<&'c Contents<'m>>,
) -> Result<(Authenticated, &'c Contents<'m>), (Failure, Option<Tell>)> {
    let told = |failure, kind| Err((failure, Some((kind, Vec::new()))));
    let Some(contents) = contents else {
        let notification = "an answer to IKE_AUTH that can't be understood".into();
        let failure = Failure::Refused { notification };
        return told(failure, NotifyType::INVALID_SYNTAX);
    };
    if let Some(kind) = contents.unknown_critical {
        let notification = alloc::format!("an answer to IKE_AUTH that needs payload {kind}");
        let tell = (NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD, alloc::vec![kind]);
        return Err((Failure::Refused { notification }, Some(tell)));
    }
    let (Some(id), Some((method, received))) = (contents.id_responder, contents.auth) else {
        let refused = contents.error().is_some();
        let failure = refusal(contents);
        // An error without AUTH says that there is no SA at the other end.
        let tell = (!refused).then_some((NotifyType::INVALID_SYNTAX, Vec::new()));
        return Err((failure, tell));
    };
    let identity = Identity::from_wire(&id);
    if method != SHARED_KEY {
        let notification = alloc::format!("AUTH by method {method}, not by pre-shared key");
        return told(Failure::Refused { notification }, AUTHENTICATION_FAILED);
    }
    let Some(proof) = inputs.verify(Role::Responder, &identity, received) else {
        let failure = Failure::Authentication { by: Judge::Us };
        return told(failure, AUTHENTICATION_FAILED);
    };
    let expected = &inputs.config.remote_id;
    if !expected.matches(&identity) {
        let failure = Failure::Identity {
            expected: expected.clone(),
            received: identity,
        };
        return told(failure, AUTHENTICATION_FAILED);
    }
    Ok((proof, contents))
}

/// What an answer without AUTH means.
fn refusal(contents: &Contents<'_>) -> Failure {
    match contents.error().map(|notify| notify.kind) {
        Some(NotifyType::AUTHENTICATION_FAILED) => Failure::Authentication { by: Judge::Peer },
        Some(kind) => Failure::Refused {
            notification: notification_name(kind),
        },
        None => Failure::Refused {
            notification: "an answer without AUTH".into(),
        },
    }
}

impl Established {
    /// Takes the part of the IKE_AUTH answer that is about the first Child SA. A refusal leaves
    /// the IKE SA as it is (RFC 7296 section 1.2); the endpoint tries again later.
    fn first_child(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        wish: &Wish,
        contents: &Contents<'_>,
    ) {
        match agreement::accept(&self.config, wish, contents, false) {
            Ok(agreement) => {
                let nonces = self.nonces.clone();
                self.add_child(
                    ctx,
                    link,
                    Birth {
                        agreement,
                        shared: None,
                        nonces: Nonces {
                            initiator: &nonces.initiator,
                            responder: &nonces.responder,
                        },
                        role: Role::Initiator,
                        replaces: None,
                        index: Some(0),
                        redundant: false,
                    },
                );
            }
            Err(failure) => self.report_part(ctx, Part::Child(0), failure),
        }
    }
}

impl HalfOpen {
    /// Answers IKE_AUTH; the SA's next state.
    pub(crate) fn answer(
        self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        message_id: u32,
        contents: &Contents<'_>,
    ) -> State {
        let Self {
            candidates,
            mut keys,
            initiator_nonce,
            responder_nonce,
            initiator_message,
            responder_message,
            begun,
            ..
        } = *self;
        if let Some(kind) = contents.unknown_critical {
            // Section 2.5, and 2.21.2: there is no SA.
            let kind_of = NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD;
            let payload = Payload::Notify(Notify::new(kind_of, core::slice::from_ref(&kind)));
            return refuse(ctx, link, &mut keys, message_id, payload);
        }
        let (Some(id), Some((method, received)), Some((_, first))) =
            (contents.id_initiator, contents.auth, candidates.all.first())
        else {
            let payload = error_payload(NotifyType::INVALID_SYNTAX);
            return refuse(ctx, link, &mut keys, message_id, payload);
        };
        let stranger = Stranger {
            identity: Identity::from_wire(&id),
            asked: contents.id_responder.map(|id| Identity::from_wire(&id)),
        };
        let mut inputs = Inputs {
            connection: ConnectionKey(0),
            config: Arc::clone(first),
            keys,
            initiator_nonce,
            responder_nonce,
            initiator_message,
            responder_message,
            begun,
        };
        let mut verified: Vec<(ConnectionKey, Arc<ConnectionConfig>, Authenticated)> = Vec::new();
        for (connection, config) in candidates
            .all
            .iter()
            .filter(|(_, c)| stranger.is_meant_by(c))
        {
            inputs.config = Arc::clone(config);
            if method == SHARED_KEY
                && let Some(proof) = inputs.verify(Role::Initiator, &stranger.identity, received)
            {
                verified.push((*connection, Arc::clone(config), proof));
            }
        }
        let suite = inputs.keys.suite;
        let known: Vec<_> = verified
            .iter()
            .map(|(key, c, _)| (*key, Arc::clone(c)))
            .collect();
        // The suite was chosen before it was known which connection of this address it is.
        verified.retain(|(_, config, _)| suite.is_allowed_by(&config.ike));
        let Some((connection, config, proof)) = choose_connection(verified, contents) else {
            if known.is_empty() {
                stranger.report(ctx, &candidates.all);
            }
            for (connection, config) in known {
                let failure = Failure::IkeProposal {
                    by: Judge::Us,
                    ours: describe_ike(&config.ike),
                    theirs: Some(suite.name()),
                    transform: None,
                };
                ctx.push(Output::Event(Event::Failed(connection, failure)));
                ctx.effects.push(Effect::Expect(connection));
            }
            let payload = error_payload(AUTHENTICATION_FAILED);
            return refuse(ctx, link, &mut inputs.keys, message_id, payload);
        };
        link.connection = Some(connection);
        inputs.connection = connection;
        inputs.config = config;
        accept(ctx, link, message_id, inputs, proof, contents)
    }
}

const AUTHENTICATION_FAILED: NotifyType = NotifyType::AUTHENTICATION_FAILED;

/// Among connections with the same identities and key, the one whose selectors fit.
fn choose_connection(
    mut verified: Vec<(ConnectionKey, Arc<ConnectionConfig>, Authenticated)>,
    contents: &Contents<'_>,
) -> Option<(ConnectionKey, Arc<ConnectionConfig>, Authenticated)> {
    let fitting = verified.iter().position(|(_, config, _)| {
        let (Some(remote), Some(local)) = (contents.ts_initiator, contents.ts_responder) else {
            return false;
        };
        selectors::narrow(local, remote, &config.children).is_some()
    });
    let index = fitting.unwrap_or(0);
    (index < verified.len()).then(|| verified.swap_remove(index))
}

/// Who wants to be let in, and to whom.
struct Stranger {
    identity: Identity,
    asked: Option<Identity>,
}

impl Stranger {
    fn asks_for(&self, config: &ConnectionConfig) -> bool {
        let asked = self.asked.as_ref();
        asked.is_none_or(|asked| config.local_id.matches(asked))
    }

    fn is_meant_by(&self, config: &ConnectionConfig) -> bool {
        config.remote_id.matches(&self.identity) && self.asks_for(config)
    }

    /// Tells the connections at this address why the peer was not let in: those that come closest.
    fn report(&self, ctx: &mut Context<'_>, candidates: &[(ConnectionKey, Arc<ConnectionConfig>)]) {
        let named = |config: &ConnectionConfig| config.remote_id.matches(&self.identity);
        let any_meant = candidates
            .iter()
            .any(|(_, config)| self.is_meant_by(config));
        let any_named = candidates.iter().any(|(_, config)| named(config));
        for (connection, config) in candidates {
            let failure = if self.is_meant_by(config) {
                Failure::Authentication { by: Judge::Us }
            } else if any_meant {
                continue;
            } else if let (true, Some(asked)) = (named(config), &self.asked) {
                Failure::NameAskedFor {
                    ours: config.local_id.clone(),
                    asked: asked.clone(),
                }
            } else if any_named {
                continue;
            } else {
                Failure::Identity {
                    expected: config.remote_id.clone(),
                    received: self.identity.clone(),
                }
            };
            ctx.push(Output::Event(Event::Failed(*connection, failure)));
        }
    }
}

fn refuse(
    ctx: &mut Context<'_>,
    link: &mut Link,
    keys: &mut SaKeys,
    message_id: u32,
    payload: Payload<'_>,
) -> State {
    let payloads = [payload];
    link.respond(
        ctx,
        &mut keys.protection,
        ExchangeType::IKE_AUTH,
        message_id,
        &payloads,
    );
    ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
    State::Gone
}

fn accept(
    ctx: &mut Context<'_>,
    link: &mut Link,
    message_id: u32,
    inputs: Inputs,
    proof: Authenticated,
    contents: &Contents<'_>,
) -> State {
    let begun = inputs.begun;
    let config = Arc::clone(&inputs.config);
    let auth = inputs.auth(Role::Responder, &config.local_id);
    let nonces = inputs.nonces();
    let mut established = Established::new(
        ctx,
        link.role,
        inputs.connection,
        Arc::clone(&config),
        inputs.keys,
        nonces.clone(),
        proof,
    );
    let mut payloads = alloc::vec![
        Payload::IdResponder(config.local_id.view()),
        Payload::Authentication {
            method: SHARED_KEY,
            data: auth.as_slice()
        },
    ];
    let mut agreed = None;
    if contents.proposals.is_some() {
        match agreement::agree(ctx, &config, contents, false) {
            Ok(agreement) => agreed = Some(agreement),
            Err(disagreement) => {
                payloads.push(error_payload(disagreement.notify));
                if let Some(failure) = disagreement.failure {
                    established.report(ctx, failure);
                }
            }
        }
    }
    let spi = agreed
        .as_ref()
        .map_or(0, |agreed| agreed.inbound_spi)
        .to_be_bytes();
    if let Some(agreed) = &agreed {
        payloads.extend(agreement::answer_payloads(agreed, &spi));
    }
    if contents.notify(NotifyType::INITIAL_CONTACT).is_some() {
        ctx.effects.push(Effect::InitialContact(link.key, begun));
    }
    established.announce(ctx, link.key, false);
    let made = agreed.and_then(|agreement| {
        established.add_child(
            ctx,
            link,
            Birth {
                agreement,
                shared: None,
                nonces: Nonces {
                    initiator: &nonces.initiator,
                    responder: &nonces.responder,
                },
                role: Role::Responder,
                replaces: None,
                index: None,
                redundant: false,
            },
        )
    });
    // Section 2.8: ready to receive before the peer is told that it may send.
    link.respond(
        ctx,
        &mut established.keys.protection,
        ExchangeType::IKE_AUTH,
        message_id,
        &payloads,
    );
    if let Some(child) = made.and_then(|key| established.child_mut(key)) {
        // An initiator answers nothing before it has had this answer.
        child.proof_at = ctx.now;
    }
    let answered = made.map(|child| Effect::Answered(link.key, child));
    ctx.effects.extend(answered);
    State::Established(Box::new(established))
}

impl Established {
    /// Makes a Child SA of what was agreed.
    pub(crate) fn add_child(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        birth: Birth<'_>,
    ) -> Option<crate::output::ChildKey> {
        let config = Arc::clone(&self.config);
        let owner = Owner {
            connection: self.connection,
            config: &config,
            path: link.path,
        };
        let mut child: ChildSa = agreement::install(ctx, &self.keys, &owner, birth).ok()?;
        if child.suite.group.is_none() && !config.esp.groups.is_empty() {
            // IKE_AUTH makes one without a key exchange (section 1.2). Whether both sides want the same
            // forward secrecy is seen only when it is rekeyed: soon, not after hours.
            child.rekey_at = child
                .rekey_at
                .min(ctx.now + child::probe_after(ctx, link.role));
        }
        let key = child.key;
        self.children.push(child);
        Some(key)
    }
}
