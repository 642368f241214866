//! MACs under a prepared key: HMAC, whichever library has the hash, and those made of AES.

use ::hmac::{Hmac, KeyInit, Mac};
use aws_lc_rs::hmac;
use md5::Md5;

use crate::aes_mac::AesMac;
use crate::encryption::AES_BLOCK_LEN;

/// Octets of HMAC-MD5.
pub(crate) const MD5_LEN: usize = 16;

/// A key with its hash.
#[expect(
    clippy::large_enum_variant,
    reason = "almost all are of the large kind, and it is read for every packet"
)]
pub(crate) enum MacKey {
    /// SHA-1 and SHA-2.
    Sha(hmac::Key),
    /// MD5, for peers that have nothing better (RFC 2403); wiped on drop by the library.
    Md5(Hmac<Md5>),
    /// AES-XCBC-MAC and AES-CMAC.
    Aes(AesMac),
}

/// A tag in full length.
pub(crate) enum Tag {
    Sha(hmac::Tag),
    Md5([u8; MD5_LEN]),
    Aes([u8; AES_BLOCK_LEN]),
}

impl AsRef<[u8]> for Tag {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Sha(tag) => tag.as_ref(),
            Self::Md5(tag) => tag,
            Self::Aes(tag) => tag,
        }
    }
}

impl MacKey {
    pub(crate) fn sha(algorithm: hmac::Algorithm, key: &[u8]) -> Self {
        Self::Sha(hmac::Key::new(algorithm, key))
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    pub(crate) fn md5(key: &[u8]) -> Self {
        Self::Md5(Hmac::new_from_slice(key).expect("every key is one"))
    }

    pub(crate) fn xcbc(key: &[u8; AES_BLOCK_LEN]) -> Self {
        Self::Aes(AesMac::xcbc(key))
    }

    pub(crate) fn cmac(key: &[u8; AES_BLOCK_LEN]) -> Self {
        Self::Aes(AesMac::cmac(key))
    }

    /// Over the parts as one string.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> Tag {
        match self {
            Self::Sha(key) => Tag::Sha(crate::digest::hmac_parts(key, parts)),
            Self::Md5(key) => {
                let mut mac = key.clone();
                for part in parts {
                    mac.update(part);
                }
                Tag::Md5(mac.finalize().into_bytes().into())
            }
            Self::Aes(key) => Tag::Aes(key.sign(parts)),
        }
    }
}
