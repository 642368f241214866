//! Reasons as IBM's `status_reasons` and `health_reasons`, with what IBM does not tell: how it is
//! known, on whose side it lies, since when, and what to change.

use adit_api::times;
use adit_model::{Reason, ReasonCode};
use serde_json::{Value, json};

/// All of them, in order.
pub(crate) fn render(reasons: &[Reason]) -> Value {
    reasons
        .iter()
        .map(|reason| {
            json!({
                "code": reason.code.as_str(),
                "message": message(reason.code),
                "evidence": reason.evidence,
                "next_step": reason.next_step,
                "whose": reason.whose,
                "since": times::microseconds(reason.since),
            })
        })
        .collect()
}

const fn message(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::AdministrativelyDown => "The connection is administratively down.",
        ReasonCode::CannotAuthenticateConnection => {
            "Failed to authenticate a connection because of mismatched IKE ID and PSK."
        }
        ReasonCode::IkePolicyMismatch => {
            "None of the proposed IKE crypto suites was acceptable to the peer."
        }
        ReasonCode::IkeV2LocalRemoteCidrMismatch => {
            "The local and peer CIDRs do not mirror those of the peer (IKEv2)."
        }
        ReasonCode::InternalError => "An internal error happened.",
        ReasonCode::IpsecPolicyMismatch => {
            "None of the proposed IPsec crypto suites was acceptable to the peer."
        }
        ReasonCode::Negotiating => "The tunnel is being negotiated.",
        ReasonCode::PeerNotResponding => "No response from the peer.",
        ReasonCode::Unsupported => "The connection asks for something that is not supported here.",
        ReasonCode::WeakAlgorithm => "The policies allow algorithms that are weak.",
    }
}
