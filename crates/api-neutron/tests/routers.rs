//! Routers and their interfaces: what is answered, as recorded, and what is refused.

#![expect(clippy::too_many_lines, reason = "tables")]

use crate::world::cases::{Cases, bad, has};
use crate::world::{Who, World};
use serde_json::{Value, json};

/// The subnet of external addresses.
async fn external_subnet(world: &mut World) {
    let answer = world.get("/networks/$ext").await;
    let subnet = answer.ok(200)["subnets"][0].as_str().unwrap().to_owned();
    world.ids.insert("ext_subnet".to_owned(), subnet);
}

#[tokio::test]
async fn a_router_is_as_recorded() {
    let mut world = World::new().await;
    external_subnet(&mut world).await;
    let new = json!({"name": "rr", "admin_state_up": true});
    let made = world.make("r", "router", new).await;
    let recorded = json!({
        "id": "$r", "name": "rr", "project_id": "$project_member",
        "tenant_id": "$project_member", "admin_state_up": true, "status": "ACTIVE",
        "external_gateway_info": null, "description": "", "availability_zones": [],
        "availability_zone_hints": [], "routes": [], "flavor_id": null, "tags": [],
    });
    has(&world, &made, &recorded);
    assert_eq!(made["revision_number"], 1);
    assert_eq!(*world.get("/routers/$r").await.ok(200), made);
    for (change, becomes) in [
        (
            json!({"name": "new", "description": "d", "admin_state_up": false}),
            json!({"name": "new", "description": "d", "admin_state_up": false}),
        ),
        (
            json!({"external_gateway_info": {
                "network_id": "$ext", "enable_snat": false,
                "external_fixed_ips": [{"ip_address": "203.0.113.77"}],
            }}),
            json!({"external_gateway_info": {
                "network_id": "$ext", "enable_snat": false,
                "external_fixed_ips": [
                    {"subnet_id": "$ext_subnet", "ip_address": "203.0.113.77"},
                ],
            }}),
        ),
        // The address stays where none is asked for.
        (
            json!({"external_gateway_info": {"network_id": "$ext"}}),
            json!({"external_gateway_info": {
                "network_id": "$ext", "enable_snat": true,
                "external_fixed_ips": [
                    {"subnet_id": "$ext_subnet", "ip_address": "203.0.113.77"},
                ],
            }}),
        ),
        (
            json!({"external_gateway_info": {}}),
            json!({"external_gateway_info": null}),
        ),
        (
            json!({}),
            json!({"external_gateway_info": null, "name": "new"}),
        ),
    ] {
        let change = json!({"router": change}).to_string();
        let answer = world.ask(Who::Admin, "PUT /routers/$r", &change).await;
        has(&world, answer.ok(200), &becomes);
        assert_eq!(world.get("/routers/$r").await.ok(200), answer.ok(200));
    }
    for (query, found) in [
        ("name=new", true),
        ("name=rr", false),
        ("status=DOWN", true),
        ("status=ACTIVE", false),
        ("admin_state_up=False", true),
    ] {
        let answer = world.get(&format!("/routers?{query}&fields=id")).await;
        let listed = answer.ok(200).as_array().unwrap();
        let has = listed.contains(&json!({"id": world.ids["r"]}));
        assert_eq!(has, found, "{query}");
    }
    world.delete("/routers/$r").await.is(204);
    world.get("/routers/$r").await.is(404);
}

#[tokio::test]
async fn what_a_router_can_not_be_is_refused() {
    let mut world = World::new().await;
    world.make("own", "network", json!({})).await;
    let mut cases = Cases::default();
    let not_external = (
        400,
        "BadRequest",
        "Bad router request: Network $own is not an external network.",
    );
    let external = json!({"external_gateway_info": {"network_id": "$own"}});
    cases.post("a network inside", ("router", &external), not_external);
    cases.put(
        "a network inside",
        ("router", "$inner", &external),
        not_external,
    );
    let external = json!({"external_gateway_info": {"network_id": "$none"}});
    let missing = (404, "NetworkNotFound", "Network $none could not be found.");
    cases.post("no network", ("router", &external), missing);
    cases.put("no network", ("router", "$inner", &external), missing);
    for (object, message) in [
        (
            json!({"external_gateway_info": 7}),
            "Invalid input for external_gateway_info. Reason: '7' is not a dictionary.",
        ),
        (
            json!({"external_gateway_info": {"bogus": 7}}),
            "Invalid input for external_gateway_info. Reason: Unexpected keys supplied: bogus.",
        ),
        (
            json!({"external_gateway_info": {"network_id": "x"}}),
            "Invalid input for external_gateway_info. Reason: 'x' is not a valid UUID.",
        ),
        (
            json!({"external_gateway_info": {
                "network_id": "$ext", "external_fixed_ips": [{"ip_address": "10.0.0.1"}],
            }}),
            "Invalid input for external_gateway_info. Reason: 10.0.0.1 is no address that the external network gives.",
        ),
        (
            json!({"distributed": true}),
            "Invalid input for distributed. Reason: there are no such routers here.",
        ),
    ] {
        cases.post("a router", ("router", &object), bad(message));
        cases.as_admin();
        cases.put("a router", ("router", "$inner", &object), bad(message));
        cases.as_admin();
    }
    let taken = json!({"external_gateway_info": {
        "network_id": "$ext", "external_fixed_ips": [{"ip_address": "203.0.113.101"}],
    }});
    cases.post(
        "a taken address",
        ("router", &taken),
        (
            409,
            "IpAddressAlreadyAllocated",
            "the address 203.0.113.101 is taken.",
        ),
    );
    cases.as_admin();
    cases.post(
        "a flavor",
        ("router", &json!({"flavor_id": "$none"})),
        (404, "FlavorNotFound", "Flavor $none could not be found."),
    );
    cases.post(
        "routes",
        ("router", &json!({"routes": []})),
        bad("Attribute 'routes' not allowed in POST"),
    );
    let route = json!({"routes": [{"destination": "10.99.0.0/24", "nexthop": "10.1.0.9"}]});
    cases.put(
        "a neighbour elsewhere",
        ("router", "$inner", &route),
        bad("Invalid input for routes. Reason: the next hop 10.1.0.9 is on none of the router's subnets."),
    );
    let route = json!({"routes": [{"destination": "fd00::/64", "nexthop": "10.9.0.9"}]});
    cases.put(
        "two versions",
        ("router", "$inner", &route),
        bad("Invalid input for routes. Reason: destination and nexthop are of different IP versions."),
    );
    cases.walk(&world).await;
}

#[tokio::test]
async fn an_interface_comes_and_goes_as_recorded() {
    let mut world = World::new().await;
    world.make("n", "network", json!({})).await;
    let subnet = json!({"network_id": "$n", "cidr": "10.70.0.0/24"});
    world.make("s", "subnet", subnet).await;
    world.make("r", "router", json!({})).await;
    let of = json!({"subnet_id": "$s"});
    let add = "/routers/$r/add_router_interface";
    let answer = world.put(add, of.clone()).await;
    let added = answer.is(200).body.clone();
    let recorded = json!({
        "id": "$r", "project_id": "$project_member", "network_id": "$n", "subnet_id": "$s",
        "subnet_ids": ["$s"],
    });
    has(&world, &added, &recorded);
    let port = added["port_id"].as_str().unwrap().to_owned();
    world.ids.insert("interface".to_owned(), port);
    let interface = world.get("/ports/$interface").await;
    let expected = json!({
        "device_id": "$r", "device_owner": "network:router_interface",
        "fixed_ips": [{"subnet_id": "$s", "ip_address": "10.70.0.1"}],
    });
    has(&world, interface.ok(200), &expected);

    let answer = world.put(add, of.clone()).await;
    let message = "Bad router request: Router already has a port on subnet $s.";
    let message = world.fill(message);
    assert_eq!(answer.refused(), (400, "BadRequest", message.as_str()));

    let remove = "/routers/$r/remove_router_interface";
    let answer = world.put(remove, of.clone()).await;
    assert_eq!(answer.is(200).body, added);
    world.get("/ports/$interface").await.is(404);
    let answer = world.put(remove, of).await;
    let message = world.fill("Router $r has no interface on subnet $s");
    assert_eq!(
        answer.refused(),
        (404, "RouterInterfaceNotFoundForSubnet", message.as_str())
    );

    // A port that is there already may become one.
    let new = json!({"network_id": "$n", "fixed_ips": [{"ip_address": "10.70.0.9"}]});
    world.make("p", "port", new).await;
    let of = json!({"port_id": "$p"});
    let answer = world.put(add, of.clone()).await;
    has(
        &world,
        &answer.is(200).body,
        &json!({"port_id": "$p", "subnet_id": "$s"}),
    );
    let answer = world.put(remove, of.clone()).await;
    has(
        &world,
        &answer.is(200).body,
        &json!({"port_id": "$p", "subnet_id": "$s"}),
    );
    world.get("/ports/$p").await.is(404);
    let answer = world.put(remove, of).await;
    let message = world.fill("Port $p could not be found.");
    assert_eq!(answer.refused(), (404, "PortNotFound", message.as_str()));
}

#[tokio::test]
async fn what_can_not_be_an_interface_is_refused() {
    let mut world = World::new().await;
    world.make("n", "network", json!({})).await;
    for (name, cidr) in [("wide", "10.1.0.0/16"), ("bare", "10.72.0.0/24")] {
        let mut subnet = json!({"network_id": "$n", "cidr": cidr});
        if name == "bare" {
            subnet["gateway_ip"] = Value::Null;
        }
        world.make(name, "subnet", subnet).await;
    }
    let free = json!({"network_id": "$n", "fixed_ips": []});
    world.make("empty", "port", free).await;
    let used = json!({"network_id": "$n", "device_id": "vm", "device_owner": "compute:x"});
    world.make("used", "port", used).await;
    let mut cases = Cases::default();
    let add = "PUT /routers/$router/add_router_interface";
    let request = |message: &str| format!("Bad router request: {message}");
    for (body, message) in [
        ("{}", "Either subnet_id or port_id must be specified."),
        (
            r#"{"subnet_id": "$left", "port_id": "$used"}"#,
            "Cannot specify both subnet-id and port-id.",
        ),
        (
            r#"{"subnet_id": "$wide"}"#,
            "Cidr 10.1.0.0/16 of subnet $wide overlaps with cidr 10.1.0.0/24 of subnet $left.",
        ),
        (
            r#"{"subnet_id": "$bare"}"#,
            "the subnet $bare has no router's address.",
        ),
        (
            r#"{"port_id": "$empty"}"#,
            "the port $empty has no address.",
        ),
    ] {
        cases.raw(
            "an interface",
            (add, body),
            (400, "BadRequest", &request(message)),
        );
    }
    for (request, body, refusal) in [
        (add, "", bad("Resource body required")),
        (add, "[]", bad("Body contains invalid data")),
        (
            add,
            r#"{"subnet_id": "x"}"#,
            bad("Invalid input for subnet_id. Reason: 'x' is not a valid UUID."),
        ),
        (
            add,
            r#"{"subnet_id": "$none"}"#,
            (404, "SubnetNotFound", "Subnet $none could not be found."),
        ),
        (
            add,
            r#"{"port_id": "$none"}"#,
            (404, "PortNotFound", "Port $none could not be found."),
        ),
        (
            add,
            r#"{"port_id": "$used"}"#,
            (
                409,
                "PortInUse",
                "Unable to complete operation on port $used for network $n. Port already has an attached device vm.",
            ),
        ),
        (
            "PUT /routers/$none/add_router_interface",
            r#"{"subnet_id": "$left"}"#,
            (404, "RouterNotFound", "Router $none could not be found"),
        ),
        (
            "PUT /routers/x/remove_router_interface",
            r#"{"subnet_id": "$left"}"#,
            (404, "RouterNotFound", "Router x could not be found"),
        ),
        (
            "PUT /routers/$router/remove_router_interface",
            r#"{"subnet_id": "$off"}"#,
            (
                404,
                "RouterInterfaceNotFoundForSubnet",
                "Router $router has no interface on subnet $off",
            ),
        ),
        (
            "PUT /routers/$router/remove_router_interface",
            r#"{"port_id": "$used"}"#,
            (
                404,
                "RouterInterfaceNotFound",
                "Router $router does not have an interface with id $used",
            ),
        ),
    ] {
        cases.raw("an interface", (request, body), refusal);
    }
    cases.walk(&world).await;
}

#[tokio::test]
async fn an_interface_that_routes_need_stays() {
    let world = World::new().await;
    let routes = json!([
        {"destination": "10.99.0.0/24", "nexthop": "10.1.0.9"},
        {"destination": "10.98.0.0/24", "nexthop": "10.2.0.9"},
    ]);
    let answer = world
        .put("/routers/$router", json!({"router": {"routes": routes}}))
        .await;
    assert_eq!(answer.ok(200)["routes"], routes);
    let remove = "/routers/$router/remove_router_interface";
    let answer = world.put(remove, json!({"subnet_id": "$left"})).await;
    let message = world.fill("Router interface for subnet $left on router $router cannot be deleted, as it is required by one or more routes.");
    assert_eq!(
        answer.refused(),
        (409, "RouterInterfaceInUseByRoute", message.as_str())
    );
    world
        .put(remove, json!({"subnet_id": "$left6"}))
        .await
        .is(200);
    let answer = world
        .put("/routers/$router", json!({"router": {"routes": []}}))
        .await;
    assert_eq!(answer.ok(200)["routes"], json!([]));
    world
        .put(remove, json!({"subnet_id": "$left"}))
        .await
        .is(200);
}
