//! The blocks behind VPN peers, held: nothing for them leaves a router but through a tunnel.

use std::collections::{BTreeMap, BTreeSet};

use adit_model::{Cidr, GatewayId, RouterId};

use crate::applied::Router;
use crate::error::NetworkError;
use crate::netlink::{Route, Table};
use crate::provider::Network;

impl Router {
    /// Has the blocks that the router's spec lists lead nowhere, and lets go of those that neither
    /// it nor a gateway has, what an earlier run held included.
    pub(crate) async fn hold_blocks(
        &self,
        listed: &BTreeMap<GatewayId, BTreeSet<Cidr>>,
    ) -> Result<(), NetworkError> {
        let mut blocks = self.blocks.lock().await;
        let present = self.netlink.blocks_to_nowhere().await?;
        let mut listed = listed.clone();
        listed.retain(|gateway, _| !blocks.gateways.contains_key(gateway));
        blocks.listed = listed;
        for block in blocks.listed.values().flatten() {
            if !present.contains(block) {
                self.netlink.add_route(&Route::nowhere(*block)).await?;
            }
        }
        for block in present {
            if !blocks.holds(block) {
                self.netlink.remove_route(&Route::nowhere(block)).await?;
            }
        }
        Ok(())
    }

    /// Forgets what is behind a gateway that has no device any more.
    pub(crate) async fn forget_gateway_blocks(
        &self,
        gateway: GatewayId,
    ) -> Result<(), NetworkError> {
        let mut known = self.blocks.lock().await;
        for host in known.hosts.remove(&gateway).unwrap_or_default() {
            // That through the device has gone with it.
            self.netlink
                .remove_route(&Route::host_nowhere(host))
                .await?;
        }
        let mut behind = known.gateways.remove(&gateway).unwrap_or_default();
        behind.extend(known.listed.remove(&gateway).unwrap_or_default());
        for block in &behind {
            if !known.holds(*block)
                && let Err(error) = self.netlink.remove_route(&Route::nowhere(*block)).await
            {
                // It is tried again, with all of them.
                known.gateways.insert(gateway, behind);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Network {
    /// Leads the blocks behind the gateway's peers into its TUN device, and no others. While the
    /// device is not there, before the gateway is attached too, they lead nowhere.
    ///
    /// # Errors
    /// The router was not applied, or the kernel refuses a step.
    pub async fn set_gateway_blocks(
        &self,
        router: RouterId,
        gateway: GatewayId,
        blocks: &BTreeSet<Cidr>,
    ) -> Result<(), NetworkError> {
        let router = self.router(router).await?;
        let mut known = router.blocks.lock().await;
        let mut before = known.gateways.remove(&gateway).unwrap_or_default();
        before.extend(known.listed.remove(&gateway).unwrap_or_default());
        // Until all is done the gateway has both, so that none is forgotten by a failure.
        known.gateways.insert(gateway, &before | blocks);
        for block in blocks {
            router.netlink.add_route(&Route::nowhere(*block)).await?;
        }
        if let Some(link) = self.tun_of(&router, gateway).await? {
            let routed = router.netlink.routes_through(link).await?;
            let through = |block: Cidr| Route::through(block, Table::Main, link);
            for block in blocks.iter().filter(|block| !routed.contains(block)) {
                router.netlink.add_route(&through(*block)).await?;
            }
            for block in routed.iter().filter(|block| !blocks.contains(block)) {
                router.netlink.remove_route(&through(*block)).await?;
            }
        }
        known.gateways.insert(gateway, blocks.clone());
        for block in &before {
            if !known.holds(*block) {
                router.netlink.remove_route(&Route::nowhere(*block)).await?;
            }
        }
        Ok(())
    }

    /// Leads some more blocks into the gateway's TUN device, and some others there no more. After
    /// a failure all are to be set again.
    ///
    /// # Errors
    /// The router was not applied, or the kernel refuses a step.
    pub async fn change_gateway_blocks(
        &self,
        router: RouterId,
        gateway: GatewayId,
        added: &BTreeSet<Cidr>,
        removed: &BTreeSet<Cidr>,
    ) -> Result<(), NetworkError> {
        let router = self.router(router).await?;
        let mut known = router.blocks.lock().await;
        known.gateways.entry(gateway).or_default().extend(added);
        let tun = self.tun_of(&router, gateway).await?;
        let through = |block: Cidr| tun.map(|link| Route::through(block, Table::Main, link));
        for block in added {
            router.netlink.add_route(&Route::nowhere(*block)).await?;
            if let Some(route) = through(*block) {
                router.netlink.add_route(&route).await?;
            }
        }
        for block in removed {
            if let Some(route) = through(*block) {
                router.netlink.remove_route(&route).await?;
            }
        }
        for block in removed {
            if let Some(behind) = known.gateways.get_mut(&gateway) {
                behind.remove(block);
            }
            if !known.holds(*block) {
                router.netlink.remove_route(&Route::nowhere(*block)).await?;
            }
        }
        Ok(())
    }

    /// Leads what is sent from the gateway's own address to these peers, each a block of one address, into its TUN
    /// device, and to no others. IKE, ESP and AH themselves are sent by sockets that are bound to the external link,
    /// for which another table comes first. While the device is not there they lead nowhere.
    ///
    /// # Errors
    /// The router was not applied, or the kernel refuses a step.
    pub async fn set_gateway_hosts(
        &self,
        router: RouterId,
        gateway: GatewayId,
        hosts: &BTreeSet<Cidr>,
    ) -> Result<(), NetworkError> {
        let router = self.router(router).await?;
        let mut known = router.blocks.lock().await;
        let before = known.hosts.remove(&gateway).unwrap_or_default();
        if before.is_empty() && hosts.is_empty() {
            return Ok(());
        }
        // Until all is done the gateway has both, so that none is forgotten by a failure.
        known.hosts.insert(gateway, &before | hosts);
        let tun = self.tun_of(&router, gateway).await?;
        for host in hosts {
            router
                .netlink
                .add_route(&Route::host_nowhere(*host))
                .await?;
            if let Some(link) = tun {
                router.netlink.add_route(&Route::host(*host, link)).await?;
            }
        }
        for host in before.difference(hosts) {
            if let Some(link) = tun {
                router
                    .netlink
                    .remove_route(&Route::host(*host, link))
                    .await?;
            }
            let mut others = known.hosts.iter().filter(|(other, _)| **other != gateway);
            if !others.any(|(_, others)| others.contains(host)) {
                router
                    .netlink
                    .remove_route(&Route::host_nowhere(*host))
                    .await?;
            }
        }
        known.hosts.insert(gateway, hosts.clone());
        Ok(())
    }

    /// The index of the gateway's TUN device, while there is one.
    async fn tun_of(
        &self,
        router: &Router,
        gateway: GatewayId,
    ) -> Result<Option<u32>, NetworkError> {
        let tun = self.link('t', &gateway.short());
        let link = router.netlink.find(&tun).await?;
        Ok(link.map(|link| link.index))
    }
}
