//! Route mode: gateways and connections as their clients' versions have them, and the routes that lead to them.

use adit_control::AgentEvent;
use adit_model::observed::{MemberObserved, SaTimes, Traffic, TunnelObserved, TunnelState};
use adit_model::{ConnectionId, GatewayId, Reason, ReasonCode, Whose};
use axum::http::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::world::{NEW, OLD, World};

/// A VPC with a gateway in route mode and a connection of it.
struct Scene {
    w: World,
    subnet: String,
    gateway: String,
    connection: String,
    /// The path of the routes.
    routes: String,
}

impl Scene {
    async fn new() -> Self {
        let w = World::new().await;
        let (vpc, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
        let body = json!({"name": "routed", "subnet": {"id": subnet}});
        let made = w.call(Method::POST, "/vpn_gateways", NEW, body).await;
        let gateway = made.is(201).id();
        let path = format!("/vpn_gateways/{gateway}/connections");
        let made = w.call(Method::POST, &path, NEW, connection("way")).await;
        let connection = made.is(201).id();
        let seen = w.get(&format!("/vpcs/{vpc}")).await;
        let table = seen.body["default_routing_table"]["id"].as_str().unwrap();
        let routes = format!("/vpcs/{vpc}/routing_tables/{table}/routes");
        Self {
            w,
            subnet,
            gateway,
            connection,
            routes,
        }
    }

    fn path(&self) -> String {
        format!(
            "/vpn_gateways/{}/connections/{}",
            self.gateway, self.connection
        )
    }

    fn route(&self, name: &str, destination: &str) -> Value {
        json!({
            "name": name, "destination": destination, "zone": {"name": "us-south-1"},
            "next_hop": {"id": self.connection},
        })
    }

    async fn seen(&self, version: &str) -> Value {
        let seen = self
            .w
            .call(Method::GET, &self.path(), version, Value::Null)
            .await;
        seen.is(200).body.clone()
    }
}

fn connection(name: &str) -> Value {
    json!({"name": name, "psk": "VPNDemoPassword", "peer": {"address": "169.61.161.150"}})
}

fn uuid(id: &str) -> Uuid {
    id.split_once('-').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn what_mode_means_when_nothing_is_said_follows_the_version() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("vpc-1", "10.240.0.0/24").await;
    for (version, said, mode) in [
        ("2020-11-12", None, "policy"),
        ("2020-11-13", None, "route"),
        (NEW, None, "route"),
        (OLD, Some("route"), "route"),
        (NEW, Some("policy"), "policy"),
    ] {
        let mut body = json!({"subnet": {"id": subnet}});
        if let Some(said) = said {
            body["mode"] = json!(said);
        }
        let made = w.call(Method::POST, "/vpn_gateways", version, body).await;
        let path = format!("/vpn_gateways/{}", made.is(201).id());
        let seen = w.call(Method::GET, &path, NEW, Value::Null).await;
        assert_eq!(seen.body["mode"], mode, "{version} {said:?}");
        let members = seen.body["members"].as_array().unwrap();
        let addresses: Vec<_> = members
            .iter()
            .map(|one| &one["public_ip"]["address"])
            .collect();
        assert_eq!(seen.body["public_ip"]["address"], *addresses[0]);
        let roles: Vec<_> = members.iter().map(|one| &one["role"]).collect();
        match mode {
            "route" => {
                assert_eq!(roles, ["active", "active"]);
                assert!(addresses[0] != addresses[1] && addresses[1] != "0.0.0.0");
                assert_eq!(seen.body["local_asn"], 64520);
                assert_eq!(seen.body["advertised_cidrs"], json!([]));
            }
            _ => {
                assert_eq!(roles, ["active", "standby"]);
                assert_eq!(seen.body.get("local_asn"), None);
            }
        }
        let only = w
            .call(
                Method::GET,
                &format!("/vpn_gateways?mode={mode}"),
                NEW,
                Value::Null,
            )
            .await;
        assert_eq!(only.body["total_count"], 1);
        w.delete(&path).await.is(202);
        w.until("it is gone", async || w.get(&path).await.status == 404)
            .await;
    }
    for (name, value) in [
        ("mode", json!("both")),
        ("availability_mode", json!("regional")),
        ("local_asn", json!(65_001)),
        ("advertised_cidrs", json!(["10.0.0.0/8"])),
        ("members", json!([])),
    ] {
        let mut body = json!({"subnet": {"id": subnet}});
        body[name] = value;
        let refused = w.call(Method::POST, "/vpn_gateways", NEW, body).await;
        refused.refused(400, "bad_field");
        assert_eq!(refused.body["errors"][0]["target"]["name"], name);
    }
}

#[tokio::test]
async fn a_connection_in_route_mode_has_tunnels_and_no_cidrs() {
    let scene = Scene::new().await;
    let gateway = scene
        .w
        .get(&format!("/vpn_gateways/{}", scene.gateway))
        .await;
    let members = gateway.body["members"].as_array().unwrap().clone();
    let public: Vec<_> = members.iter().map(|one| one["public_ip"].clone()).collect();
    let seen = scene.seen(NEW).await;
    assert_eq!(
        (&seen["mode"], &seen["routing_protocol"]),
        (&json!("route"), &json!("none"))
    );
    assert_eq!(seen["distribute_traffic"], false);
    let tunnels = seen["tunnels"].as_array().unwrap();
    let of: Vec<_> = tunnels.iter().map(|one| one["public_ip"].clone()).collect();
    assert_eq!(of, public);
    for end in ["local", "peer"] {
        assert_eq!(seen[end].get("cidrs"), None);
    }
    let identities: Vec<_> = public
        .iter()
        .map(|ip| json!({"type": "ipv4_address", "value": ip["address"]}))
        .collect();
    assert_eq!(seen["local"]["ike_identities"], json!(identities));
    let seen = scene.seen("2021-01-12").await;
    assert_eq!(
        (&seen["mode"], &seen["peer_address"]),
        (&json!("route"), &json!("169.61.161.150"))
    );
    assert_eq!(seen.get("peer_cidrs"), None);
    let seen = scene.seen(OLD).await;
    assert_eq!(
        (&seen["route_mode"], &seen["peer_cidrs"]),
        (&json!("route"), &json!([]))
    );

    let path = scene.path();
    let patch = |body| scene.w.call(Method::PATCH, &path, NEW, body);
    let changed = patch(json!({"distribute_traffic": true})).await;
    assert_eq!(changed.is(200).body["distribute_traffic"], true);
    for body in [
        json!({"routing_protocol": "bgp"}),
        json!({"tunnels": [{"neighbor_ip": "10.0.0.1"}]}),
        json!({"local": {"ike_identities": [{"type": "fqdn", "value": "a.example"}]}}),
        json!({"peer": {"cidrs": ["10.9.0.0/16"]}}),
        json!({"distribute_traffic": "yes"}),
    ] {
        patch(body).await.refused(400, "bad_field");
    }
    let many = format!("/vpn_gateways/{}/connections", scene.gateway);
    let mut with_cidrs = connection("other");
    with_cidrs["peer"]["cidrs"] = json!(["10.9.0.0/16"]);
    let refused = scene.w.call(Method::POST, &many, NEW, with_cidrs).await;
    refused.refused(400, "bad_field");
    let list = scene.w.get(&format!("{path}/local/cidrs")).await;
    assert_eq!(list.is(200).body, json!({"cidrs": []}));
    let put = scene
        .w
        .put(&format!("{path}/peer/cidrs/10.9.0.0%2F16"))
        .await;
    put.refused(400, "bad_field");
}

#[tokio::test]
async fn a_connection_is_up_while_one_tunnel_is_and_says_what_is_wrong_with_the_other() {
    let scene = Scene::new().await;
    let path = format!("/vpn_gateways/{}", scene.gateway);
    scene
        .w
        .until("available", async || {
            scene.w.get(&path).await.body["status"] == "available"
        })
        .await;
    let reason = |evidence: &str| {
        Reason::new(
            ReasonCode::PeerNotResponding,
            Whose::Network,
            OffsetDateTime::UNIX_EPOCH,
            evidence,
            "",
        )
    };
    let member = |state, reasons| MemberObserved { state, reasons };
    scene.w.agent.say(AgentEvent::Tunnel {
        gateway: GatewayId::from_uuid(uuid(&scene.gateway)),
        connection: ConnectionId::from_uuid(uuid(&scene.connection)),
        observed: TunnelObserved {
            state: TunnelState::Up,
            since: OffsetDateTime::UNIX_EPOCH,
            reasons: vec![reason("the tunnel from 203.0.113.2: no answer")],
            ike_suite: None,
            ike_times: SaTimes::default(),
            children: Vec::new(),
            members: vec![
                member(TunnelState::Connecting, vec![reason("no answer")]),
                member(TunnelState::Up, Vec::new()),
            ],
            traffic: Traffic::default(),
        },
    });
    scene
        .w
        .until("up", async || scene.seen(NEW).await["status"] == "up")
        .await;
    let seen = scene.seen(NEW).await;
    assert_eq!(seen["status_reasons"][0]["code"], "peer_not_responding");
    let told = |number: usize| {
        let tunnel = &seen["tunnels"][number];
        let reasons = tunnel["status_reasons"].as_array().unwrap().len();
        (tunnel["status"].as_str().unwrap().to_owned(), reasons)
    };
    assert_eq!(told(0), ("down".to_owned(), 1));
    assert_eq!(told(1), ("up".to_owned(), 0));
    let down = json!({"admin_state_up": false});
    let seen = scene.w.call(Method::PATCH, &scene.path(), NEW, down).await;
    for tunnel in seen.is(200).body["tunnels"].as_array().unwrap() {
        assert_eq!(tunnel["status"], "down");
        assert_eq!(tunnel["status_reasons"][0]["code"], "administratively_down");
    }
}

#[tokio::test]
async fn routes_are_made_read_changed_and_deleted() {
    let scene = Scene::new().await;
    let w = &scene.w;
    let made = w
        .post(&scene.routes, scene.route("one", "10.9.0.0/16"))
        .await;
    let route = made.is(201).body.clone();
    let path = format!("{}/{}", scene.routes, made.id());
    assert_eq!(
        (&route["action"], &route["priority"]),
        (&json!("deliver"), &json!(2))
    );
    assert_eq!(
        (&route["origin"], &route["lifecycle_state"]),
        (&json!("user"), &json!("stable"))
    );
    assert_eq!(route["next_hop"]["name"], "way");
    assert_eq!(route["zone"]["name"], "us-south-1");
    assert!(route["href"].as_str().unwrap().ends_with(&path));
    assert_eq!(w.get(&path).await.is(200).body, route);
    let listed = w.get(&scene.routes).await;
    assert_eq!(listed.is(200).body["routes"], json!([route]));
    // Older clients name no table.
    let (of_vpc, _) = scene.routes.split_once("/routing_tables").unwrap();
    let old = format!("{of_vpc}/routes");
    let same = w.get(&format!("{old}/{}", made.id())).await;
    assert_eq!(same.is(200).body, route);
    assert_eq!(w.get(&old).await.is(200).body["routes"], json!([route]));
    let other = w.post(&old, scene.route("two", "10.8.0.0/16")).await;
    let other = format!("{old}/{}", other.is(201).id());
    w.patch(&other, json!({"priority": 3})).await.is(200);
    w.delete(&other).await.is(204);
    let table = w.get(scene.routes.rsplit_once('/').unwrap().0).await;
    let named = json!([{"id": route["id"], "href": route["href"], "name": "one"}]);
    assert_eq!(table.body["routes"], named);

    let changed = w
        .patch(&path, json!({"name": "renamed", "priority": 0}))
        .await;
    assert_eq!(
        (&changed.is(200).body["name"], &changed.body["priority"]),
        (&json!("renamed"), &json!(0))
    );
    // What it leads to, and what that hangs on, stays.
    for used in [scene.path(), format!("/vpn_gateways/{}", scene.gateway)] {
        let refused = w.delete(&used).await;
        assert_eq!(refused.status, 409, "{refused:?}");
        assert!(refused.code().ends_with("_in_use"), "{refused:?}");
    }
    let missing = format!("{}/r006-{}", scene.routes, Uuid::new_v4());
    w.get(&missing).await.refused(404, "vpc_route_not_found");

    w.delete(&path).await.is(204);
    w.get(&path).await.refused(404, "vpc_route_not_found");
    w.delete(&scene.path()).await.is(202);
    w.delete(&format!("/vpn_gateways/{}", scene.gateway))
        .await
        .is(202);
    w.until("the gateway is gone", async || {
        w.delete(&format!("/subnets/{}", scene.subnet)).await.status == 204
    })
    .await;
}

#[tokio::test]
async fn a_route_that_can_not_be_is_refused_by_the_name_of_what_is_wrong() {
    let scene = Scene::new().await;
    let w = &scene.w;
    let made = w
        .post(&scene.routes, scene.route("renamed", "10.9.0.0/16"))
        .await;
    let path = format!("{}/{}", scene.routes, made.is(201).id());
    for (name, value) in [
        ("action", json!("drop")),
        ("advertise", json!(true)),
        ("destination", json!("10.9.0.1/16")),
        ("destination", json!("fd00::/8")),
        ("priority", json!(5)),
        ("priority", json!(70_000)),
        ("zone", json!({"name": "elsewhere"})),
        ("next_hop", json!({"address": "10.240.0.9"})),
        ("next_hop", json!({"address": "0.0.0.0"})),
        ("name", json!("-")),
        ("origin", json!("user")),
    ] {
        let mut body = scene.route("two", "10.8.0.0/16");
        body[name] = value;
        let refused = w.call(Method::POST, &scene.routes, NEW, body).await;
        assert_eq!(refused.status, 400, "{name} {refused:?}");
        let target = refused.body["errors"][0]["target"]["name"]
            .as_str()
            .unwrap();
        assert!(target.starts_with(name), "{name} {refused:?}");
    }
    for (destination, code) in [
        ("10.9.0.0/16", "vpc_route_conflict"),
        ("10.240.0.0/25", "vpc_route_conflict"),
    ] {
        w.post(&scene.routes, scene.route("two", destination))
            .await
            .refused(400, code);
    }
    w.post(&scene.routes, scene.route("renamed", "10.8.0.0/16"))
        .await
        .refused(400, "vpc_route_duplicate_name");
    let mut body = scene.route("two", "10.8.0.0/16");
    let nobody = format!("0738-{}", Uuid::new_v4());
    body["next_hop"] = json!({"id": nobody});
    w.post(&scene.routes, body)
        .await
        .refused(404, "vpn_connection_not_found");
    w.patch(&path, json!({"destination": "10.7.0.0/16"}))
        .await
        .refused(400, "bad_field");
}

#[tokio::test]
async fn another_account_and_nobody_see_no_routes() {
    let scene = Scene::new().await;
    let w = &scene.w;
    let made = w
        .post(&scene.routes, scene.route("one", "10.9.0.0/16"))
        .await;
    let path = format!("{}/{}", scene.routes, made.is(201).id());
    for (method, at) in [
        (Method::GET, &scene.routes),
        (Method::POST, &scene.routes),
        (Method::GET, &path),
        (Method::PATCH, &path),
        (Method::DELETE, &path),
    ] {
        for (token, status, code) in [
            (w.other.as_str(), 404, "vpc_not_found"),
            ("none", 401, "not_authorized"),
        ] {
            let request = w.request(&method, at, NEW);
            let mut request = request
                .body(scene.route("x", "10.7.0.0/16").to_string().into())
                .unwrap();
            let bearer = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", bearer);
            w.send(request).await.refused(status, code);
        }
    }
    for body in ["[]", "{", ""] {
        let body = json!(body);
        let refused = w.call(Method::POST, &scene.routes, NEW, body).await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
}
