//! Keeping connections up: when to begin, when to try again, which Child SAs are missing.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::{ConnectionConfig, ConnectionKey, Liveness, Versions};
use crate::endpoint::Endpoint;
use crate::endpoint::surplus::Redundant;
use crate::output::{Deadline, Event, Output};
use crate::sa::{Order, Role, Sa, SaKey, Stage, Usage, Want};
use crate::time::Instant;
use crate::wanted::Moves;
use crate::{v1, v2};

/// The longest pause between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// How long the responder of an IKE SA leaves it to the initiator to ask for Child SAs.
const RESPONDER_WAIT: Duration = Duration::from_secs(3);

/// How many IKE SAs of one connection there may be before a peer's rekeys are refused for a while,
/// and how many of them may be in use before the oldest is closed.
pub(super) const MAX_SAS: usize = 16;
pub(super) const MAX_IN_USE: usize = 4;

/// How soon a Child SA that was refused is asked for again.
const CHILD_RETRY: Duration = Duration::from_secs(10);

/// One connection that is wanted.
pub(super) struct Connection {
    pub(super) config: Arc<ConnectionConfig>,
    pub(super) attempts: u32,
    /// When to begin, while there is no IKE SA.
    pub(super) retry_at: Instant,
    /// Not before this time it is told again of somebody, at whatever address, who was not let in.
    pub(super) next_hint: Instant,
    /// The peer has refused a Child SA in IKE_AUTH: the next attempt does without.
    pub(super) childless: bool,
    /// Its Child SAs, in the configuration's order.
    children: Vec<Wanted>,
    /// When it wants to be looked at, as the endpoint has noted it.
    pub(super) planned: Option<Deadline>,
}

/// One Child SA that is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Wanted {
    /// It is neither there nor under way, though there is an IKE SA.
    missing: bool,
    /// Not to be asked for before this time.
    not_before: Instant,
}

impl Wanted {
    const fn new(not_before: Instant) -> Self {
        Self {
            missing: false,
            not_before,
        }
    }
}

impl Connection {
    pub(super) fn new(now: Instant, config: ConnectionConfig) -> Self {
        let children = alloc::vec![Wanted::new(now); config.children.len()];
        Self {
            config: Arc::new(config),
            attempts: 0,
            retry_at: now,
            childless: false,
            next_hint: now,
            children,
            planned: None,
        }
    }

    /// Takes another configuration that leaves IKE SAs good. Who begins now, or does not wait any more for a
    /// peer that was lost, begins at once. What is new is asked for at once by the IKE SA's initiator, and after a
    /// while by its responder: most likely the peer has it too.
    pub(super) fn change(
        &mut self,
        now: Instant,
        role: Role,
        config: ConnectionConfig,
    ) -> Arc<ConnectionConfig> {
        let waits = |config: &ConnectionConfig| {
            let leaves_it = |liveness: Liveness| !liveness.restart;
            !config.begins() || config.liveness.is_some_and(leaves_it)
        };
        if waits(&self.config) && !waits(&config) || config.begins() && !self.config.begins() {
            self.attempts = 0;
            self.retry_at = now;
        }
        let not_before = match role {
            Role::Initiator => now,
            Role::Responder => now + RESPONDER_WAIT,
        };
        let mut children = alloc::vec![Wanted::new(not_before); config.children.len()];
        let moves = Moves::of(&self.config.children, &config.children);
        for (index, wanted) in self.children.iter().enumerate() {
            let place = moves.place(index);
            if let Some(same) = place.and_then(|place| children.get_mut(place)) {
                *same = *wanted;
            }
        }
        self.children = children;
        self.config = Arc::new(config);
        Arc::clone(&self.config)
    }

    /// Has what is missing be asked for at once, whatever it waits for.
    fn hurry(&mut self, now: Instant) {
        self.retry_at = self.retry_at.min(now);
        for child in self.children.iter_mut().filter(|child| child.missing) {
            child.not_before = child.not_before.min(now);
        }
    }

    /// Plans the next attempt: 1 s, 2 s, 4 s and so on, up to half a minute.
    pub(super) fn back_off(&mut self, now: Instant) {
        let pause = Duration::from_secs(1 << self.attempts.min(5)).min(MAX_BACKOFF);
        self.attempts = self.attempts.saturating_add(1);
        self.retry_at = now + pause;
    }

    /// Notes that an IKE SA is up: its initiator has asked for the first Child SA already and asks
    /// for the others at once; its responder leaves that to the initiator for a while.
    pub(super) fn ike_is_up(&mut self, now: Instant, role: Role) {
        for (index, child) in self.children.iter_mut().enumerate() {
            let wait = match (role, index) {
                (Role::Initiator, 0) => CHILD_RETRY,
                (Role::Initiator, _) => Duration::ZERO,
                (Role::Responder, _) => RESPONDER_WAIT,
            };
            child.not_before = now + wait;
        }
    }

    pub(super) fn deadline(&self, established: bool, initiating: bool) -> Option<Deadline> {
        if established {
            let missing = self.children.iter().filter(|child| child.missing);
            let at = missing.map(|child| child.not_before).min()?;
            Some(Deadline {
                at,
                why: "missing Child SA",
            })
        } else if self.config.begins() && !initiating {
            Some(Deadline {
                at: self.retry_at,
                why: "next attempt",
            })
        } else {
            None
        }
    }
}

impl Endpoint {
    /// The SAs that carry the connection, the oldest first.
    pub(super) fn in_use(
        &self,
        connection: ConnectionKey,
    ) -> impl Iterator<Item = (&dyn Sa, Usage<'_>)> {
        let sas = self.sas.of_connection(connection);
        sas.filter_map(|sa| Some((sa, sa.usage()?)))
    }

    pub(super) fn newest_in_use(&self, connection: ConnectionKey) -> Option<SaKey> {
        self.in_use(connection).map(|(sa, _)| sa.place().key).max()
    }

    /// Whether an IKE SA of the connection is being replaced; which one will stay is open.
    pub(super) fn is_rekeying(&self, connection: ConnectionKey) -> bool {
        self.in_use(connection).any(|(_, usage)| usage.is_rekeying)
    }

    pub(super) fn is_initiating(&self, connection: ConnectionKey) -> bool {
        let mut sas = self.sas.of_connection(connection);
        sas.any(|sa| matches!(sa.stage(), Stage::Begun | Stage::Proving))
    }

    /// Whether no other SA is known between the identities of an SA that is about to
    /// authenticate (RFC 7296 section 2.4, INITIAL_CONTACT).
    pub(super) fn is_alone(&self, sa: &dyn Sa) -> bool {
        let Stage::Begun = sa.stage() else {
            return false;
        };
        let connection = sa.place().connection;
        let connection = connection.and_then(|key| self.connections.get(&key));
        let Some(Connection { config, .. }) = connection else {
            return false;
        };
        let identities = (config.local_id.clone(), config.remote_id.clone());
        let same = self.by_identities.get(&identities);
        let mut same = same.into_iter().flatten();
        !same.any(|key| self.has_any_sa(*key))
    }

    /// Whether there is an IKE SA of the connection, or one is being made, or could turn out to be.
    fn has_any_sa(&self, key: ConnectionKey) -> bool {
        let counts = |sa: &dyn Sa| match sa.stage() {
            Stage::Begun | Stage::InUse | Stage::Proving => true,
            Stage::Ending | Stage::HalfOpen(_) => false,
        };
        let peer = self.connections.get(&key).map(|c| c.config.remote);
        let half_open = peer.map(|peer| self.sas.half_open_keys_at(peer));
        let mut half_open = half_open.into_iter().flatten();
        self.sas.of_connection(key).any(counts) || half_open.any(|sa| self.could_become(sa, key))
    }

    /// Whether a half-open SA could turn out to be the connection's.
    pub(super) fn could_become(&self, sa: SaKey, connection: ConnectionKey) -> bool {
        match self.sas.get(sa).map(|sa| sa.stage()) {
            Some(Stage::HalfOpen(candidates)) => candidates.contain(connection),
            _ => false,
        }
    }

    /// Whether a peer must wait before it makes another IKE SA by rekeying: each that was replaced
    /// stays for a while.
    pub(super) fn is_crowded(&self, sa: &dyn Sa) -> bool {
        let connection = sa.place().connection;
        let others = connection.map_or(0, |connection| self.sas.of_connection(connection).count());
        connection.is_some() && others + 1 >= MAX_SAS
    }

    /// Does what touched connections want, and notes when they want to be looked at again.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(key) = self.touched.pop_first() {
            self.note_look(key);
            self.maintain(now, key);
            // By what was just done for it.
            self.touched.remove(&key);
            self.plan(now, key);
        }
    }

    /// Packets wait for a connection.
    pub(super) fn hurry(&mut self, now: Instant, key: ConnectionKey) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.hurry(now);
            self.touched.insert(key);
        }
    }

    fn maintain(&mut self, now: Instant, key: ConnectionKey) {
        if !self.connections.contains_key(&key) {
            return;
        }
        self.statistics.maintained += 1;
        let redundant = self.redundant(key);
        let Some(sa) = self.survivor(key) else {
            return self.maintain_ike(now, key);
        };
        self.maintain_children(now, key, sa, &redundant);
        self.close_redundant(now, key, &redundant);
        if self.renewal_of(key).is_some_and(|at| at <= now) {
            self.maintain_ike(now, key);
        }
    }

    /// When another IKE SA is to be begun, since the one there is comes to its end without having
    /// been rekeyed: the new one has to be there before.
    fn renewal_of(&self, key: ConnectionKey) -> Option<Instant> {
        let usage = self.sas.get(self.survivor(key)?)?.usage()?;
        Some(usage.renew_at)
    }

    pub(super) fn plan(&mut self, now: Instant, key: ConnectionKey) {
        let established = self.survivor(key).is_some();
        let initiating = self.is_initiating(key);
        let redundant = self.redundant(key);
        let renewal = self.renewal_of(key);
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        let surplus = redundant.iter().map(|redundant| Deadline {
            at: redundant.at,
            why: "surplus IKE SA",
        });
        let renewing = renewal.is_some_and(|at| at <= now);
        let renewal = renewal.filter(|_| !renewing).map(|at| Deadline {
            at,
            why: "end of the IKE SA",
        });
        let renewal = renewal.filter(|_| connection.config.begins());
        let own = connection.deadline(established, initiating);
        let again = (renewing && established).then(|| connection.deadline(false, initiating));
        let next = surplus
            .chain(own)
            .chain(again.flatten())
            .chain(renewal)
            .min();
        let next = next.filter(|deadline| deadline.at != Instant::NEVER);
        if connection.planned != next {
            if let Some(old) = connection.planned {
                self.plans.remove(&(old, key));
            }
            connection.planned = next;
            self.plans.extend(next.map(|next| (next, key)));
        }
    }

    fn maintain_ike(&mut self, now: Instant, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        let due = connection.config.begins() && connection.retry_at <= now;
        let config = Arc::clone(&connection.config);
        let childless = connection.childless;
        if !due || self.is_initiating(key) {
            return;
        }
        let noted = self.begin_act(None);
        let mut ctx = self.context(now);
        let sa: Option<Box<dyn Sa>> = match config.versions {
            Versions::V1 | Versions::AnyFromV1 => {
                v1::sa::IkeSa::initiate(&mut ctx, key, config).map(|sa| Box::new(sa) as _)
            }
            Versions::V2 | Versions::Any => {
                v2::sa::IkeSa::initiate(&mut ctx, key, config, childless)
                    .map(|sa| Box::new(sa) as _)
            }
        };
        ctx.push(Output::Event(Event::Connecting(key)));
        self.end_act(noted, Some(key));
        match sa {
            Some(sa) => self.sas.put(sa),
            // Nothing can be offered; another configuration has to come.
            None => {
                if let Some(connection) = self.connections.get_mut(&key) {
                    connection.retry_at = Instant::NEVER;
                }
            }
        }
    }

    fn maintain_children(
        &mut self,
        now: Instant,
        key: ConnectionKey,
        sa: SaKey,
        redundant: &[Redundant],
    ) {
        let count = self.connections.get(&key).map_or(0, |c| c.children.len());
        let is_missing = |index| {
            let stays = |sa: &dyn Sa| redundant.iter().all(|one| one.sa != sa.place().key);
            let mut stay = self.in_use(key).filter(|(sa, _)| stays(*sa));
            !stay.any(|(sa, _)| sa.is_busy_with(index, now))
        };
        let missing: Vec<_> = (0..count).map(is_missing).collect();
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        let may_ask = connection.config.initiate;
        let mut due = Vec::new();
        for (index, (child, missing)) in connection.children.iter_mut().zip(missing).enumerate() {
            child.missing = missing && may_ask;
            if child.missing && child.not_before <= now {
                child.missing = false;
                child.not_before = now + CHILD_RETRY;
                due.push(index);
            }
        }
        for index in due {
            self.order(now, sa, Order::Want(Want::Child(index)));
        }
    }
}
