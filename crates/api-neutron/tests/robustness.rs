//! Nothing that a client sends is answered as a fault of ours.

use std::cell::Cell;

use crate::world::robust::{self, sane};
use crate::world::{KINDS, Who, World, path};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const NAMES: &[&str] = &[
    "id",
    "tenant_id",
    "project_id",
    "name",
    "description",
    "subnet_id",
    "router_id",
    "admin_state_up",
    "external_v4_ip",
    "status",
    "flavor_id",
    "type",
    "endpoints",
    "auth_algorithm",
    "encryption_algorithm",
    "phase1_negotiation_mode",
    "lifetime",
    "ike_version",
    "pfs",
    "transform_protocol",
    "encapsulation_mode",
    "local_id",
    "peer_address",
    "peer_id",
    "peer_cidrs",
    "local_ep_group_id",
    "peer_ep_group_id",
    "mtu",
    "initiator",
    "psk",
    "dpd",
    "vpnservice_id",
    "ikepolicy_id",
    "ipsecpolicy_id",
    "units",
    "value",
    "action",
    "interval",
    "timeout",
    "bogus",
];

/// Values that mean something here, by short name or as they are.
const WORDS: &[&str] = &[
    "$router",
    "$inner",
    "$left",
    "$left6",
    "$off",
    "$svc",
    "$svc_legacy",
    "$ike",
    "$ipsec",
    "$ah_esp",
    "$le",
    "$pe",
    "$le6",
    "$pe6",
    "$vlan",
    "$none",
    "$project_member",
    "$project_other",
    "",
    "10.0.0.0/24",
    "10.0.0.5/24",
    "fd00::/64",
    "0.0.0.0/0",
    "203.0.113.7",
    "2001:db8::1",
    "seconds",
    "subnet",
    "cidr",
    "vlan",
    "v1",
    "v2",
    "group2",
    "group31",
    "sha1",
    "aes-256-gcm-16",
    "esp",
    "ah",
    "ah-esp",
    "hold",
    "disabled",
    "60",
    "4294967296",
    "true",
    "\u{0}",
    "é\u{1f980}",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => prop::sample::select(WORDS).prop_map(|word| json!(word)),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
        1 => any::<i64>().prop_map(|number| json!(number)),
        1 => (0_i64..2000).prop_map(|number| json!(number)),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => "[^$]{0,300}".prop_map(|text| json!(text)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 24, 6, |inner| {
        let name = prop_oneof![
            4 => prop::sample::select(NAMES).prop_map(str::to_owned),
            1 => "[^$]{0,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// What makes one of a kind.
fn good(kind: &str) -> Value {
    match kind {
        "endpoint_group" => json!({"type": "cidr", "endpoints": ["10.0.0.0/24"]}),
        "vpnservice" => json!({"router_id": "$router"}),
        "ipsec_site_connection" => crate::world::rows::connection(),
        _ => json!({}),
    }
}

/// A body of a kind: what is good, with some of it replaced.
fn body() -> impl Strategy<Value = (&'static str, Value)> {
    let changes = prop::collection::vec((prop::sample::select(NAMES), value()), 0..3);
    (
        prop::sample::select(&KINDS[..]),
        changes,
        prop::option::weighted(0.05, value()),
    )
        .prop_map(|(kind, changes, other)| {
            let mut object = good(kind);
            let members = object.as_object_mut().unwrap();
            for (name, value) in changes {
                members.insert(name.to_owned(), value);
            }
            (kind, other.unwrap_or_else(|| json!({kind: object})))
        })
}

#[test]
fn bodies() {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(async {
        let mut world = World::new().await;
        world.add_vpn().await;
        world.until_down().await;
        world
    });
    let items = [
        ("ikepolicy", "$free_ike"),
        ("ipsecpolicy", "$free_ipsec"),
        ("endpoint_group", "$le"),
        ("vpnservice", "$svc"),
        ("ipsec_site_connection", "$conn"),
    ];
    let whos = prop::sample::select(&[Who::Member, Who::Member, Who::Admin, Who::Reader][..]);
    let mut runner = TestRunner::new(Config::with_cases(1500));
    let (taken, refused) = (Cell::new(0), Cell::new(0));
    let run = runner.run(&(body(), whos), |((kind, body), who)| {
        let sent = body.to_string();
        runtime.block_on(async {
            let made = world.ask(who, &format!("POST {}", path(kind)), &sent).await;
            sane(&made, &sent);
            if made.status == 201 {
                // What was made can be shown and deleted.
                let id = made.body[kind]["id"].as_str().unwrap();
                let item = format!("{}/{id}", path(kind));
                world
                    .ask(Who::Admin, &format!("GET {item}"), "")
                    .await
                    .is(200);
                world
                    .ask(Who::Admin, &format!("DELETE {item}"), "")
                    .await
                    .is(204);
            }
            let id = items.iter().find(|(one, _)| *one == kind).unwrap().1;
            let changed = world
                .ask(who, &format!("PUT {}/{id}", path(kind)), &sent)
                .await;
            sane(&changed, &sent);
            for answer in [made, changed] {
                let taken_it = answer.status.is_success();
                let count = if taken_it { &taken } else { &refused };
                count.set(count.get() + 1);
            }
        });
        Ok(())
    });
    run.unwrap();
    // Else this shows nothing.
    let (taken, refused) = (taken.get(), refused.get());
    assert!(
        taken > 200 && refused > 200,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn queries() {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(async {
        let mut world = World::new().await;
        world.add_vpn().await;
        world
    });
    robust::queries(&runtime, &world, &KINDS, NAMES, WORDS);
}
