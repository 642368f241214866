//! How long silence is borne (RFC 7296 section 2.4): as long as the connection says, and minutes where it
//! says nothing.

use std::time::Duration;

use crate::exchange::*;
use adit_ike::{Command, EndpointConfig, Event, Failure, Liveness, Versions};
use adit_sim::{Conditions, Pair, Side};

const LOST: fn(&Event) -> bool = |event| matches!(event, Event::Failed(_, Failure::Lost));

/// How long A bears that nothing comes any more, in seconds, after what it does.
fn patience(liveness: Option<(u64, u64)>, act: fn(&mut Pair)) -> u64 {
    let mut pair = up_with(1, |_, config| {
        config.liveness = liveness.map(|(interval, timeout)| Liveness {
            interval: Duration::from_secs(interval),
            timeout: Duration::from_secs(timeout),
            restart: false,
        });
    });
    // Each has just heard the other.
    pair.held = false;
    rekey_child(&mut pair, Side::B);
    pair.run_for(Duration::from_secs(1));
    pair.conditions.loss = 1000;
    let start = pair.now;
    act(&mut pair);
    let lost = pair.run_until(Duration::from_secs(1_000), |pair| {
        pair.node(Side::A).count(LOST) > 0
    });
    assert!(lost);
    (pair.now - start).as_secs()
}

#[test]
fn a_silent_peer_is_tried_until_the_time_out_and_no_longer() {
    for (interval, timeout) in [(2, 10), (5, 60), (15, 300), (30, 120), (30, 31)] {
        let doings: [fn(&mut Pair); 3] = [
            |_| {},
            |pair| rekey_child(pair, Side::A),
            |pair| rekey_ike(pair, Side::A),
        ];
        for act in doings {
            let found = patience(Some((interval, timeout)), act);
            assert!(
                (timeout - 2..=timeout + 2).contains(&found),
                "{interval} {timeout}: {found}"
            );
        }
    }
}

#[test]
fn without_checks_an_outage_of_minutes_in_a_rekey_is_borne() {
    let found = patience(None, |pair| rekey_child(pair, Side::A));
    assert!((170..=190).contains(&found), "{found}");
    for act in [rekey_child, rekey_ike] {
        let mut pair = up(1);
        pair.held = false;
        pair.conditions.loss = 1000;
        act(&mut pair, Side::A);
        pair.run_for(Duration::from_secs(150));
        pair.conditions.loss = 0;
        settle(&mut pair);
        assert_eq!(pair.node(Side::A).count(LOST), 0);
    }
}

#[test]
fn a_peer_whose_packets_come_is_not_lost_though_it_does_not_answer_for_a_while() {
    let mut pair = up_with(1, |_, config| {
        config.liveness = Some(Liveness {
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(10),
            restart: false,
        });
    });
    pair.held = false;
    pair.conditions.loss = 1000;
    rekey_child(&mut pair, Side::A);
    for _ in 0..100 {
        pair.run_for(Duration::from_secs(1));
        for side in SIDES {
            let child = current(&pair, side);
            pair.command(side, Command::ChildHeard(child));
        }
    }
    pair.conditions.loss = 0;
    settle(&mut pair);
    assert_eq!(pair.node(Side::A).count(LOST), 0);
}

#[test]
fn who_can_not_rekey_makes_another_before_the_time_is_up() {
    // B refuses each rekey: it wants another group than the one A was configured for since.
    for ike in [false, true] {
        let mut pair = up_with(1, |_, config| {
            config.child_lifetime = Duration::from_secs(300);
            config.ike_lifetime = Duration::from_secs(14_400);
            if ike {
                config.ike_lifetime = Duration::from_secs(300);
                config.child_lifetime = Duration::from_secs(14_400);
            }
        });
        // All that begins a rekey gets lost until the time is nearly up.
        pair.held = true;
        let end = pair.now + Duration::from_secs(300 - 20 - 6);
        while pair.step(end) {
            pair.wire.clear();
        }
        pair.now = end;
        pair.held = false;
        let limit = pair.now + Duration::from_secs(120);
        while pair.step(limit) {
            assert_nothing_lost(&pair);
            let gaps = SIDES.map(|side| pair.node(side).gaps);
            assert_eq!(gaps, [0, 0], "{ike}");
        }
        assert!(pair.is_up());
    }
}

#[test]
fn packets_that_wait_bring_a_lost_tunnel_back_and_nothing_else_does() {
    for versions in [Versions::V1, Versions::V2] {
        let mut pair = up_with(9, |_, config| {
            config.versions = versions;
            config.initiate = true;
            config.liveness = Some(Liveness {
                interval: Duration::from_secs(2),
                timeout: Duration::from_secs(6),
                restart: false,
            });
        });
        // Nothing arrives any more, until both have given up.
        pair.held = false;
        pair.mtu = 0;
        pair.run_for(Duration::from_secs(120));
        assert!(!pair.is_up());
        pair.mtu = usize::MAX;
        pair.run_for(Duration::from_secs(120));
        assert!(pair.wire.is_empty() && !pair.is_up(), "{versions:?}");
        let traffic = Command::Traffic(Pair::CONNECTION);
        pair.command(Side::A, traffic);
        assert!(pair.run_until(Duration::from_secs(2), Pair::is_up));
        // While it is there more packets change nothing.
        let before = children_made(&pair, Side::A);
        for _ in 0..20 {
            pair.command(Side::A, Command::Traffic(Pair::CONNECTION));
            pair.run_for(Duration::from_secs(1));
        }
        assert_eq!(children_made(&pair, Side::A), before);
    }
}

#[test]
fn packets_that_wait_do_not_have_a_silent_peer_asked_more_often() {
    let mut pair = Pair::new(3, Conditions::GOOD, EndpointConfig::default());
    pair.connect(Side::A, Pair::usual(Side::A));
    pair.held = true;
    for _ in 0..100 {
        pair.command(Side::A, Command::Traffic(Pair::CONNECTION));
        pair.run_for(Duration::from_secs(1));
    }
    let sent = pair.wire.len();
    // Five attempts of 21.5 s, each of seven messages.
    assert!(sent <= 35, "{sent}");
}

#[test]
fn a_peer_that_is_asked_is_heard_and_one_that_is_silent_is_not() {
    for versions in [Versions::V2, Versions::V1] {
        let mut pair = up_with(1, |_, config| {
            config.versions = versions;
            config.liveness = Some(Liveness {
                interval: Duration::from_secs(300),
                timeout: Duration::from_secs(600),
                restart: true,
            });
        });
        pair.held = false;
        pair.run_for(Duration::from_secs(20));
        let ask = |pair: &mut Pair| {
            let asked = pair.now;
            pair.command(Side::A, Command::Ask(Pair::CONNECTION));
            pair.run_for(Duration::from_secs(2));
            let heard = pair.node(Side::A).endpoint.heard(Pair::CONNECTION);
            heard.unwrap() >= asked
        };
        assert!(ask(&mut pair), "{versions:?}");
        pair.conditions.loss = 1000;
        assert!(!ask(&mut pair), "{versions:?}");
        pair.conditions.loss = 0;
        pair.run_for(Duration::from_secs(60));
        assert!(ask(&mut pair), "{versions:?}");
    }
}
