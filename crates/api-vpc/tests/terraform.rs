//! The sequences of IBM's Terraform provider, a resource at a time: create, read, plan without changes,
//! update, import and destroy. Each request is as its sources make it; what it reads of an answer
//! without looking whether it is there has to be there.

mod environment;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// The version that the provider's SDK sends.
const VERSION: &str = "2026-07-07";

/// Requests as the provider sends them.
struct Terraform(World);

impl Terraform {
    async fn new() -> Self {
        Self(World::new().await)
    }

    async fn get(&self, path: &str) -> Answer {
        self.0.call(Method::GET, path, VERSION, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.0.call(Method::POST, path, VERSION, body).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.0.call(Method::PATCH, path, VERSION, body).await
    }

    /// Looks for it, deletes it, and waits until it is gone.
    async fn destroy(&self, path: &str, status: u16) {
        self.get(path).await.is(200);
        let deleted = self.0.call(Method::DELETE, path, VERSION, Value::Null);
        deleted.await.is(status);
        self.gone(path).await;
    }

    async fn gone(&self, path: &str) {
        self.0
            .until("it is gone", async || {
                self.get(path).await.status == StatusCode::NOT_FOUND
            })
            .await;
    }

    /// All pages of a list.
    async fn all(&self, path: &str, name: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let mut next = path.to_owned();
        loop {
            let page = self.get(&next).await;
            found.extend(page.is(200).body[name].as_array().unwrap().clone());
            let Some(href) = page.body["next"]["href"].as_str() else {
                return found;
            };
            let start = href.split_once("start=").unwrap().1;
            next = format!("{path}?start={start}");
        }
    }

    /// What the provider reads of a VPC, as it keeps it.
    async fn read_vpc(&self, id: &str) -> Value {
        let vpc = self.get(&format!("/vpcs/{id}")).await.is(200).body.clone();
        let path = format!("/vpcs/{id}/address_prefixes");
        let prefixes = self.all(&path, "address_prefixes").await;
        let prefixes = prefixes.iter().map(|one| {
            let zone = text(&one["zone"], "name");
            (
                zone,
                text(one, "cidr"),
                one["is_default"].as_bool().unwrap(),
            )
        });
        let prefixes: Vec<_> = prefixes.collect();
        let mut subnets = self.all("/subnets", "subnets").await;
        subnets.retain(|one| text(&one["vpc"], "id") == id);
        let subnets = subnets.iter().map(|one| {
            let counts = ["total_ipv4_address_count", "available_ipv4_address_count"];
            let counts = counts.map(|name| one[name].as_u64().unwrap());
            json!([
                text(one, "name"),
                text(one, "id"),
                text(one, "status"),
                text(&one["zone"], "name"),
                counts
            ])
        });
        let subnets: Vec<_> = subnets.collect();
        let groups = self.get(&format!("/security_groups?vpc.id={id}")).await;
        let groups = groups.is(200).body["security_groups"]
            .as_array()
            .unwrap()
            .clone();
        let groups = groups.iter().map(|group| {
            assert_eq!(text(&group["vpc"], "id"), id);
            let rules = group["rules"].as_array().unwrap().iter().map(|rule| {
                ["direction", "ip_version", "id", "protocol"].map(|name| text(rule, name))
            });
            json!([
                text(group, "name"),
                text(group, "id"),
                rules.collect::<Vec<_>>()
            ])
        });
        let groups: Vec<_> = groups.collect();
        let mut read = json!({
            "prefixes": prefixes, "subnets": subnets, "security_groups": groups,
            "classic_access": vpc["classic_access"].as_bool().unwrap(),
            "resource_group": text(&vpc["resource_group"], "id"),
            "resource_group_name": text(&vpc["resource_group"], "name"),
        });
        for name in ["name", "status", "crn", "health_state"] {
            read[name] = json!(text(&vpc, name));
        }
        for name in [
            "default_network_acl",
            "default_security_group",
            "default_routing_table",
        ] {
            read[name] = json!(["id", "name", "crn"].map(|part| text(&vpc[name], part)));
        }
        read
    }

    async fn read_subnet(&self, id: &str) -> Value {
        let subnet = self
            .get(&format!("/subnets/{id}"))
            .await
            .is(200)
            .body
            .clone();
        let table = ["id", "crn"].map(|part| text(&subnet["routing_table"], part));
        let mut read = json!({
            "vpc": text(&subnet["vpc"], "id"), "zone": text(&subnet["zone"], "name"),
            "network_acl": text(&subnet["network_acl"], "id"),
            "routing_table": table,
            "resource_group": text(&subnet["resource_group"], "id"),
            "total": subnet["total_ipv4_address_count"].as_u64().unwrap(),
            "available": subnet["available_ipv4_address_count"].as_u64().unwrap(),
        });
        for name in ["name", "ip_version", "ipv4_cidr_block", "status", "crn"] {
            read[name] = json!(text(&subnet, name));
        }
        assert!(subnet.get("public_gateway").is_none());
        read
    }

    async fn read_gateway(&self, id: &str) -> Value {
        let gateway = self.get(&format!("/vpn_gateways/{id}")).await;
        let gateway = gateway.is(200).body.clone();
        let members = gateway["members"].as_array().unwrap().iter().map(|member| {
            let addresses = ["public_ip", "private_ip"].map(|ip| text(&member[ip], "address"));
            json!([text(member, "role"), addresses])
        });
        let mut read = json!({
            "subnet": text(&gateway["subnet"], "id"), "vpc": text(&gateway["vpc"], "id"),
            "resource_group": text(&gateway["resource_group"], "id"),
            "resource_group_name": text(&gateway["resource_group"], "name"),
            "members": members.collect::<Vec<_>>(),
        });
        for name in [
            "name",
            "mode",
            "crn",
            "created_at",
            "health_state",
            "lifecycle_state",
        ] {
            read[name] = json!(text(&gateway, name));
        }
        read
    }

    async fn read_connection(&self, gateway: &str, id: &str) -> Value {
        let path = format!("/vpn_gateways/{gateway}/connections/{id}");
        let one = self.get(&path).await.is(200).body.clone();
        text(&self.read_gateway(gateway).await, "crn");
        let mut read = json!({
            "admin_state_up": one["admin_state_up"].as_bool().unwrap(),
            "ike_policy": one["ike_policy"]["id"], "ipsec_policy": one["ipsec_policy"]["id"],
            "dead_peer_detection": one["dead_peer_detection"],
            "local": one["local"], "peer": one["peer"],
            "address": text(&one["peer"], "address"),
        });
        for name in [
            "name",
            "mode",
            "psk",
            "establish_mode",
            "authentication_mode",
            "created_at",
        ] {
            read[name] = json!(text(&one, name));
        }
        read
    }

    /// A VPC, a subnet and a gateway in it, as their resources make them; their ids.
    async fn gateway(&self) -> (String, String, String) {
        let body =
            json!({"name": "vpc", "address_prefix_management": "auto", "classic_access": false});
        let vpc = self.post("/vpcs", body).await.is(201).id();
        let body = json!({
            "name": "subnet", "vpc": {"id": vpc}, "zone": {"name": "us-south-1"},
            "ipv4_cidr_block": "10.240.0.0/24",
        });
        let subnet = self.post("/subnets", body).await.is(201).id();
        let body = json!({"name": "gateway", "mode": "policy", "subnet": {"id": subnet}});
        let gateway = self.post("/vpn_gateways", body).await.is(201).id();
        let path = format!("/vpn_gateways/{gateway}");
        self.0
            .until("it is stable", async || {
                self.get(&path).await.body["lifecycle_state"] == "stable"
            })
            .await;
        (vpc, subnet, gateway)
    }
}

/// A text that has to be there.
#[track_caller]
fn text(of: &Value, name: &str) -> String {
    let text = of[name].as_str();
    text.unwrap_or_else(|| panic!("there is no {name} in {of}"))
        .to_owned()
}

#[tokio::test]
async fn ibm_is_vpc() {
    let t = Terraform::new().await;
    let body = json!({
        "name": "vpc", "address_prefix_management": "auto", "classic_access": false,
        "resource_group": {"id": "d28a2jsiw1pl2g22q8462tyr321416z2"},
    });
    let id = t.post("/vpcs", body).await.is(201).id();
    let path = format!("/vpcs/{id}");
    assert_eq!(t.get(&path).await.is(200).body["status"], "available");
    let read = t.read_vpc(&id).await;
    assert_eq!(read["name"], "vpc");
    assert_eq!(read["resource_group"], "d28a2jsiw1pl2g22q8462tyr321416z2");
    assert_eq!(read["prefixes"].as_array().unwrap().len(), 3);
    assert_eq!(
        read["security_groups"][0][1],
        read["default_security_group"][0]
    );
    // Another VPC's are not among them, and nothing changes by itself.
    let body =
        json!({"name": "other", "address_prefix_management": "auto", "classic_access": false});
    let other = t.post("/vpcs", body).await.is(201).id();
    assert_eq!(t.read_vpc(&id).await, read);
    // The data source finds it by its name, among all.
    let all = t.all("/vpcs", "vpcs").await;
    let found = all.iter().find(|one| one["name"] == "vpc").unwrap();
    assert_eq!(found["id"], id.as_str());
    t.patch(&path, json!({"name": "renamed"})).await.is(200);
    assert_eq!(t.read_vpc(&id).await["name"], "renamed");
    t.destroy(&path, 204).await;
    t.destroy(&format!("/vpcs/{other}"), 204).await;
}

#[tokio::test]
async fn a_vpcs_defaults_are_there_by_what_names_them() {
    let t = Terraform::new().await;
    let (vpc, subnet, _) = t.gateway().await;
    let shown = t.get(&format!("/vpcs/{vpc}")).await.body;
    for (name, list) in [
        ("default_security_group", "rules"),
        ("default_network_acl", "rules"),
        ("default_routing_table", "routes"),
    ] {
        let reference = &shown[name];
        let of_vpc = t
            .get(&format!("/vpcs/{vpc}/{name}"))
            .await
            .is(200)
            .body
            .clone();
        let href = text(reference, "href");
        let path = href.strip_prefix("http://vpn.example:9696/v1").unwrap();
        let by_href = t.get(path).await.is(200).body.clone();
        assert_eq!(of_vpc, by_href);
        for part in ["id", "name", "crn"] {
            assert_eq!(by_href[part], reference[part], "{name}");
        }
        let listed = t.get(&format!("{path}/{list}")).await.is(200).body.clone();
        let listed = listed[list].as_array().unwrap();
        assert_eq!(listed, by_href[list].as_array().unwrap());
        for rule in listed {
            let rule_path = format!("{path}/{list}/{}", text(rule, "id"));
            assert_eq!(&t.get(&rule_path).await.is(200).body, rule);
        }
        let nothing = format!("{}x", text(reference, "id"));
        let elsewhere = path.replace(&text(reference, "id"), &nothing);
        let code = format!("{}_not_found", name.strip_prefix("default_").unwrap());
        t.get(&elsewhere).await.refused(404, &code);
    }
    for name in ["network_acl", "routing_table"] {
        let of_subnet = t.get(&format!("/subnets/{subnet}/{name}")).await;
        let subnets = &of_subnet.is(200).body["subnets"];
        assert_eq!(subnets[0]["id"], subnet.as_str(), "{name}");
    }
    let path = format!("/vpcs/{vpc}/routing_tables");
    assert_eq!(t.all(&path, "routing_tables").await.len(), 1);
    assert_eq!(t.all("/network_acls", "network_acls").await.len(), 1);
}

#[tokio::test]
async fn ibm_is_subnet() {
    let t = Terraform::new().await;
    let body = json!({"name": "vpc", "address_prefix_management": "auto", "classic_access": false});
    let vpc = t.post("/vpcs", body).await.is(201).id();
    for block in [
        json!({"ipv4_cidr_block": "10.240.0.0/24"}),
        json!({"total_ipv4_address_count": 256}),
    ] {
        let mut body = json!({
            "name": "subnet", "vpc": {"id": vpc}, "zone": {"name": "us-south-1"},
            "resource_group": {"id": "group-1"},
        });
        body.as_object_mut()
            .unwrap()
            .extend(block.as_object().unwrap().clone());
        let id = t.post("/subnets", body).await.is(201).id();
        let path = format!("/subnets/{id}");
        assert_eq!(t.get(&path).await.is(200).body["status"], "available");
        let read = t.read_subnet(&id).await;
        assert_eq!(
            (&read["vpc"], &read["zone"]),
            (&json!(vpc), &json!("us-south-1"))
        );
        assert_eq!(
            (&read["total"], &read["resource_group"]),
            (&json!(256), &json!("group-1"))
        );
        assert_eq!(t.read_subnet(&id).await, read);
        t.patch(&path, json!({"name": "renamed"})).await.is(200);
        assert_eq!(t.read_subnet(&id).await["name"], "renamed");
        t.destroy(&path, 204).await;
    }
}

#[tokio::test]
async fn ibm_is_vpn_gateway() {
    let t = Terraform::new().await;
    let (vpc, subnet, id) = t.gateway().await;
    let path = format!("/vpn_gateways/{id}");
    let read = t.read_gateway(&id).await;
    assert_eq!(
        (&read["vpc"], &read["subnet"]),
        (&json!(vpc), &json!(subnet))
    );
    assert_eq!(
        (&read["mode"], &read["resource_group"]),
        (&json!("policy"), &json!("default"))
    );
    assert_eq!(read["members"].as_array().unwrap().len(), 2);
    assert_eq!(t.read_gateway(&id).await, read);
    let all = t.all("/vpn_gateways", "vpn_gateways").await;
    assert_eq!(all[0]["id"], id.as_str());
    t.patch(&path, json!({"name": "renamed"})).await.is(200);
    assert_eq!(t.read_gateway(&id).await["name"], "renamed");
    // The provider's own default for it.
    let route = json!({"name": "other", "mode": "route", "subnet": {"id": subnet}});
    let other = t.post("/vpn_gateways", route).await.is(201).id();
    let read = t.read_gateway(&other).await;
    assert_eq!(read["mode"], "route");
    let roles = read["members"].as_array().unwrap().iter();
    let roles: Vec<_> = roles.map(|member| &member[0]).collect();
    assert_eq!(roles, ["active", "active"]);
    let other = format!("/vpn_gateways/{other}");
    let deleted = t.0.call(Method::DELETE, &other, VERSION, Value::Null).await;
    deleted.is(202);
    t.gone(&other).await;
    let deleted = t.0.call(Method::DELETE, &path, VERSION, Value::Null).await;
    deleted.is(202);
    t.gone(&path).await;
    t.destroy(&format!("/subnets/{subnet}"), 204).await;
    t.destroy(&format!("/vpcs/{vpc}"), 204).await;
}

#[tokio::test]
async fn ibm_is_vpn_gateway_connection() {
    let t = Terraform::new().await;
    let (_, _, gateway) = t.gateway().await;
    let body = json!({
        "name": "ike", "authentication_algorithm": "sha256", "encryption_algorithm": "aes256",
        "dh_group": 14, "ike_version": 2, "key_lifetime": 28800,
    });
    let ike = t.post("/ike_policies", body).await.is(201).id();
    t.get(&format!("/vpn_gateways/{gateway}")).await.is(200);
    let many = format!("/vpn_gateways/{gateway}/connections");
    let body = json!({
        "name": "connection", "psk": "VPNDemoPassword", "admin_state_up": true,
        "dead_peer_detection": {"action": "restart", "interval": 2, "timeout": 10},
        "establish_mode": "bidirectional",
        "local": {"cidrs": ["10.240.0.0/24"], "ike_identities": []},
        "peer": {"address": "169.61.161.150", "cidrs": ["192.168.0.0/24", "192.168.2.0/24"]},
        "ike_policy": {"id": ike},
    });
    let id = t.post(&many, body).await.is(201).id();
    let path = format!("{many}/{id}");
    let read = t.read_connection(&gateway, &id).await;
    assert_eq!(read["local"]["cidrs"], json!(["10.240.0.0/24"]));
    assert_eq!(
        read["peer"]["cidrs"],
        json!(["192.168.0.0/24", "192.168.2.0/24"])
    );
    assert_eq!(
        (&read["psk"], &read["ike_policy"]),
        (&json!("VPNDemoPassword"), &json!(ike))
    );
    assert_eq!(t.read_connection(&gateway, &id).await, read);
    // An update changes blocks one by one, then the rest: an end's own object may be empty then.
    let cidr = |side: &str, block: &str| format!("{path}/{side}/cidrs/{block}");
    let gone = cidr("peer", "192.168.2.0%2F24");
    t.0.call(Method::DELETE, &gone, VERSION, Value::Null)
        .await
        .is(204);
    for block in [
        cidr("peer", "192.168.3.0%2F24"),
        cidr("local", "10.240.1.0%2F24"),
    ] {
        t.0.call(Method::PUT, &block, VERSION, Value::Null)
            .await
            .is(201);
    }
    let change = json!({
        "name": "renamed", "psk": "AnotherPassword", "peer": {}, "admin_state_up": false,
        "dead_peer_detection": {"action": "none", "interval": 30, "timeout": 120},
    });
    t.patch(&path, change).await.is(200);
    t.patch(&path, json!({"peer": {"address": "169.61.161.151"}}))
        .await
        .is(200);
    // Without a policy, the provider leaves the field away or sends null.
    t.patch(&path, json!({"ike_policy": null})).await.is(200);
    let read = t.read_connection(&gateway, &id).await;
    assert_eq!(
        read["peer"]["cidrs"],
        json!(["192.168.0.0/24", "192.168.3.0/24"])
    );
    assert_eq!(
        (&read["name"], &read["address"]),
        (&json!("renamed"), &json!("169.61.161.151"))
    );
    assert_eq!(
        (&read["ike_policy"], &read["admin_state_up"]),
        (&Value::Null, &json!(false))
    );
    t.destroy(&path, 202).await;
    t.destroy(&format!("/vpn_gateways/{gateway}"), 202).await;
    t.get(&path).await.refused(404, "vpn_gateway_not_found");
}

#[tokio::test]
async fn ibm_is_vpc_routing_table_route() {
    let t = Terraform::new().await;
    let (vpc, subnet, _) = t.gateway().await;
    let body = json!({"name": "routed", "mode": "route", "subnet": {"id": subnet}});
    let gateway = t.post("/vpn_gateways", body).await.is(201).id();
    let many = format!("/vpn_gateways/{gateway}/connections");
    let body = json!({
        "name": "way", "psk": "VPNDemoPassword", "admin_state_up": true,
        "distribute_traffic": true, "peer": {"address": "169.61.161.150"},
    });
    let connection = t.post(&many, body).await.is(201).id();
    let table = t.get(&format!("/vpcs/{vpc}")).await.body["default_routing_table"]["id"].clone();
    let routes = format!(
        "/vpcs/{vpc}/routing_tables/{}/routes",
        table.as_str().unwrap()
    );
    let body = json!({
        "name": "to-branch", "action": "deliver", "destination": "192.168.4.0/24",
        "next_hop": {"id": connection}, "zone": {"name": "us-south-1"}, "priority": 2,
    });
    let id = t.post(&routes, body).await.is(201).id();
    let path = format!("{routes}/{id}");
    let read = t.get(&path).await.is(200).body.clone();
    for name in [
        "id",
        "name",
        "href",
        "lifecycle_state",
        "destination",
        "action",
        "origin",
    ] {
        text(&read, name);
    }
    assert_eq!(text(&read["zone"], "name"), "us-south-1");
    assert_eq!(text(&read["next_hop"], "id"), connection);
    assert_eq!(
        (&read["priority"], &read["advertise"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(t.get(&path).await.body, read);
    let all = t.all(&routes, "routes").await;
    assert_eq!(all[0]["id"], id.as_str());
    t.patch(&path, json!({"name": "renamed", "priority": 1}))
        .await
        .is(200);
    // What is still used is kept, whichever of them is destroyed first.
    for used in [
        format!("{many}/{connection}"),
        format!("/vpn_gateways/{gateway}"),
    ] {
        let kept = t.0.call(Method::DELETE, &used, VERSION, Value::Null).await;
        assert_eq!(kept.status, 409, "{kept:?}");
    }
    t.destroy(&path, 204).await;
    t.destroy(&format!("{many}/{connection}"), 202).await;
    t.destroy(&format!("/vpn_gateways/{gateway}"), 202).await;
}

#[tokio::test]
async fn ibm_is_ike_policy() {
    let t = Terraform::new().await;
    let body = json!({
        "name": "ike", "authentication_algorithm": "sha256", "encryption_algorithm": "aes256",
        "dh_group": 14, "ike_version": 2, "key_lifetime": 28800, "resource_group": {"id": "group-1"},
    });
    let id = t.post("/ike_policies", body).await.is(201).id();
    let path = format!("/ike_policies/{id}");
    let read = t.get(&path).await.is(200).body.clone();
    for name in [
        "authentication_algorithm",
        "encryption_algorithm",
        "href",
        "negotiation_mode",
    ] {
        text(&read, name);
    }
    assert_eq!(text(&read["resource_group"], "id"), "group-1");
    assert_eq!(text(&read["resource_group"], "name"), "group-1");
    assert_eq!(t.get(&path).await.body, read);
    // What did not change of the lists is null.
    let change = json!({
        "name": "renamed", "dh_group": 19, "encryption_algorithms": null, "dh_groups": null,
        "authentication_algorithms": null,
    });
    t.patch(&path, change).await.is(200);
    let change = json!({
        "encryption_algorithms": ["aes256", "aes128"], "dh_groups": null, "authentication_algorithms": null,
    });
    t.patch(&path, change).await.is(200);
    let read = t.get(&path).await.is(200).body.clone();
    assert_eq!(
        (&read["name"], &read["dh_groups"]),
        (&json!("renamed"), &json!([19]))
    );
    assert_eq!(read["encryption_algorithm"], "multiple");
    t.destroy(&path, 204).await;
}

#[tokio::test]
async fn ibm_is_ipsec_policy() {
    let t = Terraform::new().await;
    let body = json!({
        "name": "ipsec", "authentication_algorithm": "sha256", "encryption_algorithm": "aes256",
        "pfs": "group_14", "key_lifetime": 3600,
    });
    let id = t.post("/ipsec_policies", body).await.is(201).id();
    let path = format!("/ipsec_policies/{id}");
    let read = t.get(&path).await.is(200).body.clone();
    for name in ["pfs", "encapsulation_mode", "transform_protocol", "href"] {
        text(&read, name);
    }
    assert_eq!(t.get(&path).await.body, read);
    let change = json!({
        "pfs": "disabled", "encryption_algorithms": null, "pfs_groups": null,
        "authentication_algorithms": null,
    });
    t.patch(&path, change).await.is(200);
    assert_eq!(t.get(&path).await.is(200).body["pfs"], "disabled");
    t.destroy(&path, 204).await;
}

#[tokio::test]
async fn ibm_resource_group() {
    let t = Terraform::new().await;
    let request = |path: &str| {
        axum::http::Request::get(format!("/v2/resource_groups{path}"))
            .header("host", "vpn.example:9696")
            .header("authorization", format!("Bearer {}", t.0.token))
            .body(axum::body::Body::empty())
            .unwrap()
    };
    let names = |answer: &Answer| -> Vec<String> {
        let all = answer.is(200).body["resources"].as_array().unwrap();
        all.iter().map(|one| text(one, "id")).collect()
    };
    assert_eq!(
        names(&t.0.send(request("?default=true")).await),
        ["default"]
    );
    let body = json!({"name": "vpc", "resource_group": {"id": "group-1"}});
    let vpc = t.post("/vpcs", body).await;
    assert_eq!(names(&t.0.send(request("")).await), ["default", "group-1"]);
    assert_eq!(
        names(&t.0.send(request("?name=group-1")).await),
        ["group-1"]
    );
    // What a thing's group links to is there, and says the same.
    let group = &vpc.is(201).body["resource_group"];
    assert_eq!(
        group["href"],
        "http://vpn.example:9696/v2/resource_groups/group-1"
    );
    let found = t.0.send(request("/group-1")).await;
    for name in ["id", "name", "href"] {
        assert_eq!(found.is(200).body[name], group[name]);
    }
    t.0.send(request("/nobody"))
        .await
        .refused(404, "resource_group_not_found");
    t.0.send(request("?x=1"))
        .await
        .refused(400, "bad_parameter");
}
