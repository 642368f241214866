//! Which rows, in which order, how many.

use adit_model::{Noun, ProjectId};
use time::OffsetDateTime;
use uuid::Uuid;

/// By what rows are sorted; rows that are alike are in the order of their ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OrderBy {
    /// When they were made.
    #[default]
    CreatedAt,
    /// As text, so in the order of its digits.
    Id,
    /// By octets; equal ones by id.
    Name,
    /// Whose they are.
    Project,
}

/// In which order rows come. The default is oldest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Order {
    /// Equal ones come in the order of their ids.
    pub by: OrderBy,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// A part of a noun's rows that some want to see alone. Of other nouns it has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Only {
    /// Ports that are machines.
    Machines,
    /// Subnets that a router has an interface on.
    OnRouters,
    /// Security groups that are of a router.
    OfRouters,
    /// Gateways that were made in a subnet, or whose router has an interface on one.
    OnSubnets,
}

/// Which rows, in which order, how many. The default is everybody's, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    /// Of which project; `None` is everybody's.
    pub project: Option<ProjectId>,
    /// And also those that every project may see.
    pub or_public: bool,
    /// With one of these ids.
    pub ids: Option<Vec<Uuid>>,
    /// With one of these names.
    pub names: Option<Vec<String>>,
    /// That hang on this.
    pub of: Option<(Noun, Uuid)>,
    /// Of this part of them.
    pub only: Option<Only>,
    /// Made at this time, with this id, or later: for rows that come oldest first. Nobody needs to be
    /// there.
    pub from: Option<(OffsetDateTime, Uuid)>,
    /// By creation, if nothing is said.
    pub order: Order,
    /// Only those that come after this one. If it is not there, none does.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: Option<u32>,
}

impl Query {
    /// A project's, oldest first.
    #[must_use]
    pub fn of_project(project: ProjectId) -> Self {
        Self {
            project: Some(project),
            ..Self::default()
        }
    }

    /// What hangs on something, oldest first.
    #[must_use]
    pub fn hanging_on(noun: Noun, id: Uuid) -> Self {
        Self {
            of: Some((noun, id)),
            ..Self::default()
        }
    }
}
