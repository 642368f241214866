//! Replays the committed inputs of the fuzz target `certificate`.

#![expect(clippy::expect_used, unreachable_pub, reason = "test code")]

use std::path::PathBuf;

mod check;

#[test]
fn every_committed_input_is_survived() {
    let corpus = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
        .join("../../fuzz/corpus/certificate");
    let (mut played, mut believed) = (0, 0);
    for entry in std::fs::read_dir(corpus).unwrap() {
        believed += check::check(&std::fs::read(entry.unwrap().path()).unwrap());
        played += 1;
    }
    assert!(played > 0 && believed > 0);
}
