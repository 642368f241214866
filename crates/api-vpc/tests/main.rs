//! The face over a memory store: one program, so that it is linked once.

#![cfg(test)]

mod faq;
mod floating_ips;
mod keys;
mod network_acls;
mod operations;
mod peers;
mod public_gateways;
mod refusals;
mod resources;
mod routes;
mod security_groups;
mod seed;
mod terraform;
mod truths;
mod world;
