//! How far a tunnel has come, from the bottom up, and the rung at which it stops.

use adit_control::connection::ConnectionView;
use adit_model::gateway::GatewayStatus;
use adit_model::observed::{Traffic, TunnelState};
use adit_model::{Cidr, Reason, ReasonCode, Whose};
use serde::Serialize;
use utoipa::ToSchema;

/// A step that a tunnel takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// What is wished for can be, and its gateway is there.
    Configured,
    /// The peer answers.
    PeerReachable,
    /// Both ends agree on phase 1.
    IkeSa,
    /// Each has shown that it is who it should be.
    Authenticated,
    /// Both ends agree on phase 2, for this pair of blocks.
    ChildSa,
    /// Packets of the peer have come through.
    TrafficIn,
    /// Packets to the peer have gone into the tunnel.
    TrafficOut,
}

/// Whether it is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    Done,
    /// It stops here.
    Stopped,
    /// It is not known: nothing came so far.
    NotYet,
}

/// A step, and whether it is taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct Rung {
    pub(crate) step: Step,
    pub(crate) progress: Progress,
    /// The pair of blocks, of a Child SA: `local === peer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pair: Option<String>,
}

impl Rung {
    const fn of(step: Step, progress: Progress) -> Self {
        Self {
            step,
            progress,
            pair: None,
        }
    }
}

/// The step that a reason stands in the way of.
pub(crate) fn step_of(reason: &Reason) -> Step {
    match (reason.code, reason.whose) {
        (
            ReasonCode::AdministrativelyDown
            | ReasonCode::InternalError
            | ReasonCode::WeakAlgorithm,
            _,
        )
        | (
            ReasonCode::Unsupported
            | ReasonCode::IkePolicyMismatch
            | ReasonCode::IpsecPolicyMismatch,
            Whose::Local,
        ) => Step::Configured,
        (ReasonCode::Negotiating | ReasonCode::PeerNotResponding, _) => Step::PeerReachable,
        (ReasonCode::IkePolicyMismatch | ReasonCode::Unsupported, _) => Step::IkeSa,
        (ReasonCode::CannotAuthenticateConnection, _) => Step::Authenticated,
        (ReasonCode::IpsecPolicyMismatch | ReasonCode::IkeV2LocalRemoteCidrMismatch, _) => {
            Step::ChildSa
        }
    }
}

/// The pairs of blocks that are wished for.
fn pairs(view: &ConnectionView) -> Vec<(Cidr, Cidr)> {
    let ends = &view.connection.ends;
    let peers = |local: Cidr| ends.peer().iter().map(move |peer| (local, *peer));
    ends.local().iter().copied().flat_map(peers).collect()
}

/// Whether a Child SA carries this pair.
fn is_carried(view: &ConnectionView, (local, peer): (Cidr, Cidr)) -> bool {
    let observed = view
        .observed
        .as_ref()
        .filter(|_| view.state == TunnelState::Up);
    observed.is_some_and(|observed| {
        let within =
            |blocks: &[Cidr], one: Cidr| blocks.iter().any(|block| block.contains_block(one));
        let mut children = observed.children.iter();
        children.any(|child| within(&child.local_cidrs, local) && within(&child.peer_cidrs, peer))
    })
}

/// All rungs, from the bottom up.
pub(crate) fn ladder(view: &ConnectionView) -> Vec<Rung> {
    let is_up = view.state == TunnelState::Up;
    let stops = view.reasons.iter().filter(|_| !is_up).map(step_of).min();
    let is_there = view.gateway_status == GatewayStatus::Available;
    let stops = match (is_up, is_there) {
        (true, _) => None,
        (false, false) => Some(Step::Configured),
        (false, true) => Some(stops.unwrap_or(Step::PeerReachable)),
    };
    let progress = |step| match stops {
        None => Progress::Done,
        Some(stop) if step < stop => Progress::Done,
        Some(stop) if step == stop => Progress::Stopped,
        Some(_) => Progress::NotYet,
    };
    let steps = [
        Step::Configured,
        Step::PeerReachable,
        Step::IkeSa,
        Step::Authenticated,
    ];
    let mut rungs: Vec<_> = steps.map(|step| Rung::of(step, progress(step))).into();
    for pair in pairs(view) {
        let progress = match progress(Step::ChildSa) {
            Progress::Done if is_carried(view, pair) => Progress::Done,
            Progress::Done => Progress::Stopped,
            other => other,
        };
        let (local, peer) = pair;
        rungs.push(Rung {
            pair: Some(format!("{local} === {peer}")),
            ..Rung::of(Step::ChildSa, progress)
        });
    }
    let traffic = view.observed.as_ref().filter(|_| is_up);
    let Traffic {
        packets_in,
        packets_out,
        ..
    } = traffic.map(|observed| observed.traffic).unwrap_or_default();
    for (step, packets) in [
        (Step::TrafficIn, packets_in),
        (Step::TrafficOut, packets_out),
    ] {
        let progress = if packets > 0 {
            Progress::Done
        } else {
            Progress::NotYet
        };
        rungs.push(Rung::of(step, progress));
    }
    rungs
}
