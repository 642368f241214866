//! The contract of `Endpoint`, played with two of them: *mutate once, then drain*.
//!
//! `cargo run -p adit-ike --example two_peers` brings a tunnel up between two endpoints, replaces its
//! Child SA, and takes it down, without a socket, a clock or a thread. What a caller owes an endpoint
//! is all in [`Peer`].

#![expect(clippy::print_stdout, reason = "it shows what happens")]

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use adit_crypto::{Encryption, Group, Integrity, Prf, Secret, SystemRandom};
use adit_ike::Versions;
use adit_ike::config::block;
use adit_ike::{
    Authentication, ChildConfig, ChildKey, Childless, Command, ConnectionConfig, ConnectionKey,
    Deadline, Encapsulation, Endpoint, EndpointConfig, EspAlgorithms, Event, Identity,
    IkeAlgorithms, InstallChild, Instant, Mode, Output, Polled, Protocol, Transmit,
};

/// The caller chooses how connections are called.
const CONNECTION: ConnectionKey = ConnectionKey(1);

/// Behind the first endpoint is 10.1.0.0/16, behind the second 10.2.0.0/16.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];

/// An endpoint, and what its caller holds for it.
struct Peer {
    name: &'static str,
    endpoint: Endpoint,
    /// What a data plane would have.
    children: BTreeMap<ChildKey, InstallChild>,
    /// When the endpoint wants to be called though nothing comes in.
    deadline: Option<Deadline>,
}

impl Peer {
    fn new(name: &'static str) -> Self {
        let random = Box::new(SystemRandom);
        Self {
            name,
            endpoint: Endpoint::new(Instant::ZERO, EndpointConfig::default(), random),
            children: BTreeMap::new(),
            deadline: None,
        }
    }

    /// The second half of the contract: after each call, all that the endpoint wants is done, until it
    /// says when to come again.
    fn drain(&mut self, now: Instant, wire: &mut VecDeque<Transmit>) {
        loop {
            match self.endpoint.poll_output() {
                Polled::Idle(deadline) => {
                    self.deadline = deadline;
                    return;
                }
                Polled::Output(Output::Transmit(datagram)) => wire.push_back(datagram),
                Polled::Output(Output::InstallChild(child)) => {
                    let key = child.child;
                    self.children.insert(key, *child);
                    // Each installation is acknowledged; that, too, is a call, and this loop its drain.
                    let installed = Command::ChildInstalled(key, true);
                    self.endpoint.handle_command(now, installed);
                }
                Polled::Output(Output::RemoveChild(key)) => {
                    self.children.remove(&key);
                }
                Polled::Output(Output::Event(event)) => self.tell(&event),
                // A data plane keeps what comes early, begins to send, stops sending, or sends elsewhere.
                Polled::Output(
                    Output::ActivateOutbound(_)
                    | Output::ExpectChild(_)
                    | Output::MoveChild(..)
                    | Output::RetireChild(_),
                ) => {}
            }
        }
    }

    fn tell(&self, event: &Event) {
        match event {
            Event::IkeUp { suite, .. } => println!("{}: IKE SA is up: {suite}", self.name),
            Event::ChildUp { spis, suite, .. } => {
                println!("{}: Child SA is up: {suite}, SPIs {spis:08x?}", self.name);
            }
            other => println!("{}: {other:?}", self.name),
        }
    }
}

/// Both, and what is between them.
struct Network {
    now: Instant,
    peers: [Peer; 2],
    wire: VecDeque<Transmit>,
}

impl Network {
    /// The first half of the contract: one call that changes something, at a time that is an argument.
    fn call(&mut self, side: usize, call: impl FnOnce(&mut Endpoint, Instant)) {
        if let Some(peer) = self.peers.get_mut(side) {
            call(&mut peer.endpoint, self.now);
            peer.drain(self.now, &mut self.wire);
        }
    }

    /// Delivers what is on the wire, and what comes of it.
    fn deliver(&mut self) {
        while let Some(datagram) = self.wire.pop_front() {
            let side = usize::from(datagram.remote.ip() == IpAddr::V4(ADDRESSES[1]));
            let from = SocketAddr::new(datagram.local, datagram.local_port);
            self.call(side, |endpoint, now| {
                endpoint.handle_datagram(now, datagram.remote, from, &datagram.octets);
            });
        }
    }

    /// Lets time pass: calls whoever is due.
    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let due = |(side, peer): (usize, &Peer)| Some((peer.deadline?.at, side));
            let next = self.peers.iter().enumerate().filter_map(due).min();
            let Some((at, side)) = next.filter(|(at, _)| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = at;
            self.call(side, Endpoint::handle_timeout);
            self.deliver();
        }
    }
}

fn config(side: usize) -> ConnectionConfig {
    let [first, second] = ADDRESSES;
    let behind = |number| vec![block(IpAddr::from([10, number, 0, 0]), 16)];
    let (local, remote, here, there) = match side {
        0 => (first, second, 1, 2),
        _ => (second, first, 2, 1),
    };
    ConnectionConfig {
        versions: Versions::V2,
        local: local.into(),
        remote: remote.into(),
        local_id: Identity::of_address(local.into()),
        remote_id: Identity::of_address(remote.into()),
        authentication: Authentication::psk(Secret::new(b"correct horse battery staple".to_vec())),
        ike: IkeAlgorithms {
            encryption: vec![Encryption::AesGcm256],
            integrity: Vec::new(),
            prf: vec![Prf::HmacSha256],
            groups: vec![Group::Curve25519],
            additional: Vec::new(),
        },
        encapsulation: Encapsulation::Auto,
        mode: Mode::Tunnel,
        childless: Childless::Auto,
        esp: EspAlgorithms {
            protocol: Protocol::Esp,
            encryption: vec![Encryption::AesCbc128],
            integrity: vec![Integrity::HmacSha256_128],
            groups: Vec::new(),
            additional: Vec::new(),
            extended_sequence_numbers: true,
        },
        children: vec![ChildConfig {
            local: behind(here),
            remote: behind(there),
        }],
        ike_lifetime: Duration::from_secs(14_400),
        child_lifetime: Duration::from_secs(3_600),
        liveness: None,
        initiate: side == 0,
    }
}

/// Plays it all.
pub(crate) fn main() {
    let mut network = Network {
        now: Instant::ZERO,
        peers: [Peer::new("west"), Peer::new("east")],
        wire: VecDeque::new(),
    };
    // Who waits first, so that who begins finds it there.
    for side in [1, 0] {
        network.call(side, |endpoint, now| {
            let wanted = Command::SetConnection(CONNECTION, Box::new(config(side)));
            endpoint.handle_command(now, wanted);
        });
    }
    network.deliver();
    network.wait(Duration::from_secs(1));
    let [west, east] = &network.peers;
    let (made, there) = (west.children.keys().next(), east.children.len());
    assert_eq!((made.is_some(), there), (true, 1), "it is up at both ends");
    if let Some(child) = made.copied() {
        println!("-- west replaces its Child SA");
        network.call(0, |endpoint, now| {
            endpoint.handle_command(now, Command::RekeyChild(child));
        });
        network.deliver();
    }
    // What was replaced still receives for a while.
    network.wait(Duration::from_secs(60));
    println!("-- west takes it down");
    network.call(0, |endpoint, now| {
        endpoint.handle_command(now, Command::RemoveConnection(CONNECTION));
    });
    network.deliver();
    network.wait(Duration::from_secs(10));
    let left: usize = network.peers.iter().map(|peer| peer.children.len()).sum();
    assert_eq!(left, 0, "nothing is left of it");
}
