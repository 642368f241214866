//! The packet loops of one gateway: clear packets on one side, ESP or AH on the other, in UDP (RFC 3948) or as an IP
//! protocol of its own.
//!
//! [`Dataplane`] is the set of SA commands; [`Userspace`] does the work with a TUN device and sockets,
//! [`Memory`] does it for tests, without any. Nothing here opens a descriptor or needs a privilege.
//!
//! Invariants: a packet leaves only sealed by an SA of the connection it belongs to ([`ConnectionBlocks`]) whose
//! selectors allow it, or not at all; every drop is counted by
//! its [`DropCause`]; every queue is bounded.
//!
//! DSCP and ECN of the outer header are the inner one's, and marks of congestion come back into that (RFC 6040). TTL is
//! decremented by the kernel's routing, not here.

#![forbid(unsafe_code)]

mod checksum;
mod children;
mod clamp;
mod coalesce;
mod command;
mod counters;
mod ike_queue;
mod inbound;
mod lanes;
mod limit;
mod memory;
mod outbound;
#[cfg(test)]
mod packets;
mod parking;
mod path;
mod raw;
mod rebuilt;
mod routes;
mod sealed;
mod socket;
mod split;
mod too_big;
mod traffic_class;
mod translate;
mod trap;
mod udp;
mod userspace;
mod vnet;

use std::net::{IpAddr, SocketAddr};

use adit_esp::{InboundSa, OutboundSa};

pub use counters::{ChildCounters, Counters, DropCause};
pub use ike_queue::{IkeDatagram, IkeQueue, QueueLimits};
pub use lanes::{Lane, Sharing};
pub use memory::{Datagram, Memory};
pub use routes::{ConnectionBlocks, Owner, RouteChange};
pub use translate::{Pair, Translations};
pub use udp::{Received, UdpPort, control_buffer};
pub use userspace::{Config, Userspace};

/// What a Child SA's packets travel in. What comes in is taken from either (RFC 7296 section 2.23).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Carriage {
    /// As an IP protocol of its own.
    Ip,
    /// In UDP (RFC 3948).
    #[default]
    Udp,
}

/// The caller's name for a Child SA, unique among those installed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ChildId(pub u64);

/// A Child SA to install: both directions and where the peer is. The selectors are inside the two SAs.
#[derive(Debug)]
pub struct ChildSa {
    /// The caller's name for it.
    pub id: ChildId,
    /// The connection whose packets it carries.
    pub owner: Owner,
    /// Which of that connection's tunnels it is of.
    pub lane: Lane,
    /// The receiving half.
    pub inbound: InboundSa,
    /// The sending half.
    pub outbound: OutboundSa,
    /// The gateway's address from which sealed packets are sent.
    pub local: IpAddr,
    /// Where sealed packets are sent; the port is of use in UDP alone.
    pub remote: SocketAddr,
    /// What they are sent in.
    pub carriage: Carriage,
    /// The most octets of an inner packet, if that is to be less than what fits the path.
    pub mtu: Option<u16>,
    /// Whether the peer brings marks of congestion from outer headers into inner ones, so that packets may say that they
    /// can be marked.
    pub ecn: bool,
    /// Whether to send on it at once. A responder of a rekey waits (RFC 7296 section 2.8).
    pub outbound_active: bool,
}

/// Why a Child SA was not installed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InstallError {
    /// The id is in use.
    #[error("a child SA of this id is installed")]
    DuplicateId,
    /// The inbound SPI is in use.
    #[error("a child SA with this inbound SPI is installed")]
    DuplicateSpi,
    /// There are as many as there may be.
    #[error("there are too many child SAs")]
    TooMany,
    /// The loops have ended.
    #[error("the data plane has stopped")]
    Stopped,
}

/// The SA commands that a data plane takes. Commands about an unknown id do nothing.
pub trait Dataplane: Send + Sync {
    /// Installs a Child SA. Packets that arrive after this has returned find it.
    ///
    /// # Errors
    /// If the id or SPI is in use, or there are too many.
    fn install(&self, child: ChildSa) -> Result<(), InstallError>;

    /// Has packets that come with this SPI wait for the Child SA that was asked for with it, a bounded number and for a
    /// moment: who answers may send before its answer is understood. One below 256 is none.
    fn expect(&self, spi: u32);

    /// Which connection each packet belongs to from now on. Before the first time, none does. A packet sees all of
    /// a change or nothing of it.
    fn change_routes(&self, change: RouteChange);

    /// How a connection that has two tunnels shares its packets among them, from now on; `None` where it has one.
    fn share(&self, owner: Owner, sharing: Option<Sharing>);

    /// Starts sending on it. Of several of one tunnel that could carry a packet, the one installed last is used.
    fn activate_outbound(&self, id: ChildId);

    /// Stops sending on it for good; it still receives until [`remove`](Self::remove), as a rekeyed SA should for
    /// some seconds.
    fn stop_outbound(&self, id: ChildId);

    /// Removes both directions and wipes the keys.
    fn remove(&self, id: ChildId);

    /// Sends to another address from now on.
    fn move_endpoint(&self, id: ChildId, remote: SocketAddr);

    /// Takes inner packets of at most so many octets from now on; `None` leaves it to the path.
    fn set_mtu(&self, id: ChildId, mtu: Option<u16>);

    /// Totals over all Child SAs, past ones included.
    fn counters(&self) -> Counters;

    /// Those Child SAs whose counters changed since this was asked before, in no order; some may be gone.
    fn take_busy(&self) -> Vec<ChildId>;

    /// One Child SA's counters; `None` if it is not installed.
    fn child_counters(&self, id: ChildId) -> Option<ChildCounters>;
}
