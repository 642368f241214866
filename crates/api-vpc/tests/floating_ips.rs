//! Floating IPs: what they stand for, and the way outside that a VPC has for them and no longer.

use adit_model::desired::RouterSpec;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

/// What the agent has of a VPC.
fn router(w: &World, vpc: &str) -> Option<RouterSpec> {
    let id = vpc.strip_prefix("r006-")?.parse().ok()?;
    w.agent.router(id)
}

/// A VPC with an instance: its id, the instance's and the interface's.
async fn instance(w: &World, name: &str, cidr: &str) -> (String, String, String) {
    let (vpc, subnet) = w.subnet(name, cidr).await;
    let body = json!({"name": name, "primary_network_interface": {"subnet": {"id": subnet}}});
    let made = w.post("/instances", body).await;
    let nic = made.is(201).body["primary_network_interface"]["id"].clone();
    (vpc, made.id(), nic.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_vpc_has_a_way_outside_while_a_floating_ip_needs_it() {
    let w = World::new().await;
    let (vpc, vm, nic) = instance(&w, "vpc-1", "10.240.0.0/24").await;
    let has_way = |w: &World| router(w, &vpc).is_some_and(|spec| spec.external.is_some());
    w.until("the VPC is there", async || router(&w, &vpc).is_some())
        .await;
    assert!(!has_way(&w));
    let made = w
        .post(
            "/floating_ips",
            json!({"name": "one", "target": {"id": nic}}),
        )
        .await;
    let path = format!("/floating_ips/{}", made.is(201).id());
    assert_eq!(made.body["target"]["id"], nic.as_str());
    assert_eq!(made.body["target"]["primary_ip"]["address"], "10.240.0.4");
    assert_eq!(made.body["zone"]["name"], "us-south-1");
    let address = made.text("address");
    w.until("the address is translated", async || {
        let spec = router(&w, &vpc);
        spec.is_some_and(|spec| {
            let alone = spec.external.is_some_and(|external| !external.snat);
            let mut all = spec.floating_ips.iter();
            alone && all.any(|one| one.address.to_string() == address)
        })
    })
    .await;
    let of_nic = format!("/instances/{vm}/network_interfaces/{nic}/floating_ips");
    let listed = w.get(&of_nic).await;
    assert_eq!(
        listed.is(200).body["floating_ips"][0]["address"],
        address.as_str()
    );
    let shown = w.get(&format!("/instances/{vm}")).await.body;
    let shown = &shown["primary_network_interface"]["floating_ips"][0];
    assert_eq!(shown["address"], address.as_str());
    // It stands for nothing, and stays; the way outside goes.
    let one = format!("{of_nic}/{}", made.id());
    w.get(&one).await.is(200);
    w.delete(&one).await.is(204);
    w.delete(&one).await.refused(404, "floating_ip_not_found");
    assert_eq!(w.get(&path).await.is(200).body.get("target"), None);
    w.until("there is no way outside", async || !has_way(&w))
        .await;
    let again = w.put(&one).await;
    assert_eq!(again.is(201).body["target"]["id"], nic.as_str());
    w.until("there is a way outside", async || has_way(&w))
        .await;
    // So it does with the instance.
    w.delete(&format!("/instances/{vm}")).await.is(204);
    w.until("there is no way outside", async || !has_way(&w))
        .await;
    assert_eq!(w.get(&path).await.is(200).body.get("target"), None);
    w.delete(&path).await.is(204);
    w.get(&path).await.refused(404, "floating_ip_not_found");
}

#[tokio::test]
async fn a_floating_ip_moves_and_is_renamed() {
    let w = World::new().await;
    let (_, _, one) = instance(&w, "vpc-1", "10.240.0.0/24").await;
    let (_, other_vm, other) = instance(&w, "vpc-2", "10.241.0.0/24").await;
    let body =
        json!({"name": "free", "zone": {"name": "us-south-1"}, "resource_group": {"id": "g"}});
    let made = w.post("/floating_ips", body).await;
    assert_eq!(made.is(201).body["resource_group"]["id"], "g");
    assert_eq!(
        (&made.body["status"], made.body.get("target")),
        (&json!("available"), None)
    );
    let path = format!("/floating_ips/{}", made.id());
    for (target, wanted) in [
        (json!({"id": one}), Some(&one)),
        (json!({"id": other}), Some(&other)),
        (Value::Null, None),
        (
            json!({"href": format!("http://x/v1/instances/{other_vm}/network_interfaces/{other}")}),
            Some(&other),
        ),
    ] {
        let moved = w.patch(&path, json!({"target": target})).await;
        let shown = moved.is(200).body["target"]["id"].as_str();
        assert_eq!(shown, wanted.map(String::as_str));
    }
    let renamed = w.patch(&path, json!({"name": "renamed"})).await;
    assert_eq!(renamed.is(200).body["target"]["id"], other.as_str());
    for (query, count) in [
        (format!("target.id={other}"), 1),
        (format!("target.id={one}"), 0),
        ("target.resource_type=network_interface".to_owned(), 1),
        ("target.name=eth0".to_owned(), 1),
        ("resource_group.id=g".to_owned(), 1),
        ("resource_group.id=h".to_owned(), 0),
    ] {
        let found = w.get(&format!("/floating_ips?{query}")).await;
        assert_eq!(found.is(200).body["total_count"], count, "{query}");
    }
}

#[tokio::test]
async fn what_a_floating_ip_can_t_be_is_refused() {
    let w = World::new().await;
    let (_, vm, nic) = instance(&w, "vpc-1", "10.240.0.0/24").await;
    let nobody = "0738-00000000-0000-4000-8000-000000000007";
    for (body, status, code) in [
        (json!({"name": "x"}), 400, "missing_field"),
        (json!({"zone": {"name": "mars-1"}}), 400, "bad_field"),
        (
            json!({"zone": {"name": "us-south-2"}, "target": {"id": nic}}),
            400,
            "bad_field",
        ),
        (
            json!({"target": {"id": nobody}}),
            404,
            "network_interface_not_found",
        ),
        (
            json!({"target": {"id": "x"}}),
            404,
            "network_interface_not_found",
        ),
        (
            json!({"zone": {"name": "us-south-1"}, "address": "192.0.2.1"}),
            400,
            "bad_field",
        ),
    ] {
        w.post("/floating_ips", body).await.refused(status, code);
    }
    w.post(
        "/floating_ips",
        json!({"name": "one", "target": {"id": nic}}),
    )
    .await
    .is(201);
    let body = json!({"name": "two", "target": {"id": nic}});
    w.post("/floating_ips", body)
        .await
        .refused(409, "instance_in_use");
    let body = json!({"name": "one", "zone": {"name": "us-south-1"}});
    w.post("/floating_ips", body)
        .await
        .refused(400, "floating_ip_duplicate_name");
    for number in 1..20 {
        let body = json!({"name": format!("n-{number}"), "zone": {"name": "us-south-1"}});
        w.post("/floating_ips", body).await.is(201);
    }
    let body = json!({"zone": {"name": "us-south-1"}});
    let refused = w.post("/floating_ips", body).await;
    refused.refused(400, "floating_ips_quota_exceeded");
    let elsewhere = format!("/instances/{vm}/network_interfaces/{nobody}/floating_ips");
    let missing = w.get(&elsewhere).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}
