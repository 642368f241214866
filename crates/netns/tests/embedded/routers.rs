//! Routers, gateways and what stays of them.

use std::process::Command;

use crate::support::{
    all_of, apply, apply_router, blocks, changes, close, external, floating, ip, is_root,
    machine_space, network_space, open, open_again, outer, pings, router_space, run, site, soon,
    way_out,
};
use adit_model::{GatewayId, NetworkId};
use adit_netns::{Network, NetworkError};

#[tokio::test]
async fn a_router_is_made_once_and_goes_without_a_trace() {
    if !is_root() {
        return;
    }
    let prefix = "adt0";
    let provider = open(prefix, 10).await;
    let (network, spec) = site("10.91.0");
    apply(&provider, &network, &spec).await;
    let gateway = GatewayId::random();
    let address = outer("198.19.10.9");
    let ports = provider
        .attach_gateway(spec.id, gateway, address)
        .await
        .unwrap();
    apply_router(&provider, &spec).await;
    assert!(provider.has_address(spec.id, address.v4).await.unwrap());

    let namespace = router_space(prefix, &spec);
    let tun = format!("{prefix}-t{}", gateway.short());
    let (stays, goes) = (blocks(&["10.92.0.0/24"]), blocks(&["10.93.0.0/16"]));
    let both = &stays | &goes;
    for wanted in [&both, &stays] {
        let set = provider.set_gateway_blocks(spec.id, gateway, wanted);
        set.await.unwrap();
    }
    // By single blocks it comes to the same.
    let before = all_of(&namespace);
    let none = blocks(&[]);
    let add = provider.change_gateway_blocks(spec.id, gateway, &goes, &none);
    add.await.unwrap();
    let routes = ip(Some(&namespace), &["route"]);
    for text in [
        &format!("10.93.0.0/16 dev {tun}"),
        "unreachable 10.93.0.0/16",
    ] {
        assert!(routes.contains(text), "{routes}");
    }
    let remove = provider.change_gateway_blocks(spec.id, gateway, &none, &goes);
    remove.await.unwrap();
    assert_eq!(changes(&before, &all_of(&namespace)), [""; 0]);
    let routes = ip(Some(&namespace), &["route"]);
    assert!(
        routes.contains(&format!("10.92.0.0/24 dev {tun}")),
        "{routes}"
    );
    assert!(routes.contains("unreachable 10.92.0.0/24"), "{routes}");
    assert!(!routes.contains("10.93.0.0"), "{routes}");
    assert!(!routes.contains("default"), "{routes}");

    drop(ports);
    let get = ["ip", "route", "get", "10.92.0.7"];
    let is_unreachable = || run(&namespace, &get).is_none();
    soon("a way into a device without a descriptor", is_unreachable).await;
    let machine = machine_space(prefix, &network.instances[0]);
    assert!(pings(&machine, "10.91.0.1"));

    let detach = provider.detach_gateway(spec.id, gateway, address);
    detach.await.unwrap();
    assert!(!provider.has_address(spec.id, address.v4).await.unwrap());
    let rules = ip(Some(&namespace), &["rule"]);
    assert!(!rules.contains("198.19.10.9"), "{rules}");

    // The next gateway finds its way outside, though the kernel took it away with the last one.
    let attach = provider.attach_gateway(spec.id, gateway, address);
    let ports = attach.await.unwrap();
    let ike = std::net::UdpSocket::from(ports.v4.ike);
    ike.send_to(b"hello", "198.19.10.1:500").unwrap();
    drop((ike, ports.tun, ports.v4.nat));

    provider.remove_router(spec.id).await.unwrap();
    let ports = ip(Some(&network_space(prefix, &network)), &["link"]);
    assert!(
        !ports.contains(&spec.interfaces[0].id.short()),
        "its place on the network is free: {ports}"
    );
    close(&provider, prefix).await;
}

#[tokio::test]
async fn a_block_that_is_the_router_s_own_network_leaves_the_kernel_s_route_there() {
    if !is_root() {
        return;
    }
    let prefix = "adtb";
    let provider = open(prefix, 19).await;
    let (network, spec) = site("10.96.0");
    apply(&provider, &network, &spec).await;
    let gateway = GatewayId::random();
    let attach = provider.attach_gateway(spec.id, gateway, outer("198.19.19.9"));
    let _ports = attach.await.unwrap();
    let namespace = router_space(prefix, &spec);
    let before = all_of(&namespace);
    let own = ip(Some(&namespace), &["route", "show", "proto", "kernel"]);
    assert!(own.contains("10.96.0.0/24"), "{own}");
    let machine = machine_space(prefix, &network.instances[0]);
    for block in ["10.96.0.0/24", "10.96.0.128/25", "10.96.0.1/32"] {
        for wanted in [blocks(&[block]), blocks(&[])] {
            let set = provider.set_gateway_blocks(spec.id, gateway, &wanted);
            set.await.unwrap();
            let routes = ip(Some(&namespace), &["route", "show", "proto", "kernel"]);
            assert_eq!(routes, own, "{block}");
        }
        assert_eq!(changes(&before, &all_of(&namespace)), [""; 0], "{block}");
        assert!(pings(&machine, "10.96.0.1"), "{block}");
    }
    close(&provider, prefix).await;
}

#[tokio::test]
async fn what_a_killed_run_left_is_reused_or_removed() {
    if !is_root() {
        return;
    }
    let prefix = "adt1";
    let provider = open(prefix, 11).await;
    let (kept_network, mut kept) = site("10.91.0");
    let (stale_network, stale) = site("10.94.0");
    kept.external = way_out("198.19.11.5");
    let one = floating("198.19.11.6", "10.91.0.4");
    kept.floating_ips.push(one);
    apply(&provider, &kept_network, &kept).await;
    apply(&provider, &stale_network, &stale).await;
    let again = Network::open(prefix, external(11)).await;
    assert!(matches!(again, Err(NetworkError::PrefixInUse(_))));
    let namespace = router_space(prefix, &kept);
    let address = outer("198.19.11.9");
    let gateway = GatewayId::random();
    for _ in 0..2 {
        let attached = provider.attach_gateway(kept.id, gateway, address);
        drop(attached.await.unwrap());
        let detach = provider.detach_gateway(kept.id, gateway, address);
        detach.await.unwrap();
    }
    let before = all_of(&namespace);
    let attached = provider.attach_gateway(kept.id, gateway, address);
    drop(attached.await.unwrap());
    drop(provider);
    for left in ["adt1-i-0badcafe", "adt1-n-0badcafe", "adt1-r-0badcafe"] {
        let mut command = Command::new("ip");
        let status = command.args(["netns", "add", left]).status();
        assert!(status.unwrap().success());
    }

    let provider = open_again(prefix, external(11)).await;
    provider
        .retain(&[kept_network.id], &[kept.id], &[])
        .await
        .unwrap();
    apply(&provider, &kept_network, &kept).await;
    assert_eq!(changes(&before, &all_of(&namespace)), [""; 0]);
    assert!(!provider.has_address(kept.id, address.v4).await.unwrap());
    let names = ip(None, &["netns"]);
    assert!(!names.contains(&stale.id.short()), "{names}");
    assert!(!names.contains(&stale_network.id.short()), "{names}");
    assert!(!names.contains("0badcafe"), "{names}");
    let machine = machine_space(prefix, &kept_network.instances[0]);
    assert!(names.contains(&machine), "{names}");
    assert!(pings(&machine, "198.19.11.1"));
    let machine = machine_space(prefix, &stale_network.instances[0]);
    assert!(!names.contains(&machine), "{names}");
    close(&provider, prefix).await;
}

#[tokio::test]
async fn a_device_is_still_there_when_its_gateway_comes_back() {
    if !is_root() {
        return;
    }
    let prefix = "adtp";
    let provider = open(prefix, 46).await;
    let (network, spec) = site("10.98.0");
    apply(&provider, &network, &spec).await;
    let namespace = router_space(prefix, &spec);
    let gateway = GatewayId::random();
    let address = outer("198.19.46.9");
    let device = || ip(Some(&namespace), &["-o", "link", "show", "type", "tun"]);
    let attached = provider.attach_gateway(spec.id, gateway, address);
    let ports = attached.await.unwrap();
    let before = device();
    assert!(before.contains("LOWER_UP"), "{before}");
    let number = |shown: &str| shown.split(':').next().map(str::to_owned);
    // As if the process had been killed.
    drop((ports, provider));
    let is_down = || device().contains("NO-CARRIER");
    soon("a link without a descriptor", is_down).await;

    let provider = open_again(prefix, external(46)).await;
    provider
        .retain(&[network.id], &[spec.id], &[gateway])
        .await
        .unwrap();
    apply(&provider, &network, &spec).await;
    let attached = provider.attach_gateway(spec.id, gateway, address);
    let ports = attached.await.unwrap();
    assert_eq!(number(&device()), number(&before), "it is the same one");
    soon("its link", || device().contains("LOWER_UP")).await;
    drop(ports);
    let detached = provider.detach_gateway(spec.id, gateway, address);
    detached.await.unwrap();
    assert_eq!(device(), "");
    close(&provider, prefix).await;
}

#[tokio::test]
async fn a_prefix_that_does_not_fit_link_names_is_refused() {
    for prefix in ["", "toolong", "a-b", "AB"] {
        let refused = Network::open(prefix, external(12)).await;
        assert!(
            matches!(refused, Err(NetworkError::Prefix(_))),
            "{prefix:?}"
        );
    }
}

#[tokio::test]
async fn a_router_can_be_looked_at_by_many_at_once() {
    if !is_root() {
        return;
    }
    let provider = std::sync::Arc::new(open("adt7", 13).await);
    let (network, spec) = site("10.97.0");
    let address = outer("198.19.13.9");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (provider, network, spec) = (provider.clone(), network.clone(), spec.clone());
        tasks.spawn(async move {
            provider.apply_network(&network).await?;
            provider.apply_router(&spec).await?;
            provider.has_address(spec.id, address.v4).await
        });
    }
    let outcomes = tasks.join_all().await;
    close(&provider, "adt7").await;
    for outcome in outcomes {
        assert!(!outcome.unwrap());
    }
}

#[tokio::test]
async fn an_external_network_that_the_host_routes_elsewhere_is_refused() {
    if !is_root() {
        return;
    }
    let first = open("adt8", 14).await;
    let second = Network::open("adt9", external(14)).await;
    assert!(
        matches!(second, Err(NetworkError::ExternalInUse { .. })),
        "{second:?}"
    );
    first.remove_all().await.unwrap();
}

#[tokio::test]
async fn a_router_needs_the_networks_of_its_interfaces() {
    if !is_root() {
        return;
    }
    let provider = open("adta", 15).await;
    let (network, mut spec) = site("10.91.0");
    spec.interfaces[0].network = NetworkId::random();
    let refused = provider.apply_router(&spec).await;
    assert!(
        matches!(refused, Err(NetworkError::NoNetwork(id)) if id == spec.interfaces[0].network),
        "{refused:?}"
    );
    spec.interfaces[0].network = network.id;
    apply(&provider, &network, &spec).await;
    close(&provider, "adta").await;
}
