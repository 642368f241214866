//! Seeded storms: both sides rekey, change and lose their connection at random times, over good and
//! bad networks. Whatever happens, the number of SAs stays bounded, and peace returns.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::exchange::*;
use adit_crypto::Secret;
use adit_ike::config::block;
use adit_ike::{
    Authentication, ChildConfig, Command, ConnectionConfig, EndpointConfig, Event, Instant,
    Liveness,
};
use adit_sim::{Conditions, Pair, SeededRandom, Side};

/// The most IKE SAs one side may hold at any moment of a storm.
const MAX_SAS: usize = 12;

/// The most Child SAs one side's data plane may hold, retired ones included.
const MAX_CHILDREN: usize = 32;

/// How many of the last events are told when a storm ends badly.
const TOLD: usize = 30;

/// What a storm is made of.
#[derive(Clone, Copy, Debug)]
struct Weather {
    seed: u64,
    conditions: Conditions,
    /// Whether connections are changed and removed too, so that packets may get lost.
    changes: bool,
    liveness: bool,
    /// How many pairs of blocks there are, each with a Child SA of its own.
    children: u8,
}

struct Storm {
    weather: Weather,
    pair: Pair,
    random: SeededRandom,
    psk: u64,
}

impl Storm {
    fn new(weather: Weather) -> Self {
        let mut storm = Self {
            weather,
            pair: Pair::new(weather.seed, weather.conditions, EndpointConfig::default()),
            random: SeededRandom::new(weather.seed ^ 0x5709),
            psk: 0,
        };
        for side in SIDES {
            let config = storm.config(side);
            storm.pair.connect(side, config);
        }
        // Both begin at once; one of the two IKE SAs goes before the storm.
        let up = storm.pair.run_until(Duration::from_secs(300), Pair::is_up);
        assert!(up, "{weather:?}");
        storm.pair.run_for(Duration::from_secs(10));
        storm
    }

    fn config(&mut self, side: Side) -> ConnectionConfig {
        let mut config = Pair::usual(side);
        let key = Secret::new(self.psk.to_be_bytes().to_vec());
        config.authentication = Authentication::psk(key);
        config.initiate = true;
        for index in 1..self.weather.children {
            let net = |side| {
                let octets = [10, if side == Side::A { 1 } else { 2 }, index, 0];
                vec![block(IpAddr::from(octets), 24)]
            };
            config.children.push(ChildConfig {
                local: net(side),
                remote: net(side.other()),
            });
        }
        config.ike_lifetime = Duration::from_secs(60 + self.random.below(120));
        config.child_lifetime = Duration::from_secs(30 + self.random.below(60));
        config.liveness = self.weather.liveness.then_some(Liveness {
            interval: Duration::from_secs(4),
            timeout: Duration::from_secs(25),
            restart: true,
        });
        config
    }

    /// Runs for a while and checks after each step what must hold always.
    fn run_for(&mut self, duration: Duration) {
        let limit = self.pair.now + duration;
        let mut steps = 0;
        while self.pair.step(limit) {
            self.check();
            steps += 1;
            assert!(steps < 20_000, "{:?} spins", self.weather);
        }
        self.pair.now = limit;
    }

    fn check(&self) {
        for side in SIDES {
            let node = self.pair.node(side);
            let (sas, children) = (node.endpoint.sa_count(), node.children.len());
            assert!(sas <= MAX_SAS, "{:?}: {sas} IKE SAs", self.weather);
            assert!(
                children <= MAX_CHILDREN,
                "{:?}: {children} Child SAs",
                self.weather
            );
            let is_up = |event: &Event| matches!(event, Event::IkeUp { .. });
            assert!(
                children == 0 || node.events.iter().any(is_up),
                "{:?}: a Child SA before its IKE SA",
                self.weather
            );
        }
        if !self.weather.changes && self.weather.conditions == Conditions::GOOD {
            assert!(
                self.pair.loses_nothing(),
                "{:?} at {:?}: A: {:#?}\nB: {:#?}",
                self.weather,
                self.pair.now,
                self.pair.describe(Side::A),
                self.pair.describe(Side::B),
            );
            let gaps = SIDES.map(|side| self.pair.node(side).gaps);
            assert_eq!((gaps, self.pair.cut), ([0, 0], 0), "{:?}", self.weather);
        }
        if !self.weather.changes && self.weather.conditions == Conditions::GOOD {
            assert!(self.pair.keeps_its_word(), "{:?}", self.weather);
        }
    }

    fn strike(&mut self) {
        let side = if self.random.below(2) == 0 {
            Side::A
        } else {
            Side::B
        };
        let choices = if self.weather.changes { 10 } else { 6 };
        match self.random.below(choices) {
            0..3 => {
                let used = usize::try_from(self.random.below(self.weather.children.into()));
                let mut sent = self.pair.node(side).used();
                if let Some(child) = sent.nth(used.unwrap_or(0)).map(|sent| sent.child.child) {
                    drop(sent);
                    self.pair.command(side, Command::RekeyChild(child));
                }
            }
            3..6 => rekey_ike(&mut self.pair, side),
            6 => delete_ike(&mut self.pair, side),
            7 => {
                delete_ike(&mut self.pair, side);
                let config = self.config(side);
                self.pair.connect(side, config);
            }
            8 => {
                let config = self.config(side);
                self.pair.connect(side, config);
            }
            _ => {
                self.psk += 1;
                for side in [side, side.other()] {
                    let config = self.config(side);
                    self.pair.connect(side, config);
                    let pause = Duration::from_millis(self.random.below(2_000));
                    self.run_for(pause);
                }
            }
        }
        self.check();
    }

    fn rage(&mut self, strikes: usize) {
        for _ in 0..strikes {
            // Mostly close together, so that exchanges cross.
            let pause = match self.random.below(4) {
                0 => Duration::ZERO,
                1 => Duration::from_millis(self.random.below(25)),
                2 => Duration::from_millis(self.random.below(2_000)),
                _ => Duration::from_secs(self.random.below(20)),
            };
            self.run_for(pause);
            self.strike();
        }
    }

    /// Calm: a good network, both sides with the same key and lifetimes that don't end meanwhile.
    fn calm(&mut self) {
        self.pair.conditions = Conditions::GOOD;
        for side in SIDES {
            let mut config = self.config(side);
            config.ike_lifetime = Duration::from_secs(14_400);
            config.child_lifetime = Duration::from_secs(3_600);
            self.pair.connect(side, config);
        }
        self.run_for(Duration::from_secs(400));
        self.await_rest();
        let up = self.pair.is_up();
        assert!(up, "{:?}: {}", self.weather, self.story());
        for side in SIDES {
            let node = self.pair.node(side);
            let counts = (node.endpoint.sa_count(), node.children.len());
            assert_eq!(
                counts,
                (1, usize::from(self.weather.children)),
                "{:?} {side:?}: {}",
                self.weather,
                self.story()
            );
        }
        assert_mirrored(&self.pair);
        self.check_events();
    }

    /// What was told adds up to what is there.
    fn check_events(&self) {
        for side in SIDES {
            let node = self.pair.node(side);
            let (mut children, mut ike_up) = (BTreeSet::new(), false);
            for event in &node.events {
                match event {
                    Event::ChildUp { child, .. } => assert!(children.insert(*child)),
                    Event::ChildDown { child, .. } => assert!(children.remove(child)),
                    Event::IkeUp { .. } => ike_up = true,
                    Event::IkeDown(_) => ike_up = false,
                    Event::Connecting(_) | Event::Failed(..) | Event::PartFailed(..) => {}
                }
            }
            assert!(ike_up, "{:?} {side:?}", self.weather);
            let there: BTreeSet<_> = node.children.keys().copied().collect();
            assert_eq!(children, there, "{:?} {side:?}", self.weather);
        }
    }

    /// SAs from the storm kept their short lifetimes; one of their rekeys may just be under way.
    fn await_rest(&mut self) {
        let limit: Instant = self.pair.now + Duration::from_secs(200);
        let expected = (1, usize::from(self.weather.children));
        let at_rest = |pair: &Pair| {
            let single = |side| {
                let node = pair.node(side);
                (node.endpoint.sa_count(), node.children.len()) == expected
            };
            pair.wire.is_empty() && SIDES.into_iter().all(single)
        };
        while !at_rest(&self.pair) && self.pair.step(limit) {
            self.check();
        }
    }

    fn story(&self) -> String {
        let tail = |side| {
            let events = &self.pair.node(side).events;
            let lines = events
                .iter()
                .rev()
                .take(TOLD)
                .rev()
                .map(|event| match event {
                    Event::ChildUp {
                        child, replaces, ..
                    } => format!("up {child:?} for {replaces:?}"),
                    Event::ChildDown { child, .. } => format!("down {child:?}"),
                    other => format!("{other:?}"),
                });
            lines.collect::<Vec<_>>()
        };
        format!(
            "A: {:#?} {:#?}\nB: {:#?} {:#?}",
            self.pair.describe(Side::A),
            tail(Side::A),
            self.pair.describe(Side::B),
            tail(Side::B)
        )
    }
}

/// `ADIT_STORMS` sets how many storms of each kind there are.
fn storms(first: u64, weather: impl Fn(u64) -> Weather) {
    let count = std::env::var("ADIT_STORMS").ok();
    let count = count.and_then(|count| count.parse().ok()).unwrap_or(120);
    for seed in first..first + count {
        let mut storm = Storm::new(weather(seed));
        storm.rage(40);
        storm.calm();
    }
}

#[test]
fn rekeys_on_a_good_network_never_lose_a_packet() {
    storms(0, |seed| Weather {
        seed,
        conditions: Conditions::GOOD,
        changes: false,
        liveness: seed % 2 == 0,
        children: 1 + (seed % 3) as u8,
    });
}

#[test]
fn rekeys_on_a_bad_network_end_well() {
    storms(1_000_000, |seed| Weather {
        seed,
        conditions: Conditions::BAD,
        changes: false,
        liveness: seed % 2 == 0,
        children: 1 + (seed % 3) as u8,
    });
}

#[test]
fn changes_on_a_good_network_end_well() {
    storms(2_000_000, |seed| Weather {
        seed,
        conditions: Conditions::GOOD,
        changes: true,
        liveness: seed % 2 == 0,
        children: 1 + (seed % 3) as u8,
    });
}

#[test]
fn changes_on_a_bad_network_end_well() {
    storms(3_000_000, |seed| Weather {
        seed,
        conditions: Conditions::BAD,
        changes: true,
        liveness: seed % 2 == 0,
        children: 1 + (seed % 3) as u8,
    });
}
