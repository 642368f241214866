//! Networks and subnets: what is answered, as recorded, and what is refused.

#![expect(clippy::too_many_lines, reason = "tables")]

use crate::world::cases::{Cases, bad, has, has_standard};
use crate::world::{Who, World, path};
use serde_json::{Value, json};

#[tokio::test]
async fn a_network_is_as_recorded() {
    let mut world = World::new().await;
    let made = world.make("n", "network", json!({"name": "n"})).await;
    let recorded = json!({
        "id": "$n", "name": "n", "tenant_id": "$project_member", "project_id": "$project_member",
        "admin_state_up": true, "mtu": 1500, "status": "ACTIVE", "subnets": [], "shared": false,
        "port_security_enabled": true, "router:external": false, "is_default": false,
        "availability_zone_hints": [], "availability_zones": [], "ipv4_address_scope": null,
        "ipv6_address_scope": null, "description": "", "l2_adjacency": true,
    });
    has(&world, &made, &recorded);
    has_standard(&made);
    assert_eq!(*world.get("/networks/$n").await.ok(200), made);
    let subnet = json!({"network_id": "$n", "cidr": "10.70.0.0/24"});
    world.make("s", "subnet", subnet).await;
    let change = json!({
        "name": "new", "description": "d", "admin_state_up": false, "mtu": 1400,
        "port_security_enabled": false,
    });
    let answer = world.put("/networks/$n", json!({"network": change})).await;
    has(&world, answer.ok(200), &change);
    has(&world, answer.ok(200), &json!({"subnets": ["$s"]}));
    for (query, found) in [
        ("name=new", true),
        ("name=n", false),
        ("admin_state_up=False", true),
        ("shared=False", true),
        ("shared=True", false),
        ("router:external=True", false),
        ("router%3Aexternal=False", true),
        ("status=DOWN", true),
        ("status=ACTIVE", false),
        ("mtu=1400", true),
        ("tenant_id=$project_member", true),
        ("project_id=$project_other", false),
    ] {
        let answer = world.get(&format!("/networks?{query}&fields=id")).await;
        let listed = answer.ok(200).as_array().unwrap();
        let has = listed.contains(&json!({"id": world.ids["n"]}));
        assert_eq!(has, found, "{query}");
    }
    world.delete("/networks/$n").await.is(204);
    for item in ["/networks/$n", "/subnets/$s"] {
        world.get(item).await.is(404);
    }
}

#[tokio::test]
async fn the_network_outside_is_everybody_s_to_see() {
    let world = World::new().await;
    for who in [Who::Member, Who::Other, Who::Reader] {
        let list = "GET /networks?router:external=True";
        let answer = world.ask(who, list, "").await;
        let listed = answer.ok(200).as_array().unwrap();
        assert_eq!(listed.len(), 1);
        has(
            &world,
            &listed[0],
            &json!({"id": "$ext", "name": "ext-net", "tenant_id": "$project_admin", "shared": false}),
        );
        let answer = world.ask(who, "GET /networks/$ext", "").await;
        assert_eq!(answer.ok(200), &listed[0]);
    }
    for request in ["DELETE /networks/$ext", "PUT /networks/$ext"] {
        let body = r#"{"network": {"name": "mine"}}"#;
        let answer = world.ask(Who::Member, request, body).await;
        let message = world.fill("Network $ext could not be found.");
        assert_eq!(answer.refused(), (404, "NetworkNotFound", message.as_str()));
    }
    // Not even an administrator takes it from the host.
    let answer = world.ask(Who::Admin, "DELETE /networks/$ext", "").await;
    assert_eq!(answer.refused().0, 409);
}

#[tokio::test]
async fn administrators_alone_share_networks_and_lead_outside() {
    let mut world = World::new().await;
    let mut cases = Cases::default();
    for (object, attribute) in [
        (json!({"shared": true}), "shared"),
        (json!({"router:external": true}), "router:external"),
    ] {
        let message = format!("rule:create_network:{attribute} is disallowed by policy");
        let refusal = (403, "PolicyNotAuthorized", message.as_str());
        cases.post("a network", ("network", &object), refusal);
        let message = format!("rule:update_network:{attribute} is disallowed by policy");
        let refusal = (403, "PolicyNotAuthorized", message.as_str());
        cases.put("a network", ("network", "$left_net", &object), refusal);
    }
    cases.walk(&world).await;
    let made = world
        .make_as(Who::Admin, "s", "network", json!({"shared": true}))
        .await;
    assert_eq!(made["shared"], true);
    // A member says what is so already.
    let same = json!({"shared": false, "router:external": false});
    world.make("own", "network", same).await;
}

#[tokio::test]
async fn what_a_network_can_not_be_is_refused() {
    let world = World::new().await;
    let mut cases = Cases::default();
    for (object, message) in [
        (json!({"bogus": 1}), "Unrecognized attribute(s) 'bogus'"),
        (
            json!({"status": "DOWN"}),
            "Attribute 'status' not allowed in POST",
        ),
        (
            json!({"name": 5}),
            "Invalid input for name. Reason: '5' is not a valid string.",
        ),
        (
            json!({"mtu": 67}),
            "Invalid input for mtu. Reason: an MTU is 68 to 9000.",
        ),
        (
            json!({"mtu": -1}),
            "Invalid input for mtu. Reason: '-1' should be non-negative.",
        ),
        (
            json!({"project_id": "$project_other"}),
            "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.",
        ),
    ] {
        cases.post("a network", ("network", &object), bad(message));
    }
    cases.put(
        "a subnet list",
        ("network", "$left_net", &json!({"subnets": []})),
        bad("Cannot update read-only attribute subnets"),
    );
    cases.raw(
        "no such network",
        ("GET /networks/bogus", ""),
        (404, "NetworkNotFound", "Network bogus could not be found."),
    );
    cases.walk(&world).await;
}

#[tokio::test]
async fn a_subnet_is_as_recorded() {
    let mut world = World::new().await;
    world.make("n", "network", json!({})).await;
    let new = json!({"name": "sn", "network_id": "$n", "cidr": "10.70.0.0/24", "ip_version": 4});
    let made = world.make("s", "subnet", new).await;
    let recorded = json!({
        "id": "$s", "name": "sn", "project_id": "$project_member",
        "tenant_id": "$project_member", "network_id": "$n", "ip_version": 4,
        "subnetpool_id": null, "enable_dhcp": true, "ipv6_ra_mode": null,
        "ipv6_address_mode": null, "gateway_ip": "10.70.0.1", "cidr": "10.70.0.0/24",
        "allocation_pools": [{"start": "10.70.0.2", "end": "10.70.0.254"}], "host_routes": [],
        "dns_nameservers": [], "description": "", "router:external": false, "service_types": [],
    });
    has(&world, &made, &recorded);
    has_standard(&made);
    assert_eq!(*world.get("/subnets/$s").await.ok(200), made);
    let change = json!({
        "name": "new", "description": "d", "gateway_ip": "10.70.0.254", "enable_dhcp": false,
        "allocation_pools": [{"start": "10.70.0.10", "end": "10.70.0.20"}],
        "dns_nameservers": ["9.9.9.9", "2620:fe::fe"],
        "host_routes": [{"destination": "10.99.0.0/24", "nexthop": "10.70.0.9"}],
    });
    let answer = world.put("/subnets/$s", json!({"subnet": change})).await;
    has(&world, answer.ok(200), &change);
    let none = json!({"subnet": {"gateway_ip": null}});
    let answer = world.put("/subnets/$s", none).await;
    assert_eq!(answer.ok(200)["gateway_ip"], Value::Null);
    for (query, found) in [
        ("network_id=$n", true),
        ("network_id=$left_net", false),
        ("cidr=10.70.0.0/24", true),
        ("ip_version=4", true),
        ("ip_version=6", false),
        ("name=new", true),
        ("enable_dhcp=False", true),
    ] {
        let answer = world.get(&format!("/subnets?{query}&fields=id")).await;
        let listed = answer.ok(200).as_array().unwrap();
        let has = listed.contains(&json!({"id": world.ids["s"]}));
        assert_eq!(has, found, "{query}");
    }
    world.delete("/subnets/$s").await.is(204);
    world.get("/subnets/$s").await.is(404);
}

#[tokio::test]
async fn gateways_and_pools_follow_from_the_block() {
    let mut world = World::new().await;
    let pool = |start: &str, end: &str| json!([{"start": start, "end": end}]);
    for (new, gateway, pools) in [
        (
            json!({"cidr": "10.70.0.5/24"}),
            json!("10.70.0.1"),
            pool("10.70.0.2", "10.70.0.254"),
        ),
        (
            json!({"cidr": "10.70.0.0/24", "gateway_ip": null}),
            Value::Null,
            pool("10.70.0.1", "10.70.0.254"),
        ),
        (
            json!({"cidr": "10.70.0.0/24", "gateway_ip": "10.70.0.100"}),
            json!("10.70.0.100"),
            json!([
                {"start": "10.70.0.1", "end": "10.70.0.99"},
                {"start": "10.70.0.101", "end": "10.70.0.254"},
            ]),
        ),
        (
            json!({
                "cidr": "10.70.0.0/24",
                "allocation_pools": [{"start": "10.70.0.50", "end": "10.70.0.60"}],
            }),
            json!("10.70.0.1"),
            pool("10.70.0.50", "10.70.0.60"),
        ),
        (
            json!({"cidr": "10.70.0.0/30"}),
            json!("10.70.0.1"),
            pool("10.70.0.2", "10.70.0.2"),
        ),
        (
            json!({"cidr": "fd00:70::/64", "ip_version": 6}),
            json!("fd00:70::1"),
            pool("fd00:70::2", "fd00:70::ffff:ffff:ffff:ffff"),
        ),
        (
            json!({
                "cidr": "fd00:70::/64", "ip_version": 6, "ipv6_ra_mode": "slaac",
                "ipv6_address_mode": "slaac",
            }),
            json!("fd00:70::1"),
            pool("fd00:70::2", "fd00:70::ffff:ffff:ffff:ffff"),
        ),
    ] {
        world.make("n", "network", json!({})).await;
        let object = crate::world::with(new.clone(), &json!({"network_id": "$n"}));
        let object = match new.get("gateway_ip") {
            Some(Value::Null) => {
                let mut object = object;
                object["gateway_ip"] = Value::Null;
                object
            }
            _ => object,
        };
        let made = world.make("s", "subnet", object).await;
        assert_eq!(
            (&made["gateway_ip"], &made["allocation_pools"]),
            (&gateway, &pools),
            "{new}"
        );
        for name in ["ipv6_ra_mode", "ipv6_address_mode"] {
            assert_eq!(made[name], new.get(name).cloned().unwrap_or(Value::Null));
        }
    }
}

#[tokio::test]
async fn what_a_subnet_can_not_be_is_refused() {
    let world = World::new().await;
    let mut cases = Cases::default();
    let none = "$none";
    let subnet = |cidr: &str| json!({"network_id": "$off_net", "cidr": cidr});
    let mut refuse = |what, object: &Value, refusal| {
        cases.post(what, ("subnet", object), refusal);
    };
    refuse(
        "overlapping",
        &subnet("10.9.0.128/25"),
        (
            400,
            "InvalidInput",
            "Invalid input for operation: Requested subnet with cidr: 10.9.0.128/25 for network: $off_net overlaps with another subnet.",
        ),
    );
    refuse(
        "no network",
        &json!({"network_id": none, "cidr": "10.70.0.0/24"}),
        (404, "NetworkNotFound", "Network $none could not be found."),
    );
    refuse(
        "another version",
        &crate::world::with(subnet("10.70.0.0/24"), &json!({"ip_version": 6})),
        (
            400,
            "InvalidInput",
            "Invalid input for operation: cidr '10.70.0.0/24' does not match the ip_version '6'.",
        ),
    );
    for (what, object, message) in [
        (
            "no block",
            json!({"network_id": "$off_net"}),
            "Failed to parse request. Required attribute 'cidr' not specified",
        ),
        (
            "no such block",
            subnet("10.70.0.0"),
            "Invalid input for cidr. Reason: '10.70.0.0' is not a valid IP subnet.",
        ),
        (
            "a gateway elsewhere",
            crate::world::with(subnet("10.70.0.0/24"), &json!({"gateway_ip": "10.71.0.1"})),
            "Invalid input for gateway_ip. Reason: the address 10.71.0.1 is not one of 10.70.0.0/24.",
        ),
        (
            "a gateway of the other version",
            crate::world::with(subnet("10.70.0.0/24"), &json!({"gateway_ip": "fd00::1"})),
            "Invalid input for gateway_ip. Reason: the address fd00::1 is not one of 10.70.0.0/24.",
        ),
        (
            "a pool elsewhere",
            crate::world::with(
                subnet("10.70.0.0/24"),
                &json!({"allocation_pools": [{"start": "10.70.0.9", "end": "10.71.0.1"}]}),
            ),
            "Invalid input for allocation_pools. Reason: the address 10.71.0.1 is not one of 10.70.0.0/24.",
        ),
        (
            "no pool",
            crate::world::with(subnet("10.70.0.0/24"), &json!({"allocation_pools": [7]})),
            "Invalid input for allocation_pools. Reason: '7' is no start and end.",
        ),
        (
            "no name server",
            crate::world::with(subnet("10.70.0.0/24"), &json!({"dns_nameservers": ["ns"]})),
            "Invalid input for dns_nameservers. Reason: 'ns' is not a valid IP address.",
        ),
        (
            "no such mode",
            crate::world::with(subnet("fd00:70::/64"), &json!({"ipv6_ra_mode": "magic"})),
            "Invalid input for ipv6_ra_mode. Reason: magic is not in valid_values.",
        ),
        (
            "a pool of subnets",
            crate::world::with(subnet("10.70.0.0/24"), &json!({"subnetpool_id": none})),
            "Invalid input for subnetpool_id. Reason: there are no subnet pools here.",
        ),
    ] {
        refuse(what, &object, bad(message));
    }
    refuse(
        "a gateway in a pool",
        &crate::world::with(
            subnet("10.70.0.0/24"),
            &json!({"allocation_pools": [{"start": "10.70.0.1", "end": "10.70.0.9"}]}),
        ),
        (
            409,
            "GatewayConflictWithAllocationPools",
            "Gateway ip conflicts: the router's address 10.70.0.1 is in the pool 10.70.0.1 to 10.70.0.9.",
        ),
    );
    refuse(
        "pools that overlap",
        &crate::world::with(
            subnet("10.70.0.0/24"),
            &json!({"allocation_pools": [
                {"start": "10.70.0.2", "end": "10.70.0.9"},
                {"start": "10.70.0.9", "end": "10.70.0.12"},
            ]}),
        ),
        (
            409,
            "OverlappingAllocationPools",
            "Found overlapping allocation pools: the pool 10.70.0.2 to 10.70.0.9 overlaps or is empty.",
        ),
    );
    for attribute in ["cidr", "network_id", "ip_version"] {
        let message = format!("Cannot update read-only attribute {attribute}");
        let object = json!({attribute: "10.70.0.0/24"});
        cases.put("read-only", ("subnet", "$off", &object), bad(&message));
    }
    let message = "Unable to complete operation on subnet $off: One or more ports have an IP allocation from this subnet.";
    cases.put(
        "the address that a router has",
        ("subnet", "$off", &json!({"gateway_ip": "10.9.0.2"})),
        (409, "SubnetInUse", message),
    );
    cases.walk(&world).await;
}

#[tokio::test]
async fn there_are_lists_of_everything() {
    let mut world = World::new().await;
    world.add_net().await;
    for kind in crate::world::NETWORK_KINDS {
        let list = path(kind);
        let answer = world.get(&format!("{list}?limit=1&fields=id")).await;
        let many = kind.replace("policy", "policie") + "s";
        assert_eq!(answer.ok(200), &answer.body[many.as_str()], "{kind}");
        assert_eq!(answer.body[many.as_str()].as_array().unwrap().len(), 1);
        let links = answer.body[format!("{many}_links")].as_array().unwrap();
        assert_eq!(links[0]["rel"], "next", "{kind}");
        let id = world.ids.get(kind).unwrap_or(&world.ids["out"]);
        let answer = world.get(&format!("{list}?id={id}&fields=id")).await;
        assert_eq!(*answer.ok(200), json!([{"id": id}]), "{kind}");
        let answer = world.get(&format!("{list}?bogus=1")).await;
        let message = "['bogus'] is invalid attribute for filtering";
        assert_eq!(answer.refused(), (400, "HTTPBadRequest", message));
        let item = format!("{list}/$none");
        for request in [format!("GET {item}"), format!("DELETE {item}")] {
            world.ask(Who::Member, &request, "").await.is(404);
        }
    }
}

#[tokio::test]
async fn subnets_are_found_by_whether_everybody_may_use_them() {
    let mut world = World::new().await;
    world
        .make_as(Who::Admin, "all", "network", json!({"shared": true}))
        .await;
    let subnet = json!({"network_id": "$all", "cidr": "10.80.0.0/24"});
    world.make_as(Who::Admin, "s", "subnet", subnet).await;
    for (query, finds, misses) in [("shared=True", "s", "left"), ("shared=False", "left", "s")] {
        let answer = world.get(&format!("/subnets?{query}&fields=id")).await;
        let listed = answer.ok(200).as_array().unwrap();
        assert!(listed.contains(&json!({"id": world.ids[finds]})), "{query}");
        assert!(
            !listed.contains(&json!({"id": world.ids[misses]})),
            "{query}"
        );
    }
}

#[tokio::test]
async fn an_ipv6_subnet_needs_an_mtu_of_1280() {
    let mut world = World::new().await;
    world.make("n", "network", json!({"mtu": 1279})).await;
    let mut cases = Cases::default();
    let six = json!({"network_id": "$n", "cidr": "fd00:70::/64", "ip_version": 6});
    let message = "the MTU 1279 of the network $n is not enough for the IPv6 subnet fd00:70::/64, which needs 1280.";
    cases.post(
        "a subnet",
        ("subnet", &six),
        (409, "NetworkMTUSubnetConflict", message),
    );
    cases.walk(&world).await;
    let four = json!({"network_id": "$n", "cidr": "10.70.0.0/24"});
    world.make("four", "subnet", four).await;
    let raise = json!({"network": {"mtu": 1280}});
    world.put("/networks/$n", raise).await.is(200);
    world.make("six", "subnet", six).await;
    let mut cases = Cases::default();
    cases.put(
        "an MTU",
        ("network", "$n", &json!({"mtu": 1279})),
        (409, "NetworkMTUSubnetConflict", message),
    );
    cases.walk(&world).await;
    world.delete("/subnets/$six").await.is(204);
    let lower = json!({"network": {"mtu": 1279}});
    world.put("/networks/$n", lower).await.is(200);
}

#[tokio::test]
async fn what_is_set_down_says_so() {
    let mut world = World::new().await;
    for (kind, path) in [("network", "/networks/$x"), ("router", "/routers/$x")] {
        let made = world.make("x", kind, json!({})).await;
        assert_eq!(made["status"], "ACTIVE");
        for (up, status) in [(false, "DOWN"), (true, "ACTIVE")] {
            let answer = world.put(path, json!({kind: {"admin_state_up": up}})).await;
            assert_eq!(answer.ok(200)["status"], status, "{kind}");
        }
    }
}
