//! Passwords and programs' secrets in clear, on their short way to a hash.
//!
//! Hashing is slow and takes much memory by design: `hashing` has the places for it.

use std::fmt;
use std::sync::{Arc, PoisonError};

use adit_crypto::Random;
use adit_model::user::PasswordHash;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use zeroize::Zeroizing;

use crate::control::{Control, Inner};
use crate::error::{Error, Rule};
use crate::hashing::{Asker, Turn};

/// A password in clear: 1 to 4096 octets.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The longest password, in octets.
    pub const MAX: usize = 4096;

    /// Takes a password.
    ///
    /// # Errors
    /// It is empty, or longer than [`Self::MAX`].
    pub fn new(text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.len() > Self::MAX {
            let message = format!("a password has 1 to {} octets", Self::MAX);
            return Err(Error::invalid("password", Rule::Password, message));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, for the one place that hands it over.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// The one source of randomness, held no longer than it takes to draw.
struct Shared(Arc<Inner>);

impl Random for Shared {
    fn fill(&mut self, out: &mut [u8]) {
        let mut random = self.0.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.fill(out);
    }
}

impl Control {
    /// 256 random bits in base64url.
    pub(crate) fn random_password(&self) -> Password {
        let octets = Zeroizing::new(self.random_octets::<32>());
        Password(Zeroizing::new(BASE64.encode(*octets)))
    }

    /// Hashes a password, when it is the asker's turn.
    pub(crate) async fn hash(
        &self,
        asker: Asker,
        password: &Password,
    ) -> Result<PasswordHash, Error> {
        let turn = self.0.hashing.turn(asker).await?;
        self.hash_in(turn, password).await
    }

    async fn hash_in(&self, turn: Turn, password: &Password) -> Result<PasswordHash, Error> {
        let (mut random, password) = (Shared(Arc::clone(&self.0)), password.clone());
        let hash = turn
            .work(move |memory| memory.hash(&mut random, password.expose().as_bytes()))
            .await?;
        hash.map(PasswordHash)
            .map_err(|error| Error::Internal(error.into()))
    }

    /// Whether the hash is the password's. Without a hash it isn't, which takes as long to find
    /// out, so that the time doesn't tell which users there are.
    pub(crate) async fn matches(
        &self,
        turn: Turn,
        hash: Option<PasswordHash>,
        password: &Password,
    ) -> Result<bool, Error> {
        let Some(hash) = hash else {
            self.hash_in(turn, password).await?;
            return Ok(false);
        };
        let password = password.clone();
        turn.work(move |memory| memory.verify(&hash.0, password.expose().as_bytes()))
            .await
    }
}
