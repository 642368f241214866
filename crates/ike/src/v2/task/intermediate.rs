//! IKE_INTERMEDIATE with an additional key exchange (RFC 9242, RFC 9370 section 2.2.2): between IKE_SA_INIT and
//! IKE_AUTH, under the keys of the first, which it makes stronger.
//!
//! ```text
//!  SK {KEi(1)}  -->
//!               <--  SK {KEr(1)}
//! ```
//!
//! Both messages are signed by AUTH, so that nobody on the way can have taken the exchange out.

use alloc::boxed::Box;
use alloc::vec::Vec;

use adit_crypto::{AdditionalExchange, Decapsulation};
use adit_ike_wire::ExchangeType;
use adit_ike_wire::v2::{NotifyType, Payload};

use crate::failure::Failure;
use crate::output::{Event, Output};
use crate::sa::{Context, Effect, Ending, Role};
use crate::v2::agreement::{error_payload, notification_name};
use crate::v2::contents::Contents;
use crate::v2::keys::Nonces;
use crate::v2::link::Link;
use crate::v2::protection::covered_of;
use crate::v2::state::{AuthSent, HalfOpen, Inputs, IntermediateSent, State};

const EXCHANGE: ExchangeType = ExchangeType::IKE_INTERMEDIATE;

impl IntermediateSent {
    /// Sends our public value.
    pub(crate) fn start(
        ctx: &mut Context<'_>,
        link: &mut Link,
        mut inputs: Inputs,
        decapsulation: Decapsulation,
    ) -> State {
        let payloads = [Payload::KeyExchange {
            group: decapsulation.exchange().id(),
            data: decapsulation.public(),
        }];
        let header = link.header(EXCHANGE, link.requests.next_id(), false);
        let covered = covered_of(&header, &payloads);
        let signed = inputs.keys.intermediate_auth(Role::Initiator, &covered);
        link.request(ctx, &mut inputs.keys.protection, EXCHANGE, &payloads);
        State::IntermediateSent(Box::new(Self {
            inputs,
            decapsulation,
            signed,
        }))
    }

    /// Takes the opened answer, of which `covered` is signed; the SA's next state.
    pub(crate) fn on_response(
        self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        contents: Option<&Contents<'_>>,
        covered: &[u8],
    ) -> State {
        let Self {
            mut inputs,
            decapsulation,
            signed,
        } = *self;
        let of_ours = |(group, _): &(u16, &[u8])| *group == decapsulation.exchange().id();
        let answer = contents
            .filter(|contents| contents.unknown_critical.is_none())
            .and_then(|contents| contents.key_exchange.filter(of_ours));
        let secret = answer.and_then(|(_, answer)| decapsulation.finish(answer).ok());
        let stronger = secret.and_then(|secret| {
            let nonces = Nonces {
                initiator: &inputs.initiator_nonce,
                responder: &inputs.responder_nonce,
            };
            let (spis, epoch) = (link.spis(), ctx.limits.iv_epoch);
            let keys = &inputs.keys;
            keys.strengthened(&secret, &nonces, spis, Role::Initiator, epoch)
                .ok()
        });
        let Some(stronger) = stronger else {
            // The peer has no SA that is proven, and its half-open one ends by itself.
            let told = contents.and_then(|contents| contents.error());
            let notification = told.map_or_else(
                || "an answer to IKE_INTERMEDIATE that makes no sense".into(),
                |notify| notification_name(notify.kind),
            );
            let failure = Failure::Refused { notification };
            ctx.push(Output::Event(Event::Failed(inputs.connection, failure)));
            ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
            return State::Gone;
        };
        let theirs = inputs.keys.intermediate_auth(Role::Responder, covered);
        inputs.intermediate = [signed.as_slice(), theirs.as_slice()].concat();
        // RFC 9242 section 3.3.1: the ID of IKE_AUTH, which comes next, ends it.
        let next = link.requests.next_id();
        inputs.intermediate.extend(next.to_be_bytes());
        inputs.keys = stronger;
        AuthSent::start(ctx, link, inputs)
    }
}

impl HalfOpen {
    /// Answers the peer's public value, in a message of which `covered` is signed; the SA's next state.
    pub(crate) fn intermediate(
        mut self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        (message_id, additional): (u32, AdditionalExchange),
        contents: &Contents<'_>,
        covered: &[u8],
    ) -> State {
        let refused = |kind: NotifyType| Err(error_payload(kind));
        let answer = match contents.key_exchange {
            _ if contents.unknown_critical.is_some() => refused(NotifyType::INVALID_SYNTAX),
            Some((group, public)) if group == additional.id() => {
                let answer = additional.answer(public);
                answer.or_else(|_| refused(NotifyType::INVALID_SYNTAX))
            }
            _ => refused(NotifyType::INVALID_SYNTAX),
        };
        let nonces = Nonces {
            initiator: &self.initiator_nonce,
            responder: &self.responder_nonce,
        };
        let (spis, epoch) = (link.spis(), ctx.limits.iv_epoch);
        let stronger = answer.and_then(|(public, secret)| {
            let keys = &self.keys;
            let keys = keys.strengthened(&secret, &nonces, spis, Role::Responder, epoch);
            let keys = keys.map_err(|_| error_payload(NotifyType::INVALID_SYNTAX))?;
            Ok((public, keys))
        });
        let protection = &mut self.keys.protection;
        let (public, stronger) = match stronger {
            Ok(stronger) => stronger,
            Err(payload) => {
                link.respond(ctx, protection, EXCHANGE, message_id, &[payload]);
                ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
                return State::Gone;
            }
        };
        let payloads = [Payload::KeyExchange {
            group: additional.id(),
            data: &public,
        }];
        let header = link.header(EXCHANGE, message_id, true);
        let answered = covered_of(&header, &payloads);
        link.respond(ctx, protection, EXCHANGE, message_id, &payloads);
        let parts: Vec<_> = [(Role::Initiator, covered), (Role::Responder, &answered)]
            .into_iter()
            .map(|(signer, covered)| self.keys.intermediate_auth(signer, covered))
            .collect();
        self.intermediate = parts
            .iter()
            .flat_map(|part| part.as_slice())
            .copied()
            .collect();
        self.additional = None;
        self.before = Some(core::mem::replace(&mut self.keys, stronger));
        State::HalfOpen(self)
    }
}
