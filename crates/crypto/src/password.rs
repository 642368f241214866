//! Passwords: Argon2id (RFC 9106) with the library's defaults (19 MiB, two passes), kept as a PHC
//! string that names its own parameters, so that they can be raised without losing old hashes.
//!
//! Hashing takes tens of milliseconds and 19 MiB by design: it is for threads where that hurts
//! nobody. The memory is a [`PasswordMemory`] that is used again and again, since blocks of this
//! size, once given back, stay in the allocator's pools, one for each thread.

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::Random;

/// The most blocks of 1 KiB that a stored hash may ask for.
const MOST_BLOCKS: usize = 256 * 1024;

/// The password can't be hashed: it has more octets than Argon2 takes (2^32 - 1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the password can't be hashed")]
pub struct PasswordError;

/// What one password at a time is hashed in. It takes memory when it is first used, keeps it, and
/// holds nothing of a password between two uses.
#[derive(Default)]
pub struct PasswordMemory(Vec<Block>);

impl std::fmt::Debug for PasswordMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PasswordMemory")
            .field(&self.0.len())
            .finish()
    }
}

impl PasswordMemory {
    /// Hashes a password under a fresh salt; the answer is a PHC string.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub fn hash(
        &mut self,
        random: &mut dyn Random,
        password: &[u8],
    ) -> Result<String, PasswordError> {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let params = Params::DEFAULT;
        let mut out = Zeroizing::new([0; Params::DEFAULT_OUTPUT_LEN]);
        let argon = Argon2::new(algorithm, version, params.clone());
        self.fill(&argon, password, &salt, &mut *out)?;
        let hash = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(version.into()),
            params: (&params).try_into().map_err(|_| PasswordError)?,
            salt: Some(Salt::new(&salt).map_err(|_| PasswordError)?),
            hash: Some(Output::new(&*out).map_err(|_| PasswordError)?),
        };
        Ok(hash.to_string())
    }

    /// Whether the PHC string `hash` is this password's. A string that is no hash is nobody's.
    #[must_use]
    pub fn verify(&mut self, hash: &str, password: &[u8]) -> bool {
        self.is_of(hash, password).unwrap_or(false)
    }

    fn is_of(&mut self, hash: &str, password: &[u8]) -> Option<bool> {
        let hash = PasswordHash::new(hash).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = hash
            .version
            .map_or(Ok(Version::default()), Version::try_from);
        let params = Params::try_from(&hash).ok()?;
        let (salt, stored) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
        let mut out = Zeroizing::new(vec![0; stored.as_ref().len()]);
        let argon = Argon2::new(algorithm, version.ok()?, params);
        self.fill(&argon, password, salt.as_ref(), &mut out).ok()?;
        Some(out.as_slice().ct_eq(stored.as_ref()).into())
    }

    fn fill(
        &mut self,
        argon: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), PasswordError> {
        let needed = argon.params().block_count();
        if needed > MOST_BLOCKS {
            return Err(PasswordError);
        }
        if self.0.len() < needed {
            self.0.resize(needed, Block::new());
        }
        let done = argon.hash_password_into_with_memory(password, salt, out, &mut self.0);
        for block in self.0.iter_mut().take(needed) {
            block.zeroize();
        }
        done.map_err(|_| PasswordError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    #[test]
    fn a_password_opens_its_own_hash_alone() {
        let mut memory = PasswordMemory::default();
        let hash = memory.hash(&mut SystemRandom, b"secret").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(memory.verify(&hash, b"secret"));
        assert!(!memory.verify(&hash, b"Secret"));
        assert!(!memory.verify("", b"secret"));
        assert!(!memory.verify("secret", b"secret"));
    }

    #[test]
    fn one_password_never_hashes_alike() {
        let mut memory = PasswordMemory::default();
        let mut hash = || memory.hash(&mut SystemRandom, b"secret").unwrap();
        assert_ne!(hash(), hash());
    }

    /// Hashes that were stored before this memory was kept, and with other parameters.
    #[test]
    fn hashes_of_the_library_itself_and_of_other_parameters_open() {
        use argon2::password_hash::PasswordHasher as _;
        let mut memory = PasswordMemory::default();
        for params in [
            Params::DEFAULT,
            Params::new(64, 1, 1, None).unwrap(),
            Params::new(20 * 1024, 1, 2, Some(16)).unwrap(),
        ] {
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let hash: PasswordHash = argon.hash_password_with_salt(b"secret", &[7; 16]).unwrap();
            assert!(memory.verify(&hash.to_string(), b"secret"), "{hash}");
            assert!(!memory.verify(&hash.to_string(), b"other"), "{hash}");
        }
    }

    #[test]
    fn the_memory_is_kept_and_holds_nothing_between_two_uses() {
        let mut memory = PasswordMemory::default();
        let hash = memory.hash(&mut SystemRandom, b"secret").unwrap();
        let (place, size) = (memory.0.as_ptr(), memory.0.len());
        assert!(memory.verify(&hash, b"secret"));
        assert_eq!((place, size), (memory.0.as_ptr(), memory.0.len()));
        assert_eq!(size, Params::DEFAULT.block_count());
        let blank = |block: &Block| block.as_ref().iter().all(|word| *word == 0);
        assert!(memory.0.iter().all(blank));
    }

    #[test]
    fn a_hash_that_asks_for_too_much_memory_is_nobodys() {
        let mut memory = PasswordMemory::default();
        let salt = "c2FsdHNhbHRzYWx0";
        let hash = format!("$argon2id$v=19$m=4194304,t=1,p=1${salt}${salt}");
        assert!(!memory.verify(&hash, b"secret"));
        assert!(memory.0.is_empty());
    }
}
