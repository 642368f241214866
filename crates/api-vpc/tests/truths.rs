//! What answers say is so: which thing is missing or in the way, which quota is used up, what a
//! member can't do; and where they link to, something is.

use std::collections::HashSet;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{Answer, NEW, OLD, World, connection, ike_policy, with};

fn message(answer: &Answer) -> String {
    answer.body["errors"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

const NOBODY: &str = "0738-00000000-0000-4000-8000-000000000007";

#[tokio::test]
async fn what_is_missing_is_named_as_it_was_asked_for() {
    let w = World::new().await;
    let gateway = format!("/vpn_gateways/{}", w.gateway().await);
    let (vpc, subnet) = w.subnet("vpc-2", "10.0.0.0/24").await;
    for path in [
        format!("/vpcs/{NOBODY}"),
        format!("/vpcs/{NOBODY}/address_prefixes"),
        format!("/vpcs/{vpc}/routing_tables/{NOBODY}"),
        format!("/subnets/{NOBODY}"),
        format!("/instances/{NOBODY}"),
        format!("/vpn_gateways/{NOBODY}"),
        format!("/vpn_gateways/{NOBODY}/connections"),
        format!("{gateway}/members/{NOBODY}"),
        format!("{gateway}/connections/{NOBODY}"),
        format!("{gateway}/connections/{NOBODY}/peer_cidrs"),
        format!("/ike_policies/{NOBODY}"),
        format!("/ipsec_policies/{NOBODY}/connections"),
        format!("/security_groups/{NOBODY}"),
        format!("/network_acls/{NOBODY}"),
        "/regions/mars".to_owned(),
    ] {
        let answer = w.get(&path).await;
        let id = if path.contains("mars") {
            "mars"
        } else {
            NOBODY
        };
        assert!(
            message(answer.is(404)).contains(&format!("`{id}`")),
            "{path}: {answer:?}"
        );
    }
    let named = |name: &str| json!({ name: {"id": NOBODY} });
    for (method, path, body) in [
        (
            Method::POST,
            "/subnets",
            with(json!({"ipv4_cidr_block": "10.9.0.0/24"}), named("vpc")),
        ),
        (
            Method::POST,
            "/instances",
            json!({"primary_network_interface": named("subnet")}),
        ),
        (Method::POST, "/vpn_gateways", named("subnet")),
        (
            Method::POST,
            &format!("{gateway}/connections"),
            with(connection(), named("ike_policy")),
        ),
        (
            Method::POST,
            &format!("{gateway}/connections"),
            with(connection(), named("ipsec_policy")),
        ),
    ] {
        let answer = w.call(method, path, OLD, body).await;
        assert!(
            message(&answer).contains(&format!("`{NOBODY}`")),
            "{path}: {answer:?}"
        );
        let target = answer.body["errors"][0]["target"]["name"].as_str().unwrap();
        assert!(target.ends_with(".id"), "{answer:?}");
    }
    let path = w
        .post(&format!("{gateway}/connections"), connection())
        .await
        .is(201)
        .id();
    let path = format!("{gateway}/connections/{path}/peer_cidrs/10.77.0.0/16");
    for method in [Method::GET, Method::DELETE] {
        let answer = w.call(method, &path, OLD, Value::Null).await;
        answer.refused(404, "vpn_connection_cidr_not_found");
        assert!(message(&answer).contains("`10.77.0.0/16`"), "{answer:?}");
    }
    w.delete(&format!("/subnets/{subnet}")).await.is(204);
}

#[tokio::test]
async fn what_is_in_the_way_is_named_as_this_dialect_writes_it() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "10.0.0.0/24").await;
    let gateway = json!({"name": "gw", "subnet": {"id": subnet}});
    let gateway = w.post("/vpn_gateways", gateway).await.is(201).id();
    let policy = w.post("/ike_policies", ike_policy()).await.is(201).id();
    let path = format!("/vpn_gateways/{gateway}/connections");
    let used = with(connection(), json!({"ike_policy": {"id": policy}}));
    let one = w.post(&path, used).await.is(201).id();
    for (answer, code, named) in [
        (
            w.post("/vpcs", json!({"name": "vpc-1"})).await,
            "vpc_duplicate_name",
            &vpc,
        ),
        (
            w.post("/ike_policies", ike_policy()).await,
            "ike_policy_duplicate_name",
            &policy,
        ),
        (
            w.post(
                "/vpn_gateways",
                json!({"name": "gw", "subnet": {"id": subnet}}),
            )
            .await,
            "vpn_gateway_duplicate_name",
            &gateway,
        ),
        (
            w.post(&path, connection()).await,
            "vpn_connection_duplicate_name",
            &one,
        ),
        (
            w.post(&path, with(connection(), json!({"name": "other"})))
                .await,
            "vpn_connection_pair_cidrs_duplicated",
            &one,
        ),
        (
            w.delete(&format!("/ike_policies/{policy}")).await,
            "ike_policy_in_use",
            &one,
        ),
        (
            w.delete(&format!("/subnets/{subnet}")).await,
            "subnet_in_use",
            &gateway,
        ),
    ] {
        assert_eq!(answer.code(), code, "{answer:?}");
        let message = message(&answer);
        assert!(message.contains(named.as_str()), "{message}: not {named}");
        assert!(!message.contains("router"), "{message}");
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_named_with_how_much_it_is() {
    let w = World::new().await;
    let mut answer = None;
    for number in 0..6 {
        let body = json!({"name": format!("vpc-{number}")});
        answer = Some(w.post("/vpcs", body).await);
    }
    let answer = answer.unwrap();
    answer.refused(400, "vpcs_quota_exceeded");
    assert_eq!(
        message(&answer),
        "The quota of 5 VPCs in a region is used up."
    );
}

#[tokio::test]
async fn the_standby_says_that_it_can_t_take_over() {
    let w = World::new().await;
    let path = format!("/vpn_gateways/{}", w.gateway().await);
    w.until("available", async || {
        w.get(&path).await.body["status"] == "available"
    })
    .await;
    let seen = w.call(Method::GET, &path, NEW, Value::Null).await.body;
    assert_eq!(seen["health_state"], "ok");
    let [active, standby] = [0, 1].map(|number| seen["members"][number].clone());
    assert_eq!(
        (&active["health_state"], &active["health_reasons"]),
        (&json!("ok"), &json!([]))
    );
    assert_eq!(standby["health_state"], "degraded");
    assert_eq!(standby["health_reasons"][0]["code"], "no_failover");
    let ids = [&active, &standby].map(|member| [&member["id"], &member["private_ip"]["id"]]);
    let ids: HashSet<_> = ids
        .as_flattened()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 4, "{seen}");
}

#[tokio::test]
async fn asterisks_are_no_key() {
    let w = World::new().await;
    let path = w.connection().await;
    let (many, _) = path.rsplit_once('/').unwrap();
    let hidden = json!({"psk": "********"});
    let code = "vpn_connection_invalid_psk_format";
    w.patch(&path, hidden.clone()).await.refused(400, code);
    w.post(many, with(connection(), hidden))
        .await
        .refused(400, code);
    assert_eq!(w.get(&path).await.is(200).body["psk"], "VPNDemoPassword");
    // Any other number of them is one, if a bad one.
    w.patch(&path, json!({"psk": "*******"})).await.is(200);
}

#[tokio::test]
async fn where_an_answer_links_to_something_is() {
    let w = World::new().await;
    let path = w.connection().await;
    let refused = w.get("/vpcs/nobody").await;
    let reason = w.get(&path).await;
    for (link, words) in [
        (&refused.body["errors"][0]["more_info"], "vpc_not_found"),
        (
            &reason.body["status_reasons"][0]["more_info"],
            "`negotiating`",
        ),
    ] {
        let link = link
            .as_str()
            .unwrap()
            .strip_prefix("http://vpn.example:9696");
        let request = Request::get(link.unwrap()).body(Body::empty()).unwrap();
        let response = w.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/markdown"), "{kind}");
        let page = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        assert!(String::from_utf8_lossy(&page).contains(words), "{words}");
    }
}
