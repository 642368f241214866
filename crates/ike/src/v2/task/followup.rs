//! IKE_FOLLOWUP_KE: an additional key exchange after CREATE_CHILD_SA (RFC 9370 section 2.2.4).
//!
//! ```text
//!  CREATE_CHILD_SA: SK {SA, Ni, KEi, ..}         -->
//!                                                <--  SK {SA, Nr, KEr, .., N(ADDITIONAL_KEY_EXCHANGE)(link)}
//!  IKE_FOLLOWUP_KE: SK {KEi(1), N(A..K..E..)(link)}  -->
//!                                                <--  SK {KEr(1)}
//! ```
//!
//! What was asked for is there with the last message. Where both ends have asked for the same at once, nonces are
//! compared after the first exchange, and who loses goes no further: there is no SA yet that would have to be deleted.

use core::time::Duration;

use adit_crypto::{AdditionalExchange, Decapsulation, Secret};
use adit_ike_wire::v2::{Notify, NotifyType, Payload};
use adit_ike_wire::{ExchangeType, Header};

use crate::nonces::ExchangeNonces;
use crate::output::ChildKey;
use crate::sa::Context;
use crate::time::Instant;
use crate::v2::active::{Followed, Outcome};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::link::Link;

pub(super) const ADDITIONAL_KEY_EXCHANGE: NotifyType = NotifyType::ADDITIONAL_KEY_EXCHANGE;

/// How long the peer may take to go on. Meanwhile nothing of ours does what it is about to do.
pub(super) const FOLLOWED_LIFETIME: Duration = Duration::from_secs(60);

/// How soon we look again whether the peer has gone on.
pub(super) const FOLLOWED_WAIT: Duration = Duration::from_secs(15);

impl Established {
    /// Whether the peer is still expected to go on with something.
    pub(super) fn is_followed(&self, now: Instant) -> bool {
        self.followed.as_ref().is_some_and(|one| now < one.until)
    }

    /// The nonces of the peer's rekey of this Child SA that it is to go on with.
    pub(super) fn followed_rekey_of(&self, child: ChildKey) -> Option<&ExchangeNonces> {
        self.followed.as_ref().and_then(|one| one.rekey_of(child))
    }

    /// The same of the IKE SA.
    pub(super) fn followed_rekey(&self) -> Option<&ExchangeNonces> {
        self.followed.as_ref().and_then(Followed::ike_rekey)
    }

    /// Sends our public value, where the peer has said what to name the exchange by.
    pub(super) fn request_followup(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        additional: AdditionalExchange,
        contents: &Contents<'_>,
    ) -> Option<Decapsulation> {
        let named = contents.notify(ADDITIONAL_KEY_EXCHANGE)?;
        let decapsulation = additional.begin()?;
        let payloads = [
            Payload::KeyExchange {
                group: additional.id(),
                data: decapsulation.public(),
            },
            Payload::Notify(Notify::new(ADDITIONAL_KEY_EXCHANGE, named.data)),
        ];
        let protection = &mut self.keys.protection;
        link.request(ctx, protection, ExchangeType::IKE_FOLLOWUP_KE, &payloads);
        Some(decapsulation)
    }

    /// Answers the peer, which goes on with what it named.
    pub(crate) fn answer_followup(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
    ) {
        let named = contents.notify(ADDITIONAL_KEY_EXCHANGE);
        let named = named.map(|notify| notify.data);
        let followed = self.followed.take();
        let Some(followed) = followed.filter(|one| named == Some(one.link.as_slice())) else {
            return self.refuse(ctx, link, header, NotifyType::STATE_NOT_FOUND);
        };
        let Followed {
            exchange, outcome, ..
        } = followed;
        match outcome {
            Outcome::Child(replaces, agreed) => {
                self.answer_child_followup(
                    ctx,
                    link,
                    header,
                    contents,
                    (replaces, agreed, exchange),
                );
            }
            Outcome::Ike(succession) => {
                self.answer_ike_followup(ctx, link, header, contents, (succession, exchange));
            }
        }
    }
}

/// The secret of an exchange that we began, if the peer's message answers it.
pub(super) fn finish(decapsulation: &Decapsulation, contents: &Contents<'_>) -> Option<Secret> {
    let answer = contents
        .key_exchange
        .filter(|(group, _)| *group == decapsulation.exchange().id());
    answer.and_then(|(_, answer)| decapsulation.finish(answer).ok())
}

/// Our public value and the secret, if the peer's message begins the exchange.
pub(super) fn answer(
    exchange: AdditionalExchange,
    contents: &Contents<'_>,
) -> Option<(alloc::vec::Vec<u8>, Secret)> {
    let public = contents
        .key_exchange
        .filter(|(group, _)| *group == exchange.id());
    public.and_then(|(_, public)| exchange.answer(public).ok())
}
