//! `adit endpoint-group`.

use clap::{Args, Subcommand};

use crate::client::Client;
use crate::error::CliError;
use crate::noun::{self, Noun};
use crate::subnet::SUBNET;

pub(crate) const ENDPOINT_GROUP: Noun = Noun {
    called: "endpoint group",
    list: "/endpoint-groups",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("DESCRIPTION", "/description", true),
        ("KIND", "/kind", false),
        ("ENDPOINTS", "/endpoints", false),
        ("CREATED", "/created_at", true),
    ],
};

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make an endpoint group: subnets at this end, or blocks at the other.
    Create(New),
    /// Change an endpoint group; connections follow what is in it.
    Update(Update),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct New {
    #[command(flatten)]
    naming: noun::Naming,
    #[command(flatten)]
    entries: Entries,
}

/// What is in it.
#[derive(Args, Debug)]
pub(crate) struct Entries {
    /// Blocks of addresses, such as 10.2.0.0/24.
    #[arg(
        long = "cidr",
        value_name = "CIDR",
        value_delimiter = ',',
        conflicts_with = "subnets"
    )]
    cidrs: Vec<String>,
    /// Subnets, by name or id.
    #[arg(long = "subnet", value_name = "SUBNET", value_delimiter = ',')]
    subnets: Vec<String>,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    one: noun::One,
    #[command(flatten)]
    renaming: noun::Renaming,
    #[command(flatten)]
    entries: Entries,
}

impl Entries {
    /// Of which kind, and what; nothing where nothing is said.
    fn read(&self, client: &Client) -> Result<Option<(&'static str, Vec<String>)>, CliError> {
        if !self.cidrs.is_empty() {
            return Ok(Some(("cidr", self.cidrs.clone())));
        }
        if self.subnets.is_empty() {
            return Ok(None);
        }
        Ok(Some(("subnet", SUBNET.find_all(client, &self.subnets)?)))
    }
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    match command {
        Command::Other(command) => ENDPOINT_GROUP.run(client, command),
        Command::Create(new) => {
            let entries = new.entries.read(client)?;
            let (kind, endpoints) = entries.ok_or(CliError::Needed {
                what: "--cidr or --subnet",
            })?;
            let body = new
                .naming
                .body()
                .with("kind", Some(kind))
                .with("endpoints", Some(endpoints));
            ENDPOINT_GROUP.create(client, body)
        }
        Command::Update(update) => {
            let entries = update.entries.read(client)?;
            let body = update.renaming.body();
            let body = body.with("endpoints", entries.map(|(_, endpoints)| endpoints));
            ENDPOINT_GROUP.update(client, &update.one, body)
        }
    }
}
