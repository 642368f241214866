//! The documented example, "Connecting two VPCs using VPN", as its curl lines send it.

use std::net::UdpSocket;

use crate::support::capture::{Capture, frames};
use crate::support::namespace::ip;
use crate::support::serve::Serve;
use crate::support::site;
use crate::support::traffic::{ping, ping_both};
use crate::support::{PATIENCE, VERDICT, turn, until};

#[test]
fn two_vpcs_are_connected_and_nothing_is_ever_sent_in_clear() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start("ae1", 1);
    let api = serve.api();
    let (one, two) = site::pair(&serve, &api);
    let (a, b) = (&one.instances[0], &two.instances[0]);

    let capture = Capture::start(&serve);
    ping(a, &b.address).none();
    let body = |name: &str, peer: &str, local: &str, remote: &str| {
        format!(
            r#"{{
                "name": "{name}",
                "peer_address": "{peer}",
                "psk": "VPNDemoPassword",
                "local_cidrs": [ "{local}" ],
                "peer_cidrs": [ "{remote}" ]
            }}"#
        )
    };
    let paths = [&one, &two].map(|site| format!("vpn_gateways/{}/connections", site.gateway));
    let make = |path: &str, body: &str| -> String {
        let made = api.post(path, body).is(201);
        assert_eq!(made["status"], "down");
        assert_eq!(made["psk"], "VPNDemoPassword");
        format!("{path}/{}", made["id"].as_str().unwrap())
    };
    let to_two = body(
        "vpn-connection-to-vpn-gateway-2",
        &two.address,
        &one.cidrs[0],
        &two.cidrs[0],
    );
    let first = make(&paths[0], &to_two);
    ping(a, &b.address).none();
    ping(b, &a.address).none();
    let before = capture.stop();
    before.hides(&a.address, &b.address);
    assert_eq!(before.esp, 0);

    let capture = Capture::start(&serve);
    let to_one = body(
        "vpn-connection-to-vpn-gateway-1",
        &one.address,
        &two.cidrs[0],
        &one.cidrs[0],
    );
    let second = make(&paths[1], &to_one);
    api.up(&first);
    api.up(&second);
    ping_both(a, b);
    let listed = api.get(&paths[0]).is(200);
    assert_eq!(listed["connections"][0]["status"], "up");
    assert_eq!(listed["connections"][0]["route_mode"], "policy");
    for (path, site) in [(&first, &one), (&second, &two)] {
        until("the counters are told", VERDICT, || {
            let traffic = &api.get(path).is(200)["negotiated"]["traffic"];
            let grown = |name: &str| traffic[name].as_u64().unwrap() >= 20;
            (grown("packets_in") && grown("packets_out")).then_some(())
        });
        let id = &site.gateway[5..];
        for name in ["ibm_is_vpn_gateway", "ibm_is_vpn_connection"] {
            assert!(api.metric(&format!("{name}_packets_in_total"), id) >= 20);
            assert!(api.metric(&format!("{name}_bytes_out_total"), id) >= 20 * 84);
        }
    }
    let during = capture.stop();
    during.hides(&a.address, &b.address);
    assert!(during.esp >= frames(40), "{} datagrams of ESP", during.esp);

    let capture = Capture::start(&serve);
    for path in [&first, &second] {
        assert_eq!(api.delete(path).status, 202);
        until("the connection is gone", PATIENCE, || {
            (api.get(path).status == 404).then_some(())
        });
    }
    until("nothing goes through any more", VERDICT, || {
        (ping(a, &b.address).received == 0).then_some(())
    });
    ping(b, &a.address).none();
    capture.stop().hides(&a.address, &b.address);
}

#[test]
fn a_capture_sees_what_must_not_be_there() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start("aef", 15);
    let host = UdpSocket::bind((format!("{}.1", serve.external).as_str(), 0)).unwrap();
    let nobody = format!("{}.9", serve.external);
    let device = format!("{}-ext", serve.prefix);
    let mut seen = Vec::new();
    // A neighbour that is known without asking: its frames are flooded to all ports.
    ip(&format!(
        "neighbor add {nobody} lladdr 02:00:00:00:00:09 dev {device}"
    ));
    for (port, octets) in [
        (53, &[0; 8]),
        (4500, &[10, 240, 0, 4, 10, 240, 64, 4]),
        (4500, &[10, 240, 0, 4, 10, 240, 64, 5]),
    ] {
        let capture = Capture::start(&serve);
        host.send_to(octets, (nobody.as_str(), port)).unwrap();
        let captured = capture.stop();
        assert_eq!(captured.packets().len(), 1);
        seen.push(captured.leak("10.240.0.4", "10.240.64.4").is_some());
    }
    assert_eq!(seen, [true, true, false]);
}
