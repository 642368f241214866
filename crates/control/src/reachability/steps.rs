//! The way, step by step.

use adit_model::Noun;
use serde::Serialize;
use uuid::Uuid;

/// What becomes of what is sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It passes.
    Passes,
    /// That depends on what was not said, or is not known here.
    Depends,
    /// It doesn't pass.
    Stopped,
}

impl Verdict {
    /// That of a whole way.
    pub(super) fn of(steps: &[Step]) -> Self {
        let worst = steps.iter().map(|step| step.verdict).max();
        worst.unwrap_or(Self::Depends)
    }
}

/// Something on the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// What becomes of it there.
    pub verdict: Verdict,
    /// What kind of thing decides.
    pub noun: Noun,
    /// Which.
    pub id: Uuid,
    /// What it is called; some have no name.
    pub name: String,
    /// The rule of it that decides, where one does.
    pub rule: Option<Uuid>,
    /// In a sentence.
    pub text: String,
}
