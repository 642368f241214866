//! Blocks that the two ends of a connection know by different addresses.

use adit_control::connection::{ConnectionChange, EndsChange};
use adit_control::{Error, Rule};
use adit_model::translation::End;
use adit_model::{GatewayId, Translation};

use crate::world::{LAX, STRICT, World, new_connection};

/// What both sites have.
const SITE: &[&str] = &["10.0.0.0/24"];

fn one(end: End, cidr: &str, shown_as: &str) -> Translation {
    Translation {
        end,
        cidr: cidr.parse().unwrap(),
        shown_as: shown_as.parse().unwrap(),
    }
}

/// Ours as another one there, and theirs as another one here.
fn both() -> Vec<Translation> {
    vec![
        one(End::Local, "10.0.0.0/24", "10.201.0.0/24"),
        one(End::Peer, "10.0.0.0/24", "10.202.0.0/24"),
    ]
}

async fn scene() -> (World, GatewayId) {
    let mut w = World::new().await;
    w.run();
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let gateway = w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id;
    (w, gateway)
}

/// Which rule is in the way, and of which field.
fn refused<T: std::fmt::Debug>(made: Result<T, Error>) -> (&'static str, Rule) {
    match made {
        Err(Error::Invalid { field, rule, .. }) => (field, rule),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_sites_of_the_same_block_are_connected_by_other_names_of_it() {
    let (w, gateway) = scene().await;
    for rules in [LAX, STRICT] {
        let plain = new_connection(gateway, "c", SITE, SITE);
        let made = w.control.create_connection(&w.demo, rules, plain).await;
        assert_eq!(refused(made), ("peer_cidrs", Rule::CidrOverlap));
        let mut new = new_connection(gateway, "c", SITE, SITE);
        new.translations = both();
        let made = w.control.create_connection(&w.demo, rules, new).await;
        let row = made.unwrap().connection;
        let id = row.id;
        assert_eq!(row.translations, both());
        let spec = || {
            w.agent
                .gateway(gateway)
                .unwrap_or_else(|| panic!("no gateway"))
        };
        w.until("the tunnel is told", async || {
            let tunnels = w.agent.gateway(gateway).map(|spec| spec.tunnels);
            tunnels.is_some_and(|tunnels| tunnels.contains_key(&id))
        })
        .await;
        let tunnel = spec().tunnels[&id].clone();
        let texts = |cidrs: Vec<adit_model::Cidr>| -> Vec<String> {
            cidrs.iter().map(ToString::to_string).collect()
        };
        assert_eq!(texts(tunnel.peer_known_here()), ["10.202.0.0/24"]);
        assert_eq!(texts(tunnel.local_known_there()), ["10.201.0.0/24"]);
        assert_eq!(texts(tunnel.peer_cidrs.clone()), SITE);
        // Without them it would not fit any more.
        let none = ConnectionChange {
            translations: Some(Vec::new()),
            ..ConnectionChange::default()
        };
        let changed = w.control.update_connection(&w.demo, rules, id, None, none);
        assert_eq!(refused(changed.await), ("peer_cidrs", Rule::CidrOverlap));
        w.control
            .delete_connection(&w.demo, id, None)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn several_peers_may_have_the_same_block_as_long_as_each_is_known_by_another_one() {
    let (w, gateway) = scene().await;
    let make = async |shown_as: &str| {
        let mut new = new_connection(gateway, "c", SITE, &["192.168.0.0/24"]);
        new.translations = vec![one(End::Peer, "192.168.0.0/24", shown_as)];
        w.control.create_connection(&w.demo, LAX, new).await
    };
    make("10.202.0.0/24").await.unwrap();
    make("10.203.0.0/24").await.unwrap();
    let again = make("10.203.0.0/24").await;
    assert_eq!(refused(again), ("peer_cidrs", Rule::DuplicatePair));
    let mut plain = new_connection(gateway, "c", SITE, &["192.168.0.0/24"]);
    plain.peer_address = "198.51.100.9".to_owned();
    let made = w.control.create_connection(&w.demo, LAX, plain);
    made.await.unwrap();
}

/// Translations of a connection to 192.168.0.0/16 and 10.9.0.0/24 that can't be, and why.
fn wrong() -> Vec<(Vec<Translation>, Rule)> {
    vec![
        (
            vec![one(End::Peer, "192.168.1.0/24", "10.5.0.0/16")],
            Rule::CidrSize,
        ),
        (
            vec![one(End::Peer, "192.168.0.0/16", "192.168.0.0/16")],
            Rule::Repeated,
        ),
        (
            vec![one(End::Peer, "172.16.0.0/24", "10.5.0.0/24")],
            Rule::AddressOutside,
        ),
        (
            vec![one(End::Local, "192.168.0.0/24", "10.5.0.0/24")],
            Rule::AddressOutside,
        ),
        (
            vec![one(End::Peer, "fd00::/64", "fd01::/64")],
            Rule::Reference,
        ),
        (
            vec![one(End::Peer, "10.9.0.0/24", "fd01::/64")],
            Rule::Reference,
        ),
        // Of two for one, nobody could tell which it is.
        (
            vec![
                one(End::Peer, "192.168.1.0/24", "10.5.0.0/24"),
                one(End::Peer, "192.168.1.5/32", "10.6.0.5/32"),
            ],
            Rule::CidrOverlap,
        ),
        (
            vec![
                one(End::Peer, "192.168.1.0/24", "10.5.0.0/24"),
                one(End::Peer, "10.9.0.0/24", "10.5.0.0/24"),
            ],
            Rule::CidrOverlap,
        ),
        // Where there is something of that name.
        (
            vec![one(End::Peer, "192.168.1.0/24", "10.9.0.0/24")],
            Rule::CidrOverlap,
        ),
        (
            vec![one(End::Peer, "192.168.1.0/24", "10.0.0.0/24")],
            Rule::CidrOverlap,
        ),
        (
            vec![one(End::Local, "10.0.0.0/24", "10.9.0.0/24")],
            Rule::CidrOverlap,
        ),
        (
            (0..65)
                .map(|host| {
                    one(
                        End::Peer,
                        &format!("192.168.1.{host}/32"),
                        &format!("10.5.0.{host}/32"),
                    )
                })
                .collect(),
            Rule::CidrSize,
        ),
    ]
}

#[tokio::test]
async fn a_translation_that_says_nothing_or_two_things_is_refused_and_changes_nothing() {
    let (w, gateway) = scene().await;
    let mut new = new_connection(gateway, "c", SITE, &["192.168.0.0/16", "10.9.0.0/24"]);
    new.translations = vec![one(End::Peer, "192.168.7.15/32", "10.1.255.92/32")];
    let made = w.control.create_connection(&w.demo, LAX, new).await;
    let row = made.unwrap().connection;
    for (translations, rule) in wrong() {
        let text = format!("{translations:?}");
        let change = ConnectionChange {
            translations: Some(translations),
            ..ConnectionChange::default()
        };
        let changed = w
            .control
            .update_connection(&w.demo, LAX, row.id, None, change);
        assert_eq!(refused(changed.await), ("translations", rule), "{text}");
    }
    // What is translated stays among the blocks.
    let change = ConnectionChange {
        ends: EndsChange {
            peer_cidrs: Some(vec!["10.9.0.0/24".parse().unwrap()]),
            ..EndsChange::default()
        },
        ..ConnectionChange::default()
    };
    let changed = w
        .control
        .update_connection(&w.demo, LAX, row.id, None, change);
    assert_eq!(
        refused(changed.await),
        ("translations", Rule::AddressOutside)
    );
    let now = w.control.connection(&w.demo, row.id).await.unwrap();
    assert_eq!(now.connection, row);
}

#[tokio::test]
async fn a_block_is_known_by_no_address_of_the_router_s_networks() {
    let (w, gateway) = scene().await;
    let mut new = new_connection(gateway, "c", &["10.0.0.0/25"], &["192.168.0.0/25"]);
    new.translations = vec![one(End::Peer, "192.168.0.0/25", "10.0.0.128/25")];
    let made = w.control.create_connection(&w.demo, LAX, new).await;
    assert_eq!(refused(made), ("peer_cidrs", Rule::CidrOverlap));
}
