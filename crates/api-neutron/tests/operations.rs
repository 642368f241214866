//! Every operation: what it answers, as the real service was recorded, and to whom.

use crate::world::rows::{connection, legacy_connection};
use crate::world::{KINDS, Who, World, path, with};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

/// An object as recorded, with ids and projects of this world.
fn recorded(world: &World, object: &Value, base: Value) -> Value {
    let project = &world.ids["project_member"];
    let own = json!({"id": object["id"], "project_id": project, "tenant_id": project});
    let text = with(base, &own).to_string();
    serde_json::from_str(&world.fill(&text)).unwrap()
}

fn ike_policy() -> Value {
    json!({
        "name": "ikepolicy", "description": "", "auth_algorithm": "sha1",
        "encryption_algorithm": "aes-128", "phase1_negotiation_mode": "main",
        "lifetime": {"units": "seconds", "value": 3600}, "ike_version": "v1", "pfs": "group5",
    })
}

fn ipsec_policy() -> Value {
    json!({
        "name": "ipsecpolicy", "description": "", "transform_protocol": "esp",
        "auth_algorithm": "sha1", "encryption_algorithm": "aes-128",
        "encapsulation_mode": "tunnel", "lifetime": {"units": "seconds", "value": 3600},
        "pfs": "group5",
    })
}

#[tokio::test]
async fn policies_have_neutron_s_defaults() {
    let mut world = World::new().await;
    let made = world
        .make("a", "ikepolicy", json!({"name": "ikepolicy"}))
        .await;
    assert_eq!(made, recorded(&world, &made, ike_policy()));
    let made = world
        .make("b", "ipsecpolicy", json!({"name": "ipsecpolicy"}))
        .await;
    assert_eq!(made, recorded(&world, &made, ipsec_policy()));
}

#[tokio::test]
async fn policies_say_what_was_asked_for() {
    let mut world = World::new().await;
    let all = json!({
        "name": "full", "description": "d", "auth_algorithm": "sha512",
        "encryption_algorithm": "aes-256-gcm-16", "phase1_negotiation_mode": "aggressive",
        "ike_version": "v2", "pfs": "group31", "lifetime": {"units": "seconds", "value": 7200},
    });
    let own = with(all.clone(), &json!({"tenant_id": "$project_member"}));
    let made = world.make("full", "ikepolicy", own).await;
    assert_eq!(made, recorded(&world, &made, all));
    let all = json!({
        "name": "f", "description": "d", "transform_protocol": "ah", "auth_algorithm": "sha256",
        "encryption_algorithm": "3des", "encapsulation_mode": "transport", "pfs": "group14",
        "lifetime": {"units": "seconds", "value": 60},
    });
    let made = world.make("f", "ipsecpolicy", all.clone()).await;
    assert_eq!(made, recorded(&world, &made, all));
    for pfs in ["group2", "group14", "group22", "group30"] {
        let some = json!({
            "pfs": pfs, "auth_algorithm": "aes-cmac", "encryption_algorithm": "aes-256-ctr",
        });
        let made = world.make("x", "ikepolicy", some).await;
        assert_eq!(made["pfs"], pfs);
    }
}

#[tokio::test]
async fn a_policy_is_changed_member_by_member() {
    let mut world = World::new().await;
    world
        .make("p", "ikepolicy", json!({"name": "ikepolicy"}))
        .await;
    let mut expected = ike_policy();
    for (change, becomes) in [
        (
            json!({"name": "renamed", "lifetime": {"value": 86400}}),
            json!({"name": "renamed", "lifetime": {"units": "seconds", "value": 86400}}),
        ),
        (json!({"lifetime": {"units": "seconds"}}), json!({})),
        (json!({}), json!({})),
        (
            json!({"ike_version": "v2", "encryption_algorithm": "aes-256", "pfs": "group14"}),
            json!({"ike_version": "v2", "encryption_algorithm": "aes-256", "pfs": "group14"}),
        ),
    ] {
        expected = with(expected, &becomes);
        let answer = world
            .put("/vpn/ikepolicies/$p", json!({"ikepolicy": change}))
            .await;
        let changed = answer.ok(200);
        assert_eq!(*changed, recorded(&world, changed, expected.clone()));
        let shown = world.get("/vpn/ikepolicies/$p").await;
        assert_eq!(shown.ok(200), changed);
    }
}

#[tokio::test]
async fn a_lifetime_given_as_a_text_is_repeated_as_one() {
    let mut world = World::new().await;
    let text = json!({"lifetime": {"value": "120"}});
    let made = world.make("p", "ipsecpolicy", text).await;
    assert_eq!(
        made["lifetime"],
        json!({"units": "seconds", "value": "120"})
    );
    let text = json!({"ipsecpolicy": {"lifetime": {"units": "seconds", "value": "2000"}}});
    let answer = world.put("/vpn/ipsecpolicies/$p", text).await;
    assert_eq!(answer.ok(200)["lifetime"]["value"], "2000");
    let shown = world.get("/vpn/ipsecpolicies/$p").await;
    assert_eq!(shown.ok(200)["lifetime"]["value"], 2000);
}

#[tokio::test]
async fn endpoint_groups_keep_their_entries() {
    let mut world = World::new().await;
    for (kind, given, kept) in [
        (
            "cidr",
            json!(["10.20.0.0/24", "10.21.0.0/24"]),
            json!(["10.20.0.0/24", "10.21.0.0/24"]),
        ),
        ("cidr", json!("10.0.0.0/24"), json!(["10.0.0.0/24"])),
        ("cidr", json!(["10.0.0.5/24"]), json!(["10.0.0.5/24"])),
        (
            "cidr",
            json!(["10.0.0.5/32", "0.0.0.0/0"]),
            json!(["10.0.0.5/32", "0.0.0.0/0"]),
        ),
        (
            "cidr",
            json!(["10.1.0.0/24", "fd00::/64"]),
            json!(["10.1.0.0/24", "fd00::/64"]),
        ),
        (
            "subnet",
            json!(["$left", "$left6"]),
            json!(["$left", "$left6"]),
        ),
        ("vlan", json!(["100", "200"]), json!(["100", "200"])),
        ("network", json!(["zzz"]), json!(["zzz"])),
        ("router", json!(["zzz"]), json!(["zzz"])),
    ] {
        let group = json!({"name": "g", "type": kind, "endpoints": given});
        let made = world.make("g", "endpoint_group", group).await;
        let base = json!({"name": "g", "description": "", "type": kind, "endpoints": kept});
        assert_eq!(made, recorded(&world, &made, base));
    }
    let change = json!({"endpoint_group": {"name": "new", "description": "dd"}});
    let answer = world.put("/vpn/endpoint-groups/$g", change).await;
    assert_eq!(answer.ok(200)["name"], "new");
    let shown = world.get("/vpn/endpoint_groups/$g").await;
    assert_eq!(shown.ok(200), answer.ok(200));
}

fn service() -> Value {
    json!({
        "name": "svc", "description": "", "router_id": "$router", "admin_state_up": true,
        "status": "PENDING_CREATE",
    })
}

#[tokio::test]
async fn a_service_is_active_once_its_worker_listens() {
    let mut world = World::new().await;
    let made = world
        .make(
            "s",
            "vpnservice",
            json!({"name": "svc", "router_id": "$router"}),
        )
        .await;
    let address = made["external_v4_ip"].clone();
    assert!(address.as_str().unwrap().starts_with("203.0.113."));
    let expected = recorded(&world, &made, service());
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(made[name], *value, "{name}");
    }
    for name in ["subnet_id", "flavor_id", "external_v6_ip"] {
        assert!(made[name].is_null() && made.as_object().unwrap().contains_key(name));
    }
    world.until_status("/vpn/vpnservices/$s", "ACTIVE").await;
    let change = json!({"vpnservice": {"name": "n", "description": "zz", "admin_state_up": false}});
    let answer = world.put("/vpn/vpnservices/$s", change).await;
    let changed = answer.ok(200);
    assert_eq!(
        (&changed["name"], &changed["admin_state_up"]),
        (&json!("n"), &json!(false))
    );
    assert_eq!(
        (&changed["status"], &changed["external_v4_ip"]),
        (&json!("DOWN"), &address)
    );
    let text = json!({"router_id": "$router", "admin_state_up": "false", "subnet_id": "$left"});
    let made = world.make("t", "vpnservice", text).await;
    assert_eq!(
        (&made["admin_state_up"], &made["subnet_id"]),
        (&json!(false), &json!(world.ids["left"]))
    );
}

#[tokio::test]
async fn what_is_pending_is_not_changed() {
    let mut world = World::new().await;
    world.agent.be_silent();
    world.add_vpn().await;
    for (kind, id) in [("vpnservice", "svc"), ("ipsec_site_connection", "conn")] {
        let request = format!("PUT {}/${id}", path(kind));
        let body = json!({kind: {"name": "x"}}).to_string();
        let answer = world.ask(Who::Member, &request, &body).await;
        let message = format!(
            "Invalid state PENDING_CREATE of vpnaas resource {} for updating",
            world.ids[id]
        );
        assert_eq!(
            answer.refused(),
            (400, "VPNStateInvalidToUpdate", message.as_str())
        );
        let shown = world.get(&format!("{}/${id}", path(kind))).await;
        assert_eq!(shown.ok(200)["status"], "PENDING_CREATE");
    }
    for id in ["ipsec-site-connections/$conn", "vpnservices/$svc"] {
        world.delete(&format!("/vpn/{id}")).await.is(204);
    }
}

#[tokio::test]
async fn connections_are_as_recorded() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let base = json!({
        "description": "", "local_id": "", "route_mode": "static", "mtu": 1500,
        "auth_mode": "psk", "initiator": "bi-directional",
        "dpd": {"action": "hold", "interval": 30, "timeout": 120}, "admin_state_up": true,
        "status": "PENDING_CREATE", "peer_cidrs": [],
    });
    let made = world.make("a", "ipsec_site_connection", connection()).await;
    let expected = recorded(&world, &made, with(connection(), &base));
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(made[name], *value, "{name}");
    }
    let made = world
        .make("b", "ipsec_site_connection", legacy_connection())
        .await;
    let own = json!({"peer_cidrs": ["10.30.0.0/24"]});
    let expected = recorded(&world, &made, with(with(legacy_connection(), &base), &own));
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(made[name], *value, "{name}");
    }
    assert!(made["local_ep_group_id"].is_null() && made["peer_ep_group_id"].is_null());
    let all = json!({
        "name": "all", "description": "d", "local_id": "me", "mtu": 1400,
        "initiator": "response-only", "admin_state_up": false,
        "dpd": {"action": "restart", "interval": 15, "timeout": 150},
        "peer_cidrs": ["10.32.0.0/24"],
    });
    let made = world
        .make(
            "c",
            "ipsec_site_connection",
            with(legacy_connection(), &all),
        )
        .await;
    for (name, value) in all.as_object().unwrap() {
        assert_eq!(made[name], *value, "{name}");
    }
}

#[tokio::test]
async fn what_was_recorded_as_taken_is_taken() {
    let mut world = World::new().await;
    world.add_vpn().await;
    for (change, name, value) in [
        (json!({"mtu": 68}), "mtu", json!(68)),
        (json!({"mtu": 0}), "mtu", json!(0)),
        (json!({"mtu": "1400"}), "mtu", json!(1400)),
        (
            json!({"peer_id": "@peer.example"}),
            "peer_id",
            json!("@peer.example"),
        ),
        (
            json!({"dpd": {"interval": 50}}),
            "dpd",
            json!({"action": "hold", "interval": 50, "timeout": 120}),
        ),
        (
            json!({"dpd": {}}),
            "dpd",
            json!({"action": "hold", "interval": 30, "timeout": 120}),
        ),
        (
            json!({"dpd": {"interval": 0, "timeout": 1}}),
            "dpd",
            json!({"action": "hold", "interval": 0, "timeout": 1}),
        ),
        (
            json!({"dpd": {"action": "disabled"}}),
            "dpd",
            json!({"action": "disabled", "interval": 30, "timeout": 120}),
        ),
        (
            json!({"dpd": {"action": "restart-by-peer"}}),
            "dpd",
            json!({"action": "restart-by-peer", "interval": 30, "timeout": 120}),
        ),
        (
            json!({"local_ep_group_id": "$le6", "peer_ep_group_id": "$pe6"}),
            "peer_address",
            json!("203.0.113.200"),
        ),
    ] {
        let made = world
            .make("x", "ipsec_site_connection", with(connection(), &change))
            .await;
        assert_eq!(made[name], value, "{change}");
        let shown = world.get("/vpn/ipsec-site-connections/$x").await;
        assert_eq!(shown.ok(200)[name], value, "{change}");
        world.delete("/vpn/ipsec-site-connections/$x").await.is(204);
    }
    for (cidrs, kept) in [
        (json!("10.44.0.0/24"), json!(["10.44.0.0/24"])),
        (
            json!(["10.10.1.0/24", "10.1.0.0/16"]),
            json!(["10.10.1.0/24", "10.1.0.0/16"]),
        ),
    ] {
        let change = json!({"peer_cidrs": cidrs});
        let made = world
            .make(
                "x",
                "ipsec_site_connection",
                with(legacy_connection(), &change),
            )
            .await;
        assert_eq!(made["peer_cidrs"], kept);
        world.delete("/vpn/ipsec-site-connections/$x").await.is(204);
    }
}

#[tokio::test]
async fn a_connection_is_changed_member_by_member() {
    let mut world = World::new().await;
    world.add_vpn().await;
    world.until_down().await;
    for (change, becomes) in [
        (json!({"name": "conn-new"}), json!({"name": "conn-new"})),
        (
            json!({
                "description": "d", "local_id": "l", "peer_address": "203.0.113.210",
                "peer_id": "q", "mtu": 1450, "psk": "new", "initiator": "response-only",
                "admin_state_up": false, "dpd": {"action": "clear", "interval": 5, "timeout": 10},
            }),
            json!({
                "description": "d", "local_id": "l", "peer_address": "203.0.113.210",
                "peer_id": "q", "mtu": 1450, "psk": "new", "initiator": "response-only",
                "admin_state_up": false, "dpd": {"action": "clear", "interval": 5, "timeout": 10},
                "name": "conn-new",
            }),
        ),
        (
            json!({"dpd": {"timeout": 99}}),
            json!({"dpd": {"action": "clear", "interval": 5, "timeout": 99}}),
        ),
        (
            json!({"local_ep_group_id": "$le2"}),
            json!({"local_ep_group_id": world.ids["le2"]}),
        ),
    ] {
        let body = json!({"ipsec_site_connection": change});
        let answer = world.put("/vpn/ipsec-site-connections/$conn", body).await;
        for (name, value) in becomes.as_object().unwrap() {
            assert_eq!(answer.ok(200)[name], *value, "{name}");
        }
        let shown = world.get("/vpn/ipsec-site-connections/$conn").await;
        assert_eq!(shown.ok(200), answer.ok(200));
    }
    let body =
        json!({"ipsec_site_connection": {"peer_cidrs": ["192.168.4.0/24", "192.168.5.0/24"]}});
    let answer = world
        .put("/vpn/ipsec-site-connections/$conn_legacy", body)
        .await;
    assert_eq!(
        answer.ok(200)["peer_cidrs"],
        json!(["192.168.4.0/24", "192.168.5.0/24"])
    );
}

#[tokio::test]
async fn an_administrator_acts_for_every_project() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let other = world.ids["project_other"].clone();
    for (kind, body) in [
        ("ikepolicy", json!({})),
        ("ipsecpolicy", json!({})),
        (
            "endpoint_group",
            json!({"type": "cidr", "endpoints": ["10.0.0.0/24"]}),
        ),
        ("vpnservice", json!({"router_id": "$foreign_router"})),
    ] {
        let body = with(
            body,
            &json!({"tenant_id": "$project_other", "name": "for-other"}),
        );
        let made = world.make_as(Who::Admin, "x", kind, body).await;
        assert_eq!(
            (&made["project_id"], &made["tenant_id"]),
            (&json!(other), &json!(other))
        );
        let item = format!("{}/$x", path(kind));
        // Theirs to see, and the administrator's to change.
        world
            .ask(Who::Other, &format!("GET {item}"), "")
            .await
            .ok(200);
        world
            .ask(Who::Member, &format!("GET {item}"), "")
            .await
            .is(404);
        if kind == "vpnservice" {
            world.until_seen(Who::Admin, &item, "ACTIVE").await;
        }
        let body = json!({kind: {"name": "by-admin"}}).to_string();
        let answer = world.ask(Who::Admin, &format!("PUT {item}"), &body).await;
        let changed = answer.ok(200);
        assert_eq!(
            (&changed["name"], &changed["project_id"]),
            (&json!("by-admin"), &json!(other))
        );
        world
            .ask(Who::Admin, &format!("DELETE {item}"), "")
            .await
            .is(204);
    }
    let body = json!({"ikepolicy": {"tenant_id": "$none"}}).to_string();
    let answer = world.ask(Who::Admin, "POST /vpn/ikepolicies", &body).await;
    assert!(answer.status.is_client_error(), "{answer:?}");
}

#[tokio::test]
async fn everybody_does_what_they_may() {
    let mut world = World::new().await;
    world.add_vpn().await;
    world.until_down().await;
    world
        .until_status("/vpn/vpnservices/$svc_legacy", "ACTIVE")
        .await;
    for (kind, id) in [
        ("ipsec_site_connection", "conn"),
        ("ikepolicy", "free_ike"),
        ("ipsecpolicy", "free_ipsec"),
        ("endpoint_group", "vlan"),
        ("vpnservice", "svc"),
    ] {
        let (list, item) = (path(kind), format!("{}/${id}", path(kind)));
        let rename = json!({kind: {"description": "new"}}).to_string();
        for (who, listed, shown, changed) in [
            (Who::Other, false, 404, 404),
            (Who::Reader, false, 404, 404),
            (Who::Member, true, 200, 200),
            (Who::Admin, true, 200, 200),
            (Who::Nobody, false, 401, 401),
        ] {
            let all = world.ask(who, &format!("GET {list}"), "").await;
            let found = all.body.to_string().contains(&world.ids[id]);
            assert_eq!(found, listed, "{who:?} {kind}");
            world.ask(who, &format!("GET {item}"), "").await.is(shown);
            world
                .ask(who, &format!("PUT {item}"), &rename)
                .await
                .is(changed);
            if !listed {
                world
                    .ask(who, &format!("DELETE {item}"), "")
                    .await
                    .is(changed);
            }
        }
        let who = if kind == "vpnservice" {
            Who::Admin
        } else {
            Who::Member
        };
        world.ask(who, &format!("DELETE {item}"), "").await.is(204);
    }
}

#[tokio::test]
async fn what_is_deleted_is_gone() {
    let mut world = World::new().await;
    world.add_vpn().await;
    for item in [
        "/vpn/ipsec-site-connections/$conn",
        "/vpn/ipsec-site-connections/$conn_legacy",
        "/vpn/vpnservices/$svc",
        "/vpn/ikepolicies/$ike",
        "/vpn/ipsecpolicies/$ipsec",
        "/vpn/endpoint-groups/$le",
    ] {
        let answer = world.delete(item).await;
        assert_eq!(answer.is(204).body, Value::Null);
        world.delete(item).await.is(404);
        world.get(item).await.is(404);
    }
}

#[tokio::test]
async fn nobody_sees_anything_without_a_token() {
    let world = World::new().await;
    for kind in KINDS {
        let path = path(kind);
        for request in [
            format!("GET {path}"),
            format!("POST {path}"),
            format!("DELETE {path}"),
            format!("GET {path}/$none"),
            format!("PUT {path}/$none"),
            format!("DELETE {path}/$none"),
            format!("PATCH {path}/$none"),
            "GET /nosuch".to_owned(),
            "GET /".to_owned(),
            "GET ".to_owned(),
        ] {
            let answer = world.ask(Who::Nobody, &request, "{").await;
            let asks = answer.is(401).headers["www-authenticate"].to_str().unwrap();
            assert_eq!(asks, "Keystone uri=\"http://neutron.test/identity\"");
            let message = "The request you have made requires authentication.";
            let error = json!({"code": 401, "title": "Unauthorized", "message": message});
            assert_eq!(answer.body, json!({"error": error}));
        }
    }
    let request = Request::get("/v2.0/vpn/ikepolicies").header("x-auth-token", "bogus");
    world
        .send(request.body(Body::empty()).unwrap())
        .await
        .is(401);
}

#[tokio::test]
async fn items_and_lists_have_every_spelling() {
    let mut world = World::new().await;
    world.add_vpn().await;
    for request in [
        "GET /vpn/ikepolicies/$ike.json",
        "GET /vpn/ikepolicies.json",
        "OPTIONS /vpn/ikepolicies",
        "GET /vpn/endpoint_groups",
        "GET /vpn/endpoint_groups/$le",
        "GET /vpn/ipsec_site_connections",
        "GET /vpn/ipsec_site_connections/$conn",
    ] {
        world.ask(Who::Member, request, "").await.ok(200);
    }
    let shown = world
        .get("/vpn/ikepolicies/$ike?fields=id&fields=name")
        .await;
    assert_eq!(
        *shown.ok(200),
        json!({"id": world.ids["ike"], "name": "ike"})
    );
}

#[tokio::test]
async fn versions_are_told_to_anybody() {
    let world = World::new().await;
    let request = Request::get("/").header("host", "neutron.test");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    let links = json!([{"rel": "self", "href": "http://neutron.test/v2.0/"}]);
    let version = json!({"id": "v2.0", "status": "CURRENT", "links": links});
    assert_eq!(answer.is(200).body, json!({"versions": [version]}));
    for path in ["", "/"] {
        let answer = world.get(path).await;
        let first = &answer.ok(200)[0];
        assert_eq!(first["collection"], "networks");
        assert_eq!(
            first["links"][0]["href"],
            "http://neutron.test/v2.0/networks"
        );
    }
}

#[tokio::test]
async fn links_lead_back_under_a_prefix() {
    let mut world = World::new().await;
    // As a service, it is there with and without a slash at the end.
    world.app = axum::Router::new().nest_service("/network", world.app.clone());
    for root in ["/network", "/network/"] {
        let request = Request::get(root).header("host", "cloud.test");
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        let href = &answer.is(200).body["versions"][0]["links"][0]["href"];
        assert_eq!(href, "http://cloud.test/network/v2.0/");
    }
    let request = Request::get("/network/v2.0/vpn/ikepolicies?limit=1")
        .header("host", "cloud.test")
        .header("x-auth-token", world.token(Who::Member));
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    let href = &answer.is(200).body["ikepolicies_links"][0]["href"];
    assert_eq!(
        href,
        "http://cloud.test/network/v2.0/vpn/ikepolicies?limit=1&page_reverse=True"
    );
    let config = adit_api_neutron::NeutronConfig {
        public_url: Some("https://vpn.example/net/".to_owned()),
        ..Default::default()
    };
    let world = World::with(config).await;
    let request = Request::get("/").header("host", "cloud.test");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    let href = &answer.is(200).body["versions"][0]["links"][0]["href"];
    assert_eq!(href, "https://vpn.example/net/v2.0/");
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_answered_in_neutron_s_words() {
    let world = World::new().await;
    for path in ["//v2.0", "/nothing", "/v3/networks", "/v2.0/networks/%ff"] {
        let mut request = Request::get(path);
        if path.contains("%ff") {
            request = request.header("x-auth-token", world.token(Who::Member));
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = tower::ServiceExt::oneshot(world.app.clone(), request).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert_eq!(kind, "application/json", "{path}");
    }
}
