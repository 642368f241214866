//! Whatever is killed comes back by itself, and what was promised holds.

use nix::sys::signal::Signal;

use crate::support::namespace::ip;
use crate::support::serve::signal_to;
use crate::support::site::Site;
use crate::support::traffic::{PingsUnderWay, ping};
use crate::support::{PATIENCE, VERDICT, turn, until};
use crate::world::World;

#[test]
fn a_killed_worker_comes_back_and_the_other_tunnels_lose_nothing() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("ae7", 7);
    let (serve, api) = (&world.serve, &world.api);
    let three = Site::new(serve, api, "three", &["10.240.128.0/24"]);
    let four = Site::new(serve, api, "four", &["10.240.192.0/24"]);
    let connections = world.connect();
    let others = [three.connect(api, &four), four.connect(api, &three)];
    world.works(&connections);
    for other in &others {
        api.up(other);
    }

    let four_address = &four.instances[0].address;
    let bystanders = PingsUnderWay::start(&three.instances[0].namespace, four_address);
    let killed = serve.worker(&world.one.gateway).unwrap();
    signal_to(killed, Signal::SIGKILL);
    until("another worker runs", VERDICT, || {
        serve
            .worker(&world.one.gateway)
            .filter(|pid| *pid != killed)
    });
    let (a, b) = world.instances();
    until("pings pass again", VERDICT, || {
        (ping(a, &b.address).are_all()).then_some(())
    });
    world.works(&connections);
    bystanders.stop().all();
}

#[test]
fn a_worker_that_hangs_is_noticed_said_and_replaced() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("ae24", 24);
    let connections = world.connect();
    world.works(&connections);
    let hung = world.serve.worker(&world.one.gateway).unwrap();
    signal_to(hung, Signal::SIGSTOP);
    // It says nothing for ten seconds before that counts.
    until("another worker runs", PATIENCE, || {
        let worker = world.serve.worker(&world.one.gateway);
        worker.filter(|pid| *pid != hung)
    });
    assert!(world.serve.log().contains("it said nothing for 10 s"));
    assert!(std::fs::metadata(format!("/proc/{hung}")).is_err());
    let (a, b) = world.instances();
    until("pings pass again", VERDICT, || {
        (ping(a, &b.address).are_all()).then_some(())
    });
    world.works(&connections);
}

#[test]
fn a_killed_service_comes_back_with_the_same_tunnels_and_takes_old_tokens() {
    let Some(_turn) = turn(&[]) else { return };
    let mut world = World::new("ae8", 8);
    let connections = world.connect();
    world.works(&connections);
    let shown = |world: &World| {
        connections
            .each_ref()
            .map(|path| world.api.get(path).is(200))
    };
    let before = shown(&world);

    let orphaned = world.serve.worker(&world.one.gateway).unwrap();
    world.serve.end(Signal::SIGKILL);
    until("workers go with the service", VERDICT, || {
        let status = std::fs::read_to_string(format!("/proc/{orphaned}/stat"));
        status.is_err().then_some(())
    });
    ip("netns add ae8-r-deadbeef");
    ip("link add ae8-xdeadbeef type bridge");
    world.serve.run();

    // The port is another one, the token is the old one.
    world.api = world.api.at(&world.serve.api());
    world.works(&connections);
    for (now, then) in shown(&world).iter().zip(&before) {
        for field in ["id", "name", "psk", "status", "created_at", "peer_address"] {
            assert_eq!(now[field], then[field], "{field}");
        }
    }
    until("what nobody wants is removed", VERDICT, || {
        let left = world.serve.leftovers();
        (!left.iter().any(|name| name.contains("deadbeef"))).then_some(())
    });
}

#[test]
fn a_service_that_is_told_to_end_leaves_nothing_behind() {
    let Some(_turn) = turn(&[]) else { return };
    let mut world = World::new("ae9", 9);
    let connections = world.connect();
    world.works(&connections);
    assert!(!world.serve.leftovers().is_empty());
    let status = world.serve.end(Signal::SIGTERM);
    assert_eq!(status.code(), Some(0), "{}", world.serve.log());
    assert_eq!(world.serve.leftovers(), Vec::<String>::new());

    // And everything is there again after a start.
    world.serve.run();
    world.api = world.serve.api();
    world.works(&connections);
}

#[test]
fn what_is_deleted_by_the_api_leaves_nothing_behind() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("aeh", 17);
    let api = &world.api;
    let connections = world.connect();
    world.works(&connections);
    for (kind, status) in [
        ("vpn_gateways", 202),
        ("instances", 204),
        ("subnets", 204),
        ("vpcs", 204),
    ] {
        let listed = api.get(kind).is(200);
        for one in listed[kind].as_array().unwrap() {
            let path = format!("{kind}/{}", one["id"].as_str().unwrap());
            until("it can be deleted", PATIENCE, || {
                let answer = api.delete(&path);
                (answer.status == status || answer.status == 404).then_some(())
            });
            until("it is gone", PATIENCE, || {
                (api.get(&path).status == 404).then_some(())
            });
        }
    }
    until("only the external network is left", PATIENCE, || {
        (world.serve.leftovers() == ["aeh-ext"]).then_some(())
    });
}
