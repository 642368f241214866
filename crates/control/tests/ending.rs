//! What becomes of a project that is deleted, and of its things.

use std::sync::Arc;
use std::time::Duration;

use adit_control::endpoint_group::NewEndpointGroup;
use adit_control::floating_ip::{NewFloatingIp, Target};
use adit_control::gateway::Place;
use adit_control::network::{NetworkChange, NewNetwork};
use adit_control::policy::NewPolicy;
use adit_control::port::{self, NewPort, WishedIp};
use adit_control::router::{NewRouter, RouterChange, WishedExternal};
use adit_control::security_group::NewGroup;
use adit_control::ssh_key::NewSshKey;
use adit_control::subnet::{self, Block};
use adit_control::{Allowance, Caller, Error, Naming, Noun, Query, Rule, Session};
use adit_model::change::{Actor, ChangeKind};
use adit_model::endpoint_group::{EndpointKind, Endpoints};
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::port::Device;
use adit_model::subnet::StaticRoute;
use adit_model::{Network, NetworkId, Port, ProjectId, Router, Subnet};
use adit_store::contract::log_and_rows_agree;
use serde_json::Map;

use crate::world::{
    LAX_FLOATING_IPS, LAX_GATEWAYS, LAX_GROUPS, LAX_PORTS, LAX_SUBNETS, STRICT_SUBNETS, World,
    config, name, new_acl, new_connection, new_gateway, new_group, new_public, new_router,
    new_subnet,
};

async fn admin(world: &World) -> Session {
    let token = world.control.issue_token(&world.admin, Map::new());
    world.control.session(&token.text).await.unwrap()
}

async fn external(world: &World) -> NetworkId {
    let all = world
        .control
        .page_networks(&world.demo, Query::default())
        .await
        .unwrap();
    let outside = all.iter().find(|view| view.network.external);
    outside.unwrap().network.id
}

fn new_port(network: NetworkId, fixed_ips: Option<Vec<WishedIp>>) -> NewPort {
    NewPort {
        name: name("p"),
        resource_group: None,
        description: String::new(),
        place: port::Place::Network(network),
        admin_state_up: true,
        mac: None,
        fixed_ips,
        device: Device::instance(),
        port_security: Some(true),
        security_groups: None,
    }
}

async fn new_network(world: &World, caller: &Caller, text: &str) -> Network {
    let new = NewNetwork {
        name: name(text),
        description: String::new(),
        admin_state_up: true,
        external: false,
        shared: false,
        mtu: 1500,
        port_security: true,
    };
    let network = world.control.create_network(caller, new).await.unwrap();
    let new = new_subnet(
        text,
        subnet::Place::Network(network.network.id),
        Block::Exact("10.7.0.0/24".parse().unwrap()),
    );
    world
        .control
        .create_subnet(caller, LAX_SUBNETS, new)
        .await
        .unwrap();
    network.network
}

fn policy<P>(parameters: P) -> NewPolicy<P> {
    NewPolicy {
        name: name("p"),
        resource_group: None,
        naming: Naming::Free,
        description: String::new(),
        allowance: Allowance::Fixed,
        parameters,
    }
}

/// Makes something of every noun in demo's project, hanging together as much as it can.
async fn fill(world: &World) {
    let (control, demo) = (&world.control, &world.demo);
    let outside = external(world).await;
    let router = NewRouter {
        external: Some(WishedExternal::by(outside)),
        ..new_router("r")
    };
    let router = control.create_router(demo, router).await.unwrap();
    let subnet = new_subnet(
        "s",
        subnet::Place::Router(router.id),
        Block::Exact("10.0.0.0/24".parse().unwrap()),
    );
    let subnet = control
        .create_subnet(demo, STRICT_SUBNETS, subnet)
        .await
        .unwrap();
    let routes = RouterChange {
        routes: Some(vec![StaticRoute {
            destination: "10.8.0.0/16".parse().unwrap(),
            nexthop: "10.0.0.8".parse().unwrap(),
        }]),
        ..RouterChange::default()
    };
    control
        .update_router(demo, router.id, routes)
        .await
        .unwrap();
    let ike = policy(IkeParameters::negotiate());
    let ike = control.create_policy(demo, ike).await.unwrap().policy.id;
    let ipsec = policy(IpsecParameters::negotiate());
    let ipsec = control.create_policy(demo, ipsec).await.unwrap().policy.id;
    let gateway = world.gateway(subnet.id, "g").await.unwrap().gateway;
    let mut connection = new_connection(gateway.id, "c", &["10.0.0.0/24"], &["192.168.0.0/24"]);
    connection.ike_policy = Some(ike);
    connection.ipsec_policy = Some(ipsec);
    world.connection(connection).await.unwrap();
    let place = Place::Router {
        id: router.id,
        subnet: None,
    };
    let made = control.create_gateway(demo, LAX_GATEWAYS, new_gateway("v", place));
    made.await.unwrap();
    let group = NewEndpointGroup {
        name: name("e"),
        description: String::new(),
        endpoints: Endpoints::parse(EndpointKind::Subnet, [subnet.id.to_string()]).unwrap(),
    };
    control.create_endpoint_group(demo, group).await.unwrap();
    let port = new_port(subnet.network, None);
    let port = control.create_port(demo, LAX_PORTS, port).await.unwrap();
    let floating = NewFloatingIp {
        target: Some(Target {
            port: port.id,
            fixed_ip: None,
        }),
        ..NewFloatingIp::of(outside)
    };
    control
        .create_floating_ip(demo, LAX_FLOATING_IPS, floating)
        .await
        .unwrap();
    let group = control.create_security_group(demo, LAX_GROUPS, new_group("s"));
    group.await.unwrap();
    fill_around(world, &router, &subnet).await;
    new_network(world, demo, "alone").await;
}

/// What is around a subnet of a router.
async fn fill_around(world: &World, router: &Router, subnet: &Subnet) {
    let (control, demo) = (&world.control, &world.demo);
    let acl = control.create_network_acl(demo, new_acl(router.id)).await;
    let attached = control.attach_network_acl(demo, subnet.id, acl.unwrap().id);
    attached.await.unwrap();
    let public = new_public(router, subnet);
    let public = control.create_public_gateway(demo, LAX_FLOATING_IPS, public);
    let public = Some(public.await.unwrap().row.id);
    let attached = control.attach_public_gateway(demo, subnet.id, public);
    attached.await.unwrap();
    let group = NewGroup {
        router: Some(router.id),
        ..new_group("of-router")
    };
    let group = control.create_security_group(demo, LAX_GROUPS, group).await;
    let groups = Some(vec![group.unwrap().group.id]);
    let member = NewPort {
        security_groups: groups,
        port_security: Some(true),
        ..new_port(subnet.network, None)
    };
    control.create_port(demo, LAX_PORTS, member).await.unwrap();
    let key = NewSshKey {
        name: name("k"),
        resource_group: None,
        public_key: KEY.to_owned(),
        kind: None,
    };
    control.create_ssh_key(demo, key).await.unwrap();
}

const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIEaCRM+MVpE48APC3rjQLs8UDbbsUyyDV8rI02bZ9C7m";

/// How many things a project has, of each noun that has any.
async fn things(world: &World, project: ProjectId) -> Vec<(&'static str, usize)> {
    let mut tx = world.store.read().await.unwrap();
    let counts = [
        ("networks", tx.count_networks(project).await),
        ("subnets", tx.count_subnets(project).await),
        ("ports", tx.count_ports(project).await),
        ("routers", tx.count_routers(project).await),
        ("floating IPs", tx.count_floating_ips(project).await),
        ("public gateways", tx.count_public_gateways(project).await),
        ("network ACLs", tx.count_network_acls(project).await),
        ("SSH keys", tx.count_ssh_keys(project).await),
        ("groups", tx.count_security_groups(project).await),
        ("rules", tx.count_security_group_rules(project).await),
        ("gateways", tx.count_gateways(project).await),
        ("endpoint groups", tx.count_endpoint_groups(project).await),
        ("IKE policies", tx.count_ike_policies(project).await),
        ("IPsec policies", tx.count_ipsec_policies(project).await),
        ("connections", tx.count_connections(project).await),
    ];
    let counts = counts.map(|(what, count)| (what, count.unwrap()));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

async fn ended(world: &World) -> Vec<ProjectId> {
    let mut tx = world.store.read().await.unwrap();
    tx.ended_projects().await.unwrap()
}

#[tokio::test]
async fn a_project_goes_at_once_and_its_things_behind_it() {
    let world = World::new().await;
    fill(&world).await;
    let (control, session, demo) = (&world.control, admin(&world).await, world.demo);
    let own = control.issue_token(&demo, Map::new());
    assert_eq!(things(&world, demo.project).await.len(), 15);
    let from = control.log_bounds().await.unwrap().last;
    control
        .delete_project(&session, demo.project)
        .await
        .unwrap();

    let gone = |outcome: Result<_, Error>| {
        let error = outcome.map(|_: adit_model::Project| ()).unwrap_err();
        assert!(matches!(error, Error::NotFound(Noun::Project)), "{error}");
    };
    gone(control.project(&session, demo.project).await);
    let change = adit_control::project::ProjectChange::default();
    gone(control.update_project(&session, demo.project, change).await);
    let again = control.delete_project(&session, demo.project).await;
    assert!(matches!(again, Err(Error::NotFound(Noun::Project))));
    assert!(control.session(&own.text).await.is_err(), "it still acts");
    let all = control.projects(&session, None).await.unwrap();
    assert!(all.iter().all(|row| row.id != demo.project));
    let twin = control.create_project(&session, name("demo"), String::new(), true);
    let twin = twin.await.unwrap();
    assert_ne!(twin.id, demo.project);
    assert_eq!(ended(&world).await, [demo.project]);

    control.clear_ended_projects().await.unwrap();
    assert_eq!(things(&world, demo.project).await, []);
    assert_eq!(ended(&world).await, []);
    let mut tx = world.store.read().await.unwrap();
    log_and_rows_agree(&mut *tx).await;
    // Who ended it, and who cleared it.
    let log = tx.log_after(Some(demo.project), from, 999).await.unwrap();
    let first = log.iter().find(|entry| entry.change.noun == Noun::Project);
    let first = first.unwrap().change.clone();
    let by_admin = (Actor::User(world.admin.user), ChangeKind::Deleted);
    assert_eq!((first.actor, first.kind), by_admin);
    let of_network = log
        .iter()
        .filter(|entry| entry.change.noun == Noun::Network);
    assert_eq!(of_network.clone().count(), 2);
    for entry in of_network {
        assert_eq!(entry.change.actor, Actor::Service);
    }
}

#[tokio::test]
async fn what_others_have_on_it_stays_until_they_take_it_away() {
    let world = World::new().await;
    let (control, session, demo) = (&world.control, admin(&world).await, world.demo);
    let network = new_network(&world, &demo, "shared").await;
    new_network(&world, &demo, "own").await;
    let all = Caller {
        all_projects: true,
        ..world.admin
    };
    let share = NetworkChange {
        shared: Some(true),
        ..NetworkChange::default()
    };
    control
        .update_network(&all, network.id, share)
        .await
        .unwrap();
    let port = new_port(network.id, None);
    let port: Port = control
        .create_port(&world.admin, LAX_PORTS, port)
        .await
        .unwrap();
    control
        .delete_project(&session, demo.project)
        .await
        .unwrap();
    control.clear_ended_projects().await.unwrap();
    let left = things(&world, demo.project).await;
    assert_eq!(left, [("networks", 1), ("subnets", 1)]);
    assert!(control.port(&world.admin, port.id).await.is_ok());
    let deleted = control.delete_port(&world.admin, LAX_PORTS, port.id, None);
    deleted.await.unwrap();
    control.clear_ended_projects().await.unwrap();
    assert_eq!(things(&world, demo.project).await, []);
    assert_eq!(ended(&world).await, []);
}

#[tokio::test]
async fn the_project_that_owns_the_way_outside_stays() {
    let world = World::new().await;
    let session = admin(&world).await;
    let refused = world
        .control
        .delete_project(&session, world.admin.project)
        .await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Conflict {
                rule: Rule::InUse(Noun::Project),
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(ended(&world).await, []);
}

#[tokio::test]
async fn clearing_goes_on_after_a_restart() {
    let world = World::new().await;
    fill(&world).await;
    let session = admin(&world).await;
    let deleted = world.control.delete_project(&session, world.demo.project);
    deleted.await.unwrap();
    let store = Arc::clone(&world.store);
    let (control, reconciler) = adit_control::Control::new(
        Arc::clone(&store),
        Arc::<adit_control::fake::FakeAgent>::default(),
        Arc::new(world.clock.clone()),
        Box::new(adit_crypto::SystemRandom),
        config(),
    );
    control.bootstrap().await.unwrap();
    tokio::spawn(reconciler.run());
    let cleared = async {
        while !ended(&world).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let cleared = tokio::time::timeout(Duration::from_secs(60), cleared);
    cleared.await.unwrap();
    assert_eq!(things(&world, world.demo.project).await, []);
}
