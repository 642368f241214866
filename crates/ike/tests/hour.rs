//! An hour of many tunnels between one gateway and its peers, each rekeyed every minute, on a network that loses
//! and reorders. No tunnel is ever without an SA to send on, and no packet comes for one that is gone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use adit_ike::config::block;
use adit_ike::{
    ChildConfig, ChildKey, Command, ConnectionConfig, ConnectionKey, Endpoint, EndpointConfig,
    Event, Identity, InstallChild, Instant, Liveness, Output, Polled,
};
use adit_sim::{Conditions, Pair, SeededRandom, Side};

/// Five of a hundred datagrams are lost, and they overtake each other.
const NETWORK: Conditions = Conditions {
    latency: Duration::from_millis(10),
    jitter: Duration::from_millis(30),
    loss: 50,
    duplication: 10,
};

const HUB: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

fn address(peer: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(
        0x0a00_0000 + u32::try_from(peer).unwrap(),
    ))
}

/// A Child SA as a data plane has it.
#[derive(Clone, Copy)]
struct Sa {
    inbound: u32,
    outbound: u32,
    sends: bool,
}

/// One end of a tunnel.
#[derive(Default)]
struct Half {
    sas: BTreeMap<ChildKey, Sa>,
    /// What it sends on, all the time.
    used: Option<u32>,
    /// What it sent on last, each with when it ended.
    before: Vec<(u32, Instant)>,
}

impl Half {
    fn receives(&self, spi: u32) -> bool {
        self.sas.values().any(|sa| sa.inbound == spi)
    }

    /// Sends on the newest from now on; whether it has none any more.
    fn choose(&mut self, now: Instant) -> bool {
        let newest = self.sas.values().rev().find(|sa| sa.sends);
        let used = newest.map(|sa| sa.outbound);
        if let Some(spi) = self.used.filter(|spi| used != Some(*spi)) {
            self.before.push((spi, now));
            let old = self.before.len().saturating_sub(8);
            self.before.drain(..old);
        }
        let is_gap = self.used.is_some() && used.is_none();
        self.used = used;
        is_gap
    }

    /// Whether a packet sent on this may still be on its way.
    fn may_come(&self, spi: u32, now: Instant) -> bool {
        let slowest = NETWORK.latency + NETWORK.jitter;
        let ended = self.before.iter().find(|(old, _)| *old == spi);
        self.used == Some(spi) || ended.is_some_and(|(_, at)| now - *at < slowest)
    }
}

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Losses {
    /// An end had nothing to send on any more.
    gaps: usize,
    /// An SA went while packets on it were on their way.
    cut: usize,
    /// An end went over to what the other does not have.
    early: usize,
}

struct Datagram {
    to: usize,
    at: SocketAddr,
    from: SocketAddr,
    octets: Vec<u8>,
}

struct Star {
    now: Instant,
    random: SeededRandom,
    /// The hub, then its peers.
    ends: Vec<Endpoint>,
    due: Vec<Option<Instant>>,
    /// The hub's half and the peer's of each tunnel, by the peer's number.
    tunnels: Vec<[Half; 2]>,
    of_child: HashMap<ChildKey, usize>,
    /// What happens when: an arrival, or a deadline of an end.
    agenda: BinaryHeap<Reverse<(Instant, u64, Option<usize>)>>,
    wire: HashMap<u64, Datagram>,
    sent: u64,
    installed: usize,
    ike_rekeys: usize,
    losses: Losses,
}

impl Star {
    fn new(seed: u64, peers: usize) -> Self {
        let limits = EndpointConfig {
            cookie_threshold: peers * 2,
            half_open_limit: peers * 2,
            ..EndpointConfig::default()
        };
        let end = |n: usize| {
            let seed = seed.wrapping_mul(1_000_003) ^ u64::try_from(n).unwrap();
            Endpoint::new(Instant::ZERO, limits, Box::new(SeededRandom::new(seed)))
        };
        let mut star = Self {
            now: Instant::ZERO,
            random: SeededRandom::new(seed),
            ends: (0..=peers).map(end).collect(),
            due: vec![None; peers + 1],
            tunnels: (0..=peers).map(|_| Default::default()).collect(),
            of_child: HashMap::new(),
            agenda: BinaryHeap::new(),
            wire: HashMap::new(),
            sent: 0,
            installed: 0,
            ike_rekeys: 0,
            losses: Losses::default(),
        };
        for peer in 1..=peers {
            for (end, is_hub) in [(0, true), (peer, false)] {
                let config = star.config(peer, is_hub);
                let key = ConnectionKey(u128::try_from(peer).unwrap());
                let command = Command::SetConnection(key, Box::new(config));
                star.ends[end].handle_command(Instant::ZERO, command);
                star.drain(end);
            }
        }
        star
    }

    /// Every minute or so a Child SA is rekeyed, every five the IKE SA, by either end.
    fn config(&mut self, peer: usize, is_hub: bool) -> ConnectionConfig {
        let side = if is_hub { Side::A } else { Side::B };
        let ends = [HUB, address(peer)];
        let [local, remote] = if is_hub { ends } else { [ends[1], ends[0]] };
        let block = |at: IpAddr| {
            let inner = if at == HUB {
                IpAddr::from([10, 255, 0, 0])
            } else {
                at
            };
            vec![block(inner, if at == HUB { 16 } else { 32 })]
        };
        ConnectionConfig {
            local,
            remote,
            local_id: Identity::of_address(local),
            remote_id: Identity::of_address(remote),
            children: vec![ChildConfig {
                local: block(local),
                remote: block(remote),
            }],
            child_lifetime: Duration::from_secs(70 + self.random.below(10)),
            ike_lifetime: Duration::from_secs(330 + self.random.below(60)),
            liveness: Some(Liveness {
                interval: Duration::from_secs(30),
                timeout: Duration::from_secs(120),
                restart: true,
            }),
            initiate: is_hub,
            ..Pair::usual(side)
        }
    }

    fn drain(&mut self, end: usize) {
        loop {
            match self.ends[end].poll_output() {
                Polled::Output(output) => self.act(end, output),
                Polled::Idle(deadline) => {
                    let at = deadline.map(|deadline| deadline.at);
                    if let Some(at) = at.filter(|_| self.due[end] != at) {
                        self.agenda.push(Reverse((at, 0, Some(end))));
                    }
                    self.due[end] = at;
                    return;
                }
            }
        }
    }

    fn act(&mut self, end: usize, output: Output) {
        match output {
            Output::Transmit(transmit) => {
                let from = SocketAddr::new(transmit.local, transmit.local_port);
                self.send(from, transmit.remote, &transmit.octets);
            }
            Output::InstallChild(child) => self.install(end, &child),
            Output::ActivateOutbound(key) => self.change(end, key, |half| {
                half.sas.entry(key).and_modify(|sa| sa.sends = true);
            }),
            Output::RetireChild(key) => self.change(end, key, |half| {
                half.sas.entry(key).and_modify(|sa| sa.sends = false);
            }),
            Output::RemoveChild(key) => {
                self.change(end, key, |half| {
                    half.sas.remove(&key);
                });
                if end == 0 {
                    self.of_child.remove(&key);
                }
            }
            Output::Event(Event::IkeUp { rekeyed: true, .. }) => self.ike_rekeys += 1,
            Output::Event(_) | Output::ExpectChild(_) | Output::MoveChild(..) => {}
        }
    }

    fn send(&mut self, from: SocketAddr, at: SocketAddr, octets: &[u8]) {
        let copies = if self.random.below(1000) < NETWORK.loss {
            0
        } else {
            1 + u32::from(self.random.below(1000) < NETWORK.duplication)
        };
        let to = match at.ip() {
            HUB => 0,
            IpAddr::V4(peer) => usize::try_from(peer.to_bits() - 0x0a00_0000).unwrap(),
            IpAddr::V6(_) => unreachable!("peers have IPv4 addresses"),
        };
        for _ in 0..copies {
            let jitter = u64::try_from(NETWORK.jitter.as_micros()).unwrap();
            let extra = Duration::from_micros(self.random.below(jitter));
            self.sent += 1;
            let arrives = self.now + NETWORK.latency + extra;
            self.agenda.push(Reverse((arrives, self.sent, None)));
            let octets = octets.to_vec();
            let datagram = Datagram {
                to,
                at,
                from,
                octets,
            };
            self.wire.insert(self.sent, datagram);
        }
    }

    fn install(&mut self, end: usize, child: &InstallChild) {
        let key = child.child;
        let tunnel = usize::try_from(child.connection.0).unwrap();
        if end == 0 {
            self.of_child.insert(key, tunnel);
        }
        self.installed += 1;
        let sa = Sa {
            inbound: child.inbound.spi,
            outbound: child.outbound.spi,
            sends: child.outbound_active,
        };
        self.change(end, key, |half| {
            half.sas.insert(key, sa);
        });
        let installed = Command::ChildInstalled(key, true);
        self.ends[end].handle_command(self.now, installed);
    }

    /// Changes one half of a tunnel, and looks what that does to packets.
    fn change(&mut self, end: usize, key: ChildKey, change: impl FnOnce(&mut Half)) {
        let now = self.now;
        let tunnel = if end == 0 { self.of_child[&key] } else { end };
        let [hub, peer] = &mut self.tunnels[tunnel];
        let (half, other) = if end == 0 { (hub, peer) } else { (peer, hub) };
        let gone = half.sas.get(&key).map(|sa| sa.inbound);
        let used = half.used;
        change(half);
        self.losses.gaps += usize::from(half.choose(now));
        let gone = gone.filter(|spi| !half.receives(*spi));
        let is_cut = gone.is_some_and(|spi| other.may_come(spi, now));
        self.losses.cut += usize::from(is_cut);
        // With nothing before it there is nothing better to send on.
        let begun = half
            .used
            .filter(|spi| used.is_some_and(|used| used != *spi));
        let is_early = begun.is_some_and(|spi| !other.receives(spi));
        self.losses.early += usize::from(is_early);
    }

    fn run_for(&mut self, duration: Duration) {
        let limit = self.now + duration;
        while let Some(Reverse((at, number, end))) = self.agenda.pop() {
            if at > limit {
                self.agenda.push(Reverse((at, number, end)));
                break;
            }
            self.now = self.now.max(at);
            let now = self.now;
            let end = match end {
                Some(end) if self.due[end] == Some(at) => {
                    self.due[end] = None;
                    self.ends[end].handle_timeout(now);
                    end
                }
                Some(_) => continue,
                None => {
                    let Some(datagram) = self.wire.remove(&number) else {
                        continue;
                    };
                    let Datagram {
                        to,
                        at,
                        from,
                        octets,
                    } = datagram;
                    self.ends[to].handle_datagram(now, at, from, &octets);
                    to
                }
            };
            self.drain(end);
        }
        self.now = limit;
    }

    /// The tunnels whose ends don't each send on what the other receives on.
    fn in_disagreement(&self) -> Vec<usize> {
        let sends = |half: &Half, other: &Half| half.used.is_some_and(|spi| other.receives(spi));
        let tunnels = self.tunnels.iter().enumerate().skip(1);
        let bad = tunnels.filter(|(_, [hub, peer])| !(sends(hub, peer) && sends(peer, hub)));
        bad.map(|(number, _)| number).collect()
    }
}

/// Runs it; each tunnel has had about as many rekeys as minutes.
#[expect(clippy::print_stdout, reason = "how many there were is to be seen")]
fn hour(seed: u64, tunnels: usize, minutes: u64) {
    let mut star = Star::new(seed, tunnels);
    star.run_for(Duration::from_secs(60));
    assert_eq!(star.in_disagreement(), [0; 0], "seed {seed}: not up");
    for minute in 0..minutes {
        star.run_for(Duration::from_secs(60));
        assert_eq!(
            star.in_disagreement(),
            [0; 0],
            "seed {seed}, minute {minute}"
        );
        assert_eq!(
            star.losses,
            Losses::default(),
            "seed {seed}, minute {minute}"
        );
    }
    let wanted = tunnels * usize::try_from(minutes).unwrap();
    // Each is installed at both ends.
    let rekeys = star.installed / 2 - tunnels;
    assert!(rekeys >= wanted * 8 / 10, "{rekeys} of {wanted}");
    let ike = star.ike_rekeys / 2;
    println!(
        "seed {seed}: {tunnels} tunnels, {minutes} minutes, {rekeys} rekeys of Child SAs, {ike} of IKE SAs"
    );
}

#[test]
fn a_few_minutes_of_fifty_tunnels() {
    for seed in 1..=3 {
        hour(seed, 50, 6);
    }
}

/// `ADIT_SEEDS` is how many, from 1 on.
#[test]
#[ignore = "an hour of two thousand tunnels: make soak"]
fn an_hour_of_two_thousand_tunnels() {
    let seeds = std::env::var("ADIT_SEEDS").map_or(1, |seeds| seeds.parse().unwrap());
    for seed in 1..=seeds {
        hour(seed, 2000, 60);
    }
}
