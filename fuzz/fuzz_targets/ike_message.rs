//! Everything that happens to an IKE message before its integrity is checked, and the payloads inside.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/ike-wire/tests/corpus/check.rs"]
mod check;

fuzz_target!(|data: &[u8]| check::check(data));
