//! `/routers`, and the interfaces that they have on subnets.

use adit_api::attribute::Absent;
use adit_api::ids;
use adit_control::outside_port::PortView;
use adit_control::router::{NewRouter, RouterChange};
use adit_control::router_interface::InterfaceOf;
use adit_control::{Allowance, Caller, Error, Naming, Noun, Query, Rule};
use adit_model::port::Device;
use adit_model::project::Role;
use adit_model::{Port, PortId, Router, RouterId, SubnetId};
use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::put;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attribute::{
    ADMIN_STATE_UP, Attribute, DESCRIPTION, ID, NAME, PROJECT, REVISION, Special, ZONE_HINTS,
    attribute,
};
use crate::body::{Values, plain};
use crate::context::Context;
use crate::error::ApiError;
use crate::external_gateway::{self, EXTERNAL};
use crate::object;
use crate::python;
use crate::refusal::Failure;
use crate::resource::{Resource, Words, find, standard};
use crate::state::Neutron;
use crate::status;
use crate::subnets::{Subnets, routes, show_routes};
use adit_api::kind::Kind;
use adit_api::object::Object;

const ROUTES: &str = "routes";

/// What other kinds of routers are asked for with.
const SIMPLE: Kind = Kind::Just(false, "there are no such routers here");

pub(crate) struct Routers;

impl Resource for Routers {
    const WORDS: Words = Words {
        one: "router",
        many: "routers",
        path: "routers",
    };

    const NOUN: Noun = Noun::Router;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        ADMIN_STATE_UP.sort(),
        attribute(EXTERNAL, Kind::Any)
            .post(Absent::Nothing)
            .put()
            .own(Special::reserved(external_gateway::RESERVED)),
        attribute(ROUTES, Kind::ListOrNull).put(),
        ZONE_HINTS,
        attribute("distributed", SIMPLE)
            .post(Absent::Nothing)
            .put()
            .filter(),
        attribute("ha", SIMPLE).post(Absent::Nothing).put().filter(),
        attribute("flavor_id", Kind::UuidOrNull)
            .post(Absent::Nothing)
            .filter(),
        attribute("status", Kind::Text(16)).sort(),
        REVISION,
    ];

    const SEES: Role = Role::Reader;

    const BULK: bool = true;

    type Row = Router;

    fn id(row: &Router) -> Uuid {
        row.id.uuid()
    }

    fn render(cx: &Context, row: &Router) -> Object {
        let mut object = object::named(row.id.uuid(), row.project, &row.name, &row.description);
        object.extend(standard(row.created_at, row.updated_at, row.revision));
        let own = [
            ("admin_state_up", json!(row.admin_state_up)),
            ("status", json!(status::of_carrier(row.admin_state_up))),
            (EXTERNAL, external_gateway::show(cx, row.external)),
            (ROUTES, show_routes(&row.routes)),
            ("availability_zone_hints", json!([])),
            ("availability_zones", json!([])),
            ("distributed", json!(false)),
            ("ha", json!(false)),
            ("flavor_id", Value::Null),
        ];
        object.extend(own);
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::RouterNotFound { id }
    }

    fn in_use(id: String, by: Noun, users: &[Uuid]) -> ApiError {
        let ids = |between: &str| {
            let ids: Vec<String> = users.iter().map(Uuid::to_string).collect();
            ids.join(between)
        };
        let reason = match (by, users) {
            (Noun::Gateway, [one]) => format!("is currently used by VPN service ({one})"),
            (Noun::Gateway, _) => format!("is currently used by VPN services ({})", ids(",")),
            (Noun::FloatingIp, _) => format!("has floating IPs: {}", ids(", ")),
            (Noun::PublicGateway, _) => format!("has public gateways: {}", ids(", ")),
            _ => format!("has ports still attached: {}", ids(", ")),
        };
        ApiError::RouterInUse { id, reason }
    }

    async fn create(cx: &Context, maker: Caller, values: &Values) -> Result<Router, Failure> {
        no_flavor(values)?;
        let new = NewRouter {
            name: values.new_name()?,
            resource_group: None,
            naming: Naming::Free,
            allowance: Allowance::OfProject,
            description: values.new_description(),
            admin_state_up: values.flag("admin_state_up").unwrap_or(true),
            external: external_gateway::wished(cx, values)?.flatten(),
        };
        let wished = new.external.map(|wished| wished.network);
        let made = cx.control.create_router(&maker, new).await;
        made.map_err(|error| external_gateway::refused(error, wished))
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<Router>, Failure> {
        Ok(cx.control.page_routers(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<Router, Failure> {
        let change = RouterChange {
            expected: cx.expected(),
            name: values.name().map(|name| (name, Naming::Free)),
            description: values.description(),
            admin_state_up: values.flag("admin_state_up"),
            external: external_gateway::wished(cx, values)?,
            routes: routes(values, ROUTES)?,
        };
        let wished = change.external.flatten().map(|wished| wished.network);
        let id = RouterId::from_uuid(id);
        let updated = cx.control.update_router(&cx.caller, id, change).await;
        updated.map_err(|error| external_gateway::refused(error, wished))
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = RouterId::from_uuid(id);
        Ok(cx
            .control
            .delete_router(&cx.caller, id, cx.expected())
            .await?)
    }
}

fn no_flavor(values: &Values) -> Result<(), ApiError> {
    match values.uuid("flavor_id") {
        Some(Some(id)) => Err(ApiError::FlavorNotFound { id: id.to_string() }),
        _ => Ok(()),
    }
}

/// Puts routers on subnets, and takes them away.
pub(crate) fn interface_routes() -> axum::Router<Neutron> {
    axum::Router::new()
        .route("/v2.0/routers/{id}/add_router_interface", put(add))
        .route("/v2.0/routers/{id}/remove_router_interface", put(remove))
}

async fn add(cx: Context, Path(id): Path<String>, body: Body) -> Result<Json<Value>, ApiError> {
    let (router, of) = asked(&cx, "add", &id, body).await?;
    let added = cx
        .control
        .add_router_interface(&cx.caller, router, of)
        .await;
    if let (
        Err(Error::Conflict {
            rule: Rule::InUse(Noun::Port),
            ..
        }),
        InterfaceOf::Port(id),
    ) = (&added, of)
    {
        return Err(plugged(&cx, id).await);
    }
    let port = added.map_err(|error| match error {
        Error::Invalid {
            rule: Rule::Repeated,
            ..
        } => {
            let InterfaceOf::Subnet(subnet) = of else {
                return refused(error, router, of);
            };
            let reason = format!("Router already has a port on subnet {subnet}.");
            ApiError::RouterRequest { reason }
        }
        Error::Invalid { message, .. } => ApiError::RouterRequest {
            reason: format!("{message}."),
        },
        other => refused(other, router, of),
    })?;
    Ok(interface(router, of, &port))
}

/// That a port has something plugged in.
async fn plugged(cx: &Context, id: PortId) -> ApiError {
    match cx.control.port(&cx.caller, id).await {
        Ok(PortView { port, .. }) => ApiError::PortInUse {
            id: id.to_string(),
            network: port.network.to_string(),
            device: match port.device {
                Device::Router(router) => router.to_string(),
                Device::Other { id, .. } => id,
            },
        },
        Err(error) => error.into(),
    }
}

async fn remove(cx: Context, Path(id): Path<String>, body: Body) -> Result<Json<Value>, ApiError> {
    let (router, of) = asked(&cx, "remove", &id, body).await?;
    let removed = cx
        .control
        .remove_router_interface(&cx.caller, router, of)
        .await;
    match removed {
        Ok(port) => Ok(interface(router, of, &port)),
        Err(error @ Error::Used { .. }) => {
            let of = by_subnet(&cx, of).await?;
            Err(refused(error, router, of))
        }
        Err(error) => Err(refused(error, router, of)),
    }
}

/// An interface by its subnet, which is what refusals name.
async fn by_subnet(cx: &Context, of: InterfaceOf) -> Result<InterfaceOf, ApiError> {
    let InterfaceOf::Port(id) = of else {
        return Ok(of);
    };
    let PortView { port, .. } = cx.control.port(&cx.caller, id).await?;
    let subnet = port.fixed_ips.first().map(|ip| ip.subnet);
    Ok(subnet.map_or(of, InterfaceOf::Subnet))
}

async fn asked(
    cx: &Context,
    verb: &str,
    id: &str,
    body: Body,
) -> Result<(RouterId, InterfaceOf), ApiError> {
    cx.expects_nothing()?;
    let octets = adit_api::body::octets(body).await?;
    let map = plain(&octets)?;
    let known = ["port_id", "subnet_id"];
    let unknown = map.keys().map(String::as_str);
    let unknown: Vec<&str> = unknown.filter(|name| !known.contains(name)).collect();
    if !unknown.is_empty() {
        let names = unknown.join(", ");
        return Err(ApiError::Unrecognized { names });
    }
    let member = |name: &str| match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str().and_then(ids::parse) {
            Some(id) => Ok(Some(id)),
            None => {
                let text = python::text(value);
                let reason = format!("'{text}' is not a valid UUID");
                Err(ApiError::attribute(name, reason))
            }
        },
    };
    let request = |reason: &str| ApiError::RouterRequest {
        reason: reason.to_owned(),
    };
    let of = match (member("port_id")?, member("subnet_id")?) {
        (Some(_), Some(_)) => return Err(request("Cannot specify both subnet-id and port-id.")),
        (Some(port), None) => InterfaceOf::Port(PortId::from_uuid(port)),
        (None, Some(subnet)) => InterfaceOf::Subnet(SubnetId::from_uuid(subnet)),
        (None, None) => return Err(request("Either subnet_id or port_id must be specified.")),
    };
    let missing = || ApiError::RouterNotFound { id: id.to_owned() };
    let router = ids::parse(id).ok_or_else(missing)?;
    if cx.caller.role < Routers::CHANGES {
        find::<Routers>(cx, router).await?;
        let rule = format!("{verb}_router_interface");
        return Err(ApiError::Policy { rule });
    }
    Ok((RouterId::from_uuid(router), of))
}

fn refused(error: Error, router: RouterId, of: InterfaceOf) -> ApiError {
    let id = match of {
        InterfaceOf::Port(id) => id.to_string(),
        InterfaceOf::Subnet(id) => id.to_string(),
    };
    match error {
        Error::NotFound(Noun::Router) => ApiError::RouterNotFound {
            id: router.to_string(),
        },
        Error::NotFound(Noun::Subnet) => ApiError::SubnetNotFound { id },
        Error::NotFound(Noun::Port) => ApiError::PortNotFound { id },
        Error::NotListed => {
            let router = router.to_string();
            match of {
                InterfaceOf::Subnet(_) => ApiError::NoInterfaceForSubnet { router, subnet: id },
                InterfaceOf::Port(_) => ApiError::NoInterface { router, port: id },
            }
        }
        Error::Used {
            by: Noun::Connection,
            users,
            ..
        } => ApiError::SubnetInUseByConnection {
            id,
            connection: users.first().copied().unwrap_or_default().to_string(),
        },
        Error::Used {
            by: Noun::Router, ..
        } => {
            let router = router.to_string();
            ApiError::InterfaceNeededByRoute { router, subnet: id }
        }
        Error::Used {
            by: Noun::FloatingIp,
            ..
        } => {
            let router = router.to_string();
            ApiError::InterfaceNeededByFloatingIp { router, subnet: id }
        }
        Error::Used {
            noun: Noun::Subnet,
            by,
            users,
        } => Subnets::in_use(id, by, &users),
        Error::Conflict {
            rule: Rule::AddressTaken,
            message,
        } => ApiError::AddressTaken { message },
        Error::Conflict { message, .. } => ApiError::Conflict { message },
        other => other.into(),
    }
}

fn interface(router: RouterId, of: InterfaceOf, port: &Port) -> Json<Value> {
    let subnets: Vec<SubnetId> = port.fixed_ips.iter().map(|ip| ip.subnet).collect();
    let subnet = match of {
        InterfaceOf::Subnet(id) => Some(id),
        InterfaceOf::Port(_) => subnets.first().copied(),
    };
    let project = port.project.uuid().simple().to_string();
    Json(json!({
        "id": router,
        "project_id": project,
        "tenant_id": project,
        "port_id": port.id,
        "network_id": port.network,
        "subnet_id": subnet,
        "subnet_ids": subnets,
    }))
}
