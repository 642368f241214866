//! `/subnets`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use adit_control::subnet::{NewSubnet, SubnetChange};
use adit_control::{Caller, Error, Noun, Query, Rule};
use adit_model::project::Role;
use adit_model::subnet::{AddressRange, StaticRoute};
use adit_model::{Cidr, NetworkId, Subnet, SubnetId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attribute::{Attribute, DESCRIPTION, Default, ID, NAME, PROJECT, REVISION, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::kind::Kind;
use crate::object::Object;
use crate::python;
use crate::refusal::Failure;
use crate::resource::{Resource, Words, standard};

const ADDRESS_MODE: &str = "ipv6_address_mode";
const CIDR: &str = "cidr";
const DNS: &str = "dns_nameservers";
const GATEWAY: &str = "gateway_ip";
const HOST_ROUTES: &str = "host_routes";
const NETWORK: &str = "network_id";
const POOLS: &str = "allocation_pools";
const RA_MODE: &str = "ipv6_ra_mode";
const VERSION: &str = "ip_version";

pub(crate) struct Subnets;

/// A subnet, and whether its network leads outside.
pub(crate) struct Row {
    subnet: Subnet,
    external: bool,
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
        attribute(NETWORK, Kind::Uuid)
            .post(Default::Required)
            .sort(),
        attribute(VERSION, Kind::Integer)
            .post(Default::Nothing)
            .sort(),
        attribute(CIDR, Kind::Text(64))
            .post(Default::Required)
            .sort(),
        attribute(GATEWAY, Kind::Any)
            .post(Default::Nothing)
            .put()
            .filter(),
        attribute(POOLS, Kind::List).post(Default::Nothing).put(),
        attribute("enable_dhcp", Kind::Flag)
            .post(Default::True)
            .put()
            .filter(),
        attribute(DNS, Kind::List).post(Default::Empty).put(),
        attribute(HOST_ROUTES, Kind::List)
            .post(Default::Empty)
            .put(),
        attribute(ADDRESS_MODE, Kind::Any)
            .post(Default::Nothing)
            .filter(),
        attribute(RA_MODE, Kind::Any)
            .post(Default::Nothing)
            .filter(),
        attribute("subnetpool_id", Kind::UuidOrNull)
            .post(Default::Nothing)
            .filter(),
        attribute("service_types", Kind::List)
            .post(Default::Empty)
            .put(),
        REVISION,
    ];

    const SEES: Role = Role::Reader;

    const BULK: bool = true;

    type Row = Row;

    fn id(row: &Row) -> Uuid {
        row.subnet.id.uuid()
    }

    fn render(_: &Context, row: &Row) -> Object {
        let external = row.external;
        let row = &row.subnet;
        let mut object = Object::new(row.id.uuid(), row.project, &row.name, &row.description);
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
            ("router:external", json!(external)),
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
        if values.uuid("subnetpool_id").flatten().is_some() {
            let reason = "there are no subnet pools here";
            return Err(ApiError::attribute("subnetpool_id", reason).into());
        }
        let network = values.required(NETWORK)?;
        let new = NewSubnet {
            name: values.new_name()?,
            description: values.new_description(),
            network: NetworkId::from_uuid(network),
            cidr,
            gateway: gateway(values)?,
            pools: pools(values)?,
            enable_dhcp: values.flag("enable_dhcp").unwrap_or(true),
            dns_nameservers: addresses(values)?.unwrap_or_default(),
            host_routes: routes(values, HOST_ROUTES)?.unwrap_or_default(),
            ipv6_address_mode: mode(values, ADDRESS_MODE)?,
            ipv6_ra_mode: mode(values, RA_MODE)?,
        };
        match cx.control.create_subnet(&maker, new).await {
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
                let external = leads_outside(cx, subnet.network).await?;
                Ok(Row { subnet, external })
            }
        }
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<Row>, Failure> {
        let (mut rows, mut known) = (Vec::new(), BTreeMap::new());
        for subnet in cx.control.page_subnets(&cx.caller, query).await? {
            let external = match known.get(&subnet.network) {
                Some(external) => *external,
                None => leads_outside(cx, subnet.network).await?,
            };
            known.insert(subnet.network, external);
            rows.push(Row { subnet, external });
        }
        Ok(rows)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<Row, Failure> {
        let change = SubnetChange {
            name: values.name(),
            description: values.description(),
            gateway: gateway(values)?,
            pools: pools(values)?,
            enable_dhcp: values.flag("enable_dhcp"),
            dns_nameservers: addresses(values)?,
            host_routes: routes(values, HOST_ROUTES)?,
        };
        let id = SubnetId::from_uuid(id);
        let updated = cx.control.update_subnet(&cx.caller, id, change).await;
        let subnet = updated.map_err(said)?;
        let external = leads_outside(cx, subnet.network).await?;
        Ok(Row { subnet, external })
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = SubnetId::from_uuid(id);
        Ok(cx.control.delete_subnet(&cx.caller, id).await?)
    }
}

async fn leads_outside(cx: &Context, network: NetworkId) -> Result<bool, Failure> {
    match cx.control.network(&cx.caller, network).await {
        Ok(view) => Ok(view.network.external),
        Err(Error::NotFound(_)) => Ok(false),
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

/// `None` is not said, `Some(None)` is `null`: none at all.
fn gateway(values: &Values) -> Result<Option<Option<IpAddr>>, ApiError> {
    match values.any(GATEWAY) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => address(GATEWAY, value).map(|address| Some(Some(address))),
    }
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
    let list = values.list(DNS);
    list.map(|list| list.iter().map(|value| address(DNS, value)).collect())
        .transpose()
}

/// Routes as routers and subnets have them.
pub(crate) fn routes(values: &Values, name: &str) -> Result<Option<Vec<StaticRoute>>, ApiError> {
    let Some(list) = values.list(name) else {
        return Ok(None);
    };
    let route = |value: &Value| {
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
    list.iter().map(route).collect::<Result<_, _>>().map(Some)
}

pub(crate) fn show_routes(routes: &[StaticRoute]) -> Value {
    let routes = routes.iter();
    let each = routes.map(|one| json!({"destination": one.destination, "nexthop": one.nexthop}));
    each.collect()
}

fn mode(values: &Values, name: &str) -> Result<Option<String>, ApiError> {
    match values.any(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text))
            if matches!(
                text.as_str(),
                "dhcpv6-stateful" | "dhcpv6-stateless" | "slaac"
            ) =>
        {
            Ok(Some(text.clone()))
        }
        Some(other) => {
            let text = python::text(other);
            Err(ApiError::attribute(
                name,
                format!("{text} is not in valid_values"),
            ))
        }
    }
}
