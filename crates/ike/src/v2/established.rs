//! An IKE SA that is up: its Child SAs and its tasks.
//!
//! One request of ours is under way at a time (`active`); the rest waits in `queue`. The peer's
//! requests are answered at once, whatever we are doing; [`crate::v2::collision`] says how.
//!
//! ```text
//!   in use --(rekeyed)--> replaced --(Delete, or 60 s)--> gone
//!      \--(close)--> closing --(answered, or given up)--> gone
//! ```
//!
//! When both sides rekey the IKE SA at once there are three: ours stays `in use` until the answer to
//! our request decides, and the peer's new one is its `rival`, which waits, without Child SAs and
//! without tasks, until it has won: by its nonces, or because the peer uses it.

mod exchange;
mod lifetime;
mod proof;
mod rewish;
mod timers;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use adit_ike_wire::TrafficSelector;

use crate::child::{self, ChildSa, ChildState};
use crate::codec::choice;
use crate::config::{ConnectionConfig, ConnectionKey};
use crate::failure::Failure;
use crate::nonces::ExchangeNonces;
use crate::output::{ChildKey, Event, Output, Part};
use crate::sa::{Context, Effect, Ending, Farewell, Role, SaKey};
use crate::time::Instant;
use crate::v2::active::{Active, Followed, Purpose};
use crate::v2::authentication::Authenticated;
use crate::v2::collision::Ours;
use crate::v2::established::lifetime::LEAST;
use crate::v2::keys::SaKeys;
use crate::v2::link::Link;
use crate::v2::message_ids::Synchronised;
use crate::v2::task::{Queued, Task};

/// How long a replaced IKE SA waits for the peer's Delete.
const REPLACED_LIFETIME: Duration = Duration::from_secs(60);

/// How long what was sent on Child SAs that others take the place of may be on its way, or wait at a busy peer.
const UNDER_WAY: Duration = Duration::from_millis(200);

/// How far an established IKE SA has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Closing,
    InUse,
    Replaced,
}

choice!(Phase { 0 => Closing, 1 => InUse, 2 => Replaced });

/// An IKE SA that is up.
pub(crate) struct Established {
    pub(crate) connection: ConnectionKey,
    pub(crate) config: Arc<ConnectionConfig>,
    pub(crate) keys: SaKeys,
    pub(crate) proof: Authenticated,
    /// The nonces of the exchange that made it.
    pub(crate) nonces: ExchangeNonces,
    pub(crate) phase: Phase,
    pub(crate) children: Vec<ChildSa>,
    pub(crate) queue: VecDeque<Queued>,
    pub(crate) active: Option<Active>,
    /// The SA the peer made to replace this one while our own attempt is under way.
    pub(crate) rival: Option<(SaKey, ExchangeNonces)>,
    /// What the peer has asked for and is to go on with.
    pub(crate) followed: Option<Followed>,
    /// SPIs the peer has said are gone while we waited for an answer: it may be what the answer is about.
    pub(crate) withdrawn: Vec<u32>,
    /// It is the rival of another SA, which has the Child SAs until one of the two has won.
    pub(crate) waits: bool,
    pub(crate) since: Instant,
    pub(crate) rekey_at: Instant,
    pub(crate) expires_at: Instant,
    /// Until when the peer takes us for who we are, if it said so.
    pub(crate) authenticated_until: Option<Instant>,
    /// From when on another IKE SA is wanted beside this one, since the peer refuses to have it rekeyed.
    pub(crate) renew_from: Instant,
    /// When something authenticated last came from the peer.
    pub(crate) heard: Instant,
    /// When the request under way began.
    pub(crate) asked: Instant,
    /// The newest number when it began: what the peer asked for before, it knew of when it answered.
    pub(crate) asked_number: u64,
    /// Both ends have said that they can agree on message IDs (RFC 6311).
    pub(crate) synchronises: bool,
    /// Message IDs are to be agreed on before the peer's requests are taken.
    pub(crate) doubted: bool,
    /// When to ask anew for what was asked before somebody took over, at either end.
    pub(crate) ask_anew_at: Option<Instant>,
    /// What was agreed on last at the peer's wish.
    pub(crate) synchronised: Option<Synchronised>,
}

impl Established {
    pub(crate) fn new(
        ctx: &mut Context<'_>,
        role: Role,
        connection: ConnectionKey,
        config: Arc<ConnectionConfig>,
        keys: SaKeys,
        nonces: ExchangeNonces,
        proof: Authenticated,
    ) -> Self {
        let lifetime = config.ike_lifetime;
        let certified = proof.until.map(|until| until.max(ctx.now + LEAST));
        let mut established = Self {
            connection,
            keys,
            proof,
            nonces,
            phase: Phase::InUse,
            children: Vec::new(),
            queue: VecDeque::new(),
            active: None,
            rival: None,
            followed: None,
            withdrawn: Vec::new(),
            waits: false,
            since: ctx.now,
            rekey_at: ctx.now + child::rekey_after(ctx, lifetime, role),
            expires_at: ctx.now + lifetime,
            authenticated_until: None,
            renew_from: Instant::NEVER,
            heard: ctx.now,
            asked: ctx.now,
            asked_number: 0,
            synchronises: false,
            doubted: false,
            ask_anew_at: None,
            synchronised: None,
            config,
        };
        established.bind(certified);
        established
    }

    /// Tells the endpoint and the user that the SA is up.
    pub(crate) fn announce(&self, ctx: &mut Context<'_>, link: &Link, rekeyed: bool) {
        if !rekeyed {
            ctx.effects.push(Effect::Up(link.key));
        }
        let suite = self.keys.suite.name();
        ctx.push(Output::Event(Event::IkeUp {
            connection: self.connection,
            peer: link.path.remote,
            suite,
            rekeyed,
        }));
    }

    pub(crate) fn report(&self, ctx: &mut Context<'_>, failure: Failure) {
        ctx.push(Output::Event(Event::Failed(self.connection, failure)));
    }

    pub(crate) fn report_part(&self, ctx: &mut Context<'_>, part: Part, failure: Failure) {
        let event = Event::PartFailed(self.connection, part, failure);
        ctx.push(Output::Event(event));
    }

    pub(crate) fn child_mut(&mut self, key: ChildKey) -> Option<&mut ChildSa> {
        self.children.iter_mut().find(|child| child.key == key)
    }

    pub(crate) fn child(&self, key: ChildKey) -> Option<&ChildSa> {
        self.children.iter().find(|child| child.key == key)
    }

    /// What we are doing to `child`, or to the IKE SA, that could meet a request of the peer.
    pub(crate) fn stance(&self, child: Option<ChildKey>) -> Ours {
        if self.phase != Phase::InUse {
            return Ours::IkeClosing;
        }
        let closing = |key: ChildKey| {
            self.child(key)
                .is_some_and(|child| child.state == ChildState::Closing)
        };
        match &self.active {
            Some(Active::IkeDelete) => Ours::IkeClosing,
            Some(Active::IkeRekey(_)) => Ours::IkeRekeying,
            Some(Active::IkeFollowUp(_)) => Ours::IkeFollowing,
            Some(Active::ChildFollowUp(pending)) if matches!(&pending.purpose, Purpose::Rekey(old, _) if Some(*old) == child) => {
                Ours::ChildFollowing
            }
            Some(Active::ChildRekey(pending)) if Some(pending.child) == child => {
                Ours::ChildRekeying
            }
            Some(Active::ChildDelete(key)) if Some(*key) == child => Ours::ChildClosing,
            _ if child.is_some_and(closing) => Ours::ChildClosing,
            Some(Active::ChildDelete(_)) => Ours::ChildElsewhere,
            Some(active) if active.makes_any() => Ours::ChildElsewhere,
            Some(_) | None => Ours::Nothing,
        }
    }

    pub(crate) fn enqueue(&mut self, task: Task, not_before: Instant) {
        if !self.queue.iter().any(|queued| queued.task == task) {
            self.queue.push_back(Queued { task, not_before });
        }
    }

    /// Has this be done before all that waits.
    pub(crate) fn hurry(&mut self, task: Task, now: Instant) {
        self.queue.retain(|queued| queued.task != task);
        let not_before = now;
        self.queue.push_front(Queued { task, not_before });
    }

    /// Whether a Child SA for these selectors is up, being made, or about to be. What was agreed for
    /// them counts, though the peer may have agreed to less: asking again would get the same again.
    pub(crate) fn is_busy_with(&self, index: usize, now: Instant) -> bool {
        let Some(wanted) = self.config.children.get(index) else {
            return true;
        };
        self.children.iter().any(|child| {
            let serves = child.index == Some(index)
                || crate::selectors::covers(&child.local, &child.remote, wanted);
            child.is_live() && !child.outgrown && now < child.renew_at && serves
        }) || self
            .queue
            .iter()
            .any(|queued| queued.task == Task::ChildCreate(index))
            || self
                .active
                .as_ref()
                .is_some_and(|active| active.makes(index))
    }

    /// Whether a task may begin: what is left of an SA that was replaced moves to the new one.
    const fn allows(&self, task: &Task) -> bool {
        match self.phase {
            Phase::Closing => matches!(task, Task::IkeDelete),
            Phase::InUse => !self.waits,
            Phase::Replaced => false,
        }
    }

    /// Starts the next task, where the window is free.
    pub(crate) fn run_queue(&mut self, ctx: &mut Context<'_>, link: &mut Link) {
        while link.requests.is_idle() && self.active.is_none() {
            let ready = self
                .queue
                .iter()
                .position(|queued| queued.not_before <= ctx.now && self.allows(&queued.task));
            let Some(queued) = ready.and_then(|index| self.queue.remove(index)) else {
                return;
            };
            self.asked = ctx.now;
            self.withdrawn.clear();
            self.asked_number = ctx.numbers.newest();
            match queued.task {
                Task::ChildCreate(index) => self.start_child_create(ctx, link, index),
                Task::ChildDelete(key) => self.start_child_delete(ctx, link, key),
                Task::ChildRekey(key) => self.start_child_rekey(ctx, link, key),
                Task::IkeDelete => self.start_ike_delete(ctx, link),
                Task::IkeRekey => self.start_ike_rekey(ctx, link),
                Task::Liveness => self.start_liveness(ctx, link),
                Task::Reauthenticate => self.ask_to_authenticate(ctx, link),
                Task::Synchronise => self.start_synchronise(ctx, link),
            }
        }
    }

    /// Begins to close the SA. Nothing is sent on its Child SAs from now on; where another takes their place, the peer
    /// is told once it has had what was sent on them before.
    pub(crate) fn close(&mut self, ctx: &mut Context<'_>, farewell: Farewell) {
        if self.phase == Phase::Closing {
            return;
        }
        self.phase = Phase::Closing;
        let under_way = match farewell {
            Farewell::Lingering if !self.children.is_empty() => UNDER_WAY,
            _ => Duration::ZERO,
        };
        self.dispose_children(ctx, farewell);
        self.queue.clear();
        self.enqueue(Task::IkeDelete, ctx.now + under_way);
    }

    /// Notes that another SA has taken this one's place; whoever made that one deletes this one.
    /// The Child SAs and tasks are still here, for [`Effect::MoveChildren`].
    pub(crate) fn replaced(&mut self, now: Instant) {
        if self.phase == Phase::InUse {
            self.phase = Phase::Replaced;
            self.expires_at = now + REPLACED_LIFETIME;
        }
    }

    /// Ends at once. What the peer made to replace this SA, if it did, takes its place (RFC 7296
    /// sections 2.8.2 and 2.25.2).
    pub(crate) fn end(&mut self, ctx: &mut Context<'_>, key: SaKey, ending: Ending) {
        let ending = match (self.rival.take(), self.phase) {
            (Some((rival, _)), Phase::InUse) => {
                ctx.effects.push(Effect::MoveChildren(key, rival));
                Ending::Released
            }
            // Its Child SAs end with it, once those that take their place are sent on.
            (_, Phase::InUse) => ending,
            _ => Ending::Released,
        };
        ctx.effects.push(Effect::Gone(key, ending));
    }

    pub(crate) fn dispose_children(&mut self, ctx: &mut Context<'_>, farewell: Farewell) {
        let lingers = farewell == Farewell::Lingering;
        for child in self.children.drain(..) {
            child::dispose(ctx, self.connection, &child, lingers);
        }
    }

    /// The configured selectors of one wanted Child SA.
    pub(crate) fn wanted(
        &self,
        index: usize,
    ) -> Option<(Vec<TrafficSelector>, Vec<TrafficSelector>)> {
        let child = self.config.children.get(index)?;
        Some((
            crate::selectors::of_ranges(&child.local),
            crate::selectors::of_ranges(&child.remote),
        ))
    }
}
