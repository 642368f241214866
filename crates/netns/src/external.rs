//! A router's way outside: its addresses on the external network, and what is translated.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use adit_model::Cidr;
use adit_model::desired::{ExternalSpec, RouterSpec};

use crate::applied::Router;
use crate::error::NetworkError;
use crate::filter::Table as Filter;
use crate::netlink::{Route, Table, host_len};
use crate::nft::{self, WayOut};
use crate::provider::{Network, host_address};

/// The addresses that a router wants on its external link, its gateways' aside.
pub(crate) fn addresses(spec: &RouterSpec) -> BTreeSet<IpAddr> {
    let Some(external) = spec.external else {
        return BTreeSet::new();
    };
    let floating = spec.floating_ips.iter().map(|floating| floating.address);
    let sources = spec.sources.iter().map(|source| source.address);
    floating
        .chain(sources)
        .chain(external.addresses.all())
        .collect()
}

/// An external block, and by way of the host everything.
fn routes_outside(block: Cidr, table: Table, link: u32) -> [Route; 2] {
    let none = match block.first() {
        IpAddr::V4(_) => IpAddr::from([0; 4]),
        IpAddr::V6(_) => IpAddr::from([0; 16]),
    };
    // Fits always: no address has fewer bits than none.
    let all = Cidr::new(none, 0).unwrap_or(block);
    [
        Route::through(block, table, link),
        Route::via(all, table, host_address(block), link),
    ]
}

impl Router {
    /// Takes an address away that nobody has any more, with what led outside from it.
    pub(crate) async fn remove_outer_address(
        &self,
        link: u32,
        address: IpAddr,
    ) -> Result<(), NetworkError> {
        self.netlink.remove_gateway_rule(address).await?;
        self.netlink.remove_address(link, address).await
    }
}

impl Network {
    /// Opens, changes or closes the router's way outside. At no moment is there a way without the
    /// filter, nor an address on the link that the filter doesn't know: it comes last and goes
    /// first.
    pub(crate) async fn apply_external(
        &self,
        router: &Router,
        spec: &RouterSpec,
    ) -> Result<(), NetworkError> {
        let link = &router.external_link;
        let text = match spec.external {
            Some(external) => nft::router(&self.way_out(router, spec, external)?),
            None => nft::NOTHING.to_owned(),
        };
        if spec.external.is_none() {
            if router.netlink.has_way_out().await? {
                // With the link's last address they would go by themselves; gateways may have others.
                router.netlink.clear(Table::WayOut).await?;
            }
            router.netlink.remove_way_out().await?;
            router.netlink.close(link).await?;
        }
        let wanted = addresses(spec);
        let mut outside = router.outside.lock().await;
        let index = router.netlink.index(link).await?;
        for stale in outside.own.difference(&wanted) {
            if !outside.is_gateways(*stale) {
                router.remove_outer_address(index, *stale).await?;
            }
        }
        outside.own = wanted;
        let filters = &self.filters;
        filters.apply(&router.namespace, Filter::Main, text).await?;
        let Some(external) = spec.external else {
            return Ok(());
        };
        let present = router.netlink.addresses(index).await?;
        let mut added = false;
        for address in &outside.own {
            if !present.contains(&(*address, host_len(*address))) {
                router.netlink.add_outer_address(index, *address).await?;
                added = true;
            }
        }
        drop(outside);
        if let Some(own) = external.addresses.v6 {
            self.add_external_routes(router).await?;
            router.netlink.add_gateway_rule(own.into()).await?;
        }
        if added {
            router.netlink.announce(link).await?;
        }
        for route in routes_outside(self.external.cidr, Table::WayOut, index) {
            // What the router itself says outside, such as ICMP errors, has its own address.
            let route = route.with_source(external.addresses.v4.into());
            router.netlink.add_route(&route).await?;
        }
        router.netlink.open(link).await?;
        router.netlink.add_way_out().await
    }

    /// The gateways' way to the external network. The kernel removes all routes through a link
    /// with its last address, so this follows whenever a gateway gets one.
    pub(crate) async fn add_external_routes(&self, router: &Router) -> Result<(), NetworkError> {
        let link = router.netlink.index(&router.external_link).await?;
        let blocks = [Some(self.external.cidr), self.external.cidr_v6];
        for block in blocks.into_iter().flatten() {
            for route in routes_outside(block, Table::External, link) {
                router.netlink.add_route(&route).await?;
            }
        }
        Ok(())
    }

    fn way_out(
        &self,
        router: &Router,
        spec: &RouterSpec,
        external: ExternalSpec,
    ) -> Result<WayOut, NetworkError> {
        let IpAddr::V4(first) = self.external.cidr.first() else {
            return Err(NetworkError::ExternalFamily(self.external.cidr.first()));
        };
        let mut floating = BTreeMap::new();
        for one in &spec.floating_ips {
            match (one.address, one.fixed_ip) {
                (IpAddr::V4(outer), IpAddr::V4(inner)) => floating.insert(outer, inner),
                (IpAddr::V6(_), _) => return Err(NetworkError::ExternalFamily(one.address)),
                (_, IpAddr::V6(_)) => return Err(NetworkError::ExternalFamily(one.fixed_ip)),
            };
        }
        let mut sources = Vec::new();
        for one in &spec.sources {
            match (one.address, one.block.first()) {
                (IpAddr::V4(address), IpAddr::V4(_)) => sources.push((one.block, address)),
                (IpAddr::V6(_), _) => return Err(NetworkError::ExternalFamily(one.address)),
                (_, first @ IpAddr::V6(_)) => return Err(NetworkError::ExternalFamily(first)),
            }
        }
        Ok(WayOut {
            link: router.external_link.clone(),
            tunnels: self.link('t', ""),
            block: (first, self.external.cidr.prefix_len()),
            address: external.addresses.v4,
            snat: external.snat,
            floating,
            sources,
            services: spec.services.clone(),
        })
    }
}
