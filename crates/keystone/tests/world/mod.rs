//! A Keystone of a hundred lines, on a real socket, that can be told to misbehave.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_control::Password;
use adit_keystone::{Keystone, KeystoneConfig};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// The service user's password.
pub(crate) const PASSWORD: &str = "a planted \"secret\"";

/// A project's id as Keystone writes them.
pub(crate) const PROJECT: &str = "e7e3ec595e9e48ebbf92c6253f4ed055";

/// What it does with questions about tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    Good,
    Status(u16),
    /// 200, and no JSON.
    Garbage,
    /// 404 from something that is no Keystone.
    NotThere,
    /// An answer without an end.
    Huge,
    /// No answer.
    Silent,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) mood: Mood,
    /// What tokens stand for.
    pub(crate) tokens: HashMap<String, Value>,
    /// The service user's tokens that are good.
    pub(crate) service: HashSet<String>,
    /// For how many seconds the service user's tokens are good.
    pub(crate) service_lifetime: i64,
    pub(crate) logins: usize,
    pub(crate) login_bodies: Vec<Value>,
    pub(crate) questions: usize,
}

/// A Keystone that listens.
pub(crate) struct World {
    pub(crate) state: Arc<Mutex<State>>,
    /// Questions about tokens wait for a permit, where there are few.
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) address: SocketAddr,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::start(None).await
    }

    pub(crate) async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let world = Self {
            address: listener.local_addr().unwrap(),
            gate: Arc::new(Semaphore::new(1000)),
            state: Arc::new(Mutex::new(State {
                mood: Mood::Good,
                tokens: HashMap::new(),
                service: HashSet::new(),
                service_lifetime: 3600,
                logins: 0,
                login_bodies: Vec::new(),
                questions: 0,
            })),
        };
        let (state, gate) = (Arc::clone(&world.state), Arc::clone(&world.gate));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (state, gate, tls) = (Arc::clone(&state), Arc::clone(&gate), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, state, gate).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, state, gate).await;
                            }
                        }
                    }
                });
            }
        });
        world
    }

    pub(crate) fn config(&self) -> KeystoneConfig {
        KeystoneConfig {
            url: format!("http://{}/v3", self.address).parse().unwrap(),
            username: "adit".to_owned(),
            password: Password::new(PASSWORD).unwrap(),
            user_domain_name: "Default".to_owned(),
            project_name: "service".to_owned(),
            project_domain_name: "Default".to_owned(),
            ca_file: None,
            cache: Duration::from_secs(60),
            patience: Duration::from_secs(10),
        }
    }

    pub(crate) fn client(&self) -> Keystone {
        Keystone::new(self.config()).unwrap()
    }

    /// A client that remembers nothing.
    pub(crate) fn forgetful(&self) -> Keystone {
        let cache = Duration::ZERO;
        Keystone::new(KeystoneConfig {
            cache,
            ..self.config()
        })
        .unwrap()
    }

    pub(crate) fn set<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// Lets a token stand for this.
    pub(crate) fn know(&self, token: &str, body: Value) {
        self.set(|state| state.tokens.insert(token.to_owned(), body));
    }
}

/// What a member's token stands for.
pub(crate) fn member() -> Value {
    token(&["member", "reader"], 3600)
}

/// A token within [`PROJECT`].
pub(crate) fn token(roles: &[&str], seconds: i64) -> Value {
    let domain = json!({"id": "default", "name": "Default"});
    let roles: Vec<_> = roles
        .iter()
        .map(|name| json!({"id": "x", "name": name}))
        .collect();
    let (from, to) = times(seconds);
    json!({
        "methods": ["password"],
        "user": {"id": "994bba18442645828b33376f2ec9c485", "name": "ann", "domain": domain},
        "project": {"id": PROJECT, "name": "demo", "domain": domain},
        "is_domain": false,
        "roles": roles,
        "issued_at": from,
        "expires_at": to,
    })
}

fn times(seconds: i64) -> (String, String) {
    let now = time::OffsetDateTime::now_utc();
    let write = |time: time::OffsetDateTime| {
        time.format(&time::format_description::well_known::Rfc3339)
            .unwrap()
    };
    (write(now), write(now + time::Duration::seconds(seconds)))
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    state: Arc<Mutex<State>>,
    gate: Arc<Semaphore>,
) {
    let service = service_fn(|request| {
        let (state, gate) = (Arc::clone(&state), Arc::clone(&gate));
        async move { Ok::<_, Infallible>(answer(request, &state, &gate).await) }
    });
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn json_answer(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let body = Full::new(Bytes::from(body.to_string()));
    let answer = Response::builder().status(status);
    answer
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}

fn refusal(status: u16) -> Response<Full<Bytes>> {
    json_answer(
        status,
        &json!({"error": {"code": status, "message": "no", "title": "No"}}),
    )
}

async fn answer(
    request: Request<Incoming>,
    state: &Mutex<State>,
    gate: &Semaphore,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        let value = parts.headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    assert!(parts.headers.contains_key("host"));
    if parts.method == Method::POST {
        assert_eq!(parts.uri.to_string(), "/v3/auth/tokens?nocatalog");
        let body = body.collect().await.unwrap().to_bytes();
        return log_in(state, serde_json::from_slice(&body).unwrap());
    }
    let mood = {
        let mut state = state.lock().unwrap();
        state.questions += 1;
        let known = header("x-auth-token").is_some_and(|token| state.service.contains(&token));
        if !known {
            return refusal(401);
        }
        state.mood
    };
    let _permit = gate.acquire().await.unwrap();
    match mood {
        Mood::Good => {}
        Mood::Status(status) => return refusal(status),
        Mood::Garbage => return Response::new(Full::new(Bytes::from("<html>hello</html>"))),
        Mood::NotThere => {
            let body = Full::new(Bytes::from("<html>404</html>"));
            return Response::builder().status(404).body(body).unwrap();
        }
        Mood::Huge => return Response::new(Full::new(Bytes::from(vec![b' '; 2 << 20]))),
        Mood::Silent => return std::future::pending().await,
    }
    if let Some(id) = parts.uri.path().strip_prefix("/v3/projects/") {
        return if id == PROJECT {
            json_answer(200, &json!({"project": {"id": id}}))
        } else {
            refusal(404)
        };
    }
    assert_eq!(parts.uri.to_string(), "/v3/auth/tokens?nocatalog");
    let subject = header("x-subject-token").unwrap();
    let found = state.lock().unwrap().tokens.get(&subject).cloned();
    found.map_or_else(
        || refusal(404),
        |token| json_answer(200, &json!({"token": token})),
    )
}

fn log_in(state: &Mutex<State>, body: Value) -> Response<Full<Bytes>> {
    let mut state = state.lock().unwrap();
    state.logins += 1;
    let good = body["auth"]["identity"]["password"]["user"]["password"] == PASSWORD;
    state.login_bodies.push(body);
    if !good {
        return refusal(401);
    }
    let text = format!("service-{}", state.logins);
    state.service.insert(text.clone());
    let token = token(&["service"], state.service_lifetime);
    let mut answer = json_answer(201, &json!({"token": token}));
    let headers = answer.headers_mut();
    headers.insert("x-subject-token", text.parse().unwrap());
    answer
}
