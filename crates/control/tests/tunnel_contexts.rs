//! Tunnel contexts: nothing takes effect until it is applied, and what was made goes with the context.

use std::sync::Arc;
use std::time::Duration;

use adit_control::subnet::{Block, Place};
use adit_control::tunnel_context::{Ending, Listing, PhaseChange, TunnelContextChange};
use adit_control::{CryptoProfile, Error, NumberOf, Rule};
use adit_model::policy::{Authentication, DhGroup, Encryption, IkeParameters, IkeVersion};
use adit_model::tunnel_context::Translation;
use adit_model::{Psk, TranslationId, TunnelContext};
use adit_store::MemoryStore;
use adit_store::contract::log_and_rows_agree;

use crate::world::{
    LAX, LAX_GATEWAYS, STRICT_SUBNETS, World, config, name, new_connection, new_subnet,
};

/// An ordered context, complete but for being applied.
async fn ordered(world: &World) -> TunnelContext {
    let subnet = world.subnet("r", "10.0.0.0/24").await.1.subnet;
    let control = &world.control;
    let row = control
        .create_tunnel_context(&world.demo, LAX_GATEWAYS)
        .await;
    let id = row.unwrap().id;
    let change = TunnelContextChange {
        peer_address: Some(Some("198.51.100.7".parse().unwrap())),
        ..TunnelContextChange::default()
    };
    control
        .update_tunnel_context(&world.demo, id, change)
        .await
        .unwrap();
    let block = "192.168.10.0/24".parse().unwrap();
    for listing in [Listing::AddSubnet(subnet.id), Listing::AddPeerCidr(block)] {
        let listed = control.list_in_tunnel_context(&world.demo, id, vec![listing]);
        listed.await.unwrap();
    }
    control.tunnel_context(&world.demo, id).await.unwrap()
}

fn weakest() -> TunnelContextChange {
    let phase = PhaseChange {
        authentication: Some(Authentication::Md5),
        encryption: Some(Encryption::Des),
        lifetime_s: Some(120),
    };
    let group = DhGroup::try_from(1).unwrap();
    TunnelContextChange {
        friendly_name: Some(name("branch")),
        psk: Some(Psk::new(b"secret".to_vec()).unwrap()),
        ike: phase,
        ike_group: Some(group),
        ipsec: phase,
        pfs_group: Some(Some(group)),
        wants_pfs: Some(true),
        ..TunnelContextChange::default()
    }
}

#[tokio::test]
async fn what_is_staged_waits_until_it_is_applied() {
    let world = World::new().await;
    let (control, demo) = (&world.control, &world.demo);
    let row = ordered(&world).await;
    assert!(row.running.is_none());
    let gateway = control.gateway(demo, row.gateway).await.unwrap();
    let connections = |world: &World| {
        let (control, demo) = (world.control.clone(), world.demo);
        async move {
            let found = control.connections_of_gateway(&demo, row.gateway).await;
            found.unwrap()
        }
    };
    assert!(connections(&world).await.is_empty());

    let applied = control.apply_tunnel_context(demo, LAX, row.id).await;
    let running = applied.unwrap().running.unwrap();
    let [one] = &connections(&world).await[..] else {
        panic!("there is one connection");
    };
    assert_eq!(one.connection.id, running.connection);
    assert_eq!(one.connection.name, row.name);
    assert_eq!(one.connection.authentication, row.psk.into());
    assert_eq!(
        one.connection.ends.local(),
        ["10.0.0.0/24".parse().unwrap()]
    );
    let policy = control.policy::<IkeParameters>(demo, running.ike_policy);
    let says = policy.await.unwrap().policy.parameters;
    assert_eq!(says.version, IkeVersion::V1);
    assert_eq!(says.encryption, [Encryption::TripleDes]);

    // An edit is not seen, and another apply of the same changes nothing.
    control
        .update_tunnel_context(demo, row.id, weakest())
        .await
        .unwrap();
    assert_eq!(connections(&world).await[0].connection, one.connection);
    control
        .apply_tunnel_context(demo, LAX, row.id)
        .await
        .unwrap();
    let after = connections(&world).await.remove(0).connection;
    assert_eq!(after.id, one.connection.id);
    assert_eq!(after.name, name("branch"));
    assert_eq!(after.authentication.psk().unwrap().expose(), b"secret");
    let policy = control.policy::<IkeParameters>(demo, running.ike_policy);
    let says = policy.await.unwrap().policy.parameters;
    assert_eq!(says.encryption, [Encryption::Des]);
    assert_eq!((says.groups[0].number(), says.lifetime_s), (1, 120));
    control
        .apply_tunnel_context(demo, LAX, row.id)
        .await
        .unwrap();
    assert_eq!(connections(&world).await[0].connection, after);

    // What was made goes with it.
    let of = NumberOf::CustomerSubnet;
    let number = control.number(demo, of, "192.168.10.0/24").await.unwrap();
    control
        .cancel_tunnel_context(demo, LAX_GATEWAYS, row.id, Ending::Now)
        .await
        .unwrap();
    let gone = control.gateway(demo, gateway.gateway.id).await;
    assert!(matches!(gone, Err(Error::NotFound(_))), "{gone:?}");
    let gone = control
        .policy::<IkeParameters>(demo, running.ike_policy)
        .await;
    assert!(matches!(gone, Err(Error::NotFound(_))), "{gone:?}");
    assert!(control.tunnel_contexts(demo).await.unwrap().is_empty());
    assert_eq!(control.numbered(demo, of, number).await.unwrap(), None);
    log_and_rows_agree(&mut *world.store.read().await.unwrap()).await;
}

#[tokio::test]
async fn what_is_missing_or_does_not_go_together_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let (control, demo) = (&world.control, &world.demo);
    let none = control.create_tunnel_context(demo, LAX_GATEWAYS).await;
    assert!(
        matches!(&none, Err(Error::Conflict { rule: Rule::Reference, message }) if message.contains("router")),
        "{none:?}"
    );
    let (router, view) = world.subnet("r", "10.0.0.0/24").await;
    let subnet = view.subnet;
    let made = control.create_tunnel_context(demo, LAX_GATEWAYS).await;
    let id = made.unwrap().id;
    let missing = |field: &'static str| async move {
        let refused = control.apply_tunnel_context(demo, LAX, id).await;
        assert!(
            matches!(refused, Err(Error::Invalid { field: said, .. }) if said == field),
            "{field}: {refused:?}"
        );
    };
    let list = |listing| control.list_in_tunnel_context(demo, id, vec![listing]);
    missing("peer_address").await;
    let change = TunnelContextChange {
        peer_address: Some(Some("198.51.100.7".parse().unwrap())),
        ..TunnelContextChange::default()
    };
    let updated = control.update_tunnel_context(demo, id, change).await;
    updated.unwrap();
    missing("local_cidrs").await;
    list(Listing::AddSubnet(subnet.id)).await.unwrap();
    missing("peer_cidrs").await;
    let overlapping = list(Listing::AddPeerCidr("10.0.0.0/25".parse().unwrap())).await;
    assert!(matches!(
        overlapping,
        Err(Error::Invalid {
            rule: Rule::CidrOverlap,
            ..
        })
    ));
    // All or nothing.
    let before = control.tunnel_context(demo, id).await.unwrap();
    let change = TunnelContextChange {
        pfs_group: Some(None),
        ..weakest()
    };
    let refused = control.update_tunnel_context(demo, id, change).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "pfs", .. })));
    assert_eq!(control.tunnel_context(demo, id).await.unwrap(), before);
    // What a block on the router's network makes impossible is told when it is applied.
    list(Listing::AddPeerCidr("192.168.10.0/24".parse().unwrap()))
        .await
        .unwrap();
    let block = Block::Exact("192.168.0.0/16".parse().unwrap());
    let wide = new_subnet("wide", Place::Router(router.id), block);
    let made = control.create_subnet(demo, STRICT_SUBNETS, wide).await;
    made.unwrap();
    let refused = control.apply_tunnel_context(demo, LAX, id).await;
    assert!(matches!(
        refused,
        Err(Error::Invalid {
            rule: Rule::CidrOverlap,
            ..
        })
    ));
    assert!(
        control
            .tunnel_context(demo, id)
            .await
            .unwrap()
            .running
            .is_none()
    );
    let policies = control.page_policies::<IkeParameters>(demo, adit_control::Query::default());
    assert!(policies.await.unwrap().is_empty());
    log_and_rows_agree(&mut *world.store.read().await.unwrap()).await;
}

#[tokio::test]
async fn what_others_deleted_is_made_again_and_what_others_use_stays() {
    let world = World::new().await;
    let (control, demo) = (&world.control, &world.demo);
    let row = ordered(&world).await;
    let applied = control.apply_tunnel_context(demo, LAX, row.id).await;
    let first = applied.unwrap().running.unwrap();
    control
        .delete_connection(demo, first.connection, None)
        .await
        .unwrap();
    control
        .delete_policy::<IkeParameters>(demo, first.ike_policy, None)
        .await
        .unwrap();
    let applied = control.apply_tunnel_context(demo, LAX, row.id).await;
    let second = applied.unwrap().running.unwrap();
    assert_ne!(second.connection, first.connection);
    assert_ne!(second.ike_policy, first.ike_policy);
    assert_eq!(second.ipsec_policy, first.ipsec_policy);
    // Another connection of the gateway keeps it.
    let other = world.connection(new_connection(
        row.gateway,
        "other",
        &["10.0.0.0/24"],
        &["192.168.99.0/24"],
    ));
    let other = other.await.unwrap();
    control
        .delete_tunnel_context(demo, LAX_GATEWAYS, row.id)
        .await
        .unwrap();
    let left = control.connections_of_gateway(demo, row.gateway).await;
    let left: Vec<_> = left
        .unwrap()
        .into_iter()
        .map(|view| view.connection.id)
        .collect();
    assert_eq!(left, [other.connection.id]);
}

#[tokio::test]
async fn a_context_is_its_projects_own_and_ends_at_its_date() {
    let world = World::new().await;
    let (control, demo) = (&world.control, &world.demo);
    let row = ordered(&world).await;
    let theirs = world.admin;
    let refused = control.tunnel_context(&theirs, row.id).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    let refused = control
        .cancel_tunnel_context(&theirs, LAX_GATEWAYS, row.id, Ending::Now)
        .await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    let number = control.number(demo, NumberOf::TunnelContext, row.id).await;
    let number = number.unwrap();
    let found = control.numbered(&theirs, NumberOf::TunnelContext, number);
    assert_eq!(found.await.unwrap(), None);

    control
        .cancel_tunnel_context(demo, LAX_GATEWAYS, row.id, Ending::AfterTheMonth)
        .await
        .unwrap();
    control.end_tunnel_contexts(LAX_GATEWAYS).await.unwrap();
    assert!(control.tunnel_context(demo, row.id).await.is_ok());
    world.clock.advance(Duration::from_secs(32 * 24 * 3600));
    control.end_tunnel_contexts(LAX_GATEWAYS).await.unwrap();
    assert!(control.tunnel_contexts(demo).await.unwrap().is_empty());
    log_and_rows_agree(&mut *world.store.read().await.unwrap()).await;
}

#[tokio::test]
async fn a_strict_operator_has_no_weak_context() {
    let mut settings = config();
    settings.context_crypto_profile = CryptoProfile::Compatible;
    let world = World::over(Arc::new(MemoryStore::default()), settings).await;
    let row = ordered(&world).await;
    let refused = world
        .control
        .update_tunnel_context(&world.demo, row.id, weakest())
        .await;
    assert!(
        matches!(
            refused,
            Err(Error::Invalid {
                rule: Rule::WeakAlgorithm,
                ..
            })
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn addresses_stand_for_others_once_it_is_applied_and_no_longer_than_the_context_is_there() {
    let mut settings = config();
    settings.context_addresses = Some("10.1.255.88/29".parse().unwrap());
    let mut world = World::over(Arc::new(MemoryStore::default()), settings).await;
    world.run();
    let (control, demo) = (world.control.clone(), world.demo);
    let row = ordered(&world).await;
    let id = row.id;
    assert_eq!(row.staged.assigned, Some("10.1.255.88/30".parse().unwrap()));
    let other = control.create_tunnel_context(&demo, LAX_GATEWAYS).await;
    let other = other.unwrap();
    assert_eq!(
        other.staged.assigned,
        Some("10.1.255.92/30".parse().unwrap())
    );
    let full = control.create_tunnel_context(&demo, LAX_GATEWAYS).await;
    assert!(matches!(full, Err(Error::Conflict { .. })), "{full:?}");
    let one = |internal: &str, customer: &str| Translation {
        id: TranslationId::random(),
        internal: internal.parse().unwrap(),
        customer: customer.parse().unwrap(),
        notes: "web".to_owned(),
    };
    let list = |listing| control.list_in_tunnel_context(&demo, id, vec![listing]);
    let good = one("10.1.255.88", "192.168.10.15");
    list(Listing::AddTranslation(good.clone())).await.unwrap();
    for wrong in [
        one("10.1.255.92", "192.168.10.16"),
        one("10.1.255.89", "192.168.11.16"),
        one("10.1.255.88", "192.168.10.16"),
        one("10.1.255.89", "192.168.10.15"),
    ] {
        let refused = list(Listing::AddTranslation(wrong.clone())).await;
        assert!(
            matches!(refused, Err(Error::Invalid { .. })),
            "{wrong:?}: {refused:?}"
        );
        let refused = list(Listing::ChangeTranslation(wrong)).await;
        assert!(matches!(refused, Err(Error::NotListed)), "{refused:?}");
    }
    let told = |world: &World| {
        let spec = world.agent.gateway(row.gateway);
        let tunnels = spec.map(|spec| spec.tunnels).unwrap_or_default();
        let tunnels = tunnels.into_values();
        let known = tunnels.flat_map(|tunnel| tunnel.peer_known_here());
        known.map(|cidr| cidr.to_string()).collect::<Vec<_>>()
    };
    assert!(told(&world).is_empty());
    control.apply_tunnel_context(&demo, LAX, id).await.unwrap();
    let known = ["192.168.10.0/24", "10.1.255.88/32"];
    world
        .until("it is translated", async || told(&world) == known)
        .await;
    control
        .delete_tunnel_context(&demo, LAX_GATEWAYS, id)
        .await
        .unwrap();
    world
        .until("it is not any more", async || told(&world).is_empty())
        .await;
}

#[tokio::test]
async fn services_are_led_to_once_it_is_applied_by_a_way_outside_that_goes_with_the_last_of_them() {
    let block = "10.0.64.0/19".parse().unwrap();
    let mut settings = config();
    settings.context_services = vec![block, "10.0.96.0/19".parse().unwrap()];
    let mut world = World::over(Arc::new(MemoryStore::default()), settings).await;
    world.run();
    let (control, demo) = (world.control.clone(), world.demo);
    let row = ordered(&world).await;
    let id = row.id;
    let list = |listing| control.list_in_tunnel_context(&demo, id, vec![listing]);
    let stranger = list(Listing::AddService("10.1.0.0/19".parse().unwrap())).await;
    assert!(matches!(stranger, Err(Error::NotListed)), "{stranger:?}");
    for _ in 0..2 {
        let listed = list(Listing::AddService(block)).await.unwrap();
        assert_eq!(listed.staged.services, [block]);
    }
    // Nothing is behind the peer, too, that is a service.
    let behind = list(Listing::AddPeerCidr("10.0.65.0/24".parse().unwrap())).await;
    assert!(matches!(behind, Err(Error::Invalid { .. })), "{behind:?}");
    let gateway = control.gateway(&demo, row.gateway).await.unwrap();
    let router = gateway.gateway.router;
    let told = |world: &World| {
        let spec = world.agent.router(router);
        spec.map(|spec| (spec.external.is_some(), spec.services.into_iter().collect()))
    };
    let none = Some((false, Vec::new()));
    world
        .until("the router is there", async || told(&world) == none)
        .await;
    let apply = async || control.apply_tunnel_context(&demo, LAX, id).await.unwrap();
    let running = apply().await.running.unwrap();
    let connection = control.connection(&demo, running.connection).await.unwrap();
    let local = connection.connection.ends.local().to_vec();
    assert_eq!(local, ["10.0.0.0/24".parse().unwrap(), block]);
    let led = Some((true, vec![block]));
    world
        .until("the router leads there", async || told(&world) == led)
        .await;
    list(Listing::RemoveService(block)).await.unwrap();
    apply().await;
    world
        .until("it does not any more", async || told(&world) == none)
        .await;
    list(Listing::AddService(block)).await.unwrap();
    apply().await;
    let deleted = control.delete_tunnel_context(&demo, LAX_GATEWAYS, id);
    deleted.await.unwrap();
    world
        .until("it goes with the context", async || told(&world) == none)
        .await;
}
