//! `adit gateway`.

use clap::{Args, Subcommand};

use crate::client::Client;
use crate::error::CliError;
use crate::output::{Column, confirm};

const LIST: &str = "/gateways";

const COLUMNS: &[Column] = &[
    ("ID", "/id", false),
    ("NAME", "/name", false),
    ("ADDRESSES", "/addresses", false),
    ("STATUS", "/status", false),
    ("ROUTER", "/router", true),
    ("SUBNET", "/subnet", true),
    ("CREATED", "/created_at", true),
];

#[derive(Subcommand, Debug)]
pub enum Command {
    /// List gateways.
    List,
    /// Show a gateway.
    Show(One),
    /// Delete a gateway that has no connections.
    Delete(Delete),
}

#[derive(Args, Debug)]
pub struct One {
    /// Its name or id.
    gateway: String,
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    one: One,
    /// Don't ask.
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    let find = |one: &One| client.find("gateway", LIST, &one.gateway);
    match command {
        Command::List => Ok(client.output.list(&client.list(LIST)?, COLUMNS)),
        Command::Show(one) => Ok(client.output.one(&client.get(&find(one)?)?, COLUMNS)),
        Command::Delete(delete) => {
            let path = find(&delete.one)?;
            confirm(delete.yes, &format!("gateway {}", delete.one.gateway))?;
            client.delete(&path)?;
            Ok(String::new())
        }
    }
}
