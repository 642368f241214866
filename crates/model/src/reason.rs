//! Why something is not as wished: which parameter, on whose side, since when, how we know, and
//! what to change.

use std::fmt;
use std::iter;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What is wrong. Spelled as IBM VPC's `status_reasons` spell it, with a few of our own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The user set `admin_state_up` to false.
    AdministrativelyDown,
    /// The pre-shared key or the IKE identity differs.
    CannotAuthenticateConnection,
    /// No common phase 1 suite.
    IkePolicyMismatch,
    /// The local and peer CIDRs don't mirror the other side's (IKEv2).
    #[serde(rename = "ike_v2_local_remote_cidr_mismatch")]
    IkeV2LocalRemoteCidrMismatch,
    /// A fault of ours; the evidence says where to look.
    InternalError,
    /// No common phase 2 suite.
    IpsecPolicyMismatch,
    /// The first answer is still awaited.
    Negotiating,
    /// Nothing came back.
    PeerNotResponding,
    /// The policy asks for something this service can't negotiate.
    Unsupported,
    /// The policies allow an algorithm that is weak. A warning: the tunnel may be up.
    WeakAlgorithm,
}

impl ReasonCode {
    /// The code as APIs spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AdministrativelyDown => "administratively_down",
            Self::CannotAuthenticateConnection => "cannot_authenticate_connection",
            Self::IkePolicyMismatch => "ike_policy_mismatch",
            Self::IkeV2LocalRemoteCidrMismatch => "ike_v2_local_remote_cidr_mismatch",
            Self::InternalError => "internal_error",
            Self::IpsecPolicyMismatch => "ipsec_policy_mismatch",
            Self::Negotiating => "negotiating",
            Self::PeerNotResponding => "peer_not_responding",
            Self::Unsupported => "unsupported",
            Self::WeakAlgorithm => "weak_algorithm",
        }
    }
}

/// On whose side the next step lies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// Here.
    Local,
    /// Between the two.
    Network,
    /// At the other end.
    Peer,
}

/// Why something is not as wished.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reason {
    /// What is wrong.
    pub code: ReasonCode,
    /// On whose side.
    pub whose: Whose,
    /// Since when, UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// How we know: what was sent, what came back, both sides' values. Never a secret.
    pub evidence: String,
    /// What to change, in one sentence.
    pub next_step: String,
    /// Where either end can mend it: what to change here, or there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixes: Option<Fixes>,
    /// Both ends' algorithms by kind, where they have no suite in common and the peer's were seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<Compared>,
}

/// Two ways to mend the same; one of them is enough.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fixes {
    /// What to change here, so that the peer stays as it is.
    pub here: String,
    /// What to change at the peer, so that this end stays as it is.
    pub there: String,
}

/// What each end has of one kind of algorithm.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// What they are for, such as `encryption`.
    pub kind: String,
    /// What this end accepts, the best first.
    pub ours: Vec<String>,
    /// What the peer offers, in its order.
    pub theirs: Vec<String>,
    /// Whether the two have nothing in common.
    pub differs: bool,
}

impl Reason {
    /// One that has no more to say.
    #[must_use]
    pub fn new(
        code: ReasonCode,
        whose: Whose,
        since: OffsetDateTime,
        evidence: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            code,
            whose,
            since,
            evidence: evidence.into(),
            next_step: next_step.into(),
            fixes: None,
            algorithms: Vec::new(),
        }
    }

    /// Whether it lies in what was asked for here, so that neither the peer nor time can mend it.
    #[must_use]
    pub fn stays(&self) -> bool {
        let code = matches!(
            self.code,
            ReasonCode::IkePolicyMismatch
                | ReasonCode::IpsecPolicyMismatch
                | ReasonCode::Unsupported
        );
        self.whose == Whose::Local && code
    }
}

/// In sentences, for people: why, both ends' algorithms where they are known, and what to do.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let evidence = ended(&self.evidence);
        write!(f, "Why ({}): {evidence}.", self.code.as_str())?;
        if !self.algorithms.is_empty() {
            write!(f, "\n\n{}", Table(&self.algorithms))?;
        }
        if let Some(Fixes { here, there }) = &self.fixes {
            let (here, there) = (ended(here), ended(there));
            return write!(
                f,
                "\nWhat to do, one of:\n  - here: {here}.\n  - at the other end: {there}."
            );
        }
        let place = match self.whose {
            Whose::Local => "here",
            Whose::Peer => "at the other end",
            Whose::Network => "between the two ends",
        };
        let step = begun(ended(&self.next_step));
        write!(f, "\nWhat to do, {place}: {step}.")
    }
}

/// Both ends' algorithms, a line for each kind; what differs is marked.
struct Table<'a>(&'a [Compared]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |names: &[String]| match names {
            [] => "-".to_owned(),
            names => names.join(" "),
        };
        let head = ("", "here".to_owned(), "at the other end".to_owned(), false);
        let rows = self.0.iter().map(|one| {
            let (ours, theirs) = (cell(&one.ours), cell(&one.theirs));
            (one.kind.as_str(), ours, theirs, one.differs)
        });
        let rows: Vec<_> = iter::once(head).chain(rows).collect();
        let widest = |len: fn(&(&str, String, String, bool)) -> usize| {
            rows.iter().map(len).max().unwrap_or_default()
        };
        let (kinds, ours) = (widest(|row| row.0.len()), widest(|row| row.1.len()));
        for (kind, here, there, differs) in &rows {
            let mark = if *differs { "x" } else { " " };
            writeln!(f, "  {mark} {kind:kinds$}  {here:ours$}  {there}")?;
        }
        Ok(())
    }
}

/// Without the full stop that it may have.
fn ended(sentence: &str) -> &str {
    sentence.strip_suffix('.').unwrap_or(sentence)
}

/// An order, as a sentence begins.
fn begun(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
