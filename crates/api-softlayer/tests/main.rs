//! The Classic face over a memory store: every call, by both transports.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod calls;
mod edits;
mod terraform;
mod world;
mod xml;
