//! What happened to a row, by whom: an entry of the change log. It never has anything of what is in
//! the row, so that there can't be a secret in it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Noun, ProjectId, UserId};

/// Who changed something.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Actor {
    /// Whoever has the link to a pre-shared key.
    Link,
    /// Who is on the service's host itself, by a request.
    Operator,
    /// A user, by a request.
    User(UserId),
    /// The service itself, by what it found out or has to do later.
    Service,
}

/// What happened to a row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChangeKind {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was deleted.
    Deleted,
}

/// The request that something was changed by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// Where it came from, if that is known.
    pub address: Option<IpAddr>,
    /// Its id, as answers and the service's own log have it.
    pub request: Option<String>,
}

/// What happened to one row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// When.
    pub at: OffsetDateTime,
    /// Whose the row is; nothing where it is no project's.
    pub project: Option<ProjectId>,
    /// By whom.
    pub actor: Actor,
    /// By which request; by none where the service did it itself.
    pub origin: Origin,
    /// Which kind of row it is.
    pub noun: Noun,
    /// Its id; where a kind has none, that of the user or the project that it is about.
    pub id: Uuid,
    /// What happened.
    pub kind: ChangeKind,
}

/// A change with its place in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogEntry {
    /// Greater than that of every change before, and never another's.
    pub revision: u64,
    /// What happened.
    pub change: Change,
}

/// Which entries a log has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogBounds {
    /// The first that is kept; 1 before there was any.
    pub first: u64,
    /// The last there was; 0 before there was any.
    pub last: u64,
}

/// Not a word of the change log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the change log has no such word")]
pub struct ChangeWordError;

impl ChangeKind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

impl FromStr for ChangeKind {
    type Err = ChangeWordError;

    fn from_str(text: &str) -> Result<Self, ChangeWordError> {
        let mut all = [Self::Created, Self::Updated, Self::Deleted].into_iter();
        all.find(|kind| kind.as_str() == text)
            .ok_or(ChangeWordError)
    }
}

/// What the service is called where a user's id would be.
const SERVICE: &str = "service";

/// What who is on the host is called there.
const OPERATOR: &str = "operator";

/// What whoever has a link is called there.
const LINK: &str = "link";

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Link => f.write_str(LINK),
            Self::Operator => f.write_str(OPERATOR),
            Self::Service => f.write_str(SERVICE),
        }
    }
}

impl FromStr for Actor {
    type Err = ChangeWordError;

    fn from_str(text: &str) -> Result<Self, ChangeWordError> {
        match text {
            LINK => Ok(Self::Link),
            OPERATOR => Ok(Self::Operator),
            SERVICE => Ok(Self::Service),
            id => id.parse().map(Self::User).map_err(|_| ChangeWordError),
        }
    }
}
