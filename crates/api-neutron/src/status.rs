//! Neutron's statuses, computed from what is wished and what is seen, and why they are so.

use std::borrow::Cow;

use adit_api::times;
use adit_control::connection::ConnectionView;
use adit_control::gateway::GatewayView;
use adit_model::gateway::GatewayStatus;
use adit_model::observed::TunnelState;
use adit_model::{Reason, ReasonCode, Whose};
use serde::Serialize;
use uuid::Uuid;

use crate::error::ApiError;

/// Nothing was seen yet.
pub(crate) const PENDING_CREATE: &str = "PENDING_CREATE";
const ACTIVE: &str = "ACTIVE";
const DOWN: &str = "DOWN";
const ERROR: &str = "ERROR";

/// What carries packets as soon as it is made, unless it is told not to: a network, or a router.
/// Neutron's own routers say `ACTIVE` even so, which would not be true.
pub(crate) const fn of_carrier(admin_state_up: bool) -> &'static str {
    if admin_state_up { ACTIVE } else { DOWN }
}

/// A service is there as soon as its worker listens, connections or not, unless it or its router is
/// down.
pub(crate) const fn of_service(view: &GatewayView) -> &'static str {
    match view.status {
        GatewayStatus::Pending => PENDING_CREATE,
        GatewayStatus::Failed => ERROR,
        GatewayStatus::Available if is_wanted_up(view) => ACTIVE,
        GatewayStatus::Available => DOWN,
    }
}

const fn is_wanted_up(view: &GatewayView) -> bool {
    view.gateway.admin_state_up && view.router.admin_state_up
}

/// A connection is there once its service's worker was heard of. One that can't work is in error,
/// so that nobody waits for it.
pub(crate) fn of_connection(view: &ConnectionView) -> &'static str {
    match (view.gateway_status, view.state) {
        (GatewayStatus::Pending, _) => PENDING_CREATE,
        (GatewayStatus::Failed, _) => ERROR,
        (GatewayStatus::Available, TunnelState::Up) => ACTIVE,
        (GatewayStatus::Available, _) if view.hopeless().is_some() => ERROR,
        (GatewayStatus::Available, _) => DOWN,
    }
}

/// A connection's route mode: always `static`. Clients print the attributes that they know, and of
/// those it is the one that nobody gives, so that the reason why a connection can't work is seen
/// there, and what its user wrote stays as it is.
pub(crate) fn route_mode(view: &ConnectionView) -> Cow<'static, str> {
    match view.hopeless() {
        Some(reason) => format!(
            "static (ERROR: {}: {}; {})",
            reason.code.as_str(),
            reason.evidence,
            reason.next_step
        )
        .into(),
        None => "static".into(),
    }
}

/// Refuses to change what is pending.
pub(crate) fn check(id: Uuid, status: &'static str) -> Result<(), ApiError> {
    if status.starts_with("PENDING_") {
        return Err(ApiError::StateInvalidToUpdate {
            state: status.to_owned(),
            id: id.to_string(),
        });
    }
    Ok(())
}

/// A reason as other dialects tell it, which Neutron can't: how it is known, on whose side it
/// lies, since when, and what to change. Warnings stand here too while the tunnel is up.
#[derive(Serialize)]
pub(crate) struct ShownReason<'a> {
    code: &'static str,
    message: &'static str,
    evidence: &'a str,
    next_step: &'a str,
    whose: Whose,
    since: String,
}

pub(crate) fn reasons(reasons: &[Reason]) -> Vec<ShownReason<'_>> {
    let each = reasons.iter().map(|reason| ShownReason {
        code: reason.code.as_str(),
        message: message(reason.code),
        evidence: &reason.evidence,
        next_step: &reason.next_step,
        whose: reason.whose,
        since: times::seconds(reason.since),
    });
    each.collect()
}

const fn message(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::AdministrativelyDown => "The connection is administratively down.",
        ReasonCode::CannotAuthenticateConnection => {
            "The peer's pre-shared key or IKE identity is not what was expected."
        }
        ReasonCode::IkePolicyMismatch => "The peer takes no proposal of the IKE policy.",
        ReasonCode::IkeV2LocalRemoteCidrMismatch => {
            "The local and peer CIDRs do not mirror those of the peer."
        }
        ReasonCode::InternalError => "An internal error happened.",
        ReasonCode::IpsecPolicyMismatch => "The peer takes no proposal of the IPsec policy.",
        ReasonCode::Negotiating => "The tunnel is being negotiated.",
        ReasonCode::PeerNotResponding => "No response from the peer.",
        ReasonCode::Unsupported => "The connection asks for something that is not supported here.",
        ReasonCode::WeakAlgorithm => "The policies allow an algorithm that is weak.",
    }
}
