//! The embedded provider against the real kernel. Needs root; says so and skips without.

#![cfg(test)]

mod networks;
mod outside;
mod routers;
mod support;
