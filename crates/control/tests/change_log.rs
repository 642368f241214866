//! The change log: an entry for each change that lasts, none for any other, and readers that miss
//! nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adit_control::connection::ConnectionChange;
use adit_control::endpoint_group::NewEndpointGroup;
use adit_control::floating_ip::NewFloatingIp;
use adit_control::network::NewNetwork;
use adit_control::policy::NewPolicy;
use adit_control::port::{self, NewPort};
use adit_control::{Allowance, AuditQuery, Error, LogLimits, Naming, Noun, PolicyEdit, Query};
use adit_model::NetworkId;
use adit_model::change::{Actor, LogEntry};
use adit_model::endpoint_group::{EndpointKind, Endpoints};
use adit_model::policy::IkeParameters;
use adit_model::port::Device;
use adit_model::security_group::Remote;
use adit_store::MemoryStore;
use adit_store::contract::log_and_rows_agree;

use crate::world::{
    LAX_FLOATING_IPS, LAX_GROUPS, LAX_PORTS, STRICT, STRICT_GATEWAYS, STRICT_SUBNETS, World,
    config, let_in, name, new_connection, new_group, new_router,
};

fn network(text: &str) -> NewNetwork {
    NewNetwork {
        name: name(text),
        description: String::new(),
        admin_state_up: true,
        external: false,
        shared: false,
        mtu: 1500,
        port_security: true,
    }
}

async fn all(world: &World) -> Vec<LogEntry> {
    let mut tx = world.store.read().await.unwrap();
    tx.log_after(None, 0, 10_000).await.unwrap()
}

async fn check(world: &World) {
    let mut tx = world.store.read().await.unwrap();
    log_and_rows_agree(&mut *tx).await;
}

/// Makes something of every noun; changes and deletes some of it.
async fn live(world: &World) {
    let (control, demo) = (&world.control, &world.demo);
    let (_, subnet) = world.subnet("r", "10.0.0.0/24").await;
    check(world).await;
    let policy = NewPolicy {
        name: name("p"),
        resource_group: None,
        naming: Naming::Free,
        description: String::new(),
        allowance: Allowance::Fixed,
        parameters: IkeParameters::negotiate(),
    };
    let policy = control.create_policy(demo, policy).await.unwrap().policy;
    let gateway = world.gateway(subnet.subnet.id, "g").await.unwrap().gateway;
    let mut new = new_connection(gateway.id, "c", &["10.0.0.0/24"], &["192.168.0.0/24"]);
    new.ike_policy = Some(policy.id);
    let connection = world.connection(new).await.unwrap().connection;
    let other = new_connection(gateway.id, "d", &["10.0.0.0/24"], &["192.168.1.0/24"]);
    world.connection(other).await.unwrap();
    let change = ConnectionChange {
        admin_state_up: Some(false),
        ..ConnectionChange::default()
    };
    let changed = control.update_connection(demo, STRICT, connection.id, None, change);
    changed.await.unwrap();
    check(world).await;
    // A policy that is used is written, and so are those that use it.
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
    control.update_policy(demo, policy.id, edit).await.unwrap();
    check(world).await;
    plug(world, subnet.subnet.network).await;
    // What goes with a gateway is told of, too.
    control
        .delete_gateway(demo, STRICT_GATEWAYS, gateway.id, None)
        .await
        .unwrap();
    let deleted = control.delete_subnet(demo, STRICT_SUBNETS, subnet.subnet.id, None);
    deleted.await.unwrap();
    check(world).await;
}

/// The same of what machines need.
async fn plug(world: &World, network: NetworkId) {
    let (control, demo) = (&world.control, &world.demo);
    let group = NewEndpointGroup {
        name: name("e"),
        description: String::new(),
        endpoints: Endpoints::parse(EndpointKind::Cidr, ["10.9.0.0/24".to_owned()]).unwrap(),
    };
    control.create_endpoint_group(demo, group).await.unwrap();
    // What goes with a group is told of, too.
    let group = control.create_security_group(demo, LAX_GROUPS, new_group("s"));
    let group = group.await.unwrap().group;
    let port = NewPort {
        name: name("machine"),
        resource_group: None,
        description: String::new(),
        place: port::Place::Network(network),
        admin_state_up: true,
        mac: None,
        fixed_ips: None,
        device: Device::instance(),
        port_security: Some(true),
        security_groups: None,
    };
    let port = control.create_port(demo, LAX_PORTS, port).await.unwrap();
    let (own, rule) = (port.security_groups[0], let_in(Remote::Group(group.id)));
    let rule = control.create_security_group_rule(demo, LAX_GROUPS, own, rule);
    rule.await.unwrap();
    check(world).await;
    let deleted = control.delete_security_group(demo, LAX_GROUPS, group.id, None);
    deleted.await.unwrap();
    check(world).await;
    let external = control.page_networks(demo, Query::default()).await.unwrap();
    let external = external.iter().find(|view| view.network.external).unwrap();
    let floating = NewFloatingIp::of(external.network.id);
    control
        .create_floating_ip(demo, LAX_FLOATING_IPS, floating)
        .await
        .unwrap();
    control
        .delete_port(demo, LAX_PORTS, port.id, None)
        .await
        .unwrap();
    check(world).await;
}

#[tokio::test]
async fn each_change_has_its_entry_and_each_entry_its_change() {
    let world = World::new().await;
    check(&world).await;
    live(&world).await;
    let log = all(&world).await;
    let of_demo = Actor::User(world.demo.user);
    assert!(log.iter().any(|entry| entry.change.actor == Actor::Service));
    let own = log
        .iter()
        .filter(|entry| entry.change.noun == Noun::Connection);
    assert!(own.clone().count() > 4);
    for entry in own {
        assert_eq!(entry.change.actor, of_demo);
        assert_eq!(entry.change.project, Some(world.demo.project));
    }
}

#[tokio::test]
async fn what_is_refused_has_no_entry() {
    let world = World::new().await;
    let (control, demo) = (&world.control, &world.demo);
    let before = all(&world).await;
    let taken = network("n");
    let too_small = NewNetwork { mtu: 5, ..taken };
    assert!(control.create_network(demo, too_small).await.is_err());
    let reader = adit_control::Caller {
        role: adit_model::project::Role::Reader,
        ..*demo
    };
    let refused = control.create_network(&reader, network("n")).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    assert_eq!(all(&world).await, before);
}

#[tokio::test]
async fn use_cases_together_last_all_or_not_at_all() {
    let mut world = World::new().await;
    world.run();
    let demo = world.demo;
    let before = all(&world).await;
    {
        let together = world.control.together().await.unwrap();
        let made = together.control().create_network(&demo, network("one"));
        let made = made.await.unwrap();
        // It is there for the next of them.
        let seen = together.control().network(&demo, made.network.id).await;
        assert_eq!(seen.unwrap(), made);
    }
    assert_eq!(all(&world).await, before);
    let together = world.control.together().await.unwrap();
    let control = together.control().clone();
    control.create_network(&demo, network("one")).await.unwrap();
    let small = NewNetwork {
        mtu: 5,
        ..network("two")
    };
    assert!(control.create_network(&demo, small).await.is_err());
    assert!(together.commit().await.is_err(), "a part was refused");
    assert_eq!(all(&world).await, before);
    assert!(
        control
            .create_network(&demo, network("late"))
            .await
            .is_err()
    );
    // Somebody who keeps the use cases of one that is over holds up nobody.
    let dropped = world.control.together().await.unwrap();
    let kept = dropped.control().clone();
    kept.create_network(&demo, network("lost")).await.unwrap();
    drop(dropped);
    let late = kept.create_network(&demo, network("late")).await;
    assert!(late.is_err());
    let together = world.control.together().await.unwrap();
    for text in ["one", "two"] {
        let made = together.control().create_network(&demo, network(text));
        made.await.unwrap();
    }
    let mut calls = world.agent.calls();
    calls.mark_unchanged();
    assert!(!calls.has_changed().unwrap(), "somebody was woken early");
    together.commit().await.unwrap();
    assert_eq!(all(&world).await.len(), before.len() + 2);
    // Their lanes are woken by the end of it.
    tokio::time::timeout(Duration::from_secs(60), calls.changed())
        .await
        .unwrap()
        .unwrap();
    check(&world).await;
}

#[tokio::test]
async fn members_see_their_project_s_entries_and_administrators_all() {
    let world = World::new().await;
    let control = &world.control;
    for caller in [&world.admin, &world.demo] {
        control
            .create_router(caller, new_router("r"))
            .await
            .unwrap();
    }
    let seen_by = async |caller, project| {
        let query = AuditQuery {
            noun: Some(Noun::Router),
            project,
            limit: 9,
            ..AuditQuery::default()
        };
        let found = control.audit(caller, query).await?;
        let projects = found.iter().map(|(entry, _)| entry.change.project.unwrap());
        Ok::<BTreeSet<_>, Error>(projects.collect())
    };
    let (demo, admin) = (world.demo.project, world.admin.project);
    assert_eq!(seen_by(&world.demo, None).await.unwrap(), [demo].into());
    let both = [demo, admin].into();
    assert_eq!(seen_by(&world.admin, None).await.unwrap(), both);
    let one = seen_by(&world.admin, Some(demo)).await;
    assert_eq!(one.unwrap(), [demo].into());
    let refused = seen_by(&world.demo, Some(admin)).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn old_entries_are_forgotten_but_for_the_last() {
    let mut config = config();
    config.change_log = LogLimits {
        keep_entries: 3,
        keep: Duration::from_secs(3600),
    };
    let world = World::over(Arc::new(MemoryStore::default()), config).await;
    let control = &world.control;
    for n in 0..5 {
        let made = control.create_network(&world.demo, network(&n.to_string()));
        made.await.unwrap();
    }
    assert!(control.trim_log().await.unwrap() > 0);
    let bounds = control.log_bounds().await.unwrap();
    assert_eq!(bounds.last - bounds.first, 2);
    assert_eq!(all(&world).await.len(), 3);
    world.clock.advance(Duration::from_secs(7200));
    control.trim_log().await.unwrap();
    let bounds = control.log_bounds().await.unwrap();
    assert_eq!(bounds.first, bounds.last);
    assert_eq!(all(&world).await.len(), 1);
}
