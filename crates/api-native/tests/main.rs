//! Adit's own API over a memory store and an agent that only remembers.

#![cfg(test)]
#![expect(clippy::unwrap_used, reason = "test code")]

mod connections;
mod description;
mod explain;
mod policies;
mod sessions;
mod support;
