//! Key exchange groups: MODP (RFC 2409, RFC 3526, RFC 5114), NIST curves (RFC 5903, RFC 5114), Brainpool curves
//! (RFC 6954) and Curve25519 (RFC 8031).
//!
//! A peer's public value is checked before use as RFC 6989 asks. Everything secret runs in constant time.

mod curves;
mod ec;
mod generate;
mod modp;
mod primes;
mod subgroups;
mod weierstrass;

use crate::Secret;

/// A key exchange group, by its IKEv2 transform type 4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Group {
    /// 768-bit MODP, RFC 2409 section 6.1. Broken by anybody with a cluster; for the oldest peers only.
    Modp768,
    /// 1024-bit MODP, RFC 2409 section 6.2. Breakable by the rich; for old peers only.
    Modp1024,
    /// 1536-bit MODP, RFC 3526 section 2. For old peers only.
    Modp1536,
    /// 2048-bit MODP, RFC 3526 section 3.
    Modp2048,
    /// 3072-bit MODP, RFC 3526 section 4.
    Modp3072,
    /// 4096-bit MODP, RFC 3526 section 5.
    Modp4096,
    /// 6144-bit MODP, RFC 3526 section 6.
    Modp6144,
    /// 8192-bit MODP, RFC 3526 section 7.
    Modp8192,
    /// NIST P-256, RFC 5903.
    Ecp256,
    /// NIST P-384, RFC 5903.
    Ecp384,
    /// NIST P-521, RFC 5903.
    Ecp521,
    /// 1024-bit MODP with a subgroup of 160 bits, RFC 5114 section 2.1. RFC 8247 says that it must not be used; for
    /// peers that have no other.
    Modp1024Subgroup160,
    /// 2048-bit MODP with a subgroup of 224 bits, RFC 5114 section 2.2. Nobody knows where its prime is from.
    Modp2048Subgroup224,
    /// 2048-bit MODP with a subgroup of 256 bits, RFC 5114 section 2.3. Nobody knows where its prime is from.
    Modp2048Subgroup256,
    /// NIST P-192, RFC 5114 section 2.4. For old peers only.
    Ecp192,
    /// NIST P-224, RFC 5114 section 2.5.
    Ecp224,
    /// brainpoolP224r1, RFC 6954.
    Brainpool224,
    /// brainpoolP256r1, RFC 6954.
    Brainpool256,
    /// brainpoolP384r1, RFC 6954.
    Brainpool384,
    /// brainpoolP512r1, RFC 6954.
    Brainpool512,
    /// X25519, RFC 8031.
    Curve25519,
}

/// One side's private value and what can be done with it.
///
/// [`agree`](Self::agree) may be called more than once, since a request may be answered more than once.
pub trait KeyExchange: Send {
    /// The group this private value belongs to.
    fn group(&self) -> Group;

    /// The public value as it stands in the KE payload; [`Group::public_len`] octets.
    fn public(&self) -> &[u8];

    /// The shared secret with the peer's public value, as IKE feeds it to the PRF.
    ///
    /// # Errors
    /// If the value has the wrong length or is not an acceptable member of the group (RFC 6989, RFC 8031).
    fn agree(&self, peer: &[u8]) -> Result<Secret, KeyExchangeError>;
}

/// Why a peer's public value was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyExchangeError {
    /// The length is not the group's.
    #[error("public value has {actual} octets instead of {expected}")]
    WrongLength {
        /// Octets the group asks for.
        expected: usize,
        /// Octets the peer sent.
        actual: usize,
    },
    /// The value fails the checks of RFC 6989, or the shared secret would be trivial (RFC 8031 section 3.2).
    #[error("public value is not a valid member of the group")]
    InvalidPublicValue,
}

impl Group {
    /// Every group.
    pub const ALL: &[Self] = &[
        Self::Modp768,
        Self::Modp1024,
        Self::Modp1536,
        Self::Modp2048,
        Self::Modp3072,
        Self::Modp4096,
        Self::Modp6144,
        Self::Modp8192,
        Self::Ecp256,
        Self::Ecp384,
        Self::Ecp521,
        Self::Modp1024Subgroup160,
        Self::Modp2048Subgroup224,
        Self::Modp2048Subgroup256,
        Self::Ecp192,
        Self::Ecp224,
        Self::Brainpool224,
        Self::Brainpool256,
        Self::Brainpool384,
        Self::Brainpool512,
        Self::Curve25519,
    ];

    /// The IKEv2 transform ID (type 4).
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::Modp768 => 1,
            Self::Modp1024 => 2,
            Self::Modp1536 => 5,
            Self::Modp2048 => 14,
            Self::Modp3072 => 15,
            Self::Modp4096 => 16,
            Self::Modp6144 => 17,
            Self::Modp8192 => 18,
            Self::Ecp256 => 19,
            Self::Ecp384 => 20,
            Self::Ecp521 => 21,
            Self::Modp1024Subgroup160 => 22,
            Self::Modp2048Subgroup224 => 23,
            Self::Modp2048Subgroup256 => 24,
            Self::Ecp192 => 25,
            Self::Ecp224 => 26,
            Self::Brainpool224 => 27,
            Self::Brainpool256 => 28,
            Self::Brainpool384 => 29,
            Self::Brainpool512 => 30,
            Self::Curve25519 => 31,
        }
    }

    /// The group of a transform ID, if it is one of ours.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.id() == id)
    }

    /// Octets of a public value in the KE payload.
    #[must_use]
    pub fn public_len(self) -> usize {
        match self {
            Self::Modp768 => 96,
            Self::Modp1024 => 128,
            Self::Modp1536 => 192,
            Self::Modp2048 => 256,
            Self::Modp3072 => 384,
            Self::Modp4096 => 512,
            Self::Modp6144 => 768,
            Self::Modp8192 => 1024,
            Self::Ecp256 => 64,
            Self::Ecp384 => 96,
            Self::Ecp521 => 132,
            Self::Modp1024Subgroup160 => 128,
            Self::Modp2048Subgroup224 => 256,
            Self::Modp2048Subgroup256 => 256,
            Self::Ecp192 => 48,
            Self::Ecp224 => 56,
            Self::Brainpool224 => 56,
            Self::Brainpool256 => 64,
            Self::Brainpool384 => 96,
            Self::Brainpool512 => 128,
            Self::Curve25519 => 32,
        }
    }

    /// The conventional short name, such as `modp2048`, `ecp384` or `x25519`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Modp768 => "modp768",
            Self::Modp1024 => "modp1024",
            Self::Modp1536 => "modp1536",
            Self::Modp2048 => "modp2048",
            Self::Modp3072 => "modp3072",
            Self::Modp4096 => "modp4096",
            Self::Modp6144 => "modp6144",
            Self::Modp8192 => "modp8192",
            Self::Ecp256 => "ecp256",
            Self::Ecp384 => "ecp384",
            Self::Ecp521 => "ecp521",
            Self::Modp1024Subgroup160 => "modp1024s160",
            Self::Modp2048Subgroup224 => "modp2048s224",
            Self::Modp2048Subgroup256 => "modp2048s256",
            Self::Ecp192 => "ecp192",
            Self::Ecp224 => "ecp224",
            Self::Brainpool224 => "ecp224bp",
            Self::Brainpool256 => "ecp256bp",
            Self::Brainpool384 => "ecp384bp",
            Self::Brainpool512 => "ecp512bp",
            Self::Curve25519 => "x25519",
        }
    }
}

/// Refuses a peer's value that has not the length that it must have.
pub(crate) const fn check_length(expected: usize, value: &[u8]) -> Result<(), KeyExchangeError> {
    let actual = value.len();
    if actual == expected {
        Ok(())
    } else {
        Err(KeyExchangeError::WrongLength { expected, actual })
    }
}

#[cfg(test)]
pub(crate) mod tests;

#[cfg(test)]
mod vectors;
