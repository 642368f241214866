//! AES-CCM with nonces of 11 octets (RFC 4309 section 4) and ICVs of 8, 12 and 16.

use ccm::aead::AeadInOut;
use ccm::consts::{U8, U11, U12, U16};
use ccm::{Ccm, KeyInit};

use crate::encryption::{CCM_SALT_LEN, COUNTED_IV_LEN, Encryption, Mode};

/// Octets of a nonce: salt and IV.
const NONCE_LEN: usize = CCM_SALT_LEN + COUNTED_IV_LEN;

/// One of the nine, behind one name.
trait AnyCcm: Send + Sync {
    /// Encrypts in place and writes the ICV; whether the library took it.
    fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], data: &mut [u8], icv: &mut [u8]) -> bool;

    /// Decrypts in place; whether the ICV matches.
    fn open(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], data: &mut [u8], icv: &[u8]) -> bool;
}

impl<T: AeadInOut<NonceSize = U11> + Send + Sync> AnyCcm for T {
    fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], data: &mut [u8], icv: &mut [u8]) -> bool {
        let tag = self.encrypt_inout_detached(&(*nonce).into(), aad, data.into());
        let Ok(tag) = tag else { return false };
        for (to, from) in icv.iter_mut().zip(tag) {
            *to = from;
        }
        true
    }

    fn open(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], data: &mut [u8], icv: &[u8]) -> bool {
        let Ok(tag) = icv.try_into() else {
            return false;
        };
        self.decrypt_inout_detached(&(*nonce).into(), aad, data.into(), &tag)
            .is_ok()
    }
}

/// A key with its salt.
pub(crate) struct CcmKey {
    ccm: Box<dyn AnyCcm>,
    salt: [u8; CCM_SALT_LEN],
}

fn boxed<T: AnyCcm + KeyInit + 'static>(key: &[u8]) -> Option<Box<dyn AnyCcm>> {
    Some(Box::new(T::new_from_slice(key).ok()?))
}

impl CcmKey {
    /// `None` unless it is CCM, and the key has the algorithm's length.
    pub(crate) fn new(enc: Encryption, key: &[u8], salt: [u8; CCM_SALT_LEN]) -> Option<Self> {
        use aes::{Aes128, Aes192, Aes256};
        let Mode::Ccm(icv_len) = enc.mode() else {
            return None;
        };
        let ccm = match (key.len(), icv_len) {
            (16, 8) => boxed::<Ccm<Aes128, U8, U11>>(key),
            (24, 8) => boxed::<Ccm<Aes192, U8, U11>>(key),
            (32, 8) => boxed::<Ccm<Aes256, U8, U11>>(key),
            (16, 12) => boxed::<Ccm<Aes128, U12, U11>>(key),
            (24, 12) => boxed::<Ccm<Aes192, U12, U11>>(key),
            (32, 12) => boxed::<Ccm<Aes256, U12, U11>>(key),
            (16, 16) => boxed::<Ccm<Aes128, U16, U11>>(key),
            (24, 16) => boxed::<Ccm<Aes192, U16, U11>>(key),
            (32, 16) => boxed::<Ccm<Aes256, U16, U11>>(key),
            _ => None,
        };
        Some(Self { ccm: ccm?, salt })
    }

    fn nonce(&self, iv: [u8; COUNTED_IV_LEN]) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        for (to, from) in nonce.iter_mut().zip(self.salt.into_iter().chain(iv)) {
            *to = from;
        }
        nonce
    }

    /// Encrypts in place and writes the ICV; whether the library took it.
    pub(crate) fn seal(
        &self,
        iv: [u8; COUNTED_IV_LEN],
        aad: &[u8],
        data: &mut [u8],
        icv: &mut [u8],
    ) -> bool {
        self.ccm.seal(&self.nonce(iv), aad, data, icv)
    }

    /// Decrypts in place; whether the ICV matches. The data is lost otherwise.
    pub(crate) fn open(
        &self,
        iv: [u8; COUNTED_IV_LEN],
        aad: &[u8],
        data: &mut [u8],
        icv: &[u8],
    ) -> bool {
        self.ccm.open(&self.nonce(iv), aad, data, icv)
    }
}
