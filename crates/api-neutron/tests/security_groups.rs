//! Security groups and their rules.

#![expect(clippy::too_many_lines, reason = "tables")]

use crate::world::cases::{Cases, bad, has};
use crate::world::{Who, World, with};
use serde_json::{Value, json};

/// Direction, version, protocol and remote group of a group's rules, sorted.
fn rules(group: &Value) -> Vec<(String, String, Value, Value)> {
    let rules = group["security_group_rules"].as_array().unwrap();
    let text = |rule: &Value, name: &str| rule[name].as_str().unwrap().to_owned();
    let mut rules: Vec<_> = rules
        .iter()
        .map(|rule| {
            assert_eq!(rule["security_group_id"], group["id"]);
            (
                text(rule, "direction"),
                text(rule, "ethertype"),
                rule["protocol"].clone(),
                rule["remote_group_id"].clone(),
            )
        })
        .collect();
    rules.sort_by_key(|rule| (rule.0.clone(), rule.1.clone()));
    rules
}

fn rule(direction: &str, family: &str, remote: Value) -> (String, String, Value, Value) {
    (direction.to_owned(), family.to_owned(), Value::Null, remote)
}

#[tokio::test]
async fn every_project_has_a_default_group() {
    let world = World::new().await;
    for (who, project) in [(Who::Member, "member"), (Who::Other, "other")] {
        let answer = world.ask(who, "GET /security-groups", "").await;
        let groups = answer.ok(200).as_array().unwrap();
        assert_eq!(groups.len(), 1);
        let project = world.ids[&format!("project_{project}")].clone();
        let expected = json!({
            "name": "default", "description": "Default security group", "project_id": project,
            "tenant_id": project, "stateful": true, "shared": false, "tags": [],
        });
        has(&world, &groups[0], &expected);
        let id = groups[0]["id"].clone();
        let expected = [
            rule("egress", "IPv4", Value::Null),
            rule("egress", "IPv6", Value::Null),
            rule("ingress", "IPv4", id.clone()),
            rule("ingress", "IPv6", id.clone()),
        ];
        assert_eq!(rules(&groups[0]), expected);
        let item = format!("/security-groups/{}", id.as_str().unwrap());
        let answer = world.ask(who, &format!("DELETE {item}"), "").await;
        let message = "Insufficient rights for removing default security group.";
        assert_eq!(
            answer.refused(),
            (409, "SecurityGroupCannotRemoveDefault", message)
        );
        let rename = r#"{"security_group": {"name": "mine"}}"#;
        let answer = world.ask(who, &format!("PUT {item}"), rename).await;
        assert_eq!(answer.refused().0, 409);
        // Its description is the project's to change.
        let describe = r#"{"security_group": {"name": "default", "description": "d"}}"#;
        let answer = world.ask(who, &format!("PUT {item}"), describe).await;
        assert_eq!(answer.ok(200)["description"], "d");
    }
    let body = r#"{"security_group": {"name": "default"}}"#;
    let answer = world.ask(Who::Member, "POST /security-groups", body).await;
    let message = "Default security group already exists.";
    assert_eq!(
        answer.refused(),
        (409, "SecurityGroupDefaultAlreadyExists", message)
    );
}

#[tokio::test]
async fn a_group_and_its_rules() {
    let mut world = World::new().await;
    let new = json!({"name": "web", "description": "d"});
    let made = world.make("g", "security_group", new.clone()).await;
    has(&world, &made, &new);
    let expected = [
        rule("egress", "IPv4", Value::Null),
        rule("egress", "IPv6", Value::Null),
    ];
    assert_eq!(rules(&made), expected);
    world
        .make("h", "security_group", json!({"name": "web"}))
        .await;
    let base = json!({
        "security_group_id": "$g", "direction": "ingress", "ethertype": "IPv4",
        "project_id": "$project_member", "tenant_id": "$project_member", "description": "",
    });
    let null = [
        "protocol",
        "port_range_min",
        "port_range_max",
        "remote_ip_prefix",
        "remote_group_id",
        "remote_address_group_id",
    ];
    for (given, becomes) in [
        (json!({}), json!({})),
        (
            json!({"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}),
            json!({}),
        ),
        (
            json!({"protocol": "TCP", "port_range_min": "80", "port_range_max": "443"}),
            json!({"protocol": "tcp", "port_range_min": 80, "port_range_max": 443}),
        ),
        (json!({"protocol": 6}), json!({"protocol": "6"})),
        (
            json!({"protocol": "icmp", "port_range_min": 8, "port_range_max": 0}),
            json!({}),
        ),
        (
            json!({"remote_ip_prefix": "10.0.0.5/24"}),
            json!({"remote_ip_prefix": "10.0.0.0/24", "normalized_cidr": "10.0.0.0/24"}),
        ),
        (
            json!({"remote_ip_prefix": "10.0.0.5"}),
            json!({"remote_ip_prefix": "10.0.0.5/32"}),
        ),
        (
            json!({"remote_ip_prefix": "fd00::/64", "ethertype": "IPv6"}),
            json!({}),
        ),
        (
            json!({"remote_group_id": "$h", "description": "d"}),
            json!({}),
        ),
        (json!({"remote_group_id": "$g"}), json!({})),
    ] {
        let new = json!({"security_group_id": "$g", "direction": "ingress"});
        let made = world
            .make("r", "security_group_rule", with(new, &given))
            .await;
        let mut expected = with(with(base.clone(), &given), &becomes);
        for name in null {
            let members = expected.as_object_mut().unwrap();
            members.entry(name).or_insert(Value::Null);
        }
        has(&world, &made, &expected);
        assert_eq!(*world.get("/security-group-rules/$r").await.ok(200), made);
        let group = world.get("/security-groups/$g").await;
        let listed = group.ok(200)["security_group_rules"].as_array().unwrap();
        assert!(listed.contains(&made));
        let list = "/security-group-rules?security_group_id=$g&direction=ingress";
        assert_eq!(*world.get(list).await.ok(200), json!([made]));
        world.delete("/security-group-rules/$r").await.is(204);
        world.get("/security-group-rules/$r").await.is(404);
    }
    let change = json!({"security_group": {"name": "new"}});
    let answer = world.put("/security-groups/$g", change).await;
    assert_eq!(answer.ok(200)["name"], "new");
    // Rules that name a group go with it.
    let new = json!({"security_group_id": "$g", "direction": "ingress", "remote_group_id": "$h"});
    world.make("r", "security_group_rule", new).await;
    let named = world.get("/security-groups/$h").await;
    assert_eq!(rules(named.ok(200)).len(), 2, "they are none of its own");
    world.delete("/security-groups/$h").await.is(204);
    world.get("/security-group-rules/$r").await.is(404);
    world.delete("/security-groups/$g").await.is(204);
    world.get("/security-groups/$g").await.is(404);
}

#[tokio::test]
async fn what_a_rule_can_not_be_is_refused() {
    let mut world = World::new().await;
    world.add_net().await;
    let used = json!({"network_id": "$network", "security_groups": ["$security_group"]});
    world.make("used", "port", used).await;
    let tcp = |min: Value, max: Value| json!({"protocol": "tcp", "port_range_min": min, "port_range_max": max});
    let icmp = |min: Value, max: Value| json!({"protocol": "icmp", "port_range_min": min, "port_range_max": max});
    let mut cases = Cases::default();
    for (given, refusal) in [
        (
            json!({"direction": "up"}),
            bad("Invalid input for direction. Reason: up is not in valid_values."),
        ),
        (
            json!({"ethertype": "IPv5"}),
            bad("Invalid input for ethertype. Reason: IPv5 is not in valid_values."),
        ),
        (
            json!({"security_group_id": "$none"}),
            (
                404,
                "SecurityGroupNotFound",
                "Security group $none does not exist",
            ),
        ),
        (
            json!({"remote_group_id": "$none"}),
            (
                404,
                "SecurityGroupNotFound",
                "Security group $none does not exist",
            ),
        ),
        (
            json!({"remote_group_id": "$security_group", "remote_ip_prefix": "10.0.0.0/8"}),
            (
                400,
                "SecurityGroupRemoteGroupAndRemoteIpPrefix",
                "Only remote_ip_prefix or remote_group_id may be provided.",
            ),
        ),
        (
            json!({"remote_ip_prefix": "fd00::/64"}),
            (
                400,
                "SecurityGroupRuleParameterConflict",
                "Conflicting value ethertype IPv4 for CIDR fd00::/64",
            ),
        ),
        (
            json!({"remote_ip_prefix": "all"}),
            bad("Invalid input for remote_ip_prefix. Reason: 'all' is not a valid IP subnet."),
        ),
        (
            json!({"protocol": "nosuch"}),
            bad("Invalid input for protocol. Reason: there is no protocol nosuch."),
        ),
        (
            json!({"port_range_min": 1, "port_range_max": 2}),
            bad("Invalid input for protocol. Reason: ports are for protocols that have some."),
        ),
        (
            tcp(json!(9), json!(8)),
            (
                400,
                "SecurityGroupInvalidPortRange",
                "For TCP/UDP protocols, port_range_min must be <= port_range_max",
            ),
        ),
        (
            tcp(json!(9), Value::Null),
            (
                400,
                "SecurityGroupInvalidPortRange",
                "For TCP/UDP protocols, port_range_min must be <= port_range_max",
            ),
        ),
        (
            tcp(json!(1), json!(65536)),
            (
                400,
                "SecurityGroupInvalidPortValue",
                "Invalid value for port 65536",
            ),
        ),
        (
            icmp(Value::Null, json!(3)),
            (
                400,
                "SecurityGroupMissingIcmpType",
                "ICMP code (port-range-max) 3 is provided but ICMP type (port-range-min) is missing.",
            ),
        ),
        (
            icmp(json!(256), json!(3)),
            (
                400,
                "SecurityGroupInvalidIcmpValue",
                "Invalid value for ICMP type (port-range-min) 256. It must be 0 to 255.",
            ),
        ),
        (
            icmp(json!(3), json!(256)),
            (
                400,
                "SecurityGroupInvalidIcmpValue",
                "Invalid value for ICMP code (port-range-max) 256. It must be 0 to 255.",
            ),
        ),
        (
            json!({}),
            (
                409,
                "SecurityGroupRuleExists",
                "Security group rule already exists: the rule $security_group_rule allows the same.",
            ),
        ),
    ] {
        let mut new = json!({"security_group_id": "$security_group", "direction": "ingress"});
        for (name, value) in given.as_object().unwrap() {
            new[name.as_str()] = value.clone();
        }
        cases.post("a rule", ("security_group_rule", &new), refusal);
    }
    cases.put(
        "a rule",
        (
            "security_group_rule",
            "$security_group_rule",
            &json!({"direction": "egress"}),
        ),
        bad("Cannot update read-only attribute direction"),
    );
    cases.raw(
        "a group in use",
        ("DELETE /security-groups/$security_group", ""),
        (
            409,
            "SecurityGroupInUse",
            "Security Group $security_group in use.",
        ),
    );
    let stateless = json!({"stateful": false});
    let message = "Invalid input for stateful. Reason: all groups are stateful here.";
    cases.post("stateless", ("security_group", &stateless), bad(message));
    cases.walk(&world).await;
}

#[tokio::test]
async fn ipv4_has_no_protocols_of_ipv6() {
    let mut world = World::new().await;
    world
        .make("g", "security_group", json!({"name": "g"}))
        .await;
    let of = |protocol: &Value, family: &str| {
        json!({
            "security_group_id": "$g", "direction": "ingress", "protocol": protocol,
            "ethertype": family,
        })
    };
    let mut cases = Cases::default();
    let protocols = [
        json!("icmpv6"),
        json!("ipv6-icmp"),
        json!("IPV6-ICMP"),
        json!("ipv6-encap"),
        json!("ipv6-frag"),
        json!("ipv6-nonxt"),
        json!("ipv6-opts"),
        json!("ipv6-route"),
        json!("58"),
        json!(58),
        json!(41),
    ];
    for protocol in &protocols {
        let text = match protocol {
            Value::String(text) => text.to_lowercase(),
            other => other.to_string(),
        };
        let message = format!("Invalid ethertype IPv4 for protocol {text}.");
        let refusal = (
            400,
            "SecurityGroupEthertypeConflictWithProtocol",
            message.as_str(),
        );
        cases.post(
            "a rule",
            ("security_group_rule", &of(protocol, "IPv4")),
            refusal,
        );
    }
    cases.walk(&world).await;
    for protocol in &protocols {
        world
            .make("r", "security_group_rule", of(protocol, "IPv6"))
            .await;
        world.delete("/security-group-rules/$r").await.is(204);
    }
    // These are words for any.
    for protocol in [json!("any"), json!("0"), json!(0), json!("")] {
        let made = world
            .make("r", "security_group_rule", of(&protocol, "IPv4"))
            .await;
        assert_eq!(made["protocol"], Value::Null, "{protocol}");
        world.delete("/security-group-rules/$r").await.is(204);
    }
}
