use adit_api_native::NativeConfig;
use adit_api_testing::World;
use adit_control::account::Account;
use adit_control::connection::{
    DeadPeerRule, GivenEnds, NewConnection, Overlaps, Rules as ConnectionRules,
};
use adit_control::gateway::{self, NewGateway, Place};
use adit_control::login::{Proof, UserRef, Wish};
use adit_control::route::NewRoute;
use adit_control::user::NewUser;
use adit_control::{AgentEvent, Allowance, Naming, OnDelete, Password};
use adit_model::connection::{DeadPeerDetection, Initiator};
use adit_model::gateway::{GatewayMode, GatewayStatus};
use adit_model::observed::{ChildObserved, SaTimes, Traffic, TunnelObserved, TunnelState};
use adit_model::project::{Role, RoleAssignment};
use adit_model::{Name, Psk};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tower::ServiceExt as _;

/// A face, and somebody's token.
pub(crate) struct Api {
    world: World,
    admin: Account,
    pub(crate) face: Router,
    pub(crate) token: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() {
            return Value::Null;
        }
        let body: Value = serde_json::from_str(&self.text).unwrap();
        if status >= 400 {
            let kind = self.headers["content-type"].to_str().unwrap();
            assert_eq!(kind, "application/problem+json");
            assert_eq!(body["status"], status);
            assert_ne!(body["request_id"], "");
        }
        body
    }

    /// A refusal, of this field.
    #[track_caller]
    pub(crate) fn refuses(self, status: u16, field: &str) -> String {
        let body = self.is(status);
        assert_eq!(body["field"].as_str().unwrap_or_default(), field, "{body}");
        body["detail"].as_str().unwrap().to_owned()
    }
}

impl Api {
    pub(crate) async fn new() -> Self {
        let config = NativeConfig {
            show_psk: true,
            ..NativeConfig::default()
        };
        Self::with(config).await
    }

    pub(crate) async fn with(config: NativeConfig) -> Self {
        let world = World::default();
        let [admin, demo] = world.accounts().await;
        let key = demo.key.expose().to_owned();
        let face = adit_api_native::router(world.control.clone(), config);
        let mut api = Self {
            face: adit_api_testing::served(face),
            token: String::new(),
            world,
            admin,
        };
        let body = json!({"api_key": key});
        let session = api.post("/sessions", &body).await.is(201);
        api.token = session["token"].as_str().unwrap().to_owned();
        api
    }

    /// Has what is wished for made from here on, and what happens told.
    pub(crate) fn run(&mut self) {
        self.world.reconcile();
    }

    /// A gateway in route mode, which this face doesn't make, with a connection and a route to it; the connection's id.
    pub(crate) async fn by_routes(&self, router: &Value, subnet: &Value) -> String {
        let control = &self.world.control;
        let caller = control.verify_token(&self.token).await.unwrap();
        let name = Name::parse("routed").unwrap();
        let new = NewGateway {
            name: name.clone(),
            resource_group: None,
            description: String::new(),
            place: Place::Subnet(subnet["id"].as_str().unwrap().parse().unwrap()),
            mode: GatewayMode::Route,
            admin_state_up: true,
        };
        let rules = gateway::Rules {
            naming: Naming::Free,
            allowance: Allowance::OfProject,
            on_delete: OnDelete::Restrict,
        };
        let made = control.create_gateway(&caller, rules, new).await;
        let new = NewConnection {
            name: name.clone(),
            description: String::new(),
            gateway: made.unwrap().gateway.id,
            peer_address: "192.0.2.5".to_owned(),
            peer_id: None,
            local_id: None,
            authentication: Psk::new(b"APlainKey".to_vec()).unwrap().into(),
            ppk: None,
            ends: GivenEnds::default(),
            translations: Vec::new(),
            distribute_traffic: false,
            mtu: 0,
            initiator: Initiator::BiDirectional,
            dead_peer_detection: DeadPeerDetection::RESTART,
            ike_policy: None,
            ipsec_policy: None,
            admin_state_up: true,
        };
        let rules = ConnectionRules {
            naming: Naming::Free,
            allowance: Allowance::OfProject,
            overlaps: Overlaps::Nested,
            dead_peer: DeadPeerRule::Longer,
        };
        let made = control.create_connection(&caller, rules, new).await;
        let connection = made.unwrap().connection.id;
        let new = NewRoute {
            name,
            router: router["id"].as_str().unwrap().parse().unwrap(),
            destination: "10.2.0.0/16".parse().unwrap(),
            connection,
            zone: String::new(),
            priority: 2,
        };
        control.create_route(&caller, new).await.unwrap();
        connection.uuid().to_string()
    }

    /// Waits until the gateway of a connection is there.
    pub(crate) async fn until_available(&self, made: &Value) {
        let gateway = made["gateway"].as_str().unwrap();
        let control = &self.world.control;
        let caller = control.verify_token(&self.token).await.unwrap();
        let id = gateway.parse().unwrap();
        adit_api_testing::until(control, "the gateway is there", async || {
            control.gateway(&caller, id).await.unwrap().status == GatewayStatus::Available
        })
        .await;
    }

    /// Waits until machines are there.
    pub(crate) async fn until_running(&self, machines: &[Value]) {
        for one in machines {
            let path = path("machines", one);
            adit_api_testing::until(&self.world.control, "the machine is there", async || {
                self.get(&path).await.is(200)["status"] == "running"
            })
            .await;
        }
    }

    /// Has a tunnel be seen like this, with a Child SA for all its blocks, or without any.
    pub(crate) async fn see(&self, made: &Value, state: TunnelState, carried: bool) {
        let blocks = |end: &str| serde_json::from_value(made[end]["cidrs"].clone()).unwrap();
        let child = ChildObserved {
            spi_in: 1,
            spi_out: 2,
            suite: "aes256gcm16".to_owned(),
            local_cidrs: blocks("local"),
            peer_cidrs: blocks("peer"),
            times: SaTimes {
                since: Some(OffsetDateTime::UNIX_EPOCH),
                rekey_at: Some(OffsetDateTime::UNIX_EPOCH + time::Duration::hours(3)),
            },
            traffic: Traffic {
                packets_in: 7,
                ..Traffic::default()
            },
        };
        let observed = TunnelObserved {
            state,
            since: OffsetDateTime::now_utc(),
            reasons: Vec::new(),
            ike_suite: Some("aes256gcm16-prfsha384-ecp384".to_owned()),
            ike_times: SaTimes::default(),
            children: if carried { vec![child] } else { Vec::new() },
            members: Vec::new(),
            traffic: Traffic::default(),
        };
        self.world.agent.say(AgentEvent::Tunnel {
            gateway: made["gateway"].as_str().unwrap().parse().unwrap(),
            connection: made["id"].as_str().unwrap().parse().unwrap(),
            observed,
        });
        let path = path("connections", made);
        adit_api_testing::until(&self.world.control, "it is seen", async || {
            let seen = self.get(&path).await.is(200);
            let children = seen["children"].as_array().unwrap().len();
            seen["state"] == json!(state) && children == usize::from(carried)
        })
        .await;
    }

    /// Goes on as the administrator.
    pub(crate) async fn become_admin(&mut self) {
        let body = json!({"api_key": self.admin.key.expose()});
        let session = self.post("/sessions", &body).await.is(201);
        self.token = session["token"].as_str().unwrap().to_owned();
    }

    /// Goes on as somebody else: a user of this role in the project of the one who asks now, or, without a role, in a
    /// project of its own.
    pub(crate) async fn become_another(&mut self, role: Option<Role>) {
        let control = self.world.control.clone();
        let me = control.verify_token(&self.token).await.unwrap();
        let name = |text: String| Name::parse(&text).unwrap();
        let Account { user, password, .. } = &self.admin;
        let proof = Proof::Password(UserRef::Name(user.name.clone()), password.clone());
        let (_, admin) = control.log_in(None, proof, &Wish::Default).await.unwrap();
        let project = match role {
            Some(_) => me.project,
            None => {
                let called = name("another".to_owned());
                let made = control.create_project(&admin, called, String::new(), true);
                made.await.unwrap().id
            }
        };
        let called = format!("user-{role:?}");
        let password = Password::new("a password").unwrap();
        let new = NewUser {
            name: name(called.clone()),
            description: String::new(),
            email: None,
            enabled: true,
            default_project: Some(project),
            password: Some(password),
        };
        let user = control.create_user(&admin, new).await.unwrap();
        let assignment = RoleAssignment {
            user: user.id,
            project,
            role: role.unwrap_or(Role::Member),
        };
        control.grant_role(&admin, assignment).await.unwrap();
        let body = json!({"user": called, "password": "a password"});
        let session = self.post("/sessions", &body).await.is(201);
        self.token = session["token"].as_str().unwrap().to_owned();
    }

    /// Makes a user that is a member of a first project and a reader of a second one; their ids.
    pub(crate) async fn in_two_projects(&self, called: &str) -> [Value; 2] {
        let control = &self.world.control;
        let name = |text: &str| Name::parse(text).unwrap();
        let Account { user, password, .. } = &self.admin;
        let proof = Proof::Password(UserRef::Name(user.name.clone()), password.clone());
        let (_, admin) = control.log_in(None, proof, &Wish::Default).await.unwrap();
        let mut projects = Vec::new();
        for project in ["first", "second"] {
            let made = control.create_project(&admin, name(project), String::new(), true);
            projects.push(made.await.unwrap().id);
        }
        let new = NewUser {
            name: name(called),
            description: String::new(),
            email: None,
            enabled: true,
            default_project: projects.first().copied(),
            password: Some(Password::new("a password").unwrap()),
        };
        let user = control.create_user(&admin, new).await.unwrap().id;
        for (project, role) in projects.iter().zip([Role::Member, Role::Reader]) {
            let project = *project;
            let row = RoleAssignment {
                user,
                project,
                role,
            };
            control.grant_role(&admin, row).await.unwrap();
        }
        let ids: Vec<_> = projects.iter().map(|id| json!(id.uuid())).collect();
        ids.try_into().unwrap()
    }

    /// An answer whose body may have no end.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response {
        self.face.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        let octets = to_bytes(body, usize::MAX).await.unwrap();
        Reply {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(octets.into()).unwrap(),
        }
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("/adit/v1{path}"))
            .header("authorization", format!("Bearer {}", self.token));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.ask("POST", path, Some(body)).await
    }
}

/// A connection that needs nothing to be there.
pub(crate) fn connection() -> Value {
    json!({
        "name": "branch",
        "gateway": {"network": {"cidr": "10.1.0.0/24"}},
        "peer": {"address": "192.0.2.5", "cidrs": ["10.2.0.0/24"]},
    })
}

/// The path of something that was made.
pub(crate) fn path(kind: &str, made: &Value) -> String {
    format!("/{kind}/{}", made["id"].as_str().unwrap())
}
