//! strongSwan at an IPv6 address: blocks of both versions behind it, whoever begins.

use adit_model::connection::Initiator;
use adit_model::observed::TunnelState;
use adit_model::policy::{Authentication, DhGroup, Encryption};

use crate::scene::{PSK, SITE};
use crate::strongswan::{BLOCK, BLOCK_V6, INNER, INNER_V6, More, Peer, TOOLS, Wanted};
use crate::support::capture::Capture;
use crate::support::host::Host;
use crate::support::traffic::{ping_with, tcp};
use crate::support::{VERDICT, turn, until};

#[test]
fn adit_begins_over_ipv6() {
    over_ipv6("aia6", 130, Initiator::BiDirectional);
}

#[test]
fn strongswan_begins_over_ipv6() {
    over_ipv6("aib6", 131, Initiator::ResponseOnly);
}

fn over_ipv6(prefix: &str, number: u8, initiator: Initiator) {
    let Some(_turn) = turn(TOOLS) else { return };
    let host = Host::open_with_v6(prefix, number);
    let mut place = host.place("10.240.0", 11);
    let own = place.gateway.addresses.v6.unwrap();
    let peer = Peer::address_v6_on(&host).unwrap().parse().unwrap();
    let both = [place.cidr, place.cidr_v6];
    let tunnel = place.connect(peer, BLOCK.parse().unwrap());
    tunnel.initiator = initiator;
    tunnel.local_cidrs = both.to_vec();
    tunnel.peer_cidrs.push(BLOCK_V6.parse().unwrap());
    tunnel.ike.encryption = vec![Encryption::Aes128];
    tunnel.ike.authentication = vec![Authentication::Sha256];
    tunnel.ike.groups = vec![DhGroup::try_from(14).unwrap()];
    let id = tunnel.connection;
    let wanted = Wanted {
        gateway: own.to_string(),
        ike: "aes128-sha256-modp2048",
        esp: "aes128-sha256",
        psk: PSK,
        remote: SITE,
        remote_v6: Some(place.cidr_v6.to_string()),
        ids: None,
        more: More::default(),
        version: 2,
    };
    let capture = Capture::start(&host);
    let peer = Peer::start(&host, &wanted);
    host.apply(&place);
    if initiator == Initiator::ResponseOnly {
        host.has_order(id);
        peer.swanctl("--initiate --child net --timeout 4");
        peer.swanctl("--initiate --child net6 --timeout 4");
    }
    until("there is a Child SA for each version", VERDICT, || {
        let is_up = host.observed(id)?.state == TunnelState::Up;
        (is_up && host.spis(id).len() == 2).then_some(())
    });
    let began = initiator == Initiator::ResponseOnly;
    assert_eq!(peer.sas().began(), began, "{}", peer.sas().text);
    let instance = &place.instance;
    for (ours, theirs) in [(&*instance.address, INNER), (&*place.v6, INNER_V6)] {
        ping_with(&instance.namespace, theirs, "-c 10 -i 0.02").all();
        let from = format!("-c 10 -i 0.02 -I {theirs}");
        ping_with(&peer.namespace, ours, &from).all();
        let received = tcp(&instance.namespace, &peer.namespace, theirs, 10, false);
        // What was still under way at the end is not counted.
        assert!(received >= 8_000_000, "{received}");
    }
    let before = host.spis(id);
    peer.swanctl("--rekey --child net6");
    until("another Child SA is used", VERDICT, || {
        let now = host.spis(id);
        (now.len() == 2 && now != before).then_some(())
    });
    ping_with(&instance.namespace, INNER_V6, "-c 10 -i 0.02").all();
    let captured = capture.stop();
    assert!(captured.esp_over_v6 > 100, "{}", captured.esp_over_v6);
    assert_eq!(captured.esp, 0);
    captured.hides(&instance.address, INNER);
    captured.hides(&place.v6, INNER_V6);
}
