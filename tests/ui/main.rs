//! The page in a real browser: Debian's Chromium, driven by the scripts of `ui/tests`, on a running `adit serve`. Needs
//! root, Node, Chromium and what `make test` fetches; says so and skips without.

#![cfg(test)]

mod browser;
mod stories;

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../support/strongswan.rs"]
mod strongswan;

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;
