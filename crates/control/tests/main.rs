//! The use cases and the reconciler over a memory store: one program, so that it is linked once.

#![cfg(test)]

mod change_log;
mod connection_requests;
mod ending;
mod events;
mod identity;
mod lanes;
mod logins;
mod network_specs;
mod outer_addresses;
mod reconcile;
mod routes;
mod rules;
mod sequences;
mod shares;
mod tokens;
mod translations;
mod tunnel_contexts;
mod world;
