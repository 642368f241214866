//! What is refused, under which code, and that it changes nothing.

use crate::world::{World, connection, ike_policy, ipsec_policy, with};
use serde_json::{Value, json};

#[tokio::test]
async fn a_gateway_that_cannot_be_is_refused() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "192.168.100.0/24").await;
    let small = json!({"name": "small", "vpc": {"id": vpc}, "ipv4_cidr_block": "10.0.0.0/29"});
    let small = w.post("/subnets", small).await.is(201).id();
    let missing = "0738-7fd72524-6e2d-49a6-b975-0071efccd89a";
    w.post(
        "/vpn_gateways",
        json!({"name": "taken", "subnet": {"id": subnet}}),
    )
    .await
    .is(201);
    for (body, status, code) in [
        (json!({"name": "g"}), 400, "vpn_gateway_missing_subnet_id"),
        (
            json!({"name": "g", "subnet": null}),
            400,
            "vpn_gateway_missing_subnet_id",
        ),
        (json!({"name": "g", "subnet": {}}), 400, "missing_field"),
        (json!({"name": "g", "subnet": "x"}), 400, "bad_field"),
        (
            json!({"name": "g", "subnet": {"id": missing}}),
            400,
            "vpn_gateway_subnet_not_found",
        ),
        (
            json!({"name": "g", "subnet": {"id": "x"}}),
            400,
            "vpn_gateway_subnet_not_found",
        ),
        (
            json!({"name": "g", "subnet": {"id": small}}),
            409,
            "vpn_gateway_ip_create_error",
        ),
        (
            json!({"name": "1g", "subnet": {"id": subnet}}),
            400,
            "vpn_gateway_invalid_name",
        ),
        (
            json!({"name": "taken", "subnet": {"id": subnet}}),
            400,
            "vpn_gateway_duplicate_name",
        ),
    ] {
        w.post("/vpn_gateways", body).await.refused(status, code);
    }
    for n in 0..2 {
        let body = json!({"name": format!("more-{n}"), "subnet": {"id": subnet}});
        w.post("/vpn_gateways", body).await.is(201);
    }
    let fourth = json!({"subnet": {"id": subnet}});
    w.post("/vpn_gateways", fourth)
        .await
        .refused(400, "vpn_gateways_quota_exceeded");
    assert_eq!(w.get("/vpn_gateways").await.body["total_count"], 3);
    let list = w.get("/vpn_gateways").await.body["vpn_gateways"].clone();
    let second = format!("/vpn_gateways/{}", list[1]["id"].as_str().unwrap());
    w.patch(&second, json!({"name": "taken"}))
        .await
        .refused(400, "vpn_gateway_duplicate_name");
    w.patch(&second, json!({"name": "a b"}))
        .await
        .refused(400, "vpn_gateway_invalid_name");
    assert_eq!(
        w.get("/vpn_gateways").await.body["vpn_gateways"][1]["name"],
        list[1]["name"]
    );
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn bad_connections() -> Vec<(Value, u16, &'static str)> {
    let many: Vec<String> = (0..16).map(|n| format!("10.{n}.0.0/16")).collect();
    let long = "x".repeat(129);
    vec![
        (json!({"name": "Ä"}), 400, "vpn_connection_invalid_name"),
        (
            json!({"name": "first"}),
            400,
            "vpn_connection_duplicate_name",
        ),
        (json!({"psk": null}), 400, "missing_field"),
        (json!({"psk": 12345678}), 400, "bad_field"),
        (
            json!({"psk": "short"}),
            400,
            "vpn_connection_invalid_psk_format",
        ),
        (
            json!({"psk": long}),
            400,
            "vpn_connection_invalid_psk_format",
        ),
        (
            json!({"psk": "with space"}),
            400,
            "vpn_connection_invalid_psk_format",
        ),
        (
            json!({"psk": "schlüssel"}),
            400,
            "vpn_connection_invalid_psk_format",
        ),
        (
            json!({"psk": "0xdeadbeef"}),
            400,
            "vpn_connection_invalid_psk_format",
        ),
        (
            json!({"psk": "0sZGVhZGJlZWY"}),
            400,
            "vpn_connection_invalid_psk_format",
        ),
        (json!({"peer_address": null}), 400, "missing_field"),
        (json!({"peer_address": "256.1.1.1"}), 400, "bad_field"),
        (json!({"peer_address": "0.0.0.0"}), 400, "bad_field"),
        (json!({"peer_address": "203.0.113.1"}), 400, "bad_field"),
        (json!({"peer_address": "2001:db8::1"}), 400, "bad_field"),
        (
            json!({"local_cidrs": null}),
            400,
            "vpn_connection_local_cidrs_required",
        ),
        (
            json!({"local_cidrs": []}),
            400,
            "vpn_connection_local_cidrs_required",
        ),
        (
            json!({"peer_cidrs": []}),
            400,
            "vpn_connection_peer_cidrs_required",
        ),
        (json!({"peer_cidrs": "10.0.0.0/24"}), 400, "bad_field"),
        (
            json!({"peer_cidrs": ["10.0.0.1/24"]}),
            400,
            "vpn_connection_cidr_not_valid",
        ),
        (
            json!({"peer_cidrs": ["10.0.0.0"]}),
            400,
            "vpn_connection_cidr_not_valid",
        ),
        (
            json!({"peer_cidrs": ["10.0.0.0/24", "10.0.0.0/24"]}),
            400,
            "vpn_connection_cidr_duplicated",
        ),
        (
            json!({"peer_cidrs": ["10.0.0.0/24", "10.0.0.0/25"]}),
            400,
            "vpn_connection_cidr_overlap",
        ),
        (
            json!({"peer_cidrs": ["192.168.100.128/25"]}),
            400,
            "vpn_connection_cidr_overlap",
        ),
        (
            json!({"peer_cidrs": ["0.0.0.0/0"]}),
            400,
            "vpn_connection_cidr_overlap",
        ),
        (
            json!({"peer_cidrs": ["192.168.0.0/24"]}),
            400,
            "vpn_connection_pair_cidrs_duplicated",
        ),
        (
            json!({"peer_cidrs": ["192.168.0.0/25"]}),
            400,
            "vpn_connection_cidr_overlap",
        ),
        (
            json!({"peer_cidrs": many}),
            400,
            "vpn_connection_peer_subnets_quota_exceeded_for_connection",
        ),
        (
            json!({"dead_peer_detection": {"action": "panic"}}),
            400,
            "bad_field",
        ),
        (
            json!({"dead_peer_detection": {"interval": 0}}),
            400,
            "bad_field",
        ),
        (
            json!({"dead_peer_detection": {"interval": 86400, "timeout": 86400}}),
            400,
            "bad_field",
        ),
        (
            json!({"dead_peer_detection": {"interval": 20, "timeout": 10}}),
            400,
            "bad_field",
        ),
        (json!({"admin_state_up": "yes"}), 400, "bad_field"),
        (
            json!({"ike_policy": {"id": "x"}}),
            404,
            "ike_policy_not_found",
        ),
        (
            json!({"ipsec_policy": {"id": "r006-7fd72524-6e2d-49a6-b975-0071efccd89a"}}),
            404,
            "ipsec_policy_not_found",
        ),
    ]
}

#[tokio::test]
async fn a_connection_that_cannot_be_is_refused() {
    let w = World::new().await;
    let gateway = w.gateway().await;
    let path = format!("/vpn_gateways/{gateway}/connections");
    let first = w
        .post(&path, with(connection(), json!({"name": "first"})))
        .await;
    first.is(201);
    let fine = with(
        connection(),
        json!({"name": "second", "peer_cidrs": ["10.9.0.0/24"]}),
    );
    for (change, status, code) in bad_connections() {
        let answer = w.post(&path, with(fine.clone(), change.clone())).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (status, code),
            "{change}"
        );
    }
    assert_eq!(w.get(&path).await.body["connections"], json!([first.body]));
    w.post(&path, fine).await.is(201);
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused() {
    let w = World::new().await;
    let path = w.connection().await;
    let before = w.get(&path).await.body;
    let not_permitted = "vpn_connection_update_cidrs_not_permitted";
    for (change, status, code) in [
        (json!({"local_cidrs": ["10.0.0.0/24"]}), 400, not_permitted),
        (
            json!({"peer": {"cidrs": ["10.0.0.0/24"]}}),
            400,
            not_permitted,
        ),
        (
            json!({"name": "new", "psk": "short"}),
            400,
            "vpn_connection_invalid_psk_format",
        ),
        (
            json!({"name": "new", "peer_address": "203.0.113.1"}),
            400,
            "bad_field",
        ),
        (
            json!({"name": "new", "dead_peer_detection": {"timeout": 3}}),
            400,
            "bad_field",
        ),
        (
            json!({"name": "new", "ike_policy": {"id": "x"}}),
            404,
            "ike_policy_not_found",
        ),
        (json!({"name": ""}), 400, "vpn_connection_invalid_name"),
    ] {
        w.patch(&path, change).await.refused(status, code);
    }
    assert_eq!(w.get(&path).await.body, before);
}

#[tokio::test]
async fn a_policy_that_cannot_be_is_refused() {
    let w = World::new().await;
    w.post("/ike_policies", ike_policy()).await.is(201);
    w.post("/ipsec_policies", ipsec_policy()).await.is(201);
    for (change, code) in [
        (json!({}), "ike_policy_duplicate_name"),
        (json!({"name": "_"}), "ike_policy_invalid_name"),
        (json!({"ike_version": 3}), "bad_field"),
        (json!({"ike_version": null}), "missing_field"),
        (json!({"dh_group": 1}), "bad_field"),
        (json!({"dh_group": 3}), "bad_field"),
        (json!({"dh_groups": [14]}), "bad_field"),
        (
            json!({"dh_group": null, "dh_groups": [14, 14]}),
            "bad_field",
        ),
        (json!({"dh_group": null, "dh_groups": []}), "bad_field"),
        (json!({"encryption_algorithm": "des"}), "bad_field"),
        (json!({"encryption_algorithm": "aes128gcm16"}), "bad_field"),
        (json!({"authentication_algorithm": "disabled"}), "bad_field"),
        (json!({"key_lifetime": 299}), "bad_field"),
        (json!({"key_lifetime": 86401}), "bad_field"),
    ] {
        let answer = w
            .post("/ike_policies", with(ike_policy(), change.clone()))
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, code),
            "{change}"
        );
    }
    for (change, code) in [
        (json!({}), "ipsec_policy_duplicate_name"),
        (json!({"pfs": null}), "missing_field"),
        (json!({"pfs": "group_1"}), "bad_field"),
        (json!({"pfs": "14"}), "bad_field"),
        (json!({"encryption_algorithm": "aes128gcm16"}), "bad_field"),
        (json!({"authentication_algorithm": "disabled"}), "bad_field"),
        (
            json!({"encryption_algorithm": null, "encryption_algorithms": ["aes128", "aes128gcm16"]}),
            "bad_field",
        ),
    ] {
        let answer = w
            .post("/ipsec_policies", with(ipsec_policy(), change.clone()))
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, code),
            "{change}"
        );
    }
    for n in 0..19 {
        let body = with(ike_policy(), json!({"name": format!("p{n}")}));
        w.post("/ike_policies", body).await.is(201);
    }
    let over = with(ike_policy(), json!({"name": "over"}));
    w.post("/ike_policies", over)
        .await
        .refused(400, "ike_policies_quota_exceeded");
    assert_eq!(w.get("/ike_policies").await.body["total_count"], 20);
    assert_eq!(w.get("/ipsec_policies").await.body["total_count"], 1);
}

#[tokio::test]
async fn a_subnet_that_cannot_be_is_refused() {
    let w = World::new().await;
    let (vpc, _) = w.subnet("vpc-1", "10.0.0.0/24").await;
    let fine = json!({"vpc": {"id": vpc}, "ipv4_cidr_block": "10.1.0.0/24"});
    for (change, status, code) in [
        (json!({"vpc": null}), 400, "missing_field"),
        (json!({"vpc": {"id": "x"}}), 404, "vpc_not_found"),
        (json!({"ipv4_cidr_block": null}), 400, "missing_field"),
        (json!({"ipv4_cidr_block": "10.1.0.1/24"}), 400, "bad_field"),
        (json!({"ipv4_cidr_block": "10.1.0.0/30"}), 400, "bad_field"),
        (json!({"ipv4_cidr_block": "0.0.0.0/0"}), 400, "bad_field"),
        (
            json!({"ipv4_cidr_block": "10.0.0.128/25"}),
            400,
            "subnet_cidr_overlap",
        ),
        (
            json!({"ipv4_cidr_block": null, "total_ipv4_address_count": 100}),
            400,
            "bad_field",
        ),
        (json!({"zone": {"name": "mars-1"}}), 400, "bad_field"),
        (json!({"name": "subnet-1"}), 400, "subnet_duplicate_name"),
    ] {
        let answer = w.post("/subnets", with(fine.clone(), change.clone())).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (status, code),
            "{change}"
        );
    }
    assert_eq!(w.get("/subnets").await.body["total_count"], 1);
    w.post("/instances", json!({}))
        .await
        .refused(400, "missing_field");
    let nic = json!({"primary_network_interface": {"subnet": {"id": "x"}}});
    w.post("/instances", nic)
        .await
        .refused(404, "subnet_not_found");
    w.post("/vpcs", json!({"name": "vpc-1"}))
        .await
        .refused(400, "vpc_duplicate_name");
}
