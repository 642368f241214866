//! Ways outside and floating IPs.

use std::net::IpAddr;

use crate::support::{
    address, all_of, apply, apply_network, apply_router, block, blocks, changes, close, connects,
    enter, external, floating, hears, host_hears, interface, ip, is_root, machine, machine_space,
    network, open, open_again, outer, pings, router_space, run, site, soon, way_out,
};
use adit_model::GatewayId;
use adit_model::desired::SourceSpec;

#[tokio::test]
async fn a_machine_gets_outside_by_its_routers_address() {
    if !is_root() {
        return;
    }
    let prefix = "out0";
    let provider = open(prefix, 30).await;
    let (network, mut spec) = site("10.71.0");
    apply(&provider, &network, &spec).await;
    let inside = machine_space(prefix, &network.instances[0]);
    let host = "198.19.30.1:7000";
    let without = all_of(&router_space(prefix, &spec));
    assert_eq!(host_hears(&inside, host), None, "there is no way out yet");

    spec.external = way_out("198.19.30.5");
    apply_router(&provider, &spec).await;
    let address: IpAddr = "198.19.30.5".parse().unwrap();
    assert_eq!(host_hears(&inside, host), Some(address));
    let seen = connects(Some(&inside), host, None, host).unwrap();
    assert_eq!(seen.ip(), address);
    assert!(pings(&inside, "198.19.30.1"));
    let with = all_of(&router_space(prefix, &spec));
    apply_router(&provider, &spec).await;
    let after = all_of(&router_space(prefix, &spec));
    assert_eq!(changes(&with, &after), [""; 0]);

    // Another address, and then without translation: nothing leaves with a private source.
    spec.external = way_out("198.19.30.6");
    apply_router(&provider, &spec).await;
    let address: IpAddr = "198.19.30.6".parse().unwrap();
    assert_eq!(host_hears(&inside, host), Some(address));
    let old: IpAddr = "198.19.30.5".parse().unwrap();
    assert!(!provider.has_address(spec.id, old).await.unwrap());
    if let Some(external) = &mut spec.external {
        external.snat = false;
    }
    apply_router(&provider, &spec).await;
    assert_eq!(host_hears(&inside, host), None);

    spec.external = None;
    apply_router(&provider, &spec).await;
    assert_eq!(host_hears(&inside, host), None);
    let after = all_of(&router_space(prefix, &spec));
    assert_eq!(changes(&without, &after), [""; 0]);
    close(&provider, prefix).await;
}

#[tokio::test]
async fn nobody_outside_gets_in_but_to_a_floating_ip() {
    if !is_root() {
        return;
    }
    let prefix = "out1";
    let provider = open(prefix, 31).await;
    let (mut network, mut spec) = site("10.72.0");
    network
        .instances
        .push(machine(&["10.72.0.5/24"], &["10.72.0.1"]));
    spec.external = way_out("198.19.31.5");
    apply(&provider, &network, &spec).await;
    let inside = machine_space(prefix, &network.instances[0]);
    // The host sends what is for the machine to the router, as a bad neighbour could.
    let route = ["route", "add", "10.72.0.0/24", "via", "198.19.31.5"];
    ip(None, &route);
    let gets_in = |to: &str| hears(None, to, Some(&inside), "0.0.0.0:7001").is_some();
    let without = ["10.72.0.4:7001", "198.19.31.5:7001"].map(gets_in);

    let one = floating("198.19.31.6", "10.72.0.4");
    spec.floating_ips.push(one);
    apply_router(&provider, &spec).await;
    let with = ["10.72.0.4:7001", "198.19.31.5:7001", "198.19.31.6:7001"].map(gets_in);
    ip(None, &["route", "del", "10.72.0.0/24"]);
    assert_eq!((without, with), ([false; 2], [false, false, true]));

    let seen = connects(None, "198.19.31.6:7001", Some(&inside), "0.0.0.0:7001");
    let host: IpAddr = "198.19.31.1".parse().unwrap();
    assert_eq!(
        seen.unwrap().ip(),
        host,
        "the machine sees who it really is"
    );
    let address: IpAddr = "198.19.31.6".parse().unwrap();
    let heard = host_hears(&inside, "198.19.31.1:7002");
    assert_eq!(heard, Some(address), "and leaves by the same address");
    let neighbour = machine_space(prefix, &network.instances[1]);
    let heard = host_hears(&neighbour, "198.19.31.1:7002");
    assert_eq!(heard, Some("198.19.31.5".parse().unwrap()));

    // Between neighbours, and from a machine to itself, by the floating IP.
    for from in [&neighbour, &inside] {
        let seen = connects(
            Some(from),
            "198.19.31.6:7001",
            Some(&inside),
            "0.0.0.0:7001",
        );
        let seen = seen.unwrap().ip();
        assert!(block("198.19.31.0/24").contains(seen), "{seen}");
    }
    // Without translation for others, floating IPs go on.
    if let Some(external) = &mut spec.external {
        external.snat = false;
    }
    apply_router(&provider, &spec).await;
    assert_eq!(host_hears(&inside, "198.19.31.1:7002"), Some(address));
    assert_eq!(host_hears(&neighbour, "198.19.31.1:7002"), None);
    close(&provider, prefix).await;
}

#[tokio::test]
async fn floating_ips_join_routers_and_move_between_them() {
    if !is_root() {
        return;
    }
    let prefix = "out2";
    let provider = open(prefix, 32).await;
    let (one_network, mut one) = site("10.73.0");
    // The other router's machines have the same addresses.
    let (other_network, mut other) = site("10.73.0");
    one.external = way_out("198.19.32.5");
    other.external = way_out("198.19.32.6");
    one.floating_ips = vec![floating("198.19.32.7", "10.73.0.4")];
    other.floating_ips = vec![floating("198.19.32.8", "10.73.0.4")];
    apply(&provider, &one_network, &one).await;
    apply(&provider, &other_network, &other).await;
    let machines = [&one_network, &other_network].map(|n| machine_space(prefix, &n.instances[0]));
    let seen = connects(
        Some(&machines[0]),
        "198.19.32.8:7003",
        Some(&machines[1]),
        "0.0.0.0:7003",
    );
    assert_eq!(seen.unwrap().ip(), "198.19.32.7".parse::<IpAddr>().unwrap());

    // The host knows where it is, and is told where it goes.
    let seen = connects(None, "198.19.32.7:7003", Some(&machines[0]), "0.0.0.0:7003");
    assert!(seen.is_some());
    let moved = one.floating_ips.pop().unwrap();
    other.floating_ips = vec![moved];
    apply_router(&provider, &one).await;
    apply_router(&provider, &other).await;
    let seen = connects(None, "198.19.32.7:7003", Some(&machines[1]), "0.0.0.0:7003");
    assert!(seen.is_some());
    let gone = connects(None, "198.19.32.8:7003", Some(&machines[1]), "0.0.0.0:7003");
    assert!(gone.is_none());
    close(&provider, prefix).await;
}

#[tokio::test]
async fn what_is_behind_a_peer_never_goes_outside() {
    if !is_root() {
        return;
    }
    let prefix = "out3";
    let provider = open(prefix, 33).await;
    let (network, mut spec) = site("10.74.0");
    spec.external = way_out("198.19.33.5");
    spec.floating_ips = vec![floating("198.19.33.6", "10.74.0.4")];
    apply(&provider, &network, &spec).await;
    let inside = machine_space(prefix, &network.instances[0]);
    let namespace = router_space(prefix, &spec);
    let gateway = GatewayId::random();
    // Behind the peer is what the host has, so that it would hear what got away.
    ip(None, &["addr", "add", "198.19.133.1/32", "dev", "lo"]);
    let target = "198.19.133.1:7004";
    let before = host_hears(&inside, target);
    let first = blocks(&["198.19.133.0/24"]);
    let set = provider.set_gateway_blocks(spec.id, gateway, &first);
    set.await.unwrap();
    let unattached = host_hears(&inside, target);
    let address = outer("198.19.33.9");
    let attach = provider.attach_gateway(spec.id, gateway, address);
    let ports = attach.await.unwrap();

    let mut kept = Vec::new();
    for behind in ["198.19.133.0/24", "0.0.0.0/0"] {
        provider
            .set_gateway_blocks(spec.id, gateway, &blocks(&[behind]))
            .await
            .unwrap();
        kept.push(host_hears(&inside, target));
    }
    let all = host_hears(&inside, "198.19.33.1:7004");
    let tun = format!("dev {prefix}-t{}", gateway.short());
    let get = ["route", "get", "198.19.133.1", "from", "10.74.0.4", "iif"];
    let link = format!("{prefix}-s{}", spec.interfaces[0].id.short());
    let get = [&get[..], &[link.as_str()]].concat();
    let into = ip(Some(&namespace), &get);
    // The router may be applied at any time, and leaves the gateway alone.
    apply_router(&provider, &spec).await;
    assert!(provider.has_address(spec.id, address.v4).await.unwrap());
    drop(ports);
    let get = [&["ip"], &get[..]].concat();
    let is_nowhere = || run(&namespace, &get).is_none();
    soon("a way into a device without a descriptor", is_nowhere).await;
    let without_device = host_hears(&inside, target);
    let detach = provider.detach_gateway(spec.id, gateway, address);
    detach.await.unwrap();
    let after = host_hears(&inside, target);
    ip(None, &["addr", "del", "198.19.133.1/32", "dev", "lo"]);

    let floating: IpAddr = "198.19.33.6".parse().unwrap();
    assert_eq!(before, Some(floating), "it can leave without a peer");
    assert_eq!(unattached, None, "not even before the gateway is there");
    assert_eq!(kept, [None, None]);
    assert_eq!(all, None, "everything is behind this peer");
    assert!(into.contains(&tun), "{into}");
    assert_eq!(without_device, None);
    assert_eq!(after, Some(floating), "without the peer it may leave again");
    close(&provider, prefix).await;
}

#[tokio::test]
async fn what_a_spec_lists_is_held_before_any_gateway_and_until_none_has_it() {
    if !is_root() {
        return;
    }
    let prefix = "out6";
    let provider = open(prefix, 36).await;
    let (network, mut spec) = site("10.78.0");
    spec.external = way_out("198.19.36.5");
    let gateway = GatewayId::random();
    let behind = blocks(&["198.19.36.1/32", "fd00:36::/64"]);
    spec.peer_cidrs = [(gateway, behind.clone())].into();
    apply(&provider, &network, &spec).await;
    let inside = machine_space(prefix, &network.instances[0]);
    let target = "198.19.36.1:7006";
    assert_eq!(host_hears(&inside, target), None);
    let namespace = router_space(prefix, &spec);
    let before = all_of(&namespace);
    assert!(before.contains("unreachable fd00:36::/64"), "{before}");
    apply_router(&provider, &spec).await;
    assert_eq!(changes(&before, &all_of(&namespace)), [""; 0]);

    // From when the gateway tells, it counts what it tells.
    let set = provider.set_gateway_blocks(spec.id, gateway, &behind);
    set.await.unwrap();
    let listed = std::mem::take(&mut spec.peer_cidrs);
    apply_router(&provider, &spec).await;
    assert_eq!(host_hears(&inside, target), None, "the gateway has it");
    spec.peer_cidrs = listed.clone();
    provider
        .set_gateway_blocks(spec.id, gateway, &blocks(&[]))
        .await
        .unwrap();
    apply_router(&provider, &spec).await;
    let router: IpAddr = "198.19.36.5".parse().unwrap();
    assert_eq!(host_hears(&inside, target), Some(router));

    // What an earlier run held goes, and what it did not hold comes, with a way outside open.
    let other = GatewayId::random();
    spec.peer_cidrs = [(other, blocks(&["198.19.36.3/32"]))].into();
    apply_router(&provider, &spec).await;
    drop(provider);
    let provider = open_again(prefix, external(36)).await;
    provider.apply_network(&network).await.unwrap();
    spec.peer_cidrs = listed;
    apply_router(&provider, &spec).await;
    assert_eq!(host_hears(&inside, target), None);
    let after = all_of(&namespace);
    assert!(!after.contains("198.19.36.3"), "{after}");
    close(&provider, prefix).await;
}

#[tokio::test]
async fn a_conversation_that_was_not_translated_does_not_get_outside() {
    if !is_root() {
        return;
    }
    let prefix = "out4";
    let provider = open(prefix, 34).await;
    let (network, mut spec) = site("10.75.0");
    spec.external = way_out("198.19.34.5");
    apply(&provider, &network, &spec).await;
    let inside = machine_space(prefix, &network.instances[0]);
    let gateway = GatewayId::random();
    let address = outer("198.19.34.9");
    let attach = provider.attach_gateway(spec.id, gateway, address);
    let _ports = attach.await.unwrap();
    provider
        .set_gateway_blocks(spec.id, gateway, &blocks(&["198.19.34.1/32"]))
        .await
        .unwrap();
    let host = std::net::UdpSocket::bind("198.19.34.1:7005").unwrap();
    host.set_nonblocking(true).unwrap();
    let socket = enter(&inside, || std::net::UdpSocket::bind("0.0.0.0:0").unwrap());
    socket
        .send_to(b"into the tunnel", "198.19.34.1:7005")
        .unwrap();
    // The tunnel goes; the conversation is tracked, without a translation.
    provider
        .set_gateway_blocks(spec.id, gateway, &blocks(&[]))
        .await
        .unwrap();
    socket.send_to(b"outside", "198.19.34.1:7005").unwrap();
    assert!(pings(&inside, "198.19.34.1"), "what follows does get there");
    assert!(host.recv_from(&mut [0; 32]).is_err());
    close(&provider, prefix).await;
}

#[tokio::test]
async fn a_gateways_own_traffic_is_not_tracked_and_nobody_speaks_for_it() {
    if !is_root() {
        return;
    }
    let prefix = "out5";
    let provider = open(prefix, 35).await;
    let (mut net, mut spec) = site("10.76.0");
    // A machine that has the gateway's address too.
    net.instances[0].addresses.push(address("198.19.35.9/32"));
    let second = network();
    spec.interfaces.push(interface(&second, &["10.77.0.1/24"]));
    spec.external = way_out("198.19.35.5");
    apply_network(&provider, &second).await;
    apply(&provider, &net, &spec).await;
    let gateway = GatewayId::random();
    let attach = provider.attach_gateway(spec.id, gateway, outer("198.19.35.9"));
    let ports = attach.await.unwrap();
    let inside = machine_space(prefix, &net.instances[0]);
    let host = std::net::UdpSocket::bind("198.19.35.1:500").unwrap();
    host.set_read_timeout(Some(std::time::Duration::from_millis(300)))
        .unwrap();
    enter(&inside, || {
        let socket = std::net::UdpSocket::bind("198.19.35.9:500").unwrap();
        let _ = socket.send_to(b"forged", "198.19.35.1:500");
    });
    assert!(host.recv_from(&mut [0; 16]).is_err());

    let ike = std::net::UdpSocket::from(ports.v4.ike);
    ike.send_to(b"hello", "198.19.35.1:500").unwrap();
    let (_, seen) = host.recv_from(&mut [0; 16]).unwrap();
    assert_eq!(seen, "198.19.35.9:500".parse().unwrap());
    host.send_to(b"hello", seen).unwrap();
    let mut heard = [0; 16];
    ike.set_nonblocking(false).unwrap();
    assert_eq!(ike.recv(&mut heard).unwrap(), 5);
    let tracked = run(
        &router_space(prefix, &spec),
        &["cat", "/proc/net/nf_conntrack"],
    );
    let tracked = tracked.unwrap_or_default();
    assert!(!tracked.contains("port=500 "), "{tracked}");
    close(&provider, prefix).await;
}

#[tokio::test]
async fn a_block_gets_outside_by_its_own_address_and_no_other_does() {
    if !is_root() {
        return;
    }
    let prefix = "out7";
    let provider = open(prefix, 37).await;
    let (one, mut spec) = site("10.79.0");
    let mut two = network();
    two.instances
        .push(machine(&["10.79.1.4/24"], &["10.79.1.1"]));
    spec.interfaces.push(interface(&two, &["10.79.1.1/24"]));
    spec.external = way_out("198.19.37.5");
    if let Some(external) = &mut spec.external {
        external.snat = false;
    }
    let source = |block_of: &str| SourceSpec {
        block: block(block_of),
        address: "198.19.37.9".parse().unwrap(),
    };
    spec.sources = vec![source("10.79.0.0/24")];
    apply_network(&provider, &two).await;
    apply(&provider, &one, &spec).await;
    let [one, two] = [&one, &two].map(|net| machine_space(prefix, &net.instances[0]));
    let host = "198.19.37.1:7009";
    let out = |from: &str| host_hears(from, host).map(|address| address.to_string());
    assert_eq!(out(&one).as_deref(), Some("198.19.37.9"));
    assert_eq!(out(&two), None);
    assert!(pings(&one, "198.19.37.1") && !pings(&two, "198.19.37.1"));
    assert!(pings(&one, "10.79.1.4"), "they still reach each other");
    // Nobody comes in by it.
    let seen = connects(None, "198.19.37.9:7010", Some(&one), "0.0.0.0:7010");
    assert!(seen.is_none());

    // A conversation that is under way ends with it too.
    let socket = enter(&one, || std::net::UdpSocket::bind("0.0.0.0:0").unwrap());
    let listener = std::net::UdpSocket::bind("198.19.37.1:7011").unwrap();
    listener
        .set_read_timeout(Some(std::time::Duration::from_millis(300)))
        .unwrap();
    socket.send_to(b"before", "198.19.37.1:7011").unwrap();
    assert!(listener.recv_from(&mut [0; 16]).is_ok());
    spec.sources = vec![source("10.79.1.0/24")];
    apply_router(&provider, &spec).await;
    socket.send_to(b"after", "198.19.37.1:7011").unwrap();
    assert!(listener.recv_from(&mut [0; 16]).is_err());
    assert_eq!(out(&one), None);
    assert_eq!(out(&two).as_deref(), Some("198.19.37.9"));

    spec.sources = Vec::new();
    apply_router(&provider, &spec).await;
    assert_eq!(out(&two), None);
    let address: IpAddr = "198.19.37.9".parse().unwrap();
    assert!(!provider.has_address(spec.id, address).await.unwrap());
    close(&provider, prefix).await;
}
