//! The host's part: the external network, and which routers there are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;

use adit_model::{Cidr, RouterId};
use tokio::sync::Mutex;

use crate::error::NetworkError;
use crate::namespace::Namespace;
use crate::netlink::Netlink;
use crate::router::Router;

/// Where routers get public addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExternalNetwork {
    /// Its addresses; the host has the first one after the block's own.
    pub cidr: Cidr,
    /// The most octets of an inner packet: the MTU of the TUN devices, 1280 to 9000.
    pub tunnel_mtu: u32,
}

impl ExternalNetwork {
    /// The host's address in it, which is the routers' way out.
    pub(crate) fn host_address(&self) -> IpAddr {
        self.cidr.nth(1).unwrap_or_else(|| self.cidr.first())
    }
}

/// The embedded network provider of one host.
#[derive(Debug)]
pub struct Network {
    pub(crate) prefix: String,
    pub(crate) external: ExternalNetwork,
    pub(crate) host: Netlink,
    pub(crate) routers: Mutex<HashMap<RouterId, Arc<Router>>>,
    /// Held for as long as this process manages the prefix; the kernel frees it with the process.
    _lock: UnixListener,
}

impl Network {
    /// Takes over all links and namespaces whose names start with `prefix`, a hyphen, and makes
    /// the external network.
    ///
    /// # Errors
    /// Another process has the prefix, or the kernel refuses (mostly for want of root).
    pub async fn open(prefix: &str, external: ExternalNetwork) -> Result<Self, NetworkError> {
        let fits = (1..=5).contains(&prefix.len())
            && prefix
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !fits {
            return Err(NetworkError::Prefix(prefix.to_owned()));
        }
        let opened = |doing: &str| {
            let doing = doing.to_owned();
            move |source| NetworkError::Open { doing, source }
        };
        let name = SocketAddr::from_abstract_name(format!("adit-network-{prefix}"))
            .map_err(opened("naming the lock"))?;
        let lock = UnixListener::bind_addr(&name)
            .map_err(|_| NetworkError::PrefixInUse(prefix.to_owned()))?;
        let host = Netlink::here().map_err(opened("opening netlink"))?;
        let network = Self {
            prefix: prefix.to_owned(),
            external,
            host,
            routers: Mutex::new(HashMap::new()),
            _lock: lock,
        };
        network.check_external().await?;
        let bridge = network.host.ensure_bridge(&network.bridge()).await?;
        let cidr = external.cidr;
        network
            .host
            .add_address(bridge, external.host_address(), cidr.prefix_len())
            .await?;
        Ok(network)
    }

    /// Taking a block the host uses would cut the host off from it.
    async fn check_external(&self) -> Result<(), NetworkError> {
        let external = self.external.cidr;
        let ours = self.host.find(&self.bridge()).await?;
        for (route, link) in self.host.main_routes().await? {
            let is_default = route.prefix_len() == 0;
            let is_ours = ours.is_some() && link == ours;
            if route.overlaps(external) && !is_default && !is_ours {
                return Err(NetworkError::ExternalInUse { external, route });
            }
        }
        Ok(())
    }

    pub(crate) fn bridge(&self) -> String {
        format!("{}-ext", self.prefix)
    }

    pub(crate) fn router_namespace(&self, short: &str) -> Namespace {
        Namespace::named(format!("{}-r-{short}", self.prefix))
    }

    pub(crate) fn instance_namespace(&self, short: &str) -> Namespace {
        Namespace::named(format!("{}-i-{short}", self.prefix))
    }

    /// The name of a link: the prefix, a hyphen, a letter for its kind, and a short id.
    pub(crate) fn link(&self, kind: char, short: &str) -> String {
        format!("{}-{kind}{short}", self.prefix)
    }

    /// Removes what belongs to no router of `routers`.
    ///
    /// # Errors
    /// The kernel refuses a removal.
    pub async fn retain(&self, routers: &[RouterId]) -> Result<(), NetworkError> {
        let wanted: Vec<_> = routers.iter().map(|router| router.short()).collect();
        for name in Namespace::list(&format!("{}-r-", self.prefix)) {
            let short = name.rsplit('-').next().unwrap_or_default().to_owned();
            if !wanted.contains(&short) {
                tracing::info!(namespace = name, "removing what an earlier run left");
                self.host.delete(&self.link('x', &short)).await?;
                self.remove_instances_of(&short).await?;
                self.router_namespace(&short).remove()?;
            }
        }
        let marker = format!("{}-x", self.prefix);
        for (_, name) in self.host.links().await? {
            if let Some(short) = name.strip_prefix(&marker)
                && !wanted.iter().any(|wanted| wanted == short)
            {
                self.host.delete(&name).await?;
            }
        }
        self.remove_orphans(&wanted).await
    }

    /// Removes instances that hang on no router of `routers`. What a router that stays should not
    /// have any more goes when it is applied.
    async fn remove_orphans(&self, routers: &[String]) -> Result<(), NetworkError> {
        let mut attached = Vec::new();
        for router in routers {
            let namespace = self.router_namespace(router);
            if let Ok(netlink) = Netlink::within(&namespace).await {
                attached.extend(netlink.links().await?.into_iter().map(|(_, name)| name));
            }
        }
        let marker = format!("{}-i-", self.prefix);
        for name in Namespace::list(&marker) {
            let port = self.link('p', name.strip_prefix(&marker).unwrap_or_default());
            if !attached.contains(&port) {
                Namespace::named(name).remove()?;
            }
        }
        Ok(())
    }

    /// Removes everything with the prefix, the external network too.
    ///
    /// # Errors
    /// The kernel refuses a removal.
    pub async fn remove_all(&self) -> Result<(), NetworkError> {
        self.routers.lock().await.clear();
        self.retain(&[]).await?;
        self.host.delete(&self.bridge()).await
    }
}
