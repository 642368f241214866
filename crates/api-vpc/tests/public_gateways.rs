//! Public gateways: a way outside for the subnets that are attached to them alone.

use adit_model::desired::SourceSpec;
use serde_json::{Value, json};

use crate::world::World;

/// By which address which blocks of a VPC get outside, as the agent has it.
fn sources(w: &World, vpc: &str) -> Option<Vec<SourceSpec>> {
    let id = vpc.strip_prefix("r006-")?.parse().ok()?;
    let spec = w.agent.router(id)?;
    spec.external.map(|_| spec.sources)
}

fn gateway(name: &str, vpc: &str) -> Value {
    json!({"name": name, "vpc": {"id": vpc}, "zone": {"name": "us-south-1"}})
}

#[tokio::test]
async fn a_subnet_gets_outside_by_the_public_gateway_it_is_attached_to() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let made = w.post("/public_gateways", gateway("pg", &vpc)).await;
    let path = format!("/public_gateways/{}", made.is(201).id());
    assert_eq!(made.body["vpc"]["id"], vpc.as_str());
    assert_eq!(made.body["status"], "available");
    let floating = made.body["floating_ip"].clone();
    let address = floating["address"].as_str().unwrap();
    w.until("nobody gets out by it", async || {
        sources(&w, &vpc) == Some(Vec::new())
    })
    .await;
    let of_subnet = format!("/subnets/{subnet}/public_gateway");
    w.get(&of_subnet)
        .await
        .refused(404, "public_gateway_not_found");
    let attach = json!({"id": made.id()});
    let attached = w
        .call(
            axum::http::Method::PUT,
            &of_subnet,
            crate::world::OLD,
            attach,
        )
        .await;
    assert_eq!(attached.is(201).body["id"], made.id().as_str());
    assert_eq!(
        w.get(&of_subnet).await.is(200).body["id"],
        made.id().as_str()
    );
    let shown = w.get(&format!("/subnets/{subnet}")).await.body;
    assert_eq!(shown["public_gateway"]["name"], "pg");
    w.until("the subnet gets out by its address", async || {
        let sources = sources(&w, &vpc).unwrap_or_default();
        let source = sources
            .first()
            .map(|one| (one.block.to_string(), one.address.to_string()));
        source == Some(("10.240.0.0/24".to_owned(), address.to_owned()))
    })
    .await;
    // Its floating IP is shown as its own, and is not to be had.
    let floating = format!("/floating_ips/{}", floating["id"].as_str().unwrap());
    let shown = w.get(&floating).await.is(200).body.clone();
    assert_eq!(shown["target"]["resource_type"], "public_gateway");
    w.delete(&floating).await.refused(409, "floating_ip_in_use");
    w.delete(&path).await.refused(409, "public_gateway_in_use");
    w.delete(&format!("/vpcs/{vpc}"))
        .await
        .refused(409, "vpc_in_use");
    w.delete(&of_subnet).await.is(204);
    w.delete(&of_subnet).await.is(204);
    w.until("nobody gets out by it", async || {
        sources(&w, &vpc) == Some(Vec::new())
    })
    .await;
    let renamed = w.patch(&path, json!({"name": "renamed"})).await;
    assert_eq!(renamed.is(200).body["name"], "renamed");
    w.delete(&path).await.is(204);
    w.get(&path).await.refused(404, "public_gateway_not_found");
    w.get(&floating).await.refused(404, "floating_ip_not_found");
    w.until("there is no way outside", async || {
        sources(&w, &vpc).is_none()
    })
    .await;
    w.delete(&format!("/subnets/{subnet}")).await.is(204);
    w.delete(&format!("/vpcs/{vpc}")).await.is(204);
}

#[tokio::test]
async fn a_public_gateway_has_the_floating_ip_it_is_given_and_leaves_it() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let zone = json!({"name": "us-south-1"});
    let floating = w
        .post("/floating_ips", json!({"name": "ip", "zone": zone}))
        .await;
    let (id, address) = (floating.is(201).id(), floating.text("address"));
    for (given, shown) in [
        (json!({"id": id}), "ip"),
        (json!({"address": address}), "ip"),
        (json!({"name": "new"}), "new"),
    ] {
        let mut body = gateway("pg", &vpc);
        body["floating_ip"] = given;
        let made = w.post("/public_gateways", body).await;
        assert_eq!(made.is(201).body["floating_ip"]["name"], shown);
        let mut again = gateway("other", &vpc);
        let refused = w.post("/public_gateways", again.clone()).await;
        refused.refused(400, "public_gateways_quota_exceeded");
        again["zone"] = json!({"name": "us-south-2"});
        again["floating_ip"] = json!({"id": made.body["floating_ip"]["id"]});
        w.post("/public_gateways", again)
            .await
            .refused(409, "floating_ip_in_use");
        w.delete(&format!("/public_gateways/{}", made.id()))
            .await
            .is(204);
    }
    let left = w.get("/floating_ips").await.body;
    assert_eq!(
        (&left["total_count"], &left["floating_ips"][0]["id"]),
        (&json!(1), &json!(id))
    );
    // A subnet may say by what it gets outside when it is made, and when it is changed.
    let made = w
        .post("/public_gateways", gateway("pg", &vpc))
        .await
        .is(201)
        .id();
    let body = json!({
        "name": "two", "vpc": {"id": vpc}, "ipv4_cidr_block": "10.240.1.0/24",
        "zone": {"name": "us-south-1"}, "public_gateway": {"id": made},
    });
    let two = w.post("/subnets", body.clone()).await;
    assert_eq!(two.is(201).body["public_gateway"]["id"], made.as_str());
    let path = format!("/subnets/{}", two.id());
    let changed = w
        .patch(&path, json!({"public_gateway": null, "name": "three"}))
        .await;
    assert_eq!(changed.is(200).body.get("public_gateway"), None);
    let elsewhere = json!({
        "vpc": {"id": vpc}, "ipv4_cidr_block": "10.240.65.0/24", "zone": {"name": "us-south-2"},
        "public_gateway": {"id": made},
    });
    w.post("/subnets", elsewhere)
        .await
        .refused(400, "bad_field");
    assert_eq!(
        w.get("/subnets").await.body["total_count"],
        2,
        "nothing of it was made"
    );
    let nobody = json!({"public_gateway": {"id": "r006-00000000-0000-4000-8000-000000000007"}});
    let refused = w.patch(&format!("/subnets/{subnet}"), nobody).await;
    refused.refused(404, "public_gateway_not_found");
    for (body, code) in [
        (json!({"vpc": {"id": vpc}}), "missing_field"),
        (json!({"zone": {"name": "us-south-1"}}), "missing_field"),
        (
            json!({"zone": {"name": "us-south-1"}, "vpc": {"id": vpc}, "mode": 1}),
            "bad_field",
        ),
    ] {
        w.post("/public_gateways", body).await.refused(400, code);
    }
}
