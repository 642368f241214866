//! An IKE SA that is up: its Child SAs and its exchanges.
//!
//! ```text
//!   InUse --(another is up)--> Replaced --(Delete, or 10 s)--> gone
//!      \--(deleted, or its time is over, with Child SAs)--> Orphaned --(adopted, or 60 s)--> gone
//! ```
//!
//! Child SAs are not bound to the IKE SA that made them (RFC 2408 section 2.1): the next one of the
//! connection to come up has them from then on.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use adit_crypto::KeyExchange;
use adit_ike_wire::TrafficSelector;
use adit_ike_wire::v1::ProtocolId;

use crate::child::{self, ChildSa, ChildState, Standing};
use crate::config::{ConnectionConfig, ConnectionKey};
use crate::failure::Failure;
use crate::nonces::ExchangeNonces;
use crate::output::{ChildKey, Event, Output, Part};
use crate::resend::Resend;
use crate::sa::{Context, Effect, Ending, Farewell, SaKey, Want};
use crate::time::Instant;
use crate::v1::informational::{self, Check};
use crate::v1::keys::Keys;
use crate::v1::link::Link;
use crate::v1::sa::IkeSa;
use crate::v1::state::{Peer, Said};

/// How long an SA that another has replaced is there for what the peer still sends on it.
const REPLACED_LIFETIME: Duration = Duration::from_secs(10);

/// How long Child SAs go on without an IKE SA, and so without anybody who sees whether the peer is there.
const ORPHANED_LIFETIME: Duration = Duration::from_secs(60);

/// How many message IDs are remembered, so that nothing is taken twice.
const MAX_SEEN: usize = 256;

/// How far an established IKE SA has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    InUse,
    Orphaned,
    Replaced,
}

/// An exchange after phase 1 that consists of several messages: quick mode.
pub(super) struct Exchange {
    pub(super) message_id: u32,
    /// The IV of its next message.
    pub(super) iv: Vec<u8>,
    pub(super) progress: Progress,
    /// What we said last, for when the peer repeats what it said before.
    pub(super) said: Option<Said>,
}

/// How far a quick mode has come.
pub(super) enum Progress {
    /// We began it.
    Asked(Asking, Resend<Vec<u8>>),
    /// The peer began it: this Child SA is made, and goes if the third message does not come.
    Answered {
        child: ChildKey,
        nonces: ExchangeNonces,
        resend: Resend<Vec<u8>>,
    },
    /// It is over, and remembered until then.
    Over {
        until: Instant,
        /// What the peer was told by our third message, unless it has asked for that again.
        told: Option<ChildKey>,
    },
}

/// A Child SA that we ask for.
pub(super) struct Asking {
    pub(super) index: Option<usize>,
    pub(super) replaces: Option<ChildKey>,
    pub(super) inbound_spi: u32,
    pub(super) nonce: Vec<u8>,
    pub(super) key_exchange: Option<alloc::boxed::Box<dyn KeyExchange>>,
    pub(super) local: TrafficSelector,
    pub(super) remote: TrafficSelector,
}

/// An IKE SA that is up.
pub(super) struct Established {
    pub(super) connection: ConnectionKey,
    pub(super) config: Arc<ConnectionConfig>,
    pub(super) keys: Keys,
    /// The nonces of main mode.
    pub(super) nonces: ExchangeNonces,
    pub(super) peer: Peer,
    pub(super) phase: Phase,
    pub(super) children: Vec<ChildSa>,
    pub(super) exchanges: Vec<Exchange>,
    wants: VecDeque<(Want, Instant)>,
    pub(super) since: Instant,
    /// When main mode began.
    pub(super) begun: Instant,
    pub(super) rekey_at: Instant,
    pub(super) expires_at: Instant,
    /// When something authenticated last came from the peer.
    pub(super) heard: Instant,
    pub(super) check: Check,
    seen: VecDeque<u32>,
    /// The last message of main mode, where it is ours.
    pub(super) last_main: Option<Said>,
    /// Where the peer may have moved to; an answer to a question decides.
    pub(super) candidate: Option<SocketAddr>,
}

impl Established {
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of what main mode has made"
    )]
    pub(super) fn new(
        ctx: &mut Context<'_>,
        link: &Link,
        connection: ConnectionKey,
        config: Arc<ConnectionConfig>,
        keys: Keys,
        nonces: ExchangeNonces,
        peer: Peer,
        lifetime: Duration,
    ) -> Self {
        Self {
            connection,
            keys,
            nonces,
            peer,
            phase: Phase::InUse,
            children: Vec::new(),
            exchanges: Vec::new(),
            wants: VecDeque::new(),
            since: ctx.now,
            begun: ctx.now,
            rekey_at: ctx.now + child::rekey_after(ctx, lifetime, link.role),
            expires_at: ctx.now + lifetime,
            heard: ctx.now,
            check: Check::default(),
            seen: VecDeque::new(),
            last_main: None,
            candidate: None,
            config,
        }
    }

    /// Tells the endpoint and the user that the SA is up.
    pub(super) fn announce(&self, ctx: &mut Context<'_>, link: &Link) {
        ctx.effects.push(Effect::Up(link.key));
        ctx.push(Output::Event(Event::IkeUp {
            connection: self.connection,
            peer: link.path.remote,
            suite: self.keys.suite.name(),
            rekeyed: false,
        }));
    }

    pub(super) fn report_part(&self, ctx: &mut Context<'_>, part: Part, failure: Failure) {
        let event = Event::PartFailed(self.connection, part, failure);
        ctx.push(Output::Event(event));
    }

    pub(super) fn child(&self, key: ChildKey) -> Option<&ChildSa> {
        self.children.iter().find(|child| child.key == key)
    }

    pub(super) fn child_mut(&mut self, key: ChildKey) -> Option<&mut ChildSa> {
        self.children.iter_mut().find(|child| child.key == key)
    }

    /// When another IKE SA is wanted, if none was begun by then.
    pub(super) fn renew_at(&self) -> Instant {
        let lifetime = self.expires_at - self.since;
        self.since + child::renew_after(lifetime)
    }

    /// Whether the wanted Child SA of this index is up, being made, or about to be.
    pub(super) fn is_busy_with(&self, index: usize, now: Instant) -> bool {
        let is_up =
            |child: &ChildSa| child.index == Some(index) && child.is_live() && now < child.renew_at;
        let is_asked = |exchange: &Exchange| match &exchange.progress {
            Progress::Asked(asking, _) => asking.index == Some(index),
            Progress::Answered { .. } | Progress::Over { .. } => false,
        };
        self.children.iter().any(is_up)
            || self.exchanges.iter().any(is_asked)
            || self
                .wants
                .iter()
                .any(|(want, _)| *want == Want::Child(index))
    }

    pub(super) fn want(&mut self, want: Want, not_before: Instant) {
        if !self.wants.iter().any(|(one, _)| *one == want) {
            self.wants.push_back((want, not_before));
        }
    }

    /// Has something else wanted in the place of each want, or nothing.
    pub(super) fn move_wants(&mut self, to: impl Fn(Want) -> Option<Want>) {
        let wants = core::mem::take(&mut self.wants).into_iter();
        self.wants = wants
            .filter_map(|(want, not_before)| Some((to(want)?, not_before)))
            .collect();
    }

    /// When the first of what is wanted is to begin. There is one quick mode of ours at a time, as strongSwan
    /// keeps the state of three exchanges: its own and what it is told by the way are among them.
    pub(super) fn next_want(&self) -> Option<Instant> {
        let times = self.possible().map(|(_, at)| at);
        times.min().filter(|_| self.phase == Phase::InUse)
    }

    /// What can begin as soon as its time has come.
    fn possible(&self) -> impl Iterator<Item = (Want, Instant)> {
        let mut exchanges = self.exchanges.iter();
        let is_asking = exchanges.any(|one| matches!(one.progress, Progress::Asked(..)));
        let is_quick = |want: Want| matches!(want, Want::Child(_) | Want::ChildRekey(_));
        let wants = self.wants.iter().copied();
        wants.filter(move |(want, _)| !(is_asking && is_quick(*want)))
    }

    /// Begins with what is wanted.
    pub(super) fn run(&mut self, ctx: &mut Context<'_>, link: &Link) {
        while self.phase == Phase::InUse {
            let due = self.possible().find(|(_, at)| *at <= ctx.now);
            let Some((want, _)) = due else { return };
            self.wants.retain(|(one, _)| *one != want);
            match want {
                Want::Child(index) => self.ask_for_child(ctx, link, index),
                Want::ChildDelete(key) => self.delete_child(ctx, link, key),
                Want::ChildRekey(key) => self.rekey_child(ctx, link, key),
                Want::IkeRekey => self.renew(ctx),
                Want::Liveness => self.ask_for_life(ctx, link),
            }
        }
    }

    /// Begins another IKE SA beside this one, which will have the Child SAs.
    fn renew(&mut self, ctx: &mut Context<'_>) {
        self.rekey_at = Instant::NEVER;
        let config = Arc::clone(&self.config);
        if let Some(sa) = IkeSa::initiate(ctx, self.connection, config) {
            ctx.effects.push(Effect::New(alloc::boxed::Box::new(sa)));
        }
    }

    /// Whether a message of this ID was taken before; from now on one was.
    pub(super) fn has_seen(&mut self, message_id: u32) -> bool {
        if self.seen.contains(&message_id) {
            return true;
        }
        if self.seen.len() == MAX_SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(message_id);
        false
    }

    /// Takes a Child SA out of use and tells the peer.
    pub(super) fn delete_child(&mut self, ctx: &mut Context<'_>, link: &Link, key: ChildKey) {
        let Some(index) = self.children.iter().position(|child| child.key == key) else {
            return;
        };
        let child = self.children.swap_remove(index);
        let spi = child.inbound.spi.to_be_bytes();
        let protocol = ProtocolId(child.suite.protocol().number());
        informational::delete(ctx, link, &self.keys, protocol, 4, &spi);
        child::dispose(ctx, self.connection, &child, true);
    }

    /// Ends the SA and its Child SAs, and tells the peer, which does not answer.
    pub(super) fn close(&mut self, ctx: &mut Context<'_>, link: &Link, farewell: Farewell) {
        if self.phase != Phase::Orphaned {
            let spis: Vec<u8> = self
                .children
                .iter()
                .flat_map(|child| child.inbound.spi.to_be_bytes())
                .collect();
            if !spis.is_empty() {
                // All are of what the connection is configured to.
                let protocol = ProtocolId(self.config.esp.protocol.number());
                informational::delete(ctx, link, &self.keys, protocol, 4, &spis);
            }
            informational::delete_sa(ctx, link, &self.keys);
        }
        self.dispose_children(ctx, farewell);
        ctx.effects.push(Effect::Gone(link.key, Ending::Released));
    }

    /// Ends the SA alone. Its Child SAs wait for the next one.
    pub(super) fn leave(&mut self, ctx: &mut Context<'_>, key: SaKey, ending: Ending) {
        let in_use = self.phase == Phase::InUse;
        if !in_use || self.children.iter().all(|child| !child.is_live()) {
            self.dispose_children(ctx, Farewell::Lingering);
            let ending = if in_use { ending } else { Ending::Released };
            ctx.effects.push(Effect::Gone(key, ending));
            return;
        }
        self.phase = Phase::Orphaned;
        self.exchanges.clear();
        self.expires_at = ctx.now + ORPHANED_LIFETIME;
    }

    /// Another SA of the connection has its place.
    pub(super) fn replaced(&mut self, now: Instant) {
        match self.phase {
            Phase::InUse => {
                self.phase = Phase::Replaced;
                self.expires_at = now + REPLACED_LIFETIME;
            }
            Phase::Orphaned if self.children.is_empty() => self.expires_at = now,
            Phase::Orphaned | Phase::Replaced => {}
        }
    }

    /// Gives its Child SAs away. What was asked for in their place is asked for again.
    pub(super) fn hand_over(&mut self, now: Instant) -> Vec<ChildSa> {
        let mut children = core::mem::take(&mut self.children);
        for exchange in core::mem::take(&mut self.exchanges) {
            let again = match exchange.progress {
                Progress::Asked(asking, _) => asking.replaces,
                Progress::Answered { .. } | Progress::Over { .. } => None,
            };
            let child = children.iter_mut().find(|child| Some(child.key) == again);
            if let Some(child) = child {
                child.rekey_at = now + Duration::from_secs(1);
            }
        }
        children
    }

    /// Gives those away that the peer is known to have, or that are not its wish. Of the others its third message, which
    /// may be on its way to this SA, is to say so.
    pub(super) fn pass_on(&mut self, now: Instant) -> Vec<ChildSa> {
        let is_open = |one: &Exchange| matches!(one.progress, Progress::Answered { .. });
        let (open, others) = self.exchanges.drain(..).partition(is_open);
        self.exchanges = others;
        let awaited = |child: &ChildSa| {
            let mut open = open.iter().map(|one: &Exchange| &one.progress);
            open.any(
                |one| matches!(one, Progress::Answered { child: key, .. } if *key == child.key),
            )
        };
        let (kept, others) = self.children.drain(..).partition(awaited);
        self.children = others;
        let given = self.hand_over(now);
        (self.children, self.exchanges) = (kept, open);
        given
    }

    pub(super) fn dispose_children(&mut self, ctx: &mut Context<'_>, farewell: Farewell) {
        let lingers = farewell == Farewell::Lingering;
        for child in self.children.drain(..) {
            child::dispose(ctx, self.connection, &child, lingers);
        }
    }

    /// The peer is known to have the Child SA: packets are sent on it, and it is said to be up.
    pub(super) fn prove(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        self.activate_outbound(ctx, key);
        let Some(child) = self.child_mut(key) else {
            return;
        };
        if child.standing == Standing::Unproven {
            child.standing = Standing::Proven;
        }
        let replaced = child
            .replaces
            .filter(|_| child.role == crate::sa::Role::Initiator);
        if let Some(old) = replaced {
            self.want(Want::ChildDelete(old), ctx.now);
        }
        self.announce_child(ctx, key);
    }

    pub(super) fn announce_child(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        let connection = self.connection;
        let Some(child) = self.child_mut(key) else {
            return;
        };
        if child.state == ChildState::Installing || child.standing != Standing::Proven {
            return;
        }
        child.standing = Standing::Announced;
        ctx.push(Output::Event(Event::ChildUp {
            connection,
            child: key,
            spis: (child.inbound.spi, child.outbound.spi),
            suite: child.suite.name(),
            local: child.local.clone(),
            remote: child.remote.clone(),
            replaces: child.replaces,
        }));
    }

    /// Begins to send on a Child SA whose outbound half was silent.
    pub(super) fn activate_outbound(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        if let Some(child) = self.child_mut(key)
            && child.is_live()
            && !child.outbound_active
        {
            child.outbound_active = true;
            ctx.push(Output::ActivateOutbound(key));
        }
    }

    /// The caller's answer to `InstallChild`.
    pub(super) fn on_child_installed(
        &mut self,
        ctx: &mut Context<'_>,
        key: ChildKey,
        installed: bool,
    ) {
        let Some(child) = self.child_mut(key) else {
            return;
        };
        if !installed {
            child.state = ChildState::Closing;
            self.want(Want::ChildDelete(key), ctx.now);
            let failure = Failure::ChildNotInstalled;
            ctx.push(Output::Event(Event::Failed(self.connection, failure)));
            return;
        }
        if child.state == ChildState::Installing {
            child.state = ChildState::Installed;
        }
        self.announce_child(ctx, key);
    }
}
