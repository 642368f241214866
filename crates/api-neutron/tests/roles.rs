//! Who may do what with network resources, and that nothing of another project's can be named.

#![expect(clippy::too_many_lines, reason = "tables")]

use crate::world::cases::{Cases, bad};
use crate::world::{NETWORK_KINDS, Who, World, path};
use serde_json::{Value, json};

/// The short name of what [`World::add_net`] made of a kind.
fn one(kind: &str) -> &str {
    if kind == "router" { "out" } else { kind }
}

/// What makes one of a kind.
fn body(kind: &str) -> Value {
    match kind {
        "subnet" => json!({"network_id": "$network", "cidr": "10.77.0.0/24"}),
        "port" => json!({"network_id": "$network"}),
        "floatingip" => json!({"floating_network_id": "$ext"}),
        "security_group_rule" => json!({
            "security_group_id": "$security_group", "direction": "ingress", "protocol": "udp",
        }),
        _ => json!({}),
    }
}

fn missing(kind: &str, id: &str) -> (&'static str, String) {
    match kind {
        "network" => (
            "NetworkNotFound",
            format!("Network {id} could not be found."),
        ),
        "subnet" => ("SubnetNotFound", format!("Subnet {id} could not be found.")),
        "port" => ("PortNotFound", format!("Port {id} could not be found.")),
        "router" => ("RouterNotFound", format!("Router {id} could not be found")),
        "floatingip" => (
            "FloatingIPNotFound",
            format!("Floating IP {id} could not be found"),
        ),
        "security_group" => (
            "SecurityGroupNotFound",
            format!("Security group {id} does not exist"),
        ),
        "security_group_rule" => (
            "SecurityGroupRuleNotFound",
            format!("Security group rule {id} does not exist"),
        ),
        other => panic!("no refusal for {other}"),
    }
}

#[tokio::test]
async fn everybody_does_what_they_may() {
    let mut world = World::new().await;
    world.add_net().await;
    for kind in NETWORK_KINDS {
        let (list, name) = (path(kind), one(kind));
        let (id, item) = (world.ids[name].clone(), format!("{list}/${name}"));
        let new = json!({kind: body(kind)}).to_string();
        let change = json!({kind: {"description": "new"}}).to_string();
        let requests = [
            (format!("GET {item}"), "", "get"),
            (format!("PUT {item}"), &*change, "update"),
            (format!("DELETE {item}"), "", "delete"),
        ];
        for who in [Who::Admin, Who::Member, Who::Reader, Who::Other] {
            let answer = world.ask(who, &format!("GET {list}?fields=id"), "").await;
            let found = answer.ok(200).to_string().contains(&id);
            assert_eq!(found, who != Who::Other, "{who:?} {kind}");
        }
        for (request, body, _) in &requests {
            let answer = world.ask(Who::Other, request, body).await;
            let (status, message) = missing(kind, &id);
            assert_eq!(
                answer.refused(),
                (404, status, message.as_str()),
                "{request}"
            );
            world.ask(Who::Nobody, request, body).await.is(401);
        }
        for request in [format!("GET {list}"), format!("POST {list}")] {
            world.ask(Who::Nobody, &request, &new).await.is(401);
        }
        let create = (format!("POST {list}"), &*new, "create");
        for (request, body, verb) in requests[1..].iter().chain([&create]) {
            let answer = world.ask(Who::Reader, request, body).await;
            let message = format!("rule:{verb}_{kind} is disallowed by policy");
            let refusal = (403, "PolicyNotAuthorized", message.as_str());
            assert_eq!(answer.refused(), refusal, "{request}");
        }
        world
            .ask(Who::Reader, &format!("GET {item}"), "")
            .await
            .ok(200);
        for who in [Who::Member, Who::Admin] {
            world.ask(who, &format!("GET {item}"), "").await.ok(200);
            let changed = world.ask(who, &format!("PUT {item}"), &change).await;
            if kind == "security_group_rule" {
                // Nothing of a rule can be changed.
                changed.is(405);
            } else {
                assert_eq!(changed.ok(200)["description"], "new", "{who:?} {kind}");
            }
        }
        let made = world.ask(Who::Member, &format!("POST {list}"), &new).await;
        let mine = format!("{list}/{}", made.id());
        let deleted = world.ask(Who::Other, &format!("DELETE {mine}"), "").await;
        deleted.is(404);
        let deleted = world.ask(Who::Admin, &format!("DELETE {mine}"), "").await;
        deleted.is(204);
    }
}

#[tokio::test]
async fn interfaces_are_for_members_of_the_router_s_project() {
    let mut world = World::new().await;
    world.add_net().await;
    let new = json!({"network_id": "$network", "cidr": "10.77.0.0/24"});
    world.make("free", "subnet", new).await;
    for verb in ["add", "remove"] {
        let request = format!("PUT /routers/$out/{verb}_router_interface");
        let body = r#"{"subnet_id": "$free"}"#;
        let answer = world.ask(Who::Reader, &request, body).await;
        let message = format!("rule:{verb}_router_interface is disallowed by policy");
        assert_eq!(
            answer.refused(),
            (403, "PolicyNotAuthorized", message.as_str())
        );
        let answer = world.ask(Who::Other, &request, body).await;
        let message = world.fill("Router $out could not be found");
        assert_eq!(answer.refused(), (404, "RouterNotFound", message.as_str()));
        world.ask(Who::Nobody, &request, body).await.is(401);
        let foreign = format!("PUT /routers/$foreign_router/{verb}_router_interface");
        let answer = world.ask(Who::Reader, &foreign, body).await;
        assert_eq!(answer.refused().1, "RouterNotFound");
        // An administrator may.
        world.ask(Who::Admin, &request, body).await.is(200);
    }
}

/// `$shared` with `$shared_subnet`, of the administrator's project.
async fn share(world: &mut World) {
    let shared = json!({"name": "shared", "shared": true});
    world.make_as(Who::Admin, "shared", "network", shared).await;
    let subnet = json!({"network_id": "$shared", "cidr": "10.80.0.0/24"});
    world
        .make_as(Who::Admin, "shared_subnet", "subnet", subnet)
        .await;
}

#[tokio::test]
async fn what_is_shared_is_seen_and_used_and_not_changed() {
    let mut world = World::new().await;
    share(&mut world).await;
    for who in [Who::Member, Who::Other, Who::Reader] {
        for (kind, id) in [("network", "shared"), ("subnet", "shared_subnet")] {
            let (list, item) = (path(kind), format!("{}/${id}", path(kind)));
            let answer = world.ask(who, &format!("GET {list}?fields=id"), "").await;
            let all = answer.ok(200).as_array().unwrap();
            assert!(all.contains(&json!({"id": world.ids[id]})), "{who:?}");
            world.ask(who, &format!("GET {item}"), "").await.ok(200);
            let change = json!({kind: {"name": "mine"}}).to_string();
            for request in [format!("PUT {item}"), format!("DELETE {item}")] {
                let answer = world.ask(who, &request, &change).await;
                let status = if who == Who::Reader { 403 } else { 404 };
                assert_eq!(answer.refused().0, status, "{who:?} {request}");
            }
        }
        let answer = world
            .ask(who, "GET /networks?shared=True&fields=id", "")
            .await;
        assert_eq!(*answer.ok(200), json!([{"id": world.ids["shared"]}]));
    }
    let subnet = json!({"subnet": {"network_id": "$shared", "cidr": "10.81.0.0/24"}});
    let answer = world
        .ask(Who::Other, "POST /subnets", &subnet.to_string())
        .await;
    assert_eq!(answer.refused().0, 404);
    // Ports and routers of every project may be on it, and are their own.
    let new = json!({"network_id": "$shared"});
    let made = world.make_as(Who::Other, "theirs", "port", new).await;
    assert_eq!(made["project_id"], json!(world.ids["project_other"]));
    world.get("/ports/$theirs").await.is(404);
    let add = "PUT /routers/$foreign_router/add_router_interface";
    let body = r#"{"subnet_id": "$shared_subnet"}"#;
    let added = world.ask(Who::Other, add, body).await;
    let added = &added.is(200).body;
    assert_eq!(added["project_id"], json!(world.ids["project_other"]));
    let port = added["port_id"].as_str().unwrap().to_owned();
    world
        .ask(Who::Other, &format!("GET /ports/{port}"), "")
        .await
        .ok(200);
    let remove = "PUT /routers/$foreign_router/remove_router_interface";
    world.ask(Who::Other, remove, body).await.is(200);
    // As long as others are on it, it stays shared.
    let change = r#"{"network": {"shared": false}}"#;
    let answer = world.ask(Who::Admin, "PUT /networks/$shared", change).await;
    let message = world.fill("Unable to reconfigure sharing settings for network $shared. Multiple tenants are using it.");
    assert_eq!(
        answer.refused(),
        (409, "InvalidSharedSetting", message.as_str())
    );
    world
        .ask(Who::Other, "DELETE /ports/$theirs", "")
        .await
        .is(204);
    let answer = world.ask(Who::Admin, "PUT /networks/$shared", change).await;
    assert_eq!(answer.ok(200)["shared"], false);
    world.get("/networks/$shared").await.is(404);
    world.get("/subnets/$shared_subnet").await.is(404);
}

#[tokio::test]
async fn nothing_of_another_project_s_can_be_named() {
    let mut world = World::new().await;
    world.add_net().await;
    share(&mut world).await;
    let new = json!({"network_id": "$shared"});
    world.make_as(Who::Other, "theirs", "port", new).await;
    world
        .make_as(Who::Other, "group", "security_group", json!({}))
        .await;
    let floating = json!({"floating_network_id": "$ext"});
    world
        .make_as(Who::Other, "floating", "floatingip", floating)
        .await;
    let network = (
        404,
        "NetworkNotFound",
        "Network $network could not be found.",
    );
    let port = (404, "PortNotFound", "Port $port could not be found.");
    let subnet = (404, "SubnetNotFound", "Subnet $subnet could not be found.");
    let router = (404, "RouterNotFound", "Router $out could not be found");
    let group = (
        404,
        "SecurityGroupNotFound",
        "Security group $security_group does not exist",
    );
    let elsewhere =
        bad("Invalid input for fixed_ips. Reason: the subnet $subnet is not on this network.");
    let mut cases = Cases::default();
    for (kind, object, refusal) in [
        (
            "subnet",
            json!({"network_id": "$network", "cidr": "10.77.0.0/24"}),
            network,
        ),
        ("port", json!({"network_id": "$network"}), network),
        (
            "port",
            json!({"network_id": "$shared", "fixed_ips": [{"subnet_id": "$subnet"}]}),
            elsewhere,
        ),
        (
            "port",
            json!({"network_id": "$shared", "security_groups": ["$group", "$security_group"]}),
            group,
        ),
        (
            "router",
            json!({"external_gateway_info": {"network_id": "$network"}}),
            network,
        ),
        (
            "floatingip",
            json!({"floating_network_id": "$network"}),
            network,
        ),
        (
            "floatingip",
            json!({"floating_network_id": "$ext", "port_id": "$port"}),
            port,
        ),
        (
            "security_group_rule",
            json!({"security_group_id": "$security_group", "direction": "ingress"}),
            group,
        ),
        (
            "security_group_rule",
            json!({
                "security_group_id": "$group", "direction": "ingress",
                "remote_group_id": "$security_group",
            }),
            group,
        ),
    ] {
        cases.post("another project's", (kind, &object), refusal);
        cases.by(Who::Other);
    }
    for (kind, id, object, refusal) in [
        (
            "port",
            "$theirs",
            json!({"fixed_ips": [{"subnet_id": "$subnet"}]}),
            elsewhere,
        ),
        (
            "port",
            "$theirs",
            json!({"security_groups": ["$security_group"]}),
            group,
        ),
        ("floatingip", "$floating", json!({"port_id": "$port"}), port),
        (
            "router",
            "$foreign_router",
            json!({"external_gateway_info": {"network_id": "$network"}}),
            network,
        ),
    ] {
        cases.put("another project's", (kind, id, &object), refusal);
        cases.by(Who::Other);
    }
    for verb in ["add", "remove"] {
        let on = |router: &str| format!("PUT /routers/{router}/{verb}_router_interface");
        for (request, body, refusal) in [
            (on("$foreign_router"), r#"{"subnet_id": "$subnet"}"#, subnet),
            (on("$foreign_router"), r#"{"port_id": "$port"}"#, port),
            (on("$out"), r#"{"subnet_id": "$foreign_subnet"}"#, router),
        ] {
            cases.raw("another project's", (&request, body), refusal);
            cases.by(Who::Other);
        }
    }
    cases.walk(&world).await;
    // Nor is anything of it found by a query.
    for kind in NETWORK_KINDS {
        for query in ["project_id=$project_member", "tenant_id=$project_member"] {
            let request = format!("GET {}?{query}", path(kind));
            let answer = world.ask(Who::Other, &request, "").await;
            assert_eq!(*answer.ok(200), json!([]), "{request}");
        }
        let request = format!("GET {}?id=${}", path(kind), one(kind));
        let answer = world.ask(Who::Other, &request, "").await;
        assert_eq!(*answer.ok(200), json!([]), "{request}");
        // Nor is anything made for it.
        let mut object = body(kind);
        object["project_id"] = json!("$project_member");
        let request = format!("POST {}", path(kind));
        let body = json!({kind: object}).to_string();
        let answer = world.ask(Who::Other, &request, &body).await;
        let message = "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.";
        assert_eq!(answer.refused(), (400, "HTTPBadRequest", message), "{kind}");
    }
}
