//! One end's state is exported, the end is dropped, and another endpoint goes on: at any moment, whatever is under way.

use std::collections::BTreeMap;
use std::time::Duration;

use adit_crypto::{AdditionalExchange, EnvelopeKey, Group, Secret};
use adit_ike::{
    Authentication, Command, ConnectionConfig, Endpoint, EndpointConfig, Event, ExportError,
    Failure, ImportError, Instant, Liveness, Output, Polled, Progress, Snapshot, Versions,
};
use adit_ike_wire::v2::{Message, Payload};
use adit_ike_wire::{ExchangeType, Spi};
use adit_sim::{Conditions, Pair, SeededRandom, Side};
use proptest::prelude::*;

use crate::exchange::*;

/// Something that happens in a life.
#[derive(Clone, Copy, Debug)]
enum Step {
    HandOver(Side),
    /// The same, before anything is done of what comes of a datagram to it.
    HandOverAmid(Side),
    /// Some milliseconds pass.
    Wait(u16),
    /// What is on the way from there is lost.
    Lose(Side),
    RekeyChild(Side),
    RekeyIke(Side),
    /// A packet goes that way.
    Packet(Side),
    /// The data plane lost the Child SA.
    DeleteChild(Side),
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::A), Just(Side::B)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => side().prop_map(Step::HandOver),
        4 => side().prop_map(Step::HandOverAmid),
        4 => (0..60_u16).prop_map(Step::Wait),
        2 => (0..5_000_u16).prop_map(Step::Wait),
        2 => side().prop_map(Step::Lose),
        3 => side().prop_map(Step::RekeyChild),
        3 => side().prop_map(Step::RekeyIke),
        4 => side().prop_map(Step::Packet),
        1 => side().prop_map(Step::DeleteChild),
    ];
    prop::collection::vec(step, 1..40)
}

/// A pair whose ends are handed over, and what its packets were.
struct Life {
    pair: Pair,
    seed: u64,
    configs: [ConnectionConfig; 2],
    /// Those of one SPI that were sent and taken, with the epoch.
    sent: BTreeMap<(Side, u32, u64), u16>,
    taken: BTreeMap<(Side, u32), u64>,
    /// Both ends may have made another Child SA in the place of one that was deleted.
    is_doubled: bool,
}

impl Life {
    fn new(seed: u64, conditions: Conditions, change: impl Fn(&mut ConnectionConfig)) -> Self {
        Self::with(seed, conditions, EndpointConfig::default(), change)
    }

    fn with(
        seed: u64,
        conditions: Conditions,
        limits: EndpointConfig,
        change: impl Fn(&mut ConnectionConfig),
    ) -> Self {
        let configs = SIDES.map(|side| {
            let mut config = Pair::usual(side);
            config.liveness = Some(Liveness {
                interval: Duration::from_secs(5),
                timeout: Duration::from_secs(60),
                restart: true,
            });
            change(&mut config);
            config
        });
        let [a, b] = configs.clone();
        let mut pair = Pair::new(seed, conditions, limits);
        pair.connect(Side::B, b);
        pair.connect(Side::A, a);
        assert!(pair.run_until(Duration::from_secs(300), Pair::is_up));
        pair.said = Some(Vec::new());
        for side in SIDES {
            pair.node_mut(side).events.clear();
        }
        let (sent, taken) = (BTreeMap::new(), BTreeMap::new());
        Self {
            pair,
            seed,
            configs,
            sent,
            taken,
            is_doubled: false,
        }
    }

    fn config(&self, side: Side) -> ConnectionConfig {
        let [a, b] = &self.configs;
        if side == Side::A { a } else { b }.clone()
    }

    fn next_seed(&mut self) -> u64 {
        self.seed += 1;
        self.seed.wrapping_mul(0x1_0001)
    }

    fn hand_over(&mut self, side: Side) {
        let (config, seed) = (self.config(side), self.next_seed());
        assert_eq!(self.pair.hand_over(side, config, seed), Ok(()));
    }

    fn packet(&mut self, from: Side) {
        let node = self.pair.node(from);
        let Some(child) = node.used().map(|used| used.child.child).next() else {
            return;
        };
        let node = self.pair.node_mut(from);
        let installed = node.children.get_mut(&child).unwrap();
        installed.progress.sent += 1;
        let (spi, number) = (installed.child.outbound.spi, installed.progress.sent);
        let epoch = installed.child.iv_epoch;
        let before = self.sent.insert((from, spi, number), epoch);
        assert_eq!(before, None, "number {number} of {spi:08x} comes twice");
        let there = self.pair.node_mut(from.other()).children.values_mut();
        let mut there = there.filter(|there| there.child.inbound.spi == spi);
        if let Some(there) = there.next() {
            assert!(number > there.progress.received, "a window went back");
            there.progress.received = number;
            let seen = self.taken.insert((from, spi), number);
            assert!(seen < Some(number), "number {number} is taken twice");
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::HandOver(side) => self.hand_over(side),
            Step::HandOverAmid(side) => {
                if let Some(datagram) = self.pair.take_from(side.other()) {
                    let (config, seed) = (self.config(side), self.next_seed());
                    let taken = self.pair.deliver_and_hand_over(&datagram, config, seed);
                    assert_eq!(taken, Ok(()));
                }
            }
            Step::Wait(millis) => self.pair.run_for(Duration::from_millis(millis.into())),
            Step::Lose(side) => while self.pair.take_from(side).is_some() {},
            Step::RekeyChild(side) => {
                let newest = self.pair.node(side).sending().next_back();
                if let Some(child) = newest.map(|sent| sent.child.child) {
                    self.pair.command(side, Command::RekeyChild(child));
                }
            }
            Step::RekeyIke(side) => rekey_ike(&mut self.pair, side),
            Step::Packet(side) => self.packet(side),
            Step::DeleteChild(side) => {
                if self.pair.node(side).sending().next().is_some() {
                    self.is_doubled = true;
                    delete_child(&mut self.pair, side);
                }
            }
        }
    }

    /// Peace: all that was under way ends, and both have the same.
    fn end(&mut self) {
        self.pair.conditions = Conditions::GOOD;
        self.pair.run_for(Duration::from_secs(400));
        if self.is_doubled {
            // Whatever each has, the other has too.
            assert!(self.pair.is_up());
            assert_mirrored(&self.pair);
        } else {
            assert_settled(&self.pair);
        }
        for from in SIDES {
            let before = self.taken.len();
            self.packet(from);
            assert!(self.taken.len() >= before);
        }
        for side in SIDES {
            let lost = |event: &Event| {
                matches!(event, Event::IkeDown(_) | Event::Failed(_, Failure::Lost))
            };
            let node = self.pair.node(side);
            assert_eq!(node.count(lost), 0, "{side:?} {:?}", node.events);
            // Nobody had to begin anew.
            let begun = |event: &Event| matches!(event, Event::Connecting(_));
            assert_eq!(node.count(begun), 0, "{side:?} {:?}", node.events);
        }
        check_said(self.pair.said.as_deref().unwrap_or_default());
    }
}

/// What a datagram of an SA that is up says of itself.
struct Said {
    sa: (Side, Spi, Spi),
    /// Its number, and which fragment of how many it is.
    message: (bool, u32, u16, u16),
    /// It may be about message IDs themselves.
    is_sync: bool,
    iv: Vec<u8>,
}

fn read(side: Side, octets: &[u8]) -> Option<Said> {
    let message = Message::parse(octets).ok()?;
    let header = message.header;
    if header.exchange == ExchangeType::IKE_SA_INIT {
        return None;
    }
    let (number, total, body) = match message.payloads.as_slice() {
        [Payload::Encrypted(encrypted)] => (0, 0, encrypted.body),
        [Payload::EncryptedFragment(part)] => (part.number, part.total, part.body),
        _ => return None,
    };
    Some(Said {
        sa: (side, header.initiator_spi, header.responder_spi),
        message: (header.flags.response, header.message_id, number, total),
        is_sync: header.message_id == 0 && header.exchange == ExchangeType::INFORMATIONAL,
        iv: body.get(..8)?.to_vec(),
    })
}

/// No IV and no message ID ever comes again with something else.
fn check_said(said: &[(Side, Vec<u8>)]) {
    let (mut by_iv, mut by_id) = (BTreeMap::new(), BTreeMap::new());
    let mut read_some = 0;
    for (side, octets) in said {
        let Some(one) = read(*side, octets) else {
            continue;
        };
        read_some += 1;
        let same = by_iv.entry((one.sa, one.iv)).or_insert(octets);
        assert_eq!(*same, octets, "an IV comes twice");
        if one.is_sync {
            // Message IDs are agreed on under this one, as often as needed (RFC 6311).
            continue;
        }
        let same = by_id.entry((one.sa, one.message)).or_insert(octets);
        assert_eq!(*same, octets, "a message ID comes twice: {:?}", one.message);
    }
    assert!(read_some > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn life_goes_on_whoever_lives_it(
        seed in 0..1_000_000_u64,
        steps in steps(),
        is_bad in any::<bool>(),
        with_groups in any::<bool>(),
        message_id_sync in any::<bool>(),
    ) {
        let conditions = if is_bad { Conditions::BAD } else { Conditions::GOOD };
        let limits = EndpointConfig { message_id_sync, ..EndpointConfig::default() };
        let mut life = Life::with(seed, conditions, limits, |config| {
            if with_groups {
                config.esp.groups = vec![Group::Curve25519];
            }
        });
        for step in steps {
            life.take(step);
        }
        life.end();
    }

    #[test]
    fn lifetimes_end_as_if_nothing_had_happened(seed in 0..1_000_000_u64, pauses in prop::collection::vec(1..20_u64, 10)) {
        let mut life = Life::new(seed, Conditions::GOOD, |config| {
            config.child_lifetime = Duration::from_secs(40);
            config.ike_lifetime = Duration::from_secs(90);
        });
        for (number, pause) in pauses.into_iter().enumerate() {
            life.pair.run_for(Duration::from_secs(pause));
            life.hand_over(SIDES[number % 2]);
            for side in SIDES {
                life.packet(side);
            }
        }
        life.pair.run_for(Duration::from_secs(200));
        for side in SIDES {
            prop_assert!(life.pair.is_up());
            prop_assert!(life.pair.node(side).endpoint.sa_count() <= 3);
        }
        check_said(life.pair.said.as_deref().unwrap());
        let lost = |event: &Event| matches!(event, Event::IkeDown(_) | Event::Failed(..));
        for side in SIDES {
            prop_assert_eq!(life.pair.node(side).count(lost), 0, "{:?}", life.pair.node(side).events);
        }
    }
}

/// Every message of a rekey of both ends at once is followed by a takeover, of either end.
#[test]
fn a_takeover_between_any_two_messages_of_crossing_rekeys() {
    let rekeys: [fn(&mut Pair, Side); 2] = [rekey_child, rekey_ike];
    for first in rekeys {
        for second in rekeys {
            for (moment, side) in (0..12).flat_map(|moment| SIDES.map(|side| (moment, side))) {
                let limits = EndpointConfig {
                    message_id_sync: moment % 2 == 0,
                    ..EndpointConfig::default()
                };
                let moment = moment / 2;
                let mut life = Life::with(moment, Conditions::GOOD, limits, |_| {});
                life.pair.run_for(Duration::from_secs(20));
                life.pair.held = true;
                first(&mut life.pair, Side::A);
                second(&mut life.pair, Side::B);
                for number in 0..moment {
                    life.pair.pass(SIDES[usize::from(number % 2 == 0)]);
                }
                life.hand_over(side);
                life.pair.held = false;
                life.end();
            }
        }
    }
}

fn exported(pair: &Pair, side: Side) -> Result<Snapshot, ExportError> {
    let endpoint = &pair.node(side).endpoint;
    endpoint.export(pair.now, Pair::CONNECTION, |_| Progress::default())
}

fn successor(epoch: u16) -> Endpoint {
    let limits = EndpointConfig {
        iv_epoch: epoch,
        ..EndpointConfig::default()
    };
    Endpoint::new(Instant::ZERO, limits, Box::new(SeededRandom::new(77)))
}

#[test]
fn a_snapshot_is_taken_once_under_a_higher_epoch_with_the_same_key_alone() {
    let pair = up(1);
    let snapshot = exported(&pair, Side::A).unwrap();
    let config = Pair::usual(Side::A);
    let import = |endpoint: &mut Endpoint, config| {
        endpoint.import(Instant::ZERO, config, &snapshot, Duration::ZERO)
    };
    let mut same = successor(0);
    assert_eq!(import(&mut same, config.clone()), Err(ImportError::Epoch));
    assert_eq!(same.sa_count(), 0);
    let mut endpoint = successor(1);
    let other = ConnectionConfig {
        authentication: Authentication::psk(Secret::new(b"another".to_vec())),
        ..config.clone()
    };
    assert_eq!(import(&mut endpoint, other), Err(ImportError::OtherKey));
    assert_eq!(import(&mut endpoint, config.clone()), Ok(()));
    assert_eq!(
        import(&mut endpoint, config.clone()),
        Err(ImportError::Known)
    );
    assert_eq!(endpoint.sa_count(), 1);
    endpoint.handle_command(Instant::ZERO, Command::RemoveConnection(Pair::CONNECTION));
    assert_eq!(import(&mut endpoint, config), Err(ImportError::Duplicate));
}

#[test]
fn a_seal_holds_for_one_key_and_one_connection() {
    let pair = up(1);
    let snapshot = exported(&pair, Side::A).unwrap();
    let key = EnvelopeKey::new(&[1; 32]);
    let sealed = snapshot.seal(&key, &mut SeededRandom::new(3));
    let open = |connection, key: &EnvelopeKey, sealed: &[u8]| {
        Snapshot::open(connection, key, sealed).map(|_| ()).err()
    };
    let (own, seal) = (Pair::CONNECTION, Some(ImportError::Seal));
    assert_eq!(open(own, &key, &sealed), None);
    assert_eq!(open(adit_ike::ConnectionKey(2), &key, &sealed), seal);
    assert_eq!(open(own, &EnvelopeKey::new(&[2; 32]), &sealed), seal);
    for at in [0, 11, 12, sealed.len() / 2, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(open(own, &key, &changed), seal);
    }
    let config = Pair::usual(Side::A);
    let psk = config.authentication.only_key().unwrap().as_slice();
    let shows = |octets: &[u8]| octets.windows(psk.len()).any(|window| window == psk);
    assert!(!shows(&sealed) && !shows(format!("{snapshot:?}").as_bytes()));
}

#[test]
fn what_is_not_up_and_what_is_of_ikev1_is_not_exported() {
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    assert_eq!(exported(&pair, Side::A).err(), Some(ExportError::NotUp));
    pair.connect(Side::A, Pair::usual(Side::A));
    assert_eq!(exported(&pair, Side::A).err(), Some(ExportError::NotUp));
    let pair = up_with(1, |_, config| {
        config.versions = Versions::V1;
        config.ike.encryption.remove(0);
        config.esp.encryption.remove(0);
    });
    assert_eq!(exported(&pair, Side::A).err(), Some(ExportError::Version1));
}

#[test]
fn an_additional_exchange_is_waited_for() {
    let mut pair = up_with(1, |_, config| {
        config.ike.additional = AdditionalExchange::ALL.to_vec();
    });
    rekey_ike(&mut pair, Side::A);
    assert!(exported(&pair, Side::A).is_ok());
    pair.pass(Side::A);
    assert!(exported(&pair, Side::B).is_ok());
    pair.pass(Side::B);
    assert_eq!(exported(&pair, Side::A).err(), Some(ExportError::Busy));
    pair.pass_all();
    assert!(exported(&pair, Side::A).is_ok());
}

#[test]
fn a_rekey_of_the_peer_that_waits_for_an_additional_exchange_begins_anew() {
    let mut life = Life::new(1, Conditions::GOOD, |config| {
        config.ike.additional = AdditionalExchange::ALL.to_vec();
    });
    life.pair.run_for(Duration::from_secs(20));
    life.pair.held = true;
    rekey_ike(&mut life.pair, Side::A);
    life.pair.pass(Side::A);
    life.hand_over(Side::B);
    life.pair.held = false;
    let before = ikes_made(&life.pair, Side::A);
    life.pair.run_for(Duration::from_secs(100));
    assert_eq!(ikes_made(&life.pair, Side::A), before + 1);
    life.end();
}

#[test]
fn what_was_changed_meanwhile_is_a_change_like_any_other() {
    let mut life = Life::new(1, Conditions::GOOD, |_| {});
    life.pair.run_for(Duration::from_secs(20));
    life.configs[0].ike_lifetime = Duration::from_secs(7_200);
    life.hand_over(Side::A);
    life.end();
    // Another identity is another tunnel: the peer is told that the old one is over.
    life.configs[0].local_id.data = vec![192, 0, 2, 99];
    life.hand_over(Side::A);
    life.pair.run_for(Duration::from_millis(100));
    assert_eq!(life.pair.node(Side::B).endpoint.sa_count(), 0);
    assert_eq!(life.pair.node(Side::B).sending().count(), 0);
}

#[test]
fn time_that_passed_on_the_way_counts() {
    let pair = up(1);
    let snapshot = exported(&pair, Side::A).unwrap();
    let config = Pair::usual(Side::A);
    let now = Instant::ZERO + Duration::from_secs(100_000);
    // The IKE SA has four hours.
    for (hours, ended) in [(0, 0), (3, 0), (5, 1)] {
        let mut endpoint = successor(1);
        let age = Duration::from_secs(hours * 3_600);
        endpoint
            .import(now, config.clone(), &snapshot, age)
            .unwrap();
        endpoint.handle_timeout(now);
        let mut retired = 0;
        while let Polled::Output(output) = endpoint.poll_output() {
            retired += usize::from(matches!(output, Output::RetireChild(_)));
        }
        assert_eq!(retired, ended, "{hours} hours");
    }
}
