//! By what a request shows who asks: a bearer's token, or the cookie of a page's session.

use std::fmt;

use adit_api::bearer::{self, BearerError};
use adit_control::{Caller, Control, Session};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode};

use crate::cookie;
use crate::problem::Problem;

/// Where a page says the word that goes with its session.
pub(crate) const CSRF_HEADER: &str = "X-CSRF-Token";

/// How a token comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    /// The client put it there.
    Bearer,
    /// A browser sends it, whoever's page asks.
    Cookie,
}

/// A token, and how it comes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) token: String,
    pub(crate) by: By,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown")
            .field("by", &self.by)
            .finish_non_exhaustive()
    }
}

impl Shown {
    /// That of a request. A bearer's goes before a cookie: the client meant it.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, BearerError> {
        let (token, by) = match cookie::token(headers) {
            Some(token) if !headers.contains_key(AUTHORIZATION) => (token, By::Cookie),
            _ => (bearer::token(headers)?, By::Bearer),
        };
        let token = token.to_owned();
        Ok(Self { token, by })
    }

    /// On whose behalf the request is made.
    pub(crate) async fn caller(&self, control: &Control) -> Result<Caller, Problem> {
        let caller = control.verify_token(&self.token).await;
        Ok(caller.map_err(BearerError::Token)?)
    }

    /// What it stands for.
    pub(crate) async fn session(&self, control: &Control) -> Result<Session, Problem> {
        let session = control.session(&self.token).await;
        Ok(session.map_err(BearerError::Token)?)
    }

    /// Refuses a change that comes by a cookie without the word of the page that has the session.
    pub(crate) fn check_meant(
        &self,
        control: &Control,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        if self.by == By::Bearer || method.is_safe() {
            return Ok(());
        }
        let said = headers.get(CSRF_HEADER).and_then(|said| said.to_str().ok());
        if said.is_some_and(|said| control.is_csrf_word(&self.token, said)) {
            return Ok(());
        }
        let detail = "what a session by cookie changes needs its csrf_token in the header X-CSRF-Token; \
                      GET /adit/v1/sessions/current tells it";
        Err(Problem::new(StatusCode::FORBIDDEN, "csrf", detail).of(CSRF_HEADER))
    }
}
