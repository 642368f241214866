//! The pre-shared key of a connection. Its bytes are wiped on drop and never printed; whoever
//! needs them calls [`Psk::expose`], which is easy to search for.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// A pre-shared key of 1 to 255 octets, or the place of a lost one. Dialects may ask for more (a
/// length, an alphabet).
///
/// It has no serialised form of its own:
///
/// ```compile_fail
/// serde_json::to_string(&adit_model::Psk::lost());
/// ```
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

/// A key on its way to the one process that needs it, as a list of octets. What is not a
/// [`desired`](crate::desired) word of this crate can't call it: elsewhere a key never serialises.
pub(crate) mod travelling {
    use serde::{Deserializer, Serialize, Serializer};

    use super::{Psk, octets};

    const MOST: usize = 255;

    pub(crate) fn serialize<S: Serializer>(psk: &Psk, to: S) -> Result<S::Ok, S::Error> {
        psk.expose().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Psk, D::Error> {
        octets::<MOST, D>(from).map(Psk)
    }
}

/// Reads a list of octets into memory that doesn't grow, since growing leaves a copy, and that is wiped.
pub(crate) fn octets<'de, const MOST: usize, D: Deserializer<'de>>(
    from: D,
) -> Result<Zeroizing<Vec<u8>>, D::Error> {
    struct Octets<const MOST: usize>;

    impl<'de, const MOST: usize> Visitor<'de> for Octets<MOST> {
        type Value = Zeroizing<Vec<u8>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MOST} octets")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut octets = Zeroizing::new(Vec::with_capacity(MOST));
            while let Some(octet) = list.next_element::<u8>()? {
                if octets.len() == MOST {
                    return Err(de::Error::invalid_length(MOST + 1, &self));
                }
                octets.push(octet);
            }
            Ok(octets)
        }
    }

    from.deserialize_seq(Octets::<MOST>)
}
