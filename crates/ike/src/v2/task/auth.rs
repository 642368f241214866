//! IKE_AUTH (RFC 7296 sections 1.2 and 2.15): identities, the pre-shared key, the first Child SA.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use adit_ike_wire::ExchangeType;
use adit_ike_wire::v2::{Notify, NotifyType, Payload};

use crate::config::Identity;
use crate::failure::{Failure, Judge};
use crate::nonces::ExchangeNonces;
use crate::output::{Event, Output, Part};
use crate::sa::{Context, Effect, Ending, Role};
use crate::selectors;
use crate::v2::agreement::{self, Birth, Wish, notification_name};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::keys::Authenticated;
use crate::v2::keys::{Nonces, Signed};
use crate::v2::link::Link;
use crate::v2::proposal::offer_esp;
use crate::v2::state::{AuthSent, FirstChild, Inputs, Refusing, State};
use crate::v2::task::{Task, synchronise};

/// The authentication method "shared key message integrity code".
pub(super) const SHARED_KEY: u8 = 2;

const INVALID_SYNTAX: NotifyType = NotifyType::INVALID_SYNTAX;

pub(super) const AUTHENTICATION_FAILED: NotifyType = NotifyType::AUTHENTICATION_FAILED;

impl Inputs {
    pub(super) fn nonces(&self) -> ExchangeNonces {
        ExchangeNonces {
            initiator: self.initiator_nonce.clone(),
            responder: self.responder_nonce.clone(),
        }
    }

    /// What `signer` signs: its first message, and the other side's nonce.
    fn signed_by(&self, signer: Role) -> Signed<'_> {
        let (message, peer_nonce) = match signer {
            Role::Initiator => (&self.initiator_message, &self.responder_nonce),
            Role::Responder => (&self.responder_message, &self.initiator_nonce),
        };
        Signed {
            message,
            peer_nonce,
            intermediate: &self.intermediate,
        }
    }

    /// The AUTH octets of `signer`, who calls itself `identity`.
    pub(super) fn auth(&self, signer: Role, identity: &Identity) -> adit_crypto::Secret {
        let signed = self.signed_by(signer);
        self.keys.auth(signer, &self.config.psk, signed, identity)
    }

    pub(super) fn verify(
        &self,
        signer: Role,
        identity: &Identity,
        received: &[u8],
    ) -> Option<Authenticated> {
        let signed = self.signed_by(signer);
        let psk = &self.config.psk;
        self.keys.verify(signer, psk, signed, identity, received)
    }
}

impl AuthSent {
    /// Sends IKE_AUTH.
    pub(crate) fn start(ctx: &mut Context<'_>, link: &mut Link, mut inputs: Inputs) -> State {
        let config = Arc::clone(&inputs.config);
        let auth = inputs.auth(Role::Initiator, &config.local_id);
        let first = config.children.first();
        let first = first.filter(|_| inputs.first_child != FirstChild::After);
        let wish = first.map(|child| Wish {
            inbound_spi: ctx.expected_spi(),
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
        ];
        if ctx.alone {
            let contact = Notify::new(NotifyType::INITIAL_CONTACT, &[]);
            payloads.push(Payload::Notify(contact));
        }
        payloads.extend(synchronise::supported(ctx));
        if let Some(wish) = &wish {
            payloads.push(Payload::SecurityAssociation(offer_esp(
                &config.esp,
                &spi,
                false,
            )));
            payloads.push(Payload::TsInitiator(wish.local.clone()));
            payloads.push(Payload::TsResponder(wish.remote.clone()));
            payloads.extend(agreement::mode_payload(config.mode));
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
                let refused = contents.and_then(|contents| contents.notify(INVALID_SYNTAX));
                if refused.is_some() && inputs.first_child == FirstChild::InAuthOrAfter {
                    ctx.effects.push(Effect::Childless(connection));
                }
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
        established.hear_lifetime(ctx, contents);
        established.synchronises = synchronise::agrees(ctx, contents);
        match wish {
            Some(wish) => established.first_child(ctx, link, &wish, contents),
            None => established.enqueue(Task::ChildCreate(0), ctx.now),
        }
        established.announce(ctx, link, false);
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
    if contents.notify(INVALID_SYNTAX).is_some() {
        // Section 2.21.3: who answers so has deleted the SA, though it says who it is.
        return Err((refusal(contents), None));
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
                self.add_agreed(
                    ctx,
                    link,
                    Some(Part::Child(0)),
                    Birth {
                        agreement,
                        shared: None,
                        additional: None,
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
