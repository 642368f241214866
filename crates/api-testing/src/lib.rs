//! What tests of dialects share: use cases over a memory store and an agent that only remembers, and
//! requests to a face of them. No program is built of it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    missing_debug_implementations,
    reason = "test code"
)]

use std::sync::Arc;
use std::time::Duration;

use adit_control::account::Account;
use adit_control::fake::FakeAgent;
use adit_control::{Config, Control, ExternalPool, Reconciler, SystemClock};
use adit_crypto::SystemRandom;
use adit_store::{MemoryStore, Store};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

/// The use cases and what they stand on.
pub struct World {
    /// The use cases.
    pub control: Control,
    /// What is stored.
    pub store: Arc<dyn Store>,
    /// What was made.
    pub agent: Arc<FakeAgent>,
    reconciler: Option<Reconciler>,
}

impl Default for World {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl World {
    /// One of these settings.
    pub fn new(set: impl FnOnce(&mut Config)) -> Self {
        Self::over(Arc::new(MemoryStore::default()), set)
    }

    /// One over a store that may have something in it.
    pub fn over(store: Arc<dyn Store>, set: impl FnOnce(&mut Config)) -> Self {
        let external = ExternalPool {
            cidr: "203.0.113.0/24".parse().expect("it is a block"),
            reserved: Vec::new(),
        };
        let mut settings = Config::new(external, [1; 32]);
        set(&mut settings);
        let agent = Arc::new(FakeAgent::default());
        let (control, reconciler) = Control::new(
            Arc::clone(&store),
            Arc::<FakeAgent>::clone(&agent),
            Arc::new(SystemClock),
            Box::new(SystemRandom),
            settings,
        );
        Self {
            control,
            store,
            agent,
            reconciler: Some(reconciler),
        }
    }

    /// Makes the accounts of a first start: the administrator's, and that of a member.
    pub async fn accounts(&self) -> [Account; 2] {
        let accounts = self.control.bootstrap().await;
        accounts
            .expect("the store answers")
            .expect("it is a first start")
    }

    /// Has what is wished for made from here on.
    pub fn reconcile(&mut self) {
        let reconciler = self.reconciler.take().expect("it is done once");
        tokio::spawn(reconciler.run());
    }
}

/// A face as it is served.
pub fn served(face: Router) -> Router {
    adit_api::request_id::around(face)
}

/// What comes back: a body is JSON, and says so.
pub async fn send(face: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
    let response = face.clone().oneshot(request).await.expect("it never fails");
    let (parts, body) = response.into_parts();
    let octets = to_bytes(body, usize::MAX).await.expect("it is in memory");
    let body = if octets.is_empty() {
        Value::Null
    } else {
        let kind = parts
            .headers
            .get("content-type")
            .map(|kind| kind.as_bytes());
        let json = kind.is_some_and(|kind| kind.starts_with(b"application/json"));
        assert!(json, "{:?}", parts.headers);
        serde_json::from_slice(&octets).expect("it is JSON")
    };
    (parts.status, parts.headers, body)
}

/// Waits until it is so, which only news can make it.
pub async fn until(control: &Control, what: &str, mut test: impl AsyncFnMut() -> bool) {
    let mut news = control.changes();
    let wait = async {
        while !test().await {
            news.changed().await.expect("there is more to come");
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
    waited.unwrap_or_else(|_| panic!("never: {what}"));
}

/// `base` with members of `change`; `null` takes one away.
#[must_use]
pub fn with(mut base: Value, change: &Value) -> Value {
    let members = base.as_object_mut().expect("it is an object");
    for (name, value) in change.as_object().expect("it is an object").clone() {
        if value.is_null() {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
    base
}
