//! Algorithms, and who begins: traffic both ways, counted on both sides, and never in clear.

use serde_json::Value;

use crate::scene::{Scene, Suite, ike, ikev1, ipsec};
use crate::strongswan::{INNER, Peer, TOOLS};
use crate::support::capture::{Capture, frames};
use crate::support::traffic::tcp_both;
use crate::support::{VERDICT, turn, until};

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
    assert!(captured.esp >= frames(40));
    if large {
        stream(&scene, &peer);
    }
}

/// strongSwan begins; Adit, which has been trying to reach it for a while, answers.
fn strongswan_begins(prefix: &str, number: u8, suite: &Suite, large: bool) {
    let Some(_turn) = turn(&[TOOLS, &["nft"]].concat()) else {
        return;
    };
    let scene = Scene::new(prefix, number);
    let connection = scene.connect(suite);
    scene.api.down_for(&connection, "peer_not_responding");
    let peer = Peer::start_unplugged(&scene.serve, &scene.wanted(suite));
    let capture = Capture::start(&scene.serve);
    peer.plug_and_begin();
    scene.works(&connection, &peer);
    assert!(peer.sas().began());
    let captured = capture.stop();
    captured.hides(&scene.instance().address, INNER);
    assert!(captured.esp >= frames(40));
    if large {
        stream(&scene, &peer);
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
    adit_begins("ai3", 103, &Suite::cbc_sha512(), true);
}

#[test]
fn strongswan_begins_with_aes128_sha256_modp2048() {
    strongswan_begins("ai4", 104, &Suite::cbc_sha256(), true);
}

#[test]
fn strongswan_begins_with_aes256gcm_ecp384() {
    strongswan_begins("ai5", 105, &Suite::gcm(), true);
}

#[test]
fn strongswan_begins_with_aes256_sha512_x25519() {
    strongswan_begins("ai6", 106, &Suite::cbc_sha512(), true);
}

#[test]
fn adit_begins_by_ikev1() {
    adit_begins("aj1", 141, &Suite::ikev1(), true);
}

#[test]
fn strongswan_begins_by_ikev1() {
    strongswan_begins("aj2", 142, &Suite::ikev1(), true);
}

#[test]
fn ikev1_with_forward_secrecy_and_other_suites() {
    for (prefix, number, suite) in [
        (
            "aj3",
            143,
            Suite {
                ike: "aes256-sha256-modp2048",
                esp: "aes256-sha256-modp2048",
                ike_policy: ikev1("aes256", "sha256", 14),
                ipsec_policy: with_pfs(ipsec("aes256", "sha256"), 14),
            },
        ),
        (
            "aj4",
            144,
            Suite {
                ike: "aes192-sha384-ecp256",
                esp: "aes128gcm16-ecp256",
                ike_policy: ikev1("aes192", "sha384", 19),
                ipsec_policy: with_pfs(ipsec("aes128gcm16", "disabled"), 19),
            },
        ),
    ] {
        adit_begins(prefix, number, &suite, false);
        strongswan_begins(prefix, number, &suite, false);
    }
}

fn with_pfs(mut policy: Value, group: u16) -> Value {
    policy["pfs"] = Value::from(format!("group_{group}"));
    policy
}

#[test]
fn both_without_any_policy_agree() {
    let suite = Suite {
        ike: "default",
        esp: "default",
        ike_policy: Value::Null,
        ipsec_policy: Value::Null,
    };
    adit_begins("aio", 124, &suite, false);
    strongswan_begins("aip", 125, &suite, false);
}

#[test]
fn everything_that_policies_can_name_is_understood() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("aiq", 126);
    let suites = [
        (
            "aes128-sha1-modp1024",
            ike("aes128", "sha1", 2),
            "aes128-sha1",
            ipsec("aes128", "sha1"),
        ),
        (
            "aes192-sha1-modp1536",
            ike("aes192", "sha1", 5),
            "aes192-sha1",
            ipsec("aes192", "sha1"),
        ),
        (
            "aes192-sha256-modp3072",
            ike("aes192", "sha256", 15),
            "aes192-sha256",
            ipsec("aes192", "sha256"),
        ),
        (
            "aes256-sha384-modp4096",
            ike("aes256", "sha384", 16),
            "aes256-sha384",
            ipsec("aes256", "sha384"),
        ),
        (
            "aes256-sha384-ecp256",
            ike("aes256", "sha384", 19),
            "aes192-sha384",
            ipsec("aes192", "sha384"),
        ),
        (
            "aes128-sha512-ecp384",
            ike("aes128", "sha512", 20),
            "aes128gcm16",
            ipsec("aes128gcm16", "disabled"),
        ),
        (
            "aes256-sha512-ecp521",
            ike("aes256", "sha512", 21),
            "aes192gcm16",
            ipsec("aes192gcm16", "disabled"),
        ),
    ];
    let mut peer: Option<Peer> = None;
    for (swan_ike, ike_policy, swan_esp, ipsec_policy) in suites {
        let suite = Suite {
            ike: swan_ike,
            esp: swan_esp,
            ike_policy,
            ipsec_policy,
        };
        let wanted = scene.wanted(&suite);
        let peer = peer.get_or_insert_with(|| Peer::start(&scene.serve, &wanted));
        peer.configure(&wanted);
        let connection = scene.connect(&suite);
        eprintln!("{swan_ike} / {swan_esp}");
        scene.works(&connection, peer);
        assert_eq!(scene.api.delete(&connection).status, 202);
        until("strongSwan has no SA any more", VERDICT, || {
            peer.sas().text.trim().is_empty().then_some(())
        });
    }
}
