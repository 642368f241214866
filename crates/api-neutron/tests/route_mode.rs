//! What another dialect makes in route mode, as it is shown here, and what of it can be changed.

use adit_control::connection::{
    DeadPeerRule, GivenEnds, NewConnection, Overlaps, Rules as ConnectionRules,
};
use adit_control::gateway::{NewGateway, Place, Rules};
use adit_control::route::NewRoute;
use adit_control::{Allowance, Caller, Naming, OnDelete};
use adit_model::connection::{DeadPeerDetection, DpdAction, Initiator};
use adit_model::gateway::GatewayMode;
use adit_model::project::Role;
use adit_model::{Name, Psk, RouteId, UserId};
use serde_json::json;

use crate::world::World;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A gateway in route mode with a connection, and a route to it; `$svc` and `$conn` are the first two.
async fn made(world: &mut World) -> (Caller, RouteId) {
    let caller = Caller {
        project: world.project,
        user: UserId::random(),
        role: Role::Member,
        all_projects: false,
    };
    let new = NewGateway {
        name: name("routed"),
        resource_group: None,
        description: String::new(),
        place: Place::Router {
            id: world.fill("$router").parse().unwrap(),
            subnet: Some(world.fill("$left").parse().unwrap()),
        },
        mode: GatewayMode::Route,
        admin_state_up: true,
    };
    let rules = Rules {
        naming: Naming::Unique,
        allowance: Allowance::Fixed,
        on_delete: OnDelete::Cascade,
    };
    let gateway = world.control.create_gateway(&caller, rules, new).await;
    let gateway = gateway.unwrap().gateway;
    let new = NewConnection {
        name: name("way"),
        description: String::new(),
        gateway: gateway.id,
        peer_address: "203.0.113.200".to_owned(),
        peer_id: None,
        local_id: None,
        authentication: Psk::new(b"secret".to_vec()).unwrap().into(),
        ppk: None,
        ends: GivenEnds::default(),
        translations: Vec::new(),
        distribute_traffic: true,
        mtu: 0,
        initiator: Initiator::BiDirectional,
        dead_peer_detection: DeadPeerDetection {
            action: DpdAction::Restart,
            interval_s: 2,
            timeout_s: 10,
        },
        ike_policy: None,
        ipsec_policy: None,
        admin_state_up: true,
    };
    let rules = ConnectionRules {
        naming: Naming::Unique,
        allowance: Allowance::Fixed,
        overlaps: Overlaps::Refused,
        dead_peer: DeadPeerRule::Bounded,
    };
    let connection = world.control.create_connection(&caller, rules, new).await;
    let connection = connection.unwrap().connection.id;
    let new = NewRoute {
        name: name("one"),
        router: gateway.router,
        destination: "10.99.0.0/16".parse().unwrap(),
        connection,
        zone: String::new(),
        priority: 2,
    };
    let route = world.control.create_route(&caller, new).await.unwrap();
    for (short, id) in [
        ("svc", gateway.id.to_string()),
        ("conn", connection.to_string()),
    ] {
        world.ids.insert(short.to_owned(), id);
    }
    let first = gateway.addresses.v4.to_string();
    world.ids.insert("first_address".to_owned(), first);
    (caller, route.id)
}

#[tokio::test]
async fn it_shows_where_routes_lead_and_takes_no_blocks() {
    let mut world = World::new().await;
    let (caller, route) = made(&mut world).await;
    let service = world.get("/vpn/vpnservices/$svc").await;
    let first = json!(world.fill("$first_address"));
    assert_eq!(service.ok(200)["external_v4_ip"], first);
    let path = "/vpn/ipsec-site-connections/$conn";
    world.until_status(path, "DOWN").await;
    let seen = world.get(path).await;
    assert_eq!(seen.ok(200)["peer_cidrs"], json!(["10.99.0.0/16"]));
    assert_eq!(seen.ok(200)["local_id"], "");

    for (attribute, value) in [
        ("peer_cidrs", json!(["10.98.0.0/16"])),
        ("local_id", json!("@here")),
    ] {
        let mut body = json!({"ipsec_site_connection": {}});
        body["ipsec_site_connection"][attribute] = value;
        let (status, _, message) = {
            let refused = world.put(path, body).await;
            let (status, kind, message) = refused.refused();
            (status, kind.to_owned(), message.to_owned())
        };
        assert_eq!(status, 400, "{attribute} {message}");
        assert!(message.contains("route mode"), "{message}");
    }
    let renamed = json!({"ipsec_site_connection": {"description": "a way"}});
    let renamed = world.put(path, renamed).await;
    assert_eq!(renamed.ok(200)["peer_cidrs"], json!(["10.99.0.0/16"]));

    let used = world.delete(path).await;
    assert_eq!(used.status.as_u16(), 409, "{used:?}");
    world.control.delete_route(&caller, route).await.unwrap();
    world.delete(path).await.is(204);
    world.delete("/vpn/vpnservices/$svc").await.is(204);
}
