//! `adit project`.

use clap::{Args, Subcommand};
use serde_json::Value;
use uuid::Uuid;

use crate::client::Client;
use crate::error::CliError;
use crate::noun;
use crate::output::{Column, confirm};

pub(crate) const COLUMNS: &[Column] = &[
    ("ID", "/id", false),
    ("NAME", "/name", false),
    ("DESCRIPTION", "/description", true),
    ("ENABLED", "/enabled", false),
    ("ROLE", "/role", false),
];

const LIST: &str = "/projects";

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a project; for administrators.
    Create(New),
    /// Delete a project with what belongs to it; for administrators.
    Delete(Delete),
    /// List the projects that you act in; all of them, for administrators.
    List,
    /// Show a project.
    Show(noun::One),
    /// Change a project; for administrators.
    Update(Update),
}

#[derive(Args, Debug)]
pub struct New {
    #[command(flatten)]
    naming: noun::Naming,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    one: noun::One,
    #[command(flatten)]
    renaming: noun::Renaming,
    /// Let anybody act in it, or nobody.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    one: noun::One,
    /// Don't ask.
    #[arg(short, long)]
    yes: bool,
}

fn all(client: &Client) -> Result<Vec<Value>, CliError> {
    let mut found = client.get(LIST)?;
    match found.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(CliError::Answer),
    }
}

/// The id of the project that is meant. Names are unique.
pub(crate) fn find(client: &Client, which: &str) -> Result<String, CliError> {
    if let Ok(id) = Uuid::parse_str(which) {
        return Ok(id.to_string());
    }
    let all = all(client)?;
    let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
    let found = all
        .iter()
        .find(|one| text(one, "name").as_deref() == Some(which));
    let id = found.and_then(|one| text(one, "id"));
    id.ok_or_else(|| CliError::NoneCalled {
        kind: "project",
        name: which.to_owned(),
    })
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    let path = |one: &noun::One| -> Result<String, CliError> {
        Ok(format!("{LIST}/{}", find(client, &one.which)?))
    };
    match command {
        Command::List => Ok(client.output.list(&all(client)?, COLUMNS)),
        Command::Show(one) => {
            let shown = client.get(&path(one)?)?;
            Ok(client.output.one(&shown, COLUMNS))
        }
        Command::Create(new) => {
            let body = new.naming.body();
            let made = client.post(LIST, &body.into_value())?;
            Ok(client.output.one(&made, COLUMNS))
        }
        Command::Update(update) => {
            let body = update.renaming.body().with("enabled", update.enabled);
            let changed = client.patch(&path(&update.one)?, &body.into_value())?;
            Ok(client.output.one(&changed, COLUMNS))
        }
        Command::Delete(delete) => {
            let path = path(&delete.one)?;
            confirm(
                delete.yes,
                &format!("project {} with all in it", delete.one.which),
            )?;
            client.delete(&path)?;
            Ok(String::new())
        }
    }
}
