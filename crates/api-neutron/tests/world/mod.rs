//! The face over a memory store and an agent that only remembers, with what there is before a VPN
//! is made, and a client for it.

pub(crate) mod cases;
pub(crate) mod robust;
pub(crate) mod rows;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_api_neutron::{NeutronConfig, router};
pub(crate) use adit_api_testing::with;
use adit_api_testing::{send, served, until};
use adit_control::fake::FakeAgent;
use adit_control::{Caller, Config, Control, CryptoProfile, ExternalPool, Resolver};
use adit_model::project::Role;
use adit_model::{ProjectId, UserId};
use adit_store::Store;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Map, Value, json};

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Who {
    Admin,
    /// A member of the project that everything is in.
    Member,
    /// A member of another project.
    Other,
    /// A reader of the first project.
    Reader,
    /// Nobody.
    Nobody,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The one object of the answer.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> &Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        let object = self.body.as_object().unwrap();
        object.values().next().unwrap()
    }

    #[track_caller]
    pub(crate) fn id(&self) -> String {
        self.ok(201)["id"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// The refusal's type and message.
    #[track_caller]
    pub(crate) fn refused(&self) -> (u16, &str, &str) {
        let error = &self.body["NeutronError"];
        assert_eq!(error["detail"], "", "{self:?}");
        let text = |name: &str| error[name].as_str().unwrap();
        (self.status.as_u16(), text("type"), text("message"))
    }
}

/// Knows one host.
struct Hosts;

#[async_trait]
impl Resolver for Hosts {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        match host {
            "localhost" => Ok(vec![IpAddr::from([127, 0, 0, 1])]),
            // As the system's resolver reads it.
            "198.051.100.219" => Ok(vec![IpAddr::from([198, 41, 100, 219])]),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

pub(crate) struct World {
    pub(crate) app: Router,
    pub(crate) control: Control,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) agent: Arc<FakeAgent>,
    pub(crate) project: ProjectId,
    pub(crate) other_project: ProjectId,
    tokens: BTreeMap<Who, String>,
    /// Ids of what there is, by a short name. In paths, bodies and messages `$name` stands for
    /// them.
    pub(crate) ids: BTreeMap<String, String>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(NeutronConfig::default()).await
    }

    pub(crate) async fn with(config: NeutronConfig) -> Self {
        Self::build(config, |_| {}).await
    }

    pub(crate) async fn allowing(profile: CryptoProfile) -> Self {
        let allow = |settings: &mut Config| settings.crypto_profile = profile;
        Self::build(NeutronConfig::default(), allow).await
    }

    /// One with IPv6 addresses outside.
    pub(crate) async fn outside_by_ipv6() -> Self {
        let block = |settings: &mut Config| {
            settings.external_v6 = Some(ExternalPool {
                cidr: "2001:db8:0:1::/64".parse().unwrap(),
                reserved: vec!["2001:db8:0:1::1".parse().unwrap()],
            });
        };
        Self::build(NeutronConfig::default(), block).await
    }

    async fn build(config: NeutronConfig, set: impl FnOnce(&mut Config)) -> Self {
        let mut parts = adit_api_testing::World::new(|settings| {
            settings.resolver = Arc::new(Hosts);
            // Rows are put past the use cases, which would have them looked at.
            settings.timing.sweep = Duration::from_millis(50);
            set(settings);
        });
        let [admin, demo] = parts.accounts().await;
        parts.reconcile();
        let app = served(router(parts.control.clone(), config));
        let mut world = Self {
            app,
            project: demo.project.id,
            other_project: ProjectId::random(),
            tokens: BTreeMap::new(),
            ids: BTreeMap::new(),
            control: parts.control,
            store: parts.store,
            agent: parts.agent,
        };
        world.add_other_project().await;
        let reader = world.add_user("reader", world.project, Role::Reader).await;
        let other = world
            .add_user("other", world.other_project, Role::Member)
            .await;
        let mine = world.project;
        world.let_in(Who::Admin, admin.user.id, admin.project.id, Role::Admin);
        world.let_in(Who::Member, demo.user.id, mine, Role::Member);
        world.let_in(Who::Reader, reader, mine, Role::Reader);
        world.let_in(Who::Other, other, world.other_project, Role::Member);
        world.add_networks().await;
        world
    }

    fn let_in(&mut self, who: Who, user: UserId, project: ProjectId, role: Role) {
        let caller = Caller {
            project,
            user,
            role,
            all_projects: false,
        };
        let token = self.control.issue_token(&caller, Map::new()).text;
        self.tokens.insert(who, token);
        let simple = |project: ProjectId| project.uuid().simple().to_string();
        self.ids
            .insert(format!("project_{who:?}").to_lowercase(), simple(project));
    }

    pub(crate) fn token(&self, who: Who) -> &str {
        &self.tokens[&who]
    }

    /// A text with ids for their short names.
    #[track_caller]
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut filled = parts.next().unwrap().to_owned();
        for part in parts {
            let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let (name, rest) = part.split_at(end.unwrap_or(part.len()));
            let id = self.ids.get(name);
            filled.push_str(id.unwrap_or_else(|| panic!("there is no {name}")));
            filled.push_str(rest);
        }
        filled
    }

    /// Asks `"GET /vpn/ikepolicies"`, below `/v2.0`.
    pub(crate) async fn ask(&self, who: Who, request: &str, body: &str) -> Answer {
        let filled = self.fill(request);
        let (method, path) = filled.split_once(' ').unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/v2.0{path}"))
            .header("host", "neutron.test");
        if let Some(token) = self.tokens.get(&who) {
            request = request.header("x-auth-token", token);
        }
        let body = Body::from(self.fill(body));
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (status, headers, body) = send(&self.app, request).await;
        assert!(
            headers.contains_key("x-openstack-request-id"),
            "{headers:?}"
        );
        Answer {
            status,
            headers,
            body,
        }
    }

    /// Asks as a member.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Who::Member, &format!("GET {path}"), "").await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Who::Member, &format!("PUT {path}"), &body.to_string())
            .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(Who::Member, &format!("DELETE {path}"), "").await
    }

    /// Makes something as a member, and keeps its id under a short name.
    pub(crate) async fn make(&mut self, name: &str, kind: &str, body: Value) -> Value {
        self.make_as(Who::Member, name, kind, body).await
    }

    pub(crate) async fn make_as(&mut self, who: Who, name: &str, kind: &str, body: Value) -> Value {
        let path = path(kind);
        let body = json!({kind: body}).to_string();
        let answer = self.ask(who, &format!("POST {path}"), &body).await;
        self.ids.insert(name.to_owned(), answer.id());
        answer.body[kind].clone()
    }

    /// Waits until it is so, which only news can make it.
    pub(crate) async fn until(&self, what: &str, test: impl AsyncFnMut() -> bool) {
        until(&self.control, what, test).await;
    }

    /// Waits until something has this status.
    pub(crate) async fn until_status(&self, path: &str, status: &str) {
        self.until_seen(Who::Member, path, status).await;
    }

    pub(crate) async fn until_seen(&self, who: Who, path: &str, status: &str) {
        let what = format!("{path} is {status}");
        let is = async || {
            let answer = self.ask(who, &format!("GET {path}"), "").await;
            answer.ok(200)["status"] == status
        };
        self.until(&what, is).await;
    }

    /// Waits until the connections' services listen, and nothing came back from the peers.
    pub(crate) async fn until_down(&self) {
        for connection in ["conn", "conn_legacy"] {
            let path = format!("/vpn/ipsec-site-connections/${connection}");
            self.until_status(&path, "DOWN").await;
        }
    }
}

/// The collection of a kind, by its key in bodies.
pub(crate) fn path(kind: &str) -> &'static str {
    match kind {
        "ikepolicy" => "/vpn/ikepolicies",
        "ipsecpolicy" => "/vpn/ipsecpolicies",
        "endpoint_group" => "/vpn/endpoint-groups",
        "vpnservice" => "/vpn/vpnservices",
        "ipsec_site_connection" => "/vpn/ipsec-site-connections",
        "network" => "/networks",
        "subnet" => "/subnets",
        "port" => "/ports",
        "router" => "/routers",
        "floatingip" => "/floatingips",
        "security_group" => "/security-groups",
        "security_group_rule" => "/security-group-rules",
        other => panic!("no path for {other}"),
    }
}

/// The kinds of VPN resources.
pub(crate) const KINDS: [&str; 5] = [
    "ikepolicy",
    "ipsecpolicy",
    "endpoint_group",
    "vpnservice",
    "ipsec_site_connection",
];

/// The kinds of network resources.
pub(crate) const NETWORK_KINDS: [&str; 7] = [
    "network",
    "subnet",
    "port",
    "router",
    "floatingip",
    "security_group",
    "security_group_rule",
];
