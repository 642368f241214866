//! `adit apikey`: the keys of a user at a running service, through its API. It is told of the service
//! and of who asks by the environment, as `clients/ibm.env` in the state folder sets it.

use std::env;
use std::path::Path;
use std::time::Duration;

use adit_http_client::{Limits, Waiting, trusted};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::{Method, Request};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// What `adit apikey` can be told.
#[derive(clap::Args)]
#[command(after_help = "Set the environment first: . STATE_DIR/clients/ibm.env")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Make a key, and print it. It can't be shown again.
    Create {
        /// What to call it.
        name: String,
        /// What to say of it.
        #[arg(long, default_value = "")]
        description: String,
        /// Whose it is to be [default: one's own]; for administrators.
        #[arg(long, value_name = "IAM-ID")]
        iam_id: Option<String>,
    },
    /// List a user's keys: id, when it was made, name.
    List {
        /// Whose [default: one's own]; for administrators.
        #[arg(long, value_name = "IAM-ID")]
        iam_id: Option<String>,
    },
    /// Take a key back.
    Revoke {
        /// As `adit apikey list` shows it.
        id: String,
    },
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiKeyError {
    #[error("{0} is not set; source clients/ibm.env of the state folder first")]
    Unset(&'static str),
    #[error("the service at {url} was not asked")]
    Unasked {
        url: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the service refuses: {0}")]
    Refused(String),
}

/// Does it.
#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(crate) fn run(options: &Options) -> Result<(), ApiKeyError> {
    let service = Service::open()?;
    match &options.action {
        Action::Create {
            name,
            description,
            iam_id,
        } => {
            let mut body = json!({"name": name, "description": description});
            if let (Some(id), Some(members)) = (iam_id, body.as_object_mut()) {
                members.insert("iam_id".to_owned(), json!(id));
            }
            let made = service.call(&Method::POST, "apikeys", &body)?;
            println!("{}", text(&made, "apikey"));
        }
        Action::List { iam_id } => {
            let path = iam_id
                .as_ref()
                .map_or_else(|| "apikeys".to_owned(), |id| format!("apikeys?iam_id={id}"));
            let listed = service.call(&Method::GET, &path, &Value::Null)?;
            let keys = listed.get("apikeys").and_then(Value::as_array);
            for key in keys.into_iter().flatten() {
                let [id, made, name] = ["id", "created_at", "name"].map(|name| text(key, name));
                println!("{id}  {made}  {name}");
            }
        }
        Action::Revoke { id } => {
            service.call(&Method::DELETE, &format!("apikeys/{id}"), &Value::Null)?;
        }
    }
    Ok(())
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A running service, with a token for it.
struct Service {
    http: Waiting,
    base: String,
    token: Zeroizing<String>,
}

impl Service {
    /// Gets a token for the key in the environment.
    fn open() -> Result<Self, ApiKeyError> {
        let set = |name: &'static str| env::var(name).map_err(|_| ApiKeyError::Unset(name));
        let (base, key) = (set("VPC_AUTH_URL")?, Zeroizing::new(set("VPC_APIKEY")?));
        let limits = Limits {
            patience: Duration::from_secs(30),
            longest_body: 1 << 20,
            kept: 1,
        };
        let http = match env::var_os("SSL_CERT_FILE") {
            Some(file) => trusted(Some(Path::new(&file)))
                .map_err(std::io::Error::other)
                .and_then(|roots| Waiting::trusting(limits, roots)),
            None => Waiting::new(limits),
        };
        let mut service = Self {
            http: http.map_err(|error| ApiKeyError::Unasked {
                url: base.clone(),
                source: error.into(),
            })?,
            base,
            token: Zeroizing::default(),
        };
        // A key has nothing that a form would want written otherwise.
        let form = format!(
            "grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={}",
            *key
        );
        let request = Request::post(format!("{}/identity/token", service.base));
        let answer = service.send(request.body(Full::new(Bytes::from(form))))?;
        service.token = Zeroizing::new(format!("Bearer {}", text(&answer, "access_token")));
        Ok(service)
    }

    fn call(&self, method: &Method, path: &str, body: &Value) -> Result<Value, ApiKeyError> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/v1/{path}", self.base))
            .header(AUTHORIZATION, self.token.as_str())
            .body(Full::new(Bytes::from(body)));
        self.send(request)
    }

    fn send(
        &self,
        request: hyper::http::Result<Request<Full<Bytes>>>,
    ) -> Result<Value, ApiKeyError> {
        let unasked = |source: Box<dyn std::error::Error + Send + Sync>| ApiKeyError::Unasked {
            url: self.base.clone(),
            source,
        };
        let request = request.map_err(|error| unasked(error.into()))?;
        let answer = self
            .http
            .send(request)
            .map_err(|error| unasked(error.into()))?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match answer.status.is_success() {
            true => Ok(body),
            false => Err(ApiKeyError::Refused(text(&body, "errorMessage").to_owned())),
        }
    }
}
