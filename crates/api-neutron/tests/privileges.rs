//! What members may not say on networks that are not theirs, as Neutron's default policy has it.

use crate::world::{Who, World, path};
use serde_json::{Value, json};

/// Asks as each, for the same.
async fn asked(world: &World, who: Who, verb: &str, (kind, id): (&str, &str), body: &Value) -> u16 {
    let request = format!("{verb} {}{id}", path(kind));
    let body = json!({kind: body}).to_string();
    let answer = world.ask(who, &request, &body).await;
    if answer.status == 403 {
        assert_eq!(answer.refused().1, "PolicyNotAuthorized");
    }
    answer.status.as_u16()
}

#[tokio::test]
async fn a_member_chooses_no_addresses_on_a_shared_network() {
    let mut world = World::new().await;
    let net = json!({"name": "shared", "shared": true});
    world.make_as(Who::Admin, "common", "network", net).await;
    let subnet = json!({"network_id": "$common", "cidr": "10.90.0.0/24"});
    world
        .make_as(Who::Admin, "common_sub", "subnet", subnet)
        .await;
    let net = json!({"name": "own"});
    world.make("own", "network", net).await;
    let subnet = json!({"network_id": "$own", "cidr": "10.91.0.0/24"});
    world.make("own_sub", "subnet", subnet).await;
    world
        .make("there", "port", json!({"network_id": "$common"}))
        .await;
    world
        .make("here", "port", json!({"network_id": "$own"}))
        .await;
    for (name, theirs, mine) in [
        ("port_security_enabled", json!(true), json!(true)),
        (
            "mac_address",
            json!("02:00:00:00:00:77"),
            json!("02:00:00:00:00:78"),
        ),
        (
            "fixed_ips",
            json!([{"ip_address": "10.90.0.77"}]),
            json!([{"ip_address": "10.91.0.77"}]),
        ),
        ("device_owner", json!("network:dhcp"), json!("network:dhcp")),
    ] {
        let on = |network: &str, value: &Value| json!({"network_id": network, name: value});
        let new = on("$common", &theirs);
        let made = asked(&world, Who::Member, "POST", ("port", ""), &new).await;
        assert_eq!(made, 403, "{name} on a shared network");
        let one = json!({name: theirs});
        let put = asked(&world, Who::Member, "PUT", ("port", "/$there"), &one).await;
        assert_eq!(put, 403, "{name} of a port on a shared network");
        let new = on("$own", &mine);
        let made = asked(&world, Who::Member, "POST", ("port", ""), &new).await;
        assert_eq!(made, 201, "{name} on an own network");
        let made = asked(
            &world,
            Who::Admin,
            "POST",
            ("port", ""),
            &on("$common", &theirs),
        )
        .await;
        assert_eq!(made, 201, "{name} by an administrator");
    }
    // An address of one's choice is for administrators once the port is there.
    let mac = json!({"mac_address": "02:00:00:00:00:79"});
    let put = asked(&world, Who::Member, "PUT", ("port", "/$here"), &mac).await;
    assert_eq!(put, 403);
    // A subnet names no address.
    let new = json!({"network_id": "$common", "fixed_ips": [{"subnet_id": "$common_sub"}]});
    let made = asked(&world, Who::Member, "POST", ("port", ""), &new).await;
    assert_eq!(made, 201);
    // Many at once are looked at one by one.
    let many = json!({"ports": [{"network_id": "$common", "mac_address": "02:00:00:00:00:7a"}]});
    let answer = world
        .ask(Who::Member, "POST /ports", &many.to_string())
        .await;
    assert_eq!(answer.refused().0, 403);
}

#[tokio::test]
async fn a_member_chooses_no_addresses_outside() {
    let mut world = World::new().await;
    world.add_net().await;
    let floating = json!({"floating_network_id": "$ext", "floating_ip_address": "203.0.113.88"});
    let gateway = |more: Value| {
        let mut info = json!({"network_id": "$ext"});
        let members = info.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        json!({"external_gateway_info": info})
    };
    let address = gateway(json!({"external_fixed_ips": [{"ip_address": "203.0.113.89"}]}));
    let snat = gateway(json!({"enable_snat": false}));
    for (kind, new) in [
        ("floatingip", &floating),
        ("router", &address),
        ("router", &snat),
    ] {
        let made = asked(&world, Who::Member, "POST", (kind, ""), new).await;
        assert_eq!(made, 403, "{new}");
        if kind == "router" {
            let put = asked(&world, Who::Member, "PUT", (kind, "/$out"), new).await;
            assert_eq!(put, 403, "{new}");
        }
        let made = asked(&world, Who::Admin, "POST", (kind, ""), new).await;
        assert_eq!(made, 201, "{new}");
    }
    let plain = gateway(json!({}));
    let made = asked(&world, Who::Member, "POST", ("router", ""), &plain).await;
    assert_eq!(made, 201);
}
