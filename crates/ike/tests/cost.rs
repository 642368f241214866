//! What input costs: that of strangers nothing but its own parsing, that of one peer nothing for the
//! others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use adit_ike::{
    ChildKey, Command, ConnectionKey, Endpoint, EndpointConfig, Identity, Instant, Output, Polled,
    Transmit,
};
use adit_sim::{Pair, SeededRandom, Side};

const PEERS: u32 = 50;
const NOW: Instant = Instant::from_micros(1_000);
const HUB: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 255, 0, 1));

fn peer(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0001 + number))
}

/// A gateway, and the peers of its connections.
struct Star {
    hub: Endpoint,
    peers: Vec<Endpoint>,
    children: Vec<ChildKey>,
}

fn drain(endpoint: &mut Endpoint, children: &mut Vec<ChildKey>) -> Vec<Transmit> {
    let mut sent = Vec::new();
    loop {
        match endpoint.poll_output() {
            Polled::Output(Output::Transmit(transmit)) => sent.push(transmit),
            Polled::Output(Output::InstallChild(child)) => {
                children.push(child.child);
                let installed = Command::ChildInstalled(child.child, true);
                endpoint.handle_command(NOW, installed);
            }
            Polled::Output(_) => {}
            Polled::Idle(_) => return sent,
        }
    }
}

fn deliver(to: &mut Endpoint, sent: &Transmit) {
    let from = SocketAddr::new(sent.local, sent.local_port);
    to.handle_datagram(NOW, sent.remote, from, &sent.octets);
}

impl Star {
    fn new() -> Self {
        let limits = EndpointConfig {
            cookie_threshold: 1_000,
            half_open_limit: 1_000,
            ..EndpointConfig::default()
        };
        let endpoint =
            |seed| Endpoint::new(Instant::ZERO, limits, Box::new(SeededRandom::new(seed)));
        let mut star = Self {
            hub: endpoint(1),
            peers: Vec::new(),
            children: Vec::new(),
        };
        for number in 0..PEERS {
            let mut config = Pair::usual(Side::B);
            config.initiate = false;
            config.local = HUB;
            config.remote = peer(number);
            config.local_id = Identity::of_address(HUB);
            config.remote_id = Identity::of_address(peer(number));
            let key = ConnectionKey(number.into());
            let at_hub = Command::SetConnection(key, Box::new(config.clone()));
            star.hub.handle_command(NOW, at_hub);
            config.initiate = true;
            std::mem::swap(&mut config.local, &mut config.remote);
            std::mem::swap(&mut config.local_id, &mut config.remote_id);
            let child = &mut config.children[0];
            std::mem::swap(&mut child.local, &mut child.remote);
            let mut one = endpoint(100 + u64::from(number));
            let at_peer = Command::SetConnection(key, Box::new(config));
            one.handle_command(NOW, at_peer);
            star.peers.push(one);
        }
        for number in 0..star.peers.len() {
            for _ in 0..3 {
                star.exchange(number);
            }
        }
        assert_eq!(star.children.len(), star.peers.len());
        star
    }

    fn exchange(&mut self, number: usize) {
        let one = &mut self.peers[number];
        for sent in drain(one, &mut Vec::new()) {
            deliver(&mut self.hub, &sent);
        }
        for sent in drain(&mut self.hub, &mut self.children) {
            deliver(one, &sent);
        }
    }

    /// How many connections were looked at for this.
    fn cost(&mut self, act: impl FnOnce(&mut Self)) -> u64 {
        let before = self.hub.statistics().maintained;
        act(self);
        drain(&mut self.hub, &mut self.children);
        self.hub.statistics().maintained - before
    }
}

#[test]
fn what_is_not_authentic_has_no_connection_looked_at() {
    let mut star = Star::new();
    let key = ConnectionKey(0);
    star.peers[0].handle_command(NOW, Command::RekeyIke(key));
    let real = drain(&mut star.peers[0], &mut Vec::new()).remove(0);
    let mut forged = real.clone();
    *forged.octets.last_mut().unwrap() ^= 1;
    let mut unknown = real.clone();
    unknown.octets[8..16].copy_from_slice(&[7; 8]);
    unknown.octets[..8].copy_from_slice(&[7; 8]);
    let mut short = real.clone();
    short.octets.truncate(30);
    for bad in [forged, unknown, short] {
        let cost = star.cost(|star| {
            for _ in 0..10 {
                deliver(&mut star.hub, &bad);
            }
        });
        assert_eq!(cost, 0);
    }
    let good = star.cost(|star| deliver(&mut star.hub, &real));
    assert!((1..=2).contains(&good), "{good}");
}

#[test]
fn a_first_message_has_no_connection_looked_at() {
    let mut star = Star::new();
    let mut config = Pair::usual(Side::A);
    config.local = peer(0);
    config.remote = HUB;
    let limits = EndpointConfig::default();
    let random = Box::new(SeededRandom::new(7));
    let mut stranger = Endpoint::new(Instant::ZERO, limits, random);
    let begin = Command::SetConnection(ConnectionKey(1), Box::new(config));
    stranger.handle_command(NOW, begin);
    let first = drain(&mut stranger, &mut Vec::new()).remove(0);
    for local in [peer(0), peer(PEERS + 1)] {
        let mut first = first.clone();
        first.local = local;
        let cost = star.cost(|star| {
            for _ in 0..20 {
                first.octets[0] = first.octets[0].wrapping_add(1);
                deliver(&mut star.hub, &first);
            }
        });
        assert_eq!(cost, 0);
    }
}

#[test]
fn a_command_for_one_connection_has_no_other_looked_at() {
    let mut star = Star::new();
    let children = star.children.clone();
    let count = children.len() as u64;
    let cost = star.cost(|star| {
        for child in children {
            star.hub.handle_command(NOW, Command::ChildHeard(child));
        }
    });
    assert!(cost <= count, "{cost}");
    let cost = star.cost(|star| star.hub.handle_timeout(NOW));
    assert_eq!(cost, 0, "nothing is due");
    let gone = Command::RemoveConnection(ConnectionKey(3));
    let cost = star.cost(|star| star.hub.handle_command(NOW, gone));
    assert!(cost <= 1, "{cost}");
}
