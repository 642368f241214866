//! Ciphers with integrity of their own under a prepared key, whichever library has them.

use aws_lc_rs::aead;

use crate::ccm_key::CcmKey;
use crate::counter::ShortGcm;
use crate::encryption::{COUNTED_IV_LEN, Encryption, Mode, SALT_LEN};

/// A key with its salt.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one per SA and direction, and it is read for every packet"
)]
pub(crate) enum CombinedKey {
    /// AES-GCM with its whole ICV, and ChaCha20-Poly1305.
    Usual {
        key: aead::LessSafeKey,
        salt: [u8; SALT_LEN],
    },
    ShortGcm(ShortGcm),
    Ccm(CcmKey),
}

impl CombinedKey {
    /// From keying material, which is the key with the salt behind it. `None` unless it has the algorithm's length,
    /// and the algorithm is one of these.
    pub(crate) fn new(enc: Encryption, material: &[u8]) -> Option<Self> {
        let (key, salt) = material.split_at_checked(enc.cipher_key_len())?;
        let algorithm = match (enc.mode(), key.len()) {
            (Mode::Gcm(16), 16) => &aead::AES_128_GCM,
            (Mode::Gcm(16), 24) => &aead::AES_192_GCM,
            (Mode::Gcm(16), 32) => &aead::AES_256_GCM,
            (Mode::ChaCha20Poly1305, _) => &aead::CHACHA20_POLY1305,
            (Mode::Gcm(_), _) => {
                return ShortGcm::new(key, salt.try_into().ok()?).map(Self::ShortGcm);
            }
            _ => return CcmKey::new(enc, key, salt.try_into().ok()?).map(Self::Ccm),
        };
        Some(Self::Usual {
            key: aead::LessSafeKey::new(aead::UnboundKey::new(algorithm, key).ok()?),
            salt: salt.try_into().ok()?,
        })
    }

    /// Encrypts in place and writes the ICV, as long as it is; whether the library took it.
    pub(crate) fn seal(
        &self,
        iv: [u8; COUNTED_IV_LEN],
        aad: impl AsRef<[u8]>,
        data: &mut [u8],
        icv: &mut [u8],
    ) -> bool {
        match self {
            Self::Usual { key, salt } => {
                let aad = aead::Aad::from(aad);
                match key.seal_in_place_separate_tag(nonce(*salt, iv), aad, data) {
                    Ok(tag) => copy(icv, tag.as_ref()),
                    Err(_) => return false,
                }
            }
            Self::ShortGcm(key) => {
                if !key.cipher(iv, data) {
                    return false;
                }
                copy(icv, &key.icv(iv, aad.as_ref(), data));
            }
            Self::Ccm(key) => return key.seal(iv, aad.as_ref(), data, icv),
        }
        true
    }

    /// Decrypts `ciphertext | ICV` in place; whether the ICV matches. What is there otherwise is nothing to use.
    pub(crate) fn open(
        &self,
        iv: [u8; COUNTED_IV_LEN],
        aad: impl AsRef<[u8]>,
        sealed: &mut [u8],
        icv_len: usize,
    ) -> bool {
        if let Self::Usual { key, salt } = self {
            let aad = aead::Aad::from(aad);
            return key.open_in_place(nonce(*salt, iv), aad, sealed).is_ok();
        }
        let Some(at) = sealed.len().checked_sub(icv_len) else {
            return false;
        };
        let Some((data, icv)) = sealed.split_at_mut_checked(at) else {
            return false;
        };
        match self {
            Self::Usual { .. } => false,
            Self::ShortGcm(key) => {
                let full = key.icv(iv, aad.as_ref(), data);
                full.get(..icv_len)
                    .is_some_and(|cut| crate::equal(cut, icv))
                    && key.cipher(iv, data)
            }
            Self::Ccm(key) => key.open(iv, aad.as_ref(), data, icv),
        }
    }
}

fn nonce(salt: [u8; SALT_LEN], iv: [u8; COUNTED_IV_LEN]) -> aead::Nonce {
    let [s0, s1, s2, s3] = salt;
    let [i0, i1, i2, i3, i4, i5, i6, i7] = iv;
    aead::Nonce::assume_unique_for_key([s0, s1, s2, s3, i0, i1, i2, i3, i4, i5, i6, i7])
}

fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
