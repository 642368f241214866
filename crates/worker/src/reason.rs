//! From what the engine found to what a person can act on.

use adit_ike::{Failure, Judge};
use adit_model::{Reason, ReasonCode, Whose};
use time::OffsetDateTime;

use crate::conversion::Unsupported;

/// A reason, and how much it knows: one that saw both sides' values is not replaced by one of the
/// same code that saw only ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Finding {
    pub(crate) reason: Reason,
    pub(crate) saw_both: bool,
}

impl Finding {
    fn new(
        now: OffsetDateTime,
        code: ReasonCode,
        whose: Whose,
        evidence: String,
        next_step: &str,
    ) -> Self {
        let next_step = next_step.to_owned();
        Self {
            reason: Reason {
                code,
                whose,
                since: now,
                evidence,
                next_step,
            },
            saw_both: false,
        }
    }

    const fn seen(mut self, both: bool) -> Self {
        self.saw_both = both;
        self
    }

    pub(crate) fn of_failure(now: OffsetDateTime, failure: &Failure, peer: &str) -> Self {
        match failure {
            Failure::Authentication { by } => authentication(now, *by, peer),
            Failure::ChildNotInstalled => Self::new(
                now,
                ReasonCode::InternalError,
                Whose::Local,
                "the data plane refused the negotiated Child SA".into(),
                "Look into the gateway's log; setting admin_state_up to false and true tries again.",
            ),
            Failure::EspProposal { by, ours, theirs, transform } => {
                let phase = ("IPsec (phase 2)", ReasonCode::IpsecPolicyMismatch);
                proposal(now, phase, *by, ours, theirs.as_deref(), *transform)
            }
            Failure::IkeProposal { by, ours, theirs, transform } => {
                let phase = ("IKE (phase 1)", ReasonCode::IkePolicyMismatch);
                proposal(now, phase, *by, ours, theirs.as_deref(), *transform)
            }
            Failure::Identity { expected, received } => Self::new(
                now,
                ReasonCode::CannotAuthenticateConnection,
                Whose::Peer,
                format!("the peer calls itself {received}; the connection expects {expected}"),
                &format!(
                    "Set the peer's own IKE identity to {expected}, or the peer identity of this connection to {received}."
                ),
            )
            .seen(true),
            Failure::Lost => Self::new(
                now,
                ReasonCode::PeerNotResponding,
                Whose::Network,
                format!("{peer} was connected and stopped answering"),
                "Check that the peer runs and that UDP 500 and 4500 pass in both directions.",
            ),
            Failure::NoAnswer { sent } => Self::new(
                now,
                ReasonCode::PeerNotResponding,
                Whose::Network,
                format!("no answer from {peer} to IKE_SA_INIT, sent {sent} times"),
                "Check the peer address, that the peer has a connection for this gateway's address, and that UDP 500 and 4500 pass.",
            ),
            Failure::Refused { notification } => Self::new(
                now,
                ReasonCode::PeerNotResponding,
                Whose::Peer,
                format!("the peer refused: {notification}"),
                "The peer's log says why it refuses.",
            ),
            Failure::Selectors { by, ours, theirs } => selectors(now, *by, ours, theirs.as_deref()),
        }
    }

    pub(crate) fn of_unsupported(now: OffsetDateTime, unsupported: &Unsupported) -> Self {
        let policies = "Choose policies with IKEv2, ESP in tunnel mode, AES and SHA-1 or SHA-2.";
        let (code, next_step) = match unsupported {
            Unsupported::Algorithms(_) => (ReasonCode::IkePolicyMismatch, policies),
            Unsupported::Ah | Unsupported::IkeV1 | Unsupported::Transport => {
                (ReasonCode::Unsupported, policies)
            }
            Unsupported::Family(_) => (
                ReasonCode::Unsupported,
                "Name the peer by an address of an IP version that the gateway has one of.",
            ),
        };
        let evidence = unsupported.to_string();
        Self::new(now, code, Whose::Local, evidence, next_step)
    }

    pub(crate) fn closed_by_peer(now: OffsetDateTime, peer: &str) -> Self {
        Self::new(
            now,
            ReasonCode::Negotiating,
            Whose::Peer,
            format!("{peer} closed the tunnel; negotiating again"),
            "If it stays so, look at the other end why it closes the tunnel.",
        )
    }

    pub(crate) fn waiting(now: OffsetDateTime, peer: &str) -> Self {
        Self::new(
            now,
            ReasonCode::Negotiating,
            Whose::Peer,
            format!("waiting for {peer} to begin, since this connection only responds"),
            "Have the peer begin, or let this connection begin too.",
        )
    }

    pub(crate) fn negotiating(now: OffsetDateTime, peer: &str) -> Self {
        Self::new(
            now,
            ReasonCode::Negotiating,
            Whose::Network,
            format!("waiting for the first answer from {peer}"),
            "Wait some seconds.",
        )
    }
}

fn authentication(now: OffsetDateTime, by: Judge, peer: &str) -> Finding {
    let evidence = match by {
        Judge::Peer => format!("{peer} answered AUTHENTICATION_FAILED to our IKE_AUTH"),
        Judge::Us => format!("AUTH from {peer} does not verify with this connection's key"),
    };
    Finding::new(
        now,
        ReasonCode::CannotAuthenticateConnection,
        Whose::Peer,
        evidence,
        "Set the same pre-shared key on both sides; if it is the same, check the IKE identities.",
    )
}

fn proposal(
    now: OffsetDateTime,
    (phase, code): (&str, ReasonCode),
    by: Judge,
    ours: &str,
    theirs: Option<&str>,
    transform: Option<&str>,
) -> Finding {
    let evidence = match (by, theirs) {
        (_, Some(theirs)) => {
            let differing = transform.map_or_else(String::new, |transform| {
                format!(" The {transform} has no common value.")
            });
            format!("{phase}: we accept [{ours}]; the peer offered [{theirs}].{differing}")
        }
        (Judge::Peer, None) | (Judge::Us, None) => {
            format!("{phase}: the peer answered NO_PROPOSAL_CHOSEN to our offer [{ours}]")
        }
    };
    let next_step = match (transform, theirs) {
        (Some(transform), _) => format!("Set the same {transform} on both sides."),
        (None, _) => "Set the same algorithms and groups on both sides.".to_owned(),
    };
    Finding::new(now, code, Whose::Peer, evidence, &next_step).seen(theirs.is_some())
}

fn selectors(now: OffsetDateTime, by: Judge, ours: &str, theirs: Option<&str>) -> Finding {
    let evidence = match (by, theirs) {
        (_, Some(theirs)) => {
            format!(
                "we have [{ours}]; the peer asked for [{theirs}] (local === remote, as seen here)"
            )
        }
        (_, None) => format!("the peer answered TS_UNACCEPTABLE to [{ours}] (local === remote)"),
    };
    Finding::new(
        now,
        ReasonCode::IkeV2LocalRemoteCidrMismatch,
        Whose::Peer,
        evidence,
        "Make each side's local CIDRs the other side's peer CIDRs.",
    )
    .seen(theirs.is_some())
}
