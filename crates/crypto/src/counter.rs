//! AES in counter mode with a counter of 32 bits (RFC 3686), and what GCM with a shortened ICV makes of it.

use aes::cipher::{BlockCipherEncrypt, InnerIvInit, StreamCipher, consts::U16};
use ctr::{Ctr32BE, CtrCore};
use ghash::universal_hash::UniversalHash;
use ghash::{Block, GHash};

use crate::cbc::AesKey;
use crate::encryption::{AES_BLOCK_LEN, COUNTED_IV_LEN, SALT_LEN};

impl AesKey {
    /// Encrypts or decrypts in place with what follows from the blocks `nonce | IV | counter`; whether the counter
    /// suffices, which it does for 64 GB.
    pub(crate) fn count(
        &self,
        nonce: [u8; SALT_LEN],
        iv: [u8; COUNTED_IV_LEN],
        counter: u32,
        data: &mut [u8],
    ) -> bool {
        let first = first_block(nonce, iv, counter);
        match self {
            Self::Aes128(aes) => apply(aes, first, data),
            Self::Aes192(aes) => apply(aes, first, data),
            Self::Aes256(aes) => apply(aes, first, data),
        }
    }
}

fn first_block(
    nonce: [u8; SALT_LEN],
    iv: [u8; COUNTED_IV_LEN],
    counter: u32,
) -> [u8; AES_BLOCK_LEN] {
    let parts = nonce.into_iter().chain(iv).chain(counter.to_be_bytes());
    let mut block = [0; AES_BLOCK_LEN];
    for (to, from) in block.iter_mut().zip(parts) {
        *to = from;
    }
    block
}

fn apply<C: BlockCipherEncrypt<BlockSize = U16>>(
    cipher: &C,
    first: [u8; AES_BLOCK_LEN],
    data: &mut [u8],
) -> bool {
    let mut stream = Ctr32BE::from_core(CtrCore::inner_iv_init(cipher, &first.into()));
    stream.try_apply_keystream(data).is_ok()
}

/// AES-GCM (NIST SP 800-38D) whose ICV is cut to 8 or 12 octets, which aws-lc-rs can't open.
pub(crate) struct ShortGcm {
    key: AesKey,
    /// Begun with its key, to be cloned.
    hash: GHash,
    salt: [u8; SALT_LEN],
}

impl ShortGcm {
    /// `None` unless the key has 16, 24 or 32 octets.
    pub(crate) fn new(key: &[u8], salt: [u8; SALT_LEN]) -> Option<Self> {
        let key = AesKey::new(key)?;
        let hash = GHash::new(&key.encrypt_block([0; AES_BLOCK_LEN]).into());
        Some(Self { key, hash, salt })
    }

    /// Encrypts or decrypts in place; whether the counter suffices.
    pub(crate) fn cipher(&self, iv: [u8; COUNTED_IV_LEN], data: &mut [u8]) -> bool {
        self.key.count(self.salt, iv, 2, data)
    }

    /// The ICV in full length, over the ciphertext.
    pub(crate) fn icv(
        &self,
        iv: [u8; COUNTED_IV_LEN],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> [u8; AES_BLOCK_LEN] {
        let bits = |data: &[u8]| (data.len() as u64 * 8).to_be_bytes();
        let mut lengths = Block::default();
        let both = bits(aad).into_iter().chain(bits(ciphertext));
        for (to, from) in lengths.iter_mut().zip(both) {
            *to = from;
        }
        let mut hash = self.hash.clone();
        hash.update_padded(aad);
        hash.update_padded(ciphertext);
        hash.update(&[lengths]);
        let mut icv = self.key.encrypt_block(first_block(self.salt, iv, 1));
        for (to, from) in icv.iter_mut().zip(hash.finalize()) {
            *to ^= from;
        }
        icv
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::tests::unhex;

    #[test]
    fn vectors_of_rfc_3686_section_6() {
        let block = "53696e676c6520626c6f636b206d7367";
        let two = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let more = format!("{two}20212223");
        let cases = [
            (
                "ae6852f8121067cc4bf7a5765577f39e00000030",
                "0000000000000000",
                block,
                "e4095d4fb7a7b3792d6175a3261311b8",
            ),
            (
                "7e24067817fae0d743d6ce1f32539163006cb6db",
                "c0543b59da48d90b",
                two,
                "5104a106168a72d9790d41ee8edad388eb2e1efc46da57c8fce630df9141be28",
            ),
            (
                "7691be035e5020a8ac6e618529f9a0dc00e0017b",
                "27777f3f4a1786f0",
                &more,
                "c1cf48a89f2ffdd9cf4652e9efdb72d74540a42bde6d7836d59a5ceaaef3105325b2072f",
            ),
            (
                "16af5b145fc9f579c175f93e3bfb0eed863d06ccfdb7851500000048",
                "36733c147d6d93cb",
                block,
                "4b55384fe259c9c84e7935a003cbe928",
            ),
            (
                "776beff2851db06f4c8a0542c8696f6c6a81af1eec96b4d37fc1d689e6c1c10400000060",
                "db5672c97aa8f0b2",
                block,
                "145ad01dbf824ec7560863dc71e3e0c0",
            ),
        ];
        for (key, iv, plain, cipher) in cases {
            let material = unhex(key);
            let (key, nonce) = material.split_last_chunk().unwrap();
            let iv = unhex(iv).try_into().unwrap();
            let mut data = unhex(plain);
            let key = AesKey::new(key).unwrap();
            assert!(key.count(*nonce, iv, 1, &mut data));
            assert_eq!(data, unhex(cipher));
            assert!(key.count(*nonce, iv, 1, &mut data));
            assert_eq!(data, unhex(plain));
        }
    }

    #[test]
    fn a_short_icv_is_the_beginning_of_the_long_one() {
        use crate::{Encryption, Sealer};
        for (enc, short) in [
            (Encryption::AesGcm128, Encryption::AesGcm8_128),
            (Encryption::AesGcm192, Encryption::AesGcm12_192),
            (Encryption::AesGcm256, Encryption::AesGcm8_256),
        ] {
            let key: Vec<u8> = (0..enc.key_len() as u8).collect();
            for len in [0, 1, 15, 16, 17, 160, 1400] {
                let mut long = [&b"aad here"[..], b"iv of it", &vec![7; len], &[0; 16]].concat();
                let mut cut = long[..long.len() - 16 + short.icv_len()].to_vec();
                let sealer = |enc| Sealer::new(enc, None, &key, &[]).unwrap();
                sealer(enc).seal(&mut long, 8, Some(9)).unwrap();
                sealer(short).seal(&mut cut, 8, Some(9)).unwrap();
                assert_eq!(cut, long[..cut.len()], "{short:?} {len}");
            }
        }
    }
}
