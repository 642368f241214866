//! Tunnels between IPv6 addresses, beside others.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::ends::{active, connect, end, id, policies};
use crate::support::capture::{Capture, frames};
use crate::support::serve::Serve;
use crate::support::traffic::{ping, ping_both, ping_with, tcp_both};
use crate::support::turn;

#[test]
fn both_versions_go_through_a_tunnel_over_ipv6() {
    let Some(_turn) = turn(&["iperf3", "ss", "timeout"]) else {
        return;
    };
    let serve = Serve::start_with_v6("aea6", 53);
    let api = serve.api();
    let (ike, ipsec) = policies(&api);
    for (left, right, version) in [
        ("10.65.0.0/24", "10.66.0.0/24", 4),
        ("fd00:65::/64", "fd00:66::/64", 6),
    ] {
        let left = end(&serve, &api, &format!("left{version}"), left, version);
        let right = end(&serve, &api, &format!("right{version}"), right, version);
        let capture = Capture::start(&serve);
        let there = connect(&api, &left, &right, 6, (&ike, &ipsec));
        let back = connect(&api, &right, &left, 6, (&ike, &ipsec));
        active(&api, &there);
        active(&api, &back);
        ping_both(&left.machine, &right.machine);
        // What is too large for the tunnel is cut, or refused with the size that fits.
        let (from, to) = (&left.machine.namespace, &right.machine.address);
        let most = if version == 4 { 1400 - 28 } else { 1400 - 48 };
        ping_with(from, to, &format!("-c 2 -M do -s {most}")).all();
        ping_with(from, to, &format!("-c 1 -M do -s {}", most + 1)).none();
        // By IPv6 only the sender cuts, once it knows; and the answer's sender, the same.
        let large = ping_with(from, to, "-c 6 -i 0.2 -s 3000");
        assert!(large.received >= 3, "{}", large.text);
        tcp_both(from, &right.machine.namespace, to);
        let captured = capture.stop();
        assert!(captured.esp_over_v6 > 1000, "{}", captured.esp_over_v6);
        assert_eq!(captured.esp, 0);
        captured.hides(&left.machine.address, &right.machine.address);
    }
}

#[test]
fn one_service_speaks_to_peers_of_both_versions_at_once() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start_with_v6("aeb6", 54);
    let api = serve.api();
    let hub = end(&serve, &api, "hub", "10.67.0.0/24", 4);
    let over_v4 = end(&serve, &api, "over-v4", "10.68.0.0/24", 4);
    let over_v6 = end(&serve, &api, "over-v6", "10.69.0.0/24", 4);
    let (ike, ipsec) = policies(&api);
    for (other, outer) in [(&over_v4, 4), (&over_v6, 6)] {
        let there = connect(&api, &hub, other, outer, (&ike, &ipsec));
        let back = connect(&api, other, &hub, outer, (&ike, &ipsec));
        active(&api, &there);
        active(&api, &back);
    }
    let capture = Capture::start(&serve);
    for other in [&over_v4, &over_v6] {
        ping_both(&hub.machine, &other.machine);
    }
    let captured = capture.stop();
    let seen = [captured.esp, captured.esp_over_v6];
    assert!(
        seen.iter().all(|seen| (frames(40)..=40).contains(seen)),
        "{seen:?}"
    );
    for other in [&over_v4, &over_v6] {
        captured.hides(&hub.machine.address, &other.machine.address);
    }
    // A worker that dies takes both along, and the next one has both again.
    // Called as the other dialect does.
    let worker = serve.worker(&format!("r1-{}", id(&hub.service))).unwrap();
    crate::support::serve::signal_to(worker, Signal::SIGKILL);
    crate::support::until("both work again", crate::support::PATIENCE, || {
        let pings = [&over_v4, &over_v6].map(|other| ping(&hub.machine, &other.machine.address));
        pings.iter().all(|one| one.received > 0).then_some(())
    });
}

#[test]
fn the_block_comes_later_and_does_not_go_while_it_is_used() {
    let Some(_turn) = turn(&[]) else { return };
    let mut serve = Serve::start("aec6", 55);
    let api = serve.api();
    let old = end(&serve, &api, "old", "10.61.0.0/24", 4);
    assert_eq!(old.service["external_v6_ip"], Value::Null);
    let (ike, ipsec) = policies(&api);
    let other = end(&serve, &api, "other", "10.64.0.0/24", 4);
    connect(&api, &old, &other, 4, (&ike, &ipsec));
    let list = api.neutron("GET", "vpn/ipsec-site-connections", &Value::Null);
    let made = list.is(200)["ipsec_site_connections"][0].take();
    let path = format!("vpn/ipsec-site-connections/{}", id(&made));
    let change = json!({"ipsec_site_connection": {"peer_address": "fd18:55::99"}});
    crate::support::until("it can be changed", crate::support::PATIENCE, || {
        let refused = api.neutron("PUT", &path, &change);
        let error = &refused.body["NeutronError"];
        (error["type"] == "ExternalNetworkHasNoSubnet").then_some(())
    });
    api.neutron("DELETE", &path, &Value::Null).is(204);

    serve.end(Signal::SIGTERM);
    serve.configure(Some("fd18:55".to_owned()));
    serve.run();
    let api = serve.api();
    let left = end(&serve, &api, "left", "10.62.0.0/24", 4);
    let right = end(&serve, &api, "right", "10.63.0.0/24", 4);
    let there = connect(&api, &left, &right, 6, (&ike, &ipsec));
    connect(&api, &right, &left, 6, (&ike, &ipsec));
    active(&api, &there);
    ping_both(&left.machine, &right.machine);

    serve.end(Signal::SIGTERM);
    serve.configure(None);
    let refused = serve.command().output().unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("network.external_cidr_v6"), "{said}");
    serve.configure(Some("fd18:55".to_owned()));
    serve.run();
    let api = serve.api();
    active(&api, &there);
    ping_both(&left.machine, &right.machine);
}
