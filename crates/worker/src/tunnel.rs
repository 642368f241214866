//! What is known of one tunnel, and when it is worth telling.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use adit_ike::selectors::{describe, of_ranges, within};
use adit_ike::{ChildConfig, ChildKey, ConnectionConfig, Event, Failure, Part, Protocol};
use adit_ike_wire::TrafficSelector;
use adit_model::observed::{ChildObserved, SaTimes, Traffic, TunnelObserved, TunnelState};
use adit_model::{Cidr, Reason};
use time::OffsetDateTime;

use crate::finding::Finding;
use crate::line_limit::LineLimit;
use crate::reason::AfterLoss;

/// How long a finding that saw both sides stands against poorer ones of the same code.
const FINDING_STANDS: Duration = Duration::from_secs(60);

/// How long a part may take to come up after the first before it is warned of.
const PART_WAIT: time::Duration = time::Duration::seconds(5);

/// How many warnings are told at most.
const MAX_WARNINGS: usize = 8;

/// The selectors of a Child SA: this end's and the other's.
type Selectors = (Vec<TrafficSelector>, Vec<TrafficSelector>);

/// One tunnel.
#[derive(Debug)]
pub(crate) struct Tunnel {
    /// Where its peer is, for people.
    peer: String,
    /// Its peer may be at any address.
    anywhere: bool,
    /// The bound on its inner packets.
    pub(crate) mtu: Option<u16>,
    /// Whether this end may begin.
    begins: bool,
    /// What protects its packets.
    protocol: Protocol,
    /// What becomes of it once its peer is lost.
    pub(crate) after_loss: AfterLoss,
    state: TunnelState,
    since: OffsetDateTime,
    finding: Option<(Finding, Instant)>,
    /// The Child SAs that are wanted.
    wanted: Vec<ChildConfig>,
    /// What is wrong with parts of it while the rest is as it should be.
    parts: BTreeMap<Part, Finding>,
    ike_suite: Option<String>,
    ike_times: SaTimes,
    children: BTreeMap<ChildKey, ChildObserved>,
    selectors: BTreeMap<ChildKey, Selectors>,
    /// Child SAs whose ICVs are of a kind that some truncate otherwise.
    truncatable: BTreeSet<ChildKey>,
    /// Child SAs of which no packet was authentic, since when.
    unreadable: BTreeMap<ChildKey, OffsetDateTime>,
    /// Of Child SAs that are gone.
    past: Traffic,
    /// Of Child SAs that are there.
    present: BTreeMap<ChildKey, Traffic>,
    told: Option<TunnelObserved>,
    /// What may be said in the log of what others can cause.
    pub(crate) lines: LineLimit,
}

pub(crate) fn total(parts: impl Iterator<Item = Traffic>) -> Traffic {
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
            peer: place(peer),
            anywhere: peer.is_unspecified(),
            mtu: None,
            begins: true,
            protocol: Protocol::Esp,
            after_loss: AfterLoss::Begin,
            state: TunnelState::Down,
            since: now,
            finding: None,
            wanted: Vec::new(),
            parts: BTreeMap::new(),
            ike_suite: None,
            ike_times: SaTimes::default(),
            children: BTreeMap::new(),
            selectors: BTreeMap::new(),
            truncatable: BTreeSet::new(),
            unreadable: BTreeMap::new(),
            past: Traffic::default(),
            present: BTreeMap::new(),
            told: None,
            lines: LineLimit::new(Instant::now()),
        }
    }

    /// Takes a changed configuration, and forgets what was found wrong with the one before.
    pub(crate) fn reconfigure(&mut self, peer: IpAddr, config: &ConnectionConfig) {
        if self.anywhere != peer.is_unspecified() || !self.anywhere {
            self.peer = place(peer);
        }
        self.anywhere = peer.is_unspecified();
        self.begins = config.initiate;
        self.protocol = config.esp.protocol;
        self.wanted.clone_from(&config.children);
        self.finding = None;
        self.parts.clear();
    }

    /// Notes what is wrong with a part. Until the tunnel is up that is what is wrong with all of it.
    fn find_in_part(&mut self, part: Part, failure: &Failure, now: OffsetDateTime) {
        let what = match part {
            Part::Child(index) => self.wanted.get(index).map(pair_text),
            Part::ChildRekey(_) => {
                Some("replacing a Child SA, which goes on until its time is up".to_owned())
            }
            Part::IkeRekey => {
                Some("rekeying the IKE SA; another one is made beside it before it ends".to_owned())
            }
        };
        let what = what.unwrap_or_default();
        let mut finding = Finding::of_part(now, &what, failure, &self.peer);
        if let Some(known) = self.parts.get(&part)
            && known.reason.code == finding.reason.code
        {
            finding.reason.since = known.reason.since;
        }
        self.parts.insert(part, finding);
        if self.state != TunnelState::Up {
            self.find(Finding::of_failure(now, failure, &self.peer));
        }
    }

    /// What does not work although the tunnel is up: blocks without a Child SA, blocks of which the
    /// peer takes a part, and replacements that are refused.
    fn warnings(&self, now: OffsetDateTime) -> Vec<Reason> {
        let pairs = self
            .wanted
            .iter()
            .enumerate()
            .filter_map(|(index, wanted)| {
                let (local, remote) = (of_ranges(&wanted.local), of_ranges(&wanted.remote));
                let mut there = self.selectors.values();
                if there.any(|(l, r)| within(&local, l) && within(&remote, r)) {
                    return None;
                }
                let mut there = self.selectors.values();
                if let Some((l, r)) = there.find(|(l, r)| within(l, &local) && within(r, &remote)) {
                    let pair = pair_text(wanted);
                    return Some(Finding::narrowed(self.since, &pair, &describe(l, r)).reason);
                }
                let known = self.parts.get(&Part::Child(index));
                known.map(|finding| finding.reason.clone()).or_else(|| {
                    let dead = Finding::dead_pair(self.since, &pair_text(wanted));
                    (now - self.since >= PART_WAIT).then_some(dead.reason)
                })
            });
        let rekeys = self.parts.iter().filter_map(|(part, finding)| {
            let rekey = matches!(part, Part::ChildRekey(_) | Part::IkeRekey);
            rekey.then(|| finding.reason.clone())
        });
        let unreadable = self.unreadable.iter().filter_map(|(child, since)| {
            let (local, remote) = self.selectors.get(child)?;
            let may_be_truncated = self.truncatable.contains(child);
            let pair = describe(local, remote);
            let finding = Finding::unreadable(*since, &pair, &self.peer, may_be_truncated);
            Some(finding.reason)
        });
        let all = pairs.chain(rekeys).chain(unreadable);
        all.take(MAX_WARNINGS).collect()
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
                replaces,
                ..
            } => {
                if let Some(old) = replaces {
                    self.parts.remove(&Part::ChildRekey(*old));
                }
                self.selectors
                    .insert(*child, (local.clone(), remote.clone()));
                let observed = ChildObserved {
                    spi_in: spis.0,
                    spi_out: spis.1,
                    suite: suite.clone(),
                    local_cidrs: blocks(local),
                    peer_cidrs: blocks(remote),
                    ..ChildObserved::default()
                };
                self.children.insert(*child, observed);
                self.finding = None;
                self.enter(TunnelState::Up, now);
            }
            Event::ChildDown { child, .. } => {
                self.children.remove(child);
                self.selectors.remove(child);
                self.parts.remove(&Part::ChildRekey(*child));
                if self.children.is_empty() {
                    self.enter(TunnelState::Connecting, now);
                }
            }
            Event::Connecting(_) => {
                if self.children.is_empty() {
                    self.enter(TunnelState::Connecting, now);
                }
            }
            Event::Failed(_, Failure::Lost) => {
                if self.children.is_empty() && self.after_loss != AfterLoss::Begin {
                    self.enter(TunnelState::Down, now);
                }
                self.find(Finding::lost(now, &self.peer, self.after_loss));
            }
            Event::Failed(_, failure) => {
                let finding = match (failure, self.protocol) {
                    (Failure::NatInBetween, Protocol::Ah) => {
                        Finding::nat_before_ah(now, &self.peer)
                    }
                    _ => Finding::of_failure(now, failure, &self.peer),
                };
                self.find(finding);
            }
            Event::PartFailed(_, part, failure) => self.find_in_part(*part, failure, now),
            Event::IkeUp {
                suite,
                peer,
                rekeyed,
                ..
            } => {
                if self.anywhere {
                    self.peer = peer.ip().to_string();
                }
                self.ike_suite = Some(suite.clone());
                if *rekeyed {
                    // One that was made beside it is there because the peer refuses this.
                    self.parts.remove(&Part::IkeRekey);
                }
            }
            Event::IkeDown(_) => {
                self.ike_suite = None;
                self.ike_times = SaTimes::default();
                self.parts.clear();
                self.enter(TunnelState::Connecting, now);
                if self.finding.is_none() {
                    self.find(Finding::closed_by_peer(now, &self.peer));
                }
            }
        }
    }

    /// Notes how old its SAs are, and when they are replaced.
    pub(crate) fn note_times(
        &mut self,
        ike: SaTimes,
        children: impl IntoIterator<Item = (ChildKey, SaTimes)>,
    ) {
        self.ike_times = ike;
        for (child, times) in children {
            if let Some(observed) = self.children.get_mut(&child) {
                observed.times = times;
            }
        }
    }

    /// A Child SA with what was counted of it.
    fn counted(&self, key: ChildKey, child: &ChildObserved) -> ChildObserved {
        ChildObserved {
            traffic: self.present.get(&key).copied().unwrap_or_default(),
            ..child.clone()
        }
    }

    /// Where its peer is, for people.
    pub(crate) fn peer(&self) -> &str {
        &self.peer
    }

    /// Whether its peer may be at any address.
    pub(crate) const fn is_anywhere(&self) -> bool {
        self.anywhere
    }

    /// Notes a Child SA's counters.
    pub(crate) fn count(&mut self, child: ChildKey, traffic: Traffic) {
        self.present.insert(child, traffic);
    }

    /// Notes that a Child SA's ICVs are HMAC-SHA-256's, which older programs truncate otherwise.
    pub(crate) fn may_be_truncated(&mut self, child: ChildKey) {
        self.truncatable.insert(child);
    }

    /// Notes whether all that comes on a Child SA fails its check. Returns whether that is new.
    pub(crate) fn judge(&mut self, child: ChildKey, unreadable: bool, now: OffsetDateTime) -> bool {
        if !unreadable {
            return self.unreadable.remove(&child).is_some();
        }
        let is_new = !self.unreadable.contains_key(&child);
        self.unreadable.entry(child).or_insert(now);
        is_new
    }

    /// Since when nothing can be carried although there are SAs: all that comes on each of them fails its check.
    fn unreadable_since(&self) -> Option<OffsetDateTime> {
        let since = |child| self.unreadable.get(child).copied();
        let all: Option<Vec<_>> = self.children.keys().map(since).collect();
        all?.into_iter().max()
    }

    /// Notes that a Child SA's counters will not change any more.
    pub(crate) fn settle(&mut self, child: ChildKey) {
        self.truncatable.remove(&child);
        self.unreadable.remove(&child);
        if let Some(traffic) = self.present.remove(&child) {
            self.past = total([self.past, traffic].into_iter());
        }
    }

    #[cfg(test)]
    pub(crate) const fn state(&self) -> TunnelState {
        self.state
    }

    /// When to look whether more is worth telling though nothing happens: of parts that have not come up by then.
    pub(crate) fn look_again(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let at = self.since + PART_WAIT;
        (self.state == TunnelState::Up && now < at).then_some(at)
    }

    /// How it is.
    pub(crate) fn observed(&self) -> TunnelObserved {
        let reasons = match (&self.finding, self.state) {
            // What strangers at the peer's address do is no matter while the tunnel is up.
            (_, TunnelState::Up) => self.warnings(OffsetDateTime::now_utc()),
            (Some((finding, _)), _) => vec![finding.reason.clone()],
            (None, _) if self.anywhere => {
                vec![Finding::waiting_for_any(self.since, &place(IpAddr::from([0; 4]))).reason]
            }
            (None, TunnelState::Down) if !self.begins => {
                vec![Finding::waiting(self.since, &self.peer).reason]
            }
            (None, _) => vec![Finding::negotiating(self.since, &self.peer).reason],
        };
        let (state, since) = match (self.state, self.unreadable_since()) {
            (TunnelState::Up, Some(since)) => (TunnelState::Down, since),
            (state, _) => (state, self.since),
        };
        TunnelObserved {
            state,
            since,
            reasons,
            ike_suite: self.ike_suite.clone(),
            ike_times: self.ike_times,
            children: self
                .children
                .iter()
                .map(|(key, child)| self.counted(*key, child))
                .collect(),
            members: Vec::new(),
            traffic: total(self.present.values().copied().chain([self.past])),
        }
    }

    /// What to tell the supervisor of a connection whose first tunnel this is, if anything is new of how it is
    /// observed. Counters alone are told only `with_traffic`.
    pub(crate) fn news(
        &mut self,
        observed: TunnelObserved,
        with_traffic: bool,
    ) -> Option<TunnelObserved> {
        let same = self.told.as_ref().is_some_and(|told| match with_traffic {
            true => *told == observed,
            false => uncounted(told) == uncounted(&observed),
        });
        if same {
            return None;
        }
        self.told = Some(observed.clone());
        Some(observed)
    }
}

/// How a tunnel is but for its counters.
fn uncounted(observed: &TunnelObserved) -> TunnelObserved {
    let mut observed = observed.clone();
    observed.traffic = Traffic::default();
    for child in &mut observed.children {
        child.traffic = Traffic::default();
    }
    observed
}

/// Where a peer is, for people.
fn place(peer: IpAddr) -> String {
    if peer.is_unspecified() {
        "the peer, which may be at any address,".to_owned()
    } else {
        peer.to_string()
    }
}

fn pair_text(wanted: &ChildConfig) -> String {
    describe(&of_ranges(&wanted.local), &of_ranges(&wanted.remote))
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

#[cfg(test)]
mod tests {
    use adit_ike::config::block;
    use adit_ike::{ConnectionKey, Judge};

    use super::*;

    const KEY: ConnectionKey = ConnectionKey(1);

    fn wanted(net: u8) -> ChildConfig {
        ChildConfig {
            local: vec![block([10, 1, 0, 0].into(), 16)],
            remote: vec![block([10, net, 0, 0].into(), 16)],
        }
    }

    fn tunnel(nets: &[u8]) -> Tunnel {
        let peer = [192, 0, 2, 1].into();
        let begun = OffsetDateTime::now_utc() - time::Duration::minutes(1);
        let mut tunnel = Tunnel::new(peer, begun);
        tunnel.wanted = nets.iter().copied().map(wanted).collect();
        tunnel
    }

    fn up(child: u64, local_len: u8, net: u8, replaces: Option<u64>) -> Event {
        Event::ChildUp {
            connection: KEY,
            child: ChildKey(child),
            spis: (256, 257),
            suite: "aes256gcm16".to_owned(),
            local: of_ranges(&[block([10, 1, 0, 0].into(), local_len)]),
            remote: of_ranges(&[block([10, net, 0, 0].into(), 16)]),
            replaces: replaces.map(ChildKey),
        }
    }

    fn evidence(tunnel: &Tunnel) -> Vec<String> {
        let observed = tunnel.observed();
        assert_eq!(observed.state, TunnelState::Up);
        observed
            .reasons
            .into_iter()
            .map(|reason| reason.evidence)
            .collect()
    }

    /// A time at which a part that is not there is not on its way any more.
    fn before() -> OffsetDateTime {
        OffsetDateTime::now_utc() - time::Duration::minutes(1)
    }

    #[test]
    fn a_pair_of_blocks_without_a_child_sa_is_named_while_the_rest_is_up() {
        let mut tunnel = tunnel(&[2, 3]);
        tunnel.on_event(&up(1, 16, 2, None), before());
        let found = evidence(&tunnel);
        assert!(
            found.len() == 1 && found[0].contains("10.1.0.0/16 === 10.3.0.0/16"),
            "{found:?}"
        );
        let failure = Failure::Selectors {
            by: Judge::Peer,
            ours: "10.1.0.0/16 === 10.3.0.0/16".to_owned(),
            theirs: None,
        };
        tunnel.on_event(&Event::PartFailed(KEY, Part::Child(1), failure), before());
        let found = evidence(&tunnel);
        assert!(
            found.len() == 1 && found[0].contains("TS_UNACCEPTABLE"),
            "{found:?}"
        );
        tunnel.on_event(&up(2, 16, 3, None), before());
        assert_eq!(evidence(&tunnel), [""; 0]);
    }

    #[test]
    fn a_part_that_is_about_to_come_up_is_not_warned_of() {
        let mut tunnel = tunnel(&[2, 3]);
        tunnel.on_event(&up(1, 16, 2, None), OffsetDateTime::now_utc());
        assert_eq!(evidence(&tunnel), [""; 0]);
    }

    #[test]
    fn what_the_peer_narrowed_is_told_with_both() {
        let mut tunnel = tunnel(&[2]);
        tunnel.on_event(&up(1, 24, 2, None), before());
        let found = evidence(&tunnel);
        assert_eq!(
            found,
            [
                "we asked for [10.1.0.0/16 === 10.2.0.0/16] (local === remote); the peer agreed to [10.1.0.0/24 === 10.2.0.0/16]"
            ]
        );
    }

    #[test]
    fn a_refused_replacement_is_told_until_it_comes_or_the_old_one_goes() {
        let refused = || Failure::Refused {
            notification: "NO_ADDITIONAL_SAS".to_owned(),
        };
        for ended in [
            up(2, 16, 2, Some(1)),
            Event::ChildDown {
                connection: KEY,
                child: ChildKey(1),
            },
        ] {
            let mut tunnel = tunnel(&[2]);
            tunnel.on_event(&up(1, 16, 2, None), before());
            tunnel.on_event(&up(9, 16, 2, None), before());
            let part = Part::ChildRekey(ChildKey(1));
            tunnel.on_event(&Event::PartFailed(KEY, part, refused()), before());
            assert_eq!(evidence(&tunnel).len(), 1);
            tunnel.on_event(&ended, before());
            assert_eq!(evidence(&tunnel), [""; 0]);
        }
    }

    #[test]
    fn a_peer_that_refuses_to_rekey_the_ike_sa_is_told_of_until_it_does() {
        let mut tunnel = tunnel(&[2]);
        tunnel.on_event(&up(1, 16, 2, None), before());
        let failure = Failure::Refused {
            notification: "NO_ADDITIONAL_SAS".to_owned(),
        };
        tunnel.on_event(&Event::PartFailed(KEY, Part::IkeRekey, failure), before());
        let ike_up = |rekeyed| Event::IkeUp {
            connection: KEY,
            peer: ([192, 0, 2, 1], 500).into(),
            suite: String::new(),
            rekeyed,
        };
        // The one that was made beside it keeps the tunnel up.
        tunnel.on_event(&ike_up(false), before());
        let found = evidence(&tunnel);
        assert!(
            found.len() == 1 && found[0].contains("NO_ADDITIONAL_SAS"),
            "{found:?}"
        );
        tunnel.on_event(&ike_up(true), before());
        assert_eq!(evidence(&tunnel), [""; 0]);
    }

    #[test]
    fn a_tunnel_of_which_no_packet_passes_its_check_is_not_up() {
        let mut tunnel = tunnel(&[2, 3]);
        tunnel.on_event(&up(1, 16, 2, None), before());
        tunnel.on_event(&up(2, 16, 3, None), before());
        tunnel.may_be_truncated(ChildKey(1));
        let now = OffsetDateTime::now_utc();
        assert!(tunnel.judge(ChildKey(1), true, now) && !tunnel.judge(ChildKey(1), true, now));
        let found = evidence(&tunnel);
        assert!(
            found.len() == 1 && found[0].contains("to 96 bits"),
            "{found:?}"
        );
        assert!(tunnel.judge(ChildKey(2), true, now));
        let observed = tunnel.observed();
        assert_eq!((observed.state, observed.since), (TunnelState::Down, now));
        assert_eq!(observed.reasons.len(), 2);
        assert!(tunnel.judge(ChildKey(1), false, now) && tunnel.judge(ChildKey(2), false, now));
        assert_eq!(evidence(&tunnel), [""; 0]);
    }

    #[test]
    fn what_strangers_cause_is_not_told_of_a_tunnel_that_is_up() {
        let mut tunnel = tunnel(&[2]);
        tunnel.on_event(&up(1, 16, 2, None), before());
        let failure = Failure::Authentication { by: Judge::Us };
        tunnel.on_event(&Event::Failed(KEY, failure), before());
        assert_eq!(evidence(&tunnel), [""; 0]);
    }
}
