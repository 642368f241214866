//! The wish for a tunnel: between which ends, by which key and policies. What exists on the wire is in [`crate::observed`].

mod identity;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use identity::Identity;

use crate::authentication::{Authentication, Ppk};
use crate::{
    Cidr, ConnectionId, EndpointGroupId, GatewayId, IkePolicyId, IpsecPolicyId, Name, ProjectId,
    Revision, Translation,
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

impl DeadPeerDetection {
    /// A peer that is gone is begun with again: where nobody says otherwise.
    pub const RESTART: Self = Self {
        action: DpdAction::Restart,
        interval_s: 30,
        timeout_s: 120,
    };
}

/// What is reachable at both ends of a connection, and who says so. Blocks are in the order given,
/// and never none, but where routes say them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ends {
    /// The connection itself.
    Blocks {
        /// This end's.
        local: Vec<Cidr>,
        /// The other end's.
        peer: Vec<Cidr>,
    },
    /// Its gateway, which has one subnet for all its connections; the connection itself of the other
    /// end.
    Subnet {
        /// The subnet's block.
        local: Cidr,
        /// The other end's.
        peer: Vec<Cidr>,
    },
    /// Endpoint groups.
    Groups {
        /// This end's.
        local: GroupBlocks,
        /// The other end's.
        peer: GroupBlocks,
    },
    /// The routes of the gateway's router that name the connection; at this end it is whatever the router is on.
    Routes {
        /// Where they lead, in the order in which they were made.
        peer: Vec<Cidr>,
    },
}

/// Any IPv4 address.
static ANYWHERE: LazyLock<[Cidr; 1]> =
    LazyLock::new(|| [Cidr::containing_all(Ipv4Addr::UNSPECIFIED)]);

/// An endpoint group, and the blocks that it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupBlocks {
    /// One of the connection's project.
    pub group: EndpointGroupId,
    /// Its blocks.
    pub cidrs: Vec<Cidr>,
}

impl Ends {
    /// This end's blocks.
    #[must_use]
    pub fn local(&self) -> &[Cidr] {
        match self {
            Self::Blocks { local, .. } => local,
            Self::Subnet { local, .. } => std::slice::from_ref(local),
            Self::Groups { local, .. } => &local.cidrs,
            Self::Routes { .. } => &*ANYWHERE,
        }
    }

    /// The other end's blocks.
    #[must_use]
    pub fn peer(&self) -> &[Cidr] {
        match self {
            Self::Blocks { peer, .. } | Self::Subnet { peer, .. } | Self::Routes { peer } => peer,
            Self::Groups { peer, .. } => &peer.cidrs,
        }
    }

    /// The groups of this and the other end, if groups say what they are.
    #[must_use]
    pub const fn groups(&self) -> Option<[EndpointGroupId; 2]> {
        match self {
            Self::Groups { local, peer } => Some([local.group, peer.group]),
            Self::Blocks { .. } | Self::Subnet { .. } | Self::Routes { .. } => None,
        }
    }
}

/// The wish for a tunnel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    /// Random, made with the row, and its own for good.
    pub id: ConnectionId,
    /// Whose it is.
    pub project: ProjectId,
    /// The gateway at this end.
    pub gateway: GatewayId,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// The other end; the unspecified address is any, or, of a host, that it is not known yet.
    pub peer_address: IpAddr,
    /// The other end's host name, where the user gave one; `peer_address` follows it.
    pub peer_host: Option<String>,
    /// Who the other end must say it is, as the user wrote it; `None` is its address.
    pub peer_id: Option<String>,
    /// Who this end says it is, as the user wrote it; `None` is the gateway's address.
    pub local_id: Option<String>,
    /// By what both ends show who they are.
    pub authentication: Authentication,
    /// When its pre-shared key was last set to another one, UTC; `None` where nobody knows, or it has none.
    pub psk_set_at: Option<OffsetDateTime>,
    /// What keys rest on beside that, if anything.
    pub ppk: Option<Ppk>,
    /// What is reachable at both ends: at each what it is there.
    pub ends: Ends,
    /// What of that the opposite end knows by other addresses, in the order in which it was given.
    pub translations: Vec<Translation>,
    /// Whether both of its tunnels carry what is sent, each flow by one of them; otherwise one does. False with one tunnel.
    pub distribute_traffic: bool,
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
