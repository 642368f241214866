//! An IKE SA of IKEv1, as the endpoint sees it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use adit_ike_wire::Header;

use crate::child::ChildSa;
use crate::codec::Writer;
use crate::config::ConnectionConfig;
use crate::output::Deadline;
use crate::sa::{
    Context, DropReason, Handover, Order, Outcome, Path, Place, Received, Sa, SaKey, Stage,
    Unportable, Usage,
};
use crate::time::Instant;
use crate::v1::established::{Established, Phase};
use crate::v1::link::Link;
use crate::v1::state::{AuthSent, KeAnswered, KeSent, SaAnswered, SaSent};

/// An IKE SA.
pub(crate) struct IkeSa {
    pub(super) link: Link,
    pub(super) state: State,
}

/// How far it has come, with what is valid in that state alone.
pub(super) enum State {
    AuthSent(Box<AuthSent>),
    Established(Box<Established>),
    /// Between two states, and after the end; an SA found so is dropped.
    Gone,
    KeAnswered(Box<KeAnswered>),
    KeSent(Box<KeSent>),
    SaAnswered(Box<SaAnswered>),
    SaSent(Box<SaSent>),
}

impl core::fmt::Debug for IkeSa {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IkeSa({:?} {:?})", self.link.key, self.link.cookies())
    }
}

impl IkeSa {
    fn established(&self) -> Option<&Established> {
        match &self.state {
            State::Established(established) => Some(established),
            _ => None,
        }
    }

    fn established_mut(&mut self) -> Option<(&mut Established, &mut Link)> {
        match &mut self.state {
            State::Established(established) => Some((established, &mut self.link)),
            _ => None,
        }
    }
}

impl Sa for IkeSa {
    fn place(&self) -> Place {
        Place {
            key: self.link.key,
            spi: self.link.local_spi,
            connection: self.link.connection,
            role: self.link.role,
            remote: self.link.path.remote,
            remote_spi: self.link.remote_spi,
        }
    }

    fn stage(&self) -> Stage<'_> {
        match &self.state {
            State::SaSent(_) | State::KeSent(_) => Stage::Begun,
            State::AuthSent(_) => Stage::Proving,
            State::SaAnswered(task) => Stage::HalfOpen(&task.half.candidates),
            State::KeAnswered(task) => Stage::HalfOpen(&task.half.candidates),
            State::Established(sa) if sa.phase == Phase::InUse => Stage::InUse,
            State::Established(_) | State::Gone => Stage::Ending,
        }
    }

    fn usage(&self) -> Option<Usage<'_>> {
        let sa = self.established().filter(|sa| sa.phase == Phase::InUse)?;
        Some(Usage {
            since: sa.since,
            heard: sa.peer.abilities.dead_peer_detection.then_some(sa.heard),
            begun: sa.begun,
            rekey_at: sa.rekey_at,
            renew_at: sa.renew_at(),
            is_rekeying: false,
            nonces: &sa.nonces,
        })
    }

    fn children(&self) -> &[ChildSa] {
        self.established().map_or(&[], |sa| &sa.children)
    }

    fn is_busy_with(&self, index: usize, now: Instant) -> bool {
        self.established()
            .is_some_and(|sa| sa.is_busy_with(index, now))
    }

    fn rival(&self) -> Option<SaKey> {
        None
    }

    fn inherits(&self) -> bool {
        true
    }

    fn repeats(&self, first: &[u8]) -> Option<(&[u8], Instant)> {
        match &self.state {
            State::SaAnswered(task) if task.half.said.to == first => {
                Some((&task.half.said.octets, task.half.begun))
            }
            _ => None,
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let attempt = match &self.state {
            State::SaSent(task) => &task.attempt,
            State::KeSent(task) => &task.attempt,
            State::AuthSent(task) => &task.attempt,
            State::SaAnswered(task) => return Some(half_open(task.half.expires)),
            State::KeAnswered(task) => return Some(half_open(task.half.expires)),
            State::Established(sa) => return Some(sa.deadline()),
            State::Gone => return None,
        };
        Some(Deadline {
            at: attempt.resend.due(),
            why: "retransmission",
        })
    }

    fn take(
        &mut self,
        ctx: &mut Context<'_>,
        path: Path,
        header: &Header,
        datagram: &[u8],
    ) -> Result<Received, DropReason> {
        self.take_datagram(ctx, path, header, datagram)
    }

    fn handle_timeout(&mut self, ctx: &mut Context<'_>) {
        self.on_timeout(ctx);
    }

    fn obey(&mut self, ctx: &mut Context<'_>, order: Order) {
        let Some((sa, link)) = self.established_mut() else {
            if let Order::Close(_) = order {
                // The peer forgets what never came up.
                let ending = crate::sa::Ending::Released;
                let gone = crate::sa::Effect::Gone(self.link.key, ending);
                ctx.effects.push(gone);
            }
            return;
        };
        match order {
            Order::Activate(child) => sa.activate_outbound(ctx, child),
            Order::ChildHeard(child) => {
                sa.heard = ctx.now;
                sa.prove(ctx, child);
            }
            Order::ChildInstalled(child, installed) => {
                sa.on_child_installed(ctx, child, installed);
            }
            Order::Close(farewell) => sa.close(ctx, link, farewell),
            Order::HeardFrom(remote) => {
                let here = link.path.remote;
                if link.is_translated && remote.ip() == here.ip() && remote != here {
                    sa.candidate = Some(remote);
                    sa.ask_for_life(ctx, link);
                }
            }
            Order::Want(want) => sa.want(want, ctx.now),
        }
    }

    fn proceed(&mut self, ctx: &mut Context<'_>) {
        if let Some((sa, link)) = self.established_mut() {
            sa.run(ctx, link);
        }
    }

    fn reconfigure(&mut self, ctx: &mut Context<'_>, config: &Arc<ConnectionConfig>) {
        if let Some((sa, _)) = self.established_mut() {
            sa.reconfigure(ctx, config);
        }
    }

    fn settle(&mut self, now: Instant, outcome: Outcome) {
        if let (Some((sa, _)), Outcome::Replaced) = (self.established_mut(), outcome) {
            sa.replaced(now);
        }
    }

    fn hand_over(&mut self, now: Instant) -> Handover {
        let children = self.established_mut().map(|(sa, _)| sa.hand_over(now));
        Handover {
            children: children.unwrap_or_default(),
            wants: Vec::new(),
        }
    }

    fn pass_on(&mut self, now: Instant) -> Handover {
        let children = self.established_mut().map(|(sa, _)| sa.pass_on(now));
        Handover {
            children: children.unwrap_or_default(),
            wants: Vec::new(),
        }
    }

    fn adopt(&mut self, handover: Handover) -> Result<(), Handover> {
        let Some((sa, _)) = self.established_mut() else {
            return Err(handover);
        };
        sa.children.extend(handover.children);
        for (want, not_before) in handover.wants {
            sa.want(want, not_before);
        }
        Ok(())
    }

    fn write(&self, _: &mut Writer) -> Result<(), Unportable> {
        match &self.state {
            State::Established(_) => Err(Unportable::Version1),
            _ => Err(Unportable::NotUp),
        }
    }

    #[cfg(any(test, fuzzing))]
    fn as_any(&self) -> &dyn core::any::Any {
        self
    }

    #[cfg(any(test, fuzzing))]
    fn as_any_mut(&mut self) -> &mut dyn core::any::Any {
        self
    }
}

const fn half_open(expires: Instant) -> Deadline {
    Deadline {
        at: expires,
        why: "half-open time-out",
    }
}
