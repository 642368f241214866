//! What both ends say to be up carries the very next packet.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use adit_model::connection::Initiator;
use adit_model::observed::TunnelState;
use adit_model::policy::IkeVersion;

use crate::support::host::{Host, Place};
use crate::support::traffic::socket_in;
use crate::support::{PATIENCE, turn};

/// Who begins, by turns.
const BEGINS: [[Initiator; 2]; 3] = [
    [Initiator::BiDirectional, Initiator::BiDirectional],
    [Initiator::BiDirectional, Initiator::ResponseOnly],
    [Initiator::ResponseOnly, Initiator::BiDirectional],
];

/// Where the packets go; nobody else sends there.
const PORT: u16 = 7007;

#[test]
fn the_next_packet_arrives() {
    set_ups("au1", 171, IkeVersion::V2, 40);
    set_ups("au2", 172, IkeVersion::V1, 40);
}

#[test]
#[ignore = "two thousand set-ups take some ten minutes: make soak"]
fn the_next_packet_arrives_a_thousand_times() {
    set_ups("au3", 173, IkeVersion::V2, 1000);
    set_ups("au4", 174, IkeVersion::V1, 1000);
}

fn set_ups(prefix: &str, number: u8, version: IkeVersion, count: u32) {
    let Some(_turn) = turn(&[]) else { return };
    let host = Host::open(prefix, number);
    let mut places = [host.place("10.240.0", 11), host.place("10.240.64", 12)];
    let sockets = [0, 1].map(|n: usize| {
        let machine = &places[n].instance;
        let socket = socket_in(&machine.namespace, &format!("{}:{PORT}", machine.address));
        socket
            .set_read_timeout(Some(Duration::from_secs(2)))
            .unwrap();
        socket
    });
    let mut lost = Vec::new();
    for n in 0..count {
        let begins = BEGINS[usize::try_from(n).unwrap() % BEGINS.len()];
        set_up(&host, &mut places, version, begins);
        for (from, to) in [(0, 1), (1, 0)] {
            let machine = &places[to].instance.address;
            sockets[from]
                .send_to(&n.to_be_bytes(), format!("{machine}:{PORT}"))
                .unwrap();
        }
        for (socket, place) in sockets.iter().zip(&places) {
            if !arrives(socket, n) {
                lost.push((n, begins, place.instance.address.clone()));
            }
        }
        for place in &places {
            host.remove(place, place.tunnels[0].connection);
        }
    }
    eprintln!("{version:?}: {count} set-ups, lost: {lost:?}");
    assert!(lost.is_empty(), "of {count}: {lost:?}");
}

/// Makes a tunnel of its own between both, and waits until each says that it is up.
fn set_up(host: &Host, places: &mut [Place; 2], version: IkeVersion, begins: [Initiator; 2]) {
    for (n, initiator) in begins.into_iter().enumerate() {
        let (peer, behind) = (places[1 - n].outer(), places[1 - n].cidr);
        let place = &mut places[n];
        place.tunnels.clear();
        let tunnel = place.connect(peer, behind);
        tunnel.initiator = initiator;
        tunnel.ike.version = version;
    }
    for place in &*places {
        host.apply(place);
    }
    let is_up = |place: &Place| {
        let observed = host.observed(place.tunnels[0].connection);
        observed.is_some_and(|observed| observed.state == TunnelState::Up)
    };
    let end = Instant::now() + PATIENCE;
    while !places.iter().all(is_up) {
        assert!(Instant::now() < end, "not up: {begins:?}");
        // Closer than `until` looks: it is about the first moment.
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn arrives(socket: &UdpSocket, number: u32) -> bool {
    let mut octets = [0; 4];
    match socket.recv(&mut octets) {
        Ok(_) => octets == number.to_be_bytes(),
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("{error}"),
    }
}
