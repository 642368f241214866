//! What was found wrong, as a reason for people.

use adit_model::{Fixes, Reason, ReasonCode, Whose};
use time::OffsetDateTime;

/// A reason, and how much it knows: one that saw both sides' values is not replaced by one of the
/// same code that saw only ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Finding {
    pub(crate) reason: Reason,
    pub(crate) saw_both: bool,
}

impl Finding {
    pub(crate) fn new(
        now: OffsetDateTime,
        code: ReasonCode,
        whose: Whose,
        evidence: String,
        next_step: &str,
    ) -> Self {
        let next_step = next_step.to_owned();
        Self {
            reason: Reason::new(code, whose, now, evidence, next_step),
            saw_both: false,
        }
    }

    /// Either of these mends it.
    pub(crate) fn either(mut self, here: impl Into<String>, there: impl Into<String>) -> Self {
        self.reason.fixes = Some(Fixes {
            here: here.into(),
            there: there.into(),
        });
        self
    }

    pub(crate) const fn seen(mut self, both: bool) -> Self {
        self.saw_both = both;
        self
    }
}
