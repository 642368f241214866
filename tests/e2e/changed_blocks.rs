//! What is behind an end changes while a tunnel is up: the tunnel stays, and what was carried goes on.

use serde_json::{Value, json};

use crate::ends::{End, active, connect, end, id, policies};
use crate::support::api::Api;
use crate::support::namespace;
use crate::support::serve::Serve;
use crate::support::site::Instance;
use crate::support::traffic::{PingsUnderWay, ping};
use crate::support::{PATIENCE, turn, until};

/// Another network with a machine behind an end; its subnet.
fn another(serve: &Serve, api: &Api, of: &End, name: &str, cidr: &str) -> (Value, Instance) {
    let network = api.make("networks", "network", json!({"name": name}));
    let subnet = json!({"name": name, "network_id": id(&network), "cidr": cidr, "ip_version": 4});
    let subnet = api.make("subnets", "subnet", subnet);
    let path = format!("routers/{}/add_router_interface", id(&of.router));
    api.neutron("PUT", &path, &json!({"subnet_id": id(&subnet)}))
        .is(200);
    let machine = json!({
        "name": name,
        "network_id": id(&network),
        "device_owner": "compute:adit",
        "port_security_enabled": false,
    });
    let machine = api.make("ports", "port", machine);
    let namespace = format!("{}-i-{}", serve.prefix, &id(&machine)[..8]);
    until("the machine is there", PATIENCE, || {
        namespace::all(&serve.prefix)
            .contains(&namespace)
            .then_some(())
    });
    let address = machine["fixed_ips"][0]["ip_address"].as_str().unwrap();
    let instance = Instance {
        namespace,
        address: address.to_owned(),
    };
    (subnet, instance)
}

/// Has a connection be between other groups, in part.
fn change(api: &Api, connection: &Value, which: &str, kind: &str, endpoints: Value) {
    let group = json!({"type": kind, "endpoints": endpoints});
    let group = api.make("vpn/endpoint-groups", "endpoint_group", group);
    let path = format!("vpn/ipsec-site-connections/{}", id(connection));
    let body = json!({"ipsec_site_connection": {which: id(&group)}});
    api.neutron("PUT", &path, &body).is(200);
}

fn changed_under_traffic(prefix: &str, number: u8, version: &str) {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start(prefix, number);
    let api = serve.api();
    let (left, right) = (
        end(&serve, &api, "left", "10.61.0.0/24", 4),
        end(&serve, &api, "right", "10.62.0.0/24", 4),
    );
    let (mut ike, ipsec) = policies(&api);
    if version == "v1" {
        let body = json!({"name": "ike-v1", "ike_version": "v1", "pfs": "group14"});
        ike = api.make("vpn/ikepolicies", "ikepolicy", body);
    }
    let to_right = connect(&api, &left, &right, 4, (&ike, &ipsec));
    let to_left = connect(&api, &right, &left, 4, (&ike, &ipsec));
    for connection in [&to_right, &to_left] {
        active(&api, connection);
    }
    let (subnet, machine) = another(&serve, &api, &right, "further", "10.63.0.0/24");
    ping(&left.machine, &machine.address).none();
    let right_subnet = api
        .neutron("GET", "subnets?name=right", &Value::Null)
        .is(200)["subnets"][0]["id"]
        .take();

    let pings = PingsUnderWay::start(&left.machine.namespace, &right.machine.address);
    let both = json!(["10.62.0.0/24", "10.63.0.0/24"]);
    change(&api, &to_right, "peer_ep_group_id", "cidr", both);
    let both = json!([right_subnet, id(&subnet)]);
    change(&api, &to_left, "local_ep_group_id", "subnet", both);
    until("what is new is reached", 2 * PATIENCE, || {
        (ping(&left.machine, &machine.address).are_all()).then_some(())
    });
    let one = json!(["10.62.0.0/24"]);
    change(&api, &to_right, "peer_ep_group_id", "cidr", one);
    change(
        &api,
        &to_left,
        "local_ep_group_id",
        "subnet",
        json!([right_subnet]),
    );
    until("it is not reached any more", PATIENCE, || {
        (ping(&left.machine, &machine.address).received == 0).then_some(())
    });
    pings.stop().all();
    for connection in [&to_right, &to_left] {
        active(&api, connection);
    }
}

#[test]
fn blocks_change_under_traffic_and_no_ping_is_lost() {
    changed_under_traffic("afa", 63, "v2");
}

#[test]
fn by_ikev1_too() {
    changed_under_traffic("afb", 64, "v1");
}
