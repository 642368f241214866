//! What `docs/invariants.md` says, of the rows alone and without the code that is to guarantee it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use adit_model::connection::Ends;
use adit_model::gateway::GatewayMode;
use adit_model::policy::Transform;
use adit_model::port::Device;
use adit_model::{
    Connection, EndpointGroup, FloatingIp, Gateway, GatewayId, IkePolicy, IpsecPolicy, Network,
    NetworkAcl, Port, ProjectId, PublicGateway, Router, SecurityGroup, SecurityGroupRule, SshKey,
    Subnet,
};
use adit_store::{Query, Row, Rows, Transaction};

async fn all<T: Row>(rows: &mut (dyn Rows<T> + '_)) -> Vec<T> {
    rows.list(Query::default()).await.unwrap()
}

/// Every row that connections have to do with.
struct Rooms {
    connections: Vec<Connection>,
    gateways: BTreeMap<GatewayId, Gateway>,
    subnets: Vec<Subnet>,
    interfaces: Vec<Port>,
}

impl Rooms {
    fn gateway(&self, connection: &Connection) -> &Gateway {
        &self.gateways[&connection.gateway]
    }

    /// The networks that a gateway's router is on.
    fn on_router(&self, gateway: &Gateway) -> Vec<&Subnet> {
        let router = Device::Router(gateway.router);
        let of_router = self.interfaces.iter().filter(|port| port.device == router);
        let ids: HashSet<_> = of_router
            .flat_map(|port| port.fixed_ips.iter().map(|ip| ip.subnet))
            .collect();
        let subnets = self.subnets.iter();
        subnets.filter(|subnet| ids.contains(&subnet.id)).collect()
    }
}

/// Whether somebody can be spoken to at an address. `0.0.0.0` stands for anywhere.
fn can_be_a_peer(address: IpAddr) -> bool {
    let IpAddr::V4(v4) = address else {
        return !address.is_loopback() && !address.is_multicast() && !address.is_unspecified();
    };
    v4.is_unspecified()
        || !(v4.is_loopback()
            || v4.is_multicast()
            || v4.is_broadcast()
            || v4.is_link_local()
            || v4.octets()[0] == 0)
}

pub(super) async fn check(tx: &mut dyn Transaction) {
    let ports: Vec<Port> = all::<Port>(tx).await;
    let gateways = all::<Gateway>(tx).await.into_iter();
    let rooms = Rooms {
        connections: all::<Connection>(tx).await,
        gateways: gateways.map(|gateway| (gateway.id, gateway)).collect(),
        subnets: all::<Subnet>(tx).await,
        interfaces: ports,
    };
    for connection in &rooms.connections {
        check_peer(&rooms, connection);
        check_ends(&rooms, connection);
        check_policies(tx, connection).await;
    }
    check_told_apart(&rooms);
    check_addresses(tx, &rooms).await;
    check_surroundings(tx, &rooms).await;
}

fn check_peer(rooms: &Rooms, connection: &Connection) {
    let own = rooms.gateway(connection).addresses;
    let peer = connection.peer_address;
    assert!(can_be_a_peer(peer), "{peer} is no peer's");
    assert_ne!(peer, IpAddr::V4(own.v4), "a tunnel with itself");
    match peer {
        IpAddr::V4(_) => {}
        IpAddr::V6(peer) => {
            let own = own.v6.expect("nothing to speak IPv6 from");
            assert_ne!(peer, own, "a tunnel with itself");
        }
    }
}

fn check_ends(rooms: &Rooms, connection: &Connection) {
    let gateway = rooms.gateway(connection);
    let ends = &connection.ends;
    if matches!(ends, Ends::Routes { .. }) {
        // What routes say is checked with them.
        return assert_eq!(gateway.mode(), GatewayMode::Route);
    }
    for list in [ends.local(), ends.peer()] {
        assert!(!list.is_empty(), "an end without a block");
        let distinct: HashSet<_> = list.iter().collect();
        assert_eq!(distinct.len(), list.len(), "a block twice: {list:?}");
    }
    let blocks = || ends.local().iter().chain(ends.peer());
    let families: BTreeSet<bool> = blocks().map(|block| block.is_ipv4()).collect();
    assert_eq!(families.len(), 1, "both IP versions: {ends:?}");
    let least = if families.contains(&true) { 68 } else { 1280 };
    assert!(
        connection.mtu == 0 || connection.mtu >= least,
        "an MTU of {} for {ends:?}",
        connection.mtu
    );
    let on_router = rooms.on_router(gateway);
    for block in ends.peer() {
        let around = on_router.iter().find(|s| s.cidr.contains_block(*block));
        assert_eq!(around, None, "{block} lies within a network of its router");
    }
    match ends {
        Ends::Blocks { .. } | Ends::Routes { .. } => {}
        Ends::Subnet { local, .. } => {
            let subnet = gateway.subnet.expect("a gateway without a subnet");
            let subnet = on_router.iter().find(|row| row.id == subnet);
            assert_eq!(subnet.expect("not on the router").cidr, *local);
        }
        Ends::Groups { local, .. } => {
            let blocks: Vec<_> = on_router.iter().map(|subnet| subnet.cidr).collect();
            for block in &local.cidrs {
                assert!(blocks.contains(block), "{block} is not on the router");
            }
        }
    }
}

async fn check_policies(tx: &mut dyn Transaction, connection: &Connection) {
    if let Some(id) = connection.ike_policy {
        let policy: Option<IkePolicy> = tx.get(Some(connection.project), id.uuid()).await.unwrap();
        let parameters = policy.expect("another project's policy").parameters;
        check_lifetime(parameters.lifetime_s);
        assert!(!parameters.encryption.is_empty() && !parameters.groups.is_empty());
        let needs = parameters.encryption.iter().any(|cipher| !cipher.is_aead());
        assert!(!needs || !parameters.authentication.is_empty());
    }
    if let Some(id) = connection.ipsec_policy {
        let policy: Option<IpsecPolicy> =
            tx.get(Some(connection.project), id.uuid()).await.unwrap();
        let parameters = policy.expect("another project's policy").parameters;
        check_lifetime(parameters.lifetime_s);
        assert_ne!(parameters.transform, Transform::AhEsp, "AH around ESP");
    }
}

fn check_lifetime(seconds: u32) {
    assert!(seconds >= 60, "a lifetime of {seconds} s");
}

/// For each packet it can be told which gateway, and then which connection, has it.
fn check_told_apart(rooms: &Rooms) {
    let mut gateways = BTreeMap::new();
    let mut connections = BTreeMap::new();
    for connection in &rooms.connections {
        let router = rooms.gateway(connection).router;
        for peer in connection.ends.peer() {
            let gateway = gateways.insert((router, *peer), connection.gateway);
            let same = gateway.is_none_or(|other| other == connection.gateway);
            assert!(same, "{peer} is behind two gateways of {router}");
            for local in connection.ends.local() {
                let pair = (connection.gateway, *local, *peer);
                let other = connections.insert(pair, connection.id);
                assert_eq!(other, None, "{local} to {peer} belongs to two connections");
            }
        }
    }
}

/// A public address is somebody's alone.
async fn check_addresses(tx: &mut dyn Transaction, rooms: &Rooms) {
    let mut public: Vec<IpAddr> = Vec::new();
    let routers = all::<Router>(tx).await;
    let outer = rooms.gateways.values().map(|gateway| gateway.addresses);
    let outer = outer.chain(routers.iter().filter_map(|router| {
        let external = router.external.as_ref()?;
        Some(external.addresses)
    }));
    for addresses in outer {
        public.push(addresses.v4.into());
        public.extend(addresses.v6.map(IpAddr::from));
    }
    let floating = all::<FloatingIp>(tx).await;
    public.extend(floating.iter().map(|floating| floating.address));
    let distinct: HashSet<_> = public.iter().collect();
    assert_eq!(distinct.len(), public.len(), "given twice: {public:?}");
}

/// What filters a subnet, and what it gets outside by, is of a router that is on it; a floating IP is one
/// thing's; and a way outside on demand is there for something.
async fn check_surroundings(tx: &mut dyn Transaction, rooms: &Rooms) {
    let (acls, gateways) = (all::<NetworkAcl>(tx).await, all::<PublicGateway>(tx).await);
    for subnet in &rooms.subnets {
        let here = rooms.interfaces.iter().filter(|port| {
            let mut ips = port.fixed_ips.iter();
            ips.any(|ip| ip.subnet == subnet.id)
        });
        let routers: Vec<_> = here.filter_map(|port| port.device.router()).collect();
        let acl = subnet
            .network_acl
            .map(|id| acls.iter().find(|row| row.id == id));
        if let Some(acl) = acl {
            assert!(
                routers.contains(&acl.unwrap().router),
                "another's network ACL"
            );
        }
        let gateway = subnet.public_gateway;
        let gateway = gateway.map(|id| gateways.iter().find(|row| row.id == id));
        if let Some(gateway) = gateway {
            let gateway = gateway.unwrap();
            assert!(
                routers.contains(&gateway.router),
                "another's public gateway"
            );
            assert_eq!(gateway.zone, subnet.zone);
        }
    }
    let floating = all::<FloatingIp>(tx).await;
    for gateway in &gateways {
        let own = floating.iter().find(|row| row.id == gateway.floating_ip);
        assert_eq!(
            own.unwrap().association,
            None,
            "it stands for something, too"
        );
    }
    for router in all::<Router>(tx).await {
        if router.external.is_some_and(|external| external.on_demand) {
            let stands =
                |row: &FloatingIp| row.association.is_some_and(|of| of.router == router.id);
            let is_needed = floating.iter().any(stands)
                || gateways.iter().any(|gateway| gateway.router == router.id);
            assert!(is_needed, "nobody needs its way outside");
        }
    }
}

/// A project has no row of any noun.
pub(super) async fn nothing_is_left(tx: &mut dyn Transaction, project: ProjectId) {
    async fn none<T: Row>(rows: &mut (dyn Rows<T> + '_), project: ProjectId) {
        let left = rows.count(Query::of_project(project)).await.unwrap();
        assert_eq!(left, 0, "there is a {} left", T::NOUN);
    }
    none::<Network>(tx, project).await;
    none::<Subnet>(tx, project).await;
    none::<Port>(tx, project).await;
    none::<Router>(tx, project).await;
    none::<FloatingIp>(tx, project).await;
    none::<PublicGateway>(tx, project).await;
    none::<NetworkAcl>(tx, project).await;
    none::<SshKey>(tx, project).await;
    none::<SecurityGroup>(tx, project).await;
    none::<SecurityGroupRule>(tx, project).await;
    none::<Gateway>(tx, project).await;
    none::<EndpointGroup>(tx, project).await;
    none::<IkePolicy>(tx, project).await;
    none::<IpsecPolicy>(tx, project).await;
    none::<Connection>(tx, project).await;
}
