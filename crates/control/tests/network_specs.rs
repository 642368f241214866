//! What the agent is told of networks and routers: filters that follow the members of groups,
//! floating IPs that come and go, routers that are down or lose their way outside. The clock of
//! these tests is paused: waiting costs nothing.

use crate::world::{
    LAX_FLOATING_IPS, LAX_GROUPS, LAX_PORTS, LAX_SUBNETS, World, let_in, name, new_group,
    new_router, new_subnet, standing_for,
};
use adit_control::floating_ip::{NewFloatingIp, Target};
use adit_control::network::NewNetwork;
use adit_control::port::{self, NewPort, PortChange};
use adit_control::router::{NewRouter, RouterChange, WishedExternal};
use adit_control::router_interface::InterfaceOf;
use adit_control::security_group::NewRule;
use adit_control::subnet::{self, Block};
use adit_control::{Allowance, Naming};
use adit_model::desired::{FilterRule, FloatingIpSpec, RouterSpec};
use adit_model::port::Device;
use adit_model::security_group::{Direction, Remote};
use adit_model::{
    Network, NetworkId, Port, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, SubnetId,
};
use adit_store::Query;

async fn network(w: &World, cidr: &str) -> (NetworkId, SubnetId) {
    let new = NewNetwork {
        name: name("n"),
        description: String::new(),
        admin_state_up: true,
        external: false,
        shared: false,
        mtu: Network::MTU,
        port_security: true,
    };
    let view = w.control.create_network(&w.demo, new).await.unwrap();
    let network = view.network.id;
    let new = new_subnet(
        "s",
        subnet::Place::Network(network),
        Block::Exact(cidr.parse().unwrap()),
    );
    let subnet = w
        .control
        .create_subnet(&w.demo, LAX_SUBNETS, new)
        .await
        .unwrap();
    (network, subnet.id)
}

async fn group(w: &World, called: &str) -> SecurityGroupId {
    let made = w
        .control
        .create_security_group(&w.demo, LAX_GROUPS, new_group(called));
    made.await.unwrap().group.id
}

/// A machine's port.
async fn machine(w: &World, network: NetworkId, groups: Option<Vec<SecurityGroupId>>) -> Port {
    let new = NewPort {
        name: name("vm"),
        resource_group: None,
        description: String::new(),
        place: port::Place::Network(network),
        admin_state_up: true,
        mac: None,
        fixed_ips: None,
        device: Device::Other {
            owner: "compute:test".to_owned(),
            id: "vm".to_owned(),
        },
        port_security: None,
        security_groups: groups,
    };
    w.control
        .create_port(&w.demo, LAX_PORTS, new)
        .await
        .unwrap()
}

async fn allow_in(w: &World, group: SecurityGroupId, remote: Remote) -> SecurityGroupRuleId {
    let new = NewRule {
        protocol: Some("tcp".to_owned()),
        port_min: Some(80),
        port_max: Some(80),
        ..let_in(remote)
    };
    let control = &w.control;
    let made = control.create_security_group_rule(&w.demo, LAX_GROUPS, group, new);
    made.await.unwrap().id
}

/// What the agent lets in to a machine: of each rule those who may send, `any` and `nobody`.
fn lets_in(w: &World, network: NetworkId, port: PortId) -> Option<Vec<String>> {
    let spec = w.agent.network(network)?;
    let machine = spec.instances.into_iter().find(|one| one.id == port)?;
    let ingress = |rule: &FilterRule| rule.direction == Direction::Ingress;
    let who = |rule: FilterRule| match rule.remote {
        None => "any".to_owned(),
        Some(blocks) if blocks.is_empty() => "nobody".to_owned(),
        Some(blocks) => {
            let mut texts: Vec<_> = blocks.iter().map(ToString::to_string).collect();
            texts.sort();
            texts.join(" ")
        }
    };
    let filter = machine.filter?;
    Some(filter.into_iter().filter(ingress).map(who).collect())
}

async fn until_lets_in(w: &World, network: NetworkId, port: PortId, expected: &[&str]) {
    let what = format!("{expected:?} are let in");
    w.until(&what, async || {
        lets_in(w, network, port).is_some_and(|known| known == expected)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_filter_follows_the_members_of_the_group_it_names() {
    let mut w = World::new().await;
    w.run();
    let (servers, _) = network(&w, "10.1.0.0/24").await;
    let (clients, _) = network(&w, "10.2.0.0/24").await;
    let (web, users) = (group(&w, "web").await, group(&w, "users").await);
    let rule = allow_in(&w, web, Remote::Group(users)).await;
    let server = machine(&w, servers, Some(vec![web])).await.id;
    until_lets_in(&w, servers, server, &["nobody"]).await;

    // Members come: on another network, and by a change of their groups.
    let one = machine(&w, clients, Some(vec![users])).await.id;
    until_lets_in(&w, servers, server, &["10.2.0.2/32"]).await;
    let two = machine(&w, clients, Some(Vec::new())).await.id;
    let into = |groups| PortChange {
        security_groups: Some(groups),
        ..PortChange::default()
    };
    let joins = w.control.update_port(&w.demo, two, into(vec![users, web]));
    joins.await.unwrap();
    until_lets_in(&w, servers, server, &["10.2.0.2/32 10.2.0.3/32"]).await;
    until_lets_in(&w, clients, two, &["10.2.0.2/32 10.2.0.3/32"]).await;

    // And go: with their port, and by another change.
    w.control
        .delete_port(&w.demo, LAX_PORTS, one, None)
        .await
        .unwrap();
    until_lets_in(&w, servers, server, &["10.2.0.3/32"]).await;
    let leaves = w.control.update_port(&w.demo, two, into(vec![web]));
    leaves.await.unwrap();
    until_lets_in(&w, servers, server, &["nobody"]).await;

    // A rule for anybody comes beside, and the other one goes with the group that it names.
    allow_in(&w, web, Remote::Any).await;
    until_lets_in(&w, servers, server, &["nobody", "any"]).await;
    let gone = w
        .control
        .delete_security_group(&w.demo, LAX_GROUPS, users, None);
    gone.await.unwrap();
    until_lets_in(&w, servers, server, &["any"]).await;
    let known = w.control.security_group_rule(&w.demo, rule).await;
    assert!(known.is_err());
}

#[tokio::test(start_paused = true)]
async fn machines_of_the_default_group_reach_each_other() {
    let mut w = World::new().await;
    w.run();
    let (id, _) = network(&w, "10.1.0.0/24").await;
    let one = machine(&w, id, None).await.id;
    // One rule for each version; nobody has an IPv6 address.
    until_lets_in(&w, id, one, &["10.1.0.2/32", "nobody"]).await;
    machine(&w, id, None).await;
    until_lets_in(&w, id, one, &["10.1.0.2/32 10.1.0.3/32", "nobody"]).await;
    let open = PortChange {
        port_security: Some(false),
        security_groups: Some(Vec::new()),
        ..PortChange::default()
    };
    w.control.update_port(&w.demo, one, open).await.unwrap();
    w.until("it is not filtered", async || {
        let spec = w.agent.network(id);
        let machines = spec.map(|spec| spec.instances).unwrap_or_default();
        machines
            .iter()
            .any(|machine| machine.id == one && machine.filter.is_none())
    })
    .await;
}

/// A router that leads outside, on a network with a machine.
struct Outside {
    router: RouterId,
    machine: Port,
    external: NetworkId,
}

async fn outside(w: &World) -> Outside {
    let networks = w.control.page_networks(&w.demo, Query::default());
    let networks = networks.await.unwrap();
    let external = networks.iter().find(|view| view.network.external);
    let external = external.unwrap().network.id;
    let new = NewRouter {
        naming: Naming::Free,
        allowance: Allowance::OfProject,
        external: Some(WishedExternal::by(external)),
        ..new_router("r")
    };
    let router = w.control.create_router(&w.demo, new).await.unwrap().id;
    let (network, subnet) = network(w, "10.1.0.0/24").await;
    let of = InterfaceOf::Subnet(subnet);
    let added = w.control.add_router_interface(&w.demo, router, of).await;
    added.unwrap();
    let machine = machine(w, network, None).await;
    Outside {
        router,
        machine,
        external,
    }
}

async fn until_router(w: &World, id: RouterId, what: &str, test: impl Fn(&RouterSpec) -> bool) {
    w.until(what, async || {
        w.agent.router(id).is_some_and(|spec| test(&spec))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_floating_ip_comes_and_goes() {
    let mut w = World::new().await;
    w.run();
    let net = outside(&w).await;
    until_router(&w, net.router, "it leads outside", |spec| {
        spec.external.is_some_and(|external| external.snat)
            && spec.interfaces.len() == 1
            && spec.floating_ips.is_empty()
    })
    .await;
    let new = NewFloatingIp::of(net.external);
    let floating = w
        .control
        .create_floating_ip(&w.demo, LAX_FLOATING_IPS, new)
        .await
        .unwrap();
    let target = |port| {
        Some(Target {
            port,
            fixed_ip: None,
        })
    };
    let is = |address: &str| {
        vec![FloatingIpSpec {
            address: floating.address,
            fixed_ip: address.parse().unwrap(),
        }]
    };
    let change = async |target| {
        let update = w.control.update_floating_ip(
            &w.demo,
            LAX_FLOATING_IPS,
            floating.id,
            standing_for(target),
        );
        update.await.unwrap();
    };
    change(target(net.machine.id)).await;
    until_router(&w, net.router, "it stands for the machine", |spec| {
        spec.floating_ips == is("10.1.0.2")
    })
    .await;
    let other = machine(&w, net.machine.network, None).await;
    change(target(other.id)).await;
    until_router(&w, net.router, "it stands for the other one", |spec| {
        spec.floating_ips == is("10.1.0.3")
    })
    .await;
    change(None).await;
    until_router(&w, net.router, "it stands for nothing", |spec| {
        spec.floating_ips.is_empty()
    })
    .await;
    change(target(other.id)).await;
    until_router(&w, net.router, "it is back", |spec| {
        spec.floating_ips == is("10.1.0.3")
    })
    .await;
    w.control
        .delete_port(&w.demo, LAX_PORTS, other.id, None)
        .await
        .unwrap();
    until_router(&w, net.router, "it went with its port", |spec| {
        spec.floating_ips.is_empty()
    })
    .await;
    change(target(net.machine.id)).await;
    let gone = w.control.delete_floating_ip(&w.demo, floating.id, None);
    gone.await.unwrap();
    until_router(&w, net.router, "it is gone", |spec| {
        spec.floating_ips.is_empty() && spec.external.is_some()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_router_that_is_down_has_nothing_and_gets_it_back() {
    let mut w = World::new().await;
    w.run();
    let net = outside(&w).await;
    let whole = |spec: &RouterSpec| spec.external.is_some() && spec.interfaces.len() == 1;
    until_router(&w, net.router, "it is there", whole).await;
    let before = w.agent.router(net.router);
    let turn = async |up| {
        let change = RouterChange {
            admin_state_up: Some(up),
            ..RouterChange::default()
        };
        let update = w.control.update_router(&w.demo, net.router, change);
        update.await.unwrap();
    };
    turn(false).await;
    until_router(&w, net.router, "it is down", |spec| {
        spec.external.is_none() && spec.interfaces.is_empty()
    })
    .await;
    turn(true).await;
    until_router(&w, net.router, "it is back", whole).await;
    assert_eq!(w.agent.router(net.router), before);
}

#[tokio::test(start_paused = true)]
async fn a_router_loses_its_way_outside_and_keeps_its_interfaces() {
    let mut w = World::new().await;
    w.run();
    let net = outside(&w).await;
    until_router(&w, net.router, "it leads outside", |spec| {
        spec.external.is_some() && spec.interfaces.len() == 1
    })
    .await;
    let change = async |external| {
        let change = RouterChange {
            external: Some(external),
            ..RouterChange::default()
        };
        let update = w.control.update_router(&w.demo, net.router, change);
        update.await.unwrap()
    };
    let no_snat = WishedExternal {
        enable_snat: false,
        ..WishedExternal::by(net.external)
    };
    change(Some(no_snat)).await;
    until_router(&w, net.router, "it hides nobody", |spec| {
        spec.external.is_some_and(|external| !external.snat)
    })
    .await;
    assert_eq!(change(None).await.external, None);
    until_router(&w, net.router, "it leads nowhere", |spec| {
        spec.external.is_none() && spec.interfaces.len() == 1
    })
    .await;
}
