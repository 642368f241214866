//! What is wrong is said within seconds, on both sides where both can know, and goes away by
//! changing it, without a restart of anything.

use serde_json::{Value, json};

use crate::support::traffic::ping;
use crate::support::turn;
use crate::world::World;

fn evidence(reason: &Value) -> &str {
    assert_ne!(reason["next_step"], "");
    reason["evidence"].as_str().unwrap()
}

fn peer(world: &World) -> &str {
    &world.two.address
}

#[test]
fn different_keys_are_named_on_both_sides_and_healed_by_a_patch() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("ae2", 2);
    let api = &world.api;
    let wrong = json!({"psk": "NotTheSameKey"});
    let first = world
        .one
        .connect_with(api, peer(&world), &world.two.cidrs, &wrong);
    let second = world.two.connect(api, &world.one);
    for path in [&first, &second] {
        let reason = api.down_for(path, "cannot_authenticate_connection");
        assert!(!evidence(&reason).contains("NotTheSameKey"));
        assert!(!evidence(&reason).contains("VPNDemoPassword"));
    }
    let (a, b) = world.instances();
    ping(a, &b.address).none();
    api.patch(&first, r#"{"psk": "VPNDemoPassword"}"#);
    world.works(&[first, second]);
    for key in ["NotTheSameKey", "VPNDemoPassword"] {
        assert!(!world.serve.log().contains(key), "a key is in the log");
    }
}

fn policy(world: &World, kind: &str, body: &Value) -> Value {
    let made = world.api.post(kind, &body.to_string()).is(201);
    json!({"id": made["id"]})
}

#[test]
fn different_ike_policies_are_named_with_both_sides_values() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("ae3", 3);
    let api = &world.api;
    let ike = |name: &str, encryption: &str| {
        let body = json!({
            "name": name,
            "ike_version": 2,
            "encryption_algorithm": encryption,
            "authentication_algorithm": "sha256",
            "dh_group": 14,
        });
        policy(&world, "ike_policies", &body)
    };
    let (weak, strong) = (ike("weak", "aes128"), ike("strong", "aes256"));
    let (one, two) = (&world.one, &world.two);
    let more = json!({"ike_policy": weak});
    let first = one.connect_with(api, &two.address, &two.cidrs, &more);
    let more = json!({"ike_policy": strong});
    let second = two.connect_with(api, &one.address, &one.cidrs, &more);
    let told = [&first, &second].map(|path| api.down_for(path, "ike_policy_mismatch"));
    let texts = told.each_ref().map(evidence);
    let both = texts.iter().find(|text| {
        let text = text.to_lowercase();
        text.contains("aes128") && text.contains("aes256")
    });
    assert!(both.is_some(), "{texts:?}");
    api.patch(&first, &json!({"ike_policy": strong}).to_string());
    world.works(&[first, second]);
}

#[test]
fn different_ipsec_policies_are_named_with_both_sides_values() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("ae4", 4);
    let api = &world.api;
    let ipsec = |name: &str, authentication: &str| {
        let body = json!({
            "name": name,
            "encryption_algorithm": "aes128",
            "authentication_algorithm": authentication,
            "pfs": "disabled",
        });
        policy(&world, "ipsec_policies", &body)
    };
    let (old, new) = (ipsec("old", "sha256"), ipsec("new", "sha512"));
    let (one, two) = (&world.one, &world.two);
    let more = json!({"ipsec_policy": old});
    let first = one.connect_with(api, &two.address, &two.cidrs, &more);
    let more = json!({"ipsec_policy": new});
    let second = two.connect_with(api, &one.address, &one.cidrs, &more);
    let told = [&first, &second].map(|path| api.down_for(path, "ipsec_policy_mismatch"));
    let texts = told.each_ref().map(evidence);
    let both = texts
        .iter()
        .find(|text| text.contains("256") && text.contains("512"));
    assert!(both.is_some(), "{texts:?}");
    api.patch(&second, &json!({"ipsec_policy": old}).to_string());
    world.works(&[first, second]);
}

#[test]
fn cidrs_that_do_not_mirror_each_other_are_named_and_healed_one_by_one() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("ae5", 5);
    let api = &world.api;
    let first = world.one.connect(api, &world.two);
    let wrong = ["10.241.0.0/24".to_owned()];
    let address = &world.one.address;
    let second = world.two.connect_with(api, address, &wrong, &json!({}));
    let told =
        [&first, &second].map(|path| api.down_for(path, "ike_v2_local_remote_cidr_mismatch"));
    let texts = told.each_ref().map(evidence);
    let both = texts
        .iter()
        .find(|text| text.contains("10.240.0.0/24") && text.contains("10.241.0.0/24"));
    assert!(both.is_some(), "{texts:?}");
    let added = api.put(&format!("{second}/peer_cidrs/10.240.0.0/24"));
    assert!(added.status < 300, "{added:?}");
    let removed = api.delete(&format!("{second}/peer_cidrs/10.241.0.0/24"));
    assert!(removed.status < 300, "{removed:?}");
    world.works(&[first, second]);
}

#[test]
fn a_peer_that_is_not_there_is_named_and_healed_by_its_right_address() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("ae6", 6);
    let api = &world.api;
    let nobody = format!("{}.200", world.serve.external);
    let first = world
        .one
        .connect_with(api, &nobody, &world.two.cidrs, &json!({}));
    let reason = api.down_for(&first, "peer_not_responding");
    assert!(evidence(&reason).contains(&nobody), "{reason}");
    let second = world.two.connect(api, &world.one);
    let right = json!({"peer_address": peer(&world)});
    api.patch(&first, &right.to_string());
    world.works(&[first, second]);
}
