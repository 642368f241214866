//! No two have the same address outside, and all that somebody has are told.

use std::net::Ipv4Addr;

use adit_model::router::ExternalGateway;
use adit_model::{Gateway, GatewayId, OuterAddresses, Router, RouterId};

use super::World;
use crate::{Store, StoreError};

pub async fn a_public_address_is_given_once(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    // One family's address is somebody's, the other's is nobody's.
    let free = World::new(9).gateway.addresses;
    let mixed = |taken: OuterAddresses| {
        let OuterAddresses { v4, second, v6 } = taken;
        let second = second.map(|_| OuterAddresses { second, ..free });
        let others = [OuterAddresses { v4, ..free }, OuterAddresses { v6, ..free }];
        others.into_iter().chain(second)
    };
    for addresses in mixed(w.gateway.addresses) {
        let mut tx = store.write().await.unwrap();
        let twin = Gateway {
            id: GatewayId::random(),
            addresses,
            ..w.gateway.clone()
        };
        let refused = tx.insert_gateway(&twin).await;
        assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    }
    let external = w.router.external.unwrap();
    for addresses in mixed(external.addresses) {
        let mut tx = store.write().await.unwrap();
        let twin = Router {
            id: RouterId::random(),
            external: Some(ExternalGateway {
                addresses,
                ..external
            }),
            ..w.router.clone()
        };
        let refused = tx.insert_router(&twin).await;
        assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    }
    // None at all is not an address that somebody could have.
    let mut tx = store.write().await.unwrap();
    for last in [7, 8] {
        let gateway = Gateway {
            id: GatewayId::random(),
            addresses: Ipv4Addr::new(203, 0, 113, last).into(),
            ..w.gateway.clone()
        };
        tx.insert_gateway(&gateway).await.unwrap();
        let stored = tx.any_gateway(gateway.id).await.unwrap().unwrap();
        assert_eq!(stored.addresses, gateway.addresses);
    }
}

pub async fn all_addresses_outside_are_told_with_whose_they_are(store: &dyn Store) {
    let (one, two) = (World::new(1), World::new(2));
    one.store(store).await;
    two.store(store).await;
    let mut expected = Vec::new();
    for w in [&one, &two] {
        let external = w.router.external.unwrap().addresses;
        let all = w.gateway.addresses.all().chain(external.all());
        expected.extend(all.map(|address| (w.project.id, address)));
        for row in [&w.floating_ip, &w.other_floating_ip] {
            expected.push((row.project, row.address));
        }
    }
    expected.sort_unstable();
    let mut tx = store.read().await.unwrap();
    let mut found = tx.addresses_outside().await.unwrap();
    found.sort_unstable();
    assert_eq!(found, expected);
}
