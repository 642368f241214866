//! Adit's own API over a memory store and an agent that only remembers.

#![cfg(test)]

mod audit;
mod connections;
mod description;
mod events;
mod explain;
mod networks;
mod nouns;
mod others;
mod peer_configs;
mod policies;
mod reachability;
mod requests;
mod sessions;
mod sessions_by_cookie;
mod support;
