//! What SAs want of their endpoint: to appear, to go, to hand over Child SAs.

use alloc::vec::Vec;
use core::time::Duration;

use crate::child::{ChildSa, ChildState};
use crate::config::ConnectionKey;
use crate::endpoint::connection::MAX_IN_USE;
use crate::endpoint::{Endpoint, LINGER};
use crate::established::{Established, Phase};
use crate::failure::Failure;
use crate::keys::Role;
use crate::output::{Event, Output};
use crate::sa::{Effect, Ending, SaKey, State};
use crate::task::Task;
use crate::time::Instant;

/// Two IKE SAs of one connection that came up within this time were begun by both sides at once;
/// otherwise the later one is there because one side forgot the earlier.
const SIMULTANEOUS: Duration = Duration::from_secs(10);

/// How long two IKE SAs of one connection may be there without either being replaced. A rekey that
/// crossed their making can keep either side from seeing both in time.
pub(super) const SURPLUS: Duration = Duration::from_secs(30);

/// How soon to begin again after the peer deleted the IKE SA.
const AFTER_PEER_DELETED: Duration = Duration::from_secs(1);

impl Endpoint {
    pub(super) fn apply_effects(&mut self, now: Instant) {
        while !self.effects.is_empty() {
            for effect in core::mem::take(&mut self.effects) {
                match effect {
                    Effect::Close(key) => {
                        self.with_established(now, key, |ctx, established| established.close(ctx));
                    }
                    Effect::Gone(key, ending) => self.gone(now, key, ending),
                    Effect::InitialContact(key) => self.initial_contact(key),
                    Effect::MoveChildren(from, to) => self.move_children(from, to),
                    Effect::New(sa) => self.insert(*sa),
                    Effect::Outdone(key) => {
                        self.with_established(now, key, |ctx, established| {
                            established.replaced(ctx.now);
                        });
                    }
                    Effect::Preferred(key) => self.preferred(now, key),
                    Effect::Refused(key) => self.refused(now, key),
                    Effect::RemoveLater(child) => self.lingering.push((now + LINGER, child)),
                    Effect::Up(key) => self.up(now, key),
                }
            }
        }
    }

    fn gone(&mut self, now: Instant, key: SaKey, ending: Ending) {
        let Some(sa) = self.forget(key) else { return };
        if let Some((_, challenged)) = self.challenged_by(key) {
            // The peer closed what it made: ours has won.
            challenged.rival = None;
        }
        if let Some((rival, _)) = sa.established().and_then(|e| e.rival.as_ref())
            && let Some(rival) = self.sas.get_mut(rival).and_then(|sa| sa.established_mut())
        {
            rival.waits = false;
        }
        let was_up = sa
            .established()
            .is_some_and(|established| established.phase == Phase::InUse);
        let Some(connection) = sa.link.connection else {
            return;
        };
        let others = self.newest_established(connection).is_some();
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
        if let Some(connection) = self.sas.get(&key).and_then(|sa| sa.link.connection) {
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

    /// The peer has forgotten all older SAs of the connection.
    fn initial_contact(&mut self, key: SaKey) {
        let Some(connection) = self.sas.get(&key).and_then(|sa| sa.established()) else {
            return;
        };
        let connection = connection.connection;
        let older: Vec<_> = self
            .in_use(connection)
            .map(|(sa, _)| sa.link.key)
            .filter(|k| *k != key)
            .collect();
        for old in older {
            if let Some(mut sa) = self.forget(old)
                && let Some(established) = sa.established_mut()
            {
                let children = core::mem::take(&mut established.children);
                self.drop_children(connection, children);
            }
        }
    }

    fn move_children(&mut self, from: SaKey, to: SaKey) {
        let Some(source) = self.sas.get_mut(&from).and_then(|sa| sa.established_mut()) else {
            return;
        };
        let children = core::mem::take(&mut source.children);
        let queue = core::mem::take(&mut source.queue);
        let connection = source.connection;
        if let Some(target) = self.sas.get_mut(&to).and_then(|sa| sa.established_mut()) {
            target.waits = false;
            target.children.extend(children);
            for queued in queue {
                match queued.task {
                    Task::ChildCreate(_) | Task::ChildDelete(_) | Task::ChildRekey(_) => {
                        target.enqueue(queued.task, queued.not_before);
                    }
                    Task::IkeDelete | Task::IkeRekey | Task::Liveness => {}
                }
            }
        } else {
            self.drop_children(connection, children);
        }
    }

    /// Takes Child SAs out of use whose IKE SA is gone.
    fn drop_children(&mut self, connection: ConnectionKey, children: Vec<ChildSa>) {
        for child in children {
            self.outputs.push_back(Output::RemoveChild(child.key));
            if child.state != ChildState::Installing {
                let event = Event::ChildDown {
                    connection,
                    child: child.key,
                };
                self.outputs.push_back(Output::Event(event));
            }
        }
    }

    /// The SA that has this one, made by the peer, for a rival.
    fn challenged_by(&mut self, rival: SaKey) -> Option<(SaKey, &mut Established)> {
        self.sas.iter_mut().find_map(|(key, sa)| {
            let established = sa.established_mut()?;
            let challenged = established.rival.as_ref().is_some_and(|(r, _)| *r == rival);
            challenged.then_some((*key, established))
        })
    }

    fn preferred(&mut self, now: Instant, key: SaKey) {
        if let Some((old, established)) = self.challenged_by(key) {
            established.rival = None;
            established.replaced(now);
            self.move_children(old, key);
        }
    }

    /// The peer was faster: our own first message is not needed any more.
    fn drop_unanswered(&mut self, connection: ConnectionKey) {
        let unanswered: Vec<_> = self
            .sas
            .iter()
            .filter(|(_, sa)| sa.link.connection == Some(connection))
            .filter(|(_, sa)| matches!(sa.state, State::InitSent(_)))
            .map(|(key, _)| *key)
            .collect();
        for key in unanswered {
            self.forget(key);
        }
    }

    /// An SA was authenticated: no more attempts, and one of two SAs goes.
    fn up(&mut self, now: Instant, key: SaKey) {
        let Some(sa) = self.sas.get(&key) else { return };
        let Some(new) = sa.established() else { return };
        let connection = new.connection;
        let role = sa.link.role;
        let begun_here = role == Role::Initiator;
        if let Some(connection) = self.connections.get_mut(&connection) {
            // Attempts go on counting: a peer can refuse an SA after it is up.
            connection.retry_at = now;
            connection.ike_is_up(now, role);
        }
        if !begun_here {
            self.drop_unanswered(connection);
        }
        let Some(new) = self.sas.get(&key).and_then(|sa| sa.established()) else {
            return;
        };
        let mut redundant = Vec::new();
        for (other, old) in self.in_use(connection).filter(|(sa, _)| sa.link.key != key) {
            if matches!(old.active, Some(crate::task::Active::IkeRekey(_))) || old.rival.is_some() {
                continue;
            }
            if now - old.since > SIMULTANEOUS {
                redundant.push(other.link.key);
            } else if new.nonces.lose_against(&old.nonces) {
                // Both sides see the same four nonces; who began the losing SA closes it.
                if begun_here {
                    redundant.push(key);
                }
            } else if other.link.role == Role::Initiator {
                redundant.push(other.link.key);
            }
        }
        let kept = |key: &SaKey| !redundant.contains(key);
        let in_use = self.in_use(connection).map(|(sa, _)| sa.link.key);
        let surplus: Vec<_> = in_use.filter(kept).collect();
        // In the order of their making: the oldest come first.
        let excess = surplus.len().saturating_sub(MAX_IN_USE);
        redundant.extend(surplus.into_iter().take(excess));
        for key in redundant {
            self.with_established(now, key, |ctx, established| established.close(ctx));
        }
        self.doubt_others(now, connection, key);
    }

    /// An SA that came up beside others makes it doubtful whether the peer still has those.
    fn doubt_others(&mut self, now: Instant, connection: ConnectionKey, new: SaKey) {
        let others: Vec<_> = self
            .in_use(connection)
            .map(|(sa, _)| sa.link.key)
            .filter(|key| *key != new)
            .collect();
        for key in others {
            self.with_established(now, key, |ctx, established| {
                established.enqueue(Task::Liveness, ctx.now);
            });
        }
    }
}
