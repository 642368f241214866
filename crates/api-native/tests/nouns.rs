//! Networks, floating IPs, security groups, endpoint groups, projects and quotas; and what of all nouns can change.

use adit_model::project::Role;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Api, Reply, path};

const NOBODY: &str = "3b9d1bb2-8b5f-4e6b-9d6c-000000000000";

async fn conditional(api: &Api, method: &str, path: &str, etag: &str, body: &Value) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(format!("/adit/v1{path}"))
        .header("authorization", format!("Bearer {}", api.token))
        .header("if-match", etag);
    api.send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

async fn patch(api: &Api, path: &str, body: Value) -> Reply {
    api.ask("PATCH", path, Some(&body)).await
}

/// A router, a subnet on it, and a machine there.
async fn place(api: &Api) -> [Value; 3] {
    let router = api.post("/routers", &json!({"name": "r"})).await.is(201);
    let body = json!({"name": "s", "router": router["id"], "cidr": "10.5.0.0/24"});
    let subnet = api.post("/subnets", &body).await.is(201);
    let body = json!({"name": "m", "subnet": subnet["id"]});
    let machine = api.post("/machines", &body).await.is(201);
    [router, subnet, machine]
}

#[tokio::test]
async fn each_noun_is_changed_by_its_revision_alone() {
    let api = Api::new().await;
    let [_, subnet, _] = place(&api).await;
    let policy = json!({"encryption": ["aes128"], "authentication": ["sha256"], "groups": [14]});
    for (kind, body) in [
        ("networks", json!({"name": "n"})),
        ("routers", json!({"name": "n"})),
        (
            "subnets",
            json!({"name": "n", "router": subnet["router"], "cidr": "10.6.0.0/24"}),
        ),
        ("machines", json!({"name": "n", "subnet": subnet["id"]})),
        ("gateways", json!({"name": "n", "subnet": subnet["id"]})),
        ("floating-ips", json!({"name": "n"})),
        ("security-groups", json!({"name": "n"})),
        (
            "endpoint-groups",
            json!({"name": "n", "kind": "cidr", "endpoints": ["10.9.0.0/24"]}),
        ),
        ("ike-policies", json!({"name": "n", "parameters": policy})),
        (
            "ipsec-policies",
            json!({"name": "n", "parameters": {"encryption": ["aes256gcm16"]}}),
        ),
    ] {
        let made = api.post(&format!("/{kind}"), &body).await;
        let etag = made.headers["etag"].to_str().unwrap().to_owned();
        let path = path(kind, &made.is(201));
        let named = json!({"name": "other", "description": "said"});
        let stale = conditional(&api, "PATCH", &path, "\"99\"", &named).await;
        stale.refuses(412, "If-Match");
        let none = conditional(&api, "PATCH", &path, "99", &named).await;
        none.refuses(400, "If-Match");
        let changed = conditional(&api, "PATCH", &path, &etag, &named).await;
        let after = changed.headers["etag"].to_str().unwrap().to_owned();
        assert_ne!(after, etag, "{kind}");
        let changed = changed.is(200);
        assert_eq!(
            (&changed["name"], &changed["description"]),
            (&json!("other"), &json!("said"))
        );
        assert_eq!(api.get(&path).await.is(200), changed, "{kind}");
        let listed = api.get(&format!("/{kind}?name=other")).await.is(200);
        assert_eq!(listed["items"], json!([changed]), "{kind}");
        patch(&api, &path, json!({"nome": "x"}))
            .await
            .refuses(400, "nome");
        patch(&api, &path, json!({"name": 5}))
            .await
            .refuses(400, "name");
        let stale = conditional(&api, "DELETE", &path, &etag, &Value::Null).await;
        stale.refuses(412, "If-Match");
        let gone = conditional(&api, "DELETE", &path, &after, &Value::Null).await;
        gone.is(204);
        patch(&api, &path, named).await.refuses(404, "");
    }
}

#[tokio::test]
async fn a_network_is_the_project_s_or_leads_outside() {
    let mut api = Api::new().await;
    let made = api
        .post("/networks", &json!({"name": "n", "mtu": 9000}))
        .await
        .is(201);
    assert_eq!(
        (&made["mtu"], &made["external"]),
        (&json!(9000), &json!(false))
    );
    let all = api.get("/networks").await.is(200);
    let outside: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["external"] == true)
        .collect();
    assert_eq!(outside.len(), 1, "{all}");
    patch(&api, &path("networks", outside[0]), json!({"name": "mine"}))
        .await
        .refuses(404, "");
    api.post("/networks", &json!({"name": "n", "mtu": 67}))
        .await
        .refuses(400, "mtu");
    api.post("/networks", &json!({"name": "n", "shared": true}))
        .await
        .refuses(403, "");
    let place = path("networks", &made);
    let changed = patch(&api, &place, json!({"enabled": false, "mtu": 1400}))
        .await
        .is(200);
    assert_eq!(
        (&changed["enabled"], &changed["mtu"]),
        (&json!(false), &json!(1400))
    );
    api.become_another(None).await;
    api.get(&place).await.refuses(404, "");
}

#[tokio::test]
async fn a_subnet_is_on_a_network_and_then_on_a_router_and_on_none_again() {
    let api = Api::new().await;
    let made = api.post("/networks", &json!({"name": "n"})).await.is(201);
    let place = path("networks", &made);
    let body = json!({"name": "s", "network": made["id"], "cidr": "10.7.0.0/24"});
    let subnet = api.post("/subnets", &body).await.is(201);
    assert_eq!(
        (&subnet["router"], &subnet["network"]),
        (&Value::Null, &made["id"])
    );
    let router = api.post("/routers", &json!({"name": "r"})).await.is(201);
    let on = path("subnets", &subnet);
    let moved = patch(&api, &on, json!({"router": router["id"], "name": "t"}))
        .await
        .is(200);
    assert_eq!(
        (&moved["router"], &moved["name"]),
        (&router["id"], &json!("t"))
    );
    api.ask("DELETE", &path("routers", &router), None)
        .await
        .is(409);
    patch(&api, &on, json!({"router": NOBODY, "name": "u"}))
        .await
        .refuses(422, "router");
    // All of it, or nothing.
    assert_eq!(api.get(&on).await.is(200)["name"], "t");
    let off = patch(&api, &on, json!({"router": null})).await.is(200);
    assert_eq!(off["router"], Value::Null);
    let routed = patch(
        &api,
        &on,
        json!({"host_routes": [{"destination": "10.8.0.0/16", "next_hop": "10.7.0.9"}]}),
    )
    .await;
    assert_eq!(routed.is(200)["host_routes"][0]["next_hop"], "10.7.0.9");
    let pools = json!({"pools": [{"first": "10.7.0.10", "last": "10.7.0.19"}]});
    assert_eq!(
        patch(&api, &on, pools).await.is(200)["available_addresses"],
        10
    );
    api.ask("DELETE", &on, None).await.is(204);
    api.get(&place).await.is(200);
    for (body, field) in [
        (json!({"name": "s", "cidr": "10.7.0.0/24"}), "router"),
        (
            json!({"name": "s", "cidr": "10.7.0.0/24", "router": NOBODY, "network": NOBODY}),
            "network",
        ),
    ] {
        api.post("/subnets", &body).await.refuses(400, field);
    }
    let body = json!({"name": "s", "cidr": "10.7.0.0/24", "network": NOBODY});
    api.post("/subnets", &body).await.refuses(422, "network");
}

#[tokio::test]
async fn a_router_gets_a_way_outside_and_gives_it_back() {
    let api = Api::new().await;
    let [router, _, machine] = place(&api).await;
    assert_eq!(
        (&router["outside"], &router["enabled"]),
        (&json!(false), &json!(true))
    );
    let on = path("routers", &router);
    let out = patch(&api, &on, json!({"outside": true})).await.is(200);
    assert_eq!(
        (&out["outside"], &out["translates_sources"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(out["outside_addresses"].as_array().unwrap().len(), 1);
    let again = patch(&api, &on, json!({"outside": true, "enabled": false}))
        .await
        .is(200);
    assert_eq!(again["outside_addresses"], out["outside_addresses"]);
    let routes = json!({"routes": [{"destination": "10.9.0.0/16", "next_hop": "10.5.0.9"}]});
    assert_eq!(
        patch(&api, &on, routes).await.is(200)["routes"][0]["destination"],
        "10.9.0.0/16"
    );
    let nowhere = json!({"routes": [{"destination": "10.9.0.0/16", "next_hop": "10.4.0.9"}]});
    patch(&api, &on, nowhere).await.refuses(400, "routes");
    let off = patch(&api, &on, json!({"outside": false})).await.is(200);
    assert_eq!(off["outside"], false);
    // A floating IP brings one along, and takes it away again.
    let floating = api
        .post("/floating-ips", &json!({"machine": machine["id"]}))
        .await
        .is(201);
    assert_eq!(floating["machine_address"], machine["address"]);
    assert_eq!(floating["router"], router["id"]);
    assert_eq!(api.get(&on).await.is(200)["outside"], true);
    let shown = api.get(&path("machines", &machine)).await.is(200);
    assert_eq!(shown["floating_addresses"], json!([floating["address"]]));
    patch(&api, &on, json!({"outside": false})).await.is(409);
    let free = path("floating-ips", &floating);
    let freed = patch(&api, &free, json!({"machine": null})).await.is(200);
    assert_eq!(freed["machine"], Value::Null);
    assert_eq!(api.get(&on).await.is(200)["outside"], false);
    patch(&api, &free, json!({"machine": NOBODY}))
        .await
        .refuses(422, "machine");
    api.post("/floating-ips", &json!({"machine": NOBODY}))
        .await
        .refuses(422, "machine");
}

#[tokio::test]
async fn a_security_group_has_rules() {
    let api = Api::new().await;
    let web = json!({"direction": "ingress", "protocol": "TCP", "port_min": 80, "port_max": 81, "remote": {"cidr": "10.0.0.0/8"}});
    let body = json!({"name": "web", "rules": [web]});
    let group = api.post("/security-groups", &body).await.is(201);
    let rule = &group["rules"][0];
    assert_eq!(
        (&rule["protocol"], &rule["family"]),
        (&json!("tcp"), &json!("IPv4"))
    );
    assert_eq!(rule["remote"], json!({"cidr": "10.0.0.0/8"}));
    let on = path("security-groups", &group);
    let six = json!({"direction": "egress", "remote": {"cidr": "2001:db8::1"}});
    let added = api.post(&format!("{on}/rules"), &six).await.is(201);
    assert_eq!(
        (&added["family"], &added["remote"]),
        (&json!("IPv6"), &json!({"cidr": "2001:db8::1"}))
    );
    let among = json!({"direction": "ingress", "remote": {"group": group["id"]}});
    api.post(&format!("{on}/rules"), &among).await.is(201);
    api.post(&format!("{on}/rules"), &among).await.is(409);
    let one = format!("{on}/rules/{}", rule["id"].as_str().unwrap());
    let changed = patch(&api, &one, json!({"port_max": 82, "remote": null}))
        .await
        .is(200);
    assert_eq!(
        (&changed["port_max"], &changed["remote"]),
        (&json!(82), &Value::Null)
    );
    let stale = conditional(&api, "PATCH", &one, "\"1\"", &json!({"port_max": 83})).await;
    stale.refuses(412, "If-Match");
    assert_eq!(
        api.get(&on).await.is(200)["rules"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    api.ask("DELETE", &one, None).await.is(204);
    api.ask("DELETE", &one, None).await.refuses(404, "");
    let elsewhere = format!(
        "/security-groups/{NOBODY}/rules/{}",
        added["id"].as_str().unwrap()
    );
    api.ask("DELETE", &elsewhere, None).await.refuses(404, "");
    api.ask("DELETE", &on, None).await.is(204);
    let all = api.get("/security-groups").await.is(200);
    assert_eq!(all["items"][0]["is_default"], true);
    let default = path("security-groups", &all["items"][0]);
    patch(&api, &default, json!({"name": "x"})).await.is(409);
}

#[tokio::test]
async fn a_machine_is_filtered_by_the_groups_that_it_has() {
    let api = Api::new().await;
    let [_, subnet, machine] = place(&api).await;
    assert_eq!(machine["security_groups"], Value::Null);
    let group = api
        .post("/security-groups", &json!({"name": "g"}))
        .await
        .is(201);
    let on = path("security-groups", &group);
    let at = path("machines", &machine);
    let filtered = patch(&api, &at, json!({"security_groups": [group["id"]]}))
        .await
        .is(200);
    assert_eq!(filtered["security_groups"], json!([group["id"]]));
    api.ask("DELETE", &on, None).await.is(409);
    let shut = patch(&api, &at, json!({"security_groups": []}))
        .await
        .is(200);
    assert_eq!(shut["security_groups"], json!([]));
    let open = patch(
        &api,
        &at,
        json!({"security_groups": null, "enabled": false}),
    )
    .await
    .is(200);
    assert_eq!(
        (&open["security_groups"], &open["enabled"]),
        (&Value::Null, &json!(false))
    );
    patch(&api, &at, json!({"security_groups": [NOBODY]}))
        .await
        .refuses(422, "security_groups");
    let body = json!({"name": "m2", "subnet": subnet["id"], "security_groups": [group["id"]]});
    let second = api.post("/machines", &body).await.is(201);
    assert_eq!(second["security_groups"], json!([group["id"]]));
    api.ask("DELETE", &path("machines", &second), None)
        .await
        .is(204);
    api.ask("DELETE", &on, None).await.is(204);
}

/// A group of the other end, and a connection that is to use it.
async fn between_groups(api: &Api) -> (Value, Value) {
    let [router, subnet, _] = place(api).await;
    patch(api, &path("routers", &router), json!({"outside": true}))
        .await
        .is(200);
    let theirs = json!({"name": "theirs", "kind": "cidr", "endpoints": ["10.2.0.0/24"]});
    let theirs = api.post("/endpoint-groups", &theirs).await.is(201);
    let body = json!({
        "name": "branch",
        "gateway": {"router": router["id"]},
        "local": {"group": {"new": [subnet["id"]]}},
        "peer": {"address": "192.0.2.5", "group": {"id": theirs["id"]}},
    });
    (theirs, body)
}

#[tokio::test]
async fn a_connection_goes_between_endpoint_groups_and_follows_them() {
    let api = Api::new().await;
    let (theirs, body) = between_groups(&api).await;
    let made = api.post("/connections", &body).await.is(201);
    assert_eq!(made["local"]["cidrs"], json!(["10.5.0.0/24"]));
    assert_eq!(made["peer"]["cidrs"], json!(["10.2.0.0/24"]));
    assert_eq!(made["peer"]["group"], theirs["id"]);
    let ours = made["local"]["group"].as_str().unwrap();
    let ours = api.get(&format!("/endpoint-groups/{ours}")).await;
    assert_eq!(ours.is(200)["name"], "branch");
    let on = path("endpoint-groups", &theirs);
    api.ask("DELETE", &on, None).await.is(409);
    // What is in it changes, and the connection with it.
    let change = json!({"endpoints": ["10.2.0.0/24", "10.3.0.0/24"]});
    let changed = patch(&api, &on, change.clone()).await.is(200);
    let connection = path("connections", &made);
    let after = api.get(&connection).await.is(200);
    assert_eq!(after["peer"]["cidrs"], changed["endpoints"]);
    assert!(after["revision"].as_u64() > made["revision"].as_u64());
    patch(&api, &on, change).await.is(200);
    assert_eq!(
        api.get(&connection).await.is(200)["revision"],
        after["revision"]
    );
    // What would not fit is refused whole.
    patch(&api, &on, json!({"endpoints": ["10.5.0.0/25"]})).await;
    assert_eq!(
        api.get(&on).await.is(200)["endpoints"],
        json!(["10.2.0.0/24", "10.3.0.0/24"])
    );
    patch(&api, &on, json!({"endpoints": ["2001:db8::/64"]}))
        .await
        .refuses(422, "endpoints");
    let other = json!({"name": "o", "kind": "cidr", "endpoints": ["10.4.0.0/24"]});
    let other = api.post("/endpoint-groups", &other).await.is(201);
    let moved = patch(&api, &connection, json!({"peer": {"group": other["id"]}}))
        .await
        .is(200);
    assert_eq!(moved["peer"]["cidrs"], json!(["10.4.0.0/24"]));
    patch(&api, &connection, json!({"local": {"group": other["id"]}}))
        .await
        .refuses(422, "local.group");
    api.ask("DELETE", &connection, None).await.is(204);
    api.ask("DELETE", &on, None).await.is(204);
}

#[tokio::test]
async fn projects_and_quotas_are_seen_by_those_who_act_there_and_set_by_administrators() {
    let mut api = Api::new().await;
    place(&api).await;
    let mine = api.get("/projects").await.is(200)["items"].clone();
    assert_eq!(
        (mine.as_array().unwrap().len(), &mine[0]["role"]),
        (1, &json!("member"))
    );
    let quota = api.get("/quotas").await.is(200);
    assert_eq!(quota["project"], mine[0]["id"]);
    assert_eq!(
        quota["resources"]["router"],
        json!({"limit": 10, "used": 1})
    );
    assert_eq!(
        quota["resources"]["connection"],
        json!({"limit": null, "used": 0})
    );
    let of_mine = format!("/quotas/{}", mine[0]["id"].as_str().unwrap());
    assert_eq!(api.get(&of_mine).await.is(200), quota);
    patch(&api, &of_mine, json!({"router": 1}))
        .await
        .refuses(403, "");
    api.post("/projects", &json!({"name": "x"}))
        .await
        .refuses(403, "");
    patch(&api, &path("projects", &mine[0]), json!({"name": "x"}))
        .await
        .refuses(403, "");
    let member = api.token.clone();
    api.become_admin().await;
    let all = api.get("/projects").await.is(200)["items"].clone();
    assert!(all.as_array().unwrap().len() > 1, "{all}");
    let theirs = all
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] != mine[0]["id"])
        .unwrap();
    let of_theirs = format!("/quotas/{}", theirs["id"].as_str().unwrap());
    let admin = api.token.clone();
    patch(&api, &of_mine, json!({"router": 1, "gateway": null}))
        .await
        .is(200);
    patch(&api, &of_mine, json!({"rooter": 1}))
        .await
        .refuses(400, "rooter");
    patch(&api, &of_mine, json!({"router": -1}))
        .await
        .refuses(400, "router");
    patch(&api, &format!("/quotas/{NOBODY}"), json!({"router": 1}))
        .await
        .refuses(404, "");
    api.token = member;
    api.post("/routers", &json!({"name": "r"})).await.is(409);
    for path in [
        of_theirs.as_str(),
        &format!("/quotas/{NOBODY}"),
        &path("projects", theirs),
    ] {
        api.get(path).await.refuses(404, "");
    }
    let set = api.get("/quotas").await.is(200);
    assert_eq!(set["resources"]["gateway"]["limit"], Value::Null);
    api.token = admin;
    api.ask("DELETE", &of_mine, None).await.is(204);
    assert_eq!(
        api.get(&of_mine).await.is(200)["resources"]["router"]["limit"],
        10
    );
}

#[tokio::test]
async fn administrators_make_and_change_projects() {
    let mut api = Api::new().await;
    api.become_admin().await;
    let made = api.post("/projects", &json!({"name": "new"})).await.is(201);
    api.post("/projects", &json!({"name": "new"})).await.is(409);
    let on = path("projects", &made);
    assert_eq!(
        patch(&api, &on, json!({"enabled": false})).await.is(200)["enabled"],
        false
    );
    assert_eq!(api.get(&on).await.is(200)["enabled"], false);
    let stale = conditional(&api, "PATCH", &on, "\"1\"", &json!({"name": "y"})).await;
    stale.refuses(400, "If-Match");
    api.ask("DELETE", &on, None).await.is(204);
    api.get(&on).await.refuses(404, "");
}

#[tokio::test]
async fn readers_look_at_all_of_it_and_change_nothing() {
    let mut api = Api::new().await;
    let [_, _, machine] = place(&api).await;
    let group = api
        .post("/security-groups", &json!({"name": "g"}))
        .await
        .is(201);
    let made = [
        (
            "networks",
            api.get("/networks").await.is(200)["items"][0].clone(),
        ),
        (
            "floating-ips",
            api.post("/floating-ips", &json!({"machine": machine["id"]}))
                .await
                .is(201),
        ),
        ("security-groups", group.clone()),
        (
            "endpoint-groups",
            api.post(
                "/endpoint-groups",
                &json!({"name": "e", "kind": "cidr", "endpoints": ["10.9.0.0/24"]}),
            )
            .await
            .is(201),
        ),
        ("machines", machine),
    ];
    api.become_another(Some(Role::Reader)).await;
    for (kind, one) in &made {
        let on = path(kind, one);
        api.get(&on).await.is(200);
        let change = json!({"name": "mine"});
        patch(&api, &on, change).await.refuses(403, "");
        api.ask("DELETE", &on, None).await.refuses(403, "");
    }
    let rules = format!("{}/rules", path("security-groups", &group));
    api.post(&rules, &json!({"direction": "ingress"}))
        .await
        .refuses(403, "");
    api.become_another(None).await;
    for (kind, one) in &made {
        let there = api.get(&path(kind, one)).await;
        there.is(if *kind == "networks" { 200 } else { 404 });
    }
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused_by_its_field() {
    let api = Api::new().await;
    let web = json!({"direction": "ingress", "protocol": "tcp", "port_min": 80});
    let group = api
        .post("/security-groups", &json!({"name": "g"}))
        .await
        .is(201);
    let on = path("security-groups", &group);
    for (body, status, field) in [
        (json!({"direction": "in"}), 400, "direction"),
        (
            json!({"direction": "ingress", "protocol": "nonsense"}),
            400,
            "protocol",
        ),
        (
            json!({"direction": "ingress", "protocol": "tcp", "port_min": 9, "port_max": 8}),
            400,
            "port_min",
        ),
        (
            json!({"direction": "ingress", "protocol": "tcp", "port_min": 70000}),
            400,
            "port_min",
        ),
        (
            json!({"direction": "ingress", "family": "IPv6", "remote": {"cidr": "10.0.0.0/8"}}),
            400,
            "remote",
        ),
        (
            json!({"direction": "ingress", "remote": {"cidr": "10.0.0.1/8"}}),
            400,
            "remote.cidr",
        ),
        (
            json!({"direction": "ingress", "remote": {"group": NOBODY}}),
            422,
            "remote.group",
        ),
    ] {
        api.post(&format!("{on}/rules"), &body)
            .await
            .refuses(status, field);
    }
    let bad =
        json!({"name": "x", "rules": [web, {"direction": "ingress", "remote": {"cidr": "x"}}]});
    api.post("/security-groups", &bad)
        .await
        .refuses(400, "rules[1].remote.cidr");
}

#[tokio::test]
async fn an_endpoint_group_of_nonsense_is_refused_by_its_entry() {
    let api = Api::new().await;
    for (group, status, field) in [
        (
            json!({"name": "x", "kind": "cidr", "endpoints": []}),
            400,
            "endpoints",
        ),
        (
            json!({"name": "x", "kind": "cidr", "endpoints": ["10.0.0.0/8", "x"]}),
            400,
            "endpoints[1]",
        ),
        (
            json!({"name": "x", "kind": "cidr", "endpoints": ["10.0.0.0/8", "10.0.0.0/8"]}),
            400,
            "endpoints[1]",
        ),
        (
            json!({"name": "x", "kind": "vlan", "endpoints": ["1"]}),
            400,
            "kind",
        ),
        (
            json!({"name": "x", "kind": "subnet", "endpoints": [NOBODY]}),
            422,
            "endpoints",
        ),
    ] {
        api.post("/endpoint-groups", &group)
            .await
            .refuses(status, field);
    }
}

#[tokio::test]
async fn what_does_not_go_with_groups_is_refused_by_its_field() {
    let api = Api::new().await;
    let (_, body) = between_groups(&api).await;
    let subnet = body["local"]["group"]["new"][0].clone();
    for (change, status, field) in [
        (json!({"local": {}}), 422, "local.group"),
        (
            json!({"local": {"group": {"id": NOBODY}}}),
            422,
            "local.group",
        ),
        (
            json!({"local": {"group": {"new": ["x"]}}}),
            400,
            "local.group.new[0]",
        ),
        (json!({"peer": {"address": "192.0.2.5"}}), 400, "peer.cidrs"),
        (json!({"gateway": {"subnet": subnet}}), 422, "peer.cidrs"),
    ] {
        let body = adit_api_testing::with(body.clone(), &change);
        api.post("/connections", &body).await.refuses(status, field);
    }
}
