//! Ends of tunnels as a user of OpenStack makes them.

use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::namespace;
use crate::support::serve::Serve;
use crate::support::site::Instance;
use crate::support::{PATIENCE, until};

/// One end, as a user of OpenStack makes it.
pub(crate) struct End {
    pub(crate) router: Value,
    subnet: Value,
    pub(crate) service: Value,
    pub(crate) local: Value,
    pub(crate) network: Value,
    /// The machine's port.
    pub(crate) port: Value,
    pub(crate) machine: Instance,
}

pub(crate) fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// A network with a subnet, a router on it with a way outside, a service and a machine.
pub(crate) fn end(serve: &Serve, api: &Api, name: &str, cidr: &str, version: u8) -> End {
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
        network,
        port: machine,
    }
}

/// Connects one end to the other, by the other's address of this IP version; answers the
/// connection.
pub(crate) fn connect(
    api: &Api,
    one: &End,
    other: &End,
    outer: u8,
    policies: (&Value, &Value),
) -> Value {
    let group = json!({"type": "cidr", "endpoints": [other.subnet["cidr"]]});
    let group = api.make("vpn/endpoint-groups", "endpoint_group", group);
    let peer = &other.service[format!("external_v{outer}_ip").as_str()];
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

pub(crate) fn policies(api: &Api) -> (Value, Value) {
    let ike =
        json!({"name": "ike", "ike_version": "v2", "pfs": "group14", "auth_algorithm": "sha256"});
    let ipsec = json!({"name": "ipsec", "pfs": "group14", "auth_algorithm": "sha256"});
    (
        api.make("vpn/ikepolicies", "ikepolicy", ike),
        api.make("vpn/ipsecpolicies", "ipsecpolicy", ipsec),
    )
}

pub(crate) fn active(api: &Api, connection: &Value) {
    let path = format!("vpn/ipsec-site-connections/{}", id(connection));
    until("the connection is ACTIVE", PATIENCE, || {
        let shown = api.neutron("GET", &path, &Value::Null).is(200);
        (shown["ipsec_site_connection"]["status"] == "ACTIVE").then_some(())
    });
}
