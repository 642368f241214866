//! The data plane as its callers see it.

#![expect(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod loops;
mod memory;
mod modes;
mod netns;
#[path = "support/packets.rs"]
mod packets;
mod support;
