//! OpenStack's Network API v2.0: networks as far as clients need them, and VPN as a service.
//!
//! | file | what |
//! |---|---|
//! | one per resource | its table of attributes, what it looks like, the use cases behind it |
//! | `resource`, `resources` | what a resource is; which there are |
//! | `handlers` | what all do alike: routes, roles, answers |
//! | `attribute` | what stands in such a table besides what `adit_api::attribute` has |
//! | `body`, `bulk`, `query`, `list` | bodies and queries checked by it; many in one body; lists |
//! | `privilege` | what is not for everybody to say |
//! | `error`, `refusal`, `wrong` | every refusal's status, type and message, and when it is given |
//! | `words`, `python`, `status` | Neutron's words, spelling and statuses |
//! | `context` | who asks, and under which address |
//!
//! A resource is added by a file that implements `resource::Resource`, and its lines in `router`
//! and `resources`. What it can do besides gets routes of its own, with handlers that begin with a
//! `Context`; what it refuses besides gets lines in `error`.

mod attribute;
mod body;
mod bulk;
mod config;
mod context;
mod discovery;
mod endpoint_groups;
mod error;
mod external_gateway;
mod floating_ips;
mod handlers;
mod ike_policies;
mod ipsec_policies;
mod layer;
mod list;
mod networks;
mod object;
mod policies;
mod policy;
mod ports;
mod privilege;
mod python;
mod query;
mod quotas;
mod refusal;
mod resource;
mod resources;
mod routers;
mod security_group_rules;
mod security_groups;
mod site_connections;
mod state;
mod status;
mod subnets;
mod versions;
mod vpn_services;
mod words;
mod wrong;

use std::sync::Arc;

use adit_control::Control;
use adit_model::policy::{IkeParameters, IpsecParameters};
use axum::Router;
use axum::routing::{any, get};

pub use config::NeutronConfig;
use endpoint_groups::EndpointGroups;
use floating_ips::FloatingIps;
use handlers::routes;
use networks::Networks;
use policies::Policies;
use ports::Ports;
#[doc(hidden)]
pub use resources::{InBodies, attributes};
use routers::Routers;
use security_group_rules::SecurityGroupRules;
use security_groups::SecurityGroups;
use site_connections::SiteConnections;
use state::Neutron;
use subnets::Subnets;
use vpn_services::VpnServices;

/// The versions at `/`, everything else below `/v2.0`, and an answer for paths that are nobody's. May be mounted under any prefix, by
/// `nest_service`, so that the root is found with and without a slash at its end. Wants
/// `adit_api::request_id::around` it.
pub fn router(control: Control, config: NeutronConfig) -> Router {
    let neutron = Neutron {
        control,
        config: Arc::new(config),
    };
    Router::new()
        .route("/", get(versions::all))
        .route("/v2.0", get(versions::resources))
        .route("/v2.0/", get(versions::resources))
        .merge(routes::<Networks>())
        .merge(routes::<Subnets>())
        .merge(routes::<Ports>())
        .merge(routes::<Routers>())
        .merge(routers::interface_routes())
        .merge(routes::<FloatingIps>())
        .merge(routes::<SecurityGroups>())
        .merge(routes::<SecurityGroupRules>())
        .merge(quotas::routes())
        .merge(discovery::routes())
        .merge(routes::<VpnServices>())
        .merge(routes::<Policies<IkeParameters>>())
        .merge(routes::<Policies<IpsecParameters>>())
        .merge(routes::<EndpointGroups>())
        .merge(routes::<SiteConnections>())
        .route("/v2.0/{*rest}", any(handlers::not_found))
        .fallback(handlers::nowhere)
        .method_not_allowed_fallback(handlers::method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(
            neutron.clone(),
            layer::layer,
        ))
        .with_state(neutron)
}
