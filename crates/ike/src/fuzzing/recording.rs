//! What the fuzz target `recording` does with its input: a recording as it is once its seal is open, which happens again.
//! Invariant: nothing panics.

use adit_crypto::Secret;

use super::CONNECTION;
use crate::authentication::Authentication;
use crate::recording::Recording;

/// Plays one input.
pub fn run_recording(input: &[u8]) {
    if let Ok(recording) = Recording::read(CONNECTION, input) {
        // What it comes to is another matter.
        let _ = recording.replay(&Authentication::psk(Secret::new(
            b"known to the fuzzer".to_vec(),
        )));
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::path::PathBuf;
    use std::vec::Vec;

    use super::*;
    use crate::fuzzing::Table;

    /// What is recorded of both ends of some lives.
    fn inputs() -> Vec<Vec<u8>> {
        let mut inputs = Vec::new();
        for choice in [6 << 5, 6 << 5 | 1, 6 << 5 | 2, 6 << 5 | 12, 1 << 5] {
            let mut table = Table::new(choice);
            for order in [0, 2, 4, 6, 5] {
                table.order(0, order);
                for side in [0, 1, 0, 1] {
                    table.pass(side, |_| {});
                }
            }
            for side in [0, 1] {
                let recording = table.end(side).recording(CONNECTION);
                inputs.extend(recording.map(|one| one.octets().as_slice().to_vec()));
            }
        }
        inputs
    }

    fn corpus() -> PathBuf {
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
            .join("../../fuzz/corpus/recording")
    }

    #[test]
    fn any_octet_of_a_recording_may_be_another_and_it_may_end_anywhere() {
        let inputs = inputs();
        assert!(inputs.len() >= 4, "{}", inputs.len());
        for (number, input) in inputs.into_iter().enumerate() {
            let recording = Recording::read(CONNECTION, &input).unwrap();
            let replayed = recording.replay(&Authentication::psk(Secret::new(
                b"known to the fuzzer".to_vec(),
            )));
            assert!(replayed.is_ok(), "{replayed:?}");
            for at in (number % 23..input.len()).step_by(23) {
                let mut changed = input.clone();
                changed[at] ^= [1, 0x80, 0xFF, 7][(number + at) % 4];
                run_recording(&changed);
            }
            for len in (0..input.len()).step_by(101) {
                run_recording(&input[..len]);
            }
        }
    }

    #[test]
    fn every_committed_input_is_survived() {
        let mut played = 0;
        for entry in std::fs::read_dir(corpus()).unwrap() {
            run_recording(&std::fs::read(entry.unwrap().path()).unwrap());
            played += 1;
        }
        assert!(played > 0);
    }

    #[test]
    #[ignore = "writes to fuzz/corpus"]
    fn write_seeds() {
        std::fs::create_dir_all(corpus()).unwrap();
        for (number, input) in inputs().into_iter().enumerate() {
            let name = std::format!("input-{:04}", number + 1);
            std::fs::write(corpus().join(name), input).unwrap();
        }
    }
}
