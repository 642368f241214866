//! Requests, and what was refused.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_http_client::{Answer, ClientError, Limits, Pieces, Waiting, trusted};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH};
use hyper::{Method, Request};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::{Common, SOCKET};
use crate::error::{CliError, Refusal};
use crate::kept::{Kept, Profile};
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
    /// Of the operator: the project to act in.
    project: Option<String>,
    pub(crate) output: Output,
}

/// Where the operator says in which project to act.
const PROJECT_HEADER: &str = "x-adit-project";

impl Client {
    /// For the service that was logged in to, or, for the operator, by the socket that is named, or where nobody has
    /// logged in by the usual one.
    pub(crate) fn of_session(common: &Common) -> Result<Self, CliError> {
        if let Some(socket) = &common.socket {
            return Self::by_socket(socket, common);
        }
        let kept = Kept::load()?;
        let (_, profile) = match kept.find(common.profile.as_ref()) {
            Err(CliError::NotLoggedIn) if common.url.is_none() && is_own(Path::new(SOCKET)) => {
                return Self::by_socket(Path::new(SOCKET), common);
            }
            found => found?,
        };
        let client = Self::of_profile(profile, common)?;
        let Some(project) = common.project.as_ref().filter(|it| **it != profile.project) else {
            return Ok(client);
        };
        let made = client.post("/sessions", &json!({"project": project}))?;
        let token = made.get("token").and_then(Value::as_str);
        Ok(client.with_token(token.ok_or(CliError::Answer)?))
    }

    /// For the service of a profile, in the project that it was logged in to.
    pub(crate) fn of_profile(profile: &Profile, common: &Common) -> Result<Self, CliError> {
        let url = common.url.as_ref().unwrap_or(&profile.url);
        if url.trim_end_matches('/') != profile.url {
            // A token is for whom it was made, and shown to nobody else.
            return Err(CliError::NotLoggedIn);
        }
        let cacert = common.cacert.as_ref().or(profile.cacert.as_ref());
        let client = Self::to(url, cacert.map(PathBuf::as_path), common.output)?;
        Ok(client.with_token(&profile.token))
    }

    /// For the service on this host, as its operator.
    fn by_socket(path: &Path, common: &Common) -> Result<Self, CliError> {
        Ok(Self {
            http: Waiting::by_socket(LIMITS, path).map_err(CliError::Setup)?,
            // It goes to the socket whatever it says.
            base: "http://adit.sock".to_owned(),
            token: None,
            project: common.project.clone(),
            output: common.output,
        })
    }

    /// The same for who has this token.
    pub(crate) fn with_token(self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self
        }
    }

    /// For a service that nobody is known to yet.
    pub(crate) fn to(url: &str, cacert: Option<&Path>, output: Output) -> Result<Self, CliError> {
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
            project: None,
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
        if let Some(project) = &self.project {
            request = request.header(PROJECT_HEADER, project);
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
        self.send(self.request(method, path, body)?)
    }

    fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, CliError> {
        let answer = self.http.send(request);
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

    /// Changes what is of this revision, and nothing that somebody changed since.
    pub(crate) fn patch_at(
        &self,
        path: &str,
        revision: u64,
        body: &Value,
    ) -> Result<Value, CliError> {
        let mut request = self.request(Method::PATCH, path, Some(body))?;
        let tag = HeaderValue::try_from(format!("\"{revision}\"")).map_err(|_| CliError::Answer)?;
        request.headers_mut().insert(IF_MATCH, tag);
        let answer = self.send(request)?;
        serde_json::from_slice(&answer.body).map_err(|_| CliError::Answer)
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

/// Whether there is a socket that this user may come by.
fn is_own(path: &Path) -> bool {
    let Ok(socket) = std::fs::metadata(path) else {
        return false;
    };
    // What is one's own, or anything for root.
    let me = std::fs::metadata("/proc/self").map(|it| it.uid());
    socket.file_type().is_socket() && me.is_ok_and(|me| me == 0 || me == socket.uid())
}

/// The id at the end of a path.
pub(crate) fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
