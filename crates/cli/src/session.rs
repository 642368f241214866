//! Logging in and out.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::common::Common;
use crate::error::CliError;
use crate::kept::{Kept, failed, first_line};

/// Who logs in.
#[derive(Args, Debug)]
pub struct Login {
    /// The user's name.
    #[arg(long, env = "OS_USERNAME")]
    user: Option<String>,
    /// The project to act in; the user's default one, if it is left out.
    #[arg(long, env = "OS_PROJECT_NAME")]
    project: Option<String>,
    /// Read the password's first line from this file, or from standard input by "-". Without it the password is
    /// OS_PASSWORD, or asked for.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Log in by the API key in this file's first line ("-" is standard input), in place of user and password.
    #[arg(long, value_name = "FILE", conflicts_with = "password_file")]
    api_key_file: Option<PathBuf>,
    /// Where Keystone is said to be; the service is there, too.
    #[arg(long, env = "OS_AUTH_URL", hide = true)]
    auth_url: Option<String>,
    #[arg(long, env = "OS_CACERT", hide = true)]
    os_cacert: Option<PathBuf>,
}

/// Nothing more is to be said.
#[derive(Args, Debug)]
pub struct Logout {}

/// The service's address: scheme and authority of the one that is given.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next().filter(|it| !it.is_empty())?;
    Some(format!("{scheme}://{authority}"))
}

impl Login {
    fn credentials(&self) -> Result<Value, CliError> {
        if let Some(file) = &self.api_key_file {
            return Ok(json!({"api_key": *first_line(file)?}));
        }
        let user = self.user.as_ref().ok_or(CliError::Needed {
            what: "--user, or --api-key-file,",
        })?;
        let password = match (&self.password_file, std::env::var("OS_PASSWORD")) {
            (Some(file), _) => first_line(file)?,
            (None, Ok(password)) => Zeroizing::new(password),
            (None, Err(_)) => {
                let typed = rpassword::prompt_password(format!("Password of {user}: "));
                Zeroizing::new(typed.map_err(failed(Path::new("the terminal")))?)
            }
        };
        let mut credentials = json!({"user": user, "password": *password});
        if let (Some(project), Value::Object(members)) = (&self.project, &mut credentials) {
            members.insert("project".to_owned(), json!(project));
        }
        Ok(credentials)
    }
}

pub(crate) fn log_in(common: &Common, login: &Login) -> Result<String, CliError> {
    let url = common.url.as_ref().or(login.auth_url.as_ref());
    let url = url.ok_or(CliError::Needed {
        what: "--url, such as http://127.0.0.1:9696,",
    })?;
    let url = origin(url).ok_or_else(|| CliError::NotUrl { url: url.clone() })?;
    let cacert = common.cacert.clone().or_else(|| login.os_cacert.clone());
    let client = Client::to(&url, cacert.as_deref(), common.output)?;
    let session = client.post("/sessions", &login.credentials()?)?;
    let text = |name: &str| {
        session
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let absolute = cacert.map(|path| std::path::absolute(&path).map_err(failed(&path)));
    let kept = Kept {
        url: url.clone(),
        token: text("token").to_owned(),
        cacert: absolute.transpose()?,
    };
    kept.save()?;
    Ok(format!(
        "Logged in to {url} as {} until {}.\n",
        text("role"),
        text("expires_at")
    ))
}

pub(crate) fn log_out(client: &Client) -> Result<String, CliError> {
    let outcome = client.delete("/sessions/current");
    // Whatever the service says, nothing of it stays here.
    Kept::forget()?;
    match outcome {
        Ok(()) => Ok("Logged out.\n".to_owned()),
        Err(CliError::Refused(refusal)) if refusal.status == 401 => {
            Ok("The session was over already.\n".to_owned())
        }
        Err(error) => Err(error),
    }
}
