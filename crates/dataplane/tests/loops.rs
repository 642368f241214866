//! The loops themselves, over real UDP sockets on the loopback. A pair of datagram sockets stands for the device:
//! like one, it keeps frames whole.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::packets::{packet, to_left, to_right};
use crate::support::{Side, child, routes};
use adit_dataplane::{
    ChildId, Config, Counters, Dataplane, DropCause, IkeDatagram, IkeQueue, InstallError, Memory,
    QueueLimits, UdpPort, Userspace, control_buffer,
};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::Ipv4Tos;

/// How long a read waits before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);
const VNET: usize = 10;

struct Gateway {
    plane: Userspace,
    device: UnixDatagram,
    address: SocketAddr,
    /// Its address of IPv6, if it has one.
    v6: Option<SocketAddr>,
    ike: Arc<IkeQueue>,
}

impl Gateway {
    fn new(outer_mtu: u16) -> Self {
        Self::on(&["127.0.0.1:0"], outer_mtu)
    }

    /// One with sockets on one or two addresses.
    fn on(addresses: &[&str], outer_mtu: u16) -> Self {
        let (device, tun) = UnixDatagram::pair().unwrap();
        device.set_read_timeout(Some(PATIENCE)).unwrap();
        let sockets = addresses.iter().map(|at| UdpSocket::bind(at).unwrap());
        let mut sockets = sockets.collect::<Vec<_>>().into_iter();
        let (udp, other) = (sockets.next().unwrap(), sockets.next());
        let address = udp.local_addr().unwrap();
        let v6 = other.as_ref().map(|other| other.local_addr().unwrap());
        let ike = Arc::new(IkeQueue::new(QueueLimits {
            others: 2,
            ..QueueLimits::default()
        }));
        let config = Config {
            tun: OwnedFd::from(tun),
            udp: OwnedFd::from(udp),
            udp_other: other.map(OwnedFd::from),
            esp: Vec::new(),
            ah: Vec::new(),
            outer_mtu,
            max_children: 64,
            clamp_mss: true,
        };
        let plane = Userspace::start(config, Arc::clone(&ike), || {}).unwrap();
        plane.change_routes(routes());
        Self {
            plane,
            device,
            address,
            v6,
            ike,
        }
    }

    fn write(&self, packet: &[u8]) {
        self.write_frame([0; VNET], packet);
    }

    fn write_frame(&self, vnet: [u8; VNET], packet: &[u8]) {
        self.device.send(&[&vnet[..], packet].concat()).unwrap();
    }

    fn ike_message(&self) -> IkeDatagram {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(message) = self.ike.pop() {
                return message;
            }
            assert!(Instant::now() < deadline, "no IKE message");
            std::thread::yield_now();
        }
    }

    fn read_frame(&self) -> Vec<u8> {
        let mut buf = vec![0; 70_000];
        let len = self.device.recv(&mut buf).expect("a frame from the device");
        buf.truncate(len);
        buf
    }

    /// The counters once nothing can change them: a packet may arrive before its sender has counted it.
    fn final_counters(&self) -> Counters {
        self.plane.stop();
        self.plane.counters()
    }

    fn read(&self) -> Vec<u8> {
        let frame = self.read_frame();
        assert_eq!(frame[..VNET], [0; VNET]);
        frame[VNET..].to_vec()
    }
}

fn pair(gcm: bool) -> (Gateway, Gateway) {
    let (left, right) = (Gateway::new(1500), Gateway::new(1500));
    left.plane
        .install(child(Side::Left, 0x1000, gcm, right.address, true))
        .unwrap();
    right
        .plane
        .install(child(Side::Right, 0x1000, gcm, left.address, true))
        .unwrap();
    (left, right)
}

fn peer_socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

#[test]
fn packets_cross_in_both_directions_and_in_order() {
    for gcm in [true, false] {
        let (left, right) = pair(gcm);
        for round in 0..200_u16 {
            // Lengths that rise and fall end batches in every way there is.
            let payload = vec![round as u8; usize::from(round * 37 % 1200)];
            left.write(&to_right(&payload));
            right.write(&to_left(&payload));
            assert_eq!(right.read(), to_right(&payload));
            assert_eq!(left.read(), to_left(&payload));
        }
        let (sent, received) = (left.final_counters(), right.final_counters());
        assert_eq!((sent.packets_out, received.packets_in), (200, 200));
        assert_eq!(sent.octets_out, received.octets_in);
    }
}

#[test]
fn a_large_tcp_packet_is_cut_sealed_opened_and_joined() {
    for gcm in [true, false] {
        let (left, right) = pair(gcm);
        let payload: Vec<u8> = (0..60_000_u32).map(|at| ((at * 31) >> 3) as u8).collect();
        let mut whole = vec![0x45, 0];
        whole.extend((payload.len() as u16 + 40).to_be_bytes());
        whole.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 1, 0, 1]);
        whole.extend([
            0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0,
        ]);
        whole.extend_from_slice(&payload);
        // Partial checksum over the TCP part, TCP over IPv4, segments of 1448 octets: more than the tunnel takes.
        let [s0, s1] = 1448_u16.to_ne_bytes();
        let [c0, c1] = 20_u16.to_ne_bytes();
        let [o0, o1] = 16_u16.to_ne_bytes();
        left.write_frame([1, 1, 40, 0, s0, s1, c0, c1, o0, o1], &whole);
        let mut received = Vec::new();
        let mut frames = 0;
        while received.len() < payload.len() {
            let frame = right.read_frame();
            received.extend_from_slice(&frame[VNET + 40..]);
            frames += 1;
        }
        assert!(received == payload);
        let (sent, joined) = (left.final_counters(), right.final_counters());
        assert!(sent.packets_out >= 42, "{sent:?}");
        assert_eq!(joined.packets_in, sent.packets_out);
        assert!(
            sent.socket_sends < sent.packets_out,
            "one send carries many packets: {sent:?}"
        );
        assert!(
            frames < joined.packets_in,
            "one write carries many packets: {joined:?}"
        );
    }
}

#[test]
fn what_comes_before_its_child_sa_is_written_when_that_is_there() {
    let (left, right) = (Gateway::new(1500), Gateway::new(1500));
    left.plane
        .install(child(Side::Left, 0x1000, true, right.address, true))
        .unwrap();
    right.plane.expect(0x1001);
    for text in [b"one", b"two"] {
        left.write(&to_right(text));
    }
    let sent = |side: &Gateway| side.plane.counters().packets_out;
    let deadline = Instant::now() + PATIENCE;
    while sent(&left) < 2 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    // They may still be on their way to the loop; a moment later they are parked, or find what is installed.
    std::thread::sleep(Duration::from_millis(50));
    right
        .plane
        .install(child(Side::Right, 0x1000, true, left.address, true))
        .unwrap();
    left.write(&to_right(b"three"));
    for text in [&b"one"[..], b"two", b"three"] {
        assert_eq!(right.read(), to_right(text));
    }
    assert_eq!(right.final_counters().drops(DropCause::UnknownSpi), 0);
}

#[test]
fn a_packet_without_an_sa_is_counted_and_never_sent() {
    let (left, right) = pair(true);
    left.write(&packet([10, 0, 0, 1], [10, 9, 0, 1], b"astray"));
    left.write(b"no packet");
    left.write(&to_right(b"next"));
    assert_eq!(right.read(), to_right(b"next"));
    let counters = left.final_counters();
    assert_eq!(
        (
            counters.drops(DropCause::NoConnection),
            counters.drops(DropCause::NotIp)
        ),
        (1, 1)
    );
    assert_eq!(
        (counters.packets_out, right.final_counters().packets_in),
        (1, 1)
    );
}

#[test]
fn the_shared_port_tells_ike_keepalives_and_strangers_apart() {
    let (left, _right) = pair(true);
    let peer = peer_socket();
    let peer_address = peer.local_addr().unwrap();
    for datagram in [
        &[0xFF][..],
        &[1, 2, 3],
        &[0, 0, 1, 1, 0, 0, 0, 1, 9, 9],
        b"\0\0\0\0first",
        b"\0\0\0\0",
    ] {
        peer.send_to(datagram, left.address).unwrap();
    }
    let message = left.ike_message();
    let expected = IkeDatagram {
        from: peer_address,
        local: left.address,
        bytes: b"first".to_vec(),
    };
    assert_eq!(message, expected);
    assert_eq!(left.ike_message().bytes, b"");
    let counters = left.plane.counters();
    assert_eq!(
        (counters.keepalives_in, counters.drops(DropCause::Runt)),
        (1, 1)
    );
    assert_eq!(counters.drops(DropCause::UnknownSpi), 1);

    let mut buf = [0; 100];
    left.plane
        .send_ike(left.address.ip(), peer_address, b"answer")
        .unwrap();
    assert_eq!(peer.recv(&mut buf).unwrap(), 10);
    assert_eq!(&buf[..10], b"\0\0\0\0answer");
    left.plane
        .send_keepalive(left.address.ip(), peer_address)
        .unwrap();
    assert_eq!((peer.recv(&mut buf).unwrap(), buf[0]), (1, 0xFF));
}

#[test]
fn a_full_ike_queue_drops_and_does_not_block_the_loop() {
    let (left, right) = pair(true);
    let peer = peer_socket();
    for _ in 0..5 {
        peer.send_to(b"\0\0\0\0again", left.address).unwrap();
    }
    right.write(&to_left(b"after"));
    assert_eq!(left.read(), to_left(b"after"));
    let counters = left.plane.counters();
    assert_eq!(
        (counters.ike_in, counters.drops(DropCause::IkeStranger)),
        (2, 3)
    );
}

#[test]
fn a_rekey_loses_nothing_and_a_moved_peer_is_seen() {
    let left = Gateway::new(1500);
    let (peer, moved) = (peer_socket(), peer_socket());
    let far = Memory::new();
    far.change_routes(routes());
    let (old, new) = (ChildId(0x1000), ChildId(0x2000));
    left.plane
        .install(child(
            Side::Left,
            0x1000,
            true,
            peer.local_addr().unwrap(),
            true,
        ))
        .unwrap();
    far.install(child(Side::Right, 0x1000, true, left.address, true))
        .unwrap();
    let mut buf = [0; 2000];
    let mut cross = |socket: &UdpSocket, spi: u32| {
        left.write(&to_right(b"there"));
        let len = socket.recv(&mut buf).unwrap();
        assert_eq!(buf[..4], spi.to_be_bytes());
        assert_eq!(
            far.receive(left.address, &buf[..len]).unwrap(),
            to_right(b"there")
        );
        socket
            .send_to(&far.send(&to_left(b"back")).unwrap().bytes, left.address)
            .unwrap();
        assert_eq!(left.read(), to_left(b"back"));
    };
    cross(&peer, 0x1001);
    left.plane
        .install(child(
            Side::Left,
            0x2000,
            true,
            peer.local_addr().unwrap(),
            false,
        ))
        .unwrap();
    far.install(child(Side::Right, 0x2000, true, left.address, true))
        .unwrap();
    cross(&peer, 0x1001);
    left.plane.activate_outbound(new);
    cross(&peer, 0x2001);
    left.plane.stop_outbound(old);
    left.plane.remove(old);
    assert!(left.plane.child_counters(old).is_none());
    left.plane.move_endpoint(new, moved.local_addr().unwrap());
    cross(&moved, 0x2001);
    let counters = left.plane.child_counters(new).unwrap();
    assert_eq!(counters.endpoint_seen, Some(moved.local_addr().unwrap()));
    assert_eq!((counters.packets_out, counters.packets_in), (2, 3));
    assert!(counters.last_inbound.is_some());
}

#[test]
fn a_packet_larger_than_the_tunnel_is_answered_or_fragmented() {
    let (left, right) = pair(true);
    let mut large = to_right(&[7; 1472]);
    left.write(&large);
    let message = left.read();
    assert_eq!(
        (message[9], message[20], message[21]),
        (1, 3, 4),
        "ICMP, unreachable, fragmentation needed"
    );
    let mtu = usize::from(u16::from_be_bytes([message[26], message[27]]));
    assert!((1400..1472).contains(&mtu), "{mtu}");
    left.write(&to_right(&vec![7; mtu - 28]));
    assert_eq!(right.read().len(), mtu, "what the message allows fits");
    assert_eq!(left.plane.counters().drops(DropCause::TooBig), 1);

    large[6] = 0;
    left.write(&large);
    let (first, second) = (right.read(), right.read());
    assert!(first.len() <= mtu);
    assert_eq!([&first[20..], &second[20..]].concat(), large[20..]);
}

/// What the device would hand over whole: `count` octets of payload, to be cut into pieces of `size`.
fn super_packet(mut packet: Vec<u8>, kind: u8, size: u16) -> ([u8; VNET], Vec<u8>) {
    let protocol_header = if packet[9] == 6 { (16, 20) } else { (6, 8) };
    let len = packet.len() as u16;
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    let [h0, h1] = (20_u16 + protocol_header.1).to_ne_bytes();
    let [s0, s1] = size.to_ne_bytes();
    let [c0, c1] = 20_u16.to_ne_bytes();
    let [o0, o1] = u16::to_ne_bytes(protocol_header.0);
    ([1, kind, h0, h1, s0, s1, c0, c1, o0, o1], packet)
}

#[test]
fn a_connections_mtu_is_told_and_kept_by_every_kind_of_packet() {
    const MTU: usize = 1300;
    let (left, right) = pair(true);
    left.plane.set_mtu(ChildId(0x1000), Some(1300));
    left.write(&to_right(&[7; MTU - 28]));
    assert_eq!(right.read().len(), MTU);
    let mut large = to_right(&[7; MTU - 27]);
    left.write(&large);
    let message = left.read();
    assert_eq!((message[9], message[20], message[21]), (1, 3, 4));
    assert_eq!(message[26..28], 1300_u16.to_be_bytes());
    large[6] = 0;
    left.write(&large);
    let (first, second) = (right.read(), right.read());
    assert!(first.len() <= MTU, "{}", first.len());
    assert_eq!([&first[20..], &second[20..]].concat(), large[20..]);

    // TCP that the kernel left whole is cut smaller than it asked for.
    let mut tcp = vec![0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0];
    tcp.extend([10, 0, 0, 1, 10, 1, 0, 1]);
    tcp.extend([0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10]);
    tcp.extend([1, 0, 0, 0, 0, 0]);
    tcp.extend([9; 5400]);
    let (vnet, whole) = super_packet(tcp, 1, 1400);
    left.write_frame(vnet, &whole);
    let mut payload = 0;
    while payload < 5400 {
        // They may come joined again: what counts is what was sent.
        payload += right.read_frame().len() - VNET - 40;
    }
    assert_eq!(payload, 5400);

    // Datagrams that the kernel left whole stay datagrams: they are refused or fragmented.
    let mut udp = to_right(&[5; 2700]);
    let (vnet, whole) = super_packet(udp.clone(), 5, 1350);
    left.write_frame(vnet, &whole);
    for _ in 0..2 {
        let message = left.read();
        assert_eq!((message[20], message[21]), (3, 4));
        assert_eq!(message[26..28], 1300_u16.to_be_bytes());
    }
    udp[6] = 0;
    let (vnet, whole) = super_packet(udp, 5, 1350);
    left.write_frame(vnet, &whole);
    let fragments: Vec<_> = (0..4).map(|_| right.read()).collect();
    assert!(fragments.iter().all(|fragment| fragment.len() <= MTU));
    let octets: usize = fragments.iter().map(|fragment| fragment.len() - 20).sum();
    assert_eq!(octets, 2 * 1358);

    let counters = left.final_counters();
    assert_eq!(counters.drops(DropCause::TooBig), 3);
    // Five pieces of TCP, where four would have been enough at the size it was to have.
    assert_eq!(counters.packets_out, 1 + 2 + 5 + 4);
}

#[test]
fn the_mss_follows_the_connections_mtu_in_both_directions() {
    let (left, right) = pair(true);
    left.plane.set_mtu(ChildId(0x1000), Some(1000));
    let syn = |source: [u8; 4], destination: [u8; 4]| {
        let mut packet = vec![0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0];
        packet.extend(source);
        packet.extend(destination);
        packet.extend([0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 1, 0]);
        packet.extend([0, 0, 0, 0, 2, 4, 5, 180]);
        packet
    };
    let mss = |packet: &[u8]| u16::from_be_bytes([packet[42], packet[43]]);
    left.write(&syn([10, 0, 0, 1], [10, 1, 0, 1]));
    assert_eq!(mss(&right.read()), 960);
    right.write(&syn([10, 1, 0, 1], [10, 0, 0, 1]));
    assert_eq!(mss(&left.read()), 960);
}

#[test]
fn each_peer_is_spoken_to_by_the_socket_of_its_family() {
    let both = ["127.0.0.1:0", "[::1]:0"];
    let (left, right) = (Gateway::on(&both, 1500), Gateway::on(&both, 1500));
    let mut spi = 0x1000;
    for (to_the_right, to_the_left) in [
        (right.address, left.address),
        (right.v6.unwrap(), left.v6.unwrap()),
        (right.address, left.address),
    ] {
        // The newest one carries what all of them could.
        left.plane
            .install(child(Side::Left, spi, true, to_the_right, true))
            .unwrap();
        right
            .plane
            .install(child(Side::Right, spi, true, to_the_left, true))
            .unwrap();
        for round in 0..20 {
            let payload = vec![round; 800];
            left.write(&to_right(&payload));
            assert_eq!(right.read(), to_right(&payload));
            right.write(&to_left(&payload));
            assert_eq!(left.read(), to_left(&payload));
        }
        for (gateway, from) in [(&left, to_the_right), (&right, to_the_left)] {
            let counters = gateway.plane.child_counters(ChildId(spi.into())).unwrap();
            assert_eq!(counters.endpoint_seen, Some(from));
        }
        spi += 0x1000;
    }
    // IKE messages too, and it is known which socket brought them.
    for (from, to) in [
        (left.address, right.address),
        (left.v6.unwrap(), right.v6.unwrap()),
    ] {
        left.plane
            .send_ike(from.ip(), to, b"an IKE message")
            .unwrap();
        let message = right.ike_message();
        assert_eq!((message.from, message.local), (from, to));
        assert_eq!(message.bytes, b"an IKE message");
    }
}

#[test]
fn packets_that_come_by_both_sockets_at_once_all_arrive() {
    let both = ["127.0.0.1:0", "[::1]:0"];
    let right = Gateway::on(&both, 1500);
    let senders = [Gateway::on(&both, 1500), Gateway::on(&both, 1500)];
    let addresses = [right.address, right.v6.unwrap()];
    for ((number, sender), to) in (1..).zip(&senders).zip(addresses) {
        let spi = 0x1000 * number;
        let from = if to.is_ipv4() {
            sender.address
        } else {
            sender.v6.unwrap()
        };
        sender
            .plane
            .install(child(Side::Left, spi, true, to, true))
            .unwrap();
        right
            .plane
            .install(child(Side::Right, spi, true, from, true))
            .unwrap();
    }
    // Fewer at a time than the sockets in between hold.
    for _ in 0..50 {
        for _ in 0..8 {
            senders
                .iter()
                .for_each(|one| one.write(&to_right(&[7; 900])));
        }
        for _ in 0..16 {
            assert_eq!(right.read(), to_right(&[7; 900]));
        }
    }
    assert_eq!(right.final_counters().packets_in, 800);
}

#[test]
fn an_address_without_a_socket_sends_nothing() {
    let left = Gateway::new(1500);
    let v6: SocketAddr = "[::1]:4500".parse().unwrap();
    left.plane
        .install(child(Side::Left, 0x1000, true, v6, true))
        .unwrap();
    left.write(&to_right(b"nobody sends this"));
    assert!(left.plane.send_ike(v6.ip(), v6, b"nor this").is_err());
    // Taken from the device in order: once this one is there, the other one was dropped.
    let peer = peer_socket();
    let to = peer.local_addr().unwrap();
    left.plane
        .install(child(Side::Left, 0x2000, true, to, true))
        .unwrap();
    left.write(&to_right(b"but this"));
    peer.recv(&mut [0; 2000]).unwrap();
    let counters = left.final_counters();
    assert_eq!(
        counters.packets_out + counters.drops(DropCause::SendFailed),
        2
    );

    let (_device, tun) = UnixDatagram::pair().unwrap();
    let [udp, other] = [0, 0].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    let config = Config {
        tun: tun.into(),
        udp: udp.into(),
        udp_other: Some(other.into()),
        esp: Vec::new(),
        ah: Vec::new(),
        outer_mtu: 1500,
        max_children: 64,
        clamp_mss: false,
    };
    assert!(Userspace::start(config, Arc::new(IkeQueue::default()), || {}).is_err());
}

#[test]
fn over_ipv6_an_inner_packet_has_twenty_octets_less() {
    for (at, largest) in [("127.0.0.1:0", 1438), ("[::1]:0", 1418)] {
        let (left, right) = (Gateway::on(&[at], 1500), Gateway::on(&[at], 1500));
        left.plane
            .install(child(Side::Left, 0x1000, true, right.address, true))
            .unwrap();
        right
            .plane
            .install(child(Side::Right, 0x1000, true, left.address, true))
            .unwrap();
        let of_len = |len: usize| to_right(&vec![1; len - to_right(&[]).len()]);
        left.write(&of_len(largest));
        assert_eq!(right.read().len(), largest);
        left.write(&of_len(largest + 1));
        let told = left.read();
        assert_eq!(told[20..22], [3, 4], "fragmentation needed");
        let mtu = u16::from_be_bytes([told[26], told[27]]);
        assert_eq!(usize::from(mtu), largest);
    }
}

#[test]
fn what_is_stopped_stays_stopped() {
    let (left, _right) = pair(true);
    left.plane.stop();
    left.plane.stop();
    let late = child(Side::Left, 0x5000, true, left.address, true);
    assert_eq!(left.plane.install(late), Err(InstallError::Stopped));
    assert!(left.plane.child_counters(ChildId(0x1000)).is_none());
    left.plane.remove(ChildId(0x1000));
    left.plane.activate_outbound(ChildId(0x1000));
}

#[test]
fn a_path_mtu_that_no_network_has_is_refused() {
    let (_device, tun) = UnixDatagram::pair().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = Config {
        tun: tun.into(),
        udp: udp.into(),
        udp_other: None,
        esp: Vec::new(),
        ah: Vec::new(),
        outer_mtu: 575,
        max_children: 64,
        clamp_mss: false,
    };
    assert!(Userspace::start(config, Arc::new(IkeQueue::default()), || {}).is_err());
}

#[test]
fn there_are_no_more_child_sas_than_there_may_be() {
    let gateway = Gateway::new(1500);
    let peer = ([127, 0, 0, 1], 1).into();
    let install = |number: u32| {
        let child = child(Side::Left, 0x1000 + 2 * number, true, peer, true);
        gateway.plane.install(child)
    };
    assert!((0..64).all(|number| install(number).is_ok()));
    assert_eq!(install(64), Err(InstallError::TooMany));
    gateway.plane.remove(ChildId(0x1000));
    assert_eq!(install(64), Ok(()));
}

#[test]
fn marks_of_congestion_go_out_and_come_back_in() {
    let (left, right) = (Gateway::new(1500), Gateway::new(1500));
    // Between the two stands who marks.
    let relay = peer_socket();
    let at = relay.local_addr().unwrap();
    let marks = |class: u8| setsockopt(&relay, Ipv4Tos, &i32::from(class)).unwrap();
    left.plane
        .install(child(Side::Left, 0x1000, true, at, true))
        .unwrap();
    right
        .plane
        .install(child(Side::Right, 0x1000, true, at, true))
        .unwrap();
    let copy = UdpPort::new(relay.try_clone().unwrap().into()).unwrap();
    relay.set_nonblocking(false).unwrap();
    let (expedited, able, experienced) = (46 << 2, 0b10, 0b11);
    for (inner, outer, expected) in [
        (expedited, 0, Some(expedited)),
        (expedited | able, able, Some(expedited | able)),
        (able, experienced, Some(experienced)),
        (expedited, experienced, None),
        (0, 0, Some(0)),
    ] {
        let mut packet = to_right(b"marked");
        packet[1] = inner;
        left.write(&packet);
        let (mut buf, mut control) = (vec![0; 2000], control_buffer());
        let received = copy.receive(&mut buf, &mut control).unwrap();
        assert_eq!(received.class, inner);
        marks(outer);
        relay.send_to(&buf[..received.len], right.address).unwrap();
        if let Some(expected) = expected {
            assert_eq!(right.read()[1], expected);
        }
    }
    let dropped = right.final_counters().drops(DropCause::Congestion);
    assert_eq!(dropped, 1);
}
