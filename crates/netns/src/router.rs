//! A router's namespace: the external link, the subnets' bridges, the instances.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use adit_model::desired::{InstanceSpec, RouterSpec, SubnetSpec};
use adit_model::{Cidr, GatewayId, RouterId};
use tokio::sync::Mutex;

use crate::error::NetworkError;
use crate::namespace::Namespace;
use crate::netlink::{EXTERNAL_TABLE, Netlink, Route, Target};
use crate::network::Network;

/// A router that was applied.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) namespace: Namespace,
    pub(crate) netlink: Netlink,
    /// Its link on the external network.
    pub(crate) external_link: String,
    /// The blocks behind each gateway, for the routes that lead nowhere.
    pub(crate) blocks: Mutex<HashMap<GatewayId, Vec<Cidr>>>,
}

/// A namespace forwards, and does not mind which way packets come.
const ROUTER_SYSCTLS: &[(&str, &str)] = &[
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
];

impl Network {
    /// Makes a router as `spec` has it, and removes what it does not list.
    ///
    /// # Errors
    /// The kernel refuses a step; what was made stays, and the next call goes on from there.
    pub async fn apply_router(&self, spec: &RouterSpec) -> Result<(), NetworkError> {
        let router = self.ensure_router(spec.id).await?;
        let mut links = Vec::new();
        let mut namespaces = Vec::new();
        for subnet in &spec.subnets {
            links.push(self.link('s', &subnet.id.short()));
            self.apply_subnet(&router, subnet).await?;
            for instance in &subnet.instances {
                let short = instance.id.short();
                links.push(self.link('p', &short));
                namespaces.push(self.instance_namespace(&short).name().to_owned());
            }
        }
        for (_, name) in router.netlink.links().await? {
            let ours = [self.link('s', ""), self.link('p', "")]
                .iter()
                .any(|marker| name.starts_with(marker));
            if ours && !links.contains(&name) {
                let port = self.link('p', "");
                if let Some(short) = name.strip_prefix(&port) {
                    self.instance_namespace(short).remove()?;
                }
                router.netlink.delete(&name).await?;
            }
        }
        Ok(())
    }

    /// Removes a router with all that hangs on it.
    ///
    /// # Errors
    /// The kernel refuses a removal.
    pub async fn remove_router(&self, id: RouterId) -> Result<(), NetworkError> {
        let short = id.short();
        self.host.delete(&self.link('x', &short)).await?;
        self.remove_instances_of(&short).await?;
        self.routers.lock().await.remove(&id);
        self.router_namespace(&short).remove()
    }

    /// The namespaces of the instances whose ports are in this router's namespace.
    pub(crate) async fn remove_instances_of(&self, router: &str) -> Result<(), NetworkError> {
        let namespace = self.router_namespace(router);
        // A namespace that can't be entered any more has no instances to find.
        let Ok(netlink) = Netlink::within(&namespace).await else {
            return Ok(());
        };
        let port = self.link('p', "");
        for (_, name) in netlink.links().await? {
            if let Some(short) = name.strip_prefix(&port) {
                self.instance_namespace(short).remove()?;
            }
        }
        Ok(())
    }

    pub(crate) async fn router(&self, id: RouterId) -> Result<Arc<Router>, NetworkError> {
        let routers = self.routers.lock().await;
        routers
            .get(&id)
            .cloned()
            .ok_or_else(|| NetworkError::NoRouter(id.to_string()))
    }

    async fn ensure_router(&self, id: RouterId) -> Result<Arc<Router>, NetworkError> {
        if let Ok(router) = self.router(id).await {
            return Ok(router);
        }
        let short = id.short();
        let namespace = self.router_namespace(&short);
        namespace.ensure().await?;
        namespace.sysctl(ROUTER_SYSCTLS).await?;
        let netlink = Netlink::within(&namespace).await?;
        netlink.up(1, "lo").await?;
        let (outside, inside) = (self.link('x', &short), self.link('e', &short));
        let index = self
            .host
            .ensure_veth(&outside, &inside, &namespace, &netlink)
            .await?;
        let bridge = self.host.index(&self.bridge()).await?;
        self.host.enslave(index, bridge, &outside).await?;
        netlink.drop_forwarded_from(&inside).await?;
        netlink.external_table_for_link(&inside).await?;
        let link = netlink.index(&inside).await?;
        // Gateways that stay get their addresses back when they are attached; an address that
        // stayed without its gateway would answer for whoever has it next.
        netlink.remove_gateway_addresses(link).await?;
        let block = self.external.cidr;
        let on_link = Route {
            block,
            table: EXTERNAL_TABLE,
            target: Target::Link(link),
        };
        netlink.add_route(&on_link).await?;
        let all = Cidr::new(IpAddr::from([0; 4]), 0).unwrap_or(block);
        let target = Target::Via(self.external.host_address(), link);
        netlink
            .add_route(&Route {
                block: all,
                table: EXTERNAL_TABLE,
                target,
            })
            .await?;
        let router = Arc::new(Router {
            namespace,
            netlink,
            external_link: inside,
            blocks: Mutex::new(HashMap::new()),
        });
        self.routers.lock().await.insert(id, Arc::clone(&router));
        Ok(router)
    }

    async fn apply_subnet(&self, router: &Router, subnet: &SubnetSpec) -> Result<(), NetworkError> {
        let name = self.link('s', &subnet.id.short());
        let bridge = router.netlink.ensure_bridge(&name).await?;
        let prefix_len = subnet.cidr.prefix_len();
        router
            .netlink
            .add_address(bridge, subnet.router_address, prefix_len)
            .await?;
        for instance in &subnet.instances {
            self.apply_instance(router, subnet, bridge, instance)
                .await?;
        }
        Ok(())
    }

    async fn apply_instance(
        &self,
        router: &Router,
        subnet: &SubnetSpec,
        bridge: u32,
        instance: &InstanceSpec,
    ) -> Result<(), NetworkError> {
        let short = instance.id.short();
        let namespace = self.instance_namespace(&short);
        namespace.ensure().await?;
        let netlink = Netlink::within(&namespace).await?;
        netlink.up(1, "lo").await?;
        let (port, inside) = (self.link('p', &short), self.link('n', &short));
        let index = router
            .netlink
            .ensure_veth(&port, &inside, &namespace, &netlink)
            .await?;
        router.netlink.enslave(index, bridge, &port).await?;
        let link = netlink.index(&inside).await?;
        netlink
            .add_address(link, instance.address, subnet.cidr.prefix_len())
            .await?;
        let all = match subnet.router_address {
            IpAddr::V4(_) => Cidr::new(IpAddr::from([0; 4]), 0),
            IpAddr::V6(_) => Cidr::new(IpAddr::from([0; 16]), 0),
        };
        let block = all.unwrap_or(subnet.cidr);
        let target = Target::Via(subnet.router_address, link);
        netlink
            .add_route(&Route {
                block,
                table: 254,
                target,
            })
            .await
    }
}
