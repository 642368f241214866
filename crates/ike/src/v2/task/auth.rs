//! IKE_AUTH (RFC 7296 sections 1.2 and 2.15): identities, what shows that they are true, the first Child SA.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use adit_ike_wire::ExchangeType;
use adit_ike_wire::v2::authentication::X509_SIGNATURE;
use adit_ike_wire::v2::{Notify, NotifyType, Payload, PpkIdentity};

use crate::authentication::{Distrust, PpkFault, request_of};
use crate::config::{ConnectionConfig, Identity};
use crate::failure::{Failure, Judge};
use crate::nonces::ExchangeNonces;
use crate::output::{Event, Output, Part};
use crate::sa::{Context, Effect, Ending, Role};
use crate::selectors;
use crate::time::Instant;
use crate::v2::agreement::{self, Birth, Wish, notification_name};
use crate::v2::authentication::{Authenticated, Own, Shown, Signed};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::keys::{Nonces, Roots};
use crate::v2::link::Link;
use crate::v2::proposal::offer_esp;
use crate::v2::state::{AuthSent, FirstChild, Inputs, Refusing, State};
use crate::v2::task::{Task, synchronise};

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
    fn signed_by<'a>(&'a self, signer: Role, roots: &'a Roots) -> Signed<'a> {
        let (message, peer_nonce) = match signer {
            Role::Initiator => (&self.initiator_message, &self.responder_nonce),
            Role::Responder => (&self.responder_message, &self.initiator_nonce),
        };
        Signed {
            signer,
            roots,
            message,
            peer_nonce,
            intermediate: &self.intermediate,
        }
    }

    /// What this end shows, as `signer`, on these roots, or those that the keys have.
    pub(super) fn prove(&self, signer: Role, roots: Option<&Roots>) -> Result<Own, Distrust> {
        let roots = roots.unwrap_or_else(|| self.keys.roots());
        let (signed, config) = (self.signed_by(signer, roots), &self.config);
        let (own, hashes) = (&config.authentication.own, self.hashes.as_deref());
        self.keys.prove(own, signed, &config.local_id, hashes)
    }

    /// Whether what `signer` shows, who calls itself `identity`, is enough for the connection.
    pub(crate) fn verify(
        &self,
        now: (Instant, u64),
        (signer, roots): (Role, &Roots),
        identity: &Identity,
        shown: Shown<'_>,
    ) -> Result<Authenticated, Failure> {
        let signed = self.signed_by(signer, roots);
        let demand = &self.config.authentication.peer;
        self.keys.verify(demand, signed, identity, shown, now)
    }
}

/// What IKE_AUTH shows of the initiator, and asks for.
struct Shows {
    own: Own,
    /// The same without the post-quantum pre-shared key, where this end does without (RFC 8784 section 3).
    without: Option<Own>,
    ppk: Option<Vec<u8>>,
    request: Vec<u8>,
}

impl Shows {
    fn of(inputs: &Inputs, mixed: Option<&Roots>) -> Result<Self, Distrust> {
        let ppk = inputs.ppk().filter(|_| mixed.is_some());
        let optional = ppk.filter(|ppk| !ppk.mandatory);
        let without = optional.map(|_| inputs.prove(Role::Initiator, None));
        let peer = &inputs.config.authentication.peer;
        Ok(Self {
            own: inputs.prove(Role::Initiator, mixed)?,
            without: without.transpose()?,
            ppk: ppk.map(|ppk| {
                let (kind, data) = (PpkIdentity::FIXED, &*ppk.id);
                PpkIdentity { kind, data }.to_octets()
            }),
            request: request_of(core::iter::once(peer)),
        })
    }

    fn payloads<'a>(&'a self, config: &'a ConnectionConfig) -> Vec<Payload<'a>> {
        let notify = |kind, data| Payload::Notify(Notify::new(kind, data));
        let mut payloads = alloc::vec![Payload::IdInitiator(config.local_id.view())];
        payloads.extend(self.own.certificates());
        if !self.request.is_empty() {
            payloads.push(Payload::CertificateRequest {
                encoding: X509_SIGNATURE,
                data: &self.request,
            });
        }
        payloads.push(Payload::IdResponder(config.remote_id.view()));
        payloads.push(self.own.auth());
        let id = self.ppk.iter();
        payloads.extend(id.map(|id| notify(NotifyType::PPK_IDENTITY, id)));
        let without = self.without.iter();
        payloads.extend(without.map(|own| notify(NotifyType::NO_PPK_AUTH, own.data())));
        payloads
    }
}

impl AuthSent {
    /// Sends IKE_AUTH.
    pub(crate) fn start(ctx: &mut Context<'_>, link: &mut Link, mut inputs: Inputs) -> State {
        let config = Arc::clone(&inputs.config);
        let mixed = inputs.mixed();
        let shows = match Shows::of(&inputs, mixed.as_ref()) {
            Ok(shows) => shows,
            Err(distrust) => {
                // The peer has no SA that is proven, and its half-open one ends by itself.
                let failure = Failure::Distrust(distrust);
                ctx.push(Output::Event(Event::Failed(inputs.connection, failure)));
                ctx.effects.push(Effect::Gone(link.key, Ending::Failed));
                return State::Gone;
            }
        };
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
        let mut payloads = shows.payloads(&config);
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
        State::AuthSent(Box::new(Self {
            inputs,
            wish,
            mixed,
        }))
    }

    /// Takes the opened answer; the SA's next state.
    pub(crate) fn on_response(
        self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        contents: Option<&Contents<'_>>,
    ) -> State {
        let Self {
            mut inputs,
            wish,
            mixed,
        } = *self;
        // RFC 8784 section 3: it says whether it has ours.
        let has_ours = contents.is_some_and(|c| c.notify(NotifyType::PPK_IDENTITY).is_some());
        let mixed = mixed.filter(|_| has_ours);
        let now = (ctx.now, ctx.time_of_day);
        let connection = inputs.connection;
        let config = Arc::clone(&inputs.config);
        let (proof, contents) = match judge(now, &inputs, mixed.as_ref(), contents) {
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
        if let Some(mixed) = mixed {
            inputs.keys.rest_on(mixed);
        }
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
    now: (Instant, u64),
    inputs: &Inputs,
    mixed: Option<&Roots>,
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
    let (Some(id), Some(shown)) = (contents.id_responder, Shown::of(contents)) else {
        let refused = contents.error().is_some();
        let failure = refusal(inputs, contents);
        // An error without AUTH says that there is no SA at the other end.
        let tell = (!refused).then_some((NotifyType::INVALID_SYNTAX, Vec::new()));
        return Err((failure, tell));
    };
    let identity = Identity::from_wire(&id);
    let proof = match inputs.believe(now, &identity, shown, mixed) {
        Ok(proof) => proof,
        Err(failure) => return told(failure, AUTHENTICATION_FAILED),
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
        return Err((refusal(inputs, contents), None));
    }
    Ok((proof, contents))
}

/// What an answer without AUTH means.
fn refusal(inputs: &Inputs, contents: &Contents<'_>) -> Failure {
    let by_key = !inputs.config.authentication.has_certificates();
    match contents.error().map(|notify| notify.kind) {
        Some(NotifyType::AUTHENTICATION_FAILED) => match inputs.ppk() {
            Some(ppk) => {
                let id = ppk.id.clone();
                Failure::Distrust(Distrust::Ppk(PpkFault::Refused { id }))
            }
            None if by_key => Failure::Authentication { by: Judge::Peer },
            None => Failure::Distrust(Distrust::Refused),
        },
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
