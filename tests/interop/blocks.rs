//! Several blocks a side: Adit has one Child SA for each pair, strongSwan one child for all of them.

use crate::scene::{Scene, Suite};
use crate::strongswan::{INNER, Peer, TOOLS, Wanted};
use crate::support::traffic::{ping, ping_with};
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
