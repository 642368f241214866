//! The whole program, with real traffic: `adit serve` makes VPCs, gateways and tunnels between
//! namespaces of this host. Needs root; says so and skips without.

#![cfg(test)]

mod backup;
mod blocks;
mod changed_blocks;
mod changes;
mod disk;
mod ends;
mod environment;
mod events;
mod example;
mod hostile;
mod inverse;
mod one_model;
mod operation;
mod outside_by_ipv6;
mod reasons;
mod recovery;
mod right_after_up;
mod secrets;
mod terminal;
mod tunnels;
mod without_udp;
mod world;

#[expect(dead_code, reason = "the tests with strongSwan use the rest")]
#[path = "../support/mod.rs"]
mod support;
