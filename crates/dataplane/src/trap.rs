//! Packets of connections that have no SA now and are to get one when there is traffic: they wait, and whoever
//! negotiates is told.
//!
//! Nothing here leaves but by an SA. What is kept is bounded, for each connection and for all; the first packets are
//! kept, since they are what the answers are waited for, and none is kept so long that nobody waits any more.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Owner;

/// How much waits of one connection at most.
const EACH: usize = 64;
const EACH_OCTETS: usize = 256 * 1024;

/// And of all.
const ALL_OCTETS: usize = 4 * 1024 * 1024;

/// How long a packet waits.
const TOO_OLD: Duration = Duration::from_secs(30);

/// How often it is told that packets wait.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The connections that have packets waiting, on their way to whoever negotiates.
#[derive(Default)]
pub(crate) struct Wanted {
    any: AtomicBool,
    owners: Mutex<BTreeSet<Owner>>,
}

impl Wanted {
    fn add(&self, owner: Owner) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.insert(owner);
        self.any.store(true, Ordering::Release);
    }

    /// All since the last time.
    pub(crate) fn take(&self) -> BTreeSet<Owner> {
        if !self.any.load(Ordering::Acquire) {
            return BTreeSet::new();
        }
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(false, Ordering::Release);
        std::mem::take(&mut *owners)
    }
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<(Instant, Vec<u8>)>,
    octets: usize,
    told: Option<Instant>,
}

/// What becomes of a packet without an SA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Held {
    /// It waits.
    Waits,
    /// It waits, and whoever negotiates is to be woken.
    WaitsAndWakes,
    /// It is dropped.
    No,
}

/// The waiting packets.
pub(crate) struct Traps {
    holding: HashSet<Owner>,
    waiting: HashMap<Owner, Waiting>,
    octets: usize,
    wanted: Arc<Wanted>,
}

impl Traps {
    pub(crate) fn new(wanted: Arc<Wanted>) -> Self {
        Self {
            holding: HashSet::new(),
            waiting: HashMap::new(),
            octets: 0,
            wanted,
        }
    }

    /// Has packets of a connection wait from now on, or not any more; how many are dropped.
    pub(crate) fn set(&mut self, owner: Owner, holds: bool) -> usize {
        if holds {
            self.holding.insert(owner);
            return 0;
        }
        self.holding.remove(&owner);
        let waiting = self.waiting.remove(&owner).unwrap_or_default();
        self.octets -= waiting.octets;
        waiting.frames.len()
    }

    /// Keeps a packet, if its connection's wait and there is a place.
    pub(crate) fn hold(&mut self, now: Instant, owner: Owner, frame: &[u8]) -> Held {
        if !self.holding.contains(&owner) {
            return Held::No;
        }
        let waiting = self.waiting.entry(owner).or_default();
        let is_new = waiting
            .told
            .is_none_or(|told| now.saturating_duration_since(told) >= TELL_EVERY);
        if is_new {
            waiting.told = Some(now);
            self.wanted.add(owner);
        }
        while let Some((since, old)) = waiting.frames.front()
            && now.saturating_duration_since(*since) >= TOO_OLD
        {
            let len = old.len();
            waiting.octets -= len;
            self.octets -= len;
            waiting.frames.pop_front();
        }
        let fits = waiting.frames.len() < EACH
            && waiting.octets + frame.len() <= EACH_OCTETS
            && self.octets + frame.len() <= ALL_OCTETS;
        if fits {
            waiting.octets += frame.len();
            self.octets += frame.len();
            waiting.frames.push_back((now, frame.to_vec()));
        }
        match (fits, is_new) {
            (true, true) => Held::WaitsAndWakes,
            (true, false) => Held::Waits,
            (false, _) => Held::No,
        }
    }

    /// The connections that have packets waiting.
    pub(crate) fn owners(&self) -> Vec<Owner> {
        self.waiting.keys().copied().collect()
    }

    /// The packets of a connection that has an SA now, in their order, and how many were kept too long.
    pub(crate) fn release(&mut self, now: Instant, owner: Owner) -> (Vec<Vec<u8>>, usize) {
        let waiting = self.waiting.remove(&owner).unwrap_or_default();
        self.octets -= waiting.octets;
        let count = waiting.frames.len();
        let fresh = waiting
            .frames
            .into_iter()
            .filter(|(since, _)| now.saturating_duration_since(*since) < TOO_OLD);
        let fresh: Vec<_> = fresh.map(|(_, frame)| frame).collect();
        let old = count - fresh.len();
        (fresh, old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Owner = Owner(1);
    const TWO: Owner = Owner(2);

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn the_first_packets_wait_in_their_order_and_it_is_told_now_and_then() {
        let wanted = Arc::new(Wanted::default());
        let mut traps = Traps::new(Arc::clone(&wanted));
        let start = Instant::now();
        assert_eq!(
            traps.hold(start, ONE, &[0]),
            Held::No,
            "nothing waits unasked"
        );
        traps.set(ONE, true);
        assert_eq!(traps.hold(start, ONE, &[1]), Held::WaitsAndWakes);
        assert_eq!(wanted.take(), BTreeSet::from([ONE]));
        assert_eq!(traps.hold(after(start, 999), ONE, &[2]), Held::Waits);
        assert_eq!(wanted.take(), BTreeSet::new());
        assert_eq!(
            traps.hold(after(start, 1_000), ONE, &[3]),
            Held::WaitsAndWakes
        );
        assert_eq!(traps.owners(), [ONE]);
        let (frames, old) = traps.release(after(start, 2_000), ONE);
        assert_eq!((frames, old), (vec![vec![1], vec![2], vec![3]], 0));
        assert_eq!((traps.octets, traps.owners().len()), (0, 0));
    }

    #[test]
    fn what_waits_is_bounded_for_each_and_for_all() {
        let mut traps = Traps::new(Arc::default());
        let start = Instant::now();
        for owner in 1..=200 {
            traps.set(Owner(owner), true);
            for _ in 0..100 {
                traps.hold(start, Owner(owner), &[7; 1_400]);
            }
        }
        assert!(traps.octets <= ALL_OCTETS && traps.octets > ALL_OCTETS - 2 * 1_400);
        let (frames, _) = traps.release(start, ONE);
        assert_eq!(frames.len(), EACH);
        assert_eq!(traps.hold(start, ONE, &[7; EACH_OCTETS + 1]), Held::No);
        for owner in 1..=200 {
            traps.set(Owner(owner), false);
        }
        assert_eq!((traps.octets, traps.owners().len()), (0, 0));
    }

    #[test]
    fn nothing_waits_for_ever() {
        let mut traps = Traps::new(Arc::default());
        let start = Instant::now();
        for owner in [ONE, TWO] {
            traps.set(owner, true);
            traps.hold(start, owner, &[1]);
        }
        let late = after(start, 30_000);
        assert_eq!(traps.hold(late, ONE, &[2]), Held::WaitsAndWakes);
        assert_eq!(traps.release(late, ONE), (vec![vec![2]], 0));
        assert_eq!(traps.release(late, TWO), (Vec::new(), 1));
        assert_eq!(traps.set(TWO, false), 0);
    }
}
