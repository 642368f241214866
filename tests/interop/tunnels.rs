//! Identities, who begins, and short lifetimes, with strongSwan at the other end.

use std::time::Duration;

use adit_model::ReasonCode;
use adit_model::connection::{Identity, Initiator};
use adit_model::policy::{Authentication, DhGroup, Encryption};

use crate::ends::Ends;
use crate::strongswan::{INNER, Peer, TOOLS};
use crate::support::traffic::{PingsUnderWay, tcp};
use crate::support::{VERDICT, turn, until};

#[test]
fn names_authenticate_whoever_begins_and_a_wrong_one_is_named() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut scene = Ends::new("air", 127);
    scene.wanted.ids = Some(["swan.example.com", "adit.example.com"]);
    scene.tunnel().local_id = Identity::parse("adit.example.com");
    scene.tunnel().peer_id = Identity::parse("other.example.com");
    scene.tunnel().initiator = Initiator::ResponseOnly;
    let peer = Peer::start(&scene.host, &scene.wanted);
    scene.apply();
    scene.host.has_order(scene.id());
    let code = ReasonCode::CannotAuthenticateConnection;
    // strongSwan begins, then Adit: both see that the name is not the one.
    peer.try_initiate();
    let evidence = scene.host.down_for(scene.id(), code);
    assert!(evidence.contains("swan.example.com"), "{evidence}");
    scene.tunnel().initiator = Initiator::BiDirectional;
    scene.apply();
    scene.host.down_for(scene.id(), code);

    scene.tunnel().peer_id = Identity::parse("swan.example.com");
    scene.apply();
    scene.works(&peer);
    assert!(!peer.sas().began(), "{}", peer.sas().text);

    scene.tunnel().initiator = Initiator::ResponseOnly;
    scene.apply();
    peer.swanctl("--terminate --ike adit");
    peer.swanctl("--initiate --child net --timeout 4");
    scene.works(&peer);
    assert!(peer.sas().began(), "{}", peer.sas().text);
}

#[test]
fn triple_des_and_md5_carry_traffic_when_they_are_named() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Ends::new("ait", 129);
    old_algorithms_work(
        scene,
        Encryption::TripleDes,
        14,
        "3des-md5-modp2048",
        "3des-md5",
    );
}

#[test]
fn des_and_group_1_carry_traffic_when_they_are_named() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Ends::new("aiz", 130);
    old_algorithms_work(scene, Encryption::Des, 1, "des-md5-modp768", "des-md5");
}

fn old_algorithms_work(
    mut scene: Ends,
    encryption: Encryption,
    group: u16,
    ike: &'static str,
    esp: &'static str,
) {
    scene.wanted.ike = ike;
    scene.wanted.esp = esp;
    let tunnel = scene.tunnel();
    tunnel.ike.encryption = vec![encryption];
    tunnel.ike.authentication = vec![Authentication::Md5];
    tunnel.ike.groups = vec![DhGroup::try_from(group).unwrap()];
    tunnel.ipsec.encryption = vec![encryption];
    tunnel.ipsec.authentication = vec![Authentication::Md5];
    let peer = Peer::start(&scene.host, &scene.wanted);
    scene.apply();
    scene.works(&peer);
    let observed = scene.host.observed(scene.id()).unwrap();
    assert_eq!(observed.ike_suite.unwrap(), ike);
    let before = peer.sas().children;
    peer.swanctl("--rekey --child net");
    until("another Child SA is used", VERDICT, || {
        let now = peer.sas().children;
        (now.len() == 1 && now != before).then_some(())
    });
    let namespaces = (&scene.place.instance.namespace, &peer.namespace);
    let received = tcp(namespaces.0, namespaces.1, INNER, 10, false);
    // What was still under way at the end is not counted.
    assert!(received >= 8_000_000, "{received}");
}

#[test]
fn adit_rekeys_what_it_began_and_no_ping_is_lost() {
    rekeyed_by_adit("ai9", 109, Initiator::BiDirectional);
}

#[test]
fn adit_rekeys_what_strongswan_began_and_no_ping_is_lost() {
    rekeyed_by_adit("ais", 128, Initiator::ResponseOnly);
}

/// Adit's lifetimes are a minute; strongSwan's are hours.
fn rekeyed_by_adit(prefix: &str, number: u8, initiator: Initiator) {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut scene = Ends::new(prefix, number);
    scene.tunnel().initiator = initiator;
    scene.tunnel().ike.lifetime_s = 60;
    scene.tunnel().ipsec.lifetime_s = 60;
    let peer = Peer::start(&scene.host, &scene.wanted);
    scene.apply();
    let begins = initiator == Initiator::BiDirectional;
    if !begins {
        peer.bring_up(VERDICT);
    }
    scene.works(&peer);
    let before = peer.sas();
    assert_eq!(before.began(), !begins, "{}", before.text);
    let since = scene.host.observed(scene.id()).unwrap().since;
    let pings = PingsUnderWay::start(&scene.place.instance.namespace, INNER);
    let limit = Duration::from_secs(65);
    until("other SAs are there, and only they", limit, || {
        let now = peer.sas();
        let single = now.ike.len() == 1 && now.children.len() == 1;
        let fresh = |now: &[String], before: &[String]| now.first() != before.first();
        // The first line of an IKE SA has its SPIs, and nothing that changes.
        let fresh = fresh(&now.ike, &before.ike) && fresh(&now.children, &before.children);
        let ours = scene.host.spis(scene.id());
        (single && fresh && ours.len() == 1).then_some(())
    });
    pings.stop().all();
    scene.works(&peer);
    let now = scene.host.observed(scene.id()).unwrap();
    assert_eq!(now.since, since, "it was up all the time");
}
