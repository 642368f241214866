//! Requests for connections: what they make, and how the key is told once.

use std::time::Duration;

use adit_control::connection::ConnectionChange;
use adit_control::connection_request::{LinkText, NewConnectionRequest, SecretError};
use adit_control::{AuditQuery, Caller, Error, Noun};
use adit_model::ConnectionRequest;
use adit_model::change::Actor;
use adit_model::connection_request::RequestState;
use adit_model::gateway::GatewayStatus;
use adit_model::project::Role;
use adit_model::translation::{End, Translation};
use adit_store::contract::log_and_rows_agree;

use crate::world::{LAX, LAX_GATEWAYS, World, name};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn new(text: &str) -> NewConnectionRequest {
    NewConnectionRequest {
        name: name(text),
        peer_address: "198.51.100.7".to_owned(),
        peer_cidrs: vec!["192.168.0.0/24".parse().unwrap()],
        local_cidrs: vec!["10.0.0.0/25".parse().unwrap()],
        test_addresses: Vec::new(),
        recipient: "Ann".to_owned(),
        secret_lasts: DAY,
    }
}

async fn made(world: &World) -> (ConnectionRequest, LinkText) {
    world.subnet("r", "10.0.0.0/24").await;
    let rules = (LAX, LAX_GATEWAYS);
    let made = world
        .control
        .create_connection_request(&world.demo, rules, new("c"));
    made.await.unwrap()
}

/// A passphrase that is none.
fn wrong(link: &LinkText) -> String {
    let first = if link.passphrase().starts_with('2') {
        "3"
    } else {
        "2"
    };
    format!("{first}{}", &link.passphrase()[1..])
}

#[tokio::test]
async fn a_key_is_read_once_by_who_has_the_link_and_the_passphrase() {
    let world = World::new().await;
    let (row, link) = made(&world).await;
    let control = &world.control;
    let typed = link.passphrase().to_uppercase().replace('-', " ");
    let opened = control.open_secret(link.code(), &typed).await.unwrap();
    let view = control
        .connection(&world.demo, row.connection)
        .await
        .unwrap();
    assert_eq!(Some(&opened.psk), view.connection.authentication.psk());
    let again = control.open_secret(link.code(), link.passphrase()).await;
    assert!(matches!(again, Err(SecretError::Used)), "{again:?}");
    let row = control
        .connection_request(&world.demo, row.id)
        .await
        .unwrap();
    assert_eq!(row.state(), RequestState::SecretFetched);
    assert_eq!(row.steps.last().unwrap().by, Some(Actor::Link));
    // Both tries are in the audit.
    let query = AuditQuery {
        actor: Some(Actor::Link),
        noun: Some(Noun::ConnectionRequest),
        limit: 9,
        ..AuditQuery::default()
    };
    let tries = control.audit(&world.demo, query).await.unwrap();
    assert_eq!(tries.len(), 2);
    log_and_rows_agree(&mut *world.store.read().await.unwrap()).await;
}

#[tokio::test]
async fn a_link_is_closed_by_wrong_passphrases_and_by_time_and_nothing_else_is_one() {
    let world = World::new().await;
    let (row, link) = made(&world).await;
    let control = &world.control;
    for left in (1..5).rev() {
        let refused = control.open_secret(link.code(), &wrong(&link)).await;
        assert!(matches!(refused, Err(SecretError::Passphrase { left: said }) if said == left));
    }
    let refused = control.open_secret(link.code(), &wrong(&link)).await;
    assert!(matches!(refused, Err(SecretError::Locked)), "{refused:?}");
    let refused = control.open_secret(link.code(), link.passphrase()).await;
    assert!(matches!(refused, Err(SecretError::Locked)), "{refused:?}");
    // However often it is tried, what is written has an end.
    for _ in 0..40 {
        let _ = control.open_secret(link.code(), link.passphrase()).await;
    }
    let after = control
        .connection_request(&world.demo, row.id)
        .await
        .unwrap();
    assert!(after.revision.0 < 30, "{:?}", after.revision);

    let renewed = control.renew_secret(&world.demo, row.id, DAY).await;
    let (_, second) = renewed.unwrap();
    for code in [link.code(), "", "x", &second.code()[1..], &"A".repeat(43)] {
        let refused = control.open_secret(code, second.passphrase()).await;
        assert!(
            matches!(refused, Err(SecretError::Unknown)),
            "{code}: {refused:?}"
        );
    }
    world.clock.advance(DAY);
    let refused = control
        .open_secret(second.code(), second.passphrase())
        .await;
    assert!(matches!(refused, Err(SecretError::Expired)), "{refused:?}");
    let renewed = control.renew_secret(&world.demo, row.id, DAY).await;
    let (_, third) = renewed.unwrap();
    let opened = control.open_secret(third.code(), third.passphrase()).await;
    opened.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_its_way_and_leaves_nothing_when_it_is_withdrawn() {
    let mut world = World::new().await;
    world.run();
    let (row, _) = made(&world).await;
    let control = world.control.clone();
    let (demo, id) = (&world.demo, row.id);
    assert_eq!(row.state(), RequestState::Configured);
    assert!(row.made_gateway.is_some());
    let early = control.confirm_connection_request(demo, id).await;
    assert!(matches!(early, Err(Error::Conflict { .. })), "{early:?}");
    let connection = row.connection;
    world
        .until("the gateway is there", async || {
            let view = control.connection(demo, connection).await.unwrap();
            view.gateway_status == GatewayStatus::Available
        })
        .await;
    let tested = control.test_connection_request(demo, id).await.unwrap();
    assert_eq!(tested.report[0].from, Some("10.0.0.1".parse().unwrap()));
    assert_eq!(tested.report[0].answered, None);
    assert_eq!(tested.report[0].asked.len(), 2);
    let peer = "192.168.0.1".parse().unwrap();
    world.agent.answer_from(peer);
    let tested = control.test_connection_request(demo, id).await.unwrap();
    assert_eq!(tested.report[0].answered, Some(peer));
    assert_eq!(tested.report[0].asked.len(), 1);
    let closed = control.confirm_connection_request(demo, id).await.unwrap();
    assert_eq!(closed.state(), RequestState::Closed);
    for refused in [
        control.confirm_connection_request(demo, id).await,
        control.test_connection_request(demo, id).await,
        control
            .renew_secret(demo, id, DAY)
            .await
            .map(|(row, _)| row),
    ] {
        assert!(
            matches!(refused, Err(Error::Conflict { .. })),
            "{refused:?}"
        );
    }
    // What is closed goes without its connection; what is not, with it.
    let gone = control.delete_connection_request(demo, LAX_GATEWAYS, id);
    gone.await.unwrap();
    control.connection(demo, connection).await.unwrap();
    let rules = (LAX, LAX_GATEWAYS);
    let mut other = new("d");
    other.peer_cidrs = vec!["192.168.1.0/24".parse().unwrap()];
    let made = control.create_connection_request(demo, rules, other).await;
    let (second, _) = made.unwrap();
    assert_eq!(second.made_gateway, None);
    let gone = control.delete_connection_request(demo, LAX_GATEWAYS, second.id);
    gone.await.unwrap();
    let missing = control.connection(demo, second.connection).await;
    assert!(matches!(missing, Err(Error::NotFound(Noun::Connection))));
    control.connection(demo, connection).await.unwrap();
    log_and_rows_agree(&mut *world.store.read().await.unwrap()).await;
}

#[tokio::test]
async fn a_request_that_can_t_be_makes_nothing() {
    let world = World::new().await;
    let control = &world.control;
    let before = control.log_bounds().await.unwrap();
    let rules = (LAX, LAX_GATEWAYS);
    let mut cases = vec![new("c"); 5];
    cases[1].recipient = "  ".to_owned();
    cases[2].secret_lasts = DAY * 31;
    cases[3].local_cidrs.clear();
    cases[4].test_addresses = vec!["192.168.1.1".parse().unwrap()];
    for case in cases {
        let refused = control
            .create_connection_request(&world.demo, rules, case)
            .await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    }
    assert_eq!(control.log_bounds().await.unwrap(), before);
    // One that fails in its last step leaves no gateway either.
    world.subnet("r", "10.0.0.0/24").await;
    let mut overlapping = new("c");
    overlapping.peer_cidrs = vec!["10.0.0.0/24".parse().unwrap()];
    let refused = control.create_connection_request(&world.demo, rules, overlapping);
    refused.await.unwrap_err();
    let mut tx = world.store.read().await.unwrap();
    assert_eq!(tx.all_gateways().await.unwrap(), []);
}

#[tokio::test]
async fn readers_look_and_other_projects_see_nothing() {
    let world = World::new().await;
    let (row, _) = made(&world).await;
    let control = &world.control;
    let reader = Caller {
        role: Role::Reader,
        ..world.demo
    };
    control.connection_request(&reader, row.id).await.unwrap();
    let refused = control.test_connection_request(&reader, row.id).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let refused = control.delete_connection_request(&reader, LAX_GATEWAYS, row.id);
    assert!(matches!(refused.await, Err(Error::Forbidden(_))));
    let missing = Noun::ConnectionRequest;
    let hidden = control.connection_request(&world.admin, row.id).await;
    assert!(matches!(hidden, Err(Error::NotFound(noun)) if noun == missing));
    let hidden = control.renew_secret(&world.admin, row.id, DAY).await;
    assert!(matches!(hidden, Err(Error::NotFound(noun)) if noun == missing));
}

#[tokio::test(start_paused = true)]
async fn what_is_known_here_by_other_addresses_is_asked_by_those() {
    let mut world = World::new().await;
    world.run();
    let (row, _) = made(&world).await;
    let (control, demo) = (&world.control, &world.demo);
    let change = ConnectionChange {
        translations: Some(vec![Translation {
            end: End::Peer,
            cidr: "192.168.0.0/24".parse().unwrap(),
            shown_as: "10.202.0.0/24".parse().unwrap(),
        }]),
        ..ConnectionChange::default()
    };
    let changed = control.update_connection(demo, LAX, row.connection, None, change);
    changed.await.unwrap();
    let known = "10.202.0.1".parse().unwrap();
    world.agent.answer_from(known);
    world
        .until("the other end answers by that name", async || {
            let tested = control.test_connection_request(demo, row.id).await;
            tested.is_ok_and(|tested| tested.report[0].answered == Some(known))
        })
        .await;
}
