//! Replays the inputs that fuzzing found worth keeping.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod check;

use std::path::Path;

#[test]
fn every_committed_input_is_survived() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/from_worker");
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        check::check(&std::fs::read(entry.unwrap().path()).unwrap());
        played += 1;
    }
    assert!(played > 0);
}
