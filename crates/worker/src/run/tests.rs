//! A worker that nobody supervises: what it does with its orders, and what it looks at for it.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;

use adit_model::ConnectionId;
use adit_model::authentication::Authentication;
use adit_model::connection::{Identity, Initiator};
use adit_model::desired::{Carriers, TunnelSpec};
use adit_model::observed::{Traffic, TunnelState};

use super::*;
use crate::conversion;
use crate::conversion::tests::order;
use crate::descriptors::Ports;
use crate::protocol::{ChangeOrder, GatewayOrder, RecordingOrder, SealingKey};

/// A worker, and what has to stay open beside it.
fn worker() -> (Worker, UnixStream, UnixDatagram) {
    let (ours, control) = UnixStream::pair().unwrap();
    let (device, tun) = UnixDatagram::pair().unwrap();
    let socket = || UdpSocket::bind("127.0.0.1:0").unwrap().into();
    let descriptors = Descriptors {
        tun: tun.into(),
        first: Ports {
            ike: socket(),
            nat: socket(),
            esp: socket(),
            ah: socket(),
        },
        other: None,
    };
    (
        start(control, descriptors, Encapsulation::Auto).unwrap(),
        ours,
        device,
    )
}

/// A tunnel to a peer of its own that waits for that to begin.
fn tunnel(number: u32) -> Arc<TunnelSpec> {
    let mut tunnel = order();
    let peer = std::net::Ipv4Addr::from_bits(0x0b00_0000 + number);
    tunnel.peer_address = peer.into();
    tunnel.peer_id = Identity::Address(tunnel.peer_address);
    tunnel.initiator = Initiator::ResponseOnly;
    tunnel.into()
}

fn gateway(tunnels: Vec<Arc<TunnelSpec>>) -> GatewayOrder {
    GatewayOrder {
        addresses: OuterAddresses {
            v4: [127, 0, 0, 1].into(),
            second: None,
            v6: None,
        },
        tunnels,
    }
}

/// Of which tunnels the worker tells news now.
fn told(worker: &mut Worker, with_traffic: bool) -> Vec<ConnectionId> {
    worker.outgoing.clear();
    worker.tell_news(with_traffic);
    let lines = worker.outgoing.split(|octet| *octet == b'\n');
    let news = lines.filter_map(|line| FromWorker::parse(line).ok());
    let tunnels = news.filter_map(|news| match news {
        FromWorker::Tunnel { connection, .. } => Some(connection),
        _ => None,
    });
    tunnels.collect()
}

#[test]
fn a_gateway_has_as_many_tunnels_as_one_may_have_and_says_why_no_more() {
    let (mut worker, _supervisor, _device) = worker();
    let most = u32::try_from(MAX_TUNNELS).unwrap();
    let mut tunnels: Vec<_> = (0..=most).map(tunnel).collect();
    let beyond = tunnels.pop().unwrap();
    let first = tunnels[0].connection;
    worker.apply(&gateway(tunnels));
    assert_eq!(worker.configured.len(), MAX_TUNNELS);
    told(&mut worker, false);
    let one_more = beyond.connection;
    worker.change(&ChangeOrder {
        tunnels: vec![beyond],
        gone: Vec::new(),
    });
    assert_eq!(worker.configured.len(), MAX_TUNNELS);
    assert_eq!(told(&mut worker, false), [one_more]);
    let line = String::from_utf8_lossy(&worker.outgoing).into_owned();
    assert!(line.contains("10000 other connections"), "{line}");
    // One goes, and its place is free.
    let mut again = TunnelSpec::clone(&tunnel(most));
    again.connection = one_more;
    worker.change(&ChangeOrder {
        tunnels: vec![again.into()],
        gone: vec![first],
    });
    let key = conversion::key(one_more);
    assert!(worker.configured.contains_key(&key));
}

#[test]
fn only_tunnels_that_something_happened_to_are_looked_at() {
    let (mut worker, _supervisor, _device) = worker();
    let tunnels: Vec<_> = (0..3).map(tunnel).collect();
    let ids: Vec<_> = tunnels.iter().map(|tunnel| tunnel.connection).collect();
    worker.apply(&gateway(tunnels));
    assert_eq!(told(&mut worker, false).len(), 3);
    let keys: Vec<_> = ids.iter().map(|id| conversion::key(*id)).collect();
    // Each would have news, if it was asked.
    let count = |worker: &mut Worker, packets_in| {
        for key in &keys {
            let traffic = Traffic {
                packets_in,
                ..Traffic::default()
            };
            worker
                .tunnels
                .get_mut(key)
                .unwrap()
                .count(ChildKey(1), traffic);
        }
    };
    count(&mut worker, 1);
    assert_eq!(told(&mut worker, true), []);
    worker.later.insert(keys[1]);
    assert_eq!(told(&mut worker, false), [], "counters have their time");
    assert_eq!(told(&mut worker, true), [ids[1]]);
    count(&mut worker, 2);
    let past = OffsetDateTime::UNIX_EPOCH;
    let future = OffsetDateTime::now_utc() + time::Duration::days(1);
    worker.again.extend([(past, keys[2]), (future, keys[0])]);
    assert_eq!(told(&mut worker, true), [ids[2]]);
    assert_eq!(worker.again.len(), 1);
    assert_eq!(worker.tunnels[&keys[0]].state(), TunnelState::Down);
}

#[test]
fn a_tunnel_that_came_up_is_looked_at_again_when_all_its_parts_should_be_there() {
    let (mut worker, _supervisor, _device) = worker();
    let one = tunnel(1);
    let key = conversion::key(one.connection);
    worker.apply(&gateway(vec![one]));
    assert!(worker.again.is_empty());
    let up = adit_ike::Event::ChildUp {
        connection: key,
        child: ChildKey(1),
        spis: (256, 257),
        suite: String::new(),
        local: Vec::new(),
        remote: Vec::new(),
        replaces: None,
    };
    worker.act(adit_ike::Output::Event(up));
    told(&mut worker, false);
    assert_eq!(
        worker.again.iter().map(|(_, key)| *key).collect::<Vec<_>>(),
        [key]
    );
}

#[test]
fn what_happened_to_a_tunnel_is_handed_out_sealed_and_can_happen_again() {
    let (mut worker, _supervisor, _device) = worker();
    let mut spec = TunnelSpec::clone(&tunnel(1));
    spec.initiator = Initiator::BiDirectional;
    let Authentication::PresharedKey(key) = &spec.authentication else {
        panic!("a key");
    };
    let psk = adit_ike::Authentication::psk(adit_crypto::Secret::new(key.expose().to_vec()));
    let connection = spec.connection;
    worker.apply(&gateway(vec![spec.into()]));
    worker.drain();
    let mut ask = |connection| {
        worker.outgoing.clear();
        let key = SealingKey([7; 32]);
        worker.hand_out(&RecordingOrder { connection, key });
        match FromWorker::parse(worker.outgoing.trim_ascii_end()) {
            Ok(FromWorker::Recording {
                connection: of,
                sealed,
            }) if of == connection => sealed,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(ConnectionId::random()), None);
    let sealed = ask(connection).unwrap();
    let digits = sealed.as_bytes().chunks(2);
    let octets = digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16));
    let octets: Vec<u8> = octets.map(Result::unwrap).collect();
    let key = adit_crypto::EnvelopeKey::new(&[7; 32]);
    let opened = adit_ike::Recording::open(conversion::key(connection), &key, &octets);
    let replayed = opened.unwrap().replay(&psk).unwrap();
    assert!(replayed.inputs > 0);
}

/// A connection with a tunnel from each of two addresses.
fn routed(number: u32, distribute: bool) -> Arc<TunnelSpec> {
    let mut spec = TunnelSpec::clone(&tunnel(number));
    spec.carriers = Carriers::Each { distribute };
    spec.local_cidrs = vec!["10.1.0.0/24".parse().unwrap()];
    spec.peer_cidrs = vec!["10.9.0.0/16".parse().unwrap()];
    spec.into()
}

#[test]
fn a_connection_by_routes_has_a_tunnel_from_each_address_and_is_told_as_one() {
    let (mut worker, _supervisor, _device) = worker();
    let spec = routed(1, false);
    let mut order = gateway(vec![Arc::clone(&spec)]);
    order.addresses.second = Some([127, 0, 0, 2].into());
    worker.apply(&order);
    let first = conversion::key(spec.connection);
    let second = conversion::second(first);
    assert_eq!(conversion::connection_id(second), spec.connection);
    let mut keys: Vec<_> = worker.configured.keys().copied().collect();
    keys.sort_unstable_by_key(|key| *key != first);
    assert_eq!(keys, [first, second]);
    for (key, own) in [(first, [127, 0, 0, 1]), (second, [127, 0, 0, 2])] {
        let config = &worker.configured[&key];
        assert_eq!(config.local, IpAddr::from(own));
        let [child] = config.children.as_slice() else {
            panic!("{:?}", config.children);
        };
        for range in child.local.iter().chain(&child.remote) {
            assert_eq!(range.first(), IpAddr::from([0; 4]));
            assert_eq!(range.last(), IpAddr::from([255; 4]));
        }
    }
    assert_eq!(told(&mut worker, false), [spec.connection]);
    let line = String::from_utf8_lossy(&worker.outgoing).into_owned();
    for own in ["from 127.0.0.1: ", "from 127.0.0.2: "] {
        assert!(line.contains(own), "{line}");
    }
    // Another route, or another share, is no reason to negotiate anew.
    let mut again = TunnelSpec::clone(&spec);
    again.peer_cidrs.push("10.8.0.0/16".parse().unwrap());
    again.carriers = Carriers::Each { distribute: true };
    let before = worker.configured.clone();
    worker.change(&ChangeOrder {
        tunnels: vec![again.into()],
        gone: Vec::new(),
    });
    assert_eq!(worker.configured, before);
    worker.change(&ChangeOrder {
        tunnels: Vec::new(),
        gone: vec![spec.connection],
    });
    assert!(worker.configured.is_empty() && worker.tunnels.is_empty());
    assert!(worker.lanes.is_empty() && worker.leads.is_empty());
}
