//! The whole program, with real traffic: `adit serve` makes VPCs, gateways and tunnels between
//! namespaces of this host. Needs root; says so and skips without.

#![cfg(test)]

mod blocks;
mod example;
mod hostile;
mod operation;
mod reasons;
mod recovery;
mod tunnels;
mod world;

#[path = "../support/mod.rs"]
mod support;
