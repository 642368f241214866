//! How SAs are replaced under traffic, and how they end.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::scene::{Scene, Suite};
use crate::strongswan::{INNER, Peer, TOOLS};
use crate::support::capture::Capture;
use crate::support::serve::signal_to;
use crate::support::traffic::{PingsUnderWay, ping};
use crate::support::{PATIENCE, VERDICT, turn, until};

/// Waits until both sides have exactly one Child SA and one IKE SA, other ones than `before`. By IKEv1
/// strongSwan leaves the old Child SA to its lifetime; we end it after a minute.
fn replaced(scene: &Scene, peer: &Peer, connection: &str, before: &str, limit: Duration) {
    let what = "one SA has taken the place of the other";
    until(what, limit, || {
        let sas = peer.sas();
        let seen = scene.api.get(connection).is(200);
        let ours = seen["negotiated"]["children"].as_array().unwrap().clone();
        let fresh = sas.children.len() == 1 && sas.children[0] != before && sas.ike.len() == 1;
        let is_v1 = sas.ike.iter().any(|line| line.contains("IKEv1"));
        let is_single = is_v1 || ours.len() == 1;
        let is_same = |child: &Value| child["spi_out"] == sas.children[0].as_str();
        (fresh && is_single && ours.iter().any(is_same)).then_some(())
    });
}

fn rekeyed_by_strongswan(prefix: &str, number: u8, suite: &Suite) {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new(prefix, number);
    let peer = Peer::start(&scene.serve, &scene.wanted(suite));
    let connection = scene.connect(suite);
    scene.works(&connection, &peer);
    let capture = Capture::start(&scene.serve);
    let pings = PingsUnderWay::start(&scene.instance().namespace, INNER);
    for _ in 0..3 {
        let before = peer.sas().children[0].clone();
        peer.swanctl("--rekey --child net");
        replaced(&scene, &peer, &connection, &before, VERDICT);
    }
    // By IKEv1 the old one is there for ten seconds more, and would be rekeyed again.
    let rounds = if suite.version() == 1 { 2 } else { 3 };
    for _ in 0..rounds {
        let before = peer.sas();
        peer.swanctl("--rekey --ike adit");
        until("another IKE SA has taken over", PATIENCE, || {
            let now = peer.sas();
            let alone = now.ike.len() == 1 && now.text.matches(", IKEv").count() == 1;
            let fresh = alone && spis(&now.ike[0]) != spis(&before.ike[0]);
            // Its Child SA goes over to the new one untouched.
            (fresh && now.children == before.children).then_some(())
        });
    }
    // And the new IKE SA carries on.
    let before = peer.sas().children[0].clone();
    peer.swanctl("--rekey --child net");
    replaced(&scene, &peer, &connection, &before, VERDICT);
    let counted = pings.stop();
    counted.all();
    assert_eq!(scene.api.up(&connection)["status"], "up");
    capture.stop().hides(&scene.instance().address, INNER);
    scene.works(&connection, &peer);
}

/// `ADIT_REKEYS` is how many; every tenth is one of the IKE SA.
#[test]
#[ignore = "ten thousand rekeys take half an hour: make soak"]
fn ten_thousand_rekeys_under_pings_and_none_is_lost() {
    let Some(_turn) = turn(TOOLS) else { return };
    let count = std::env::var("ADIT_REKEYS").map_or(10_000, |count| count.parse().unwrap());
    let scene = Scene::new("ajz", 150);
    let suite = Suite::gcm();
    let peer = Peer::start(&scene.serve, &scene.wanted(&suite));
    let connection = scene.connect(&suite);
    scene.works(&connection, &peer);
    let pings = PingsUnderWay::every(&scene.instance().namespace, INNER, "0.01");
    for n in 1..=count {
        let before = peer.sas();
        let of_ike = n % 10 == 0;
        peer.swanctl(if of_ike {
            "--rekey --ike adit"
        } else {
            "--rekey --child net"
        });
        until("it is replaced", PATIENCE, || {
            let now = peer.sas();
            let single = now.ike.len() == 1 && now.children.len() == 1;
            let fresh = if of_ike {
                single && spis(&now.ike[0]) != spis(&before.ike[0])
            } else {
                single && now.children != before.children
            };
            fresh.then_some(())
        });
        if n % 500 == 0 {
            eprintln!("{n} rekeys");
        }
    }
    let pings = pings.stop();
    eprintln!(
        "{count} rekeys, {} pings, {} answered",
        pings.sent, pings.received
    );
    pings.all();
}

/// The SPIs in the first line of an IKE SA.
fn spis(line: &str) -> &str {
    let versions = ["IKEv1, ", "IKEv2, "];
    let found = versions
        .iter()
        .find_map(|version| line.rsplit_once(version));
    found.unwrap().1
}

#[test]
fn strongswan_rekeys_cbc_tunnels_and_no_ping_is_lost() {
    rekeyed_by_strongswan("ai7", 107, &Suite::cbc_sha256());
}

#[test]
fn strongswan_rekeys_gcm_tunnels_and_no_ping_is_lost() {
    rekeyed_by_strongswan("ai8", 108, &Suite::gcm());
}

#[test]
fn strongswan_rekeys_with_forward_secrecy_and_no_ping_is_lost() {
    let mut suite = Suite::gcm();
    suite.esp = "aes256gcm16-ecp384";
    suite.ipsec_policy["pfs"] = json!("group_20");
    rekeyed_by_strongswan("ain", 123, &suite);
}

#[test]
fn strongswan_rekeys_by_ikev1_and_no_ping_is_lost() {
    rekeyed_by_strongswan("aj5", 145, &Suite::ikev1());
}

#[test]
fn a_deleted_connection_leaves_no_sa_on_strongswan() {
    deleted("aia", 110, &Suite::cbc_sha256());
    deleted("aj6", 146, &Suite::ikev1());
}

fn deleted(prefix: &str, number: u8, suite: &Suite) {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new(prefix, number);
    let peer = Peer::start(&scene.serve, &scene.wanted(suite));
    let connection = scene.connect(suite);
    scene.works(&connection, &peer);
    let capture = Capture::start(&scene.serve);
    assert_eq!(scene.api.delete(&connection).status, 202);
    until("strongSwan has no SA any more", VERDICT, || {
        let sas = peer.sas();
        (sas.text.trim().is_empty()).then_some(())
    });
    ping(scene.instance(), INNER).none();
    capture.stop().hides(&scene.instance().address, INNER);
}

#[test]
fn a_tunnel_that_strongswan_closes_is_closed_here_and_negotiated_again() {
    let Some(_turn) = turn(TOOLS) else { return };
    let suite = Suite::cbc_sha256();
    let scene = Scene::new("aib", 111);
    let wanted = scene.wanted(&suite);
    let peer = Peer::start(&scene.serve, &wanted);
    let connection = scene.connect(&suite);
    scene.works(&connection, &peer);
    let capture = Capture::start(&scene.serve);
    // Without its configuration it does not answer to a new tunnel.
    peer.forget();
    peer.swanctl("--terminate --ike adit --timeout 5");
    until("the tunnel is closed", VERDICT, || {
        let seen = scene.api.get(&connection).is(200);
        let none = seen["negotiated"]["children"] == json!([]);
        (seen["status"] == "down" && none).then_some(())
    });
    ping(scene.instance(), INNER).none();
    peer.configure(&wanted);
    scene.api.up_within(&connection, PATIENCE);
    scene.works(&connection, &peer);
    capture.stop().hides(&scene.instance().address, INNER);
}

#[test]
fn a_child_sa_that_strongswan_closes_is_negotiated_again() {
    let Some(_turn) = turn(TOOLS) else { return };
    let suite = Suite::gcm();
    let scene = Scene::new("aic", 112);
    let peer = Peer::start(&scene.serve, &scene.wanted(&suite));
    let connection = scene.connect(&suite);
    scene.works(&connection, &peer);
    let before = peer.sas().children[0].clone();
    peer.swanctl("--terminate --child net --timeout 5");
    replaced(&scene, &peer, &connection, &before, PATIENCE);
    scene.works(&connection, &peer);
}

#[test]
fn a_peer_that_dies_is_noticed_and_reached_again_when_it_lives() {
    let Some(_turn) = turn(TOOLS) else { return };
    let suite = Suite::gcm();
    let scene = Scene::new("ail", 121);
    let wanted = scene.wanted(&suite);
    let peer = Peer::start(&scene.serve, &wanted);
    let watch = json!({"dead_peer_detection": {"action": "restart", "interval": 1, "timeout": 3}});
    let connection = scene.connect_with(&suite, &watch);
    scene.works(&connection, &peer);
    let capture = Capture::start(&scene.serve);
    // Killed, it says no farewell.
    drop(peer);
    let reason = until("the death is noticed", PATIENCE, || {
        let seen = scene.api.get(&connection).is(200);
        (seen["status"] == "down").then(|| seen["status_reasons"][0].clone())
    });
    assert_eq!(reason["code"], "peer_not_responding", "{reason}");
    ping(scene.instance(), INNER).none();
    let peer = Peer::start(&scene.serve, &wanted);
    scene.api.up_within(&connection, 2 * PATIENCE);
    scene.works(&connection, &peer);
    capture.stop().hides(&scene.instance().address, INNER);
}

#[test]
fn after_a_worker_was_killed_strongswan_talks_to_the_next_one() {
    let Some(_turn) = turn(TOOLS) else { return };
    let suite = Suite::gcm();
    let scene = Scene::new("aim", 122);
    let peer = Peer::start(&scene.serve, &scene.wanted(&suite));
    let connection = scene.connect(&suite);
    scene.works(&connection, &peer);
    let capture = Capture::start(&scene.serve);
    for _ in 0..3 {
        let killed = scene.serve.worker(&scene.site.gateway).unwrap();
        signal_to(killed, Signal::SIGKILL);
        until("another worker runs", VERDICT, || {
            let worker = scene.serve.worker(&scene.site.gateway);
            worker.filter(|pid| *pid != killed)
        });
        until("pings pass again", VERDICT, || {
            (ping(scene.instance(), INNER).are_all()).then_some(())
        });
        until("strongSwan has forgotten the old SAs", VERDICT, || {
            let sas = peer.sas();
            (sas.ike.len() == 1 && sas.children.len() == 1).then_some(())
        });
    }
    capture.stop().hides(&scene.instance().address, INNER);
}
