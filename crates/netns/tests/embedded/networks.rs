//! Networks, machines and their filters.

use crate::support::{
    address, all_of, apply, apply_network, apply_router, block, changes, close, connects, external,
    interface, ip, is_root, machine, machine_space, network, network_space, open, open_again,
    pings, router, router_space, run, site,
};
use adit_model::desired::FilterRule;
use adit_model::security_group::{Direction, Family};
use adit_model::subnet::StaticRoute;

fn rule(direction: Direction, family: Family, protocol: u8) -> FilterRule {
    FilterRule {
        direction,
        family,
        protocol: Some(protocol),
        port_min: None,
        port_max: None,
        remote: None,
    }
}

#[tokio::test]
async fn machines_of_two_networks_reach_each_other_by_their_router() {
    if !is_root() {
        return;
    }
    let prefix = "nwt0";
    let provider = open(prefix, 20).await;
    let (mut one, mut spec) = site("10.81.0");
    let mut other = network();
    let addresses = ["10.82.0.4/24", "2001:db8:82::4/64"];
    let gateways = ["10.82.0.1", "2001:db8:82::1"];
    other.instances.push(machine(&addresses, &gateways));
    one.instances[0]
        .addresses
        .push(address("2001:db8:81::4/64"));
    let gateway = "2001:db8:81::1".parse().unwrap();
    one.instances[0].gateways.push(gateway);
    let own = address("2001:db8:81::1/64");
    spec.interfaces[0].addresses.push(own);
    let second = interface(&other, &["10.82.0.1/24", "2001:db8:82::1/64"]);
    spec.interfaces.push(second);
    apply_network(&provider, &other).await;
    apply(&provider, &one, &spec).await;
    let namespace = machine_space(prefix, &one.instances[0]);
    assert!(pings(&namespace, "10.82.0.4"));
    assert!(pings(&namespace, "2001:db8:82::4"));
    let link = ip(Some(&namespace), &["link"]);
    assert!(link.contains("mtu 1450"), "{link}");
    assert!(link.contains(&one.instances[0].mac.to_string()), "{link}");

    // The same again changes nothing.
    let spaces = [
        namespace.clone(),
        network_space(prefix, &one),
        router_space(prefix, &spec),
    ];
    let before = spaces.each_ref().map(|space| all_of(space));
    apply(&provider, &one, &spec).await;
    for (space, before) in spaces.iter().zip(&before) {
        assert_eq!(changes(before, &all_of(space)), [""; 0]);
    }

    // A smaller MTU reaches everybody, the router too.
    one.mtu = 1300;
    apply_network(&provider, &one).await;
    let name = format!("{prefix}-s{}", spec.interfaces[0].id.short());
    let link = ip(Some(&spaces[2]), &["link", "show", &name]);
    assert!(link.contains("mtu 1300"), "{link}");

    // An interface that goes takes the way with it.
    spec.interfaces.pop();
    apply_router(&provider, &spec).await;
    assert!(!pings(&namespace, "10.82.0.4"));
    let ports = ip(Some(&network_space(prefix, &other)), &["link"]);
    assert_eq!(
        ports.matches(&format!("{prefix}-p")).count(),
        1,
        "its end on the network is gone: {ports}"
    );
    close(&provider, prefix).await;
}

#[tokio::test]
async fn a_network_or_a_machine_that_is_down_carries_nothing() {
    if !is_root() {
        return;
    }
    let prefix = "nwt1";
    let provider = open(prefix, 21).await;
    let (mut network, spec) = site("10.81.0");
    let second = address("2001:db8:81::4/64");
    network.instances[0].addresses.push(second);
    network.instances.push(machine(
        &["10.81.0.5/24", "2001:db8:81::5/64"],
        &["10.81.0.1"],
    ));
    apply(&provider, &network, &spec).await;
    let namespace = machine_space(prefix, &network.instances[0]);
    let targets = ["10.81.0.5", "2001:db8:81::5", "10.81.0.1"];
    for round in ["network", "machine"] {
        assert!(targets.iter().all(|target| pings(&namespace, target)));
        let mut down = network.clone();
        if round == "network" {
            down.admin_state_up = false;
        } else {
            down.instances[0].admin_state_up = false;
        }
        apply_network(&provider, &down).await;
        for target in targets {
            assert!(!pings(&namespace, target), "{round} {target}");
        }
        apply_network(&provider, &network).await;
    }
    assert!(targets.iter().all(|target| pings(&namespace, target)));

    // One that is not listed any more goes, and so does an address.
    let gone = network.instances.pop().unwrap();
    network.instances[0].addresses.remove(0);
    apply_network(&provider, &network).await;
    assert!(!ip(None, &["netns"]).contains(&machine_space(prefix, &gone)));
    let addresses = ip(Some(&namespace), &["addr"]);
    assert!(!addresses.contains("10.81.0.4"), "{addresses}");
    assert!(addresses.contains("2001:db8:81::4/64"), "{addresses}");

    provider.remove_network(network.id).await.unwrap();
    let names = ip(None, &["netns"]);
    assert!(!names.contains(&namespace), "{names}");
    assert!(!names.contains(&network_space(prefix, &network)), "{names}");
    close(&provider, prefix).await;
}

#[tokio::test]
async fn static_routes_come_and_go_on_routers_and_machines() {
    if !is_root() {
        return;
    }
    let prefix = "nwt2";
    let provider = open(prefix, 22).await;
    let (mut network, mut spec) = site("10.81.0");
    // The neighbour has an address of the block that the routes lead to.
    let neighbour = machine(&["10.81.0.9/24", "10.83.0.1/32"], &[]);
    network.instances.push(neighbour);
    let route = StaticRoute {
        destination: block("10.83.0.0/24"),
        nexthop: "10.81.0.9".parse().unwrap(),
    };
    let bad = StaticRoute {
        destination: block("10.84.0.0/24"),
        nexthop: "198.19.22.1".parse().unwrap(),
    };
    spec.routes = vec![route, bad];
    apply(&provider, &network, &spec).await;
    let (namespace, inside) = (
        router_space(prefix, &spec),
        machine_space(prefix, &network.instances[0]),
    );
    let routes = ip(Some(&namespace), &["route"]);
    assert!(routes.contains("10.83.0.0/24 via 10.81.0.9"), "{routes}");
    assert!(!routes.contains("10.84.0.0"), "{routes}");
    assert!(pings(&inside, "10.83.0.1"));

    // Another process takes them away.
    drop(provider);
    let provider = open_again(prefix, external(22)).await;
    spec.routes.clear();
    network.instances[0].gateways.clear();
    network.instances[0].routes.push(route);
    apply(&provider, &network, &spec).await;
    let routes = ip(Some(&namespace), &["route"]);
    assert!(!routes.contains("10.83.0.0"), "{routes}");
    let routes = ip(Some(&inside), &["route"]);
    assert!(!routes.contains("default"), "{routes}");
    assert!(pings(&inside, "10.83.0.1"));
    close(&provider, prefix).await;
}

#[tokio::test]
async fn a_filter_lets_through_what_is_listed_and_what_answers() {
    if !is_root() {
        return;
    }
    let prefix = "nwt3";
    let provider = open(prefix, 23).await;
    let mut net = network();
    for last in [4, 5] {
        let addresses = [
            format!("10.81.0.{last}/24"),
            format!("2001:db8:81::{last}/64"),
        ];
        let addresses = addresses.each_ref().map(String::as_str);
        net.instances.push(machine(&addresses, &[]));
    }
    let (client, server) = (
        machine_space(prefix, &net.instances[0]),
        machine_space(prefix, &net.instances[1]),
    );
    let tcp = |port: &str| {
        connects(
            Some(&client),
            &format!("10.81.0.5:{port}"),
            Some(&server),
            &format!("0.0.0.0:{port}"),
        )
    };
    apply_network(&provider, &net).await;
    assert!(tcp("2200").is_some());

    net.instances[1].filter = Some(Vec::new());
    apply_network(&provider, &net).await;
    assert!(tcp("2200").is_none());
    assert!(!pings(&client, "10.81.0.5"));
    assert!(!pings(&client, "2001:db8:81::5"));
    assert!(!pings(&server, "10.81.0.4"), "nor out of it");
    assert!(pings(&server, "127.0.0.1"), "it may talk to itself");

    let mut ssh = rule(Direction::Ingress, Family::V4, 6);
    (ssh.port_min, ssh.port_max) = (Some(2200), Some(2201));
    ssh.remote = Some(vec![block("10.81.0.4/32"), block("10.99.0.0/16")]);
    let mut echo = rule(Direction::Ingress, Family::V6, 58);
    (echo.port_min, echo.port_max) = (Some(128), Some(0));
    net.instances[1].filter = Some(vec![ssh.clone(), echo]);
    apply_network(&provider, &net).await;
    assert!(tcp("2200").is_some(), "and the answers pass");
    assert!(tcp("2201").is_some());
    assert!(tcp("2202").is_none());
    assert!(!pings(&client, "10.81.0.5"));
    assert!(pings(&client, "2001:db8:81::5"));

    let table = run(&server, &["nft", "list", "ruleset"]).unwrap();
    apply_network(&provider, &net).await;
    assert_eq!(run(&server, &["nft", "list", "ruleset"]).unwrap(), table);

    ssh.remote = Some(vec![block("10.81.0.6/32")]);
    let mut out = rule(Direction::Egress, Family::V4, 1);
    out.remote = Some(vec![block("10.81.0.0/24")]);
    net.instances[1].filter = Some(vec![ssh, out]);
    apply_network(&provider, &net).await;
    assert!(tcp("2200").is_none());
    assert!(pings(&server, "10.81.0.4"), "and the answer passes");

    net.instances[1].filter = None;
    apply_network(&provider, &net).await;
    assert!(tcp("2202").is_some());
    assert_eq!(run(&server, &["nft", "list", "ruleset"]).unwrap(), "");
    let spec = router();
    apply_router(&provider, &spec).await;
    let space = router_space(prefix, &spec);
    assert_eq!(run(&space, &["nft", "list", "ruleset"]).unwrap(), "");
    close(&provider, prefix).await;
}
