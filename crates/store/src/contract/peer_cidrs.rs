//! The blocks behind a router's peers.

use adit_model::connection::Ends;
use adit_model::translation::{End, Translation};
use adit_model::{Connection, ConnectionId, RouterId};

use super::World;
use super::world::blocks;
use crate::Store;

pub async fn what_is_behind_a_routers_peers_is_listed_once(store: &dyn Store) {
    let (w, other) = (World::new(1), World::new(2));
    w.store(store).await;
    other.store(store).await;
    let mut tx = store.write().await.unwrap();
    let second = Connection {
        id: ConnectionId::random(),
        ends: Ends::Subnet {
            local: "10.0.0.0/24".parse().unwrap(),
            peer: blocks(&["192.168.0.0/24", "fd00::/64"]),
        },
        ..w.connection.clone()
    };
    tx.insert_connection(&second).await.unwrap();
    let mut third = other.connection.clone();
    third.ends = Ends::Blocks {
        local: blocks(&["10.0.0.0/24", "10.0.2.0/24"]),
        peer: blocks(&["172.16.0.0/12"]),
    };
    tx.update_connection(&third).await.unwrap();
    let listed = tx.peer_cidrs_of_router(w.router.id).await.unwrap();
    assert_eq!(listed.keys().copied().collect::<Vec<_>>(), [w.gateway.id]);
    let listed = listed.values().flatten().map(ToString::to_string);
    let listed: Vec<_> = listed.collect();
    assert_eq!(listed, ["192.168.0.0/24", "192.168.7.0/24", "fd00::/64"]);
    // What is known by other addresses here is behind a peer by those.
    let known = Connection {
        id: ConnectionId::random(),
        translations: vec![Translation {
            end: End::Peer,
            cidr: "192.168.0.0/24".parse().unwrap(),
            shown_as: "10.202.0.0/24".parse().unwrap(),
        }],
        ..second.clone()
    };
    tx.insert_connection(&known).await.unwrap();
    let listed = tx.peer_cidrs_of_router(w.router.id).await.unwrap();
    let name = "10.202.0.0/24".parse().unwrap();
    assert!(listed.values().flatten().any(|cidr| *cidr == name));
    let behind = tx.connections_behind(w.router.id, name).await.unwrap();
    assert_eq!(behind, [known.clone()]);
    let same = "192.168.0.0/24".parse().unwrap();
    let behind = tx.connections_behind(w.router.id, same).await.unwrap();
    assert!(behind.iter().all(|row| row.id != known.id));
    tx.delete_connection(w.project.id, known.id).await.unwrap();
    let none = tx.peer_cidrs_of_router(RouterId::random()).await.unwrap();
    assert!(none.is_empty(), "{none:?}");

    let behind = tx.connections_behind(w.router.id, same).await.unwrap();
    let mut expected = vec![w.connection.clone(), second.clone()];
    expected.sort_unstable_by_key(|row| row.id);
    assert_eq!(behind, expected);
    let others = tx.connections_behind(other.router.id, same).await;
    assert_eq!(others.unwrap(), []);
    let cut = "192.168.0.0/25".parse().unwrap();
    let within = tx.connections_behind(w.router.id, cut).await.unwrap();
    assert_eq!(within, []);
    tx.delete_connection(w.project.id, second.id).await.unwrap();
    let behind = tx.connections_behind(w.router.id, same).await.unwrap();
    assert_eq!(behind, [w.connection.clone()]);
}
