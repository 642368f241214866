//! Users, projects and application credentials, each named in one of two ways.

use adit_model::{ApplicationCredentialId, Name, ProjectId, UserId};

/// A user, named in one of two ways.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum UserRef {
    /// By its id.
    Id(UserId),
    /// By its name.
    Name(Name),
}

/// A project, named in one of two ways.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProjectRef {
    /// By its id.
    Id(ProjectId),
    /// By its name.
    Name(Name),
}

/// An application credential, named in one of two ways.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum CredentialRef {
    /// By its id.
    Id(ApplicationCredentialId),
    /// By its name among a user's.
    Name(UserRef, Name),
}
