//! Ending an IKE SA that only the responder believes in: its answer to IKE_AUTH can't be accepted
//! (RFC 7296 section 2.21.2), or is not wanted any more.
//!
//! Nothing but a message on that SA can tell the responder. So the SA stays until the message is
//! answered, or was sent often enough: it has no Child SAs, takes no requests, and stands in no
//! other attempt's way.

use alloc::boxed::Box;

use adit_ike_wire::ExchangeType;
use adit_ike_wire::v2::{Delete, Notify, NotifyType, Payload};

use crate::sa::{Context, Effect, Ending};
use crate::v2::contents::Contents;
use crate::v2::keys::SaKeys;
use crate::v2::link::Link;
use crate::v2::state::{Refusing, State, Withdrawn};

impl Refusing {
    /// Sends the refusal; the SA's next state.
    pub(crate) fn start(
        ctx: &mut Context<'_>,
        link: &mut Link,
        mut keys: SaKeys,
        kind: NotifyType,
        data: &[u8],
    ) -> State {
        let payloads = [Payload::Notify(Notify::new(kind, data))];
        let exchange = ExchangeType::INFORMATIONAL;
        link.request(ctx, &mut keys.protection, exchange, &payloads);
        ctx.effects.push(Effect::Refused(link.key));
        State::Refusing(Box::new(Self { keys }))
    }

    /// The responder knows.
    pub(crate) fn on_response(ctx: &mut Context<'_>, link: &Link) -> State {
        ctx.effects.push(Effect::Gone(link.key, Ending::Released));
        State::Gone
    }
}

impl Withdrawn {
    /// Takes the answer to IKE_AUTH; the SA's next state. Whether AUTH is good does not matter.
    pub(crate) fn on_response(
        mut self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        contents: Option<&Contents<'_>>,
    ) -> State {
        if contents.is_some_and(|contents| contents.auth.is_none()) {
            ctx.effects.push(Effect::Gone(link.key, Ending::Released));
            return State::Gone;
        }
        let payloads = [Payload::Delete(Delete::IKE_SA)];
        let protection = &mut self.keys.protection;
        link.request(ctx, protection, ExchangeType::INFORMATIONAL, &payloads);
        State::Refusing(Box::new(Refusing { keys: self.keys }))
    }
}
