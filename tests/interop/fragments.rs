//! IKE messages in fragments (RFC 7383), with strongSwan at the other end.

use adit_model::connection::{Identity, Initiator};

use crate::ends::Ends;
use crate::strongswan::{Peer, TOOLS};
use crate::support::{PATIENCE, VERDICT, turn, until};

/// So long that IKE_AUTH takes several datagrams of the smallest size.
const NAMES: [&str; 2] = [
    "a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.swan.example.com",
    "a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.adit.example.com",
];

fn scene(prefix: &str, number: u8, fragment_size: u16) -> Ends {
    let mut scene = Ends::new(prefix, number);
    let [swan, adit] = NAMES;
    scene.wanted.ids = Some(NAMES);
    scene.wanted.more.fragment_size = Some(fragment_size);
    scene.tunnel().local_id = Identity::parse(adit);
    scene.tunnel().peer_id = Identity::parse(swan);
    scene
}

/// Whether strongSwan says in its log that it put together what came in pieces.
fn assembled(peer: &Peer) -> bool {
    let log = peer.log();
    log.contains("received fragment #1 of") && log.contains("reassembled fragmented IKE message")
}

#[test]
fn strongswan_begins_in_fragments() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut scene = scene("ajf", 151, 256);
    scene.tunnel().initiator = Initiator::ResponseOnly;
    let peer = Peer::start(&scene.host, &scene.wanted);
    scene.apply();
    until("strongSwan has brought it up", PATIENCE, || {
        peer.try_initiate();
        (!peer.sas().children.is_empty()).then_some(())
    });
    scene.works(&peer);
    assert!(peer.sas().began() && peer.log().contains("splitting IKE message"));
}

#[test]
fn strongswan_answers_in_fragments() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = scene("ajg", 152, 256);
    let peer = Peer::start(&scene.host, &scene.wanted);
    scene.apply();
    scene.works(&peer);
    assert!(!peer.sas().began() && peer.log().contains("splitting IKE message"));
    // And what comes after it.
    let before = peer.sas().children;
    peer.swanctl("--rekey --child net");
    until("another Child SA is used", VERDICT, || {
        let now = peer.sas().children;
        (now.len() == 1 && now != before).then_some(())
    });
    scene.works(&peer);
}

#[test]
fn a_narrow_path_is_met_with_smaller_datagrams_after_a_while() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = scene("ajh", 153, 576);
    let peer = Peer::start_unplugged(&scene.host, &scene.wanted);
    peer.narrow(576);
    peer.plug();
    scene.apply();
    until("the tunnel is up", PATIENCE, || {
        (!peer.sas().children.is_empty()).then_some(())
    });
    assert!(assembled(&peer), "{}", peer.log());
    scene.works(&peer);
}
