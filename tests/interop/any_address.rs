//! Peers at any address: two strongSwan gateways behind one NAT, known by what they call themselves.

use adit_model::connection::Identity;
use adit_model::policy::{Authentication, DhGroup, Encryption, IkeVersion};
use adit_model::{Psk, ReasonCode};

use crate::nat::{BEHIND, Nat};
use crate::scene::SITE;
use crate::strongswan::{More, Peer, TOOLS, Wanted, block, inner};
use crate::support::host::{Host, Place};
use crate::support::traffic::{ping, ping_with};
use crate::support::{PATIENCE, VERDICT, turn, until};

/// Names and keys.
const SITES: [[&str; 2]; 2] = [
    ["east.example.com", "of the east"],
    ["west.example.com", "of the west"],
];

fn place(host: &Host) -> Place {
    let mut place = host.place("10.240.0", 11);
    for (number, [name, key]) in (0..).zip(SITES) {
        let tunnel = place.connect([0, 0, 0, 0].into(), block(number).parse().unwrap());
        tunnel.peer_id = Identity::parse(name);
        tunnel.authentication = Psk::new(key.into()).unwrap().into();
        tunnel.ike.encryption = vec![Encryption::Aes128];
        tunnel.ike.authentication = vec![Authentication::Sha256];
        tunnel.ike.groups = vec![DhGroup::try_from(14).unwrap()];
    }
    place
}

fn start(host: &Host, place: &Place, nat: &Nat, number: u8, name: &'static str) -> Peer {
    let [_, psk] = SITES[usize::from(number)];
    let gateway = place.outer().to_string();
    let wanted = Wanted {
        ids: Some([name, &*gateway.clone().leak()]),
        gateway,
        ike: "aes128-sha256-modp2048",
        esp: "aes128-sha256",
        psk,
        remote: SITE,
        remote_v6: None,
        more: More {
            number,
            behind: Some(BEHIND),
            ..More::default()
        },
        version: 2,
    };
    let peer = Peer::start_unplugged(host, &wanted);
    peer.plug_behind(&nat.namespace, Nat::bridge());
    peer
}

#[test]
fn two_behind_one_nat_begin_and_each_has_its_own_tunnel() {
    let Some(_turn) = turn(&[TOOLS, &["nft"]].concat()) else {
        return;
    };
    let host = Host::open("aji", 154);
    let nat = Nat::start(&host);
    let place = place(&host);
    let peers = [0, 1].map(|number: u8| {
        let [name, _] = SITES[usize::from(number)];
        start(&host, &place, &nat, number, name)
    });
    host.apply(&place);
    for connection in place.connections() {
        let evidence = host.down_for(connection, ReasonCode::Negotiating);
        assert!(evidence.contains("any address"), "{evidence}");
    }
    for peer in &peers {
        peer.bring_up(PATIENCE);
    }
    for connection in place.connections() {
        host.up(connection, &[]);
    }
    for (number, peer) in (0..).zip(&peers) {
        let inner = inner(number);
        ping(&place.instance, &inner).all();
        let how = format!("-c 10 -i 0.02 -I {inner}");
        ping_with(&peer.namespace, &place.instance.address, &how).all();
    }
    // One that begins anew leaves the other's tunnel alone.
    let other = host.spis(place.connections()[1]);
    peers[0].try_terminate();
    until("the first is closed", VERDICT, || {
        host.spis(place.connections()[0]).is_empty().then_some(())
    });
    peers[0].swanctl("--initiate --child net --timeout 4");
    host.up(place.connections()[0], &[]);
    assert_eq!(host.spis(place.connections()[1]), other);
    for number in [0, 1] {
        ping(&place.instance, &inner(number)).all();
    }
}

#[test]
fn a_stranger_is_named_and_ikev1_is_refused_with_a_reason() {
    let Some(_turn) = turn(&[TOOLS, &["nft"]].concat()) else {
        return;
    };
    let host = Host::open("ajj", 155);
    let nat = Nat::start(&host);
    let mut place = place(&host);
    place.tunnels[1].ike.version = IkeVersion::V1;
    let peer = start(&host, &place, &nat, 0, "north.example.com");
    host.apply(&place);
    let [first, second] = place.connections()[..] else {
        unreachable!("there are two");
    };
    let evidence = host.down_for(second, ReasonCode::Unsupported);
    assert!(evidence.contains("IKEv1"), "{evidence}");
    peer.try_initiate();
    let evidence = host.down_for(first, ReasonCode::CannotAuthenticateConnection);
    assert!(evidence.contains("north.example.com"), "{evidence}");
}
