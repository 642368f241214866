//! The pre-shared key of a connection. Its bytes are wiped on drop and never printed; whoever
//! needs them calls [`Psk::expose`], which is easy to search for.

use std::fmt;

use zeroize::Zeroizing;

/// A pre-shared key of 1 to 255 octets, or the place of a lost one. Dialects may ask for more (a
/// length, an alphabet).
#[derive(Clone, PartialEq, Eq)]
pub struct Psk(Zeroizing<Vec<u8>>);

/// Why octets are no [`Psk`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PskError {
    /// There are none.
    #[error("a pre-shared key can't be empty")]
    Empty,
    /// There are more than 255.
    #[error("a pre-shared key has at most 255 octets")]
    TooLong,
}

impl Psk {
    /// Takes the octets as they are.
    ///
    /// # Errors
    /// None, or more than 255 octets.
    pub fn new(octets: Vec<u8>) -> Result<Self, PskError> {
        let octets = Zeroizing::new(octets);
        match octets.len() {
            0 => Err(PskError::Empty),
            1..=255 => Ok(Self(octets)),
            _ => Err(PskError::TooLong),
        }
    }

    /// The place of a key that was stored and can't be read any more. It has no octets, so nothing
    /// is ever authenticated by it.
    #[must_use]
    pub fn lost() -> Self {
        Self(Zeroizing::default())
    }

    /// Whether it is [`Self::lost`].
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.0.is_empty()
    }

    /// The octets, for the one place that must have them; none where it is lost.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Psk(hidden)")
    }
}
