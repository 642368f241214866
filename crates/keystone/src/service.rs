//! The service user's own token: got by its password when it is first needed, and again before it
//! ends or when it is no longer taken.

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use serde::Serialize;
use time::Duration as Span;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};
use zeroize::Zeroizing;

use crate::config::KeystoneConfig;
use crate::error::AskError;
use crate::http::{Client, Question};
use crate::token;

/// How long a refused login is not tried again: a Keystone may lock a user out that fails often.
const PAUSE: Duration = Duration::from_secs(10);

/// How long before its end a token is replaced, at most.
const MARGIN: Duration = Duration::from_secs(60);

/// More than any login has, in octets: each of an escaped password's 4096 has six at most.
const LARGEST_LOGIN: usize = 32 << 10;

enum State {
    Nothing,
    Token(HeaderValue, Instant),
    Refused(Instant),
}

/// The service user. One login at a time; who needs its token meanwhile waits for it.
pub(crate) struct Service {
    config: KeystoneConfig,
    state: Mutex<State>,
}

impl Service {
    pub(crate) fn new(config: KeystoneConfig) -> Self {
        Self {
            config,
            state: Mutex::new(State::Nothing),
        }
    }

    /// A token that is good, as far as is known.
    pub(crate) async fn token(&self, client: &Client) -> Result<HeaderValue, AskError> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Token(token, until) if Instant::now() < *until => return Ok(token.clone()),
            State::Refused(until) if Instant::now() < *until => return Err(AskError::LoginRefused),
            _ => {}
        }
        match self.log_in(client).await {
            Ok((token, lifetime)) => {
                let until = Instant::now() + lifetime - MARGIN.min(lifetime / 4);
                *state = State::Token(token.clone(), until);
                tracing::debug!(keystone = %client.url(), "the service user is logged in");
                Ok(token)
            }
            Err(error) => {
                if matches!(error, AskError::LoginRefused) {
                    *state = State::Refused(Instant::now() + PAUSE);
                }
                Err(error)
            }
        }
    }

    /// The token was not taken: the next one is fresh, unless somebody got a fresh one already.
    pub(crate) async fn forget(&self, token: &HeaderValue) {
        let mut state = self.state.lock().await;
        if matches!(&*state, State::Token(known, _) if known == token) {
            *state = State::Nothing;
        }
    }

    async fn log_in(&self, client: &Client) -> Result<(HeaderValue, Duration), AskError> {
        let question = Question {
            method: Method::POST,
            path: "/v3/auth/tokens?nocatalog",
            token: None,
            subject: None,
            body: Some(self.body()),
        };
        let answer = client.send(question).await?;
        match answer.status {
            StatusCode::CREATED | StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(AskError::LoginRefused),
            other => return Err(AskError::Status(other.as_u16())),
        }
        let mut text = answer
            .headers
            .get("x-subject-token")
            .cloned()
            .ok_or(AskError::NoToken)?;
        text.set_sensitive(true);
        // Both by Keystone's clock, so that it matters not what ours says.
        let (from, to) = token::times(&answer)?;
        let lifetime = (to - from).max(Span::ZERO).unsigned_abs();
        Ok((text, lifetime))
    }

    fn body(&self) -> Zeroizing<Vec<u8>> {
        let config = &self.config;
        let named = |name, domain| Named {
            name,
            domain: Domain { name: domain },
        };
        let user = User {
            named: named(&config.username, &config.user_domain_name),
            password: config.password.expose(),
        };
        let login = Login {
            auth: Auth {
                identity: Identity {
                    methods: ["password"],
                    password: ByPassword { user },
                },
                scope: Scope {
                    project: named(&config.project_name, &config.project_domain_name),
                },
            },
        };
        // Large enough that no copy of the password is left behind by growing.
        let mut body = Zeroizing::new(Vec::with_capacity(LARGEST_LOGIN));
        // Texts in memory are always written.
        let _ = serde_json::to_writer(&mut *body, &login);
        body
    }
}

#[derive(Serialize)]
struct Login<'a> {
    auth: Auth<'a>,
}

#[derive(Serialize)]
struct Auth<'a> {
    identity: Identity<'a>,
    scope: Scope<'a>,
}

#[derive(Serialize)]
struct Identity<'a> {
    methods: [&'a str; 1],
    password: ByPassword<'a>,
}

#[derive(Serialize)]
struct ByPassword<'a> {
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    #[serde(flatten)]
    named: Named<'a>,
    password: &'a str,
}

#[derive(Serialize)]
struct Scope<'a> {
    project: Named<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    domain: Domain<'a>,
}

#[derive(Serialize)]
struct Domain<'a> {
    name: &'a str,
}
