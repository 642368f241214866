//! IKE messages in fragments (RFC 7383), with strongSwan at the other end.

use adit_model::connection::{Identity, Initiator};

use crate::ends::Ends;
use crate::strongswan::{Peer, TOOLS};
use crate::support::{PATIENCE, VERDICT, turn, until};

/// So long that IKE_AUTH takes several datagrams of the smallest size.
pub(crate) const NAMES: [&str; 2] = [
    "a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.swan.example.com",
    "a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.a-name-that-is-as-long-as-names-may-be-that-is-what-it-is-for.adit.example.com",
];

fn ends(prefix: &str, number: u8, fragment_size: u16) -> Ends {
    let mut ends = Ends::new(prefix, number);
    let [swan, adit] = NAMES;
    ends.wanted.ids = Some(NAMES);
    ends.wanted.more.fragment_size = Some(fragment_size);
    ends.tunnel().local_id = Identity::parse(adit);
    ends.tunnel().peer_id = Identity::parse(swan);
    ends
}

/// Whether strongSwan says in its log that it put together what came in pieces.
fn assembled(peer: &Peer) -> bool {
    let log = peer.log();
    log.contains("received fragment #1 of") && log.contains("reassembled fragmented IKE message")
}

#[test]
fn strongswan_begins_in_fragments() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = ends("ajf", 151, 256);
    ends.tunnel().initiator = Initiator::ResponseOnly;
    let peer = Peer::start(&ends.host, &ends.wanted);
    ends.apply();
    peer.bring_up(PATIENCE);
    ends.works(&peer);
    assert!(peer.sas().began() && peer.log().contains("splitting IKE message"));
}

#[test]
fn strongswan_answers_in_fragments() {
    let Some(_turn) = turn(TOOLS) else { return };
    let ends = ends("ajg", 152, 256);
    let peer = Peer::start(&ends.host, &ends.wanted);
    ends.apply();
    ends.works(&peer);
    assert!(!peer.sas().began() && peer.log().contains("splitting IKE message"));
    // And what comes after it.
    let before = peer.sas().children;
    peer.swanctl("--rekey --child net");
    until("another Child SA is used", VERDICT, || {
        let now = peer.sas().children;
        (now.len() == 1 && now != before).then_some(())
    });
    ends.works(&peer);
}

#[test]
fn a_narrow_path_is_met_with_smaller_datagrams_after_a_while() {
    let Some(_turn) = turn(TOOLS) else { return };
    let ends = ends("ajh", 153, 576);
    let peer = Peer::start_unplugged(&ends.host, &ends.wanted);
    peer.narrow(576);
    peer.plug();
    ends.apply();
    until("the tunnel is up", PATIENCE, || {
        (!peer.sas().children.is_empty()).then_some(())
    });
    assert!(assembled(&peer), "{}", peer.log());
    ends.works(&peer);
}
