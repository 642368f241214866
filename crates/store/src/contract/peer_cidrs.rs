//! The blocks behind a router's peers.

use adit_model::{Connection, ConnectionId, RouterId};

use super::World;
use crate::Store;

pub async fn what_is_behind_a_routers_peers_is_listed_once(store: &dyn Store) {
    let (w, other) = (World::new(1), World::new(2));
    w.store(store).await;
    other.store(store).await;
    let mut tx = store.write().await.unwrap();
    let second = Connection {
        id: ConnectionId::random(),
        peer_cidrs: ["192.168.0.0/24", "fd00::/64"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
        ..w.connection.clone()
    };
    tx.insert_connection(&second).await.unwrap();
    let mut third = other.connection.clone();
    third.peer_cidrs = vec!["172.16.0.0/12".parse().unwrap()];
    tx.update_connection(&third).await.unwrap();
    let listed = tx.peer_cidrs_of_router(w.router.id).await.unwrap();
    assert_eq!(listed.keys().copied().collect::<Vec<_>>(), [w.gateway.id]);
    let listed = listed.values().flatten().map(ToString::to_string);
    let listed: Vec<_> = listed.collect();
    assert_eq!(listed, ["192.168.0.0/24", "192.168.7.0/24", "fd00::/64"]);
    let none = tx.peer_cidrs_of_router(RouterId::random()).await.unwrap();
    assert!(none.is_empty(), "{none:?}");
}
