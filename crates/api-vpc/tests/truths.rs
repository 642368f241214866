//! What answers say is so: which thing is missing or in the way, which quota is used up, what a
//! member can't do; and where they link to, something is.

use std::collections::HashSet;

use adit_control::policy::NewPolicy;
use adit_control::{AgentEvent, Allowance, Caller, Naming};
use adit_model::observed::{SaTimes, Traffic, TunnelObserved, TunnelState};
use adit_model::policy::{Authentication, Encapsulation, Encryption, IpsecParameters, Transform};
use adit_model::project::Role;
use adit_model::{ConnectionId, GatewayId, Name};
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
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
        format!("/floating_ips/{NOBODY}"),
        format!("/keys/{NOBODY}"),
        format!("/public_gateways/{NOBODY}"),
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

/// All addresses within an answer.
fn links(of: &Value, found: &mut Vec<String>) {
    match of {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(link) if name == "href" => found.push(link.to_owned()),
                    _ => links(value, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| links(one, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_href_leads_to_what_it_names() {
    let w = World::new().await;
    let path = w.connection().await;
    let subnet = w.get("/subnets").await.body["subnets"][0]["id"].clone();
    let body = json!({"name": "vm", "primary_network_interface": {"subnet": {"id": subnet}}});
    w.post("/instances", body).await.is(201);
    let ike = w.post("/ike_policies", ike_policy()).await.is(201).id();
    w.patch(&path, json!({"ike_policy": {"id": ike}}))
        .await
        .is(200);
    let mut new: Vec<_> = [
        "regions",
        "vpcs",
        "subnets",
        "instances",
        "vpn_gateways",
        "ike_policies",
        "ipsec_policies",
        "images",
        "instance/profiles",
        "keys",
        "security_groups",
        "floating_ips",
        "public_gateways",
        "network_acls",
    ]
    .map(|list| format!("http://vpn.example:9696/v1/{list}"))
    .to_vec();
    let mut seen = HashSet::new();
    while let Some(link) = new.pop() {
        if !seen.insert(link.clone()) {
            continue;
        }
        let path = link.strip_prefix("http://vpn.example:9696").unwrap();
        let separator = if path.contains('?') { '&' } else { '?' };
        let query = match path.starts_with("/v2") {
            true => String::new(),
            false => format!("{separator}version={NEW}&generation=2"),
        };
        let request = Request::get(format!("{path}{query}"))
            .header("host", "vpn.example:9696")
            .header("authorization", format!("Bearer {}", w.token));
        let answer = w.send(request.body(Body::empty()).unwrap()).await;
        let body = &answer.is(200).body;
        // What is one thing says the same address of itself.
        if let Some(own) = body["href"].as_str() {
            assert_eq!(own, link);
        }
        links(body, &mut new);
    }
    assert!(seen.len() > 40, "{seen:?}");
}

#[tokio::test]
async fn a_connection_s_log_tells_what_happened_to_its_tunnel() {
    let w = World::new().await;
    let path = w.connection().await;
    let (gateway, id) = path.rsplit_once("/connections/").unwrap();
    w.until("available", async || {
        w.get(gateway).await.body["status"] == "available"
    })
    .await;
    let log = format!("{path}/log");
    assert_eq!(w.get(&log).await.is(200).body, json!({"log": []}));
    let parsed = |text: &str| {
        let uuid = text.strip_prefix("0738-").unwrap();
        uuid.parse::<uuid::Uuid>().unwrap()
    };
    w.agent.say(AgentEvent::Tunnel {
        gateway: GatewayId::from_uuid(parsed(gateway.rsplit_once('/').unwrap().1)),
        connection: ConnectionId::from_uuid(parsed(id)),
        observed: TunnelObserved {
            state: TunnelState::Up,
            since: OffsetDateTime::now_utc(),
            reasons: Vec::new(),
            ike_suite: Some("aes256gcm16-prfsha384-ecp384".to_owned()),
            ike_times: SaTimes::default(),
            children: Vec::new(),
            members: Vec::new(),
            traffic: Traffic::default(),
        },
    });
    w.until("up", async || w.get(&path).await.body["status"] == "up")
        .await;
    let log = w.get(&log).await;
    let lines = log.is(200).body["log"].as_array().unwrap();
    let last = lines.last().unwrap()["message"].as_str().unwrap();
    assert_eq!(last, format!("peer_169.61.161.150_{id}: the tunnel is up"));
    let first = lines[0]["message"].as_str().unwrap();
    let words = "IKE SA established, selected proposal aes256gcm16-prfsha384-ecp384";
    assert!(first.ends_with(words), "{first}");
    assert!(!log.body.to_string().contains("VPNDemoPassword"));
    w.get(&format!("{gateway}/connections/{NOBODY}/log"))
        .await
        .refused(404, "vpn_connection_not_found");
}

#[tokio::test]
async fn an_instance_is_renamed_stopped_and_started() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let image = w.get("/images").await.is(200).body["images"][0]["id"].clone();
    let nic = json!({"subnet": {"id": subnet}, "name": "eth0"});
    let body = json!({
        "name": "vm", "image": {"id": image}, "profile": {"name": "namespace"}, "keys": [],
        "vpc": {"id": vpc}, "zone": {"name": "us-south-1"}, "primary_network_interface": nic,
    });
    let made = w.post("/instances", body.clone()).await;
    assert_eq!(made.is(201).body["image"]["id"], image);
    for (change, field) in [
        (json!({"image": {"id": NOBODY}}), "image"),
        (json!({"profile": {"name": "bx2-2x8"}}), "profile"),
        (json!({"keys": [{"id": NOBODY}]}), "keys"),
        (json!({"user_data": "x"}), "user_data"),
    ] {
        let answer = w.post("/instances", with(body.clone(), change)).await;
        assert_eq!(answer.is(400).body["errors"][0]["target"]["name"], field);
    }
    let path = format!("/instances/{}", made.id());
    let other = w
        .post("/instances", with(body, json!({"name": "other"})))
        .await
        .is(201)
        .id();
    w.patch(&path, json!({"name": "other"}))
        .await
        .refused(400, "instance_duplicate_name");
    assert_eq!(
        w.patch(&path, json!({"name": "renamed"}))
            .await
            .is(200)
            .body["name"],
        "renamed"
    );
    for (action, status) in [("stop", "stopped"), ("start", "running")] {
        let done = w
            .post(&format!("{path}/actions"), json!({"type": action}))
            .await;
        assert_eq!(done.is(201).body["status"], "completed");
        w.until(status, async || w.get(&path).await.body["status"] == status)
            .await;
    }
    w.post(&format!("{path}/actions"), json!({"type": "reboot"}))
        .await
        .refused(400, "bad_field");
    w.delete(&format!("/instances/{other}")).await.is(204);
}

#[tokio::test]
async fn reserved_ips_are_those_that_somebody_has() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
    let nic = json!({"primary_network_interface": {"subnet": {"id": subnet}}, "name": "vm"});
    w.post("/instances", nic).await.is(201);
    let gateway = w
        .post(
            "/vpn_gateways",
            json!({"name": "gw", "subnet": {"id": subnet}}),
        )
        .await;
    let listed = w.get(&format!("/subnets/{subnet}/reserved_ips")).await;
    let all = listed.is(200).body["reserved_ips"].as_array().unwrap();
    let seen = all.iter().map(|ip| {
        let target = ip["target"]["resource_type"].as_str().unwrap_or_default();
        (
            ip["address"].as_str().unwrap(),
            ip["owner"].as_str().unwrap(),
            target,
        )
    });
    let seen: Vec<_> = seen.collect();
    assert_eq!(
        seen,
        [
            ("10.240.0.0", "provider", ""),
            ("10.240.0.1", "provider", ""),
            ("10.240.0.2", "provider", ""),
            ("10.240.0.3", "provider", ""),
            ("10.240.0.4", "user", "network_interface"),
            ("10.240.0.253", "user", "vpn_gateway"),
            ("10.240.0.254", "user", "vpn_gateway"),
            ("10.240.0.255", "provider", ""),
        ]
    );
    let member = &gateway.is(201).body["members"][0]["private_ip"];
    assert!(
        all.iter()
            .any(|ip| ip["id"] == member["id"] && ip["address"] == member["address"])
    );
    let missing = w
        .get(&format!("/subnets/{subnet}/reserved_ips/{NOBODY}"))
        .await;
    missing.refused(404, "reserved_ip_not_found");
}

#[tokio::test]
async fn a_reader_never_sees_a_key() {
    let mut w = World::new().await;
    let path = w.connection().await;
    let member = w.control.verify_token(&w.token).await.unwrap();
    let reader = Caller {
        role: Role::Reader,
        ..member
    };
    w.token = w.control.issue_token(&reader, Map::new()).text;
    let (list, _) = path.rsplit_once('/').unwrap();
    for path in [path.as_str(), list] {
        let seen = w.get(path).await;
        let seen = seen.is(200).body.to_string();
        assert!(
            seen.contains("********") && !seen.contains("VPNDemoPassword"),
            "{seen}"
        );
    }
    w.patch(&path, json!({"name": "x"}))
        .await
        .refused(403, "not_authorized");
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

#[tokio::test]
async fn a_token_is_taken_with_the_word_bearer_twice_once_and_not_at_all() {
    let w = World::new().await;
    for words in ["Bearer Bearer ", "bearer ", ""] {
        let request = Request::get("/v1/vpcs?version=2020-02-14&generation=2")
            .header("authorization", format!("{words}{}", w.token))
            .body(Body::empty());
        w.send(request.unwrap()).await.is(200);
    }
}

#[tokio::test]
async fn policies_are_listed_by_pages_whatever_dialect_made_them() {
    let w = World::new().await;
    for number in 1..=3 {
        let body = with(ike_policy(), json!({"name": format!("ike-{number}")}));
        w.post("/ike_policies", body).await.is(201);
    }
    // As other dialects can have it.
    let parameters = IpsecParameters {
        transform: Transform::Ah,
        encapsulation: Encapsulation::Transport,
        encryption: vec![Encryption::Aes128],
        authentication: vec![Authentication::AesCmac],
        pfs: Vec::new(),
        lifetime_s: 3_600,
    };
    let new = NewPolicy {
        name: Name::parse("foreign").unwrap(),
        resource_group: None,
        naming: Naming::Free,
        description: String::new(),
        allowance: Allowance::Fixed,
        parameters,
    };
    let caller = w.control.verify_token(&w.token).await.unwrap();
    w.control.create_policy(&caller, new).await.unwrap();

    let first = w.get("/ike_policies?limit=2").await;
    let first = &first.is(200).body;
    assert_eq!(first["total_count"], 3);
    assert_eq!(first["ike_policies"][1]["name"], "ike-2");
    let next = first["next"]["href"].as_str().unwrap();
    let (_, query) = next.split_once('?').unwrap();
    let rest = w.get(&format!("/ike_policies?{query}")).await;
    let rest = &rest.is(200).body;
    assert_eq!(rest["ike_policies"][0]["name"], "ike-3");
    assert!(rest.get("next").is_none(), "{rest}");

    let all = w.get("/ipsec_policies").await;
    let all = &all.is(200).body;
    assert_eq!(all["total_count"], 1);
    let one = &all["ipsec_policies"][0];
    assert_eq!(one["authentication_algorithm"], "aes_cmac");
    assert_eq!(one["transform_protocol"], "ah");
    assert_eq!(one["encapsulation_mode"], "transport");
}
