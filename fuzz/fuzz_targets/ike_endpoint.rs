//! Two IKE endpoints and a network in the input's hands, inside the encryption and outside of it.
//!
//! The harness lives in the crate, where it can seal what the input says with a peer's own keys.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| adit_ike::fuzzing::run(data));
