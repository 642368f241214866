//! Messages in fragments (RFC 7383), over paths that carry no more.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::exchange::*;
use adit_crypto::AdditionalExchange;
use adit_ike::config::block;
use adit_ike::{ConnectionConfig, EndpointConfig, Event};
use adit_sim::{Conditions, Datagram, Pair, Side};

const MINUTE: Duration = Duration::from_secs(60);

/// The types of the encrypted payload, whole and in fragments.
const SK: u8 = 46;
const SKF: u8 = 53;

/// Where a datagram has its first payload's type, and its exchange.
const FIRST: usize = 16;
const EXCHANGE: usize = 18;

/// So many blocks behind each end that IKE_AUTH does not fit into one packet.
fn many_blocks(side: Side, config: &mut ConnectionConfig) {
    let blocks = |net: u8| {
        let block = move |third| block(IpAddr::V4(Ipv4Addr::new(10, net, third, 0)), 24);
        (0..100).map(block).collect()
    };
    let (here, there) = if side == Side::A { (1, 2) } else { (2, 1) };
    config.children[0].local = blocks(here);
    config.children[0].remote = blocks(there);
}

fn with_mtu(
    seed: u64,
    conditions: Conditions,
    mtu: usize,
    change: impl Fn(Side, &mut ConnectionConfig),
) -> Pair {
    let mut pair = Pair::new(seed, conditions, EndpointConfig::default());
    pair.mtu = mtu;
    for side in [Side::B, Side::A] {
        let mut config = Pair::usual(side);
        change(side, &mut config);
        pair.connect(side, config);
    }
    pair
}

/// Runs until the pair is up; all that was sent meanwhile.
fn sent_until_up(pair: &mut Pair) -> Vec<Datagram> {
    let limit = pair.now + MINUTE;
    let mut sent: Vec<Datagram> = Vec::new();
    loop {
        let last = sent.last().map_or(0, |last| last.number);
        let mut new: Vec<_> = pair.wire.iter().filter(|one| one.number > last).collect();
        new.sort_by_key(|one| one.number);
        sent.extend(new.into_iter().cloned());
        if pair.is_up() {
            return sent;
        }
        assert!(pair.step(limit), "it never comes up");
    }
}

fn of(sent: &[Datagram], exchange: u8, first: u8) -> Vec<&Datagram> {
    let wanted = |one: &&Datagram| {
        one.octets.get(EXCHANGE) == Some(&exchange) && one.octets.get(FIRST) == Some(&first)
    };
    sent.iter().filter(wanted).collect()
}

/// Passes IKE_SA_INIT; what A says next waits on the wire.
fn exchange_init(pair: &mut Pair) {
    assert!(pair.pass(Side::A) && pair.pass(Side::B));
}

#[test]
fn what_fits_goes_in_one_and_what_does_not_in_several_of_which_none_is_too_long() {
    let mut pair = with_mtu(1, Conditions::GOOD, 1_280, |_, _| {});
    let sent = sent_until_up(&mut pair);
    assert!(of(&sent, 35, SKF).is_empty() && !of(&sent, 35, SK).is_empty());

    let mut pair = with_mtu(1, Conditions::GOOD, 1_280, many_blocks);
    let sent = sent_until_up(&mut pair);
    assert_eq!(pair.too_long, 0);
    assert!(of(&sent, 35, SKF).len() > 4 && of(&sent, 35, SK).is_empty());
    // Both ends have the blocks, all of them.
    for side in SIDES {
        let mut children = pair.node(side).sending();
        let child = &children.next().unwrap().child;
        assert_eq!(child.local_selectors.len(), 100);
        assert_eq!(child.remote_selectors.len(), 100);
    }
}

#[test]
fn later_messages_and_those_of_a_rekeyed_sa_too() {
    let mut pair = with_mtu(2, Conditions::GOOD, 1_280, |side, config| {
        many_blocks(side, config);
        config.ike_lifetime = Duration::from_secs(300);
        config.child_lifetime = Duration::from_secs(100);
    });
    assert!(pair.run_until(MINUTE, Pair::is_up));
    for _ in 0..40 {
        pair.run_for(Duration::from_secs(30));
        assert_nothing_lost(&pair);
    }
    assert_eq!(pair.too_long, 0);
    for side in SIDES {
        assert!(ikes_made(&pair, side) > 3 && children_made(&pair, side) > 10);
        assert_eq!(pair.node(side).gaps, 0);
    }
}

#[test]
fn with_every_kind_of_cipher() {
    use adit_crypto::{Encryption, Integrity};
    for cipher in [
        Encryption::AesCbc128,
        Encryption::TripleDesCbc,
        Encryption::AesGcm256,
        Encryption::ChaCha20Poly1305,
    ] {
        let mut pair = with_mtu(3, Conditions::GOOD, 1_280, |side, config| {
            many_blocks(side, config);
            config.ike.encryption = vec![cipher];
            config.ike.integrity = vec![Integrity::HmacSha256_128];
        });
        assert!(pair.run_until(MINUTE, Pair::is_up), "{cipher:?}");
        assert_eq!(pair.too_long, 0, "{cipher:?}");
    }
}

#[test]
fn an_additional_exchange_is_signed_as_if_it_had_come_whole() {
    for conditions in [Conditions::GOOD, Conditions::BAD] {
        let mut pair = with_mtu(4, conditions, 576, |_, config| {
            config.ike.additional = AdditionalExchange::ALL.to_vec();
        });
        let up = pair.run_until(MINUTE * 10, Pair::is_up);
        assert!(up && pair.loses_nothing());
        let suite = pair
            .node(Side::B)
            .events
            .iter()
            .find_map(|event| match event {
                Event::IkeUp { suite, .. } => Some(suite.clone()),
                _ => None,
            });
        assert!(suite.unwrap().ends_with("mlkem768"));
    }
}

#[test]
fn a_path_that_carries_less_gets_smaller_ones_after_a_while() {
    for mtu in [576, 1_000] {
        let mut pair = with_mtu(5, Conditions::GOOD, mtu, many_blocks);
        let sent = sent_until_up(&mut pair);
        assert!(pair.too_long > 0);
        assert!(!of(&sent, 35, SKF).is_empty());
        // From then on all are small.
        let before = pair.too_long;
        rekey_child(&mut pair, Side::A);
        rekey_child(&mut pair, Side::B);
        pair.run_for(MINUTE);
        assert_eq!(pair.too_long, before);
        assert_nothing_lost(&pair);
    }
}

#[test]
fn fragments_are_lost_repeated_and_overtake_each_other() {
    for seed in 0..30 {
        let mut pair = with_mtu(seed, Conditions::BAD, 1_280, |side, config| {
            many_blocks(side, config);
            config.child_lifetime = Duration::from_secs(100);
        });
        assert!(pair.run_until(MINUTE * 10, Pair::is_up), "seed {seed}");
        pair.run_for(Duration::from_secs(400));
        assert!(pair.run_until(MINUTE * 10, Pair::is_up), "seed {seed}");
        assert_eq!(pair.too_long, 0);
    }
}

#[test]
fn a_fragment_that_was_changed_or_made_up_is_not_kept() {
    let mut pair = with_mtu(6, Conditions::GOOD, 1_280, many_blocks);
    pair.held = true;
    exchange_init(&mut pair);
    let fragments: Vec<_> = std::iter::from_fn(|| pair.take_from(Side::A)).collect();
    assert!(fragments.len() > 1);
    let not_authentic = |pair: &Pair| pair.node(Side::B).endpoint.statistics().not_authentic;
    let before = not_authentic(&pair);
    for fragment in &fragments {
        for at in [FIRST, 28, 33, 35, 60] {
            let mut forged = fragment.clone();
            forged.octets[at] ^= 1;
            pair.deliver(&forged);
        }
    }
    assert!(not_authentic(&pair) > before);
    assert!(pair.wire.is_empty(), "nothing is answered");
    for fragment in fragments.iter().rev() {
        pair.deliver(fragment);
    }
    assert!(!pair.wire.is_empty());
    pair.held = false;
    assert!(pair.run_until(MINUTE, Pair::is_up));
}

#[test]
fn an_answered_request_is_answered_again_for_its_first_fragment_alone() {
    let mut pair = with_mtu(7, Conditions::GOOD, 1_280, many_blocks);
    pair.held = true;
    exchange_init(&mut pair);
    let fragments: Vec<_> = std::iter::from_fn(|| pair.take_from(Side::A)).collect();
    for fragment in &fragments {
        pair.deliver(fragment);
    }
    let answer = pair.wire.clone();
    pair.wire.clear();
    for fragment in &fragments {
        pair.deliver(fragment);
    }
    let octets = |wire: &[Datagram]| {
        wire.iter()
            .map(|one| one.octets.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(octets(&pair.wire), octets(&answer));
}
