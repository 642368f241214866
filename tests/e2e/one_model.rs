//! The OpenStack face and the VPC face show one model; and IPv6 goes through its tunnels.

use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::namespace;
use crate::support::serve::Serve;
use crate::support::site::{Instance, Site};
use crate::support::traffic::{ping, ping_both};
use crate::support::{PATIENCE, turn, until};

/// One end, as a user of OpenStack makes it.
struct End {
    router: Value,
    subnet: Value,
    service: Value,
    local: Value,
    machine: Instance,
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// A network with a subnet, a router on it with a way outside, a service and a machine.
fn end(serve: &Serve, api: &Api, name: &str, cidr: &str, version: u8) -> End {
    let network = api.make("networks", "network", json!({"name": name}));
    let subnet = json!({
        "name": name, "network_id": id(&network), "cidr": cidr, "ip_version": version,
    });
    let subnet = api.make("subnets", "subnet", subnet);
    let external = api.neutron("GET", "networks?name=ext-net", &Value::Null);
    let external = external.is(200)["networks"][0]["id"].take();
    let router = json!({"name": name, "external_gateway_info": {"network_id": external}});
    let router = api.make("routers", "router", router);
    let path = format!("routers/{}/add_router_interface", id(&router));
    let body = json!({"subnet_id": id(&subnet)});
    api.neutron("PUT", &path, &body).is(200);
    let service = json!({"name": name, "router_id": id(&router)});
    let service = api.make("vpn/vpnservices", "vpnservice", service);
    let local = json!({"type": "subnet", "endpoints": [id(&subnet)]});
    let local = api.make("vpn/endpoint-groups", "endpoint_group", local);
    let machine = json!({
        "name": format!("{name}-vm"),
        "network_id": id(&network),
        "device_owner": "compute:adit",
        "port_security_enabled": false,
    });
    let machine = api.make("ports", "port", machine);
    let namespace = format!("{}-i-{}", serve.prefix, &id(&machine)[..8]);
    until("the machine is there", PATIENCE, || {
        let there = namespace::all(&serve.prefix).contains(&namespace);
        there.then_some(())
    });
    End {
        machine: Instance {
            namespace,
            address: machine["fixed_ips"][0]["ip_address"]
                .as_str()
                .unwrap()
                .to_owned(),
        },
        router,
        subnet,
        service,
        local,
    }
}

/// Connects one end to the other; answers the connection.
fn connect(api: &Api, one: &End, other: &End, policies: (&Value, &Value)) -> Value {
    let group = json!({"type": "cidr", "endpoints": [other.subnet["cidr"]]});
    let group = api.make("vpn/endpoint-groups", "endpoint_group", group);
    let peer = &other.service["external_v4_ip"];
    let connection = json!({
        "name": one.service["name"],
        "vpnservice_id": id(&one.service),
        "ikepolicy_id": id(policies.0),
        "ipsecpolicy_id": id(policies.1),
        "local_ep_group_id": id(&one.local),
        "peer_ep_group_id": id(&group),
        "peer_address": peer,
        "peer_id": peer,
        "psk": "one-model",
    });
    api.make(
        "vpn/ipsec-site-connections",
        "ipsec_site_connection",
        connection,
    )
}

fn policies(api: &Api) -> (Value, Value) {
    let ike =
        json!({"name": "ike", "ike_version": "v2", "pfs": "group14", "auth_algorithm": "sha256"});
    let ipsec = json!({"name": "ipsec", "pfs": "group14", "auth_algorithm": "sha256"});
    (
        api.make("vpn/ikepolicies", "ikepolicy", ike),
        api.make("vpn/ipsecpolicies", "ipsecpolicy", ipsec),
    )
}

fn active(api: &Api, connection: &Value) {
    let path = format!("vpn/ipsec-site-connections/{}", id(connection));
    until("the connection is ACTIVE", PATIENCE, || {
        let shown = api.neutron("GET", &path, &Value::Null).is(200);
        (shown["ipsec_site_connection"]["status"] == "ACTIVE").then_some(())
    });
}

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
    let conn = connect(&api, &left, &right, (&ike, &ipsec));
    connect(&api, &right, &left, (&ike, &ipsec));
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
    let conn = connect(&api, &left, &right, (&ike, &ipsec));
    let back = connect(&api, &right, &left, (&ike, &ipsec));
    active(&api, &conn);
    active(&api, &back);
    ping_both(&left.machine, &right.machine);
}
