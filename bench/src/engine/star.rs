//! Two endpoints with so many connections between them: a gateway, and all its peers in one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant as Clock;

use adit_ike::{
    ChildKey, Command, ConnectionConfig, ConnectionKey, Endpoint, EndpointConfig, Identity,
    Instant, Output, Polled, Transmit,
};
use adit_sim::{Pair, SeededRandom, Side};

use crate::clock::{median, memory, middle, nanoseconds};

/// The time at which all is done; nothing of it is due before many minutes.
const NOW: Instant = Instant::from_micros(1_000);

const HUB: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 16, 0, 1));

fn peer(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0001 + number))
}

/// An endpoint and what it has installed.
struct End {
    endpoint: Endpoint,
    children: Vec<ChildKey>,
}

impl End {
    fn new(seed: u64) -> Self {
        let random = Box::new(SeededRandom::new(seed));
        let limits = EndpointConfig::default();
        Self {
            endpoint: Endpoint::new(Instant::ZERO, limits, random),
            children: Vec::new(),
        }
    }

    fn command(&mut self, command: Command) -> Vec<Transmit> {
        self.endpoint.handle_command(NOW, command);
        self.drain()
    }

    fn take(&mut self, sent: &Transmit) -> Vec<Transmit> {
        let from = SocketAddr::new(sent.local, sent.local_port);
        self.endpoint
            .handle_datagram(NOW, sent.remote, from, &sent.octets);
        self.drain()
    }

    fn drain(&mut self) -> Vec<Transmit> {
        let mut sent = Vec::new();
        loop {
            match self.endpoint.poll_output() {
                Polled::Output(Output::Transmit(transmit)) => sent.push(transmit),
                Polled::Output(Output::InstallChild(child)) => {
                    self.children.push(child.child);
                    let installed = Command::ChildInstalled(child.child, true);
                    self.endpoint.handle_command(NOW, installed);
                }
                Polled::Output(_) => {}
                Polled::Idle(_) => return sent,
            }
        }
    }
}

fn config(number: u32, at_hub: bool) -> Box<ConnectionConfig> {
    let mut config = Pair::usual(if at_hub { Side::B } else { Side::A });
    let (local, remote) = if at_hub {
        (HUB, peer(number))
    } else {
        (peer(number), HUB)
    };
    config.local = local;
    config.remote = remote;
    config.local_id = Identity::of_address(local);
    config.remote_id = Identity::of_address(remote);
    Box::new(config)
}

/// Carries datagrams to and fro until there are none; the last one that went to the hub.
fn carry(peers: &mut End, hub: &mut End, mut to_hub: Vec<Transmit>) -> Option<Transmit> {
    let mut last = None;
    while !to_hub.is_empty() {
        let mut to_peers = Vec::new();
        for sent in to_hub {
            to_peers.extend(hub.take(&sent));
            last = Some(sent);
        }
        to_hub = Vec::new();
        for sent in to_peers {
            to_hub.extend(peers.take(&sent));
        }
    }
    last
}

/// Has everything that is made once, such as tables of a library, be there already.
fn warm_up() {
    let (mut peers, mut hub) = (End::new(3), End::new(4));
    hub.command(Command::SetConnection(ConnectionKey(0), config(0, true)));
    let first = Command::SetConnection(ConnectionKey(0), config(0, false));
    let first = peers.command(first);
    carry(&mut peers, &mut hub, first);
}

/// Measures an endpoint of so many connections.
pub(crate) fn measure(count: u32, tell: fn(&str, u64)) -> io::Result<()> {
    warm_up();
    let before = memory()?;
    let (mut peers, mut hub) = (End::new(1), End::new(2));
    for number in 0..count {
        let key = ConnectionKey(number.into());
        let mut config = config(number, true);
        config.initiate = false;
        hub.command(Command::SetConnection(key, config));
    }
    let configs: Vec<_> = (0..count).map(|number| config(number, false)).collect();
    let (mut first, mut each) = (Vec::new(), Vec::new());
    let begun = Clock::now();
    for (number, config) in (0..count).zip(configs) {
        let key = ConnectionKey(number.into());
        let begun = Clock::now();
        first.extend(peers.command(Command::SetConnection(key, config)));
        each.push(begun.elapsed());
    }
    tell("configure all", nanoseconds(begun.elapsed()));
    tell("configure, each", middle(each));
    let mut each = Vec::new();
    for sent in first {
        let begun = Clock::now();
        carry(&mut peers, &mut hub, vec![sent]);
        each.push(begun.elapsed());
    }
    tell("bring up, each, both ends", middle(each));
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    if peers.children.len() != wanted || hub.children.len() != wanted {
        return Err(io::Error::other("not all connections came up"));
    }
    let grown = memory()?.saturating_sub(before);
    tell("engine's memory, each", grown / u64::from(count) / 2);
    exchanges(peers, hub, tell)
}

fn exchanges(mut peers: End, mut hub: End, tell: fn(&str, u64)) -> io::Result<()> {
    let tick = median(51, 1_000, || {
        hub.endpoint.handle_timeout(NOW);
        drop(hub.drain());
    });
    tell("idle tick", tick);
    let middle = peers.children.get(peers.children.len() / 2).copied();
    let nothing = || io::Error::other("nothing was sent");
    let mut child = middle.ok_or_else(nothing)?;
    let mut last = None;
    let rekey = median(101, 1, || {
        let sent = peers.command(Command::RekeyChild(child));
        last = carry(&mut peers, &mut hub, sent);
        // The one that was made for it.
        child = peers.children.last().copied().unwrap_or(child);
    });
    tell("rekey of a Child SA, both ends", rekey);
    let repeated = last.ok_or_else(nothing)?;
    let known = median(51, 200, || drop(hub.take(&repeated)));
    tell("datagram with a known SPI", known);
    let mut forged = repeated;
    if let Some(octet) = forged.octets.last_mut() {
        *octet ^= 1;
    }
    let forged = median(51, 200, || drop(hub.take(&forged)));
    tell("forged datagram", forged);
    Ok(())
}
