//! What a VPN needs of routers, subnets and interfaces stays as long as it needs it, and the
//! refusal reads as recorded.

use crate::world::{Answer, Who, World};
use serde_json::{Value, json};

#[track_caller]
fn refused(world: &World, answer: &Answer, refusal: (u16, &str, &str)) {
    let (status, kind, message) = refusal;
    let message = world.fill(message);
    assert_eq!(answer.refused(), (status, kind, message.as_str()));
}

/// Clears the router's way outside, in both spellings.
async fn clear(world: &World, message: &str) {
    for none in [Value::Null, json!({})] {
        let body = json!({"router": {"external_gateway_info": none}});
        let answer = world.put("/routers/$router", body).await;
        refused(world, &answer, (409, "RouterInUse", message));
    }
}

#[tokio::test]
async fn a_router_keeps_the_way_outside_that_services_use() {
    let mut world = World::new().await;
    let service = json!({"router_id": "$router"});
    world.make("one", "vpnservice", service.clone()).await;
    clear(
        &world,
        "Router $router is currently used by VPN service ($one)",
    )
    .await;
    world.make("two", "vpnservice", service).await;
    clear(
        &world,
        "Router $router is currently used by VPN services ($one,$two)",
    )
    .await;
    for service in ["$one", "$two"] {
        let item = format!("/vpn/vpnservices/{service}");
        world.delete(&item).await.is(204);
    }
    let body = json!({"router": {"external_gateway_info": {}}});
    let answer = world.put("/routers/$router", body).await;
    assert_eq!(answer.ok(200)["external_gateway_info"], Value::Null);
}

#[tokio::test]
async fn a_router_in_use_is_renamed_and_stays() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let before = world.get("/routers/$router").await;
    let body = json!({"router": {"name": "renamed", "description": "d"}});
    let answer = world.put("/routers/$router", body).await;
    let changed = answer.ok(200);
    assert_eq!(
        (&changed["name"], &changed["external_gateway_info"]),
        (&json!("renamed"), &before.ok(200)["external_gateway_info"])
    );
    // The same way outside is no other one.
    let same = json!({"router": {"external_gateway_info": {"network_id": "$ext"}}});
    let answer = world.put("/routers/$router", same).await;
    assert_eq!(
        answer.ok(200)["external_gateway_info"],
        before.ok(200)["external_gateway_info"]
    );
}

#[tokio::test]
async fn a_router_with_interfaces_is_not_deleted() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let answer = world.delete("/routers/$router").await;
    let (status, kind, message) = answer.refused();
    assert_eq!((status, kind), (409, "RouterInUse"));
    let start = world.fill("Router $router has ports still attached: ");
    let ports = message.strip_prefix(&start).unwrap();
    let mut ports: Vec<&str> = ports.split(", ").collect();
    ports.sort_unstable();
    let mut expected: Vec<&str> = ["left_port", "left2_port", "left6_port"]
        .iter()
        .map(|name| world.ids[*name].as_str())
        .collect();
    expected.sort_unstable();
    assert_eq!(ports, expected);
}

#[tokio::test]
async fn a_router_with_services_alone_is_not_deleted() {
    let mut world = World::new().await;
    let outside = json!({"external_gateway_info": {"network_id": "$ext"}});
    world.make("bare", "router", outside).await;
    world
        .make("svc", "vpnservice", json!({"router_id": "$bare"}))
        .await;
    let message = "Router $bare is currently used by VPN service ($svc)";
    let answer = world.delete("/routers/$bare").await;
    refused(&world, &answer, (409, "RouterInUse", message));
    world.delete("/vpn/vpnservices/$svc").await.is(204);
    world.delete("/routers/$bare").await.is(204);
}

#[tokio::test]
async fn a_service_keeps_its_subnet_s_interface() {
    let mut world = World::new().await;
    let service = json!({"router_id": "$router", "subnet_id": "$left"});
    world.make("svc", "vpnservice", service).await;
    let message = "Subnet $left is used by VPNService $svc";
    for of in [
        json!({"subnet_id": "$left"}),
        json!({"port_id": "$left_port"}),
    ] {
        let answer = world
            .put("/routers/$router/remove_router_interface", of)
            .await;
        refused(&world, &answer, (409, "SubnetInUseByVPNService", message));
    }
    world.delete("/vpn/vpnservices/$svc").await.is(204);
    let of = json!({"subnet_id": "$left"});
    let answer = world.put("/routers/$router/remove_router_interface", of);
    assert_eq!(answer.await.is(200).body["port_id"], world.ids["left_port"]);
}

#[tokio::test]
async fn a_connection_keeps_its_local_group_s_interfaces() {
    let mut world = World::new().await;
    world.add_vpn().await;
    world
        .delete("/vpn/ipsec-site-connections/$conn_legacy")
        .await
        .is(204);
    world.delete("/vpn/vpnservices/$svc_legacy").await.is(204);
    let message = "Subnet $left is used by ipsec site connection $conn";
    for of in [
        json!({"subnet_id": "$left"}),
        json!({"port_id": "$left_port"}),
    ] {
        let answer = world
            .put("/routers/$router/remove_router_interface", of)
            .await;
        let kind = "SubnetInUseByIPsecSiteConnection";
        refused(&world, &answer, (409, kind, message));
    }
    // What no connection names may go, though a group names it.
    let of = json!({"subnet_id": "$left2"});
    let answer = world.put("/routers/$router/remove_router_interface", of);
    answer.await.is(200);
}

#[tokio::test]
async fn a_subnet_of_an_endpoint_group_is_not_deleted() {
    let mut world = World::new().await;
    world.make("n", "network", json!({})).await;
    let subnet = json!({"network_id": "$n", "cidr": "10.71.0.0/24"});
    world.make("s", "subnet", subnet).await;
    let group = json!({"type": "subnet", "endpoints": ["$s"]});
    world.make("g", "endpoint_group", group).await;
    let message =
        "Unable to complete operation on subnet $s: Subnet $s is used by endpoint group $g.";
    for who in [Who::Member, Who::Admin] {
        let answer = world.ask(who, "DELETE /subnets/$s", "").await;
        refused(&world, &answer, (409, "SubnetInUse", message));
    }
    // Nor with its network.
    let answer = world.delete("/networks/$n").await;
    let message = "the subnet is used by the endpoint group $g.";
    refused(&world, &answer, (409, "HTTPConflict", message));
    world.delete("/vpn/endpoint-groups/$g").await.is(204);
    world.delete("/subnets/$s").await.is(204);
    world.delete("/networks/$n").await.is(204);
}

#[tokio::test]
async fn a_subnet_with_a_router_is_not_deleted() {
    let world = World::new().await;
    let message = "Unable to complete operation on subnet $left: One or more ports have an IP allocation from this subnet.";
    let answer = world.delete("/subnets/$left").await;
    refused(&world, &answer, (409, "SubnetInUse", message));
    let message = "Unable to complete operation on network $left_net. There are one or more ports still in use on the network.";
    let answer = world.delete("/networks/$left_net").await;
    refused(&world, &answer, (409, "NetworkInUse", message));
    let message = "Port $left_port cannot be deleted directly via the port API: has device owner network:router_interface.";
    let answer = world.delete("/ports/$left_port").await;
    refused(&world, &answer, (409, "ServicePortInUse", message));
}
