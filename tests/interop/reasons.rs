//! What only a real peer can cause is named, with what it sent.

use serde_json::{Value, json};

use crate::scene::{Scene, Suite, ikev1};
use crate::strongswan::{INNER, More, Peer, TOOLS, Wanted};
use crate::support::traffic::ping;
use crate::support::{PATIENCE, poll, turn};

impl Scene {
    /// Waits until a reason of this code has this text in its evidence, while strongSwan begins again and again; what the
    /// connection then looks like.
    #[track_caller]
    fn named(&self, peer: &Peer, connection: &str, code: &str, text: &str) -> Value {
        let mut last = Value::Null;
        let seen = poll(PATIENCE * 2, || {
            last = self.api.get(connection).is(200);
            let reasons = last["status_reasons"].as_array().unwrap();
            let is_it = |reason: &Value| {
                let evidence = reason["evidence"].as_str().unwrap();
                reason["code"] == code && evidence.contains(text)
            };
            if reasons.iter().any(is_it) {
                return Some(last.clone());
            }
            if last["status"] != "up" {
                peer.try_initiate();
            }
            None
        });
        seen.unwrap_or_else(|| panic!("no {code} with \"{text}\": {last:#}"))
    }
}

#[test]
fn a_peer_that_speaks_another_version_is_named() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("aja", 186);
    let suite = Suite::cbc_sha256();
    let by_v1 = Wanted {
        version: 1,
        ..scene.wanted(&suite)
    };
    let peer = Peer::start(&scene.serve, &by_v1);
    let connection = scene.connect(&suite);
    scene.named(&peer, &connection, "ike_policy_mismatch", "speaks IKEv1");
    let policy = scene.policy("ike_policies", &ikev1("aes128", "sha256", 14));
    let body = json!({"ike_policy": policy}).to_string();
    scene.api.patch(&connection, &body);
    scene.api.up_within(&connection, PATIENCE);
    scene.works(&connection, &peer);
}

#[test]
fn a_peer_that_begins_with_aggressive_mode_is_named() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("aje", 190);
    let suite = Suite::ikev1();
    let more = More {
        of_connection: "aggressive = yes",
        ..More::default()
    };
    let right = scene.wanted(&suite);
    let aggressive = Wanted {
        more,
        ..right.clone()
    };
    let peer = Peer::start(&scene.serve, &aggressive);
    let connection = scene.connect(&suite);
    scene.named(&peer, &connection, "ike_policy_mismatch", "aggressive mode");
    peer.configure(&right);
    scene.api.up_within(&connection, PATIENCE);
    scene.works(&connection, &peer);
}

#[test]
fn a_peer_that_asks_for_somebody_else_is_told_from_one_that_is_somebody_else() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("ajb", 187);
    let suite = Suite::cbc_sha256();
    let right = scene.wanted(&suite);
    let own: &str = Peer::address_on(&scene.serve).leak();
    let gateway: &str = right.gateway.clone().leak();
    let wanted = |own, gateway| Wanted {
        ids: Some([own, gateway]),
        ..right.clone()
    };
    let peer = Peer::start(&scene.serve, &wanted(own, "vpn.example.org"));
    let connection = scene.connect(&suite);
    let code = "cannot_authenticate_connection";
    let asked = format!("asks for vpn.example.org (a name); this end calls itself {gateway}");
    scene.named(&peer, &connection, code, &asked);
    peer.configure(&wanted("peer.example.org", gateway));
    let called = "the peer calls itself peer.example.org (a name)";
    scene.named(&peer, &connection, code, called);
    peer.configure(&right);
    scene.works(&connection, &peer);
}

#[test]
fn other_forward_secrecy_is_warned_of_before_the_first_rekey() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("ajc", 188);
    let suite = Suite::cbc_sha256();
    let peer = Peer::start(&scene.serve, &scene.wanted(&suite));
    let mut with_pfs = Suite::cbc_sha256();
    with_pfs.ipsec_policy["pfs"] = json!("group_14");
    let connection = scene.connect(&with_pfs);
    scene.api.up(&connection);
    let code = "ipsec_policy_mismatch";
    let seen = scene.named(&peer, &connection, code, "modp2048");
    assert_eq!(seen["status"], "up");
    ping(scene.instance(), INNER).all();
}

#[test]
fn a_peer_that_agrees_to_less_is_warned_of() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("ajd", 189);
    let suite = Suite::cbc_sha256();
    let more = More {
        of_child: "local_ts = 10.77.0.0/25",
        ..More::default()
    };
    let peer = Peer::start(
        &scene.serve,
        &Wanted {
            more,
            ..scene.wanted(&suite)
        },
    );
    let connection = scene.connect(&suite);
    scene.api.up(&connection);
    let code = "ike_v2_local_remote_cidr_mismatch";
    let agreed = "agreed to [10.240.0.0/24 === 10.77.0.0/25]";
    let seen = scene.named(&peer, &connection, code, agreed);
    assert_eq!(seen["status"], "up");
    ping(scene.instance(), INNER).all();
}

#[test]
fn a_peer_that_has_none_of_our_answers_is_named() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("ajg", 192);
    let suite = Suite::cbc_sha256();
    let peer = Peer::start(&scene.serve, &scene.wanted(&suite));
    let from = &scene.site.address;
    peer.nft(&format!(
        "table ip closed {{ chain in {{ type filter hook input priority 0; ip saddr {from} drop; }}; }}"
    ));
    let connection = scene.connect(&suite);
    let code = "peer_not_responding";
    scene.named(
        &peer,
        &connection,
        code,
        "those of this gateway don't arrive there",
    );
    peer.nft("delete table ip closed");
    scene.api.up_within(&connection, PATIENCE);
    scene.works(&connection, &peer);
}
