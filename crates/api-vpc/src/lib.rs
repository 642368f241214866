//! IBM VPC's API, the part that VPN needs: `/v1/vpn_gateways`, their connections, IKE and IPsec
//! policies, and as much of VPCs, subnets, instances and regions as it takes to get there.
//!
//! | file | what |
//! |---|---|
//! | one per resource | routes, parsing, rendering |
//! | `context` | who asks, for which version, under which address |
//! | `fields` | bodies: what is there, of which type |
//! | `parameters` | what the query of each request may say |
//! | `documentation` | the pages that answers link to |
//! | `error` | every refusal's code and status |
//! | `version` | what the `version` parameter switches |
//! | `metrics` | what the operator's page of metrics has besides |
//! | `references` | VPCs, subnets and a VPC's parts as other things name them |
//! | `ids` | `0738-<uuid>`, `r006-<uuid>`, CRNs |
//!
//! The objects are IBM's of today; the `version` parameter takes away what a client of its day
//! does not know, where that would mislead it.

mod algorithms;
mod catalog;
mod cidrs;
mod config;
mod connections;
mod context;
mod documentation;
mod error;
mod fields;
mod floating_ips;
mod ids;
mod ike_policies;
mod instances;
mod ipsec_policies;
mod keys;
mod metrics;
mod names;
mod network_acls;
mod page;
mod parameters;
mod policies;
mod protocols;
mod public_gateways;
mod reasons;
mod references;
mod regions;
mod reserved_ips;
mod resource_groups;
mod routes;
mod routing_tables;
mod security_groups;
mod sort;
mod state;
mod subnets;
mod version;
mod vpcs;
mod vpn_gateways;

use std::sync::Arc;

use adit_control::Control;
use adit_model::policy::{IkeParameters, IpsecParameters};
use axum::Router;
use axum::middleware::from_fn_with_state;

pub use config::{VpcConfig, Zone};
pub use metrics::metrics;
use state::Vpc;

/// All routes: the documentation's pages, those below `/v1`, and what is IBM's Resource Manager's below `/v2`. Wants `adit_api::request_id::around` it.
pub fn router(control: Control, config: VpcConfig) -> Router {
    let state = Vpc {
        control,
        config: Arc::new(config),
    };
    let groups = resource_groups::routes();
    let routes = Router::new()
        .merge(regions::routes())
        .merge(vpcs::routes())
        .merge(network_acls::routes())
        .merge(routing_tables::routes())
        .merge(routes::routes())
        .merge(security_groups::routes())
        .merge(reserved_ips::routes())
        .merge(subnets::routes())
        .merge(catalog::routes())
        .merge(keys::routes())
        .merge(instances::routes())
        .merge(floating_ips::routes())
        .merge(public_gateways::routes())
        .merge(vpn_gateways::routes())
        .merge(connections::routes())
        .merge(cidrs::routes())
        .merge(policies::routes::<IkeParameters>())
        .merge(policies::routes::<IpsecParameters>())
        .fallback(error::invalid_route)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(from_fn_with_state(state.clone(), error::render));
    let groups = groups.layer(from_fn_with_state(state.clone(), error::render));
    Router::new()
        .merge(documentation::routes())
        .nest("/v1", routes)
        .nest("/v2", groups)
        .with_state(state)
}
