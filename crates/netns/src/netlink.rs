//! Netlink, in one namespace, with every step idempotent.

use std::net::IpAddr;
use std::os::fd::AsRawFd;

use adit_model::Cidr;
use futures_util::TryStreamExt;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteScope, RouteType,
};
use netlink_packet_route::rule::RuleAction;
use rtnetlink::{Handle, LinkBridge, LinkUnspec, LinkVeth, RouteMessageBuilder};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::error::NetworkError;
use crate::namespace::Namespace;

/// The table with the external network.
pub(crate) const EXTERNAL_TABLE: u32 = 100;

/// A netlink socket in one namespace.
#[derive(Debug)]
pub(crate) struct Netlink {
    handle: Handle,
    connection: JoinHandle<()>,
    /// Held while something is listed: the kernel answers a second list on one socket with EBUSY.
    listing: Mutex<()>,
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn failed(doing: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> NetworkError {
    let doing = doing.into();
    move |source| NetworkError::Netlink { doing, source }
}

/// Takes "it is there already" and "it is not there any more" for success.
fn settled(result: Result<(), rtnetlink::Error>) -> Result<(), rtnetlink::Error> {
    match result {
        Err(rtnetlink::Error::NetlinkError(message))
            if matches!(
                nix::errno::Errno::from_raw(-message.raw_code()),
                nix::errno::Errno::EEXIST
                    | nix::errno::Errno::ENOENT
                    | nix::errno::Errno::ESRCH
                    | nix::errno::Errno::ENODEV
                    | nix::errno::Errno::EADDRNOTAVAIL
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

impl Netlink {
    /// In the namespace of this process.
    pub(crate) fn here() -> std::io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        Ok(Self {
            handle,
            connection: tokio::spawn(connection),
            listing: Mutex::new(()),
        })
    }

    /// In another namespace.
    pub(crate) async fn within(namespace: &Namespace) -> Result<Self, NetworkError> {
        namespace.inside("opening netlink in it", Self::here).await
    }

    pub(crate) async fn links(&self) -> Result<Vec<(u32, String)>, NetworkError> {
        let _alone = self.listing.lock().await;
        let messages: Vec<LinkMessage> = self
            .handle
            .link()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(failed("listing links"))?;
        let named = |message: LinkMessage| {
            message
                .attributes
                .iter()
                .find_map(|attribute| match attribute {
                    LinkAttribute::IfName(name) => Some((message.header.index, name.clone())),
                    _ => None,
                })
        };
        Ok(messages.into_iter().filter_map(named).collect())
    }

    pub(crate) async fn find(&self, name: &str) -> Result<Option<u32>, NetworkError> {
        let links = self.links().await?;
        Ok(links
            .into_iter()
            .find(|(_, found)| found == name)
            .map(|(index, _)| index))
    }

    pub(crate) async fn index(&self, name: &str) -> Result<u32, NetworkError> {
        self.find(name)
            .await?
            .ok_or_else(|| NetworkError::NoLink(name.to_owned()))
    }

    async fn add(&self, message: LinkMessage, name: &str) -> Result<(), NetworkError> {
        settled(self.handle.link().add(message).execute().await)
            .map_err(failed(format!("making link {name}")))
    }

    pub(crate) async fn ensure_bridge(&self, name: &str) -> Result<u32, NetworkError> {
        if self.find(name).await?.is_none() {
            self.add(LinkBridge::new(name).build(), name).await?;
        }
        let index = self.index(name).await?;
        self.up(index, name).await?;
        Ok(index)
    }

    /// A veth pair, `name` here and `peer` in `there`.
    pub(crate) async fn ensure_veth(
        &self,
        name: &str,
        peer: &str,
        there: &Namespace,
        netlink_there: &Self,
    ) -> Result<u32, NetworkError> {
        let (near, far) = (self.find(name).await?, netlink_there.find(peer).await?);
        if near.is_none() || far.is_none() {
            // Half a pair is left when a run was killed between two steps.
            for (netlink, index, name) in [(self, near, name), (netlink_there, far, peer)] {
                if let Some(index) = index {
                    netlink.delete_index(index, name).await?;
                }
            }
            if let Some(index) = self.find(peer).await? {
                self.delete_index(index, peer).await?;
            }
            self.add(LinkVeth::new(name, peer).build(), name).await?;
            let index = self.index(peer).await?;
            let file = there.open()?;
            let message = LinkUnspec::new_with_index(index)
                .setns_by_fd(file.as_raw_fd())
                .build();
            self.handle
                .link()
                .set(message)
                .execute()
                .await
                .map_err(failed(format!("moving link {peer} into {}", there.name())))?;
        }
        let index = self.index(name).await?;
        self.up(index, name).await?;
        netlink_there
            .up(netlink_there.index(peer).await?, peer)
            .await?;
        Ok(index)
    }

    pub(crate) async fn up(&self, index: u32, name: &str) -> Result<(), NetworkError> {
        let message = LinkUnspec::new_with_index(index).up().build();
        self.handle
            .link()
            .set(message)
            .execute()
            .await
            .map_err(failed(format!("setting link {name} up")))
    }

    pub(crate) async fn set_mtu(
        &self,
        index: u32,
        name: &str,
        mtu: u32,
    ) -> Result<(), NetworkError> {
        let message = LinkUnspec::new_with_index(index).mtu(mtu).build();
        self.handle
            .link()
            .set(message)
            .execute()
            .await
            .map_err(failed(format!("setting the MTU of link {name}")))
    }

    /// Makes the link `index` a port of the bridge `bridge`.
    pub(crate) async fn enslave(
        &self,
        index: u32,
        bridge: u32,
        name: &str,
    ) -> Result<(), NetworkError> {
        let message = LinkUnspec::new_with_index(index).controller(bridge).build();
        self.handle
            .link()
            .set(message)
            .execute()
            .await
            .map_err(failed(format!("putting link {name} into its bridge")))
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<(), NetworkError> {
        match self.find(name).await? {
            Some(index) => self.delete_index(index, name).await,
            None => Ok(()),
        }
    }

    async fn delete_index(&self, index: u32, name: &str) -> Result<(), NetworkError> {
        settled(self.handle.link().del(index).execute().await)
            .map_err(failed(format!("removing link {name}")))
    }

    /// The addresses of a link.
    pub(crate) async fn addresses(&self, index: u32) -> Result<Vec<(IpAddr, u8)>, NetworkError> {
        let _alone = self.listing.lock().await;
        let request = self
            .handle
            .address()
            .get()
            .set_link_index_filter(index)
            .execute();
        let messages: Vec<_> = request
            .try_collect()
            .await
            .map_err(failed("listing addresses"))?;
        let address = |message: &netlink_packet_route::address::AddressMessage| {
            message
                .attributes
                .iter()
                .find_map(|attribute| match attribute {
                    AddressAttribute::Address(ip) => Some((*ip, message.header.prefix_len)),
                    _ => None,
                })
        };
        Ok(messages.iter().filter_map(address).collect())
    }

    pub(crate) async fn add_address(
        &self,
        index: u32,
        address: IpAddr,
        prefix_len: u8,
    ) -> Result<(), NetworkError> {
        settled(
            self.handle
                .address()
                .add(index, address, prefix_len)
                .execute()
                .await,
        )
        .map_err(failed(format!("adding address {address}/{prefix_len}")))
    }

    pub(crate) async fn remove_address(
        &self,
        index: u32,
        address: IpAddr,
    ) -> Result<(), NetworkError> {
        let alone = self.listing.lock().await;
        let request = self
            .handle
            .address()
            .get()
            .set_link_index_filter(index)
            .execute();
        let messages: Vec<_> = request
            .try_collect()
            .await
            .map_err(failed("listing addresses"))?;
        drop(alone);
        for message in messages {
            let matches = message
                .attributes
                .contains(&AddressAttribute::Address(address));
            if matches {
                settled(self.handle.address().del(message).execute().await)
                    .map_err(failed(format!("removing address {address}")))?;
            }
        }
        Ok(())
    }

    /// Takes all addresses of gateways, single IPv4 addresses or IPv6 ones of wider scope than the
    /// link, off the external link.
    pub(crate) async fn remove_gateway_addresses(&self, index: u32) -> Result<(), NetworkError> {
        for (address, prefix_len) in self.addresses(index).await? {
            if prefix_len == if address.is_ipv4() { 32 } else { 128 } {
                self.remove_address(index, address).await?;
            }
        }
        Ok(())
    }

    /// A route to `block` through the link `index`.
    pub(crate) async fn add_route(&self, route: &Route) -> Result<(), NetworkError> {
        settled(
            self.handle
                .route()
                .add(route.message())
                .replace()
                .execute()
                .await,
        )
        .map_err(failed(format!("adding a route to {}", route.block)))
    }

    pub(crate) async fn remove_route(&self, route: &Route) -> Result<(), NetworkError> {
        settled(self.handle.route().del(route.message()).execute().await)
            .map_err(failed(format!("removing the route to {}", route.block)))
    }

    /// The blocks the main table routes through the link `index`.
    pub(crate) async fn routes_through(&self, index: u32) -> Result<Vec<Cidr>, NetworkError> {
        let routes = self.main_routes().await?;
        let through = routes.into_iter().filter(|(_, link)| *link == Some(index));
        Ok(through.map(|(block, _)| block).collect())
    }

    /// The main table's unicast routes: the block, and the link it leads through.
    pub(crate) async fn main_routes(&self) -> Result<Vec<(Cidr, Option<u32>)>, NetworkError> {
        let _alone = self.listing.lock().await;
        let mut found = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut filter = RouteMessage::default();
            filter.header.address_family = family;
            let routes: Vec<RouteMessage> = self
                .handle
                .route()
                .get(filter)
                .execute()
                .try_collect()
                .await
                .map_err(failed("listing routes"))?;
            let ours = routes.iter().filter(|route| {
                route.header.table == RouteHeader::RT_TABLE_MAIN
                    && route.header.kind == RouteType::Unicast
            });
            found.extend(ours.filter_map(|route| Some((destination(route)?, link(route)))));
        }
        Ok(found)
    }

    /// Packets that come in on `link` for somebody else are dropped.
    pub(crate) async fn drop_forwarded_from(&self, link: &str) -> Result<(), NetworkError> {
        let request = self
            .handle
            .rule()
            .add()
            .v4()
            .input_interface(link)
            .priority(100);
        settled(request.action(RuleAction::Blackhole).execute().await)
            .map_err(failed("adding the rule against forwarding from outside"))?;
        let request = self
            .handle
            .rule()
            .add()
            .v6()
            .input_interface(link)
            .priority(100);
        settled(request.action(RuleAction::Blackhole).execute().await)
            .map_err(failed("adding the rule against forwarding from outside"))
    }

    /// Sockets bound to `link` look into the external table.
    pub(crate) async fn external_table_for_link(&self, link: &str) -> Result<(), NetworkError> {
        let request = self
            .handle
            .rule()
            .add()
            .v4()
            .output_interface(link)
            .priority(110);
        let request = request.table_id(EXTERNAL_TABLE).action(RuleAction::ToTable);
        settled(request.execute().await).map_err(failed("adding the rule for the external network"))
    }

    /// Packets from `address` look into the external table.
    pub(crate) async fn external_table_for_address(
        &self,
        address: IpAddr,
    ) -> Result<(), NetworkError> {
        let rule = self.handle.rule().add().priority(120);
        let result = match address {
            IpAddr::V4(ip) => {
                let rule = rule.v4().source_prefix(ip, 32).table_id(EXTERNAL_TABLE);
                rule.action(RuleAction::ToTable).execute().await
            }
            IpAddr::V6(ip) => {
                let rule = rule.v6().source_prefix(ip, 128).table_id(EXTERNAL_TABLE);
                rule.action(RuleAction::ToTable).execute().await
            }
        };
        settled(result).map_err(failed("adding the rule for a gateway's address"))
    }
}

/// A route to make or remove.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Route {
    pub(crate) block: Cidr,
    pub(crate) table: u32,
    pub(crate) target: Target,
}

/// Where a route leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// Through a link, to who is on it.
    Link(u32),
    /// Nowhere; only when no better route is left.
    Nowhere,
    /// Through a link, by way of a router on it.
    Via(IpAddr, u32),
}

/// The metric of routes that lead nowhere, above that of all others.
const NOWHERE_METRIC: u32 = 4096;

impl Route {
    fn message(&self) -> RouteMessage {
        let (first, len) = (self.block.first(), self.block.prefix_len());
        let builder = RouteMessageBuilder::<IpAddr>::new().table_id(self.table);
        // The block's address and its length come from one valid block, so this can't fail.
        let builder = match builder.clone().destination_prefix(first, len) {
            Ok(builder) => builder,
            Err(_) => builder,
        };
        match self.target {
            Target::Link(index) => builder
                .output_interface(index)
                .scope(RouteScope::Link)
                .build(),
            Target::Nowhere => builder
                .kind(RouteType::Unreachable)
                .priority(NOWHERE_METRIC)
                .build(),
            Target::Via(router, index) => {
                let builder = builder.output_interface(index);
                match builder.clone().gateway(router) {
                    Ok(builder) => builder.build(),
                    Err(_) => builder.build(),
                }
            }
        }
    }
}

fn destination(route: &RouteMessage) -> Option<Cidr> {
    let len = route.header.destination_prefix_length;
    let found = route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
            RouteAttribute::Destination(RouteAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
            _ => None,
        });
    let address = found.or_else(|| match route.header.address_family {
        AddressFamily::Inet => Some(IpAddr::from([0; 4])),
        AddressFamily::Inet6 => Some(IpAddr::from([0; 16])),
        _ => None,
    })?;
    Cidr::new(address, len).ok()
}

fn link(route: &RouteMessage) -> Option<u32> {
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => Some(*index),
            _ => None,
        })
}
