//! What a user calls a thing. The model allows what the widest dialect allows (Neutron: any text
//! up to 255 characters, even none); narrower dialects check their own pattern first.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A display name of 0 to 255 characters without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a text is no [`Name`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// It holds a control character.
    #[error("a name can't hold control characters")]
    ControlCharacter,
    /// It has more than [`Name::MAX`] characters.
    #[error("a name has at most 255 characters")]
    TooLong,
}

impl Name {
    /// The longest name, in characters.
    pub const MAX: usize = 255;

    /// Parses a name.
    ///
    /// # Errors
    /// Over 255 characters, or a control character.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.chars().count() > Self::MAX {
            return Err(NameError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(NameError::ControlCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}
