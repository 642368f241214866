//! Encryption of small secrets at rest: AES-256-GCM under a key that the operator holds.
//!
//! An envelope is `nonce (12) | ciphertext | ICV (16)` with a random nonce. Random 96-bit nonces stay safe for
//! 2^32 envelopes per key (NIST SP 800-38D section 8.3), far more than a service has pre-shared keys.

use core::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::{Random, Secret};

/// A 32-octet key that seals secrets for storage.
pub struct EnvelopeKey(LessSafeKey);

/// The envelope was not sealed by this key for this context, or has been changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("envelope does not open under this key and context")]
pub struct EnvelopeError;

impl EnvelopeKey {
    /// Octets of the key.
    pub const LEN: usize = 32;

    /// A key of 32 random octets.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the library refuses a key for its length alone, and that is in the type"
    )]
    pub fn new(key: &[u8; Self::LEN]) -> Self {
        Self(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, key).expect("32 octets are an AES-256 key"),
        ))
    }

    /// Seals `plaintext`. `aad` names what the secret belongs to, so that an envelope moved to another row
    /// does not open.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the library refuses plaintexts over 64 GiB alone, which no memory holds"
    )]
    pub fn seal(&self, random: &mut dyn Random, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut out = nonce.to_vec();
        // With room for the ICV: growing would leave the plaintext behind in memory that is given back.
        let mut body = Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len());
        body.extend_from_slice(plaintext);
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut body,
            )
            .expect("a plaintext in memory is short enough");
        out.append(&mut body);
        out
    }

    /// Opens what [`seal`](Self::seal) made with the same `aad`.
    ///
    /// # Errors
    /// If the key, the `aad` or any octet differs.
    pub fn open(&self, aad: &[u8], ciphertext: &[u8]) -> Result<Secret, EnvelopeError> {
        let (nonce, body) = ciphertext
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(EnvelopeError)?;
        let mut body = zeroize::Zeroizing::new(body.to_vec());
        let plain = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(aad),
                &mut body,
            )
            .map_err(|_| EnvelopeError)?;
        Ok(Secret::new(plain.to_vec()))
    }
}

impl fmt::Debug for EnvelopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvelopeKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    #[test]
    fn an_envelope_opens_only_with_its_key_and_context_and_unchanged() {
        let key = EnvelopeKey::new(&[7; 32]);
        let sealed = key.seal(&mut SystemRandom, b"connection 1", b"swordfish");
        assert_ne!(
            sealed,
            key.seal(&mut SystemRandom, b"connection 1", b"swordfish")
        );
        assert_eq!(
            key.open(b"connection 1", &sealed).unwrap().as_slice(),
            b"swordfish"
        );
        assert_eq!(key.open(b"connection 2", &sealed), Err(EnvelopeError));
        assert_eq!(
            EnvelopeKey::new(&[8; 32]).open(b"connection 1", &sealed),
            Err(EnvelopeError)
        );
        assert_eq!(key.open(b"connection 1", &sealed[..11]), Err(EnvelopeError));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(b"connection 1", &changed), Err(EnvelopeError));
        }
    }
}
