//! Adit's own API, under `/adit/v1`: what no other dialect has words for. Why a tunnel is as it is, what to change,
//! and what the other side has to type.
//!
//! | file | what |
//! |---|---|
//! | one per noun | shapes, routes, handlers |
//! | `connection_log` | what happened to a tunnel |
//! | `events`, `audit` | what happens, as it happens, and who changed what |
//! | `ladder`, `explain` | how far a tunnel has come, as rungs and as sentences |
//! | `peer_config` | the same connection in the words of the peer's program |
//! | `requests`, `secrets` | connections that others ask for, and how their keys are told |
//! | `context` | who asks, by which revision, with which body |
//! | `shown`, `cookie` | by what a request shows that: a bearer's token, or a page's cookie |
//! | `page` | lists, and where they go on |
//! | `refusals` | what many operations are refused by, for the description |
//! | `problem` | every refusal's status, type and words (RFC 9457) |
//!
//! Each handler is described where it stands, so that what is served and what is documented are one list:
//! [`openapi`].

mod algorithms;
mod audit;
mod connection_log;
mod connections;
mod context;
mod cookie;
mod endpoint_groups;
mod events;
mod explain;
mod floating_ips;
mod gateways;
mod ike_policies;
mod ipsec_policies;
mod ladder;
mod machines;
mod networks;
mod operator;
mod page;
mod peer_config;
mod policies;
mod problem;
mod projects;
mod quotas;
mod reachability;
mod reasons;
mod refusals;
mod requests;
mod routers;
mod secrets;
mod security_groups;
mod sessions;
mod shown;
mod state;
mod subnets;
mod summary;

use std::sync::Arc;

use adit_control::Control;
use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use state::Native;
pub use state::NativeConfig;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Adit",
        description = "VPN as a service: gateways, connections, and why they are as they are. Times are RFC 3339 in UTC. \
            What is refused is told as application/problem+json (RFC 9457).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    modifiers(&Shown),
    security(("bearer" = []), ("cookie" = [])),
)]
struct Described;

/// By what requests show who asks.
struct Shown;

impl utoipa::Modify for Shown {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme.build()));
        let description = "A page's session. What changes something needs its csrf_token in the header X-CSRF-Token, too.";
        let cookie = ApiKeyValue::with_description(cookie::NAME, description);
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

fn described() -> (Router<Native>, utoipa::openapi::OpenApi) {
    let all = OpenApiRouter::new()
        .merge(sessions::routes())
        .merge(projects::routes())
        .merge(quotas::routes())
        .merge(networks::routes())
        .merge(routers::routes())
        .merge(subnets::routes())
        .merge(machines::routes())
        .merge(floating_ips::routes())
        .merge(security_groups::routes())
        .merge(endpoint_groups::routes())
        .merge(gateways::routes())
        .merge(ike_policies::routes())
        .merge(ipsec_policies::routes())
        .merge(connections::routes())
        .merge(reachability::routes())
        .merge(summary::routes())
        .merge(operator::routes())
        .merge(connection_log::routes())
        .merge(events::routes())
        .merge(requests::routes())
        .merge(secrets::routes())
        .merge(audit::routes())
        .merge(explain::routes())
        .merge(peer_config::routes());
    let all = OpenApiRouter::with_openapi(Described::openapi()).nest("/adit/v1", all);
    let (routes, mut openapi) = all.split_for_parts();
    refusals::type_all(&mut openapi);
    (routes, openapi)
}

/// All that is served, described (OpenAPI 3.1).
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().1
}

/// All routes. Wants `adit_api::request_id::around` it.
pub fn router(control: Control, config: NativeConfig) -> Router {
    let state = Native {
        control,
        config: Arc::new(config),
    };
    let (routes, openapi) = described();
    let description = axum::Json(openapi);
    let description = axum::routing::get(async move || description.clone());
    routes
        .route("/openapi/adit-v1.json", description)
        .merge(secrets::page())
        .route(
            "/adit/v1/{*rest}",
            axum::routing::any(problem::no_such_path),
        )
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(axum::middleware::from_fn(problem::render))
        .with_state(state)
}
