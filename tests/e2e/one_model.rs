//! The OpenStack face and the VPC face show one model; and IPv6 goes through its tunnels.

use serde_json::{Value, json};

use crate::ends::{active, connect, end, id, policies};
use crate::support::serve::Serve;
use crate::support::site::Site;
use crate::support::traffic::{ping, ping_both};
use crate::support::turn;

#[test]
fn what_one_dialect_makes_the_other_shows() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start("aeo", 51);
    let api = serve.api();
    let (left, right) = (
        end(&serve, &api, "left", "10.61.0.0/24", 4),
        end(&serve, &api, "right", "10.62.0.0/24", 4),
    );
    let (ike, ipsec) = policies(&api);
    let conn = connect(&api, &left, &right, 4, (&ike, &ipsec));
    connect(&api, &right, &left, 4, (&ike, &ipsec));
    active(&api, &conn);
    ping_both(&left.machine, &right.machine);

    // From OpenStack to the VPC dialect.
    let named = |list: Value, name: &str| -> Value {
        let list = list.as_array().unwrap().iter();
        let mut found = list.filter(|one| one["name"] == name);
        found.next().unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let vpc = named(api.get("vpcs").is(200)["vpcs"].take(), "left");
    let subnet = named(api.get("subnets").is(200)["subnets"].take(), "left");
    assert_eq!(subnet["ipv4_cidr_block"], "10.61.0.0/24");
    assert_eq!(subnet["vpc"]["id"], vpc["id"]);
    let gateway = named(
        api.get("vpn_gateways").is(200)["vpn_gateways"].take(),
        "left",
    );
    assert_eq!(
        gateway["public_ip"]["address"],
        left.service["external_v4_ip"]
    );
    assert_eq!(gateway["subnet"]["id"], subnet["id"]);
    let path = format!("vpn_gateways/{}/connections", id(&gateway));
    let shown = named(api.get(&path).is(200)["connections"].take(), "left");
    assert_eq!(shown["status"], "up");
    assert_eq!(shown["local_cidrs"], json!(["10.61.0.0/24"]));
    assert_eq!(shown["peer_cidrs"], json!(["10.62.0.0/24"]));
    assert_eq!(shown["ike_policy"]["name"], "ike");
    let policy = named(
        api.get("ike_policies").is(200)["ike_policies"].take(),
        "ike",
    );
    assert_eq!(policy["authentication_algorithm"], "sha256");
    let machine = named(api.get("instances").is(200)["instances"].take(), "left-vm");
    assert_eq!(machine["vpc"]["id"], vpc["id"]);
    // The groups say what is at its ends, and they aren't said there.
    let path = format!("{path}/{}", id(&shown));
    assert_eq!(
        api.put(&format!("{path}/peer_cidrs/10.63.0.0/24")).status,
        400
    );

    // From the VPC dialect to OpenStack.
    let site = Site::new(&serve, &api, "vpc-made", &["10.64.0.0/24"]);
    let list = |path: &str, key: &str| api.neutron("GET", path, &Value::Null).is(200)[key].take();
    let path = format!("vpn/vpnservices?external_v4_ip={}", site.address);
    let service = list(&path, "vpnservices");
    assert_eq!(service[0]["status"], "ACTIVE");
    let subnet = list(
        &format!("subnets/{}", service[0]["subnet_id"].as_str().unwrap()),
        "subnet",
    );
    assert_eq!(subnet["cidr"], "10.64.0.0/24");
    let router = list(
        &format!("routers/{}", service[0]["router_id"].as_str().unwrap()),
        "router",
    );
    assert_eq!(router["external_gateway_info"], Value::Null);
    let ports = format!(
        "ports?network_id={}",
        subnet["network_id"].as_str().unwrap()
    );
    let owners = list(&ports, "ports");
    let mut owners: Vec<&str> = owners
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["device_owner"].as_str().unwrap())
        .collect();
    owners.sort_unstable();
    assert_eq!(owners, ["compute:adit", "network:router_interface"]);
    assert_eq!(left.router["name"], "left");
}

#[test]
fn ipv6_goes_through_a_tunnel_over_ipv4() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start("aev", 52);
    let api = serve.api();
    let (left, right) = (
        end(&serve, &api, "left", "fd00:61::/64", 6),
        end(&serve, &api, "right", "fd00:62::/64", 6),
    );
    ping(&left.machine, &right.machine.address).none();
    let (ike, ipsec) = policies(&api);
    let conn = connect(&api, &left, &right, 4, (&ike, &ipsec));
    let back = connect(&api, &right, &left, 4, (&ike, &ipsec));
    active(&api, &conn);
    active(&api, &back);
    ping_both(&left.machine, &right.machine);
}
