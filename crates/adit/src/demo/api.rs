//! The REST API as a user of curl sees it: each call is a real `curl`, with the body as `-d`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::error::DemoError;

/// The version and generation that every call carries.
const QUERY: &str = "version=2020-02-20&generation=2";

/// The API of a running service, with a token for it.
pub(super) struct Api {
    base: String,
    token: String,
}

fn curl(arguments: &[&str]) -> Result<(String, String), DemoError> {
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "30", "-w", "\n%{http_code}"])
        .args(arguments)
        .output()
        .map_err(|source| DemoError::Program {
            program: "curl".into(),
            source,
        })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or((&text, ""));
    if output.status.success() {
        Ok((status.to_owned(), body.to_owned()))
    } else {
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok(("nothing".to_owned(), complaint))
    }
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
        let url = format!("{}/identity/token", setting("VPC_AUTH_URL")?);
        let key = format!("apikey={}", setting("VPC_APIKEY")?);
        let grant = "grant_type=urn:ibm:params:oauth:grant-type:apikey";
        let (status, body) = curl(&["-X", "POST", &url, "-d", grant, "-d", &key])?;
        let answer: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        let token = answer.get("access_token").and_then(Value::as_str);
        let Some(token) = token else {
            let path = "identity/token".to_owned();
            return Err(DemoError::Refused {
                method: "POST",
                path,
                status,
                body,
            });
        };
        Ok(Self {
            base: setting("VPC_URL")?,
            token: format!("Authorization: Bearer {token}"),
        })
    }

    fn call(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Value, DemoError> {
        let url = format!("{}/{path}?{QUERY}", self.base);
        let mut arguments = vec!["-H", &self.token, "-X", method, &url];
        arguments.extend(body.into_iter().flat_map(|body| ["-d", body]));
        let (status, body) = curl(&arguments)?;
        let answer = serde_json::from_str(&body)
            .ok()
            .filter(|_| status.starts_with('2'));
        let path = path.to_owned();
        answer.ok_or(DemoError::Refused {
            method,
            path,
            status,
            body,
        })
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, DemoError> {
        self.call("GET", path, None)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, DemoError> {
        self.call("POST", path, Some(&body.to_string()))
    }
}
