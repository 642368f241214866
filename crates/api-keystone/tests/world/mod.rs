//! The face over a memory store, and requests to it.

use std::sync::Arc;

use adit_api_keystone::{CatalogService, KeystoneConfig, router};
use adit_api_testing::{send, served};
use adit_control::Control;
use adit_control::account::Account;
use adit_store::{MemoryStore, Store};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The answer to a request that is refused, in Keystone's shape.
    pub(crate) fn refused(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        let error = &self.body["error"];
        assert_eq!(error["code"], status);
        assert!(error["message"].is_string() && error["title"].is_string());
        if status == 401 {
            let asks = self.headers["www-authenticate"].to_str().unwrap();
            assert_eq!(asks, "Keystone uri=\"http://keystone.test/identity\"");
        }
        self
    }

    pub(crate) fn ok(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.headers["vary"], "X-Auth-Token");
        self
    }

    pub(crate) fn token(&self) -> String {
        self.headers["x-subject-token"].to_str().unwrap().to_owned()
    }

    pub(crate) fn text(&self, pointer: &str) -> String {
        let found = self.body.pointer(pointer);
        let found = found.unwrap_or_else(|| panic!("{pointer} in {}", self.body));
        found.as_str().unwrap().to_owned()
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) app: Router,
    pub(crate) accounts: [Account; 2],
    pub(crate) admin: String,
    pub(crate) demo: String,
}

pub(crate) fn app(store: Arc<dyn Store>) -> (Router, Control) {
    let control = adit_api_testing::World::over(store, |_| {}).control;
    let network = CatalogService {
        kind: "network".to_owned(),
        name: "neutron".to_owned(),
        path: String::new(),
    };
    let config = KeystoneConfig {
        services: vec![network],
        ..KeystoneConfig::default()
    };
    let app = served(router(control.clone(), config));
    (app, control)
}

/// A password login by names.
pub(crate) fn password(user: &str, password: &str, project: Option<&str>) -> Value {
    let user = json!({"name": user, "domain": {"id": "default"}, "password": password});
    let identity = json!({"methods": ["password"], "password": {"user": user}});
    match project {
        None => json!({"auth": {"identity": identity}}),
        Some(name) => {
            let project = json!({"name": name, "domain": {"name": "Default"}});
            json!({"auth": {"identity": identity, "scope": {"project": project}}})
        }
    }
}

/// A login by another token.
pub(crate) fn by_token(token: &str, scope: &Value) -> Value {
    let identity = json!({"methods": ["token"], "token": {"id": token}});
    json!({"auth": {"identity": identity, "scope": scope}})
}

/// A login by an application credential.
pub(crate) fn by_credential(fields: &Value) -> Value {
    let identity = json!({
        "methods": ["application_credential"],
        "application_credential": fields,
    });
    json!({"auth": {"identity": identity}})
}

impl World {
    pub(crate) async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let (app, control) = app(Arc::clone(&store));
        let accounts = control.bootstrap().await.unwrap().unwrap();
        let mut world = Self {
            store,
            app,
            accounts,
            admin: String::new(),
            demo: String::new(),
        };
        world.admin = world.log_in("admin").await;
        world.demo = world.log_in("demo").await;
        world
    }

    /// The password of an account of the first start.
    pub(crate) fn secret(&self, name: &str) -> &str {
        let index = usize::from(name == "demo");
        self.accounts[index].password.expose()
    }

    async fn log_in(&self, name: &str) -> String {
        let body = password(name, self.secret(name), Some(name));
        self.post("/auth/tokens", "", &body).await.ok(201).token()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (status, headers, body) = send(&self.app, request).await;
        Answer {
            status,
            headers,
            body,
        }
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/identity/v3{path}"))
            .header("host", "keystone.test");
        if !token.is_empty() {
            request = request.header("x-auth-token", token);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask("GET", path, token, None).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.ask("POST", path, token, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.ask("DELETE", path, token, None).await
    }

    /// Something done to a token, as its header.
    pub(crate) async fn on_token(&self, method: &str, token: &str, subject: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri("/identity/v3/auth/tokens")
            .header("host", "keystone.test")
            .header("x-auth-token", token)
            .header("x-subject-token", subject);
        self.send(request.body(Body::empty()).unwrap()).await
    }
}
