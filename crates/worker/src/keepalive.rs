//! NAT keepalives (RFC 3948 section 4): where this end is behind a NAT, that forgets who is inside unless something is
//! sent now and then. The peer takes no notice of them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use adit_ike::ChildKey;

/// How long nothing may be sent: the default of the RFC.
const AFTER: Duration = Duration::from_secs(20);

/// From one of the gateway's addresses, to a peer.
pub(crate) type Way = (IpAddr, SocketAddr);

/// Whom keepalives are for, and when anything was last sent there.
#[derive(Debug, Default)]
pub(crate) struct Keepalives {
    of_child: BTreeMap<ChildKey, Way>,
    sent: BTreeMap<Way, Sent>,
}

#[derive(Debug)]
struct Sent {
    at: Instant,
    /// Child SAs whose packets go there.
    children: usize,
}

impl Keepalives {
    /// Notes a Child SA whose packets go there, from behind a NAT.
    pub(crate) fn add(&mut self, now: Instant, child: ChildKey, way: Way) {
        self.remove(child);
        self.of_child.insert(child, way);
        let sent = self.sent.entry(way).or_insert(Sent {
            at: now,
            children: 0,
        });
        sent.children += 1;
    }

    /// Notes that its packets go elsewhere from now on.
    pub(crate) fn move_to(&mut self, now: Instant, child: ChildKey, remote: SocketAddr) {
        if let Some((local, _)) = self.of_child.get(&child).copied() {
            self.add(now, child, (local, remote));
        }
    }

    pub(crate) fn remove(&mut self, child: ChildKey) {
        let Some(way) = self.of_child.remove(&child) else {
            return;
        };
        if let Some(sent) = self.sent.get_mut(&way) {
            sent.children = sent.children.saturating_sub(1);
            if sent.children == 0 {
                self.sent.remove(&way);
            }
        }
    }

    /// Notes that a packet of a Child SA was sent.
    pub(crate) fn note_child(&mut self, now: Instant, child: ChildKey) {
        if let Some(way) = self.of_child.get(&child).copied() {
            self.note(now, way);
        }
    }

    /// Notes that something was sent there.
    pub(crate) fn note(&mut self, now: Instant, way: Way) {
        if let Some(sent) = self.sent.get_mut(&way) {
            sent.at = now;
        }
    }

    /// Where one is to be sent now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Way> {
        let due = self
            .sent
            .iter_mut()
            .filter(|(_, sent)| now.saturating_duration_since(sent.at) >= AFTER);
        let due = due.map(|(way, sent)| {
            sent.at = now;
            *way
        });
        due.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_out_after_silence_and_none_while_something_is_sent() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let own: [IpAddr; 2] = [[198, 51, 100, 1].into(), [198, 51, 100, 2].into()];
        let to: [SocketAddr; 2] = [([192, 0, 2, 1], 4500).into(), ([192, 0, 2, 2], 700).into()];
        let peers = [(own[0], to[0]), (own[0], to[1])];
        let mut keepalives = Keepalives::default();
        keepalives.add(start, ChildKey(1), peers[0]);
        keepalives.add(start, ChildKey(2), peers[0]);
        keepalives.add(start, ChildKey(3), peers[1]);
        assert_eq!(keepalives.due(at(19)), []);
        keepalives.note_child(at(19), ChildKey(3));
        assert_eq!(keepalives.due(at(20)), [peers[0]], "once for both");
        assert_eq!(keepalives.due(at(38)), []);
        assert_eq!(keepalives.due(at(39)), [peers[1]]);
        keepalives.note(at(39), peers[0]);
        assert_eq!(keepalives.due(at(58)), []);
        keepalives.remove(ChildKey(1));
        keepalives.move_to(at(58), ChildKey(3), to[0]);
        assert_eq!(keepalives.due(at(200)), [peers[0]]);
        keepalives.remove(ChildKey(2));
        keepalives.remove(ChildKey(3));
        assert_eq!(keepalives.due(at(400)), []);
        keepalives.move_to(at(400), ChildKey(4), to[1]);
        assert_eq!(keepalives.due(at(500)), [], "it is not behind a NAT");
        // A NAT knows each of this end's addresses by itself.
        keepalives.add(at(500), ChildKey(5), (own[0], to[0]));
        keepalives.add(at(500), ChildKey(6), (own[1], to[0]));
        keepalives.note(at(510), (own[0], to[0]));
        assert_eq!(keepalives.due(at(520)), [(own[1], to[0])]);
    }
}
