//! The API over a memory store and an agent that only remembers, and a client for it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_api_testing::{send, served};
use adit_api_vpc::VpcConfig;
use adit_control::fake::FakeAgent;
use adit_control::{Control, Resolver};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Map, Value, json};

/// The version of the seed, and one of today.
pub(crate) const OLD: &str = "2020-02-14";
pub(crate) const NEW: &str = "2024-04-30";

pub(crate) struct World {
    pub(crate) control: Control,
    pub(crate) agent: Arc<FakeAgent>,
    pub(crate) app: Router,
    pub(crate) token: String,
    /// A token of another project.
    pub(crate) other: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The one error's code.
    pub(crate) fn code(&self) -> &str {
        assert_eq!(
            self.body["errors"].as_array().map(Vec::len),
            Some(1),
            "{self:?}"
        );
        assert!(!self.body["trace"].as_str().unwrap().is_empty());
        self.body["errors"][0]["code"].as_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> &Self {
        self.is(status);
        assert_eq!(self.code(), code, "{self:?}");
        self
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.body[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} of {self:?}"))
            .to_owned()
    }

    pub(crate) fn id(&self) -> String {
        self.text("id")
    }
}

/// Knows two hosts.
struct Hosts;

#[async_trait]
impl Resolver for Hosts {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        match host {
            "peer.example" => Ok(vec![IpAddr::from([198, 51, 100, 7])]),
            "other.example" => Ok(vec![IpAddr::from([198, 51, 100, 8])]),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(VpcConfig::default()).await
    }

    pub(crate) async fn with(config: VpcConfig) -> Self {
        let mut world =
            adit_api_testing::World::new(|settings| settings.resolver = Arc::new(Hosts));
        let accounts = world.accounts().await;
        let control = world.control.clone();
        let mut callers = Vec::new();
        for account in accounts {
            let caller = control.authenticate(account.key.expose()).await;
            callers.push(caller.unwrap().unwrap());
        }
        world.reconcile();
        let token = |caller| control.issue_token(caller, Map::new()).text;
        let app = served(adit_api_vpc::router(control.clone(), config));
        Self {
            token: token(&callers[1]),
            other: token(&callers[0]),
            control,
            agent: world.agent,
            app,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (status, headers, body) = send(&self.app, request).await;
        Answer {
            status,
            headers,
            body,
        }
    }

    /// A request with everything as it should be.
    pub(crate) fn request(
        &self,
        method: &Method,
        path: &str,
        version: &str,
    ) -> axum::http::request::Builder {
        let separator = if path.contains('?') { '&' } else { '?' };
        Request::builder()
            .method(method)
            .uri(format!(
                "/v1{path}{separator}version={version}&generation=2"
            ))
            .header("host", "vpn.example:9696")
            .header("authorization", format!("Bearer {}", self.token))
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        version: &str,
        body: Value,
    ) -> Answer {
        let body = match body {
            Value::Null => Body::empty(),
            Value::String(raw) => Body::from(raw),
            other => Body::from(other.to_string()),
        };
        let request = self.request(&method, path, version).body(body).unwrap();
        self.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, OLD, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, OLD, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, OLD, body).await
    }

    pub(crate) async fn put(&self, path: &str) -> Answer {
        self.call(Method::PUT, path, OLD, Value::Null).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, OLD, Value::Null).await
    }

    /// A VPC with a subnet; answers the ids of both.
    pub(crate) async fn subnet(&self, name: &str, cidr: &str) -> (String, String) {
        let vpc = self.post("/vpcs", json!({"name": name})).await.is(201).id();
        let body = json!({
            "name": "subnet-1", "vpc": {"id": vpc}, "ipv4_cidr_block": cidr,
            "zone": {"name": "us-south-1"},
        });
        let subnet = self.post("/subnets", body).await.is(201).id();
        (vpc, subnet)
    }

    /// A gateway in a VPC of its own; answers its id.
    pub(crate) async fn gateway(&self) -> String {
        let (_, subnet) = self.subnet("vpc-1", "192.168.100.0/24").await;
        let body = json!({"name": "vpn-gateway-1", "subnet": {"id": subnet}});
        self.post("/vpn_gateways", body).await.is(201).id()
    }

    /// A gateway with a connection; answers the path of the connection.
    pub(crate) async fn connection(&self) -> String {
        let gateway = self.gateway().await;
        let path = format!("/vpn_gateways/{gateway}/connections");
        let made = self.post(&path, connection()).await.is(201).id();
        format!("{path}/{made}")
    }

    /// Waits until it is so, which only news can make it, or something that the agent is told.
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
        let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
        waited.unwrap_or_else(|_| panic!("never: {what}"));
    }
}

/// The seed's connection.
pub(crate) fn connection() -> Value {
    json!({
        "name": "vpn-connection-to-vpn-gateway-2",
        "peer_address": "169.61.161.150",
        "psk": "VPNDemoPassword",
        "local_cidrs": ["192.168.100.0/24"],
        "peer_cidrs": ["192.168.0.0/24"],
    })
}

/// An IKE policy.
pub(crate) fn ike_policy() -> Value {
    json!({
        "name": "ike-1", "authentication_algorithm": "sha256", "encryption_algorithm": "aes256",
        "dh_group": 14, "ike_version": 2,
    })
}

/// An IPsec policy.
pub(crate) fn ipsec_policy() -> Value {
    json!({
        "name": "ipsec-1", "authentication_algorithm": "sha256", "encryption_algorithm": "aes256",
        "pfs": "group_14",
    })
}

/// `base` with members of `change`; `null` takes one away.
pub(crate) fn with(base: Value, change: Value) -> Value {
    adit_api_testing::with(base, &change)
}
