//! A block of addresses on a network, and which of them are given to ports.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    Cidr, Name, NetworkAclId, NetworkId, ProjectId, PublicGatewayId, ResourceGroup, Revision,
    SubnetId,
};

/// Addresses from the first to the last, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AddressRange {
    /// Of the subnet's block, as the last is.
    pub first: IpAddr,
    /// The last, not below the first and of its family.
    pub last: IpAddr,
}

impl AddressRange {
    /// Whether the address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && (self.first..=self.last).contains(&address)
    }
}

/// A way to a block by a neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StaticRoute {
    /// The block.
    pub destination: Cidr,
    /// The neighbour.
    pub nexthop: IpAddr,
}

/// A block of addresses on a network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subnet {
    /// Random, made with the row, and its own for good.
    pub id: SubnetId,
    /// Whose it is.
    pub project: ProjectId,
    /// The group it is in; `None` is the project's default one.
    pub resource_group: Option<ResourceGroup>,
    /// The network it is on.
    pub network: NetworkId,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// Its addresses.
    pub cidr: Cidr,
    /// Where its machines send what is for elsewhere: a router's address, if there is one.
    pub gateway: Option<IpAddr>,
    /// The addresses that are given to ports which don't ask for one, in this order.
    pub pools: Vec<AddressRange>,
    /// Whether a user wants DHCP. Kept and shown: machines get their addresses without.
    pub enable_dhcp: bool,
    /// Name servers to tell machines.
    pub dns_nameservers: Vec<IpAddr>,
    /// Further routes to tell machines.
    pub host_routes: Vec<StaticRoute>,
    /// How IPv6 addresses are said to be given, as the user spells it.
    pub ipv6_address_mode: Option<String>,
    /// How IPv6 routers are said to announce themselves, as the user spells it.
    pub ipv6_ra_mode: Option<String>,
    /// What may pass its edge; `None` is as its router's default one says, if there is one.
    pub network_acl: Option<NetworkAclId>,
    /// What its machines get outside by that have no floating IP, besides their router.
    pub public_gateway: Option<PublicGatewayId>,
    /// The availability zone it was made in, such as `us-south-1`; empty where there are none.
    pub zone: String,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// When it was last changed, UTC.
    pub updated_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

impl Subnet {
    /// The router's address in this subnet unless a user chooses another: the one after the first.
    #[must_use]
    pub fn router_address(cidr: Cidr) -> IpAddr {
        cidr.nth(1).unwrap_or_else(|| cidr.first())
    }
}
