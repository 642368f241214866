//! A host without a service: specs go straight to its agent, so that a test can wish for tunnels
//! that no API makes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adit_agent::{LocalAgent, WorkerProgram};
use adit_control::{Agent, AgentEvent};
use adit_model::connection::{DeadPeerDetection, DpdAction, Identity, Initiator};
use adit_model::desired::{
    Carriers, GatewayChange, GatewaySpec, InstanceSpec, InterfaceAddress, InterfaceSpec,
    NetworkSpec, RouterSpec, TunnelSpec,
};
use adit_model::observed::{TunnelObserved, TunnelState};
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::{
    Cidr, ConnectionId, GatewayId, MacAddress, NetworkId, OuterAddresses, PortId, Psk, ReasonCode,
    Revision, RouterId,
};
use adit_netns::{ExternalNetwork, Network};
use tokio::runtime::Runtime;

use super::site::Instance;
use super::{Ground, PATIENCE, VERDICT, namespace, until};

/// How long both sides may take to agree on one of two Child SAs.
const SETTLED: Duration = Duration::from_millis(300);

/// An agent, and what it said of tunnels.
pub(crate) struct Host {
    prefix: String,
    external: String,
    external_v6: Option<String>,
    runtime: Runtime,
    network: Arc<Network>,
    agent: LocalAgent,
    observed: Arc<Mutex<HashMap<ConnectionId, TunnelObserved>>>,
}

/// A network with one machine, behind a gateway.
pub(crate) struct Place {
    pub(crate) instance: Instance,
    pub(crate) cidr: Cidr,
    /// The machine's IPv6 address.
    pub(crate) v6: String,
    pub(crate) cidr_v6: Cidr,
    /// The gateway, as it was applied: without a tunnel.
    pub(crate) gateway: GatewaySpec,
    /// The tunnels that it is wished to have.
    pub(crate) tunnels: Vec<TunnelSpec>,
}

impl Ground for Host {
    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn external(&self) -> &str {
        &self.external
    }

    fn external_v6(&self) -> Option<&str> {
        self.external_v6.as_deref()
    }
}

impl Host {
    /// Starts one. `number` makes its external network its own.
    pub(crate) fn open(prefix: &str, number: u8) -> Self {
        Self::open_on(prefix, number, None, "auto")
    }

    /// Starts one that has IPv6 outside too.
    pub(crate) fn open_with_v6(prefix: &str, number: u8) -> Self {
        Self::open_on(prefix, number, Some(format!("fd18:{number}")), "auto")
    }

    /// One with IPv6 outside whose gateways put nothing into UDP.
    pub(crate) fn open_without_udp(prefix: &str, number: u8) -> Self {
        Self::open_on(prefix, number, Some(format!("fd18:{number}")), "never")
    }

    fn open_on(
        prefix: &str,
        number: u8,
        external_v6: Option<String>,
        udp_encapsulation: &str,
    ) -> Self {
        namespace::remove_all(prefix);
        let external = format!("198.18.{number}");
        let runtime = Runtime::new().unwrap();
        let wires = ExternalNetwork {
            cidr: format!("{external}.0/24").parse().unwrap(),
            cidr_v6: external_v6
                .as_ref()
                .map(|block| format!("{block}::/64").parse().unwrap()),
            tunnel_mtu: 1400,
        };
        let network = Arc::new(runtime.block_on(Network::open(prefix, wires)).unwrap());
        let program = WorkerProgram {
            path: env!("CARGO_BIN_EXE_adit").into(),
            arguments: ["gateway-worker", "--udp-encapsulation", udp_encapsulation]
                .map(str::to_owned)
                .to_vec(),
            first_user: 0x7100_0000,
        };
        // A task is started for each worker, here and when specs are applied.
        let inside = runtime.enter();
        let agent = LocalAgent::new(Arc::clone(&network), program);
        let mut events = agent.events().unwrap();
        let observed = Arc::new(Mutex::new(HashMap::new()));
        let known = Arc::clone(&observed);
        runtime.spawn(async move {
            while let Some(event) = events.recv().await {
                if let AgentEvent::Tunnel {
                    connection,
                    observed,
                    ..
                } = event
                {
                    known.lock().unwrap().insert(connection, observed);
                }
            }
        });
        drop(inside);
        Self {
            prefix: prefix.to_owned(),
            external,
            external_v6,
            runtime,
            network,
            agent,
            observed,
        }
    }

    /// Makes a place whose addresses begin with `block`, such as `10.240.0`, and whose gateway has
    /// the external address that ends in `number`.
    pub(crate) fn place(&self, block: &str, number: u8) -> Place {
        let address = |host: u8| InterfaceAddress {
            address: format!("{block}.{host}").parse().unwrap(),
            prefix_len: 24,
        };
        let v6 = |host: u8| InterfaceAddress {
            address: format!("fd20:{number}::{host}").parse().unwrap(),
            prefix_len: 64,
        };
        let (port, interface) = (PortId::random(), PortId::random());
        let network = NetworkSpec {
            id: NetworkId::random(),
            admin_state_up: true,
            mtu: 1450,
            instances: vec![InstanceSpec {
                id: port,
                admin_state_up: true,
                mac: MacAddress::of_port(port),
                addresses: vec![address(4), v6(4)],
                gateways: vec![address(1).address, v6(1).address],
                routes: Vec::new(),
                filter: None,
            }],
        };
        let router = RouterSpec {
            id: RouterId::random(),
            interfaces: vec![InterfaceSpec {
                id: interface,
                network: network.id,
                mac: MacAddress::of_port(interface),
                addresses: vec![address(1), v6(1)],
            }],
            external: None,
            floating_ips: Vec::new(),
            sources: Vec::new(),
            edges: Vec::new(),
            services: BTreeSet::new(),
            routes: Vec::new(),
            peer_cidrs: BTreeMap::new(),
        };
        let gateway = GatewaySpec {
            id: GatewayId::random(),
            router: router.id,
            addresses: OuterAddresses {
                v4: format!("{}.{number}", self.external()).parse().unwrap(),
                second: None,
                v6: self
                    .external_v6()
                    .map(|block| format!("{block}::{number}").parse().unwrap()),
            },
            tunnels: BTreeMap::new(),
        };
        self.runtime.block_on(async {
            self.agent.apply_network(&network).await.unwrap();
            self.agent.apply_router(&router).await.unwrap();
            self.agent.apply_gateway(&gateway).await.unwrap();
        });
        Place {
            instance: Instance {
                namespace: format!("{}-i-{}", self.prefix, port.short()),
                address: format!("{block}.4"),
            },
            cidr: format!("{block}.0/24").parse().unwrap(),
            v6: v6(4).address.to_string(),
            cidr_v6: format!("fd20:{number}::/64").parse().unwrap(),
            gateway,
            tunnels: Vec::new(),
        }
    }

    /// Has the place's tunnels as they are wished now.
    pub(crate) fn apply(&self, place: &Place) {
        let wished = place.tunnels.iter();
        let change = GatewayChange {
            id: place.gateway.id,
            tunnels: wished
                .map(|tunnel| (tunnel.connection, Some(Arc::new(tunnel.clone()))))
                .collect(),
        };
        let changed = self.agent.change_gateway(&change);
        self.runtime.block_on(changed).unwrap();
    }

    /// Takes a tunnel away.
    pub(crate) fn remove(&self, place: &Place, connection: ConnectionId) {
        let change = GatewayChange {
            id: place.gateway.id,
            tunnels: BTreeMap::from([(connection, None)]),
        };
        let changed = self.agent.change_gateway(&change);
        self.runtime.block_on(changed).unwrap();
    }

    /// What was last said of a tunnel.
    pub(crate) fn observed(&self, connection: ConnectionId) -> Option<TunnelObserved> {
        self.observed.lock().unwrap().get(&connection).cloned()
    }

    /// Waits until the gateway's worker has what was applied of a tunnel.
    #[track_caller]
    pub(crate) fn has_order(&self, connection: ConnectionId) {
        until("the worker has its order", PATIENCE, || {
            self.observed(connection)
        });
    }

    /// The inbound SPIs of a tunnel.
    pub(crate) fn spis(&self, connection: ConnectionId) -> Vec<u32> {
        let observed = self.observed(connection);
        let children = observed.into_iter().flat_map(|one| one.children);
        children.map(|child| child.spi_in).collect()
    }

    /// Waits until a tunnel is up, with one Child SA that is not one of `before`; its SPI.
    ///
    /// Where both sides begin at once, two come up within milliseconds and one of them goes: the
    /// one that counts is still there after a while.
    #[track_caller]
    pub(crate) fn up(&self, connection: ConnectionId, before: &[u32]) -> Vec<u32> {
        let mut seen = (Vec::new(), Instant::now());
        until("the tunnel is up", VERDICT, || {
            let is_up = self.observed(connection)?.state == TunnelState::Up;
            let spis = self.spis(connection);
            if !is_up || spis != seen.0 {
                seen = (spis, Instant::now());
                return None;
            }
            let fresh = spis.len() == 1 && !before.contains(&spis[0]);
            (fresh && seen.1.elapsed() >= SETTLED).then_some(spis)
        })
    }

    /// Waits until a tunnel is up with so many Child SAs.
    #[track_caller]
    pub(crate) fn up_with(&self, connection: ConnectionId, children: usize) {
        until("the tunnel is up", VERDICT, || {
            let is_up = self.observed(connection)?.state == TunnelState::Up;
            (is_up && self.spis(connection).len() == children).then_some(())
        });
    }

    /// Waits until a tunnel is down for this reason; the evidence.
    #[track_caller]
    pub(crate) fn down_for(&self, connection: ConnectionId, code: ReasonCode) -> String {
        until("the reason is known", VERDICT, || {
            let observed = self.observed(connection)?;
            let reason = observed.reasons.into_iter().next()?;
            let is_so = observed.state != TunnelState::Up && reason.code == code;
            is_so.then_some(reason.evidence)
        })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            self.agent.stop().await;
            if let Err(error) = self.network.remove_all().await {
                eprintln!("{}: {error}", self.prefix);
            }
        });
    }
}

impl Place {
    /// Wishes for a tunnel to `peer`, with `behind` it; it is the last one.
    pub(crate) fn connect(&mut self, peer: IpAddr, behind: Cidr) -> &mut TunnelSpec {
        let id = ConnectionId::random();
        self.tunnels.push(TunnelSpec {
            connection: id,
            revision: Revision::FIRST,
            admin_state_up: true,
            peer_address: peer,
            local_id: Identity::Address(self.gateway.addresses.toward(peer).unwrap()),
            peer_id: Identity::Address(peer),
            initiator: Initiator::BiDirectional,
            carriers: Carriers::One,
            mtu: 0,
            authentication: Psk::new(b"VPNDemoPassword".to_vec()).unwrap().into(),
            ppk: None,
            local_cidrs: vec![self.cidr],
            peer_cidrs: vec![behind],
            translations: Vec::new(),
            ike: IkeParameters::negotiate(),
            either_version: false,
            ipsec: IpsecParameters::negotiate(),
            dead_peer_detection: DeadPeerDetection {
                action: DpdAction::Restart,
                interval_s: 5,
                timeout_s: 20,
            },
        });
        self.tunnels.last_mut().unwrap()
    }

    /// The namespace of its router, which has the gateway's addresses.
    pub(crate) fn router(&self, host: &Host) -> String {
        format!("{}-r-{}", host.prefix(), self.gateway.router.short())
    }

    /// Its gateway's IPv4 address.
    pub(crate) fn outer(&self) -> IpAddr {
        self.gateway.addresses.v4.into()
    }

    /// The connections of its tunnels.
    pub(crate) fn connections(&self) -> Vec<ConnectionId> {
        let tunnels = self.tunnels.iter();
        tunnels.map(|tunnel| tunnel.connection).collect()
    }
}
