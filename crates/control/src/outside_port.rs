//! Ports outside, as those see them who see all projects': one for each router's way outside, and
//! one for each floating IP. They are not stored, since all that they say is the router's or the
//! floating IP's, and so are their ids: each tells what it is of. They are nobody's in particular.

use std::cmp::Ordering;
use std::net::IpAddr;

use adit_model::port::{Device, FixedIp};
use adit_model::{
    FloatingIp, FloatingIpId, MacAddress, Name, NetworkId, Port, PortId, ProjectId, Revision,
    Router, RouterId,
};
use adit_store::{Order, OrderBy, Query, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Control;
use crate::error::Error;

/// A port, as those see it who see all projects'.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortView {
    /// In no table: made of what it stands for, at each reading.
    pub port: Port,
    /// What it is of, if it is one outside: such a port is not stored.
    pub outside: Option<Outside>,
}

impl From<Port> for PortView {
    fn from(port: Port) -> Self {
        let outside = None;
        Self { port, outside }
    }
}

/// What a port outside is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outside {
    /// Its address on the external network.
    FloatingIp(FloatingIpId),
    /// A router's way outside.
    Router(RouterId),
}

impl Outside {
    /// The id of the port: it tells what it is of.
    fn port(self) -> PortId {
        PortId::from_uuid(match self {
            Self::FloatingIp(id) => other(id.uuid(), OF_FLOATING_IP),
            Self::Router(id) => other(id.uuid(), OF_ROUTER),
        })
    }
}

/// What the id of a router's port differs in from the router's. Neither touches the bits that say
/// which kind of UUID it is.
const OF_ROUTER: u128 = 0x6761_7465_7761_0079_0070_6f72_7400_6f75;

/// What the id of a floating IP's port differs in from the floating IP's.
const OF_FLOATING_IP: u128 = 0x666c_6f61_7469_006e_0067_6970_0070_6f72;

fn other(id: Uuid, difference: u128) -> Uuid {
    Uuid::from_u128(id.as_u128() ^ difference)
}

impl Control {
    /// The port outside of this id.
    pub(crate) async fn outside_port(
        &self,
        tx: &mut dyn Transaction,
        id: PortId,
    ) -> Result<Option<PortView>, Error> {
        let router = RouterId::from_uuid(other(id.uuid(), OF_ROUTER));
        if let Some(router) = tx.any_router(router).await? {
            return Ok(self.port_of_router(&router));
        }
        let floating = FloatingIpId::from_uuid(other(id.uuid(), OF_FLOATING_IP));
        let floating = tx.any_floating_ip(floating).await?;
        Ok(floating.map(|row| self.port_of_floating_ip(&row)))
    }

    /// A page of all ports: those that are stored first, unless another order is asked for, so that
    /// a page costs what is on it.
    pub(crate) async fn page_with_outside(
        &self,
        tx: &mut dyn Transaction,
        query: Query,
    ) -> Result<Vec<PortView>, Error> {
        if query.order != Order::default() {
            return self.sorted_with_outside(tx, query).await;
        }
        let after = match query.after {
            Some(id) => self.outside_port(tx, PortId::from_uuid(id)).await?,
            None => None,
        };
        let mut page = match after {
            Some(_) => Vec::new(),
            None => views(tx.page_ports(query.clone()).await?),
        };
        let most = query.limit.map_or(usize::MAX, |limit| limit as usize);
        if page.len() >= most {
            return Ok(page);
        }
        let mut outside = self.outside_ports(tx, &query).await?;
        outside.sort_by(|one, other| compare(query.order, one, other));
        if let Some(after) = after {
            outside.retain(|view| compare(query.order, view, &after).is_gt());
        }
        page.extend(outside.into_iter().take(most - page.len()));
        Ok(page)
    }

    async fn sorted_with_outside(
        &self,
        tx: &mut dyn Transaction,
        query: Query,
    ) -> Result<Vec<PortView>, Error> {
        let mut ports = self.outside_ports(tx, &query).await?;
        let all = Query {
            after: None,
            limit: None,
            ..query.clone()
        };
        ports.extend(views(tx.page_ports(all).await?));
        ports.sort_by(|one, other| compare(query.order, one, other));
        if let Some(after) = query.after {
            let at = ports.iter().position(|view| view.port.id.uuid() == after);
            ports.drain(..at.map_or(ports.len(), |at| at + 1));
        }
        if let Some(limit) = query.limit {
            ports.truncate(limit as usize);
        }
        Ok(ports)
    }

    /// All that a query means, in no order.
    async fn outside_ports(
        &self,
        tx: &mut dyn Transaction,
        query: &Query,
    ) -> Result<Vec<PortView>, Error> {
        let unnamed = |names: &Vec<String>| names.iter().any(String::is_empty);
        if query.project.is_some() || !query.names.as_ref().is_none_or(unnamed) {
            return Ok(Vec::new());
        }
        let mut ports = Vec::new();
        if let Some(ids) = &query.ids {
            for id in ids {
                ports.extend(self.outside_port(tx, PortId::from_uuid(*id)).await?);
            }
            return Ok(ports);
        }
        let routers = tx.all_routers().await?;
        ports.extend(routers.iter().filter_map(|row| self.port_of_router(row)));
        let floating = tx.all_floating_ips().await?;
        ports.extend(floating.iter().map(|row| self.port_of_floating_ip(row)));
        Ok(ports)
    }

    fn port_of_router(&self, router: &Router) -> Option<PortView> {
        let external = router.external?;
        let like = Like {
            of: Outside::Router(router.id),
            network: external.network,
            is_up: router.admin_state_up,
            times: (router.created_at, router.updated_at),
            revision: router.revision,
        };
        Some(self.port_like(like, external.addresses.all()))
    }

    fn port_of_floating_ip(&self, floating: &FloatingIp) -> PortView {
        let like = Like {
            of: Outside::FloatingIp(floating.id),
            network: floating.network,
            is_up: true,
            times: (floating.created_at, floating.updated_at),
            revision: floating.revision,
        };
        self.port_like(like, std::iter::once(floating.address))
    }

    fn port_like(&self, like: Like, addresses: impl Iterator<Item = IpAddr>) -> PortView {
        let subnets = self.external_subnets(like.network);
        let fixed_ip = |address: IpAddr| {
            let subnet = match address {
                IpAddr::V4(_) => subnets.map(|subnets| subnets.v4),
                IpAddr::V6(_) => subnets.and_then(|subnets| subnets.v6),
            };
            subnet.map(|subnet| FixedIp { subnet, address })
        };
        let id = like.of.port();
        let port = Port {
            id,
            project: ProjectId::from_uuid(Uuid::nil()),
            resource_group: None,
            network: like.network,
            name: Name::default(),
            description: String::new(),
            admin_state_up: like.is_up,
            mac: MacAddress::of_port(id),
            fixed_ips: addresses.filter_map(fixed_ip).collect(),
            device: Device::none(),
            port_security: false,
            security_groups: Vec::new(),
            created_at: like.times.0,
            updated_at: like.times.1,
            revision: like.revision,
        };
        PortView {
            port,
            outside: Some(like.of),
        }
    }
}

/// What a port outside has of the thing that it is of.
struct Like {
    of: Outside,
    network: NetworkId,
    is_up: bool,
    /// When that was made, and last changed.
    times: (OffsetDateTime, OffsetDateTime),
    revision: Revision,
}

fn views(rows: Vec<Port>) -> Vec<PortView> {
    rows.into_iter().map(PortView::from).collect()
}

/// How ports come: as the store has them, but those outside after all others where they are by age.
fn compare(order: Order, one: &PortView, other: &PortView) -> Ordering {
    let age = |view: &PortView| (view.outside.is_some(), view.port.created_at);
    let by_age = age(one).cmp(&age(other));
    let (one, other) = (&one.port, &other.port);
    let by = match order.by {
        OrderBy::CreatedAt => by_age,
        OrderBy::Id => Ordering::Equal,
        OrderBy::Name => one.name.as_str().cmp(other.name.as_str()),
        OrderBy::Project => one.project.cmp(&other.project),
    };
    let order_up = by.then_with(|| one.id.cmp(&other.id));
    if order.descending {
        order_up.reverse()
    } else {
        order_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_what_they_are_of_and_stay_ids() {
        let id = Uuid::new_v4();
        for difference in [OF_ROUTER, OF_FLOATING_IP] {
            let port = other(id, difference);
            assert_ne!(port, id);
            assert_eq!(other(port, difference), id);
            assert_eq!(
                (port.get_version_num(), port.get_variant()),
                (4, id.get_variant())
            );
        }
        assert_ne!(other(id, OF_ROUTER), other(id, OF_FLOATING_IP));
    }
}
