//! A network: its namespace with the bridge, and which machines are on it.

use std::sync::Arc;

use adit_model::NetworkId;
use adit_model::desired::NetworkSpec;
use tokio::sync::Mutex;

use crate::applied::Segment;
use crate::error::NetworkError;
use crate::netlink::{Netlink, Wish};
use crate::provider::Network;

/// Nobody lives where the bridges are: what they carry is none of the host's business.
const NETWORK_SYSCTLS: &[(&str, &str)] = &[
    ("ipv6/conf/all/disable_ipv6", "1"),
    ("ipv6/conf/default/disable_ipv6", "1"),
];

impl Network {
    /// Makes a network with its machines as `spec` has it, and removes what it does not list.
    ///
    /// # Errors
    /// The kernel refuses a step; what was made stays, and the next call goes on from there.
    pub async fn apply_network(&self, spec: &NetworkSpec) -> Result<(), NetworkError> {
        let segment = self.ensure_segment(spec.id).await?;
        let _alone = segment.applying.lock().await;
        let wish = Wish {
            mtu: Some(spec.mtu),
            up: Some(spec.admin_state_up),
            ..Wish::default()
        };
        let bridge = segment.netlink.adjust(&segment.bridge, wish).await?;
        let marker = self.link('p', "");
        for link in segment.netlink.links().await? {
            let Some(short) = link.name.strip_prefix(&marker) else {
                continue;
            };
            if spec.instances.iter().any(|one| one.id.short() == short) {
                continue;
            }
            if self.instance_namespace(short).is_named() {
                segment.netlink.delete(&link.name).await?;
                self.remove_instance(short)?;
            } else if link.mtu != spec.mtu {
                self.resize_interface(&segment, short, spec.mtu).await?;
            }
        }
        for instance in &spec.instances {
            self.apply_instance(&segment, bridge, spec.mtu, instance)
                .await?;
        }
        Ok(())
    }

    /// Removes a network with its machines. Routers lose their interfaces on it.
    ///
    /// # Errors
    /// The kernel refuses a removal.
    pub async fn remove_network(&self, id: NetworkId) -> Result<(), NetworkError> {
        let segment = self.segments.lock().await.remove(&id);
        // What is being applied to it ends first.
        let segment = segment.and_then(|made| made.get().cloned());
        let _alone = match &segment {
            Some(segment) => Some(segment.applying.lock().await),
            None => None,
        };
        self.remove_network_named(&id.short()).await
    }

    pub(crate) async fn remove_network_named(&self, short: &str) -> Result<(), NetworkError> {
        let namespace = self.network_namespace(short);
        // A namespace that can't be entered any more has nothing to find.
        if let Ok(netlink) = Netlink::within(&namespace).await {
            let marker = self.link('p', "");
            for link in netlink.links().await? {
                if let Some(short) = link.name.strip_prefix(&marker) {
                    netlink.delete(&link.name).await?;
                    self.remove_instance(short)?;
                }
            }
        }
        namespace.remove()
    }

    pub(crate) async fn segment(&self, id: NetworkId) -> Result<Arc<Segment>, NetworkError> {
        let segments = self.segments.lock().await;
        let made = segments.get(&id).and_then(|segment| segment.get());
        made.cloned().ok_or(NetworkError::NoNetwork(id))
    }

    async fn ensure_segment(&self, id: NetworkId) -> Result<Arc<Segment>, NetworkError> {
        let made = Arc::clone(self.segments.lock().await.entry(id).or_default());
        let segment = made.get_or_try_init(|| self.make_segment(id)).await?;
        Ok(Arc::clone(segment))
    }

    async fn make_segment(&self, id: NetworkId) -> Result<Arc<Segment>, NetworkError> {
        let short = id.short();
        let namespace = self.network_namespace(&short);
        namespace.ensure().await?;
        namespace.sysctl(NETWORK_SYSCTLS).await?;
        let netlink = Netlink::within(&namespace).await?;
        let bridge = self.link('b', &short);
        netlink.ensure_bridge(&bridge).await?;
        Ok(Arc::new(Segment {
            netlink,
            bridge,
            applying: Mutex::new(()),
        }))
    }

    /// Sets the MTU of a router's interface, at both ends.
    async fn resize_interface(
        &self,
        segment: &Segment,
        short: &str,
        mtu: u32,
    ) -> Result<(), NetworkError> {
        let wish = Wish {
            mtu: Some(mtu),
            ..Wish::default()
        };
        segment.netlink.adjust(&self.link('p', short), wish).await?;
        let inside = self.link('s', short);
        let routers: Vec<_> = {
            let routers = self.routers.lock().await;
            routers
                .values()
                .filter_map(|made| made.get().cloned())
                .collect()
        };
        for router in routers {
            if router.netlink.find(&inside).await?.is_some() {
                router.netlink.adjust(&inside, wish).await?;
            }
        }
        Ok(())
    }
}
