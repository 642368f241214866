//! The two tunnels of a connection, told as one: up while one of them is, with what is wrong with the other.

use std::net::Ipv4Addr;

use adit_model::Reason;
use adit_model::observed::{MemberObserved, TunnelObserved, TunnelState};

use crate::tunnel::total;

/// Puts together how both are; each is from the address of its member of the gateway.
pub(crate) fn together(all: Vec<(Ipv4Addr, TunnelObserved)>) -> Option<TunnelObserved> {
    // Up before negotiating before down; of those that are alike, that which is so for longest.
    let order = |one: &TunnelObserved| {
        let state = match one.state {
            TunnelState::Up => 0,
            TunnelState::Connecting => 1,
            TunnelState::Down => 2,
        };
        (state, one.since)
    };
    let best = all
        .iter()
        .map(|(_, one)| one)
        .min_by_key(|one| order(one))?;
    let reasons = all.iter().flat_map(|(from, one)| {
        let named = move |reason: &Reason| Reason {
            evidence: format!("the tunnel from {from}: {}", reason.evidence),
            ..reason.clone()
        };
        one.reasons.iter().map(named)
    });
    Some(TunnelObserved {
        state: best.state,
        since: best.since,
        reasons: reasons.collect(),
        ike_suite: best.ike_suite.clone(),
        ike_times: best.ike_times,
        children: all
            .iter()
            .flat_map(|(_, one)| one.children.clone())
            .collect(),
        members: all
            .iter()
            .map(|(_, one)| MemberObserved {
                state: one.state,
                reasons: one.reasons.clone(),
            })
            .collect(),
        traffic: total(all.iter().map(|(_, one)| one.traffic)),
    })
}

#[cfg(test)]
mod tests {
    use adit_model::observed::{SaTimes, Traffic};
    use adit_model::{ReasonCode, Whose};
    use time::OffsetDateTime;

    use super::*;

    fn one(state: TunnelState, second: i64, evidence: Option<&str>) -> TunnelObserved {
        let since = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(second);
        let reason = |evidence: &str| {
            Reason::new(
                ReasonCode::PeerNotResponding,
                Whose::Network,
                since,
                evidence,
                "",
            )
        };
        TunnelObserved {
            state,
            since,
            reasons: evidence.map(reason).into_iter().collect(),
            ike_suite: (state == TunnelState::Up).then(|| "suite".to_owned()),
            ike_times: SaTimes::default(),
            children: Vec::new(),
            members: Vec::new(),
            traffic: Traffic {
                packets_in: 3,
                ..Traffic::default()
            },
        }
    }

    #[test]
    fn one_that_is_up_keeps_the_whole_up_and_what_is_wrong_with_the_other_is_told() {
        let (a, b) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let down = one(TunnelState::Connecting, 9, Some("no answer"));
        let up = one(TunnelState::Up, 5, None);
        for all in [
            vec![(a, down.clone()), (b, up.clone())],
            vec![(b, up.clone()), (a, down.clone())],
        ] {
            let both = together(all.clone()).unwrap();
            assert_eq!((both.state, both.since), (TunnelState::Up, up.since));
            assert_eq!(both.reasons.len(), 1);
            let evidence = &both.reasons[0].evidence;
            assert_eq!(evidence, "the tunnel from 192.0.2.1: no answer");
            assert_eq!(both.ike_suite.as_deref(), Some("suite"));
            assert_eq!(both.traffic.packets_in, 6);
            let states: Vec<_> = both.members.iter().map(|it| it.state).collect();
            let expected: Vec<_> = all.iter().map(|(_, one)| one.state).collect();
            assert_eq!(states, expected);
        }
        let both = together(vec![(a, down.clone()), (b, down)]).unwrap();
        assert_eq!(both.state, TunnelState::Connecting);
        assert_eq!(both.reasons.len(), 2);
        assert_eq!(together(Vec::new()), None);
    }
}
