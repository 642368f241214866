//! Everything that happens to an AH packet: raw octets, and authentic packets with any content.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/esp/tests/corpus/ah.rs"]
mod ah;
#[path = "../../crates/esp/tests/corpus/check.rs"]
#[allow(dead_code, reason = "ESP's own check is another target's")]
mod check;

fuzz_target!(|data: &[u8]| ah::check(data));
