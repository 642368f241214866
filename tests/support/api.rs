//! The API as people use it from a shell: `curl -d`, with the content type that curl gives it.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::{VERDICT, poll};

/// The version and generation that the documented example sends.
const QUERY: &str = "version=2020-02-20&generation=2";

/// By which metrics are read.
pub(crate) const METRICS_TOKEN: &str = "a token of the tests";

/// A client with a token.
#[derive(Clone)]
pub(crate) struct Api {
    /// Where the API is, without a path.
    pub(crate) base: String,
    pub(crate) token: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The body, when the status is this one.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

fn curl(arguments: &[&str]) -> (u16, String) {
    let output = Command::new("curl")
        .args(["-s", "-w", "\n%{http_code}"])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

impl Api {
    /// Exchanges the API key in `ibm.env` for a token.
    pub(crate) fn login(settings: &str) -> Self {
        let value = |name: &str| -> String {
            let line = settings.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().to_owned()
        };
        let base = value("export VPC_AUTH_URL=");
        let grant = "grant_type=urn:ibm:params:oauth:grant-type:apikey";
        let key = format!("apikey={}", value("export VPC_APIKEY="));
        let url = format!("{base}/identity/token");
        let (status, body) = curl(&["-X", "POST", &url, "-d", grant, "--data-urlencode", &key]);
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let token = body["access_token"].as_str().unwrap().to_owned();
        Self { base, token }
    }

    /// Logs in with a password, to a project; users and projects are of the one domain.
    pub(crate) fn with_password(base: &str, user: &str, password: &str, project: &str) -> Self {
        let domain = json!({"id": "default"});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": user, "domain": domain, "password": password,
            }}},
            "scope": {"project": {"name": project, "domain": domain}},
        }});
        let url = format!("{base}/identity/v3/auth/tokens");
        let (status, answer) = curl(&["-i", "-X", "POST", &url, "-d", &body.to_string()]);
        assert_eq!(status, 201, "{answer}");
        let header = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            let is_token = name.eq_ignore_ascii_case("x-subject-token");
            is_token.then(|| value.trim().to_owned())
        };
        Self {
            base: base.to_owned(),
            token: answer.lines().find_map(header).unwrap(),
        }
    }

    /// The same token at another address.
    pub(crate) fn at(&self, other: &Self) -> Self {
        Self {
            base: other.base.clone(),
            token: self.token.clone(),
        }
    }

    /// The same token where the service is found now.
    pub(crate) fn moved(&self, base: String) -> Self {
        Self {
            base,
            token: self.token.clone(),
        }
    }

    fn call(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let header = format!("Authorization: Bearer {}", self.token);
        let url = format!("{}/v1/{path}?{QUERY}", self.base);
        let mut arguments = vec!["-H", &header, "-X", method, &url];
        if let Some(body) = body {
            arguments.extend(["-d", body]);
        }
        let (status, text) = curl(&arguments);
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, body }
    }

    /// Asks Adit's own face, as the same user.
    pub(crate) fn native(&self, method: &str, path: &str, body: &Value) -> Answer {
        let header = format!("Authorization: Bearer {}", self.token);
        let url = format!("{}/adit/v1/{path}", self.base);
        let body = body.to_string();
        let mut arguments = vec!["-H", &header, "-X", method, &url];
        if body != "null" {
            arguments.extend(["-H", "Content-Type: application/json", "-d", &body]);
        }
        let (status, text) = curl(&arguments);
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, body }
    }

    /// Asks the OpenStack face, as the same user; a body may be empty.
    pub(crate) fn neutron(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.openstack(method, &format!("v2.0/{path}"), body)
    }

    /// Asks the identity service, as the same user.
    pub(crate) fn keystone(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.openstack(method, &format!("identity/v3/{path}"), body)
    }

    fn openstack(&self, method: &str, path: &str, body: &Value) -> Answer {
        let header = format!("X-Auth-Token: {}", self.token);
        let url = format!("{}/{path}", self.base);
        let body = body.to_string();
        let mut arguments = vec!["-H", &header, "-X", method, &url];
        if body != "null" {
            arguments.extend(["-d", &body]);
        }
        let (status, text) = curl(&arguments);
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, body }
    }

    /// Makes something by the OpenStack face, and answers it.
    #[track_caller]
    pub(crate) fn make(&self, path: &str, kind: &str, mut object: Value) -> Value {
        let body = serde_json::json!({kind: object.take()});
        self.neutron("POST", path, &body).is(201)[kind].take()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.call("POST", path, Some(body))
    }

    #[track_caller]
    pub(crate) fn patch(&self, path: &str, body: &str) -> Value {
        self.call("PATCH", path, Some(body)).is(200)
    }

    pub(crate) fn put(&self, path: &str) -> Answer {
        self.call("PUT", path, None)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None)
    }

    /// One value of `/metrics`: the sum over all lines of that name that contain `label`.
    pub(crate) fn metric(&self, name: &str, label: &str) -> u64 {
        let header = format!("Authorization: Bearer {METRICS_TOKEN}");
        let (status, text) = curl(&["-H", &header, &format!("{}/metrics", self.base)]);
        assert_eq!(status, 200);
        let lines = text.lines().filter(|line| {
            let of = line.strip_prefix(name);
            of.is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(label)
        });
        lines
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
            .sum()
    }

    /// Waits until a connection is up.
    #[track_caller]
    pub(crate) fn up(&self, connection: &str) -> Value {
        self.up_within(connection, VERDICT)
    }

    #[track_caller]
    pub(crate) fn up_within(&self, connection: &str, limit: Duration) -> Value {
        let mut last = Value::Null;
        let up = poll(limit, || {
            last = self.get(connection).is(200);
            (last["status"] == "up").then(|| last.clone())
        });
        up.unwrap_or_else(|| panic!("not up within {limit:?}: {last:#}"))
    }

    /// Waits until a connection is down for this reason; the reason.
    #[track_caller]
    pub(crate) fn down_for(&self, connection: &str, code: &str) -> Value {
        let mut last = Value::Null;
        let reason = poll(VERDICT, || {
            last = self.get(connection).is(200);
            let reasons = last["status_reasons"].as_array()?;
            let reason = reasons.iter().find(|reason| reason["code"] == code)?;
            (last["status"] == "down").then(|| reason.clone())
        });
        reason.unwrap_or_else(|| panic!("not down for {code} within {VERDICT:?}: {last:#}"))
    }
}
