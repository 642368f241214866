//! Each attribute that a POST or a PUT may have, of each resource: what is said is so afterwards,
//! or the request is refused; nothing is taken and forgotten. The tables say which there are.

#![expect(clippy::too_many_lines, reason = "tables")]

use std::collections::BTreeSet;

use crate::world::rows::{connection, legacy_connection};
use crate::world::{Who, World, path, with};
use adit_api_neutron::attributes;
use serde_json::{Value, json};

/// What becomes of a value that is no default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    /// It is shown as it was said.
    Shown,
    /// It is honoured, and shown by no attribute of this name.
    Hidden,
    /// It is refused, by the attribute's name: there is nothing such here.
    Refused,
    /// What it names is not there.
    Missing,
}

use Then::{Hidden, Missing, Refused, Shown};

/// Types of JSON values that an attribute takes, besides its own words.
const NONE: &[&str] = &[];
const NULL: &[&str] = &["null"];
const TEXT: &[&str] = &["text"];
const FLAG: &[&str] = &["flag"];
const NUMBER: &[&str] = &["number"];
const LIST: &[&str] = &["list"];
const LIST_OR_NULL: &[&str] = &["list", "null"];
const OBJECT_OR_NULL: &[&str] = &["object", "null"];

/// An attribute: a value that is no default, what becomes of it, and which types may be right.
type Sample = (&'static str, Value, Then, &'static [&'static str]);

/// What each resource has.
fn standard() -> Vec<Sample> {
    vec![
        ("tenant_id", json!("$project_other"), Shown, NONE),
        ("name", json!("another"), Shown, TEXT),
        ("description", json!("another"), Shown, TEXT),
    ]
}

fn samples(kind: &str) -> Vec<Sample> {
    let own: Vec<Sample> = match kind {
        "network" => vec![
            ("admin_state_up", json!(false), Shown, FLAG),
            ("shared", json!(true), Shown, FLAG),
            ("router:external", json!(true), Refused, FLAG),
            ("mtu", json!(1400), Shown, NUMBER),
            ("port_security_enabled", json!(false), Shown, FLAG),
            ("is_default", json!(true), Refused, NONE),
            (
                "availability_zone_hints",
                json!(["a"]),
                Refused,
                LIST_OR_NULL,
            ),
        ],
        "subnet" => vec![
            ("network_id", json!("$other_net"), Shown, NONE),
            ("ip_version", json!(4), Shown, NONE),
            ("cidr", json!("10.78.0.0/24"), Shown, NONE),
            ("gateway_ip", json!("10.77.0.200"), Shown, NULL),
            (
                "allocation_pools",
                json!([{"start": "10.77.0.10", "end": "10.77.0.20"}]),
                Shown,
                LIST,
            ),
            ("enable_dhcp", json!(false), Shown, FLAG),
            ("dns_nameservers", json!(["9.9.9.9"]), Shown, LIST_OR_NULL),
            (
                "host_routes",
                json!([{"destination": "10.99.0.0/24", "nexthop": "10.77.0.9"}]),
                Shown,
                LIST_OR_NULL,
            ),
            ("ipv6_address_mode", json!("slaac"), Shown, NULL),
            ("ipv6_ra_mode", json!("slaac"), Shown, NULL),
            ("subnetpool_id", json!("$none"), Refused, NULL),
            ("service_types", json!(["compute:a"]), Refused, LIST_OR_NULL),
        ],
        "port" => vec![
            ("network_id", json!("$other_net"), Shown, NONE),
            ("admin_state_up", json!(false), Shown, FLAG),
            ("mac_address", json!("fa:16:3e:00:00:07"), Shown, NONE),
            (
                "fixed_ips",
                json!([{"subnet_id": "$subnet", "ip_address": "10.70.0.50"}]),
                Shown,
                LIST,
            ),
            ("device_id", json!("vm"), Shown, TEXT),
            ("device_owner", json!("compute:a"), Shown, TEXT),
            ("port_security_enabled", json!(false), Shown, FLAG),
            (
                "security_groups",
                json!(["$security_group"]),
                Shown,
                LIST_OR_NULL,
            ),
            ("binding:vnic_type", json!("direct"), Refused, NONE),
        ],
        "router" => vec![
            ("admin_state_up", json!(false), Shown, FLAG),
            (
                "external_gateway_info",
                json!({"network_id": "$ext", "enable_snat": false}),
                Shown,
                OBJECT_OR_NULL,
            ),
            (
                "routes",
                json!([{"destination": "10.99.0.0/24", "nexthop": "10.70.0.9"}]),
                Shown,
                LIST_OR_NULL,
            ),
            (
                "availability_zone_hints",
                json!(["a"]),
                Refused,
                LIST_OR_NULL,
            ),
            ("distributed", json!(true), Refused, NONE),
            ("ha", json!(true), Refused, NONE),
            ("flavor_id", json!("$none"), Missing, NULL),
        ],
        "floatingip" => vec![
            ("floating_network_id", json!("$ext"), Shown, NONE),
            ("floating_ip_address", json!("203.0.113.77"), Shown, NULL),
            ("subnet_id", json!("$ext_subnet"), Hidden, NULL),
            ("port_id", json!("$two"), Shown, NULL),
            ("fixed_ip_address", json!("10.70.0.61"), Shown, NULL),
        ],
        "security_group" => vec![("stateful", json!(false), Refused, FLAG)],
        "security_group_rule" => vec![
            // Whose it is, its group says.
            ("tenant_id", json!("$project_other"), Refused, NONE),
            ("security_group_id", json!("$bare_group"), Shown, NONE),
            ("direction", json!("ingress"), Shown, NONE),
            ("ethertype", json!("IPv6"), Shown, NONE),
            ("protocol", json!("udp"), Shown, &["null", "number"]),
            ("port_range_min", json!(80), Shown, &["null", "number"]),
            ("port_range_max", json!(90), Shown, &["null", "number"]),
            ("remote_ip_prefix", json!("10.0.0.0/8"), Shown, NULL),
            (
                "remote_group_id",
                json!("$bare_group"),
                Shown,
                &["null", "text"],
            ),
            ("remote_address_group_id", json!("$none"), Refused, NULL),
        ],
        "vpnservice" => vec![
            ("subnet_id", json!("$left2"), Shown, NULL),
            ("router_id", json!("$out"), Shown, NONE),
            ("admin_state_up", json!(false), Shown, FLAG),
            ("flavor_id", json!("$none"), Missing, NULL),
        ],
        "ikepolicy" => vec![
            ("auth_algorithm", json!("sha512"), Shown, NONE),
            ("encryption_algorithm", json!("aes-256"), Shown, NONE),
            ("phase1_negotiation_mode", json!("aggressive"), Shown, NONE),
            ("lifetime", json!({"value": 120}), Shown, OBJECT_OR_NULL),
            ("ike_version", json!("v2"), Shown, NONE),
            ("pfs", json!("group14"), Shown, NONE),
        ],
        "ipsecpolicy" => vec![
            ("transform_protocol", json!("ah"), Shown, NONE),
            ("auth_algorithm", json!("sha512"), Shown, NONE),
            ("encryption_algorithm", json!("aes-256"), Shown, NONE),
            ("encapsulation_mode", json!("transport"), Shown, NONE),
            ("lifetime", json!({"value": 120}), Shown, OBJECT_OR_NULL),
            ("pfs", json!("group14"), Shown, NONE),
        ],
        "endpoint_group" => vec![
            ("type", json!("subnet"), Shown, NONE),
            ("endpoints", json!(["10.66.0.0/24"]), Shown, LIST),
        ],
        "ipsec_site_connection" => vec![
            ("local_id", json!("me.example"), Shown, TEXT),
            ("peer_address", json!("203.0.113.77"), Shown, TEXT),
            ("peer_id", json!("peer.example"), Shown, TEXT),
            ("peer_cidrs", json!(["10.68.0.0/24"]), Shown, LIST_OR_NULL),
            ("local_ep_group_id", json!("$le2"), Shown, NULL),
            ("peer_ep_group_id", json!("$pe2"), Shown, NULL),
            ("mtu", json!(1400), Shown, NUMBER),
            ("initiator", json!("response-only"), Shown, NONE),
            ("psk", json!("another-secret"), Shown, TEXT),
            (
                "dpd",
                json!({"action": "clear", "interval": 7}),
                Shown,
                OBJECT_OR_NULL,
            ),
            ("admin_state_up", json!(false), Shown, FLAG),
            ("vpnservice_id", json!("$svc_legacy"), Shown, NONE),
            ("ikepolicy_id", json!("$free_ike"), Shown, NONE),
            ("ipsecpolicy_id", json!("$free_ipsec"), Shown, NONE),
        ],
        other => panic!("what are the attributes of {other}?"),
    };
    let mut samples = standard();
    samples.retain(|(name, ..)| !own.iter().any(|(own, ..)| own == name));
    samples.extend(own);
    samples
}

/// A POST's body in which an attribute can be what the sample says.
fn base(kind: &str, attribute: &str) -> Value {
    match (kind, attribute) {
        ("subnet", "ipv6_address_mode" | "ipv6_ra_mode") => {
            json!({"network_id": "$spare_net", "cidr": "fd00:77::/64", "ip_version": 6})
        }
        ("subnet", _) => json!({"network_id": "$spare_net", "cidr": "10.77.0.0/24"}),
        ("port", _) => json!({"network_id": "$network"}),
        ("floatingip", "fixed_ip_address") => {
            json!({"floating_network_id": "$ext", "port_id": "$two"})
        }
        ("floatingip", _) => json!({"floating_network_id": "$ext"}),
        ("security_group_rule", attribute) => {
            let mut rule = json!({
                "security_group_id": "$bare_group", "direction": "egress", "protocol": "tcp",
            });
            match attribute {
                "port_range_min" => rule["port_range_max"] = json!(99),
                "port_range_max" => rule["port_range_min"] = json!(5),
                _ => {}
            }
            rule
        }
        ("vpnservice", _) => json!({"router_id": "$router"}),
        ("endpoint_group", "type") => json!({"type": "cidr", "endpoints": ["$left"]}),
        ("endpoint_group", _) => json!({"type": "cidr", "endpoints": ["10.67.0.0/24"]}),
        ("ipsec_site_connection", "local_ep_group_id" | "peer_ep_group_id") => connection(),
        ("ipsec_site_connection", _) => legacy_connection(),
        _ => json!({}),
    }
}

/// What a PUT changes.
fn target(kind: &str, attribute: &str) -> &'static str {
    match (kind, attribute) {
        ("network", _) => "$spare_net",
        ("subnet", _) => "$spare",
        ("port", "security_groups") => "$two",
        ("port", _) => "$bare_port",
        ("router", "routes") => "$out",
        ("router", _) => "$spare_router",
        ("floatingip", _) => "$floating",
        ("security_group", _) => "$bare_group",
        ("security_group_rule", _) => "$security_group_rule",
        ("vpnservice", _) => "$svc",
        ("ikepolicy", _) => "$free_ike",
        ("ipsecpolicy", _) => "$free_ipsec",
        ("endpoint_group", _) => "$le_off",
        ("ipsec_site_connection", "local_ep_group_id" | "peer_ep_group_id") => "$conn",
        ("ipsec_site_connection", _) => "$conn_legacy",
        (other, _) => panic!("what is a {other} to change?"),
    }
}

async fn furnished() -> World {
    let mut world = World::new().await;
    world.add_net().await;
    world.add_vpn().await;
    let answer = world.get("/networks/$ext").await;
    let subnet = answer.ok(200)["subnets"][0].as_str().unwrap().to_owned();
    world.ids.insert("ext_subnet".to_owned(), subnet);
    for (name, kind, body) in [
        ("spare_net", "network", json!({})),
        ("other_net", "network", json!({})),
        ("third_net", "network", json!({})),
        (
            "spare",
            "subnet",
            json!({
                "network_id": "$third_net", "cidr": "10.77.0.0/24",
                "allocation_pools": [{"start": "10.77.0.2", "end": "10.77.0.100"}],
            }),
        ),
        ("spare_router", "router", json!({})),
        (
            "bare_port",
            "port",
            json!({"network_id": "$network", "security_groups": []}),
        ),
        (
            "two",
            "port",
            json!({"network_id": "$network", "fixed_ips": [
                {"ip_address": "10.70.0.60"}, {"ip_address": "10.70.0.61"},
            ]}),
        ),
        (
            "floating",
            "floatingip",
            json!({"floating_network_id": "$ext"}),
        ),
        ("bare_group", "security_group", json!({"name": "bare"})),
        (
            "pe2",
            "endpoint_group",
            json!({"type": "cidr", "endpoints": ["10.66.0.0/24"]}),
        ),
    ] {
        world.make(name, kind, body).await;
    }
    world.until_down().await;
    world
}

/// A value of each type of JSON that is nothing to any attribute, but for its type.
fn values() -> Vec<(&'static str, Value)> {
    let mut values = vec![
        ("null", Value::Null),
        ("flag", json!(true)),
        ("number", json!(7)),
        ("fraction", json!(1.5)),
        ("text", json!("\u{fffd} no such")),
        ("object", json!({"no": "such"})),
    ];
    for member in [
        json!(7),
        json!([]),
        json!("\u{fffd}"),
        json!({"no": "such"}),
        Value::Null,
    ] {
        values.push(("list of it", json!([member])));
    }
    values.push(("list", json!([])));
    values
}

/// Whether what is shown is what was said, of an object as far as it was said.
fn is_said(said: &Value, shown: &Value) -> bool {
    match (said, shown) {
        (Value::Object(said), Value::Object(shown)) => said
            .iter()
            .all(|(name, value)| shown.get(name) == Some(value)),
        (said, shown) => said == shown,
    }
}

impl World {
    async fn admin(&self, request: &str, body: &Value) -> crate::world::Answer {
        self.ask(Who::Admin, request, &body.to_string()).await
    }

    /// Whether what became of a request that said a value is as the sample has it.
    async fn is_so(&self, answer: &crate::world::Answer, kind: &str, sample: &Sample) -> bool {
        let (attribute, value, then, _) = sample;
        let object = &answer.body[kind];
        match then {
            _ if answer.status.is_success() => {
                let said = self.fill(&value.to_string());
                let said: Value = serde_json::from_str(&said).unwrap();
                let item = format!("GET {}/{}", path(kind), object["id"].as_str().unwrap());
                let again = self.admin(&item, &Value::Null).await;
                let stays = again.ok(200)[*attribute] == object[*attribute];
                let is_said = *then == Shown && is_said(&said, &object[*attribute]);
                stays && (*then == Hidden || is_said)
            }
            Shown | Hidden => false,
            Refused => {
                let (status, _, message) = answer.refused();
                status == 400 && message.contains(attribute)
            }
            Missing => answer.refused().0 == 404,
        }
    }
}

#[tokio::test]
async fn what_is_said_is_so_or_is_refused() {
    let mut faults = Vec::new();
    let world = furnished().await;
    for one in attributes() {
        let samples = samples(one.resource);
        let sample = samples.iter().find(|(name, ..)| *name == one.attribute);
        let Some(sample) = sample else {
            let listed = !one.post && !one.put;
            assert!(listed, "{one:?} has no sample");
            continue;
        };
        let (kind, value) = (one.resource, &sample.1);
        if one.put {
            let item = format!("{}/{}", path(kind), target(kind, one.attribute));
            let body = json!({kind: {one.attribute: value}});
            let answer = world.admin(&format!("PUT {item}"), &body).await;
            if kind == "security_group_rule" {
                // Nothing of a rule can be changed.
                assert_eq!(answer.refused().0, 405, "{one:?}");
                continue;
            }
            if !world.is_so(&answer, kind, sample).await {
                faults.push(format!("PUT {kind} {} {value}: {answer:?}", one.attribute));
            }
        }
    }
    // Others, since changes to what is there would be in the way.
    let world = furnished().await;
    for one in attributes().filter(|one| one.post) {
        let samples = samples(one.resource);
        let sample = samples.iter().find(|(name, ..)| *name == one.attribute);
        let (kind, sample) = (one.resource, sample.unwrap());
        let body = with(base(kind, one.attribute), &json!({one.attribute: sample.1}));
        let request = format!("POST {}", path(kind));
        let answer = world.admin(&request, &json!({kind: body})).await;
        if !world.is_so(&answer, kind, sample).await {
            faults.push(format!(
                "POST {kind} {} {}: {answer:?}",
                one.attribute, sample.1
            ));
        }
        if let Some(id) = answer.body[kind]["id"].as_str() {
            let request = format!("DELETE {}/{id}", path(kind));
            world.admin(&request, &Value::Null).await.is(204);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_refused() {
    let mut faults = Vec::new();
    let world = furnished().await;
    for one in attributes() {
        let samples = samples(one.resource);
        let sample = samples.iter().find(|(name, ..)| *name == one.attribute);
        let Some((attribute, _, _, takes)) = sample else {
            continue;
        };
        let kind = one.resource;
        for (of, value) in values().iter().filter(|(of, _)| !takes.contains(of)) {
            let mut requests = Vec::new();
            if one.post {
                let mut body = base(kind, attribute);
                body[*attribute] = value.clone();
                requests.push((format!("POST {}", path(kind)), body));
            }
            if one.put {
                let item = format!("{}/{}", path(kind), target(kind, attribute));
                requests.push((format!("PUT {item}"), json!({*attribute: value})));
            }
            for (request, object) in requests {
                let answer = world.admin(&request, &json!({kind: object})).await;
                if answer.status.as_u16() == 400 {
                    answer.refused();
                } else {
                    faults.push(format!("{request} {attribute}, {of} {value}: {answer:?}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn what_no_table_has_is_refused() {
    let world = furnished().await;
    let kinds: BTreeSet<&str> = attributes().map(|one| one.resource).collect();
    assert_eq!(
        kinds.len(),
        crate::world::KINDS.len() + crate::world::NETWORK_KINDS.len()
    );
    for kind in kinds {
        for name in [
            "tags",
            "revision_number",
            "created_at",
            "segment_id",
            "qos_policy_id",
        ] {
            let mut body = base(kind, "");
            body[name] = json!(["a"]);
            let request = format!("POST {}", path(kind));
            let answer = world.admin(&request, &json!({kind: body})).await;
            let (status, _, message) = answer.refused();
            assert_eq!(status, 400, "{kind} {name}");
            assert!(message.contains(name), "{kind} {name}: {message}");
        }
    }
}
