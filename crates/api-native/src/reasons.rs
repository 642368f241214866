//! Reasons, as every noun shows them.

use adit_model::{Compared, Reason, ReasonCode, Whose};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Why something is not as wished.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct ReasonShape {
    /// What is wrong; `docs/status-reasons.md` lists them.
    #[schema(value_type = String, example = "ike_policy_mismatch")]
    code: ReasonCode,
    /// On whose side the next step is: `local`, `peer` or `network`.
    #[schema(value_type = String, example = "peer")]
    whose: Whose,
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
    /// How it is known.
    evidence: String,
    /// What to change.
    next_step: String,
    /// Where either end can mend it: both ways, of which one is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    fixes: Option<FixesShape>,
    /// Both ends' algorithms by kind, where they have no suite in common and the peer's were seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    algorithms: Vec<ComparedShape>,
}

/// Two ways to mend the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct FixesShape {
    /// What to change here, so that the peer stays as it is.
    here: String,
    /// What to change at the peer, so that this end stays as it is.
    there: String,
}

/// What each end has of one kind of algorithm.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct ComparedShape {
    /// What they are for.
    #[schema(example = "encryption")]
    kind: String,
    /// What this end accepts, the best first.
    ours: Vec<String>,
    /// What the peer offers, in its order.
    theirs: Vec<String>,
    /// Whether the two have nothing in common.
    differs: bool,
}

impl ComparedShape {
    fn of(one: &Compared) -> Self {
        Self {
            kind: one.kind.clone(),
            ours: one.ours.clone(),
            theirs: one.theirs.clone(),
            differs: one.differs,
        }
    }
}

impl ReasonShape {
    pub(crate) fn of(reason: &Reason) -> Self {
        Self {
            code: reason.code,
            whose: reason.whose,
            since: reason.since,
            evidence: reason.evidence.clone(),
            next_step: reason.next_step.clone(),
            fixes: reason.fixes.as_ref().map(|fixes| FixesShape {
                here: fixes.here.clone(),
                there: fixes.there.clone(),
            }),
            algorithms: reason.algorithms.iter().map(ComparedShape::of).collect(),
        }
    }
}
