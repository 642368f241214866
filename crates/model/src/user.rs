//! Who makes requests, and what they prove themselves with. Of every secret only a hash is here.

use std::fmt;

use time::OffsetDateTime;

use crate::project::Role;
use crate::{ApiKeyId, ApplicationCredentialId, Name, ProjectId, TokenId, UserId};

/// Somebody, or a program of theirs. What it may do is in [`crate::RoleAssignment`]s.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Random, made with the row, and its own for good.
    pub id: UserId,
    /// What it is called; unique.
    pub name: Name,
    /// Who it is; may be empty.
    pub description: String,
    /// Where it can be written to.
    pub email: Option<String>,
    /// Whether it may make requests.
    pub enabled: bool,
    /// The project its requests act on where they name none; always so with an API key.
    pub default_project: Option<ProjectId>,
    /// What its password is checked against; without one it can't log in by a password.
    pub password: Option<PasswordHash>,
    /// Tokens that were made before are no longer good.
    pub tokens_from: OffsetDateTime,
}

/// A salted, stretched hash in the PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(hidden)")
    }
}

/// A program's own way in: it acts for a user in one project, with no more than the given role,
/// and without knowing the user's password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApplicationCredential {
    /// Random, made with the row, and its own for good.
    pub id: ApplicationCredentialId,
    /// What it is called; unique among its user's.
    pub name: Name,
    /// What it is for; may be empty.
    pub description: String,
    /// Whom it acts for.
    pub user: UserId,
    /// Where.
    pub project: ProjectId,
    /// As what, as long as the user has that role itself.
    pub role: Role,
    /// What its secret is checked against.
    pub secret: PasswordHash,
    /// Whether it may make and delete application credentials.
    pub unrestricted: bool,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// When it ends, UTC.
    pub expires_at: Option<OffsetDateTime>,
}

/// A token that was taken back before its time was over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RevokedToken {
    /// Which.
    pub id: TokenId,
    /// When it would have ended, UTC; the row is of no use after that.
    pub expires_at: OffsetDateTime,
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
    /// Random, made with the row, and its own for good.
    pub id: ApiKeyId,
    /// What its user calls it.
    pub name: Name,
    /// What its user says of it.
    pub description: String,
    /// SHA-256: a key is random, so that a quick hash does.
    pub hash: KeyHash,
    /// Whose it is.
    pub user: UserId,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
}
