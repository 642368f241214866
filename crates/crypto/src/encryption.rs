//! The negotiable ciphers with their IANA numbers and sizes.
//!
//! Numbers are the IKEv2 transform IDs (type 1); sizes are octets unless a name says bits.

use crate::des;

/// An encryption algorithm, with the length of its key and of its own ICV.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Encryption {
    /// AES-CBC (RFC 3602) with a 128-bit key.
    AesCbc128,
    /// AES-CBC with a 192-bit key.
    AesCbc192,
    /// AES-CBC with a 256-bit key.
    AesCbc256,
    /// AES-GCM (RFC 4106, RFC 5282) with a 128-bit key and an ICV of 16 octets.
    AesGcm128,
    /// AES-GCM with a 192-bit key.
    AesGcm192,
    /// AES-GCM with a 256-bit key.
    AesGcm256,
    /// AES-GCM with a 128-bit key and an ICV of 12 octets.
    AesGcm12_128,
    /// The same with a 192-bit key.
    AesGcm12_192,
    /// The same with a 256-bit key.
    AesGcm12_256,
    /// AES-GCM with a 128-bit key and an ICV of 8 octets.
    AesGcm8_128,
    /// The same with a 192-bit key.
    AesGcm8_192,
    /// The same with a 256-bit key.
    AesGcm8_256,
    /// AES-CCM (RFC 4309, RFC 5282) with a 128-bit key and an ICV of 16 octets.
    AesCcm16_128,
    /// The same with a 192-bit key.
    AesCcm16_192,
    /// The same with a 256-bit key.
    AesCcm16_256,
    /// AES-CCM with a 128-bit key and an ICV of 12 octets.
    AesCcm12_128,
    /// The same with a 192-bit key.
    AesCcm12_192,
    /// The same with a 256-bit key.
    AesCcm12_256,
    /// AES-CCM with a 128-bit key and an ICV of 8 octets.
    AesCcm8_128,
    /// The same with a 192-bit key.
    AesCcm8_192,
    /// The same with a 256-bit key.
    AesCcm8_256,
    /// AES in counter mode (RFC 3686, RFC 5930) with a 128-bit key.
    AesCtr128,
    /// The same with a 192-bit key.
    AesCtr192,
    /// The same with a 256-bit key.
    AesCtr256,
    /// ChaCha20-Poly1305 (RFC 7634).
    ChaCha20Poly1305,
    /// DES in CBC mode (RFC 2405). Broken by anybody within a day; for the oldest peers only.
    DesCbc,
    /// Triple DES in CBC mode (RFC 2451). For old peers only.
    TripleDesCbc,
}

/// What an algorithm is beside the length of its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Cbc,
    Ctr,
    /// With octets of the ICV.
    Ccm(usize),
    Gcm(usize),
    ChaCha20Poly1305,
    Des,
    TripleDes,
}

/// The salt that follows the key in the keying material of GCM and ChaCha20-Poly1305, and the nonce of counter mode
/// (RFC 4106 section 8.1, RFC 7634 section 2, RFC 3686 section 5.1).
pub(crate) const SALT_LEN: usize = 4;
/// The same of CCM (RFC 4309 section 7.1).
pub(crate) const CCM_SALT_LEN: usize = 3;
/// The IV of everything that counts: 8 octets in each mode.
pub(crate) const COUNTED_IV_LEN: usize = 8;
/// One AES block, and so the IV of AES-CBC.
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
        Self::AesGcm12_128,
        Self::AesGcm12_192,
        Self::AesGcm12_256,
        Self::AesGcm8_128,
        Self::AesGcm8_192,
        Self::AesGcm8_256,
        Self::AesCcm16_128,
        Self::AesCcm16_192,
        Self::AesCcm16_256,
        Self::AesCcm12_128,
        Self::AesCcm12_192,
        Self::AesCcm12_256,
        Self::AesCcm8_128,
        Self::AesCcm8_192,
        Self::AesCcm8_256,
        Self::AesCtr128,
        Self::AesCtr192,
        Self::AesCtr256,
        Self::ChaCha20Poly1305,
        Self::DesCbc,
        Self::TripleDesCbc,
    ];

    /// The mode, the octets of the cipher's key alone, and the conventional short name.
    const fn row(self) -> (Mode, usize, &'static str) {
        match self {
            Self::AesCbc128 => (Mode::Cbc, 16, "aes128"),
            Self::AesCbc192 => (Mode::Cbc, 24, "aes192"),
            Self::AesCbc256 => (Mode::Cbc, 32, "aes256"),
            Self::AesGcm128 => (Mode::Gcm(16), 16, "aes128gcm16"),
            Self::AesGcm192 => (Mode::Gcm(16), 24, "aes192gcm16"),
            Self::AesGcm256 => (Mode::Gcm(16), 32, "aes256gcm16"),
            Self::AesGcm12_128 => (Mode::Gcm(12), 16, "aes128gcm12"),
            Self::AesGcm12_192 => (Mode::Gcm(12), 24, "aes192gcm12"),
            Self::AesGcm12_256 => (Mode::Gcm(12), 32, "aes256gcm12"),
            Self::AesGcm8_128 => (Mode::Gcm(8), 16, "aes128gcm8"),
            Self::AesGcm8_192 => (Mode::Gcm(8), 24, "aes192gcm8"),
            Self::AesGcm8_256 => (Mode::Gcm(8), 32, "aes256gcm8"),
            Self::AesCcm16_128 => (Mode::Ccm(16), 16, "aes128ccm16"),
            Self::AesCcm16_192 => (Mode::Ccm(16), 24, "aes192ccm16"),
            Self::AesCcm16_256 => (Mode::Ccm(16), 32, "aes256ccm16"),
            Self::AesCcm12_128 => (Mode::Ccm(12), 16, "aes128ccm12"),
            Self::AesCcm12_192 => (Mode::Ccm(12), 24, "aes192ccm12"),
            Self::AesCcm12_256 => (Mode::Ccm(12), 32, "aes256ccm12"),
            Self::AesCcm8_128 => (Mode::Ccm(8), 16, "aes128ccm8"),
            Self::AesCcm8_192 => (Mode::Ccm(8), 24, "aes192ccm8"),
            Self::AesCcm8_256 => (Mode::Ccm(8), 32, "aes256ccm8"),
            Self::AesCtr128 => (Mode::Ctr, 16, "aes128ctr"),
            Self::AesCtr192 => (Mode::Ctr, 24, "aes192ctr"),
            Self::AesCtr256 => (Mode::Ctr, 32, "aes256ctr"),
            Self::ChaCha20Poly1305 => (Mode::ChaCha20Poly1305, 32, "chacha20poly1305"),
            Self::DesCbc => (Mode::Des, des::DES_KEY_LEN, "des"),
            Self::TripleDesCbc => (Mode::TripleDes, des::TRIPLE_DES_KEY_LEN, "3des"),
        }
    }

    pub(crate) const fn mode(self) -> Mode {
        self.row().0
    }

    /// The IKEv2 transform ID and the key length attribute in bits, which AES has alone (RFC 7296 section 3.3.5).
    #[must_use]
    pub const fn transform(self) -> (u16, Option<u16>) {
        let (mode, key_len, _) = self.row();
        let id = match mode {
            Mode::Des => return (2, None),
            Mode::TripleDes => return (3, None),
            Mode::ChaCha20Poly1305 => return (28, None),
            Mode::Cbc => 12,
            Mode::Ctr => 13,
            Mode::Ccm(8) => 14,
            Mode::Ccm(12) => 15,
            Mode::Ccm(_) => 16,
            Mode::Gcm(8) => 18,
            Mode::Gcm(12) => 19,
            Mode::Gcm(_) => 20,
        };
        (id, Some(key_len as u16 * 8))
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
    pub const fn is_aead(self) -> bool {
        matches!(
            self.mode(),
            Mode::Gcm(_) | Mode::Ccm(_) | Mode::ChaCha20Poly1305
        )
    }

    /// Whether blocks are chained, and IVs must be unpredictable. In every other mode an IV is a counter, and must
    /// never come twice under one key.
    #[must_use]
    pub const fn is_cbc(self) -> bool {
        matches!(self.mode(), Mode::Cbc | Mode::Des | Mode::TripleDes)
    }

    /// Octets of keying material to take from prf+ or KEYMAT: the cipher's key and what follows it, such as GCM's
    /// salt (RFC 4106 section 8.1, RFC 5282 section 7.1).
    #[must_use]
    pub const fn key_len(self) -> usize {
        self.cipher_key_len() + self.salt_len()
    }

    /// Octets of the cipher's key alone.
    pub(crate) const fn cipher_key_len(self) -> usize {
        self.row().1
    }

    const fn salt_len(self) -> usize {
        match self.mode() {
            Mode::Ctr | Mode::Gcm(_) | Mode::ChaCha20Poly1305 => SALT_LEN,
            Mode::Ccm(_) => CCM_SALT_LEN,
            Mode::Cbc | Mode::Des | Mode::TripleDes => 0,
        }
    }

    /// Octets of the IV on the wire: a block for CBC, 8 for the others.
    #[must_use]
    pub const fn iv_len(self) -> usize {
        if self.is_cbc() {
            self.block_len()
        } else {
            COUNTED_IV_LEN
        }
    }

    /// What the length of the plaintext must be a multiple of: 16 for AES-CBC, 8 for DES and triple DES, 1 for the
    /// others (ESP aligns to 4 by itself).
    #[must_use]
    pub const fn block_len(self) -> usize {
        match self.mode() {
            Mode::Cbc => AES_BLOCK_LEN,
            Mode::Des | Mode::TripleDes => des::BLOCK_LEN,
            Mode::Ctr | Mode::Ccm(_) | Mode::Gcm(_) | Mode::ChaCha20Poly1305 => 1,
        }
    }

    /// Octets of the algorithm's own ICV; 0 if it has none.
    #[must_use]
    pub const fn icv_len(self) -> usize {
        match self.mode() {
            Mode::Ccm(icv_len) | Mode::Gcm(icv_len) => icv_len,
            Mode::ChaCha20Poly1305 => 16,
            Mode::Cbc | Mode::Ctr | Mode::Des | Mode::TripleDes => 0,
        }
    }

    /// The conventional short name, such as `aes256gcm16`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().2
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
        assert_eq!(Encryption::from_transform(28, Some(256)), None);
        assert_eq!(Encryption::from_transform(1, None), None);
    }

    #[test]
    fn names_say_what_sizes_say() {
        for &one in Encryption::ALL {
            let (name, icv) = (one.name(), one.icv_len());
            if name.contains("ccm") || name.contains("gcm") {
                assert!(name.ends_with(&format!("cm{icv}")), "{name}");
            }
            if let (_, Some(bits)) = one.transform() {
                assert!(name.starts_with(&format!("aes{bits}")), "{name}");
            }
            assert_eq!(one.is_aead(), icv > 0, "{name}");
        }
    }

    #[test]
    fn keying_material_includes_the_salt() {
        assert_eq!(Encryption::AesGcm128.key_len(), 20);
        assert_eq!(Encryption::AesGcm256.key_len(), 36);
        assert_eq!(Encryption::AesCcm8_128.key_len(), 19);
        assert_eq!(Encryption::AesCtr192.key_len(), 28);
        assert_eq!(Encryption::ChaCha20Poly1305.key_len(), 36);
        assert_eq!(Encryption::AesCbc256.key_len(), 32);
    }
}
