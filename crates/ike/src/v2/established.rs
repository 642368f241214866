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

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use adit_ike_wire::{ExchangeType, Header, NotifyType, Payload, TrafficSelector};

use crate::child::{self, ChildSa, ChildState, Standing};
use crate::config::{ConnectionConfig, ConnectionKey};
use crate::failure::{Failure, Judge};
use crate::nonces::ExchangeNonces;
use crate::output::{ChildKey, Deadline, Event, Output, Part};
use crate::sa::{Context, Effect, Ending, Role, SaKey};
use crate::time::Instant;
use crate::v2::agreement::{error_payload, notification_name};
use crate::v2::collision::Ours;
use crate::v2::contents::Contents;
use crate::v2::keys::SaKeys;
use crate::v2::link::Link;
use crate::v2::task::auth::Authenticated;
use crate::v2::task::{Active, Queued, Task};

/// How long a replaced IKE SA waits for the peer's Delete.
const REPLACED_LIFETIME: Duration = Duration::from_secs(60);

/// What a peer says in an INFORMATIONAL exchange to have the IKE SA deleted without a Delete (RFC 7296
/// section 2.21.2).
const ENDS_THE_SA: [NotifyType; 3] = [
    NotifyType::AUTHENTICATION_FAILED,
    NotifyType::INVALID_SYNTAX,
    NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD,
];

/// How long the peer may take to say something by itself before it is asked whether it has a Child SA.
const PROOF_WAIT: Duration = Duration::from_millis(50);

/// How far an established IKE SA has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Closing,
    InUse,
    Replaced,
}

/// What becomes of the Child SAs of an IKE SA that is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Farewell {
    /// They are gone at once.
    AtOnce,
    /// What is still on its way to them is taken: the peer does not know yet.
    Lingering,
}

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
    /// It is the rival of another SA, which has the Child SAs until one of the two has won.
    pub(crate) waits: bool,
    pub(crate) since: Instant,
    pub(crate) rekey_at: Instant,
    pub(crate) expires_at: Instant,
    /// When something authenticated last came from the peer.
    pub(crate) heard: Instant,
    /// When the request under way began.
    pub(crate) asked: Instant,
    /// The newest number when it began: what the peer asked for before, it knew of when it answered.
    pub(crate) asked_number: u64,
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
        Self {
            connection,
            keys,
            proof,
            nonces,
            phase: Phase::InUse,
            children: Vec::new(),
            queue: VecDeque::new(),
            active: None,
            rival: None,
            waits: false,
            since: ctx.now,
            rekey_at: ctx.now + child::rekey_after(ctx, lifetime, role),
            expires_at: ctx.now + lifetime,
            heard: ctx.now,
            asked: ctx.now,
            asked_number: 0,
            config,
        }
    }

    /// Tells the endpoint and the user that the SA is up.
    pub(crate) fn announce(&self, ctx: &mut Context<'_>, key: SaKey, rekeyed: bool) {
        if !rekeyed {
            ctx.effects.push(Effect::Up(key));
        }
        let suite = self.keys.suite.name();
        ctx.push(Output::Event(Event::IkeUp {
            connection: self.connection,
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
            Some(Active::ChildRekey(pending)) if Some(pending.child) == child => {
                Ours::ChildRekeying
            }
            Some(Active::ChildDelete(key)) if Some(*key) == child => Ours::ChildClosing,
            _ if child.is_some_and(closing) => Ours::ChildClosing,
            Some(Active::ChildCreate(_) | Active::ChildDelete(_) | Active::ChildRekey(_)) => {
                Ours::ChildElsewhere
            }
            Some(Active::Liveness) | None => Ours::Nothing,
        }
    }

    pub(crate) fn enqueue(&mut self, task: Task, not_before: Instant) {
        if !self.queue.iter().any(|queued| queued.task == task) {
            self.queue.push_back(Queued { task, not_before });
        }
    }

    /// When another IKE SA is wanted, if this one was not rekeyed by then.
    pub(crate) fn renew_at(&self) -> Instant {
        let lifetime = self.expires_at - self.since;
        self.since + child::renew_after(lifetime)
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
            child.is_live() && now < child.renew_at && serves
        }) || self
            .queue
            .iter()
            .any(|queued| queued.task == Task::ChildCreate(index))
            || matches!(&self.active, Some(Active::ChildCreate(pending)) if pending.index == index)
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
            self.asked_number = ctx.numbers.newest();
            match queued.task {
                Task::ChildCreate(index) => self.start_child_create(ctx, link, index),
                Task::ChildDelete(key) => self.start_child_delete(ctx, link, key),
                Task::ChildRekey(key) => self.start_child_rekey(ctx, link, key),
                Task::IkeDelete => self.start_ike_delete(ctx, link),
                Task::IkeRekey => self.start_ike_rekey(ctx, link),
                Task::Liveness => self.start_liveness(ctx, link),
            }
        }
    }

    /// Takes the answer to the request under way; its window is free again.
    pub(crate) fn on_response(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        contents: &Contents<'_>,
    ) {
        self.heard = ctx.now;
        // Section 2.21.3: who answers so has deleted the SA, without a Delete.
        if contents.notify(NotifyType::INVALID_SYNTAX).is_some() {
            return self.refused(ctx, link.key, NotifyType::INVALID_SYNTAX);
        }
        // Section 2.5: a message with such a payload is rejected whole.
        if contents.unknown_critical.is_some() {
            return self.misled(ctx);
        }
        let (asked, number) = (self.asked, self.asked_number);
        self.prove_where(ctx, |child| {
            child.proof_at <= asked && child.key.0 <= number
        });
        self.ask_for_proof();
        match self.active.take() {
            // The Child SA would not outlive the answer to the Delete that comes next.
            Some(Active::ChildCreate(_) | Active::ChildRekey(_))
                if self.phase == Phase::Closing => {}
            Some(Active::ChildCreate(pending)) => {
                self.child_created(ctx, link, pending, contents);
            }
            Some(Active::ChildDelete(key)) => self.child_deleted(ctx, key),
            Some(Active::ChildRekey(pending)) => {
                self.child_rekeyed(ctx, link, pending, contents);
            }
            Some(Active::IkeDelete) => self.ike_deleted(ctx, link.key),
            Some(Active::IkeRekey(pending)) => self.ike_rekeyed(ctx, link, pending, contents),
            // Whoever was asked for is not there; otherwise the path was changed by now.
            Some(Active::Liveness) => link.candidate = None,
            None => {}
        }
    }

    /// Answers a request that was opened.
    pub(crate) fn on_request(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
    ) {
        self.heard = ctx.now;
        if let Some(kind) = contents.unknown_critical {
            let payload = Payload::Notify(adit_ike_wire::Notify {
                protocol: adit_ike_wire::ProtocolId::NONE,
                spi: &[],
                kind: NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD,
                data: &[kind],
            });
            return self.respond(ctx, link, header, &[payload]);
        }
        let mut said = contents.notifies.iter().map(|notify| notify.kind);
        if !said.any(|kind| ENDS_THE_SA.contains(&kind)) {
            // Section 2.3: the peer's next request comes after it has had our last answer.
            self.prove_where(ctx, |_| true);
        }
        let deletes = |wanted| contents.deletes.iter().any(|d| d.protocol == wanted);
        if self.waits
            && (header.exchange == ExchangeType::CREATE_CHILD_SA
                || deletes(adit_ike_wire::ProtocolId::ESP))
        {
            // The peer uses this SA, so it has settled for it. The request is left unanswered: its
            // repetition will find the Child SAs here.
            ctx.effects.push(Effect::Preferred(link.key));
            return;
        }
        match header.exchange {
            ExchangeType::CREATE_CHILD_SA => {
                let for_ike = contents
                    .proposals
                    .and_then(|proposals| proposals.first())
                    .is_some_and(|first| first.protocol == adit_ike_wire::ProtocolId::IKE);
                if let Some(rekey) = contents.notify(NotifyType::REKEY_SA) {
                    self.answer_child_rekey(ctx, link, header, contents, rekey);
                } else if for_ike {
                    self.answer_ike_rekey(ctx, link, header, contents);
                } else {
                    self.answer_child_create(ctx, link, header, contents);
                }
            }
            ExchangeType::INFORMATIONAL => self.answer_informational(ctx, link, header, contents),
            _ => self.refuse(ctx, link, header, NotifyType::INVALID_SYNTAX),
        }
    }

    fn answer_informational(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
    ) {
        let protocol = |wanted| contents.deletes.iter().any(|d| d.protocol == wanted);
        let mut said = contents.notifies.iter().map(|notify| notify.kind);
        let fatal = said.find(|kind| ENDS_THE_SA.contains(kind));
        if let Some(kind) = fatal {
            self.respond(ctx, link, header, &[]);
            self.refused(ctx, link.key, kind);
        } else if protocol(adit_ike_wire::ProtocolId::IKE) {
            self.answer_ike_delete(ctx, link, header);
        } else if protocol(adit_ike_wire::ProtocolId::ESP) {
            self.answer_child_delete(ctx, link, header, contents);
        } else {
            // A liveness check, or notifications that ask for nothing.
            self.respond(ctx, link, header, &[]);
        }
    }

    pub(crate) fn respond(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        request: &Header,
        payloads: &[Payload<'_>],
    ) {
        let protection = &mut self.keys.protection;
        link.respond(
            ctx,
            protection,
            request.exchange,
            request.message_id,
            payloads,
        );
    }

    pub(crate) fn refuse(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        request: &Header,
        kind: NotifyType,
    ) {
        self.respond(ctx, link, request, &[error_payload(kind)]);
        if kind == NotifyType::INVALID_SYNTAX {
            // Section 2.21.3: it is fatal on both sides. Not every peer knows; the Delete tells it.
            self.close(ctx, Farewell::Lingering);
        }
    }

    /// Ends the SA, which the peer has deleted without a Delete: it refuses us.
    fn refused(&mut self, ctx: &mut Context<'_>, key: SaKey, kind: NotifyType) {
        let failure = if kind == NotifyType::AUTHENTICATION_FAILED {
            Failure::Authentication { by: Judge::Peer }
        } else {
            Failure::Refused {
                notification: notification_name(kind),
            }
        };
        if self.phase == Phase::InUse {
            self.report(ctx, failure);
        }
        self.end(ctx, key, Ending::Failed);
    }

    /// Closes the SA after an answer that makes no sense though it is authentic.
    pub(crate) fn misled(&mut self, ctx: &mut Context<'_>) {
        self.active = None;
        if self.phase == Phase::InUse {
            let notification = "an answer that can't be understood".into();
            self.report(ctx, Failure::Refused { notification });
        }
        self.close(ctx, Farewell::Lingering);
    }

    /// Begins to close the SA. Nothing is sent on its Child SAs from now on.
    pub(crate) fn close(&mut self, ctx: &mut Context<'_>, farewell: Farewell) {
        if self.phase == Phase::Closing {
            return;
        }
        self.phase = Phase::Closing;
        self.dispose_children(ctx, farewell);
        self.queue.clear();
        self.enqueue(Task::IkeDelete, ctx.now);
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
            (_, phase) => {
                self.dispose_children(ctx, Farewell::Lingering);
                if phase == Phase::InUse {
                    ending
                } else {
                    Ending::Released
                }
            }
        };
        ctx.effects.push(Effect::Gone(key, ending));
    }

    pub(crate) fn dispose_children(&mut self, ctx: &mut Context<'_>, farewell: Farewell) {
        let lingers = farewell == Farewell::Lingering;
        for child in self.children.drain(..) {
            child::dispose(ctx, self.connection, &child, lingers);
        }
    }

    /// Does what is due: rekeys, expiries, liveness checks, and waiting tasks.
    pub(crate) fn handle_timeout(&mut self, ctx: &mut Context<'_>, link: &mut Link) {
        let now = ctx.now;
        if self.phase != Phase::Closing && now >= self.expires_at {
            if self.phase == Phase::Replaced {
                self.dispose_children(ctx, Farewell::Lingering);
                ctx.effects.push(Effect::Gone(link.key, Ending::Released));
                return;
            }
            if self.rival.is_some() {
                return self.end(ctx, link.key, Ending::Lost);
            }
            self.close(ctx, Farewell::Lingering);
        }
        if self.phase == Phase::InUse && !self.waits {
            if now >= self.rekey_at {
                self.rekey_at = Instant::NEVER;
                self.enqueue(Task::IkeRekey, now);
            }
            self.child_timers(now);
            self.check_liveness(ctx, link.key);
        }
        self.run_queue(ctx, link);
    }

    fn child_timers(&mut self, now: Instant) {
        let mut due = Vec::new();
        for child in &mut self.children {
            if now >= child.renewal_due {
                // The endpoint, which looks for what is missing after each time-out, makes another.
                child.renewal_due = Instant::NEVER;
            }
            if now >= child.expires_at && child.state != ChildState::Closing {
                child.state = ChildState::Closing;
                due.push(Task::ChildDelete(child.key));
            } else if now >= child.rekey_at && child.is_live() {
                child.rekey_at = Instant::NEVER;
                due.push(Task::ChildRekey(child.key));
            }
        }
        for task in due {
            self.enqueue(task, now);
        }
    }

    pub(crate) fn deadline(&self, link: &Link) -> Option<Deadline> {
        let mut deadline = Deadline {
            at: match self.phase {
                Phase::Closing => Instant::NEVER,
                Phase::InUse | Phase::Replaced => self.expires_at,
            },
            why: "IKE SA lifetime",
        };
        let mut consider = |at: Instant, why: &'static str| {
            if at < deadline.at {
                deadline = Deadline { at, why };
            }
        };
        if self.phase == Phase::InUse && !self.waits {
            consider(self.rekey_at, "IKE SA rekey");
            for child in &self.children {
                if child.state != ChildState::Closing {
                    consider(child.expires_at, "Child SA lifetime");
                }
                if child.is_live() {
                    consider(child.rekey_at, "Child SA rekey");
                    consider(child.renewal_due, "Child SA renewal");
                }
            }
            if let Some(at) = self.liveness_due() {
                consider(at, "liveness check");
            }
        }
        if link.requests.is_idle() && self.active.is_none() {
            let allowed = |queued: &&Queued| self.allows(&queued.task);
            for queued in self.queue.iter().filter(allowed) {
                consider(queued.not_before, "waiting task");
            }
        }
        Some(deadline)
    }

    /// The peer's packets come on `child`: it is there, and it uses the SA.
    pub(crate) fn on_child_heard(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        self.heard = ctx.now;
        self.prove(ctx, key);
    }

    /// The peer is known to have the Child SA. Packets are sent on it, and it is said to be up.
    pub(crate) fn prove(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        self.activate_outbound(ctx, key);
        if let Some(child) = self.child_mut(key)
            && child.standing == Standing::Unproven
        {
            child.standing = Standing::Proven;
            self.announce_child(ctx, key);
        }
        self.close_yielding(ctx);
    }

    /// The peer has had our answers to its requests for these Child SAs. Of those that replace others
    /// its Delete, or a packet, tells more.
    fn prove_where(&mut self, ctx: &mut Context<'_>, known: impl Fn(&ChildSa) -> bool) {
        let waiting = self
            .children
            .iter()
            .filter(|child| child.awaits_proof() && known(child));
        let waiting: Vec<_> = waiting.map(|child| child.key).collect();
        for key in waiting {
            self.prove(ctx, key);
        }
    }

    /// Any answer will do. Mostly the peer says something by itself before.
    fn ask_for_proof(&mut self) {
        let waiting = self.children.iter().filter(|child| child.awaits_proof());
        if let Some(at) = waiting.map(|child| child.proof_at).min() {
            self.enqueue(Task::Liveness, at + PROOF_WAIT);
        }
    }

    /// The peer has not had our last answer yet.
    pub(crate) fn answered_again(&mut self, now: Instant) {
        for child in self
            .children
            .iter_mut()
            .filter(|child| child.awaits_proof())
        {
            child.proof_at = now + child::OVERTAKEN;
        }
    }

    fn announce_child(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        let connection = self.connection;
        let Some(child) = self.child_mut(key) else {
            return;
        };
        if child.state == ChildState::Installing || child.standing != Standing::Proven {
            return;
        }
        child.standing = Standing::Announced;
        let event = Event::ChildUp {
            connection,
            child: key,
            spis: (child.inbound_spi, child.outbound_spi),
            suite: child.suite.name(),
            local: child.local.clone(),
            remote: child.remote.clone(),
            replaces: child.replaces,
        };
        ctx.push(Output::Event(event));
    }

    /// Begins to send on a Child SA whose outbound half was silent.
    pub(crate) fn activate_outbound(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        if let Some(child) = self.child_mut(key)
            && child.is_live()
            && !child.outbound_active
        {
            child.outbound_active = true;
            ctx.push(Output::ActivateOutbound(key));
        }
    }

    /// The caller's answer to `InstallChild`.
    pub(crate) fn on_child_installed(
        &mut self,
        ctx: &mut Context<'_>,
        key: ChildKey,
        installed: bool,
    ) {
        let Some(child) = self.child_mut(key) else {
            return;
        };
        if installed {
            if child.state == ChildState::Installing {
                child.state = ChildState::Installed;
            }
            self.ask_for_proof();
            self.announce_child(ctx, key);
        } else {
            child.state = ChildState::Closing;
            self.enqueue(Task::ChildDelete(key), ctx.now);
            self.report(ctx, Failure::ChildNotInstalled);
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
