//! Lines of a worker, as its supervisor takes them.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/worker/tests/corpus/check.rs"]
mod check;

fuzz_target!(|data: &[u8]| check::check(data));
