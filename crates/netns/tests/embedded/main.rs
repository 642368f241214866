//! The embedded provider against the real kernel. Needs root; says so and skips without.

#![cfg(test)]

mod edges;
mod networks;
mod outside;
mod outside_by_ipv6;
mod routers;
mod support;
