//! What all that is done with connections begins with.

use adit_control::connection::{ConnectionView, DeadPeerRule, Overlaps, Rules};
use adit_control::{Allowance, Error, Naming, Noun};
use adit_model::ConnectionId;
use uuid::Uuid;

use crate::context::Context;
use crate::problem::Problem;

/// What holds for every face, and nothing more.
pub(crate) const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    overlaps: Overlaps::Nested,
    dead_peer: DeadPeerRule::Longer,
};

pub(crate) async fn find(cx: &Context, id: Uuid) -> Result<ConnectionView, Problem> {
    let id = ConnectionId::from_uuid(id);
    Ok(cx.control().connection(&cx.caller, id).await?)
}

/// What a body names and is not there is no missing connection.
pub(super) fn in_body(error: Error) -> Problem {
    Problem::naming(Noun::Connection, error)
}
