//! Strangers who send rubbish, and what they overheard, to a gateway.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::support::capture::Capture;
use crate::support::serve::resident;
use crate::support::traffic::{ping, ping_both};
use crate::support::{VERDICT, turn, until};
use crate::world::World;

/// Datagrams of each kind.
const ROUNDS: usize = 3000;

/// What a worker's memory may grow by, in kB.
const GROWTH: u64 = 4096;

/// A sequence of numbers that is the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 8).unwrap()
    }

    fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// Sends `what` from wherever it says it comes from.
fn inject(raw: &Socket, packet: &[u8]) {
    let to: [u8; 4] = packet[16..20].try_into().unwrap();
    let to = SocketAddr::from((Ipv4Addr::from(to), 0));
    raw.send_to(packet, &to.into()).unwrap();
}

#[test]
fn rubbish_and_replays_change_nothing() {
    let Some(_turn) = turn(&[]) else { return };
    let world = World::new("aee", 14);
    let capture = Capture::start(&world.serve);
    let connections = world.connect();
    world.works(&connections);
    let overheard = capture.stop();
    let packets = overheard.packets();
    assert!(packets.len() > 40);

    let worker = world.serve.worker(&world.one.gateway).unwrap();
    let host = UdpSocket::bind((format!("{}.1", world.serve.external).as_str(), 0)).unwrap();
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255))).unwrap();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut memory = 0;
    for round in 0..2 * ROUNDS {
        let port = [500, 4500][round % 2];
        let target = (world.one.address.as_str(), port);
        let length = numbers.next() % 1400;
        host.send_to(&numbers.octets(length), target).unwrap();
        let known = packets[numbers.next() % packets.len()];
        let payload = &known[28..];
        let cut = numbers.next() % (payload.len() + 1);
        host.send_to(&payload[..cut], target).unwrap();
        let mut bent = payload.to_vec();
        let at = numbers.next() % bent.len();
        bent[at] ^= 1 << (round % 8);
        host.send_to(&bent, target).unwrap();
        inject(&raw, known);
        if round == ROUNDS {
            // By now, whatever is kept for strangers is there.
            memory = resident(worker);
        }
    }
    let (a, b) = world.instances();
    ping_both(a, b);
    assert_eq!(world.serve.worker(&world.one.gateway), Some(worker));
    let grown = resident(worker).saturating_sub(memory);
    assert!(grown < GROWTH, "the worker grew by {grown} kB");
    // Twenty before, twenty since: no replay was taken for a packet.
    for connection in &connections {
        until("exactly the pings were counted", VERDICT, || {
            let traffic = &world.api.up(connection)["negotiated"]["traffic"];
            (traffic["packets_in"] == 40 && traffic["packets_out"] == 40).then_some(())
        });
    }
    ping(a, &b.address).all();
}
