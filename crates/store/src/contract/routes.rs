//! Routes, and the connections that they name.

use adit_model::connection::Ends;
use adit_model::{Cidr, Connection, ConnectionId, Revision, Route, RouteId};

use super::World;
use super::world::{blocks, name, time};
use crate::{Store, StoreError};

pub async fn a_route_keeps_its_connection_and_no_other_has_its_block(store: &dyn Store) {
    let (w, other) = (World::new(1), World::new(2));
    w.store(store).await;
    other.store(store).await;
    let (p, destination): (_, Cidr) = (w.project.id, "10.9.0.0/16".parse().unwrap());
    let mut tx = store.write().await.unwrap();
    let second = Connection {
        id: ConnectionId::random(),
        ends: Ends::Routes {
            peer: blocks(&["10.9.0.0/16"]),
        },
        ..w.connection.clone()
    };
    tx.insert_connection(&second).await.unwrap();
    let stored = tx.connection(p, second.id).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&second));
    let route = Route {
        id: RouteId::random(),
        project: p,
        router: w.router.id,
        name: name("way"),
        destination,
        connection: second.id,
        zone: "us-south-1".to_owned(),
        priority: 2,
        created_at: time(7),
        revision: Revision::FIRST,
    };
    tx.insert_route(&route).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.write().await.unwrap();
    assert_eq!(tx.route(p, route.id).await.unwrap().as_ref(), Some(&route));
    assert_eq!(tx.route(other.project.id, route.id).await.unwrap(), None);
    let found = tx.routes_of_router(w.router.id).await.unwrap();
    assert_eq!(found, [route.clone()]);
    let found = tx.routes_of_connection(second.id).await.unwrap();
    assert_eq!(found, [route.clone()]);
    let none = tx.routes_of_connection(w.connection.id).await.unwrap();
    assert_eq!(none, []);

    // What it is for stays, where it leads may change.
    let moved = Route {
        name: name("other"),
        connection: w.connection.id,
        priority: 0,
        destination: "10.8.0.0/16".parse().unwrap(),
        ..route.clone()
    };
    assert_eq!(tx.update_route(&moved).await.unwrap(), Revision(2));
    let stored = tx.any_route(route.id).await.unwrap();
    let expected = Route {
        destination,
        revision: Revision(2),
        ..moved
    };
    assert_eq!(stored, Some(expected));
    tx.commit().await.unwrap();

    let twin = Route {
        id: RouteId::random(),
        ..route.clone()
    };
    let mut tx = store.write().await.unwrap();
    let refused = tx.insert_route(&twin).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let refused = tx.delete_connection(p, w.connection.id).await;
    assert!(
        matches!(refused, Err(StoreError::Referenced)),
        "{refused:?}"
    );
    drop(tx);
    // Nor does it go with what would go with its gateway.
    let mut tx = store.write().await.unwrap();
    let refused = tx.delete_gateway(p, w.gateway.id).await;
    assert!(
        matches!(refused, Err(StoreError::Referenced)),
        "{refused:?}"
    );
    drop(tx);
    let mut tx = store.write().await.unwrap();
    assert!(!tx.delete_route(other.project.id, route.id).await.unwrap());
    assert!(tx.delete_route(p, route.id).await.unwrap());
    assert!(tx.delete_connection(p, w.connection.id).await.unwrap());
}
