//! The documented example, "Connecting two VPCs using VPN", as its curl lines send it.

use crate::world::{Answer, OLD, World};
use adit_control::AgentEvent;
use adit_model::observed::{SaTimes, Traffic, TunnelObserved, TunnelState};
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// What `curl -H "Authorization: $iam_token" -X POST ... -d '...'` sends.
async fn curl(w: &World, method: Method, path: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/v1{path}?version={OLD}&generation=2"))
        .header("host", "vpn.example:9696")
        .header("user-agent", "curl/7.68.0")
        .header("authorization", format!("Bearer {}", w.token))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap();
    w.send(request).await
}

#[tokio::test]
async fn the_example_runs_as_written() {
    let w = World::new().await;
    let (_, subnet1) = w.subnet("vpc-1", "192.168.100.0/24").await;
    let (_, subnet2) = w.subnet("vpc-2", "192.168.0.0/24").await;
    let mut gateways = Vec::new();
    for (name, subnet) in [("vpn-gateway-1", &subnet1), ("vpn-gateway-2", &subnet2)] {
        let body = format!(
            r#"{{
                "name": "{name}",
                "subnet": {{"id": "{subnet}"}}
            }}"#
        );
        let made = curl(&w, Method::POST, "/vpn_gateways", &body).await;
        made.is(201);
        assert_eq!(made.body["name"], name);
        assert_eq!(made.body["subnet"]["id"], subnet.as_str());
        assert_eq!(made.body["status"], "pending");
        assert!(made.id().starts_with("0738-"));
        let href = format!("http://vpn.example:9696/v1/vpn_gateways/{}", made.id());
        assert_eq!(made.body["href"], href);
        assert!(made.text("crn").ends_with(&format!("::vpn:{}", made.id())));
        assert!(made.text("created_at").ends_with('Z'));
        assert_eq!(made.body["connections"], json!([]));
        assert_eq!(made.body.get("mode"), None);
        gateways.push((
            made.id(),
            made.body["public_ip"]["address"]
                .as_str()
                .unwrap()
                .to_owned(),
        ));
    }
    for (id, _) in &gateways {
        let path = format!("/vpn_gateways/{id}");
        w.until("available", async || {
            let seen = curl(&w, Method::GET, &path, "").await;
            seen.is(200).body["status"] == "available"
        })
        .await;
    }
    let (first, second) = (
        connect(&w, &gateways, 0).await,
        connect(&w, &gateways, 1).await,
    );
    comes_up(&w, &gateways[0].0, &first).await;
    let path = format!("/vpn_gateways/{}/connections", gateways[1].0);
    let listed = curl(&w, Method::GET, &path, "").await;
    assert_eq!(listed.body["connections"][0]["id"], second);
    assert_eq!(listed.body["connections"][0]["status"], "down");
}

/// Steps 3 and 4.
async fn connect(w: &World, gateways: &[(String, String)], from: usize) -> String {
    let cidrs = ["192.168.100.0/24", "192.168.0.0/24"];
    let to = 1 - from;
    let (gateway, peer) = (&gateways[from].0, &gateways[to].1);
    let body = format!(
        r#"{{
                "name": "vpn-connection-to-vpn-gateway-{}",
                "peer_address": "{peer}",
                "psk": "VPNDemoPassword",
                "local_cidrs": [ "{}" ],
                "peer_cidrs": [ "{}" ]
            }}"#,
        to + 1,
        cidrs[from],
        cidrs[to]
    );
    let path = format!("/vpn_gateways/{gateway}/connections");
    let made = curl(w, Method::POST, &path, &body).await;
    made.is(201);
    let expected = json!({
        "local_cidrs": [cidrs[from]],
        "peer_cidrs": [cidrs[to]],
        "peer_address": peer,
        "admin_state_up": true,
        "psk": "VPNDemoPassword",
        "dead_peer_detection": {"action": "none", "interval": 30, "timeout": 120},
        "route_mode": "policy",
        "authentication_mode": "psk",
        "status": "down",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&made.body[name], value, "{name}");
    }
    assert_eq!(made.body.get("ike_policy"), None);
    made.id()
}

/// The worker says that the tunnel is up with this suite.
fn is_up_with(w: &World, gateway: &str, connection: &str, suite: &str) {
    let observed = TunnelObserved {
        state: TunnelState::Up,
        since: OffsetDateTime::now_utc(),
        reasons: Vec::new(),
        ike_suite: Some(suite.to_owned()),
        ike_times: SaTimes::default(),
        children: Vec::new(),
        members: Vec::new(),
        traffic: Traffic::default(),
    };
    w.agent.say(AgentEvent::Tunnel {
        gateway: gateway.trim_start_matches("0738-").parse().unwrap(),
        connection: connection.trim_start_matches("0738-").parse().unwrap(),
        observed,
    });
}

/// Without a policy 3DES may be what both have in common.
async fn is_warned_of_what_was_negotiated(w: &World, gateway: &str, connection: &str) {
    let path = format!("/vpn_gateways/{gateway}/connections/{connection}");
    is_up_with(w, gateway, connection, "3des-sha256-modp2048");
    w.until("warned", async || {
        let shown = w.get(&path).await;
        let reason = &shown.body["status_reasons"][0];
        reason["code"] == "weak_algorithm"
            && reason["evidence"] == "the IKE SA was negotiated with 3des-sha256-modp2048"
    })
    .await;
    is_up_with(w, gateway, connection, "aes256-sha256-modp2048");
    w.until("not warned any more", async || {
        w.get(&path).await.body["status_reasons"] == json!([])
    })
    .await;
}

/// Step 5.
async fn comes_up(w: &World, gateway: &str, connection: &str) {
    let path = format!("/vpn_gateways/{gateway}/connections");
    is_up_with(w, gateway, connection, "aes256-sha256-modp2048");
    w.until("up", async || {
        let listed = curl(w, Method::GET, &path, "").await;
        listed.is(200).body["connections"][0]["status"] == "up"
    })
    .await;
    let listed = curl(w, Method::GET, &path, "").await;
    assert_eq!(
        listed.body["first"]["href"],
        format!("http://vpn.example:9696/v1{path}?limit=50")
    );
    assert_eq!(listed.body["connections"][0]["status_reasons"], json!([]));
    assert_eq!(
        listed.body["connections"][0]["negotiated"]["ike_suite"],
        "aes256-sha256-modp2048"
    );
    let up = w.get(&format!("{path}?status=up")).await;
    assert_eq!(up.body["total_count"], 1);
    is_warned_of_what_was_negotiated(w, gateway, connection).await;
    let down = w.get(&format!("{path}?status=down")).await;
    assert_eq!(down.body["connections"], Value::Array(Vec::new()));
    w.get(&format!("{path}?status=sideways"))
        .await
        .refused(400, "invalid_value");
}
