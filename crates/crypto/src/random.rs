//! Randomness as an argument, so that the protocol crates stay deterministic under test.

use std::time::Duration;

/// A source of random octets, handed in by the caller so that protocol crates stay deterministic.
pub trait Random: Send {
    /// Fills all of `out` with random octets.
    fn fill(&mut self, out: &mut [u8]);
}

/// The operating system's random generator.
///
/// If the generator should fail it is asked again until it answers: waiting is the only outcome that is
/// neither weak nor a crash.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&mut self, out: &mut [u8]) {
        while aws_lc_rs::rand::fill(out).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fills_differ() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        SystemRandom.fill(&mut a);
        SystemRandom.fill(&mut b);
        assert_ne!(a, b);
    }
}
