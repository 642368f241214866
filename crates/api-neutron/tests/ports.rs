//! Ports: what is answered, and what is refused.

#![expect(clippy::too_many_lines, reason = "tables")]

use crate::world::cases::{Cases, bad, has, has_standard};
use crate::world::{Who, World};
use serde_json::json;

#[tokio::test]
async fn a_port_has_an_address_and_the_default_group() {
    let mut world = World::new().await;
    world.add_net().await;
    let six = json!({"network_id": "$network", "cidr": "fd00:70::/64", "ip_version": 6});
    world.make("subnet6", "subnet", six).await;
    let made = world
        .make("p", "port", json!({"network_id": "$network", "name": "p"}))
        .await;
    let groups = world.get("/security-groups?name=default").await;
    let default = groups.ok(200)[0]["id"].clone();
    let expected = json!({
        "id": "$p", "name": "p", "description": "", "project_id": "$project_member",
        "tenant_id": "$project_member", "network_id": "$network", "admin_state_up": true,
        "status": "DOWN", "device_id": "", "device_owner": "", "port_security_enabled": true,
        "security_groups": [default], "binding:vnic_type": "normal", "allowed_address_pairs": [],
        "fixed_ips": [
            {"subnet_id": "$subnet", "ip_address": "10.70.0.3"},
            {"subnet_id": "$subnet6", "ip_address": "fd00:70::2"},
        ],
    });
    has(&world, &made, &expected);
    has_standard(&made);
    let mac = made["mac_address"].as_str().unwrap();
    assert_eq!(mac.len(), 17, "{mac}");
    // What hosts are is for administrators.
    assert!(made.get("binding:host_id").is_none());
    let answer = world.ask(Who::Admin, "GET /ports/$p", "").await;
    assert_eq!(answer.ok(200)["binding:host_id"], "");
    for (query, found) in [
        (format!("mac_address={mac}"), true),
        ("network_id=$network".to_owned(), true),
        ("network_id=$left_net".to_owned(), false),
        ("device_id=".to_owned(), true),
        ("device_id=$out".to_owned(), false),
        ("status=DOWN".to_owned(), true),
    ] {
        let answer = world.get(&format!("/ports?{query}&fields=id")).await;
        let listed = answer.ok(200).as_array().unwrap();
        let has = listed.contains(&json!({"id": world.ids["p"]}));
        assert_eq!(has, found, "{query}");
    }
    // A router's interfaces are found by the router.
    let answer = world.get("/ports?device_id=$out").await;
    let listed = answer.ok(200).as_array().unwrap();
    assert_eq!(listed.len(), 1);
    let interface = json!({
        "device_owner": "network:router_interface", "status": "ACTIVE", "device_id": "$out",
        "fixed_ips": [{"subnet_id": "$subnet", "ip_address": "10.70.0.1"}],
        "security_groups": [], "port_security_enabled": false,
    });
    has(&world, &listed[0], &interface);
    world.delete("/ports/$p").await.is(204);
    world.get("/ports/$p").await.is(404);
}

#[tokio::test]
async fn a_port_gets_the_addresses_it_asks_for() {
    let mut world = World::new().await;
    world.add_net().await;
    let more = json!({"network_id": "$network", "cidr": "10.71.0.0/24"});
    world.make("more", "subnet", more).await;
    for (wished, given) in [
        (json!([]), json!([])),
        (
            json!([{"ip_address": "10.70.0.77"}]),
            json!([{"subnet_id": "$subnet", "ip_address": "10.70.0.77"}]),
        ),
        (
            json!([{"subnet_id": "$more"}]),
            json!([{"subnet_id": "$more", "ip_address": "10.71.0.2"}]),
        ),
        (
            json!([{"subnet_id": "$more", "ip_address": "10.71.0.9"}, {"subnet_id": "$subnet"}]),
            json!([
                {"subnet_id": "$more", "ip_address": "10.71.0.9"},
                {"subnet_id": "$subnet", "ip_address": "10.70.0.3"},
            ]),
        ),
        (
            json!([{"subnet_id": "$more"}, {"subnet_id": "$more"}]),
            json!([
                {"subnet_id": "$more", "ip_address": "10.71.0.2"},
                {"subnet_id": "$more", "ip_address": "10.71.0.3"},
            ]),
        ),
    ] {
        let new = json!({"network_id": "$network", "fixed_ips": wished});
        let made = world.make("p", "port", new).await;
        has(&world, &made, &json!({"fixed_ips": given}));
        world.delete("/ports/$p").await.is(204);
    }
    let mut cases = Cases::default();
    let outside = |message: &str| format!("Invalid input for fixed_ips. Reason: {message}.");
    for (wished, message) in [
        (
            json!([{"ip_address": "10.99.0.1"}]),
            outside("the address 10.99.0.1 is not one of that subnet"),
        ),
        (
            json!([{"subnet_id": "$more", "ip_address": "10.70.0.9"}]),
            outside("the address 10.70.0.9 is not one of that subnet"),
        ),
        (
            json!([{"subnet_id": "$left"}]),
            outside("the subnet $left is not on this network"),
        ),
        (
            json!([{"ip_address": "10.70.0.255"}]),
            outside("the address 10.70.0.255 is that of the network or the broadcast one"),
        ),
        (
            json!([{"subnet_id": "x"}]),
            outside("'{'subnet_id': 'x'}' is no subnet_id and ip_address"),
        ),
        (json!([7]), outside("'7' is no subnet_id and ip_address")),
    ] {
        let new = json!({"network_id": "$network", "fixed_ips": wished});
        cases.post("an address", ("port", &new), bad(&message));
        let change = json!({"fixed_ips": wished});
        cases.put("an address", ("port", "$port", &change), bad(&message));
    }
    let taken = json!({"network_id": "$network", "fixed_ips": [{"ip_address": "10.70.0.1"}]});
    let message = "the address 10.70.0.1 is taken in the subnet $subnet.";
    cases.post(
        "taken",
        ("port", &taken),
        (409, "IpAddressAlreadyAllocated", message),
    );
    let twice = json!({
        "network_id": "$network",
        "fixed_ips": [{"ip_address": "10.70.0.88"}, {"ip_address": "10.70.0.88"}],
    });
    cases.post(
        "twice",
        ("port", &twice),
        bad("Invalid input for fixed_ips. Reason: the address 10.70.0.88 is wished for twice."),
    );
    cases.walk(&world).await;
}

#[tokio::test]
async fn a_port_is_changed_member_by_member() {
    let mut world = World::new().await;
    world.add_net().await;
    let group = json!({"name": "other"});
    world.make("group", "security_group", group).await;
    world
        .make("p", "port", json!({"network_id": "$network"}))
        .await;
    for change in [
        json!({"name": "new", "description": "d"}),
        json!({"admin_state_up": false}),
        json!({"mac_address": "fa:16:3e:00:00:01"}),
        json!({"fixed_ips": [{"subnet_id": "$subnet", "ip_address": "10.70.0.40"}]}),
        json!({"security_groups": ["$group", "$security_group"]}),
        json!({"security_groups": []}),
        json!({"port_security_enabled": false}),
        json!({"device_id": "vm", "device_owner": "compute:nova"}),
        json!({}),
    ] {
        // A link address is for administrators.
        let body = json!({"port": change}).to_string();
        let who = match change.get("mac_address") {
            Some(_) => Who::Admin,
            None => Who::Member,
        };
        let answer = world.ask(who, "PUT /ports/$p", &body).await;
        has(&world, answer.ok(200), &change);
        let shown = world.ask(who, "GET /ports/$p", "").await;
        assert_eq!(shown.ok(200), answer.ok(200));
    }
    let mut cases = Cases::default();
    let mac = json!({"network_id": "$network", "mac_address": "fa:16:3e:00:00:01"});
    let message = "Unable to complete operation for network $network. The mac address fa:16:3e:00:00:01 is in use.";
    cases.post("a MAC", ("port", &mac), (409, "MacAddressInUse", message));
    let mac = json!({"mac_address": "fa:16:3e:00:00:01"});
    cases.put(
        "a MAC",
        ("port", "$port", &mac),
        (409, "MacAddressInUse", message),
    );
    cases.as_admin();
    let mac = json!({"mac_address": "x"});
    cases.put(
        "no MAC",
        ("port", "$port", &mac),
        bad("Invalid input for mac_address. Reason: 'x' is not a valid MAC address."),
    );
    cases.as_admin();
    let owner = json!({"device_owner": "network:router_interface"});
    let message = "Invalid input for device_owner. Reason: network:router_interface is for routers' own ports.";
    cases.put("an owner", ("port", "$port", &owner), bad(message));
    let groups = json!({"security_groups": ["$none"]});
    let message = "Security group $none does not exist";
    cases.put(
        "a group",
        ("port", "$port", &groups),
        (404, "SecurityGroupNotFound", message),
    );
    let message = "the floating IP $address stands for it.";
    let answer = world.get("/floatingips/$floatingip").await;
    let address = answer.ok(200)["floating_ip_address"].as_str().unwrap();
    world.ids.insert("address".to_owned(), address.to_owned());
    let ips = json!({"fixed_ips": [{"ip_address": "10.70.0.99"}]});
    cases.put(
        "what a floating IP stands for",
        ("port", "$port", &ips),
        (409, "HTTPConflict", message),
    );
    let off = json!({"port_security_enabled": false});
    cases.put(
        "groups of an open port",
        ("port", "$port", &off),
        (409, "PortSecurityPortHasSecurityGroup", "Port has security group associated. Cannot disable port security or IP address until security group is removed."),
    );
    cases.walk(&world).await;
}

#[tokio::test]
async fn a_group_is_named_once_and_ports_are_of_the_usual_kind() {
    let mut world = World::new().await;
    world.add_net().await;
    let mut cases = Cases::default();
    let spelled = world.ids["security_group"].replace('-', "");
    let twice = json!({"security_groups": ["$security_group", spelled]});
    let message = "Invalid input for security_groups. Reason: Duplicate items in the list: '$security_group'.";
    let new = crate::world::with(twice.clone(), &json!({"network_id": "$network"}));
    cases.post("a group twice", ("port", &new), bad(message));
    cases.put("a group twice", ("port", "$port", &twice), bad(message));
    let direct = json!({"network_id": "$network", "binding:vnic_type": "direct"});
    let message = "Invalid input for binding:vnic_type. Reason: direct is not in valid_values.";
    cases.post("another kind", ("port", &direct), bad(message));
    cases.walk(&world).await;
    let normal = json!({"network_id": "$network", "binding:vnic_type": "normal"});
    let made = world.make("p", "port", normal).await;
    assert_eq!(made["binding:vnic_type"], "normal");
}

#[tokio::test]
async fn an_interface_is_moved_only_to_where_its_router_can_be() {
    let mut world = World::new().await;
    world.add_net().await;
    let wide = json!({"network_id": "$network", "cidr": "10.71.0.0/24"});
    world.make("wide", "subnet", wide).await;
    let service = json!({"router_id": "$out", "subnet_id": "$subnet"});
    world.make("s", "vpnservice", service).await;
    let answer = world.get("/ports?device_id=$out").await;
    let interface = answer.ok(200)[0]["id"].as_str().unwrap().to_owned();
    world.ids.insert("interface".to_owned(), interface);
    let elsewhere = json!({"port": {"fixed_ips": [{"subnet_id": "$wide"}]}});
    let answer = world.put("/ports/$interface", elsewhere).await;
    assert_eq!(answer.refused().0, 409, "{answer:?}");
    let more = json!({"port": {"fixed_ips": [
        {"subnet_id": "$subnet", "ip_address": "10.70.0.1"}, {"subnet_id": "$wide"},
    ]}});
    world.put("/ports/$interface", more).await.is(200);
}

#[tokio::test]
async fn a_machine_s_port_is_active_once_the_machine_is_there() {
    let mut world = World::new().await;
    world.add_net().await;
    world.agent.fail_next(u32::MAX);
    let machine = json!({"network_id": "$network", "device_owner": "compute:adit"});
    let made = world.make("vm", "port", machine).await;
    assert_eq!(made["status"], "DOWN");
    assert_eq!(world.get("/ports/$vm").await.ok(200)["status"], "DOWN");
    world.agent.fail_next(0);
    world.until_status("/ports/$vm", "ACTIVE").await;
    // Another on a network that is there already waits for its own machine.
    let machine = json!({"network_id": "$network", "device_owner": "compute:adit"});
    let made = world.make("vm2", "port", machine).await;
    assert_eq!(made["status"], "DOWN");
    world.until_status("/ports/$vm2", "ACTIVE").await;
}
