//! Who asks, by which revision, with which body: what every handler starts with.

use adit_api::body;
use adit_control::{Caller, Control, Session};
use adit_model::{Name, Revision};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use crate::problem::Problem;
use crate::shown::Shown;
use crate::state::Native;

/// What is known of a request before its body is read.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) caller: Caller,
    pub(crate) native: Native,
    /// By what the request showed that.
    pub(crate) shown: Shown,
    headers: HeaderMap,
}

impl FromRequestParts<Native> for Context {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, native: &Native) -> Result<Self, Problem> {
        let control = &native.control;
        let shown = Shown::from_request_parts(parts, native).await?;
        let caller = shown.caller(control).await?;
        shown.check_meant(control, &parts.method, &parts.headers)?;
        Ok(Self {
            caller,
            native: native.clone(),
            shown,
            headers: parts.headers.clone(),
        })
    }
}

impl Context {
    pub(crate) const fn control(&self) -> &Control {
        &self.native.control
    }

    /// The revision that `If-Match` names (RFC 9110 section 13.1.1); `*` names none.
    pub(crate) fn if_match(&self) -> Result<Option<Revision>, Problem> {
        let Some(value) = self.headers.get(IF_MATCH) else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(None);
        }
        let revision = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        let revision = revision.and_then(|text| text.parse().ok()).map(Revision);
        revision.map(Some).ok_or_else(|| {
            let detail = "If-Match takes the ETag of an answer, with its quotation marks, or *";
            Problem::invalid("If-Match", detail)
        })
    }

    /// Refuses who may not read pre-shared keys back.
    pub(crate) fn may_read_keys(&self) -> Result<(), Problem> {
        let detail = match (self.native.config.show_psk, self.caller.may_see_keys()) {
            (true, true) => return Ok(()),
            (true, false) => "readers don't see pre-shared keys",
            (false, _) => "the operator has pre-shared keys read back by nobody",
        };
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
    }
}

impl Context {
    /// What the token that is shown stands for.
    pub(crate) async fn session(&self) -> Result<Session, Problem> {
        self.shown.session(self.control()).await
    }

    /// Refuses a condition where none is looked at.
    pub(crate) fn unconditional(&self) -> Result<(), Problem> {
        let detail = "this operation takes no If-Match: what it is about has no revisions";
        let refused = || Problem::invalid("If-Match", detail);
        (!self.headers.contains_key(IF_MATCH))
            .then_some(())
            .ok_or_else(refused)
    }
}

/// The condition of a change, for its description: [`Context::if_match`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is described and not read")]
pub(crate) struct IfMatch {
    /// The ETag that it has to have.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

/// The `ETag` of a revision.
pub(crate) fn etag(revision: Revision) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&format!("\"{}\"", revision.0)) {
        headers.insert(ETAG, value);
    }
    headers
}

/// A body, parsed as what it is to be. What is wrong is told with its place.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Native> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Native) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE);
        let is_json = kind.is_none_or(|kind| {
            let kind = kind.to_str().unwrap_or_default();
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let detail = "a body is application/json";
            return Err(Problem::new(status, "media-type", detail).of("Content-Type"));
        }
        let value = body::json(request.into_body()).await?;
        parse(value).map(Self)
    }
}

/// Where bodies have what nobody else is to see.
const SECRETS: [&str; 6] = [
    "api_key",
    "certificates.key",
    "passphrase",
    "password",
    "ppk.key",
    "psk",
];

/// Reads a value as what it is to be.
pub(crate) fn parse<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        // What stands there may be a key, and is told to nobody.
        let detail = match SECRETS.contains(&path.as_str()) {
            true => "must be a text".to_owned(),
            false => error.into_inner().to_string(),
        };
        Problem::invalid(&path, detail)
    })
}

/// What something is called.
pub(crate) fn name(field: &str, text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(|error| Problem::invalid(field, error.to_string()))
}

/// A field of which `null` says something else than nothing.
pub(crate) fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Where nothing said is yes.
pub(crate) const fn yes() -> bool {
    true
}
