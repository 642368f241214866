//! Gateways in route mode, and the routes that lead to their connections.

use std::collections::BTreeSet;
use std::sync::Arc;

use adit_control::connection::{ConnectionChange, ConnectionView, EndsChange, GivenEnds};
use adit_control::route::{NewRoute, RouteChange};
use adit_control::router::RouterChange;
use adit_control::subnet::{self, Block};
use adit_control::{Config, Error, Limits, Noun, Part, Quota};
use adit_model::desired::Carriers;
use adit_model::subnet::StaticRoute;
use adit_model::{Cidr, ConnectionId, Gateway, GatewayId, Route, Router, SubnetId};
use adit_store::MemoryStore;

use crate::world::{
    LAX, STRICT, STRICT_GATEWAYS, STRICT_SUBNETS, World, config, name, new_connection, new_routed,
    new_subnet,
};

struct Scene {
    w: World,
    router: Router,
    subnet: SubnetId,
    gateway: Gateway,
    connection: ConnectionId,
}

impl Scene {
    async fn new() -> Self {
        Self::over(config()).await
    }

    async fn over(config: Config) -> Self {
        let w = World::over(Arc::new(MemoryStore::default()), config).await;
        let (router, subnet) = w.subnet("r", "10.0.0.0/24").await;
        let subnet = subnet.subnet.id;
        let gateway = w.routed(subnet, "g").await.unwrap().gateway;
        let made = w.connection(new_routed(gateway.id, "c")).await.unwrap();
        Self {
            w,
            router,
            subnet,
            gateway,
            connection: made.connection.id,
        }
    }

    fn new_route(&self, text: &str, destination: &str) -> NewRoute {
        NewRoute {
            name: name(text),
            router: self.router.id,
            destination: destination.parse().unwrap(),
            connection: self.connection,
            zone: "us-south-1".to_owned(),
            priority: 2,
        }
    }

    async fn route(&self, text: &str, destination: &str) -> Result<Route, Error> {
        let new = self.new_route(text, destination);
        self.w.control.create_route(&self.w.demo, new).await
    }

    async fn seen(&self) -> ConnectionView {
        let found = self.w.control.connection(&self.w.demo, self.connection);
        found.await.unwrap()
    }

    async fn leads_to(&self) -> Vec<String> {
        let seen = self.seen().await;
        let peer = seen.connection.ends.peer().iter();
        peer.map(ToString::to_string).collect()
    }
}

/// The field that a refusal is about.
fn field<T: std::fmt::Debug>(refused: Result<T, Error>) -> &'static str {
    match refused {
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

fn texts(cidrs: &[Cidr]) -> Vec<String> {
    cidrs.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_gateway_in_route_mode_has_two_addresses_that_nobody_else_gets() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let subnet = subnet.subnet.id;
    let mut given = BTreeSet::new();
    for (number, text) in ["a", "b", "c"].into_iter().enumerate() {
        let made = match number {
            1 => w.gateway(subnet, text).await,
            _ => w.routed(subnet, text).await,
        };
        let all: Vec<_> = made.unwrap().gateway.addresses.all().collect();
        assert_eq!(all.len(), if number == 1 { 1 } else { 2 });
        assert!(all.iter().all(|one| one.is_ipv4() && given.insert(*one)));
    }
    assert_eq!(given.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_routes_say_is_held_and_told_to_the_gateway_with_what_its_router_leads_to() {
    let mut scene = Scene::new().await;
    scene.w.run();
    let (w, gateway) = (&scene.w, scene.gateway.id);
    let spec = || {
        let spec = w.agent.gateway(gateway)?;
        spec.tunnels.get(&scene.connection).cloned()
    };
    w.until("it is applied", async || spec().is_some()).await;
    let first = spec().unwrap();
    assert_eq!(first.carriers, Carriers::Each { distribute: false });
    assert_eq!(texts(&first.local_cidrs), ["10.0.0.0/24"]);
    assert_eq!(first.peer_cidrs, []);
    let one = scene.route("one", "10.9.0.0/16").await.unwrap();
    scene.route("all", "0.0.0.0/0").await.unwrap();
    let leads = |to: &[&str]| spec().is_some_and(|spec| texts(&spec.peer_cidrs) == to);
    w.until("routes lead there", async || {
        leads(&["10.9.0.0/16", "0.0.0.0/0"])
    })
    .await;
    // Before any gateway is there, its router holds them already.
    let mut tx = w.store.read().await.unwrap();
    let held = tx.peer_cidrs_of_router(scene.router.id).await.unwrap();
    assert_eq!(held[&gateway].len(), 2);
    drop(tx);

    // What the router leads to otherwise may be reached from the other end, and what it leads to no more may not.
    let local = |blocks: &[&str]| spec().is_some_and(|spec| texts(&spec.local_cidrs) == blocks);
    let place = subnet::Place::Router(scene.router.id);
    let second = new_subnet(
        "second",
        place,
        Block::Exact("10.0.1.0/24".parse().unwrap()),
    );
    let made = w.control.create_subnet(&w.demo, STRICT_SUBNETS, second);
    let second = made.await.unwrap().id;
    w.until("there is another network", async || {
        local(&["10.0.0.0/24", "10.0.1.0/24"])
    })
    .await;
    let beyond = |routes| RouterChange {
        routes: Some(routes),
        ..RouterChange::default()
    };
    let neighbour = StaticRoute {
        destination: "172.16.0.0/16".parse().unwrap(),
        nexthop: "10.0.0.9".parse().unwrap(),
    };
    let changed = w
        .control
        .update_router(&w.demo, scene.router.id, beyond(vec![neighbour]));
    changed.await.unwrap();
    w.until("there is something behind a neighbour", async || {
        local(&["10.0.0.0/24", "10.0.1.0/24", "172.16.0.0/16"])
    })
    .await;
    let changed = w
        .control
        .update_router(&w.demo, scene.router.id, beyond(Vec::new()));
    changed.await.unwrap();
    let deleted = w
        .control
        .delete_subnet(&w.demo, STRICT_SUBNETS, second, None);
    deleted.await.unwrap();
    w.until("it is gone", async || local(&["10.0.0.0/24"]))
        .await;

    w.control.delete_route(&w.demo, one.id).await.unwrap();
    w.until("one leads there", async || leads(&["0.0.0.0/0"]))
        .await;
    let change = ConnectionChange {
        distribute_traffic: Some(true),
        ..ConnectionChange::default()
    };
    let id = scene.connection;
    let changed = w
        .control
        .update_connection(&w.demo, STRICT, id, None, change);
    assert!(changed.await.unwrap().connection.distribute_traffic);
    w.until("traffic is distributed", async || {
        spec().is_some_and(|spec| spec.carriers == Carriers::Each { distribute: true })
    })
    .await;
    assert!(leads(&["0.0.0.0/0"]), "a change leaves routes");
}

#[tokio::test]
async fn a_route_that_could_lead_nowhere_or_not_alone_is_refused() {
    let mut config = config();
    config.limits = Limits {
        routes: 2,
        ..config.limits
    };
    let scene = Scene::over(config).await;
    let (control, demo) = (&scene.w.control, &scene.w.demo);
    scene.route("one", "10.9.0.0/16").await.unwrap();
    let twice = scene.route("two", "10.9.0.0/16").await;
    assert_eq!(field(twice), "destination");
    let named = scene.route("one", "10.8.0.0/16").await;
    assert!(matches!(named, Err(Error::Conflict { .. })), "{named:?}");
    // A block of a network of the router, one within it, and one that is no IPv4.
    for destination in ["10.0.0.0/24", "10.0.0.128/25", "fd00::/8"] {
        let refused = scene.route("two", destination).await;
        assert_eq!(field(refused), "destination", "{destination}");
    }
    let mut new = scene.new_route("two", "10.8.0.0/16");
    new.priority = 5;
    assert_eq!(field(control.create_route(demo, new).await), "priority");

    // Of a gateway in policy mode, and of one elsewhere.
    let policy = scene.w.gateway(scene.subnet, "p").await.unwrap().gateway;
    let made = new_connection(policy.id, "p", &["10.0.0.0/24"], &["10.7.0.0/16"]);
    let by_blocks = scene.w.connection(made).await.unwrap().connection.id;
    let (_, elsewhere) = scene.w.subnet("other", "10.0.0.0/24").await;
    let elsewhere = scene.w.routed(elsewhere.subnet.id, "e").await.unwrap();
    let made = new_routed(elsewhere.gateway.id, "e");
    let elsewhere = scene.w.connection(made).await.unwrap().connection.id;
    for connection in [by_blocks, elsewhere] {
        let new = NewRoute {
            connection,
            ..scene.new_route("two", "10.8.0.0/16")
        };
        assert_eq!(field(control.create_route(demo, new).await), "next_hop");
    }
    let behind_another = scene.route("two", "10.7.0.0/16").await;
    assert_eq!(field(behind_another), "destination");
    // Nobody else's, and no more than there may be.
    let of_admin = scene.new_route("two", "10.8.0.0/16");
    let refused = control.create_route(&scene.w.admin, of_admin).await;
    assert!(
        matches!(refused, Err(Error::NotFound(Noun::Router))),
        "{refused:?}"
    );
    scene.route("two", "10.0.0.0/8").await.unwrap();
    let refused = scene.route("three", "10.6.0.0/16").await;
    assert!(
        matches!(
            refused,
            Err(Error::QuotaExceeded {
                quota: Quota::Routes,
                limit: 2
            })
        ),
        "{refused:?}"
    );
    assert_eq!(scene.leads_to().await, ["10.9.0.0/16", "10.0.0.0/8"]);
    let part = control.part_of_routes(demo, scene.router.id, Part::default());
    let listed = part.await.unwrap();
    assert_eq!((listed.rows.len(), listed.total), (2, 2));
}

#[tokio::test]
async fn routes_and_blocks_of_one_router_keep_apart() {
    let scene = Scene::new().await;
    scene.route("wide", "10.0.0.0/8").await.unwrap();
    let policy = scene.w.gateway(scene.subnet, "p").await.unwrap().gateway;
    let connect = |text: &'static str, peer: &'static str| {
        let new = new_connection(policy.id, text, &["10.0.0.0/24"], &[peer]);
        scene.w.connection(new)
    };
    assert_eq!(field(connect("same", "10.0.0.0/8").await), "peer_cidrs");
    // A route has what no narrower block is for.
    connect("narrow", "10.9.0.0/16").await.unwrap();
    let place = subnet::Place::Router(scene.router.id);
    let around = new_subnet(
        "around",
        place,
        Block::Exact("10.9.0.0/16".parse().unwrap()),
    );
    let refused = scene
        .w
        .control
        .create_subnet(&scene.w.demo, STRICT_SUBNETS, around);
    assert!(
        refused.await.is_err(),
        "a network around a block behind a peer"
    );
}

#[tokio::test]
async fn a_connection_of_two_tunnels_has_no_blocks_and_no_name_of_its_own() {
    let scene = Scene::new().await;
    let w = &scene.w;
    for rules in [STRICT, LAX] {
        let with = |ends| {
            let mut new = new_routed(scene.gateway.id, "x");
            new.ends = ends;
            w.control.create_connection(&w.demo, rules, new)
        };
        let peer_cidrs = vec!["10.9.0.0/16".parse().unwrap()];
        let peer = GivenEnds {
            peer_cidrs: peer_cidrs.clone(),
            ..GivenEnds::default()
        };
        assert_eq!(field(with(peer).await), "peer_cidrs");
        let local = GivenEnds {
            local_cidrs: Some(vec!["10.0.0.0/24".parse().unwrap()]),
            ..GivenEnds::default()
        };
        assert_eq!(field(with(local).await), "peer_cidrs");
        let change = ConnectionChange {
            ends: EndsChange {
                peer_cidrs: Some(peer_cidrs),
                ..EndsChange::default()
            },
            ..ConnectionChange::default()
        };
        let id = scene.connection;
        let changed = w
            .control
            .update_connection(&w.demo, rules, id, None, change);
        assert_eq!(field(changed.await), "peer_cidrs");
        let change = ConnectionChange {
            local_id: Some(Some("@here".to_owned())),
            ..ConnectionChange::default()
        };
        let changed = w
            .control
            .update_connection(&w.demo, rules, id, None, change);
        assert_eq!(field(changed.await), "local_id");
    }
    let policy = w.gateway(scene.subnet, "p").await.unwrap().gateway;
    let mut new = new_connection(policy.id, "p", &["10.0.0.0/24"], &["10.7.0.0/16"]);
    new.distribute_traffic = true;
    assert_eq!(field(w.connection(new).await), "distribute_traffic");
}

#[tokio::test]
async fn what_routes_lead_to_stays_as_long_as_they_do() {
    let scene = Scene::new().await;
    let (control, demo) = (&scene.w.control, &scene.w.demo);
    let route = scene.route("one", "10.9.0.0/16").await.unwrap();
    let refused = control
        .delete_connection(demo, scene.connection, None)
        .await;
    let by_route = |refused: &Result<(), Error>, noun: Noun| {
        matches!(refused, Err(Error::Used { noun: of, by: Noun::Route, users })
            if *of == noun && *users == [route.id.uuid()])
    };
    assert!(by_route(&refused, Noun::Connection), "{refused:?}");
    let refused = control
        .delete_gateway(demo, STRICT_GATEWAYS, scene.gateway.id, None)
        .await;
    assert!(by_route(&refused, Noun::Gateway), "{refused:?}");

    // A route may lead to another connection of the gateway.
    let second = scene.w.connection(new_routed(scene.gateway.id, "d")).await;
    let second = second.unwrap().connection.id;
    let change = RouteChange {
        name: Some(name("renamed")),
        connection: Some(second),
        priority: Some(0),
    };
    let moved = control.update_route(demo, route.id, change).await.unwrap();
    assert_eq!((moved.connection, moved.priority), (second, 0));
    assert!(scene.leads_to().await.is_empty());
    let (row, router, to) = control.route(demo, route.id).await.unwrap();
    assert_eq!(row, moved);
    assert_eq!((router.id, to.id), (scene.router.id, second));
    assert_eq!(to.ends.peer(), [route.destination]);
    let other: GatewayId = scene.w.routed(scene.subnet, "h").await.unwrap().gateway.id;
    let other = scene.w.connection(new_routed(other, "h")).await.unwrap();
    let elsewhere = RouteChange {
        connection: Some(other.connection.id),
        ..RouteChange::default()
    };
    let refused = control.update_route(demo, route.id, elsewhere).await;
    assert_eq!(field(refused), "next_hop");

    let foreign = control.delete_route(&scene.w.admin, route.id).await;
    assert!(
        matches!(foreign, Err(Error::NotFound(Noun::Route))),
        "{foreign:?}"
    );
    control.delete_route(demo, route.id).await.unwrap();
    let gone = control.delete_route(demo, route.id).await;
    assert!(
        matches!(gone, Err(Error::NotFound(Noun::Route))),
        "{gone:?}"
    );
    control.delete_connection(demo, second, None).await.unwrap();
    let deleted = control.delete_gateway(demo, STRICT_GATEWAYS, scene.gateway.id, None);
    deleted.await.unwrap();
}

#[tokio::test]
async fn routes_of_a_project_that_ends_go_with_it() {
    let scene = Scene::new().await;
    let (control, project) = (&scene.w.control, scene.w.demo.project);
    scene.route("one", "10.9.0.0/16").await.unwrap();
    let token = control.issue_token(&scene.w.admin, serde_json::Map::new());
    let admin = control.session(&token.text).await.unwrap();
    control.delete_project(&admin, project).await.unwrap();
    control.clear_ended_projects().await.unwrap();
    let mut tx = scene.w.store.read().await.unwrap();
    assert_eq!(tx.all_routes().await.unwrap(), []);
    assert_eq!(tx.all_gateways().await.unwrap(), []);
    assert!(tx.ended_projects().await.unwrap().is_empty());
}
