//! The whole path with real kernels' TCP: two network namespaces, a veth pair between them, a TUN device and a
//! userspace data plane in each. Needs root; without it the test says loudly that it was skipped.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{OWNER, Side, child, routes};
use adit_dataplane::{
    ChildId, ChildSa, Config, ConnectionBlocks, Counters, Dataplane, DropCause, IkeQueue, Pair,
    RouteChange, Translations, Userspace,
};
use nix::sched::{CloneFlags, setns};

const PATIENCE: Duration = Duration::from_secs(30);

/// A network namespace, deleted at the end.
struct Namespace(String);

impl Namespace {
    fn new(suffix: &str) -> Self {
        let this = Self(format!("adit-t-{}-{suffix}", std::process::id()));
        run(&["ip", "netns", "add", &this.0]);
        this.ip(&["link", "set", "lo", "up"]);
        this
    }

    fn ip(&self, arguments: &[&str]) {
        run(&[&["ip", "-n", &self.0][..], arguments].concat());
    }

    /// Runs in the namespace, on a thread that ends with it.
    fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.0);
        std::thread::scope(|scope| {
            let inside = scope.spawn(move || {
                setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            inside.join().unwrap()
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn run(command: &[&str]) {
    let status = Command::new(command[0])
        .args(&command[1..])
        .status()
        .unwrap();
    assert!(status.success(), "{command:?}");
}

/// A TUN device as the network provider opens it.
fn open_tun() -> OwnedFd {
    let device = tun_rs::DeviceBuilder::new()
        .name("adit0")
        .layer(tun_rs::Layer::L3)
        .offload(true)
        .inherit_enable_state()
        .build_sync()
        .unwrap();
    device.as_fd().try_clone_to_owned().unwrap()
}

/// Where the sites are on the wire between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outer {
    V4,
    V6,
}

impl Outer {
    fn address(self, side: Side) -> &'static str {
        match (self, side) {
            (Self::V4, Side::Left) => "192.0.2.1",
            (Self::V4, Side::Right) => "192.0.2.2",
            (Self::V6, Side::Left) => "2001:db8::1",
            (Self::V6, Side::Right) => "2001:db8::2",
        }
    }

    fn socket(self, side: Side) -> SocketAddr {
        SocketAddr::new(self.address(side).parse().unwrap(), 4500)
    }
}

struct Site {
    namespace: Namespace,
    plane: Userspace,
}

impl Site {
    fn new(outer: Outer, side: Side, gcm: bool, namespace: Namespace) -> Self {
        let peer = match side {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        };
        Self::at(outer.socket(side), outer.socket(peer), side, gcm, namespace)
    }

    fn at(own: SocketAddr, peer: SocketAddr, side: Side, gcm: bool, namespace: Namespace) -> Self {
        let (ours, theirs, inner, other) = match side {
            Side::Left => ("10.0.0.1", "10.1.0.0/24", "fd00::1", "fd01::/16"),
            Side::Right => ("10.1.0.1", "10.0.0.0/24", "fd01::1", "fd00::/16"),
        };
        let (tun, udp) = namespace.enter(|| (open_tun(), UdpSocket::bind(own).unwrap()));
        namespace.ip(&["addr", "add", &format!("{ours}/32"), "dev", "adit0"]);
        namespace.ip(&[
            "addr",
            "add",
            &format!("{inner}/128"),
            "dev",
            "adit0",
            "nodad",
        ]);
        namespace.ip(&["link", "set", "adit0", "up"]);
        namespace.ip(&["route", "add", theirs, "dev", "adit0", "src", ours]);
        namespace.ip(&["route", "add", other, "dev", "adit0"]);
        let udp_address = udp.local_addr().unwrap();
        let config = Config {
            tun,
            udp: udp.into(),
            udp_other: None,
            esp: Vec::new(),
            ah: Vec::new(),
            outer_mtu: 1500,
            max_children: 64,
            clamp_mss: true,
        };
        let plane = Userspace::start(config, Arc::new(IkeQueue::default()), || {}).unwrap();
        plane.change_routes(routes());
        let local = udp_address.ip();
        let child = child(side, 0x1000, gcm, peer, true);
        plane.install(ChildSa { local, ..child }).unwrap();
        Self { namespace, plane }
    }
}

/// Two sites on one wire; `name` keeps tests apart.
fn sites(outer: Outer, gcm: bool, name: &str) -> (Site, Site) {
    let (left, right) = (
        Namespace::new(&format!("{name}l")),
        Namespace::new(&format!("{name}r")),
    );
    left.ip(&[
        "link", "add", "adit1", "type", "veth", "peer", "name", "adit1", "netns", &right.0,
    ]);
    for (namespace, side) in [(&left, Side::Left), (&right, Side::Right)] {
        let address = format!("{}/24", outer.address(side));
        let mut add = vec!["addr", "add", &address, "dev", "adit1"];
        if outer == Outer::V6 {
            // Nobody else has it, which needs no look.
            add.push("nodad");
        }
        namespace.ip(&add);
        namespace.ip(&["link", "set", "adit1", "up"]);
    }
    (
        Site::new(outer, Side::Left, gcm, left),
        Site::new(outer, Side::Right, gcm, right),
    )
}

fn octet(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13) as u8
}

/// Sends octets from one site to the other by TCP and compares every one; answers how long it took.
fn transfer(from: &Site, to: &Site, listen: SocketAddr, octets: usize) -> Duration {
    transfer_to(from, to, listen, listen.ip(), octets)
}

/// The same to an address by which the sender knows the receiver.
fn transfer_to(
    from: &Site,
    to: &Site,
    listen: SocketAddr,
    known_as: IpAddr,
    octets: usize,
) -> Duration {
    let listener = to.namespace.enter(|| TcpListener::bind(listen).unwrap());
    let address = SocketAddr::new(known_as, listener.local_addr().unwrap().port());
    let mut sender = from
        .namespace
        .enter(|| TcpStream::connect_timeout(&address, PATIENCE).unwrap());
    sender.set_write_timeout(Some(PATIENCE)).unwrap();
    let (mut receiver, _) = listener.accept().unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let data: Vec<u8> = (0..octets).map(octet).collect();
    let mut received = Vec::with_capacity(octets);
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            sender.write_all(&data).unwrap();
            drop(sender);
        });
        receiver.read_to_end(&mut received).unwrap();
    });
    let took = start.elapsed();
    assert!(
        received == data,
        "{} of {octets} octets arrived",
        received.len()
    );
    took
}

/// Sends a datagram, again after the kernel has learnt that the first was too big for the tunnel.
fn cross_by_udp(from: &Site, to: &Site, listen: SocketAddr, len: usize) {
    let receiver = to.namespace.enter(|| UdpSocket::bind(listen).unwrap());
    receiver
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let address = receiver.local_addr().unwrap();
    let any = if address.is_ipv4() {
        "10.0.0.1:0"
    } else {
        "[fd00::1]:0"
    };
    let sender = from.namespace.enter(|| UdpSocket::bind(any).unwrap());
    let data: Vec<u8> = (0..len).map(octet).collect();
    let mut buf = [0; 4000];
    for _ in 0..10 {
        // A send may fail with the news that the path is narrower; the next one heeds it.
        let _ = sender.send_to(&data, address);
        if let Ok(received) = receiver.recv(&mut buf) {
            assert_eq!(buf[..received], data);
            return;
        }
    }
    panic!("{len} octets to {address}: {:?}", from.plane.counters());
}

fn report(what: &str, octets: usize, took: Duration, from: &Counters, to: &Counters) {
    eprintln!(
        "{what}: {:.0} Mbit/s; {:.1} packets per send, {:.1} packets per device write",
        octets as f64 * 8e-6 / took.as_secs_f64(),
        from.packets_out as f64 / from.socket_sends as f64,
        to.packets_in as f64 / to.device_writes as f64,
    );
}

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("SKIPPED: needs root to make network namespaces and TUN devices");
    }
    is_root
}

#[test]
fn a_wire_narrower_than_configured_costs_speed_and_no_data() {
    if !is_root() {
        return;
    }
    for outer in [Outer::V4, Outer::V6] {
        let (left, right) = sites(outer, true, "b");
        for site in [&left, &right] {
            site.namespace.ip(&["link", "set", "adit1", "mtu", "1300"]);
        }
        transfer(&left, &right, "10.1.0.1:0".parse().unwrap(), 3_000_000);
        let counters = left.plane.counters();
        assert!(counters.packets_out > 2000, "{outer:?}: {counters:?}");
    }
}

/// Two sites with a router between them, whose wire to the right one is narrower.
fn routed(outer: Outer, narrow: u16) -> (Site, Site, Namespace) {
    let [left, router, right] = ["pl", "pm", "pr"].map(Namespace::new);
    let (prefix, addresses) = match outer {
        Outer::V4 => (
            "24",
            ["192.0.2.1", "192.0.2.9", "198.51.100.9", "198.51.100.2"],
        ),
        Outer::V6 => (
            "64",
            [
                "2001:db8::1",
                "2001:db8::9",
                "2001:db8:1::9",
                "2001:db8:1::2",
            ],
        ),
    };
    for (site, name) in [(&left, "adit1"), (&right, "adit2")] {
        router.ip(&[
            "link", "add", name, "type", "veth", "peer", "name", "adit1", "netns", &site.0,
        ]);
    }
    let ends = [
        (&left, "adit1"),
        (&router, "adit1"),
        (&router, "adit2"),
        (&right, "adit1"),
    ];
    for ((namespace, link), address) in ends.into_iter().zip(addresses) {
        let address = format!("{address}/{prefix}");
        let mut add = vec!["addr", "add", &address, "dev", link];
        if outer == Outer::V6 {
            add.push("nodad");
        }
        namespace.ip(&add);
        namespace.ip(&["link", "set", link, "up"]);
    }
    router.ip(&["link", "set", "adit2", "mtu", &narrow.to_string()]);
    left.ip(&["route", "add", "default", "via", addresses[1]]);
    right.ip(&["route", "add", "default", "via", addresses[2]]);
    for setting in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
        router.enter(|| std::fs::write(format!("/proc/sys/net/{setting}"), "1").unwrap());
    }
    let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 4500);
    let (one, two) = (at(addresses[0]), at(addresses[3]));
    (
        Site::at(one, two, Side::Left, true, left),
        Site::at(two, one, Side::Right, true, right),
        router,
    )
}

#[test]
fn what_the_network_says_of_a_narrow_path_reaches_those_inside() {
    if !is_root() {
        return;
    }
    for outer in [Outer::V4, Outer::V6] {
        let (left, right, _router) = routed(outer, 1400);
        let ping = |len: &str, to: &str| {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &left.namespace.0, "ping", "-n"]);
            command.args(["-c1", "-W2", "-M", "do", "-s", len, to]);
            let output = command.output().unwrap();
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
        };
        // 8 octets of UDP, 8 of ESP's header, 8 of its IV, 16 of its check value, and what the padding leaves.
        let (ip, family) = if outer == Outer::V4 {
            (20, "v4")
        } else {
            (40, "v6")
        };
        let fits = (1400 - ip - 8 - 8 - 8 - 16) / 4 * 4 - 2;
        let deadline = Instant::now() + PATIENCE;
        let expected = [format!("mtu = {fits}"), format!("mtu={fits}")];
        loop {
            let text = ping("1380", "10.1.0.1");
            if expected.iter().any(|one| text.contains(one)) {
                break;
            }
            assert!(Instant::now() < deadline, "{family}: {text}");
        }
        transfer(&left, &right, "10.1.0.1:0".parse().unwrap(), 3_000_000);
        transfer(&left, &right, "[fd01::1]:0".parse().unwrap(), 3_000_000);
        let counters = left.plane.counters();
        let batched = counters.packets_out > counters.socket_sends * 2;
        assert!(batched, "nothing is too large for one send: {counters:?}");
    }
}

#[test]
fn a_connections_mtu_is_what_the_kernel_learns() {
    if !is_root() {
        return;
    }
    let (left, right) = sites(Outer::V6, true, "m");
    for site in [&left, &right] {
        site.plane.set_mtu(ChildId(0x1000), Some(1300));
    }
    let ping = |to: &str, len: usize| {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &left.namespace.0, "ping", "-n"]);
        command.args(["-c1", "-W2", "-M", "do", "-s", &len.to_string(), to]);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        (output.status.success(), text)
    };
    for (to, headers, learnt) in [("10.1.0.1", 28, "mtu = 1300"), ("fd01::1", 48, "mtu=1300")] {
        let (fits, text) = ping(to, 1300 - headers);
        assert!(fits, "{text}");
        let (fits, text) = ping(to, 1301 - headers);
        assert!(!fits && text.contains(learnt), "{text}");
        // By now the kernel refuses it without asking.
        let (fits, text) = ping(to, 1301 - headers);
        assert!(!fits && text.to_lowercase().contains("too long"), "{text}");
    }
    for listen in ["10.1.0.1:0", "[fd01::1]:0"] {
        transfer(&left, &right, listen.parse().unwrap(), 3_000_000);
        cross_by_udp(&left, &right, listen.parse().unwrap(), 3000);
    }
    let counters = left.plane.counters();
    let mean = counters.octets_out / counters.packets_out;
    assert!(mean <= 1300, "{counters:?}");
}

#[test]
fn tcp_and_udp_cross_between_two_namespaces() {
    if !is_root() {
        return;
    }
    for (outer, gcm, name) in [
        (Outer::V4, true, "aes256gcm16"),
        (Outer::V4, false, "aes128-sha256"),
        (Outer::V6, true, "aes256gcm16 over IPv6"),
        (Outer::V6, false, "aes128-sha256 over IPv6"),
    ] {
        let (left, right) = sites(outer, gcm, "a");
        for address in ["10.1.0.1:0", "[fd01::1]:0"] {
            for len in [1, 1300, 1452, 3000] {
                cross_by_udp(&left, &right, address.parse().unwrap(), len);
            }
        }
        let octets = 50_000_000;
        for listen in ["10.1.0.1:0", "[fd01::1]:0"] {
            let took = transfer(&left, &right, listen.parse().unwrap(), octets);
            report(
                &format!("{name} to {listen}"),
                octets,
                took,
                &left.plane.counters(),
                &right.plane.counters(),
            );
        }
        transfer(&right, &left, "10.0.0.1:0".parse().unwrap(), 5_000_000);
        let (left, right) = (&left.plane, &right.plane);
        for plane in [left, right] {
            let counters = plane.counters();
            assert_eq!(counters.drops(DropCause::NotIp), 0, "{counters:?}");
            let child = plane.child_counters(ChildId(0x1000)).unwrap();
            assert!(
                child.packets_in > 1000
                    && child.packets_out > 1000
                    && child.endpoint_seen.is_some()
            );
        }
    }
}

/// What the left site knows its own block as, and the right one's.
const TRANSLATED: [&str; 2] = ["10.5.0.0/24", "10.6.0.0/24"];

/// Has the left site's connection be by other names, which its kernel leads to.
fn translate(left: &Site) {
    let pair = |ours: &str, theirs: &str| Pair {
        ours: ours.parse().unwrap(),
        theirs: theirs.parse().unwrap(),
    };
    let [own, other] = TRANSLATED;
    left.plane.change_routes(RouteChange {
        gone: Vec::new(),
        blocks: vec![ConnectionBlocks {
            owner: OWNER,
            enabled: true,
            local: vec![own.parse().unwrap()],
            remote: vec![other.parse().unwrap()],
            translations: Translations::new(
                [pair(own, "10.0.0.0/24")],
                [pair(other, "10.1.0.0/24")],
            ),
        }],
    });
}

/// Two sites, of which the left one has an address for when its connection is translated.
fn twins(name: &str) -> (Site, Site) {
    let (left, right) = sites(Outer::V4, true, name);
    let own = ["addr", "add", "10.5.0.1/32", "dev", "adit0"];
    left.namespace.ip(&own);
    let way = [
        "route",
        "add",
        TRANSLATED[1],
        "dev",
        "adit0",
        "src",
        "10.5.0.1",
    ];
    left.namespace.ip(&way);
    (left, right)
}

/// Where the right site listens, and how the left one knows that host by another name.
fn listening() -> (SocketAddr, IpAddr) {
    ("10.1.0.1:0".parse().unwrap(), [10, 6, 0, 1].into())
}

#[test]
fn what_kernels_cut_and_join_is_translated_whole() {
    if !is_root() {
        return;
    }
    let (left, right) = twins("t");
    translate(&left);
    let (listen, known_as) = listening();
    transfer_to(&left, &right, listen, known_as, 8_000_000);
    let counters = left.plane.counters();
    assert!(counters.packets_out > 2 * counters.socket_sends);
    assert_eq!(counters.drops(DropCause::NoConnection), 0);
}

/// What a transfer came to: megabits in a second, and ticks of processors.
struct Run {
    rate: f64,
    cost: f64,
}

/// Hundredths of a second that this process had of processors, of both planes and of TCP's both ends.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = text.rsplit_once(')').unwrap();
    let fields = rest.split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().unwrap()).sum()
}

/// The middle one.
fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// By turns on the same two sites, so that what else the machine does is the same for both.
#[test]
#[ignore = "it measures: make bench-translated"]
fn a_translated_connection_is_as_fast_as_another_one() {
    const OCTETS: usize = 100_000_000;
    let (left, right) = twins("m");
    let (listen, known_as) = listening();
    let run = |is_translated: bool| {
        let before = processor_time();
        let took = if is_translated {
            translate(&left);
            transfer_to(&left, &right, listen, known_as, OCTETS)
        } else {
            left.plane.change_routes(routes());
            transfer(&left, &right, listen, OCTETS)
        };
        let rate = OCTETS as f64 * 8e-6 / took.as_secs_f64();
        Run {
            rate,
            cost: processor_time() - before,
        }
    };
    let turns: Vec<_> = (0..31).map(|_| [run(false), run(true)]).collect();
    let of = |value: fn(&[Run; 2]) -> f64| median(turns.iter().map(value).collect());
    let [plain, translated] = [of(|[one, _]| one.rate), of(|[_, one]| one.rate)];
    let [cost, cost_translated] = [of(|[one, _]| one.cost), of(|[_, one]| one.cost)];
    eprintln!(
        "plain {plain:.0} Mbit/s, translated {translated:.0} Mbit/s, ratio of turns {:.3}; of processors {:.2} s and \
         {:.2} s, ratio of turns {:.3}",
        of(|[plain, translated]| translated.rate / plain.rate),
        cost / 100.0,
        cost_translated / 100.0,
        of(|[plain, translated]| translated.cost / plain.cost),
    );
}
