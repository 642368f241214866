//! What an agent sees. Never stored as a wish, and never set by a user: status is computed from
//! this and from what is desired.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::gateway::GatewayStatus;
use crate::{Cidr, Reason};

/// How far a tunnel has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TunnelState {
    /// No IKE SA, and none under way; or SAs of which nothing has passed its integrity check.
    Down,
    /// Negotiating.
    Connecting,
    /// An IKE SA and at least one Child SA carry traffic.
    Up,
}

/// A gateway as its agent sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GatewayObserved {
    /// How far it has come.
    pub status: GatewayStatus,
    /// Why it is not available; empty when it is.
    pub reasons: Vec<Reason>,
}

/// A tunnel as its gateway's worker sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TunnelObserved {
    /// How far it has come.
    pub state: TunnelState,
    /// Since when it is in that state, UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Why it is not up, or, while it is, what is wrong with parts of it.
    pub reasons: Vec<Reason>,
    /// The negotiated IKE suite, such as `aes256gcm16-prfsha384-ecp384`, while there is an IKE SA.
    pub ike_suite: Option<String>,
    /// Since when that is there, and when it is replaced.
    #[serde(default)]
    pub ike_times: SaTimes,
    /// The Child SAs that carry traffic.
    pub children: Vec<ChildObserved>,
    /// Of a connection with a tunnel from each of its gateway's IPv4 addresses, how each of them is; of others, none.
    /// It is up as a whole while one of them is, and what is wrong with the other is among its reasons.
    pub members: Vec<MemberObserved>,
    /// Packets and octets since the tunnel was made.
    pub traffic: Traffic,
}

/// One of the tunnels of a connection that has several.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MemberObserved {
    /// How far it has come.
    pub state: TunnelState,
    /// Why it is not up, or, while it is, what is wrong with parts of it.
    pub reasons: Vec<Reason>,
}

/// How old an SA is, and how long it has.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct SaTimes {
    /// When it was made, UTC.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// When this end replaces it, UTC; not known while that is under way.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub rekey_at: Option<OffsetDateTime>,
}

/// One Child SA.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct ChildObserved {
    /// The inbound SPI.
    pub spi_in: u32,
    /// The outbound SPI.
    pub spi_out: u32,
    /// The negotiated suite, such as `aes128-sha256`.
    pub suite: String,
    /// This end's blocks.
    pub local_cidrs: Vec<Cidr>,
    /// The other end's blocks.
    pub peer_cidrs: Vec<Cidr>,
    /// Since when it is there, and when it is replaced.
    #[serde(default)]
    pub times: SaTimes,
    /// Packets and octets since then.
    #[serde(default)]
    pub traffic: Traffic,
}

/// What a gateway dropped since its worker was started, by cause, such as `no_sa`, `replayed` or
/// `ike_malformed`. Causes that never happened are left out.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Drops(pub BTreeMap<String, u64>);

/// Inner packets and octets that went through a tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Traffic {
    /// Packets decrypted and delivered.
    pub packets_in: u64,
    /// Octets decrypted and delivered.
    pub bytes_in: u64,
    /// Packets encrypted and sent.
    pub packets_out: u64,
    /// Octets encrypted and sent.
    pub bytes_out: u64,
}
