//! `adit machine`.

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::client::Client;
use crate::error::CliError;
use crate::noun::{self, Noun};
use crate::security_group::SECURITY_GROUP;
use crate::subnet::SUBNET;

pub(crate) const MACHINE: Noun = Noun {
    called: "machine",
    list: "/machines",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("DESCRIPTION", "/description", true),
        ("ADDRESS", "/address", false),
        ("STATUS", "/status", false),
        ("FLOATING", "/floating_addresses", false),
        ("SUBNET", "/subnet", true),
        ("ROUTER", "/router", true),
        ("SECURITY GROUPS", "/security_groups", true),
        ("ENABLED", "/enabled", true),
        ("CREATED", "/created_at", true),
    ],
};

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a machine, which is a namespace on this host, to try tunnels with.
    Create(New),
    /// Change a machine; what is not named stays.
    Update(Update),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct New {
    #[command(flatten)]
    naming: noun::Naming,
    /// The subnet that it is on, by name or id.
    #[arg(long)]
    subnet: String,
    /// The security groups whose rules say what passes, by name or id; without any nothing is filtered.
    #[arg(long = "security-group", value_name = "GROUP", value_delimiter = ',')]
    security_groups: Option<Vec<String>>,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    one: noun::One,
    #[command(flatten)]
    renaming: noun::Renaming,
    /// The security groups whose rules say what passes, by name or id: all of them; "" lets nothing in or out.
    #[arg(long = "security-group", value_name = "GROUP", value_delimiter = ',')]
    security_groups: Option<Vec<String>>,
    /// Filter nothing.
    #[arg(long, conflicts_with = "security_groups")]
    unfiltered: bool,
    /// Have it carry anything, or nothing.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    let groups = |groups| (&SECURITY_GROUP, groups);
    match command {
        Command::Other(command) => MACHINE.run(client, command),
        Command::Create(new) => {
            let of = groups(new.security_groups.as_ref());
            let body = new
                .naming
                .body()
                .with_one(client, "subnet", (&SUBNET, Some(&new.subnet)))?
                .with_all(client, "security_groups", of)?;
            MACHINE.create(client, body)
        }
        Command::Update(update) => {
            let of = groups(update.security_groups.as_ref());
            let body = update.renaming.body();
            let body = body
                .with("enabled", update.enabled)
                .with_all(client, "security_groups", of)?
                .with("security_groups", update.unfiltered.then_some(Value::Null));
            MACHINE.update(client, &update.one, body)
        }
    }
}
