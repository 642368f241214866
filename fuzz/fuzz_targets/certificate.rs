//! Certificates, revocation lists and keys, as a peer or a user gives them.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/crypto/tests/corpus/check.rs"]
mod check;

fuzz_target!(|data: &[u8]| {
    check::check(data);
});
