//! The questions that IBM's documentation of VPN for VPC answers, each with its answer here. Those about
//! packets have theirs in `tests/e2e`; how much goes through is measured by `make bench`.

use adit_model::desired::TunnelSpec;
use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{NEW, OLD, World, connection, ike_policy, ipsec_policy, with};

/// What the agent has of a connection.
fn tunnel(w: &World, gateway: &str, connection: &str) -> Option<TunnelSpec> {
    let bare = |id: &str| id.trim_start_matches("0738-").to_owned();
    let spec = w.agent.gateway(bare(gateway).parse().unwrap())?;
    let tunnel = spec.tunnels.get(&bare(connection).parse().unwrap())?;
    Some(TunnelSpec::clone(tunnel))
}

async fn available(w: &World, subnet: &str) -> u64 {
    let shown = w.get(&format!("/subnets/{subnet}")).await;
    shown.is(200).body["available_ipv4_address_count"]
        .as_u64()
        .unwrap()
}

/// "VPN connections must be created after the VPN gateway is created."
#[tokio::test]
async fn when_i_create_a_vpn_gateway_can_i_create_vpn_connections_at_the_same_time() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("vpc-1", "192.168.100.0/24").await;
    let gateway = json!({"name": "gw", "subnet": {"id": subnet}});
    let both = with(gateway.clone(), json!({"connections": [connection()]}));
    let refused = w.post("/vpn_gateways", both).await;
    refused.refused(400, "bad_field");
    assert_eq!(refused.body["errors"][0]["target"]["name"], "connections");
    let gateway = w.post("/vpn_gateways", gateway).await;
    assert_eq!(gateway.is(201).body["status"], "pending");
    // It need not be available for that.
    let path = format!("/vpn_gateways/{}/connections", gateway.id());
    w.post(&path, connection()).await.is(201);
}

/// "The VPN connections are deleted along with the VPN gateway."
#[tokio::test]
async fn if_i_delete_a_vpn_gateway_that_has_vpn_connections_attached_what_happens_to_them() {
    let w = World::new().await;
    let path = w.connection().await;
    let (gateway, _) = path.split_once("/connections").unwrap();
    w.delete(gateway).await.is(202);
    w.get(&path).await.refused(404, "vpn_gateway_not_found");
    assert_eq!(w.get("/vpn_gateways").await.body["total_count"], 0);
}

/// "No, IKE and IPsec policies can apply to multiple connections."
#[tokio::test]
async fn are_policies_deleted_if_i_delete_a_vpn_gateway_or_vpn_connection() {
    let w = World::new().await;
    let gateway = w.gateway().await;
    let ike = w.post("/ike_policies", ike_policy()).await.is(201).id();
    let ipsec = w.post("/ipsec_policies", ipsec_policy()).await.is(201).id();
    let path = format!("/vpn_gateways/{gateway}/connections");
    let mut made = Vec::new();
    for number in 1..3 {
        let block = format!("192.168.{number}.0/24");
        let body = json!({
            "name": format!("c-{number}"), "peer_cidrs": [block],
            "ike_policy": {"id": ike}, "ipsec_policy": {"id": ipsec},
        });
        made.push(w.post(&path, with(connection(), body)).await.is(201).id());
    }
    w.delete(&format!("{path}/{}", made[0])).await.is(202);
    w.delete(&format!("/vpn_gateways/{gateway}")).await.is(202);
    for path in [
        format!("/ike_policies/{ike}"),
        format!("/ipsec_policies/{ipsec}"),
    ] {
        w.get(&path).await.is(200);
        w.delete(&path).await.is(204);
    }
}

/// "The subnet cannot be deleted if any virtual server instances are present, including the VPN gateway."
#[tokio::test]
async fn what_happens_to_a_vpn_gateway_if_i_try_to_delete_its_subnet() {
    let w = World::new().await;
    let (_, subnet) = w.subnet("vpc-1", "192.168.100.0/24").await;
    let path = format!("/subnets/{subnet}");
    let body = json!({"name": "gw", "subnet": {"id": subnet}});
    let gateway = w.post("/vpn_gateways", body).await.is(201).id();
    w.delete(&path).await.refused(409, "subnet_in_use");
    w.get(&format!("/vpn_gateways/{gateway}")).await.is(200);
    w.delete(&format!("/vpn_gateways/{gateway}")).await.is(202);
    let body = json!({"name": "vm", "primary_network_interface": {"subnet": {"id": subnet}}});
    let instance = w.post("/instances", body).await.is(201).id();
    w.delete(&path).await.refused(409, "subnet_in_use");
    w.delete(&format!("/instances/{instance}")).await.is(204);
    w.delete(&path).await.is(204);
}

/// "When you create a VPN connection without referencing a policy ID, auto-negotiation is used."
#[tokio::test]
async fn are_there_default_ike_and_ipsec_policies() {
    let w = World::new().await;
    for list in ["ike_policies", "ipsec_policies"] {
        assert_eq!(w.get(&format!("/{list}")).await.body["total_count"], 0);
    }
    let path = w.connection().await;
    let shown = w.get(&path).await.is(200).body.clone();
    assert_eq!(
        (shown.get("ike_policy"), shown.get("ipsec_policy")),
        (None, None)
    );
    let (gateway, id) = path.split_once("/connections/").unwrap();
    let gateway = gateway.rsplit('/').next().unwrap();
    w.until("it negotiates", async || {
        let tunnel = tunnel(&w, gateway, id);
        tunnel.is_some_and(|tunnel| tunnel.ike.encryption.len() > 1)
    })
    .await;
}

/// "The subnet connects the VPN gateway with other resources in your VPC. [..] A VPN gateway needs 8 private
/// IP addresses."
#[tokio::test]
async fn why_do_i_need_to_choose_a_subnet_during_vpn_gateway_provisioning() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "192.168.100.0/24").await;
    w.post("/vpn_gateways", json!({"name": "gw"}))
        .await
        .refused(400, "vpn_gateway_missing_subnet_id");
    let before = available(&w, &subnet).await;
    let body = json!({"name": "gw", "subnet": {"id": subnet}});
    w.post("/vpn_gateways", body).await.is(201);
    assert_eq!(available(&w, &subnet).await, before - 8);
    let small = json!({"name": "small", "vpc": {"id": vpc}, "ipv4_cidr_block": "192.168.101.0/29"});
    let small = w.post("/subnets", small).await.is(201).id();
    let body = json!({"name": "gw-2", "subnet": {"id": small}});
    w.post("/vpn_gateways", body)
        .await
        .refused(409, "vpn_gateway_ip_create_error");
}

/// "Make sure the following ACL rules are in place": they are taken as printed, and the gateway's edge is
/// theirs. `e2e` `environment` shows what each line is for.
#[tokio::test]
async fn what_should_i_do_if_i_am_using_acls_on_the_subnet_of_the_vpn_gateway() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "192.168.100.0/24").await;
    let rule = |more: Value| {
        let every = json!({
            "action": "allow", "direction": "inbound", "protocol": "all", "source": "0.0.0.0/0",
            "destination": "0.0.0.0/0",
        });
        with(every, more)
    };
    let mut rules = Vec::new();
    for port in [9091, 10514, 443, 80, 53] {
        rules.push(rule(
            json!({"protocol": "tcp", "source_port_min": port, "source_port_max": port}),
        ));
    }
    rules.push(rule(
        json!({"protocol": "udp", "source_port_min": 53, "source_port_max": 53}),
    ));
    rules.push(rule(json!({"source": "169.61.161.150"})));
    for port in [443, 56500] {
        let ports = json!({"destination_port_min": port, "destination_port_max": port});
        rules.push(rule(with(json!({"protocol": "tcp"}), ports)));
    }
    rules.push(rule(
        json!({"source": "192.168.0.0/24", "destination": "192.168.100.0/24"}),
    ));
    rules.push(rule(json!({"protocol": "icmp"})));
    rules.push(rule(json!({"direction": "outbound"})));
    let body = json!({"name": "acl", "vpc": {"id": vpc}, "rules": rules});
    let acl = w.post("/network_acls", body).await;
    assert_eq!(acl.is(201).body["rules"].as_array().unwrap().len(), 12);
    let attach = json!({"id": acl.id()});
    let path = format!("/subnets/{subnet}/network_acl");
    w.call(Method::PUT, &path, OLD, attach).await.is(201);
    let gateway = json!({"name": "gw", "subnet": {"id": subnet}});
    w.post("/vpn_gateways", gateway).await.is(201);
    let vpc = vpc.strip_prefix("r006-").unwrap().parse().unwrap();
    w.until("the gateway passes the edge by these rules", async || {
        let edges = w
            .agent
            .router(vpc)
            .map(|spec| spec.edges)
            .unwrap_or_default();
        edges
            .iter()
            .any(|edge| edge.rules.len() == 12 && edge.gateways.len() == 1)
    })
    .await;
}

/// "Make sure that ACL rules are in place to allow traffic between virtual server instances in your VPC and
/// your on-premises private network."
#[tokio::test]
async fn what_should_i_do_if_i_am_using_acls_on_the_subnets_that_communicate() {
    let w = World::new().await;
    let (vpc, subnet) = w.subnet("vpc-1", "192.168.100.0/24").await;
    let both = [
        ("inbound", "192.168.0.0/24", "192.168.100.0/24"),
        ("outbound", "192.168.100.0/24", "192.168.0.0/24"),
    ];
    let rules: Vec<_> = both
        .iter()
        .map(|(direction, source, destination)| {
            json!({
                "action": "allow", "direction": direction, "protocol": "all", "source": source,
                "destination": destination,
            })
        })
        .collect();
    let body = json!({"name": "acl", "vpc": {"id": vpc}, "rules": rules});
    let acl = w.post("/network_acls", body).await.is(201).id();
    let change = json!({"network_acl": {"id": acl}});
    let changed = w.patch(&format!("/subnets/{subnet}"), change).await;
    assert_eq!(changed.is(200).body["network_acl"]["id"], acl.as_str());
}

/// "Yes, it supports HA in an Active / Standby configuration."
#[tokio::test]
async fn does_vpn_for_vpc_support_ha_configurations() {
    let w = World::new().await;
    let gateway = w.gateway().await;
    let members = w.get(&format!("/vpn_gateways/{gateway}/members")).await;
    let members = members.is(200).body["members"].as_array().unwrap().clone();
    let roles: Vec<_> = members.iter().map(|member| &member["role"]).collect();
    assert_eq!(roles, ["active", "standby"]);
    // The standby says that it can't take over yet.
    assert_eq!(members[1]["health_reasons"][0]["code"], "no_failover");
}

/// "No, only IPsec site-to-site is supported."
#[tokio::test]
async fn are_there_plans_to_support_ssl_vpn() {
    let w = World::new().await;
    w.get("/vpn_servers").await.refused(404, "invalid_route");
}

/// "Only PSK authentication is supported."
#[tokio::test]
async fn is_psk_and_certificate_based_ike_authentication_supported() {
    let w = World::new().await;
    let path = w.connection().await;
    assert_eq!(w.get(&path).await.body["authentication_mode"], "psk");
    let (many, _) = path.rsplit_once('/').unwrap();
    let certificate = json!({"name": "other", "authentication_mode": "certificate"});
    w.post(many, with(connection(), certificate))
        .await
        .refused(400, "bad_field");
    let keyless = json!({"name": "other", "psk": null});
    w.post(many, with(connection(), keyless)).await.is(400);
}

/// "No. To set up a VPN gateway in your classic environment, you must use the IPsec VPN"; and what of it can
/// be reached by a VPC with classic access: there is none here.
#[tokio::test]
async fn can_you_use_vpn_for_vpc_as_a_vpn_gateway_for_your_classic_infrastructure() {
    let w = World::new().await;
    let body = json!({"name": "vpc", "classic_access": true});
    w.post("/vpcs", body).await.refused(400, "bad_field");
    let body = json!({"name": "vpc", "classic_access": false});
    w.post("/vpcs", body).await.is(201);
    let classic = w.get("/vpcs?classic_access=true").await;
    assert_eq!(classic.is(200).body["total_count"], 0);
}

/// "To re-create the IKE/IPsec SA, set the connection admin state to down and then up again."
#[tokio::test]
async fn what_will_rekey_collision_cause() {
    let w = World::new().await;
    let path = w.connection().await;
    let (gateway, id) = path.split_once("/connections/").unwrap();
    let gateway = gateway.rsplit('/').next().unwrap();
    let mut told = Vec::new();
    for up in [false, true] {
        w.patch(&path, json!({ "admin_state_up": up }))
            .await
            .is(200);
        w.until("the gateway is told", async || {
            tunnel(&w, gateway, id).is_some_and(|tunnel| tunnel.admin_state_up == up)
        })
        .await;
        told.push(tunnel(&w, gateway, id).unwrap().revision);
    }
    assert!(told[0] < told[1], "a new SA is another revision's");
}

/// "Yes. You can find more information in Using LogDNA": here it is the connection's own.
#[tokio::test]
async fn is_it_possible_to_view_logs_from_the_vpn_gateway_for_debugging_purposes() {
    let w = World::new().await;
    let path = w.connection().await;
    for version in [OLD, NEW] {
        let log = w
            .call(Method::GET, &format!("{path}/log"), version, Value::Null)
            .await;
        assert!(log.is(200).body["log"].is_array());
    }
}
