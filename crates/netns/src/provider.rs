//! The host's part: the external network, and which networks and routers there are.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;

use adit_model::{Cidr, GatewayId, NetworkId, RouterId};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{Mutex, OnceCell};

use crate::applied::{Router, Segment};
use crate::error::NetworkError;
use crate::filter::Filters;
use crate::namespace::Namespace;
use crate::netlink::Netlink;

/// Where routers get public addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExternalNetwork {
    /// Its addresses; the host has the first one after the block's own.
    pub cidr: Cidr,
    /// Its IPv6 addresses, if it has any; of these too the host has the first one.
    pub cidr_v6: Option<Cidr>,
    /// The most octets of an inner packet: the MTU of the TUN devices, 1280 to 9000.
    pub tunnel_mtu: u32,
}

impl ExternalNetwork {
    /// Its blocks, with the names of their settings.
    fn blocks(&self) -> impl Iterator<Item = (&'static str, Cidr)> {
        let v6 = self
            .cidr_v6
            .map(|block| ("network.external_cidr_v6", block));
        [("network.external_cidr", self.cidr)].into_iter().chain(v6)
    }
}

/// The host's address in a block, which is the routers' way out.
pub(crate) fn host_address(block: Cidr) -> IpAddr {
    block.nth(1).unwrap_or_else(|| block.first())
}

/// Something that is made once: who comes while it is under way waits, and others don't.
pub(crate) type Made<T> = Arc<OnceCell<Arc<T>>>;

/// How many namespaces are removed at once: the kernel waits at each, and works at few of them.
const REMOVALS: usize = 64;

/// The embedded network provider of one host.
#[derive(Debug)]
pub struct Network {
    pub(crate) prefix: String,
    pub(crate) external: ExternalNetwork,
    pub(crate) host: Netlink,
    pub(crate) segments: Mutex<HashMap<NetworkId, Made<Segment>>>,
    pub(crate) routers: Mutex<HashMap<RouterId, Made<Router>>>,
    pub(crate) filters: Filters,
    /// The short ids of the gateways that are still wanted of those that an earlier run had.
    pub(crate) kept_gateways: Mutex<HashSet<String>>,
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
        Namespace::prepare().map_err(opened("preparing the folder of namespaces"))?;
        let host = Netlink::here().map_err(opened("opening netlink"))?;
        let network = Self {
            prefix: prefix.to_owned(),
            external,
            host,
            segments: Mutex::new(HashMap::new()),
            routers: Mutex::new(HashMap::new()),
            filters: Filters::default(),
            kept_gateways: Mutex::default(),
            _lock: lock,
        };
        network.check_external().await?;
        network.host.ensure_bridge(&network.bridge()).await?;
        let bridge = network.host.up(&network.bridge()).await?;
        for (_, block) in external.blocks() {
            let (address, prefix_len) = (host_address(block), block.prefix_len());
            let host = &network.host;
            host.add_own_address(bridge, address, prefix_len).await?;
        }
        Ok(network)
    }

    /// Taking a block the host uses would cut the host off from it.
    async fn check_external(&self) -> Result<(), NetworkError> {
        let ours = self.host.find(&self.bridge()).await?.map(|link| link.index);
        for (route, link) in self.host.main_routes().await? {
            let is_default = route.prefix_len() == 0;
            let is_ours = ours.is_some() && link == ours;
            if is_default || is_ours {
                continue;
            }
            for (setting, external) in self.external.blocks() {
                if route.overlaps(external) {
                    return Err(NetworkError::ExternalInUse {
                        setting,
                        external,
                        route,
                    });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn bridge(&self) -> String {
        format!("{}-ext", self.prefix)
    }

    pub(crate) fn network_namespace(&self, short: &str) -> Namespace {
        Namespace::named(format!("{}-n-{short}", self.prefix))
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

    /// Removes what belongs to no network of `networks` and no router of `routers`. What one that
    /// stays should not have any more goes when it is applied: so do devices of gateways that are
    /// not of `gateways`.
    ///
    /// # Errors
    /// The kernel refuses a removal.
    pub async fn retain(
        &self,
        networks: &[NetworkId],
        routers: &[RouterId],
        gateways: &[GatewayId],
    ) -> Result<(), NetworkError> {
        let kept = gateways.iter().map(|gateway| gateway.short());
        *self.kept_gateways.lock().await = kept.collect();
        let routers: Vec<_> = routers.iter().map(|router| router.short()).collect();
        let networks: Vec<_> = networks.iter().map(|network| network.short()).collect();
        let removals = stream::iter(self.leftover("r", &routers))
            .map(|short| async move { self.remove_router_named(&short).await });
        all(removals.buffer_unordered(REMOVALS)).await?;
        let marker = self.link('x', "");
        for link in self.host.links().await? {
            if let Some(short) = link.name.strip_prefix(&marker)
                && !routers.iter().any(|wanted| wanted == short)
            {
                self.host.delete(&link.name).await?;
            }
        }
        let removals = stream::iter(self.leftover("n", &networks))
            .map(|short| async move { self.remove_network_named(&short).await });
        all(removals.buffer_unordered(REMOVALS)).await?;
        self.remove_orphans(&networks).await
    }

    /// The short ids of the namespaces of a kind that are not wanted.
    fn leftover(&self, kind: &str, wanted: &[String]) -> Vec<String> {
        let marker = format!("{}-{kind}-", self.prefix);
        let mut found = Vec::new();
        for name in Namespace::list(&marker) {
            let short = name.strip_prefix(&marker).unwrap_or_default();
            if !wanted.iter().any(|wanted| wanted == short) {
                tracing::info!(namespace = name, "removing what an earlier run left");
                found.push(short.to_owned());
            }
        }
        found
    }

    /// Removes machines that hang on no network of `networks`.
    async fn remove_orphans(&self, networks: &[String]) -> Result<(), NetworkError> {
        let mut attached = Vec::new();
        let marker = self.link('p', "");
        for network in networks {
            let namespace = self.network_namespace(network);
            if let Ok(netlink) = Netlink::within(&namespace).await {
                let links = netlink.links().await?;
                let short = |name: &str| name.strip_prefix(&marker).map(ToOwned::to_owned);
                attached.extend(links.iter().filter_map(|link| short(&link.name)));
            }
        }
        for short in self.leftover("i", &attached) {
            self.remove_instance(&short)?;
        }
        Ok(())
    }

    /// Removes everything with the prefix, the external network too.
    ///
    /// # Errors
    /// The kernel refuses a removal.
    pub async fn remove_all(&self) -> Result<(), NetworkError> {
        self.routers.lock().await.clear();
        self.segments.lock().await.clear();
        // What the host sees goes at once. What is inside of namespaces goes with them, when the
        // kernel comes to it: nobody meets it any more.
        self.host.delete_all(&self.link('x', "")).await?;
        for kind in ["i", "r", "n"] {
            for name in Namespace::list(&format!("{}-{kind}-", self.prefix)) {
                Namespace::named(name).remove()?;
            }
        }
        self.host.delete(&self.bridge()).await
    }
}

/// Waits for all removals, so that one that fails keeps no other; answers the first failure.
async fn all(removals: impl Stream<Item = Result<(), NetworkError>>) -> Result<(), NetworkError> {
    let keep_first = |so_far: Result<(), _>, one| async move { so_far.and(one) };
    removals.fold(Ok(()), keep_first).await
}
