//! Sizes and shapes of traffic: large streams, packets that just fit, and several blocks a side.

use crate::support::serve::Serve;
use crate::support::site::Site;
use crate::support::traffic::{ping, ping_with, tcp_both};
use crate::support::turn;
use crate::world::World;

#[test]
fn large_streams_pass_both_ways_and_what_does_not_fit_is_told_so() {
    let Some(_turn) = turn(&["iperf3", "ss", "timeout"]) else {
        return;
    };
    let world = World::new("aec", 12);
    let connections = world.connect();
    world.works(&connections);
    let (a, b) = world.instances();
    // 20 octets of IP and 8 of ICMP come on top.
    let fits = ping_with(&a.namespace, &b.address, "-c 5 -i 0.02 -M do -s 1372");
    fits.all();
    let large = ping_with(&a.namespace, &b.address, "-c 2 -i 0.02 -M do -s 1373");
    large.none();
    let told = large.text.contains("From 10.240.0.1 ") && large.text.contains("mtu = 1400");
    assert!(told, "{}", large.text);
    // In fragments it passes.
    ping_with(&b.namespace, &a.address, "-c 5 -i 0.02 -M dont -s 3000").all();
    tcp_both(&a.namespace, &b.namespace, &b.address);
}

#[test]
fn every_pair_of_blocks_has_its_way() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start("aed", 13);
    let api = serve.api();
    let one = Site::new(&serve, &api, "one", &["10.240.0.0/24", "10.240.1.0/24"]);
    let two = Site::new(&serve, &api, "two", &["10.240.64.0/24", "10.240.66.0/24"]);
    let connections = [one.connect(&api, &two), two.connect(&api, &one)];
    for connection in &connections {
        let up = api.up(connection);
        assert_eq!(up["local_cidrs"].as_array().unwrap().len(), 2);
    }
    for a in &one.instances {
        for b in &two.instances {
            ping(a, &b.address).all();
            ping(b, &a.address).all();
        }
    }
}
