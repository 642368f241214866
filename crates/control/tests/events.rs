//! Events: nothing is missed and nothing told twice, or it is said what is missing. The clock of these tests is paused.

use std::sync::Arc;
use std::time::Duration;

use adit_control::events::{Event, EventPlace, News};
use adit_control::follow::{Follower, Lost, Subject, Told};
use adit_control::{AgentEvent, Error, LogLimits, Noun};
use adit_model::change::ChangeKind;
use adit_model::gateway::GatewayStatus;
use adit_model::observed::{SaTimes, Traffic, TunnelObserved, TunnelState};
use adit_model::{ConnectionId, GatewayId, ProjectId};
use adit_store::MemoryStore;
use time::OffsetDateTime;

use crate::world::{World, config, new_connection, new_router};

const PATIENCE: Duration = Duration::from_secs(15);

async fn events(follower: &mut Follower) -> Vec<Arc<Event>> {
    let mut events = Vec::new();
    loop {
        let told = follower.next(PATIENCE).await.unwrap();
        for told in &told {
            match told {
                Told::Event(event) => events.push(Arc::clone(event)),
                Told::Lost(lost, place) => panic!("lost {lost:?} until {place}"),
                Told::Nothing(_) => {}
            }
        }
        if !told.iter().any(|told| matches!(told, Told::Event(_))) && !events.is_empty() {
            return events;
        }
    }
}

/// What is told at once, until the follower has to wait.
async fn all(follower: &mut Follower) -> Vec<Told> {
    let mut all = Vec::new();
    loop {
        let told = follower.next(PATIENCE).await.unwrap();
        let is_idle = matches!(told[..], [Told::Nothing(_)]) && !all.is_empty();
        all.extend(told);
        if is_idle {
            return all;
        }
    }
}

async fn router(world: &World, name: &str) {
    let made = world.control.create_router(&world.demo, new_router(name));
    made.await.unwrap();
}

fn follow(world: &World, from: Option<EventPlace>) -> Follower {
    let subject = Subject::default();
    world
        .control
        .follow_events(&world.demo, from, subject)
        .unwrap()
}

/// Routers that were made, one after another; anything else is not to be among what is told.
fn routers(told: &[Told]) -> usize {
    let made = |told: &&Told| match told {
        Told::Event(event) => {
            assert!(matches!(event.news, News::Changed(ChangeKind::Created, _)));
            event.noun == Noun::Router
        }
        _ => false,
    };
    told.iter().filter(made).count()
}

async fn connection(world: &World) -> (GatewayId, ConnectionId) {
    let (_, subnet) = world.subnet("r", "10.0.0.0/24").await;
    let gateway = world.gateway(subnet.subnet.id, "g").await.unwrap();
    let gateway = gateway.gateway.id;
    world
        .until("available", async || {
            let view = world.control.gateway(&world.demo, gateway).await.unwrap();
            view.status == GatewayStatus::Available
        })
        .await;
    let new = new_connection(gateway, "c", &["10.0.0.0/24"], &["192.168.0.0/24"]);
    let made = world.connection(new).await.unwrap();
    (gateway, made.connection.id)
}

fn tunnel(state: TunnelState) -> TunnelObserved {
    TunnelObserved {
        state,
        since: OffsetDateTime::now_utc(),
        reasons: Vec::new(),
        ike_suite: None,
        ike_times: SaTimes::default(),
        children: Vec::new(),
        members: Vec::new(),
        traffic: Traffic::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_and_what_is_seen_is_told_in_one_order() {
    let mut world = World::new().await;
    world.run();
    let mut follower = follow(&world, None);
    let (gateway, connection) = connection(&world).await;
    for state in [TunnelState::Up, TunnelState::Up, TunnelState::Down] {
        let observed = tunnel(state);
        world.agent.say(AgentEvent::Tunnel {
            gateway,
            connection,
            observed,
        });
    }
    let events = events(&mut follower).await;
    let numbers: Vec<_> = events.iter().map(|event| event.place.to_string()).collect();
    let mut unique = numbers.clone();
    unique.dedup();
    assert_eq!(numbers, unique);
    let of = |noun: Noun| -> Vec<&News> {
        let of = events.iter().filter(|event| event.noun == noun);
        of.map(|event| &event.news).collect()
    };
    let gateways = of(Noun::Gateway);
    assert!(matches!(gateways[0], News::Changed(ChangeKind::Created, _)));
    assert_eq!(gateways[1..], [&News::Gateway(GatewayStatus::Available)]);
    // Nothing is seen of what is not there yet.
    let connections = of(Noun::Connection);
    assert!(matches!(
        connections[0],
        News::Changed(ChangeKind::Created, _)
    ));
    let told = |state, text: &str| News::Tunnel(state, vec![text.to_owned()]);
    let seen = [
        told(TunnelState::Up, "the tunnel is up"),
        told(TunnelState::Down, "the tunnel is down"),
    ];
    assert_eq!(connections[1..], seen.each_ref());
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_is_told_what_came_after_and_nothing_twice() {
    let mut world = World::new().await;
    world.run();
    let mut first = follow(&world, None);
    router(&world, "one").await;
    let known = events(&mut first).await;
    drop(first);
    router(&world, "two").await;
    router(&world, "three").await;
    let place = known.last().unwrap().place;
    let place: EventPlace = place.to_string().parse().unwrap();
    let mut second = follow(&world, Some(place));
    let told = all(&mut second).await;
    assert!(!told.iter().any(|told| matches!(told, Told::Lost(..))));
    assert_eq!(routers(&told), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_all_that_was_changed_follows_a_reset() {
    let store = Arc::new(MemoryStore::default());
    let mut world = World::over(store.clone(), config()).await;
    world.run();
    let mut first = follow(&world, None);
    router(&world, "one").await;
    let known = events(&mut first).await.last().unwrap().place;
    router(&world, "two").await;
    drop((first, world));
    let mut world = World::over(store, config()).await;
    router(&world, "three").await;
    world.run();
    let mut second = follow(&world, Some(known));
    let told = all(&mut second).await;
    assert!(
        matches!(told[0], Told::Lost(Lost::Observations, _)),
        "{told:?}"
    );
    assert_eq!(routers(&told), 2);
    router(&world, "four").await;
    // What is told then has places that it can go on from without another reset.
    let events = events(&mut second).await;
    let mut third = follow(&world, Some(events[0].place));
    router(&world, "five").await;
    let told = all(&mut third).await;
    assert!(!told.iter().any(|told| matches!(told, Told::Lost(..))));
    assert_eq!(routers(&told), 1);
}

#[tokio::test(start_paused = true)]
async fn who_is_too_slow_is_told_so_and_misses_no_change() {
    let mut world = World::new().await;
    world.run();
    let (gateway, connection) = connection(&world).await;
    let mut slow = follow(&world, None);
    slow.next(PATIENCE).await.unwrap();
    router(&world, "two").await;
    for n in 0..20_000 {
        let state = [TunnelState::Up, TunnelState::Down][n % 2];
        let observed = tunnel(state);
        world.agent.say(AgentEvent::Tunnel {
            gateway,
            connection,
            observed,
        });
        if n % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    router(&world, "three").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let told = all(&mut slow).await;
    assert!(
        matches!(told[0], Told::Lost(Lost::Observations, _)),
        "{:?}",
        told[0]
    );
    assert_eq!(routers(&told), 2);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_what_the_log_has_forgotten_is_told_so() {
    let mut config = config();
    config.change_log = LogLimits {
        keep_entries: 3,
        keep: Duration::from_secs(3600),
    };
    let store = Arc::new(MemoryStore::default());
    let mut world = World::over(store.clone(), config.clone()).await;
    world.run();
    let mut first = follow(&world, None);
    router(&world, "one").await;
    let known = events(&mut first).await[0].place;
    for n in 0..4 {
        router(&world, &format!("r{n}")).await;
    }
    world.control.trim_log().await.unwrap();
    drop((first, world));
    let world = World::over(store, config).await;
    let mut second = follow(&world, Some(known));
    let told = all(&mut second).await;
    assert!(
        matches!(told[0], Told::Lost(Lost::Everything, _)),
        "{told:?}"
    );
    assert_eq!(routers(&told), 0);
    // A revision that was never given is of another database.
    let ahead = "99999-00000000-0".parse().unwrap();
    let told = all(&mut follow(&world, Some(ahead))).await;
    assert!(
        matches!(told[0], Told::Lost(Lost::Everything, _)),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_project_s_people_follow_their_own_and_administrators_all() {
    let mut world = World::new().await;
    world.run();
    let control = &world.control;
    let subject = |project: Option<ProjectId>, noun| Subject {
        project,
        noun,
        ..Subject::default()
    };
    let others = subject(Some(world.admin.project), None);
    let refused = control.follow_events(&world.demo, None, others.clone());
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let mut own = follow(&world, None);
    let every = control.follow_events(&world.admin, None, subject(None, Some(Noun::Router)));
    let (mut every, mut of_one) = (
        every.unwrap(),
        control.follow_events(&world.admin, None, others).unwrap(),
    );
    for caller in [&world.demo, &world.admin] {
        let made = control.create_router(caller, new_router("r"));
        made.await.unwrap();
    }
    let projects = async |follower: &mut Follower| -> Vec<_> {
        let events = events(follower).await;
        let routers = events.iter().filter(|event| event.noun == Noun::Router);
        routers.map(|event| event.project.unwrap()).collect()
    };
    let (demo, admin) = (world.demo.project, world.admin.project);
    assert_eq!(projects(&mut own).await, [demo]);
    assert_eq!(projects(&mut every).await, [demo, admin]);
    assert_eq!(projects(&mut of_one).await, [admin]);
}

#[tokio::test]
async fn those_who_write_at_once_are_told_of_in_the_log_s_order_each_once() {
    let mut world = World::new().await;
    world.run();
    let mut follower = follow(&world, None);
    let first = world.control.log_bounds().await.unwrap().last;
    let mut writers = Vec::new();
    for n in 0..4 {
        let (control, demo) = (world.control.clone(), world.demo);
        writers.push(tokio::spawn(async move {
            for _ in 0..25 {
                let made = control.create_router(&demo, new_router(&format!("r{n}")));
                let made = made.await.unwrap();
                tokio::task::yield_now().await;
                control.delete_router(&demo, made.id, None).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let mut revisions = Vec::new();
    while revisions.len() < 200 {
        for told in follower.next(PATIENCE).await.unwrap() {
            if let Told::Event(event) = told {
                let place = event.place.to_string();
                let (revision, _) = place.split_once('-').unwrap();
                revisions.push(revision.parse::<u64>().unwrap());
            }
        }
    }
    assert_eq!(revisions, (first + 1..=first + 200).collect::<Vec<_>>());
}

#[test]
fn a_place_is_read_as_it_is_written() {
    for text in ["0-00000001-0", "17-deadbeef-18446744073709551615"] {
        let place: EventPlace = text.parse().unwrap();
        assert_eq!(place.to_string(), text);
    }
    for text in [
        "",
        "1",
        "1-2",
        "1-00000001-1-1",
        "01-00000001-1",
        "1-1-1",
        "-1-00000001-1",
        "1-0000000G-1",
    ] {
        assert!(text.parse::<EventPlace>().is_err(), "{text}");
    }
}
