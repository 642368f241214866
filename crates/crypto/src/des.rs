//! DES and triple DES in CBC mode (RFC 2405, RFC 2451), for peers that have nothing better.
//!
//! Blocks are of 64 bits, so that what is sent under one key must stay well below 2^32 of them. There is no hardware
//! for it, and so nothing to be won from several lanes. DES is triple DES with one key three times: a path of its own
//! would be faster, which nobody should be tempted by.

use ::des::TdesEde3;
use ::des::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit, consts::U8};
use zeroize::Zeroizing;

/// One block, and so the IV.
pub(crate) const BLOCK_LEN: usize = 8;

/// One key of 64 bits, parity bits included.
pub(crate) const DES_KEY_LEN: usize = 8;

/// Three such keys.
pub(crate) const TRIPLE_DES_KEY_LEN: usize = 24;

type Block = Array<u8, U8>;

/// A key; wiped on drop by the `des` crate.
pub(crate) struct DesKey(TdesEde3);

impl DesKey {
    /// Triple DES; `None` unless the key has 24 octets.
    pub(crate) fn triple(key: &[u8]) -> Option<Self> {
        TdesEde3::new_from_slice(key).ok().map(Self)
    }

    /// DES; `None` unless the key has 8 octets.
    pub(crate) fn single(key: &[u8]) -> Option<Self> {
        let key: [u8; DES_KEY_LEN] = key.try_into().ok()?;
        let thrice = Zeroizing::new([key, key, key]);
        Self::triple(thrice.as_flattened())
    }

    /// Encrypts strings `IV | plaintext` in place. Octets past the last whole block stay as they are.
    pub(crate) fn encrypt(&self, lanes: &mut [&mut [u8]]) {
        for lane in lanes {
            let mut blocks = lane.chunks_exact_mut(BLOCK_LEN);
            let mut previous = [0; BLOCK_LEN];
            if let Some(iv) = blocks.next() {
                previous.copy_from_slice(iv);
            }
            for octets in blocks {
                let mut block = Block::from(previous);
                for (to, from) in block.iter_mut().zip(octets.iter()) {
                    *to ^= from;
                }
                self.0.encrypt_block(&mut block);
                previous = block.into();
                octets.copy_from_slice(&previous);
            }
        }
    }

    /// Decrypts the ciphertext after the IV in place.
    pub(crate) fn decrypt(&self, iv: [u8; BLOCK_LEN], ciphertext: &mut [u8]) {
        let mut previous = iv;
        for octets in ciphertext.chunks_exact_mut(BLOCK_LEN) {
            let mut block = Block::default();
            block.copy_from_slice(octets);
            let sealed: [u8; BLOCK_LEN] = block.into();
            self.0.decrypt_block(&mut block);
            for ((to, plain), before) in octets.iter_mut().zip(block.iter()).zip(previous) {
                *to = plain ^ before;
            }
            previous = sealed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        crate::group::tests::unhex(text)
    }

    #[test]
    fn the_example_of_sp_800_67_with_each_block_by_itself() {
        // NIST SP 800-67, appendix B.1: "The qufck brown fox jump", one block at a time.
        let key = unhex("0123456789abcdef23456789abcdef01456789abcdef0123");
        let key = DesKey::triple(&key).unwrap();
        for (plain, cipher) in [
            ("5468652071756663", "a826fd8ce53b855f"),
            ("6b2062726f776e20", "cce21c8112256fe6"),
            ("666f78206a756d70", "68d5c05dd9b6b900"),
        ] {
            let mut data = [&[0; 8][..], &unhex(plain)].concat();
            key.encrypt(&mut [&mut data]);
            assert_eq!(data[8..], unhex(cipher));
            key.decrypt([0; 8], &mut data[8..]);
            assert_eq!(data[8..], unhex(plain));
        }
    }

    #[test]
    fn known_answers_of_des() {
        // NIST SP 800-17, appendix A: variable plaintext and variable key tests.
        for (key, plain, cipher) in [
            ("0101010101010101", "8000000000000000", "95f8a5e5dd31d900"),
            ("0101010101010101", "0000000000000001", "166b40b44aba4bd6"),
            ("8001010101010101", "0000000000000000", "95a8d72813daa94d"),
        ] {
            let key = DesKey::single(&unhex(key)).unwrap();
            let mut data = [&[0; 8][..], &unhex(plain)].concat();
            key.encrypt(&mut [&mut data]);
            assert_eq!(data[8..], unhex(cipher));
            key.decrypt([0; 8], &mut data[8..]);
            assert_eq!(data[8..], unhex(plain));
        }
    }

    #[test]
    fn blocks_are_chained_and_lanes_are_not() {
        let key = DesKey::triple(&unhex("0123456789abcdef23456789abcdef01456789abcdef0123"));
        let key = key.unwrap();
        let iv = *b"an iv ok";
        let plain: Vec<u8> = (0..40).collect();
        let (mut one, mut other) = ([&iv[..], &plain].concat(), [&iv[..], &plain[..16]].concat());
        key.encrypt(&mut [&mut one, &mut other]);
        assert_eq!(one[..8], iv);
        assert_eq!(one[..24], other[..]);
        // By its definition: a block is the cipher of itself and the one before.
        let mut second = [&[0; 8][..], &plain[8..16]].concat();
        for (to, before) in second[8..].iter_mut().zip(&one[8..16]) {
            *to ^= before;
        }
        key.encrypt(&mut [&mut second]);
        assert_eq!(second[8..], one[16..24]);
        key.decrypt(iv, &mut one[8..]);
        assert_eq!(one[8..], plain);
    }

    #[test]
    fn a_key_of_another_length_is_none() {
        assert!(DesKey::triple(&[0; 16]).is_none());
        assert!(DesKey::triple(&[0; 25]).is_none());
        assert!(DesKey::single(&[0; 7]).is_none());
        assert!(DesKey::single(&[0; 24]).is_none());
    }
}
