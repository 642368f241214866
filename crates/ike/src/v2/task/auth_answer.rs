//! Answering IKE_AUTH: which connection the peer is of, and whether it is let in (RFC 7296 sections 1.2
//! and 2.15).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use adit_ike_wire::ExchangeType;
use adit_ike_wire::v2::{Notify, NotifyType, Payload};

use crate::config::{ConnectionConfig, ConnectionKey, Identity};
use crate::failure::{Failure, Judge};
use crate::output::{Event, Output};
use crate::sa::{Context, Effect, Ending, Role};
use crate::selectors;
use crate::suite::IkeSuite;
use crate::time::Instant;
use crate::v2::agreement::{self, Birth, error_payload};
use crate::v2::authentication::{Authenticated, Own, Shown};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::keys::{Nonces, SaKeys};
use crate::v2::link::Link;
use crate::v2::ppk::{LetIn, Offer};
use crate::v2::proposal::{describe_ike, describe_suite};
use crate::v2::state::{FirstChild, HalfOpen, Inputs, State};
use crate::v2::task::auth::AUTHENTICATION_FAILED;
use crate::v2::task::synchronise;

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
            mut intermediate,
            initiator_nonce,
            responder_nonce,
            initiator_message,
            responder_message,
            hashes,
            uses_ppk,
            begun,
            ..
        } = *self;
        if let Some(kind) = contents.unknown_critical {
            // Section 2.5, and 2.21.2: there is no SA.
            let kind_of = NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD;
            let payload = Payload::Notify(Notify::new(kind_of, core::slice::from_ref(&kind)));
            return refuse(ctx, link, &mut keys, message_id, payload);
        }
        let (Some(id), Some(shown), Some((_, first))) = (
            contents.id_initiator,
            Shown::of(contents),
            candidates.all.first(),
        ) else {
            let payload = error_payload(NotifyType::INVALID_SYNTAX);
            return refuse(ctx, link, &mut keys, message_id, payload);
        };
        let stranger = Stranger {
            identity: Identity::from_wire(&id),
            asked: contents.id_responder.map(|id| Identity::from_wire(&id)),
        };
        if !intermediate.is_empty() {
            // RFC 9242 section 3.3.1: the ID of this exchange ends what is signed of those before.
            intermediate.extend(message_id.to_be_bytes());
        }
        let mut inputs = Inputs {
            intermediate,
            connection: ConnectionKey(0),
            config: Arc::clone(first),
            keys,
            initiator_nonce,
            responder_nonce,
            initiator_message,
            responder_message,
            hashes,
            uses_ppk,
            first_child: FirstChild::InAuth,
            begun,
        };
        let now = (ctx.now, ctx.time_of_day);
        let shown = (shown, Offer::of(contents, uses_ppk));
        let (mut verified, refused) = stranger.verify(now, &mut inputs, &candidates.all, shown);
        let suite = inputs.keys.suite;
        let known: Vec<_> = verified
            .iter()
            .map(|(key, c, _)| (*key, Arc::clone(c)))
            .collect();
        // The suite was chosen before it was known which connection of this address it is.
        verified.retain(|(_, config, _)| suite.is_allowed_by(&config.ike));
        let Some((connection, config, let_in)) = choose_connection(verified, contents) else {
            if known.is_empty() {
                stranger.report(ctx, &candidates.all, refused);
            }
            expect(ctx, known, &suite);
            let payload = error_payload(AUTHENTICATION_FAILED);
            return refuse(ctx, link, &mut inputs.keys, message_id, payload);
        };
        if let Some(failure) = unwanted_form(&config, contents) {
            ctx.push(Output::Event(Event::Failed(connection, failure)));
            let payload = error_payload(NotifyType::INVALID_SYNTAX);
            return refuse(ctx, link, &mut inputs.keys, message_id, payload);
        }
        link.connection = Some(connection);
        inputs.connection = connection;
        inputs.config = config;
        introduce(ctx, link, message_id, inputs, let_in, contents)
    }
}

/// Shows the peer who this end is, and lets it in.
fn introduce(
    ctx: &mut Context<'_>,
    link: &mut Link,
    message_id: u32,
    mut inputs: Inputs,
    LetIn { proof, mixed }: LetIn,
    contents: &Contents<'_>,
) -> State {
    if let Some(mixed) = mixed {
        inputs.keys.rest_on(mixed);
    }
    match inputs.prove(Role::Responder, None) {
        Ok(own) => accept(ctx, link, message_id, (inputs, own), proof, contents),
        Err(distrust) => {
            let failure = Failure::Distrust(distrust);
            ctx.push(Output::Event(Event::Failed(inputs.connection, failure)));
            let payload = error_payload(AUTHENTICATION_FAILED);
            refuse(ctx, link, &mut inputs.keys, message_id, payload)
        }
    }
}

/// The peer is of these, and has begun with a suite that they don't allow.
fn expect(ctx: &mut Context<'_>, known: Vec<Connection>, suite: &IkeSuite) {
    for (connection, config) in known {
        let failure = Failure::IkeProposal {
            by: Judge::Us,
            ours: describe_ike(&config.ike),
            theirs: Some(describe_suite(suite)),
        };
        ctx.push(Output::Event(Event::Failed(connection, failure)));
        ctx.effects.push(Effect::Expect(connection));
    }
}

/// A connection that the peer may be of.
type Connection = (ConnectionKey, Arc<ConnectionConfig>);

/// One that it is of.
type Verified = (ConnectionKey, Arc<ConnectionConfig>, LetIn);

/// What is wrong with a request that has a Child SA made, or has none, where the connection wants it otherwise (RFC
/// 6023).
fn unwanted_form(config: &ConnectionConfig, contents: &Contents<'_>) -> Option<Failure> {
    let with_child = contents.proposals.is_some();
    let notification = if with_child {
        "a Child SA in IKE_AUTH, where none is wanted (RFC 6023)"
    } else {
        "an IKE SA without a Child SA (RFC 6023)"
    };
    let notification = notification.into();
    (!config.childless.allows(with_child)).then_some(Failure::Refused { notification })
}

/// Among connections with the same identities and key, the one whose selectors fit.
fn choose_connection(mut verified: Vec<Verified>, contents: &Contents<'_>) -> Option<Verified> {
    let selectors_fit = |(_, config, _): &Verified| {
        let (Some(remote), Some(local)) = (contents.ts_initiator, contents.ts_responder) else {
            return false;
        };
        selectors::narrow(local, remote, &config.children).is_some()
    };
    let all_fits = |one: &Verified| {
        let protocol = one.1.esp.protocol.number();
        let mut proposals = contents.proposals.into_iter().flatten();
        selectors_fit(one) && proposals.any(|proposal| proposal.protocol.0 == protocol)
    };
    let fitting = verified.iter().position(all_fits);
    let fitting = fitting.or_else(|| verified.iter().position(selectors_fit));
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

    /// The connections that it is the peer of, and why it is not that of others which mean it.
    fn verify(
        &self,
        now: (Instant, u64),
        inputs: &mut Inputs,
        candidates: &[Connection],
        (shown, offer): (Shown<'_>, Offer<'_>),
    ) -> (Vec<Verified>, BTreeMap<ConnectionKey, Failure>) {
        let (mut verified, mut refused) = (Vec::new(), BTreeMap::new());
        // Of several connections with the same authorities one is asked: a path costs much more than a key.
        let mut asked: Vec<(Arc<ConnectionConfig>, Failure)> = Vec::new();
        for (connection, config) in candidates.iter().filter(|(_, c)| self.is_meant_by(c)) {
            let same = |(other, _): &&(Arc<ConnectionConfig>, Failure)| {
                let (one, other) = (&config.authentication, &other.authentication);
                one.peer == other.peer && one.ppk == other.ppk
            };
            if let Some((_, failure)) = asked.iter().find(same) {
                refused.insert(*connection, failure.clone());
                continue;
            }
            inputs.config = Arc::clone(config);
            match inputs.let_in(now, &self.identity, shown, offer) {
                Ok(let_in) => verified.push((*connection, Arc::clone(config), let_in)),
                Err(failure) => {
                    refused.insert(*connection, failure.clone());
                    asked.push((Arc::clone(config), failure));
                }
            }
        }
        (verified, refused)
    }

    /// Tells why the peer was not let in to those that come closest.
    fn report(
        &self,
        ctx: &mut Context<'_>,
        candidates: &[Connection],
        mut refused: BTreeMap<ConnectionKey, Failure>,
    ) {
        let named = |config: &ConnectionConfig| config.remote_id.matches(&self.identity);
        let any_meant = candidates
            .iter()
            .any(|(_, config)| self.is_meant_by(config));
        let any_named = candidates.iter().any(|(_, config)| named(config));
        let mut told = Vec::new();
        for (connection, config) in candidates {
            let failure = if let Some(failure) = refused.remove(connection) {
                failure
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
            told.push((*connection, failure));
        }
        ctx.effects.push(Effect::NotLetIn {
            told,
            is_named: any_named,
        });
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
    (inputs, own): (Inputs, Own),
    proof: Authenticated,
    contents: &Contents<'_>,
) -> State {
    let begun = inputs.begun;
    let config = Arc::clone(&inputs.config);
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
    let mut payloads = alloc::vec![Payload::IdResponder(config.local_id.view())];
    payloads.extend(own.certificates());
    payloads.push(own.auth());
    if established.keys.suite.ppk {
        // RFC 8784 section 3: the initiator's is the one.
        let kind = NotifyType::PPK_IDENTITY;
        payloads.push(Payload::Notify(Notify::new(kind, &[])));
    }
    if synchronise::agrees(ctx, contents) {
        established.synchronises = true;
        payloads.extend(synchronise::supported(ctx));
    }
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
    established.announce(ctx, link, false);
    let made = agreed.and_then(|agreement| {
        established.add_child(
            ctx,
            link,
            Birth {
                agreement,
                shared: None,
                additional: None,
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
