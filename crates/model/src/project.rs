//! Who owns things, and what others may do with them.

use std::str::FromStr;

use crate::{Name, ProjectId, UserId};

/// A tenant. Every other thing belongs to exactly one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Project {
    /// Random, made with the row, and its own for good.
    pub id: ProjectId,
    /// What it is called; unique.
    pub name: Name,
    /// What it is for; may be empty.
    pub description: String,
    /// Whether anybody may act in it.
    pub enabled: bool,
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

/// That a user may act in a project.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoleAssignment {
    /// Who.
    pub user: UserId,
    /// Where.
    pub project: ProjectId,
    /// As what.
    pub role: Role,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Member, Self::Admin];

    /// This role and those it includes, the least first.
    pub fn with_included(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |role| *role <= self)
    }

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
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(RoleError)
    }
}
