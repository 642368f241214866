//! Replays the committed inputs of the fuzz targets `esp_open` and `ah_open`.

#![expect(clippy::expect_used, unreachable_pub, reason = "test code")]

use std::path::PathBuf;

mod ah;
mod check;

fn replay(target: &str, check: impl Fn(&[u8])) {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut played = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus") {
        let path = entry.expect("an entry").path();
        check(&std::fs::read(path).expect("an input"));
        played += 1;
    }
    assert!(played > 0);
}

#[test]
fn every_committed_input_is_survived() {
    replay("esp_open", check::check);
}

#[test]
fn so_is_every_one_for_ah() {
    replay("ah_open", ah::check);
}
