//! What the fuzz target `ike_endpoint` does with its input; the same runs in a test over the
//! committed inputs. Built for those two only.
//!
//! Two endpoints share a connection. The input says, one operation after the other, which datagrams
//! arrive, which are damaged or made up, and what is put *inside* the encryption in a peer's name:
//! that part is sealed with the peer's own keys. Invariant: nothing panics, both endpoints hold a
//! bounded number of SAs, and neither asks to be woken again and again for nothing.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use adit_crypto::{AdditionalExchange, Encryption, Group, Integrity, Prf, Random, Secret};
use adit_ike_wire::v2::Payload;
use adit_ike_wire::v2::encrypted::{FragmentNumber, Inner};
use adit_ike_wire::v2::payload::parse_chain;
use adit_ike_wire::{ExchangeType, PayloadType};

use crate::authentication::Authentication;
use crate::config::{Versions, block};
use crate::output::{ChildKey, InstallChild, Output, Polled};
use crate::sa::Sa;
use crate::v2::sa::IkeSa;
use crate::{
    ChildConfig, Childless, Command, ConnectionConfig, ConnectionKey, Encapsulation, Endpoint,
    EndpointConfig, EspAlgorithms, Identity, IkeAlgorithms, Instant, Liveness, Mode, Protocol,
};

pub use handover::run_handover;
pub use recording::run_recording;

/// Operations of one input; further ones are ignored.
const MAX_OPERATIONS: usize = 48;

/// More SAs than this at one endpoint are a leak.
const MAX_SAS: usize = 64;

/// Octets that are kept of what happens.
const RECORDED: usize = 1 << 14;

/// More Child SAs than this at one endpoint are a leak.
const MAX_CHILDREN: usize = 128;

const CONNECTION: ConnectionKey = ConnectionKey(1);

/// An SA, inside.
fn v2(sa: &dyn Sa) -> Option<&IkeSa> {
    sa.as_any().downcast_ref()
}

/// Xorshift, seeded with the side's number.
struct Sequence(u64);

impl Random for Sequence {
    fn fill(&mut self, out: &mut [u8]) {
        for octet in out {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *octet = self.0.to_be_bytes()[3];
        }
    }
}

/// The input, octet by octet; zeros after its end.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn octet(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> usize {
        usize::from(self.octet()) << 8 | usize::from(self.octet())
    }

    fn octets(&mut self) -> &'a [u8] {
        let len = self.number().min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }
}

/// A datagram on its way.
struct Datagram {
    sender: usize,
    from: SocketAddr,
    to: SocketAddr,
    octets: Vec<u8>,
}

struct Table {
    now: Instant,
    ends: [Endpoint; 2],
    wake: [Option<Instant>; 2],
    children: [Vec<InstallChild>; 2],
    wire: Vec<Datagram>,
}

/// Plays one input.
pub fn run(input: &[u8]) {
    let mut input = Input(input);
    let mut table = Table::new(input.octet());
    for _ in 0..MAX_OPERATIONS {
        if input.0.is_empty() {
            return;
        }
        table.operate(&mut input);
        table.check();
    }
}

fn address(side: usize) -> IpAddr {
    let last = if side == 0 { 1 } else { 2 };
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// The exchanges, one after the other, and one that is none.
const fn exchange(choice: u8) -> ExchangeType {
    match choice % 7 {
        5 => ExchangeType::IKE_INTERMEDIATE,
        6 => ExchangeType::IKE_FOLLOWUP_KE,
        choice => ExchangeType(34 + choice),
    }
}

fn config(side: usize, choice: u8) -> ConnectionConfig {
    let net = |side: usize| {
        let third = if side == 0 { 1 } else { 2 };
        block(IpAddr::V4(Ipv4Addr::new(10, third, 0, 0)), 24)
    };
    let groups = alloc::vec![Group::Curve25519, Group::Ecp256];
    let cbc = choice & 1 != 0;
    let encryption = if cbc {
        Encryption::AesCbc128
    } else {
        Encryption::AesGcm128
    };
    ConnectionConfig {
        versions: Versions::V2,
        local: address(side),
        remote: address(1 - side),
        local_id: Identity::of_address(address(side)),
        remote_id: Identity::of_address(address(1 - side)),
        authentication: Authentication::psk(Secret::new(b"known to the fuzzer".to_vec())),
        ike: IkeAlgorithms {
            encryption: alloc::vec![encryption],
            integrity: alloc::vec![Integrity::HmacSha256_128],
            prf: alloc::vec![Prf::HmacSha256],
            groups: groups.clone(),
            additional: if choice & 3 == 3 {
                AdditionalExchange::ALL.to_vec()
            } else {
                Vec::new()
            },
        },
        encapsulation: Encapsulation::Auto,
        mode: Mode::Tunnel,
        childless: Childless::Auto,
        esp: EspAlgorithms {
            protocol: Protocol::Esp,
            encryption: alloc::vec![encryption],
            integrity: alloc::vec![Integrity::HmacSha256_128],
            groups: if choice & 2 == 0 { Vec::new() } else { groups },
            additional: AdditionalExchange::ALL.to_vec(),
            extended_sequence_numbers: true,
        },
        children: alloc::vec![ChildConfig {
            local: alloc::vec![net(side)],
            remote: alloc::vec![net(1 - side)],
        }],
        ike_lifetime: Duration::from_secs(300),
        child_lifetime: Duration::from_secs(100),
        liveness: (choice & 4 != 0).then_some(Liveness {
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(10),
            restart: true,
        }),
        initiate: side == 0 || choice & 8 != 0,
    }
}

impl Table {
    /// Two endpoints, and as much of a handshake as the choice says.
    fn new(choice: u8) -> Self {
        let seeds = [0x1234_5678_9abc_def1, 0xfedc_ba98_7654_3211];
        Self::of(choice, seeds, |side| config(side, choice))
    }

    /// The same with these for the ends' randomness, and these configurations.
    fn of(choice: u8, seeds: [u64; 2], config: impl Fn(usize) -> ConnectionConfig) -> Self {
        let limits = EndpointConfig {
            cookie_threshold: if choice & 16 == 0 { 8 } else { 0 },
            half_open_limit: 16,
            ..EndpointConfig::default()
        };
        let end = |seed| {
            let mut end = Endpoint::new(Instant::ZERO, limits, Box::new(Sequence(seed)));
            end.record(RECORDED, RECORDED);
            end
        };
        let mut table = Self {
            now: Instant::ZERO,
            ends: seeds.map(end),
            wake: [None; 2],
            children: [Vec::new(), Vec::new()],
            wire: Vec::new(),
        };
        for side in [1, 0] {
            table.command(
                side,
                Command::SetConnection(CONNECTION, Box::new(config(side))),
            );
        }
        for _ in 0..choice >> 5 {
            for side in [0, 1] {
                table.pass(side, |_| {});
            }
        }
        table
    }

    fn end(&mut self, side: usize) -> &mut Endpoint {
        let [first, second] = &mut self.ends;
        if side == 0 { first } else { second }
    }

    fn command(&mut self, side: usize, command: Command) {
        let now = self.now;
        self.end(side).handle_command(now, command);
        self.drain(side);
    }

    fn drain(&mut self, side: usize) {
        loop {
            match self.end(side).poll_output() {
                Polled::Idle(deadline) => {
                    if let Some(wake) = self.wake.get_mut(side) {
                        *wake = deadline.map(|deadline| deadline.at);
                    }
                    return;
                }
                Polled::Output(Output::InstallChild(child)) => {
                    let now = self.now;
                    let installed = Command::ChildInstalled(child.child, true);
                    if let Some(children) = self.children.get_mut(side) {
                        children.push(*child);
                    }
                    self.end(side).handle_command(now, installed);
                }
                Polled::Output(Output::RemoveChild(key)) => {
                    if let Some(children) = self.children.get_mut(side) {
                        children.retain(|child| child.child != key);
                    }
                }
                Polled::Output(Output::Transmit(transmit)) => self.wire.push(Datagram {
                    sender: side,
                    from: SocketAddr::new(transmit.local, transmit.local_port),
                    to: transmit.remote,
                    octets: transmit.octets,
                }),
                Polled::Output(_) => {}
            }
        }
    }

    fn deliver(&mut self, datagram: &Datagram) {
        let (now, to) = (self.now, 1 - datagram.sender);
        let (local, remote) = (datagram.to, datagram.from);
        self.end(to)
            .handle_datagram(now, local, remote, &datagram.octets);
        self.drain(to);
    }

    /// Delivers the oldest datagram of a side, after something was done to it.
    fn pass(&mut self, side: usize, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(index) = self
            .wire
            .iter()
            .position(|datagram| datagram.sender == side)
        {
            let mut datagram = self.wire.remove(index);
            change(&mut datagram.octets);
            self.deliver(&datagram);
        }
    }

    fn made_up(&mut self, side: usize, octets: Vec<u8>) {
        let port = if octets.len() & 1 == 0 { 500 } else { 4500 };
        self.deliver(&Datagram {
            sender: side,
            from: SocketAddr::new(address(side), port),
            to: SocketAddr::new(address(1 - side), port),
            octets,
        });
    }

    fn operate(&mut self, input: &mut Input<'_>) {
        let operation = input.octet();
        let side = usize::from(operation >> 7);
        match operation & 7 {
            0 => self.pass(side, |_| {}),
            1 => {
                let (at, value) = (input.number(), input.octet());
                self.pass(side, |octets| {
                    let len = octets.len().max(1);
                    if let Some(octet) = octets.get_mut(at % len) {
                        *octet ^= value;
                    }
                });
            }
            2 => {
                let octets = input.octets().to_vec();
                self.made_up(side, octets);
            }
            3 | 4 => {
                let (which, exchange) = (input.octet(), exchange(input.octet()));
                // In one, or as a fragment.
                let place = (operation & 0x78 != 0).then(|| FragmentNumber {
                    number: u16::from(input.octet()),
                    total: u16::from(input.octet()),
                });
                let first = PayloadType(input.octet());
                let inner = input.octets();
                let response = operation & 7 == 4;
                let exchange = (exchange, response);
                if let Some(octets) = self.seal(side, which, exchange, place, (first, inner)) {
                    self.made_up(side, octets);
                }
            }
            5 => self.wait(Duration::from_millis(10) * u32::from(input.octet())),
            6 => self.order(side, input.octet()),
            _ => {
                let index = self
                    .wire
                    .iter()
                    .position(|datagram| datagram.sender == side);
                if let Some(index) = index {
                    self.wire.remove(index);
                }
            }
        }
    }

    fn order(&mut self, side: usize, choice: u8) {
        let newest = self.children.get(side).and_then(|children| children.last());
        let newest = newest.map_or(ChildKey(0), |child| child.child);
        let command = match choice % 7 {
            0 | 1 => Command::RekeyChild(newest),
            2 | 3 => Command::RekeyIke(CONNECTION),
            4 => Command::ChildInstalled(newest, false),
            5 => Command::RemoveConnection(CONNECTION),
            _ => Command::SetConnection(CONNECTION, Box::new(config(side, choice))),
        };
        self.command(side, command);
    }

    fn wait(&mut self, duration: Duration) {
        let limit = self.now + duration;
        for _ in 0..1_000 {
            let due = |side: usize| self.wake.get(side).copied().flatten().map(|at| (at, side));
            let next = due(0).into_iter().chain(due(1)).min();
            let Some((at, side)) = next.filter(|(at, _)| *at <= limit) else {
                self.now = limit;
                return;
            };
            self.now = self.now.max(at);
            let now = self.now;
            self.end(side).handle_timeout(now);
            self.drain(side);
        }
        unreachable!("an endpoint asks to be woken again and again");
    }

    /// Seals payloads as `side` would, for the other side's message ID windows. What does not parse
    /// goes in as one malformed payload.
    fn seal(
        &mut self,
        side: usize,
        which: u8,
        (exchange, response): (ExchangeType, bool),
        fragment: Option<FragmentNumber>,
        (first, inner): (PayloadType, &[u8]),
    ) -> Option<Vec<u8>> {
        let payloads = parse_chain(first, inner).unwrap_or_else(|_| {
            alloc::vec![Payload::Unknown {
                kind: first,
                critical: false,
                body: inner,
            }]
        });
        let count = self.end(side).sas.len().max(1);
        let sa = self
            .end(side)
            .sas
            .values()
            .rev()
            .nth(usize::from(which) % count)?;
        let place = sa.place();
        let (key, spi) = (place.key, place.remote_spi);
        let at_peer = |sa: &&IkeSa| sa.link.local_spi == spi;
        let other = self.end(1 - side);
        let there = other.sas.values().filter_map(v2).find(at_peer)?;
        let id = if response {
            there.link.requests.next_id().saturating_sub(1)
        } else {
            there.link.responses.expected()
        };
        let IkeSa { link, state } = self
            .end(side)
            .sas
            .get_mut(key)?
            .as_any_mut()
            .downcast_mut()?;
        let protection = state.protection_mut(false)?;
        let header = link.header(exchange, id, response);
        if let Some(number) = fragment {
            let inner = Inner {
                first,
                octets: inner,
            };
            return Some(protection.seal_fragment(&header, number, inner, &mut Sequence(7)));
        }
        let sealed = protection.seal(&header, &payloads, None, &mut Sequence(7));
        sealed.datagrams.into_iter().next()
    }

    fn check(&self) {
        for (end, children) in self.ends.iter().zip(&self.children) {
            assert!(end.sas.len() <= MAX_SAS, "IKE SAs leak");
            assert!(children.len() <= MAX_CHILDREN, "Child SAs leak");
        }
    }
}

#[cfg(test)]
mod cases;
mod handover;
#[cfg(test)]
mod insider;
#[cfg(test)]
mod reauthentication;
mod recording;
#[cfg(test)]
mod synchronisation;
#[cfg(test)]
mod tests;
