//! Key encapsulation, for exchanges beside the first one (RFC 9370): ML-KEM (FIPS 203).
//!
//! The one thing here that draws its own randomness: aws-lc-rs, whose ML-KEM is verified formally, takes none.

use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};

use crate::group::check_length;
use crate::{KeyExchangeError, Secret};

/// A key exchange that is done beside that of a [`Group`](crate::Group), by its IKEv2 transform ID (types 4 and 6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum AdditionalExchange {
    /// ML-KEM-768.
    MlKem768,
}

/// Octets of an encapsulation key.
const KEY_LEN: usize = 1184;
/// Octets of a ciphertext.
const CIPHERTEXT_LEN: usize = 1088;

impl AdditionalExchange {
    /// Every one.
    pub const ALL: &[Self] = &[Self::MlKem768];

    /// The IKEv2 transform ID.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::MlKem768 => 36,
        }
    }

    /// The exchange of a transform ID, if it is one of ours.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.id() == id)
    }

    /// The conventional short name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MlKem768 => "mlkem768",
        }
    }

    /// Makes a key pair; `None` only where the library fails.
    #[must_use]
    pub fn begin(self) -> Option<Decapsulation> {
        let key = match self {
            Self::MlKem768 => DecapsulationKey::generate(&ML_KEM_768).ok()?,
        };
        let public = key.encapsulation_key().ok()?.key_bytes().ok()?;
        Some(Decapsulation {
            exchange: self,
            public: public.as_ref().to_vec(),
            key,
        })
    }

    /// Answers the peer's public value: what to send back, and the shared secret.
    ///
    /// # Errors
    /// If the value has the wrong length, or is no key (FIPS 203 section 7.2).
    pub fn answer(self, public: &[u8]) -> Result<(Vec<u8>, Secret), KeyExchangeError> {
        check_length(KEY_LEN, public)?;
        let invalid = KeyExchangeError::InvalidPublicValue;
        let key = EncapsulationKey::new(&ML_KEM_768, public).map_err(|_| invalid)?;
        let (ciphertext, secret) = key.encapsulate().map_err(|_| invalid)?;
        let secret = Secret::new(secret.as_ref().to_vec());
        Ok((ciphertext.as_ref().to_vec(), secret))
    }
}

/// A private key that waits for the peer's answer. Wiped on drop by aws-lc-rs.
pub struct Decapsulation {
    exchange: AdditionalExchange,
    key: DecapsulationKey,
    public: Vec<u8>,
}

impl Decapsulation {
    /// Which exchange it is of.
    #[must_use]
    pub const fn exchange(&self) -> AdditionalExchange {
        self.exchange
    }

    /// The public value as it stands in the KE payload.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The shared secret of the peer's answer. One that was tampered with makes another secret, which nobody else
    /// has (FIPS 203 section 6.3).
    ///
    /// # Errors
    /// If the answer has the wrong length.
    pub fn finish(&self, answer: &[u8]) -> Result<Secret, KeyExchangeError> {
        check_length(CIPHERTEXT_LEN, answer)?;
        let secret = self.key.decapsulate(Ciphertext::from(answer));
        let secret = secret.map_err(|_| KeyExchangeError::InvalidPublicValue)?;
        Ok(Secret::new(secret.as_ref().to_vec()))
    }
}

impl core::fmt::Debug for Decapsulation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Decapsulation({})", self.exchange.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_have_the_same_secret_and_a_changed_answer_makes_another() {
        for &one in AdditionalExchange::ALL {
            assert_eq!(AdditionalExchange::from_id(one.id()), Some(one));
            let ours = one.begin().unwrap();
            assert_eq!(ours.public().len(), KEY_LEN);
            let (mut answer, secret) = one.answer(ours.public()).unwrap();
            assert_eq!(ours.finish(&answer).unwrap(), secret);
            answer[7] ^= 1;
            assert_ne!(ours.finish(&answer).unwrap(), secret);
            assert!(ours.finish(&answer[1..]).is_err());
            assert!(one.answer(&ours.public()[1..]).is_err());
        }
        assert_eq!(AdditionalExchange::from_id(0), None);
    }

    #[test]
    fn a_key_with_numbers_out_of_range_is_none() {
        // Each number has 12 bits and is below 3329; 4095 is not.
        assert!(
            AdditionalExchange::MlKem768
                .answer(&[0xFF; KEY_LEN])
                .is_err()
        );
    }

    #[test]
    fn debug_shows_no_key() {
        let ours = AdditionalExchange::MlKem768.begin().unwrap();
        assert_eq!(format!("{ours:?}"), "Decapsulation(mlkem768)");
    }
}
