//! What one end begins and then does not want any more, the other end lets go of, too.

use std::time::Duration;

use crate::exchange::*;
use adit_ike::{Command, EndpointConfig};
use adit_sim::{Conditions, Pair, Side};

#[test]
fn a_connection_that_goes_while_it_is_made_leaves_nothing_at_the_peer() {
    for seed in 0..20 {
        for millis in (0..50).step_by(5) {
            let mut pair = Pair::new(seed, Conditions::GOOD, EndpointConfig::default());
            for side in [Side::B, Side::A] {
                pair.connect(side, Pair::usual(side));
            }
            pair.run_for(Duration::from_millis(millis));
            pair.command(Side::A, Command::RemoveConnection(Pair::CONNECTION));
            pair.run_for(Duration::from_secs(60));
            assert_nothing_left(&pair);
        }
    }
}

#[test]
fn a_connection_that_changes_while_it_is_made_comes_up_once() {
    for seed in 0..20 {
        for millis in (0..50).step_by(5) {
            let mut pair = Pair::new(seed, Conditions::GOOD, EndpointConfig::default());
            for side in [Side::B, Side::A] {
                pair.connect(side, Pair::usual(side));
            }
            pair.run_for(Duration::from_millis(millis));
            let mut config = Pair::usual(Side::A);
            config.esp.extended_sequence_numbers = false;
            pair.connect(Side::A, config);
            assert!(pair.run_until(Duration::from_secs(30), Pair::is_up));
            pair.run_for(Duration::from_secs(30));
            assert_settled(&pair);
        }
    }
}
