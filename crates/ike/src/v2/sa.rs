//! An IKE SA of IKEv2, as the endpoint sees it.

use alloc::boxed::Box;
use alloc::sync::Arc;

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
use crate::v2::active::Active;
use crate::v2::established::{Established, Phase};
use crate::v2::handover;
use crate::v2::link::Link;
use crate::v2::state::{State, Withdrawn};

/// An IKE SA.
pub(crate) struct IkeSa {
    pub(crate) link: Link,
    pub(crate) state: State,
}

impl core::fmt::Debug for IkeSa {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IkeSa({:?} {:?})", self.link.key, self.link.spis())
    }
}

impl IkeSa {
    /// Takes back an attempt whose connection is gone. The SA stays, since the responder may come to
    /// believe in it.
    fn withdraw(&mut self) {
        match core::mem::replace(&mut self.state, State::Gone) {
            State::AuthSent(state) => {
                let keys = state.inputs.keys;
                self.state = State::Withdrawn(Box::new(Withdrawn { keys }));
            }
            other => self.state = other,
        }
    }

    pub(crate) fn established(&self) -> Option<&Established> {
        match &self.state {
            State::Established(established) => Some(established),
            State::AuthSent(_)
            | State::Gone
            | State::HalfOpen(_)
            | State::InitSent(_)
            | State::IntermediateSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_) => None,
        }
    }

    pub(crate) fn established_mut(&mut self) -> Option<&mut Established> {
        match &mut self.state {
            State::Established(established) => Some(established),
            State::AuthSent(_)
            | State::Gone
            | State::HalfOpen(_)
            | State::InitSent(_)
            | State::IntermediateSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_) => None,
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
            State::InitSent(_) | State::IntermediateSent(_) => Stage::Begun,
            State::AuthSent(_) => Stage::Proving,
            State::HalfOpen(state) => Stage::HalfOpen(&state.candidates),
            State::Established(established) if established.phase == Phase::InUse => Stage::InUse,
            State::Established(_) | State::Gone | State::Refusing(_) | State::Withdrawn(_) => {
                Stage::Ending
            }
        }
    }

    fn usage(&self) -> Option<Usage<'_>> {
        let established = self.established()?;
        let rekeys = matches!(
            established.active,
            Some(Active::IkeRekey(_) | Active::IkeFollowUp(_))
        );
        (established.phase == Phase::InUse).then(|| Usage {
            since: established.since,
            heard: Some(established.heard),
            begun: established.since,
            rekey_at: established.rekey_at,
            renew_at: established.renew_at(),
            is_rekeying: established.rival.is_some() || rekeys,
            nonces: &established.nonces,
        })
    }

    fn children(&self) -> &[ChildSa] {
        self.established().map_or(&[], |e| &e.children)
    }

    fn is_busy_with(&self, index: usize, now: Instant) -> bool {
        self.established()
            .is_some_and(|established| established.is_busy_with(index, now))
    }

    fn rival(&self) -> Option<SaKey> {
        let rival = self.established()?.rival.as_ref();
        rival.map(|(key, _)| *key)
    }

    fn repeats(&self, first: &[u8]) -> Option<(&[u8], Instant)> {
        match &self.state {
            State::HalfOpen(state) if state.initiator_message == first => {
                Some((&state.responder_message, state.begun))
            }
            _ => None,
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let retransmit = self.link.requests.deadline().map(|at| Deadline {
            at,
            why: "retransmission",
        });
        let state = match &self.state {
            State::Established(established) => established.deadline(&self.link),
            State::HalfOpen(half_open) => Some(Deadline {
                at: half_open.expires,
                why: "half-open time-out",
            }),
            State::AuthSent(_)
            | State::Gone
            | State::InitSent(_)
            | State::IntermediateSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_) => None,
        };
        retransmit.into_iter().chain(state).min()
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
        match order {
            Order::HeardFrom(remote) => {
                let path = self.link.path.with_remote(remote);
                return self.hear_from(ctx, path);
            }
            Order::Close(_) => self.withdraw(),
            _ => {}
        }
        let Some(established) = self.established_mut() else {
            return;
        };
        match order {
            Order::Activate(child) => established.activate_outbound(ctx, child),
            Order::ChildHeard(child) => established.on_child_heard(ctx, child),
            Order::ChildInstalled(child, installed) => {
                established.on_child_installed(ctx, child, installed);
            }
            Order::Close(farewell) => established.close(ctx, farewell),
            Order::HeardFrom(_) => {}
            Order::Want(want) => established.enqueue(want.into(), ctx.now),
        }
    }

    fn proceed(&mut self, ctx: &mut Context<'_>) {
        if let State::Established(established) = &mut self.state {
            established.run_queue(ctx, &mut self.link);
        }
    }

    fn reconfigure(&mut self, ctx: &mut Context<'_>, config: &Arc<ConnectionConfig>) {
        if let Some(established) = self.established_mut() {
            established.reconfigure(ctx, config);
        }
    }

    fn settle(&mut self, now: Instant, outcome: Outcome) {
        let Some(established) = self.established_mut() else {
            return;
        };
        match outcome {
            Outcome::Replaced => {
                established.rival = None;
                established.replaced(now);
            }
            Outcome::Unchallenged => established.rival = None,
            Outcome::Unopposed => established.waits = false,
        }
    }

    fn hand_over(&mut self, _now: Instant) -> Handover {
        let Some(established) = self.established_mut() else {
            return Handover::default();
        };
        let queue = core::mem::take(&mut established.queue).into_iter();
        Handover {
            children: core::mem::take(&mut established.children),
            wants: queue
                .filter_map(|queued| Some((queued.task.of_a_child()?, queued.not_before)))
                .collect(),
        }
    }

    fn adopt(&mut self, handover: Handover) -> Result<(), Handover> {
        let Some(established) = self.established_mut() else {
            return Err(handover);
        };
        established.waits = false;
        established.children.extend(handover.children);
        for (want, not_before) in handover.wants {
            established.enqueue(want.into(), not_before);
        }
        Ok(())
    }

    fn write(&self, to: &mut Writer) -> Result<(), Unportable> {
        match &self.state {
            State::Established(established) => handover::write(&self.link, established, to),
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
