//! Whatever happened to a connection can happen again.

use std::sync::Arc;
use std::time::Duration;

use adit_crypto::{AdditionalExchange, EnvelopeKey, Secret};
use adit_ike::config::block;
use adit_ike::{
    Authentication, ChildConfig, Command, ConnectionConfig, ConnectionKey, EndpointConfig, Event,
    Liveness, Ppk, Recording, RecordingError, ReplayError, Replayed, Versions,
};
use adit_sim::{Conditions, Pair, SeededRandom, Side};
use proptest::prelude::*;

use crate::exchange::*;

/// More than any of these lives takes.
const ENOUGH: usize = 1 << 24;

/// Something that happens in a life.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Some milliseconds pass.
    Wait(u16),
    /// What is on the way from there is lost.
    Lose(Side),
    RekeyChild(Side),
    RekeyIke(Side),
    /// The data plane lost the Child SA.
    DeleteChild(Side),
    /// Packets came.
    Heard(Side),
    /// Other blocks are wanted.
    Blocks(Side, u8),
    /// Another identity is wanted, which is another tunnel.
    Identity(Side, u8),
    /// The connection goes, and comes back.
    Again(Side),
    /// Somebody sends what was sent before, or something like it.
    Stranger(Side, u8),
    Traffic(Side),
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::A), Just(Side::B)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..60_u16).prop_map(Step::Wait),
        3 => (0..30_000_u16).prop_map(Step::Wait),
        2 => side().prop_map(Step::Lose),
        3 => side().prop_map(Step::RekeyChild),
        3 => side().prop_map(Step::RekeyIke),
        1 => side().prop_map(Step::DeleteChild),
        2 => side().prop_map(Step::Heard),
        1 => (side(), 0..3_u8).prop_map(|(side, last)| Step::Blocks(side, last)),
        1 => (side(), 0..2_u8).prop_map(|(side, last)| Step::Identity(side, last)),
        1 => side().prop_map(Step::Again),
        2 => (side(), any::<u8>()).prop_map(|(side, change)| Step::Stranger(side, change)),
        1 => side().prop_map(Step::Traffic),
    ];
    prop::collection::vec(step, 1..40)
}

/// A life whose ends are recorded, each with so many octets.
struct Life {
    pair: Pair,
    configs: [ConnectionConfig; 2],
}

impl Life {
    fn new(
        seed: u64,
        conditions: Conditions,
        octets: usize,
        change: impl Fn(&mut ConnectionConfig),
    ) -> Self {
        let configs = SIDES.map(|side| {
            let mut config = Pair::usual(side);
            config.liveness = Some(Liveness {
                interval: Duration::from_secs(5),
                timeout: Duration::from_secs(20),
                restart: true,
            });
            config.initiate = true;
            change(&mut config);
            config
        });
        let mut pair = Pair::new(seed, conditions, EndpointConfig::default());
        pair.said = Some(Vec::new());
        for side in SIDES {
            pair.node_mut(side).endpoint.record(octets, ENOUGH);
        }
        let mut life = Self { pair, configs };
        for side in SIDES {
            life.connect(side);
        }
        life
    }

    fn config(&mut self, side: Side) -> &mut ConnectionConfig {
        let [a, b] = &mut self.configs;
        if side == Side::A { a } else { b }
    }

    fn connect(&mut self, side: Side) {
        let config = self.config(side).clone();
        self.pair.connect(side, config);
    }

    fn newest(&self, side: Side) -> Option<adit_ike::ChildKey> {
        let newest = self.pair.node(side).sending().next_back();
        newest.map(|sent| sent.child.child)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Wait(millis) => self.pair.run_for(Duration::from_millis(millis.into())),
            Step::Lose(side) => while self.pair.take_from(side).is_some() {},
            Step::RekeyChild(side) => {
                if let Some(child) = self.newest(side) {
                    self.pair.command(side, Command::RekeyChild(child));
                }
            }
            Step::RekeyIke(side) => rekey_ike(&mut self.pair, side),
            Step::DeleteChild(side) => {
                if let Some(child) = self.newest(side) {
                    self.pair
                        .command(side, Command::ChildInstalled(child, false));
                }
            }
            Step::Heard(side) => {
                if let Some(child) = self.newest(side) {
                    // Several times in a row are one entry.
                    for _ in 0..4 {
                        self.pair.command(side, Command::ChildHeard(child));
                        self.pair.now = self.pair.now + Duration::from_millis(1);
                    }
                    let elsewhere = (side.other().address(), 4501).into();
                    let heard = Command::ChildHeardFrom(child, elsewhere);
                    self.pair.command(side, heard);
                }
            }
            Step::Blocks(side, last) => {
                let config = self.config(side);
                config.children.truncate(1);
                config.children.extend((0..last).map(|third| ChildConfig {
                    local: vec![block([10, 8, third, 0].into(), 24)],
                    remote: vec![block([10, 9, third, 0].into(), 24)],
                }));
                self.connect(side);
            }
            Step::Identity(side, last) => {
                self.config(side).local_id.data = vec![192, 0, 2, last];
                self.connect(side);
            }
            Step::Again(side) => {
                delete_ike(&mut self.pair, side);
                self.connect(side);
            }
            Step::Stranger(side, change) => {
                let said = self.pair.said.as_ref().unwrap();
                let of_peer = said.iter().filter(|(from, _)| *from != side);
                let of_peer: Vec<_> = of_peer.collect();
                let index = usize::from(change) * of_peer.len() / 256;
                let Some((_, octets)) = of_peer.get(index) else {
                    return;
                };
                let mut octets = octets.clone();
                if change & 1 != 0 {
                    let at = usize::from(change) % octets.len();
                    octets[at] ^= change;
                }
                let (from, to) = (side.other().address(), side.address());
                let datagram = adit_sim::Datagram {
                    from: (from, 500).into(),
                    to: (to, 500).into(),
                    arrives: self.pair.now,
                    number: 0,
                    octets,
                };
                self.pair.deliver(&datagram);
            }
            Step::Traffic(side) => {
                self.pair.command(side, Command::Traffic(Pair::CONNECTION));
            }
        }
    }

    fn recording(&self, side: Side) -> Recording {
        let endpoint = &self.pair.node(side).endpoint;
        endpoint.recording(Pair::CONNECTION).unwrap()
    }

    fn replay(&mut self, side: Side) -> Result<Replayed, ReplayError> {
        let psk = self.config(side).authentication.clone();
        self.recording(side).replay(&psk)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_life_can_be_lived_again(
        seed in 0..1_000_000_u64,
        steps in steps(),
        is_bad in any::<bool>(),
        is_v1 in any::<bool>(),
        short in any::<bool>(),
    ) {
        let conditions = if is_bad { Conditions::BAD } else { Conditions::GOOD };
        let mut life = Life::new(seed, conditions, ENOUGH, |config| {
            if is_v1 {
                config.versions = Versions::V1;
                config.ike.encryption.remove(0);
                config.esp.encryption.remove(0);
            }
            if short {
                config.child_lifetime = Duration::from_secs(20);
                config.ike_lifetime = Duration::from_secs(45);
            }
        });
        for step in steps {
            life.take(step);
        }
        life.pair.run_for(Duration::from_secs(30));
        for side in SIDES {
            let replayed = life.replay(side);
            prop_assert!(replayed.is_ok(), "{side:?}: {replayed:?}");
            prop_assert!(replayed.unwrap().inputs > 0);
        }
    }

    #[test]
    fn a_short_ring_begins_later_or_says_that_it_can_not(
        seed in 0..1_000_000_u64,
        steps in steps(),
        octets in 2_000..40_000_usize,
    ) {
        let mut life = Life::new(seed, Conditions::GOOD, octets, |_| {});
        for step in steps {
            life.take(step);
        }
        for side in SIDES {
            let recording = life.recording(side);
            match life.replay(side) {
                Ok(replayed) => prop_assert!(recording.is_cut() || replayed.skipped == 0),
                Err(ReplayError::Cut) => prop_assert!(recording.is_cut()),
                Err(other) => prop_assert!(false, "{side:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_ring_that_is_full_has_no_beginning_until_the_connection_is_down() {
    let mut life = Life::new(1, Conditions::GOOD, 8_000, |_| {});
    life.pair.run_for(Duration::from_secs(5));
    assert!(life.replay(Side::A).is_ok());
    for _ in 0..20 {
        life.take(Step::RekeyIke(Side::A));
        life.pair.run_for(Duration::from_secs(5));
    }
    assert!(life.recording(Side::A).is_cut());
    assert_eq!(life.replay(Side::A), Err(ReplayError::Cut));
    life.take(Step::Again(Side::A));
    life.pair.run_for(Duration::from_secs(70));
    delete_ike(&mut life.pair, Side::B);
    life.pair.run_for(Duration::from_secs(3));
    let replayed = life.replay(Side::A).unwrap();
    assert!(replayed.inputs > 0 && replayed.since > adit_ike::Instant::ZERO);
}

#[test]
fn what_never_comes_up_can_happen_again_too() {
    for (seed, is_v1) in [(1, false), (2, true), (3, false), (4, true)] {
        let mut life = Life::new(seed, Conditions::BAD, ENOUGH, |config| {
            if is_v1 {
                config.versions = Versions::V1;
                config.ike.encryption.remove(0);
                config.esp.encryption.remove(0);
            }
        });
        life.config(Side::B).authentication = Authentication::psk(Secret::new(b"another".to_vec()));
        life.take(Step::Again(Side::B));
        life.pair.run_for(Duration::from_secs(120));
        let failed = |event: &Event| matches!(event, Event::Failed(..));
        for side in SIDES {
            assert!(life.pair.node(side).count(failed) > 0);
            assert!(!life.pair.is_up());
            let replayed = life.replay(side).unwrap();
            assert!(replayed.inputs > 10, "{side:?} {replayed:?}");
        }
    }
}

#[test]
fn another_key_comes_to_something_else() {
    let mut life = Life::new(1, Conditions::GOOD, ENOUGH, |_| {});
    life.pair.run_for(Duration::from_secs(5));
    assert!(life.replay(Side::A).is_ok());
    let other = Authentication::psk(Secret::new(b"another".to_vec()));
    let differs = life.recording(Side::A).replay(&other).unwrap_err();
    assert!(matches!(differs, ReplayError::Differs { .. }), "{differs}");
    assert!(differs.to_string().contains(" instead of "), "{differs}");
}

#[test]
fn one_with_a_post_quantum_key_happens_again_with_that_alone() {
    let ppk = Ppk {
        id: b"ppk".to_vec(),
        key: Secret::new(b"of both".to_vec()),
        mandatory: true,
    };
    let mut life = Life::new(1, Conditions::BAD, ENOUGH, |config| {
        config.authentication.ppk = Some(Arc::new(ppk.clone()));
    });
    life.pair.run_for(Duration::from_secs(60));
    assert!(life.replay(Side::A).is_ok() && life.replay(Side::B).is_ok());
    let mut other = life.config(Side::A).authentication.clone();
    other.ppk = None;
    let differs = life.recording(Side::A).replay(&other).unwrap_err();
    assert!(matches!(differs, ReplayError::Differs { .. }), "{differs}");
}

#[test]
fn a_recording_is_sealed_for_its_connection_and_holds_no_key() {
    let mut life = Life::new(1, Conditions::GOOD, ENOUGH, |_| {});
    life.pair.run_for(Duration::from_secs(5));
    let recording = life.recording(Side::A);
    let key = EnvelopeKey::new(&[1; 32]);
    let sealed = recording.seal(&key, &mut SeededRandom::new(3));
    let open =
        |connection, key: &EnvelopeKey, sealed: &[u8]| Recording::open(connection, key, sealed);
    let opened = open(Pair::CONNECTION, &key, &sealed).unwrap();
    let psk = life.config(Side::A).authentication.clone();
    assert_eq!(opened.replay(&psk), recording.replay(&psk));
    assert!(opened.replay(&psk).is_ok());
    let seal = Some(RecordingError::Seal);
    assert_eq!(open(ConnectionKey(2), &key, &sealed).err(), seal);
    let other = EnvelopeKey::new(&[2; 32]);
    assert_eq!(open(Pair::CONNECTION, &other, &sealed).err(), seal);
    let mut changed = sealed.clone();
    changed[20] ^= 1;
    assert_eq!(open(Pair::CONNECTION, &key, &changed).err(), seal);
    let psk = psk.only_key().unwrap();
    let shows = |octets: &[u8]| octets.windows(psk.len()).any(|at| at == psk.as_slice());
    assert!(!shows(&sealed) && !shows(format!("{recording:?}").as_bytes()));
}

#[test]
fn all_connections_together_have_a_bound_too() {
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    let endpoint = &mut pair.node_mut(Side::A).endpoint;
    endpoint.record(ENOUGH, 100_000);
    for number in 0..50 {
        let mut config = Pair::usual(Side::A);
        config.remote = [203, 0, 113, number].into();
        let command = Command::SetConnection(ConnectionKey(number.into()), Box::new(config));
        pair.command(Side::A, command);
    }
    // Each says something every few seconds.
    pair.run_for(Duration::from_secs(3_600));
    let key = EnvelopeKey::new(&[1; 32]);
    let len = |number| {
        let endpoint = &pair.node(Side::A).endpoint;
        let recording = endpoint.recording(ConnectionKey(number)).unwrap();
        recording.seal(&key, &mut SeededRandom::new(3)).len()
    };
    let all: usize = (0..50).map(len).sum();
    assert!((20_000..120_000).contains(&all), "{all}");
}

/// What happens to one connection of an endpoint is in the way of no other's.
#[test]
fn connections_of_one_endpoint_are_replayed_one_by_one() {
    let others = [ConnectionKey(7), ConnectionKey(8)];
    for seed in 0..5 {
        let mut life = Life::new(seed, Conditions::BAD, ENOUGH, |_| {});
        for (number, key) in (0_u8..).zip(others) {
            let mut config = life.config(Side::A).clone();
            config.remote = [203, 0, 113, 1 + number].into();
            config.remote_id.data = vec![203, 0, 113, 1 + number];
            // Nobody is there.
            let command = Command::SetConnection(key, Box::new(config));
            life.pair.command(Side::A, command);
        }
        for _ in 0..6 {
            life.take(Step::RekeyChild(Side::A));
            life.take(Step::RekeyIke(Side::B));
            life.pair.run_for(Duration::from_secs(25));
        }
        for side in SIDES {
            let replayed = life.replay(side);
            assert!(replayed.is_ok(), "{seed} {side:?}: {replayed:?}");
        }
        let psk = life.config(Side::A).authentication.clone();
        for key in others {
            let recording = life.pair.node(Side::A).endpoint.recording(key).unwrap();
            let replayed = recording.replay(&psk).unwrap();
            assert!(replayed.inputs > 10, "{replayed:?}");
        }
    }
}

#[test]
fn what_can_not_happen_again_says_so() {
    let mut life = Life::new(1, Conditions::GOOD, ENOUGH, |config| {
        config.ike.additional = AdditionalExchange::ALL.to_vec();
    });
    life.pair.run_for(Duration::from_secs(5));
    assert_eq!(life.replay(Side::A), Err(ReplayError::Additional));
    // Two connections between the same ends.
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    pair.node_mut(Side::B).endpoint.record(ENOUGH, ENOUGH);
    let config = Pair::usual(Side::B);
    for key in [Pair::CONNECTION, ConnectionKey(9)] {
        let command = Command::SetConnection(key, Box::new(config.clone()));
        pair.command(Side::B, command);
    }
    pair.connect(Side::A, Pair::usual(Side::A));
    pair.run_for(Duration::from_secs(5));
    let recording = pair.node(Side::B).endpoint.recording(Pair::CONNECTION);
    let replayed = recording.unwrap().replay(&config.authentication);
    assert_eq!(replayed, Err(ReplayError::Shared));
    // One that was there before.
    let mut pair = up(1);
    pair.node_mut(Side::A).endpoint.record(ENOUGH, ENOUGH);
    rekey_child(&mut pair, Side::A);
    pair.pass_all();
    let recording = pair.node(Side::A).endpoint.recording(Pair::CONNECTION);
    let replayed = recording.unwrap().replay(&config.authentication);
    assert_eq!(replayed, Err(ReplayError::Cut));
    let endpoint = &pair.node(Side::A).endpoint;
    assert!(endpoint.recording(ConnectionKey(5)).is_none());
    assert!(
        pair.node(Side::B)
            .endpoint
            .recording(Pair::CONNECTION)
            .is_none()
    );
}
