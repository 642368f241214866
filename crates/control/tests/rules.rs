//! What may be made, changed and deleted, and by whom.

use crate::world::{
    LAX, STRICT, STRICT_GATEWAYS, STRICT_PORTS, STRICT_SUBNETS, World, name, new_connection,
    new_machine, new_router, new_subnet,
};
use adit_control::connection::{ConnectionChange, Rules, Side};
use adit_control::policy::NewPolicy;
use adit_control::router::{NewRouter, RouterChange};
use adit_control::subnet::{self, Block};
use adit_control::{Allowance, Caller, Error, Misfit, Naming, Noun, Part, PolicyEdit, Quota, Rule};
use adit_model::policy::IkeParameters;
use adit_model::project::Role;
use adit_model::{IkePolicyId, Revision};

const LOCAL: &[&str] = &["10.0.0.0/24"];
const PEER: &[&str] = &["192.168.0.0/24"];

fn rule(outcome: Result<impl std::fmt::Debug, Error>) -> Rule {
    match outcome.unwrap_err() {
        Error::Conflict { rule, .. } | Error::Invalid { rule, .. } => rule,
        Error::Used { noun, .. } => Rule::InUse(noun),
        other => panic!("{other:?}"),
    }
}

fn quota(outcome: Result<impl std::fmt::Debug, Error>) -> (Quota, usize) {
    match outcome.unwrap_err() {
        Error::QuotaExceeded { quota, limit } => (quota, limit),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_gateway_has_its_address_at_once_and_no_two_have_the_same() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let one = w.gateway(subnet.subnet.id, "one").await.unwrap();
    let two = w.gateway(subnet.subnet.id, "two").await.unwrap();
    assert_eq!(one.gateway.addresses.v4.to_string(), "203.0.113.1");
    // 203.0.113.2 is reserved.
    assert_eq!(two.gateway.addresses.v4.to_string(), "203.0.113.3");
    assert_eq!(w.private_address(&one).await.to_string(), "10.0.0.254");
    assert_eq!(w.private_address(&two).await.to_string(), "10.0.0.246");
    let left = w
        .control
        .subnet_view(&w.demo, subnet.subnet.id)
        .await
        .unwrap();
    assert_eq!(left.available, 256 - 5 - 16);
}

#[tokio::test]
async fn an_address_is_not_given_again_while_the_host_still_has_it() {
    let mut w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let one = w.gateway(subnet.subnet.id, "one").await.unwrap().gateway;
    w.control
        .delete_gateway(&w.demo, STRICT_GATEWAYS, one.id, None)
        .await
        .unwrap();
    let two = w.gateway(subnet.subnet.id, "two").await.unwrap().gateway;
    assert_ne!(one.addresses, two.addresses);
    w.run();
    let removed = format!("remove_gateway {}", one.id.short());
    w.until("removed", async || w.agent.log().contains(&removed))
        .await;
    w.until("given again", async || {
        let three = w.gateway(subnet.subnet.id, "three").await.unwrap().gateway;
        w.control
            .delete_gateway(&w.demo, STRICT_GATEWAYS, three.id, None)
            .await
            .unwrap();
        three.addresses == one.addresses
    })
    .await;
}

#[tokio::test]
async fn another_projects_things_are_not_found() {
    let w = World::new().await;
    let (router, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let gateway = w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id;
    let row = w
        .connection(new_connection(gateway, "c", LOCAL, PEER))
        .await;
    let id = row.unwrap().connection.id;
    let (c, other) = (&w.control, &w.admin);
    assert!(matches!(
        c.router(other, router.id).await,
        Err(Error::NotFound(Noun::Router))
    ));
    assert!(matches!(
        c.delete_router(other, router.id, None).await,
        Err(Error::NotFound(Noun::Router))
    ));
    assert!(matches!(
        c.subnet(other, subnet.subnet.id).await,
        Err(Error::NotFound(Noun::Subnet))
    ));
    assert!(matches!(
        c.gateway(other, gateway).await,
        Err(Error::NotFound(Noun::Gateway))
    ));
    assert!(matches!(
        c.delete_gateway(other, STRICT_GATEWAYS, gateway, None)
            .await,
        Err(Error::NotFound(Noun::Gateway))
    ));
    assert!(matches!(
        c.connection(other, id).await,
        Err(Error::NotFound(Noun::Connection))
    ));
    let made = c
        .create_connection(other, STRICT, new_connection(gateway, "x", LOCAL, PEER))
        .await;
    assert!(matches!(made, Err(Error::NotFound(Noun::Gateway))));
    let all = Part::default();
    assert_eq!(c.gateways_on_subnets(other, all).await.unwrap().total, 0);
}

#[tokio::test]
async fn a_reader_may_look_and_no_more() {
    let w = World::new().await;
    let (router, _) = w.subnet("r", "10.0.0.0/24").await;
    let reader = Caller {
        role: Role::Reader,
        ..w.demo
    };
    let all = Part::default();
    assert_eq!(w.control.routers(&reader, all).await.unwrap().total, 1);
    let deleted = w.control.delete_router(&reader, router.id, None).await;
    assert!(matches!(deleted, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn deleting_follows_the_order_of_what_hangs_on_what() {
    let w = World::new().await;
    let (router, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let gateway = w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id;
    let new = new_machine("i", subnet.subnet.id);
    let instance = w
        .control
        .create_port(&w.demo, STRICT_PORTS, new)
        .await
        .unwrap();
    assert_eq!(instance.fixed_ips[0].address.to_string(), "10.0.0.4");
    let (c, me, subnet) = (&w.control, &w.demo, subnet.subnet.id);
    assert_eq!(
        rule(c.delete_router(me, router.id, None).await),
        Rule::InUse(Noun::Router)
    );
    assert_eq!(
        rule(c.delete_subnet(me, STRICT_SUBNETS, subnet, None).await),
        Rule::InUse(Noun::Subnet)
    );
    c.delete_gateway(me, STRICT_GATEWAYS, gateway, None)
        .await
        .unwrap();
    assert_eq!(
        rule(c.delete_subnet(me, STRICT_SUBNETS, subnet, None).await),
        Rule::InUse(Noun::Subnet)
    );
    c.delete_port(me, STRICT_PORTS, instance.id, None)
        .await
        .unwrap();
    c.delete_subnet(me, STRICT_SUBNETS, subnet, None)
        .await
        .unwrap();
    c.delete_router(me, router.id, None).await.unwrap();
    assert!(matches!(
        c.delete_router(me, router.id, None).await,
        Err(Error::NotFound(Noun::Router))
    ));
}

#[tokio::test]
async fn blocks_that_cannot_be_told_apart_are_refused_and_change_nothing() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let one = w.gateway(subnet.subnet.id, "one").await.unwrap().gateway.id;
    let two = w.gateway(subnet.subnet.id, "two").await.unwrap().gateway.id;
    w.connection(new_connection(one, "first", LOCAL, PEER))
        .await
        .unwrap();
    let cases: [(_, &[&str], &[&str], _); 7] = [
        (one, &[], &["192.168.1.0/24"], Rule::ListEmpty),
        (
            one,
            &["10.0.0.0/24", "10.0.0.0/24"],
            &["192.168.1.0/24"],
            Rule::CidrRepeated,
        ),
        (
            one,
            &["10.0.0.0/24", "10.0.0.0/25"],
            &["192.168.1.0/24"],
            Rule::CidrOverlap,
        ),
        (one, LOCAL, &["10.0.0.128/25"], Rule::CidrOverlap),
        (one, LOCAL, PEER, Rule::DuplicatePair),
        (one, &["10.0.1.0/24"], PEER, Rule::CidrOverlap),
        (two, LOCAL, &["192.168.0.0/16"], Rule::CidrOverlap),
    ];
    for (gateway, local, peer, expected) in cases {
        let made = w
            .connection(new_connection(gateway, "other", local, peer))
            .await;
        assert_eq!(rule(made), expected, "{local:?} {peer:?}");
    }
    assert_eq!(
        w.control
            .connections_of_gateway(&w.demo, one)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        w.control
            .connections_of_gateway(&w.demo, two)
            .await
            .unwrap()
            .len(),
        0
    );
    // The same blocks in another router are another matter.
    let (_, elsewhere) = w.subnet("r2", "10.0.0.0/24").await;
    let three = w
        .gateway(elsewhere.subnet.id, "one")
        .await
        .unwrap()
        .gateway
        .id;
    w.connection(new_connection(three, "first", LOCAL, PEER))
        .await
        .unwrap();
}

#[tokio::test]
async fn equal_blocks_behind_two_peers_are_refused_by_every_rule() {
    let w = World::new().await;
    let strict = Rules {
        naming: Naming::Free,
        ..STRICT
    };
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let one = w.gateway(subnet.subnet.id, "one").await.unwrap().gateway.id;
    let two = w.gateway(subnet.subnet.id, "two").await.unwrap().gateway.id;
    let make = async |rules, gateway, local: &[&str], peer: &[&str]| {
        let mut new = new_connection(gateway, "c", local, peer);
        new.peer_address = "198.51.100.8".to_owned();
        w.control.create_connection(&w.demo, rules, new).await
    };
    let first = make(LAX, one, LOCAL, &["192.168.0.0/24", "192.168.1.0/24"]);
    let first = first.await.unwrap().connection.id;
    for rules in [strict, LAX] {
        for (gateway, local) in [(one, LOCAL), (two, LOCAL), (two, &["10.9.0.0/24"][..])] {
            let made = make(rules, gateway, local, &["192.168.1.0/24"]).await;
            let refused = made.unwrap_err();
            assert!(
                refused.to_string().contains(&first.to_string()),
                "{refused}"
            );
        }
    }
    // Which one is meant can be told: by the block here, or as the narrower one there.
    for (local, peer) in [
        (&["10.9.0.0/24"][..], &["192.168.1.0/24"][..]),
        (LOCAL, &["192.168.0.0/16"]),
        (LOCAL, &["192.168.1.0/25"]),
    ] {
        let refused = make(strict, one, local, peer).await;
        assert_eq!(rule(refused), Rule::CidrOverlap, "{local:?} {peer:?}");
        make(LAX, one, local, peer).await.unwrap();
    }
    // What changes is held against others, and not against itself.
    let rename = ConnectionChange {
        name: Some(name("d")),
        ..ConnectionChange::default()
    };
    let renamed = w
        .control
        .update_connection(&w.demo, strict, first, None, rename);
    renamed.await.unwrap();
    let block = "192.168.0.0/16".parse().unwrap();
    let added = w.control.add_cidr(&w.demo, LAX, first, Side::Peer, block);
    assert_eq!(rule(added.await), Rule::DuplicatePair);
    let block = "192.168.2.0/24".parse().unwrap();
    let added = w.control.add_cidr(&w.demo, LAX, first, Side::Peer, block);
    assert!(added.await.unwrap());
}

#[tokio::test]
async fn blocks_of_its_own_stay_when_another_face_changes_a_connection() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let gateway = w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id;
    let new = new_connection(gateway, "c", &["10.0.0.0/25", "10.9.0.0/24"], PEER);
    let made = w.connection(new).await.unwrap().connection;
    let mut change = ConnectionChange::default();
    change.ends.peer_cidrs = Some(vec!["192.168.7.0/24".parse().unwrap()]);
    let changed = w
        .control
        .update_connection(&w.demo, LAX, made.id, None, change);
    let changed = changed.await.unwrap().connection;
    assert_eq!(changed.ends.local(), made.ends.local());
    assert_eq!(changed.ends.peer()[0].to_string(), "192.168.7.0/24");
}

#[tokio::test]
async fn a_peer_that_cannot_be_one_is_refused() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let gateway = w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id;
    for peer in [
        "127.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "169.254.0.7",
        "0.1.2.3",
        "203.0.113.1",
    ] {
        let mut new = new_connection(gateway, "c", LOCAL, PEER);
        new.peer_address = peer.to_owned();
        assert_eq!(rule(w.connection(new).await), Rule::PeerAddress, "{peer}");
    }
    let mut new = new_connection(gateway, "c", LOCAL, PEER);
    new.peer_address = "2001:db8::1".to_owned();
    assert!(matches!(
        w.connection(new).await,
        Err(Error::Misfit(Misfit::NoExternalFamily {
            is_ipv4: false,
            ..
        }))
    ));
}

#[tokio::test]
async fn a_peer_block_within_a_network_of_the_router_is_refused() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let gateway = w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id;
    for block in ["10.0.0.0/24", "10.0.0.128/25", "10.0.0.1/32"] {
        let new = new_connection(gateway, "c", &["10.9.0.0/24"], &[block]);
        let refused = w.connection(new).await.unwrap_err();
        let message = refused.to_string();
        let named = message.contains(block) && message.contains("within 10.0.0.0/24");
        assert!(named, "{message}");
        assert_eq!(rule(Err::<(), _>(refused)), Rule::CidrOverlap);
    }
    let around = new_connection(gateway, "c", &["10.9.0.0/24"], &["10.0.0.0/23"]);
    let made = w.connection(around).await.unwrap();
    let (id, block) = (made.connection.id, "10.0.0.64/26".parse().unwrap());
    let add = w.control.add_cidr(&w.demo, STRICT, id, Side::Peer, block);
    assert_eq!(rule(add.await), Rule::CidrOverlap);
}

#[tokio::test]
async fn a_network_around_a_peer_block_is_refused() {
    let w = World::new().await;
    let (router, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let gateway = w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id;
    let new = new_connection(gateway, "c", LOCAL, &["10.7.0.0/24", "10.8.0.0/16"]);
    let made = w.connection(new).await.unwrap().connection.id;
    let attach = |cidr: &str| {
        new_subnet(
            "later",
            subnet::Place::Router(router.id),
            Block::Exact(cidr.parse().unwrap()),
        )
    };
    for cidr in ["10.7.0.0/24", "10.7.0.0/16", "10.8.0.0/15"] {
        let made_there = w
            .control
            .create_subnet(&w.demo, STRICT_SUBNETS, attach(cidr));
        let refused = made_there.await.unwrap_err();
        assert!(refused.to_string().contains(&made.to_string()), "{refused}");
        assert_eq!(rule(Err::<(), _>(refused)), Rule::CidrOverlap);
    }
    // One within such a block has what is sent there.
    let within = w
        .control
        .create_subnet(&w.demo, STRICT_SUBNETS, attach("10.8.1.0/24"));
    within.await.unwrap();
    // And none that is chosen is around one.
    let free = new_subnet(
        "free",
        subnet::Place::Router(router.id),
        Block::FirstFree {
            within: "10.7.0.0/22".parse().unwrap(),
            prefix_len: 24,
        },
    );
    let free = w.control.create_subnet(&w.demo, STRICT_SUBNETS, free).await;
    assert_eq!(free.unwrap().cidr.to_string(), "10.7.1.0/24");
}

#[tokio::test]
async fn a_change_needs_the_revision_that_was_read() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let gateway = w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id;
    let made = w
        .connection(new_connection(gateway, "c", LOCAL, PEER))
        .await
        .unwrap();
    let id = made.connection.id;
    let rename = |text| ConnectionChange {
        name: Some(name(text)),
        ..ConnectionChange::default()
    };
    let c = &w.control;
    let seen = Some(Revision(1));
    let changed = c
        .update_connection(&w.demo, STRICT, id, seen, rename("d"))
        .await
        .unwrap();
    assert_eq!(changed.connection.revision, Revision(2));
    let again = c
        .update_connection(&w.demo, STRICT, id, seen, rename("e"))
        .await;
    assert_eq!(rule(again), Rule::Revision);
    assert_eq!(
        rule(c.delete_connection(&w.demo, id, seen).await),
        Rule::Revision
    );
    let stored = c.connection(&w.demo, id).await.unwrap().connection;
    assert_eq!(stored.name, name("d"));
}

#[tokio::test]
async fn blocks_are_added_once_and_the_last_stays() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let gateway = w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id;
    let made = w
        .connection(new_connection(gateway, "c", LOCAL, PEER))
        .await
        .unwrap();
    let (c, me, id) = (&w.control, &w.demo, made.connection.id);
    let more = "192.168.1.0/24".parse().unwrap();
    assert!(c.add_cidr(me, STRICT, id, Side::Peer, more).await.unwrap());
    assert!(!c.add_cidr(me, STRICT, id, Side::Peer, more).await.unwrap());
    let overlap = "10.0.0.0/8".parse().unwrap();
    assert_eq!(
        rule(c.add_cidr(me, STRICT, id, Side::Peer, overlap).await),
        Rule::CidrOverlap
    );
    let first = "192.168.0.0/24".parse().unwrap();
    c.remove_cidr(me, STRICT, id, Side::Peer, first)
        .await
        .unwrap();
    let gone = c.remove_cidr(me, STRICT, id, Side::Peer, first).await;
    assert!(matches!(gone, Err(Error::NotListed)));
    assert_eq!(
        rule(c.remove_cidr(me, STRICT, id, Side::Peer, more).await),
        Rule::LastCidr
    );
}

#[tokio::test]
async fn quotas_are_kept_and_named() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    for n in 0..3 {
        w.gateway(subnet.subnet.id, &format!("g{n}")).await.unwrap();
    }
    let fourth = w.gateway(subnet.subnet.id, "g3").await;
    assert_eq!(quota(fourth), (Quota::GatewaysInZone, 3));
    for n in 1..5 {
        w.subnet(&format!("r{n}"), "10.0.0.0/24").await;
    }
    let sixth = w.control.create_router(&w.demo, new_router("r5")).await;
    assert_eq!(quota(sixth), (Quota::Routers, 5));
    let all = w
        .control
        .gateways_on_subnets(&w.demo, Part::default())
        .await;
    let gateway = all.unwrap().rows[0].id;
    let many: Vec<String> = (0..16).map(|n| format!("192.168.{n}.0/24")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let made = w
        .connection(new_connection(gateway, "c", LOCAL, &many))
        .await;
    assert_eq!(quota(made), (Quota::PeerCidrsOfConnection, 15));
}

#[tokio::test]
async fn a_small_subnet_has_no_place_for_a_gateway() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/29").await;
    assert_eq!(
        rule(w.gateway(subnet.subnet.id, "g").await),
        Rule::NoPrivateAddress
    );
    for n in 0..3 {
        let new = new_machine(&n.to_string(), subnet.subnet.id);
        w.control
            .create_port(&w.demo, STRICT_PORTS, new)
            .await
            .unwrap();
    }
    let new = new_machine("full", subnet.subnet.id);
    assert_eq!(
        rule(w.control.create_port(&w.demo, STRICT_PORTS, new).await),
        Rule::NoPrivateAddress
    );
}

#[tokio::test]
async fn a_subnet_finds_the_first_free_block() {
    let w = World::new().await;
    let (router, _) = w.subnet("r", "10.240.0.0/24").await;
    let new = new_subnet(
        "next",
        subnet::Place::Router(router.id),
        Block::FirstFree {
            within: "10.240.0.0/18".parse().unwrap(),
            prefix_len: 24,
        },
    );
    let made = w
        .control
        .create_subnet(&w.demo, STRICT_SUBNETS, new)
        .await
        .unwrap();
    assert_eq!(made.cidr.to_string(), "10.240.1.0/24");
}

#[tokio::test]
async fn a_policy_in_use_stays_and_its_change_counts_its_connections_up() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("r", "10.0.0.0/24").await;
    let gateway = w.gateway(subnet.subnet.id, "g").await.unwrap().gateway.id;
    let new = NewPolicy {
        name: name("p"),
        resource_group: None,
        naming: Naming::Unique,
        description: String::new(),
        allowance: Allowance::Fixed,
        parameters: IkeParameters::negotiate(),
    };
    let policy = w
        .control
        .create_policy(&w.demo, new)
        .await
        .unwrap()
        .policy
        .id;
    let mut new = new_connection(gateway, "c", LOCAL, PEER);
    new.ike_policy = Some(policy);
    let made = w.connection(new).await.unwrap();
    assert_eq!(made.ike_policy, Some((policy, name("p"))));
    let (c, me) = (&w.control, &w.demo);
    assert_eq!(
        rule(c.delete_policy::<IkeParameters>(me, policy, None).await),
        Rule::InUse(Noun::IkePolicy)
    );
    let edit = || PolicyEdit {
        expected: None,
        name: None,
        description: None,
        parameters: |parameters: IkeParameters| IkeParameters {
            lifetime_s: 7200,
            ..parameters
        },
        only_unused: false,
    };
    c.update_policy(me, policy, edit()).await.unwrap();
    let id = made.connection.id;
    assert_eq!(
        c.connection(me, id).await.unwrap().connection.revision,
        Revision(2)
    );
    c.update_policy(me, policy, edit()).await.unwrap();
    assert_eq!(
        c.connection(me, id).await.unwrap().connection.revision,
        Revision(2)
    );
    c.delete_connection(me, id, None).await.unwrap();
    c.delete_policy::<IkeParameters>(me, policy, None)
        .await
        .unwrap();
    let mut new = new_connection(gateway, "c", LOCAL, PEER);
    new.ike_policy = Some(IkePolicyId::random());
    let missing = w.connection(new).await;
    assert!(matches!(missing, Err(Error::NotFound(Noun::IkePolicy))));
}

#[tokio::test]
async fn names_are_unique_only_where_that_is_asked_for() {
    let w = World::new().await;
    w.subnet("r", "10.0.0.0/24").await;
    let again = w.control.create_router(&w.demo, new_router("r")).await;
    assert_eq!(rule(again), Rule::NameTaken(Noun::Router));
    let free = w
        .control
        .create_router(
            &w.demo,
            NewRouter {
                naming: Naming::Free,
                ..new_router("r")
            },
        )
        .await
        .unwrap();
    let same = w
        .control
        .update_router(
            &w.demo,
            free.id,
            RouterChange {
                name: Some((name("r2"), Naming::Unique)),
                ..RouterChange::default()
            },
        )
        .await;
    assert_eq!(same.unwrap().name, name("r2"));
    w.control
        .create_router(&w.admin, new_router("r"))
        .await
        .unwrap();
}
