//! By what a request shows who asks: a bearer's token, the cookie of a page's session, or that it came by the operator's
//! socket.

use std::fmt;

use adit_api::Operator;
use adit_api::bearer::{self, BearerError};
use adit_control::{Caller, Control, Error, Session};
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};

use crate::cookie;
use crate::problem::Problem;
use crate::state::Native;

/// Where a page says the word that goes with its session.
pub(crate) const CSRF_HEADER: &str = "X-CSRF-Token";

/// Where the operator says in which project to act, by its name or id.
pub(crate) const PROJECT_HEADER: &str = "X-Adit-Project";

/// How a token comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    /// The client put it there.
    Bearer,
    /// A browser sends it, whoever's page asks.
    Cookie,
}

/// What is shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A token, and how it comes.
    Token(String, By),
    /// Nothing is needed: it came by the operator's socket.
    Operator {
        /// The project to act in, by its name or id.
        project: Option<String>,
    },
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_, By::Bearer) => "a bearer's token",
            Self::Token(_, By::Cookie) => "a cookie",
            Self::Operator { .. } => "the operator's socket",
        })
    }
}

impl FromRequestParts<Native> for Shown {
    type Rejection = Problem;

    /// A token goes before all else, and a bearer's before a cookie: the client meant it.
    async fn from_request_parts(parts: &mut Parts, _: &Native) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let bearer = headers.contains_key(AUTHORIZATION);
        match cookie::token(headers) {
            Some(token) if !bearer => Ok(Self::Token(token.to_owned(), By::Cookie)),
            None if !bearer && parts.extensions.get::<Operator>().is_some() => {
                let project = headers.get(PROJECT_HEADER);
                let project = project.and_then(|text| text.to_str().ok());
                Ok(Self::Operator {
                    project: project.map(str::to_owned),
                })
            }
            _ => Ok(Self::Token(bearer::token(headers)?.to_owned(), By::Bearer)),
        }
    }
}

impl Shown {
    /// The token, if there is one.
    pub(crate) fn token(&self) -> Option<&str> {
        match self {
            Self::Token(token, _) => Some(token),
            Self::Operator { .. } => None,
        }
    }

    /// Whether it is in a cookie.
    pub(crate) const fn is_cookie(&self) -> bool {
        matches!(self, Self::Token(_, By::Cookie))
    }

    /// On whose behalf the request is made.
    pub(crate) async fn caller(&self, control: &Control) -> Result<Caller, Problem> {
        match self {
            Self::Token(token, _) => {
                let caller = control.verify_token(token).await;
                Ok(caller.map_err(BearerError::Token)?)
            }
            Self::Operator { .. } => {
                let caller = self.session(control).await?.caller();
                caller.ok_or_else(|| BearerError::Missing.into())
            }
        }
    }

    /// What it stands for.
    pub(crate) async fn session(&self, control: &Control) -> Result<Session, Problem> {
        match self {
            Self::Token(token, _) => {
                let session = control.session(token).await;
                Ok(session.map_err(BearerError::Token)?)
            }
            Self::Operator { project } => {
                let session = control.operator(project.as_deref()).await;
                session.map_err(|error| match error {
                    Error::NotFound(_) => Problem::invalid(PROJECT_HEADER, error.to_string()),
                    other => other.into(),
                })
            }
        }
    }

    /// Refuses a change that comes by a cookie without the word of the page that has the session.
    pub(crate) fn check_meant(
        &self,
        control: &Control,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let Self::Token(token, By::Cookie) = self else {
            return Ok(());
        };
        if method.is_safe() {
            return Ok(());
        }
        let said = headers.get(CSRF_HEADER).and_then(|said| said.to_str().ok());
        if said.is_some_and(|said| control.is_csrf_word(token, said)) {
            return Ok(());
        }
        let detail = "what a session by cookie changes needs its csrf_token in the header X-CSRF-Token; \
                      GET /adit/v1/sessions/current tells it";
        Err(Problem::new(StatusCode::FORBIDDEN, "csrf", detail).of(CSRF_HEADER))
    }
}
