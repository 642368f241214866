//! The wish for a tunnel: this gateway to that peer, these local and remote CIDRs, this key,
//! these policies. What exists on the wire for it is in [`crate::observed`].

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    Cidr, ConnectionId, EndpointGroupId, GatewayId, IkePolicyId, IpsecPolicyId, Name, ProjectId,
    Psk, Revision,
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
    /// Drop the SAs and wait for the peer to negotiate again.
    #[serde(rename = "restart-by-peer")]
    RestartByPeer,
}

/// Who begins to negotiate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initiator {
    /// Both ends may.
    BiDirectional,
    /// The peer alone.
    ResponseOnly,
}

/// Who an end is in IKE (RFC 7296 section 3.5).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// An IP address (`ID_IPV4_ADDR`, `ID_IPV6_ADDR`).
    Address(IpAddr),
    /// Any other name (`ID_FQDN`).
    Name(String),
}

impl Identity {
    /// Reads an identity as Neutron users write it: an address, or a name with or without an `@`
    /// before it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(address) => Self::Address(address),
            Err(_) => Self::Name(text.strip_prefix('@').unwrap_or(text).to_owned()),
        }
    }
}

/// Dead peer detection (IKEv2: liveness checks, RFC 7296 section 2.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct DeadPeerDetection {
    /// What to do.
    pub action: DpdAction,
    /// Seconds without inbound traffic before a probe, to 86 399.
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
    /// What the user says of it.
    pub description: String,
    /// The other end.
    pub peer_address: IpAddr,
    /// The other end's host name, where the user gave one; `peer_address` follows it.
    pub peer_host: Option<String>,
    /// Who the other end must say it is, as the user wrote it; `None` is its address.
    pub peer_id: Option<String>,
    /// Who this end says it is, as the user wrote it; `None` is the gateway's address.
    pub local_id: Option<String>,
    /// The pre-shared key.
    pub psk: Psk,
    /// What is reachable at this end, in the order given; never empty.
    pub local_cidrs: Vec<Cidr>,
    /// What is reachable at the other end, in the order given; never empty.
    pub peer_cidrs: Vec<Cidr>,
    /// The group that `local_cidrs` come from, if they do.
    pub local_group: Option<EndpointGroupId>,
    /// The group that `peer_cidrs` come from, if they do.
    pub peer_group: Option<EndpointGroupId>,
    /// The most octets of an inner packet; 0 leaves it to what the path carries.
    pub mtu: u32,
    /// Who begins.
    pub initiator: Initiator,
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

impl Connection {
    /// The MTU of a connection that asks for none.
    pub const MTU: u32 = 1500;
}
