//! Algorithms, and who begins: traffic both ways, counted on both sides, and never in clear.

use crate::scene::{Scene, Suite};
use crate::strongswan::{INNER, Peer, TOOLS};
use crate::support::capture::Capture;
use crate::support::traffic::tcp_both;
use crate::support::turn;

/// Adit begins as soon as the connection is made; strongSwan only listens.
fn adit_begins(prefix: &str, number: u8, suite: &Suite, large: bool) {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new(prefix, number);
    let peer = Peer::start(&scene.serve, &scene.wanted(suite));
    let capture = Capture::start(&scene.serve);
    let connection = scene.connect(suite);
    scene.works(&connection, &peer);
    assert!(!peer.sas().began());
    let captured = capture.stop();
    captured.hides(&scene.instance().address, INNER);
    assert!(captured.esp >= 40);
    if large {
        stream(&scene, &peer);
    }
}

/// strongSwan begins; Adit, which has been trying to reach it for a while, answers.
fn strongswan_begins(prefix: &str, number: u8, suite: &Suite, large: bool) {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new(prefix, number);
    let connection = scene.connect(suite);
    scene.api.down_for(&connection, "peer_not_responding");
    // Adit tries again and again and may just come first; then it is done over.
    for attempt in 1.. {
        let peer = Peer::start_unplugged(&scene.serve, &scene.wanted(suite));
        let capture = Capture::start(&scene.serve);
        peer.plug();
        peer.swanctl("--initiate --child net --timeout 5");
        scene.works(&connection, &peer);
        let captured = capture.stop();
        captured.hides(&scene.instance().address, INNER);
        assert!(captured.esp >= 40);
        if peer.sas().began() {
            if large {
                stream(&scene, &peer);
            }
            return;
        }
        assert!(attempt < 4, "Adit always comes first");
    }
}

fn stream(scene: &Scene, peer: &Peer) {
    tcp_both(&scene.instance().namespace, &peer.namespace, INNER);
}

#[test]
fn adit_begins_with_aes128_sha256_modp2048() {
    adit_begins("ai1", 101, &Suite::cbc_sha256(), true);
}

#[test]
fn adit_begins_with_aes256gcm_ecp384() {
    adit_begins("ai2", 102, &Suite::gcm(), true);
}

#[test]
fn adit_begins_with_aes256_sha512_x25519() {
    adit_begins("ai3", 103, &Suite::cbc_sha512(), false);
}

#[test]
fn strongswan_begins_with_aes128_sha256_modp2048() {
    strongswan_begins("ai4", 104, &Suite::cbc_sha256(), false);
}

#[test]
fn strongswan_begins_with_aes256gcm_ecp384() {
    strongswan_begins("ai5", 105, &Suite::gcm(), true);
}

#[test]
fn strongswan_begins_with_aes256_sha512_x25519() {
    strongswan_begins("ai6", 106, &Suite::cbc_sha512(), true);
}
