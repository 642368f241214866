//! An attacker on the way who captures what an end sends, and sends it on from elsewhere: he does not
//! get the tunnel, and can't have answers go astray (RFC 7296 sections 2.11 and 2.23). And a peer whose
//! NAT gives it another port is followed.

use std::net::SocketAddr;
use std::time::Duration;

use crate::exchange::*;
use adit_ike::{Command, EndpointConfig, Event, Failure, Liveness};
use adit_sim::{Conditions, Datagram, Pair, SeededRandom, Side};

const ELSEWHERE: &str = "203.0.113.66:666";

fn from(datagram: &Datagram, address: &str) -> Datagram {
    Datagram {
        from: address.parse().unwrap(),
        ..datagram.clone()
    }
}

/// The peer's address with another port.
fn port(side: Side, port: u16) -> String {
    SocketAddr::new(side.address(), port).to_string()
}

fn assert_sends_to(pair: &Pair, side: Side, to: &str) {
    for installed in pair.node(side).children.values() {
        assert_eq!(installed.child.remote.to_string(), to, "{side:?}");
    }
}

fn lost(pair: &Pair) -> usize {
    let is = |event: &Event| matches!(event, Event::Failed(_, Failure::Lost) | Event::IkeDown(_));
    pair.node(Side::A).count(is) + pair.node(Side::B).count(is)
}

/// Runs with the network given to the test; what is for neither end is gone.
fn run(pair: &mut Pair, duration: Duration, mut meddle: impl FnMut(&mut Pair, &Datagram)) {
    let limit = pair.now + duration;
    loop {
        while !pair.wire.is_empty() {
            let datagram = pair.wire.remove(0);
            meddle(pair, &datagram);
            let to = datagram.to.to_string();
            if SIDES
                .iter()
                .any(|side| to == port(*side, 4500) || to == port(*side, 500))
            {
                pair.deliver(&datagram);
            }
        }
        if !pair.step(limit) {
            break;
        }
    }
    pair.now = limit;
}

#[test]
fn a_request_sent_on_from_elsewhere_moves_nothing_and_its_repetition_is_answered() {
    for begin in [rekey_child, rekey_ike] {
        let mut pair = up(1);
        begin(&mut pair, Side::A);
        let real = pair.take_from(Side::A).unwrap();
        pair.deliver(&from(&real, ELSEWHERE));
        // Section 2.11: the answer goes to where the request came from.
        let answer = pair.take_from(Side::B).unwrap();
        assert_eq!(answer.to.to_string(), ELSEWHERE);
        assert_sends_to(&pair, Side::B, &port(Side::A, 4500));
        // So does the one to its repetition from where it is really from.
        pair.deliver(&real);
        let answer = pair.take_from(Side::B).unwrap();
        assert_eq!(answer.to, real.from);
        pair.deliver(&answer);
        run(&mut pair, Duration::from_secs(120), |_, _| {});
        assert_settled(&pair);
        assert_eq!(lost(&pair), 0);
    }
}

#[test]
fn a_request_sent_on_from_another_port_of_the_peer_moves_nothing() {
    for begin in [rekey_child, rekey_ike] {
        let mut pair = up(1);
        begin(&mut pair, Side::A);
        let real = pair.take_from(Side::A).unwrap();
        pair.deliver(&from(&real, &port(Side::A, 666)));
        run(&mut pair, Duration::from_secs(120), |_, _| {});
        assert_sends_to(&pair, Side::B, &port(Side::A, 4500));
        assert_settled(&pair);
        assert_eq!(lost(&pair), 0);
    }
}

#[test]
fn ike_auth_sent_on_from_another_port_does_not_end_the_tunnel() {
    let mut pair = Pair::new(1, Conditions::GOOD, EndpointConfig::default());
    for side in [Side::B, Side::A] {
        pair.connect(side, Pair::usual(side));
    }
    pair.held = true;
    assert!(pair.pass(Side::A) && pair.pass(Side::B));
    let auth = pair.take_from(Side::A).unwrap();
    // From another address nothing becomes of it.
    pair.deliver(&from(&auth, ELSEWHERE));
    assert!(pair.wire.is_empty());
    pair.deliver(&from(&auth, &port(Side::A, 666)));
    run(&mut pair, Duration::from_secs(60), |_, _| {});
    assert_sends_to(&pair, Side::B, &port(Side::A, 4500));
    assert_settled(&pair);
    assert_eq!(lost(&pair), 0);
}

#[test]
fn replays_from_everywhere_while_both_sides_rekey_lose_nothing() {
    for seed in 0..20 {
        let mut random = SeededRandom::new(seed);
        let mut captured: Vec<Datagram> = Vec::new();
        let mut pair = up_with(seed, |_, config| {
            config.initiate = true;
            config.liveness = Some(Liveness {
                interval: Duration::from_secs(5),
                timeout: Duration::from_secs(30),
                restart: true,
            });
        });
        let before = lost(&pair);
        for round in 0..12 {
            let side = if random.below(2) == 0 {
                Side::A
            } else {
                Side::B
            };
            if round % 3 == 0 {
                rekey_ike(&mut pair, side);
            } else {
                rekey_child(&mut pair, side);
            }
            // Each answer that he had sent can be sent on again: his patience is what bounds it.
            let mut patience = 100_u32;
            run(&mut pair, Duration::from_secs(6), |pair, datagram| {
                captured.push(datagram.clone());
                // He is faster than the datagram itself, with it and with older ones.
                for _ in 0..patience.min(4) {
                    patience -= 1;
                    let back = usize::try_from(random.below(4)).unwrap();
                    let old = captured[captured.len().saturating_sub(1 + back)].clone();
                    let other = 1024 + u16::try_from(random.below(60_000)).unwrap();
                    let source = if random.below(2) == 0 {
                        format!("203.0.113.{}:{other}", random.below(255))
                    } else {
                        SocketAddr::new(old.from.ip(), other).to_string()
                    };
                    pair.deliver(&from(&old, &source));
                }
            });
            assert!(pair.loses_nothing(), "{seed}");
        }
        run(&mut pair, Duration::from_secs(120), |_, _| {});
        assert_eq!(lost(&pair), before, "{seed}");
        for side in SIDES {
            assert_sends_to(&pair, side, &port(side.other(), 4500));
        }
        assert_settled(&pair);
    }
}

/// A network where A's port 4500 looks like `nat` to B.
fn run_behind_nat(pair: &mut Pair, duration: Duration, nat: u16) {
    let limit = pair.now + duration;
    loop {
        while !pair.wire.is_empty() {
            let mut datagram = pair.wire.remove(0);
            if datagram.from.ip() == Side::A.address() {
                datagram.from.set_port(nat);
            } else if datagram.to.port() == nat {
                datagram.to.set_port(4500);
            } else {
                continue;
            }
            pair.deliver(&datagram);
        }
        if !pair.step(limit) {
            break;
        }
    }
    pair.now = limit;
}

#[test]
fn a_peer_whose_nat_gives_it_another_port_is_followed_once_it_answers_there() {
    let hints: [fn(&mut Pair); 2] = [
        |pair| rekey_child(pair, Side::A),
        |pair| {
            let child = current(pair, Side::B);
            let seen = SocketAddr::new(Side::A.address(), 7_777);
            pair.command(Side::B, Command::ChildHeardFrom(child, seen));
        },
    ];
    for hint in hints {
        let mut pair = up(1);
        hint(&mut pair);
        run_behind_nat(&mut pair, Duration::from_secs(10), 7_777);
        assert_sends_to(&pair, Side::B, &port(Side::A, 7_777));
        rekey_ike(&mut pair, Side::B);
        run_behind_nat(&mut pair, Duration::from_secs(120), 7_777);
        assert_settled(&pair);
        assert_eq!(lost(&pair), 0);
        // And back again.
        rekey_child(&mut pair, Side::A);
        run(&mut pair, Duration::from_secs(120), |_, _| {});
        assert_sends_to(&pair, Side::B, &port(Side::A, 4500));
        assert_settled(&pair);
    }
}

#[test]
fn packets_of_a_child_sa_from_another_address_move_nothing() {
    let mut pair = up(1);
    for seen in [ELSEWHERE.to_owned(), port(Side::A, 666)] {
        let child = current(&pair, Side::B);
        let seen = seen.parse().unwrap();
        pair.command(Side::B, Command::ChildHeardFrom(child, seen));
        run(&mut pair, Duration::from_secs(10), |_, _| {});
        assert_sends_to(&pair, Side::B, &port(Side::A, 4500));
    }
    assert_settled(&pair);
}
