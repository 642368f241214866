//! What happened to a connection's tunnel, as its gateway's worker told it: a line for each thing, the
//! latest of them. In memory alone, as all that was seen is.

use std::collections::VecDeque;

use adit_model::observed::{ChildObserved, TunnelObserved, TunnelState};
use adit_model::{Cidr, Reason};
use time::OffsetDateTime;

/// How many lines are kept of a connection: a gateway may have ten thousand.
const MOST: usize = 32;

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    /// When it was told, UTC.
    pub at: OffsetDateTime,
    /// What it was, without any secret.
    pub text: String,
}

/// The latest that happened to one tunnel.
#[derive(Default)]
pub(crate) struct TunnelLog(VecDeque<LogLine>);

impl TunnelLog {
    /// What is kept, oldest first.
    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.0.iter().cloned().collect()
    }

    /// Notes what is new, and answers it; a tunnel of which nothing is known is down.
    pub(crate) fn note(
        &mut self,
        before: Option<&TunnelObserved>,
        after: Option<&TunnelObserved>,
        at: OffsetDateTime,
    ) -> Vec<String> {
        let lines = differences(before, after);
        for text in lines.iter().cloned() {
            if self.0.len() >= MOST {
                self.0.pop_front();
            }
            self.0.push_back(LogLine { at, text });
        }
        lines
    }
}

fn differences(before: Option<&TunnelObserved>, after: Option<&TunnelObserved>) -> Vec<String> {
    let state = |of: Option<&TunnelObserved>| of.map_or(TunnelState::Down, |of| of.state);
    let suite = |of: Option<&TunnelObserved>| of.and_then(|of| of.ike_suite.clone());
    let mut lines = Vec::new();
    match (suite(before), suite(after)) {
        (before, Some(after)) if before.as_ref() != Some(&after) => {
            lines.push(format!("IKE SA established, selected proposal {after}"));
        }
        (Some(_), None) => lines.push("IKE SA is gone".to_owned()),
        _ => {}
    }
    let children = |of: Option<&TunnelObserved>| of.map_or(Vec::new(), |of| of.children.clone());
    let (old, new) = (children(before), children(after));
    let is_among = |child: &ChildObserved, all: &[ChildObserved]| {
        let spis = (child.spi_in, child.spi_out);
        all.iter().any(|one| (one.spi_in, one.spi_out) == spis)
    };
    for child in new.iter().filter(|child| !is_among(child, &old)) {
        let ChildObserved {
            spi_in,
            spi_out,
            suite,
            local_cidrs,
            peer_cidrs,
            ..
        } = child;
        let (local, peer) = (list(local_cidrs), list(peer_cidrs));
        lines.push(format!(
            "CHILD SA established with SPIs {spi_in:08x} in, {spi_out:08x} out, and TS {local} === {peer}, selected proposal {suite}"
        ));
    }
    for child in old.iter().filter(|child| !is_among(child, &new)) {
        let (inward, outward) = (child.spi_in, child.spi_out);
        lines.push(format!(
            "CHILD SA with SPIs {inward:08x} in, {outward:08x} out, is gone"
        ));
    }
    // The evidence of one that goes on counts: it is told once.
    let known = |reason: &&Reason| {
        let reasons = before.map_or(&[] as &[Reason], |of| &of.reasons);
        let mut reasons = reasons.iter();
        !reasons.any(|one| (one.code, one.whose) == (reason.code, reason.whose))
    };
    for reason in after.into_iter().flat_map(|of| &of.reasons).filter(known) {
        lines.push(format!("{}: {}", reason.code.as_str(), reason.evidence));
    }
    if state(before) != state(after) {
        lines.push(match state(after) {
            TunnelState::Up => "the tunnel is up".to_owned(),
            TunnelState::Connecting => "the tunnel is being negotiated".to_owned(),
            TunnelState::Down => "the tunnel is down".to_owned(),
        });
    }
    lines
}

fn list(cidrs: &[Cidr]) -> String {
    let cidrs: Vec<_> = cidrs.iter().map(ToString::to_string).collect();
    cidrs.join(" ")
}

#[cfg(test)]
mod tests {
    use adit_model::observed::Traffic;
    use adit_model::{ReasonCode, Whose};

    use super::*;

    fn seen(state: TunnelState, spi: Option<u32>, reason: Option<&str>) -> TunnelObserved {
        let now = OffsetDateTime::UNIX_EPOCH;
        let child = spi.map(|spi| ChildObserved {
            spi_in: spi,
            spi_out: spi + 1,
            suite: "aes128-sha256".to_owned(),
            local_cidrs: vec!["10.0.0.0/24".parse().unwrap()],
            peer_cidrs: vec!["10.1.0.0/24".parse().unwrap()],
            ..ChildObserved::default()
        });
        let reason = reason.map(|evidence| {
            Reason::new(
                ReasonCode::PeerNotResponding,
                Whose::Network,
                now,
                evidence,
                "",
            )
        });
        TunnelObserved {
            state,
            since: now,
            reasons: reason.into_iter().collect(),
            ike_suite: spi.map(|_| "aes256-sha256-modp2048".to_owned()),
            ike_times: adit_model::observed::SaTimes::default(),
            children: child.into_iter().collect(),
            members: Vec::new(),
            traffic: Traffic::default(),
        }
    }

    #[test]
    fn a_line_is_told_of_each_thing_once() {
        let silent = seen(
            TunnelState::Connecting,
            None,
            Some("no answer, sent 1 time"),
        );
        let still = seen(
            TunnelState::Connecting,
            None,
            Some("no answer, sent 2 times"),
        );
        let up = seen(TunnelState::Up, Some(1), None);
        let rekeyed = seen(TunnelState::Up, Some(7), None);
        let mut log = TunnelLog::default();
        let steps = [Some(&silent), Some(&still), Some(&up), Some(&rekeyed), None];
        let mut before = None;
        for after in steps {
            log.note(before, after, OffsetDateTime::UNIX_EPOCH);
            before = after;
        }
        let lines: Vec<_> = log.lines().into_iter().map(|line| line.text).collect();
        let child = |spis: &str| {
            format!(
                "CHILD SA established with SPIs {spis}, and TS 10.0.0.0/24 === 10.1.0.0/24, selected proposal aes128-sha256"
            )
        };
        assert_eq!(
            lines,
            [
                "peer_not_responding: no answer, sent 1 time",
                "the tunnel is being negotiated",
                "IKE SA established, selected proposal aes256-sha256-modp2048",
                &child("00000001 in, 00000002 out"),
                "the tunnel is up",
                &child("00000007 in, 00000008 out"),
                "CHILD SA with SPIs 00000001 in, 00000002 out, is gone",
                "IKE SA is gone",
                "CHILD SA with SPIs 00000007 in, 00000008 out, is gone",
                "the tunnel is down",
            ]
        );
    }

    #[test]
    fn the_latest_lines_are_kept() {
        let mut log = TunnelLog::default();
        for spi in 0..100 {
            let (old, new) = (
                seen(TunnelState::Up, Some(spi), None),
                seen(TunnelState::Up, Some(spi + 50), None),
            );
            log.note(Some(&old), Some(&new), OffsetDateTime::UNIX_EPOCH);
        }
        let lines = log.lines();
        assert_eq!(lines.len(), MOST);
        assert!(
            lines
                .last()
                .is_some_and(|line| line.text.contains("00000063"))
        );
    }
}
