//! Every operation: without a token, for somebody else's thing, for a missing one, with a body
//! that is none; and what all requests have in common.

use crate::world::{OLD, World, connection, ike_policy, ipsec_policy};
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use uuid::Uuid;

const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIEaCRM+MVpE48APC3rjQLs8UDbbsUyyDV8rI02bZ9C7m";

/// All there is of a project, in one world.
struct Things {
    vpc: String,
    subnet: String,
    instance: String,
    gateway: String,
    connection: String,
    ike: String,
    ipsec: String,
    group: String,
    rule: String,
    nic: String,
    floating: String,
    public: String,
    acl: String,
    acl_rule: String,
    key: String,
}

async fn things(w: &World) -> Things {
    let (vpc, subnet) = w.subnet("vpc-1", "192.168.100.0/24").await;
    let body = json!({"name": "i-1", "primary_network_interface": {"subnet": {"id": subnet}}});
    let instance = w.post("/instances", body).await;
    let nic = instance.is(201).body["primary_network_interface"]["id"].clone();
    let instance = instance.id();
    let rules = json!([{"direction": "inbound", "protocol": "tcp"}]);
    let body = json!({"name": "group", "vpc": {"id": vpc}, "rules": rules});
    let group = w.post("/security_groups", body).await;
    let rule = group.is(201).body["rules"][0]["id"].clone();
    let group = group.id();
    let body = json!({"name": "floating", "zone": {"name": "us-south-1"}});
    let floating = w.post("/floating_ips", body).await.is(201).id();
    let body = json!({
        "name": "public", "vpc": {"id": vpc}, "zone": {"name": "us-south-1"},
        "floating_ip": {"id": floating},
    });
    let public = w.post("/public_gateways", body).await.is(201).id();
    let key = w
        .post("/keys", json!({"name": "key", "public_key": KEY}))
        .await
        .is(201)
        .id();
    let acl = w.post("/network_acls", json!({"vpc": {"id": vpc}})).await;
    let acl_rule = acl.is(201).body["rules"][0]["id"].clone();
    let body = json!({"name": "gw-1", "subnet": {"id": subnet}});
    let gateway = w.post("/vpn_gateways", body).await.is(201).id();
    let ike = w.post("/ike_policies", ike_policy()).await.is(201).id();
    let ipsec = w.post("/ipsec_policies", ipsec_policy()).await.is(201).id();
    let mut body = connection();
    body["ike_policy"] = json!({"id": ike});
    body["ipsec_policy"] = json!({"id": ipsec});
    let path = format!("/vpn_gateways/{gateway}/connections");
    let connection = w.post(&path, body).await.is(201).id();
    Things {
        vpc,
        subnet,
        instance,
        gateway,
        connection,
        ike,
        ipsec,
        group,
        rule: rule.as_str().unwrap().to_owned(),
        nic: nic.as_str().unwrap().to_owned(),
        floating,
        public,
        acl: acl.id(),
        acl_rule: acl_rule.as_str().unwrap().to_owned(),
        key,
    }
}

impl Things {
    /// Ids that nothing has, in the same shape.
    fn missing() -> Self {
        let zonal = || format!("0738-{}", Uuid::new_v4());
        let regional = || format!("r006-{}", Uuid::new_v4());
        Self {
            vpc: regional(),
            subnet: zonal(),
            instance: zonal(),
            gateway: zonal(),
            connection: zonal(),
            ike: regional(),
            ipsec: regional(),
            group: regional(),
            rule: regional(),
            nic: zonal(),
            floating: regional(),
            public: regional(),
            acl: regional(),
            acl_rule: regional(),
            key: regional(),
        }
    }

    /// Every operation on one thing, the code when it is missing, and a body that is fine.
    #[expect(clippy::too_many_lines, reason = "it is a table")]
    fn operations(&self) -> Vec<(Method, String, &'static str, Value)> {
        let Self {
            vpc,
            subnet,
            instance,
            gateway,
            connection,
            ike,
            ipsec,
            group,
            rule,
            nic,
            floating,
            public,
            acl,
            acl_rule,
            key,
        } = self;
        let gateway = format!("/vpn_gateways/{gateway}");
        let of = format!("{gateway}/connections/{connection}");
        let (none, name) = (Value::Null, json!({"name": "renamed"}));
        let (get, patch, put, delete) = (Method::GET, Method::PATCH, Method::PUT, Method::DELETE);
        let mut all = vec![
            (
                get.clone(),
                format!("/vpcs/{vpc}"),
                "vpc_not_found",
                none.clone(),
            ),
            (
                get.clone(),
                format!("/vpcs/{vpc}/address_prefixes"),
                "vpc_not_found",
                none.clone(),
            ),
            (
                patch.clone(),
                format!("/vpcs/{vpc}"),
                "vpc_not_found",
                name.clone(),
            ),
            (
                delete.clone(),
                format!("/vpcs/{vpc}"),
                "vpc_not_found",
                none.clone(),
            ),
            (
                get.clone(),
                format!("/subnets/{subnet}"),
                "subnet_not_found",
                none.clone(),
            ),
            (
                patch.clone(),
                format!("/subnets/{subnet}"),
                "subnet_not_found",
                name.clone(),
            ),
            (
                delete.clone(),
                format!("/subnets/{subnet}"),
                "subnet_not_found",
                none.clone(),
            ),
            (
                get.clone(),
                format!("/instances/{instance}"),
                "instance_not_found",
                none.clone(),
            ),
            (
                delete.clone(),
                format!("/instances/{instance}"),
                "instance_not_found",
                none.clone(),
            ),
            (
                Method::POST,
                format!("{gateway}/connections"),
                "vpn_gateway_not_found",
                connection_2(),
            ),
            (
                patch.clone(),
                gateway.clone(),
                "vpn_gateway_not_found",
                name.clone(),
            ),
            (
                delete.clone(),
                gateway.clone(),
                "vpn_gateway_not_found",
                none.clone(),
            ),
            (
                patch.clone(),
                of.clone(),
                "vpn_gateway_not_found",
                name.clone(),
            ),
            (
                delete.clone(),
                of.clone(),
                "vpn_gateway_not_found",
                none.clone(),
            ),
        ];
        for part in [
            "default_network_acl",
            "default_routing_table",
            "default_security_group",
            "routing_tables",
        ] {
            let path = format!("/vpcs/{vpc}/{part}");
            all.push((get.clone(), path, "vpc_not_found", none.clone()));
        }
        for part in ["network_acl", "routing_table"] {
            let path = format!("/subnets/{subnet}/{part}");
            all.push((get.clone(), path, "subnet_not_found", none.clone()));
        }
        for path in [
            "",
            "/members",
            "/advertised_cidrs",
            "/service_connections",
            "/connections",
        ] {
            all.push((
                get.clone(),
                format!("{gateway}{path}"),
                "vpn_gateway_not_found",
                none.clone(),
            ));
        }
        for path in [
            "",
            "/log",
            "/local_cidrs",
            "/peer_cidrs",
            "/local/cidrs",
            "/peer/cidrs",
        ] {
            all.push((
                get.clone(),
                format!("{of}{path}"),
                "vpn_gateway_not_found",
                none.clone(),
            ));
        }
        for path in ["local_cidrs/192.168.101.0/24", "peer_cidrs/192.168.1.0/24"] {
            for method in [&put, &get, &delete] {
                all.push((
                    method.clone(),
                    format!("{of}/{path}"),
                    "vpn_gateway_not_found",
                    none.clone(),
                ));
            }
        }
        for path in [
            "local/cidrs/192.168.102.0%2F24",
            "peer/cidrs/192.168.2.0%2F24",
        ] {
            for method in [&put, &get, &delete] {
                all.push((
                    method.clone(),
                    format!("{of}/{path}"),
                    "vpn_gateway_not_found",
                    none.clone(),
                ));
            }
        }
        for (path, code) in [
            (format!("/ike_policies/{ike}"), "ike_policy_not_found"),
            (format!("/ipsec_policies/{ipsec}"), "ipsec_policy_not_found"),
        ] {
            all.push((get.clone(), path.clone(), code, none.clone()));
            all.push((
                get.clone(),
                format!("{path}/connections"),
                code,
                none.clone(),
            ));
            all.push((patch.clone(), path.clone(), code, name.clone()));
            all.push((delete.clone(), path, code, none.clone()));
        }
        for (path, code) in [
            (format!("/keys/{key}"), "key_not_found"),
            (format!("/network_acls/{acl}"), "network_acl_not_found"),
            (
                format!("/network_acls/{acl}/rules/{acl_rule}"),
                "network_acl_not_found",
            ),
            (
                format!("/public_gateways/{public}"),
                "public_gateway_not_found",
            ),
            (format!("/floating_ips/{floating}"), "floating_ip_not_found"),
            (
                format!("/security_groups/{group}"),
                "security_group_not_found",
            ),
            (
                format!("/security_groups/{group}/rules/{rule}"),
                "security_group_not_found",
            ),
        ] {
            all.push((get.clone(), path.clone(), code, none.clone()));
            all.push((patch.clone(), path.clone(), code, name.clone()));
            all.push((delete.clone(), path, code, none.clone()));
        }
        for part in ["initialization", "network_interfaces", "volume_attachments"] {
            let path = format!("/instances/{instance}/{part}");
            all.push((get.clone(), path, "instance_not_found", none.clone()));
        }
        let path = format!("/instances/{instance}/network_interfaces/{nic}/floating_ips");
        for (method, path) in [
            (&get, path.clone()),
            (&get, format!("{path}/{floating}")),
            (&put, format!("{path}/{floating}")),
            (&delete, format!("{path}/{floating}")),
        ] {
            all.push((method.clone(), path, "instance_not_found", none.clone()));
        }
        let path = format!("/network_acls/{acl}/rules");
        let code = "network_acl_not_found";
        all.push((get.clone(), path.clone(), code, none.clone()));
        let body = json!({
            "action": "deny", "direction": "inbound", "protocol": "all", "source": "10.0.0.0/8",
            "destination": "10.0.0.0/8",
        });
        all.push((Method::POST, path, code, body));
        let path = format!("/subnets/{subnet}/network_acl");
        let body = json!({"id": acl});
        all.push((put.clone(), path, "subnet_not_found", body));
        let path = format!("/subnets/{subnet}/public_gateway");
        all.push((get.clone(), path.clone(), "subnet_not_found", none.clone()));
        all.push((
            delete.clone(),
            path.clone(),
            "subnet_not_found",
            none.clone(),
        ));
        let body = json!({"id": public});
        all.push((put.clone(), path, "subnet_not_found", body));
        let path = format!("/security_groups/{group}/targets");
        let code = "security_group_not_found";
        all.push((get.clone(), path.clone(), code, none.clone()));
        let path = format!("{path}/{nic}");
        for method in [get, put, delete] {
            all.push((method, path.clone(), code, none.clone()));
        }
        let path = format!("/security_groups/{group}/rules");
        let body = json!({"direction": "inbound", "protocol": "all"});
        all.push((Method::POST, path, code, body));
        all
    }
}

fn connection_2() -> Value {
    let mut body = connection();
    body["name"] = json!("another");
    body["peer_cidrs"] = json!(["192.168.9.0/24"]);
    body
}

const COLLECTIONS: [&str; 9] = [
    "/vpcs",
    "/subnets",
    "/floating_ips",
    "/instances",
    "/keys",
    "/public_gateways",
    "/vpn_gateways",
    "/ike_policies",
    "/ipsec_policies",
];

#[tokio::test]
async fn nothing_is_answered_without_a_good_token() {
    let w = World::new().await;
    let mine = things(&w).await;
    let mut paths: Vec<_> = mine
        .operations()
        .into_iter()
        .map(|(m, p, ..)| (m, p))
        .collect();
    for path in COLLECTIONS {
        paths.push((Method::GET, path.to_owned()));
        paths.push((Method::POST, path.to_owned()));
    }
    for path in [
        "/regions",
        "/regions/us-south",
        "/regions/us-south/zones/us-south-1",
    ] {
        paths.push((Method::GET, path.to_owned()));
    }
    for (method, path) in paths {
        for header in [
            None,
            Some("Bearer x.y.z"),
            Some("Basic YTpi"),
            Some("Bearer"),
        ] {
            let uri = format!("/v1{path}?version={OLD}&generation=2");
            let mut request = Request::builder().method(&method).uri(uri);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let answer = w.send(request.body(Body::empty()).unwrap()).await;
            answer.refused(401, "not_authorized");
        }
    }
    assert_eq!(w.get("/vpn_gateways").await.body["total_count"], 1);
}

#[tokio::test]
async fn somebody_elses_thing_is_as_missing_as_none_at_all() {
    let mut w = World::new().await;
    let mine = things(&w).await;
    let others_token = std::mem::take(&mut w.other);
    let my_token = std::mem::replace(&mut w.token, others_token);
    let pairs = mine
        .operations()
        .into_iter()
        .zip(Things::missing().operations());
    for ((method, path, code, body), (_, missing, _, _)) in pairs {
        let foreign = w.call(method.clone(), &path, OLD, body.clone()).await;
        foreign.refused(404, code);
        let missing = w.call(method, &missing, OLD, body).await;
        missing.refused(404, code);
        // Each names what it was asked for, and they say the same of it.
        let message = |answer: &crate::world::Answer| {
            let text = answer.body["errors"][0]["message"].as_str().unwrap();
            let parts: Vec<_> = text.split('`').map(str::to_owned).collect();
            assert_eq!(parts.len(), 3, "{text}");
            (parts[0].clone(), parts[2].clone())
        };
        assert_eq!(message(&foreign), message(&missing));
    }
    let foreign = json!({"subnet": {"id": mine.subnet}});
    w.post("/vpn_gateways", foreign)
        .await
        .refused(400, "vpn_gateway_subnet_not_found");
    let foreign = json!({"vpc": {"id": mine.vpc}, "ipv4_cidr_block": "10.0.0.0/24"});
    w.post("/subnets", foreign)
        .await
        .refused(404, "vpc_not_found");
    for path in COLLECTIONS {
        assert_eq!(w.get(path).await.is(200).body["total_count"], 0, "{path}");
    }
    w.token = my_token;
    for path in COLLECTIONS {
        assert_eq!(w.get(path).await.is(200).body["total_count"], 1, "{path}");
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_missing_and_a_missing_connection_is_told_after_its_gateway() {
    let w = World::new().await;
    let mine = things(&w).await;
    for id in [
        "x",
        "0738-",
        "..%2F..",
        "%00",
        "0738-1d4dbacq-673d-2qed-hf68-858961739gf0",
    ] {
        w.get(&format!("/vpn_gateways/{id}"))
            .await
            .refused(404, "vpn_gateway_not_found");
        let path = format!("/vpn_gateways/{}/connections/{id}", mine.gateway);
        w.get(&path).await.refused(404, "vpn_connection_not_found");
        w.get(&format!("{path}/local_cidrs"))
            .await
            .refused(404, "vpn_connection_not_found");
        let path = format!("/vpn_gateways/{id}/connections/{}", mine.connection);
        w.get(&path).await.refused(404, "vpn_gateway_not_found");
        w.get(&format!("/ike_policies/{id}"))
            .await
            .refused(404, "ike_policy_not_found");
    }
    // The connection of another gateway of the same project.
    let body = json!({"name": "gw-2", "subnet": {"id": mine.subnet}});
    let second = w.post("/vpn_gateways", body).await.is(201).id();
    let path = format!("/vpn_gateways/{second}/connections/{}", mine.connection);
    w.get(&path).await.refused(404, "vpn_connection_not_found");
    w.delete(&path)
        .await
        .refused(404, "vpn_connection_not_found");
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused_and_changes_nothing() {
    let w = World::new().await;
    let mine = things(&w).await;
    let mut paths: Vec<(Method, String)> = Vec::new();
    for path in COLLECTIONS {
        paths.push((Method::POST, path.to_owned()));
    }
    for (method, path, _, body) in mine.operations() {
        if !body.is_null() {
            paths.push((method, path));
        }
    }
    assert_eq!(paths.len(), 27);
    for (method, path) in paths {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "7",
            "{\"name\": \"a\"} x",
            "name=a",
            "\u{0}",
        ] {
            let answer = w.call(method.clone(), &path, OLD, json!(body)).await;
            answer.refused(400, "bad_request");
        }
        let answer = w.call(method.clone(), &path, OLD, json!({"name": 7})).await;
        assert_eq!(answer.status, 400, "{path} {answer:?}");
        let long = format!("{{\"name\": \"{}\"}}", "a".repeat(300_000));
        w.call(method, &path, OLD, json!(long))
            .await
            .refused(413, "bad_request");
    }
    for path in COLLECTIONS {
        assert_eq!(w.get(path).await.body["total_count"], 1, "{path}");
    }
}

#[tokio::test]
async fn version_and_generation_are_asked_for() {
    let w = World::new().await;
    for (query, code) in [
        ("", "missing_version"),
        ("?generation=2", "missing_version"),
        ("?version=2020-02-14", "missing_generation_parameter"),
        (
            "?version=2020-02-14&generation=3",
            "invalid_generation_parameter",
        ),
        ("?version=tomorrow&generation=2", "invalid_version"),
        ("?version=2020-13-01&generation=2", "invalid_version"),
        ("?version=2018-12-31&generation=2", "invalid_version_range"),
    ] {
        let request = Request::get(format!("/v1/vpn_gateways{query}"))
            .header("authorization", format!("Bearer {}", w.token));
        let answer = w.send(request.body(Body::empty()).unwrap()).await;
        answer.refused(400, code);
        assert_eq!(answer.body["errors"][0]["target"]["type"], "parameter");
    }
    for query in [
        "?version=2999-12-31&generation=2",
        "?version=2019-10-08&generation=1",
    ] {
        let request = Request::get(format!("/v1/vpn_gateways{query}"))
            .header("authorization", format!("bearer Bearer {}", w.token));
        w.send(request.body(Body::empty()).unwrap()).await.is(200);
    }
}

#[tokio::test]
async fn an_unknown_route_or_method_is_told_in_the_same_shape() {
    let w = World::new().await;
    w.get("/nothing").await.refused(404, "invalid_route");
    w.get("/vpn_servers").await.refused(404, "invalid_route");
    w.put("/vpn_gateways").await.refused(405, "invalid_route");
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let w = World::new().await;
    let request = |id: &str| {
        let path = format!("/v1/nothing?version={OLD}&generation=2");
        let request = Request::get(path).header("x-request-id", id);
        request.body(Body::empty()).unwrap()
    };
    let answer = w.send(request("my-id_7")).await;
    assert_eq!(answer.headers["x-request-id"], "my-id_7");
    assert_eq!(answer.body["trace"], "my-id_7");
    let answer = w.send(request("not sane!")).await;
    assert_eq!(answer.body["trace"].as_str().unwrap().len(), 36);
    assert_eq!(
        answer.headers["x-request-id"].to_str().ok(),
        answer.body["trace"].as_str()
    );
}
