//! `adit quota`.

use std::str::FromStr;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::error::CliError;
use crate::output::Column;
use crate::project;

const COLUMNS: &[Column] = &[
    ("RESOURCE", "/resource", false),
    ("USED", "/used", false),
    ("LIMIT", "/limit", false),
];

/// Of which project.
#[derive(Args, Debug)]
pub struct Of {
    /// The project's name or id; your own, if it is left out.
    project: Option<String>,
}

/// A limit that is set.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    resource: String,
    most: Option<u32>,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = "it is no RESOURCE=NUMBER, such as gateway=5, or gateway=unlimited";
        let (resource, most) = text.split_once('=').ok_or(wrong)?;
        Ok(Self {
            resource: resource.to_owned(),
            most: match most {
                "unlimited" => None,
                number => Some(number.parse().map_err(|_| wrong)?),
            },
        })
    }
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// List what a project may have, and has.
    #[command(visible_alias = "show")]
    List(Of),
    /// Set what a project may have; for administrators.
    Update(Update),
    /// Go back to what projects may have that nobody said anything of; for administrators.
    #[command(visible_alias = "delete")]
    Reset(Reset),
}

#[derive(Args, Debug)]
pub struct Update {
    /// The project's name or id.
    project: String,
    /// What it may have, such as gateway=5, or gateway=unlimited.
    #[arg(required = true, value_name = "RESOURCE=NUMBER")]
    limits: Vec<Limit>,
}

#[derive(Args, Debug)]
pub struct Reset {
    /// The project's name or id.
    project: String,
}

fn shown(client: &Client, quota: &Value) -> Result<String, CliError> {
    let resources = quota.get("resources").and_then(Value::as_object);
    let rows = resources.ok_or(CliError::Answer)?.iter();
    let rows = rows.map(|(resource, usage)| {
        json!({
            "id": resource,
            "resource": resource,
            "used": usage.get("used"),
            "limit": usage.get("limit"),
        })
    });
    let rows: Vec<_> = rows.collect();
    Ok(client.output.list(&rows, COLUMNS))
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    match command {
        Command::List(of) => {
            let path = match &of.project {
                None => "/quotas".to_owned(),
                Some(which) => format!("/quotas/{}", project::find(client, which)?),
            };
            shown(client, &client.get(&path)?)
        }
        Command::Update(update) => {
            let path = format!("/quotas/{}", project::find(client, &update.project)?);
            let limits = update.limits.iter();
            let limits = limits.map(|limit| (limit.resource.clone(), json!(limit.most)));
            let body = Value::Object(limits.collect::<Map<_, _>>());
            shown(client, &client.patch(&path, &body)?)
        }
        Command::Reset(reset) => {
            let path = format!("/quotas/{}", project::find(client, &reset.project)?);
            client.delete(&path)?;
            Ok(String::new())
        }
    }
}
