//! One end: an endpoint and what its caller would have installed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use adit_crypto::Secret;
use adit_ike::{
    ChildKey, Command, Deadline, DirectionKeys, Endpoint, EndpointConfig, Event, InstallChild,
    Instant, Output, Polled, Transmit,
};
use adit_ike_wire::TrafficSelector;

use crate::random::SeededRandom;

/// A Child SA as a data plane would hold it.
#[derive(Debug)]
pub struct InstalledChild {
    /// What was to be installed.
    pub child: InstallChild,
    /// Whether packets may be sent on it.
    pub sends: bool,
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
    pub(crate) deadline: Option<Deadline>,
}

impl Node {
    pub(crate) fn new(limits: EndpointConfig, seed: u64) -> Self {
        let random = Box::new(SeededRandom::new(seed));
        Self {
            endpoint: Endpoint::new(Instant::ZERO, limits, random),
            children: BTreeMap::new(),
            events: Vec::new(),
            installs: true,
            installed: 0,
            expected: BTreeSet::new(),
            gaps: 0,
            served: Vec::new(),
            up: BTreeSet::new(),
            deadline: None,
        }
    }

    /// Drains the endpoint; the datagrams it wants sent.
    pub(crate) fn drain(&mut self, now: Instant) -> Vec<(SocketAddr, Transmit)> {
        let mut datagrams = Vec::new();
        loop {
            match self.endpoint.poll_output() {
                Polled::Idle(deadline) => {
                    self.deadline = deadline;
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
                    self.children.insert(key, InstalledChild { child, sends });
                    self.installed += 1;
                }
                self.endpoint
                    .handle_command(now, Command::ChildInstalled(key, self.installs));
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
