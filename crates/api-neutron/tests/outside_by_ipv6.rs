//! What is answered where there are IPv6 addresses outside.

use crate::world::rows::{connection, legacy_connection};
use crate::world::{Who, World};
use serde_json::{Value, json};

impl World {
    /// The subnets of the network outside: `$v4` and `$v6`.
    async fn add_outside(&mut self) {
        let answer = self.get("/networks/$ext").await;
        let subnets = answer.ok(200)["subnets"].as_array().unwrap().clone();
        assert_eq!(subnets.len(), 2);
        for subnet in subnets {
            let id = subnet.as_str().unwrap().to_owned();
            let row = self
                .store
                .read()
                .await
                .unwrap()
                .any_subnet(id.parse().unwrap())
                .await;
            let name = if row.unwrap().unwrap().cidr.is_ipv4() {
                "v4"
            } else {
                "v6"
            };
            self.ids.insert(name.to_owned(), id);
        }
    }

    /// The addresses of a router outside, as `subnet address`.
    fn fixed_ips(&self, router: &Value) -> Vec<String> {
        let ips = router["external_gateway_info"]["external_fixed_ips"].as_array();
        let show = |ip: &Value| {
            let (subnet, address) = (ip["subnet_id"].as_str(), ip["ip_address"].as_str());
            let of = |name: &&&str| self.ids[**name] == subnet.unwrap();
            let name = ["v4", "v6"].iter().find(of).unwrap();
            format!("{name} {}", address.unwrap())
        };
        ips.unwrap().iter().map(show).collect()
    }
}

#[tokio::test]
async fn the_network_outside_has_a_subnet_of_each_version() {
    let mut world = World::outside_by_ipv6().await;
    world.add_outside().await;
    let id = world.fill("$v6").parse().unwrap();
    let subnet = world.store.read().await.unwrap().any_subnet(id).await;
    let subnet = subnet.unwrap().unwrap();
    assert_eq!(subnet.cidr.to_string(), "2001:db8:0:1::/64");
    let listed = world.ask(Who::Admin, "GET /subnets?ip_version=6&name=ext-net-v6", "");
    let listed = listed.await;
    let shown = &listed.ok(200)[0];
    assert_eq!(shown["id"], world.ids["v6"]);
    assert_eq!(shown["gateway_ip"], "2001:db8:0:1::1");
    assert_eq!(
        shown["allocation_pools"],
        json!([{"start": "2001:db8:0:1::2", "end": "2001:db8:0:1:ffff:ffff:ffff:ffff"}])
    );
}

#[tokio::test]
async fn a_router_has_an_address_of_each_version_unless_it_lists_what_it_wants() {
    let mut world = World::outside_by_ipv6().await;
    world.add_outside().await;
    let external = |ips: Value| json!({"external_gateway_info": {"network_id": "$ext", "external_fixed_ips": ips}});
    let made = world
        .make(
            "r",
            "router",
            json!({"external_gateway_info": {"network_id": "$ext"}}),
        )
        .await;
    let both = world.fixed_ips(&made);
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(both[0].starts_with("v4 203.0.113."), "{both:?}");
    assert!(both[1].starts_with("v6 2001:db8:0:1::"), "{both:?}");
    let v4 = both[0].as_str();
    for (ips, expected) in [
        (
            json!([{"ip_address": "2001:db8:0:1::7:7"}]),
            vec![v4, "v6 2001:db8:0:1::7:7"],
        ),
        (
            json!([{"subnet_id": "$v4"}, {"subnet_id": "$v6"}]),
            vec![v4, "v6 2001:db8:0:1::7:7"],
        ),
        (json!([{"subnet_id": "$v4"}]), vec![v4]),
        (
            json!([{"subnet_id": "$v6"}, {"ip_address": "203.0.113.77"}]),
            vec!["v4 203.0.113.77", &both[1]],
        ),
        (json!([]), vec!["v4 203.0.113.77", &both[1]]),
    ] {
        let answer = world
            .ask(
                Who::Admin,
                "PUT /routers/$r",
                &json!({"router": external(ips)}).to_string(),
            )
            .await;
        assert_eq!(world.fixed_ips(answer.ok(200)), expected);
        assert_eq!(world.get("/routers/$r").await.ok(200), answer.ok(200));
    }
    let outside = external(json!([{"ip_address": "2001:db8:9::1"}]));
    let outside = json!({"router": outside}).to_string();
    let refused = world.ask(Who::Admin, "PUT /routers/$r", &outside).await;
    assert_eq!(
        refused.refused(),
        (
            400,
            "HTTPBadRequest",
            "Invalid input for external_gateway_info. Reason: 2001:db8:9::1 is no address that \
             the external network gives."
        )
    );
}

#[tokio::test]
async fn a_service_says_both_addresses_when_it_is_made_and_takes_peers_of_both() {
    let mut world = World::outside_by_ipv6().await;
    let both = json!({"router": {"external_gateway_info": {"network_id": "$ext"}}});
    world.put("/routers/$router", both).await.is(200);
    world.add_vpn().await;
    let service = json!({"name": "both", "router_id": "$router"});
    let made = world.make("both", "vpnservice", service).await;
    for (name, version) in [("external_v4_ip", 4), ("external_v6_ip", 6)] {
        let address = made[name].as_str().unwrap();
        let address: std::net::IpAddr = address.parse().unwrap();
        assert_eq!(address.is_ipv4(), version == 4);
        let found = world
            .get(&format!("/vpn/vpnservices?{name}={address}"))
            .await;
        assert_eq!(found.ok(200).as_array().unwrap().len(), 1);
    }
    let peer = |object: Value| {
        let peer = json!({"peer_address": "2001:db8:7::7", "peer_id": "2001:db8:7::7"});
        crate::world::with(object, &peer)
    };
    for (name, object) in [("c6", connection()), ("c6_legacy", legacy_connection())] {
        let made = world
            .make(name, "ipsec_site_connection", peer(object))
            .await;
        assert_eq!(made["peer_address"], "2001:db8:7::7");
    }
    let id = world.fill("$svc").parse().unwrap();
    world
        .until("both tunnels are told of", async || {
            let spec = world.agent.gateway(id);
            spec.is_some_and(|spec| {
                let from = |tunnel: &adit_model::desired::TunnelSpec| {
                    spec.addresses
                        .toward(tunnel.peer_address)
                        .map(|own| own.to_string())
                };
                let own = |tunnel: &adit_model::desired::TunnelSpec| match &tunnel.local_id {
                    adit_model::connection::Identity::Address(own) => Some(own.to_string()),
                    _ => None,
                };
                spec.tunnels.len() == 2 && spec.tunnels.values().all(|t| from(t) == own(t))
            })
        })
        .await;
    // And back to a peer of the other version.
    let change = json!({"ipsec_site_connection": {"peer_address": "203.0.113.9"}});
    let path = "/vpn/ipsec-site-connections/$c6";
    world.until_status(path, "DOWN").await;
    world.put(path, change).await.ok(200);
}
