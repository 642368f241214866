//! A site of the same addresses as its peer's: each is known at the other end by others. With strongSwan there, which
//! knows nothing of it.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::time::Duration;

use serde_json::json;

use crate::native::Terminal;
use crate::scene::{PSK, Scene, Suite};
use crate::strongswan::{BLOCK, INNER, Peer, TOOLS};
use crate::support::namespace::{ip, within};
use crate::support::traffic::{ping, ping_with, socket_in, tcp_known_as};
use crate::support::{PATIENCE, turn, until};

/// What the peer knows our block as, and what we know the peer's as.
const OURS_THERE: &str = "10.201.0.0/24";
const THEIRS_HERE: &str = "10.202.0.0/24";

/// The peer's host, as we know it.
const INNER_HERE: &str = "10.202.0.1";

/// What a namespace's kernel knows of the way to an address.
fn way(namespace: &str, to: &str) -> String {
    let output = within(namespace, "ip").args(["route", "get", to]).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

/// Sends something to a port at which nobody listens; what the socket hears of that.
fn heard(socket: &UdpSocket, to: &str) -> io::Result<usize> {
    socket.connect(to).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    socket.send(b"anybody?")?;
    socket.recv(&mut [0; 8])
}

#[test]
fn two_sites_of_the_same_block_reach_each_other_by_other_names() {
    let Some(_turn) = turn(TOOLS) else { return };
    // Both have 10.77.0.0/24; the host there has the address of the router here.
    let scene = Scene::with("alt", 231, &[BLOCK]);
    let adit = Terminal {
        serve: &scene.serve,
    };
    let mut wanted = scene.wanted(&Suite::gcm());
    wanted.remote = OURS_THERE;
    let peer = Peer::start(&scene.serve, &wanted);
    adit.does("login");
    let create = format!(
        "connection create twin --gateway gateway-one --peer {} --peer-cidrs {BLOCK} --psk-file -",
        peer.address
    );
    let said = adit.fails_with(&create, PSK, 1);
    assert!(said.contains("lies within 10.77.0.0/24"), "{said}");
    let ours = format!("local:{BLOCK}={OURS_THERE}");
    let translate = format!("--translate {ours},peer:{BLOCK}={THEIRS_HERE}");
    let made = adit.does_with(&format!("{create} {translate} --wait"), PSK);
    assert!(made.contains(&ours), "{made}");
    let written = adit.does("peer-config twin --vendor strongswan");
    assert!(written.contains(OURS_THERE), "{written}");

    let machine = scene.instance();
    let host = machine.address.rsplit('.').next().unwrap();
    let machine_there = format!("10.201.0.{host}");
    ping(machine, INNER_HERE).all();
    let from = format!("-c 10 -i 0.02 -I {INNER}");
    ping_with(&peer.namespace, &machine_there, &from).all();
    for reverse in [false, true] {
        let places = (&machine.namespace, &peer.namespace);
        let addresses = [INNER_HERE, INNER];
        let received = tcp_known_as(places.0, places.1, addresses, 20, reverse);
        assert!(received >= 20_000_000, "{received} octets, {reverse}");
    }
    errors_come_back(machine.namespace.as_str(), &peer);
    renamed(&scene, &adit, &peer, &ours);
    assert_eq!(adit.does("connection delete twin --yes"), "");
    until("nobody is known by that name any more", PATIENCE, || {
        let way = way(&machine.namespace, "10.203.0.1");
        assert!(!way.is_empty());
        (ping(machine, "10.203.0.1").received == 0).then_some(())
    });
}

/// ICMP errors name what was sent, as its sender knows it: from the peer's host, from a router behind it whose next link
/// is narrow, and from this gateway itself.
fn errors_come_back(machine: &str, peer: &Peer) {
    let socket = socket_in(machine, "0.0.0.0:0");
    let refused = heard(&socket, &format!("{INNER_HERE}:9"));
    let kind = refused.map_err(|error| error.kind());
    assert_eq!(kind, Err(ErrorKind::ConnectionRefused));

    let there = &peer.namespace;
    ip(&format!(
        "-n {there} link add narrow type veth peer name beyond"
    ));
    ip(&format!("-n {there} link set narrow mtu 1000 up"));
    ip(&format!("-n {there} link set beyond up"));
    ip(&format!("-n {there} route add 10.77.0.128/25 dev narrow"));
    let forward = ["-qw", "net.ipv4.ip_forward=1"];
    let set = within(there, "sysctl").args(forward).status().unwrap();
    assert!(set.success());
    until("the narrow link beyond the peer is known", PATIENCE, || {
        ping_with(machine, "10.202.0.200", "-c 1 -W 1 -M do -s 1200");
        way(machine, "10.202.0.200")
            .contains("mtu 1000")
            .then_some(())
    });
    ping_with(machine, INNER_HERE, "-c 1 -W 1 -M do -s 1472");
    let told = way(machine, INNER_HERE);
    let (_, mtu) = told.split_once("mtu ").unwrap_or_else(|| panic!("{told}"));
    let mtu: u16 = mtu.split_whitespace().next().unwrap().parse().unwrap();
    assert!((1300..1500).contains(&mtu), "{told}");
    let fits = format!("-c 3 -i 0.02 -M do -s {}", mtu - 28);
    ping_with(machine, INNER_HERE, &fits).all();
}

/// Another name here concerns nobody there: the SAs stay.
fn renamed(scene: &Scene, adit: &Terminal<'_>, peer: &Peer, ours: &str) {
    let before = peer.sas().children;
    let all = format!("{ours},peer:{BLOCK}=10.203.0.0/24");
    let shown = adit.does(&format!("connection update twin --translate {all}"));
    assert!(shown.contains("10.203.0.0/24"), "{shown}");
    until("the peer is known by its new name", PATIENCE, || {
        ping(scene.instance(), "10.203.0.1").are_all().then_some(())
    });
    ping(scene.instance(), INNER_HERE).none();
    assert_eq!(peer.sas().children, before);
    let shown = scene.api.native("GET", "connections", &json!(null)).is(200);
    let row = &shown["items"][0];
    assert_eq!(row["peer"]["cidrs"], json!([BLOCK]), "{row}");
    assert_eq!(row["translations"][1]["shown_as"], "10.203.0.0/24");
}
