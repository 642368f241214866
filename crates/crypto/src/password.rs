//! Passwords: Argon2id (RFC 9106) with the library's defaults (19 MiB, two passes), kept as a PHC
//! string that names its own parameters, so that they can be raised without losing old hashes.
//!
//! Both functions take tens of milliseconds and 19 MiB by design: call them off the async threads.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::Random;

/// The password can't be hashed: it has more octets than Argon2 takes (2^32 - 1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the password can't be hashed")]
pub struct PasswordError;

/// Hashes a password under a fresh salt; the answer is a PHC string.
///
/// # Errors
/// See [`PasswordError`].
pub fn hash_password(random: &mut dyn Random, password: &[u8]) -> Result<String, PasswordError> {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password, &salt)
        .map_err(|_| PasswordError)?;
    Ok(hash.to_string())
}

/// Whether the PHC string `hash` is this password's. A string that is no hash is nobody's.
#[must_use]
pub fn verify_password(hash: &str, password: &[u8]) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    #[test]
    fn a_password_opens_its_own_hash_alone() {
        let hash = hash_password(&mut SystemRandom, b"secret").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify_password(&hash, b"secret"));
        assert!(!verify_password(&hash, b"Secret"));
        assert!(!verify_password("", b"secret"));
        assert!(!verify_password("secret", b"secret"));
    }

    #[test]
    fn one_password_never_hashes_alike() {
        let hash = || hash_password(&mut SystemRandom, b"secret").unwrap();
        assert_ne!(hash(), hash());
    }
}
