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
    /// Of a pair at which it stops: whether packets between some of its addresses are carried.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_partly_there: bool,
}

impl Rung {
    const fn of(step: Step, progress: Progress) -> Self {
        Self {
            step,
            progress,
            pair: None,
            is_partly_there: false,
        }
    }
}

/// The step that a reason stands in the way of; a warning stands in none's.
pub(crate) fn step_of(reason: &Reason) -> Option<Step> {
    Some(match (reason.code, reason.whose) {
        (ReasonCode::WeakAlgorithm, _) => return None,
        (ReasonCode::AdministrativelyDown | ReasonCode::InternalError, _)
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
    })
}

/// The pairs of blocks that are wished for.
fn pairs(view: &ConnectionView) -> Vec<(Cidr, Cidr)> {
    let row = &view.connection;
    let peers = |local: Cidr| row.ends.peer().iter().map(move |peer| (local, *peer));
    // As they are negotiated for.
    let local = row.local_known_there().into_iter();
    local.flat_map(peers).collect()
}

/// How much of a pair Child SAs carry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Carried {
    Nothing,
    Part,
    All,
}

/// How much of this pair Child SAs carry.
fn carried(view: &ConnectionView, (local, peer): (Cidr, Cidr)) -> Carried {
    let observed = view
        .observed
        .as_ref()
        .filter(|_| view.state == TunnelState::Up);
    let of_blocks = |blocks: &[Cidr], one: Cidr| {
        let each = blocks.iter().map(|block| {
            if block.contains_block(one) {
                Carried::All
            } else if one.contains_block(*block) {
                Carried::Part
            } else {
                Carried::Nothing
            }
        });
        each.max().unwrap_or(Carried::Nothing)
    };
    let children = observed.iter().flat_map(|observed| &observed.children);
    let each = children
        .map(|child| of_blocks(&child.local_cidrs, local).min(of_blocks(&child.peer_cidrs, peer)));
    each.max().unwrap_or(Carried::Nothing)
}

/// All rungs, from the bottom up.
pub(crate) fn ladder(view: &ConnectionView) -> Vec<Rung> {
    let is_up = view.state == TunnelState::Up;
    let stops = view.reasons.iter().filter_map(step_of).min();
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
        let carried = carried(view, pair);
        let progress = match progress(Step::ChildSa) {
            Progress::Done if carried == Carried::All => Progress::Done,
            Progress::Done => Progress::Stopped,
            other => other,
        };
        let (local, peer) = pair;
        rungs.push(Rung {
            pair: Some(format!("{local} === {peer}")),
            is_partly_there: carried == Carried::Part,
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

#[cfg(test)]
mod tests {
    use adit_model::connection::{DeadPeerDetection, DpdAction, Ends, Initiator};
    use adit_model::observed::{ChildObserved, SaTimes, TunnelObserved};
    use adit_model::{Connection, ConnectionId, GatewayId, Name, ProjectId, Psk, Revision};
    use time::OffsetDateTime;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn cidrs(texts: &[&str]) -> Vec<Cidr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn reason(code: ReasonCode, whose: Whose) -> Reason {
        Reason::new(code, whose, NOW, "it was seen", "do something")
    }

    fn view(state: TunnelState, reasons: Vec<Reason>) -> ConnectionView {
        let connection = Connection {
            id: ConnectionId::random(),
            project: ProjectId::random(),
            gateway: GatewayId::random(),
            name: Name::parse("branch").unwrap(),
            description: String::new(),
            peer_address: [192, 0, 2, 5].into(),
            peer_host: None,
            peer_id: None,
            local_id: None,
            authentication: Psk::new(b"key".to_vec()).unwrap().into(),
            psk_set_at: None,
            ppk: None,
            ends: Ends::Blocks {
                local: cidrs(&["10.1.0.0/24"]),
                peer: cidrs(&["10.2.0.0/24", "10.3.0.0/24"]),
            },
            translations: Vec::new(),
            distribute_traffic: false,
            mtu: 0,
            initiator: Initiator::BiDirectional,
            dead_peer_detection: DeadPeerDetection {
                action: DpdAction::Restart,
                interval_s: 30,
                timeout_s: 120,
            },
            ike_policy: None,
            ipsec_policy: None,
            admin_state_up: true,
            created_at: NOW,
            revision: Revision::FIRST,
        };
        ConnectionView {
            connection,
            state,
            reasons,
            gateway_status: GatewayStatus::Available,
            observed: None,
            rates: None,
            local_address: [203, 0, 113, 1].into(),
            addresses: std::net::Ipv4Addr::new(203, 0, 113, 1).into(),
            ike_policy: None,
            ipsec_policy: None,
        }
    }

    fn stops(view: &ConnectionView) -> Vec<Step> {
        let ladder = ladder(view);
        let stopped = ladder
            .iter()
            .filter(|rung| rung.progress == Progress::Stopped);
        stopped.map(|rung| rung.step).collect()
    }

    #[test]
    fn each_reason_stops_at_its_rung_and_nothing_above_is_known() {
        use ReasonCode::{
            AdministrativelyDown, CannotAuthenticateConnection, IkePolicyMismatch,
            IkeV2LocalRemoteCidrMismatch, InternalError, IpsecPolicyMismatch, Negotiating,
            PeerNotResponding, Unsupported,
        };
        let pairs = vec![Step::ChildSa, Step::ChildSa];
        for (code, whose, expected) in [
            (AdministrativelyDown, Whose::Local, vec![Step::Configured]),
            (InternalError, Whose::Local, vec![Step::Configured]),
            (Unsupported, Whose::Local, vec![Step::Configured]),
            (IkePolicyMismatch, Whose::Local, vec![Step::Configured]),
            (Negotiating, Whose::Network, vec![Step::PeerReachable]),
            (PeerNotResponding, Whose::Network, vec![Step::PeerReachable]),
            (IkePolicyMismatch, Whose::Peer, vec![Step::IkeSa]),
            (Unsupported, Whose::Network, vec![Step::IkeSa]),
            (
                CannotAuthenticateConnection,
                Whose::Peer,
                vec![Step::Authenticated],
            ),
            (IpsecPolicyMismatch, Whose::Peer, pairs.clone()),
            (IkeV2LocalRemoteCidrMismatch, Whose::Peer, pairs),
        ] {
            let view = view(TunnelState::Connecting, vec![reason(code, whose)]);
            assert_eq!(stops(&view), expected, "{code:?} {whose:?}");
            let ladder = ladder(&view);
            let stop = ladder
                .iter()
                .position(|rung| rung.progress == Progress::Stopped);
            let (below, above) = ladder.split_at(stop.unwrap());
            assert!(below.iter().all(|rung| rung.progress == Progress::Done));
            assert!(above.iter().all(|rung| rung.progress != Progress::Done));
            let said = crate::explain::text(&view);
            assert!(
                said.contains(&format!("Why ({}): it was seen.", code.as_str())),
                "{said}"
            );
        }
    }

    #[test]
    fn a_pair_that_is_not_carried_is_one_rung_while_the_tunnel_is_up() {
        let mut view = view(TunnelState::Up, Vec::new());
        view.observed = Some(TunnelObserved {
            state: TunnelState::Up,
            since: NOW,
            reasons: Vec::new(),
            ike_suite: Some("aes256gcm16".to_owned()),
            ike_times: SaTimes::default(),
            children: vec![ChildObserved {
                spi_in: 1,
                spi_out: 2,
                suite: "aes256gcm16".to_owned(),
                local_cidrs: cidrs(&["10.0.0.0/8"]),
                peer_cidrs: cidrs(&["10.2.0.0/16"]),
                ..ChildObserved::default()
            }],
            members: Vec::new(),
            traffic: Traffic {
                packets_in: 3,
                ..Traffic::default()
            },
        });
        let rungs = ladder(&view);
        let progress: Vec<_> = rungs.iter().map(|rung| rung.progress).collect();
        use Progress::{Done, NotYet, Stopped};
        assert_eq!(
            progress,
            [Done, Done, Done, Done, Done, Stopped, Done, NotYet]
        );
        let said = crate::explain::text(&view);
        assert!(
            said.contains("x 10.1.0.0/24 === 10.3.0.0/24 is not carried."),
            "{said}"
        );
    }

    #[test]
    fn a_warning_stands_in_nobody_s_way() {
        let reasons = vec![
            reason(ReasonCode::PeerNotResponding, Whose::Network),
            reason(ReasonCode::WeakAlgorithm, Whose::Local),
        ];
        let view = view(TunnelState::Connecting, reasons);
        assert_eq!(stops(&view), [Step::PeerReachable]);
    }

    #[test]
    fn a_gateway_that_is_not_there_is_where_it_stops() {
        let mut view = view(TunnelState::Down, Vec::new());
        view.gateway_status = GatewayStatus::Pending;
        assert_eq!(stops(&view), [Step::Configured]);
        assert!(crate::explain::text(&view).contains("x The gateway is not there yet."));
    }
}
