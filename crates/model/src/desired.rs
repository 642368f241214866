//! What `control` asks an agent for. A spec is complete: applying it twice changes nothing, and
//! what it no longer lists is removed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::connection::{DeadPeerDetection, Identity, Initiator};
use crate::policy::{IkeParameters, IpsecParameters};
use crate::security_group::{Direction, Family};
use crate::subnet::StaticRoute;
use crate::{
    Cidr, ConnectionId, GatewayId, MacAddress, NetworkId, OuterAddresses, PortId, Psk, Revision,
    RouterId,
};

/// A network with the machines on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkSpec {
    /// Which network.
    pub id: NetworkId,
    /// Whether it is carried.
    pub admin_state_up: bool,
    /// The most octets of an IP packet on it.
    pub mtu: u32,
    /// Its machines.
    pub instances: Vec<InstanceSpec>,
}

/// One machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceSpec {
    /// Its port.
    pub id: PortId,
    /// Whether the port carries anything.
    pub admin_state_up: bool,
    /// The port's link address.
    pub mac: MacAddress,
    /// The port's addresses.
    pub addresses: Vec<InterfaceAddress>,
    /// Where it sends what is for elsewhere: at most one for each family.
    pub gateways: Vec<IpAddr>,
    /// Further ways to blocks by neighbours.
    pub routes: Vec<StaticRoute>,
    /// What is let through, besides what answers it; `None` lets everything through.
    pub filter: Option<Vec<FilterRule>>,
}

/// An address and how many of its bits its neighbours share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// How many bits are the subnet's.
    pub prefix_len: u8,
}

/// Something that a machine's port lets through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterRule {
    /// Which way, as the machine sees it.
    pub direction: Direction,
    /// Which IP.
    pub family: Family,
    /// The protocol's number; `None` is any.
    pub protocol: Option<u8>,
    /// The first destination port, or the ICMP type.
    pub port_min: Option<u16>,
    /// The last destination port, or the ICMP code.
    pub port_max: Option<u16>,
    /// With whom: these blocks; `None` is anybody, none at all is nobody.
    pub remote: Option<Vec<Cidr>>,
}

/// A router with its interfaces and its way outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RouterSpec {
    /// Which router.
    pub id: RouterId,
    /// Its interfaces, on networks that were applied before.
    pub interfaces: Vec<InterfaceSpec>,
    /// Its way outside.
    pub external: Option<ExternalSpec>,
    /// External addresses that stand for machines'. None without a way outside.
    pub floating_ips: Vec<FloatingIpSpec>,
    /// Ways to blocks by neighbours on its interfaces.
    pub routes: Vec<StaticRoute>,
    /// The blocks behind the peers of each of its gateways: nothing for them gets outside, though
    /// the gateway may not be there yet. Of one that was applied, its own spec and its changes
    /// tell.
    pub peer_cidrs: BTreeMap<GatewayId, BTreeSet<Cidr>>,
}

/// A router's interface on a network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InterfaceSpec {
    /// Its port.
    pub id: PortId,
    /// The network.
    pub network: NetworkId,
    /// Its link address.
    pub mac: MacAddress,
    /// Its addresses.
    pub addresses: Vec<InterfaceAddress>,
}

/// A router's way outside: what it sends there has its own address as the source, or nothing
/// is sent but what floating IPs stand for. By IPv6 only the router itself speaks there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExternalSpec {
    /// The router's addresses on the external network.
    pub addresses: OuterAddresses,
    /// Whether machines without a floating IP get outside, by its IPv4 address.
    pub snat: bool,
}

/// An external address that stands for a machine's, both ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FloatingIpSpec {
    /// The external address.
    pub address: IpAddr,
    /// The machine's.
    pub fixed_ip: IpAddr,
}

/// A gateway with all its tunnels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewaySpec {
    /// Which gateway.
    pub id: GatewayId,
    /// The router whose namespace it lives in.
    pub router: RouterId,
    /// Its addresses on the external network.
    pub addresses: OuterAddresses,
    /// Its tunnels, those that are administratively down included.
    pub tunnels: BTreeMap<ConnectionId, Arc<TunnelSpec>>,
}

/// What changed of a gateway that was applied. A gateway has many tunnels and one changes at a
/// time: this costs what changed, not what there is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayChange {
    /// Which gateway.
    pub id: GatewayId,
    /// Tunnels as they are wished now; `None` is gone. The others stay.
    pub tunnels: BTreeMap<ConnectionId, Option<Arc<TunnelSpec>>>,
}

impl GatewayChange {
    /// Has the tunnels of a gateway be as they are after the change.
    pub fn apply_to(&self, tunnels: &mut BTreeMap<ConnectionId, Arc<TunnelSpec>>) {
        for (id, tunnel) in &self.tunnels {
            match tunnel {
                Some(tunnel) => tunnels.insert(*id, Arc::clone(tunnel)),
                None => tunnels.remove(id),
            };
        }
    }
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
    /// The peer.
    pub peer_address: IpAddr,
    /// Who this end says it is.
    pub local_id: Identity,
    /// Who the other end must say it is.
    pub peer_id: Identity,
    /// Who begins.
    pub initiator: Initiator,
    /// The most octets of an inner packet; 0 leaves it to the path.
    pub mtu: u32,
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
