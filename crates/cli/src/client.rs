//! Requests, and what was refused.

use std::time::Duration;

use adit_http_client::{Answer, ClientError, Limits, Pieces, Waiting, trusted};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request};
use serde_json::Value;
use uuid::Uuid;

use crate::common::Common;
use crate::error::{CliError, Refusal};
use crate::kept::Kept;
use crate::output::Output;

const LIMITS: Limits = Limits {
    patience: Duration::from_secs(30),
    longest_body: 64 << 20,
    kept: 1,
};

/// A service, and who asks there.
pub(crate) struct Client {
    http: Waiting,
    base: String,
    token: Option<String>,
    pub(crate) output: Output,
}

impl Client {
    /// For the service that was logged in to.
    pub(crate) fn of_session(common: &Common) -> Result<Self, CliError> {
        let kept = Kept::load()?.ok_or(CliError::NotLoggedIn)?;
        let url = common.url.clone().unwrap_or_else(|| kept.url.clone());
        if url.trim_end_matches('/') != kept.url {
            // A token is for whom it was made, and shown to nobody else.
            return Err(CliError::NotLoggedIn);
        }
        let cacert = common.cacert.clone().or(kept.cacert);
        let mut client = Self::to(&url, cacert.as_deref(), common.output)?;
        client.token = Some(kept.token);
        Ok(client)
    }

    /// For a service that nobody is known to yet.
    pub(crate) fn to(
        url: &str,
        cacert: Option<&std::path::Path>,
        output: Output,
    ) -> Result<Self, CliError> {
        let base = url.trim_end_matches('/').to_owned();
        let http = match base.split_once("://") {
            Some(("http", rest)) if !rest.is_empty() => Waiting::new(LIMITS),
            Some(("https", rest)) if !rest.is_empty() => {
                Waiting::trusting(LIMITS, trusted(cacert)?)
            }
            _ => return Err(CliError::NotUrl { url: base }),
        };
        Ok(Self {
            http: http.map_err(CliError::Setup)?,
            base,
            token: None,
            output,
        })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, CliError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/adit/v1{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let octets = body.map_or_else(String::new, Value::to_string);
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(octets)));
        request.map_err(|_| CliError::NotUrl {
            url: self.base.clone(),
        })
    }

    fn unreachable(&self, source: ClientError) -> CliError {
        CliError::Unreachable {
            url: self.base.clone(),
            source,
        }
    }

    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, CliError> {
        let answer = self.http.send(self.request(method, path, body)?);
        let answer = answer.map_err(|source| self.unreachable(source))?;
        match answer.status.is_success() {
            true => Ok(answer),
            false => Err(refusal(&answer)),
        }
    }

    /// Asks for server-sent events.
    pub(crate) fn open(&self, path: &str) -> Result<Pieces, CliError> {
        let pieces = self.http.open(self.request(Method::GET, path, None)?);
        let pieces = pieces.map_err(|source| self.unreachable(source))?;
        if pieces.status().is_success() {
            return Ok(pieces);
        }
        let answer = self.http.whole(pieces);
        Err(refusal(&answer.map_err(|source| self.unreachable(source))?))
    }

    /// Waits for what comes next; nothing at the end.
    pub(crate) fn next(&self, pieces: &mut Pieces) -> Result<Option<Bytes>, CliError> {
        let piece = self.http.next(pieces);
        piece.map_err(|source| self.unreachable(source))
    }

    fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, CliError> {
        let answer = self.ask(method, path, body)?;
        serde_json::from_slice(&answer.body).map_err(|_| CliError::Answer)
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, CliError> {
        self.json(Method::GET, path, None)
    }

    /// What is answered as lines.
    pub(crate) fn text(&self, path: &str) -> Result<String, CliError> {
        let answer = self.ask(Method::GET, path, None)?;
        String::from_utf8(answer.body.into()).map_err(|_| CliError::Answer)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.json(Method::POST, path, Some(body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.json(Method::PATCH, path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Result<(), CliError> {
        self.ask(Method::DELETE, path, None).map(drop)
    }

    /// All of a list, page after page.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<Value>, CliError> {
        let mut all = Vec::new();
        let mut next = format!("{path}?limit=1000");
        loop {
            let mut page = self.get(&next)?;
            let items = page.get_mut("items").map(Value::take);
            let Some(Value::Array(items)) = items else {
                return Err(CliError::Answer);
            };
            all.extend(items);
            match page.get("next").and_then(Value::as_str) {
                Some(cursor) => next = format!("{path}?limit=1000&cursor={cursor}"),
                None => return Ok(all),
            }
        }
    }

    /// The path of the one thing that is known by an id or a name.
    pub(crate) fn find(
        &self,
        kind: &'static str,
        list: &str,
        known_by: &str,
    ) -> Result<String, CliError> {
        if let Ok(id) = Uuid::parse_str(known_by) {
            return Ok(format!("{list}/{id}"));
        }
        let name: String = form_urlencoded::byte_serialize(known_by.as_bytes()).collect();
        let found = self.get(&format!("{list}?name={name}"))?;
        let found = found.get("items").and_then(Value::as_array);
        let found = found.ok_or(CliError::Answer)?;
        let name = known_by.to_owned();
        match found.as_slice() {
            [one] => {
                let id = one.get("id").and_then(Value::as_str);
                Ok(format!("{list}/{}", id.ok_or(CliError::Answer)?))
            }
            [] => Err(CliError::NoneCalled { kind, name }),
            several => Err(CliError::Ambiguous {
                kind,
                name,
                count: several.len(),
            }),
        }
    }
}

fn refusal(answer: &Answer) -> CliError {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| {
        let text = body.get(name).and_then(Value::as_str);
        text.map(str::to_owned)
    };
    CliError::Refused(Refusal {
        status: answer.status.as_u16(),
        detail: text("detail").unwrap_or_else(|| format!("the service says {}", answer.status)),
        field: text("field").filter(|field| !field.is_empty()),
    })
}

/// The id at the end of a path.
pub(crate) fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
