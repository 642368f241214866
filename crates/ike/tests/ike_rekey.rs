//! Rekeying the IKE SA, alone and while the other side does something too (RFC 7296 sections 2.8.2
//! and 2.25.2). The Child SA moves over untouched, and one IKE SA remains on each side.

use std::time::Duration;

use crate::exchange::*;
use adit_crypto::Group;
use adit_ike::Event;
use adit_sim::{Pair, Side};

const SEEDS: core::ops::Range<u64> = 0..12;

/// The Child SA is the one from before, and the IKE SA works: it carries another rekey.
fn settle_untouched(pair: &mut Pair) {
    settle(pair);
    for side in SIDES {
        assert_eq!(children_made(pair, side), 1, "{side:?}");
        assert_eq!(pair.node(side).count(|e| matches!(e, Event::IkeDown(_))), 0);
    }
    for (side, made) in [(Side::A, 2), (Side::B, 3)] {
        rekey_child(pair, side);
        settle(pair);
        assert_eq!(children_made(pair, side), made);
    }
}

fn both_rekey(seed: u64) -> Pair {
    let mut pair = up(seed);
    rekey_ike(&mut pair, Side::A);
    rekey_ike(&mut pair, Side::B);
    pair
}

#[test]
fn either_side_can_rekey() {
    for side in SIDES {
        let mut pair = up(1);
        rekey_ike(&mut pair, side);
        settle_untouched(&mut pair);
        for side in SIDES {
            assert_eq!(ikes_made(&pair, side), 2);
        }
    }
}

#[test]
fn many_rekeys_by_turns_keep_the_child_sa() {
    let mut pair = up(1);
    for turn in 0..20 {
        rekey_ike(&mut pair, if turn % 3 == 0 { Side::A } else { Side::B });
        watch(&mut pair, Duration::from_secs(1));
    }
    settle_untouched(&mut pair);
    assert_eq!(ikes_made(&pair, Side::A), 21);
}

#[test]
fn another_group_is_tried_when_the_first_is_refused() {
    let mut pair = up_with(1, |side, config| {
        config.ike.groups = match side {
            Side::A => vec![Group::Curve25519, Group::Ecp256],
            Side::B => vec![Group::Ecp256, Group::Curve25519],
        };
    });
    let only_p256 = |side| {
        let mut config = Pair::usual(side);
        config.ike.groups = vec![Group::Ecp256];
        config
    };
    // B comes back with another policy, under which the group of the first exchange is refused.
    pair.held = false;
    pair.connect(Side::B, only_p256(Side::B));
    settle_with_gap(&mut pair);
    rekey_ike(&mut pair, Side::A);
    settle(&mut pair);
    let named =
        |event: &Event| matches!(event, Event::IkeUp { suite, .. } if suite.ends_with("ecp256"));
    assert_eq!(pair.node(Side::A).count(named), 2);
}

#[test]
fn lifetimes_rekey_without_a_gap() {
    let mut pair = up_with(1, |_, config| {
        config.ike_lifetime = Duration::from_secs(600);
        config.child_lifetime = Duration::from_secs(200);
    });
    watch(&mut pair, Duration::from_secs(6_000));
    let made = ikes_made(&pair, Side::A);
    assert!((10..=15).contains(&made), "{made}");
    for side in SIDES {
        assert_eq!(pair.node(side).count(|e| matches!(e, Event::IkeDown(_))), 0);
    }
}

#[test]
fn equal_lifetimes_on_both_sides_do_not_fight() {
    for seed in SEEDS {
        let mut pair = up_with(seed, |_, config| {
            config.ike_lifetime = Duration::from_secs(120);
            config.child_lifetime = Duration::from_secs(60);
            config.initiate = true;
        });
        watch(&mut pair, Duration::from_secs(2_000));
        assert!(pair.is_up());
        for side in SIDES {
            assert!(pair.node(side).endpoint.sa_count() <= 3);
            assert!(pair.node(side).children.len() <= 3);
        }
    }
}

#[test]
fn of_two_new_sas_the_one_with_the_lowest_nonce_goes() {
    let mut deletes = [0, 0];
    for seed in SEEDS {
        let mut pair = both_rekey(seed);
        for side in SIDES {
            pass(&mut pair, side);
        }
        for side in SIDES {
            pass(&mut pair, side);
        }
        // Now each closes one SA: the winner the old one, the loser its own.
        for (side, count) in SIDES.into_iter().zip(&mut deletes) {
            let delete = pair.wire.iter().find(|d| d.from.ip() == side.address());
            let spi_of_old = pair.wire.iter().all(|d| d.octets.len() >= 28);
            assert!(delete.is_some() && spi_of_old);
            // Message ID 0: the first request on a new SA.
            if delete.is_some_and(|d| d.octets.get(20..24) == Some(&[0; 4])) {
                *count += 1;
            }
        }
        settle_untouched(&mut pair);
        for side in SIDES {
            assert_eq!(ikes_made(&pair, side), 3, "seed {seed}");
        }
    }
    assert_eq!(deletes.iter().sum::<i32>(), 12);
    assert!(deletes.iter().all(|count| *count > 0), "{deletes:?}");
}

#[test]
fn an_answer_that_comes_after_all_else_is_still_settled() {
    for seed in SEEDS {
        for late in SIDES {
            for steps in 1..8 {
                let mut pair = both_rekey(seed);
                pass(&mut pair, Side::A);
                pass(&mut pair, Side::B);
                let answer = pair.take_from(late).unwrap();
                for side in [late.other(), late].into_iter().cycle().take(steps) {
                    if pair.pass(side) {
                        assert_nothing_lost(&pair);
                    }
                }
                pair.deliver(&answer);
                assert_nothing_lost(&pair);
                settle_untouched(&mut pair);
            }
        }
    }
}

#[test]
fn a_request_that_comes_after_the_other_rekey_is_refused_and_forgotten() {
    for seed in SEEDS {
        for late in SIDES {
            for steps in 0..8 {
                let mut pair = both_rekey(seed);
                let request = pair.take_from(late).unwrap();
                for side in [late.other(), late].into_iter().cycle().take(steps) {
                    if pair.pass(side) {
                        assert_nothing_lost(&pair);
                    }
                }
                pair.deliver(&request);
                assert_nothing_lost(&pair);
                settle_untouched(&mut pair);
            }
        }
    }
}

#[test]
fn a_request_that_never_arrives_yields_to_the_other_rekey() {
    for seed in SEEDS {
        for lost in SIDES {
            let mut pair = both_rekey(seed);
            assert!(pair.take_from(lost).is_some());
            settle_untouched(&mut pair);
            // The repetition never came, or was answered with a refusal.
            assert_eq!(ikes_made(&pair, Side::A), 2);
        }
    }
}

#[test]
fn any_one_datagram_of_a_collision_can_get_lost() {
    for seed in 0..4 {
        for lost in 0..10 {
            let mut pair = both_rekey(seed);
            let mut passed = 0;
            while let Some(datagram) = (!pair.wire.is_empty()).then(|| pair.wire.remove(0)) {
                if passed != lost {
                    pair.deliver(&datagram);
                    assert_nothing_lost(&pair);
                }
                passed += 1;
            }
            settle_untouched(&mut pair);
        }
    }
}

#[test]
fn refused_groups_in_a_collision_are_settled() {
    for seed in SEEDS {
        // A has agreed on a group that B, under a new policy, refuses.
        let mut pair = up_with(seed, |side, config| {
            config.ike.groups = match side {
                Side::A => vec![Group::Curve25519, Group::Ecp256],
                Side::B => vec![Group::Ecp256],
            };
        });
        rekey_ike(&mut pair, Side::A);
        rekey_ike(&mut pair, Side::B);
        settle_untouched(&mut pair);
    }
}

#[test]
fn a_delete_ends_the_rekey_it_meets() {
    for seed in 0..4 {
        for deleter in SIDES {
            // Which datagram gets lost the first time: none, the Delete, the rekey, an answer.
            for lost in 0..5 {
                let mut pair = up(seed);
                rekey_ike(&mut pair, deleter.other());
                delete_ike(&mut pair, deleter);
                match lost {
                    1 => drop(pair.take_from(deleter)),
                    2 => drop(pair.take_from(deleter.other())),
                    3 | 4 => {
                        assert!(pair.pass(deleter.other()));
                        assert!(pair.pass(deleter));
                        let side = if lost == 3 { deleter } else { deleter.other() };
                        drop(pair.take_from(side));
                    }
                    _ => {}
                }
                pair.held = false;
                pair.run_for(Duration::from_secs(3));
                delete_ike(&mut pair, deleter.other());
                pair.run_for(Duration::from_secs(60));
                assert_nothing_left(&pair);
            }
        }
    }
}

#[test]
fn a_connection_removed_in_the_middle_of_its_rekey_leaves_nothing() {
    for remover in SIDES {
        for steps in 0..8 {
            let mut pair = both_rekey(1);
            for side in SIDES.into_iter().cycle().take(steps) {
                let _ = pair.pass(side);
            }
            delete_ike(&mut pair, remover);
            assert!(pair.node(remover).children.is_empty());
            pair.held = false;
            pair.run_for(Duration::from_secs(1));
            let node = pair.node(remover);
            assert!(node.children.is_empty(), "{steps}");
            delete_ike(&mut pair, remover.other());
            pair.run_for(Duration::from_secs(60));
            assert_nothing_left(&pair);
        }
    }
}

#[test]
fn a_connection_that_comes_back_in_the_middle_of_its_rekey_comes_up() {
    for side in SIDES {
        for steps in 0..8 {
            let mut pair = both_rekey(2);
            for side in SIDES.into_iter().cycle().take(steps) {
                let _ = pair.pass(side);
            }
            delete_ike(&mut pair, side);
            pair.connect(side, Pair::usual(side));
            settle_with_gap(&mut pair);
        }
    }
}

#[test]
fn a_rekey_waits_for_a_liveness_check_and_the_other_way_round() {
    let mut pair = up_with(1, |_, config| {
        config.liveness = Some(adit_ike::Liveness {
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(10),
            restart: true,
        });
        config.ike_lifetime = Duration::from_secs(60);
        config.child_lifetime = Duration::from_secs(30);
    });
    watch(&mut pair, Duration::from_secs(1_000));
    assert!(pair.is_up());
    for side in SIDES {
        let failed = pair
            .node(side)
            .count(|e| matches!(e, Event::PartFailed(..)));
        assert_eq!(failed, 0);
    }
}

#[test]
fn a_pause_of_the_whole_machine_is_not_the_silence_of_the_peer() {
    let mut pair = up_with(1, |_, config| {
        config.liveness = Some(adit_ike::Liveness {
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(10),
            restart: true,
        });
    });
    pair.held = false;
    pair.now = pair.now + Duration::from_secs(100);
    settle(&mut pair);
    assert_eq!(ikes_made(&pair, Side::A), 1);
}

#[test]
fn an_ike_sa_whose_rekey_is_never_answered_is_begun_from_scratch() {
    let mut pair = up(1);
    rekey_ike(&mut pair, Side::A);
    let limit = pair.now + Duration::from_secs(25);
    while pair.step(limit) {
        pair.wire.retain(|d| d.from.ip() != Side::B.address());
    }
    pair.wire.clear();
    settle_with_gap(&mut pair);
}
