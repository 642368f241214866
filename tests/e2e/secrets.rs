//! A pre-shared key is in the service's memory as long as its connection is there, and no longer.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use crate::support::site::PSK;
use crate::support::{PATIENCE, turn, until};
use crate::world::World;

/// How often octets are in what a process may write to.
fn found(pid: u32, planted: &[u8]) -> usize {
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split(' ').next().unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut octets = vec![0; usize::try_from(to - from).unwrap()];
        // What is gone in between is not looked at.
        if memory.read_exact_at(&mut octets, from).is_ok() {
            let windows = octets.windows(planted.len());
            count += windows.filter(|window| *window == planted).count();
        }
    }
    count
}

#[test]
fn a_deleted_connection_s_key_is_nowhere_in_the_service_s_memory() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("aen", 27);
    let connections = world.connect();
    world.works(&connections);
    // It is read out, too: what is answered goes through other buffers.
    for connection in &connections {
        world.api.get(connection).is(200);
    }
    let serve = world.serve.pid();
    let worker = world.serve.worker(&world.one.gateway).unwrap();
    assert!(
        found(serve, PSK.as_bytes()) > 0,
        "the search itself finds nothing"
    );
    assert!(
        found(worker, PSK.as_bytes()) > 0,
        "the search itself finds nothing"
    );
    for connection in &connections {
        world.api.delete(connection);
    }
    let mut last = (0, 0);
    let gone = crate::support::poll(PATIENCE, || {
        last = (found(serve, PSK.as_bytes()), found(worker, PSK.as_bytes()));
        (last == (0, 0)).then_some(())
    });
    assert!(
        gone.is_some(),
        "it is still there: service and worker {last:?}"
    );
    until("it serves on", PATIENCE, || Some(world.serve.api()));
}
