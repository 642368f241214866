//! Two ends, the network between them, and the clock of all three.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use adit_crypto::{Encryption, Group, Integrity, Prf, Secret};
use adit_ike::selectors;
use adit_ike::{
    Authentication, ChildConfig, Childless, Command, ConnectionConfig, ConnectionKey,
    Encapsulation, EndpointConfig, EspAlgorithms, ExportError, Identity, IkeAlgorithms, Instant,
    Mode, Protocol, Versions,
};

use crate::network::{Conditions, Datagram};
use crate::node::Node;
use crate::random::SeededRandom;

/// One of the two ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    /// 198.51.100.1, with 10.1.0.0/24 behind it.
    A,
    /// 198.51.100.2, with 10.2.0.0/24 behind it.
    B,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Its address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        match self {
            Self::A => IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
            Self::B => IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2)),
        }
    }

    const fn net(self) -> u8 {
        match self {
            Self::A => 1,
            Self::B => 2,
        }
    }
}

/// What a node receives on.
fn inbound(node: &Node) -> BTreeSet<u32> {
    let children = node.children.values();
    children
        .map(|installed| installed.child.inbound.spi)
        .collect()
}

/// How far the ports at a NAT are from those inside.
const BEHIND: u16 = 30_000;

fn outside(nat: IpAddr, inside: SocketAddr) -> SocketAddr {
    SocketAddr::new(nat, inside.port().saturating_add(BEHIND))
}

fn inside(outside: SocketAddr) -> SocketAddr {
    SocketAddr::new(Side::A.address(), outside.port().saturating_sub(BEHIND))
}

/// How long a datagram is on the way. From the port of NAT traversal there is a non-ESP marker in it (RFC 3948 section
/// 2.2).
fn packet_len(from: SocketAddr, octets: &[u8]) -> usize {
    let ip = if from.is_ipv4() { 20 } else { 40 };
    let marker = if from.port() % BEHIND == 4500 { 4 } else { 0 };
    ip + 8 + marker + octets.len()
}

/// Two ends and all between them.
#[derive(Debug)]
pub struct Pair {
    /// The clock.
    pub now: Instant,
    /// What the network does.
    pub conditions: Conditions,
    /// While true, datagrams wait in [`Self::wire`] until a test moves them.
    pub held: bool,
    /// The address of a NAT between A and the network, if there is one. A's ports are others there.
    pub nat: Option<IpAddr>,
    /// The longest packet that arrives: an IP header, a UDP header, and what is in it.
    pub mtu: usize,
    /// How many packets were longer.
    pub too_long: usize,
    /// What is on its way, in the order of sending.
    pub wire: Vec<Datagram>,
    /// All that the ends have sent since this was made, whatever has become of it.
    pub said: Option<Vec<(Side, Vec<u8>)>>,
    /// How often a Child SA was removed at one end while packets the other had sent on it could still
    /// have been on their way.
    pub cut: usize,
    a: Node,
    b: Node,
    random: SeededRandom,
    sent: u64,
    /// When each end last sent on which SPI, if it sends all the time.
    last_sent: [BTreeMap<u32, Instant>; 2],
}

/// The connection both ends have.
const CONNECTION: ConnectionKey = ConnectionKey(1);

impl Pair {
    /// The connection both ends have when they have one.
    pub const CONNECTION: ConnectionKey = CONNECTION;

    /// Two ends without connections.
    #[must_use]
    pub fn new(seed: u64, conditions: Conditions, limits: EndpointConfig) -> Self {
        Self {
            now: Instant::ZERO,
            conditions,
            held: false,
            nat: None,
            mtu: usize::MAX,
            too_long: 0,
            wire: Vec::new(),
            a: Node::new(limits, seed ^ 0xa),
            b: Node::new(limits, seed ^ 0xb),
            random: SeededRandom::new(seed),
            sent: 0,
            cut: 0,
            said: None,
            last_sent: Default::default(),
        }
    }

    /// A usual configuration of one end; A begins.
    #[must_use]
    pub fn usual(side: Side) -> ConnectionConfig {
        let block = |net: u8| adit_ike::config::block(IpAddr::V4(Ipv4Addr::new(10, net, 0, 0)), 24);
        ConnectionConfig {
            versions: Versions::V2,
            local: side.address(),
            remote: side.other().address(),
            local_id: Identity::of_address(side.address()),
            remote_id: Identity::of_address(side.other().address()),
            authentication: Authentication::psk(Secret::new(
                b"correct horse battery staple".to_vec(),
            )),
            ike: IkeAlgorithms {
                encryption: vec![Encryption::AesGcm256, Encryption::AesCbc128],
                integrity: vec![Integrity::HmacSha256_128],
                prf: vec![Prf::HmacSha256],
                groups: vec![Group::Curve25519, Group::Ecp256],
                additional: Vec::new(),
            },
            encapsulation: Encapsulation::Auto,
            mode: Mode::Tunnel,
            childless: Childless::Auto,
            esp: EspAlgorithms {
                protocol: Protocol::Esp,
                encryption: vec![Encryption::AesGcm256, Encryption::AesCbc128],
                integrity: vec![Integrity::HmacSha256_128],
                groups: Vec::new(),
                additional: Vec::new(),
                extended_sequence_numbers: true,
            },
            children: vec![ChildConfig {
                local: vec![block(side.net())],
                remote: vec![block(side.other().net())],
            }],
            ike_lifetime: Duration::from_secs(14_400),
            child_lifetime: Duration::from_secs(3_600),
            liveness: None,
            initiate: side == Side::A,
        }
    }

    /// One end.
    #[must_use]
    pub const fn node(&self, side: Side) -> &Node {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// One end, to change.
    pub const fn node_mut(&mut self, side: Side) -> &mut Node {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }

    /// A pair of which both ends are configured, the one that waits first.
    #[must_use]
    pub fn connected(
        seed: u64,
        conditions: Conditions,
        config: impl Fn(Side) -> ConnectionConfig,
    ) -> Self {
        let mut pair = Self::new(seed, conditions, EndpointConfig::default());
        for side in [Side::B, Side::A] {
            pair.connect(side, config(side));
        }
        pair
    }

    /// Gives one end the connection.
    pub fn connect(&mut self, side: Side, config: ConnectionConfig) {
        self.command(side, Command::SetConnection(CONNECTION, Box::new(config)));
    }

    /// Gives one end a command.
    pub fn command(&mut self, side: Side, command: Command) {
        let now = self.node(side).clock(self.now);
        self.node_mut(side).endpoint.handle_command(now, command);
        self.drain(side);
    }

    /// Has another endpoint, with other randomness and another clock, go on with the connection in the place of
    /// one end's.
    ///
    /// # Errors
    /// The end's connection can't be exported now; then nothing happens.
    pub fn hand_over(
        &mut self,
        side: Side,
        config: ConnectionConfig,
        seed: u64,
    ) -> Result<(), ExportError> {
        let now = self.now;
        let connection = (CONNECTION, config);
        self.node_mut(side).hand_over(now, connection, seed)?;
        self.drain_node(side);
        Ok(())
    }

    /// Hands one end a datagram, as if the network had.
    pub fn deliver(&mut self, datagram: &Datagram) {
        let side = self.take_in(datagram);
        self.drain(side);
    }

    /// Whose it is.
    fn take_in(&mut self, datagram: &Datagram) -> Side {
        let is_nat = self.nat == Some(datagram.to.ip());
        let (side, to) = match datagram.to.ip() {
            _ if is_nat => (Side::A, inside(datagram.to)),
            to if to == Side::A.address() => (Side::A, datagram.to),
            _ => (Side::B, datagram.to),
        };
        let (now, from) = (self.node(side).clock(self.now), datagram.from);
        let endpoint = &mut self.node_mut(side).endpoint;
        endpoint.handle_datagram(now, to, from, &datagram.octets);
        side
    }

    /// Hands one end a datagram, and has another endpoint go on before anything of what comes of it is done: as one that
    /// has a snapshot of each moment.
    ///
    /// # Errors
    /// The end's connection can't be exported now; then what comes of it is done.
    pub fn deliver_and_hand_over(
        &mut self,
        datagram: &Datagram,
        config: ConnectionConfig,
        seed: u64,
    ) -> Result<(), ExportError> {
        let side = self.take_in(datagram);
        let taken = self.hand_over(side, config, seed);
        self.drain(side);
        taken
    }

    /// Takes the oldest datagram from `side` off the wire.
    pub fn take_from(&mut self, side: Side) -> Option<Datagram> {
        let index = self
            .wire
            .iter()
            .position(|d| (d.from.ip() == Side::B.address()) == (side == Side::B))?;
        Some(self.wire.remove(index))
    }

    /// Delivers the oldest datagram from `side`; whether there was one.
    pub fn pass(&mut self, side: Side) -> bool {
        self.take_from(side)
            .map(|datagram| self.deliver(&datagram))
            .is_some()
    }

    /// Delivers all that waits, and what comes of it, in the order of sending.
    pub fn pass_all(&mut self) {
        while !self.wire.is_empty() {
            let datagram = self.wire.remove(0);
            self.deliver(&datagram);
        }
    }

    /// Notes what both ends send on at this moment.
    fn note_sent(&mut self) {
        let now = self.now;
        for (node, last_sent) in [&self.a, &self.b].into_iter().zip(&mut self.last_sent) {
            let used = node.used().map(|used| (used.child.outbound.spi, now));
            last_sent.extend(used);
        }
    }

    /// Counts the Child SAs of a side that went too early.
    fn count_cut(&mut self, side: Side, before: &BTreeSet<u32>) {
        let [by_a, by_b] = &self.last_sent;
        let last_sent = if side == Side::A { by_b } else { by_a };
        let after = inbound(self.node(side));
        let slowest = self.conditions.latency + self.conditions.jitter;
        let gone = before.difference(&after);
        let last = gone.filter_map(|spi| last_sent.get(spi));
        self.cut += last.filter(|at| self.now - **at < slowest).count();
    }

    fn drain(&mut self, side: Side) {
        self.note_sent();
        let before = inbound(self.node(side));
        self.drain_node(side);
        self.count_cut(side, &before);
        self.note_sent();
    }

    fn drain_node(&mut self, side: Side) {
        let now = self.now;
        for (from, transmit) in self.node_mut(side).drain(now) {
            if let Some(said) = &mut self.said {
                said.push((side, transmit.octets.clone()));
            }
            let from = match self.nat {
                Some(nat) if side == Side::A => outside(nat, from),
                _ => from,
            };
            self.send(from, transmit.remote, transmit.octets);
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, octets: Vec<u8>) {
        let copies = if packet_len(from, &octets) > self.mtu {
            self.too_long += 1;
            0
        } else if self.held {
            1
        } else if self.random.below(1000) < self.conditions.loss {
            0
        } else if self.random.below(1000) < self.conditions.duplication {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let jitter = u64::try_from(self.conditions.jitter.as_micros()).unwrap_or(u64::MAX);
            let extra = Duration::from_micros(self.random.below(jitter.saturating_add(1)));
            let arrives = self.now + self.conditions.latency + extra;
            self.sent += 1;
            let octets = octets.clone();
            self.wire.push(Datagram {
                from,
                to,
                arrives,
                number: self.sent,
                octets,
            });
        }
    }

    /// Lets the next thing happen: a datagram arrives, or a deadline comes. Answers false when
    /// nothing will ever happen again, or not before `limit`.
    pub fn step(&mut self, limit: Instant) -> bool {
        let arrival = if self.held {
            None
        } else {
            self.wire
                .iter()
                .map(|datagram| (datagram.arrives, datagram.number))
                .min()
        };
        let timeout = |node: &Node, side| node.deadline.map(|deadline| (deadline.at, side));
        let timeouts = [timeout(&self.a, Side::A), timeout(&self.b, Side::B)];
        let timeout = timeouts.into_iter().flatten().min_by_key(|(at, _)| *at);
        match (arrival, timeout) {
            (Some((at, number)), other) if other.is_none_or(|(deadline, _)| at <= deadline) => {
                if at > limit {
                    return false;
                }
                self.now = self.now.max(at);
                if let Some(index) = self.wire.iter().position(|d| d.number == number) {
                    let datagram = self.wire.remove(index);
                    self.deliver(&datagram);
                }
                true
            }
            (_, Some((at, side))) if at <= limit => {
                self.now = self.now.max(at);
                let now = self.node(side).clock(self.now);
                self.node_mut(side).endpoint.handle_timeout(now);
                self.drain(side);
                true
            }
            _ => false,
        }
    }

    /// Runs for a while; afterwards the clock stands at its end.
    pub fn run_for(&mut self, duration: Duration) {
        let limit = self.now + duration;
        while self.step(limit) {}
        self.now = limit;
    }

    /// Runs until `done`, at most for `duration`; whether it came to that.
    pub fn run_until(&mut self, duration: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let limit = self.now + duration;
        while !done(self) {
            if !self.step(limit) {
                return done(self);
            }
        }
        true
    }

    /// Whether both ends send, and each opens what the other sends on.
    #[must_use]
    pub fn is_up(&self) -> bool {
        let sends = |side| self.node(side).sending().next().is_some();
        [Side::A, Side::B].into_iter().all(sends) && self.loses_nothing()
    }

    /// Whether no packet is lost for want of an SA: everything one end sends on, the other opens.
    #[must_use]
    pub fn loses_nothing(&self) -> bool {
        [Side::A, Side::B].into_iter().all(|side| {
            let mut used = self.node(side).used();
            used.all(|sent| self.node(side.other()).receives(&sent.child.outbound))
        })
    }

    /// Whether both ends keep their word: what they say is up carries packets now.
    #[must_use]
    pub fn keeps_its_word(&self) -> bool {
        [Side::A, Side::B].into_iter().all(|side| {
            let mut promised = self.node(side).promised();
            promised.all(|sent| self.node(side.other()).receives(&sent.child.outbound))
        })
    }

    /// The Child SAs in use at one end, for people.
    #[must_use]
    pub fn describe(&self, side: Side) -> Vec<String> {
        let node = self.node(side);
        node.children
            .iter()
            .map(|(key, installed)| {
                let child = &installed.child;
                format!(
                    "{key:?} in {:08x} out {:08x} sends {} {:?}",
                    child.inbound.spi,
                    child.outbound.spi,
                    installed.sends,
                    child
                        .local_selectors
                        .iter()
                        .map(|selector| selectors::prefix_len(selector.addresses))
                        .collect::<Vec<_>>(),
                )
            })
            .collect()
    }
}
