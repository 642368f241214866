//! Every refusal of the catalogue, by its exact status, type and message, against what the
//! real service was recorded to say.

#![expect(clippy::too_many_lines, reason = "tables")]

use crate::world::cases::{Cases, bad};
use crate::world::rows::connection;
use crate::world::{Who, World, path, with};
use serde_json::json;

#[tokio::test]
async fn bodies() {
    let world = World::new().await;
    let mut cases = Cases::default();
    let path = "POST /vpn/ikepolicies";
    for (what, body, refusal) in [
        ("no body", "", bad("Resource body required")),
        (
            "malformed json",
            "{\"ikepolicy\": ",
            (
                400,
                "MalformedRequestBody",
                "Malformed request body: Cannot understand JSON.",
            ),
        ),
        ("array", "[1]", bad("Body contains invalid data")),
        (
            "wrong root key",
            "{\"ike_policy\": {}}",
            bad("Unable to find 'ikepolicy' in request body"),
        ),
        (
            "bulk",
            "{\"ikepolicies\": [{}, {}]}",
            bad("Unable to find 'ikepolicy' in request body"),
        ),
        (
            "not an object",
            "{\"ikepolicy\": \"x\"}",
            bad("Object 'ikepolicy' contains invalid data"),
        ),
    ] {
        cases.raw(what, (path, body), refusal);
    }
    cases.raw(
        "update without a body",
        ("PUT /vpn/ikepolicies/$none", ""),
        (400, "BadRequest", "Bad body request: Invalid format: b''."),
    );
    let long = format!(
        "{{\"ikepolicy\": {{\"name\": \"{}\"}}}}",
        "n".repeat(300 * 1024)
    );
    cases.raw(
        "too large",
        (path, &long),
        (
            413,
            "HTTPRequestEntityTooLarge",
            "The body of your request was too large for this server.",
        ),
    );
    cases.walk(&world).await;
}

#[tokio::test]
async fn attributes() {
    let world = World::new().await;
    let mut cases = Cases::default();
    let long = "d".repeat(256);
    let too_long = |name: &str| {
        format!("Invalid input for {name}. Reason: '{long}' exceeds maximum length of 255.")
    };
    let invalid = |name: &str, reason: &str| format!("Invalid input for {name}. Reason: {reason}.");
    for (object, message) in [
        (
            json!({"aaa": "x", "bbb": "y"}),
            "Unrecognized attribute(s) 'aaa, bbb'".to_owned(),
        ),
        (
            json!({"id": "$none"}),
            "Attribute 'id' not allowed in POST".to_owned(),
        ),
        (
            json!({"pfs": "group1"}),
            invalid("pfs", "group1 is not in valid_values"),
        ),
        (
            json!({"pfs": null}),
            invalid("pfs", "None is not in valid_values"),
        ),
        (
            json!({"auth_algorithm": 200}),
            invalid("auth_algorithm", "200 is not in valid_values"),
        ),
        (
            json!({"auth_algorithm": "x", "pfs": "y"}),
            invalid("auth_algorithm", "x is not in valid_values"),
        ),
        (
            json!({"name": 5}),
            invalid("name", "'5' is not a valid string"),
        ),
        (
            json!({"name": null}),
            invalid("name", "'None' is not a valid string"),
        ),
        (
            json!({"name": " lead"}),
            invalid("name", "' lead' is not a valid string"),
        ),
        (json!({"name": long}), too_long("name")),
        (json!({"description": long}), too_long("description")),
        (
            json!({"lifetime": "x"}),
            invalid("lifetime", "'x' is not a dictionary"),
        ),
        (
            json!({"lifetime": []}),
            invalid("lifetime", "'[]' is not a dictionary"),
        ),
        (
            json!({"lifetime": {"bogus": 1}}),
            invalid("lifetime", "Unexpected keys supplied: bogus"),
        ),
        (
            json!({"lifetime": {"units": "kilobytes"}}),
            invalid("lifetime", "kilobytes is not in valid_values"),
        ),
        (
            json!({"lifetime": {"value": 59}}),
            invalid("lifetime", "'59' is too small - must be at least '60'"),
        ),
        (
            json!({"lifetime": {"value": "Megabytes"}}),
            invalid("lifetime", "'Megabytes' is not an integer"),
        ),
        (json!({"tenant_id": "$project_other"}), FOREIGN.to_owned()),
        (
            json!({"project_id": "$project_other", "pfs": "x"}),
            FOREIGN.to_owned(),
        ),
        (
            json!({"tenant_id": "$project_member", "project_id": "$project_other"}),
            "'project_id' and 'tenant_id' do not match".to_owned(),
        ),
    ] {
        cases.post("a policy", ("ikepolicy", &object), bad(&message));
    }
    for (object, message) in [
        (
            json!({}),
            "Failed to parse request. Required attribute 'router_id' not specified".to_owned(),
        ),
        (
            json!({"router_id": "x"}),
            invalid("router_id", "'x' is not a valid UUID"),
        ),
        (
            json!({"router_id": "$router", "subnet_id": ""}),
            invalid("subnet_id", "'' is not a valid UUID"),
        ),
        (
            json!({"router_id": "$router", "external_v4_ip": "1.2.3.4"}),
            "Attribute 'external_v4_ip' not allowed in POST".to_owned(),
        ),
        (
            json!({"router_id": "$router", "status": "ACTIVE"}),
            "Attribute 'status' not allowed in POST".to_owned(),
        ),
    ] {
        cases.post("a service", ("vpnservice", &object), bad(&message));
    }
    cases.post(
        "no boolean",
        (
            "vpnservice",
            &json!({"router_id": "$router", "admin_state_up": "maybe"}),
        ),
        (
            400,
            "InvalidInput",
            "Invalid input for operation: 'maybe' cannot be converted to boolean.",
        ),
    );
    cases.post(
        "not for this resource",
        ("ipsecpolicy", &json!({"ike_version": "v1"})),
        bad("Unrecognized attribute(s) 'ike_version'"),
    );
    cases.walk(&world).await;
}

const FOREIGN: &str = "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.";

#[tokio::test]
async fn read_only_attributes() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let mut cases = Cases::default();
    for (kind, id, object, message) in [
        (
            "ikepolicy",
            "$ike",
            json!({"id": "$none"}),
            "Cannot update read-only attribute id",
        ),
        (
            "ikepolicy",
            "$none",
            json!({"zzz": 1}),
            "Unrecognized attribute(s) 'zzz'",
        ),
        (
            "ikepolicy",
            "$ike",
            json!({"tenant_id": "$project_other"}),
            FOREIGN,
        ),
        (
            "vpnservice",
            "$svc",
            json!({"router_id": "$none"}),
            "Cannot update read-only attribute router_id",
        ),
        (
            "vpnservice",
            "$svc",
            json!({"subnet_id": "$left"}),
            "Cannot update read-only attribute subnet_id",
        ),
        (
            "vpnservice",
            "$svc",
            json!({"flavor_id": "$none"}),
            "Cannot update read-only attribute flavor_id",
        ),
        (
            "endpoint_group",
            "$le",
            json!({"endpoints": ["$left2"]}),
            "Cannot update read-only attribute endpoints",
        ),
        (
            "endpoint_group",
            "$le",
            json!({"type": "cidr"}),
            "Cannot update read-only attribute type",
        ),
        (
            "ipsec_site_connection",
            "$conn",
            json!({"vpnservice_id": "$svc"}),
            "Cannot update read-only attribute vpnservice_id",
        ),
        (
            "ipsec_site_connection",
            "$conn",
            json!({"ikepolicy_id": "$ike"}),
            "Cannot update read-only attribute ikepolicy_id",
        ),
        (
            "ipsec_site_connection",
            "$conn",
            json!({"ipsecpolicy_id": "$ipsec"}),
            "Cannot update read-only attribute ipsecpolicy_id",
        ),
        (
            "ipsec_site_connection",
            "$conn",
            json!({"auth_mode": "psk"}),
            "Cannot update read-only attribute auth_mode",
        ),
        (
            "ipsec_site_connection",
            "$conn",
            json!({"status": "ACTIVE"}),
            "Cannot update read-only attribute status",
        ),
    ] {
        cases.put("read-only", (kind, id, &object), bad(message));
    }
    cases.walk(&world).await;
}

#[tokio::test]
async fn what_is_not_there() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let mut cases = Cases::default();
    for (collection, foreign, kind, message) in [
        (
            "ikepolicies",
            "$foreign_ike",
            "IKEPolicyNotFound",
            "IKEPolicy {} could not be found",
        ),
        (
            "ipsecpolicies",
            "$foreign_ipsec",
            "IPsecPolicyNotFound",
            "IPsecPolicy {} could not be found",
        ),
        (
            "vpnservices",
            "$foreign_svc",
            "VPNServiceNotFound",
            "VPNService {} could not be found",
        ),
        (
            "endpoint-groups",
            "$foreign_group",
            "VPNEndpointGroupNotFound",
            "Endpoint group {} could not be found",
        ),
        (
            "ipsec-site-connections",
            "$none",
            "IPsecSiteConnectionNotFound",
            "ipsec_site_connection {} not found",
        ),
    ] {
        let root = crate::world::KINDS
            .iter()
            .find(|kind| path(kind).ends_with(collection))
            .unwrap();
        for id in ["$none", foreign, "not-a-uuid"] {
            let message = message.replace("{}", id);
            for (method, body) in [
                ("GET", String::new()),
                ("PUT", json!({*root: {"name": "x"}}).to_string()),
                ("DELETE", String::new()),
            ] {
                let request = format!("{method} /vpn/{collection}/{id}");
                cases.raw("not there", (&request, &body), (404, kind, &message));
            }
        }
        let request = format!("DELETE /vpn/{collection}");
        cases.raw(
            "no id",
            (&request, ""),
            (404, kind, &message.replace("{}", "None")),
        );
    }
    cases.walk(&world).await;
}

#[tokio::test]
async fn where_nothing_is() {
    let world = World::new().await;
    let mut cases = Cases::default();
    let not_found = (404, "HTTPNotFound", "The resource could not be found.");
    for request in [
        "GET /vpn/nosuch",
        "GET /vpn",
        "POST /nosuch",
        "GET /vpn/ikepolicies/a/b",
    ] {
        cases.raw("nothing there", (request, ""), not_found);
    }
    let not_allowed = (
        405,
        "HTTPMethodNotAllowed",
        "The server could not comply with the request since it is either malformed or otherwise incorrect.",
    );
    for request in [
        "PATCH /vpn/ikepolicies/$none",
        "POST /vpn/ikepolicies/$none",
        "PUT /vpn/ikepolicies",
    ] {
        cases.raw("not like this", (request, "{}"), not_allowed);
    }
    cases.walk(&world).await;
    for request in ["HEAD /vpn/ikepolicies", "HEAD /vpn/ikepolicies/$none"] {
        world.ask(Who::Member, request, "").await.is(405);
    }
}

#[tokio::test]
async fn roles() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let mut cases = Cases::default();
    for (kind, body) in [
        ("ikepolicy", json!({})),
        ("ipsecpolicy", json!({})),
        ("vpnservice", json!({"router_id": "$router"})),
        (
            "endpoint_group",
            json!({"type": "cidr", "endpoints": ["10.0.0.0/24"]}),
        ),
        ("ipsec_site_connection", connection()),
    ] {
        let message = format!("rule:create_{kind} is disallowed by policy");
        cases.post(
            "role too low",
            (kind, &body),
            (403, "PolicyNotAuthorized", &message),
        );
        cases.by(Who::Reader);
    }
    for own in [
        "ikepolicies/$ike",
        "ipsecpolicies/$ipsec",
        "vpnservices/$svc",
        "endpoint-groups/$le",
        "ipsec-site-connections/$conn",
    ] {
        let collection = own.split('/').next().unwrap();
        let root = crate::world::KINDS
            .iter()
            .find(|kind| path(kind).ends_with(collection))
            .unwrap();
        for (method, body) in [
            ("GET", String::new()),
            ("PUT", json!({*root: {"name": "q"}}).to_string()),
            ("DELETE", String::new()),
        ] {
            let request = format!("{method} /vpn/{own}");
            let refusal = (404, "HTTPNotFound", "The resource could not be found.");
            cases.raw("role too low", (&request, &body), refusal);
            cases.by(Who::Reader);
        }
    }
    cases.post(
        "what is wrong with the body is told first",
        ("ikepolicy", &json!({"pfs": "x"})),
        bad("Invalid input for pfs. Reason: x is not in valid_values."),
    );
    cases.by(Who::Reader);
    cases.walk(&world).await;
}

#[tokio::test]
async fn services() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let mut cases = Cases::default();
    for (what, object, refusal) in [
        (
            "unknown router",
            json!({"router_id": "$none"}),
            (404, "RouterNotFound", "Router $none could not be found"),
        ),
        (
            "another project's router",
            json!({"router_id": "$foreign_router"}),
            (
                404,
                "RouterNotFound",
                "Router $foreign_router could not be found",
            ),
        ),
        (
            "router without a way outside",
            json!({"router_id": "$inner"}),
            (
                400,
                "RouterIsNotExternal",
                "Router $inner has no external network gateway set",
            ),
        ),
        (
            "subnet of another router",
            json!({"router_id": "$router", "subnet_id": "$off"}),
            (
                400,
                "SubnetIsNotConnectedToRouter",
                "Subnet $off is not connected to Router $router",
            ),
        ),
        (
            "unknown subnet",
            json!({"router_id": "$router", "subnet_id": "$none"}),
            (
                400,
                "SubnetIsNotConnectedToRouter",
                "Subnet $none is not connected to Router $router",
            ),
        ),
        (
            "unknown flavor",
            json!({"router_id": "$router", "flavor_id": "$none"}),
            (404, "FlavorNotFound", "Flavor $none could not be found."),
        ),
    ] {
        cases.post(what, ("vpnservice", &object), refusal);
    }
    cases.raw(
        "service with connections",
        ("DELETE /vpn/vpnservices/$svc", ""),
        (409, "VPNServiceInUse", "VPNService $svc is still in use"),
    );
    cases.walk(&world).await;
}

#[tokio::test]
async fn policies_in_use() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let mut cases = Cases::default();
    let rename = |kind: &str| json!({kind: {"name": "zz"}}).to_string();
    for (kind, path, refusal) in [
        (
            "ikepolicy",
            "/vpn/ikepolicies/$ike",
            (
                409,
                "IKEPolicyInUse",
                "IKEPolicy $ike is in use by existing IPsecSiteConnection and can't be updated or deleted",
            ),
        ),
        (
            "ipsecpolicy",
            "/vpn/ipsecpolicies/$ipsec",
            (
                409,
                "IPsecPolicyInUse",
                "IPsecPolicy $ipsec is in use by existing IPsecSiteConnection and can't be updated or deleted",
            ),
        ),
    ] {
        cases.raw("in use", (&format!("DELETE {path}"), ""), refusal);
        cases.raw("in use", (&format!("PUT {path}"), &rename(kind)), refusal);
    }
    for group in ["le", "pe_own"] {
        let message = format!("Endpoint group ${group} is in use and cannot be deleted");
        let request = format!("DELETE /vpn/endpoint-groups/${group}");
        cases.raw(
            "in use",
            (&request, ""),
            (400, "EndpointGroupInUse", &message),
        );
    }
    cases.walk(&world).await;
}

#[tokio::test]
async fn endpoint_groups() {
    let world = World::new().await;
    let mut cases = Cases::default();
    let invalid = |endpoint: &str, kind: &str, why: &str| {
        format!("Endpoint '{endpoint}' is invalid for group type '{kind}': {why}")
    };
    for (object, message) in [
        (
            json!({"type": "cidr", "endpoints": ["10.0.0.0/24", "10.0.0.0/24"]}),
            invalid("10.0.0.0/24", "cidr", "Endpoints have to be unique"),
        ),
        (
            json!({"type": "cidr", "endpoints": ["10.0.0.0/33"]}),
            invalid("10.0.0.0/33", "cidr", "Invalid CIDR"),
        ),
        (
            json!({"type": "cidr", "endpoints": ["10.2.0.0/24", "2000::1"]}),
            invalid("2000::1", "cidr", "Invalid CIDR"),
        ),
        (
            json!({"type": "cidr", "endpoints": ["10.0.0.5"]}),
            invalid("10.0.0.5", "cidr", "Invalid CIDR"),
        ),
        (
            json!({"type": "cidr", "endpoints": ["$none"]}),
            invalid("$none", "cidr", "Invalid CIDR"),
        ),
        (
            json!({"type": "cidr", "endpoints": [5]}),
            invalid("5", "cidr", "Invalid CIDR"),
        ),
        (
            json!({"type": "subnet", "endpoints": ["10.0.0.0/24"]}),
            invalid("10.0.0.0/24", "subnet", "Invalid UUID"),
        ),
    ] {
        let refusal = (400, "InvalidEndpointInEndpointGroup", message.as_str());
        cases.post("endpoint", ("endpoint_group", &object), refusal);
    }
    for subnet in ["none", "foreign_subnet"] {
        let object = json!({"type": "subnet", "endpoints": [format!("${subnet}")]});
        let message = format!("Subnet ${subnet} in endpoint group does not exist");
        let refusal = (400, "NonExistingSubnetInEndpointGroup", message.as_str());
        cases.post("subnet", ("endpoint_group", &object), refusal);
    }
    for object in [
        json!({"type": "cidr", "name": "x"}),
        json!({"type": "cidr", "name": "x", "endpoints": []}),
        json!({"type": "cidr", "name": "x", "endpoints": null}),
    ] {
        let message = "No endpoints specified for endpoint group 'x'";
        let refusal = (400, "MissingEndpointForEndpointGroup", message);
        cases.post("none", ("endpoint_group", &object), refusal);
    }
    let none = json!({"endpoints": ["10.0.0.0/24"]});
    let message = "Failed to parse request. Required attribute 'type' not specified";
    cases.post("no type", ("endpoint_group", &none), bad(message));
    let wrong = json!({"type": "bogus", "endpoints": ["10.0.0.0/24"]});
    let message = "Invalid input for type. Reason: bogus is not in valid_values.";
    cases.post("bad type", ("endpoint_group", &wrong), bad(message));
    cases.walk(&world).await;
}

#[tokio::test]
async fn quotas() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let mut cases = Cases::default();
    for (kind, object) in [
        ("ikepolicy", json!({})),
        ("ipsecpolicy", json!({})),
        (
            "endpoint_group",
            json!({"type": "cidr", "endpoints": ["10.0.0.0/24"]}),
        ),
        ("vpnservice", json!({"router_id": "$none"})),
        (
            "ipsec_site_connection",
            with(connection(), &json!({"ipsecpolicy_id": "$none"})),
        ),
    ] {
        let quota = json!({"quota": {kind: 0}}).to_string();
        let request = format!("PUT /quotas/{}", world.project);
        world.ask(Who::Admin, &request, &quota).await.ok(200);
        let message = format!("Quota exceeded for resources: ['{kind}'].");
        cases.post("over quota", (kind, &object), (409, "OverQuota", &message));
    }
    cases.post(
        "what is wrong with the body is told first",
        ("ikepolicy", &json!({"pfs": "x"})),
        bad("Invalid input for pfs. Reason: x is not in valid_values."),
    );
    cases.walk(&world).await;
}
