//! What leads outside: the host's configuration says it, and the API tells it.

use crate::world::cases::{Cases, bad, has};
use crate::world::{Who, World};
use serde_json::{Value, json};

/// One with IPv6 outside, whose subnets there are `$v4` and `$v6`.
async fn both() -> World {
    let mut world = World::outside_by_ipv6().await;
    let answer = world.ask(Who::Admin, "GET /subnets?network_id=$ext", "");
    for subnet in answer.await.ok(200).as_array().unwrap() {
        let id = subnet["id"].as_str().unwrap().to_owned();
        let name = format!("v{}", subnet["ip_version"]);
        world.ids.insert(name, id);
    }
    world
}

const CONFIGURED: &str = "it comes with the host's configuration: of what leads outside only name \
                          and description can be changed";

#[tokio::test]
async fn no_network_is_made_to_lead_outside() {
    let world = World::new().await;
    let message = "Invalid input for router:external. Reason: one network leads outside, the network $ext: it comes with the host's configuration, and no other can be made such a one.";
    let mut cases = Cases::default();
    let external = json!({"router:external": true});
    cases.post("another", ("network", &external), bad(message));
    cases.as_admin();
    cases.put("another", ("network", "$left_net", &external), bad(message));
    cases.as_admin();
    cases.walk(&world).await;
}

#[tokio::test]
async fn what_leads_outside_is_changed_by_configuration_alone() {
    let mut world = both().await;
    let mut cases = Cases::default();
    let mut refuse = |(kind, id): (&str, &str), attribute: &'static str, value: Value| {
        let message = format!("Invalid input for {attribute}. Reason: {CONFIGURED}.");
        cases.put(
            attribute,
            (kind, id, &json!({attribute: value})),
            bad(&message),
        );
        cases.as_admin();
    };
    for (attribute, value) in [
        ("router:external", json!(false)),
        ("shared", json!(true)),
        ("admin_state_up", json!(false)),
        ("mtu", json!(1400)),
        ("port_security_enabled", json!(true)),
    ] {
        refuse(("network", "$ext"), attribute, value);
    }
    for (attribute, value) in [
        ("gateway_ip", json!("203.0.113.9")),
        ("gateway_ip", json!("203.0.113.1")),
        (
            "allocation_pools",
            json!([{"start": "203.0.113.20", "end": "203.0.113.30"}]),
        ),
        ("enable_dhcp", json!(true)),
        ("dns_nameservers", json!(["9.9.9.9"])),
        (
            "host_routes",
            json!([{"destination": "10.0.0.0/8", "nexthop": "203.0.113.9"}]),
        ),
    ] {
        refuse(("subnet", "$v4"), attribute, value);
    }
    let second = json!({"network_id": "$ext", "cidr": "198.51.100.0/24"});
    let message = "Invalid input for network_id. Reason: the network $ext leads outside: its subnets come with the host's configuration.";
    cases.post("a second subnet", ("subnet", &second), bad(message));
    cases.as_admin();
    cases.walk(&world).await;
    // What is so already, and what people call it, may be said.
    for (item, kind) in [("/networks/$ext", "network"), ("/subnets/$v4", "subnet")] {
        let mut same = json!({"name": "outside", "description": "the internet"});
        match kind {
            "network" => same["mtu"] = json!(1500),
            _ => same["enable_dhcp"] = json!(false),
        }
        let body = json!({kind: same}).to_string();
        let answer = world.ask(Who::Admin, &format!("PUT {item}"), &body).await;
        has(&world, answer.ok(200), &same);
    }
    // A router is there by its gateway alone.
    world.make_as(Who::Admin, "r", "router", json!({})).await;
    let interface = json!({"subnet_id": "$v4"}).to_string();
    let answer = world.ask(
        Who::Admin,
        "PUT /routers/$r/add_router_interface",
        &interface,
    );
    let message = world.fill("Bad router request: the subnet $v4 leads outside: a router has its addresses there by its gateway.");
    assert_eq!(
        answer.await.refused(),
        (400, "BadRequest", message.as_str())
    );
}

#[tokio::test]
async fn addresses_outside_are_as_asked_or_refused() {
    let world = both().await;
    let mut cases = Cases::default();
    let one_each = "a router has one IPv4 address and one IPv6 address outside at most";
    for (ips, reason) in [
        (json!("x"), "'x' is not a list of external_fixed_ips".to_owned()),
        (json!({}), "'{}' is not a list of external_fixed_ips".to_owned()),
        (json!([7]), "'7' is no subnet_id, ip_address or both".to_owned()),
        (json!([{}]), "'{}' is no subnet_id, ip_address or both".to_owned()),
        (
            json!([{"subnet_id": "$v4", "mac": "x"}]),
            "'{'mac': 'x', 'subnet_id': '$v4'}' is no subnet_id, ip_address or both".to_owned(),
        ),
        (json!([{"subnet_id": 7}]), "'7' is not a valid UUID".to_owned()),
        (
            json!([{"ip_address": "203.0.113.999"}]),
            "'203.0.113.999' is not a valid IP address".to_owned(),
        ),
        (
            json!([{"subnet_id": "$left"}]),
            "the subnet $left is not one of the network outside, which has $v4 and $v6".to_owned(),
        ),
        (
            json!([{"subnet_id": "$left", "ip_address": "203.0.113.77"}]),
            "the subnet $left is not one of the network outside, which has $v4 and $v6".to_owned(),
        ),
        (
            json!([{"subnet_id": "$v6", "ip_address": "203.0.113.77"}]),
            "'{'ip_address': '203.0.113.77', 'subnet_id': '$v6'}' names an address that is not of its subnet".to_owned(),
        ),
        (
            json!([{"ip_address": "203.0.113.77"}, {"ip_address": "203.0.113.78"}]),
            one_each.to_owned(),
        ),
        (json!([{"subnet_id": "$v4"}, {"subnet_id": "$v4"}]), one_each.to_owned()),
        (
            json!([{"subnet_id": "$v6"}, {"ip_address": "2001:db8:0:1::7"}]),
            one_each.to_owned(),
        ),
    ] {
        let message = format!("Invalid input for external_gateway_info. Reason: {reason}.");
        let external = json!({"external_gateway_info": {
            "network_id": "$ext", "external_fixed_ips": ips,
        }});
        cases.post("addresses", ("router", &external), bad(&message));
        cases.as_admin();
        cases.put("addresses", ("router", "$inner", &external), bad(&message));
        cases.as_admin();
    }
    for (external, reason) in [
        (
            json!({"network_id": "$ext", "qos_policy_id": "$none"}),
            "there are no QoS policies here: qos_policy_id has to be null",
        ),
        (
            json!({"enable_snat": false}),
            "enable_snat and external_fixed_ips need a network_id",
        ),
    ] {
        let message = format!("Invalid input for external_gateway_info. Reason: {reason}.");
        let external = json!({"external_gateway_info": external});
        cases.put(
            "a way outside",
            ("router", "$inner", &external),
            bad(&message),
        );
        cases.as_admin();
    }
    let floating = json!({"floating_network_id": "$ext", "subnet_id": "$v6"});
    let message = "Invalid input for subnet_id. Reason: $v6 is not the subnet that floating IPs are of, which is $v4.";
    cases.post("a floating IP", ("floatingip", &floating), bad(message));
    cases.walk(&world).await;
}

#[tokio::test]
async fn a_service_has_addresses_of_the_families_that_its_router_has() {
    let mut world = both().await;
    let external = |ips: Value| json!({"external_gateway_info": {"network_id": "$ext", "external_fixed_ips": ips}});
    let v4 = external(json!([{"subnet_id": "$v4"}]));
    world.make("one", "router", v4.clone()).await;
    let service = json!({"router_id": "$one"});
    let made = world.make("s", "vpnservice", service.clone()).await;
    assert!(made["external_v4_ip"].is_string(), "{made}");
    assert_eq!(made["external_v6_ip"], Value::Null);
    let both = json!({"external_gateway_info": {"network_id": "$ext"}});
    world.make("two", "router", both).await;
    let service = json!({"router_id": "$two"});
    let made = world.make("s", "vpnservice", service).await;
    assert!(made["external_v6_ip"].is_string(), "{made}");
    // What a service has its router keeps.
    let answer = world.put("/routers/$two", json!({"router": v4})).await;
    let message = world.fill("Router $two is currently used by VPN service ($s)");
    assert_eq!(answer.refused(), (409, "RouterInUse", message.as_str()));
}

#[tokio::test]
async fn administrators_see_the_ports_outside() {
    let mut world = both().await;
    world.add_net().await;
    let router = world.get("/routers/$out").await;
    let fixed_ips = router.ok(200)["external_gateway_info"]["external_fixed_ips"].clone();
    assert_eq!(fixed_ips.as_array().unwrap().len(), 2);
    let list = "GET /ports?device_id=$out&device_owner=network:router_gateway";
    let answer = world.ask(Who::Admin, list, "").await;
    let listed = answer.ok(200).as_array().unwrap();
    assert_eq!(listed.len(), 1, "{answer:?}");
    let expected = json!({
        "device_owner": "network:router_gateway", "device_id": "$out", "network_id": "$ext",
        "fixed_ips": fixed_ips, "status": "ACTIVE", "admin_state_up": true, "project_id": "",
        "tenant_id": "", "port_security_enabled": false, "security_groups": [],
    });
    has(&world, &listed[0], &expected);
    let gateway = listed[0]["id"].as_str().unwrap().to_owned();
    world.ids.insert("gateway".to_owned(), gateway);
    let shown = world.ask(Who::Admin, "GET /ports/$gateway", "").await;
    assert_eq!(shown.ok(200), &listed[0]);
    let list = "GET /ports?device_id=$floatingip";
    let answer = world.ask(Who::Admin, list, "").await;
    let floating = world.get("/floatingips/$floatingip").await;
    let expected = json!({
        "device_owner": "network:floatingip", "network_id": "$ext", "status": "N/A",
        "fixed_ips": [{
            "subnet_id": "$v4", "ip_address": floating.ok(200)["floating_ip_address"],
        }],
    });
    has(&world, &answer.ok(200)[0], &expected);
    // They come and go with what they are of, and can't be changed by themselves.
    for (request, body) in [
        ("DELETE /ports/$gateway", ""),
        ("PUT /ports/$gateway", r#"{"port": {"name": "mine"}}"#),
    ] {
        let answer = world.ask(Who::Admin, request, body).await;
        let message = world.fill("Port $gateway cannot be deleted directly via the port API: has device owner network:router_gateway.");
        assert_eq!(
            answer.refused(),
            (409, "ServicePortInUse", message.as_str())
        );
    }
    // They are nobody's, and a member's lists don't have them.
    for (request, found) in [
        ("GET /ports/$gateway", false),
        ("GET /ports?network_id=$ext", true),
        ("GET /ports?device_owner=network:router_gateway", true),
    ] {
        let answer = world.ask(Who::Member, request, "").await;
        match found {
            true => assert_eq!(*answer.ok(200), json!([])),
            false => assert_eq!(answer.refused().0, 404),
        }
    }
    world.delete("/floatingips/$floatingip").await.is(204);
    let none = json!({"router": {"external_gateway_info": {}}});
    world.put("/routers/$out", none).await.is(200);
    world
        .ask(Who::Admin, "GET /ports/$gateway", "")
        .await
        .is(404);
}

#[tokio::test]
async fn pages_of_ports_have_those_outside_once() {
    let mut world = both().await;
    world.add_net().await;
    let all = world.ask(Who::Admin, "GET /ports?fields=id", "").await;
    let mut all: Vec<Value> = all.ok(200).as_array().unwrap().clone();
    for owner in ["network:router_gateway", "network:floatingip"] {
        let list = format!("GET /ports?device_owner={owner}&fields=id");
        let listed = world.ask(Who::Admin, &list, "").await;
        let listed = listed.ok(200).as_array().unwrap();
        assert!(!listed.is_empty(), "{owner}");
        assert!(listed.iter().all(|one| all.contains(one)), "{owner}");
    }
    for sorting in [
        "",
        "&sort_key=id&sort_dir=asc",
        "&sort_key=name&sort_dir=desc&sort_key=id&sort_dir=desc",
        "&sort_key=status&sort_dir=asc",
    ] {
        let (mut seen, mut marker) = (Vec::new(), String::new());
        loop {
            let request = format!("GET /ports?fields=id&limit=2{sorting}{marker}");
            let answer = world.ask(Who::Admin, &request, "").await;
            let page = answer.body["ports"].as_array().unwrap().clone();
            let Some(last) = page.last() else {
                break;
            };
            marker = format!("&marker={}", last["id"].as_str().unwrap());
            seen.extend(page);
            assert!(seen.len() <= all.len(), "{sorting}: {seen:?}");
        }
        let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
        seen.sort_by_key(id);
        all.sort_by_key(id);
        assert_eq!(seen, all, "{sorting}");
    }
}
