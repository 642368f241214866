//! Handing a connection's SAs over to another endpoint, and taking them (`docs/adr/0012-live-state-goes-over.md`).

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use adit_crypto::Secret;

use crate::authentication::Authentication;
use crate::child::Owner;
use crate::codec::{Field, Reader, Unreadable, Writer};
use crate::config::{ConnectionConfig, ConnectionKey};
use crate::endpoint::Endpoint;
use crate::handover::{ExportError, ImportError, Snapshot};
use crate::output::{ChildKey, Event, Output, Progress};
use crate::sa::Unportable;
use crate::time::Instant;
use crate::v2::authentication::Authenticated;
use crate::v2::established::{Established, Phase};
use crate::v2::handover;
use crate::v2::link::Link;
use crate::v2::sa::IkeSa;
use crate::v2::state::State;

/// The first octet of a snapshot.
const VERSION: u8 = 1;

/// What a snapshot says, read in full.
struct Taken {
    config: Arc<ConnectionConfig>,
    sas: Vec<(Link, Established)>,
    progress: Vec<Progress>,
}

/// By what it was proved who the peer is.
fn mark(authentication: &Authentication) -> Secret {
    Secret::new(authentication.mark(b"adit handover").to_vec())
}

impl Endpoint {
    /// What another endpoint needs to go on with a connection's IKE SAs. Nothing changes here; whoever goes on is alone to
    /// send. `progress` tells how far each Child SA's packets have come, or may have by the time that counts.
    ///
    /// What was begun and has no IKE SA yet is not in it, nor are Child SAs that were retired; the other begins anew.
    ///
    /// # Errors
    /// The connection has no IKE SA of IKEv2 that is up, or one that can't go over at this moment.
    pub fn export(
        &self,
        now: Instant,
        connection: ConnectionKey,
        progress: impl Fn(ChildKey) -> Progress,
    ) -> Result<Snapshot, ExportError> {
        let Some(config) = self.connections.get(&connection).map(|c| &c.config) else {
            return Err(ExportError::NotUp);
        };
        let mut names = Vec::new();
        for sa in self.sas.of_connection(connection) {
            names.push(sa.place().key.0);
            names.extend(sa.children().iter().map(|child| child.key.0));
        }
        let mut to = Writer::new(now, names);
        VERSION.put(&mut to);
        to.names().put(&mut to);
        mark(&config.authentication).put(&mut to);
        config.put(&mut to);
        let mut some = false;
        for sa in self.sas.of_connection(connection) {
            let mut own = Writer::like(&to);
            match sa.write(&mut own) {
                Ok(()) => {}
                Err(Unportable::NotUp) => continue,
                Err(Unportable::Busy) => return Err(ExportError::Busy),
                Err(Unportable::Version1) => return Err(ExportError::Version1),
            }
            for child in sa.children() {
                let Progress { sent, received } = progress(child.key);
                (sent, received).put(&mut own);
            }
            some = true;
            true.put(&mut to);
            to.octets(own.finish().as_slice());
        }
        false.put(&mut to);
        if !some {
            return Err(ExportError::NotUp);
        }
        Snapshot::of(connection, to.finish())
    }

    /// Goes on with what another endpoint has exported `age` ago, in the place of that one. Its
    /// [`crate::EndpointConfig::iv_epoch`] was lower than this one's. The connection is wanted as in `config` from now on,
    /// which is a change like any other ([`crate::Command::SetConnection`]) where it is another than there.
    ///
    /// Each Child SA is to be installed, as when it was made; each request under way goes out again, and each peer is asked
    /// whether it is there. Where the progress of Child SAs was estimated, the caller has them rekeyed.
    ///
    /// # Errors
    /// The snapshot can't be read or doesn't fit. Then nothing was changed.
    pub fn import(
        &mut self,
        now: Instant,
        config: ConnectionConfig,
        snapshot: &Snapshot,
        age: Duration,
    ) -> Result<(), ImportError> {
        let key = snapshot.connection();
        if self.connections.contains_key(&key) {
            return Err(ImportError::Known);
        }
        let taken = self.read(now, &config, snapshot, age)?;
        let mut spis = BTreeSet::new();
        for (link, _) in &taken.sas {
            if !spis.insert(link.local_spi) || self.sas.of_spi(link.local_spi).is_some() {
                return Err(ImportError::Duplicate);
            }
        }
        if let Some(tape) = &mut self.tape {
            tape.cut(key);
        }
        self.set_connection(now, key, (*taken.config).clone());
        let mut progress = taken.progress.into_iter();
        for (link, established) in taken.sas {
            self.go_on(now, link, established, &mut progress);
        }
        let survivor = self.survivor(key).and_then(|sa| self.sas.get(sa));
        if let (Some(role), Some(connection)) = (
            survivor.map(|sa| sa.place().role),
            self.connections.get_mut(&key),
        ) {
            connection.ike_is_up(now, role);
        }
        self.set_connection(now, key, config);
        self.settle(now);
        Ok(())
    }

    fn read(
        &mut self,
        now: Instant,
        wanted: &ConnectionConfig,
        snapshot: &Snapshot,
        age: Duration,
    ) -> Result<Taken, ImportError> {
        let age = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
        let then = Instant::from_micros(now.as_micros().saturating_sub(age));
        let mut from = Reader::new(snapshot.octets(), then, self.limits.iv_epoch);
        if u8::take(&mut from)? != VERSION {
            return Err(ImportError::Malformed);
        }
        let names = u32::take(&mut from)?;
        if names as usize > snapshot.octets().len() {
            return Err(ImportError::Malformed);
        }
        from.set_names(self.numbers.next_keys(names), names);
        if Secret::take(&mut from)? != mark(&wanted.authentication) {
            return Err(ImportError::OtherKey);
        }
        let mut config = ConnectionConfig::take(&mut from)?;
        config.authentication = wanted.authentication.clone();
        let config = Arc::new(config);
        let (mut sas, mut progress) = (Vec::<(Link, Established)>::new(), Vec::new());
        while bool::take(&mut from)? {
            let proof = Authenticated::of_snapshot(snapshot);
            let (link, established) =
                handover::read(&mut from, (snapshot.connection(), &config), proof)?;
            for _ in &established.children {
                let (sent, received) = <(u64, u64)>::take(&mut from)?;
                progress.push(Progress { sent, received });
            }
            sas.push((link, established));
        }
        from.end()?;
        agree(&mut sas)?;
        Ok(Taken {
            config,
            sas,
            progress,
        })
    }

    /// Takes one IKE SA, and has its Child SAs installed.
    fn go_on(
        &mut self,
        now: Instant,
        mut link: Link,
        mut established: Established,
        progress: &mut impl Iterator<Item = Progress>,
    ) {
        let mut ctx = self.context(now);
        let config = Arc::clone(&established.config);
        let owner = Owner {
            connection: established.connection,
            config: &config,
            path: link.path,
            carriage: link.carriage,
            behind_nat: link.behind_nat,
            ecn: true,
        };
        if established.phase == Phase::InUse && !established.waits {
            ctx.push(Output::Event(Event::IkeUp {
                connection: established.connection,
                peer: link.path.remote,
                suite: established.keys.suite.name(),
                rekeyed: false,
            }));
            established.taken_over(now, &mut link);
        }
        for child in &established.children {
            let progress = progress.next().unwrap_or_default();
            child.ask_to_install(&mut ctx, &owner, progress);
        }
        link.requests.hurry(now);
        let state = State::Established(Box::new(established));
        self.sas.put(Box::new(IkeSa { link, state }));
    }
}

/// Checks what SAs say of each other: a rival is one of them, and none waits that is nobody's rival.
fn agree(sas: &mut [(Link, Established)]) -> Result<(), Unreadable> {
    let keys: BTreeSet<_> = sas.iter().map(|(link, _)| link.key).collect();
    let children = sas.iter().flat_map(|(_, sa)| &sa.children);
    let children: BTreeSet<_> = children.map(|child| child.key).collect();
    let count: usize = sas.iter().map(|(_, sa)| sa.children.len()).sum();
    let rivals = sas.iter().filter_map(|(_, sa)| sa.rival.as_ref());
    let rivals: BTreeSet<_> = rivals.map(|(rival, _)| *rival).collect();
    if keys.len() < sas.len() || children.len() < count || !rivals.is_subset(&keys) {
        return Err(Unreadable::Malformed);
    }
    for (link, sa) in sas {
        sa.waits &= rivals.contains(&link.key);
    }
    Ok(())
}
