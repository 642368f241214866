//! Who owns things and who may touch them.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;

use crate::{Name, ProjectId, UserId};

/// A tenant. Every other thing belongs to exactly one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// What it is called; unique.
    pub name: Name,
}

/// What a user may do in a project; each role includes those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// May look.
    Reader,
    /// May make and change things.
    Member,
    /// May do so in every project.
    Admin,
}

/// Somebody, or a program of theirs, with a role in one project.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// What it is called; unique.
    pub name: Name,
    /// The project its requests act on.
    pub project: ProjectId,
    /// What it may do there.
    pub role: Role,
}

impl Role {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

/// Not the word for a [`Role`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a role is one of reader, member, admin")]
pub struct RoleError;

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        [Self::Reader, Self::Member, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(RoleError)
    }
}

/// The SHA-256 of an API key. The key itself is random enough to need neither salt nor stretching.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(hidden)")
    }
}

/// What a user proves itself with; the key in clear is told once and kept nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    /// Its hash.
    pub hash: KeyHash,
    /// Whose it is.
    pub user: UserId,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
}
