//! Integrity without encryption for one direction, as AH uses it (RFC 4302).

use core::fmt;

use crate::integrity::Integrity;
use crate::mac::MacKey;
use crate::seal::KeyError;

/// A key of an integrity algorithm by itself.
pub struct Authenticator {
    algorithm: Integrity,
    key: MacKey,
}

impl Authenticator {
    /// Prepares the key, of [`Integrity::key_len`] octets.
    ///
    /// # Errors
    /// If it has another length.
    pub fn new(algorithm: Integrity, key: &[u8]) -> Result<Self, KeyError> {
        let wrong = KeyError::WrongLength {
            expected: algorithm.key_len(),
            actual: key.len(),
        };
        if key.len() != algorithm.key_len() {
            return Err(wrong);
        }
        let key = algorithm.key(key).ok_or(wrong)?;
        Ok(Self { algorithm, key })
    }

    /// Octets of the ICV.
    #[must_use]
    pub fn icv_len(&self) -> usize {
        self.algorithm.icv_len()
    }

    /// Writes the ICV over the parts as one string to the beginning of `icv`; whether that has room for it.
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]], icv: &mut [u8]) -> bool {
        let tag = self.key.sign(parts);
        let cut = tag.as_ref().get(..self.icv_len());
        match (cut, icv.get_mut(..self.icv_len())) {
            (Some(cut), Some(icv)) => {
                icv.copy_from_slice(cut);
                true
            }
            _ => false,
        }
    }

    /// Whether this is the ICV over the parts as one string.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], icv: &[u8]) -> bool {
        let tag = self.key.sign(parts);
        let cut = tag.as_ref().get(..self.icv_len());
        cut.is_some_and(|cut| crate::equal(cut, icv))
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authenticator({:?})", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_sha256_is_that_of_rfc_4868_and_cut_to_128_bits() {
        // RFC 4868 section 2.7.2.1, AUTH256-1.
        let authenticator = Authenticator::new(Integrity::HmacSha256_128, &[0x0b; 32]).unwrap();
        let expected = [
            0x19, 0x8a, 0x60, 0x7e, 0xb4, 0x4b, 0xfb, 0xc6, 0x99, 0x03, 0xa0, 0xf1, 0xcf, 0x2b,
            0xbd, 0xc5,
        ];
        let mut icv = [0; 16];
        assert!(authenticator.sign(&[b"Hi ", b"There"], &mut icv));
        assert_eq!(icv, expected);
        assert!(authenticator.verify(&[b"Hi There"], &expected));
        assert!(!authenticator.verify(&[b"Hi there"], &expected));
        assert!(!authenticator.verify(&[b"Hi There"], &expected[..15]));
        assert!(!authenticator.sign(&[b"Hi There"], &mut [0; 15]));
    }

    #[test]
    fn every_algorithm_takes_its_own_length_of_key_alone() {
        for &algorithm in Integrity::ALL {
            let key = vec![7; algorithm.key_len()];
            let authenticator = Authenticator::new(algorithm, &key).unwrap();
            let mut icv = vec![0; authenticator.icv_len()];
            assert!(authenticator.sign(&[b"one", b"", b"two"], &mut icv));
            assert!(authenticator.verify(&[b"onetwo"], &icv));
            assert!(Authenticator::new(algorithm, key.get(1..).unwrap()).is_err());
        }
    }
}
