//! Two endpoints and what is between them: the tests of the crate as its callers see it.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod exchange;

mod additional;
mod any_address;
mod attacker;
mod cases;
mod certificates;
mod changed_blocks;
mod child_collision;
mod child_rekey;
mod cost;
mod delete;
mod encapsulation;
mod fragmentation;
mod handover;
mod hour;
mod ike_rekey;
mod ikev1;
mod initiator;
mod limits;
mod liveness;
mod modes;
mod negotiation;
mod one_address;
mod parts;
mod ppk;
mod recording;
mod refusals;
mod storm;
mod two_at_once;

/// The example is run, too.
#[path = "../examples/two_peers.rs"]
mod example;

#[test]
fn the_example_shows_what_it_says() {
    example::main();
}
