//! What somebody may ask for, with things picked among those there are.

use adit_control::connection::{ConnectionChange, EndsChange, GivenEnds, Rules, Side};
use adit_control::endpoint_group::NewEndpointGroup;
use adit_control::floating_ip::{self, NewFloatingIp, Target, Way};
use adit_control::gateway::{self, GatewayChange};
use adit_control::network::{NetworkChange, NewNetwork};
use adit_control::policy::NewPolicy;
use adit_control::port::{self, NewPort, PortChange, WishedIp};
use adit_control::router::{NewRouter, RouterChange, WishedExternal};
use adit_control::router_interface::InterfaceOf;
use adit_control::security_group::NewRule;
use adit_control::subnet::{self, Block};
use adit_control::{Allowance, Caller, Error, Naming, PolicyEdit};
use adit_model::endpoint_group::{EndpointKind, Endpoints};
use adit_model::policy::{Authentication, Encryption, IkeParameters, IpsecParameters, Transform};
use adit_model::port::Device;
use adit_model::project::Role;
use adit_model::security_group::{Direction, Remote};
use adit_model::{
    Cidr, Connection, EndpointGroup, FloatingIp, Gateway, IkePolicy, IpsecPolicy, Network, Port,
    Router, SecurityGroup, SecurityGroupRule, Subnet,
};
use adit_store::{Query, Row, Rows};

use super::around;
use crate::world::{
    LAX, LAX_FLOATING_IPS, LAX_GATEWAYS, LAX_GROUPS, LAX_PORTS, LAX_SUBNETS, STRICT,
    STRICT_GATEWAYS, STRICT_PORTS, STRICT_SUBNETS, World, let_in, name, new_connection,
    new_gateway, new_group, new_machine, new_router, new_subnet, standing_for,
};

/// Names don't get in the way here.
const FREE_GATEWAYS: gateway::Rules = gateway::Rules {
    naming: Naming::Free,
    ..STRICT_GATEWAYS
};

const FREE_SUBNETS: subnet::Rules = subnet::Rules {
    naming: Naming::Free,
    ..STRICT_SUBNETS
};

const FREE_PORTS: port::Rules = port::Rules {
    naming: Naming::Free,
    ..STRICT_PORTS
};

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    /// A member of the project.
    Member,
    /// One of its readers.
    Reader,
    /// A member of another project, who knows all ids.
    Stranger,
}

/// What came of it.
pub(super) enum Outcome {
    Done,
    Refused(Error),
    /// There is nothing to do it to.
    Idle,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Step {
    AddCidr,
    AddInterface,
    AttachAcl,
    AttachPublicGateway,
    AttachSubnet,
    ChangeAcl,
    ChangeConnection,
    ChangeIkePolicy,
    ChangeNetwork,
    ChangePort,
    ChangeRouter,
    ChangeService,
    DeleteAcl,
    DeleteConnection,
    DeleteEndpointGroup,
    DeleteFloatingIp,
    DeleteGateway,
    DeleteIkePolicy,
    DeleteInstance,
    DeleteIpsecPolicy,
    DeleteNetwork,
    DeletePort,
    DeletePublicGateway,
    DeleteRouter,
    DeleteRule,
    DeleteSecurityGroup,
    DeleteService,
    DeleteSubnet,
    DetachSubnet,
    MakeAcl,
    MakeConnection,
    MakeEndpointGroup,
    MakeFloatingIp,
    MakeGateway,
    MakeGroupOfRouter,
    MakeIkePolicy,
    MakeInstance,
    MakeIpsecPolicy,
    MakeNetwork,
    MakePort,
    MakePublicGateway,
    MakeRouter,
    MakeRule,
    MakeSecurityGroup,
    MakeService,
    MakeSubnet,
    MoveFloatingIp,
    RemoveCidr,
    RemoveInterface,
}

/// Of tunnels and what they hang on; often what the others need first.
pub(super) const OF_CONNECTIONS: &[Step] = &[
    Step::MakeRouter,
    Step::AttachSubnet,
    Step::AttachSubnet,
    Step::MakeGateway,
    Step::MakeService,
    Step::MakeService,
    Step::MakeEndpointGroup,
    Step::MakeEndpointGroup,
    Step::MakeEndpointGroup,
    Step::MakeIkePolicy,
    Step::MakeIpsecPolicy,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::MakeConnection,
    Step::ChangeConnection,
    Step::ChangeConnection,
    Step::AddCidr,
    Step::AddCidr,
    Step::AddCidr,
    Step::RemoveCidr,
    Step::ChangeIkePolicy,
    Step::ChangeService,
    Step::ChangeRouter,
    Step::DeleteConnection,
    Step::DeleteGateway,
    Step::DeleteService,
    Step::DeleteEndpointGroup,
    Step::DeleteIkePolicy,
    Step::DeleteIpsecPolicy,
    Step::DetachSubnet,
    Step::DeleteRouter,
];

/// Of networks and what is on them.
pub(super) const OF_NETWORKS: &[Step] = &[
    Step::MakeNetwork,
    Step::MakeSubnet,
    Step::MakeSubnet,
    Step::AddInterface,
    Step::AddInterface,
    Step::AttachSubnet,
    Step::MakePort,
    Step::MakeInstance,
    Step::MakeFloatingIp,
    Step::MoveFloatingIp,
    Step::MakeSecurityGroup,
    Step::MakeGroupOfRouter,
    Step::MakeAcl,
    Step::AttachAcl,
    Step::ChangeAcl,
    Step::MakePublicGateway,
    Step::AttachPublicGateway,
    Step::MakeRule,
    Step::ChangeNetwork,
    Step::ChangePort,
    Step::RemoveInterface,
    Step::DeleteSubnet,
    Step::DeleteNetwork,
    Step::DeletePort,
    Step::DeleteInstance,
    Step::DeleteFloatingIp,
    Step::DeleteRule,
    Step::DeleteSecurityGroup,
    Step::DeleteAcl,
    Step::DeletePublicGateway,
];

/// What every sequence begins with, so that there is something to ask for things of.
pub(super) const BEGINNING: &[(Step, [u8; 6])] = &[
    (Step::MakeRouter, [1, 0, 0, 0, 0, 0]),
    (Step::MakeRouter, [1, 0, 0, 0, 0, 0]),
    (Step::AttachSubnet, [0, 0, 0, 0, 0, 0]),
    (Step::AttachSubnet, [1, 1, 0, 0, 0, 0]),
    (Step::MakeGateway, [0, 0, 0, 0, 0, 0]),
    (Step::MakeService, [0, 1, 0, 0, 0, 0]),
    (Step::MakeService, [1, 1, 0, 0, 0, 0]),
    (Step::MakeEndpointGroup, [0, 1, 0, 0, 0, 0]),
    (Step::MakeEndpointGroup, [1, 0, 0, 0, 0, 0]),
    (Step::MakeEndpointGroup, [0, 3, 0, 0, 0, 0]),
    (Step::MakeEndpointGroup, [1, 1, 0, 0, 0, 0]),
    (Step::MakeIkePolicy, [2, 0, 0, 0, 0, 0]),
    (Step::MakeConnection, [0, 0, 0, 1, 1, 203]),
    (Step::MakeConnection, [0, 3, 2, 1, 4, 1]),
    (Step::MakeNetwork, [0, 0, 0, 0, 0, 0]),
    (Step::MakeSubnet, [2, 3, 0, 0, 0, 0]),
    (Step::MakeInstance, [0, 0, 0, 0, 0, 0]),
    (Step::MakeIpsecPolicy, [0, 0, 0, 0, 0, 0]),
    (Step::MakeFloatingIp, [0, 0, 0, 0, 0, 0]),
    (Step::MakeSecurityGroup, [0, 0, 0, 0, 0, 0]),
    (Step::MakeRule, [1, 1, 0, 0, 0, 0]),
    (Step::MakeRouter, [1, 0, 0, 0, 0, 0]),
    (Step::MakeAcl, [0, 0, 0, 0, 0, 0]),
    (Step::AttachAcl, [0, 1, 0, 0, 0, 0]),
    (Step::MakePublicGateway, [0, 0, 0, 0, 0, 0]),
    (Step::AttachPublicGateway, [0, 0, 1, 0, 0, 0]),
];

/// Networks here. Few, so that they meet.
const NETWORKS: &[&str] = &[
    "10.0.0.0/24",
    "10.0.1.0/24",
    "10.0.0.0/16",
    "10.1.0.0/24",
    "192.168.0.0/24",
    "2001:db8:1::/64",
];

/// Blocks behind peers.
const BLOCKS: &[&str] = &[
    "10.1.0.0/24",
    "10.2.0.0/24",
    "10.2.0.0/25",
    "192.168.0.0/24",
    "0.0.0.0/0",
    "10.0.0.128/25",
    "2001:db8:2::/64",
];

const PEERS: &[&str] = &[
    "198.51.100.7",
    "198.51.100.8",
    "198.51.100.9",
    "2001:db8:9::7",
    "203.0.113.1",
    "203.0.113.3",
    "0.0.0.0",
    "127.0.0.1",
    "224.0.0.1",
];

pub(super) fn of<T: Copy>(list: &[T], pick: u8) -> T {
    list[usize::from(pick) % list.len()]
}

fn block(list: &[&str], pick: u8) -> Cidr {
    of(list, pick).parse().unwrap()
}

/// One block, or two.
fn blocks(list: &[&str], pick: u8) -> Vec<Cidr> {
    let count = if pick >= 200 { 2 } else { 1 };
    (0..count)
        .map(|n| block(list, pick.wrapping_add(n)))
        .collect()
}

/// Strict as a face may be, or lax.
fn rules(pick: u8) -> Rules {
    let mut rules = if pick.is_multiple_of(3) { STRICT } else { LAX };
    rules.naming = Naming::Free;
    rules
}

/// One of the project's own things, unless there is none.
pub(super) async fn any<T: Row>(world: &World, pick: u8) -> Option<T>
where
    dyn adit_store::Transaction: Rows<T>,
{
    let mut tx = world.store.read().await.unwrap();
    let query = Query::of_project(world.demo.project);
    let mut all: Vec<T> = tx.list(query).await.unwrap();
    let count = all.len();
    (count > 0).then(|| all.swap_remove(usize::from(pick) % count))
}

pub(super) fn done<T>(result: Result<T, Error>) -> Outcome {
    match result {
        Ok(_) => Outcome::Done,
        Err(error) => Outcome::Refused(error),
    }
}

/// Asks for it.
pub(super) async fn take(world: &World, step: Step, who: Who, picks: [u8; 6]) -> Outcome {
    let caller = match who {
        Who::Member => world.demo,
        Who::Reader => Caller {
            role: Role::Reader,
            ..world.demo
        },
        Who::Stranger => Caller {
            role: Role::Member,
            ..world.admin
        },
    };
    // A stranger may have such of his own.
    if who == Who::Stranger && FIRST.contains(&step) {
        return Outcome::Idle;
    }
    let is_of_connections = OF_CONNECTIONS.contains(&step) && step != Step::AttachSubnet;
    let taken = match is_of_connections {
        true => of_connections(world, &caller, step, picks).await,
        false if around::STEPS.contains(&step) => around::take(world, &caller, step, picks).await,
        false => of_networks(world, &caller, step, picks).await,
    };
    taken.unwrap_or(Outcome::Idle)
}

/// What hangs on nothing.
const FIRST: &[Step] = &[
    Step::MakeEndpointGroup,
    Step::MakeFloatingIp,
    Step::MakeIkePolicy,
    Step::MakeIpsecPolicy,
    Step::MakeNetwork,
    Step::MakeRouter,
    Step::MakeSecurityGroup,
];

#[expect(clippy::too_many_lines, reason = "one arm for each step")]
async fn of_connections(
    world: &World,
    caller: &Caller,
    step: Step,
    picks: [u8; 6],
) -> Option<Outcome> {
    let (c, [a, b, ..]) = (&world.control, picks);
    Some(match step {
        Step::MakeRouter => {
            let new = NewRouter {
                naming: Naming::Free,
                external: match a % 4 {
                    0 => None,
                    _ => Some(outside(world).await),
                },
                ..new_router("r")
            };
            done(c.create_router(caller, new).await)
        }
        Step::ChangeRouter => {
            let change = RouterChange {
                admin_state_up: (b % 2 == 0).then_some(b % 4 == 0),
                external: match b % 3 {
                    0 => Some(Some(outside(world).await)),
                    1 => Some(None),
                    _ => None,
                },
                ..RouterChange::default()
            };
            let router = any::<Router>(world, a).await?;
            done(c.update_router(caller, router.id, change).await)
        }
        Step::DeleteRouter => {
            // The first two are in use for long.
            let router = any::<Router>(world, a.max(2)).await?;
            done(c.delete_router(caller, router.id, None).await)
        }
        Step::DetachSubnet => {
            let subnet = any::<Subnet>(world, a).await?;
            let deleted = c.delete_subnet(caller, STRICT_SUBNETS, subnet.id, None);
            done(deleted.await)
        }
        Step::MakeGateway => {
            let place = gateway::Place::Subnet(any::<Subnet>(world, a).await?.id);
            let new = new_gateway("g", place);
            done(c.create_gateway(caller, FREE_GATEWAYS, new).await)
        }
        Step::MakeService => {
            let place = gateway::Place::Router {
                id: any::<Router>(world, a).await?.id,
                subnet: match b % 3 {
                    0 => Some(any::<Subnet>(world, b).await?.id),
                    _ => None,
                },
            };
            let mut new = new_gateway("s", place);
            new.admin_state_up = b % 8 != 0;
            done(c.create_gateway(caller, LAX_GATEWAYS, new).await)
        }
        Step::ChangeService => {
            let change = GatewayChange {
                admin_state_up: Some(b % 2 == 0),
                ..GatewayChange::default()
            };
            let gateway = any::<Gateway>(world, a).await?;
            let changed = c.update_gateway(caller, LAX_GATEWAYS, gateway.id, change);
            done(changed.await)
        }
        Step::DeleteGateway => {
            let gateway = any::<Gateway>(world, a).await?;
            let deleted = c.delete_gateway(caller, STRICT_GATEWAYS, gateway.id, None);
            done(deleted.await)
        }
        Step::DeleteService => {
            let gateway = any::<Gateway>(world, a).await?;
            let deleted = c.delete_gateway(caller, LAX_GATEWAYS, gateway.id, None);
            done(deleted.await)
        }
        Step::MakeEndpointGroup => {
            let (kind, endpoints) = match a % 2 {
                0 => (EndpointKind::Cidr, vec![block(BLOCKS, b).to_string()]),
                _ => {
                    let subnet = any::<Subnet>(world, b).await?.id;
                    (EndpointKind::Subnet, vec![subnet.to_string()])
                }
            };
            let new = NewEndpointGroup {
                name: name("e"),
                description: String::new(),
                endpoints: Endpoints::parse(kind, endpoints).unwrap(),
            };
            done(c.create_endpoint_group(caller, new).await)
        }
        Step::DeleteEndpointGroup => {
            let group = any::<EndpointGroup>(world, a).await?;
            done(c.delete_endpoint_group(caller, group.id, None).await)
        }
        Step::MakeIkePolicy => {
            let parameters = IkeParameters {
                lifetime_s: if a % 8 == 0 { 59 } else { 3600 },
                encryption: vec![Encryption::Aes256],
                authentication: match a % 8 {
                    1 => Vec::new(),
                    _ => vec![Authentication::Sha256],
                },
                ..IkeParameters::negotiate()
            };
            done(c.create_policy(caller, new_policy(parameters)).await)
        }
        Step::MakeIpsecPolicy => {
            let parameters = IpsecParameters {
                transform: of(&[Transform::Esp, Transform::Esp, Transform::AhEsp], a),
                ..IpsecParameters::negotiate()
            };
            done(c.create_policy(caller, new_policy(parameters)).await)
        }
        Step::ChangeIkePolicy => {
            let policy = any::<IkePolicy>(world, a).await?;
            let edit = PolicyEdit {
                expected: None,
                name: None,
                description: None,
                parameters: |mut parameters: IkeParameters| {
                    parameters.lifetime_s = 3600 + u32::from(b);
                    parameters
                },
                only_unused: b % 2 == 0,
            };
            done(c.update_policy(caller, policy.id, edit).await)
        }
        Step::DeleteIkePolicy => {
            let policy = any::<IkePolicy>(world, a).await?;
            done(
                c.delete_policy::<IkeParameters>(caller, policy.id, None)
                    .await,
            )
        }
        Step::DeleteIpsecPolicy => {
            let policy = any::<IpsecPolicy>(world, a).await?;
            done(
                c.delete_policy::<IpsecParameters>(caller, policy.id, None)
                    .await,
            )
        }
        _ => return of_one_connection(world, caller, step, picks).await,
    })
}

async fn of_one_connection(
    world: &World,
    caller: &Caller,
    step: Step,
    picks: [u8; 6],
) -> Option<Outcome> {
    let (c, [a, b, d, e, f, g]) = (&world.control, picks);
    let rules = rules(b);
    if step == Step::MakeConnection {
        let gateway = any::<Gateway>(world, a).await?;
        let mut new = new_connection(gateway.id, "c", &[], &[]);
        new.peer_address = of(PEERS, if d % 2 == 0 { d } else { d % 3 }).to_owned();
        new.mtu = of(&[0, 0, 0, 1400, 1000, 60], e);
        if e % 4 == 0 {
            new.ike_policy = any::<IkePolicy>(world, e).await.map(|row| row.id);
            new.ipsec_policy = any::<IpsecPolicy>(world, e).await.map(|row| row.id);
        }
        new.ends = match (gateway.subnet, f % 8) {
            (None, _) | (_, 0) => GivenEnds {
                local_group: any::<EndpointGroup>(world, f).await.map(|row| row.id),
                peer_group: any::<EndpointGroup>(world, g).await.map(|row| row.id),
                ..GivenEnds::default()
            },
            (_, 1..4) => GivenEnds {
                peer_cidrs: blocks(BLOCKS, g),
                ..GivenEnds::default()
            },
            _ => GivenEnds {
                local_cidrs: Some(blocks(NETWORKS, f)),
                peer_cidrs: blocks(BLOCKS, g),
                ..GivenEnds::default()
            },
        };
        return Some(done(c.create_connection(caller, rules, new).await));
    }
    let row = any::<Connection>(world, a).await?;
    let id = row.id;
    let side = if d % 2 == 0 { Side::Local } else { Side::Peer };
    let list = if d % 2 == 0 { NETWORKS } else { BLOCKS };
    Some(match step {
        Step::ChangeConnection => {
            let change = ConnectionChange {
                peer_address: (d % 4 == 0).then(|| of(PEERS, e).to_owned()),
                ends: EndsChange {
                    local_cidrs: (d % 4 == 1).then(|| blocks(NETWORKS, f)),
                    peer_cidrs: (d % 4 < 3).then(|| blocks(BLOCKS, g)),
                    local_group: None,
                    peer_group: match d % 8 {
                        7 => any::<EndpointGroup>(world, g).await.map(|row| Some(row.id)),
                        _ => None,
                    },
                },
                mtu: (e % 4 == 0).then(|| of(&[0, 1400, 1000, 60], f)),
                admin_state_up: (e % 4 == 1).then_some(f % 2 == 0),
                ike_policy: match e % 4 {
                    2 => Some(any::<IkePolicy>(world, f).await.map(|row| row.id)),
                    _ => None,
                },
                ..ConnectionChange::default()
            };
            done(c.update_connection(caller, rules, id, None, change).await)
        }
        Step::AddCidr => {
            let added = c.add_cidr(caller, rules, id, side, block(list, e)).await;
            match added {
                Ok(false) => Outcome::Idle,
                other => done(other),
            }
        }
        Step::RemoveCidr => {
            let cidr = of(side.of(&row), e);
            done(c.remove_cidr(caller, rules, id, side, cidr).await)
        }
        Step::DeleteConnection => done(c.delete_connection(caller, id, None).await),
        other => unreachable!("{other:?} is no step of a connection"),
    })
}

async fn of_networks(
    world: &World,
    caller: &Caller,
    step: Step,
    picks: [u8; 6],
) -> Option<Outcome> {
    let (c, [a, b, d, ..]) = (&world.control, picks);
    Some(match step {
        Step::AttachSubnet => {
            let place = subnet::Place::Router(any::<Router>(world, a).await?.id);
            let new = new_subnet("s", place, Block::Exact(block(NETWORKS, b)));
            done(c.create_subnet(caller, FREE_SUBNETS, new).await)
        }
        Step::MakeNetwork => {
            let new = NewNetwork {
                name: name("n"),
                description: String::new(),
                admin_state_up: true,
                external: false,
                shared: false,
                mtu: of(&[1500, 1400, 1000], a),
                port_security: b % 2 == 0,
            };
            done(c.create_network(caller, new).await)
        }
        Step::ChangeNetwork => {
            let network = any::<Network>(world, a).await?;
            let change = NetworkChange {
                mtu: Some(of(&[1500, 1400, 1000], b)),
                admin_state_up: Some(d % 4 != 0),
                ..NetworkChange::default()
            };
            done(c.update_network(caller, network.id, change).await)
        }
        Step::DeleteNetwork => {
            let network = any::<Network>(world, a).await?;
            done(c.delete_network(caller, network.id, None).await)
        }
        Step::MakeSubnet => {
            let place = subnet::Place::Network(any::<Network>(world, a).await?.id);
            let new = new_subnet("s", place, Block::Exact(block(NETWORKS, b)));
            done(c.create_subnet(caller, LAX_SUBNETS, new).await)
        }
        Step::DeleteSubnet => {
            let subnet = any::<Subnet>(world, a).await?;
            let deleted = c.delete_subnet(caller, LAX_SUBNETS, subnet.id, None);
            done(deleted.await)
        }
        Step::AddInterface => {
            let router = any::<Router>(world, a).await?.id;
            let of = InterfaceOf::Subnet(any::<Subnet>(world, b).await?.id);
            done(c.add_router_interface(caller, router, of).await)
        }
        Step::RemoveInterface => {
            let router = any::<Router>(world, a).await?.id;
            let port = any::<Port>(world, b).await?;
            let (router, of) = match port.device.router() {
                Some(router) => (router, InterfaceOf::Port(port.id)),
                None => (
                    router,
                    InterfaceOf::Subnet(any::<Subnet>(world, b).await?.id),
                ),
            };
            done(c.remove_router_interface(caller, router, of).await)
        }
        _ => return of_ports(world, caller, step, picks).await,
    })
}

#[expect(clippy::too_many_lines, reason = "one arm for each step")]
async fn of_ports(world: &World, caller: &Caller, step: Step, picks: [u8; 6]) -> Option<Outcome> {
    let (c, [a, b, d, ..]) = (&world.control, picks);
    Some(match step {
        Step::MakePort => {
            let new = NewPort {
                name: name("p"),
                resource_group: None,
                description: String::new(),
                place: port::Place::Network(any::<Network>(world, a).await?.id),
                admin_state_up: true,
                mac: None,
                fixed_ips: None,
                device: match b % 3 {
                    0 => Device::none(),
                    _ => Device::instance(),
                },
                port_security: None,
                security_groups: None,
            };
            done(c.create_port(caller, LAX_PORTS, new).await)
        }
        Step::ChangePort => {
            let port = any::<Port>(world, a).await?;
            let group = any::<SecurityGroup>(world, b).await;
            let subnet = port.fixed_ips.first().map(|ip| ip.subnet);
            let change = PortChange {
                admin_state_up: (d % 3 == 0).then_some(d % 2 == 0),
                security_groups: (d % 3 == 1)
                    .then(|| group.map(|row| row.id).into_iter().collect()),
                fixed_ips: (d % 3 == 2).then(|| {
                    vec![WishedIp {
                        subnet,
                        address: None,
                    }]
                }),
                ..PortChange::default()
            };
            done(c.update_port(caller, port.id, change).await)
        }
        Step::DeletePort => {
            let port = any::<Port>(world, a).await?;
            done(c.delete_port(caller, LAX_PORTS, port.id, None).await)
        }
        Step::MakeInstance => {
            let new = new_machine("i", any::<Subnet>(world, a).await?.id);
            done(c.create_port(caller, FREE_PORTS, new).await)
        }
        Step::DeleteInstance => {
            let port = any::<Port>(world, a).await?;
            let deleted = c.delete_port(caller, STRICT_PORTS, port.id, None);
            done(deleted.await)
        }
        Step::MakeFloatingIp => {
            let new = NewFloatingIp {
                target: match a % 2 {
                    0 => target(world, b).await,
                    _ => None,
                },
                ..NewFloatingIp::of(outside(world).await.network)
            };
            let rules = floating_ip::Rules {
                way: of(&[Way::Given, Way::OnDemand], d),
                ..LAX_FLOATING_IPS
            };
            done(c.create_floating_ip(caller, rules, new).await)
        }
        Step::MoveFloatingIp => {
            let floating = any::<FloatingIp>(world, a).await?.id;
            let target = match d % 4 {
                0 => None,
                _ => target(world, b).await,
            };
            let moved =
                c.update_floating_ip(caller, LAX_FLOATING_IPS, floating, standing_for(target));
            done(moved.await)
        }
        Step::DeleteFloatingIp => {
            let floating = any::<FloatingIp>(world, a).await?.id;
            done(c.delete_floating_ip(caller, floating, None).await)
        }
        Step::MakeSecurityGroup => {
            let made = c.create_security_group(caller, LAX_GROUPS, new_group("s"));
            done(made.await)
        }
        Step::MakeRule => {
            let other = any::<SecurityGroup>(world, b).await?.id;
            let group = any::<SecurityGroup>(world, a).await?.id;
            let new = NewRule {
                direction: of(&[Direction::Ingress, Direction::Egress], d),
                ..let_in(match d % 4 {
                    0 => Remote::Group(other),
                    _ => Remote::Block("10.9.0.0/24".parse().unwrap()),
                })
            };
            let made = c.create_security_group_rule(caller, LAX_GROUPS, group, new);
            done(made.await)
        }
        Step::DeleteRule => {
            let rule = any::<SecurityGroupRule>(world, a).await?.id;
            done(c.delete_security_group_rule(caller, rule, None).await)
        }
        Step::DeleteSecurityGroup => {
            // The first is the default one, which stays.
            let group = any::<SecurityGroup>(world, a | 1).await?.id;
            done(
                c.delete_security_group(caller, LAX_GROUPS, group, None)
                    .await,
            )
        }
        other => unreachable!("{other:?} is a step of connections"),
    })
}

/// A way outside, by any address.
async fn outside(world: &World) -> WishedExternal {
    let all = world
        .control
        .page_networks(&world.demo, Query::default())
        .await;
    let all = all.unwrap();
    let outside = all.iter().find(|view| view.network.external);
    WishedExternal::by(outside.unwrap().network.id)
}

async fn target(world: &World, pick: u8) -> Option<Target> {
    let port = any::<Port>(world, pick).await?.id;
    Some(Target {
        port,
        fixed_ip: None,
    })
}

fn new_policy<P>(parameters: P) -> NewPolicy<P> {
    NewPolicy {
        name: name("p"),
        resource_group: None,
        naming: Naming::Free,
        description: String::new(),
        allowance: Allowance::OfProject,
        parameters,
    }
}
