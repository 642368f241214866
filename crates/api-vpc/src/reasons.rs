//! Reasons as IBM's `status_reasons` and `health_reasons`, with what IBM does not tell: how it is
//! known, on whose side it lies, since when, and what to change.

use adit_api::times;
use adit_model::{Reason, ReasonCode};
use serde_json::{Value, json};

use crate::context::Context;
use crate::documentation::Page;

/// All of them, in order.
pub(crate) fn render(cx: &Context, reasons: &[Reason]) -> Value {
    let more_info = cx.documentation(Page::Reasons);
    reasons
        .iter()
        .map(|reason| {
            json!({
                "code": reason.code.as_str(),
                "message": message(reason.code),
                "more_info": more_info,
                "evidence": reason.evidence,
                "next_step": reason.next_step,
                "whose": reason.whose,
                "since": times::microseconds(reason.since),
            })
        })
        .collect()
}

/// Why the standby member is as it is: its addresses are kept for it, and that is all.
pub(crate) fn of_standby(cx: &Context) -> Value {
    json!([{
        "code": "no_failover",
        "message": "The standby member can't take over from the active one: there is no failover yet.",
        "more_info": cx.documentation(Page::Errors),
    }])
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
