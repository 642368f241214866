//! Every operation as it should go, and what the objects look like at which version.

use crate::world::{NEW, OLD, World, connection, ike_policy, ipsec_policy, with};
use adit_control::AgentEvent;
use adit_model::gateway::GatewayStatus;
use adit_model::observed::GatewayObserved;
use adit_model::{Reason, ReasonCode, Whose};
use axum::http::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;

#[tokio::test]
async fn vpcs_subnets_and_instances_are_made_and_unmade() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
    assert!(vpc.starts_with("r006-") && subnet.starts_with("0738-"));
    let renamed = w
        .patch(&format!("/vpcs/{vpc}"), json!({"name": "vpc-2"}))
        .await;
    assert_eq!(renamed.is(200).body["name"], "vpc-2");
    assert_eq!(
        w.get(&format!("/vpcs/{vpc}")).await.is(200).body["status"],
        "available"
    );
    let prefixes = w.get(&format!("/vpcs/{vpc}/address_prefixes")).await;
    assert_eq!(
        prefixes.is(200).body["address_prefixes"][1]["cidr"],
        "10.240.64.0/18"
    );
    let path = format!("/subnets/{subnet}");
    w.patch(&path, json!({"name": "subnet-2"})).await.is(200);
    let seen = w.get(&path).await;
    assert_eq!(seen.is(200).body["name"], "subnet-2");
    assert_eq!(seen.body["vpc"]["id"], vpc.as_str());
    assert_eq!(seen.body["zone"]["name"], "us-south-1");
    assert_eq!(seen.body["total_ipv4_address_count"], 256);
    assert_eq!(seen.body["available_ipv4_address_count"], 251);
    let sized = json!({"vpc": {"id": vpc}, "total_ipv4_address_count": 256, "zone": {"name": "us-south-1"}});
    let sized = w.post("/subnets", sized).await;
    assert_eq!(sized.is(201).body["ipv4_cidr_block"], "10.240.1.0/24");
    let body = json!({"primary_network_interface": {"subnet": {"href": format!("http://x/v1/subnets/{subnet}")}}});
    let instance = w.post("/instances", body).await;
    assert_eq!(
        instance.is(201).body["primary_network_interface"]["primary_ipv4_address"],
        "10.240.0.4"
    );
    // It is answered for before it is made.
    assert_eq!(instance.body["status"], "starting");
    let instance = format!("/instances/{}", instance.id());
    w.until("running", async || {
        w.get(&instance).await.is(200).body["status"] == "running"
    })
    .await;
    w.delete(&path).await.refused(409, "subnet_in_use");
    w.delete(&format!("/vpcs/{vpc}"))
        .await
        .refused(409, "vpc_in_use");
    w.delete(&instance).await.is(204);
    w.delete(&path).await.is(204);
    w.delete(&format!("/subnets/{}", sized.id())).await.is(204);
    w.delete(&format!("/vpcs/{vpc}")).await.is(204);
    w.get(&format!("/vpcs/{vpc}"))
        .await
        .refused(404, "vpc_not_found");
}

#[tokio::test]
async fn regions_and_zones_are_the_operators() {
    let w = World::new().await;
    let list = w.get("/regions").await;
    assert_eq!(list.is(200).body["regions"][0]["name"], "us-south");
    let region = w.get("/regions/us-south").await;
    assert_eq!(region.is(200).body["status"], "available");
    assert_eq!(region.body["endpoint"], "http://vpn.example:9696");
    assert_eq!(
        w.get("/regions/us-south/zones").await.is(200).body["zones"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let zone = w.get("/regions/us-south/zones/us-south-2").await;
    assert_eq!(zone.is(200).body["region"]["name"], "us-south");
    w.get("/regions/mars")
        .await
        .refused(404, "region_not_found");
    w.get("/regions/us-south/zones/mars-1")
        .await
        .refused(404, "zone_not_found");
}

#[tokio::test]
async fn a_gateway_is_made_renamed_and_unmade_with_its_connections() {
    let w = World::new().await;
    let path = w.connection().await;
    let (gateway, _) = path.split_once("/connections").unwrap();
    let renamed = w.patch(gateway, json!({"name": "gw-2"})).await;
    assert_eq!(renamed.is(200).body["name"], "gw-2");
    let listed = w.get("/vpn_gateways").await;
    assert_eq!(
        listed.is(200).body["vpn_gateways"][0]["connections"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let members = w.get(&format!("{gateway}/members")).await;
    let standby = members.is(200).body["members"][1].clone();
    assert_eq!(
        (&standby["role"], &standby["public_ip"]["address"]),
        (&json!("standby"), &json!("0.0.0.0"))
    );
    let member = w
        .get(&format!(
            "{gateway}/members/{}",
            standby["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(member.is(200).body, standby);
    w.get(&format!("{gateway}/members/x"))
        .await
        .refused(404, "vpn_gateway_member_not_found");
    w.get(&format!("{gateway}/advertised_cidrs")).await.is(200);
    assert_eq!(
        w.get(&format!("{gateway}/service_connections"))
            .await
            .is(200)
            .body["total_count"],
        0
    );
    w.delete(gateway).await.is(202);
    w.get(gateway).await.refused(404, "vpn_gateway_not_found");
    w.get(&path).await.refused(404, "vpn_gateway_not_found");
}

#[tokio::test]
async fn a_gateway_looks_as_its_clients_version_has_it() {
    let w = World::new().await;
    let gateway = format!("/vpn_gateways/{}", w.gateway().await);
    let has = |body: &Value, name: &str| body.get(name).is_some();
    for (version, status, mode) in [
        ("2020-02-14", true, false),
        ("2020-11-12", true, false),
        ("2020-11-13", true, true),
        ("2023-10-09", true, true),
        ("2023-10-10", false, true),
        ("2026-10-06", false, true),
    ] {
        let seen = w.call(Method::GET, &gateway, version, Value::Null).await;
        let body = &seen.is(200).body;
        assert_eq!(
            (has(body, "status"), has(body, "mode")),
            (status, mode),
            "{version}"
        );
        assert_eq!(has(&body["members"][0], "status"), status, "{version}");
        for name in [
            "public_ip",
            "members",
            "lifecycle_state",
            "health_state",
            "vpc",
            "resource_type",
        ] {
            assert!(has(body, name), "{version} {name}");
        }
        assert_eq!(seen.headers["etag"], "W/\"1\"");
    }
    let (_, subnet) = w.subnet("vpc-2", "10.0.0.0/24").await;
    let policy = json!({"subnet": {"id": subnet}, "mode": "policy"});
    assert_eq!(
        w.call(Method::POST, "/vpn_gateways", NEW, policy)
            .await
            .is(201)
            .body["mode"],
        "policy"
    );
}

#[tokio::test]
async fn a_failed_gateway_says_why_and_so_do_its_connections() {
    let w = World::new().await;
    let path = w.connection().await;
    let (gateway, _) = path.split_once("/connections").unwrap();
    w.until("available", async || {
        w.get(gateway).await.body["status"] == "available"
    })
    .await;
    w.agent.fail_next(u32::MAX);
    let reason = Reason::new(
        ReasonCode::InternalError,
        Whose::Local,
        OffsetDateTime::now_utc(),
        "signal 9",
        "look into the log",
    );
    let id = gateway.rsplit_once("0738-").unwrap().1.parse().unwrap();
    let observed = GatewayObserved {
        status: GatewayStatus::Failed,
        reasons: vec![reason],
    };
    w.agent.say(AgentEvent::Gateway { id, observed });
    w.until("failed", async || {
        w.get(gateway).await.body["status"] == "failed"
    })
    .await;
    let seen = w.get(gateway).await;
    assert_eq!(seen.body["health_state"], "faulted");
    assert_eq!(seen.body["health_reasons"][0]["evidence"], "signal 9");
    let of = w.get(&path).await;
    assert_eq!(of.body["status_reasons"][0]["code"], "internal_error");
    assert_eq!(of.body["status_reasons"][0]["whose"], "local");
    // What has failed can be deleted, with all below it.
    w.delete(gateway).await.is(202);
}

#[tokio::test]
async fn a_connection_looks_as_its_clients_version_has_it() {
    let w = World::new().await;
    let path = w.connection().await;
    let flat = ["peer_address", "local_cidrs", "peer_cidrs"];
    for (version, mode, nested) in [
        ("2020-02-14", "route_mode", false),
        ("2020-11-13", "mode", false),
        ("2024-04-29", "mode", false),
        ("2024-04-30", "mode", true),
    ] {
        let seen = w.call(Method::GET, &path, version, Value::Null).await;
        let body = &seen.is(200).body;
        assert_eq!(body[mode], "policy", "{version}");
        for name in flat {
            assert_eq!(body.get(name).is_none(), nested, "{version} {name}");
        }
        assert_eq!(body.get("peer").is_some(), nested, "{version}");
        assert_eq!(
            body["status_reasons"][0]["code"], "negotiating",
            "{version}"
        );
    }
    let seen = w.call(Method::GET, &path, NEW, Value::Null).await.body;
    assert_eq!(seen["peer"]["address"], "169.61.161.150");
    assert_eq!(seen["peer"]["cidrs"], json!(["192.168.0.0/24"]));
    assert_eq!(seen["local"]["ike_identities"][0]["value"], "203.0.113.1");
}

#[tokio::test]
async fn both_shapes_of_body_are_taken_at_every_version() {
    let w = World::new().await;
    let gateway = w.gateway().await;
    let path = format!("/vpn_gateways/{gateway}/connections");
    let nested = json!({
        "psk": "VPNDemoPassword",
        "local": {"cidrs": ["192.168.100.0/24"], "ike_identities": [{"type": "ipv4_address", "value": "203.0.113.1"}]},
        "peer": {"address": "169.61.161.150", "cidrs": ["192.168.0.0/24"],
            "ike_identity": {"type": "ipv4_address", "value": "169.61.161.150"}},
        "establish_mode": "bidirectional",
    });
    for version in [OLD, NEW] {
        let made = w.call(Method::POST, &path, version, nested.clone()).await;
        let id = made.is(201).id();
        w.delete(&format!("{path}/{id}")).await.is(202);
    }
    let made = w.call(Method::POST, &path, NEW, connection()).await;
    assert_eq!(
        made.is(201).body["dead_peer_detection"],
        json!({"action": "restart", "interval": 2, "timeout": 10})
    );
    for change in [
        json!({"establish_mode": "sometimes"}),
        json!({"routing_protocol": "bgp"}),
        json!({"distribute_traffic": true}),
    ] {
        let body = with(
            with(nested.clone(), json!({"name": "other"})),
            change.clone(),
        );
        let answer = w.call(Method::POST, &path, NEW, body).await;
        answer.refused(400, "bad_field");
    }
    assert_eq!(w.get(&path).await.body["total_count"], 1);
}

#[tokio::test]
async fn a_connection_is_changed_in_part() {
    let w = World::new().await;
    let path = w.connection().await;
    let ike = w.post("/ike_policies", ike_policy()).await.is(201).id();
    let change = json!({
        "name": "renamed", "peer_address": "198.51.100.9", "psk": "another-secret",
        "admin_state_up": false, "dead_peer_detection": {"timeout": 300}, "ike_policy": {"id": ike},
    });
    let changed = w.patch(&path, change).await;
    assert_eq!(changed.is(200).headers["etag"], "W/\"2\"");
    assert_eq!(
        changed.body["dead_peer_detection"],
        json!({"action": "none", "interval": 30, "timeout": 300})
    );
    assert_eq!(changed.body["ike_policy"]["name"], "ike-1");
    assert_eq!(
        changed.body["status_reasons"][0]["code"],
        "administratively_down"
    );
    assert_eq!(w.get(&path).await.body, changed.body);
    let users = w.get(&format!("/ike_policies/{ike}/connections")).await;
    assert_eq!(
        users.is(200).body["connections"][0]["id"],
        changed.body["id"]
    );
    w.delete(&format!("/ike_policies/{ike}"))
        .await
        .refused(409, "ike_policy_in_use");
    let back = w.patch(&path, json!({"ike_policy": null})).await;
    assert_eq!(back.is(200).body.get("ike_policy"), None);
    w.delete(&format!("/ike_policies/{ike}")).await.is(204);
}

#[tokio::test]
async fn an_etag_guards_against_lost_updates_and_an_empty_one_does_not() {
    let w = World::new().await;
    let path = w.connection().await;
    let patch = async |etag: &str, name: &str| {
        let request = w
            .request(&Method::PATCH, &path, NEW)
            .header("if-match", etag);
        let request = request.header("content-type", "application/merge-patch+json");
        w.send(
            request
                .body(json!({"name": name}).to_string().into())
                .unwrap(),
        )
        .await
    };
    patch("W/\"1\"", "two").await.is(200);
    patch("W/\"1\"", "three")
        .await
        .refused(412, "precondition_failed");
    patch("nonsense", "three")
        .await
        .refused(412, "precondition_failed");
    patch("\"2\"", "three").await.is(200);
    patch("", "four").await.is(200);
    patch("*", "five").await.is(200);
    let delete = |etag: &str| {
        w.request(&Method::DELETE, &path, NEW)
            .header("if-match", etag)
            .body("".into())
    };
    w.send(delete("W/\"1\"").unwrap())
        .await
        .refused(412, "precondition_failed");
    w.send(delete("W/\"5\"").unwrap()).await.is(202);
}

#[tokio::test]
async fn cidrs_come_and_go_by_both_paths() {
    let w = World::new().await;
    let path = w.connection().await;
    let old = format!("{path}/peer_cidrs/192.168.1.0/24");
    w.get(&old)
        .await
        .refused(404, "vpn_connection_cidr_not_found");
    w.put(&old).await.is(204);
    w.put(&old).await.is(204);
    w.get(&old).await.is(204);
    let new = format!("{path}/peer/cidrs/192.168.2.0%2F24");
    w.call(Method::PUT, &new, NEW, Value::Null).await.is(201);
    w.call(Method::PUT, &new, NEW, Value::Null).await.is(204);
    w.call(Method::GET, &new, NEW, Value::Null).await.is(204);
    let all = json!(["192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24"]);
    assert_eq!(
        w.get(&format!("{path}/peer_cidrs")).await.body,
        json!({"peer_cidrs": all})
    );
    assert_eq!(
        w.get(&format!("{path}/peer/cidrs")).await.body,
        json!({"cidrs": all})
    );
    assert_eq!(
        w.get(&format!("{path}/local_cidrs")).await.body,
        json!({"local_cidrs": ["192.168.100.0/24"]})
    );
    w.delete(&new).await.is(204);
    w.delete(&old).await.is(204);
    w.delete(&old)
        .await
        .refused(404, "vpn_connection_cidr_not_found");
    let last = format!("{path}/local_cidrs/192.168.100.0/24");
    w.delete(&last)
        .await
        .refused(400, "vpn_connection_cidr_not_deleted");
    for bad in ["192.168.1.5/24", "192.168.1.0/33", "x/24", "2001:db8::/32"] {
        w.put(&format!("{path}/peer_cidrs/{bad}"))
            .await
            .refused(400, "vpn_connection_cidr_not_valid");
    }
    w.put(&format!("{path}/peer_cidrs/192.168.100.0/25"))
        .await
        .refused(400, "vpn_connection_cidr_overlap");
    assert_eq!(
        w.get(&format!("{path}/peer_cidrs")).await.body,
        json!({"peer_cidrs": ["192.168.0.0/24"]})
    );
}

#[tokio::test]
async fn policies_are_made_listed_changed_and_unmade() {
    let w = World::new().await;
    let ike = w
        .post(
            "/ike_policies",
            with(ike_policy(), json!({"encryption_algorithm": "3des"})),
        )
        .await;
    assert_eq!(ike.is(201).body["key_lifetime"], 28800);
    assert_eq!(ike.body["encryption_algorithm"], "3des");
    assert_eq!(ike.body["negotiation_mode"], "main");
    let path = format!("/ike_policies/{}", ike.id());
    let today = w.call(Method::GET, &path, NEW, Value::Null).await;
    assert_eq!(today.body["encryption_algorithms"], json!(["triple_des"]));
    let several = json!({"dh_groups": [19, 14], "name": "ike-2", "key_lifetime": 300});
    let changed = w.call(Method::PATCH, &path, NEW, several).await;
    assert_eq!(
        (
            &changed.is(200).body["dh_group"],
            &changed.body["dh_groups"]
        ),
        (&json!(65535), &json!([19, 14]))
    );
    w.patch(&path, json!({"ike_version": 1}))
        .await
        .refused(400, "bad_field");
    w.patch(&path, json!({"ike_version": 1, "dh_group": 2}))
        .await
        .is(200);
    let ipsec = w.post("/ipsec_policies", ipsec_policy()).await;
    assert_eq!(ipsec.is(201).body["key_lifetime"], 3600);
    assert_eq!(
        (&ipsec.body["pfs"], &ipsec.body["transform_protocol"]),
        (&json!("group_14"), &json!("esp"))
    );
    let of_ipsec = format!("/ipsec_policies/{}", ipsec.id());
    let gcm = json!({"encryption_algorithms": ["aes256gcm16", "aes128gcm16"], "authentication_algorithm": "disabled", "pfs": "disabled"});
    let changed = w.patch(&of_ipsec, gcm).await;
    assert_eq!(changed.is(200).body["encryption_algorithm"], "multiple");
    assert_eq!(
        changed.body["authentication_algorithms"],
        json!(["disabled"])
    );
    assert_eq!(changed.body["pfs_groups"], json!(["disabled"]));
    w.patch(&of_ipsec, json!({"encryption_algorithm": "aes128"}))
        .await
        .refused(400, "bad_field");
    for (path, list) in [(path, "ike_policies"), (of_ipsec, "ipsec_policies")] {
        assert_eq!(
            w.get(&format!("/{list}")).await.is(200).body[list]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            w.get(&format!("{path}/connections")).await.is(200).body["connections"],
            json!([])
        );
        w.delete(&path).await.is(204);
        w.get(&path).await.is(404);
    }
}

#[tokio::test]
async fn lists_are_paged_by_what_the_pages_say() {
    let w = World::new().await;
    let mut made = Vec::new();
    for n in 0..5 {
        let body = with(ike_policy(), json!({"name": format!("p{n}")}));
        made.push(w.post("/ike_policies", body).await.is(201).id());
    }
    let mut path = "/ike_policies?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = w.get(&path).await;
        assert_eq!(
            (&page.is(200).body["limit"], &page.body["total_count"]),
            (&json!(2), &json!(5))
        );
        assert_eq!(
            page.body["first"]["href"],
            "http://vpn.example:9696/v1/ike_policies?limit=2"
        );
        let items = page.body["ike_policies"].as_array().unwrap().iter();
        seen.extend(items.map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page.body["next"]["href"].as_str() else {
            break;
        };
        path = next.split_once("/v1").unwrap().1.to_owned();
    }
    assert_eq!(seen, made);
    for limit in ["0", "101", "x", "-1"] {
        w.get(&format!("/ike_policies?limit={limit}"))
            .await
            .refused(400, "invalid_value");
    }
    w.get("/ike_policies?start=x")
        .await
        .refused(400, "invalid_id_format");
}
