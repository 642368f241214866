//! Everything that happens to an ESP packet: raw octets, and authentic packets with any content.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/esp/tests/corpus/check.rs"]
mod check;

fuzz_target!(|data: &[u8]| check::check(data));
