//! Wishes become true, stay true, and say why when they don't. The clock of these tests is
//! paused: waiting costs nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::world::{STRICT, STRICT_GATEWAYS, STRICT_SUBNETS, World, config, new_connection};
use adit_control::AgentEvent;
use adit_control::connection::{ConnectionChange, Side};
use adit_control::router::RouterChange;
use adit_model::gateway::GatewayStatus;
use adit_model::observed::{GatewayObserved, SaTimes, Traffic, TunnelObserved, TunnelState};
use adit_model::{ConnectionId, GatewayId, HostId, Reason, ReasonCode, Whose};
use adit_store::MemoryStore;
use time::OffsetDateTime;

const LOCAL: &[&str] = &["10.0.0.0/24"];
const PEER: &[&str] = &["192.168.0.0/24"];

async fn gateway(w: &World) -> GatewayId {
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id
}

async fn status(w: &World, id: GatewayId) -> GatewayStatus {
    w.control.gateway(&w.demo, id).await.unwrap().status
}

async fn available(w: &World, id: GatewayId) {
    w.until("available", async || {
        status(w, id).await == GatewayStatus::Available
    })
    .await;
}

fn tunnel(state: TunnelState, reasons: Vec<Reason>) -> TunnelObserved {
    TunnelObserved {
        state,
        since: OffsetDateTime::now_utc(),
        reasons,
        ike_suite: None,
        ike_times: SaTimes::default(),
        children: Vec::new(),
        members: Vec::new(),
        traffic: Traffic::default(),
    }
}

async fn first_code(w: &World, id: ConnectionId) -> Option<ReasonCode> {
    let view = w.control.connection(&w.demo, id).await.unwrap();
    view.reasons.first().map(|reason| reason.code)
}

#[tokio::test(start_paused = true)]
async fn a_wish_reaches_the_agent_router_first_and_complete() {
    let mut w = World::new().await;
    w.run();
    let id = gateway(&w).await;
    let made = w
        .connection(new_connection(id, "c", LOCAL, PEER))
        .await
        .unwrap();
    w.until("the tunnel is wished", async || {
        w.agent
            .gateway(id)
            .is_some_and(|spec| spec.tunnels.len() == 1)
    })
    .await;
    available(&w, id).await;
    let spec = w.agent.gateway(id).unwrap();
    let tunnel = &spec.tunnels[&made.connection.id];
    assert_eq!(tunnel.connection, made.connection.id);
    assert_eq!(tunnel.authentication, made.connection.authentication);
    let router = w.agent.router(spec.router).unwrap();
    assert_eq!(
        router.interfaces[0].addresses[0].address.to_string(),
        "10.0.0.1"
    );
    let log = w.agent.log();
    let at = |what: &str| log.iter().position(|call| call.starts_with(what)).unwrap();
    assert!(at("retain") < at("apply_router") && at("apply_router") < at("apply_gateway"));
}

#[tokio::test(start_paused = true)]
async fn a_router_knows_what_is_behind_its_peers_before_their_gateway_is_applied() {
    let store = Arc::new(MemoryStore::default());
    let first = World::over(store.clone(), config()).await;
    let id = gateway(&first).await;
    for (name, peers) in [
        ("one", &["192.168.1.0/24", "192.168.0.0/24"][..]),
        ("two", &["192.168.3.0/24"]),
    ] {
        let new = new_connection(id, name, LOCAL, peers);
        first.connection(new).await.unwrap();
    }
    drop(first);

    let mut w = World::over(store, config()).await;
    w.run();
    let router = w.control.gateway(&w.demo, id).await.unwrap().router.id;
    w.until("applied", async || w.agent.router(router).is_some())
        .await;
    let behind = || {
        let spec = w.agent.router(router).unwrap();
        let texts = spec.peer_cidrs.values().flatten().map(ToString::to_string);
        texts.collect::<Vec<_>>()
    };
    let all = ["192.168.0.0/24", "192.168.1.0/24", "192.168.3.0/24"];
    assert_eq!(behind(), all);
    available(&w, id).await;
    let log = w.agent.log();
    let routers: Vec<_> = (0..log.len())
        .filter(|at| log[*at].starts_with("apply_router"))
        .collect();
    let gateway = log
        .iter()
        .position(|call| call.starts_with("apply_gateway"));
    assert_eq!(routers.len(), 1, "it knew at once: {log:?}");
    assert!(Some(routers[0]) < gateway, "{log:?}");

    // While it is there, its gateway tells; another look at the router has what changed since.
    let connections = w.control.connections_of_gateway(&w.demo, id).await.unwrap();
    let (one, two) = (connections[0].connection.id, connections[1].connection.id);
    let cidr = "192.168.2.0/24".parse().unwrap();
    let added = w.control.add_cidr(&w.demo, STRICT, two, Side::Peer, cidr);
    assert!(added.await.unwrap());
    let deleted = w.control.delete_connection(&w.demo, one, None);
    deleted.await.unwrap();
    let down = RouterChange {
        admin_state_up: Some(false),
        ..RouterChange::default()
    };
    let changed = w.control.update_router(&w.demo, router, down);
    changed.await.unwrap();
    w.until("it is looked at", async || {
        behind() == ["192.168.2.0/24", "192.168.3.0/24"]
    })
    .await;
    w.control
        .delete_gateway(&w.demo, STRICT_GATEWAYS, id, None)
        .await
        .unwrap();
    w.until("all is deleted", async || behind().is_empty())
        .await;
}

#[tokio::test(start_paused = true)]
async fn one_tunnel_that_changes_is_all_that_the_agent_hears_of() {
    let mut w = World::new().await;
    w.run();
    let id = gateway(&w).await;
    let one = w.connection(new_connection(id, "one", LOCAL, PEER)).await;
    available(&w, id).await;
    let one = one.unwrap().connection.id;
    let has = |connection| {
        let spec = w.agent.gateway(id);
        spec.is_some_and(|spec| spec.tunnels.contains_key(&connection))
    };
    w.until("the first is there", async || has(one)).await;
    let before = w.agent.log().len();
    let calls = || w.agent.log()[before..].to_vec();
    let change = format!("change_gateway {}", id.short());

    let two = new_connection(id, "two", LOCAL, &["192.168.99.0/24"]);
    let two = w.connection(two).await.unwrap().connection.id;
    w.until("the second is there", async || has(two)).await;
    assert_eq!(calls(), [change.as_str()]);
    assert!(has(one));

    let deleted = w.control.delete_connection(&w.demo, two, None);
    deleted.await.unwrap();
    w.until("it is gone", async || !has(two)).await;
    assert_eq!(calls(), [change.as_str(); 2]);

    // What failed half-way is told anew, as a whole.
    w.agent.fail_next(1);
    let deleted = w.control.delete_connection(&w.demo, one, None);
    deleted.await.unwrap();
    w.until("it is gone", async || !has(one)).await;
    let whole = format!("apply_gateway {}", id.short());
    assert_eq!(calls()[2..], [change, whole]);
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_leaves_the_host_gateway_before_router() {
    let mut w = World::new().await;
    w.run();
    let id = gateway(&w).await;
    available(&w, id).await;
    let view = w.control.gateway(&w.demo, id).await.unwrap();
    w.agent.fail_next(1);
    w.control
        .delete_gateway(&w.demo, STRICT_GATEWAYS, id, None)
        .await
        .unwrap();
    w.control
        .delete_subnet(&w.demo, STRICT_SUBNETS, view.gateway.subnet.unwrap(), None)
        .await
        .unwrap();
    w.control
        .delete_router(&w.demo, view.router.id, None)
        .await
        .unwrap();
    w.until("gone", async || {
        w.agent.gateway(id).is_none() && w.agent.router(view.router.id).is_none()
    })
    .await;
    let log = w.agent.log();
    let last = |what: &str| log.iter().rposition(|call| call.starts_with(what)).unwrap();
    assert!(last("remove_gateway") < last("remove_router"), "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_and_tried_again() {
    let mut w = World::new().await;
    let id = gateway(&w).await;
    let made = w
        .connection(new_connection(id, "c", LOCAL, PEER))
        .await
        .unwrap();
    // The removal of leftovers fails three times, and then the router.
    w.agent.fail_next(7);
    w.run();
    w.until("failed", async || {
        status(&w, id).await == GatewayStatus::Failed
    })
    .await;
    let view = w.control.gateway(&w.demo, id).await.unwrap();
    assert_eq!(view.reasons[0].code, ReasonCode::InternalError);
    assert!(
        view.reasons[0].evidence.contains("told to fail"),
        "{:?}",
        view.reasons
    );
    let of_connection = w
        .control
        .connection(&w.demo, made.connection.id)
        .await
        .unwrap();
    assert_eq!(of_connection.reasons, view.reasons);
    available(&w, id).await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ended_is_started_again_but_not_in_a_circle() {
    let mut w = World::new().await;
    w.run();
    let id = gateway(&w).await;
    let made = w
        .connection(new_connection(id, "c", LOCAL, PEER))
        .await
        .unwrap();
    available(&w, id).await;
    let connection = made.connection.id;
    let up = tunnel(TunnelState::Up, Vec::new());
    w.agent.say(AgentEvent::Tunnel {
        gateway: id,
        connection,
        observed: up,
    });
    w.until("up", async || first_code(&w, connection).await.is_none())
        .await;
    let before = tokio::time::Instant::now();
    for _ in 0..4 {
        let reason = Reason::new(
            ReasonCode::InternalError,
            Whose::Local,
            OffsetDateTime::now_utc(),
            "signal 9",
            "wait",
        );
        let observed = GatewayObserved {
            status: GatewayStatus::Failed,
            reasons: vec![reason],
        };
        w.agent.say(AgentEvent::Gateway { id, observed });
        w.until("failed", async || {
            status(&w, id).await == GatewayStatus::Failed
        })
        .await;
        let code = first_code(&w, connection).await;
        assert_eq!(
            code,
            Some(ReasonCode::InternalError),
            "the tunnel went with its worker"
        );
        available(&w, id).await;
    }
    // 0.5 + 1 + 2 + 4 seconds of pauses.
    assert!(
        before.elapsed() >= Duration::from_millis(7500),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_pending_for_ever() {
    let mut w = World::new().await;
    w.agent.be_silent();
    w.run();
    let id = gateway(&w).await;
    w.until("applied", async || w.agent.gateway(id).is_some())
        .await;
    assert_eq!(status(&w, id).await, GatewayStatus::Pending);
    w.clock.advance(Duration::from_secs(61));
    let view = w.control.gateway(&w.demo, id).await.unwrap();
    assert_eq!(view.status, GatewayStatus::Failed);
    assert!(view.reasons[0].evidence.contains("nothing was heard"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_says_why_it_is_not_up() {
    let mut w = World::new().await;
    w.run();
    let id = gateway(&w).await;
    let made = w
        .connection(new_connection(id, "c", LOCAL, PEER))
        .await
        .unwrap();
    let connection = made.connection.id;
    assert_eq!(made.reasons[0].code, ReasonCode::Negotiating);
    assert_eq!(made.state, TunnelState::Down);
    available(&w, id).await;
    assert_eq!(
        first_code(&w, connection).await,
        Some(ReasonCode::Negotiating)
    );
    let reason = Reason::new(
        ReasonCode::CannotAuthenticateConnection,
        Whose::Peer,
        OffsetDateTime::now_utc(),
        "AUTHENTICATION_FAILED",
        "compare the keys",
    );
    let observed = tunnel(TunnelState::Down, vec![reason]);
    w.agent.say(AgentEvent::Tunnel {
        gateway: id,
        connection,
        observed,
    });
    w.until("the agent's reason", async || {
        first_code(&w, connection).await == Some(ReasonCode::CannotAuthenticateConnection)
    })
    .await;
    let down = ConnectionChange {
        admin_state_up: Some(false),
        ..ConnectionChange::default()
    };
    let changed = w
        .control
        .update_connection(&w.demo, STRICT, connection, None, down)
        .await
        .unwrap();
    assert_eq!(changed.reasons[0].code, ReasonCode::AdministrativelyDown);
    w.until("the agent knows", async || {
        w.agent
            .gateway(id)
            .is_some_and(|spec| !spec.tunnels[&connection].admin_state_up)
    })
    .await;
    let late = w.control.delete_connection(&w.demo, connection, None).await;
    late.unwrap();
    w.until("the tunnel is gone", async || {
        w.agent
            .gateway(id)
            .is_some_and(|spec| spec.tunnels.is_empty())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_takes_over_what_is_stored_and_drops_the_rest() {
    let store = Arc::new(MemoryStore::default());
    let first = World::over(store.clone(), config()).await;
    let id = gateway(&first).await;
    let address = first
        .control
        .gateway(&first.demo, id)
        .await
        .unwrap()
        .gateway
        .addresses;
    drop(first);
    let mut second = World::over(store, config()).await;
    second.run();
    available(&second, id).await;
    let gateways = second.agent.retained().unwrap().gateways;
    assert!(gateways.contains(&id));
    assert_eq!(second.agent.gateway(id).unwrap().addresses, address);
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_does_not_wait_for_a_retry() {
    let mut w = World::new().await;
    w.run();
    let id = gateway(&w).await;
    available(&w, id).await;
    w.agent.fail_next(6);
    let down = GatewayObserved {
        status: GatewayStatus::Failed,
        reasons: Vec::new(),
    };
    w.agent.say(AgentEvent::Gateway { id, observed: down });
    w.until("the pauses are long", async || {
        let tries = w.agent.log();
        tries
            .iter()
            .filter(|call| call.starts_with("apply_gateway"))
            .count()
            >= 7
    })
    .await;
    let before = tokio::time::Instant::now();
    w.control
        .delete_gateway(&w.demo, STRICT_GATEWAYS, id, None)
        .await
        .unwrap();
    w.until("gone", async || w.agent.gateway(id).is_none())
        .await;
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_running_gateway_is_not_failed_by_a_router_that_could_not_be_changed() {
    let mut w = World::new().await;
    w.run();
    let id = gateway(&w).await;
    available(&w, id).await;
    w.agent.fail_next(1);
    let view = w.control.gateway(&w.demo, id).await.unwrap();
    let change = RouterChange {
        admin_state_up: Some(false),
        ..RouterChange::default()
    };
    let changed = w.control.update_router(&w.demo, view.router.id, change);
    changed.await.unwrap();
    let applies = async || {
        let calls = w.agent.log();
        calls
            .iter()
            .filter(|call| call.starts_with("apply_router"))
            .count()
    };
    w.until("it was tried", async || applies().await == 2).await;
    assert_eq!(status(&w, id).await, GatewayStatus::Available);
    w.until("it was tried again", async || applies().await == 3)
        .await;
    let router = w.agent.router(view.router.id).unwrap();
    assert!(router.interfaces.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_gateway_of_a_host_that_is_not_there_is_told_to_no_other() {
    let mut w = World::new().await;
    let id = gateway(&w).await;
    let mut tx = w.store.write().await.unwrap();
    let mut row = tx.any_gateway(id).await.unwrap().unwrap();
    assert_eq!(row.host, HostId::ONLY);
    row.host = HostId::random();
    tx.update_gateway(&row).await.unwrap();
    tx.commit().await.unwrap();
    w.run();
    w.until("failed", async || {
        status(&w, id).await == GatewayStatus::Failed
    })
    .await;
    let view = w.control.gateway(&w.demo, id).await.unwrap();
    let evidence = format!("there is no agent of the host {}", row.host);
    assert_eq!(view.reasons[0].evidence, evidence);
    assert_eq!(w.agent.gateway(id), None);
}
