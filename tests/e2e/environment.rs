//! What tunnels stand in, with real packets: network ACLs, security groups, and ways outside.

use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::namespace::within;
use crate::support::serve::Serve;
use crate::support::site::{Instance, Site, pair};
use crate::support::traffic::{ping_both, ping_with, tcp};
use crate::support::{PATIENCE, poll, turn, until};

fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

/// The rules that IBM documents for the subnet of a VPN gateway, by what they are for.
fn recipe(peer: &str, ours: &str, theirs: &str) -> Vec<Value> {
    let rule = |name: &str, change: Value| {
        let mut rule = json!({
            "name": name, "action": "allow", "direction": "inbound", "protocol": "all",
            "source": "0.0.0.0/0", "destination": "0.0.0.0/0",
        });
        for (field, value) in change.as_object().unwrap() {
            rule[field] = value.clone();
        }
        rule
    };
    let port = |end: &str, protocol: &str, number: u16| {
        let (first, last) = (format!("{end}_port_min"), format!("{end}_port_max"));
        json!({"protocol": protocol, first: number, last: number})
    };
    let mut rules = Vec::new();
    for number in [9091, 10514, 443, 80, 53] {
        let name = format!("tcp-from-{number}");
        rules.push(rule(&name, port("source", "tcp", number)));
    }
    rules.push(rule("udp-from-53", port("source", "udp", 53)));
    rules.push(rule("peer", json!({ "source": peer })));
    for number in [443, 56500] {
        let name = format!("tcp-to-{number}");
        rules.push(rule(&name, port("destination", "tcp", number)));
    }
    let between = json!({"source": theirs, "destination": ours});
    rules.push(rule("between", between));
    rules.push(rule("icmp", json!({"protocol": "icmp"})));
    rules.push(rule("outbound", json!({"direction": "outbound"})));
    rules
}

/// A network ACL of a site's subnet.
struct Acl<'a> {
    api: &'a Api,
    path: String,
    rules: Vec<Value>,
}

impl<'a> Acl<'a> {
    fn new(api: &'a Api, subnet: &str, rules: Vec<Value>) -> Self {
        let vpc = api.get(&format!("subnets/{subnet}")).is(200)["vpc"]["id"].take();
        let body = json!({"name": "recipe", "vpc": {"id": vpc}, "rules": rules});
        let made = id(&api.post("network_acls", &body.to_string()).is(201));
        let attach = json!({"network_acl": {"id": made}});
        api.patch(&format!("subnets/{subnet}"), &attach.to_string());
        let path = format!("network_acls/{made}/rules");
        Self { api, path, rules }
    }

    /// Takes rules away for as long as something is done.
    fn without(&self, names: &[&str], act: impl FnOnce()) {
        let shown = self.api.get(&self.path).is(200)["rules"].take();
        for rule in shown.as_array().unwrap() {
            if names.contains(&rule["name"].as_str().unwrap()) {
                let gone = self.api.delete(&format!("{}/{}", self.path, id(rule)));
                assert_eq!(gone.status, 204);
            }
        }
        act();
        for rule in &self.rules {
            if names.contains(&rule["name"].as_str().unwrap()) {
                self.api.post(&self.path, &rule.to_string()).is(201);
            }
        }
    }
}

/// Sets a connection down and up again.
fn restart(api: &Api, connection: &str) {
    for up in [false, true] {
        let body = json!({ "admin_state_up": up });
        api.patch(connection, &body.to_string());
    }
}

/// Pings until what was changed is so.
fn soon(from: &Instance, to: &Instance, reached: bool) {
    let what = format!("{} reaches {}: {reached}", from.address, to.address);
    until(&what, PATIENCE, || {
        let one = ping_with(&from.namespace, &to.address, "-c 1 -w 1");
        (one.are_all() == reached).then_some(())
    });
}

/// Whether a TCP connection is answered, by a refusal too.
fn tcp_answers(from: &Instance, to: &Instance) -> bool {
    let connect = format!("exec 3<>/dev/tcp/{}/9", to.address);
    let mut command = within(&from.namespace, "timeout");
    let status = command.args(["2", "bash", "-c", &connect]).output();
    // It ends with 124 if nobody answered in time.
    status.unwrap().status.code() != Some(124)
}

#[test]
fn the_documented_rules_for_a_gateways_subnet_keep_a_tunnel_up_and_each_is_for_something() {
    let Some(_turn) = turn(&["nft"]) else { return };
    let serve = Serve::start("aev", 71);
    let api = serve.api();
    let (one, two) = pair(&serve, &api);
    let rules = recipe(&two.address, &one.cidrs[0], &two.cidrs[0]);
    let acl = Acl::new(&api, &one.subnets[0], rules);
    let (ours, theirs) = (&one.instances[0], &two.instances[0]);
    let connections = [one.connect(&api, &two), two.connect(&api, &one)];
    let up = || connections.iter().for_each(|path| drop(api.up(path)));
    up();
    ping_both(ours, theirs);
    let streams = || tcp(&theirs.namespace, &ours.namespace, &ours.address, 1, false);
    streams();

    // Without the peer's line there is no tunnel; with it there is one again.
    acl.without(&["peer"], || {
        restart(&api, &connections[0]);
        let is_up = || api.get(&connections[0]).is(200)["status"] == "up";
        let came_up = poll(std::time::Duration::from_secs(6), || is_up().then_some(()));
        assert!(came_up.is_none(), "a tunnel without a word of the peer");
    });
    restart(&api, &connections[0]);
    up();
    soon(ours, theirs, true);
    // Pings have two lines; the line between both networks has everything else.
    for (gone, pings, connects) in [
        (&["icmp"][..], true, true),
        (&["between"], true, false),
        (&["icmp", "between"], false, false),
        (&["outbound"], false, false),
    ] {
        acl.without(gone, || {
            soon(theirs, ours, pings);
            until("a connection is so", PATIENCE, || {
                (tcp_answers(theirs, ours) == connects).then_some(())
            });
        });
        soon(theirs, ours, true);
    }
    // What is for IBM's management has nothing here to break.
    let management = acl.rules.iter().map(|rule| rule["name"].as_str().unwrap());
    let management: Vec<_> = management
        .filter(|name| name.starts_with("tcp-") || name.starts_with("udp-"))
        .collect();
    acl.without(&management, || {
        restart(&api, &connections[0]);
        up();
        soon(ours, theirs, true);
        streams();
    });
}

/// Makes something, and answers it.
fn make(api: &Api, path: &str, body: &Value) -> Value {
    api.post(path, &body.to_string()).is(201)
}

#[test]
fn security_groups_floating_ips_and_public_gateways_do_what_they_say() {
    let Some(_turn) = turn(&["nft"]) else { return };
    let serve = Serve::start("aew", 72);
    let api = serve.api();
    let one = Site::new(&serve, &api, "one", &["10.240.0.0/24", "10.240.1.0/24"]);
    let two = Site::new(&serve, &api, "two", &["10.241.0.0/24"]);
    let [first, second] = [&one.instances[0], &one.instances[1]];
    let connection = one.connect(&api, &two);
    two.connect(&api, &one);
    api.up(&connection);
    let theirs = &two.instances[0];
    soon(theirs, first, true);

    // Without a rule for it nothing comes in, out of the tunnel neither; what answers does.
    let vpc = api.get("vpcs").is(200)["vpcs"][0].take();
    let default = id(&vpc["default_security_group"]);
    let rules = format!("security_groups/{default}/rules");
    let inbound = api.get(&rules).is(200)["rules"][0].take();
    assert_eq!(inbound["direction"], "inbound");
    assert_eq!(api.delete(&format!("{rules}/{}", id(&inbound))).status, 204);
    soon(theirs, first, false);
    soon(first, theirs, true);
    let from_peer = json!({
        "direction": "inbound", "protocol": "icmp", "remote": {"cidr_block": "10.241.0.0/24"},
    });
    make(&api, &rules, &from_peer);
    soon(theirs, first, true);
    soon(second, first, false);
    let members = json!({"direction": "inbound", "protocol": "all", "remote": {"id": default}});
    make(&api, &rules, &members);
    soon(second, first, true);

    // A subnet gets outside by its public gateway, and the other one does not.
    let host = Instance {
        namespace: String::new(),
        address: format!("{}.1", serve.external),
    };
    soon(first, &host, false);
    let zone = json!({"name": "us-south-1"});
    let body = json!({"name": "public", "vpc": {"id": id(&vpc)}, "zone": zone});
    let public = make(&api, "public_gateways", &body);
    let attach = json!({"public_gateway": {"id": id(&public)}});
    api.patch(&format!("subnets/{}", one.subnets[0]), &attach.to_string());
    soon(first, &host, true);
    soon(second, &host, false);
    soon(theirs, first, true);

    // A floating IP is both ways, as far as the instance's groups let it.
    let list = api.get("instances").is(200)["instances"].take();
    let list = list.as_array().unwrap().iter();
    let nic = |one: &Value| one["primary_network_interface"].clone();
    let nic = list
        .map(nic)
        .find(|nic| nic["primary_ip"]["address"] == second.address.as_str());
    let body = json!({"name": "floating", "target": {"id": id(&nic.unwrap())}});
    let floating = make(&api, "floating_ips", &body);
    soon(second, &host, true);
    let address = floating["address"].as_str().unwrap();
    let host_reaches = || {
        let mut ping = std::process::Command::new("ping");
        let output = ping.args(["-c", "1", "-W", "1", "-n", address]).output();
        output.unwrap().status.success()
    };
    assert!(!host_reaches(), "no rule lets it in");
    let from_host = json!({
        "direction": "inbound", "protocol": "icmp", "remote": {"address": host.address},
    });
    make(&api, &rules, &from_host);
    until("the host gets in", PATIENCE, || {
        host_reaches().then_some(())
    });
    let path = format!("floating_ips/{}", id(&floating));
    assert_eq!(api.delete(&path).status, 204);
    until("it does not any more", PATIENCE, || {
        (!host_reaches()).then_some(())
    });
    soon(second, &host, false);
    soon(first, &host, true);
    let detach = json!({"public_gateway": null});
    api.patch(&format!("subnets/{}", one.subnets[0]), &detach.to_string());
    soon(first, &host, false);
    soon(theirs, first, true);
}
