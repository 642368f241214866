//! Several IKE SAs of one connection: which one stays, and who closes the others, when.
//!
//! Both ends must come to the same answer by themselves. Where both began at once, both see the same
//! nonces, and the SA with the lowest goes, by who made it. Where one is there already, whoever made
//! the new one has a reason (a reauthentication, or a restart) and closes the old one; a packet in
//! between would be lost if the other end was faster. Not every peer does as it should: what it left
//! over for a minute is closed in its place.

use alloc::vec::Vec;
use core::time::Duration;

use crate::child::ChildSa;
use crate::config::ConnectionKey;
use crate::endpoint::Endpoint;
use crate::sa::{Farewell, Order, Role, Sa, SaKey, Usage};
use crate::selectors;
use crate::time::Instant;

/// Two IKE SAs of one connection that came up within this time were begun by both sides at once.
const SIMULTANEOUS: Duration = Duration::from_secs(10);

/// How long an IKE SA that another one outlives may be there, when it is ours to close and the other
/// has not all its Child SAs, and how long, twice, when it is the peer's.
const PATIENCE: Duration = Duration::from_secs(30);

/// An IKE SA that another one outlives.
pub(super) struct Redundant {
    pub(super) sa: SaKey,
    closer: Role,
    /// When it is closed at the latest.
    pub(super) at: Instant,
}

impl Endpoint {
    /// The IKE SA that stays.
    pub(super) fn survivor(&self, key: ConnectionKey) -> Option<SaKey> {
        if self.is_rekeying(key) {
            return self.newest_in_use(key);
        }
        self.ranked(key).map(|(sa, _)| sa.place().key)
    }

    fn ranked(&self, key: ConnectionKey) -> Option<(&dyn Sa, Usage<'_>)> {
        let newest = self.newest(key)?;
        let contenders = self.in_use(key).filter(|(_, u)| is_recent(u, newest));
        contenders.reduce(|one, other| {
            if one.1.nonces.lose_against(other.1.nonces) {
                other
            } else {
                one
            }
        })
    }

    /// The same where the one that stays has the Child SAs of the others at once: the newest one, which
    /// is meant to take the place of what was there. Only where an end began it before it knew of
    /// another, and the other end that one, do nonces decide.
    pub(super) fn heir(&self, key: ConnectionKey) -> Option<SaKey> {
        let order = |(sa, usage): &(&dyn Sa, Usage<'_>)| (usage.since, sa.place().key);
        let (newest, usage) = self.in_use(key).max_by_key(order)?;
        let newest = newest.place();
        let contenders = self.in_use(key).filter(|(sa, other)| {
            let place = sa.place();
            let at_once = usage.begun < other.since && place.role != newest.role;
            place.key == newest.key || at_once
        });
        let heir = contenders.reduce(|one, other| {
            if one.1.nonces.lose_against(other.1.nonces) {
                other
            } else {
                one
            }
        });
        heir.map(|(sa, _)| sa.place().key)
    }

    fn newest(&self, key: ConnectionKey) -> Option<Instant> {
        self.in_use(key).map(|(_, usage)| usage.since).max()
    }

    /// The IKE SAs that don't stay. While one is being rekeyed that is open.
    pub(super) fn redundant(&self, key: ConnectionKey) -> Vec<Redundant> {
        if self.in_use(key).nth(1).is_none() || self.is_rekeying(key) {
            return Vec::new();
        }
        let (Some(newest), Some((survivor, _))) = (self.newest(key), self.ranked(key)) else {
            return Vec::new();
        };
        let survivor = survivor.place();
        let others = self
            .in_use(key)
            .filter(|(sa, _)| sa.place().key != survivor.key);
        let redundant = others.map(|(sa, usage)| {
            let closer = if is_recent(&usage, newest) {
                sa.place().role
            } else {
                survivor.role
            };
            let patience = match closer {
                Role::Initiator => PATIENCE,
                Role::Responder => PATIENCE * 2,
            };
            Redundant {
                sa: sa.place().key,
                closer,
                at: newest + patience,
            }
        });
        redundant.collect()
    }

    /// Closes what is ours to close once its Child SAs are not needed any more, and the rest in time.
    pub(super) fn close_redundant(
        &mut self,
        now: Instant,
        key: ConnectionKey,
        redundant: &[Redundant],
    ) {
        for one in redundant {
            let free = one.closer == Role::Initiator && self.is_covered(key, one, redundant);
            if free || one.at <= now {
                self.order(now, one.sa, Order::Close(Farewell::Lingering));
            }
        }
    }

    /// Whether each Child SA of an SA has one on those that stay that carries the same, and that the
    /// peer is known to have too.
    fn is_covered(&self, key: ConnectionKey, of: &Redundant, redundant: &[Redundant]) -> bool {
        let Some(going) = self.sas.get(of.sa) else {
            return true;
        };
        let stays = |sa: &dyn Sa| redundant.iter().all(|one| one.sa != sa.place().key);
        let carries = |there: &ChildSa, child: &ChildSa| {
            there.is_ready()
                && selectors::within(&child.local, &there.local)
                && selectors::within(&child.remote, &there.remote)
        };
        going
            .children()
            .iter()
            .filter(|child| child.is_live())
            .all(|child| {
                let mut stay = self.in_use(key).filter(|(sa, _)| stays(*sa));
                stay.any(|(sa, _)| sa.children().iter().any(|there| carries(there, child)))
            })
    }

    /// Whether packets of this new Child SA are sent on another one of the connection.
    pub(super) fn has_older_twin(&self, key: ConnectionKey, new: &ChildSa) -> bool {
        let carries = |old: &ChildSa| {
            old.key != new.key
                && old.is_live()
                && old.outbound_active
                && selectors::within(&new.local, &old.local)
                && selectors::within(&new.remote, &old.remote)
        };
        let mut sas = self.sas.of_connection(key);
        sas.any(|sa| sa.children().iter().any(carries))
    }
}

fn is_recent(usage: &Usage<'_>, newest: Instant) -> bool {
    newest - usage.since <= SIMULTANEOUS
}
