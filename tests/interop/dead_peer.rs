//! What becomes of a tunnel whose peer dies, by each action of dead peer detection.

use adit_model::ReasonCode;
use adit_model::connection::DpdAction;
use serde_json::{Value, json};

use crate::ends::Ends;
use crate::scene::{Scene, Suite};
use crate::strongswan::{INNER, Peer, TOOLS};
use crate::support::capture::Capture;
use crate::support::traffic::ping_with;
use crate::support::{PATIENCE, VERDICT, turn, until};

/// A tunnel that was up, whose peer has died without a word, and was noticed to be dead.
fn after_a_death(prefix: &str, number: u8, action: DpdAction) -> (Ends, String) {
    let mut ends = Ends::new(prefix, number);
    ends.tunnel().dead_peer_detection.action = action;
    ends.tunnel().dead_peer_detection.interval_s = 1;
    ends.tunnel().dead_peer_detection.timeout_s = 3;
    let peer = Peer::start(&ends.host, &ends.wanted);
    ends.apply();
    ends.works(&peer);
    drop(peer);
    let id = ends.id();
    let evidence = until("the death is noticed", PATIENCE, || {
        let observed = ends.host.observed(id)?;
        let reason = observed.reasons.into_iter().next()?;
        (reason.code == ReasonCode::PeerNotResponding).then_some(reason.evidence)
    });
    (ends, evidence)
}

#[test]
fn hold_waits_for_a_packet_which_is_kept_and_arrives() {
    let Some(_turn) = turn(TOOLS) else { return };
    let (ends, evidence) = after_a_death("ajk", 156, DpdAction::Hold);
    assert!(evidence.contains("next packet"), "{evidence}");
    let peer = Peer::start(&ends.host, &ends.wanted);
    // Nothing but a packet brings it back.
    std::thread::sleep(VERDICT);
    assert!(peer.sas().ike.is_empty(), "{}", peer.sas().text);
    let capture = Capture::start(&ends.host);
    let machine = &ends.place.instance.namespace;
    let pings = ping_with(machine, INNER, "-c 1");
    assert_eq!((pings.sent, pings.received), (1, 1), "{}", pings.text);
    ends.works(&peer);
    capture.stop().hides(&ends.place.instance.address, INNER);
}

#[test]
fn hold_asked_for_in_ibms_api_says_down_until_a_packet_comes() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("auh", 208);
    let suite = Suite::cbc_sha256();
    let wanted = scene.wanted(&suite);
    let peer = Peer::start(&scene.serve, &wanted);
    let dpd = json!({"action": "hold", "interval": 1, "timeout": 3});
    let connection = scene.connect_with(&suite, &json!({"dead_peer_detection": dpd}));
    scene.works(&connection, &peer);
    drop(peer);
    let of_the_dead = |seen: &Value| {
        let reason = &seen["status_reasons"][0];
        seen["status"] == "down" && reason["code"] == "peer_not_responding"
    };
    until("the death is noticed", PATIENCE, || {
        of_the_dead(&scene.api.get(&connection).is(200)).then_some(())
    });
    let peer = Peer::start(&scene.serve, &wanted);
    // Nothing but a packet brings it back.
    std::thread::sleep(VERDICT);
    assert!(peer.sas().ike.is_empty(), "{}", peer.sas().text);
    assert_eq!(scene.api.get(&connection).is(200)["status"], "down");
    let capture = Capture::start(&scene.serve);
    ping_with(&scene.instance().namespace, INNER, "-c 1").all();
    scene.works(&connection, &peer);
    capture.stop().hides(&scene.instance().address, INNER);
}

#[test]
fn clear_and_restart_by_peer_wait_for_the_peer() {
    let Some(_turn) = turn(TOOLS) else { return };
    for (prefix, number, action) in [
        ("ajl", 157, DpdAction::Clear),
        ("ajm", 158, DpdAction::RestartByPeer),
    ] {
        let (ends, evidence) = after_a_death(prefix, number, action);
        assert!(evidence.contains("the peer has to begin"), "{evidence}");
        let peer = Peer::start(&ends.host, &ends.wanted);
        let machine = &ends.place.instance.namespace;
        ping_with(machine, INNER, "-c 1 -w 2").none();
        assert!(peer.sas().ike.is_empty(), "{}", peer.sas().text);
        peer.swanctl("--initiate --child net --timeout 4");
        ends.works(&peer);
    }
}

#[test]
fn restart_begins_again_at_once() {
    let Some(_turn) = turn(TOOLS) else { return };
    let (ends, _) = after_a_death("ajn", 159, DpdAction::Restart);
    let peer = Peer::start(&ends.host, &ends.wanted);
    until("it is begun again", 2 * PATIENCE, || {
        (!peer.sas().children.is_empty()).then_some(())
    });
    ends.works(&peer);
}
