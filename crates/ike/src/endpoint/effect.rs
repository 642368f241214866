//! What SAs want of their endpoint: to appear, to go, to hand over Child SAs.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::child::{ChildSa, Standing};
use crate::config::ConnectionKey;
use crate::endpoint::connection::MAX_IN_USE;
use crate::endpoint::{Endpoint, LINGER};
use crate::failure::Failure;
use crate::output::{ChildKey, Event, Output};
use crate::sa::{Effect, Ending, Farewell, Order, Outcome, Role, SaKey, Stage, Want};
use crate::selectors;
use crate::time::Instant;

/// How soon to begin again after the peer deleted the IKE SA.
const AFTER_PEER_DELETED: Duration = Duration::from_secs(1);

impl Endpoint {
    pub(super) fn apply_effects(&mut self, now: Instant) {
        while !self.effects.is_empty() {
            for effect in core::mem::take(&mut self.effects) {
                match effect {
                    Effect::Childless(connection) => self.do_without_child(connection),
                    Effect::Close(key) => {
                        self.order(now, key, Order::Close(Farewell::Lingering));
                    }
                    Effect::Answered(sa, child) => self.answered(now, sa, child),
                    Effect::Expect(connection) => self.expect(connection),
                    Effect::Gone(key, ending) => self.gone(now, key, ending),
                    Effect::Inherit(connection) => self.inherit(now, connection),
                    Effect::InitialContact(key, begun) => self.initial_contact(now, key, begun),
                    Effect::MoveChildren(from, to) => self.move_children(now, from, to),
                    Effect::New(sa) => {
                        self.touched.extend(sa.place().connection);
                        self.sas.put(sa);
                    }
                    Effect::NotLetIn { told, is_named } => self.not_let_in(now, told, is_named),
                    Effect::Outdone(key) => {
                        self.with_sa(now, key, |ctx, sa| sa.settle(ctx.now, Outcome::Replaced));
                    }
                    Effect::Preferred(key) => self.preferred(now, key),
                    Effect::Refused(key) => self.refused(now, key),
                    Effect::RemoveLater(child) => {
                        self.lingering.push_back((now + LINGER, child));
                    }
                    Effect::Up(key) => self.up(now, key),
                }
            }
        }
    }

    /// The peer asked for this Child SA and has yet to take our answer in. Packets go on being sent
    /// where they are sent now; where that is nowhere, nothing is lost by trying.
    fn answered(&mut self, now: Instant, sa: SaKey, child: ChildKey) {
        let Some(made_on) = self.sas.get(sa) else {
            return;
        };
        let mut children = made_on.children().iter();
        let made = children.find(|made| made.key == child);
        let (Some(connection), Some(made)) = (made_on.place().connection, made) else {
            return;
        };
        if !self.has_older_twin(connection, made) {
            self.order(now, sa, Order::Activate(child));
        }
    }

    fn do_without_child(&mut self, key: ConnectionKey) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.childless = true;
        }
    }

    fn expect(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get(&key) else {
            return;
        };
        let addresses = (connection.config.local, connection.config.remote);
        if let Some(neighbours) = self.by_addresses.get_mut(&addresses) {
            neighbours.expect(key);
        }
    }

    fn gone(&mut self, now: Instant, key: SaKey, ending: Ending) {
        let Some(mut sa) = self.sas.forget(key) else {
            return;
        };
        let Some(connection) = sa.place().connection else {
            return;
        };
        self.touched.insert(connection);
        let left = sa.hand_over(now).children;
        self.retire_children(now, connection, &left);
        if let Some(challenged) = self.challenged_by(connection, key) {
            // The peer closed what it made: ours has won.
            let outcome = Outcome::Unchallenged;
            self.sas.change(challenged, |sa| sa.settle(now, outcome));
        }
        if let Some(rival) = sa.rival() {
            let outcome = Outcome::Unopposed;
            self.sas.change(rival, |sa| sa.settle(now, outcome));
        }
        let was_up = sa.usage().is_some();
        let others = self.newest_in_use(connection).is_some();
        if was_up && !others {
            self.outputs
                .push_back(Output::Event(Event::IkeDown(connection)));
        }
        if was_up && ending == Ending::Lost {
            self.outputs
                .push_back(Output::Event(Event::Failed(connection, Failure::Lost)));
        }
        self.plan_next(now, connection, ending);
    }

    /// Our attempt failed; another one need not wait until the peer knows.
    fn refused(&mut self, now: Instant, key: SaKey) {
        if let Some(connection) = self.sas.get(key).and_then(|sa| sa.place().connection) {
            self.plan_next(now, connection, Ending::Failed);
        }
    }

    fn plan_next(&mut self, now: Instant, key: ConnectionKey, ending: Ending) {
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        match ending {
            Ending::Failed => connection.back_off(now),
            Ending::Lost => {
                let wait = connection
                    .config
                    .liveness
                    .is_some_and(|liveness| !liveness.restart);
                connection.retry_at = if wait { Instant::NEVER } else { now };
                connection.attempts = 0;
            }
            Ending::PeerDeleted => {
                connection.retry_at = now + AFTER_PEER_DELETED;
                connection.attempts = 0;
            }
            Ending::Released => {}
        }
    }

    /// The peer has forgotten all older SAs of the connection (RFC 7296 section 2.4). One that came up
    /// since it began this one is not meant: both ends began at once.
    fn initial_contact(&mut self, now: Instant, key: SaKey, begun: Instant) {
        let Some(connection) = self.sas.get(key).and_then(|sa| sa.place().connection) else {
            return;
        };
        let older: Vec<_> = self
            .in_use(connection)
            .filter(|(_, usage)| usage.since < begun)
            .map(|(sa, _)| sa.place().key)
            .filter(|k| *k != key)
            .collect();
        for old in older {
            if let Some(mut sa) = self.sas.forget(old) {
                self.drop_children(connection, sa.hand_over(now).children);
            }
        }
    }

    fn move_children(&mut self, now: Instant, from: SaKey, to: SaKey) {
        let taken = self
            .sas
            .change(from, |sa| (sa.place().connection, sa.pass_on(now)));
        let Some((Some(connection), handover)) = taken else {
            return;
        };
        self.touched.insert(connection);
        let mut left = Some(handover);
        self.sas.change(to, |sa| {
            left = left.take().and_then(|handover| sa.adopt(handover).err());
        });
        if let Some(left) = left {
            self.drop_children(connection, left.children);
        }
    }

    /// Takes Child SAs out of use whose IKE SA is gone, and that carry traffic: what the peer has made to take their place,
    /// on another IKE SA, is sent on from now on. What is still on its way to them is taken.
    fn retire_children(&mut self, now: Instant, connection: ConnectionKey, left: &[ChildSa]) {
        for going in left.iter().filter(|child| child.is_live()) {
            let takes_over = |there: &&ChildSa| {
                there.is_live()
                    && !there.outbound_active
                    && selectors::within(&going.local, &there.local)
                    && selectors::within(&going.remote, &there.remote)
            };
            let there = self.in_use(connection).filter_map(|(sa, _)| {
                let found = sa.children().iter().find(takes_over)?;
                Some((sa.place().key, found.key))
            });
            for (sa, child) in there.collect::<Vec<_>>() {
                self.order(now, sa, Order::Activate(child));
            }
        }
        for child in left {
            self.outputs.push_back(Output::RetireChild(child.key));
            self.lingering.push_back((now + LINGER, child.key));
            if child.standing == Standing::Announced {
                let event = Event::ChildDown {
                    connection,
                    child: child.key,
                };
                self.outputs.push_back(Output::Event(event));
            }
        }
    }

    /// Takes Child SAs out of use whose IKE SA is gone.
    fn drop_children(&mut self, connection: ConnectionKey, children: Vec<ChildSa>) {
        for child in children {
            self.outputs.push_back(Output::RemoveChild(child.key));
            if child.standing == Standing::Announced {
                let event = Event::ChildDown {
                    connection,
                    child: child.key,
                };
                self.outputs.push_back(Output::Event(event));
            }
        }
    }

    /// The SA that has this one, made by the peer, for a rival.
    fn challenged_by(&self, connection: ConnectionKey, rival: SaKey) -> Option<SaKey> {
        let mut sas = self.sas.of_connection(connection);
        let challenged = sas.find(|sa| sa.rival() == Some(rival));
        challenged.map(|sa| sa.place().key)
    }

    fn preferred(&mut self, now: Instant, key: SaKey) {
        let connection = self.sas.get(key).and_then(|sa| sa.place().connection);
        let challenged = connection.and_then(|connection| self.challenged_by(connection, key));
        if let Some(old) = challenged {
            let outcome = Outcome::Replaced;
            self.sas.change(old, |sa| sa.settle(now, outcome));
            self.move_children(now, old, key);
        }
    }

    /// The peer was faster: our own first message is not needed any more.
    fn drop_unanswered(&mut self, connection: ConnectionKey) {
        for key in self.sas.keys_of_connection(connection) {
            let sa = self.sas.get(key);
            if sa.is_some_and(|sa| matches!(sa.stage(), Stage::Begun)) {
                self.sas.forget(key);
            }
        }
    }

    /// An SA was authenticated. Whether others go is seen when all has been done for it.
    fn up(&mut self, now: Instant, key: SaKey) {
        let Some(place) = self.sas.get(key).map(|sa| sa.place()) else {
            return;
        };
        let (role, Some(connection)) = (place.role, place.connection) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(&connection) {
            // Attempts go on counting: a peer can refuse an SA after it is up.
            connection.retry_at = now;
            connection.ike_is_up(now, role);
            // It may have changed since the SA was begun.
            let config = Arc::clone(&connection.config);
            self.with_sa(now, key, |ctx, sa| sa.reconfigure(ctx, &config));
        }
        if role == Role::Responder {
            self.drop_unanswered(connection);
        }
        // In the order of their making: the oldest come first.
        let in_use: Vec<_> = self
            .in_use(connection)
            .map(|(sa, _)| sa.place().key)
            .collect();
        let excess = in_use.len().saturating_sub(MAX_IN_USE);
        for key in in_use.into_iter().take(excess) {
            self.order(now, key, Order::Close(Farewell::Lingering));
        }
        if self.sas.get(key).is_some_and(|sa| sa.inherits()) {
            self.inherit(now, connection);
            if role == Role::Initiator {
                self.order(now, key, Order::Want(Want::Child(0)));
            }
        }
        self.doubt_others(now, connection, key);
    }

    /// The SA that stays has the Child SAs of all others, which end.
    fn inherit(&mut self, now: Instant, connection: ConnectionKey) {
        let Some(heir) = self.heir(connection) else {
            return;
        };
        let others = self.sas.of_connection(connection).filter(|sa| {
            let is_done = matches!(sa.stage(), Stage::InUse | Stage::Ending);
            is_done && sa.inherits() && sa.place().key != heir
        });
        for other in others.map(|sa| sa.place().key).collect::<Vec<_>>() {
            self.move_children(now, other, heir);
            let outcome = Outcome::Replaced;
            self.sas.change(other, |sa| sa.settle(now, outcome));
        }
    }

    /// An SA that came up beside others makes it doubtful whether the peer still has those.
    fn doubt_others(&mut self, now: Instant, connection: ConnectionKey, new: SaKey) {
        let others: Vec<_> = self
            .in_use(connection)
            .map(|(sa, _)| sa.place().key)
            .filter(|key| *key != new)
            .collect();
        for key in others {
            self.order(now, key, Order::Want(Want::Liveness));
        }
    }
}
