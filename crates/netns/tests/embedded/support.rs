//! What the tests against the kernel share: specs, and looks at what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use adit_model::desired::{
    ExternalSpec, FloatingIpSpec, InstanceSpec, InterfaceAddress, InterfaceSpec, NetworkSpec,
    RouterSpec,
};
use adit_model::{Cidr, MacAddress, NetworkId, OuterAddresses, PortId, RouterId};
use adit_netns::{ExternalNetwork, Network, NetworkError};
use nix::sched::{CloneFlags, setns};

/// How long something that is to come may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait for what is not to come.
const SILENCE: Duration = Duration::from_millis(300);

pub(crate) fn is_root() -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if !root {
        eprintln!("SKIPPED: needs root");
    }
    root
}

/// A block of a test's own: tests run side by side, and blocks may not overlap.
pub(crate) fn external(number: u8) -> ExternalNetwork {
    ExternalNetwork {
        cidr: format!("198.19.{number}.0/24").parse().unwrap(),
        cidr_v6: None,
        tunnel_mtu: 1400,
    }
}

/// A provider, without what a failed run of the test left.
pub(crate) async fn open(prefix: &str, number: u8) -> Network {
    let network = Network::open(prefix, external(number)).await.unwrap();
    network.retain(&[], &[], &[]).await.unwrap();
    network
}

/// A provider of a prefix that was just let go. Programs that other tests start hold copies of its
/// lock until they are loaded.
pub(crate) async fn open_again(prefix: &str, external: ExternalNetwork) -> Network {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Network::open(prefix, external).await {
            Err(NetworkError::PrefixInUse(_)) if Instant::now() < deadline => {
                tokio::task::yield_now().await;
            }
            outcome => return outcome.unwrap(),
        }
    }
}

/// Waits until something is so.
pub(crate) async fn soon(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Removes all, and looks whether it is gone.
pub(crate) async fn close(network: &Network, prefix: &str) {
    network.remove_all().await.unwrap();
    for what in ["netns", "link", "rule"] {
        let left = ip(None, &[what]);
        assert!(!left.contains(&format!("{prefix}-")), "{left}");
    }
}

/// What `ip` prints inside a namespace, or on the host.
pub(crate) fn ip(namespace: Option<&str>, arguments: &[&str]) -> String {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    let output = command.args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What a program prints inside a namespace, if it ends well.
pub(crate) fn run(namespace: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).args(arguments);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    output.status.success().then_some(text)
}

/// Everything about a namespace that a spec could change.
pub(crate) fn all_of(namespace: &str) -> String {
    let mut text = String::new();
    for what in [
        &["addr"][..],
        &["route", "show", "table", "all"],
        &["-6", "route", "show", "table", "all"],
        &["rule"],
        &["-6", "rule"],
    ] {
        text.push_str(&ip(Some(namespace), what));
    }
    text + &run(namespace, &["nft", "list", "ruleset"]).unwrap()
}

/// The lines by which two texts differ.
pub(crate) fn changes<'a>(one: &'a str, other: &'a str) -> Vec<&'a str> {
    let lacks = |text: &str, line: &&str| !text.lines().any(|found| found == *line);
    let gone = one.lines().filter(|line| lacks(other, line));
    gone.chain(other.lines().filter(|line| lacks(one, line)))
        .collect()
}

/// Runs something on a thread inside a namespace.
pub(crate) fn enter<T: Send>(namespace: &str, act: impl FnOnce() -> T + Send) -> T {
    let file = std::fs::File::open(format!("/run/netns/{namespace}")).unwrap();
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            act()
        });
        thread.join().unwrap()
    })
}

/// Whether an address answers a ping from a namespace.
pub(crate) fn pings(namespace: &str, address: &str) -> bool {
    run(namespace, &["ping", "-c1", "-W1", address]).is_some()
}

/// Binds a port that may have been in use a moment ago: programs that other tests start hold
/// copies of all sockets until they are loaded.
fn free<T>(bind: impl Fn() -> std::io::Result<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match bind() {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                std::thread::yield_now();
            }
            outcome => return outcome.unwrap(),
        }
    }
}

/// Has someone who connects from `client` to `to` and says something be answered by `server`,
/// who listens on `at`. `None` is the host. Returns whom the server saw, if it came to that.
pub(crate) fn connects(
    client: Option<&str>,
    to: &str,
    server: Option<&str>,
    at: &str,
) -> Option<SocketAddr> {
    let (to, at): (SocketAddr, SocketAddr) = (to.parse().unwrap(), at.parse().unwrap());
    let listen = move || free(|| TcpListener::bind(at));
    let listener = match server {
        Some(namespace) => enter(namespace, listen),
        None => listen(),
    };
    let connect = move || TcpStream::connect_timeout(&to, SILENCE);
    let connected = match client {
        Some(namespace) => enter(namespace, connect),
        None => connect(),
    };
    let mut client = connected.ok()?;
    let (mut server, seen) = listener.accept().unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"hello").unwrap();
    let mut heard = [0; 5];
    server.read_exact(&mut heard).unwrap();
    server.write_all(&heard).unwrap();
    client.read_exact(&mut heard).unwrap();
    Some(seen)
}

/// Sends a datagram from `sender` to a socket of `hearer` on `at`, by way of the address `to`.
/// `None` is the host. Returns whom the socket heard.
pub(crate) fn hears(
    sender: Option<&str>,
    to: &str,
    hearer: Option<&str>,
    at: &str,
) -> Option<IpAddr> {
    let (to, at): (SocketAddr, SocketAddr) = (to.parse().unwrap(), at.parse().unwrap());
    let bind = move || free(|| UdpSocket::bind(at));
    let socket = match hearer {
        Some(namespace) => enter(namespace, bind),
        None => bind(),
    };
    let send = move || {
        let any = match to {
            SocketAddr::V4(_) => UdpSocket::bind("0.0.0.0:0"),
            SocketAddr::V6(_) => UdpSocket::bind("[::]:0"),
        };
        let any = any.unwrap();
        // Having no way is one of the answers looked for.
        let _ = any.send_to(b"hello", to);
    };
    match sender {
        Some(namespace) => enter(namespace, send),
        None => send(),
    }
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let (_, seen) = socket.recv_from(&mut [0; 16]).ok()?;
    Some(seen.ip())
}

/// Sends a datagram from a namespace to a socket of the host. Returns whom the host heard.
pub(crate) fn host_hears(namespace: &str, at: &str) -> Option<IpAddr> {
    hears(Some(namespace), at, None, at)
}

/// A network without anybody.
pub(crate) fn network() -> NetworkSpec {
    NetworkSpec {
        id: NetworkId::random(),
        admin_state_up: true,
        mtu: 1450,
        instances: Vec::new(),
    }
}

/// An address with its block's length, such as `10.0.0.4/24`.
pub(crate) fn address(text: &str) -> InterfaceAddress {
    let (address, prefix_len) = text.split_once('/').unwrap();
    InterfaceAddress {
        address: address.parse().unwrap(),
        prefix_len: prefix_len.parse().unwrap(),
    }
}

/// A machine with the addresses and gateways; nothing is filtered.
pub(crate) fn machine(addresses: &[&str], gateways: &[&str]) -> InstanceSpec {
    let id = PortId::random();
    InstanceSpec {
        id,
        admin_state_up: true,
        mac: MacAddress::of_port(id),
        addresses: addresses.iter().map(|text| address(text)).collect(),
        gateways: gateways.iter().map(|text| text.parse().unwrap()).collect(),
        routes: Vec::new(),
        filter: None,
    }
}

pub(crate) fn router() -> RouterSpec {
    RouterSpec {
        id: RouterId::random(),
        interfaces: Vec::new(),
        external: None,
        floating_ips: Vec::new(),
        sources: Vec::new(),
        edges: Vec::new(),
        routes: Vec::new(),
        services: BTreeSet::new(),
        peer_cidrs: BTreeMap::new(),
    }
}

pub(crate) fn blocks(texts: &[&str]) -> BTreeSet<Cidr> {
    texts.iter().map(|text| block(text)).collect()
}

pub(crate) fn interface(network: &NetworkSpec, addresses: &[&str]) -> InterfaceSpec {
    let id = PortId::random();
    InterfaceSpec {
        id,
        network: network.id,
        mac: MacAddress::of_port(id),
        addresses: addresses.iter().map(|text| address(text)).collect(),
    }
}

pub(crate) fn way_out(address: &str) -> Option<ExternalSpec> {
    Some(ExternalSpec {
        addresses: outer(address),
        snat: true,
    })
}

/// An address outside, of IPv4 alone.
pub(crate) fn outer(address: &str) -> OuterAddresses {
    address.parse::<Ipv4Addr>().unwrap().into()
}

pub(crate) fn floating(address: &str, fixed_ip: &str) -> FloatingIpSpec {
    FloatingIpSpec {
        address: address.parse().unwrap(),
        fixed_ip: fixed_ip.parse().unwrap(),
    }
}

/// A network with one machine, and a router with an interface on it: `block` is such as `10.0.0`.
pub(crate) fn site(block: &str) -> (NetworkSpec, RouterSpec) {
    let mut network = network();
    let gateway = format!("{block}.1");
    let instance = machine(&[&format!("{block}.4/24")], &[&gateway]);
    network.instances.push(instance);
    let mut router = router();
    let interface = interface(&network, &[&format!("{gateway}/24")]);
    router.interfaces.push(interface);
    (network, router)
}

/// Applies a network and a router on it.
pub(crate) async fn apply(provider: &Network, network: &NetworkSpec, router: &RouterSpec) {
    apply_network(provider, network).await;
    apply_router(provider, router).await;
    carried(&format!("-n-{}", network.id.short()), "");
}

pub(crate) async fn apply_network(provider: &Network, network: &NetworkSpec) {
    provider.apply_network(network).await.unwrap();
    if network.admin_state_up {
        carried(&format!("-n-{}", network.id.short()), "");
    }
}

pub(crate) async fn apply_router(provider: &Network, router: &RouterSpec) {
    provider.apply_router(router).await.unwrap();
    carried("", &router.id.short());
}

/// Waits until bridges carry what is to and from links that just came up, which the kernel sees to
/// a moment later. They are in the namespace whose name ends so, or else on the host.
fn carried(namespace: &str, links: &str) {
    let names = std::fs::read_dir("/run/netns").unwrap();
    let mut names = names.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let name = names.find(|name| !namespace.is_empty() && name.ends_with(namespace));
    let waits = |line: &str| {
        line.contains(links) && line.contains("LOWER_UP") && line.contains("slave state disabled")
    };
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline
        && ip(name.as_deref(), &["-d", "-o", "link"])
            .lines()
            .any(waits)
    {
        std::thread::yield_now();
    }
}

/// The namespaces' names.
pub(crate) fn network_space(prefix: &str, network: &NetworkSpec) -> String {
    format!("{prefix}-n-{}", network.id.short())
}

pub(crate) fn machine_space(prefix: &str, instance: &InstanceSpec) -> String {
    format!("{prefix}-i-{}", instance.id.short())
}

pub(crate) fn router_space(prefix: &str, router: &RouterSpec) -> String {
    format!("{prefix}-r-{}", router.id.short())
}

pub(crate) fn block(text: &str) -> Cidr {
    text.parse().unwrap()
}
