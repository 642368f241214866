//! Adit against peers whose kernel does ESP and AH: strongSwan in a machine of Debian's own kernel, under QEMU, on the
//! external network of this host. Needs root, QEMU and the machine's image (`tools/guest-image`, which `make test`
//! calls); says so and skips without.

#![cfg(test)]

mod libreswan;
mod machine;
mod peer;
mod report;
mod rows;
mod stories;
mod table;

#[expect(
    dead_code,
    reason = "the peer in a namespace is the other tests'; what is behind either is the same"
)]
#[path = "../support/strongswan.rs"]
mod strongswan;

#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../support/mod.rs"]
mod support;
