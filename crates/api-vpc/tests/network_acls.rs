//! Network ACLs: what they say, in which order, what is refused, and what routers are told of them.

use adit_model::desired::EdgeSpec;
use adit_model::network_acl::Action;
use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{NEW, OLD, World, with};

/// The edges that the agent has of a VPC; nothing while it is not there.
fn edges(w: &World, vpc: &str) -> Option<Vec<EdgeSpec>> {
    let id = vpc.strip_prefix("r006-")?.parse().ok()?;
    Some(w.agent.router(id)?.edges)
}

fn rule(change: Value) -> Value {
    let rule = json!({
        "action": "allow", "direction": "inbound", "protocol": "all",
        "source": "0.0.0.0/0", "destination": "0.0.0.0/0",
    });
    with(rule, change)
}

async fn acl(w: &World, vpc: &str, name: &str, rules: Value) -> String {
    let body = json!({"name": name, "vpc": {"id": vpc}, "rules": rules});
    w.post("/network_acls", body).await.is(201).id()
}

async fn attach(w: &World, subnet: &str, acl: &str) -> crate::world::Answer {
    let path = format!("/subnets/{subnet}/network_acl");
    w.call(Method::PUT, &path, OLD, json!({"id": acl})).await
}

/// The names of a network ACL's rules, and what each is before.
async fn names(w: &World, acl: &str) -> Vec<String> {
    let shown = w
        .get(&format!("/network_acls/{acl}"))
        .await
        .is(200)
        .body
        .clone();
    let rules = shown["rules"].as_array().unwrap();
    for (rule, next) in rules.iter().zip(rules.iter().skip(1)) {
        assert_eq!(rule["before"]["id"], next["id"]);
    }
    assert_eq!(rules.last().and_then(|rule| rule.get("before")), None);
    rules
        .iter()
        .map(|rule| rule["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn each_vpc_has_a_default_acl_that_lets_everything_through_until_it_is_changed() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let shown = w.get(&format!("/vpcs/{vpc}")).await;
    let id = shown.is(200).body["default_network_acl"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(names(&w, &id).await, ["allow-inbound", "allow-outbound"]);
    assert_eq!(
        w.get(&format!("/subnets/{subnet}")).await.body["network_acl"]["id"],
        id
    );
    let path = format!("/network_acls/{id}");
    w.until("it is there", async || edges(&w, &vpc) == Some(Vec::new()))
        .await;
    w.delete(&path).await.refused(409, "network_acl_in_use");
    let deny = rule(json!({"action": "deny", "protocol": "icmp", "type": 8}));
    let made = w.post(&format!("{path}/rules"), deny).await.is(201).id();
    // It is behind the rule that allows everything, so that nothing changes.
    assert_eq!(edges(&w, &vpc), Some(Vec::new()));
    let first = w.get(&path).await.body["rules"][0]["id"].clone();
    let moved = json!({"before": {"id": first}, "name": "no-ping"});
    w.patch(&format!("{path}/rules/{made}"), moved)
        .await
        .is(200);
    assert_eq!(
        names(&w, &id).await,
        ["no-ping", "allow-inbound", "allow-outbound"]
    );
    w.until("it filters", async || {
        let edges = edges(&w, &vpc).unwrap_or_default();
        let first = edges.first().and_then(|edge| edge.rules.first().copied());
        first.is_some_and(|rule| rule.action == Action::Deny && rule.icmp_type == Some(8))
    })
    .await;
    w.delete(&format!("{path}/rules/{made}")).await.is(204);
    w.until("it filters no more", async || {
        edges(&w, &vpc) == Some(Vec::new())
    })
    .await;
    w.delete(&format!("/subnets/{subnet}")).await.is(204);
    w.delete(&format!("/vpcs/{vpc}")).await.is(204);
    w.get(&path).await.refused(404, "network_acl_not_found");
    assert_eq!(w.get("/network_acls").await.body["total_count"], 0);
}

#[tokio::test]
async fn a_subnet_has_the_acl_it_is_given_with_the_gateways_in_it() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let (other, elsewhere) = w.subnet("vpc-2", "10.241.0.0/24").await;
    let made = acl(&w, &vpc, "closed", json!([])).await;
    let foreign = acl(&w, &other, "foreign", json!([])).await;
    let default = w
        .get(&format!("/subnets/{subnet}/network_acl"))
        .await
        .is(200)
        .id();
    attach(&w, &subnet, &foreign)
        .await
        .refused(400, "bad_field");
    attach(&w, &subnet, "r006-00000000-0000-4000-8000-000000000007")
        .await
        .refused(404, "network_acl_not_found");
    let attached = attach(&w, &subnet, &made).await;
    assert_eq!(attached.is(201).body["subnets"][0]["id"], subnet.as_str());
    let of_default = w.get(&format!("/network_acls/{default}")).await.body;
    assert_eq!(of_default["subnets"], json!([]));
    let gateway = json!({"name": "gw", "subnet": {"id": subnet}});
    let gateway = w.post("/vpn_gateways", gateway).await;
    let address = gateway.is(201).body["public_ip"]["address"]
        .as_str()
        .unwrap()
        .to_owned();
    w.until("nothing passes, the gateway's neither", async || {
        let edges = edges(&w, &vpc).unwrap_or_default();
        edges.iter().any(|edge| {
            let gateways = edge.gateways.iter();
            let gateways: Vec<_> = gateways
                .map(|one| (one.address.to_string(), one.inside.to_string()))
                .collect();
            edge.rules.is_empty() && gateways == [(address.clone(), "10.240.0.254".to_owned())]
        })
    })
    .await;
    let path = format!("/network_acls/{made}");
    w.delete(&path).await.refused(409, "network_acl_in_use");
    // The default one is its own again by being named; a subnet may name another from the start.
    attach(&w, &subnet, &default).await.is(201);
    w.until("everything passes", async || {
        edges(&w, &vpc) == Some(Vec::new())
    })
    .await;
    let body = json!({
        "name": "two", "vpc": {"id": vpc}, "ipv4_cidr_block": "10.240.1.0/24",
        "network_acl": {"id": made},
    });
    let two = w.post("/subnets", body).await;
    assert_eq!(two.is(201).body["network_acl"]["name"], "closed");
    let change = json!({"network_acl": {"id": default}});
    let changed = w.patch(&format!("/subnets/{}", two.id()), change).await;
    assert_eq!(changed.is(200).body["network_acl"]["id"], default.as_str());
    w.delete(&path).await.is(204);
    w.delete(&format!("/subnets/{elsewhere}")).await.is(204);
}

#[tokio::test]
async fn rules_are_made_shown_moved_changed_and_unmade() {
    let w = World::new().await;
    let (vpc, _) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let first = json!([
        rule(json!({"name": "one"})),
        rule(
            json!({"name": "two", "protocol": "udp", "source_port_min": 53, "source_port_max": 53})
        ),
    ]);
    let made = acl(&w, &vpc, "acl", first).await;
    let path = format!("/network_acls/{made}");
    let rules = format!("{path}/rules");
    for wished in [
        json!({"protocol": "tcp", "destination_port_min": 22, "destination_port_max": 23,
               "source_port_min": 1, "source_port_max": 65535, "source": "10.0.0.7"}),
        json!({"protocol": "icmp", "type": 8, "code": 0, "destination": "10.0.0.0/8"}),
        json!({"protocol": "icmp", "action": "deny"}),
        json!({"protocol": "esp", "direction": "outbound", "ip_version": "ipv4"}),
        json!({"protocol": "number_89", "source": "10.0.0.7/32"}),
    ] {
        let wished = rule(wished);
        let one = w.post(&rules, wished.clone()).await;
        for (name, value) in wished.as_object().unwrap() {
            assert_eq!(&one.is(201).body[name], value, "{name}");
        }
        let path = format!("{rules}/{}", one.id());
        assert_eq!(w.get(&path).await.is(200).body, one.body);
        w.delete(&path).await.is(204);
        w.get(&path)
            .await
            .refused(404, "network_acl_rule_not_found");
    }
    let before = w.get(&path).await.body["rules"][1]["id"].clone();
    let three = rule(json!({"name": "three", "before": {"id": before}}));
    let three = w.post(&rules, three).await;
    assert_eq!(three.is(201).body["before"]["name"], "two");
    assert_eq!(names(&w, &made).await, ["one", "three", "two"]);
    let three = format!("{rules}/{}", three.id());
    w.patch(&three, json!({"before": null})).await.is(200);
    assert_eq!(names(&w, &made).await, ["one", "two", "three"]);
    let two = format!("{rules}/{}", before.as_str().unwrap());
    let change = json!({
        "name": "other", "action": "deny", "direction": "outbound", "source": "10.1.0.0/16",
        "destination": "10.2.0.1", "source_port_min": 7, "destination_port_max": 99,
    });
    let changed = w.patch(&two, change.clone()).await;
    for (name, value) in change.as_object().unwrap() {
        assert_eq!(&changed.is(200).body[name], value, "{name}");
    }
    assert_eq!(changed.body["source_port_max"], 53, "what isn't said stays");
    let outbound = w.get(&format!("{rules}?direction=outbound")).await;
    assert_eq!(outbound.is(200).body["total_count"], 1);
    let change = json!({"source_port_min": null, "source_port_max": null});
    assert_eq!(
        w.patch(&two, change).await.is(200).body["source_port_max"],
        65535
    );
    // Another may have the same rules, or all.
    for (body, wanted) in [
        (
            json!({"source_network_acl": {"id": made}}),
            vec!["one", "other", "three"],
        ),
        (json!({}), vec!["allow-inbound", "allow-outbound"]),
    ] {
        let body = with(json!({"vpc": {"id": vpc}}), body);
        let copy = w.post("/network_acls", body).await.is(201).id();
        assert_eq!(names(&w, &copy).await, wanted);
        w.delete(&format!("/network_acls/{copy}")).await.is(204);
    }
    let request = w
        .request(&Method::PATCH, &path, NEW)
        .header("if-match", "W/\"1\"");
    let stale = request
        .body(json!({"name": "renamed"}).to_string().into())
        .unwrap();
    w.send(stale).await.refused(412, "precondition_failed");
    let renamed = w.patch(&path, json!({"name": "renamed"})).await;
    assert_eq!(renamed.is(200).body["name"], "renamed");
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused_by_its_field() {
    let w = World::new().await;
    let (vpc, _) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let made = acl(&w, &vpc, "acl", json!([rule(json!({"name": "one"}))])).await;
    let rules = format!("/network_acls/{made}/rules");
    for (change, target) in [
        (json!({"action": null}), "action"),
        (json!({"action": "reject"}), "action"),
        (json!({"direction": "both"}), "direction"),
        (json!({"source": null}), "source"),
        (json!({"source": "10.0.0.1/8"}), "source"),
        (json!({"destination": "fd00::/8"}), "destination"),
        (json!({"protocol": "icmp_tcp_udp"}), "protocol"),
        (json!({"source_port_min": 1}), "source_port_min"),
        (
            json!({"protocol": "tcp", "source_port_min": 9, "source_port_max": 8}),
            "source_port_max",
        ),
        (
            json!({"protocol": "udp", "destination_port_min": 0}),
            "destination_port_min",
        ),
        (
            json!({"protocol": "udp", "destination_port_max": 65536}),
            "destination_port_max",
        ),
        (json!({"protocol": "tcp", "type": 8}), "type"),
        (json!({"protocol": "icmp", "code": 8}), "type"),
        (json!({"protocol": "icmp", "type": 256}), "type"),
        (json!({"ip_version": "ipv6"}), "ip_version"),
        (
            json!({"before": {"id": "r006-00000000-0000-4000-8000-000000000007"}}),
            "before",
        ),
        (json!({"before": {"id": "x"}}), "before"),
        (json!({"name": "one"}), "name"),
        (json!({"more": 1}), "more"),
    ] {
        let answer = w.post(&rules, rule(change.clone())).await;
        let error = &answer.is(400).body["errors"][0];
        match target {
            "name" => assert_eq!(error["code"], "network_acl_duplicate_name"),
            _ => assert_eq!(error["target"]["name"], target, "{change}"),
        }
    }
    for number in 1..50 {
        let body =
            rule(json!({"name": format!("r-{number}"), "protocol": format!("number_{number}")}));
        w.post(&rules, body).await.is(201);
    }
    let refused = w.post(&rules, rule(json!({"name": "more"}))).await;
    refused.refused(400, "network_acl_rules_quota_exceeded");
    let body = json!({"name": "both", "vpc": {"id": vpc}, "rules": [], "source_network_acl": {"id": made}});
    w.post("/network_acls", body)
        .await
        .refused(400, "bad_field");
    let again = json!({"name": "acl", "vpc": {"id": vpc}});
    w.post("/network_acls", again)
        .await
        .refused(400, "network_acl_duplicate_name");
    for number in 0..23 {
        acl(&w, &vpc, &format!("acl-{number}"), json!([])).await;
    }
    let body = json!({"name": "more", "vpc": {"id": vpc}});
    w.post("/network_acls", body)
        .await
        .refused(400, "network_acls_quota_exceeded");
}
