//! Security groups and their rules, quotas, and what clients look up before they begin.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]
#![expect(clippy::too_many_lines, reason = "tables")]

mod world;

use serde_json::{Value, json};
use world::cases::{Cases, bad};
use world::{Answer, Who, World, with};

/// Every member of `expected`, by the short names of this world.
#[track_caller]
fn has(world: &World, object: &Value, expected: &Value) {
    let expected: Value = serde_json::from_str(&world.fill(&expected.to_string())).unwrap();
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(object[name], *value, "{name} of {object}");
    }
}

/// Direction, version, protocol and remote group of a group's rules, sorted.
fn rules(group: &Value) -> Vec<(String, String, Value, Value)> {
    let rules = group["security_group_rules"].as_array().unwrap();
    let text = |rule: &Value, name: &str| rule[name].as_str().unwrap().to_owned();
    let mut rules: Vec<_> = rules
        .iter()
        .map(|rule| {
            assert_eq!(rule["security_group_id"], group["id"]);
            (
                text(rule, "direction"),
                text(rule, "ethertype"),
                rule["protocol"].clone(),
                rule["remote_group_id"].clone(),
            )
        })
        .collect();
    rules.sort_by_key(|rule| (rule.0.clone(), rule.1.clone()));
    rules
}

fn rule(direction: &str, family: &str, remote: Value) -> (String, String, Value, Value) {
    (direction.to_owned(), family.to_owned(), Value::Null, remote)
}

#[tokio::test]
async fn every_project_has_a_default_group() {
    let world = World::new().await;
    for (who, project) in [(Who::Member, "member"), (Who::Other, "other")] {
        let answer = world.ask(who, "GET /security-groups", "").await;
        let groups = answer.ok(200).as_array().unwrap();
        assert_eq!(groups.len(), 1);
        let project = world.ids[&format!("project_{project}")].clone();
        let expected = json!({
            "name": "default", "description": "Default security group", "project_id": project,
            "tenant_id": project, "stateful": true, "shared": false, "tags": [],
        });
        has(&world, &groups[0], &expected);
        let id = groups[0]["id"].clone();
        let expected = [
            rule("egress", "IPv4", Value::Null),
            rule("egress", "IPv6", Value::Null),
            rule("ingress", "IPv4", id.clone()),
            rule("ingress", "IPv6", id.clone()),
        ];
        assert_eq!(rules(&groups[0]), expected);
        let item = format!("/security-groups/{}", id.as_str().unwrap());
        let answer = world.ask(who, &format!("DELETE {item}"), "").await;
        let message = "Insufficient rights for removing default security group.";
        assert_eq!(
            answer.refused(),
            (409, "SecurityGroupCannotRemoveDefault", message)
        );
        let rename = r#"{"security_group": {"name": "mine"}}"#;
        let answer = world.ask(who, &format!("PUT {item}"), rename).await;
        assert_eq!(answer.refused().0, 409);
        // Its description is the project's to change.
        let describe = r#"{"security_group": {"name": "default", "description": "d"}}"#;
        let answer = world.ask(who, &format!("PUT {item}"), describe).await;
        assert_eq!(answer.ok(200)["description"], "d");
    }
    let body = r#"{"security_group": {"name": "default"}}"#;
    let answer = world.ask(Who::Member, "POST /security-groups", body).await;
    let message = "Default security group already exists.";
    assert_eq!(
        answer.refused(),
        (409, "SecurityGroupDefaultAlreadyExists", message)
    );
}

#[tokio::test]
async fn a_group_and_its_rules() {
    let mut world = World::new().await;
    let new = json!({"name": "web", "description": "d"});
    let made = world.make("g", "security_group", new.clone()).await;
    has(&world, &made, &new);
    let expected = [
        rule("egress", "IPv4", Value::Null),
        rule("egress", "IPv6", Value::Null),
    ];
    assert_eq!(rules(&made), expected);
    world
        .make("h", "security_group", json!({"name": "web"}))
        .await;
    let base = json!({
        "security_group_id": "$g", "direction": "ingress", "ethertype": "IPv4",
        "project_id": "$project_member", "tenant_id": "$project_member", "description": "",
    });
    let null = [
        "protocol",
        "port_range_min",
        "port_range_max",
        "remote_ip_prefix",
        "remote_group_id",
        "remote_address_group_id",
    ];
    for (given, becomes) in [
        (json!({}), json!({})),
        (
            json!({"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}),
            json!({}),
        ),
        (
            json!({"protocol": "TCP", "port_range_min": "80", "port_range_max": "443"}),
            json!({"protocol": "tcp", "port_range_min": 80, "port_range_max": 443}),
        ),
        (json!({"protocol": 6}), json!({"protocol": "6"})),
        (
            json!({"protocol": "icmp", "port_range_min": 8, "port_range_max": 0}),
            json!({}),
        ),
        (
            json!({"remote_ip_prefix": "10.0.0.5/24"}),
            json!({"remote_ip_prefix": "10.0.0.0/24", "normalized_cidr": "10.0.0.0/24"}),
        ),
        (
            json!({"remote_ip_prefix": "10.0.0.5"}),
            json!({"remote_ip_prefix": "10.0.0.5/32"}),
        ),
        (
            json!({"remote_ip_prefix": "fd00::/64", "ethertype": "IPv6"}),
            json!({}),
        ),
        (
            json!({"remote_group_id": "$h", "description": "d"}),
            json!({}),
        ),
        (json!({"remote_group_id": "$g"}), json!({})),
    ] {
        let new = json!({"security_group_id": "$g", "direction": "ingress"});
        let made = world
            .make("r", "security_group_rule", with(new, &given))
            .await;
        let mut expected = with(with(base.clone(), &given), &becomes);
        for name in null {
            let members = expected.as_object_mut().unwrap();
            members.entry(name).or_insert(Value::Null);
        }
        has(&world, &made, &expected);
        assert_eq!(*world.get("/security-group-rules/$r").await.ok(200), made);
        let group = world.get("/security-groups/$g").await;
        let listed = group.ok(200)["security_group_rules"].as_array().unwrap();
        assert!(listed.contains(&made));
        let list = "/security-group-rules?security_group_id=$g&direction=ingress";
        assert_eq!(*world.get(list).await.ok(200), json!([made]));
        world.delete("/security-group-rules/$r").await.is(204);
        world.get("/security-group-rules/$r").await.is(404);
    }
    let change = json!({"security_group": {"name": "new"}});
    let answer = world.put("/security-groups/$g", change).await;
    assert_eq!(answer.ok(200)["name"], "new");
    // Rules that name a group go with it.
    let new = json!({"security_group_id": "$g", "direction": "ingress", "remote_group_id": "$h"});
    world.make("r", "security_group_rule", new).await;
    let named = world.get("/security-groups/$h").await;
    assert_eq!(rules(named.ok(200)).len(), 2, "they are none of its own");
    world.delete("/security-groups/$h").await.is(204);
    world.get("/security-group-rules/$r").await.is(404);
    world.delete("/security-groups/$g").await.is(204);
    world.get("/security-groups/$g").await.is(404);
}

#[tokio::test]
async fn what_a_rule_can_not_be_is_refused() {
    let mut world = World::new().await;
    world.add_net().await;
    let used = json!({"network_id": "$network", "security_groups": ["$security_group"]});
    world.make("used", "port", used).await;
    let tcp = |min: Value, max: Value| json!({"protocol": "tcp", "port_range_min": min, "port_range_max": max});
    let icmp = |min: Value, max: Value| json!({"protocol": "icmp", "port_range_min": min, "port_range_max": max});
    let mut cases = Cases::default();
    for (given, refusal) in [
        (
            json!({"direction": "up"}),
            bad("Invalid input for direction. Reason: up is not in valid_values."),
        ),
        (
            json!({"ethertype": "IPv5"}),
            bad("Invalid input for ethertype. Reason: IPv5 is not in valid_values."),
        ),
        (
            json!({"security_group_id": "$none"}),
            (
                404,
                "SecurityGroupNotFound",
                "Security group $none does not exist",
            ),
        ),
        (
            json!({"remote_group_id": "$none"}),
            (
                404,
                "SecurityGroupNotFound",
                "Security group $none does not exist",
            ),
        ),
        (
            json!({"remote_group_id": "$security_group", "remote_ip_prefix": "10.0.0.0/8"}),
            (
                400,
                "SecurityGroupRemoteGroupAndRemoteIpPrefix",
                "Only remote_ip_prefix or remote_group_id may be provided.",
            ),
        ),
        (
            json!({"remote_ip_prefix": "fd00::/64"}),
            (
                400,
                "SecurityGroupRuleParameterConflict",
                "Conflicting value ethertype IPv4 for CIDR fd00::/64",
            ),
        ),
        (
            json!({"remote_ip_prefix": "all"}),
            bad("Invalid input for remote_ip_prefix. Reason: 'all' is not a valid IP subnet."),
        ),
        (
            json!({"protocol": "nosuch"}),
            bad("Invalid input for protocol. Reason: there is no protocol nosuch."),
        ),
        (
            json!({"port_range_min": 1, "port_range_max": 2}),
            bad("Invalid input for protocol. Reason: ports are for protocols that have some."),
        ),
        (
            tcp(json!(9), json!(8)),
            (
                400,
                "SecurityGroupInvalidPortRange",
                "For TCP/UDP protocols, port_range_min must be <= port_range_max",
            ),
        ),
        (
            tcp(json!(9), Value::Null),
            (
                400,
                "SecurityGroupInvalidPortRange",
                "For TCP/UDP protocols, port_range_min must be <= port_range_max",
            ),
        ),
        (
            tcp(json!(1), json!(65536)),
            (
                400,
                "SecurityGroupInvalidPortValue",
                "Invalid value for port 65536",
            ),
        ),
        (
            icmp(Value::Null, json!(3)),
            (
                400,
                "SecurityGroupMissingIcmpType",
                "ICMP code (port-range-max) 3 is provided but ICMP type (port-range-min) is missing.",
            ),
        ),
        (
            icmp(json!(256), json!(3)),
            (
                400,
                "SecurityGroupInvalidIcmpValue",
                "Invalid value for ICMP type (port-range-min) 256. It must be 0 to 255.",
            ),
        ),
        (
            icmp(json!(3), json!(256)),
            (
                400,
                "SecurityGroupInvalidIcmpValue",
                "Invalid value for ICMP code (port-range-max) 256. It must be 0 to 255.",
            ),
        ),
        (
            json!({}),
            (
                409,
                "SecurityGroupRuleExists",
                "Security group rule already exists: the rule $security_group_rule allows the same.",
            ),
        ),
    ] {
        let mut new = json!({"security_group_id": "$security_group", "direction": "ingress"});
        for (name, value) in given.as_object().unwrap() {
            new[name.as_str()] = value.clone();
        }
        cases.post("a rule", ("security_group_rule", &new), refusal);
    }
    cases.put(
        "a rule",
        (
            "security_group_rule",
            "$security_group_rule",
            &json!({"direction": "egress"}),
        ),
        bad("Cannot update read-only attribute direction"),
    );
    cases.raw(
        "a group in use",
        ("DELETE /security-groups/$security_group", ""),
        (
            409,
            "SecurityGroupInUse",
            "Security Group $security_group in use.",
        ),
    );
    let stateless = json!({"stateful": false});
    let message = "Invalid input for stateful. Reason: all groups are stateful here.";
    cases.post("stateless", ("security_group", &stateless), bad(message));
    cases.walk(&world).await;
}

/// The names that a quota counts.
const COUNTED: [&str; 15] = [
    "network",
    "subnet",
    "subnetpool",
    "port",
    "router_route",
    "router",
    "floatingip",
    "rbac_policy",
    "security_group",
    "security_group_rule",
    "ikepolicy",
    "ipsecpolicy",
    "endpoint_group",
    "vpnservice",
    "ipsec_site_connection",
];

async fn admin(world: &World, request: &str, body: &str) -> Answer {
    world.ask(Who::Admin, request, body).await
}

#[tokio::test]
async fn quotas_are_as_recorded() {
    let mut world = World::new().await;
    world.add_net().await;
    let own = "/quotas/$project_member";
    let answer = world.get(own).await;
    let before = answer.ok(200).clone();
    let mut names: Vec<&str> = before
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut counted = COUNTED.to_vec();
    names.sort_unstable();
    counted.sort_unstable();
    assert_eq!(names, counted);
    for (name, limit) in [
        ("network", 100),
        ("subnet", 100),
        ("port", 500),
        ("router", 10),
        ("floatingip", 50),
        ("security_group", 10),
        ("security_group_rule", 100),
        ("ikepolicy", -1),
        ("vpnservice", -1),
        ("router_route", 30),
    ] {
        assert_eq!(before[name], limit, "{name}");
    }
    let default = world.get(&format!("{own}/default")).await;
    assert_eq!(*default.ok(200), before);
    for path in ["details", "details.json"] {
        let answer = world.get(&format!("{own}/{path}")).await;
        let details = answer.ok(200);
        assert_eq!(details.as_object().unwrap().len(), COUNTED.len());
        let used = |name: &str| details[name].clone();
        assert_eq!(
            used("floatingip"),
            json!({"limit": 50, "used": 1, "reserved": 0})
        );
        assert_eq!(
            used("vpnservice"),
            json!({"limit": -1, "used": 0, "reserved": 0})
        );
        assert_eq!(
            used("rbac_policy"),
            json!({"limit": 10, "used": 0, "reserved": 0})
        );
    }
    let answer = world.get("/quotas/tenant").await;
    assert_eq!(
        answer.ok(200)["tenant_id"],
        json!(world.ids["project_member"])
    );
    assert_eq!(*admin(&world, "GET /quotas", "").await.ok(200), json!([]));

    let set = r#"{"quota": {"ikepolicy": 1, "network": "6", "router": 0, "subnetpool": 3}}"#;
    let answer = admin(&world, &format!("PUT {own}"), set).await;
    let becomes = with(
        before.clone(),
        &json!({"ikepolicy": 1, "network": 6, "router": 0}),
    );
    assert_eq!(*answer.ok(200), becomes);
    assert_eq!(*world.get(own).await.ok(200), becomes);
    let answer = admin(&world, "GET /quotas", "").await;
    let listed = &answer.ok(200)[0];
    has(
        &world,
        listed,
        &json!({"project_id": "$project_member", "ikepolicy": 1}),
    );
    let default = world.get(&format!("{own}/default")).await;
    assert_eq!(*default.ok(200), before);
    world.make("i", "ikepolicy", json!({})).await;
    let mut cases = Cases::default();
    for kind in ["ikepolicy", "router"] {
        let message = format!("Quota exceeded for resources: ['{kind}'].");
        cases.post("over", (kind, &json!({})), (409, "OverQuota", &message));
    }
    cases.walk(&world).await;
    admin(&world, &format!("DELETE {own}"), "").await.is(204);
    assert_eq!(*world.get(own).await.ok(200), before);
    world.make("i2", "ikepolicy", json!({})).await;
    let message = world.fill("Quota for tenant $project_member could not be found.");
    let answer = admin(&world, &format!("DELETE {own}"), "").await;
    assert_eq!(
        answer.refused(),
        (404, "TenantQuotaNotFound", message.as_str())
    );
}

#[tokio::test]
async fn quotas_are_refused_as_recorded() {
    let world = World::new().await;
    let denied = |rule: &str| format!("rule:{rule} is disallowed by policy");
    let mut cases = Cases::default();
    for (request, body, rule) in [
        ("GET /quotas/$project_other", "", "get_quota"),
        ("GET /quotas/$project_other/details", "", "get_quota"),
        ("GET /quotas/$none", "", "get_quota"),
        ("GET /quotas", "", "get_quota"),
        (
            "PUT /quotas/$project_member",
            r#"{"quota": {"vpnservice": 3}}"#,
            "update_quota",
        ),
        ("DELETE /quotas/$project_member", "", "delete_quota"),
    ] {
        for who in [Who::Member, Who::Reader] {
            let refusal = (403, "PolicyNotAuthorized", &*denied(rule));
            cases.raw("a quota", (request, body), refusal);
            cases.by(who);
        }
    }
    let put = "PUT /quotas/$project_member";
    for (body, refusal) in [
        (
            r#"{"quota": {"ikepolicy": "x"}}"#,
            (
                400,
                "InvalidInput",
                "Invalid input for operation: 'x' is not an integer.",
            ),
        ),
        (
            r#"{"quota": {"ikepolicy": -2}}"#,
            bad("Invalid input for ikepolicy. Reason: '-2' is too small - must be at least '-1'."),
        ),
        (
            r#"{"quota": {"bogus": 1}}"#,
            bad("Unrecognized attribute(s) 'bogus'"),
        ),
        (
            r#"{"quotas": {}}"#,
            bad("Unable to find 'quota' in request body"),
        ),
    ] {
        cases.raw("a limit", (put, body), refusal);
        cases.by(Who::Admin);
    }
    let message = "Project $none could not be found";
    cases.raw(
        "no project",
        ("PUT /quotas/$none", r#"{"quota": {"network": 1}}"#),
        (404, "ProjectNotFound", message),
    );
    cases.by(Who::Admin);
    cases.walk(&world).await;
    for request in ["GET /quotas", "GET /quotas/$none", "PUT /quotas/$none"] {
        world.ask(Who::Nobody, request, "").await.is(401);
    }
}

#[tokio::test]
async fn extensions_are_as_recorded() {
    let world = World::new().await;
    let answer = world.get("/extensions").await;
    let all = answer.ok(200).as_array().unwrap();
    for alias in [
        "vpnaas",
        "vpn-endpoint-groups",
        "vpn-flavors",
        "vpn-aes-ctr",
        "service-type",
        "router",
        "external-net",
        "quotas",
        "quota_details",
        "project-id",
        "pagination",
        "sorting",
        "filter-validation",
        "security-group",
        "standard-attr-timestamp",
    ] {
        let found = all.iter().find(|one| one["alias"] == alias).unwrap();
        let shown = world.get(&format!("/extensions/{alias}")).await;
        assert_eq!(shown.ok(200), found);
    }
    let recorded = json!({
        "name": "VPN Service Flavor Extension", "alias": "vpn-flavors",
        "description": "Flavor support for vpnservices.", "updated": "2017-04-19T00:00:00-00:00",
        "links": [],
    });
    assert_eq!(
        *world.get("/extensions/vpn-flavors").await.ok(200),
        recorded
    );
    for alias in ["bogus", "vpn-no-sha1-3des"] {
        let answer = world.get(&format!("/extensions/{alias}")).await;
        let message = format!(
            "The resource could not be found.<br /><br />\nExtension with alias {alias} does not exist\n\n"
        );
        let body = json!({"message": message, "code": "404 Not Found", "title": "Not Found"});
        assert_eq!(answer.is(404).body, body);
    }
}

#[tokio::test]
async fn lists_of_what_there_is_not_are_empty() {
    let world = World::new().await;
    for (who, path, body) in [
        (Who::Admin, "agents", json!({"agents": []})),
        (
            Who::Member,
            "availability_zones",
            json!({"availability_zones": []}),
        ),
        (Who::Member, "flavors", json!({"flavors": []})),
    ] {
        let answer = world.ask(who, &format!("GET /{path}"), "").await;
        assert_eq!(answer.is(200).body, body);
    }
    let answer = world.get("/service-providers").await;
    let providers = answer.ok(200).as_array().unwrap();
    let kinds: Vec<_> = providers.iter().map(|one| &one["service_type"]).collect();
    assert_eq!(kinds, ["L3_ROUTER_NAT", "VPN"]);
    for path in [
        "extensions",
        "extensions/vpnaas",
        "agents",
        "availability_zones",
        "service-providers",
        "flavors",
    ] {
        let answer = world.ask(Who::Nobody, &format!("GET /{path}"), "").await;
        answer.is(401);
    }
}
