//! A control over a memory store and an agent that only remembers.

mod things;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_control::connection::{
    ConnectionView, DeadPeerRule, GivenEnds, NewConnection, Overlaps, Rules,
};
use adit_control::fake::FakeAgent;
use adit_control::gateway::{GatewayView, NewGateway, Place};
use adit_control::router::NewRouter;
use adit_control::subnet::{self, Block, SubnetView};
use adit_control::{
    Allowance, Caller, Clock, Config, Control, Error, ExternalPool, Naming, Reconciler, SystemClock,
};
use adit_crypto::SystemRandom;
use adit_model::connection::{DeadPeerDetection, DpdAction, Initiator};
use adit_model::gateway::GatewayMode;
use adit_model::{GatewayId, Name, Psk, Router, SubnetId};
use adit_store::{MemoryStore, Store};
use time::OffsetDateTime;

pub(crate) use things::*;

/// A clock that a test sets.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<Mutex<OffsetDateTime>>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(SystemClock.now())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        let mut now = self.0.lock().unwrap();
        // No two things are made at one moment, as with a real clock.
        *now += Duration::from_micros(1);
        *now
    }
}

pub(crate) struct World {
    pub(crate) control: Control,
    pub(crate) agent: Arc<FakeAgent>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: TestClock,
    pub(crate) admin: Caller,
    pub(crate) demo: Caller,
    pub(crate) reconciler: Option<Reconciler>,
}

pub(crate) fn config() -> Config {
    let external = ExternalPool {
        cidr: "203.0.113.0/24".parse().unwrap(),
        reserved: vec!["203.0.113.2".parse().unwrap()],
    };
    Config::new(external, [7; 32])
}

pub(crate) fn new_router(text: &str) -> NewRouter {
    NewRouter {
        name: name(text),
        resource_group: None,
        naming: Naming::Unique,
        allowance: Allowance::Fixed,
        description: String::new(),
        admin_state_up: true,
        external: None,
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::default()), config()).await
    }

    pub(crate) async fn over(store: Arc<dyn Store>, config: Config) -> Self {
        let agent = Arc::new(FakeAgent::default());
        let clock = TestClock::new();
        let (control, reconciler) = Control::new(
            Arc::clone(&store),
            Arc::<FakeAgent>::clone(&agent),
            Arc::new(clock.clone()),
            Box::new(SystemRandom),
            config,
        );
        control.bootstrap().await.unwrap();
        let mut callers = Vec::new();
        for user in ["admin", "demo"] {
            let key = control.replace_api_key(user).await.unwrap();
            let caller = control.authenticate(key.expose()).await;
            callers.push(caller.unwrap().unwrap());
        }
        let [admin, demo] = callers[..] else {
            panic!("there are two users");
        };
        Self {
            control,
            agent,
            store,
            clock,
            admin,
            demo,
            reconciler: Some(reconciler),
        }
    }

    /// Lets the reconciler run from now on.
    pub(crate) fn run(&mut self) {
        tokio::spawn(self.reconciler.take().unwrap().run());
    }

    /// Waits until it is so, which only news or calls can make it.
    pub(crate) async fn until(&self, what: &str, mut test: impl AsyncFnMut() -> bool) {
        let (mut news, mut calls) = (self.control.changes(), self.agent.calls());
        let wait = async {
            while !test().await {
                tokio::select! {
                    changed = news.changed() => changed.unwrap(),
                    changed = calls.changed() => changed.unwrap(),
                }
            }
        };
        let log = || self.agent.log();
        tokio::time::timeout(Duration::from_secs(600), wait)
            .await
            .unwrap_or_else(|_| panic!("never: {what}; {:?}", log()));
    }

    pub(crate) async fn subnet(&self, router: &str, cidr: &str) -> (Router, SubnetView) {
        let control = &self.control;
        let router = control
            .create_router(&self.demo, new_router(router))
            .await
            .unwrap();
        let place = subnet::Place::Router(router.id);
        let new = new_subnet("subnet", place, Block::Exact(cidr.parse().unwrap()));
        let made = control.create_subnet(&self.demo, STRICT_SUBNETS, new).await;
        let view = control.subnet_view(&self.demo, made.unwrap().id).await;
        (router, view.unwrap())
    }

    pub(crate) async fn gateway(&self, subnet: SubnetId, text: &str) -> Result<GatewayView, Error> {
        let new = new_gateway(text, Place::Subnet(subnet));
        let made = self
            .control
            .create_gateway(&self.demo, STRICT_GATEWAYS, new);
        made.await
    }

    /// One in route mode.
    pub(crate) async fn routed(&self, subnet: SubnetId, text: &str) -> Result<GatewayView, Error> {
        let new = NewGateway {
            mode: GatewayMode::Route,
            ..new_gateway(text, Place::Subnet(subnet))
        };
        let made = self
            .control
            .create_gateway(&self.demo, STRICT_GATEWAYS, new);
        made.await
    }

    /// That of a gateway's active member.
    pub(crate) async fn private_address(&self, view: &GatewayView) -> IpAddr {
        let views = std::slice::from_ref(view);
        let around = self.control.gateway_surroundings(views).await.unwrap();
        around[0].private_addresses[0]
    }

    pub(crate) async fn connection(&self, new: NewConnection) -> Result<ConnectionView, Error> {
        self.control
            .create_connection(&self.demo, STRICT, new)
            .await
    }
}

/// A connection of a gateway in route mode.
pub(crate) fn new_routed(gateway: GatewayId, text: &str) -> NewConnection {
    NewConnection {
        ends: GivenEnds::default(),
        ..new_connection(gateway, text, &[], &[])
    }
}

/// The rules of a face that is strict.
pub(crate) const STRICT: Rules = Rules {
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    overlaps: Overlaps::Refused,
    dead_peer: DeadPeerRule::Bounded,
};

/// The rules of a face that is as lax as any may be.
pub(crate) const LAX: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    overlaps: Overlaps::Nested,
    dead_peer: DeadPeerRule::Longer,
};

pub(crate) fn new_connection(
    gateway: GatewayId,
    text: &str,
    local: &[&str],
    peer: &[&str],
) -> NewConnection {
    let cidrs = |list: &[&str]| list.iter().map(|cidr| cidr.parse().unwrap()).collect();
    NewConnection {
        name: name(text),
        description: String::new(),
        gateway,
        peer_address: "198.51.100.7".to_owned(),
        peer_id: None,
        local_id: None,
        authentication: Psk::new(b"a planted secret".to_vec()).unwrap().into(),
        ppk: None,
        ends: GivenEnds {
            local_cidrs: Some(cidrs(local)),
            peer_cidrs: cidrs(peer),
            ..GivenEnds::default()
        },
        translations: Vec::new(),
        distribute_traffic: false,
        mtu: 0,
        initiator: Initiator::BiDirectional,
        dead_peer_detection: DeadPeerDetection {
            action: DpdAction::Restart,
            interval_s: 2,
            timeout_s: 10,
        },
        ike_policy: None,
        ipsec_policy: None,
        admin_state_up: true,
    }
}
