//! Quotas, and what clients look up before they begin.

#![expect(clippy::too_many_lines, reason = "tables")]

use crate::world::cases::{Cases, bad, has};
use crate::world::{Answer, Who, World, with};
use serde_json::json;

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
        ("vpnservice", 10),
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
            json!({"limit": 10, "used": 0, "reserved": 0})
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

#[tokio::test]
async fn a_group_s_own_rules_count() {
    let mut world = World::new().await;
    let set = async |world: &World, rules: u32| {
        let body = json!({"quota": {"security_group_rule": rules}}).to_string();
        let answer = admin(world, "PUT /quotas/$project_member", &body).await;
        answer.is(200);
    };
    let over = (
        409,
        "OverQuota",
        "Quota exceeded for resources: ['security_group_rule'].",
    );
    // The default group has four, each other one two.
    set(&world, 3).await;
    let list = world.get("/security-groups").await;
    assert_eq!(
        *list.ok(200),
        json!([]),
        "who may have no group still has a list"
    );
    let mut cases = Cases::default();
    cases.post(
        "the default group",
        ("security_group", &json!({"name": "g"})),
        over,
    );
    cases.post(
        "its port",
        ("port", &json!({"network_id": "$left_net"})),
        over,
    );
    cases.walk(&world).await;
    set(&world, 5).await;
    let mut cases = Cases::default();
    cases.post("a group", ("security_group", &json!({"name": "g"})), over);
    cases.walk(&world).await;
    set(&world, 6).await;
    world
        .make("g", "security_group", json!({"name": "g"}))
        .await;
    let details = world.get("/quotas/$project_member/details").await;
    assert_eq!(details.ok(200)["security_group_rule"]["used"], 6);
}
