//! Floating IPs: what is answered, as recorded, and what is refused.

#![expect(clippy::too_many_lines, reason = "tables")]

use crate::world::cases::{Cases, bad, has};
use crate::world::{Who, World};
use serde_json::json;

#[tokio::test]
async fn a_floating_ip_is_as_recorded() {
    let mut world = World::new().await;
    world.add_net().await;
    let new = json!({"floating_network_id": "$ext"});
    let made = world.make("f", "floatingip", new).await;
    let recorded = json!({
        "id": "$f", "tenant_id": "$project_member", "project_id": "$project_member",
        "floating_network_id": "$ext", "router_id": null, "port_id": null,
        "fixed_ip_address": null, "status": "DOWN", "description": "", "port_details": null,
        "tags": [],
    });
    has(&world, &made, &recorded);
    let address = made["floating_ip_address"].as_str().unwrap();
    assert!(address.starts_with("203.0.113."), "{address}");
    assert_eq!(*world.get("/floatingips/$f").await.ok(200), made);
    let port = json!({
        "network_id": "$network",
        "fixed_ips": [{"ip_address": "10.70.0.40"}, {"ip_address": "10.70.0.41"}],
    });
    world.make("p", "port", port).await;
    let on = |ip: &str| {
        json!({
            "port_id": "$p", "fixed_ip_address": ip, "router_id": "$out", "status": "ACTIVE",
            "floating_ip_address": address,
        })
    };
    let off = json!({
        "port_id": null, "fixed_ip_address": null, "router_id": null, "status": "DOWN",
        "floating_ip_address": address, "description": "d",
    });
    for (change, becomes) in [
        (json!({"description": "d"}), off.clone()),
        (json!({"port_id": "$p"}), on("10.70.0.40")),
        (json!({"fixed_ip_address": "10.70.0.41"}), on("10.70.0.41")),
        (json!({"description": "d"}), on("10.70.0.41")),
        (json!({"port_id": null}), off.clone()),
        (json!({"port_id": "$p"}), on("10.70.0.40")),
        // Who says nothing at all takes the port away.
        (json!({}), off),
        (
            json!({"port_id": "$p", "fixed_ip_address": "10.70.0.41"}),
            on("10.70.0.41"),
        ),
    ] {
        let answer = world
            .put("/floatingips/$f", json!({"floatingip": change}))
            .await;
        has(&world, answer.ok(200), &becomes);
        let shown = world.get("/floatingips/$f").await;
        assert_eq!(shown.ok(200), answer.ok(200));
    }
    for (query, found) in [
        ("port_id=$p", true),
        ("port_id=$port", false),
        ("router_id=$out", true),
        ("status=ACTIVE", true),
        ("status=DOWN", false),
        ("floating_network_id=$ext", true),
        ("fixed_ip_address=10.70.0.41", true),
        ("floating_ip_address=203.0.113.1", false),
    ] {
        let answer = world.get(&format!("/floatingips?{query}&fields=id")).await;
        let listed = answer.ok(200).as_array().unwrap();
        let has = listed.contains(&json!({"id": world.ids["f"]}));
        assert_eq!(has, found, "{query}");
    }
    // Without its port it stands for nothing.
    world.delete("/ports/$p").await.is(204);
    let shown = world.get("/floatingips/$f").await;
    has(
        &world,
        shown.ok(200),
        &json!({"port_id": null, "status": "DOWN"}),
    );
    world.delete("/floatingips/$f").await.is(204);
    world.get("/floatingips/$f").await.is(404);
    let wanted = json!({
        "floating_network_id": "$ext", "floating_ip_address": "203.0.113.222",
        "description": "mine",
    });
    let made = world.make_as(Who::Admin, "f", "floatingip", wanted).await;
    assert_eq!(made["floating_ip_address"], "203.0.113.222");
}

#[tokio::test]
async fn what_a_floating_ip_can_not_be_is_refused() {
    let mut world = World::new().await;
    world.add_net().await;
    let inside = json!({"network_id": "$off_net", "fixed_ips": [{"ip_address": "10.9.0.9"}]});
    world.make("inside", "port", inside).await;
    let six = json!({"network_id": "$left6_net", "fixed_ips": [{"ip_address": "fd00:1::9"}]});
    world.make("six", "port", six).await;
    let answer = world.get("/floatingips/$floatingip").await;
    let address = answer.ok(200)["floating_ip_address"].as_str().unwrap();
    world.ids.insert("address".to_owned(), address.to_owned());
    let mut cases = Cases::default();
    let on = |port: &str| json!({"floating_network_id": "$ext", "port_id": port});
    for (object, refusal) in [
        (
            json!({}),
            bad("Failed to parse request. Required attribute 'floating_network_id' not specified"),
        ),
        (
            json!({"floating_network_id": "$none"}),
            (404, "NetworkNotFound", "Network $none could not be found."),
        ),
        (
            json!({"floating_network_id": "$network"}),
            (
                400,
                "BadRequest",
                "Bad floatingip request: Network $network is not a valid external network.",
            ),
        ),
        (
            on("$none"),
            (404, "PortNotFound", "Port $none could not be found."),
        ),
        (
            on("$inside"),
            (
                404,
                "ExternalGatewayForFloatingIPNotFound",
                "External network is not reachable: no router leads from the subnet $off of the port $inside outside.",
            ),
        ),
        (
            on("$six"),
            (
                400,
                "BadRequest",
                "Bad floatingip request: the port $six has no such IPv4 address.",
            ),
        ),
        (
            on("$port"),
            (
                409,
                "FloatingIPPortAlreadyAssociated",
                "Cannot associate floating IP: the floating IP $address stands for that address.",
            ),
        ),
        (
            json!({"floating_network_id": "$ext", "floating_ip_address": "10.0.0.1"}),
            (
                400,
                "BadRequest",
                "Bad floatingip request: 10.0.0.1 is no address that the external network gives.",
            ),
        ),
        (
            json!({"floating_network_id": "$ext", "floating_ip_address": "$address"}),
            (
                409,
                "IpAddressAlreadyAllocated",
                "the address $address is taken.",
            ),
        ),
        (
            json!({"floating_network_id": "$ext", "fixed_ip_address": "10.0.0.1"}),
            bad("Invalid input for fixed_ip_address. Reason: it needs a port_id."),
        ),
    ] {
        cases.post("a floating IP", ("floatingip", &object), refusal);
        if object["floating_ip_address"].is_string() {
            cases.as_admin();
        }
    }
    cases.put(
        "an IPv6 address",
        (
            "floatingip",
            "$floatingip",
            &json!({"port_id": "$six", "fixed_ip_address": "fd00:1::9"}),
        ),
        (
            400,
            "BadRequest",
            "Bad floatingip request: the port $six has no such IPv4 address.",
        ),
    );
    cases.raw(
        "an interface that a floating IP needs",
        (
            "PUT /routers/$out/remove_router_interface",
            r#"{"subnet_id": "$subnet"}"#,
        ),
        (
            409,
            "RouterInterfaceInUseByFloatingIP",
            "Router interface for subnet $subnet on router $out cannot be deleted, as it is required by one or more floating IPs.",
        ),
    );
    cases.put(
        "a way outside that a floating IP needs",
        ("router", "$out", &json!({"external_gateway_info": null})),
        (
            409,
            "RouterInUse",
            "Router $out has floating IPs: $floatingip",
        ),
    );
    cases.walk(&world).await;
}

#[tokio::test]
async fn an_interface_that_a_floating_ip_stands_for_stays() {
    let mut world = World::new().await;
    world.add_net().await;
    world.make("r", "router", json!({})).await;
    let of = json!({"port_id": "$port"});
    let answer = world.put("/routers/$r/add_router_interface", of.clone());
    answer.await.is(200);
    let answer = world.put("/routers/$r/remove_router_interface", of.clone());
    let message = world.fill("Router interface for subnet $subnet on router $r cannot be deleted, as it is required by one or more floating IPs.");
    assert_eq!(
        answer.await.refused(),
        (409, "RouterInterfaceInUseByFloatingIP", message.as_str())
    );
    world.delete("/floatingips/$floatingip").await.is(204);
    let answer = world.put("/routers/$r/remove_router_interface", of);
    answer.await.is(200);
}
