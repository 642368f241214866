//! Addresses outside of IPv6: who speaks from them, and who does not.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use adit_model::desired::{ExternalSpec, NetworkSpec, RouterSpec};
use adit_model::{GatewayId, OuterAddresses};
use adit_netns::{ExternalNetwork, Network, NetworkError, OuterPorts};

use crate::support::{
    all_of, apply, apply_router, block, blocks, changes, close, enter, external, hears, host_hears,
    interface, ip, is_root, machine, machine_space, network, open_again, pings, router,
    router_space, run,
};

/// The external network of [`external`], with a block of IPv6 too.
fn both(number: u8) -> ExternalNetwork {
    ExternalNetwork {
        cidr_v6: Some(block(&format!("fd19:{number}::/64"))),
        ..external(number)
    }
}

async fn open(prefix: &str, number: u8) -> Network {
    let provider = Network::open(prefix, both(number)).await.unwrap();
    provider.retain(&[], &[], &[]).await.unwrap();
    provider
}

fn outer(number: u8, host: u8) -> OuterAddresses {
    OuterAddresses {
        v4: format!("198.19.{number}.{host}").parse().unwrap(),
        second: None,
        v6: Some(format!("fd19:{number}::{host}").parse().unwrap()),
    }
}

/// A network of IPv6 with one machine, on a router that leads outside.
fn site(number: u8) -> (NetworkSpec, RouterSpec) {
    let mut network = network();
    let gateway = format!("fd20:{number}::1");
    let machine = machine(&[&format!("fd20:{number}::4/64")], &[&gateway]);
    network.instances.push(machine);
    let mut router = router();
    let interface = interface(&network, &[&format!("{gateway}/64")]);
    router.interfaces.push(interface);
    router.external = Some(ExternalSpec {
        addresses: outer(number, 5),
        snat: true,
    });
    (network, router)
}

fn ike(ports: Option<OuterPorts>) -> UdpSocket {
    let socket = UdpSocket::from(ports.unwrap().ike);
    socket.set_nonblocking(false).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    socket
}

#[tokio::test]
async fn a_router_and_its_gateways_speak_from_their_own_addresses_and_machines_from_none() {
    if !is_root() {
        return;
    }
    let prefix = "o6a";
    let provider = open(prefix, 60).await;
    let (network, mut spec) = site(60);
    let wished = spec.external.take();
    apply(&provider, &network, &spec).await;
    let namespace = router_space(prefix, &spec);
    let without = all_of(&namespace);
    spec.external = wished;
    apply_router(&provider, &spec).await;
    let with = all_of(&namespace);
    apply_router(&provider, &spec).await;
    assert_eq!(changes(&with, &all_of(&namespace)), [""; 0]);

    // The host and the router reach each other.
    let pinged = std::process::Command::new("ping")
        .args(["-c1", "-W2", "fd19:60::5"])
        .output();
    assert!(pinged.unwrap().status.success(), "{with}");
    assert!(
        run(
            &namespace,
            &["ping", "-c1", "-W2", "-I", "fd19:60::5", "fd19:60::1"]
        )
        .is_some()
    );
    // A machine's own address gets nobody outside, and nobody in.
    let inside = machine_space(prefix, &network.instances[0]);
    assert!(pings(&inside, "fd20:60::1"));
    assert!(!pings(&inside, "fd19:60::1"));
    assert_eq!(host_hears(&inside, "[fd19:60::1]:7010"), None);
    ip(None, &["route", "add", "fd20:60::/64", "via", "fd19:60::5"]);
    let got_in = hears(None, "[fd20:60::4]:7010", Some(&inside), "[::]:7010");
    let answered = host_hears(&inside, "[fd19:60::1]:7011");
    ip(None, &["route", "del", "fd20:60::/64"]);
    assert_eq!((got_in, answered), (None, None));

    // A gateway's sockets speak from its addresses, each in its family.
    let gateway = GatewayId::random();
    let own = outer(60, 9);
    let ports = provider
        .attach_gateway(spec.id, gateway, own)
        .await
        .unwrap();
    for (ports, host, address) in [
        (Some(ports.v4), "198.19.60.1", IpAddr::V4(own.v4)),
        (ports.v6, "fd19:60::1", own.v6.unwrap().into()),
    ] {
        let host = UdpSocket::bind((host.parse::<IpAddr>().unwrap(), 500)).unwrap();
        host.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let ike = ike(ports);
        ike.send_to(b"hello", host.local_addr().unwrap()).unwrap();
        let (_, seen) = host.recv_from(&mut [0; 16]).unwrap();
        assert_eq!((seen.ip(), seen.port()), (address, 500));
        host.send_to(b"hello", seen).unwrap();
        assert_eq!(ike.recv(&mut [0; 16]).unwrap(), 5);
    }
    let tracked = run(&namespace, &["cat", "/proc/net/nf_conntrack"]);
    let tracked = tracked.unwrap_or_default();
    assert!(!tracked.contains("port=500 "), "{tracked}");
    // Applying the router leaves the gateway alone, and taking the gateway away the router.
    apply_router(&provider, &spec).await;
    let v6 = own.v6.unwrap();
    assert!(provider.has_address(spec.id, v6).await.unwrap());
    let detach = provider.detach_gateway(spec.id, gateway, own);
    detach.await.unwrap();
    assert!(!provider.has_address(spec.id, v6).await.unwrap());
    assert_eq!(changes(&with, &all_of(&namespace)), [""; 0]);

    spec.external = None;
    apply_router(&provider, &spec).await;
    // The ways of gateways stay for the next one, and lead nobody else.
    let left = changes(&without, &all_of(&namespace)).join("\n");
    assert!(!left.contains("fd19:60::5"), "{left}");
    close(&provider, prefix).await;
}

#[tokio::test]
async fn what_is_behind_a_peer_goes_into_its_tunnel_and_with_an_inner_source() {
    if !is_root() {
        return;
    }
    let prefix = "o6b";
    let provider = open(prefix, 61).await;
    let (network, spec) = site(61);
    apply(&provider, &network, &spec).await;
    let namespace = router_space(prefix, &spec);
    let inside = machine_space(prefix, &network.instances[0]);
    let gateway = GatewayId::random();
    let own = outer(61, 9);
    let ports = provider
        .attach_gateway(spec.id, gateway, own)
        .await
        .unwrap();
    // Behind the peer is the host itself, and then everything.
    for behind in ["fd19:61::1/128", "::/0"] {
        let behind = blocks(&[behind]);
        let set = provider.set_gateway_blocks(spec.id, gateway, &behind);
        set.await.unwrap();
        assert_eq!(host_hears(&inside, "[fd19:61::1]:7012"), None);
        let link = format!("{prefix}-s{}", spec.interfaces[0].id.short());
        let way = [
            "route",
            "get",
            "fd19:61::1",
            "from",
            "fd20:61::4",
            "iif",
            &link,
        ];
        let way = ip(Some(&namespace), &way);
        let tun = format!("dev {prefix}-t{}", gateway.short());
        assert!(way.contains(&tun), "{way}");
        // What the router itself sends there is from one of its inner addresses.
        let source = ip(Some(&namespace), &["route", "get", "fd19:61::1"]);
        assert!(source.contains(&tun), "{source}");
        let source = enter(&namespace, || {
            let socket = UdpSocket::bind("[::]:0").unwrap();
            socket.connect("[fd19:61::1]:7012").unwrap();
            socket.local_addr().unwrap().ip()
        });
        assert_eq!(source, "fd20:61::1".parse::<IpAddr>().unwrap());
    }
    // The gateway's own messages go outside all the same.
    let host = UdpSocket::bind("[fd19:61::1]:500").unwrap();
    host.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let ike = ike(ports.v6);
    ike.send_to(b"hello", "[fd19:61::1]:500").unwrap();
    let (_, seen) = host.recv_from(&mut [0; 16]).unwrap();
    assert_eq!(seen.ip(), IpAddr::V6(own.v6.unwrap()));
    // Without the device it leads nowhere.
    drop((ike, ports.tun));
    assert_eq!(host_hears(&inside, "[fd19:61::1]:7012"), None);

    // What a killed run left of the gateway goes; the router's own stays.
    drop(provider);
    let provider = open_again(prefix, both(61)).await;
    provider.apply_network(&network).await.unwrap();
    apply_router(&provider, &spec).await;
    let after = all_of(&namespace);
    assert!(!after.contains("fd19:61::9"), "{after}");
    assert!(after.contains("from fd19:61::5"), "{after}");
    close(&provider, prefix).await;
}

#[tokio::test]
async fn a_block_of_ipv6_that_the_host_uses_is_refused_by_its_name() {
    if !is_root() {
        return;
    }
    ip(None, &["address", "add", "fd19:62::7/64", "dev", "lo"]);
    let opened = Network::open("o6c", both(62)).await;
    ip(None, &["address", "del", "fd19:62::7/64", "dev", "lo"]);
    let refused = opened.unwrap_err();
    assert!(
        matches!(&refused, NetworkError::ExternalInUse { setting, .. } if *setting == "network.external_cidr_v6"),
        "{refused}"
    );
}
