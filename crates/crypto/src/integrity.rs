//! The negotiable integrity algorithms with their IANA numbers and sizes.
//!
//! Numbers are the IKEv2 transform IDs (type 3); sizes are octets unless a name says bits.

use aws_lc_rs::hmac;

use crate::encryption::AES_BLOCK_LEN;
use crate::mac::{MD5_LEN, MacKey};

/// An integrity algorithm for use beside a cipher without its own: truncated HMAC (RFC 2403, RFC 2404,
/// RFC 4868), or a MAC made of AES.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Integrity {
    /// HMAC-MD5 cut to 96 bits. For old peers only.
    HmacMd5_96,
    /// HMAC-SHA-1 cut to 96 bits. For old peers only.
    HmacSha1_96,
    /// HMAC-SHA-256 cut to 128 bits.
    HmacSha256_128,
    /// HMAC-SHA-384 cut to 192 bits.
    HmacSha384_192,
    /// HMAC-SHA-512 cut to 256 bits.
    HmacSha512_256,
    /// AES-XCBC-MAC cut to 96 bits (RFC 3566).
    AesXcbc96,
    /// AES-CMAC cut to 96 bits (RFC 4494).
    AesCmac96,
}

impl Integrity {
    /// Every algorithm.
    pub const ALL: &[Self] = &[
        Self::HmacMd5_96,
        Self::HmacSha1_96,
        Self::HmacSha256_128,
        Self::HmacSha384_192,
        Self::HmacSha512_256,
        Self::AesXcbc96,
        Self::AesCmac96,
    ];

    /// The IKEv2 transform ID (type 3).
    #[must_use]
    pub fn transform_id(self) -> u16 {
        match self {
            Self::HmacMd5_96 => 1,
            Self::HmacSha1_96 => 2,
            Self::AesXcbc96 => 5,
            Self::AesCmac96 => 8,
            Self::HmacSha256_128 => 12,
            Self::HmacSha384_192 => 13,
            Self::HmacSha512_256 => 14,
        }
    }

    /// The algorithm of a transform ID, if it is one of ours.
    #[must_use]
    pub fn from_transform_id(id: u16) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|one| one.transform_id() == id)
    }

    /// Octets of key: the length of the untruncated MAC.
    #[must_use]
    pub fn key_len(self) -> usize {
        match self {
            Self::HmacMd5_96 => MD5_LEN,
            Self::HmacSha1_96 => 20,
            Self::HmacSha256_128 => 32,
            Self::HmacSha384_192 => 48,
            Self::HmacSha512_256 => 64,
            Self::AesXcbc96 | Self::AesCmac96 => AES_BLOCK_LEN,
        }
    }

    /// Octets of the truncated ICV on the wire.
    #[must_use]
    pub fn icv_len(self) -> usize {
        match self {
            Self::HmacMd5_96 | Self::HmacSha1_96 | Self::AesXcbc96 | Self::AesCmac96 => 12,
            Self::HmacSha256_128 => 16,
            Self::HmacSha384_192 => 24,
            Self::HmacSha512_256 => 32,
        }
    }

    /// The conventional short name, such as `sha256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacMd5_96 => "md5",
            Self::HmacSha1_96 => "sha1",
            Self::HmacSha256_128 => "sha256",
            Self::HmacSha384_192 => "sha384",
            Self::HmacSha512_256 => "sha512",
            Self::AesXcbc96 => "aesxcbc",
            Self::AesCmac96 => "aescmac",
        }
    }

    /// The key of the untruncated algorithm; `None` unless it has [`key_len`](Self::key_len) octets, where that
    /// matters.
    pub(crate) fn key(self, key: &[u8]) -> Option<MacKey> {
        Some(match self {
            Self::HmacMd5_96 => MacKey::md5(key),
            Self::HmacSha1_96 => MacKey::sha(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key),
            Self::HmacSha256_128 => MacKey::sha(hmac::HMAC_SHA256, key),
            Self::HmacSha384_192 => MacKey::sha(hmac::HMAC_SHA384, key),
            Self::HmacSha512_256 => MacKey::sha(hmac::HMAC_SHA512, key),
            Self::AesXcbc96 => MacKey::xcbc(key.try_into().ok()?),
            Self::AesCmac96 => MacKey::cmac(key.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integrity_algorithm_is_found_by_its_number() {
        for &one in Integrity::ALL {
            assert_eq!(Integrity::from_transform_id(one.transform_id()), Some(one));
            assert!(one.icv_len() * 2 >= 20 && one.icv_len() <= one.key_len());
            assert!(one.key(&vec![0; one.key_len()]).is_some());
        }
        assert!(Integrity::AesXcbc96.key(&[0; 15]).is_none());
        assert!(Integrity::AesCmac96.key(&[0; 17]).is_none());
    }
}
