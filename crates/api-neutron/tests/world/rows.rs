//! Rows that are there before a VPN is made: another project, users, a network with subnets, and
//! routers.

use std::net::{IpAddr, Ipv4Addr};

use adit_model::port::{Device, FixedIp};
use adit_model::project::Role;
use adit_model::router::ExternalGateway;
use adit_model::{
    MacAddress, Name, Network, NetworkId, Port, PortId, Project, ProjectId, Revision,
    RoleAssignment, Router, RouterId, Subnet, SubnetId, User, UserId,
};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Who, World};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

impl World {
    pub(super) async fn add_other_project(&mut self) {
        let mut tx = self.store.write().await.unwrap();
        let project = Project {
            id: self.other_project,
            name: name("other"),
            description: String::new(),
            enabled: true,
        };
        tx.insert_project(&project).await.unwrap();
        tx.commit().await.unwrap();
        self.ids
            .insert("none".to_owned(), Uuid::new_v4().to_string());
    }

    pub(super) async fn add_user(
        &mut self,
        called: &str,
        project: ProjectId,
        role: Role,
    ) -> UserId {
        let user = UserId::random();
        let mut tx = self.store.write().await.unwrap();
        let row = User {
            id: user,
            name: name(called),
            description: String::new(),
            email: None,
            enabled: true,
            default_project: Some(project),
            password: None,
            tokens_from: OffsetDateTime::UNIX_EPOCH,
        };
        tx.insert_user(&row).await.unwrap();
        let role = RoleAssignment {
            user,
            project,
            role,
        };
        tx.insert_role_assignment(&role).await.unwrap();
        tx.commit().await.unwrap();
        user
    }

    /// `$router` leads outside, with `$left`, `$left2` and `$left6` on it; `$inner` does not, with
    /// `$off`. `$foreign_router` and `$foreign_subnet` are another project's. `$left_net` is the
    /// network of `$left`, `$left_port` the router's interface there, and so on; `$ext` is the
    /// network that leads outside.
    pub(super) async fn add_networks(&mut self) {
        let (mine, theirs) = (self.project, self.other_project);
        let external = self.external().await.to_string();
        self.ids.insert("ext".to_owned(), external);
        let outside = Some("203.0.113.100");
        let router = self.add_router("router", mine, outside).await;
        let inner = self.add_router("inner", mine, None).await;
        let foreign = self
            .add_router("foreign_router", theirs, Some("203.0.113.101"))
            .await;
        self.add_subnet("left", mine, router, "10.1.0.0/24", "10.1.0.1")
            .await;
        self.add_subnet("left2", mine, router, "10.2.0.0/24", "10.2.0.1")
            .await;
        self.add_subnet("left6", mine, router, "fd00:1::/64", "fd00:1::1")
            .await;
        self.add_subnet("off", mine, inner, "10.9.0.0/24", "10.9.0.1")
            .await;
        self.add_subnet("foreign_subnet", theirs, foreign, "10.8.0.0/24", "10.8.0.1")
            .await;
    }

    async fn external(&self) -> NetworkId {
        let mut tx = self.store.read().await.unwrap();
        let networks = tx.all_networks().await.unwrap();
        networks.iter().find(|row| row.external).unwrap().id
    }

    async fn add_router(&mut self, called: &str, project: ProjectId, at: Option<&str>) -> RouterId {
        let network = self.external().await;
        let now = OffsetDateTime::now_utc();
        let external = at.map(|address| ExternalGateway {
            network,
            addresses: address.parse::<Ipv4Addr>().unwrap().into(),
            enable_snat: true,
            on_demand: false,
        });
        let row = Router {
            id: RouterId::random(),
            project,
            resource_group: None,
            name: name(called),
            description: String::new(),
            admin_state_up: true,
            external,
            routes: Vec::new(),
            host: adit_model::HostId::ONLY,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        let mut tx = self.store.write().await.unwrap();
        tx.insert_router(&row).await.unwrap();
        tx.commit().await.unwrap();
        self.ids.insert(called.to_owned(), row.id.to_string());
        row.id
    }

    async fn add_subnet(
        &mut self,
        called: &str,
        project: ProjectId,
        router: RouterId,
        cidr: &str,
        gateway: &str,
    ) {
        let gateway: IpAddr = gateway.parse().unwrap();
        let (network, subnet, port) = (NetworkId::random(), SubnetId::random(), PortId::random());
        let (now, revision) = (OffsetDateTime::now_utc(), Revision::FIRST);
        let network_row = Network {
            id: network,
            project,
            name: name(called),
            description: String::new(),
            admin_state_up: true,
            external: false,
            shared: false,
            mtu: Network::MTU,
            port_security: true,
            created_at: now,
            updated_at: now,
            revision,
        };
        let subnet_row = Subnet {
            id: subnet,
            project,
            resource_group: None,
            network,
            name: name(called),
            description: String::new(),
            cidr: cidr.parse().unwrap(),
            gateway: Some(gateway),
            pools: Vec::new(),
            enable_dhcp: true,
            dns_nameservers: Vec::new(),
            host_routes: Vec::new(),
            ipv6_address_mode: None,
            ipv6_ra_mode: None,
            network_acl: None,
            public_gateway: None,
            zone: String::new(),
            created_at: now,
            updated_at: now,
            revision,
        };
        let interface = Port {
            id: port,
            project,
            resource_group: None,
            network,
            name: name(""),
            description: String::new(),
            admin_state_up: true,
            mac: MacAddress::of_port(port),
            fixed_ips: vec![FixedIp {
                subnet,
                address: gateway,
            }],
            device: Device::Router(router),
            port_security: false,
            security_groups: Vec::new(),
            created_at: now,
            updated_at: now,
            revision,
        };
        let mut tx = self.store.write().await.unwrap();
        tx.insert_network(&network_row).await.unwrap();
        tx.insert_subnet(&subnet_row).await.unwrap();
        tx.insert_port(&interface).await.unwrap();
        tx.commit().await.unwrap();
        self.ids.insert(called.to_owned(), subnet.to_string());
        self.ids
            .insert(format!("{called}_net"), network.to_string());
        self.ids.insert(format!("{called}_port"), port.to_string());
    }

    /// Policies, services, groups and connections of every sort, by short names.
    pub(crate) async fn add_vpn(&mut self) {
        self.make("ike", "ikepolicy", json!({"name": "ike"})).await;
        self.make("ipsec", "ipsecpolicy", json!({"name": "ipsec"}))
            .await;
        let ah_esp = json!({"transform_protocol": "ah-esp"});
        self.make("ah_esp", "ipsecpolicy", ah_esp).await;
        let free = json!({"name": "free"});
        self.make("free_ike", "ikepolicy", free.clone()).await;
        self.make("free_ipsec", "ipsecpolicy", free).await;
        for (ike, ipsec) in [("foreign_ike", "foreign_ipsec")] {
            self.make_as(Who::Other, ike, "ikepolicy", json!({})).await;
            self.make_as(Who::Other, ipsec, "ipsecpolicy", json!({}))
                .await;
        }
        let service = json!({"name": "svc", "router_id": "$router"});
        self.make("svc", "vpnservice", service).await;
        let legacy = json!({"name": "legacy", "router_id": "$router", "subnet_id": "$left"});
        self.make("svc_legacy", "vpnservice", legacy).await;
        let foreign = json!({"router_id": "$foreign_router"});
        self.make_as(Who::Other, "foreign_svc", "vpnservice", foreign)
            .await;
        for (name, kind, endpoints) in [
            ("le", "subnet", json!(["$left"])),
            ("le2", "subnet", json!(["$left", "$left2"])),
            ("le6", "subnet", json!(["$left6"])),
            ("le_off", "subnet", json!(["$off"])),
            ("le_mixed", "subnet", json!(["$left", "$left6"])),
            ("pe", "cidr", json!(["10.20.0.0/24", "10.21.0.0/24"])),
            ("pe_own", "cidr", json!(["10.22.0.0/24", "10.23.0.0/24"])),
            ("pe6", "cidr", json!(["fd00:77::/64"])),
            ("pe_mixed", "cidr", json!(["10.1.0.0/24", "fd00::/64"])),
            ("vlan", "vlan", json!(["100"])),
        ] {
            let group = json!({"name": name, "type": kind, "endpoints": endpoints});
            self.make(name, "endpoint_group", group).await;
        }
        let foreign = json!({"type": "cidr", "endpoints": ["10.1.0.0/24"]});
        self.make_as(Who::Other, "foreign_group", "endpoint_group", foreign)
            .await;
        // Behind other peers than those that tests make: one block is behind one peer.
        let mut conn = connection();
        conn["peer_ep_group_id"] = json!("$pe_own");
        self.make("conn", "ipsec_site_connection", conn).await;
        let mut legacy = legacy_connection();
        legacy["peer_cidrs"] = json!(["10.31.0.0/24"]);
        self.make("conn_legacy", "ipsec_site_connection", legacy)
            .await;
    }
}

/// A connection by endpoint groups.
pub(crate) fn connection() -> serde_json::Value {
    json!({
        "name": "conn", "vpnservice_id": "$svc", "ikepolicy_id": "$ike",
        "ipsecpolicy_id": "$ipsec", "peer_address": "203.0.113.200", "peer_id": "203.0.113.200",
        "psk": "secret", "local_ep_group_id": "$le", "peer_ep_group_id": "$pe",
    })
}

/// A connection of a service with a subnet.
pub(crate) fn legacy_connection() -> serde_json::Value {
    json!({
        "name": "legacy", "vpnservice_id": "$svc_legacy", "ikepolicy_id": "$ike",
        "ipsecpolicy_id": "$ipsec", "peer_address": "203.0.113.201", "peer_id": "peer.example",
        "psk": "secret", "peer_cidrs": ["10.30.0.0/24"],
    })
}

impl World {
    /// One network resource of every kind, by its kind, made as a client would: a subnet on a
    /// router that leads outside, a machine's port, a floating IP that stands for it.
    pub(crate) async fn add_net(&mut self) {
        self.make("network", "network", json!({"name": "net"}))
            .await;
        let subnet = json!({"network_id": "$network", "cidr": "10.70.0.0/24", "ip_version": 4});
        self.make("subnet", "subnet", subnet).await;
        let outside = json!({"external_gateway_info": {"network_id": "$ext"}});
        self.make("out", "router", outside).await;
        let of = json!({"subnet_id": "$subnet"});
        self.put("/routers/$out/add_router_interface", of)
            .await
            .is(200);
        let group = json!({"name": "web"});
        self.make("security_group", "security_group", group).await;
        let rule = json!({"security_group_id": "$security_group", "direction": "ingress"});
        self.make("security_group_rule", "security_group_rule", rule)
            .await;
        self.make("port", "port", json!({"network_id": "$network"}))
            .await;
        let floating = json!({"floating_network_id": "$ext", "port_id": "$port"});
        self.make("floatingip", "floatingip", floating).await;
    }
}
