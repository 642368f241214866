//! What a subnet looks like, is to be, and may become.

use std::net::IpAddr;

use adit_control::subnet::{self, NewSubnet, Pools, SubnetChange, SubnetPlace};
use adit_model::subnet::{AddressRange, StaticRoute};
use adit_model::{Cidr, NetworkId, Revision, RouterId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::context::{name, said};
use crate::problem::Problem;

/// A way to a block by a neighbour.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteShape {
    #[schema(value_type = String, example = "10.9.0.0/16")]
    destination: Cidr,
    /// The neighbour.
    #[schema(value_type = String, example = "10.1.0.9")]
    next_hop: IpAddr,
}

impl From<StaticRoute> for RouteShape {
    fn from(route: StaticRoute) -> Self {
        let StaticRoute {
            destination,
            nexthop: next_hop,
        } = route;
        Self {
            destination,
            next_hop,
        }
    }
}

impl From<RouteShape> for StaticRoute {
    fn from(route: RouteShape) -> Self {
        let RouteShape {
            destination,
            next_hop: nexthop,
        } = route;
        Self {
            destination,
            nexthop,
        }
    }
}

/// Addresses from the first to the last.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeShape {
    #[schema(value_type = String)]
    first: IpAddr,
    #[schema(value_type = String)]
    last: IpAddr,
}

impl From<RangeShape> for AddressRange {
    fn from(range: RangeShape) -> Self {
        let RangeShape { first, last } = range;
        Self { first, last }
    }
}

/// What a subnet is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSubnetShape {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// The router that it is on; it gets a network of its own.
    router: Option<Uuid>,
    /// In place of a router, the network that it is on.
    network: Option<Uuid>,
    /// Its addresses.
    #[schema(value_type = String, example = "10.1.0.0/24")]
    cidr: Cidr,
    /// The router's address; the first one of the block if it is left out, and none by `null`.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    gateway_address: Option<Option<IpAddr>>,
    /// The addresses that machines get; all of the block if it is left out.
    pools: Option<Vec<RangeShape>>,
    /// Routes of its machines besides that to the router.
    #[serde(default)]
    host_routes: Vec<RouteShape>,
}

impl NewSubnetShape {
    pub(super) fn read(self) -> Result<NewSubnet, Problem> {
        let place = match (self.router, self.network) {
            (Some(router), None) => subnet::Place::Router(RouterId::from_uuid(router)),
            (None, Some(network)) => subnet::Place::Network(NetworkId::from_uuid(network)),
            (None, None) => {
                let detail = "a subnet needs the router that it is on, or a network";
                return Err(Problem::invalid("router", detail));
            }
            (Some(_), Some(_)) => {
                let detail = "a subnet on a router has a network of its own: name one of both";
                return Err(Problem::invalid("network", detail));
            }
        };
        let pools = self.pools.map(|pools| pools.into_iter().map(Into::into));
        let host_routes = self.host_routes.into_iter().map(Into::into).collect();
        // Where it is on a network, nothing but this is said of the router.
        let router = RouterId::from_uuid(self.router.unwrap_or_default());
        Ok(NewSubnet {
            description: self.description,
            place,
            gateway: self.gateway_address,
            pools: pools.map_or(Pools::Most, |pools| Pools::These(pools.collect())),
            host_routes,
            ..super::new(name("name", &self.name)?, router, self.cidr)
        })
    }
}

/// What to change of a subnet; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubnetChangeShape {
    name: Option<String>,
    description: Option<String>,
    /// The router that it is on; `null` is none.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Uuid>)]
    router: Option<Option<Uuid>>,
    /// The router's address, while no router has it; `null` is none.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    gateway_address: Option<Option<IpAddr>>,
    /// The addresses that machines get.
    pools: Option<Vec<RangeShape>>,
    /// Routes of its machines besides that to the router.
    host_routes: Option<Vec<RouteShape>>,
}

impl SubnetChangeShape {
    /// What becomes of the subnet, and on which router it is to be, if that is said.
    pub(super) fn read(
        self,
        expected: Option<Revision>,
    ) -> Result<(SubnetChange, Option<Option<RouterId>>), Problem> {
        let called = self.name.map(|text| name("name", &text));
        let pools = self.pools.map(|pools| pools.into_iter().map(Into::into));
        let routes = self.host_routes;
        let routes = routes.map(|routes| routes.into_iter().map(Into::into));
        let change = SubnetChange {
            expected,
            name: called.transpose()?,
            description: self.description,
            gateway: self.gateway_address,
            pools: pools.map(Iterator::collect),
            enable_dhcp: None,
            dns_nameservers: None,
            host_routes: routes.map(Iterator::collect),
        };
        let router = self.router.map(|router| router.map(RouterId::from_uuid));
        Ok((change, router))
    }
}

/// A subnet.
#[derive(Serialize, ToSchema)]
pub(super) struct SubnetShape {
    id: Uuid,
    name: String,
    description: String,
    /// Whose it is.
    project: Uuid,
    /// The router that it is on, if it is on one.
    router: Option<Uuid>,
    /// The network that it is on.
    network: Uuid,
    #[schema(value_type = String)]
    cidr: Cidr,
    /// The router's address, to which machines send what is for elsewhere.
    #[schema(value_type = Option<String>)]
    gateway_address: Option<IpAddr>,
    /// The addresses that machines get.
    pools: Vec<RangeShape>,
    /// Routes of its machines besides that to the router.
    host_routes: Vec<RouteShape>,
    /// How many addresses are left; not known of what leads outside.
    available_addresses: Option<u64>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

impl SubnetShape {
    pub(super) fn of(place: &SubnetPlace) -> Self {
        let row = &place.subnet;
        let range = |range: &AddressRange| RangeShape {
            first: range.first,
            last: range.last,
        };
        Self {
            id: row.id.uuid(),
            name: row.name.to_string(),
            description: row.description.clone(),
            project: row.project.uuid(),
            router: place.routers.first().map(|id| id.uuid()),
            network: row.network.uuid(),
            cidr: row.cidr,
            gateway_address: row.gateway,
            pools: row.pools.iter().map(range).collect(),
            host_routes: row.host_routes.iter().copied().map(Into::into).collect(),
            available_addresses: place.available,
            created_at: row.created_at,
            revision: row.revision.0,
        }
    }
}
