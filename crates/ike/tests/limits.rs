//! What an authenticated peer can make an endpoint hold is bounded.

mod exchange;

use std::net::IpAddr;
use std::time::Duration;

use adit_ike::ChildConfig;
use adit_ike::config::block;
use adit_sim::Side;
use exchange::*;

#[test]
fn a_peer_that_rekeys_without_end_is_made_to_wait() {
    let mut pair = up(1);
    for _ in 0..200 {
        // A rekeys and forgets to delete what it replaced; B keeps each for a minute.
        rekey_ike(&mut pair, Side::A);
        while let Some(datagram) = pair.wire.first().cloned() {
            pair.wire.remove(0);
            // Deletes are INFORMATIONAL exchanges.
            if datagram.octets.get(18) != Some(&37) {
                pair.deliver(&datagram);
            }
        }
        assert!(pair.node(Side::B).endpoint.sa_count() <= 16);
    }
    assert!(ikes_made(&pair, Side::B) <= 17);
}

#[test]
fn a_peer_that_asks_for_child_sas_without_end_is_refused() {
    let mut pair = up_with(1, |side, config| {
        // A wants many, all within what B allows.
        if side == Side::A {
            let local = config.children[0].local.clone();
            let blocks = (0..100).map(|last| {
                let address = IpAddr::from([10, 2, 0, last]);
                vec![block(address, 32)]
            });
            config.children = blocks
                .map(|remote| ChildConfig {
                    local: local.clone(),
                    remote,
                })
                .collect();
        }
    });
    pair.held = false;
    pair.run_for(Duration::from_secs(300));
    let made = pair.node(Side::B).children.len();
    assert_eq!(made, 20);
}
