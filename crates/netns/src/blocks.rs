//! The blocks behind VPN peers, held: nothing for them leaves a router but through a tunnel.

use std::collections::{BTreeSet, HashMap};

use adit_model::{Cidr, GatewayId, RouterId};

use crate::error::NetworkError;
use crate::netlink::{Route, Table};
use crate::provider::Network;
use crate::router::Router;

/// Who wants which blocks of a router held. One is let go when nobody does.
#[derive(Default, Debug)]
pub(crate) struct Blocks {
    /// Those the router's spec lists: whoever has the spec knows of peers before their gateways do.
    listed: BTreeSet<Cidr>,
    /// Those behind each gateway that has any.
    gateways: HashMap<GatewayId, Vec<Cidr>>,
}

impl Blocks {
    fn holds(&self, block: Cidr) -> bool {
        let mut behind = self.gateways.values().flatten();
        self.listed.contains(&block) || behind.any(|other| *other == block)
    }
}

impl Router {
    /// Has the blocks that the router's spec lists lead nowhere, and lets go of those that neither
    /// it nor a gateway has, what an earlier run held included.
    pub(crate) async fn hold_blocks(&self, listed: &[Cidr]) -> Result<(), NetworkError> {
        let mut blocks = self.blocks.lock().await;
        let present = self.netlink.blocks_to_nowhere().await?;
        blocks.listed = listed.iter().copied().collect();
        for block in &blocks.listed {
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
        let Some(behind) = known.gateways.remove(&gateway) else {
            return Ok(());
        };
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
        blocks: &[Cidr],
    ) -> Result<(), NetworkError> {
        let router = self.router(router).await?;
        let mut known = router.blocks.lock().await;
        let before = known.gateways.get(&gateway).cloned().unwrap_or_default();
        // Until all is done the gateway has both, so that none is forgotten by a failure.
        let both = before.iter().chain(blocks).copied().collect();
        known.gateways.insert(gateway, both);
        for block in blocks {
            router.netlink.add_route(&Route::nowhere(*block)).await?;
        }
        let tun = self.link('t', &gateway.short());
        if let Some(link) = router.netlink.find(&tun).await? {
            let routed = router.netlink.routes_through(link.index).await?;
            let through = |block: Cidr| Route::through(block, Table::Main, link.index);
            for block in blocks.iter().filter(|block| !routed.contains(block)) {
                router.netlink.add_route(&through(*block)).await?;
            }
            for block in routed.iter().filter(|block| !blocks.contains(block)) {
                router.netlink.remove_route(&through(*block)).await?;
            }
        }
        known.gateways.insert(gateway, blocks.to_vec());
        for block in before {
            if !known.holds(block) {
                router.netlink.remove_route(&Route::nowhere(block)).await?;
            }
        }
        Ok(())
    }
}
