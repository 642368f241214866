//! What `control` asks an agent for. A spec is complete: applying it twice changes nothing, and
//! what it no longer lists is removed.

use std::net::IpAddr;

use crate::connection::DeadPeerDetection;
use crate::policy::{IkeParameters, IpsecParameters};
use crate::{Cidr, ConnectionId, GatewayId, InstanceId, Psk, Revision, RouterId, SubnetId};

/// A router with its private networks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RouterSpec {
    /// Which router.
    pub id: RouterId,
    /// Its subnets.
    pub subnets: Vec<SubnetSpec>,
}

/// One private network of a router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubnetSpec {
    /// Which subnet.
    pub id: SubnetId,
    /// Its addresses.
    pub cidr: Cidr,
    /// The router's address in it.
    pub router_address: IpAddr,
    /// Machines on it.
    pub instances: Vec<InstanceSpec>,
}

/// One machine of a subnet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceSpec {
    /// Which instance.
    pub id: InstanceId,
    /// Its address.
    pub address: IpAddr,
}

/// A gateway with all its tunnels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewaySpec {
    /// Which gateway.
    pub id: GatewayId,
    /// The router whose namespace it lives in.
    pub router: RouterId,
    /// Its address on the external network.
    pub address: IpAddr,
    /// Its tunnels, those that are administratively down included.
    pub tunnels: Vec<TunnelSpec>,
}

/// A connection, with its policies resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TunnelSpec {
    /// Which connection.
    pub connection: ConnectionId,
    /// The connection's revision this was made from; another one means renegotiate what changed.
    pub revision: Revision,
    /// Whether to have it up. Its traffic stays off the wire either way.
    pub admin_state_up: bool,
    /// The peer, and its IKE identity.
    pub peer_address: IpAddr,
    /// The pre-shared key.
    pub psk: Psk,
    /// This end's blocks.
    pub local_cidrs: Vec<Cidr>,
    /// The other end's blocks.
    pub peer_cidrs: Vec<Cidr>,
    /// Phase 1.
    pub ike: IkeParameters,
    /// Phase 2.
    pub ipsec: IpsecParameters,
    /// Dead peer detection.
    pub dead_peer_detection: DeadPeerDetection,
}
