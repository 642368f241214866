//! The REST API as its users see it, over a socket.

use std::path::Path;
use std::time::Duration;

use adit_http_client::{Limits, Waiting};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request};
use serde_json::Value;

use super::error::DemoError;

/// The version and generation that every call carries.
const QUERY: &str = "version=2020-02-20&generation=2";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer that is read, in octets.
const LONGEST_BODY: usize = 1 << 20;

/// The API of a running service, with a token for it.
pub(super) struct Api {
    http: Waiting,
    base: String,
    token: String,
}

impl Api {
    /// Reads the settings file as a shell would source it, and gets a token for its key.
    pub(super) fn open(settings: &Path) -> Result<Self, DemoError> {
        let text = std::fs::read_to_string(settings)?;
        let setting = |name: &'static str| {
            let marker = format!("export {name}=");
            let value = text.lines().find_map(|line| line.strip_prefix(&marker));
            value.map(str::to_owned).ok_or(DemoError::Missing(name))
        };
        let http = Waiting::new(Limits {
            patience: PATIENCE,
            longest_body: LONGEST_BODY,
            kept: 1,
        })?;
        let url = format!("{}/identity/token", setting("VPC_AUTH_URL")?);
        let key = setting("VPC_APIKEY")?;
        let form = format!("grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={key}");
        let request = Request::post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Full::new(Bytes::from(form)));
        let mut api = Self {
            http,
            base: setting("VPC_URL")?,
            token: String::new(),
        };
        let answer = api.ask(Method::POST, "identity/token", request)?;
        let token = answer.get("access_token").and_then(Value::as_str);
        let token = token.ok_or(DemoError::Missing("access_token"))?;
        api.token = format!("Bearer {token}");
        Ok(api)
    }

    /// What is answered, if it is not refused.
    fn ask(
        &self,
        method: Method,
        path: &str,
        request: hyper::http::Result<Request<Full<Bytes>>>,
    ) -> Result<Value, DemoError> {
        let unsent = |source: Box<dyn std::error::Error + Send + Sync>| DemoError::NoAnswer {
            method: method.clone(),
            path: path.to_owned(),
            source,
        };
        let request = request.map_err(|error| unsent(error.into()))?;
        let answer = self.http.send(request);
        let answer = answer.map_err(|error| unsent(error.into()))?;
        let read = serde_json::from_slice(&answer.body).ok();
        let read = read.filter(|_| answer.status.is_success());
        read.ok_or_else(|| DemoError::Refused {
            method: method.clone(),
            path: path.to_owned(),
            status: answer.status.as_u16(),
            body: String::from_utf8_lossy(&answer.body).into_owned(),
        })
    }

    fn call(&self, method: Method, path: &str, body: String) -> Result<Value, DemoError> {
        let request = Request::builder()
            .method(&method)
            .uri(format!("{}/{path}?{QUERY}", self.base))
            .header(AUTHORIZATION, &self.token)
            .body(Full::new(Bytes::from(body)));
        self.ask(method, path, request)
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, DemoError> {
        self.call(Method::GET, path, String::new())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, DemoError> {
        self.call(Method::POST, path, body.to_string())
    }
}
