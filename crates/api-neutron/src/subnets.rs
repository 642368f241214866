//! `/subnets`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use adit_api::attribute::Absent;
use adit_control::subnet::{Block, NewSubnet, Place, Pools, Rules, SubnetChange};
use adit_control::{Allowance, Caller, Error, Naming, Noun, OnDelete, Query, Rule};
use adit_model::project::Role;
use adit_model::subnet::{AddressRange, StaticRoute};
use adit_model::{Cidr, NetworkId, Subnet, SubnetId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::attribute::{Attribute, DESCRIPTION, ID, NAME, PROJECT, REVISION, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::object;
use crate::python;
use crate::refusal::Failure;
use crate::resource::{Resource, Words, standard};
use crate::wrong;
use adit_api::kind::{Kind, each_once};
use adit_api::object::Object;

const ADDRESS_MODE: &str = "ipv6_address_mode";
const CIDR: &str = "cidr";
const DNS: &str = "dns_nameservers";
const GATEWAY: &str = "gateway_ip";
const HOST_ROUTES: &str = "host_routes";
const NETWORK: &str = "network_id";
const POOLS: &str = "allocation_pools";
const RA_MODE: &str = "ipv6_ra_mode";
const SHARED: &str = "shared";
const VERSION: &str = "ip_version";

/// How IPv6 addresses are given.
const MODE: Kind =
    Kind::OneOfOrNull(|text| matches!(text, "dhcpv6-stateful" | "dhcpv6-stateless" | "slaac"));

/// What Neutron lets through, and no more.
const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Restrict,
};

pub(crate) struct Subnets;

/// A subnet, and what its network is.
pub(crate) struct Row {
    subnet: Subnet,
    network: Kin,
}

/// Of a network, what its subnets say too.
#[derive(Clone, Copy, Default)]
pub(crate) struct Kin {
    external: bool,
    shared: bool,
}

impl Resource for Subnets {
    const WORDS: Words = Words {
        one: "subnet",
        many: "subnets",
        path: "subnets",
    };

    const NOUN: Noun = Noun::Subnet;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        attribute(NETWORK, Kind::Uuid).post(Absent::Required).sort(),
        attribute(VERSION, Kind::Integer)
            .post(Absent::Nothing)
            .sort(),
        attribute(CIDR, Kind::Text(64))
            .post(Absent::Required)
            .sort(),
        attribute(GATEWAY, Kind::IpOrNull)
            .post(Absent::Nothing)
            .put()
            .filter(),
        attribute(POOLS, Kind::List).post(Absent::Nothing).put(),
        attribute("enable_dhcp", Kind::Flag)
            .post(Absent::True)
            .put()
            .filter(),
        attribute(DNS, Kind::ListOrNull).post(Absent::Empty).put(),
        attribute(HOST_ROUTES, Kind::ListOrNull)
            .post(Absent::Empty)
            .put(),
        attribute(ADDRESS_MODE, MODE).post(Absent::Nothing).filter(),
        attribute(RA_MODE, MODE).post(Absent::Nothing).filter(),
        attribute(
            "subnetpool_id",
            Kind::NoId("there are no subnet pools here"),
        )
        .post(Absent::Nothing)
        .filter(),
        attribute(
            "service_types",
            Kind::EmptyList("subnets are for all kinds of ports here"),
        )
        .post(Absent::Empty)
        .put(),
        attribute(SHARED, Kind::Flag).filter(),
        REVISION,
    ];

    const SEES: Role = Role::Reader;

    const BULK: bool = true;

    type Row = Row;

    fn id(row: &Row) -> Uuid {
        row.subnet.id.uuid()
    }

    fn render(_: &Context, row: &Row) -> Object {
        let network = row.network;
        let row = &row.subnet;
        let mut object = object::named(row.id.uuid(), row.project, &row.name, &row.description);
        object.extend(standard(row.created_at, row.updated_at, row.revision));
        let pools = row.pools.iter();
        let pools = pools.map(|pool| json!({"start": pool.first, "end": pool.last}));
        let own = [
            (NETWORK, json!(row.network.uuid())),
            (VERSION, json!(if row.cidr.is_ipv4() { 4 } else { 6 })),
            (CIDR, json!(row.cidr)),
            (GATEWAY, json!(row.gateway)),
            (POOLS, pools.collect()),
            ("enable_dhcp", json!(row.enable_dhcp)),
            (DNS, json!(row.dns_nameservers)),
            (HOST_ROUTES, show_routes(&row.host_routes)),
            (ADDRESS_MODE, json!(row.ipv6_address_mode)),
            (RA_MODE, json!(row.ipv6_ra_mode)),
            ("subnetpool_id", Value::Null),
            ("segment_id", Value::Null),
            ("service_types", json!([])),
            ("router:external", json!(network.external)),
            (SHARED, json!(network.shared)),
        ];
        object.extend(own);
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::SubnetNotFound { id }
    }

    fn in_use(id: String, by: Noun, users: &[Uuid]) -> ApiError {
        let first = users.first().copied().unwrap_or_default();
        let reason = match by {
            Noun::EndpointGroup => format!("Subnet {id} is used by endpoint group {first}"),
            Noun::Gateway => {
                let service = first.to_string();
                return ApiError::SubnetInUseByService { id, service };
            }
            Noun::NetworkAcl => format!("Subnet {id} has the network ACL {first} of its router"),
            Noun::PublicGateway => format!("Subnet {id} has the public gateway {first}"),
            _ => "One or more ports have an IP allocation from this subnet".to_owned(),
        };
        ApiError::SubnetInUse { id, reason }
    }

    async fn create(cx: &Context, maker: Caller, values: &Values) -> Result<Row, Failure> {
        let text = values.text(CIDR).unwrap_or_default();
        let cidr = Cidr::containing(text).map_err(|_| {
            let reason = format!("'{text}' is not a valid IP subnet");
            ApiError::attribute(CIDR, reason)
        })?;
        match values.number(VERSION) {
            None if values.get(VERSION).is_none() => {}
            Some(4) if cidr.is_ipv4() => {}
            Some(6) if !cidr.is_ipv4() => {}
            Some(other) => {
                let reason = format!("cidr '{text}' does not match the ip_version '{other}'");
                return Err(ApiError::Input { reason }.into());
            }
            None => return Err(ApiError::attribute(VERSION, "it must be 4 or 6").into()),
        }
        for mode in [ADDRESS_MODE, RA_MODE] {
            if cidr.is_ipv4() && values.text(mode).is_some() {
                let reason = "it is of IPv6, and the subnet is not";
                return Err(ApiError::attribute(mode, reason).into());
            }
        }
        let network = values.required(NETWORK)?;
        let new = NewSubnet {
            name: values.new_name()?,
            resource_group: None,
            description: values.new_description(),
            place: Place::Network(NetworkId::from_uuid(network)),
            block: Block::Exact(cidr),
            gateway: values.ip(GATEWAY),
            pools: pools(values)?.map_or(Pools::Most, Pools::These),
            enable_dhcp: values.flag("enable_dhcp").unwrap_or(true),
            dns_nameservers: addresses(values)?.unwrap_or_default(),
            host_routes: routes(values, HOST_ROUTES)?.unwrap_or_default(),
            ipv6_address_mode: values.text(ADDRESS_MODE).map(str::to_owned),
            ipv6_ra_mode: values.text(RA_MODE).map(str::to_owned),
            zone: String::new(),
        };
        match cx.control.create_subnet(&maker, RULES, new).await {
            Err(Error::NotFound(Noun::Network)) => {
                let id = network.to_string();
                Err(ApiError::NetworkNotFound { id }.into())
            }
            // Clients that look for a free block know it by these words.
            Err(Error::Invalid {
                rule: Rule::CidrOverlap,
                ..
            }) => {
                let reason = format!(
                    "Requested subnet with cidr: {cidr} for network: {network} overlaps with another subnet"
                );
                Err(ApiError::Input { reason }.into())
            }
            made => {
                let subnet = made.map_err(said)?;
                let network = kin(cx, subnet.network).await?;
                Ok(Row { subnet, network })
            }
        }
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<Row>, Failure> {
        let (mut rows, mut known) = (Vec::new(), BTreeMap::new());
        for subnet in cx.control.page_subnets(&cx.caller, query).await? {
            let network = match known.get(&subnet.network) {
                Some(network) => *network,
                None => kin(cx, subnet.network).await?,
            };
            known.insert(subnet.network, network);
            rows.push(Row { subnet, network });
        }
        Ok(rows)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<Row, Failure> {
        let change = SubnetChange {
            expected: cx.expected(),
            name: values.name(),
            description: values.description(),
            gateway: values.ip(GATEWAY),
            pools: pools(values)?,
            enable_dhcp: values.flag("enable_dhcp"),
            dns_nameservers: addresses(values)?,
            host_routes: routes(values, HOST_ROUTES)?,
        };
        let id = SubnetId::from_uuid(id);
        let updated = cx
            .control
            .update_subnet(&cx.caller, RULES, id, change)
            .await;
        let subnet = updated.map_err(said)?;
        let network = kin(cx, subnet.network).await?;
        Ok(Row { subnet, network })
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = SubnetId::from_uuid(id);
        Ok(cx
            .control
            .delete_subnet(&cx.caller, RULES, id, cx.expected())
            .await?)
    }
}

async fn kin(cx: &Context, network: NetworkId) -> Result<Kin, Failure> {
    match cx.control.network(&cx.caller, network).await {
        Ok(view) => Ok(Kin {
            external: view.network.external,
            shared: view.network.shared,
        }),
        Err(Error::NotFound(_)) => Ok(Kin::default()),
        Err(error) => Err(error.into()),
    }
}

/// What doesn't fit together, by Neutron's names.
fn said(error: Error) -> Failure {
    match error {
        Error::Invalid {
            field: "gateway",
            message,
            ..
        } => ApiError::attribute(GATEWAY, message).into(),
        Error::Invalid {
            field: "pools",
            message,
            ..
        } => ApiError::attribute(POOLS, message).into(),
        Error::Invalid {
            field: "network",
            message,
            ..
        } => ApiError::attribute(NETWORK, message).into(),
        Error::Conflict {
            rule: Rule::Mtu,
            message,
        } => ApiError::MtuTooSmall { message }.into(),
        Error::Conflict {
            rule: Rule::AddressTaken,
            message,
        } => ApiError::GatewayInPool { message }.into(),
        Error::Conflict {
            rule: Rule::CidrOverlap,
            message,
        } => ApiError::PoolsOverlap { message }.into(),
        other => other.into(),
    }
}

fn address(name: &str, value: &Value) -> Result<IpAddr, ApiError> {
    let address = value.as_str().and_then(|text| text.parse().ok());
    address.ok_or_else(|| {
        let text = python::text(value);
        ApiError::attribute(name, format!("'{text}' is not a valid IP address"))
    })
}

fn pools(values: &Values) -> Result<Option<Vec<AddressRange>>, ApiError> {
    let Some(list) = values.list(POOLS) else {
        return Ok(None);
    };
    let end = |pool: &Value, end: &str| {
        let value = pool.get(end).unwrap_or(&Value::Null);
        address(POOLS, value)
    };
    let pools = list.iter().map(|pool| {
        only_members(POOLS, pool, &["start", "end"])?;
        let (first, last) = (end(pool, "start")?, end(pool, "end")?);
        if first.is_ipv4() != last.is_ipv4() {
            return Err(ApiError::attribute(
                POOLS,
                "its ends are of different IP versions",
            ));
        }
        Ok(AddressRange { first, last })
    });
    pools.collect::<Result<_, _>>().map(Some)
}

fn addresses(values: &Values) -> Result<Option<Vec<IpAddr>>, ApiError> {
    let Some(list) = values.list(DNS) else {
        return Ok(None);
    };
    each_once(list).map_err(|wrong| wrong::refusal(DNS, &wrong))?;
    let list = list.iter().map(|value| address(DNS, value));
    list.collect::<Result<_, _>>().map(Some)
}

/// Refuses an object that has other members, or is none.
fn only_members(name: &str, value: &Value, members: &[&str]) -> Result<(), ApiError> {
    let known = |map: &Map<String, Value>| {
        let mut names = map.keys();
        names.all(|name| members.contains(&name.as_str()))
    };
    if value.as_object().is_some_and(known) {
        return Ok(());
    }
    let (text, members) = (python::text(value), members.join(" and "));
    let reason = format!("'{text}' is no {members}");
    Err(ApiError::attribute(name, reason))
}

/// Routes as routers and subnets have them.
pub(crate) fn routes(values: &Values, name: &str) -> Result<Option<Vec<StaticRoute>>, ApiError> {
    let Some(list) = values.list(name) else {
        return Ok(None);
    };
    let route = |value: &Value| {
        only_members(name, value, &["destination", "nexthop"])?;
        let destination = value.get("destination").unwrap_or(&Value::Null);
        let cidr = destination
            .as_str()
            .and_then(|text| Cidr::containing(text).ok());
        let cidr = cidr.ok_or_else(|| {
            let text = python::text(destination);
            ApiError::attribute(name, format!("'{text}' is not a valid IP subnet"))
        })?;
        let nexthop = address(name, value.get("nexthop").unwrap_or(&Value::Null))?;
        if nexthop.is_ipv4() != cidr.is_ipv4() {
            let reason = "destination and nexthop are of different IP versions";
            return Err(ApiError::attribute(name, reason));
        }
        Ok(StaticRoute {
            destination: cidr,
            nexthop,
        })
    };
    each_once(list).map_err(|wrong| wrong::refusal(name, &wrong))?;
    list.iter().map(route).collect::<Result<_, _>>().map(Some)
}

pub(crate) fn show_routes(routes: &[StaticRoute]) -> Value {
    let routes = routes.iter();
    let each = routes.map(|one| json!({"destination": one.destination, "nexthop": one.nexthop}));
    each.collect()
}
