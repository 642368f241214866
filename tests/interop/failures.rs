//! What strongSwan refuses is named here within seconds, and heals from either side.

use serde_json::{Value, json};

use crate::scene::{PSK, SITE, Scene, Suite, ike, ipsec};
use crate::strongswan::{BLOCK, Peer, TOOLS, Wanted};
use crate::support::{PATIENCE, turn, until};

fn evidence(reason: &Value) -> String {
    reason["evidence"].as_str().unwrap().to_lowercase()
}

/// strongSwan begins too, so that its values are seen; the evidence names `ours` and `theirs`.
fn both_are_named(scene: &Scene, peer: &Peer, connection: &str, ours: &str, theirs: &str) {
    peer.try_initiate();
    let mut last = Value::Null;
    until("the evidence has both sides' values", PATIENCE, || {
        last = scene.api.get(connection).is(200)["status_reasons"].clone();
        let text = evidence(&last[0]);
        (text.contains(ours) && text.contains(theirs)).then_some(())
    });
}

#[test]
fn a_wrong_key_is_named_and_healed_by_a_patch() {
    wrong_key("aid", 113, &Suite::cbc_sha256());
    wrong_key("aj7", 147, &Suite::ikev1());
}

fn wrong_key(prefix: &str, number: u8, suite: &Suite) {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new(prefix, number);
    let wanted = Wanted {
        psk: "SomethingElse",
        ..scene.wanted(suite)
    };
    let peer = Peer::start(&scene.serve, &wanted);
    let connection = scene.connect(suite);
    let code = "cannot_authenticate_connection";
    scene.api.down_for(&connection, code);
    peer.try_initiate();
    scene.api.down_for(&connection, code);
    scene.api.patch(&connection, r#"{"psk": "SomethingElse"}"#);
    scene.works(&connection, &peer);
}

#[test]
fn no_common_ike_proposal_is_named_and_healed_over_there() {
    no_common_ike_proposal("aie", 114, &Suite::cbc_sha256());
    no_common_ike_proposal("aj8", 148, &Suite::ikev1());
}

fn no_common_ike_proposal(prefix: &str, number: u8, suite: &Suite) {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new(prefix, number);
    let right = scene.wanted(suite);
    let wanted = Wanted {
        ike: "aes256-sha512-modp4096",
        ..right.clone()
    };
    let peer = Peer::start(&scene.serve, &wanted);
    let connection = scene.connect(suite);
    scene.api.down_for(&connection, "ike_policy_mismatch");
    both_are_named(&scene, &peer, &connection, "aes128", "aes256");
    peer.configure(&right);
    scene.api.up_within(&connection, PATIENCE);
    scene.works(&connection, &peer);
}

#[test]
fn no_common_ike_proposal_is_healed_by_a_patch() {
    let Some(_turn) = turn(TOOLS) else { return };
    let suite = Suite::cbc_sha512();
    let scene = Scene::new("aif", 115);
    let peer = Peer::start(&scene.serve, &scene.wanted(&suite));
    let wrong = Suite {
        ike_policy: ike("aes128", "sha256", 14),
        ..Suite::cbc_sha512()
    };
    let connection = scene.connect(&wrong);
    scene.api.down_for(&connection, "ike_policy_mismatch");
    let right = scene.policy("ike_policies", &suite.ike_policy);
    let body = json!({"ike_policy": right}).to_string();
    scene.api.patch(&connection, &body);
    scene.works(&connection, &peer);
}

#[test]
fn no_common_esp_proposal_is_named_and_healed_by_a_patch() {
    let Some(_turn) = turn(TOOLS) else { return };
    let suite = Suite::cbc_sha512();
    let scene = Scene::new("aig", 116);
    let peer = Peer::start(&scene.serve, &scene.wanted(&suite));
    let wrong = Suite {
        ipsec_policy: ipsec("aes128", "sha1"),
        ..Suite::cbc_sha512()
    };
    let connection = scene.connect(&wrong);
    scene.api.down_for(&connection, "ipsec_policy_mismatch");
    both_are_named(&scene, &peer, &connection, "aes128", "aes256");
    let right = scene.policy("ipsec_policies", &suite.ipsec_policy);
    let body = json!({"ipsec_policy": right}).to_string();
    scene.api.patch(&connection, &body);
    scene.works(&connection, &peer);
}

#[test]
fn other_selectors_are_named_and_healed_over_there() {
    let Some(_turn) = turn(TOOLS) else { return };
    let suite = Suite::gcm();
    let scene = Scene::new("aih", 117);
    let right = scene.wanted(&suite);
    assert_eq!((right.remote, right.psk), (SITE, PSK));
    let wanted = Wanted {
        remote: "10.99.0.0/24",
        ..right.clone()
    };
    let peer = Peer::start(&scene.serve, &wanted);
    let connection = scene.connect(&suite);
    let code = "ike_v2_local_remote_cidr_mismatch";
    scene.api.down_for(&connection, code);
    both_are_named(&scene, &peer, &connection, SITE, "10.99.0.0/24");
    assert!(scene.api.get(&connection).is(200)["peer_cidrs"] == json!([BLOCK]));
    peer.configure(&right);
    scene.api.up_within(&connection, PATIENCE);
    scene.works(&connection, &peer);
}
