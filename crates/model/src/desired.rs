//! What `control` asks an agent for. A spec is complete: applying it twice changes nothing, and
//! what it no longer lists is removed.
//!
//! All of it can travel to another process. Keys can only as a part of a [`TunnelSpec`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::authentication::{Authentication, Ppk};
use crate::connection::{DeadPeerDetection, Identity, Initiator};
use crate::network_acl::AclRule;
use crate::policy::{IkeParameters, IpsecParameters};
use crate::security_group::{Direction, Family};
use crate::subnet::StaticRoute;
use crate::{
    Cidr, ConnectionId, GatewayId, MacAddress, NetworkId, OuterAddresses, PortId, Revision,
    RouterId, Translation,
};

/// A network with the machines on it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// The row's.
    pub id: NetworkId,
    /// Whether it is carried.
    pub admin_state_up: bool,
    /// The most octets of an IP packet on it.
    pub mtu: u32,
    /// Its machines.
    pub instances: Vec<InstanceSpec>,
}

/// One machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// A machine is its port: there is no other row of it.
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InterfaceAddress {
    /// The host's, not the block's.
    pub address: IpAddr,
    /// How many bits are the subnet's.
    pub prefix_len: u8,
}

/// Something that a machine's port lets through.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RouterSpec {
    /// The row's.
    pub id: RouterId,
    /// Its interfaces, on networks that were applied before.
    pub interfaces: Vec<InterfaceSpec>,
    /// Its way outside.
    pub external: Option<ExternalSpec>,
    /// External addresses that stand for machines'. None without a way outside.
    pub floating_ips: Vec<FloatingIpSpec>,
    /// Blocks whose machines get outside by an address of their own. None without a way outside.
    pub sources: Vec<SourceSpec>,
    /// Blocks by IPv4 that what comes out of tunnels reaches by the external network, from the router's own address there.
    pub services: BTreeSet<Cidr>,
    /// What may pass the edges of subnets; those that aren't listed let everything through.
    pub edges: Vec<EdgeSpec>,
    /// Ways to blocks by neighbours on its interfaces.
    pub routes: Vec<StaticRoute>,
    /// The blocks behind the peers of each of its gateways, as they are known here: nothing for them gets outside, though
    /// the gateway may not be there yet. Of one that was applied, its own spec and its changes
    /// tell.
    pub peer_cidrs: BTreeMap<GatewayId, BTreeSet<Cidr>>,
}

/// A router's interface on a network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InterfaceSpec {
    /// An interface is its port: there is no other row of it.
    pub id: PortId,
    /// The port's.
    pub network: NetworkId,
    /// Its link address.
    pub mac: MacAddress,
    /// Those that the router answers at there, one for each subnet.
    pub addresses: Vec<InterfaceAddress>,
}

/// A router's way outside: what it sends there has its own address as the source, or nothing
/// is sent but what floating IPs stand for. By IPv6 only the router itself speaks there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExternalSpec {
    /// The router's addresses on the external network.
    pub addresses: OuterAddresses,
    /// Whether machines without a floating IP get outside, by its IPv4 address.
    pub snat: bool,
}

/// An external address that stands for a machine's, both ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FloatingIpSpec {
    /// The external address.
    pub address: IpAddr,
    /// The machine's.
    pub fixed_ip: IpAddr,
}

/// Machines that get outside by an address; nobody reaches them by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SourceSpec {
    /// The machines'.
    pub block: Cidr,
    /// The external address.
    pub address: IpAddr,
}

/// What may pass the edge of a subnet, by IPv4: the first rule that fits decides, and what none is for
/// doesn't pass.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EdgeSpec {
    /// The router's interface on it.
    pub interface: PortId,
    /// The subnet's block, where the interface is on others too.
    pub block: Option<Cidr>,
    /// The gateways that live in it: what they say to their peers passes it too.
    pub gateways: Vec<EdgeGateway>,
    /// In their order.
    pub rules: Vec<AclRule>,
}

/// A gateway that lives in a subnet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EdgeGateway {
    /// Its address outside.
    pub address: Ipv4Addr,
    /// Its address in the subnet.
    pub inside: IpAddr,
}

/// A gateway with all its tunnels.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GatewaySpec {
    /// The row's.
    pub id: GatewayId,
    /// The router whose namespace it lives in.
    pub router: RouterId,
    /// Its addresses on the external network.
    pub addresses: OuterAddresses,
    /// Its tunnels, those that are administratively down included.
    pub tunnels: BTreeMap<ConnectionId, Arc<TunnelSpec>>,
}

/// What can be done with a tunnel besides changing what it is to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TunnelAct {
    /// Its SAs are closed, and it is begun again where this end begins.
    Restart,
    /// Its IKE SA and its Child SAs are replaced, while packets go on.
    Rekey,
}

/// What changed of a gateway that was applied. A gateway has many tunnels and one changes at a
/// time: this costs what changed, not what there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GatewayChange {
    /// One that was applied.
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

/// What is negotiated for a connection, and in how many tunnels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carriers {
    /// One tunnel, between its blocks.
    One,
    /// A tunnel from each of the gateway's IPv4 addresses, for any address to any: what is sent by them is for its
    /// peer's blocks alone, and what comes is for this end's. Each calls itself by its own address.
    Each {
        /// Whether all of them carry what is sent, each flow by one of them.
        distribute: bool,
    },
}

/// A connection, with its policies resolved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TunnelSpec {
    /// The row's.
    pub connection: ConnectionId,
    /// The connection's revision this was made from; another one means renegotiate what changed.
    pub revision: Revision,
    /// Whether to have it up. Its traffic stays off the wire either way.
    pub admin_state_up: bool,
    /// Of the family of one of the gateway's addresses; the unspecified one is any of its family.
    pub peer_address: IpAddr,
    /// Who this end says it is.
    pub local_id: Identity,
    /// Who the other end must say it is.
    pub peer_id: Identity,
    /// Who begins.
    pub initiator: Initiator,
    /// What is negotiated, and in how many tunnels.
    pub carriers: Carriers,
    /// The most octets of an inner packet; 0 leaves it to the path.
    pub mtu: u32,
    /// By what the two ends show who they are.
    pub authentication: Authentication,
    /// What keys rest on beside that. By IKEv2 alone.
    pub ppk: Option<Ppk>,
    /// This end's blocks, as they are here.
    pub local_cidrs: Vec<Cidr>,
    /// The other end's blocks, as they are there.
    pub peer_cidrs: Vec<Cidr>,
    /// What of both the opposite end knows by other addresses.
    pub translations: Vec<Translation>,
    /// Phase 1.
    pub ike: IkeParameters,
    /// Whether the peer may begin with either version of IKE; this end begins with the one of phase 1.
    pub either_version: bool,
    /// Phase 2.
    pub ipsec: IpsecParameters,
    /// RFC 3706, or RFC 7296 section 2.4.
    pub dead_peer_detection: DeadPeerDetection,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Psk;
    use crate::policy::{IkeParameters, IpsecParameters};

    fn travels<T>(word: &T) -> String
    where
        T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug,
    {
        let text = serde_json::to_string(word).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), word);
        text
    }

    fn tunnel() -> TunnelSpec {
        TunnelSpec {
            connection: ConnectionId::random(),
            revision: Revision(3),
            admin_state_up: true,
            peer_address: "2001:db8::7".parse().unwrap(),
            local_id: Identity::Address("192.0.2.1".parse().unwrap()),
            peer_id: Identity::parse("peer.example.com"),
            initiator: Initiator::BiDirectional,
            carriers: Carriers::Each { distribute: true },
            mtu: 1400,
            authentication: Authentication::PresharedKey(
                Psk::new(b"\0secret\xff".to_vec()).unwrap(),
            ),
            ppk: None,
            local_cidrs: vec!["10.0.0.0/24".parse().unwrap()],
            peer_cidrs: vec!["fd00::/64".parse().unwrap()],
            translations: vec![Translation {
                end: crate::translation::End::Local,
                cidr: "10.0.0.0/24".parse().unwrap(),
                shown_as: "10.201.0.0/24".parse().unwrap(),
            }],
            ike: IkeParameters::negotiate(),
            either_version: true,
            ipsec: IpsecParameters::negotiate(),
            dead_peer_detection: DeadPeerDetection {
                action: crate::connection::DpdAction::Restart,
                interval_s: 2,
                timeout_s: 10,
            },
        }
    }

    #[test]
    fn what_an_agent_is_asked_for_travels() {
        let (gateway, router) = (GatewayId::random(), RouterId::random());
        let tunnel = tunnel();
        let id = tunnel.connection;
        travels(&GatewaySpec {
            id: gateway,
            router,
            addresses: Ipv4Addr::new(192, 0, 2, 1).into(),
            tunnels: BTreeMap::from([(id, Arc::new(tunnel.clone()))]),
        });
        let text = travels(&GatewayChange {
            id: gateway,
            tunnels: BTreeMap::from([(id, Some(Arc::new(tunnel))), (ConnectionId::random(), None)]),
        });
        assert!(!text.contains("secret"), "{text}");
        let address = InterfaceAddress {
            address: "10.0.0.5".parse().unwrap(),
            prefix_len: 24,
        };
        let network = NetworkId::random();
        let mac = MacAddress::of_port(PortId::random());
        let rule = FilterRule {
            direction: Direction::Ingress,
            family: Family::V4,
            protocol: Some(6),
            port_min: Some(22),
            port_max: None,
            remote: Some(vec!["0.0.0.0/0".parse().unwrap()]),
        };
        travels(&NetworkSpec {
            id: network,
            admin_state_up: true,
            mtu: 1500,
            instances: vec![InstanceSpec {
                id: PortId::random(),
                admin_state_up: false,
                mac,
                addresses: vec![address],
                gateways: vec!["10.0.0.1".parse().unwrap()],
                routes: Vec::new(),
                filter: Some(vec![rule]),
            }],
        });
        travels(&RouterSpec {
            id: router,
            interfaces: vec![InterfaceSpec {
                id: PortId::random(),
                network,
                mac,
                addresses: vec![address],
            }],
            external: Some(ExternalSpec {
                addresses: Ipv4Addr::new(192, 0, 2, 2).into(),
                snat: true,
            }),
            floating_ips: vec![FloatingIpSpec {
                address: "192.0.2.3".parse().unwrap(),
                fixed_ip: "10.0.0.5".parse().unwrap(),
            }],
            sources: vec![SourceSpec {
                block: "10.0.0.0/24".parse().unwrap(),
                address: "192.0.2.4".parse().unwrap(),
            }],
            services: BTreeSet::from(["10.0.64.0/19".parse().unwrap()]),
            edges: vec![EdgeSpec {
                interface: PortId::random(),
                block: Some("10.0.0.0/24".parse().unwrap()),
                gateways: vec![EdgeGateway {
                    address: Ipv4Addr::new(192, 0, 2, 5),
                    inside: "10.0.0.254".parse().unwrap(),
                }],
                rules: vec![AclRule::allowing(crate::network_acl::Flow::Inbound)],
            }],
            routes: Vec::new(),
            peer_cidrs: BTreeMap::from([(
                gateway,
                BTreeSet::from(["10.9.0.0/16".parse().unwrap()]),
            )]),
        });
    }

    #[test]
    fn a_key_of_any_length_but_too_many_octets_travels() {
        let mut tunnel = tunnel();
        for len in [1, 64, 65, 255] {
            let psk = Psk::new(vec![7; len]).unwrap();
            tunnel.authentication = Authentication::PresharedKey(psk);
            travels(&tunnel);
        }
        tunnel.authentication = Authentication::PresharedKey(Psk::lost());
        travels(&tunnel);
        let mut value = serde_json::to_value(&tunnel).unwrap();
        value["authentication"]["preshared_key"] = serde_json::json!(vec![7; 256]);
        assert!(serde_json::from_value::<TunnelSpec>(value).is_err());
    }
}
