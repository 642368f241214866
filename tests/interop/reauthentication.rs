//! A peer that wants to be sure again, before long, who we are (RFC 4478).

use std::time::Duration;

use crate::ends::Ends;
use crate::strongswan::{INNER, Peer, TOOLS};
use crate::support::traffic::PingsUnderWay;
use crate::support::{turn, until};

#[test]
fn it_is_told_again_in_time_and_no_ping_is_lost() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ajr", 163);
    ends.wanted.more.of_connection = "reauth_time = 40s";
    let peer = Peer::start(&ends.host, &ends.wanted);
    ends.apply();
    ends.works(&peer);
    let log = peer.log();
    assert!(log.contains("AUTH_LFT"), "{log}");
    let before = peer.sas();
    let since = ends.host.observed(ends.id()).unwrap().since;
    let pings = PingsUnderWay::start(&ends.place.instance.namespace, INNER);
    until(
        "another IKE SA has taken over",
        Duration::from_secs(60),
        || {
            let now = peer.sas();
            let alone = now.ike.len() == 1 && now.children.len() == 1;
            (alone && now.ike != before.ike && now.children != before.children).then_some(())
        },
    );
    pings.stop().all();
    ends.works(&peer);
    assert!(!peer.sas().began(), "{}", peer.sas().text);
    assert_eq!(ends.host.observed(ends.id()).unwrap().since, since);
}
