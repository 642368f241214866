//! The wish for a tunnel: this gateway to that peer, these local and remote CIDRs, this key,
//! these policies. What exists on the wire for it is in [`crate::observed`].

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    Cidr, ConnectionId, GatewayId, IkePolicyId, IpsecPolicyId, Name, ProjectId, Psk, Revision,
};

/// What to do when the peer stops answering.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DpdAction {
    /// Drop the SAs and wait.
    Clear,
    /// Drop the SAs and negotiate again when there is traffic.
    Hold,
    /// Don't probe.
    None,
    /// Drop the SAs and negotiate again at once.
    Restart,
}

/// Dead peer detection (IKEv2: liveness checks, RFC 7296 section 2.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct DeadPeerDetection {
    /// What to do.
    pub action: DpdAction,
    /// Seconds without inbound traffic before a probe, 1 to 86 399.
    pub interval_s: u32,
    /// Seconds without an answer before the peer is dead, at least the interval, to 86 399.
    pub timeout_s: u32,
}

/// The wish for a tunnel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose it is.
    pub project: ProjectId,
    /// The gateway at this end.
    pub gateway: GatewayId,
    /// What the user calls it.
    pub name: Name,
    /// The other end, and its expected IKE identity.
    pub peer_address: IpAddr,
    /// The pre-shared key.
    pub psk: Psk,
    /// What is reachable at this end, in the order given; never empty.
    pub local_cidrs: Vec<Cidr>,
    /// What is reachable at the other end, in the order given; never empty.
    pub peer_cidrs: Vec<Cidr>,
    /// How a dead peer is noticed.
    pub dead_peer_detection: DeadPeerDetection,
    /// Phase 1, or `None` to negotiate.
    pub ike_policy: Option<IkePolicyId>,
    /// Phase 2, or `None` to negotiate.
    pub ipsec_policy: Option<IpsecPolicyId>,
    /// Whether the tunnel is wanted up.
    pub admin_state_up: bool,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}
