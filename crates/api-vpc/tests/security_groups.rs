//! Security groups: what they say, what is refused, and what machines are told of them.

use adit_model::desired::FilterRule;
use adit_model::security_group::Direction;
use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{NEW, World, with};

/// An instance's id, and that of its network interface.
async fn instance(w: &World, name: &str, nic: Value) -> (String, String) {
    let body = json!({"name": name, "primary_network_interface": nic});
    let made = w.post("/instances", body).await;
    let nic = made.is(201).body["primary_network_interface"]["id"].as_str();
    (made.id(), nic.unwrap().to_owned())
}

async fn group(w: &World, vpc: &str, name: &str, rules: Value) -> String {
    let body = json!({"name": name, "vpc": {"id": vpc}, "rules": rules});
    w.post("/security_groups", body).await.is(201).id()
}

/// What the agent lets through to a machine; nothing while it is not there.
fn filter(w: &World, instance: &str) -> Option<Vec<FilterRule>> {
    let id = instance.strip_prefix("0738-")?.parse().ok()?;
    let networks = w.agent.networks();
    let mut machines = networks.into_iter().flat_map(|spec| spec.instances);
    machines.find(|machine| machine.id == id)?.filter
}

fn ids(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_vpc_has_a_default_group_that_lets_everything_through_until_it_is_changed() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let shown = w.get(&format!("/vpcs/{vpc}")).await;
    let id = shown.is(200).body["default_security_group"]["id"].clone();
    let path = format!("/security_groups/{}", id.as_str().unwrap());
    let default = w.call(Method::GET, &path, "2026-07-07", Value::Null).await;
    let rules = default.is(200).body["rules"].as_array().unwrap().clone();
    let said = |rule: &Value| {
        ["direction", "protocol", "name"].map(|name| rule[name].as_str().unwrap().to_owned())
    };
    let said: Vec<_> = rules.iter().map(said).collect();
    assert_eq!(
        said,
        [
            ["inbound", "any", "allow-inbound"],
            ["outbound", "any", "allow-outbound"]
        ]
    );
    let (vm, nic) = instance(&w, "vm", json!({"subnet": {"id": subnet}})).await;
    let seen = w.get(&path).await;
    assert_eq!(ids(&seen.body["targets"]), [nic.as_str()]);
    w.until("everything passes", async || {
        filter(&w, &vm).is_some_and(|filter| filter.iter().all(|rule| rule.remote.is_none()))
    })
    .await;
    // It stays, whatever it is called; what it allows is the user's.
    w.delete(&path).await.refused(409, "security_group_in_use");
    let renamed = w.patch(&path, json!({"name": "mine"})).await;
    assert_eq!(renamed.is(200).body["name"], "mine");
    let shown = w.get(&format!("/vpcs/{vpc}")).await;
    assert_eq!(shown.body["default_security_group"]["name"], "mine");
    let rule = rules[0]["id"].as_str().unwrap();
    w.delete(&format!("{path}/rules/{rule}")).await.is(204);
    w.until("nothing comes in", async || {
        let filter = filter(&w, &vm).unwrap_or_default();
        filter.len() == 1
            && filter
                .iter()
                .all(|rule| rule.direction == Direction::Egress)
    })
    .await;
    w.delete(&format!("/instances/{vm}")).await.is(204);
    w.delete(&format!("/subnets/{subnet}")).await.is(204);
    w.delete(&format!("/vpcs/{vpc}")).await.is(204);
    w.get(&path).await.refused(404, "security_group_not_found");
    assert_eq!(w.get("/security_groups").await.body["total_count"], 0);
}

#[tokio::test]
async fn a_rule_is_made_shown_changed_and_unmade() {
    let w = World::new().await;
    let (vpc, _) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let friends = group(&w, &vpc, "friends", json!([])).await;
    let ssh = json!({
        "name": "ssh", "direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 23,
        "remote": {"address": "192.168.0.7"},
    });
    let made = group(&w, &vpc, "group", json!([ssh.clone()])).await;
    let path = format!("/security_groups/{made}");
    let shown = w.get(&path).await.body;
    for (name, value) in ssh.as_object().unwrap() {
        assert_eq!(&shown["rules"][0][name], value, "{name}");
    }
    let rules = format!("{path}/rules");
    for (rule, more) in [
        (
            json!({"protocol": "icmp", "type": 8, "code": 0}),
            json!({"remote": {"cidr_block": "0.0.0.0/0"}}),
        ),
        (
            json!({"protocol": "icmp", "type": 8}),
            json!({"remote": {"cidr_block": "10.0.0.0/8"}}),
        ),
        (
            json!({"protocol": "udp", "remote": {"cidr_block": "192.168.0.7/32"}}),
            json!({}),
        ),
        (
            json!({"protocol": "number_89"}),
            json!({"local": {"cidr_block": "0.0.0.0/0"}}),
        ),
        (
            json!({"protocol": "ip_in_ip", "ip_version": "ipv4"}),
            json!({}),
        ),
    ] {
        let rule = with(with(rule, more), json!({"direction": "outbound"}));
        let answer = w.post(&rules, rule.clone()).await;
        for (name, value) in rule.as_object().unwrap() {
            assert_eq!(&answer.is(201).body[name], value, "{name}");
        }
        let one = format!("{rules}/{}", answer.id());
        assert_eq!(w.get(&one).await.is(200).body, answer.body);
        w.delete(&one).await.is(204);
        w.get(&one)
            .await
            .refused(404, "security_group_rule_not_found");
    }
    let rule = json!({"direction": "inbound", "protocol": "all", "remote": {"id": friends}});
    let answer = w.post(&rules, rule).await;
    assert_eq!(answer.is(201).body["remote"]["name"], "friends");
    let one = format!("{rules}/{}", answer.id());
    let change =
        json!({"name": "other", "direction": "outbound", "remote": {"cidr_block": "10.9.0.0/16"}});
    let changed = w.patch(&one, change.clone()).await;
    for (name, value) in change.as_object().unwrap() {
        assert_eq!(&changed.is(200).body[name], value, "{name}");
    }
    let ssh = format!("{rules}/{}", shown["rules"][0]["id"].as_str().unwrap());
    let changed = w
        .patch(&ssh, json!({"port_min": 443, "port_max": 443}))
        .await;
    assert_eq!(changed.is(200).body["port_min"], 443);
    let changed = w
        .patch(&ssh, json!({"port_min": null, "port_max": null}))
        .await;
    assert_eq!(changed.is(200).body.get("port_min"), None);
    assert_eq!(
        w.get(&rules).await.body["rules"].as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused_by_its_field() {
    let w = World::new().await;
    let (vpc, _) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let other = w.post("/vpcs", json!({"name": "vpc-2"})).await.is(201).id();
    let elsewhere = group(&w, &other, "elsewhere", json!([])).await;
    let made = group(&w, &vpc, "group", json!([])).await;
    let rules = format!("/security_groups/{made}/rules");
    let tcp = json!({"direction": "inbound", "protocol": "tcp"});
    for (change, target) in [
        (json!({"direction": null}), "direction"),
        (json!({"direction": "sideways"}), "direction"),
        (json!({"protocol": "tcpp"}), "protocol"),
        (json!({"protocol": "icmp_tcp_udp"}), "protocol"),
        (
            json!({"protocol": "esp", "port_min": 1, "port_max": 2}),
            "port_min",
        ),
        (json!({"type": 8}), "type"),
        (json!({"protocol": "icmp", "port_min": 1}), "port_min"),
        (json!({"protocol": "icmp", "code": 1}), "type"),
        (json!({"protocol": "icmp", "type": 256}), "type"),
        (json!({"port_min": 1}), "port_max"),
        (json!({"port_max": 1}), "port_min"),
        (json!({"port_min": 0, "port_max": 1}), "port_min"),
        (json!({"port_min": 2, "port_max": 1}), "port_max"),
        (json!({"port_min": 1, "port_max": 65536}), "port_max"),
        (json!({"ip_version": "ipv6"}), "ip_version"),
        (json!({"local": {"address": "10.0.0.1"}}), "local.address"),
        (
            json!({"local": {"cidr_block": "10.0.0.0/8"}}),
            "local.cidr_block",
        ),
        (
            json!({"remote": {"cidr_block": "10.0.0.1/8"}}),
            "remote.cidr_block",
        ),
        (
            json!({"remote": {"cidr_block": "2001:db8::/32"}}),
            "remote.cidr_block",
        ),
        (json!({"remote": {"address": "10.0.0"}}), "remote.address"),
        (json!({"remote": {}}), "remote.id"),
        (json!({"remote": {"id": elsewhere}}), "remote"),
        (json!({"more": 1}), "more"),
    ] {
        let answer = w.post(&rules, with(tcp.clone(), change.clone())).await;
        assert_eq!(
            answer.is(400).body["errors"][0]["target"]["name"],
            target,
            "{change}"
        );
    }
    let nobody = json!({"remote": {"id": "r006-00000000-0000-4000-8000-000000000007"}});
    w.post(&rules, with(tcp.clone(), nobody))
        .await
        .refused(404, "security_group_not_found");
    w.post(&rules, tcp.clone()).await.is(201);
    let again = w.post(&rules, with(tcp, json!({"name": "again"}))).await;
    again.refused(400, "bad_field");
}

#[tokio::test]
async fn groups_have_their_limits_and_their_names() {
    let w = World::new().await;
    let (vpc, _) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let made = group(&w, &vpc, "group-0", json!([])).await;
    let new = |name: &str| json!({"name": name, "vpc": {"id": vpc}});
    let again = w.post("/security_groups", new("group-0")).await;
    again.refused(400, "security_group_duplicate_name");
    assert!(
        again.body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains(&made)
    );
    // Anywhere else it is free, and so is the name that OpenStack's default one has.
    group(&w, &vpc, "default", json!([])).await;
    for number in 1..23 {
        group(&w, &vpc, &format!("group-{number}"), json!([])).await;
    }
    w.post("/security_groups", new("one-more"))
        .await
        .refused(400, "security_groups_quota_exceeded");
    let rules = format!("/security_groups/{made}/rules");
    let rule = |port: u16| json!({"direction": "inbound", "protocol": "tcp", "port_min": port, "port_max": port});
    for port in 1..26 {
        w.post(&rules, rule(port)).await.is(201);
    }
    w.post(&rules, rule(26))
        .await
        .refused(400, "security_group_rules_quota_exceeded");
    let all = w
        .get(&format!("/security_groups?vpc.id={vpc}&limit=1"))
        .await;
    assert_eq!(all.is(200).body["total_count"], 25);
    w.post("/security_groups", json!({"name": "x"}))
        .await
        .refused(400, "missing_field");
}

#[tokio::test]
async fn an_interface_has_the_groups_it_was_given_and_at_least_one() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let (other, elsewhere) = w.subnet("vpc-2", "10.241.0.0/24").await;
    let one = group(&w, &vpc, "one", json!([])).await;
    let two = group(&w, &vpc, "two", json!([])).await;
    let foreign = group(&w, &other, "foreign", json!([])).await;
    let nic = json!({"subnet": {"id": subnet}, "security_groups": [{"id": one}]});
    let (vm, interface) = instance(&w, "vm", nic).await;
    let shown = async || {
        let body = w.get(&format!("/instances/{vm}")).await.body;
        let groups = &body["primary_network_interface"]["security_groups"];
        let names = groups.as_array().unwrap().iter();
        names
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(shown().await, ["one"]);
    for (groups, status) in [
        (json!([{"id": foreign}]), 400),
        (json!([]), 400),
        (
            json!([{"id": "r006-00000000-0000-4000-8000-000000000007"}]),
            404,
        ),
        (json!([{}]), 400),
    ] {
        let nic = json!({"subnet": {"id": subnet}, "security_groups": groups});
        let body = json!({"name": "no", "primary_network_interface": nic});
        w.post("/instances", body).await.is(status);
    }
    let target = |group: &str| format!("/security_groups/{group}/targets/{interface}");
    w.get(&target(&two))
        .await
        .refused(404, "security_group_target_not_found");
    w.put(&target(&foreign)).await.refused(400, "bad_field");
    for _ in 0..2 {
        let added = w.put(&target(&two)).await;
        assert_eq!(added.is(200).body["id"], interface.as_str());
    }
    assert_eq!(shown().await, ["one", "two"]);
    // As clients of before 2021 ask.
    let old = format!("/security_groups/{two}/network_interfaces");
    let listed = w.get(&old).await;
    let whole = listed.is(200).body["network_interfaces"][0].clone();
    assert_eq!(whole["primary_ipv4_address"], "10.240.0.4");
    let old = format!("{old}/{interface}");
    assert_eq!(w.get(&old).await.is(200).body, whole);
    w.delete(&old).await.is(204);
    w.get(&old)
        .await
        .refused(404, "security_group_target_not_found");
    assert_eq!(w.put(&old).await.is(200).body["id"], interface.as_str());
    w.delete(&format!("/security_groups/{two}"))
        .await
        .refused(409, "security_group_in_use");
    let listed = w.get(&format!("/security_groups/{two}/targets")).await;
    assert_eq!(ids(&listed.is(200).body["targets"]), [interface.as_str()]);
    w.delete(&target(&one)).await.is(204);
    w.delete(&target(&one))
        .await
        .refused(404, "security_group_target_not_found");
    w.delete(&target(&two))
        .await
        .refused(409, "security_group_target_last");
    assert_eq!(shown().await, ["two"]);
    w.delete(&format!("/security_groups/{one}")).await.is(204);
    w.delete(&format!("/instances/{vm}")).await.is(204);
    // A group that others name is in the way, too.
    let names_it = json!([{"direction": "inbound", "protocol": "all", "remote": {"id": two}}]);
    let three = group(&w, &vpc, "three", names_it).await;
    let refused = w.delete(&format!("/security_groups/{two}")).await;
    refused.refused(409, "security_group_in_use");
    w.delete(&format!("/security_groups/{three}")).await.is(204);
    w.delete(&format!("/security_groups/{two}")).await.is(204);
    w.delete(&format!("/subnets/{elsewhere}")).await.is(204);
}

#[tokio::test]
async fn a_group_is_changed_at_the_version_it_was_read_at() {
    let w = World::new().await;
    let (vpc, _) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let made = group(&w, &vpc, "group", json!([])).await;
    let path = format!("/security_groups/{made}");
    let patch = |etag: &str| {
        let request = w
            .request(&Method::PATCH, &path, NEW)
            .header("if-match", etag);
        request
            .body(json!({"name": "renamed"}).to_string().into())
            .unwrap()
    };
    w.send(patch("W/\"7\""))
        .await
        .refused(412, "precondition_failed");
    w.send(patch("W/\"1\"")).await.is(200);
}
