//! What is known of one tunnel, and when it is worth telling.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use adit_ike::{ChildKey, Event};
use adit_ike_wire::TrafficSelector;
use adit_model::observed::{ChildObserved, Traffic, TunnelObserved, TunnelState};
use adit_model::{Cidr, Reason};
use time::OffsetDateTime;

use crate::line_limit::LineLimit;
use crate::reason::Finding;

/// How long a finding that saw both sides stands against poorer ones of the same code.
const FINDING_STANDS: Duration = Duration::from_secs(60);

/// One tunnel.
#[derive(Debug)]
pub(crate) struct Tunnel {
    peer: String,
    /// The bound on its inner packets.
    pub(crate) mtu: Option<u16>,
    /// Whether this end may begin.
    begins: bool,
    state: TunnelState,
    since: OffsetDateTime,
    finding: Option<(Finding, Instant)>,
    ike_suite: Option<String>,
    children: BTreeMap<ChildKey, ChildObserved>,
    /// Of Child SAs that are gone.
    past: Traffic,
    /// Of Child SAs that are there.
    present: BTreeMap<ChildKey, Traffic>,
    told: Option<TunnelObserved>,
    /// What may be said in the log of what others can cause.
    pub(crate) lines: LineLimit,
}

fn total(parts: impl Iterator<Item = Traffic>) -> Traffic {
    parts.fold(Traffic::default(), |sum, part| Traffic {
        packets_in: sum.packets_in + part.packets_in,
        bytes_in: sum.bytes_in + part.bytes_in,
        packets_out: sum.packets_out + part.packets_out,
        bytes_out: sum.bytes_out + part.bytes_out,
    })
}

impl Tunnel {
    pub(crate) fn new(peer: IpAddr, now: OffsetDateTime) -> Self {
        Self {
            peer: peer.to_string(),
            mtu: None,
            begins: true,
            state: TunnelState::Down,
            since: now,
            finding: None,
            ike_suite: None,
            children: BTreeMap::new(),
            past: Traffic::default(),
            present: BTreeMap::new(),
            told: None,
            lines: LineLimit::new(Instant::now()),
        }
    }

    /// Takes a changed configuration, and forgets what was found wrong with the one before.
    pub(crate) fn reconfigure(&mut self, peer: IpAddr, begins: bool) {
        self.peer = peer.to_string();
        self.begins = begins;
        self.finding = None;
    }

    pub(crate) fn find(&mut self, finding: Finding) {
        if let Some((known, at)) = &self.finding
            && known.reason.code == finding.reason.code
        {
            let stands = at.elapsed() < FINDING_STANDS;
            if known.saw_both && !finding.saw_both && stands {
                return;
            }
            let since = known.reason.since;
            let reason = Reason {
                since,
                ..finding.reason
            };
            self.finding = Some((Finding { reason, ..finding }, Instant::now()));
        } else {
            self.finding = Some((finding, Instant::now()));
        }
    }

    fn enter(&mut self, state: TunnelState, now: OffsetDateTime) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }

    pub(crate) fn on_event(&mut self, event: &Event, now: OffsetDateTime) {
        match event {
            Event::ChildUp {
                child,
                spis,
                suite,
                local,
                remote,
                ..
            } => {
                let observed = ChildObserved {
                    spi_in: spis.0,
                    spi_out: spis.1,
                    suite: suite.clone(),
                    local_cidrs: blocks(local),
                    peer_cidrs: blocks(remote),
                };
                self.children.insert(*child, observed);
                self.finding = None;
                self.enter(TunnelState::Up, now);
            }
            Event::ChildDown { child, .. } => {
                self.children.remove(child);
                if self.children.is_empty() {
                    self.enter(TunnelState::Connecting, now);
                }
            }
            Event::Connecting(_) => {
                if self.children.is_empty() {
                    self.enter(TunnelState::Connecting, now);
                }
            }
            Event::Failed(_, failure) => {
                self.find(Finding::of_failure(now, failure, &self.peer));
            }
            Event::IkeUp { suite, .. } => self.ike_suite = Some(suite.clone()),
            Event::IkeDown(_) => {
                self.ike_suite = None;
                self.enter(TunnelState::Connecting, now);
                if self.finding.is_none() {
                    self.find(Finding::closed_by_peer(now, &self.peer));
                }
            }
        }
    }

    /// Notes a Child SA's counters.
    pub(crate) fn count(&mut self, child: ChildKey, traffic: Traffic) {
        self.present.insert(child, traffic);
    }

    /// Notes that a Child SA's counters will not change any more.
    pub(crate) fn settle(&mut self, child: ChildKey) {
        if let Some(traffic) = self.present.remove(&child) {
            self.past = total([self.past, traffic].into_iter());
        }
    }

    fn observed(&self) -> TunnelObserved {
        let reasons = match (&self.finding, self.state) {
            (Some((finding, _)), _) => vec![finding.reason.clone()],
            (None, TunnelState::Up) => Vec::new(),
            (None, TunnelState::Down) if !self.begins => {
                vec![Finding::waiting(self.since, &self.peer).reason]
            }
            (None, _) => vec![Finding::negotiating(self.since, &self.peer).reason],
        };
        TunnelObserved {
            state: self.state,
            since: self.since,
            reasons,
            ike_suite: self.ike_suite.clone(),
            children: self.children.values().cloned().collect(),
            traffic: total(self.present.values().copied().chain([self.past])),
        }
    }

    /// What to tell the supervisor, if anything is new. Counters alone are told only `with_traffic`.
    pub(crate) fn news(&mut self, with_traffic: bool) -> Option<TunnelObserved> {
        let observed = self.observed();
        let same = self.told.as_ref().is_some_and(|told| {
            let aligned = TunnelObserved {
                traffic: if with_traffic {
                    told.traffic
                } else {
                    observed.traffic
                },
                ..told.clone()
            };
            aligned == observed
        });
        if same {
            return None;
        }
        self.told = Some(observed.clone());
        Some(observed)
    }
}

/// The selectors that are blocks of addresses.
fn blocks(selectors: &[TrafficSelector]) -> Vec<Cidr> {
    selectors
        .iter()
        .filter_map(|selector| {
            let len = adit_ike::selectors::prefix_len(selector.addresses)?;
            Cidr::new(selector.addresses.first(), len).ok()
        })
        .collect()
}
