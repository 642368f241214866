//! The negotiable ciphers and integrity algorithms with their IANA numbers and sizes.
//!
//! Numbers are the IKEv2 transform IDs (types 1 and 3); sizes are octets unless a name says bits.

use aws_lc_rs::hmac;

use crate::des;
use crate::mac::{MD5_LEN, MacKey};

/// An encryption algorithm: AES in CBC mode (RFC 3602), AES-GCM with a 16-octet ICV (RFC 4106, RFC 5282), or, for old
/// peers, DES and triple DES in CBC mode (RFC 2405, RFC 2451).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Encryption {
    /// AES-CBC with a 128-bit key.
    AesCbc128,
    /// AES-CBC with a 192-bit key.
    AesCbc192,
    /// AES-CBC with a 256-bit key.
    AesCbc256,
    /// AES-GCM with a 128-bit key.
    AesGcm128,
    /// AES-GCM with a 192-bit key.
    AesGcm192,
    /// AES-GCM with a 256-bit key.
    AesGcm256,
    /// DES in CBC mode. Broken by anybody within a day; for the oldest peers only.
    DesCbc,
    /// Triple DES in CBC mode. For old peers only.
    TripleDesCbc,
}

/// The salt that follows the AES key in AES-GCM keying material (RFC 4106 section 8.1, RFC 5282 section 7.1).
pub(crate) const GCM_SALT_LEN: usize = 4;
/// The explicit IV of AES-GCM (RFC 4106 section 3.1).
pub(crate) const GCM_IV_LEN: usize = 8;
/// The ICV of the GCM-16 variants.
pub(crate) const GCM_ICV_LEN: usize = 16;
/// One AES block, and so the IV of CBC.
pub(crate) const AES_BLOCK_LEN: usize = 16;

impl Encryption {
    /// Every algorithm.
    pub const ALL: &[Self] = &[
        Self::AesCbc128,
        Self::AesCbc192,
        Self::AesCbc256,
        Self::AesGcm128,
        Self::AesGcm192,
        Self::AesGcm256,
        Self::DesCbc,
        Self::TripleDesCbc,
    ];

    /// The IKEv2 transform ID (2 is DES, 3 is triple DES, 12 is AES-CBC, 20 is AES-GCM-16) and the key length attribute in bits.
    #[must_use]
    pub fn transform(self) -> (u16, Option<u16>) {
        match self {
            Self::AesCbc128 => (12, Some(128)),
            Self::AesCbc192 => (12, Some(192)),
            Self::AesCbc256 => (12, Some(256)),
            Self::AesGcm128 => (20, Some(128)),
            Self::AesGcm192 => (20, Some(192)),
            Self::AesGcm256 => (20, Some(256)),
            Self::DesCbc => (2, None),
            Self::TripleDesCbc => (3, None),
        }
    }

    /// The algorithm of a transform ID and key length attribute, if it is one of ours.
    #[must_use]
    pub fn from_transform(id: u16, key_bits: Option<u16>) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|one| one.transform() == (id, key_bits))
    }

    /// Whether the algorithm brings its own integrity, so that none may be negotiated beside it.
    #[must_use]
    pub fn is_aead(self) -> bool {
        matches!(self, Self::AesGcm128 | Self::AesGcm192 | Self::AesGcm256)
    }

    /// Octets of keying material to take from prf+ or KEYMAT. For GCM this includes the 4-octet salt
    /// (RFC 4106 section 8.1, RFC 5282 section 7.1).
    #[must_use]
    pub fn key_len(self) -> usize {
        self.cipher_key_len() + if self.is_aead() { GCM_SALT_LEN } else { 0 }
    }

    /// Octets of the cipher's key alone.
    pub(crate) fn cipher_key_len(self) -> usize {
        match self {
            Self::AesCbc128 | Self::AesGcm128 => 16,
            Self::AesCbc192 | Self::AesGcm192 => 24,
            Self::AesCbc256 | Self::AesGcm256 => 32,
            Self::DesCbc => des::DES_KEY_LEN,
            Self::TripleDesCbc => des::TRIPLE_DES_KEY_LEN,
        }
    }

    /// Octets of the IV on the wire: a block for CBC, 8 for GCM.
    #[must_use]
    pub fn iv_len(self) -> usize {
        if self.is_aead() {
            GCM_IV_LEN
        } else {
            self.block_len()
        }
    }

    /// What the length of the plaintext must be a multiple of: 16 for AES-CBC, 8 for DES and triple DES, 1 for GCM (ESP
    /// aligns to 4 by itself).
    #[must_use]
    pub fn block_len(self) -> usize {
        match self {
            Self::AesGcm128 | Self::AesGcm192 | Self::AesGcm256 => 1,
            Self::AesCbc128 | Self::AesCbc192 | Self::AesCbc256 => AES_BLOCK_LEN,
            Self::DesCbc | Self::TripleDesCbc => des::BLOCK_LEN,
        }
    }

    /// Octets of the algorithm's own ICV: 16 for GCM, 0 for CBC.
    #[must_use]
    pub fn icv_len(self) -> usize {
        if self.is_aead() { GCM_ICV_LEN } else { 0 }
    }

    /// The conventional short name, such as `aes256gcm16`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCbc128 => "aes128",
            Self::AesCbc192 => "aes192",
            Self::AesCbc256 => "aes256",
            Self::AesGcm128 => "aes128gcm16",
            Self::AesGcm192 => "aes192gcm16",
            Self::AesGcm256 => "aes256gcm16",
            Self::DesCbc => "des",
            Self::TripleDesCbc => "3des",
        }
    }
}

/// An integrity algorithm for use beside a cipher without its own: truncated HMAC (RFC 2403, RFC 2404,
/// RFC 4868).
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
}

impl Integrity {
    /// Every algorithm.
    pub const ALL: &[Self] = &[
        Self::HmacMd5_96,
        Self::HmacSha1_96,
        Self::HmacSha256_128,
        Self::HmacSha384_192,
        Self::HmacSha512_256,
    ];

    /// The IKEv2 transform ID (type 3).
    #[must_use]
    pub fn transform_id(self) -> u16 {
        match self {
            Self::HmacMd5_96 => 1,
            Self::HmacSha1_96 => 2,
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

    /// Octets of key: the length of the untruncated hash.
    #[must_use]
    pub fn key_len(self) -> usize {
        match self {
            Self::HmacMd5_96 => MD5_LEN,
            Self::HmacSha1_96 => 20,
            Self::HmacSha256_128 => 32,
            Self::HmacSha384_192 => 48,
            Self::HmacSha512_256 => 64,
        }
    }

    /// Octets of the truncated ICV on the wire.
    #[must_use]
    pub fn icv_len(self) -> usize {
        match self {
            Self::HmacMd5_96 | Self::HmacSha1_96 => 12,
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
        }
    }

    /// The key of the untruncated algorithm.
    pub(crate) fn key(self, key: &[u8]) -> MacKey {
        match self {
            Self::HmacMd5_96 => MacKey::md5(key),
            Self::HmacSha1_96 => MacKey::sha(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key),
            Self::HmacSha256_128 => MacKey::sha(hmac::HMAC_SHA256, key),
            Self::HmacSha384_192 => MacKey::sha(hmac::HMAC_SHA384, key),
            Self::HmacSha512_256 => MacKey::sha(hmac::HMAC_SHA512, key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cipher_is_found_by_its_transform_and_no_other() {
        for &one in Encryption::ALL {
            let (id, bits) = one.transform();
            assert_eq!(Encryption::from_transform(id, bits), Some(one));
            // RFC 7296 section 3.3.5: the key length attribute is not optional for AES, and not there for others.
            let without = bits.is_none().then_some(one);
            assert_eq!(Encryption::from_transform(id, None), without);
        }
        assert_eq!(Encryption::from_transform(3, Some(192)), None);
        assert_eq!(Encryption::from_transform(1, None), None);
    }

    #[test]
    fn gcm_keying_material_includes_the_salt() {
        assert_eq!(Encryption::AesGcm128.key_len(), 20);
        assert_eq!(Encryption::AesGcm256.key_len(), 36);
        assert_eq!(Encryption::AesCbc256.key_len(), 32);
    }

    #[test]
    fn every_integrity_algorithm_is_found_by_its_number() {
        for &one in Integrity::ALL {
            assert_eq!(Integrity::from_transform_id(one.transform_id()), Some(one));
            assert!(one.icv_len() * 2 >= 20 && one.icv_len() <= one.key_len());
        }
    }
}
