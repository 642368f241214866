//! A machine: a namespace with one link, on a network.

use std::net::IpAddr;

use adit_model::Cidr;
use adit_model::desired::{InstanceSpec, InterfaceAddress};

use crate::applied::Segment;
use crate::error::NetworkError;
use crate::filter::Table;
use crate::netlink::{Netlink, Route, Wish};
use crate::nft;
use crate::provider::Network;

/// A machine's addresses are given to it, and work at once.
const INSTANCE_SYSCTLS: &[(&str, &str)] = &[
    ("ipv4/conf/all/arp_notify", "1"),
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/ndisc_notify", "1"),
];

/// The pairs the kernel's lists are made of.
pub(crate) fn pairs(addresses: &[InterfaceAddress]) -> Vec<(IpAddr, u8)> {
    addresses
        .iter()
        .map(|one| (one.address, one.prefix_len))
        .collect()
}

/// Where a machine sends what is for elsewhere: one way for each block.
fn routes(instance: &InstanceSpec, link: u32) -> Vec<Route> {
    let default = |gateway: &IpAddr| {
        let first = match gateway {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0; 16]),
        };
        Some((Cidr::new(first, 0).ok()?, *gateway))
    };
    let stated = instance.routes.iter().map(|r| (r.destination, r.nexthop));
    let mut routes: Vec<Route> = Vec::new();
    for (block, nexthop) in instance.gateways.iter().filter_map(default).chain(stated) {
        if block.is_ipv4() == nexthop.is_ipv4() && routes.iter().all(|r| r.block() != block) {
            routes.push(Route::of_machine(block, nexthop, link));
        }
    }
    routes
}

impl Network {
    /// Makes a machine as `instance` has it. Its filter is there before its link carries anything.
    pub(crate) async fn apply_instance(
        &self,
        segment: &Segment,
        bridge: u32,
        mtu: u32,
        instance: &InstanceSpec,
    ) -> Result<(), NetworkError> {
        let short = instance.id.short();
        let namespace = self.instance_namespace(&short);
        if namespace.ensure().await? {
            self.filters.made(&namespace);
        }
        namespace.sysctl(INSTANCE_SYSCTLS).await?;
        let filter = match &instance.filter {
            Some(rules) => nft::machine(rules),
            None => nft::NOTHING.to_owned(),
        };
        self.filters.apply(&namespace, Table::Main, filter).await?;
        let netlink = Netlink::within(&namespace).await?;
        netlink.up("lo").await?;
        let (port, inside) = (self.link('p', &short), self.link('n', &short));
        segment
            .netlink
            .ensure_veth(&port, &inside, &namespace, &netlink)
            .await?;
        let wish = Wish {
            mtu: Some(mtu),
            bridge: Some(bridge),
            up: Some(true),
            ..Wish::default()
        };
        segment.netlink.adjust(&port, wish).await?;
        let wish = Wish {
            mac: Some(instance.mac),
            mtu: Some(mtu),
            up: Some(instance.admin_state_up),
            ..Wish::default()
        };
        let link = netlink.adjust(&inside, wish).await?;
        if !instance.admin_state_up {
            // Routes can't lead through a link that is down; all comes when it is up.
            return Ok(());
        }
        if netlink
            .set_addresses(link, &pairs(&instance.addresses))
            .await?
        {
            netlink.announce(&inside).await?;
        }
        netlink
            .set_stated_routes(&routes(instance, link), namespace.name())
            .await
    }

    /// Removes a machine, if there is one. Its link goes with its namespace, or with the other end.
    pub(crate) fn remove_instance(&self, short: &str) -> Result<(), NetworkError> {
        let namespace = self.instance_namespace(short);
        self.filters.forget(&namespace);
        namespace.remove()
    }
}
