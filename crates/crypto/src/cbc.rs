//! AES-CBC (RFC 3602) at the speed of the hardware.
//!
//! CBC encryption is a chain: each block waits for the one before it, so one packet leaves the AES unit mostly
//! idle. Encryption here takes one block of each of up to [`LANES`] packets at a time, which the `aes` crate runs
//! side by side. Decryption has no chain and works on one packet at a time.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit, consts::U16};
use aes::{Aes128, Aes192, Aes256};

use crate::des::DesKey;
use crate::encryption::{AES_BLOCK_LEN, Encryption, Mode};

/// How many packets are encrypted side by side.
pub(crate) const LANES: usize = 16;

/// Blocks decrypted per call, enough to fill any AES unit.
const DECRYPT_BLOCKS: usize = 16;

type Block = Array<u8, U16>;

/// A key of any cipher that runs in CBC mode.
pub(crate) enum CbcKey {
    /// FIPS 197, with keys of 16, 24 or 32 octets.
    Aes(AesKey),
    /// DES or triple DES.
    Des(DesKey),
}

impl CbcKey {
    /// `None` unless it is a cipher in CBC mode, and the key has its length.
    pub(crate) fn new(enc: Encryption, key: &[u8]) -> Option<Self> {
        match enc.mode() {
            Mode::Des => DesKey::single(key).map(Self::Des),
            Mode::TripleDes => DesKey::triple(key).map(Self::Des),
            Mode::Cbc => AesKey::new(key).map(Self::Aes),
            Mode::Ctr | Mode::Ccm(_) | Mode::Gcm(_) | Mode::ChaCha20Poly1305 => None,
        }
    }

    /// Encrypts up to [`LANES`] strings `IV | plaintext` in place, as [`AesKey::encrypt`] does.
    pub(crate) fn encrypt(&self, lanes: &mut [&mut [u8]]) {
        match self {
            Self::Aes(key) => key.encrypt(lanes),
            Self::Des(key) => key.encrypt(lanes),
        }
    }

    /// Decrypts `IV | ciphertext` in place, leaving the IV; whether there was one.
    pub(crate) fn decrypt(&self, data: &mut [u8]) -> bool {
        match self {
            Self::Aes(key) => match data.split_first_chunk_mut() {
                Some((iv, ciphertext)) => key.decrypt(*iv, ciphertext),
                None => return false,
            },
            Self::Des(key) => match data.split_first_chunk_mut() {
                Some((iv, ciphertext)) => key.decrypt(*iv, ciphertext),
                None => return false,
            },
        }
        true
    }
}

/// A cipher in CBC mode by itself, whose IVs follow from what was sent before: IKEv1 (RFC 2409 appendix B).
/// Nothing is authenticated here.
pub struct CbcCipher {
    enc: Encryption,
    key: CbcKey,
}

impl CbcCipher {
    /// `None` unless it is a cipher in CBC mode and the key has its length.
    #[must_use]
    pub fn new(enc: Encryption, key: &[u8]) -> Option<Self> {
        if key.len() != enc.key_len() {
            return None;
        }
        let key = CbcKey::new(enc, key)?;
        Some(Self { enc, key })
    }

    /// Octets of a block, and of an IV.
    #[must_use]
    pub fn block_len(&self) -> usize {
        self.enc.block_len()
    }

    /// Encrypts whole blocks; `None` if they are none, or the IV is no block.
    #[must_use]
    pub fn encrypt(&self, iv: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        let mut data = self.joined(iv, plaintext)?;
        self.key.encrypt(&mut [&mut data]);
        Some(data.split_off(iv.len()))
    }

    /// Decrypts whole blocks; `None` if they are none, or the IV is no block.
    #[must_use]
    pub fn decrypt(&self, iv: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
        let mut data = self.joined(iv, ciphertext)?;
        self.key
            .decrypt(&mut data)
            .then(|| data.split_off(iv.len()))
    }

    fn joined(&self, iv: &[u8], blocks: &[u8]) -> Option<Vec<u8>> {
        let block = self.block_len();
        let fits = iv.len() == block && blocks.len().is_multiple_of(block);
        fits.then(|| [iv, blocks].concat())
    }
}

impl core::fmt::Debug for CbcCipher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CbcCipher({})", self.enc.name())
    }
}

/// An AES key of any of the three lengths; wiped on drop by the `aes` crate.
pub(crate) enum AesKey {
    /// 128 bits.
    Aes128(Aes128),
    /// 192 bits.
    Aes192(Aes192),
    /// 256 bits.
    Aes256(Aes256),
}

impl AesKey {
    /// `None` unless the key has 16, 24 or 32 octets.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128::new_from_slice(key).ok().map(Self::Aes128),
            24 => Aes192::new_from_slice(key).ok().map(Self::Aes192),
            32 => Aes256::new_from_slice(key).ok().map(Self::Aes256),
            _ => None,
        }
    }

    /// Encrypts up to [`LANES`] strings `IV | plaintext` in place. Octets past the last whole block stay as
    /// they are; the caller has refused them. The lanes are reordered, longest first.
    pub(crate) fn encrypt(&self, lanes: &mut [&mut [u8]]) {
        match self {
            Self::Aes128(aes) => encrypt_lanes(aes, lanes),
            Self::Aes192(aes) => encrypt_lanes(aes, lanes),
            Self::Aes256(aes) => encrypt_lanes(aes, lanes),
        }
    }

    /// Encrypts one block by itself.
    pub(crate) fn encrypt_block(&self, block: [u8; AES_BLOCK_LEN]) -> [u8; AES_BLOCK_LEN] {
        let mut block = Block::from(block);
        match self {
            Self::Aes128(aes) => aes.encrypt_block(&mut block),
            Self::Aes192(aes) => aes.encrypt_block(&mut block),
            Self::Aes256(aes) => aes.encrypt_block(&mut block),
        }
        block.into()
    }

    /// Decrypts `IV | ciphertext` in place, leaving the IV.
    pub(crate) fn decrypt(&self, iv: [u8; AES_BLOCK_LEN], ciphertext: &mut [u8]) {
        match self {
            Self::Aes128(aes) => decrypt(aes, iv, ciphertext),
            Self::Aes192(aes) => decrypt(aes, iv, ciphertext),
            Self::Aes256(aes) => decrypt(aes, iv, ciphertext),
        }
    }
}

fn encrypt_lanes<C: BlockCipherEncrypt<BlockSize = U16>>(cipher: &C, lanes: &mut [&mut [u8]]) {
    // Longest first, so that the lanes still running are always the leading ones.
    lanes.sort_unstable_by_key(|lane| core::cmp::Reverse(lane.len()));
    let mut chain = [Block::default(); LANES];
    for (state, lane) in chain.iter_mut().zip(lanes.iter()) {
        if let Some(iv) = lane.first_chunk::<AES_BLOCK_LEN>() {
            *state = Block::from(*iv);
        }
    }
    let mut running = lanes.len().min(LANES);
    let mut at = AES_BLOCK_LEN;
    loop {
        while running > 0
            && lanes
                .get(running - 1)
                .is_none_or(|lane| lane.len() < at + AES_BLOCK_LEN)
        {
            running -= 1;
        }
        let (Some(states), Some(lanes)) = (chain.get_mut(..running), lanes.get_mut(..running))
        else {
            return;
        };
        if states.is_empty() {
            return;
        }
        for (state, lane) in states.iter_mut().zip(lanes.iter()) {
            if let Some(plain) = lane.get(at..at + AES_BLOCK_LEN) {
                for (to, from) in state.iter_mut().zip(plain) {
                    *to ^= from;
                }
            }
        }
        cipher.encrypt_blocks(states);
        for (state, lane) in states.iter().zip(lanes.iter_mut()) {
            if let Some(block) = lane.get_mut(at..at + AES_BLOCK_LEN) {
                block.copy_from_slice(state);
            }
        }
        at += AES_BLOCK_LEN;
    }
}

fn decrypt<C: BlockCipherDecrypt<BlockSize = U16>>(
    cipher: &C,
    iv: [u8; AES_BLOCK_LEN],
    ciphertext: &mut [u8],
) {
    let mut previous = Block::from(iv);
    let (blocks, _rest) = Block::slice_as_chunks_mut(ciphertext);
    for group in blocks.chunks_mut(DECRYPT_BLOCKS) {
        let mut before = [Block::default(); DECRYPT_BLOCKS];
        for (copy, block) in before
            .iter_mut()
            .zip(core::iter::once(&previous).chain(group.iter()))
        {
            *copy = *block;
        }
        let Some(last) = group.last().copied() else {
            return;
        };
        cipher.decrypt_blocks(group);
        for (block, before) in group.iter_mut().zip(&before) {
            for (to, from) in block.iter_mut().zip(before) {
                *to ^= from;
            }
        }
        previous = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    /// The chain written as its definition, one block at a time.
    fn encrypt_plainly(key: &[u8], data: &mut [u8]) {
        let cipher = Aes256::new_from_slice(key).unwrap();
        for at in (16..data.len()).step_by(16) {
            let mut block = Block::default();
            for i in 0..16 {
                block[i] = data[at + i] ^ data[at - 16 + i];
            }
            cipher.encrypt_block(&mut block);
            data[at..at + 16].copy_from_slice(&block);
        }
    }

    #[test]
    fn a_cipher_by_itself_reads_what_it_wrote_and_takes_whole_blocks_alone() {
        for &enc in Encryption::ALL {
            let Some(cipher) = CbcCipher::new(enc, &vec![7; enc.key_len()]) else {
                assert!(!enc.is_cbc());
                continue;
            };
            let block = cipher.block_len();
            let (iv, plain) = (vec![1; block], vec![2; block * 3]);
            let sealed = cipher.encrypt(&iv, &plain).unwrap();
            assert_ne!(sealed, plain);
            assert_eq!(cipher.decrypt(&iv, &sealed), Some(plain));
            // Each message's IV is the last block of the one before.
            let (first, second) = sealed.split_at(block);
            let tail = cipher.decrypt(first, second).unwrap();
            assert_eq!(tail, vec![2; block * 2]);
            assert_eq!(cipher.encrypt(&iv, &vec![0; block + 1]), None);
            assert_eq!(cipher.decrypt(&iv[1..], &sealed), None);
            assert!(CbcCipher::new(enc, &[]).is_none());
        }
    }

    #[test]
    fn vectors_of_rfc_3602_section_4() {
        let cases = [
            (
                "06a9214036b8a15b512e03d534120006",
                "3dafba429d9eb430b422da802c9fac41",
                "53696e676c6520626c6f636b206d7367",
                "e353779c1079aeb82708942dbe77181a",
            ),
            (
                "c286696d887c9aa0611bbb3e2025a45a",
                "562e17996d093d28ddb3ba695a2e6f58",
                "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1",
            ),
            (
                "56e47a38c5598974bc46903dba290349",
                "8ce82eefbea0da3c44699ed7db51b7d9",
                "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
                "c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e35907aa632c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55",
            ),
        ];
        for (key, iv, plain, cipher) in cases {
            let key = AesKey::new(&unhex(key)).unwrap();
            let mut data = unhex(&format!("{iv}{plain}"));
            key.encrypt(&mut [&mut data]);
            assert_eq!(data[16..], unhex(cipher));
            key.decrypt(unhex(iv).try_into().unwrap(), &mut data[16..]);
            assert_eq!(data[16..], unhex(plain));
        }
    }

    proptest! {
        #[test]
        fn lanes_give_what_one_at_a_time_gives(
            key in any::<[u8; 32]>(),
            lengths in proptest::collection::vec(0_usize..40, 1..=LANES),
            seed in any::<u64>(),
        ) {
            let mut state = seed;
            let mut packets: Vec<Vec<u8>> = lengths.iter().map(|blocks| (0..16 + blocks * 16).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            }).collect()).collect();
            let mut expected = packets.clone();
            for packet in &mut expected {
                encrypt_plainly(&key, packet);
            }
            let plain = packets.clone();
            let aes = AesKey::new(&key).unwrap();
            let mut lanes: Vec<&mut [u8]> = packets.iter_mut().map(Vec::as_mut_slice).collect();
            aes.encrypt(&mut lanes);
            prop_assert_eq!(&packets, &expected);
            for packet in &mut packets {
                let (iv, rest) = packet.split_at_mut(16);
                aes.decrypt((&*iv).try_into().unwrap(), rest);
            }
            prop_assert_eq!(&packets, &plain);
        }
    }
}
