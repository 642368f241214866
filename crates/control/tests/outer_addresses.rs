//! Addresses outside: of which blocks, to whom, and which of them speaks to a peer.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::world::{LAX, LAX_GATEWAYS, LAX_SUBNETS, World, config, name, new_gateway, new_router};
use adit_control::connection::{ConnectionView, GivenEnds, NewConnection};
use adit_control::gateway::Place;
use adit_control::policy::NewPolicy;
use adit_control::router::{NewRouter, RouterChange, WishedExternal, WishedV6};
use adit_control::{
    AgentEvent, Allowance, Config, Control, Error, ExternalPool, Misfit, Naming, Query, Resolver,
};
use adit_crypto::SystemRandom;
use adit_model::connection::{DeadPeerDetection, DpdAction, Identity, Initiator};
use adit_model::observed::{SaTimes, Traffic, TunnelObserved, TunnelState};
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::{Gateway, GatewayId, NetworkId, OuterAddresses, Psk, Reason, ReasonCode, Router};
use adit_model::{Subnet, Whose};
use adit_store::{MemoryStore, Store};
use async_trait::async_trait;

const BLOCK: &str = "2001:db8:0:1::/64";

/// A config with an IPv6 block outside, of which the host has the first address.
fn with_v6(block: &str) -> Config {
    let mut config = config();
    config.external_v6 = Some(pool(block));
    config
}

fn pool(block: &str) -> ExternalPool {
    let cidr: adit_model::Cidr = block.parse().unwrap();
    ExternalPool {
        cidr,
        reserved: cidr.nth(1).into_iter().collect(),
    }
}

async fn external(w: &World) -> NetworkId {
    let networks = w.control.page_networks(&w.demo, Query::default()).await;
    let mut networks = networks.unwrap().into_iter();
    networks
        .find(|view| view.network.external)
        .unwrap()
        .network
        .id
}

/// A router that leads outside.
async fn router(w: &World, wished: impl FnOnce(&mut WishedExternal)) -> Result<Router, Error> {
    let mut external = WishedExternal::by(external(w).await);
    wished(&mut external);
    let new = NewRouter {
        naming: Naming::Free,
        allowance: Allowance::OfProject,
        external: Some(external),
        ..new_router("r")
    };
    w.control.create_router(&w.demo, new).await
}

async fn service(w: &World, router: &Router) -> Result<Gateway, Error> {
    let place = Place::Router {
        id: router.id,
        subnet: None,
    };
    let made = w
        .control
        .create_gateway(&w.demo, LAX_GATEWAYS, new_gateway("s", place))
        .await;
    made.map(|view| view.gateway)
}

fn addresses(v4: &str, v6: Option<&str>) -> OuterAddresses {
    OuterAddresses {
        v4: v4.parse().unwrap(),
        second: None,
        v6: v6.map(|text| text.parse().unwrap()),
    }
}

fn outside(router: &Router) -> OuterAddresses {
    router.external.unwrap().addresses
}

#[tokio::test]
async fn who_is_outside_has_an_address_of_each_block() {
    let w = World::over(Arc::new(MemoryStore::default()), with_v6(BLOCK)).await;
    let subnets = w.control.page_subnets(&w.admin, Query::default()).await;
    let mut blocks: Vec<Subnet> = subnets.unwrap();
    blocks.sort_by_key(|subnet| !subnet.cidr.is_ipv4());
    let [v4, v6] = &blocks[..] else {
        panic!("{blocks:?}");
    };
    assert_eq!(v4.network, v6.network);
    assert_eq!(v6.cidr.to_string(), BLOCK);
    assert_eq!(v6.gateway, Some("2001:db8:0:1::1".parse().unwrap()));
    assert_eq!(
        v6.pools[0].first,
        "2001:db8:0:1::2".parse::<IpAddr>().unwrap()
    );
    assert_eq!(v6.pools[0].last, v6.cidr.last());

    let one = router(&w, |_| {}).await.unwrap();
    assert_eq!(
        outside(&one),
        addresses("203.0.113.1", Some("2001:db8:0:1::2"))
    );
    let gateway = service(&w, &one).await.unwrap();
    let expected = addresses("203.0.113.3", Some("2001:db8:0:1::3"));
    assert_eq!(gateway.addresses, expected);
    // What goes is given again, and what is wished for is given if it can be.
    let gone = router(&w, |_| {}).await.unwrap();
    w.control
        .delete_router(&w.demo, gone.id, None)
        .await
        .unwrap();
    let again = router(&w, |_| {}).await.unwrap();
    assert_eq!(outside(&again), outside(&gone));
    let named = "2001:db8:0:1:ffff::7".parse().unwrap();
    let far = router(&w, |wished| wished.v6 = WishedV6::Named(named))
        .await
        .unwrap();
    assert_eq!(outside(&far).v6, Some(named));
    for bad in [
        "2001:db8:0:1:ffff::7",
        "2001:db8:0:1::1",
        "2001:db8:0:1::",
        "2001:db8::9",
    ] {
        let bad = bad.parse().unwrap();
        let refused = router(&w, |wished| wished.v6 = WishedV6::Named(bad)).await;
        assert!(
            matches!(refused, Err(Error::Conflict { .. } | Error::Invalid { .. })),
            "{refused:?}"
        );
    }
    let none = router(&w, |wished| wished.v6 = WishedV6::Without)
        .await
        .unwrap();
    assert_eq!(outside(&none).v6, None);
}

#[tokio::test]
async fn a_block_of_ipv6_can_be_used_up_too() {
    let w = World::over(Arc::new(MemoryStore::default()), with_v6("2001:db8::/126")).await;
    for _ in 0..2 {
        router(&w, |_| {}).await.unwrap();
    }
    let refused = router(&w, |_| {}).await.unwrap_err();
    assert_eq!(refused.to_string(), "no public address is left");
    router(&w, |wished| wished.v6 = WishedV6::Without)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_block_that_comes_later_is_for_who_comes_later_and_does_not_go_while_it_is_used() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let before = World::over(Arc::clone(&store), config()).await;
    let net = external(&before).await;
    let old = router(&before, |_| {}).await.unwrap();
    let old_service = service(&before, &old).await.unwrap();
    assert_eq!(outside(&old).v6, None);
    let refused = router(&before, |wished| {
        wished.v6 = WishedV6::Named("2001:db8:0:1::9".parse().unwrap());
    });
    assert!(matches!(refused.await, Err(Error::Invalid { .. })));
    drop(before);

    let after = World::over(Arc::clone(&store), with_v6(BLOCK)).await;
    let subnets = after.control.external_subnets(net).unwrap();
    assert!(subnets.v6.is_some());
    assert_eq!(external(&after).await, net);
    let kept = after
        .control
        .gateway(&after.demo, old_service.id)
        .await
        .unwrap();
    assert_eq!(kept.gateway.addresses, old_service.addresses);
    // A service has the families that its router has. A router gets an address of the other one
    // when its way outside is wished for again, and keeps the one it has.
    let change = |external| RouterChange {
        external: Some(Some(external)),
        ..RouterChange::default()
    };
    let same = service(&after, &old).await.unwrap();
    assert_eq!(same.addresses.v6, None);
    let again = change(WishedExternal::by(net));
    let again = after
        .control
        .update_router(&after.demo, old.id, again)
        .await
        .unwrap();
    assert_eq!(outside(&again).v4, outside(&old).v4);
    assert!(outside(&again).v6.is_some());
    let young = service(&after, &old).await.unwrap();
    assert!(young.addresses.v6.is_some());
    let delete = after
        .control
        .delete_subnet(&after.admin, LAX_SUBNETS, subnets.v6.unwrap(), None);
    assert!(delete.await.is_err(), "it is the host's");
    let admin = after.admin;
    drop(after);

    // Without the setting, or with another one, nothing starts that could lose it.
    for wrong in [config(), with_v6("2001:db8:0:2::/64")] {
        let refused = open(&store, wrong)
            .bootstrap()
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains("network.external_cidr_v6"), "{refused}");
        assert!(refused.contains("2001:db8:0:1::"), "{refused}");
        assert!(refused.contains("1 more"), "{refused}");
    }
    let after = World::over(Arc::clone(&store), with_v6(BLOCK)).await;
    let control = &after.control;
    let gone = control.delete_gateway(&after.demo, LAX_GATEWAYS, young.id, None);
    gone.await.unwrap();
    let without = change(WishedExternal {
        v6: WishedV6::Without,
        ..WishedExternal::by(net)
    });
    let changed = control.update_router(&after.demo, old.id, without);
    changed.await.unwrap();
    drop(after);
    let end = open(&store, config());
    end.bootstrap().await.unwrap();
    assert_eq!(end.external_subnets(net).unwrap().v6, None);
    // The subnet is as good as any other's now.
    end.delete_subnet(&admin, LAX_SUBNETS, subnets.v6.unwrap(), None)
        .await
        .unwrap();
    let subnets = end.external_subnets(net).unwrap();
    assert!(
        end.delete_subnet(&admin, LAX_SUBNETS, subnets.v4, None)
            .await
            .is_err()
    );
}

/// Finds hosts that have addresses of both families, and moves one of them.
struct Hosts(Mutex<Vec<IpAddr>>);

#[async_trait]
impl Resolver for Hosts {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(self.0.lock().unwrap().clone())
    }
}

fn policy<P>(parameters: P) -> NewPolicy<P> {
    NewPolicy {
        name: name("p"),
        resource_group: None,
        naming: Naming::Free,
        description: String::new(),
        allowance: Allowance::OfProject,
        parameters,
    }
}

/// A connection of a service to a peer.
async fn connect(w: &World, gateway: GatewayId, peer: &str) -> Result<ConnectionView, Error> {
    connect_to(w, gateway, peer, "10.2.0.0/24").await
}

/// The same, to a block of one's choice.
async fn connect_to(
    w: &World,
    gateway: GatewayId,
    peer: &str,
    behind: &str,
) -> Result<ConnectionView, Error> {
    let (control, demo) = (&w.control, &w.demo);
    let ike = control.create_policy(demo, policy(IkeParameters::negotiate()));
    let ike = ike.await.unwrap();
    let ipsec = control.create_policy(demo, policy(IpsecParameters::negotiate()));
    let ipsec = ipsec.await.unwrap();
    let new = NewConnection {
        name: name("c"),
        description: String::new(),
        gateway,
        ike_policy: Some(ike.policy.id),
        ipsec_policy: Some(ipsec.policy.id),
        local_id: None,
        peer_address: peer.to_owned(),
        peer_id: Some("peer".to_owned()),
        ends: GivenEnds {
            peer_cidrs: vec![behind.parse().unwrap()],
            ..GivenEnds::default()
        },
        translations: Vec::new(),
        distribute_traffic: false,
        mtu: 0,
        initiator: Initiator::BiDirectional,
        authentication: Psk::new(b"secret".to_vec()).unwrap().into(),
        ppk: None,
        dead_peer_detection: DeadPeerDetection {
            action: DpdAction::Hold,
            interval_s: 30,
            timeout_s: 120,
        },
        admin_state_up: true,
    };
    control.create_connection(demo, LAX, new).await
}

async fn site(w: &World) -> Gateway {
    let (on, subnet) = w.subnet("r", "10.1.0.0/24").await;
    let change = RouterChange {
        external: Some(Some(WishedExternal::by(external(w).await))),
        ..RouterChange::default()
    };
    w.control
        .update_router(&w.demo, on.id, change)
        .await
        .unwrap();
    let place = Place::Router {
        id: on.id,
        subnet: Some(subnet.subnet.id),
    };
    w.control
        .create_gateway(&w.demo, LAX_GATEWAYS, new_gateway("s", place))
        .await
        .unwrap()
        .gateway
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_spoken_to_from_the_address_of_its_family() {
    let mut w = World::over(Arc::new(MemoryStore::default()), with_v6(BLOCK)).await;
    w.run();
    let gateway = site(&w).await;
    let own = gateway.addresses;
    let four = connect(&w, gateway.id, "198.51.100.7").await.unwrap();
    let six = connect_to(&w, gateway.id, "2001:db8:7::7", "10.3.0.0/24");
    let six = six.await.unwrap();
    assert_eq!(four.local_address, IpAddr::V4(own.v4));
    assert_eq!(six.local_address, own.v6.unwrap());
    let local_ids = async || {
        let tunnels = w.agent.gateway(gateway.id).map(|spec| spec.tunnels);
        let tunnels = tunnels.unwrap_or_default();
        let ids = tunnels.values().map(|tunnel| tunnel.local_id.clone());
        ids.collect::<Vec<_>>()
    };
    let expected: Vec<_> = own.all().map(Identity::Address).collect();
    w.until("the agent knows", async || {
        let known = local_ids().await;
        known.len() == expected.len() && expected.iter().all(|id| known.contains(id))
    })
    .await;
    assert_eq!(w.agent.gateway(gateway.id).unwrap().addresses, own);
}

#[tokio::test]
async fn a_host_is_reached_at_the_address_that_can_be_reached_and_followed_in_its_family() {
    let hosts = ["2001:db8:7::7", "198.51.100.7"].map(|text| text.parse().unwrap());
    let hosts = Arc::new(Hosts(Mutex::new(hosts.to_vec())));
    let mut config = config();
    config.resolver = Arc::clone(&hosts) as Arc<dyn Resolver>;
    let w = World::over(Arc::new(MemoryStore::default()), config.clone()).await;
    let gateway = site(&w).await;
    let made = connect(&w, gateway.id, "peer.example.com").await.unwrap();
    assert_eq!(made.connection.peer_address, hosts.0.lock().unwrap()[1]);
    let refused = connect(&w, gateway.id, "2001:db8:7::7").await.unwrap_err();
    assert!(
        matches!(
            &refused,
            Error::Misfit(Misfit::NoExternalFamily { is_ipv4: false, .. })
        ),
        "{refused:?}"
    );
    let moved: IpAddr = "198.51.100.8".parse().unwrap();
    hosts.0.lock().unwrap()[1] = moved;
    w.control.follow_peers().await.unwrap();
    let seen = w.control.connection(&w.demo, made.connection.id).await;
    assert_eq!(seen.unwrap().connection.peer_address, moved);

    config.external_v6 = Some(pool(BLOCK));
    let w = World::over(Arc::new(MemoryStore::default()), config).await;
    let gateway = site(&w).await;
    let made = connect(&w, gateway.id, "peer.example.com").await.unwrap();
    assert!(made.connection.peer_address.is_ipv6());
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_tried_at_its_other_addresses() {
    let hosts = ["198.51.100.7", "198.51.100.8"].map(|text| text.parse().unwrap());
    let hosts = Arc::new(Hosts(Mutex::new(hosts.to_vec())));
    let mut config = config();
    config.resolver = Arc::clone(&hosts) as Arc<dyn Resolver>;
    let mut w = World::over(Arc::new(MemoryStore::default()), config).await;
    w.run();
    let gateway = site(&w).await.id;
    let made = connect(&w, gateway, "peer.example.com").await.unwrap();
    let (id, first) = (made.connection.id, made.connection.peer_address);
    let told = async |state, code| {
        w.until("the agent has it", async || {
            let spec = w.agent.gateway(gateway);
            spec.is_some_and(|spec| spec.tunnels.contains_key(&id))
        })
        .await;
        let reason = Reason::new(
            code,
            Whose::Network,
            time::OffsetDateTime::UNIX_EPOCH,
            "seen",
            "none",
        );
        w.agent.say(AgentEvent::Tunnel {
            gateway,
            connection: id,
            observed: TunnelObserved {
                state,
                since: time::OffsetDateTime::UNIX_EPOCH,
                reasons: vec![reason],
                ike_suite: None,
                ike_times: SaTimes::default(),
                children: Vec::new(),
                members: Vec::new(),
                traffic: Traffic::default(),
            },
        });
        w.until("it is heard", async || {
            let seen = w.control.connection(&w.demo, id).await.unwrap();
            seen.observed.is_some_and(|seen| seen.state == state)
        })
        .await;
        w.control.follow_peers().await.unwrap();
        let seen = w.control.connection(&w.demo, id).await.unwrap();
        seen.connection.peer_address
    };
    let silent = ReasonCode::PeerNotResponding;
    assert_eq!(told(TunnelState::Up, silent).await, first);
    let second = hosts.0.lock().unwrap()[1];
    assert_eq!(told(TunnelState::Down, silent).await, second);
    // A refused key is no matter of the address.
    let refused = ReasonCode::CannotAuthenticateConnection;
    assert_eq!(told(TunnelState::Down, refused).await, second);
    assert_eq!(told(TunnelState::Connecting, silent).await, first);
}

/// A resolver that answers once it may.
struct Late(Mutex<Vec<IpAddr>>, tokio::sync::Semaphore);

#[async_trait]
impl Resolver for Late {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.1.acquire().await.unwrap().forget();
        Ok(self.0.lock().unwrap().clone())
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_name_server_answers_a_connection_is_made_and_its_peer_found_later() {
    let addresses = ["198.51.100.7", "198.51.100.8"].map(|text| text.parse().unwrap());
    let late = Arc::new(Late(
        Mutex::new(addresses.to_vec()),
        tokio::sync::Semaphore::new(0),
    ));
    let mut config = config();
    config.resolver = Arc::clone(&late) as Arc<dyn Resolver>;
    let mut w = World::over(Arc::new(MemoryStore::default()), config).await;
    w.run();
    let gateway = site(&w).await;
    let begun = tokio::time::Instant::now();
    let made = connect(&w, gateway.id, "peer.example.com").await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    let tunnels = || {
        w.agent
            .gateway(gateway.id)
            .map_or(0, |spec| spec.tunnels.len())
    };
    w.until("it says why it is down", async || {
        let seen = w.control.connection(&w.demo, made.connection.id).await;
        let reasons = seen.unwrap().reasons;
        reasons
            .iter()
            .any(|reason| reason.evidence.contains("peer.example.com"))
    })
    .await;
    assert_eq!(tunnels(), 0);
    late.1.add_permits(100);
    w.until("the agent knows of it", async || tunnels() == 1)
        .await;
    let seen = async || {
        let seen = w.control.connection(&w.demo, made.connection.id).await;
        seen.unwrap().connection.peer_address
    };
    assert_eq!(seen().await, addresses[0]);
    // Another order is no move.
    late.0.lock().unwrap().reverse();
    w.control.follow_peers().await.unwrap();
    assert_eq!(seen().await, addresses[0]);
    *late.0.lock().unwrap() = vec![addresses[1]];
    w.control.follow_peers().await.unwrap();
    assert_eq!(seen().await, addresses[1]);
}

fn open(store: &Arc<dyn Store>, config: Config) -> Control {
    let agent = Arc::new(adit_control::fake::FakeAgent::default());
    let clock = Arc::new(adit_control::SystemClock);
    let (control, _) = Control::new(
        Arc::clone(store),
        agent,
        clock,
        Box::new(SystemRandom),
        config,
    );
    control
}
