//! Logging in and out, and going on in another project.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::common::Common;
use crate::error::CliError;
use crate::kept::{Kept, Profile, failed, first_line};

/// Who logs in. The project to act in is `--project`; the user's default one, if it is left out.
#[derive(Args, Debug)]
pub struct Login {
    /// The user's name.
    #[arg(long, env = "OS_USERNAME")]
    user: Option<String>,
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
    fn credentials(&self, project: Option<String>) -> Result<Value, CliError> {
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
        if let (Some(project), Value::Object(members)) = (project, &mut credentials) {
            members.insert("project".to_owned(), json!(project));
        }
        Ok(credentials)
    }
}

/// What is kept of a session that was just made at this address.
fn profile(
    client: Client,
    url: String,
    cacert: Option<PathBuf>,
    made: &Value,
) -> Result<Profile, CliError> {
    let text = |of: &Value, place: &str| {
        let text = of.pointer(place).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let token = text(made, "/token");
    let current = client.with_token(&token).get("/sessions/current")?;
    Ok(Profile {
        url,
        token,
        cacert,
        user: text(&current, "/user/name"),
        project: text(&current, "/project/name"),
        role: text(&current, "/project/role"),
        expires_at: text(&current, "/expires_at"),
    })
}

/// A session in another project, got by the one of a profile.
pub(crate) fn go_on(client: &Client, known: &Profile, project: &str) -> Result<Profile, CliError> {
    let made = client.post("/sessions", &json!({"project": project}))?;
    let client = Client::to(&known.url, known.cacert.as_deref(), client.output)?;
    profile(client, known.url.clone(), known.cacert.clone(), &made)
}

pub(crate) fn log_in(common: &Common, login: &Login) -> Result<String, CliError> {
    let url = common.url.as_ref().or(login.auth_url.as_ref());
    let url = url.ok_or(CliError::Needed {
        what: "--url, such as http://127.0.0.1:9696,",
    })?;
    let url = origin(url).ok_or_else(|| CliError::NotUrl { url: url.clone() })?;
    let cacert = common.cacert.clone().or_else(|| login.os_cacert.clone());
    let client = Client::to(&url, cacert.as_deref(), common.output)?;
    let project = common.project.clone();
    let project = project.or_else(|| std::env::var("OS_PROJECT_NAME").ok());
    let made = client.post("/sessions", &login.credentials(project)?)?;
    let absolute = cacert.map(|path| std::path::absolute(&path).map_err(failed(&path)));
    let profile = profile(client, url.clone(), absolute.transpose()?, &made)?;
    let said = format!(
        "Logged in to {url} as {} in {} until {}.\n",
        profile.role, profile.project, profile.expires_at
    );
    let mut kept = Kept::load()?;
    let name = kept.name(common.profile.as_ref());
    kept.profiles.insert(name.clone(), profile);
    kept.current = name;
    kept.save()?;
    Ok(said)
}

pub(crate) fn log_out(common: &Common) -> Result<String, CliError> {
    let mut kept = Kept::load()?;
    let (name, profile) = kept.find(common.profile.as_ref())?;
    let client = Client::of_profile(profile, common)?;
    let outcome = client.delete("/sessions/current");
    // Whatever the service says, nothing of it stays here.
    kept.forget(&name)?;
    match outcome {
        Ok(()) => Ok("Logged out.\n".to_owned()),
        Err(CliError::Refused(refusal)) if refusal.status == 401 => {
            Ok("The session was over already.\n".to_owned())
        }
        Err(error) => Err(error),
    }
}
