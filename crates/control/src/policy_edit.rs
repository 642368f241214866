//! What to change of a policy, of either phase.

use adit_model::Name;

use crate::Naming;

/// What to change of a policy; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyEdit<F> {
    /// Its name, and whether it must be unique.
    pub name: Option<(Name, Naming)>,
    /// What is said of it.
    pub description: Option<String>,
    /// Gets what it says, and answers what it is to say.
    pub parameters: F,
    /// Whether to refuse while connections name it.
    pub only_unused: bool,
}
