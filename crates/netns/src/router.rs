//! A router's namespace: the external link, and the interfaces on networks.

use std::net::IpAddr;
use std::sync::Arc;

use adit_model::desired::{InterfaceSpec, RouterSpec};
use adit_model::{Cidr, RouterId};
use tokio::sync::Mutex;

use crate::applied::{Blocks, Outside, Router};
use crate::error::NetworkError;
use crate::external::addresses;
use crate::filter::Table;
use crate::instance::pairs;
use crate::netlink::{Netlink, Route, Table as Routes, Wish, host_len};
use crate::nft::{self, Edge};
use crate::provider::Network;

/// A namespace forwards, and does not mind which way packets come. Its addresses work at once, and
/// it answers for an address on the link that has it only.
const ROUTER_SYSCTLS: &[(&str, &str)] = &[
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv4/conf/all/arp_ignore", "1"),
    ("ipv4/conf/all/arp_notify", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/ndisc_notify", "1"),
];

impl Network {
    /// Makes a router as `spec` has it, and removes what it does not list.
    ///
    /// # Errors
    /// A network of its interfaces was not applied, or the kernel refuses a step; what was made
    /// stays, and the next call goes on from there.
    pub async fn apply_router(&self, spec: &RouterSpec) -> Result<(), NetworkError> {
        let router = self.ensure_router(spec).await?;
        let _alone = router.applying.lock().await;
        // Before there is any way that what is for them could take.
        router.hold_blocks(&spec.peer_cidrs).await?;
        // And before anything can pass an edge that it may not.
        self.apply_edges(&router, spec).await?;
        let interfaces = &spec.interfaces;
        let marker = self.link('s', "");
        for link in router.netlink.links().await? {
            if let Some(short) = link.name.strip_prefix(&marker)
                && interfaces.iter().all(|one| one.id.short() != short)
            {
                router.netlink.delete(&link.name).await?;
            }
        }
        let mut routes = Vec::new();
        for interface in interfaces {
            let link = self.apply_interface(&router, interface).await?;
            routes.extend(static_routes(spec, interface, link));
        }
        let place = router.namespace.name();
        router.netlink.set_stated_routes(&routes, place).await?;
        self.apply_external(&router, spec).await
    }

    /// Removes a router with its interfaces.
    ///
    /// # Errors
    /// The kernel refuses a removal.
    pub async fn remove_router(&self, id: RouterId) -> Result<(), NetworkError> {
        self.routers.lock().await.remove(&id);
        self.remove_router_named(&id.short()).await
    }

    pub(crate) async fn remove_router_named(&self, short: &str) -> Result<(), NetworkError> {
        self.host.delete(&self.link('x', short)).await?;
        let namespace = self.router_namespace(short);
        // The namespace outlives its name for as long as a worker's sockets are open. Its place on
        // the networks is free at once. One that can't be entered any more has none.
        if let Ok(netlink) = Netlink::within(&namespace).await {
            let marker = self.link('s', "");
            for link in netlink.links().await? {
                if link.name.starts_with(&marker) {
                    netlink.delete(&link.name).await?;
                }
            }
        }
        self.filters.forget(&namespace);
        namespace.remove()
    }

    pub(crate) async fn router(&self, id: RouterId) -> Result<Arc<Router>, NetworkError> {
        let routers = self.routers.lock().await;
        let made = routers.get(&id).and_then(|router| router.get());
        made.cloned()
            .ok_or_else(|| NetworkError::NoRouter(id.to_string()))
    }

    async fn ensure_router(&self, spec: &RouterSpec) -> Result<Arc<Router>, NetworkError> {
        let made = Arc::clone(self.routers.lock().await.entry(spec.id).or_default());
        let router = made.get_or_try_init(|| self.make_router(spec)).await?;
        Ok(Arc::clone(router))
    }

    async fn make_router(&self, spec: &RouterSpec) -> Result<Arc<Router>, NetworkError> {
        let short = spec.id.short();
        let namespace = self.router_namespace(&short);
        if namespace.ensure().await? {
            self.filters.made(&namespace);
        }
        namespace.sysctl(ROUTER_SYSCTLS).await?;
        let netlink = Netlink::within(&namespace).await?;
        netlink.up("lo").await?;
        let (outside, inside) = (self.link('x', &short), self.link('e', &short));
        netlink.close_ipv6(&inside).await?;
        // A way out that an earlier run left has its filter, and is closed below if it is unwanted.
        if !netlink.has_way_out().await? {
            netlink.close(&inside).await?;
        }
        self.host
            .ensure_veth(&outside, &inside, &namespace, &netlink)
            .await?;
        let wish = Wish {
            bridge: Some(self.host.index(&self.bridge()).await?),
            up: Some(true),
            ..Wish::default()
        };
        self.host.adjust(&outside, wish).await?;
        netlink.external_table_for_link(&inside).await?;
        let link = netlink.up(&inside).await?;
        // Gateways that stay get their addresses back when they are attached; an address that
        // stayed without its gateway would answer for whoever has it next.
        let own = addresses(spec);
        netlink
            .remove_addresses(link, |ip, prefix_len| {
                prefix_len == host_len(ip) && !own.contains(&ip)
            })
            .await?;
        netlink.remove_gateway_rules().await?;
        // The peers that gateways of an earlier run spoke to themselves.
        netlink.clear(Routes::Hosts).await?;
        self.remove_stray_devices(&netlink).await?;
        Ok(Arc::new(Router {
            namespace,
            netlink,
            external_link: inside,
            blocks: Mutex::new(Blocks::default()),
            outside: Mutex::new(Outside::default()),
            applying: Mutex::new(()),
        }))
    }

    /// Removes TUN devices that an earlier run left of gateways that are gone.
    async fn remove_stray_devices(&self, netlink: &Netlink) -> Result<(), NetworkError> {
        let marker = self.link('t', "");
        let mut links = netlink.links().await?;
        {
            let kept = self.kept_gateways.lock().await;
            let is_stray = |name: &str| match name.strip_prefix(&marker) {
                Some(short) => !kept.contains(short),
                None => false,
            };
            links.retain(|link| is_stray(&link.name));
        }
        for stray in links {
            netlink.delete(&stray.name).await?;
        }
        Ok(())
    }

    async fn apply_edges(&self, router: &Router, spec: &RouterSpec) -> Result<(), NetworkError> {
        let edges = spec.edges.iter().map(|edge| Edge {
            link: self.link('s', &edge.interface.short()),
            block: edge.block,
            gateways: edge
                .gateways
                .iter()
                .map(|gateway| (gateway.address, Cidr::host(gateway.inside)))
                .collect(),
            rules: &edge.rules,
        });
        let edges: Vec<_> = edges.collect();
        let text = nft::edges(&edges, &router.external_link);
        let filters = &self.filters;
        filters.apply(&router.namespace, Table::Edges, text).await
    }

    /// Returns the index of the interface's link.
    async fn apply_interface(
        &self,
        router: &Router,
        interface: &InterfaceSpec,
    ) -> Result<u32, NetworkError> {
        let segment = self.segment(interface.network).await?;
        let short = interface.id.short();
        let (port, inside) = (self.link('p', &short), self.link('s', &short));
        segment
            .netlink
            .ensure_veth(&port, &inside, &router.namespace, &router.netlink)
            .await?;
        let bridge = segment.netlink.get(&segment.bridge).await?;
        let wish = Wish {
            mtu: Some(bridge.mtu),
            up: Some(true),
            ..Wish::default()
        };
        let port_wish = Wish {
            bridge: Some(bridge.index),
            ..wish
        };
        segment.netlink.adjust(&port, port_wish).await?;
        let inside_wish = Wish {
            mac: Some(interface.mac),
            ..wish
        };
        let link = router.netlink.adjust(&inside, inside_wish).await?;
        let wanted = pairs(&interface.addresses);
        if router.netlink.set_addresses(link, &wanted).await? {
            router.netlink.announce(&inside).await?;
        }
        Ok(link)
    }
}

/// The static routes whose neighbour is on this interface. One with no interface has no neighbour,
/// and is left out: the kernel would look for it outside.
fn static_routes(spec: &RouterSpec, interface: &InterfaceSpec, link: u32) -> Vec<Route> {
    let is_neighbour = |nexthop: IpAddr| {
        interface.addresses.iter().any(|own| {
            own.address != nexthop
                && own.address.is_ipv4() == nexthop.is_ipv4()
                && same_bits(own.address, nexthop, own.prefix_len)
        })
    };
    let mut routes: Vec<Route> = Vec::new();
    for route in &spec.routes {
        let (block, nexthop) = (route.destination, route.nexthop);
        if is_neighbour(nexthop) && block.is_ipv4() == nexthop.is_ipv4() {
            routes.push(Route::of_router(block, nexthop, link));
        }
    }
    routes
}

/// Whether two addresses of one family begin with the same `len` bits.
fn same_bits(one: IpAddr, other: IpAddr, len: u8) -> bool {
    let len = u32::from(len);
    match (one, other) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= len,
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= len,
        _ => false,
    }
}
