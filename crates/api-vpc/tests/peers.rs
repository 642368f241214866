//! Peers as they are given today: by name, with identities of every type, and such as begin themselves.

use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{NEW, OLD, World};

/// A connection in today's shape, with this peer and these further members.
fn nested(peer: &Value, more: &Value) -> Value {
    let mut peer = peer.clone();
    peer["cidrs"] = json!(["192.168.0.0/24"]);
    let base = json!({
        "name": "one", "psk": "VPNDemoPassword", "local": {"cidrs": ["192.168.100.0/24"]}, "peer": peer,
    });
    adit_api_testing::with(base, more)
}

#[tokio::test]
async fn a_peer_is_given_by_its_name_and_goes_by_it() {
    let w = World::new().await;
    let path = format!("/vpn_gateways/{}/connections", w.gateway().await);
    let body = nested(&json!({"type": "fqdn", "fqdn": "peer.example"}), &json!({}));
    let made = w.call(Method::POST, &path, NEW, body).await;
    let peer = &made.is(201).body["peer"];
    assert_eq!(
        (&peer["type"], &peer["fqdn"]),
        (&json!("fqdn"), &json!("peer.example"))
    );
    assert_eq!(
        peer["ike_identity"],
        json!({"type": "fqdn", "value": "peer.example"})
    );
    assert!(peer.get("address").is_none(), "{peer}");
    let path = format!("{path}/{}", made.id());
    // A client from before there were names sees where it is.
    assert_eq!(
        w.call(Method::GET, &path, OLD, Value::Null).await.body["peer_address"],
        "198.51.100.7"
    );
    let moved = json!({"peer": {"fqdn": "other.example"}});
    let moved = w.call(Method::PATCH, &path, NEW, moved).await;
    assert_eq!(
        moved.is(200).body["peer"]["ike_identity"]["value"],
        "other.example"
    );
    let patch = async |change: Value| w.call(Method::PATCH, &path, NEW, change).await;
    let answer = patch(json!({"peer": {"address": "198.51.100.9"}})).await;
    answer.refused(400, "bad_field");
    let own =
        json!({"fqdn": "peer.example", "ike_identity": {"type": "hostname", "value": "branch"}});
    let named = patch(json!({"peer": own})).await;
    assert_eq!(
        named.is(200).body["peer"]["ike_identity"],
        own["ike_identity"]
    );
    // What it was called by itself it stays.
    let moved = patch(json!({"peer": {"fqdn": "other.example"}})).await;
    assert_eq!(
        moved.is(200).body["peer"]["ike_identity"],
        own["ike_identity"]
    );
}

#[tokio::test]
async fn identities_of_every_type_are_kept_on_both_sides() {
    let w = World::new().await;
    let path = format!("/vpn_gateways/{}/connections", w.gateway().await);
    for identity in [
        json!({"type": "ipv4_address", "value": "192.0.2.7"}),
        json!({"type": "fqdn", "value": "vpn.example.com"}),
        json!({"type": "hostname", "value": "vpn"}),
        json!({"type": "key_id", "value": "c2l0ZS0x"}),
    ] {
        let local = json!({"cidrs": ["192.168.100.0/24"], "ike_identities": [identity]});
        let peer = json!({"address": "198.51.100.1", "ike_identity": identity});
        let body = nested(
            &peer,
            &json!({"local": local, "establish_mode": "peer_only"}),
        );
        let made = w.call(Method::POST, &path, NEW, body).await;
        let seen = &made.is(201).body;
        assert_eq!(seen["local"], local);
        assert_eq!(seen["peer"]["ike_identity"], identity);
        assert_eq!(seen["establish_mode"], "peer_only");
        let one = format!("{path}/{}", made.id());
        let both = json!({"establish_mode": "bidirectional"});
        let both = w.call(Method::PATCH, &one, NEW, both).await;
        assert_eq!(both.is(200).body["establish_mode"], "bidirectional");
        assert_eq!(both.body["local"], local);
        w.delete(&one).await.is(202);
    }
}

#[tokio::test]
async fn a_peer_that_can_t_be_is_refused_by_its_field() {
    let w = World::new().await;
    let path = format!("/vpn_gateways/{}/connections", w.gateway().await);
    let identity = |kind: &str, value: &str| json!({"type": kind, "value": value});
    for (peer, field) in [
        (json!({"fqdn": "nowhere.example"}), "peer.fqdn"),
        (json!({"fqdn": "198.51.100.7"}), "peer.fqdn"),
        (json!({"fqdn": "a b"}), "peer.fqdn"),
        (
            json!({"fqdn": "peer.example", "address": "198.51.100.7"}),
            "peer.fqdn",
        ),
        (
            json!({"fqdn": "peer.example", "type": "address"}),
            "peer.type",
        ),
        (json!({"address": "0.0.0.0"}), "peer.address"),
        (json!({"address": "198.51.100.7", "asn": 64512}), "peer.asn"),
        (
            json!({"address": "198.51.100.7", "ike_identity": {"type": "fqdn"}}),
            "peer.ike_identity.value",
        ),
        (
            json!({"address": "198.51.100.7", "ike_identity": identity("email", "a@b")}),
            "peer.ike_identity.type",
        ),
        (
            json!({"address": "198.51.100.7", "ike_identity": identity("key_id", "?")}),
            "peer.ike_identity.value",
        ),
    ] {
        let answer = w
            .call(Method::POST, &path, NEW, nested(&peer, &json!({})))
            .await;
        assert_eq!(
            answer.is(400).body["errors"][0]["target"]["name"],
            field,
            "{answer:?}"
        );
    }
    let two = json!([identity("fqdn", "a"), identity("fqdn", "b")]);
    let local = json!({"local": {"cidrs": ["192.168.100.0/24"], "ike_identities": two}});
    let body = nested(&json!({"address": "198.51.100.7"}), &local);
    let answer = w.call(Method::POST, &path, NEW, body).await;
    assert_eq!(
        answer.is(400).body["errors"][0]["target"]["name"],
        "local.ike_identities"
    );
}

#[tokio::test]
async fn the_block_that_ibm_prints_with_host_bits_is_taken_and_no_other_is() {
    let w = World::new().await;
    let path = format!("/vpn_gateways/{}/connections", w.gateway().await);
    let local = |cidr: &str| json!({"local": {"cidrs": [cidr]}});
    let peer = json!({"address": "198.51.100.7"});
    let made = w
        .call(
            Method::POST,
            &path,
            NEW,
            nested(&peer, &local("166.9.0.0/14")),
        )
        .await;
    assert_eq!(made.is(201).body["local"]["cidrs"], json!(["166.8.0.0/14"]));
    let of = format!("{path}/{}", made.id());
    w.get(&format!("{of}/local_cidrs/166.9.0.0/14"))
        .await
        .is(204);
    w.get(&format!("{of}/local/cidrs/166.9.0.0%2F14"))
        .await
        .is(204);
    for cidr in [
        "166.10.0.0/14",
        "010.8.0.0/24",
        "10.8.0.1/24",
        "10.8.0.0/024",
        "2001:db8::/32",
    ] {
        let body = nested(&peer, &local(cidr));
        let answer = w.call(Method::POST, &path, NEW, body).await;
        answer.refused(400, "vpn_connection_cidr_not_valid");
        let encoded = cidr.replace('/', "%2F");
        let put = w.put(&format!("{of}/peer/cidrs/{encoded}")).await;
        put.refused(400, "vpn_connection_cidr_not_valid");
    }
}
