//! One end: an endpoint and what its caller would have installed.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use adit_crypto::Secret;
use adit_ike::{
    ChildKey, Command, Deadline, DirectionKeys, Endpoint, EndpointConfig, Event, InstallChild,
    Instant, Output, Polled, Transmit,
};

use crate::random::SeededRandom;

/// A Child SA as a data plane would hold it.
#[derive(Debug)]
pub struct InstalledChild {
    /// What was to be installed.
    pub child: InstallChild,
    /// Whether packets may be sent on it.
    pub sends: bool,
}

/// One end.
#[derive(Debug)]
pub struct Node {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The Child SAs that are installed, in the order of their making.
    pub children: BTreeMap<ChildKey, InstalledChild>,
    /// Everything that was told.
    pub events: Vec<Event>,
    /// Whether installing succeeds.
    pub installs: bool,
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
                    if let Some(transmit) = self.act(now, output) {
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
            Output::Event(event) => self.events.push(event),
            Output::InstallChild(child) => {
                let key = child.child;
                if self.installs {
                    let sends = child.outbound_active;
                    self.children.insert(key, InstalledChild { child, sends });
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

    /// The Child SAs that packets may be sent on, the newest last.
    pub fn sending(&self) -> impl DoubleEndedIterator<Item = &InstalledChild> {
        self.children.values().filter(|installed| installed.sends)
    }

    /// The Child SAs that packets are sent on: for each pair of selectors the newest.
    pub fn used(&self) -> impl Iterator<Item = &InstalledChild> {
        let selectors = |installed: &InstalledChild| {
            let child = &installed.child;
            (
                child.local_selectors.clone(),
                child.remote_selectors.clone(),
            )
        };
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

    /// How many events answer to a description.
    pub fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }
}
