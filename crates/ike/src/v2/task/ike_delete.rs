//! Deleting the IKE SA (RFC 7296 section 1.4.1).

use adit_ike_wire::v2::{Delete, Payload};
use adit_ike_wire::{ExchangeType, Header};

use crate::sa::{Context, Effect, Ending, Farewell, SaKey};
use crate::v2::active::Active;
use crate::v2::collision::{Theirs, Verdict, decide};
use crate::v2::established::Established;
use crate::v2::link::Link;

impl Established {
    pub(crate) fn start_ike_delete(&mut self, ctx: &mut Context<'_>, link: &mut Link) {
        let payloads = [Payload::Delete(Delete::IKE_SA)];
        let protection = &mut self.keys.protection;
        link.request(ctx, protection, ExchangeType::INFORMATIONAL, &payloads);
        self.active = Some(Active::IkeDelete);
    }

    pub(crate) fn ike_deleted(&mut self, ctx: &mut Context<'_>, key: SaKey) {
        self.dispose_children(ctx, Farewell::Lingering);
        ctx.effects.push(Effect::Gone(key, Ending::Released));
    }

    pub(crate) fn answer_ike_delete(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
    ) {
        self.respond(ctx, link, header, &[]);
        if decide(self.stance(None), Theirs::IkeDelete) == Verdict::ProceedAndYield {
            self.active = None;
            self.queue.clear();
        }
        self.end(ctx, link.key, Ending::PeerDeleted);
    }
}
