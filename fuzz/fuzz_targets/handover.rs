//! An endpoint takes what another one is said to have exported, and lives on with it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_ike::fuzzing::run_handover(data));
