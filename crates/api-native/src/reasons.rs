//! Reasons, as every noun shows them.

use adit_model::{Reason, ReasonCode, Whose};
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
}

impl ReasonShape {
    pub(crate) fn of(reason: &Reason) -> Self {
        Self {
            code: reason.code,
            whose: reason.whose,
            since: reason.since,
            evidence: reason.evidence.clone(),
            next_step: reason.next_step.clone(),
        }
    }
}
