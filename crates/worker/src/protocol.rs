//! What supervisor and worker say to each other: one JSON value a line, over a Unix socket pair.
//! The descriptors travel with the first octet, in the order TUN, UDP 500, UDP 4500; and UDP 500 and
//! UDP 4500 over IPv6, if the gateway has an IPv6 address.

use std::fmt;
use std::net::IpAddr;

use adit_model::connection::{DeadPeerDetection, Identity, Initiator};
use adit_model::desired::TunnelSpec;
use adit_model::observed::{Drops, TunnelObserved};
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::{Cidr, ConnectionId, OuterAddresses};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The longest line taken, in octets: some seventy thousand tunnels.
pub const MAX_LINE: usize = 64 << 20;

/// From the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// Have exactly these tunnels.
    Apply(GatewayOrder),
    /// Change these tunnels, and leave the others.
    Change(ChangeOrder),
    /// Delete the SAs, tell the peers, and end.
    Shutdown,
}

/// A gateway as its worker needs it.
#[derive(Debug, Serialize, Deserialize)]
pub struct GatewayOrder {
    /// The gateway's addresses.
    pub addresses: OuterAddresses,
    /// All its tunnels.
    pub tunnels: Vec<TunnelOrder>,
}

/// What changed of a gateway.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ChangeOrder {
    /// Tunnels that are new, or other than they were.
    pub tunnels: Vec<TunnelOrder>,
    /// Tunnels that are gone.
    pub gone: Vec<ConnectionId>,
}

/// A tunnel as the worker needs it.
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of TunnelSpec")]
pub struct TunnelOrder {
    pub connection: ConnectionId,
    pub admin_state_up: bool,
    pub peer_address: IpAddr,
    pub local_id: Identity,
    pub peer_id: Identity,
    pub initiator: Initiator,
    pub mtu: u32,
    pub psk: PskOctets,
    pub local_cidrs: Vec<Cidr>,
    pub peer_cidrs: Vec<Cidr>,
    pub ike: IkeParameters,
    pub ipsec: IpsecParameters,
    pub dead_peer_detection: DeadPeerDetection,
}

/// A pre-shared key on its way to the one process that needs it.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct PskOctets(pub Vec<u8>);

impl fmt::Debug for PskOctets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PskOctets(hidden)")
    }
}

impl From<&TunnelSpec> for TunnelOrder {
    fn from(spec: &TunnelSpec) -> Self {
        Self {
            connection: spec.connection,
            admin_state_up: spec.admin_state_up,
            peer_address: spec.peer_address,
            local_id: spec.local_id.clone(),
            peer_id: spec.peer_id.clone(),
            initiator: spec.initiator,
            mtu: spec.mtu,
            psk: PskOctets(spec.psk.expose().to_vec()),
            local_cidrs: spec.local_cidrs.clone(),
            peer_cidrs: spec.peer_cidrs.clone(),
            ike: spec.ike.clone(),
            ipsec: spec.ipsec.clone(),
            dead_peer_detection: spec.dead_peer_detection,
        }
    }
}

/// From the worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// It is at work; said every two seconds.
    Alive,
    /// What was dropped since it was started.
    Drops(Drops),
    /// It listens.
    Ready,
    /// How a tunnel is.
    Tunnel {
        /// Which connection.
        connection: ConnectionId,
        /// How it is.
        observed: TunnelObserved,
    },
}
