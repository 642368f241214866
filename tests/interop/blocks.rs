//! Several blocks a side: Adit has one Child SA for each pair, strongSwan one child for all of them.

use crate::ends::Ends;
use crate::scene::{Scene, Suite};
use crate::strongswan::{INNER, Peer, TOOLS, Wanted};
use crate::support::traffic::{PingsUnderWay, ping, ping_with};
use crate::support::{PATIENCE, turn, until};

const CIDRS: [&str; 2] = ["10.240.0.0/24", "10.240.1.0/24"];

fn scene(prefix: &str, number: u8) -> (Scene, Wanted) {
    let scene = Scene::with(prefix, number, &CIDRS);
    let wanted = Wanted {
        remote: "10.240.0.0/24,10.240.1.0/24",
        ..scene.wanted(&Suite::gcm())
    };
    (scene, wanted)
}

fn every_instance_is_reached(scene: &Scene, peer: &Peer, connection: &str) {
    scene.api.up(connection);
    for instance in &scene.site.instances {
        until("an instance's pings pass", PATIENCE, || {
            (ping(instance, INNER).are_all()).then_some(())
        });
    }
    for instance in &scene.site.instances {
        let how = format!("-c 10 -i 0.02 -I {INNER}");
        ping_with(&peer.namespace, &instance.address, &how).all();
        ping(instance, INNER).all();
    }
}

#[test]
fn adit_begins_and_every_block_is_reached() {
    let Some(_turn) = turn(TOOLS) else { return };
    let (scene, wanted) = scene("aij", 119);
    let peer = Peer::start(&scene.serve, &wanted);
    let connection = scene.connect(&Suite::gcm());
    every_instance_is_reached(&scene, &peer, &connection);
}

#[test]
fn strongswan_begins_and_every_block_is_reached() {
    let Some(_turn) = turn(TOOLS) else { return };
    let (scene, wanted) = scene("aik", 120);
    let connection = scene.connect(&Suite::gcm());
    scene.api.down_for(&connection, "peer_not_responding");
    let peer = Peer::start_unplugged(&scene.serve, &wanted);
    peer.plug();
    peer.try_initiate();
    every_instance_is_reached(&scene, &peer, &connection);
}

#[test]
fn a_changed_list_of_blocks_changes_child_sas_and_no_ping_is_lost() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ajo", 160);
    let peer = Peer::start(&ends.host, &ends.wanted);
    ends.apply();
    ends.works(&peer);
    let id = ends.id();
    let before = ends.host.spis(id);
    let since = ends.host.observed(id).unwrap().since;
    let pings = PingsUnderWay::start(&ends.place.instance.namespace, INNER);
    ends.wanted.remote = "10.240.0.0/24,10.250.0.0/24";
    peer.configure(&ends.wanted);
    ends.tunnel()
        .local_cidrs
        .push("10.250.0.0/24".parse().unwrap());
    ends.apply();
    ends.host.up_with(id, 2);
    assert!(ends.host.spis(id).contains(&before[0]));
    ends.tunnel().local_cidrs.pop();
    ends.apply();
    ends.host.up_with(id, 1);
    assert_eq!(ends.host.spis(id), before);
    assert_eq!(peer.sas().ike.len(), 1, "{}", peer.sas().text);
    pings.stop().all();
    assert_eq!(ends.host.observed(id).unwrap().since, since);
}
