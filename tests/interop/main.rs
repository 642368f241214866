//! Adit against strongSwan, each in its own namespace, both ways round. Needs root and strongSwan;
//! says so and skips without.

#![cfg(test)]

mod any_address;
mod blocks;
mod certificates;
mod childless;
mod dead_peer;
mod ends;
mod explain;
mod failures;
mod fragments;
mod lives;
mod matrix;
mod nat;
mod native;
mod onboarding;
mod outside_by_ipv6;
mod ppk;
mod reasons;
mod route_mode;
mod scene;
mod scoreboard;
mod second_wave;
mod suites;
mod translations;
mod tunnels;

#[path = "../support/strongswan.rs"]
mod strongswan;

#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../support/mod.rs"]
mod support;
