//! Each delete is the exact inverse of its create: what a thing took or changed on the host is given
//! back, whatever its blocks are, and nothing that is not ours is ever replaced.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::ends::{End, active, connect, end, id, policies};
use crate::support::api::Api;
use crate::support::serve::Serve;
use crate::support::site::Site;
use crate::support::traffic::ping;
use crate::support::{PATIENCE, namespace, poll, turn};
use crate::world::World;

/// What a line of a shell prints, in a namespace or on the host.
fn printed(namespace: Option<&str>, commands: &str) -> String {
    let mut command = match namespace {
        Some(namespace) => namespace::within(namespace, "sh"),
        None => Command::new("sh"),
    };
    let output = command.args(["-c", commands]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Links, addresses, routes of all tables, rules, neighbours, filters and sysctls.
const LOOK: &str = "ip -d -o link; ip -o addr; ip route show table all; \
                    ip -6 route show table all; ip rule; ip -6 rule; \
                    ip neigh show nud permanent; nft -s list ruleset; \
                    grep -rs '' /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/ip_forward";

/// A line without what runs down in it by itself.
fn without_timers(line: &str) -> String {
    let mut timer = false;
    let words = line.split_whitespace().filter(|word| {
        let value = std::mem::replace(&mut timer, word.ends_with("_timer"));
        !value
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Everything about the namespaces and links of a service that a request could change.
fn state(serve: &Serve) -> Vec<String> {
    let mut lines = Vec::new();
    let mut take = |place: &str, text: &str, wanted: &str| {
        let lines_of = text.lines().filter(|line| line.contains(wanted));
        // Routes that were learnt for a while are nobody's; a bridge's own address and its offloads
        // follow its ports, and nobody speaks to it.
        let passing = ["expires", " bridge forward_delay"];
        let fixed = lines_of.filter(|line| !passing.iter().any(|one| line.contains(one)));
        lines.extend(fixed.map(|line| format!("{place}: {}", without_timers(line))));
    };
    for name in namespace::all(&serve.prefix) {
        if std::path::Path::new("/run/netns").join(&name).exists() {
            take(&name, &printed(Some(&name), LOOK), "");
        } else {
            take(
                "host",
                &printed(None, &format!("ip -d -o addr show {name}")),
                "",
            );
        }
    }
    let host = "ip route show table all; ip -6 route show table all; ip rule; ip -6 rule";
    take("host", &printed(None, host), &format!("{}-", serve.prefix));
    // Names of namespaces come in no order.
    lines.sort();
    lines
}

/// The state once it fits and stays the same between two looks; else what kept changing.
fn settled(serve: &Serve, fits: impl Fn(&[String]) -> bool) -> Result<Vec<String>, String> {
    let (mut before, mut last) = (Vec::new(), String::new());
    poll(PATIENCE, || {
        let now = state(serve);
        // The kernel still tries whether an address of its own is free.
        let trying = now.iter().any(|line| line.contains("tentative"));
        let stays = now == before && !trying && fits(&now);
        last = changes(&before, &now);
        before.clone_from(&now);
        stays.then_some(now)
    })
    .ok_or(last)
}

fn changes(before: &[String], after: &[String]) -> String {
    let lacks = |lines: &[String], line: &String| lines.binary_search(line).is_err();
    let gone = before.iter().filter(|line| lacks(after, line));
    let new = after.iter().filter(|line| lacks(before, line));
    let gone = gone.map(|line| format!("- {line}\n"));
    gone.chain(new.map(|line| format!("+ {line}\n"))).collect()
}

/// Makes something, sees what it does to the host, deletes it, and sees that all of that is undone.
#[track_caller]
fn undone<T>(serve: &Serve, what: &str, make: impl FnOnce() -> T, delete: impl FnOnce(T)) {
    let before = settled(serve, |_| true).unwrap();
    let made = make();
    let during = settled(serve, |now| now != before);
    assert!(
        during.is_ok(),
        "{what} does nothing to the host, or too much: {during:?}"
    );
    delete(made);
    if settled(serve, |now| now == before).is_err() {
        panic!("{what} leaves behind:\n{}", changes(&before, &state(serve)));
    }
}

fn delete(api: &Api, path: &str, made: &Value) {
    api.neutron("DELETE", &format!("{path}/{}", id(made)), &Value::Null)
        .is(204);
}

/// Blocks that are, or lie within, 10.71.0.0/24, the network next to the router: nothing for them
/// could be sent through a tunnel.
const REFUSED: &[&str] = &["10.71.0.0/24", "10.71.0.128/25", "10.71.0.1/32"];

/// Blocks that lie in every other way to that network.
const BLOCKS: &[&str] = &[
    "10.72.0.0/25",
    "10.71.1.0/24",
    "10.70.0.0/15",
    "0.0.0.0/0",
    "198.18.0.0/16",
];

#[test]
fn each_delete_through_neutron_undoes_its_create_on_the_host() {
    let Some(_turn) = turn(&["nft"]) else {
        return;
    };
    let serve = Serve::start("aei", 60);
    let api = serve.api();
    let policies = policies(&api);
    let policies = (&policies.0, &policies.1);
    undone(
        &serve,
        "a network",
        || api.make("networks", "network", json!({"name": "brief"})),
        |made| delete(&api, "networks", &made),
    );
    let left = end(&serve, &api, "left", "10.71.0.0/24", 4);
    let right = end(&serve, &api, "right", "10.72.0.0/24", 4);
    let tunnel = connect(&api, &left, &right, 4, policies);
    connect(&api, &right, &left, 4, policies);
    active(&api, &tunnel);
    machines_and_routes(&serve, &api, &left);
    for block in REFUSED {
        let refused = connection_to(&api, &left, block, policies);
        let refused = api.neutron("POST", "vpn/ipsec-site-connections", &refused);
        let body = refused.is(400).to_string();
        let named = body.contains(block) && body.contains("within 10.71.0.0/24");
        assert!(named, "{body}");
    }
    for block in BLOCKS {
        undone(
            &serve,
            &format!("a connection to {block}"),
            || brief_connection(&api, &left, block, policies),
            |made| delete(&api, "vpn/ipsec-site-connections", &made),
        );
    }
    networks_of_peers_blocks(&serve, &api, &left, &tunnel);
    ping(&left.machine, &right.machine.address).all();
    let before = settled(&serve, |_| true).unwrap();
    // The reconciler looks at everything every 30 s.
    let changed = poll(Duration::from_secs(35), || {
        let now = state(&serve);
        (now != before).then_some(now)
    });
    if let Some(changed) = changed {
        panic!("the sweep changes:\n{}", changes(&before, &changed));
    }
}

fn machines_and_routes(serve: &Serve, api: &Api, left: &End) {
    let port = json!({
        "network_id": id(&left.network), "device_owner": "compute:adit", "name": "brief",
        "security_groups": [],
    });
    undone(
        serve,
        "a machine",
        || api.make("ports", "port", port),
        |made| delete(api, "ports", &made),
    );
    undone(
        serve,
        "a router",
        || api.make("routers", "router", json!({"name": "brief"})),
        |made| delete(api, "routers", &made),
    );
    let external = api.neutron("GET", "networks?name=ext-net", &Value::Null);
    let external = external.is(200)["networks"][0]["id"].take();
    let floating = json!({"floating_network_id": external, "port_id": id(&left.port)});
    undone(
        serve,
        "a floating IP",
        || api.make("floatingips", "floatingip", floating),
        |made| delete(api, "floatingips", &made),
    );
    let set_routes = |routes: Value| {
        let body = json!({"router": {"routes": routes}});
        let path = format!("routers/{}", id(&left.router));
        api.neutron("PUT", &path, &body).is(200);
    };
    let routes = json!([
        {"destination": "10.71.0.0/24", "nexthop": "10.71.0.77"},
        {"destination": "10.99.0.0/24", "nexthop": "10.71.0.77"},
        {"destination": "10.99.0.0/24", "nexthop": "10.71.0.78"},
    ]);
    undone(
        serve,
        "static routes, one beside the kernel's own",
        || set_routes(routes),
        |()| set_routes(json!([])),
    );
}

/// A connection to a peer that is not there, with this block behind it.
fn brief_connection(api: &Api, left: &End, block: &str, policies: (&Value, &Value)) -> Value {
    let kind = "ipsec_site_connection";
    let connection = connection_to(api, left, block, policies)[kind].take();
    api.make("vpn/ipsec-site-connections", kind, connection)
}

/// The body that makes a connection to a block.
fn connection_to(api: &Api, left: &End, block: &str, policies: (&Value, &Value)) -> Value {
    let group = json!({"type": "cidr", "endpoints": [block]});
    let group = api.make("vpn/endpoint-groups", "endpoint_group", group);
    let connection = json!({
        "name": "brief",
        "vpnservice_id": id(&left.service),
        "ikepolicy_id": id(policies.0),
        "ipsecpolicy_id": id(policies.1),
        "peer_address": "203.0.113.9",
        "peer_id": "203.0.113.9",
        "psk": "brief-secret",
        "local_ep_group_id": id(&left.local),
        "peer_ep_group_id": id(&group),
    });
    json!({"ipsec_site_connection": connection})
}

/// Networks that come after a connection. One that is a block behind its peer, or around it, would
/// take that block from the tunnel, and is refused; one within it is fine, since the narrower one has
/// what is sent there.
fn networks_of_peers_blocks(serve: &Serve, api: &Api, left: &End, tunnel: &Value) {
    let subnet = |cidr: &str| {
        let later = api.make("networks", "network", json!({"name": "later"}));
        let subnet = json!({"network_id": id(&later), "cidr": cidr, "ip_version": 4});
        api.make("subnets", "subnet", subnet)
    };
    let change = |what: &str, subnet: &Value| {
        let path = format!("routers/{}/{what}_router_interface", id(&left.router));
        api.neutron("PUT", &path, &json!({"subnet_id": id(subnet)}))
    };
    for cidr in ["10.72.0.0/24", "10.72.0.0/16"] {
        let refused = change("add", &subnet(cidr)).is(409).to_string();
        let named = refused.contains(id(tunnel)) && refused.contains("10.72.0.0/24");
        assert!(named, "{refused}");
    }
    let within = subnet("10.72.0.128/25");
    undone(
        serve,
        "a network within a connection's peer block",
        || change("add", &within).is(200),
        |_| drop(change("remove", &within).is(200)),
    );
}

/// Makes a gateway in route mode with a connection, and a route to it; answers the gateway, the path of routes, and the
/// route.
fn routed(api: &Api, site: &Site) -> (Value, (String, Value)) {
    let routed = json!({"name": "brief", "subnet": {"id": site.subnets[0]}, "mode": "route"});
    let gateway = api.post("vpn_gateways", &routed.to_string()).is(201);
    let connections = format!("vpn_gateways/{}/connections", id(&gateway));
    let way = json!({"name": "brief", "psk": "brief-secret", "peer": {"address": "203.0.113.9"}});
    let way = api.post(&connections, &way.to_string()).is(201);
    let vpc = api.get(&format!("vpcs/{}", site.vpc)).is(200);
    let table = id(&vpc["default_routing_table"]);
    let routes = format!("vpcs/{}/routing_tables/{table}/routes", site.vpc);
    let route = json!({
        "name": "brief", "destination": "0.0.0.0/0", "next_hop": {"id": way["id"]},
        "zone": {"name": "us-south-1"},
    });
    let route = api.post(&routes, &route.to_string()).is(201);
    (gateway, (routes, route))
}

/// The same of a gateway in route mode, its connection, and a route to that.
fn undone_by_routes(serve: &Serve, api: &Api, site: &Site, gone: impl Fn(&str, &Value)) {
    undone(
        serve,
        "a gateway in route mode, with a connection and a route to it",
        || routed(api, site),
        |(gateway, (routes, route))| {
            gone(&routes, &route);
            gone("vpn_gateways", &gateway);
        },
    );
}

/// The same of a connection to a peer with the very block that is here.
fn undone_by_other_names(serve: &Serve, api: &Api, one: &Site) {
    undone(
        serve,
        "a connection to a peer with the same block, by other names",
        || {
            // Adit's own API has ids without the zone before them.
            let (_, gateway) = one.gateway.split_once('-').unwrap();
            let twin = json!({
                "name": "brief", "gateway": {"id": gateway},
                "peer": {"address": "203.0.113.9", "cidrs": [one.cidrs[0]]},
                "translations": [
                    {"end": "local", "cidr": one.cidrs[0], "shown_as": "10.201.0.0/24"},
                    {"end": "peer", "cidr": one.cidrs[0], "shown_as": "10.202.0.0/24"},
                ],
            });
            api.native("POST", "connections", &twin).is(201)
        },
        |made| {
            let path = format!("connections/{}", id(&made));
            assert!(api.native("DELETE", &path, &Value::Null).status < 300);
        },
    );
}

#[test]
fn each_delete_through_the_vpc_face_undoes_its_create_on_the_host() {
    let Some(_turn) = turn(&["nft"]) else {
        return;
    };
    let world = World::new("aej", 61);
    let (serve, api) = (&world.serve, &world.api);
    let connections = world.connect();
    world.works(&connections);
    let gone = |path: &str, made: &Value| {
        let path = format!("{path}/{}", id(made));
        assert!(api.delete(&path).status < 300, "{path}");
        // Gateways and more go in the background.
        poll(PATIENCE, || (api.get(&path).status == 404).then_some(())).unwrap();
    };
    let one = &world.one;
    let gateway = format!("vpn_gateways/{}", one.gateway);
    for block in [
        "10.240.77.0/24",
        "10.128.0.0/9",
        "0.0.0.0/0",
        "198.18.0.0/16",
    ] {
        let path = format!("{gateway}/connections");
        let mut wanted = json!({
            "name": "brief", "peer_address": "203.0.113.9", "psk": "brief-secret",
            "local_cidrs": [one.cidrs[0]], "peer_cidrs": [block],
        });
        if block == "10.128.0.0/9" || block == "0.0.0.0/0" {
            // What overlaps another connection's, or its own local block, is refused here.
            assert_eq!(api.post(&path, &wanted.to_string()).status, 400, "{block}");
            continue;
        }
        wanted["name"] = "brief".into();
        undone(
            serve,
            &format!("a connection to {block}"),
            || api.post(&path, &wanted.to_string()).is(201),
            |made| gone(&path, &made),
        );
    }
    undone(
        serve,
        "a gateway",
        || {
            let subnet = json!({"name": "brief", "subnet": {"id": one.subnets[0]}});
            api.post("vpn_gateways", &subnet.to_string()).is(201)
        },
        |made| gone("vpn_gateways", &made),
    );
    undone_by_routes(serve, api, one, gone);
    undone_by_other_names(serve, api, one);
    undone(
        serve,
        "an instance",
        || {
            let instance = json!({
                "name": "brief",
                "primary_network_interface": {"subnet": {"id": one.subnets[0]}},
            });
            api.post("instances", &instance.to_string()).is(201)
        },
        |made| gone("instances", &made),
    );
    undone(
        serve,
        "a VPC with a subnet",
        || {
            let vpc = api.post("vpcs", r#"{"name": "brief"}"#).is(201);
            let subnet = json!({
                "name": "brief", "vpc": {"id": vpc["id"]}, "ipv4_cidr_block": "10.99.0.0/24",
                "zone": {"name": "us-south-1"},
            });
            (vpc, api.post("subnets", &subnet.to_string()).is(201))
        },
        |(vpc, subnet)| {
            gone("subnets", &subnet);
            gone("vpcs", &vpc);
        },
    );
    what_is_around_a_subnet(&world, gone);
    world.works(&connections);
}

/// What filters a subnet and its instances, and what they get outside by.
fn what_is_around_a_subnet(world: &World, gone: impl Fn(&str, &Value)) {
    let (serve, api) = (&world.serve, &world.api);
    let make = |path: &str, body: &Value| api.post(path, &body.to_string()).is(201);
    let path = format!("subnets/{}", world.one.subnets[0]);
    let change = |body: &Value| drop(api.patch(&path, &body.to_string()));
    let subnet = api.get(&path).is(200);
    let default = json!({"network_acl": {"id": id(&subnet["network_acl"])}});
    let vpc = json!({"id": id(&subnet["vpc"])});
    let list = api.get("instances").is(200)["instances"].take();
    let list = list.as_array().unwrap().iter();
    let nic = |one: &Value| one["primary_network_interface"].clone();
    let here = |nic: &Value| nic["subnet"]["id"] == subnet["id"];
    let nic = list.map(nic).find(here).unwrap();
    undone(
        serve,
        "a floating IP",
        || make("floating_ips", &json!({"target": {"id": id(&nic)}})),
        |made| gone("floating_ips", &made),
    );
    undone(
        serve,
        "a public gateway",
        || {
            let body = json!({"vpc": vpc, "zone": {"name": "us-south-1"}});
            let made = make("public_gateways", &body);
            change(&json!({"public_gateway": {"id": id(&made)}}));
            made
        },
        |made| {
            change(&json!({"public_gateway": null}));
            gone("public_gateways", &made);
        },
    );
    undone(
        serve,
        "a network ACL",
        || {
            let made = make("network_acls", &json!({"vpc": vpc, "rules": []}));
            change(&json!({"network_acl": {"id": id(&made)}}));
            made
        },
        |made| {
            change(&default);
            gone("network_acls", &made);
        },
    );
    let target = |group: &Value| format!("security_groups/{}/targets/{}", id(group), id(&nic));
    undone(
        serve,
        "a security group",
        || {
            let rule =
                json!({"direction": "inbound", "protocol": "tcp", "port_min": 7, "port_max": 7});
            let made = make("security_groups", &json!({"vpc": vpc, "rules": [rule]}));
            api.put(&target(&made)).is(200);
            made
        },
        |made| {
            assert_eq!(api.delete(&target(&made)).status, 204);
            gone("security_groups", &made);
        },
    );
}
