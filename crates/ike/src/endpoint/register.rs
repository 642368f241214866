//! The IKE SAs of an endpoint, and what finds them: by SPI, by connection, by Child SA, half-open ones
//! by their peer's address, and what is due next.
//!
//! Invariant: the indexes say what was true when an SA was last put in. So an SA is changed by
//! [`Register::change`], or taken out and put in again.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use adit_ike_wire::Spi;

use crate::config::ConnectionKey;
use crate::output::{ChildKey, Deadline};
use crate::sa::{Sa, SaKey, Stage};
use crate::time::Instant;

/// All IKE SAs.
#[derive(Default)]
pub(crate) struct Register {
    sas: BTreeMap<SaKey, Box<dyn Sa>>,
    entries: BTreeMap<SaKey, Entry>,
    by_spi: BTreeMap<Spi, SaKey>,
    by_connection: BTreeSet<(ConnectionKey, SaKey)>,
    by_child: BTreeMap<ChildKey, SaKey>,
    /// An initiator's SPI is its own word: several may have the same.
    half_open: BTreeSet<(SocketAddr, Spi, SaKey)>,
    half_open_by_peer: BTreeMap<IpAddr, usize>,
    /// How many half-open ones are of addresses that no connection names.
    half_open_of_strangers: usize,
    due: BTreeSet<(Deadline, SaKey)>,
}

/// What the indexes say of one SA.
#[derive(Default, PartialEq, Eq)]
struct Entry {
    spi: Option<Spi>,
    connection: Option<ConnectionKey>,
    children: Vec<ChildKey>,
    half_open: Option<(SocketAddr, Spi)>,
    of_stranger: bool,
    due: Option<Deadline>,
}

impl Entry {
    fn of(sa: &dyn Sa) -> Self {
        let place = sa.place();
        let (half_open, of_stranger) = match sa.stage() {
            Stage::HalfOpen(candidates) => (true, candidates.of_stranger),
            _ => (false, false),
        };
        let due = sa.deadline();
        Self {
            spi: Some(place.spi),
            connection: place.connection,
            children: sa.children().iter().map(|child| child.key).collect(),
            half_open: half_open.then_some((place.remote, place.remote_spi)),
            of_stranger,
            due: due.filter(|deadline| deadline.at != Instant::NEVER),
        }
    }
}

impl Register {
    pub(crate) fn len(&self) -> usize {
        self.sas.len()
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &dyn Sa> {
        self.sas.values().map(|sa| &**sa)
    }

    pub(crate) fn get(&self, key: SaKey) -> Option<&dyn Sa> {
        self.sas.get(&key).map(|sa| &**sa)
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn get_mut(&mut self, key: SaKey) -> Option<&mut Box<dyn Sa>> {
        self.sas.get_mut(&key)
    }

    pub(crate) fn of_spi(&self, spi: Spi) -> Option<SaKey> {
        self.by_spi.get(&spi).copied()
    }

    pub(crate) fn of_child(&self, child: ChildKey) -> Option<SaKey> {
        self.by_child.get(&child).copied()
    }

    /// The SAs that are known to be the connection's, the oldest first.
    pub(crate) fn of_connection(
        &self,
        connection: ConnectionKey,
    ) -> impl DoubleEndedIterator<Item = &dyn Sa> {
        let range = (connection, SaKey(0))..=(connection, SaKey(u64::MAX));
        let keys = self.by_connection.range(range);
        keys.filter_map(|(_, key)| self.get(*key))
    }

    pub(crate) fn keys_of_connection(&self, connection: ConnectionKey) -> Vec<SaKey> {
        let sas = self.of_connection(connection);
        sas.map(|sa| sa.place().key).collect()
    }

    /// The half-open SAs that this initiator has begun.
    pub(crate) fn half_open_of(&self, remote: SocketAddr, spi: Spi) -> Vec<&dyn Sa> {
        let range = (remote, spi, SaKey(0))..=(remote, spi, SaKey(u64::MAX));
        let keys = self.half_open.range(range);
        keys.filter_map(|(_, _, key)| self.get(*key)).collect()
    }

    pub(crate) fn half_open(&self) -> usize {
        self.half_open.len()
    }

    pub(crate) fn half_open_at(&self, peer: IpAddr) -> usize {
        self.half_open_by_peer.get(&peer).copied().unwrap_or(0)
    }

    pub(crate) const fn half_open_of_strangers(&self) -> usize {
        self.half_open_of_strangers
    }

    /// The half-open SAs with this peer; of the unspecified address, with all.
    pub(crate) fn half_open_keys_at(&self, peer: IpAddr) -> Vec<SaKey> {
        if peer.is_unspecified() {
            return self.half_open.iter().map(|(_, _, key)| *key).collect();
        }
        let ends = (SocketAddr::new(peer, 0), SocketAddr::new(peer, u16::MAX));
        let last = (ends.1, Spi(u64::MAX), SaKey(u64::MAX));
        let range = (ends.0, Spi::ZERO, SaKey(0))..=last;
        self.half_open
            .range(range)
            .map(|(_, _, key)| *key)
            .collect()
    }

    pub(crate) fn next_due(&self) -> Option<Deadline> {
        self.due.first().map(|(deadline, _)| *deadline)
    }

    pub(crate) fn due(&self, now: Instant) -> Vec<SaKey> {
        let due = self
            .due
            .iter()
            .take_while(|(deadline, _)| deadline.at <= now);
        due.map(|(_, key)| *key).collect()
    }

    /// Takes an SA out, to be put in again; the indexes go on pointing to it.
    pub(crate) fn take(&mut self, key: SaKey) -> Option<Box<dyn Sa>> {
        self.sas.remove(&key)
    }

    /// Puts an SA in again that did not change.
    pub(crate) fn put_back(&mut self, key: SaKey, sa: Box<dyn Sa>) {
        self.sas.insert(key, sa);
    }

    /// Puts an SA in, whatever has become of it.
    pub(crate) fn put(&mut self, sa: Box<dyn Sa>) {
        let key = sa.place().key;
        let entry = Entry::of(&*sa);
        if self.entries.get(&key) != Some(&entry) {
            self.forget_entry(key);
            self.note_entry(key, entry);
        }
        self.sas.insert(key, sa);
    }

    pub(crate) fn change<R>(
        &mut self,
        key: SaKey,
        change: impl FnOnce(&mut dyn Sa) -> R,
    ) -> Option<R> {
        let mut sa = self.take(key)?;
        let result = change(&mut *sa);
        self.put(sa);
        Some(result)
    }

    pub(crate) fn forget(&mut self, key: SaKey) -> Option<Box<dyn Sa>> {
        self.forget_entry(key);
        self.sas.remove(&key)
    }

    fn note_entry(&mut self, key: SaKey, entry: Entry) {
        if let Some(spi) = entry.spi {
            self.by_spi.insert(spi, key);
        }
        if let Some(connection) = entry.connection {
            self.by_connection.insert((connection, key));
        }
        for child in &entry.children {
            self.by_child.insert(*child, key);
        }
        if let Some((remote, spi)) = entry.half_open {
            self.half_open.insert((remote, spi, key));
            self.half_open_of_strangers += usize::from(entry.of_stranger);
            *self.half_open_by_peer.entry(remote.ip()).or_default() += 1;
        }
        if let Some(due) = entry.due {
            self.due.insert((due, key));
        }
        self.entries.insert(key, entry);
    }

    fn forget_entry(&mut self, key: SaKey) {
        let Some(entry) = self.entries.remove(&key) else {
            return;
        };
        if let Some(spi) = entry.spi {
            self.by_spi.remove(&spi);
        }
        if let Some(connection) = entry.connection {
            self.by_connection.remove(&(connection, key));
        }
        for child in entry.children {
            // It may have moved to another SA, which was put in first.
            if self.by_child.get(&child) == Some(&key) {
                self.by_child.remove(&child);
            }
        }
        if let Some((remote, spi)) = entry.half_open {
            self.half_open.remove(&(remote, spi, key));
            let strangers = self.half_open_of_strangers;
            self.half_open_of_strangers = strangers.saturating_sub(usize::from(entry.of_stranger));
            let peer = remote.ip();
            let left = self.half_open_at(peer).saturating_sub(1);
            if left == 0 {
                self.half_open_by_peer.remove(&peer);
            } else {
                self.half_open_by_peer.insert(peer, left);
            }
        }
        if let Some(due) = entry.due {
            self.due.remove(&(due, key));
        }
    }
}
