//! A client with a token, over a connection that is kept: requests one after another.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use adit_http_client::{Limits, Waiting};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use serde_json::Value;

/// One client with its connection.
pub(crate) struct Client {
    http: Waiting,
    address: SocketAddr,
    token: String,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) token: Option<String>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body, which has to be JSON.
    pub(crate) fn json(&self) -> io::Result<Value> {
        serde_json::from_slice(&self.body).map_err(io::Error::other)
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr, token: &str) -> io::Result<Self> {
        let http = Waiting::new(Limits {
            patience: Duration::from_secs(60),
            longest_body: usize::MAX,
            kept: 1,
        })?;
        Ok(Self {
            http,
            address,
            token: token.to_owned(),
        })
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        // As clients of IBM's dialect send it, and as OpenStack's do.
        let (header, token) = if path.starts_with("/v1/") {
            ("authorization", format!("Bearer {}", self.token))
        } else {
            ("x-auth-token", self.token.clone())
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header(header, token)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(io::Error::other)?;
        let answer = self.http.send(request).map_err(io::Error::other)?;
        let token = answer.headers.get("x-subject-token");
        let token = token.and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: answer.status.as_u16(),
            token: token.map(str::to_owned),
            body: answer.body,
        })
    }
}
