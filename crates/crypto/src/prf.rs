//! Pseudorandom functions and the key stretcher `prf+` (RFC 7296 sections 2.10 to 2.14).

use aws_lc_rs::{digest, hmac};
use md5::{Digest, Md5};
use zeroize::{Zeroize, Zeroizing};

use crate::Secret;
use crate::encryption::AES_BLOCK_LEN;
use crate::mac::{MD5_LEN, MacKey, Tag};

/// A pseudorandom function: HMAC (RFC 2104, RFC 4868), or a MAC made of AES. Each takes keys of any length.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Prf {
    /// PRF_HMAC_MD5. For old peers only.
    HmacMd5,
    /// PRF_HMAC_SHA1. For old peers only.
    HmacSha1,
    /// PRF_HMAC_SHA2_256.
    HmacSha256,
    /// PRF_HMAC_SHA2_384.
    HmacSha384,
    /// PRF_HMAC_SHA2_512.
    HmacSha512,
    /// PRF_AES128_XCBC (RFC 4434).
    AesXcbc,
    /// PRF_AES128_CMAC (RFC 4615).
    AesCmac,
}

/// Why `prf+` could not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("prf+ cannot yield {asked} octets, its limit is {limit}")]
pub struct PrfPlusError {
    /// Octets asked for.
    pub asked: usize,
    /// 255 times the output length, since the block counter is one octet.
    pub limit: usize,
}

impl Prf {
    /// Every function.
    pub const ALL: &[Self] = &[
        Self::HmacMd5,
        Self::HmacSha1,
        Self::HmacSha256,
        Self::HmacSha384,
        Self::HmacSha512,
        Self::AesXcbc,
        Self::AesCmac,
    ];

    /// The IKEv2 transform ID (type 2).
    #[must_use]
    pub fn transform_id(self) -> u16 {
        match self {
            Self::HmacMd5 => 1,
            Self::HmacSha1 => 2,
            Self::AesXcbc => 4,
            Self::HmacSha256 => 5,
            Self::HmacSha384 => 6,
            Self::HmacSha512 => 7,
            Self::AesCmac => 8,
        }
    }

    /// The function of a transform ID, if it is one of ours.
    #[must_use]
    pub fn from_transform_id(id: u16) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|one| one.transform_id() == id)
    }

    /// Octets of output, which is also the preferred key length (RFC 7296 section 2.14).
    #[must_use]
    pub fn output_len(self) -> usize {
        match self {
            Self::HmacMd5 => MD5_LEN,
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
            Self::AesXcbc | Self::AesCmac => AES_BLOCK_LEN,
        }
    }

    /// The conventional short name, such as `prfsha256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacMd5 => "prfmd5",
            Self::HmacSha1 => "prfsha1",
            Self::HmacSha256 => "prfsha256",
            Self::HmacSha384 => "prfsha384",
            Self::HmacSha512 => "prfsha512",
            Self::AesXcbc => "prfaesxcbc",
            Self::AesCmac => "prfaescmac",
        }
    }

    /// Octets of either side's nonce that key the first use of the function in an IKE SA, where not all do:
    /// RFC 7296 section 2.14 cuts them for those functions that once had keys of one length.
    #[must_use]
    pub fn nonce_key_len(self) -> Option<usize> {
        matches!(self, Self::AesXcbc | Self::AesCmac).then_some(8)
    }

    /// `prf(key, parts)`, where the parts are taken as one string.
    #[must_use]
    pub fn compute(self, key: &[u8], parts: &[&[u8]]) -> Secret {
        Secret::new(self.key(key).sign(parts).as_ref().to_vec())
    }

    /// The hash that the function is made of, over the parts as one string: IKEv1 negotiates the two as
    /// one (RFC 2409 section 4). `None` where it is made of no hash.
    #[must_use]
    pub fn hash(self, parts: &[&[u8]]) -> Option<Vec<u8>> {
        let algorithm = match self {
            Self::HmacMd5 => {
                let mut context = Md5::new();
                for part in parts {
                    context.update(part);
                }
                return Some(context.finalize().to_vec());
            }
            Self::HmacSha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::HmacSha256 => &digest::SHA256,
            Self::HmacSha384 => &digest::SHA384,
            Self::HmacSha512 => &digest::SHA512,
            Self::AesXcbc | Self::AesCmac => return None,
        };
        let mut context = digest::Context::new(algorithm);
        for part in parts {
            context.update(part);
        }
        Some(context.finish().as_ref().to_vec())
    }

    /// The first `len` octets of `prf+(key, seed)` (RFC 7296 section 2.13).
    ///
    /// # Errors
    /// If more than 255 blocks would be needed: the block counter is one octet.
    pub fn plus(self, key: &[u8], seed: &[&[u8]], len: usize) -> Result<Secret, PrfPlusError> {
        let limit = self.output_len() * 255;
        if len > limit {
            return Err(PrfPlusError { asked: len, limit });
        }
        let key = self.key(key);
        // Room for the last, cut block: growing would leave unwiped copies behind.
        let mut out = Vec::with_capacity(len + self.output_len());
        let mut previous: Option<Tag> = None;
        for counter in 1..=u8::MAX {
            if out.len() >= len {
                break;
            }
            let counter = [counter];
            let mut parts: Vec<&[u8]> = Vec::with_capacity(seed.len() + 2);
            parts.extend(previous.as_ref().map(Tag::as_ref));
            parts.extend(seed);
            parts.push(&counter);
            let block = key.sign(&parts);
            out.extend_from_slice(block.as_ref());
            previous = Some(block);
        }
        if let Some(surplus) = out.get_mut(len..) {
            surplus.zeroize();
        }
        out.truncate(len);
        Ok(Secret::new(out))
    }

    fn key(self, key: &[u8]) -> MacKey {
        let algorithm = match self {
            Self::HmacMd5 => return MacKey::md5(key),
            Self::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::HmacSha256 => hmac::HMAC_SHA256,
            Self::HmacSha384 => hmac::HMAC_SHA384,
            Self::HmacSha512 => hmac::HMAC_SHA512,
            // Short keys are filled up with zeros in the one, and in the other treated as long ones are.
            Self::AesXcbc => {
                let long = key.len() > AES_BLOCK_LEN;
                return MacKey::xcbc(&one_block(key, long.then_some(MacKey::xcbc)));
            }
            Self::AesCmac => {
                let other = key.len() != AES_BLOCK_LEN;
                return MacKey::cmac(&one_block(key, other.then_some(MacKey::cmac)));
            }
        };
        MacKey::sha(algorithm, key)
    }
}

/// A key of one block, of which the one given is the beginning, or what is left of it by `mac` under a key of zeros
/// (RFC 4434 section 2, RFC 4615 section 3).
fn one_block(
    key: &[u8],
    mac: Option<fn(&[u8; AES_BLOCK_LEN]) -> MacKey>,
) -> Zeroizing<[u8; AES_BLOCK_LEN]> {
    let mut block = Zeroizing::new([0; AES_BLOCK_LEN]);
    let other = mac.map(|mac| mac(&block).sign(&[key]));
    let key = other.as_ref().map_or(key, Tag::as_ref);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_chains_blocks_as_the_rfc_writes_them() {
        for &prf in Prf::ALL {
            let t1 = prf.compute(b"key", &[b"seed", &[1]]);
            let t2 = prf.compute(b"key", &[t1.as_slice(), b"seed", &[2]]);
            let t3 = prf.compute(b"key", &[t2.as_slice(), b"seed", &[3]]);
            let expected = [t1.as_slice(), t2.as_slice(), t3.as_slice()].concat();
            for len in [
                0,
                1,
                prf.output_len(),
                prf.output_len() + 1,
                prf.output_len() * 3,
            ] {
                let got = prf.plus(b"key", &[b"se", b"ed"], len).unwrap();
                assert_eq!(got.as_slice(), &expected[..len], "{prf:?} {len}");
            }
        }
    }

    #[test]
    fn hashes_match_the_examples_of_their_standards() {
        // RFC 1321 appendix A.5, FIPS 180-4.
        let begin = |prf: Prf, len: usize| prf.hash(&[b"a", b"bc"]).unwrap()[..len].to_vec();
        assert_eq!(begin(Prf::HmacMd5, 4), [0x90, 0x01, 0x50, 0x98]);
        assert_eq!(begin(Prf::HmacSha1, 4), [0xa9, 0x99, 0x3e, 0x36]);
        assert_eq!(begin(Prf::HmacSha256, 4), [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(begin(Prf::HmacSha384, 4), [0xcb, 0x00, 0x75, 0x3f]);
        assert_eq!(begin(Prf::HmacSha512, 4), [0xdd, 0xaf, 0x35, 0xa1]);
        for &prf in Prf::ALL {
            let len = prf.hash(&[]).map(|hash| hash.len());
            let made_of_aes = prf.nonce_key_len().is_some();
            assert_eq!(len, (!made_of_aes).then_some(prf.output_len()));
        }
    }

    #[test]
    fn keys_of_any_length_make_one_block() {
        // RFC 4434 section 4 and RFC 4615 section 4: keys of 16, 10 and 18 octets.
        let unhex = crate::group::tests::unhex;
        let message: Vec<u8> = (0..20).collect();
        let key = unhex("000102030405060708090a0b0c0d0e0fedcb");
        for (prf, len, expected) in [
            (Prf::AesXcbc, 16, "47f51b4564966215b8985c63055ed308"),
            (Prf::AesXcbc, 10, "0fa087af7d866e7653434e602fdde835"),
            (Prf::AesXcbc, 18, "8cd3c93ae598a9803006ffb67c40e9e4"),
            (Prf::AesCmac, 18, "84a348a4a45d235babfffc0d2b4da09a"),
            (Prf::AesCmac, 16, "980ae87b5f4c9c5214f5b6a8455e4c2d"),
            (Prf::AesCmac, 10, "290d9e112edb09ee141fcf64c0b72f3d"),
        ] {
            let got = prf.compute(&key[..len], &[&message]);
            assert_eq!(got.as_slice(), unhex(expected), "{prf:?} {len}");
        }
    }

    #[test]
    fn plus_ends_after_255_blocks() {
        let prf = Prf::HmacSha256;
        assert_eq!(prf.plus(b"k", &[b"s"], 255 * 32).unwrap().len(), 255 * 32);
        let error = prf.plus(b"k", &[b"s"], 255 * 32 + 1).unwrap_err();
        assert_eq!(
            error,
            PrfPlusError {
                asked: 8161,
                limit: 8160
            }
        );
    }

    #[test]
    fn every_function_is_found_by_its_number() {
        for &prf in Prf::ALL {
            assert_eq!(Prf::from_transform_id(prf.transform_id()), Some(prf));
            assert_eq!(prf.compute(b"", &[]).len(), prf.output_len());
        }
        assert_eq!(Prf::from_transform_id(3), None);
    }
}
