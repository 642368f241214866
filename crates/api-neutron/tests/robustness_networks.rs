//! Nothing that a client sends about networks is answered as a fault of ours.

use std::cell::Cell;

use crate::world::robust::{self, sane};
use crate::world::{NETWORK_KINDS, Who, World, path};
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
    "admin_state_up",
    "status",
    "shared",
    "router:external",
    "mtu",
    "port_security_enabled",
    "is_default",
    "availability_zone_hints",
    "subnets",
    "network_id",
    "ip_version",
    "cidr",
    "gateway_ip",
    "allocation_pools",
    "enable_dhcp",
    "dns_nameservers",
    "host_routes",
    "ipv6_address_mode",
    "ipv6_ra_mode",
    "subnetpool_id",
    "service_types",
    "mac_address",
    "fixed_ips",
    "device_id",
    "device_owner",
    "security_groups",
    "external_gateway_info",
    "routes",
    "distributed",
    "flavor_id",
    "floating_network_id",
    "floating_ip_address",
    "subnet_id",
    "port_id",
    "fixed_ip_address",
    "stateful",
    "security_group_id",
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "remote_group_id",
    "remote_address_group_id",
    "revision_number",
    "start",
    "end",
    "destination",
    "nexthop",
    "ip_address",
    "enable_snat",
    "external_fixed_ips",
    "bogus",
];

/// Values that mean something here, by short name or as they are.
const WORDS: &[&str] = &[
    "$network",
    "$subnet",
    "$port",
    "$out",
    "$floatingip",
    "$security_group",
    "$security_group_rule",
    "$ext",
    "$router",
    "$left",
    "$left_net",
    "$left_port",
    "$left6",
    "$foreign_subnet",
    "$none",
    "$project_member",
    "$project_other",
    "",
    "10.70.0.0/24",
    "10.70.0.9",
    "10.70.0.255",
    "10.77.0.0/31",
    "10.77.0.1/32",
    "0.0.0.0/0",
    "0.0.0.0",
    "255.255.255.255",
    "::/0",
    "::",
    "fd00:70::/64",
    "fd00:70::1",
    "fd00:70::/128",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "224.0.0.0/4",
    "203.0.113.7",
    "203.0.113.255",
    "fa:16:3e:00:00:01",
    "ff:ff:ff:ff:ff:ff",
    "compute:nova",
    "network:router_interface",
    "network:dhcp",
    "ingress",
    "egress",
    "IPv4",
    "IPv6",
    "tcp",
    "icmp",
    "icmpv6",
    "58",
    "255",
    "65536",
    "slaac",
    "default",
    "true",
    "\u{0}",
    "é\u{1f980}",
];

fn word() -> impl Strategy<Value = Value> {
    prop::sample::select(WORDS).prop_map(|word| json!(word))
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => word(),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
        1 => any::<i64>().prop_map(|number| json!(number)),
        2 => (-2_i64..2000).prop_map(|number| json!(number)),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => "[^$]{0,300}".prop_map(|text| json!(text)),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(NAMES).prop_map(str::to_owned),
        1 => "[^$]{0,8}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((name(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Values that fit somewhere: the shapes that resources read by themselves.
fn shaped() -> impl Strategy<Value = (&'static str, Value)> {
    let list = |name, first: &'static str, second: &'static str| {
        prop::collection::vec((word(), word()), 0..4).prop_map(move |pairs| {
            let pairs = pairs.into_iter();
            let each = pairs.map(|(one, two)| json!({first: one, second: two}));
            (name, each.collect())
        })
    };
    prop_oneof![
        list("allocation_pools", "start", "end"),
        list("fixed_ips", "subnet_id", "ip_address"),
        list("routes", "destination", "nexthop"),
        list("host_routes", "destination", "nexthop"),
        word().prop_map(|at| {
            let ips = json!([{"ip_address": at}]);
            let external = json!({"network_id": "$ext", "external_fixed_ips": ips});
            ("external_gateway_info", external)
        }),
        prop::collection::vec(word(), 0..4).prop_map(|ids| ("security_groups", json!(ids))),
        (prop::sample::select(NAMES), word()),
        (prop::sample::select(NAMES), value()),
    ]
}

/// What makes one of a kind.
fn good(kind: &str) -> Value {
    match kind {
        "subnet" => json!({"network_id": "$bare", "cidr": "10.77.0.0/24"}),
        "port" => json!({"network_id": "$network"}),
        "floatingip" => json!({"floating_network_id": "$ext"}),
        "security_group_rule" => json!({
            "security_group_id": "$security_group", "direction": "ingress", "protocol": "udp",
        }),
        _ => json!({}),
    }
}

/// A body of a kind: what is good, with some of it replaced.
fn body() -> impl Strategy<Value = (&'static str, Value)> {
    (
        prop::sample::select(&NETWORK_KINDS[..]),
        prop::collection::vec(shaped(), 0..3),
        any::<bool>(),
        prop::option::weighted(0.05, value()),
    )
        .prop_map(|(kind, changes, whole, other)| {
            let mut object = if whole { good(kind) } else { json!({}) };
            let members = object.as_object_mut().unwrap();
            for (name, value) in changes {
                members.insert(name.to_owned(), value);
            }
            (kind, other.unwrap_or_else(|| json!({kind: object})))
        })
}

async fn world() -> World {
    let mut world = World::new().await;
    world.add_net().await;
    world.make("bare", "network", json!({})).await;
    world.make("more", "network", json!({})).await;
    let free = json!({"network_id": "$more", "cidr": "10.78.0.0/24"});
    world.make("free", "subnet", free).await;
    world
}

fn whos() -> impl Strategy<Value = Who> {
    prop::sample::select(&[Who::Member, Who::Member, Who::Admin, Who::Reader][..])
}

#[test]
fn bodies() {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(world());
    let mut runner = TestRunner::new(Config::with_cases(3000));
    let (taken, refused) = (Cell::new(0), Cell::new(0));
    let run = runner.run(&(body(), whos()), |((kind, body), who)| {
        let sent = body.to_string();
        runtime.block_on(async {
            let made = world.ask(who, &format!("POST {}", path(kind)), &sent).await;
            sane(&made, &sent);
            let name = if kind == "router" { "out" } else { kind };
            let mut item = format!("{}/${name}", path(kind));
            let id = made.body[kind]["id"].as_str();
            if let Some(id) = id.filter(|_| made.status == 201) {
                // What was made can be shown, changed and deleted.
                item = format!("{}/{id}", path(kind));
                let get = format!("GET {item}");
                world.ask(Who::Admin, &get, "").await.is(200);
            }
            let changed = world.ask(who, &format!("PUT {item}"), &sent).await;
            sane(&changed, &sent);
            if id.is_some() {
                let delete = format!("DELETE {item}");
                world.ask(Who::Admin, &delete, "").await.is(204);
            }
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
        taken > 400 && refused > 400,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn interfaces() {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(world());
    let names = prop::sample::select(&["subnet_id", "port_id", "subnet_id", "bogus"][..]);
    let known = [
        "$free", "$left", "$left2", "$left6", "$off", "$subnet", "$port",
    ];
    let known = prop::sample::select(known.to_vec()).prop_map(|id| json!(id));
    let id = prop_oneof![6 => known, 2 => word(), 1 => value()];
    let bodies = prop_oneof![
        8 => prop::collection::vec((names, id), 0..2).prop_map(|pairs| {
            let pairs = pairs.into_iter();
            Value::Object(pairs.map(|(name, id)| (name.to_owned(), id)).collect())
        }),
        1 => value(),
    ];
    let routers = [
        "$out", "$router", "$router", "$inner", "$inner", "$none", "x",
    ];
    let routers = prop::sample::select(routers.to_vec());
    let verbs = prop::sample::select(&["add", "remove"][..]);
    let mut runner = TestRunner::new(Config::with_cases(3000));
    let taken = Cell::new(0);
    let run = runner.run(
        &(routers, verbs, bodies, whos()),
        |(router, verb, body, who)| {
            let request = format!("PUT /routers/{router}/{verb}_router_interface");
            let sent = body.to_string();
            let answer = runtime.block_on(world.ask(who, &request, &sent));
            sane(&answer, &format!("{request} {sent}"));
            taken.set(taken.get() + u32::from(answer.status.is_success()));
            Ok(())
        },
    );
    run.unwrap();
    assert!(taken.get() > 20, "{} taken", taken.get());
}

#[test]
fn quotas() {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(world());
    let names = prop_oneof![
        4 => prop::sample::select(
            &["network", "floatingip", "vpnservice", "subnetpool", "ikepolicy", "project_id"][..]
        )
        .prop_map(str::to_owned),
        1 => name(),
    ];
    let bodies = prop_oneof![
        8 => prop::collection::vec((names, value()), 0..4).prop_map(|pairs| {
            json!({"quota": Value::Object(pairs.into_iter().collect())})
        }),
        1 => value(),
    ];
    let projects =
        prop::sample::select(&["$project_member", "$project_other", "$none", "x", "%00"][..]);
    let mut runner = TestRunner::new(Config::with_cases(1000));
    let run = runner.run(&(projects, bodies, whos()), |(project, body, who)| {
        let sent = body.to_string();
        runtime.block_on(async {
            for (request, body) in [
                (format!("PUT /quotas/{project}"), &*sent),
                (format!("GET /quotas/{project}"), ""),
                (format!("GET /quotas/{project}/details"), ""),
                ("GET /quotas".to_owned(), ""),
            ] {
                let answer = world.ask(who, &request, body).await;
                sane(&answer, &format!("{request} {sent}"));
            }
        });
        Ok(())
    });
    run.unwrap();
}

#[test]
fn queries() {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(world());
    robust::queries(&runtime, &world, &NETWORK_KINDS, NAMES, WORDS);
}
