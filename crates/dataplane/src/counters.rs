//! What is counted: packets, octets, and every drop by its cause.
//!
//! The loops write relaxed atomics; a snapshot is exact per number but not across numbers.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use adit_esp::DropReason;

use crate::ChildId;

/// Why a packet went no further.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DropCause {
    /// Outbound: the connection that the packet belongs to has no active SA that may carry it.
    NoSa,
    /// Outbound: the packet goes between no connection's blocks.
    NoConnection,
    /// Outbound: multicast, or from or to a link-local address. The kernel sends some of its own on every device;
    /// they never leave a link.
    LinkScope,
    /// Outbound: no IP packet, or not what its offload header says.
    NotIp,
    /// Outbound: larger than the tunnel; the sender was told if that is allowed.
    TooBig,
    /// Outbound: a fragment or IP options, which transport mode does not carry.
    Uncarried,
    /// Outbound: the SA's sequence numbers have ended.
    SequenceExhausted,
    /// Outbound: the kernel did not take the datagram.
    SendFailed,
    /// Inbound: no SA has the SPI.
    UnknownSpi,
    /// Inbound: the kernel had no room for more datagrams on a socket. Known with the next one that it has room for.
    SocketFull,
    /// Inbound: a datagram too short for ESP and IKE.
    Runt,
    /// Inbound: an IKE message from a configured peer's address, while enough of its or of all peers' wait.
    IkeQueueFull,
    /// Inbound: an IKE message from no configured peer's address, while enough of those wait.
    IkeStranger,
    /// Inbound: an authentic packet, but one that belongs to another connection than the one it came by.
    OtherConnection,
    /// Inbound: congestion was marked on the way, and the inner packet can't carry the mark on (RFC 6040 section 4.2).
    Congestion,
    /// Inbound: the device did not take the packet.
    DeviceFailed,
    /// Inbound: the SA refused the packet.
    Esp(DropReason),
}

impl DropCause {
    const PLAIN: [Self; 16] = [
        Self::NoSa,
        Self::NoConnection,
        Self::LinkScope,
        Self::NotIp,
        Self::TooBig,
        Self::SequenceExhausted,
        Self::SendFailed,
        Self::UnknownSpi,
        Self::SocketFull,
        Self::Runt,
        Self::IkeQueueFull,
        Self::IkeStranger,
        Self::OtherConnection,
        Self::DeviceFailed,
        Self::Congestion,
        Self::Uncarried,
    ];

    /// How many there are.
    pub(crate) const COUNT: usize = Self::PLAIN.len() + DropReason::ALL.len();

    /// Every cause.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::PLAIN
            .into_iter()
            .chain(DropReason::ALL.iter().copied().map(Self::Esp))
    }

    /// A short name for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoSa => "no_sa",
            Self::NoConnection => "no_connection",
            Self::LinkScope => "link_scope",
            Self::NotIp => "not_ip",
            Self::TooBig => "too_big",
            Self::SequenceExhausted => "sequence_exhausted",
            Self::SendFailed => "send_failed",
            Self::UnknownSpi => "unknown_spi",
            Self::SocketFull => "socket_full",
            Self::Runt => "runt",
            Self::IkeQueueFull => "ike_queue_full",
            Self::IkeStranger => "ike_stranger",
            Self::OtherConnection => "other_connection",
            Self::DeviceFailed => "device_failed",
            Self::Congestion => "congestion",
            Self::Uncarried => "uncarried",
            Self::Esp(reason) => reason.name(),
        }
    }

    fn index(self) -> usize {
        match self {
            Self::NoSa => 0,
            Self::NoConnection => 1,
            Self::LinkScope => 2,
            Self::NotIp => 3,
            Self::TooBig => 4,
            Self::SequenceExhausted => 5,
            Self::SendFailed => 6,
            Self::UnknownSpi => 7,
            Self::SocketFull => 8,
            Self::Runt => 9,
            Self::IkeQueueFull => 10,
            Self::IkeStranger => 11,
            Self::OtherConnection => 12,
            Self::DeviceFailed => 13,
            Self::Congestion => 14,
            Self::Uncarried => 15,
            Self::Esp(reason) => Self::PLAIN.len() + reason as usize,
        }
    }
}

/// A snapshot of the totals.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Inner packets sealed and sent.
    pub packets_out: u64,
    /// Octets of those inner packets.
    pub octets_out: u64,
    /// Inner packets opened and allowed.
    pub packets_in: u64,
    /// Octets of those inner packets.
    pub octets_in: u64,
    /// IKE messages passed on.
    pub ike_in: u64,
    /// NAT keepalives received.
    pub keepalives_in: u64,
    /// Writes to the device, each of one or more packets.
    pub device_writes: u64,
    /// Sends to the socket, each of one or more packets.
    pub socket_sends: u64,
    drops: [u64; DropCause::COUNT],
}

impl Counters {
    /// Packets dropped for one cause.
    #[must_use]
    pub fn drops(&self, cause: DropCause) -> u64 {
        self.drops.get(cause.index()).copied().unwrap_or(0)
    }
}

/// A snapshot of one Child SA's counters.
#[derive(Clone, PartialEq, Debug)]
pub struct ChildCounters {
    /// Inner packets sealed.
    pub packets_out: u64,
    /// Octets of those inner packets.
    pub octets_out: u64,
    /// Inner packets opened and allowed.
    pub packets_in: u64,
    /// Octets of those inner packets.
    pub octets_in: u64,
    /// Packets of its SPI that are not of the peer, as far as can be known, or not by the same algorithms: their ICV does
    /// not match, or their length is none that such a packet can have.
    pub not_authentic: u64,
    /// When the last authenticated packet came.
    pub last_inbound: Option<Instant>,
    /// Where the last authenticated packet came from: the peer's endpoint, if its NAT has moved it.
    pub endpoint_seen: Option<SocketAddr>,
    /// The share of outbound sequence numbers that is used, from 0 to 1.
    pub sequence_used: f64,
    /// The last outbound sequence number that was used; 0 before the first. Once sending has stopped nothing was sent with
    /// a higher one.
    pub last_sent: u64,
    /// The highest inbound sequence number of an authenticated packet; 0 before the first.
    pub highest_received: u64,
}

/// The totals as the loops write them.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) packets_out: AtomicU64,
    pub(crate) octets_out: AtomicU64,
    pub(crate) packets_in: AtomicU64,
    pub(crate) octets_in: AtomicU64,
    pub(crate) ike_in: AtomicU64,
    pub(crate) keepalives_in: AtomicU64,
    pub(crate) device_writes: AtomicU64,
    pub(crate) socket_sends: AtomicU64,
    drops: [AtomicU64; DropCause::COUNT],
}

impl Totals {
    pub(crate) fn dropped(&self, cause: DropCause) {
        self.dropped_many(cause, 1);
    }

    pub(crate) fn dropped_many(&self, cause: DropCause, packets: u64) {
        if let Some(count) = self.drops.get(cause.index()) {
            count.fetch_add(packets, Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> Counters {
        let mut drops = [0; DropCause::COUNT];
        for (to, from) in drops.iter_mut().zip(&self.drops) {
            *to = from.load(Relaxed);
        }
        Counters {
            packets_out: self.packets_out.load(Relaxed),
            octets_out: self.octets_out.load(Relaxed),
            packets_in: self.packets_in.load(Relaxed),
            octets_in: self.octets_in.load(Relaxed),
            ike_in: self.ike_in.load(Relaxed),
            keepalives_in: self.keepalives_in.load(Relaxed),
            device_writes: self.device_writes.load(Relaxed),
            socket_sends: self.socket_sends.load(Relaxed),
            drops,
        }
    }
}

/// One Child SA's counters as the loops write them.
pub(crate) struct ChildStats {
    start: Instant,
    pub(crate) packets_out: AtomicU64,
    pub(crate) octets_out: AtomicU64,
    packets_in: AtomicU64,
    octets_in: AtomicU64,
    not_authentic: AtomicU64,
    /// Milliseconds since `start`, plus one; 0 is never.
    last_inbound: AtomicU64,
    endpoint_seen: Mutex<Option<SocketAddr>>,
    pub(crate) sequence: AtomicU64,
    highest: AtomicU64,
    sequence_limit: u64,
    id: ChildId,
    /// Whether it is among the busy ones already.
    noted: AtomicBool,
    busy: Arc<Busy>,
}

/// The Child SAs whose counters changed since they were asked for: each once, however many its packets.
#[derive(Default)]
pub(crate) struct Busy(Mutex<Vec<ChildId>>);

impl Busy {
    fn note(&self, id: ChildId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(id);
    }

    pub(crate) fn take(&self) -> Vec<ChildId> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ChildStats {
    /// Those of an SA whose numbers go on behind these.
    pub(crate) fn new(
        id: ChildId,
        (sequence, highest): (u64, u64),
        sequence_limit: u64,
        busy: Arc<Busy>,
    ) -> Self {
        Self {
            id,
            noted: AtomicBool::new(false),
            busy,
            start: Instant::now(),
            packets_out: AtomicU64::new(0),
            octets_out: AtomicU64::new(0),
            packets_in: AtomicU64::new(0),
            octets_in: AtomicU64::new(0),
            not_authentic: AtomicU64::new(0),
            last_inbound: AtomicU64::new(0),
            endpoint_seen: Mutex::new(None),
            sequence: AtomicU64::new(sequence),
            highest: AtomicU64::new(highest),
            sequence_limit,
        }
    }

    /// An authenticated packet came, with `octets` of allowed inner packet if any; the highest number of any is `highest`.
    pub(crate) fn received(&self, now: Instant, octets: Option<usize>, highest: u64) {
        self.highest.store(highest, Relaxed);
        if let Some(octets) = octets {
            self.packets_in.fetch_add(1, Relaxed);
            self.octets_in.fetch_add(octets as u64, Relaxed);
        }
        let millis = now.saturating_duration_since(self.start).as_millis() as u64;
        self.last_inbound.store(millis + 1, Relaxed);
        self.note_busy();
    }

    /// A packet came that is not authentic. Where others were, it is anybody's, and nobody has to look.
    pub(crate) fn refused(&self) {
        self.not_authentic.fetch_add(1, Relaxed);
        if self.last_inbound.load(Relaxed) == 0 {
            self.note_busy();
        }
    }

    /// Notes that counters changed; they were written before.
    pub(crate) fn note_busy(&self) {
        // Who reads the counters after `rest` is sure to see them where this finds it noted.
        if !self.noted.swap(true, AcqRel) {
            self.busy.note(self.id);
        }
    }

    /// Has the next change be noted again; counters are read after this.
    pub(crate) fn rest(&self) {
        self.noted.swap(false, AcqRel);
    }

    pub(crate) fn endpoint_moved(&self, from: SocketAddr) {
        *self
            .endpoint_seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(from);
    }

    pub(crate) fn snapshot(&self) -> ChildCounters {
        let last_inbound = self.last_inbound.load(Relaxed).checked_sub(1);
        let last_sent = self.sequence.load(Relaxed);
        ChildCounters {
            packets_out: self.packets_out.load(Relaxed),
            octets_out: self.octets_out.load(Relaxed),
            packets_in: self.packets_in.load(Relaxed),
            octets_in: self.octets_in.load(Relaxed),
            not_authentic: self.not_authentic.load(Relaxed),
            last_inbound: last_inbound
                .and_then(|millis| self.start.checked_add(Duration::from_millis(millis))),
            endpoint_seen: *self
                .endpoint_seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
            sequence_used: last_sent as f64 / self.sequence_limit as f64,
            last_sent,
            highest_received: self.highest.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_counter_and_a_name_of_its_own() {
        let totals = Totals::default();
        let mut names = std::collections::BTreeSet::new();
        for (at, cause) in DropCause::all().enumerate() {
            assert_eq!(cause.index(), at);
            assert!(names.insert(cause.name()));
            totals.dropped(cause);
            assert_eq!(totals.snapshot().drops(cause), 1);
        }
        assert_eq!(names.len(), DropCause::COUNT);
    }
}
