//! What was recorded of a connection happens again.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_ike::fuzzing::run_recording(data));
