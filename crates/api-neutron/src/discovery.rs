//! What clients look up before they begin: extensions, availability zones, agents, service
//! providers, flavors.

use adit_control::CryptoProfile;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::Context;
use crate::state::Neutron;

/// Alias, name, description, and when it was last changed, as Neutron has them.
type Extension = (&'static str, &'static str, &'static str, &'static str);

/// What this API does of Neutron's extensions.
const EXTENSIONS: &[Extension] = &[
    (
        "agent",
        "agent",
        "The agent management extension.",
        "2013-02-03T10:00:00-00:00",
    ),
    (
        "availability_zone",
        "Availability Zone",
        "The availability zone extension.",
        "2015-01-01T10:00:00-00:00",
    ),
    (
        "empty-string-filtering",
        "Empty String Filtering Extension",
        "Allow filtering by attributes with empty string value",
        "2018-05-01T10:00:00-00:00",
    ),
    (
        "external-net",
        "Neutron external network",
        "Adds external network attribute to network resource.",
        "2013-01-14T10:00:00-00:00",
    ),
    (
        "ext-gw-mode",
        "Neutron L3 Configurable external gateway mode",
        "Extension of the router abstraction for specifying whether SNAT should occur on the external gateway",
        "2013-03-28T10:00:00-00:00",
    ),
    (
        "extraroute",
        "Neutron Extra Route",
        "Extra routes configuration for L3 router",
        "2013-02-01T10:00:00-00:00",
    ),
    (
        "filter-validation",
        "Filter parameters validation",
        "Provides validation on filter parameters.",
        "2018-07-04T10:00:00-00:00",
    ),
    (
        "net-mtu",
        "Network MTU",
        "Provides MTU attribute for a network resource.",
        "2015-03-25T10:00:00-00:00",
    ),
    (
        "net-mtu-writable",
        "Network MTU (writable)",
        "Provides a writable MTU attribute for a network resource.",
        "2017-07-12T00:00:00-00:00",
    ),
    (
        "pagination",
        "Pagination support",
        "Extension that indicates that pagination is enabled.",
        "2016-06-12T00:00:00-00:00",
    ),
    (
        "port-security",
        "Port Security",
        "Provides port security",
        "2012-07-23T10:00:00-00:00",
    ),
    (
        "project-id",
        "project_id field enabled",
        "Extension that indicates that project_id field is enabled.",
        "2016-09-09T09:09:09-09:09",
    ),
    (
        "quota_details",
        "Quota details management support",
        "Expose functions for quotas usage statistics per project",
        "2017-02-10T10:00:00-00:00",
    ),
    (
        "quotas",
        "Quota management support",
        "Expose functions for quotas management per project",
        "2012-07-29T10:00:00-00:00",
    ),
    (
        "revision-if-match",
        "If-Match constraints based on revision_number",
        "Extension indicating that If-Match based on revision_number is supported.",
        "2016-12-11T00:00:00-00:00",
    ),
    (
        "router",
        "Neutron L3 Router",
        "Router abstraction for basic L3 forwarding between L2 Neutron networks and access to external networks via a NAT gateway.",
        "2012-07-20T10:00:00-00:00",
    ),
    (
        "security-group",
        "security-group",
        "The security groups extension.",
        "2012-10-05T10:00:00-00:00",
    ),
    (
        "service-type",
        "Neutron Service Type Management",
        "API for retrieving service providers for Neutron advanced services",
        "2013-01-20T00:00:00-00:00",
    ),
    (
        "sorting",
        "Sorting support",
        "Extension that indicates that sorting is enabled.",
        "2016-06-12T00:00:00-00:00",
    ),
    (
        "standard-attr-description",
        "standard-attr-description",
        "Extension to add descriptions to standard attributes",
        "2016-02-10T10:00:00-00:00",
    ),
    (
        "standard-attr-revisions",
        "Resource revision numbers",
        "This extension will display the revision number of neutron resources.",
        "2016-04-11T10:00:00-00:00",
    ),
    (
        "standard-attr-timestamp",
        "Resource timestamps",
        "Adds created_at and updated_at fields to all Neutron resources that have Neutron standard attributes.",
        "2016-09-12T10:00:00-00:00",
    ),
    (
        "vpn-aes-ctr",
        "VPN support for AES CTR mode",
        "Add AES CTR choices for encryption algorithm",
        "2024-01-09T09:00:00-00:00",
    ),
    (
        "vpn-endpoint-groups",
        "VPN Endpoint Groups",
        "VPN endpoint groups support",
        "2015-08-04T10:00:00-00:00",
    ),
    (
        "vpn-flavors",
        "VPN Service Flavor Extension",
        "Flavor support for vpnservices.",
        "2017-04-19T00:00:00-00:00",
    ),
    (
        "vpnaas",
        "VPN service",
        "Extension for VPN service",
        "2013-05-29T10:00:00-00:00",
    ),
];

/// That weak algorithms are refused.
const STRICT: Extension = (
    "vpn-no-sha1-3des",
    "VPN without SHA-1 and 3DES",
    "Removes the sha1 and 3des algorithms",
    "2026-01-01T00:00:00-00:00",
);

pub(crate) fn routes() -> Router<Neutron> {
    Router::new()
        .route("/v2.0/extensions", get(extensions))
        .route("/v2.0/extensions/{alias}", get(extension))
        .route("/v2.0/availability_zones", get(zones))
        .route("/v2.0/agents", get(agents))
        .route("/v2.0/service-providers", get(providers))
        .route("/v2.0/flavors", get(flavors))
}

fn known(cx: &Context) -> impl Iterator<Item = &'static Extension> {
    let strict = cx.control.config().crypto_profile == CryptoProfile::Strict;
    EXTENSIONS.iter().chain(strict.then_some(&STRICT))
}

fn render((alias, name, description, updated): &Extension) -> Value {
    json!({
        "alias": alias,
        "name": name,
        "description": description,
        "updated": updated,
        "links": [],
    })
}

async fn extensions(cx: Context) -> Json<Value> {
    let all: Vec<Value> = known(&cx).map(render).collect();
    Json(json!({"extensions": all}))
}

async fn extension(cx: Context, Path(alias): Path<String>) -> Response {
    let alias = alias.strip_suffix(".json").unwrap_or(&alias);
    if let Some(found) = known(&cx).find(|(known, ..)| *known == alias) {
        return Json(json!({"extension": render(found)})).into_response();
    }
    // Not as other refusals are: clients know this one by its text.
    let message = format!(
        "The resource could not be found.<br /><br />\nExtension with alias {alias} does not exist\n\n"
    );
    let body = json!({"message": message, "code": "404 Not Found", "title": "Not Found"});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

/// There are none to choose from.
async fn zones(_: Context) -> Json<Value> {
    Json(json!({"availability_zones": []}))
}

/// Nothing that Neutron would call an agent runs here.
async fn agents(_: Context) -> Json<Value> {
    Json(json!({"agents": []}))
}

async fn providers(_: Context) -> Json<Value> {
    let provider = |service_type: &str, name: &str| json!({"service_type": service_type, "name": name, "default": true});
    Json(json!({
        "service_providers": [provider("L3_ROUTER_NAT", "adit"), provider("VPN", "adit")],
    }))
}

async fn flavors(_: Context) -> Json<Value> {
    Json(json!({"flavors": []}))
}
