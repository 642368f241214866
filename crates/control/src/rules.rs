//! What the `Rules` of nouns are made of: in what the originals of dialects differ.

use std::fmt;

use adit_model::Name;

use crate::error::{Error, Noun, Rule};

/// Whether a name may be given twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Naming {
    /// It may.
    Free,
    /// It may not, among its siblings.
    Unique,
}

/// Which limit counts for something new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allowance {
    /// The operator's, the same for all projects: [`crate::Limits`].
    Fixed,
    /// The project's own.
    OfProject,
}

/// What a delete does with what hangs on the thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnDelete {
    /// It goes with it.
    Cascade,
    /// It is in the way.
    Restrict,
}

/// Refuses a name that a sibling has, where names are to be unique.
pub(crate) fn check_name<'a, Id: PartialEq + fmt::Display>(
    noun: Noun,
    siblings: impl IntoIterator<Item = (&'a Name, Id)>,
    name: &Name,
    naming: Naming,
    own: Option<Id>,
) -> Result<(), Error> {
    if naming == Naming::Free {
        return Ok(());
    }
    let mut siblings = siblings.into_iter();
    match siblings.find(|(other, id)| *other == name && own.as_ref() != Some(id)) {
        None => Ok(()),
        Some((_, id)) => {
            let message = format!("the name {name} is already in use by the {noun} {id}");
            Err(Error::conflict(Rule::NameTaken(noun), message))
        }
    }
}
