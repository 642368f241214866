//! What the network does to datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use adit_ike::Instant;

/// How bad the network is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conditions {
    /// The least time a datagram takes.
    pub latency: Duration,
    /// Up to this much more, drawn for each datagram, so that they overtake each other.
    pub jitter: Duration,
    /// How many of 1000 are lost.
    pub loss: u64,
    /// How many of 1000 arrive twice.
    pub duplication: u64,
}

impl Conditions {
    /// A quiet network with 10 ms from end to end.
    pub const GOOD: Self = Self {
        latency: Duration::from_millis(10),
        jitter: Duration::ZERO,
        loss: 0,
        duplication: 0,
    };

    /// A network that loses, repeats and reorders.
    pub const BAD: Self = Self {
        latency: Duration::from_millis(10),
        jitter: Duration::from_millis(400),
        loss: 200,
        duplication: 200,
    };
}

/// A datagram on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// Where it came from.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// When it arrives.
    pub arrives: Instant,
    /// In which order it was sent.
    pub number: u64,
    /// What it holds.
    pub octets: Vec<u8>,
}
