//! Routes.

use std::net::IpAddr;

use adit_model::Cidr;
use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteProtocol,
    RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};

use super::{Netlink, failed, settled};
use crate::error::NetworkError;

/// A routing table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Table {
    /// The one that forwarded packets look into.
    Main,
    /// The external network, for gateways.
    External,
    /// The external network, for what has no route in the main table.
    WayOut,
    /// Peers that gateways speak to themselves.
    Hosts,
}

impl Table {
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Main => RouteHeader::RT_TABLE_MAIN as u32,
            Self::External => 100,
            Self::WayOut => 101,
            Self::Hosts => 102,
        }
    }
}

/// Who made a route, for those that a spec lists; nobody else uses the number.
const STATED: RouteProtocol = RouteProtocol::Other(173);

/// The metric of routes into tunnels. The kernel's own routes to the networks that a router is on have
/// less (0, and 256 for IPv6): what is next to it is never behind a peer.
const TUNNEL_METRIC: u32 = 2048;

/// The metric of routes that lead nowhere, above that of all into tunnels.
const NOWHERE_METRIC: u32 = 4096;

/// What the kernel may give in one piece to a peer's tunnel: transport mode seals whole datagrams (RFC 4303 section
/// 3.3.4): all that IP can name, whatever the device says, and however small the way to the peer is.
const WHOLE: u32 = 65_520;
/// The bit of the MTU (`RTAX_MTU`) among a route's locked metrics.
const LOCK_MTU: u32 = 1 << 2;

/// The metric of a router's static routes: a block behind a peer never goes to a neighbour.
const STATIC_METRIC: u32 = 8192;

/// A route to make or remove.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Route {
    block: Cidr,
    table: Table,
    target: Target,
    /// The source of what this namespace itself sends.
    source: Option<IpAddr>,
}

/// Where a route leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target {
    /// Through a link, to who is on it.
    Link(u32),
    /// Nowhere; only when no better route is left.
    Nowhere,
    /// Through a link, in whole datagrams.
    Whole(u32),
    /// Through a link, by way of a router on it.
    Via(IpAddr, u32),
    /// As a spec has it: by way of a neighbour, whether or not its address looks like one.
    Stated {
        nexthop: IpAddr,
        link: u32,
        metric: Option<u32>,
    },
}

impl Route {
    const fn new(block: Cidr, table: Table, target: Target) -> Self {
        Self {
            block,
            table,
            target,
            source: None,
        }
    }

    pub(crate) const fn through(block: Cidr, table: Table, link: u32) -> Self {
        Self::new(block, table, Target::Link(link))
    }

    pub(crate) const fn nowhere(block: Cidr) -> Self {
        Self::new(block, Table::Main, Target::Nowhere)
    }

    /// To a peer that a gateway speaks to itself, through its tunnel.
    pub(crate) const fn host(block: Cidr, link: u32) -> Self {
        Self::new(block, Table::Hosts, Target::Whole(link))
    }

    /// To such a peer while there is no tunnel.
    pub(crate) const fn host_nowhere(block: Cidr) -> Self {
        Self::new(block, Table::Hosts, Target::Nowhere)
    }

    pub(crate) const fn via(block: Cidr, table: Table, router: IpAddr, link: u32) -> Self {
        Self::new(block, table, Target::Via(router, link))
    }

    /// A machine's route.
    pub(crate) const fn of_machine(block: Cidr, nexthop: IpAddr, link: u32) -> Self {
        let metric = None;
        let target = Target::Stated {
            nexthop,
            link,
            metric,
        };
        Self::new(block, Table::Main, target)
    }

    /// A router's static route.
    pub(crate) const fn of_router(block: Cidr, nexthop: IpAddr, link: u32) -> Self {
        let metric = Some(STATIC_METRIC);
        let target = Target::Stated {
            nexthop,
            link,
            metric,
        };
        Self::new(block, Table::Main, target)
    }

    pub(crate) const fn with_source(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    pub(crate) const fn block(&self) -> Cidr {
        self.block
    }

    fn message(&self) -> RouteMessage {
        let (first, len) = (self.block.first(), self.block.prefix_len());
        let mut builder = RouteMessageBuilder::<IpAddr>::new().table_id(self.table.number());
        // Addresses of one route are of one family; of another one they would be left out.
        builder = match builder.clone().destination_prefix(first, len) {
            Ok(with) => with,
            Err(_) => builder,
        };
        if let Some(source) = self.source {
            builder = match builder.clone().pref_source(source) {
                Ok(with) => with,
                Err(_) => builder,
            };
        }
        let by = |builder: RouteMessageBuilder<IpAddr>, router, link| {
            let builder = builder.output_interface(link);
            match builder.clone().gateway(router) {
                Ok(with) => with,
                Err(_) => builder,
            }
        };
        match self.target {
            Target::Link(index) => {
                let builder = builder.output_interface(index).scope(RouteScope::Link);
                match self.table {
                    Table::Main => builder.priority(TUNNEL_METRIC).build(),
                    Table::External | Table::WayOut | Table::Hosts => builder.build(),
                }
            }
            Target::Whole(index) => {
                let builder = builder.output_interface(index).scope(RouteScope::Link);
                let mut message = builder.priority(TUNNEL_METRIC).build();
                message.attributes.push(RouteAttribute::Metrics(vec![
                    RouteMetric::Lock(LOCK_MTU),
                    RouteMetric::Mtu(WHOLE),
                ]));
                message
            }
            Target::Nowhere => builder
                .kind(RouteType::Unreachable)
                .priority(NOWHERE_METRIC)
                .build(),
            Target::Via(router, link) => by(builder, router, link).build(),
            Target::Stated {
                nexthop,
                link,
                metric,
            } => {
                let builder = by(builder, nexthop, link).protocol(STATED).onlink();
                match metric {
                    Some(metric) => builder.priority(metric).build(),
                    None => builder.build(),
                }
            }
        }
    }
}

impl Netlink {
    /// Adds a route. In the main table, which has the kernel's routes and those of several gateways,
    /// it stands beside others to the same block: with one that took another's place, that would be
    /// gone when this one goes. The other tables are ours alone, and have one route to a block.
    pub(crate) async fn add_route(&self, route: &Route) -> Result<(), NetworkError> {
        let outcome = match route.table {
            Table::Main => self.append(route.message()).await,
            Table::External | Table::WayOut | Table::Hosts => {
                let request = self.handle.route().add(route.message()).replace();
                request.execute().await
            }
        };
        settled(outcome).map_err(failed(format!("adding a route to {}", route.block)))
    }

    /// What `ip route append` does; the library has no request for it.
    async fn append(&self, message: RouteMessage) -> Result<(), rtnetlink::Error> {
        let mut request = NetlinkMessage::from(RouteNetlinkMessage::NewRoute(message));
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND;
        let mut answers = self.handle.clone().request(request)?;
        while let Some(answer) = answers.next().await {
            if let NetlinkPayload::Error(error) = answer.payload
                && error.code.is_some()
            {
                return Err(rtnetlink::Error::NetlinkError(error));
            }
        }
        Ok(())
    }

    pub(crate) async fn remove_route(&self, route: &Route) -> Result<(), NetworkError> {
        settled(self.handle.route().del(route.message()).execute().await)
            .map_err(failed(format!("removing the route to {}", route.block)))
    }

    /// Makes the routes a spec lists, and removes those that one listed earlier. A route that the
    /// kernel refuses is a user's mistake: it is left out, and the log has it.
    pub(crate) async fn set_stated_routes(
        &self,
        wanted: &[Route],
        place: &str,
    ) -> Result<(), NetworkError> {
        let present = self.stated_routes().await?;
        let is = |message: &RouteMessage, route: &Route| match route.target {
            Target::Stated { nexthop, link, .. } => {
                destination(message) == Some(route.block)
                    && gateway(message) == Some(nexthop)
                    && output(message) == Some(link)
            }
            _ => false,
        };
        for route in wanted {
            if !present.iter().any(|message| is(message, route))
                && let Err(error) = self.add_route(route).await
            {
                tracing::warn!(place, block = %route.block, %error, "leaving out a route");
            }
        }
        for message in present {
            if !wanted.iter().any(|route| is(&message, route)) {
                settled(self.handle.route().del(message).execute().await)
                    .map_err(failed("removing a route that is not listed any more"))?;
            }
        }
        Ok(())
    }

    /// The routes that a spec listed.
    async fn stated_routes(&self) -> Result<Vec<RouteMessage>, NetworkError> {
        let mut routes = self.main_table().await?;
        routes.retain(|route| route.header.protocol == STATED);
        Ok(routes)
    }

    /// The blocks the main table routes through the link `index`.
    pub(crate) async fn routes_through(&self, index: u32) -> Result<Vec<Cidr>, NetworkError> {
        let routes = self.main_routes().await?;
        let through = routes.into_iter().filter(|(_, link)| *link == Some(index));
        Ok(through.map(|(block, _)| block).collect())
    }

    /// The main table's unicast routes: the block, and the link it leads through.
    pub(crate) async fn main_routes(&self) -> Result<Vec<(Cidr, Option<u32>)>, NetworkError> {
        let routes = self.main_table().await?;
        let pair = |route: &RouteMessage| Some((destination(route)?, output(route)));
        Ok(routes.iter().filter_map(pair).collect())
    }

    /// The blocks that lead nowhere.
    pub(crate) async fn blocks_to_nowhere(&self) -> Result<Vec<Cidr>, NetworkError> {
        let mut routes = self.main_table_of(RouteType::Unreachable).await?;
        routes.retain(|route| {
            let mut attributes = route.attributes.iter();
            attributes.any(|one| *one == RouteAttribute::Priority(NOWHERE_METRIC))
        });
        Ok(routes.iter().filter_map(destination).collect())
    }

    async fn main_table(&self) -> Result<Vec<RouteMessage>, NetworkError> {
        self.main_table_of(RouteType::Unicast).await
    }

    async fn main_table_of(&self, kind: RouteType) -> Result<Vec<RouteMessage>, NetworkError> {
        let mut routes = self.table(Table::Main).await?;
        routes.retain(|route| route.header.kind == kind);
        Ok(routes)
    }

    /// Removes all routes of a table that is ours alone.
    pub(crate) async fn clear(&self, table: Table) -> Result<(), NetworkError> {
        for route in self.table(table).await? {
            let doing = format!("removing a route of the table {}", table.number());
            settled(self.handle.route().del(route).execute().await).map_err(failed(doing))?;
        }
        Ok(())
    }

    async fn table(&self, table: Table) -> Result<Vec<RouteMessage>, NetworkError> {
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
            found.extend(
                routes
                    .into_iter()
                    .filter(|route| u32::from(route.header.table) == table.number()),
            );
        }
        Ok(found)
    }
}

fn destination(route: &RouteMessage) -> Option<Cidr> {
    let len = route.header.destination_prefix_length;
    let found = route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Destination(address) => ip(address),
            _ => None,
        });
    let address = found.or_else(|| match route.header.address_family {
        AddressFamily::Inet => Some(IpAddr::from([0; 4])),
        AddressFamily::Inet6 => Some(IpAddr::from([0; 16])),
        _ => None,
    })?;
    Cidr::new(address, len).ok()
}

fn gateway(route: &RouteMessage) -> Option<IpAddr> {
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Gateway(address) => ip(address),
            _ => None,
        })
}

fn output(route: &RouteMessage) -> Option<u32> {
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => Some(*index),
            _ => None,
        })
}

const fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}
