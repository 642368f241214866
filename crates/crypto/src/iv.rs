//! Unpredictable IVs for CBC without a call to the system for each packet.

use core::fmt;

use zeroize::Zeroizing;

use crate::Random;
use crate::cbc::AesKey;

/// Makes the IVs of one CBC direction: AES-128 of a counter, under a random key of its own.
///
/// Without the key the next IV looks random, which is what CBC asks for (RFC 3602 section 3); as a permutation of
/// the counter it never repeats either. The key is never used for anything else.
pub struct IvGenerator(AesKey);

impl IvGenerator {
    /// Draws the key from `random`.
    #[must_use]
    #[expect(clippy::expect_used, reason = "AES takes every key of 16 octets")]
    pub fn new(random: &mut dyn Random) -> Self {
        let mut key = Zeroizing::new([0; 16]);
        random.fill(&mut *key);
        Self(AesKey::new(&*key).expect("16 octets are an AES key"))
    }

    /// The IV for `counter`, which must not be used twice.
    #[must_use]
    pub fn iv(&self, counter: u64) -> [u8; 16] {
        let mut block = [0; 16];
        for (to, from) in block.iter_mut().zip(counter.to_be_bytes()) {
            *to = from;
        }
        self.0.encrypt_block(block)
    }
}

impl fmt::Debug for IvGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IvGenerator")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    #[test]
    fn ivs_differ_by_counter_and_by_key() {
        let a = IvGenerator::new(&mut SystemRandom);
        assert_eq!(a.iv(1), a.iv(1));
        assert_ne!(a.iv(1), a.iv(2));
        assert_ne!(a.iv(1), IvGenerator::new(&mut SystemRandom).iv(1));
    }
}
