//! What the query of each request may say. Nothing is read and then ignored: what isn't listed here
//! is refused.

use std::collections::HashMap;

use axum::http::Method;

use crate::error::ApiError;

/// What every request says.
const ALWAYS: &[&str] = &["generation", "version"];

/// What lists take besides; nothing else takes anything.
const LISTS: &[(&str, &[&str])] = &[
    (
        "/v1/floating_ips",
        &[
            "limit",
            "resource_group.id",
            "start",
            "target.id",
            "target.name",
            "target.resource_type",
        ],
    ),
    ("/v1/ike_policies", &["limit", "start"]),
    ("/v1/images", &["limit", "start"]),
    ("/v1/instance/profiles", &["limit", "start"]),
    ("/v1/keys", &["limit", "resource_group.id", "start"]),
    ("/v1/ike_policies/{policy}/connections", &["limit", "start"]),
    (
        "/v1/instances",
        &[
            "limit",
            "name",
            "resource_group.id",
            "start",
            "vpc.crn",
            "vpc.id",
            "vpc.name",
        ],
    ),
    ("/v1/ipsec_policies", &["limit", "start"]),
    (
        "/v1/ipsec_policies/{policy}/connections",
        &["limit", "start"],
    ),
    ("/v1/network_acls", &["limit", "resource_group.id", "start"]),
    (
        "/v1/network_acls/{acl}/rules",
        &["direction", "limit", "start"],
    ),
    (
        "/v1/security_groups",
        &[
            "limit",
            "resource_group.id",
            "start",
            "vpc.crn",
            "vpc.id",
            "vpc.name",
        ],
    ),
    ("/v1/security_groups/{group}/targets", &["limit", "start"]),
    (
        "/v1/vpcs/{vpc}/routing_tables",
        &["is_default", "limit", "start"],
    ),
    (
        "/v1/vpcs/{vpc}/routing_tables/{table}/routes",
        &["limit", "start"],
    ),
    ("/v1/vpcs/{vpc}/routes", &["limit", "start"]),
    ("/v1/subnets/{subnet}/reserved_ips", &["limit", "start"]),
    (
        "/v1/subnets",
        &[
            "limit",
            "resource_group.id",
            "routing_table.id",
            "routing_table.name",
            "start",
            "vpc.crn",
            "vpc.id",
            "vpc.name",
            "zone.name",
        ],
    ),
    (
        "/v1/vpcs",
        &["classic_access", "limit", "resource_group.id", "start"],
    ),
    (
        "/v1/public_gateways",
        &["limit", "resource_group.id", "start"],
    ),
    ("/v1/vpcs/{vpc}/address_prefixes", &["limit", "start"]),
    (
        "/v1/vpn_gateways",
        &["limit", "mode", "resource_group.id", "sort", "start"],
    ),
    (
        "/v1/vpn_gateways/{gateway}/connections",
        &["limit", "start", "status"],
    ),
    ("/v1/vpn_gateways/{gateway}/members", &["limit", "start"]),
    (
        "/v1/vpn_gateways/{gateway}/service_connections",
        &["limit", "start"],
    ),
];

/// Refuses what a request of this method to this route doesn't take.
pub(crate) fn check(
    method: &Method,
    route: &str,
    query: &HashMap<String, String>,
) -> Result<(), ApiError> {
    let list = LISTS.iter().find(|(known, _)| *known == route);
    let own = list.filter(|_| method == Method::GET);
    let own = own.map_or(&[] as &[&str], |(_, own)| own);
    let is_known = |name: &str| ALWAYS.contains(&name) || own.contains(&name);
    // The first by its name, so that the same request has the same answer.
    match query.keys().filter(|name| !is_known(name)).min() {
        None => Ok(()),
        Some(name) => {
            let message = format!("The `{name}` query parameter is not supported here.");
            Err(ApiError::bad("bad_parameter", message).parameter(name))
        }
    }
}

/// By what a query asks for a list in another order, or for a part of it.
pub(crate) fn filters(query: &HashMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    let plain = ["generation", "limit", "start", "version"];
    let all = query.iter();
    let all = all.map(|(name, value)| (name.as_str(), value.as_str()));
    all.filter(move |(name, _)| !plain.contains(name))
}
