//! Every change wakes the lanes that it concerns: after it, looking at everything finds nothing to do.
//!
//! Time is the test's own here, and passes when nobody has anything to do.

use std::sync::Arc;
use std::time::Duration;

use adit_control::connection::ConnectionChange;
use adit_control::floating_ip::{NewFloatingIp, Target};
use adit_control::gateway::GatewayChange;
use adit_control::network::NetworkChange;
use adit_control::network_acl::{Before, NewAclRule};
use adit_control::policy::NewPolicy;
use adit_control::port::{self, NewPort, PortChange, WishedIp};
use adit_control::router::{NewRouter, RouterChange, WishedExternal};
use adit_control::router_interface::InterfaceOf;
use adit_control::subnet::SubnetChange;
use adit_control::subnet::{self, Block};
use adit_control::{Allowance, Error, Naming, OnDelete, PolicyEdit, Query};
use adit_model::network_acl::{AclRule, Flow};
use adit_model::policy::IkeParameters;
use adit_model::port::Device;
use adit_model::security_group::Remote;
use adit_model::subnet::StaticRoute;
use adit_model::{NetworkId, Port, Router, SecurityGroupId, Subnet};
use adit_store::MemoryStore;

use crate::world::{
    LAX_FLOATING_IPS, LAX_GATEWAYS, LAX_GROUPS, LAX_PORTS, LAX_SUBNETS, STRICT, STRICT_GATEWAYS,
    STRICT_SUBNETS, World, config, let_in, name, new_acl, new_connection, new_group, new_public,
    new_router, new_subnet, standing_for,
};

/// How often everything is looked at.
const SWEEP: Duration = Duration::from_secs(24 * 3600);

/// By then every lane has done what it was woken for.
const SOON: Duration = Duration::from_secs(60);

async fn start() -> World {
    let mut config = config();
    config.timing.sweep = SWEEP;
    let mut world = World::over(Arc::new(MemoryStore::default()), config).await;
    world.run();
    tokio::time::sleep(SOON).await;
    world
}

/// Fails if something was left to the sweep. A router's own list of blocks behind peers may be: its
/// gateways tell their own.
async fn settled(world: &World, what: &str) {
    tokio::time::sleep(SOON).await;
    let before = world.agent.log().len();
    tokio::time::sleep(SWEEP).await;
    let mut late = world.agent.log().split_off(before);
    if what.contains("connection") {
        late.retain(|call| !call.starts_with("apply_router"));
    }
    assert_eq!(late, Vec::<String>::new(), "{what}");
}

async fn external(world: &World) -> NetworkId {
    let query = Query::default();
    let all = world.control.page_networks(&world.demo, query).await;
    let all = all.unwrap();
    let outside = all.iter().find(|view| view.network.external);
    outside.unwrap().network.id
}

async fn router(world: &World) -> (Router, Subnet) {
    let router = NewRouter {
        external: Some(WishedExternal::by(external(world).await)),
        ..new_router("r")
    };
    let router = world.control.create_router(&world.demo, router).await;
    let router = router.unwrap();
    settled(world, "a router was made").await;
    let subnet = new_subnet(
        "s",
        subnet::Place::Router(router.id),
        Block::Exact("10.0.0.0/24".parse().unwrap()),
    );
    let made = world
        .control
        .create_subnet(&world.demo, STRICT_SUBNETS, subnet);
    let subnet = made.await.unwrap();
    settled(world, "a subnet was put on a router").await;
    (router, subnet)
}

fn new_port(network: NetworkId, groups: Option<Vec<SecurityGroupId>>) -> NewPort {
    NewPort {
        name: name("p"),
        resource_group: None,
        description: String::new(),
        place: port::Place::Network(network),
        admin_state_up: true,
        mac: None,
        fixed_ips: None,
        device: Device::instance(),
        port_security: Some(true),
        security_groups: groups,
    }
}

#[tokio::test(start_paused = true)]
async fn of_networks_subnets_and_routers() {
    let world = start().await;
    let (control, demo) = (&world.control, &world.demo);
    let (router, subnet) = router(&world).await;
    let machine = new_port(subnet.network, None);
    let machine = control.create_port(demo, LAX_PORTS, machine).await.unwrap();
    settled(&world, "a machine was made").await;
    let narrow = NetworkChange {
        mtu: Some(1400),
        ..NetworkChange::default()
    };
    let changed = control.update_network(demo, subnet.network, narrow);
    changed.await.unwrap();
    settled(&world, "a network has another MTU").await;
    let routes = SubnetChange {
        host_routes: Some(vec![StaticRoute {
            destination: "10.9.0.0/16".parse().unwrap(),
            nexthop: "10.0.0.9".parse().unwrap(),
        }]),
        ..SubnetChange::default()
    };
    let changed = control.update_subnet(demo, LAX_SUBNETS, subnet.id, routes);
    changed.await.unwrap();
    settled(&world, "a subnet has routes").await;
    for change in [
        RouterChange {
            routes: Some(vec![StaticRoute {
                destination: "10.8.0.0/16".parse().unwrap(),
                nexthop: "10.0.0.8".parse().unwrap(),
            }]),
            ..RouterChange::default()
        },
        RouterChange {
            admin_state_up: Some(false),
            ..RouterChange::default()
        },
        RouterChange {
            admin_state_up: Some(true),
            routes: Some(Vec::new()),
            external: Some(None),
            ..RouterChange::default()
        },
    ] {
        let what = format!("{change:?}");
        control
            .update_router(demo, router.id, change)
            .await
            .unwrap();
        settled(&world, &what).await;
    }
    control
        .delete_port(demo, LAX_PORTS, machine.id, None)
        .await
        .unwrap();
    settled(&world, "a machine was deleted").await;
    let of = InterfaceOf::Subnet(subnet.id);
    let removed = control.remove_router_interface(demo, router.id, of);
    removed.await.unwrap();
    settled(&world, "a router was taken from a subnet").await;
    let added = control.add_router_interface(demo, router.id, of);
    added.await.unwrap();
    settled(&world, "a router was put on a subnet again").await;
    let deleted = control.delete_subnet(demo, STRICT_SUBNETS, subnet.id, None);
    deleted.await.unwrap();
    settled(&world, "a subnet was deleted with its network").await;
    control.delete_router(demo, router.id, None).await.unwrap();
    settled(&world, "a router was deleted").await;
    assert_eq!(world.agent.router(router.id), None);
    assert_eq!(world.agent.network(subnet.network), None);
}

#[tokio::test(start_paused = true)]
async fn of_ports_floating_ips_and_what_filters_them() {
    let world = start().await;
    let (control, demo) = (&world.control, &world.demo);
    let (_, subnet) = router(&world).await;
    let group = control.create_security_group(demo, LAX_GROUPS, new_group("s"));
    let group = group.await.unwrap().group.id;
    // What is filtered by a group's members is on another network than they are.
    let (_, elsewhere) = world.subnet("other", "10.1.0.0/24").await;
    let filtered = new_port(elsewhere.subnet.network, None);
    let filtered: Port = control
        .create_port(demo, LAX_PORTS, filtered)
        .await
        .unwrap();
    let (own, of_members) = (filtered.security_groups[0], let_in(Remote::Group(group)));
    let of_members = control.create_security_group_rule(demo, LAX_GROUPS, own, of_members);
    of_members.await.unwrap();
    settled(&world, "a rule that names a group was made").await;
    let member = new_port(subnet.network, Some(vec![group]));
    let member = control.create_port(demo, LAX_PORTS, member).await.unwrap();
    settled(&world, "a member of a group was made").await;
    let change = |change: PortChange| control.update_port(demo, member.id, change);
    let moved = PortChange {
        fixed_ips: Some(vec![WishedIp {
            subnet: Some(subnet.id),
            address: Some("10.0.0.99".parse().unwrap()),
        }]),
        ..PortChange::default()
    };
    change(moved).await.unwrap();
    settled(&world, "a member of a group has another address").await;
    for groups in [Vec::new(), vec![group]] {
        let left = PortChange {
            security_groups: Some(groups),
            ..PortChange::default()
        };
        change(left).await.unwrap();
        settled(&world, "a port has other groups").await;
    }
    let floating = NewFloatingIp::of(external(&world).await);
    let floating = control
        .create_floating_ip(demo, LAX_FLOATING_IPS, floating)
        .await
        .unwrap()
        .id;
    let target = Target {
        port: member.id,
        fixed_ip: None,
    };
    for target in [Some(target), None, Some(target)] {
        let changed =
            control.update_floating_ip(demo, LAX_FLOATING_IPS, floating, standing_for(target));
        changed.await.unwrap();
        settled(&world, "a floating IP stands for something else").await;
    }
    control
        .delete_port(demo, LAX_PORTS, member.id, None)
        .await
        .unwrap();
    settled(&world, "a port was deleted that a floating IP stood for").await;
    let member = new_port(subnet.network, Some(vec![group]));
    let member = control.create_port(demo, LAX_PORTS, member).await.unwrap();
    control
        .delete_port(demo, LAX_PORTS, member.id, None)
        .await
        .unwrap();
    let deleted = control.delete_security_group(demo, LAX_GROUPS, group, None);
    deleted.await.unwrap();
    settled(&world, "a group was deleted that rules name").await;
    let rules = control
        .security_group(demo, filtered.security_groups[0])
        .await;
    for rule in rules.unwrap().rules {
        let deleted = control.delete_security_group_rule(demo, rule.id, None);
        deleted.await.unwrap();
        settled(&world, "a rule was deleted").await;
    }
    control
        .delete_floating_ip(demo, floating, None)
        .await
        .unwrap();
    settled(&world, "a floating IP was deleted").await;
}

#[tokio::test(start_paused = true)]
async fn of_gateways_connections_and_policies() {
    let world = start().await;
    let (control, demo) = (&world.control, &world.demo);
    let (router, subnet) = router(&world).await;
    let policy = NewPolicy {
        name: name("p"),
        resource_group: None,
        naming: Naming::Free,
        description: String::new(),
        allowance: Allowance::Fixed,
        parameters: IkeParameters::negotiate(),
    };
    let policy = control.create_policy(demo, policy).await.unwrap().policy.id;
    let gateway = world.gateway(subnet.id, "g").await.unwrap().gateway.id;
    settled(&world, "a gateway was made").await;
    let mut new = new_connection(gateway, "c", &["10.0.0.0/24"], &["192.168.0.0/24"]);
    new.ike_policy = Some(policy);
    let connection = world.connection(new).await.unwrap().connection.id;
    settled(&world, "a connection was made").await;
    let other = ConnectionChange {
        peer_address: Some("198.51.100.8".parse().unwrap()),
        ..ConnectionChange::default()
    };
    let changed = control.update_connection(demo, STRICT, connection, None, other);
    changed.await.unwrap();
    settled(&world, "a connection was changed").await;
    let edit = PolicyEdit {
        expected: None,
        name: None,
        description: None,
        parameters: |mut parameters: IkeParameters| {
            parameters.lifetime_s += 1;
            parameters
        },
        only_unused: false,
    };
    control.update_policy(demo, policy, edit).await.unwrap();
    settled(&world, "a policy was changed").await;
    let spec = world.agent.gateway(gateway).unwrap();
    let lifetime = spec.tunnels[&connection].ike.lifetime_s;
    assert_eq!(lifetime, IkeParameters::negotiate().lifetime_s + 1);
    for admin_state_up in [false, true] {
        let change = GatewayChange {
            admin_state_up: Some(admin_state_up),
            ..GatewayChange::default()
        };
        let changed = control.update_gateway(demo, LAX_GATEWAYS, gateway, change);
        changed.await.unwrap();
        settled(&world, "a gateway was set up or down").await;
        let change = RouterChange {
            admin_state_up: Some(admin_state_up),
            ..RouterChange::default()
        };
        control
            .update_router(demo, router.id, change)
            .await
            .unwrap();
        settled(&world, "a gateway's router was set up or down").await;
    }
    let change = GatewayChange {
        name: Some(name("other")),
        ..GatewayChange::default()
    };
    let renamed = control.update_gateway(demo, LAX_GATEWAYS, gateway, change);
    renamed.await.unwrap();
    settled(&world, "a gateway has another name").await;
    let deleted = control.delete_connection(demo, connection, None);
    deleted.await.unwrap();
    settled(&world, "a connection was deleted").await;
    let last = new_connection(gateway, "d", &["10.0.0.0/24"], &["192.168.1.0/24"]);
    world.connection(last).await.unwrap();
    control
        .delete_gateway(demo, STRICT_GATEWAYS, gateway, None)
        .await
        .unwrap();
    settled(&world, "a gateway was deleted with its connection").await;
    assert_eq!(world.agent.gateway(gateway), None);
}

#[tokio::test(start_paused = true)]
async fn of_what_passes_the_edges_of_subnets_and_gets_outside() {
    let world = start().await;
    let (control, demo) = (&world.control, &world.demo);
    let (router, subnet) = router(&world).await;
    let spec = || world.agent.router(router.id).unwrap();
    let acl = control.create_network_acl(demo, new_acl(router.id)).await;
    let acl = acl.unwrap().id;
    settled(&world, "a network ACL was made").await;
    let attached = control.attach_network_acl(demo, subnet.id, acl);
    attached.await.unwrap();
    settled(&world, "a subnet has another network ACL").await;
    assert_eq!(spec().edges[0].rules, []);
    let rule = NewAclRule {
        name: name("in"),
        content: AclRule::allowing(Flow::Inbound),
    };
    let rule = control.create_network_acl_rule(demo, acl, rule, Before::Nothing);
    let (_, rule) = rule.await.unwrap();
    settled(&world, "a network ACL has another rule").await;
    assert_eq!(spec().edges[0].rules.len(), 1);
    let gateway = world.routed(subnet.id, "g").await.unwrap().gateway;
    settled(&world, "a gateway lives in a subnet").await;
    let edge = &spec().edges[0];
    let outside: Vec<_> = edge.gateways.iter().map(|one| one.address).collect();
    assert_eq!(outside, gateway.addresses.members().collect::<Vec<_>>());
    assert_ne!(edge.gateways[0].inside, edge.gateways[1].inside);
    let deleted = control.delete_gateway(demo, STRICT_GATEWAYS, gateway.id, None);
    deleted.await.unwrap();
    settled(&world, "a gateway that lived in a subnet was deleted").await;
    let deleted = control.delete_network_acl_rule(demo, (acl, rule));
    deleted.await.unwrap();
    settled(&world, "a network ACL has a rule less").await;

    let public =
        control.create_public_gateway(demo, LAX_FLOATING_IPS, new_public(&router, &subnet));
    let public = public.await.unwrap();
    settled(&world, "a public gateway was made").await;
    for attached in [Some(public.row.id), None, Some(public.row.id)] {
        let change = control.attach_public_gateway(demo, subnet.id, attached);
        change.await.unwrap();
        settled(&world, "a subnet gets outside otherwise").await;
        assert_eq!(spec().sources.len(), usize::from(attached.is_some()));
    }
    let refused = control.delete_floating_ip(demo, public.floating_ip.id, None);
    assert!(matches!(refused.await, Err(Error::Used { .. })));
    for on_delete in [OnDelete::Restrict, OnDelete::Cascade] {
        let id = public.row.id;
        let deleted = control.delete_public_gateway(demo, on_delete, id, None);
        assert_eq!(deleted.await.is_ok(), on_delete == OnDelete::Cascade);
        let deleted = control.delete_network_acl(demo, on_delete, acl, None);
        assert_eq!(deleted.await.is_ok(), on_delete == OnDelete::Cascade);
    }
    settled(&world, "what was attached to a subnet was deleted").await;
    assert_eq!((spec().edges, spec().sources), (Vec::new(), Vec::new()));
    // Its floating IP was made with it, and the way outside is the router's own.
    let floating = control.floating_ip(demo, public.floating_ip.id).await;
    assert!(matches!(floating, Err(Error::NotFound(_))));
    assert!(spec().external.is_some());
}
