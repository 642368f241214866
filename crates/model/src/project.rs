//! Who owns things and who may touch them.

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
