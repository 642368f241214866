//! IKE SAs that are made without a Child SA (RFC 6023), which comes after.

use adit_model::connection::Initiator;

use crate::ends::Ends;
use crate::strongswan::{Peer, TOOLS};
use crate::support::{PATIENCE, turn};

#[test]
fn a_peer_that_begins_without_a_child_sa_is_answered() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ajq", 162);
    ends.tunnel().initiator = Initiator::ResponseOnly;
    ends.wanted.more.of_connection = "childless = force";
    let peer = Peer::start(&ends.host, &ends.wanted);
    ends.apply();
    peer.bring_up(PATIENCE);
    ends.works(&peer);
    let log = peer.log();
    assert!(log.contains("CREATE_CHILD_SA request"), "{log}");
}

#[test]
fn a_peer_that_makes_no_child_sa_with_the_ike_sa_is_begun_with() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ajv", 166);
    ends.wanted.more.of_connection = "childless = force";
    let peer = Peer::start(&ends.host, &ends.wanted);
    // Adit begins. It is refused once, with a Child SA in IKE_AUTH.
    ends.apply();
    ends.works(&peer);
    let log = peer.log();
    assert!(log.contains("CREATE_CHILD_SA response"), "{log}");
}
