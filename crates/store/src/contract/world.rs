//! One project with one row of every noun but routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use adit_model::authentication::{Authentication, Certificates, Pem, Ppk, PpkId, PrivateKey};
use adit_model::change::Actor;
use adit_model::connection::{DeadPeerDetection, DpdAction, Ends, GroupBlocks, Initiator};
use adit_model::connection_request::{PairReport, RequestState, RequestStep, SecretLink};
use adit_model::endpoint_group::{Endpoints, Written};
use adit_model::floating_ip::Association;
use adit_model::network_acl::{AclRule, Flow, NetworkAclRule};
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::port::{Device, FixedIp};
use adit_model::router::ExternalGateway;
use adit_model::security_group::{Direction, Family, Remote};
use adit_model::ssh_key::KeyKind;
use adit_model::subnet::{AddressRange, StaticRoute};
use adit_model::translation::{self, End};
use adit_model::tunnel_context::{RunningTunnel, Translation, TunnelSettings};
use adit_model::{
    Cidr, Connection, ConnectionId, ConnectionRequest, ConnectionRequestId, EndpointGroup,
    EndpointGroupId, FloatingIp, FloatingIpId, Gateway, GatewayId, HostId, IkePolicy, IkePolicyId,
    IpsecPolicy, IpsecPolicyId, MacAddress, Name, Network, NetworkAcl, NetworkAclId,
    NetworkAclRuleId, NetworkId, OuterAddresses, Port, PortId, Project, ProjectId, Psk,
    PublicGateway, PublicGatewayId, Revision, Router, RouterId, SecurityGroup, SecurityGroupId,
    SecurityGroupRule, SecurityGroupRuleId, SshKey, SshKeyId, Subnet, SubnetId, TranslationId,
    TunnelContext, TunnelContextId, UserId,
};
use time::{Duration, OffsetDateTime};

use crate::{Store, StoreError, WriteTransaction};

/// One row of every noun but routes, which their connection could not be deleted with, all of one project, hanging
/// together.
#[derive(Debug)]
pub struct World {
    pub project: Project,
    pub external: Network,
    pub network: Network,
    pub subnet: Subnet,
    pub router: Router,
    pub interface: Port,
    pub port: Port,
    pub floating_ip: FloatingIp,
    /// That of the public gateway.
    pub other_floating_ip: FloatingIp,
    pub public_gateway: PublicGateway,
    pub network_acl: NetworkAcl,
    pub ssh_key: SshKey,
    pub security_group: SecurityGroup,
    pub security_group_rule: SecurityGroupRule,
    pub gateway: Gateway,
    pub endpoint_group: EndpointGroup,
    pub connection: Connection,
    pub ike_policy: IkePolicy,
    pub ipsec_policy: IpsecPolicy,
    pub connection_request: ConnectionRequest,
    pub tunnel_context: TunnelContext,
}

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(super) fn time(second: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::new(1_600_000_000 + second, 123_456_789)
}

impl World {
    /// Rows whose public addresses end in `n`.
    #[must_use]
    pub fn new(n: u8) -> Self {
        let project = ProjectId::random();
        let (external, network) = (NetworkId::random(), NetworkId::random());
        let (router, subnet, gateway) =
            (RouterId::random(), SubnetId::random(), GatewayId::random());
        let (interface, port) = (PortId::random(), PortId::random());
        let (group, endpoints) = (SecurityGroupId::random(), EndpointGroupId::random());
        let network_acl = NetworkAclId::random();
        let (public_gateway, other_floating_ip) =
            (PublicGatewayId::random(), FloatingIpId::random());
        let (ike, ipsec) = (IkePolicyId::random(), IpsecPolicyId::random());
        let (created_at, revision) = (time(i64::from(n)), Revision::FIRST);
        let updated_at = time(i64::from(n) + 1);
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        let public = |block: u8| Ipv4Addr::new(198, 51, block, n);
        let outer = |block: u8| OuterAddresses {
            v4: public(block),
            second: (block == 100).then(|| public(103)),
            v6: Some(Ipv6Addr::from([
                0x2001,
                0xdb8,
                block.into(),
                0,
                0,
                0,
                0,
                n.into(),
            ])),
        };
        let network_row = |id, is_external| Network {
            id,
            project,
            name: name("n"),
            description: "wires".to_owned(),
            admin_state_up: true,
            external: is_external,
            shared: false,
            mtu: 1450,
            port_security: !is_external,
            created_at,
            updated_at,
            revision,
        };
        let port_row = |id, at: &str, device, security_groups| Port {
            id,
            project,
            resource_group: Some("group-1".parse().unwrap()),
            network,
            name: name("p"),
            description: "a plug".to_owned(),
            admin_state_up: true,
            mac: MacAddress::of_port(id),
            fixed_ips: vec![FixedIp {
                subnet,
                address: address(at),
            }],
            device,
            port_security: true,
            security_groups,
            created_at,
            updated_at,
            revision,
        };
        Self {
            project: Project {
                id: project,
                name: name(&format!("project-{n}")),
                description: "a tenant".to_owned(),
                enabled: true,
            },
            external: network_row(external, true),
            network: network_row(network, false),
            subnet: Subnet {
                id: subnet,
                project,
                resource_group: Some("group-1".parse().unwrap()),
                network,
                name: name("s"),
                description: "a block".to_owned(),
                cidr: "10.0.0.0/24".parse().unwrap(),
                gateway: Some(address("10.0.0.1")),
                pools: vec![AddressRange {
                    first: address("10.0.0.2"),
                    last: address("10.0.0.254"),
                }],
                enable_dhcp: true,
                dns_nameservers: vec![address("8.8.8.8")],
                host_routes: vec![StaticRoute {
                    destination: "10.9.0.0/16".parse().unwrap(),
                    nexthop: address("10.0.0.9"),
                }],
                ipv6_address_mode: None,
                ipv6_ra_mode: Some("slaac".to_owned()),
                network_acl: Some(network_acl),
                public_gateway: Some(public_gateway),
                zone: "us-south-1".to_owned(),
                created_at,
                updated_at,
                revision,
            },
            router: Router {
                id: router,
                project,
                resource_group: Some("group-1".parse().unwrap()),
                name: name("r"),
                description: "a way".to_owned(),
                admin_state_up: true,
                external: Some(ExternalGateway {
                    network: external,
                    addresses: outer(101),
                    enable_snat: true,
                    on_demand: true,
                }),
                routes: vec![StaticRoute {
                    destination: "10.8.0.0/16".parse().unwrap(),
                    nexthop: address("10.0.0.8"),
                }],
                host: HostId::ONLY,
                created_at,
                updated_at,
                revision,
            },
            interface: port_row(interface, "10.0.0.1", Device::Router(router), Vec::new()),
            port: port_row(port, "10.0.0.4", Device::instance(), vec![group]),
            floating_ip: FloatingIp {
                id: FloatingIpId::random(),
                project,
                resource_group: Some("group-1".parse().unwrap()),
                name: name("f"),
                description: "an alias".to_owned(),
                network: external,
                address: public(102).into(),
                zone: "us-south-1".to_owned(),
                association: Some(Association {
                    port,
                    fixed_ip: address("10.0.0.4"),
                    router,
                }),
                created_at,
                updated_at,
                revision,
            },
            other_floating_ip: FloatingIp {
                id: other_floating_ip,
                project,
                resource_group: None,
                name: Name::default(),
                description: String::new(),
                network: external,
                address: public(103).into(),
                zone: "us-south-1".to_owned(),
                association: None,
                created_at: time(i64::from(n) + 2),
                updated_at,
                revision,
            },
            public_gateway: PublicGateway {
                id: public_gateway,
                project,
                resource_group: Some("group-1".parse().unwrap()),
                router,
                zone: "us-south-1".to_owned(),
                name: name("pg"),
                floating_ip: other_floating_ip,
                owns_floating_ip: true,
                created_at,
                revision,
            },
            ssh_key: SshKey {
                id: SshKeyId::random(),
                project,
                resource_group: Some("group-1".parse().unwrap()),
                name: name("k"),
                public_key: "ssh-ed25519 AAAA me".to_owned(),
                kind: KeyKind::Ed25519,
                bits: 256,
                fingerprint: "SHA256:none".to_owned(),
                created_at,
                revision,
            },
            network_acl: NetworkAcl {
                id: network_acl,
                project,
                resource_group: Some("group-1".parse().unwrap()),
                router,
                is_default: true,
                name: name("a"),
                rules: vec![NetworkAclRule {
                    id: NetworkAclRuleId::random(),
                    name: name("one"),
                    created_at,
                    content: AclRule {
                        source: "10.0.0.7".parse().unwrap(),
                        icmp_type: Some(8),
                        ..AclRule::allowing(Flow::Inbound)
                    },
                }],
                created_at,
                updated_at,
                revision,
            },
            security_group: SecurityGroup {
                id: group,
                project,
                resource_group: Some("group-1".parse().unwrap()),
                router: Some(router),
                is_default: true,
                name: name("default"),
                description: "the rules".to_owned(),
                created_at,
                updated_at,
                revision,
            },
            security_group_rule: SecurityGroupRule {
                id: SecurityGroupRuleId::random(),
                project,
                group,
                name: name("ssh"),
                description: "ours".to_owned(),
                direction: Direction::Ingress,
                family: Family::V4,
                protocol: Some("tcp".to_owned()),
                port_min: Some(22),
                port_max: Some(23),
                remote: Remote::Group(group),
                created_at,
                revision,
            },
            gateway: Gateway {
                id: gateway,
                project,
                resource_group: Some("group-1".parse().unwrap()),
                router,
                subnet: Some(subnet),
                name: name("g"),
                description: "a service".to_owned(),
                admin_state_up: true,
                addresses: outer(100),
                host: HostId::ONLY,
                created_at,
                revision,
            },
            endpoint_group: EndpointGroup {
                id: endpoints,
                project,
                name: name("e"),
                description: "our end".to_owned(),
                endpoints: Endpoints::Subnets(vec![Written {
                    value: subnet,
                    // As users may write it.
                    text: subnet.uuid().simple().to_string(),
                }]),
                created_at,
                revision,
            },
            connection: Connection {
                id: ConnectionId::random(),
                project,
                gateway,
                name: name("c"),
                description: "a wish".to_owned(),
                peer_address: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
                peer_host: Some("peer.example.com".to_owned()),
                peer_id: Some("@peer".to_owned()),
                local_id: None,
                authentication: Psk::new(b"planted-secret-1234".to_vec()).unwrap().into(),
                psk_set_at: Some(created_at + Duration::days(3)),
                ppk: None,
                ends: Ends::Groups {
                    local: GroupBlocks {
                        group: endpoints,
                        cidrs: blocks(&["10.0.0.0/24", "10.0.1.0/24"]),
                    },
                    peer: GroupBlocks {
                        group: endpoints,
                        cidrs: blocks(&["192.168.7.0/24", "192.168.0.0/24"]),
                    },
                },
                translations: vec![block_translation()],
                distribute_traffic: true,
                mtu: 1400,
                initiator: Initiator::ResponseOnly,
                dead_peer_detection: DeadPeerDetection {
                    action: DpdAction::RestartByPeer,
                    interval_s: 7,
                    timeout_s: 77,
                },
                ike_policy: Some(ike),
                ipsec_policy: Some(ipsec),
                admin_state_up: false,
                created_at,
                revision,
            },
            ike_policy: IkePolicy {
                id: ike,
                project,
                resource_group: Some("group-1".parse().unwrap()),
                name: name("p1"),
                description: "first".to_owned(),
                parameters: IkeParameters::negotiate(),
                created_at,
                revision,
            },
            ipsec_policy: IpsecPolicy {
                id: ipsec,
                project,
                resource_group: Some("group-1".parse().unwrap()),
                name: name("p2"),
                description: "second".to_owned(),
                parameters: IpsecParameters::negotiate(),
                created_at,
                revision,
            },
            connection_request: request(project, gateway, created_at),
            tunnel_context: context(project, gateway, subnet, created_at),
        }
    }

    /// Inserts all of them.
    pub async fn insert(&self, tx: &mut dyn WriteTransaction) -> Result<(), StoreError> {
        tx.insert_project(&self.project).await?;
        tx.insert_network(&self.external).await?;
        tx.insert_network(&self.network).await?;
        tx.insert_router(&self.router).await?;
        tx.insert_floating_ip(&self.other_floating_ip).await?;
        tx.insert_public_gateway(&self.public_gateway).await?;
        tx.insert_network_acl(&self.network_acl).await?;
        tx.insert_ssh_key(&self.ssh_key).await?;
        tx.insert_subnet(&self.subnet).await?;
        tx.insert_security_group(&self.security_group).await?;
        tx.insert_security_group_rule(&self.security_group_rule)
            .await?;
        tx.insert_port(&self.interface).await?;
        tx.insert_port(&self.port).await?;
        tx.insert_floating_ip(&self.floating_ip).await?;
        tx.insert_gateway(&self.gateway).await?;
        tx.insert_endpoint_group(&self.endpoint_group).await?;
        tx.insert_ike_policy(&self.ike_policy).await?;
        tx.insert_ipsec_policy(&self.ipsec_policy).await?;
        tx.insert_connection(&self.connection).await?;
        tx.insert_connection_request(&self.connection_request)
            .await?;
        tx.insert_tunnel_context(&self.tunnel_context).await
    }

    /// Inserts and commits all of them.
    pub async fn store(&self, store: &dyn Store) {
        let mut tx = store.write().await.unwrap();
        self.insert(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Certificates, which nobody has to be able to read here.
#[must_use]
pub fn certificates() -> Authentication {
    let pem = |text: &str| Pem::new(format!("-----BEGIN {text}-----\n")).unwrap();
    let key = b"-----BEGIN PRIVATE KEY-----\nplanted".to_vec();
    Authentication::Certificates(Box::new(Certificates {
        own: pem("CERTIFICATE"),
        key: PrivateKey::new(key).unwrap(),
        authorities: pem("CERTIFICATE"),
        revocation_lists: Some(pem("X509 CRL")),
    }))
}

/// A post-quantum pre-shared key.
#[must_use]
pub fn ppk() -> Ppk {
    Ppk {
        id: PpkId::new("name".to_owned()).unwrap(),
        key: Psk::new(b"planted-ppk".to_vec()).unwrap(),
        required: true,
    }
}

/// Of what is here: nothing is routed otherwise for it.
fn block_translation() -> translation::Translation {
    translation::Translation {
        end: End::Local,
        cidr: "10.0.1.0/24".parse().unwrap(),
        shown_as: "10.201.1.0/24".parse().unwrap(),
    }
}

fn translation() -> Translation {
    Translation {
        id: TranslationId::from_uuid(uuid::Uuid::from_u128(7)),
        internal: [10, 1, 255, 92].into(),
        customer: [192, 168, 10, 15].into(),
        notes: "web".to_owned(),
    }
}

fn context(
    project: ProjectId,
    gateway: GatewayId,
    subnet: SubnetId,
    created_at: OffsetDateTime,
) -> TunnelContext {
    TunnelContext {
        id: TunnelContextId::random(),
        project,
        name: name("ipsec001"),
        gateway,
        staged: TunnelSettings {
            friendly_name: name("branch"),
            peer_address: Some("198.51.100.7".parse().unwrap()),
            subnets: vec![subnet],
            services: blocks(&["10.0.64.0/19"]),
            peer_cidrs: blocks(&["192.168.10.0/24"]),
            assigned: Some("10.1.255.92/30".parse().unwrap()),
            translations: vec![translation()],
            ..TunnelSettings::of_old_equipment()
        },
        psk: Psk::new(b"planted".to_vec()).unwrap(),
        running: Some(RunningTunnel {
            connection: ConnectionId::random(),
            ike_policy: IkePolicyId::random(),
            ipsec_policy: IpsecPolicyId::random(),
            services: blocks(&["10.0.64.0/19"]),
        }),
        ends_at: Some(created_at + Duration::DAY),
        created_at,
        updated_at: created_at + Duration::SECOND,
        revision: Revision::FIRST,
    }
}

fn request(
    project: ProjectId,
    gateway: GatewayId,
    created_at: OffsetDateTime,
) -> ConnectionRequest {
    let step = |state, by| RequestStep {
        state,
        at: created_at,
        by,
    };
    let [local, peer]: [Cidr; 2] = blocks(&["10.0.0.0/24", "192.168.0.0/24"])
        .try_into()
        .unwrap();
    ConnectionRequest {
        id: ConnectionRequestId::random(),
        project,
        name: name("branch"),
        peer_address: "peer.example.com".to_owned(),
        peer_cidrs: vec![peer],
        local_cidrs: vec![local],
        test_addresses: vec!["192.168.0.7".parse().unwrap()],
        recipient: "Ann".to_owned(),
        connection: ConnectionId::random(),
        made_gateway: Some(gateway),
        steps: vec![
            step(RequestState::Submitted, Some(Actor::User(UserId::random()))),
            step(RequestState::Configured, Some(Actor::Service)),
            step(RequestState::SecretFetched, None),
        ],
        secret: SecretLink {
            proof: [1; 32],
            passphrase: [2; 32],
            expires_at: created_at.replace_nanosecond(0).unwrap(),
            failures: 2,
        },
        report: vec![PairReport {
            local,
            peer,
            is_carried: true,
            from: Some("10.0.0.1".parse().unwrap()),
            asked: vec!["192.168.0.7".parse().unwrap()],
            answered: Some("192.168.0.7".parse().unwrap()),
            after_us: Some(1234),
            path_mtu: Some(1438),
        }],
        created_at,
        revision: Revision::FIRST,
    }
}

pub(super) fn blocks(texts: &[&str]) -> Vec<Cidr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}
