//! What VPN stands in: who may speak to whom, and how one gets outside.

use axum::http::Method;
use serde_json::{Value, json};

use super::{Terraform, VERSION, text};

impl Terraform {
    async fn put(&self, path: &str, body: Value) -> crate::world::Answer {
        self.0.call(Method::PUT, path, VERSION, body).await
    }

    /// A VPC, a subnet and an instance in it; their ids, and that of its interface.
    async fn instance(&self) -> (String, String, String, String) {
        let vpc = self
            .post("/vpcs", json!({"name": "vpc"}))
            .await
            .is(201)
            .id();
        let body = json!({
            "name": "subnet", "vpc": {"id": vpc}, "zone": {"name": "us-south-1"},
            "ipv4_cidr_block": "10.240.0.0/24",
        });
        let subnet = self.post("/subnets", body).await.is(201).id();
        let body = json!({"name": "vm", "primary_network_interface": {"subnet": {"id": subnet}}});
        let instance = self.post("/instances", body).await;
        let nic = text(&instance.is(201).body["primary_network_interface"], "id");
        (vpc, subnet, instance.id(), nic)
    }
}

#[tokio::test]
async fn ibm_is_security_group() {
    let t = Terraform::new().await;
    let (vpc, _, _, nic) = t.instance().await;
    let body = json!({"name": "group", "vpc": {"id": vpc}, "resource_group": {"id": "group-1"}});
    let id = t.post("/security_groups", body).await.is(201).id();
    let path = format!("/security_groups/{id}");
    let read = async || {
        let group = t.get(&path).await.is(200).body.clone();
        let rules = group["rules"].as_array().unwrap().iter().map(|rule| {
            ["direction", "ip_version", "protocol", "id", "name"].map(|name| text(rule, name))
        });
        json!([
            text(&group, "name"),
            text(&group, "crn"),
            text(&group["vpc"], "id"),
            text(&group["resource_group"], "id"),
            text(&group["resource_group"], "name"),
            rules.collect::<Vec<_>>(),
        ])
    };
    let first = read().await;
    assert_eq!((&first[2], &first[5]), (&json!(vpc), &json!([])));
    assert_eq!(read().await, first);
    t.patch(&path, json!({"name": "renamed"})).await.is(200);
    assert_eq!(read().await[0], "renamed");
    // Rules are resources of their own; targets too.
    let rules = format!("{path}/rules");
    for (rule, change) in [
        (
            json!({"protocol": "tcp", "port_min": 22, "port_max": 22, "remote": {"cidr_block": "10.0.0.5/32"}}),
            json!({"port_min": 80, "port_max": 81, "direction": "outbound"}),
        ),
        (
            json!({"protocol": "icmp", "type": 20, "code": 30, "remote": {"address": "10.0.0.5"}}),
            json!({"type": 8, "code": null}),
        ),
        (
            json!({"protocol": "any", "remote": {"id": id}}),
            json!({"remote": {"cidr_block": "0.0.0.0/0"}, "name": "renamed"}),
        ),
    ] {
        let mut body = json!({"direction": "inbound", "ip_version": "ipv4"});
        let fields = body.as_object_mut().unwrap();
        fields.extend(rule.as_object().unwrap().clone());
        let made = t.post(&rules, body.clone()).await;
        for (name, value) in body.as_object().unwrap() {
            let shown = &made.is(201).body[name];
            match value["id"].is_string() {
                true => assert_eq!(shown["id"], value["id"]),
                false => assert_eq!(shown, value, "{name}"),
            }
        }
        let one = format!("{rules}/{}", made.id());
        assert_eq!(t.get(&one).await.is(200).body, made.body);
        t.patch(&one, change).await.is(200);
        t.destroy(&one, 204).await;
    }
    let target = format!("{path}/targets/{nic}");
    t.put(&target, Value::Null).await.is(200);
    let shown = t.get(&target).await.is(200).body.clone();
    for name in ["id", "name", "resource_type", "href"] {
        text(&shown, name);
    }
    t.destroy(&target, 204).await;
    t.destroy(&path, 204).await;
}

#[tokio::test]
async fn ibm_is_floating_ip() {
    let t = Terraform::new().await;
    let (_, _, _, nic) = t.instance().await;
    for body in [
        json!({"name": "free", "zone": {"name": "us-south-1"}, "resource_group": {"id": "group-1"}}),
        json!({"name": "bound", "target": {"id": nic}}),
    ] {
        let id = t.post("/floating_ips", body.clone()).await.is(201).id();
        let path = format!("/floating_ips/{id}");
        let read = async || {
            let one = t.get(&path).await.is(200).body.clone();
            let mut read = json!({
                "zone": text(&one["zone"], "name"),
                "resource_group": text(&one["resource_group"], "id"),
                "target": one["target"]["id"],
            });
            for name in ["name", "address", "status", "crn"] {
                read[name] = json!(text(&one, name));
            }
            read
        };
        let first = read().await;
        assert_eq!(
            (&first["status"], &first["zone"]),
            (&json!("available"), &json!("us-south-1"))
        );
        assert_eq!(first["target"], body["target"]["id"]);
        assert_eq!(read().await, first);
        t.patch(&path, json!({"name": "renamed"})).await.is(200);
        let target = json!({"target": {"id": nic}});
        t.patch(&path, target).await.is(200);
        assert_eq!(read().await["target"], nic.as_str());
        t.destroy(&path, 204).await;
    }
}

#[tokio::test]
async fn ibm_is_public_gateway() {
    let t = Terraform::new().await;
    let (vpc, subnet, _, _) = t.instance().await;
    let body = json!({
        "name": "gateway", "vpc": {"id": vpc}, "zone": {"name": "us-south-1"},
        "floating_ip": {"name": "address"}, "resource_group": {"id": "group-1"},
    });
    let id = t.post("/public_gateways", body).await.is(201).id();
    let path = format!("/public_gateways/{id}");
    let read = async || {
        let one = t.get(&path).await.is(200).body.clone();
        let floating = ["id", "address", "name", "crn"].map(|name| text(&one["floating_ip"], name));
        let mut read = json!({
            "floating_ip": floating, "zone": text(&one["zone"], "name"),
            "vpc": text(&one["vpc"], "id"),
            "resource_group": text(&one["resource_group"], "id"),
        });
        for name in ["name", "status", "crn", "resource_type"] {
            read[name] = json!(text(&one, name));
        }
        read
    };
    let first = read().await;
    assert_eq!(
        (&first["status"], &first["vpc"]),
        (&json!("available"), &json!(vpc))
    );
    assert_eq!(read().await, first);
    t.patch(&path, json!({"name": "renamed"})).await.is(200);
    // The subnet's attachment is a resource of its own; or a field of the subnet.
    let attachment = format!("/subnets/{subnet}/public_gateway");
    t.put(&attachment, json!({"id": id})).await.is(201);
    assert_eq!(text(&t.get(&attachment).await.is(200).body, "id"), id);
    t.destroy(&attachment, 204).await;
    let of_subnet = format!("/subnets/{subnet}");
    t.patch(&of_subnet, json!({"public_gateway": {"id": id}}))
        .await
        .is(200);
    assert_eq!(
        t.get(&of_subnet).await.body["public_gateway"]["id"],
        id.as_str()
    );
    t.patch(&of_subnet, json!({"public_gateway": null}))
        .await
        .is(200);
    t.destroy(&path, 204).await;
}

#[tokio::test]
async fn ibm_is_network_acl() {
    let t = Terraform::new().await;
    let (vpc, subnet, _, _) = t.instance().await;
    // The provider makes it with no rules but IBM's first ones, deletes those, and adds its own.
    let body = json!({"name": "acl", "vpc": {"id": vpc}, "resource_group": {"id": "group-1"}});
    let id = t.post("/network_acls", body).await.is(201).id();
    let path = format!("/network_acls/{id}");
    let rules = format!("{path}/rules");
    for rule in t.all(&rules, "rules").await {
        let one = format!("{rules}/{}", text(&rule, "id"));
        t.0.call(Method::DELETE, &one, VERSION, Value::Null)
            .await
            .is(204);
    }
    for (name, more) in [
        (
            "out",
            json!({"direction": "outbound", "protocol": "icmp", "type": 1, "code": 1}),
        ),
        (
            "in",
            json!({"protocol": "tcp", "destination_port_max": 65535, "destination_port_min": 1,
                   "source_port_max": 22, "source_port_min": 22}),
        ),
        ("any", json!({"action": "deny", "protocol": "any"})),
    ] {
        let rule = json!({
            "name": name, "action": "allow", "direction": "inbound", "source": "0.0.0.0/0",
            "destination": "0.0.0.0/0",
        });
        let made = t.post(&rules, crate::world::with(rule, more)).await;
        made.is(201);
    }
    let read = async || {
        let acl = t.get(&path).await.is(200).body.clone();
        let rules = acl["rules"].as_array().unwrap().iter().map(|rule| {
            let fields = [
                "id",
                "name",
                "action",
                "ip_version",
                "source",
                "destination",
                "direction",
                "protocol",
            ];
            json!(fields.map(|name| text(rule, name)))
        });
        json!([
            text(&acl, "name"),
            text(&acl, "crn"),
            text(&acl["vpc"], "id"),
            text(&acl["resource_group"], "id"),
            rules.collect::<Vec<_>>(),
        ])
    };
    let first = read().await;
    assert_eq!(first[4].as_array().unwrap().len(), 3);
    assert_eq!(read().await, first);
    t.patch(&path, json!({"name": "renamed"})).await.is(200);
    let one = format!("{rules}/{}", first[4][1][0].as_str().unwrap());
    let change = json!({"source_port_max": 23, "action": "deny"});
    assert_eq!(
        t.patch(&one, change).await.is(200).body["source_port_max"],
        23
    );
    let attachment = format!("/subnets/{subnet}/network_acl");
    t.put(&attachment, json!({"id": id})).await.is(201);
    assert_eq!(text(&t.get(&attachment).await.is(200).body, "id"), id);
    // What is detached is attached to the VPC's default one.
    let vpc = t.get(&format!("/vpcs/{vpc}")).await.body;
    let default = text(&vpc["default_network_acl"], "id");
    t.put(&attachment, json!({"id": default})).await.is(201);
    t.destroy(&path, 204).await;
}

#[tokio::test]
async fn ibm_is_ssh_key() {
    let t = Terraform::new().await;
    let body = json!({
        "name": "key", "public_key": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCcEwBgltiOsMtHLwVs/Gdc5S1Gb5E/w/Y3jSM98wDvVjLXzb7+c/EU9tsJY/xheJOg9gACq37w+g/OzyY4evJTIayidZhqZM+j2/i579VVE9FCzIbvRnQXr5b21gvP29YN8p/tL6H2O1hYtAO4HzlAGgGLkJ9puN7tV/S7ewu42UzPLqxDFFr9XqNyeWKhT0RgteB0/2xQvEtkoNJ4D7c7yFrwtOwb/cxvj2FXVjs/HQ9FZj0ND+yYYQEgkFDltfpTJuU7X4miD2LuHkQjQclCEpuyW6nftUjURXTnkSTdB11KYZX/lyBqk8jtgl/n6omUVSCaVDGp2/YdU9wfoF2j\n", "type": "rsa", "resource_group": {"id": "group-1"},
    });
    let id = t.post("/keys", body).await.is(201).id();
    let path = format!("/keys/{id}");
    let read = async || {
        let one = t.get(&path).await.is(200).body.clone();
        let mut read = json!({
            "length": one["length"].as_u64().unwrap(),
            "resource_group": text(&one["resource_group"], "id"),
        });
        for name in ["name", "public_key", "type", "fingerprint", "crn"] {
            read[name] = json!(text(&one, name));
        }
        read
    };
    let first = read().await;
    assert_eq!(
        (&first["length"], &first["type"]),
        (&json!(2048), &json!("rsa"))
    );
    assert_eq!(read().await, first);
    t.patch(&path, json!({"name": "renamed"})).await.is(200);
    // Its data source looks for the name among all.
    let all = t.all("/keys", "keys").await;
    assert_eq!(text(&all[0], "name"), "renamed");
    t.destroy(&path, 204).await;
}

#[tokio::test]
async fn ibm_is_instance() {
    let t = Terraform::new().await;
    let (vpc, subnet, instance, nic) = t.instance().await;
    let path = format!("/instances/{instance}");
    t.0.until("it runs", async || {
        t.get(&path).await.body["status"] == "running"
    })
    .await;
    let shown = t.get(&path).await.is(200).body.clone();
    for name in [
        "name",
        "crn",
        "health_state",
        "lifecycle_state",
        "resource_type",
    ] {
        text(&shown, name);
    }
    assert!(shown["memory"].is_u64());
    assert_eq!(shown["vpc"]["id"], vpc.as_str());
    assert_eq!(shown["volume_attachments"], json!([]));
    for (part, list) in [
        ("initialization", "keys"),
        ("volume_attachments", "volume_attachments"),
    ] {
        let of = t.get(&format!("{path}/{part}")).await;
        assert_eq!(of.is(200).body[list], json!([]));
    }
    let interface = t.get(&format!("{path}/network_interfaces/{nic}")).await;
    let interface = interface.is(200).body.clone();
    assert_eq!(interface["subnet"]["id"], subnet.as_str());
    assert!(interface["port_speed"].is_u64());
    for group in interface["security_groups"].as_array().unwrap() {
        text(group, "id");
    }
    text(&interface["primary_ip"], "address");
    let listed = t.get(&format!("{path}/network_interfaces")).await;
    assert_eq!(
        listed.is(200).body["network_interfaces"][0]["id"],
        nic.as_str()
    );
    t.patch(&path, json!({"name": "renamed"})).await.is(200);
    for action in ["stop", "start"] {
        let act = json!({"type": action});
        t.post(&format!("{path}/actions"), act).await.is(201);
    }
    t.destroy(&path, 204).await;
}
