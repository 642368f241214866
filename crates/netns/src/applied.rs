//! What was applied of each network and of each router.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use adit_model::{Cidr, GatewayId, OuterAddresses};
use tokio::sync::Mutex;

use crate::namespace::Namespace;
use crate::netlink::Netlink;

/// A network that was applied.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) netlink: Netlink,
    pub(crate) bridge: String,
    /// Held while a spec is applied.
    pub(crate) applying: Mutex<()>,
}

/// A router that was applied.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) namespace: Namespace,
    pub(crate) netlink: Netlink,
    /// Its link on the external network.
    pub(crate) external_link: String,
    /// The blocks behind its gateways' peers.
    pub(crate) blocks: Mutex<Blocks>,
    /// Its addresses on the external network.
    pub(crate) outside: Mutex<Outside>,
    /// Held while a spec is applied.
    pub(crate) applying: Mutex<()>,
}

/// Which blocks of a router are held, and for which gateway. One is let go when it is behind none.
#[derive(Default, Debug)]
pub(crate) struct Blocks {
    /// Those the router's spec lists, of gateways that have not told themselves: whoever has the
    /// spec knows of peers before their gateways do.
    pub(crate) listed: BTreeMap<GatewayId, BTreeSet<Cidr>>,
    /// Those behind each gateway that told.
    pub(crate) gateways: HashMap<GatewayId, BTreeSet<Cidr>>,
    /// The peers that each gateway speaks to itself.
    pub(crate) hosts: HashMap<GatewayId, BTreeSet<Cidr>>,
}

impl Blocks {
    /// Whether a block is behind any of them.
    pub(crate) fn holds(&self, block: Cidr) -> bool {
        let mut behind = self.listed.values().chain(self.gateways.values());
        behind.any(|blocks| blocks.contains(&block))
    }
}

/// Whose addresses are on a router's external link.
#[derive(Default, Debug)]
pub(crate) struct Outside {
    /// The router's and its floating IPs'.
    pub(crate) own: BTreeSet<IpAddr>,
    /// The attached gateways'.
    pub(crate) gateways: HashMap<GatewayId, OuterAddresses>,
}

impl Outside {
    /// Whether the address is to be on the link.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        self.own.contains(&address) || self.is_gateways(address)
    }

    /// Whether the address is a gateway's.
    pub(crate) fn is_gateways(&self, address: IpAddr) -> bool {
        self.gateways.values().any(|other| other.contains(address))
    }
}
