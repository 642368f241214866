//! What a tunnel is told is obeyed, at once, and by no other tunnel.

use std::time::Duration;

use adit_model::connection::{Identity, Initiator};
use adit_model::observed::TunnelState;
use adit_model::policy::DhGroup;
use adit_model::{Psk, ReasonCode};

use crate::support::capture::Capture;
use crate::support::host::{Host, Place};
use crate::support::namespace::within;
use crate::support::traffic::{PingsUnderWay, ping_both, ping_with};
use crate::support::{PATIENCE, turn, until};

/// Two places with a tunnel between them.
fn pair(prefix: &str, number: u8) -> (Host, Place, Place) {
    let host = Host::open(prefix, number);
    let (mut one, mut two) = (host.place("10.81.0", 11), host.place("10.82.0", 12));
    one.connect(two.outer(), two.cidr);
    two.connect(one.outer(), one.cidr);
    (host, one, two)
}

fn only(place: &mut Place) -> &mut adit_model::desired::TunnelSpec {
    place.tunnels.last_mut().unwrap()
}

#[test]
fn a_change_of_one_tunnel_leaves_the_other_as_it_is() {
    let Some(_turn) = turn(&[]) else { return };
    let (host, mut hub, mut one) = pair("aeu", 40);
    let mut two = host.place("10.83.0", 13);
    hub.connect(two.outer(), two.cidr);
    two.connect(hub.outer(), hub.cidr);
    for place in [&hub, &one, &two] {
        host.apply(place);
    }
    let [changing, staying] = hub.connections()[..] else {
        panic!("the hub has two tunnels");
    };
    let (mut changed, stayed) = (host.up(changing, &[]), host.up(staying, &[]));
    ping_both(&hub.instance, &one.instance);
    ping_both(&hub.instance, &two.instance);
    let pings = PingsUnderWay::start(&hub.instance.namespace, &two.instance.address);

    // The MTU changes under the SAs.
    hub.tunnels[0].mtu = 1300;
    host.apply(&hub);
    until("the MTU counts", PATIENCE, || {
        let refused = ping_with(
            &hub.instance.namespace,
            &one.instance.address,
            "-c 1 -M do -s 1273",
        );
        (refused.received == 0).then_some(())
    });
    assert_eq!(host.spis(changing), changed);

    // Each other change is negotiated at once.
    let changes: [fn(&mut Place, &mut Place); 3] = [
        |hub, one| {
            let psk = Psk::new(b"AnotherPassword".to_vec()).unwrap();
            hub.tunnels[0].authentication = psk.clone().into();
            only(one).authentication = psk.into();
        },
        |hub, one| {
            hub.tunnels[0].local_id = Identity::parse("hub.example.com");
            only(one).peer_id = Identity::parse("hub.example.com");
        },
        |hub, one| {
            hub.tunnels[0].peer_id = Identity::parse("one.example.com");
            only(one).local_id = Identity::parse("one.example.com");
        },
    ];
    for change in changes {
        change(&mut hub, &mut one);
        host.apply(&hub);
        host.apply(&one);
        changed = host.up(changing, &changed);
        ping_both(&hub.instance, &one.instance);
    }

    // Another peer address: the place moves to another gateway.
    let mut moved = host.place("10.84.0", 14);
    moved.connect(hub.outer(), hub.cidr);
    let tunnel = &mut hub.tunnels[0];
    tunnel.peer_address = moved.outer();
    tunnel.peer_id = Identity::Address(moved.outer());
    tunnel.peer_cidrs = vec![moved.cidr];
    let there = only(&mut moved);
    there.authentication = tunnel.authentication.clone();
    there.peer_id = tunnel.local_id.clone();
    host.apply(&hub);
    host.apply(&moved);
    host.up(changing, &changed);
    ping_both(&hub.instance, &moved.instance);

    assert_eq!(host.spis(staying), stayed);
    pings.stop().all();
}

#[test]
fn an_identity_that_does_not_fit_is_named_and_healed() {
    let Some(_turn) = turn(&[]) else { return };
    let (host, mut one, mut two) = pair("aev", 41);
    only(&mut one).peer_id = Identity::parse("other.example.com");
    host.apply(&one);
    host.apply(&two);
    let id = one.connections()[0];
    let code = ReasonCode::CannotAuthenticateConnection;
    until("the evidence names both", PATIENCE, || {
        let evidence = host.down_for(id, code);
        let theirs = two.outer().to_string();
        (evidence.contains("other.example.com") && evidence.contains(&theirs)).then_some(())
    });
    only(&mut two).local_id = Identity::parse("other.example.com");
    host.apply(&two);
    host.up(id, &[]);
    ping_both(&one.instance, &two.instance);
}

#[test]
fn who_only_responds_waits_for_the_other() {
    let Some(_turn) = turn(&[]) else { return };
    let (host, mut one, mut two) = pair("aew", 42);
    only(&mut one).initiator = Initiator::ResponseOnly;
    only(&mut two).initiator = Initiator::ResponseOnly;
    let capture = Capture::start(&host);
    host.apply(&one);
    host.apply(&two);
    let id = one.connections()[0];
    until("it is known", PATIENCE, || host.observed(id));
    ping_with(
        &one.instance.namespace,
        &two.instance.address,
        "-c 3 -i 0.2 -w 1",
    )
    .none();
    let observed = host.observed(id).unwrap();
    assert_eq!(observed.state, TunnelState::Down);
    let evidence = &observed.reasons[0].evidence;
    assert!(evidence.contains("only responds"), "{evidence}");
    let captured = capture.stop();
    captured.hides(&one.instance.address, &two.instance.address);
    assert!(captured.packets().is_empty(), "neither began");

    only(&mut two).initiator = Initiator::BiDirectional;
    host.apply(&two);
    let before = host.up(id, &[]);
    ping_both(&one.instance, &two.instance);
    // The change back is no reason to end what was begun.
    only(&mut two).initiator = Initiator::ResponseOnly;
    host.apply(&two);
    ping_both(&one.instance, &two.instance);
    assert_eq!(host.spis(id), before);
}

#[test]
fn a_tunnels_mtu_is_learnt_by_the_machines() {
    let Some(_turn) = turn(&[]) else { return };
    let (host, mut one, mut two) = pair("aex", 43);
    only(&mut one).mtu = 1300;
    only(&mut two).mtu = 1300;
    host.apply(&one);
    host.apply(&two);
    host.up(one.connections()[0], &[]);
    ping_both(&one.instance, &two.instance);
    let (from, to) = (&one.instance.namespace, &two.instance.address);
    let ping = |len: usize, how: &str| ping_with(from, to, &format!("-c 1 {how} -s {len}"));
    ping(1300 - 28, "-M do").all();
    let refused = ping(1301 - 28, "-M do");
    refused.none();
    assert!(refused.text.contains("mtu = 1300"), "{}", refused.text);
    // Without DF it is fragmented, and the answer is too.
    ping(3000, "-M dont").all();
    let route = within(from, "ip").args(["route", "get", to]).output();
    let route = String::from_utf8(route.unwrap().stdout).unwrap();
    assert!(route.contains("mtu 1300"), "{route}");
}

#[test]
fn both_sides_rekey_at_about_the_same_time_and_no_ping_is_lost() {
    let Some(_turn) = turn(&[]) else { return };
    let (host, mut one, mut two) = pair("aeg", 16);
    for place in [&mut one, &mut two] {
        let tunnel = only(place);
        // When the Child SA is replaced, the first IKE SA's time is over.
        tunnel.ike.lifetime_s = 60;
        tunnel.ipsec.lifetime_s = 75;
        tunnel.ipsec.pfs = vec![DhGroup::try_from(14).unwrap()];
        host.apply(place);
    }
    let id = one.connections()[0];
    let before = host.up(id, &[]);
    ping_both(&one.instance, &two.instance);
    let pings = [
        PingsUnderWay::start(&one.instance.namespace, &two.instance.address),
        PingsUnderWay::start(&two.instance.namespace, &one.instance.address),
    ];
    let since = host.observed(id).unwrap().since;
    until("other keys are used", Duration::from_secs(75), || {
        let now = host.spis(id);
        (now.len() == 1 && now != before).then_some(())
    });
    for pings in pings {
        pings.stop().all();
    }
    let now = host.observed(id).unwrap();
    assert_eq!((now.state, now.since), (TunnelState::Up, since));
    ping_both(&one.instance, &two.instance);
}
