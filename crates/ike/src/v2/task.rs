//! The tasks of an IKE SA, one file each: how we start them, how the answer is taken, and how the
//! same request is answered when the peer makes it.

pub(crate) mod auth;
pub(crate) mod auth_answer;
pub(crate) mod child_answer;
pub(crate) mod child_create;
pub(crate) mod child_delete;
pub(crate) mod child_followup;
pub(crate) mod child_rekey;
pub(crate) mod followup;
pub(crate) mod ike_delete;
pub(crate) mod ike_followup;
pub(crate) mod ike_rekey;
pub(crate) mod init;
pub(crate) mod init_answer;
pub(crate) mod intermediate;
pub(crate) mod liveness;
pub(crate) mod refuse;
pub(crate) mod synchronise;

use crate::codec::{Field, Reader, Unreadable, Writer, record};
use crate::output::ChildKey;
use crate::sa::Want;
use crate::time::Instant;

/// Something to do on an established IKE SA, one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    /// Make the Child SA of this index in the configuration.
    ChildCreate(usize),
    ChildDelete(ChildKey),
    ChildRekey(ChildKey),
    IkeDelete,
    IkeRekey,
    Liveness,
    /// Ask the peer for another IKE SA beside this one.
    Reauthenticate,
    /// Agree with the peer on message IDs.
    Synchronise,
}

impl Task {
    /// What is wanted of a Child SA, which goes where the Child SAs go.
    pub(crate) const fn of_a_child(&self) -> Option<Want> {
        match self {
            Self::ChildCreate(index) => Some(Want::Child(*index)),
            Self::ChildDelete(child) => Some(Want::ChildDelete(*child)),
            Self::ChildRekey(child) => Some(Want::ChildRekey(*child)),
            Self::IkeDelete
            | Self::IkeRekey
            | Self::Liveness
            | Self::Reauthenticate
            | Self::Synchronise => None,
        }
    }
}

impl From<Want> for Task {
    fn from(want: Want) -> Self {
        match want {
            Want::Child(index) => Self::ChildCreate(index),
            Want::ChildDelete(child) => Self::ChildDelete(child),
            Want::ChildRekey(child) => Self::ChildRekey(child),
            Want::IkeRekey => Self::IkeRekey,
            Want::Liveness => Self::Liveness,
        }
    }
}

/// A task that waits for its turn, and not before a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Queued {
    pub(crate) task: Task,
    pub(crate) not_before: Instant,
}

record!(Queued { task, not_before });

impl Field for Task {
    fn put(&self, to: &mut Writer) {
        let number: u8 = match self {
            Self::ChildCreate(_) => 0,
            Self::ChildDelete(_) => 1,
            Self::ChildRekey(_) => 2,
            Self::IkeDelete => 3,
            Self::IkeRekey => 4,
            Self::Liveness => 5,
            Self::Synchronise => 6,
            Self::Reauthenticate => 7,
        };
        number.put(to);
        match self {
            Self::ChildCreate(index) => index.put(to),
            Self::ChildDelete(child) | Self::ChildRekey(child) => child.put(to),
            Self::IkeDelete
            | Self::IkeRekey
            | Self::Liveness
            | Self::Synchronise
            | Self::Reauthenticate => {}
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(match u8::take(from)? {
            0 => Self::ChildCreate(Field::take(from)?),
            1 => Self::ChildDelete(Field::take(from)?),
            2 => Self::ChildRekey(Field::take(from)?),
            3 => Self::IkeDelete,
            4 => Self::IkeRekey,
            5 => Self::Liveness,
            6 => Self::Synchronise,
            7 => Self::Reauthenticate,
            _ => return Err(Unreadable::Malformed),
        })
    }
}
