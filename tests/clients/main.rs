//! OpenStack's own clients against `adit serve`: documented sessions, command by command, and the
//! SDK; IBM's SDK in several releases; SoftLayer's client; and a real Keystone that says who asks. All of these stand in virtual environments that
//! `make test-clients` makes; without them, or without root, the tests say so and skip.

#![cfg(test)]

mod branch;
mod client;
mod ibm;
mod join;
mod keystone;
mod sdk;
mod session;
mod softlayer;
mod tls;
mod two_networks;

#[expect(dead_code, reason = "interop tests use the rest")]
#[path = "../support/strongswan.rs"]
mod strongswan;

#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../support/mod.rs"]
mod support;
