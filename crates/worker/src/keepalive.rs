//! NAT keepalives (RFC 3948 section 4): where this end is behind a NAT, that forgets who is inside unless something is
//! sent now and then. The peer takes no notice of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use adit_ike::ChildKey;

/// How long nothing may be sent: the default of the RFC.
const AFTER: Duration = Duration::from_secs(20);

/// Whom keepalives are for, and when anything was last sent there.
#[derive(Debug, Default)]
pub(crate) struct Keepalives {
    of_child: BTreeMap<ChildKey, SocketAddr>,
    sent: BTreeMap<SocketAddr, Sent>,
}

#[derive(Debug)]
struct Sent {
    at: Instant,
    /// Child SAs whose packets go there.
    children: usize,
}

impl Keepalives {
    /// Notes a Child SA whose packets go there, from behind a NAT.
    pub(crate) fn add(&mut self, now: Instant, child: ChildKey, remote: SocketAddr) {
        self.remove(child);
        self.of_child.insert(child, remote);
        let sent = self.sent.entry(remote).or_insert(Sent {
            at: now,
            children: 0,
        });
        sent.children += 1;
    }

    /// Notes that its packets go elsewhere from now on.
    pub(crate) fn move_to(&mut self, now: Instant, child: ChildKey, remote: SocketAddr) {
        if self.of_child.contains_key(&child) {
            self.add(now, child, remote);
        }
    }

    pub(crate) fn remove(&mut self, child: ChildKey) {
        let Some(remote) = self.of_child.remove(&child) else {
            return;
        };
        if let Some(sent) = self.sent.get_mut(&remote) {
            sent.children = sent.children.saturating_sub(1);
            if sent.children == 0 {
                self.sent.remove(&remote);
            }
        }
    }

    /// Notes that a packet of a Child SA was sent.
    pub(crate) fn note_child(&mut self, now: Instant, child: ChildKey) {
        if let Some(remote) = self.of_child.get(&child).copied() {
            self.note(now, remote);
        }
    }

    /// Notes that something was sent there.
    pub(crate) fn note(&mut self, now: Instant, remote: SocketAddr) {
        if let Some(sent) = self.sent.get_mut(&remote) {
            sent.at = now;
        }
    }

    /// Where one is to be sent now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<SocketAddr> {
        let due = self
            .sent
            .iter_mut()
            .filter(|(_, sent)| now.saturating_duration_since(sent.at) >= AFTER);
        let due = due.map(|(remote, sent)| {
            sent.at = now;
            *remote
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
        let peers: [SocketAddr; 2] = [([192, 0, 2, 1], 4500).into(), ([192, 0, 2, 2], 700).into()];
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
        keepalives.move_to(at(58), ChildKey(3), peers[0]);
        assert_eq!(keepalives.due(at(200)), [peers[0]]);
        keepalives.remove(ChildKey(2));
        keepalives.remove(ChildKey(3));
        assert_eq!(keepalives.due(at(400)), []);
        keepalives.move_to(at(400), ChildKey(4), peers[1]);
        assert_eq!(keepalives.due(at(500)), [], "it is not behind a NAT");
    }
}
