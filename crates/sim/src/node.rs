//! One end: an endpoint and what its caller would have installed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use adit_crypto::{EnvelopeKey, Secret};
use adit_ike::{
    ChildKey, Command, ConnectionConfig, ConnectionKey, Deadline, DirectionKeys, Endpoint,
    EndpointConfig, Event, ExportError, InstallChild, Instant, Output, Polled, Progress, Snapshot,
    Transmit,
};
use adit_ike_wire::TrafficSelector;

use crate::authority::NOW;
use crate::random::SeededRandom;

/// A Child SA as a data plane would hold it.
#[derive(Debug)]
pub struct InstalledChild {
    /// What was to be installed.
    pub child: InstallChild,
    /// Whether packets may be sent on it.
    pub sends: bool,
    /// How far its packets have come, where a test sends any.
    pub progress: Progress,
}

fn selectors(installed: &InstalledChild) -> (Vec<TrafficSelector>, Vec<TrafficSelector>) {
    let child = &installed.child;
    (
        child.local_selectors.clone(),
        child.remote_selectors.clone(),
    )
}

/// One end.
#[derive(Debug)]
pub struct Node {
    /// For tests to look into; it is driven by the network alone.
    pub endpoint: Endpoint,
    /// The Child SAs that are installed, in the order of their making.
    pub children: BTreeMap<ChildKey, InstalledChild>,
    /// Everything that was told.
    pub events: Vec<Event>,
    /// Whether installing succeeds.
    pub installs: bool,
    /// How many Child SAs were installed.
    pub installed: usize,
    /// The SPIs of Child SAs that were asked for, before the request went out.
    pub expected: BTreeSet<u32>,
    /// How often a pair of selectors that was sent on had no Child SA to send on any more, after any
    /// single output.
    pub gaps: usize,
    /// The pairs of selectors that were sent on, and have a Child SA to send on.
    served: Vec<(Vec<TrafficSelector>, Vec<TrafficSelector>)>,
    /// The Child SAs that were said to be up.
    up: BTreeSet<ChildKey>,
    /// On the network's clock.
    pub(crate) deadline: Option<Deadline>,
    /// What the endpoint's own clock is ahead of the network's.
    ahead: Duration,
    limits: EndpointConfig,
}

impl Node {
    pub(crate) fn new(limits: EndpointConfig, seed: u64) -> Self {
        let random = Box::new(SeededRandom::new(seed));
        let mut endpoint = Endpoint::new(Instant::ZERO, limits, random);
        endpoint.set_time_of_day(Instant::ZERO, NOW);
        Self {
            endpoint,
            children: BTreeMap::new(),
            events: Vec::new(),
            installs: true,
            installed: 0,
            expected: BTreeSet::new(),
            gaps: 0,
            served: Vec::new(),
            up: BTreeSet::new(),
            deadline: None,
            ahead: Duration::ZERO,
            limits,
        }
    }

    /// The time on the endpoint's clock.
    pub(crate) fn clock(&self, now: Instant) -> Instant {
        now + self.ahead
    }

    /// Has another endpoint go on with a connection in the place of this one, under a higher epoch of IVs and on
    /// a clock of its own, as what was exported says. What the endpoint has not said yet is never said.
    pub(crate) fn hand_over(
        &mut self,
        now: Instant,
        (connection, config): (ConnectionKey, ConnectionConfig),
        seed: u64,
    ) -> Result<(), ExportError> {
        let progress = |child| {
            let there = self.children.get(&child);
            there.map_or_else(Progress::default, |there| there.progress)
        };
        let then = self.clock(now);
        let snapshot = self.endpoint.export(then, connection, progress)?;
        let mut random = SeededRandom::new(seed);
        let key = EnvelopeKey::new(&[7; EnvelopeKey::LEN]);
        let sealed = snapshot.seal(&key, &mut random);
        self.limits.iv_epoch += 1;
        self.ahead = Duration::from_secs(100_000 + random.below(1_000_000));
        let now = self.clock(now);
        self.endpoint = Endpoint::new(now, self.limits, Box::new(random));
        self.endpoint.set_time_of_day(now, NOW);
        self.children.clear();
        self.served.clear();
        self.up.clear();
        let snapshot = Snapshot::open(connection, &key, &sealed);
        let taken = snapshot
            .and_then(|snapshot| self.endpoint.import(now, config, &snapshot, Duration::ZERO));
        assert_eq!(taken, Ok(()), "what was exported is taken");
        Ok(())
    }

    /// Drains the endpoint; the datagrams it wants sent.
    pub(crate) fn drain(&mut self, now: Instant) -> Vec<(SocketAddr, Transmit)> {
        let mut datagrams = Vec::new();
        loop {
            match self.endpoint.poll_output() {
                Polled::Idle(deadline) => {
                    self.deadline = deadline.map(|deadline| Deadline {
                        at: Instant::ZERO + (deadline.at - (Instant::ZERO + self.ahead)),
                        ..deadline
                    });
                    return datagrams;
                }
                Polled::Output(output) => {
                    let transmit = self.act(now, output);
                    self.count_gaps();
                    if let Some(transmit) = transmit {
                        let from = SocketAddr::new(transmit.local, transmit.local_port);
                        datagrams.push((from, transmit));
                    }
                }
            }
        }
    }

    fn act(&mut self, now: Instant, output: Output) -> Option<Transmit> {
        match output {
            Output::ActivateOutbound(key) => {
                if let Some(installed) = self.children.get_mut(&key) {
                    installed.sends = true;
                }
            }
            Output::Event(event) => {
                match &event {
                    Event::ChildUp { child, .. } => {
                        self.up.insert(*child);
                    }
                    Event::ChildDown { child, .. } => {
                        self.up.remove(child);
                    }
                    _ => {}
                }
                self.events.push(event);
            }
            Output::ExpectChild(spi) => {
                self.expected.insert(spi);
            }
            Output::InstallChild(child) => {
                let key = child.child;
                if self.installs {
                    let sends = child.outbound_active;
                    let child = *child;
                    let installed = InstalledChild {
                        sends,
                        progress: child.progress,
                        child,
                    };
                    self.children.insert(key, installed);
                    self.installed += 1;
                }
                let installed = Command::ChildInstalled(key, self.installs);
                self.endpoint.handle_command(self.clock(now), installed);
            }
            Output::MoveChild(key, remote) => {
                if let Some(installed) = self.children.get_mut(&key) {
                    installed.child.remote = remote;
                }
            }
            Output::RemoveChild(key) => {
                self.children.remove(&key);
            }
            Output::RetireChild(key) => {
                if let Some(installed) = self.children.get_mut(&key) {
                    installed.sends = false;
                }
            }
            Output::Transmit(transmit) => return Some(transmit),
        }
        None
    }

    fn count_gaps(&mut self) {
        let sent: Vec<_> = self.sending().map(selectors).collect();
        let before = self.served.len();
        self.served.retain(|pair| sent.contains(pair));
        self.gaps += before - self.served.len();
        for pair in sent {
            if !self.served.contains(&pair) {
                self.served.push(pair);
            }
        }
    }

    /// The Child SAs that packets are sent on where this end says that packets arrive.
    pub fn promised(&self) -> impl Iterator<Item = &InstalledChild> {
        self.used().filter(|used| {
            let mut up = self.up.iter().filter_map(|key| self.children.get(key));
            up.any(|up| selectors(up) == selectors(used))
        })
    }

    /// The Child SAs that packets may be sent on, the newest last.
    pub fn sending(&self) -> impl DoubleEndedIterator<Item = &InstalledChild> {
        self.children.values().filter(|installed| installed.sends)
    }

    /// The Child SAs that packets are sent on: for each pair of selectors the newest.
    pub fn used(&self) -> impl Iterator<Item = &InstalledChild> {
        self.sending().filter(move |one| {
            let newest = self
                .sending()
                .rfind(|other| selectors(other) == selectors(one));
            newest.is_some_and(|newest| newest.child.child == one.child.child)
        })
    }

    /// Whether a packet sealed with `keys` would be opened here.
    #[must_use]
    pub fn receives(&self, keys: &DirectionKeys) -> bool {
        let same = |a: &Secret, b: &Secret| a.as_slice() == b.as_slice();
        self.children.values().any(|installed| {
            let inbound = &installed.child.inbound;
            inbound.spi == keys.spi
                && same(&inbound.encryption, &keys.encryption)
                && same(&inbound.integrity, &keys.integrity)
        })
    }

    /// When the endpoint wants to be called next, and what for.
    #[must_use]
    pub const fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// How many events answer to a description.
    pub fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }
}
