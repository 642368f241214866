//! `adit gateway`.

use clap::{Args, Subcommand};

use crate::client::Client;
use crate::error::CliError;
use crate::noun::{self, Noun};
use crate::router::ROUTER;
use crate::subnet::SUBNET;

pub(crate) const GATEWAY: Noun = Noun {
    called: "gateway",
    list: "/gateways",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("ADDRESSES", "/addresses", false),
        ("STATUS", "/status", false),
        ("DESCRIPTION", "/description", true),
        ("ENABLED", "/enabled", true),
        ("ROUTER", "/router", true),
        ("SUBNET", "/subnet", true),
        ("CREATED", "/created_at", true),
    ],
};

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a gateway in a subnet; it has its public addresses at once.
    Create(NewGateway),
    /// Change a gateway; what is not named stays.
    Update(Update),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct NewGateway {
    #[command(flatten)]
    naming: noun::Naming,
    /// The subnet that it is made in, by name or id.
    #[arg(long, required_unless_present = "router", conflicts_with = "router")]
    subnet: Option<String>,
    /// In place of a subnet, the router that it serves, by name or id: for connections between endpoint groups.
    #[arg(long)]
    router: Option<String>,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    one: noun::One,
    #[command(flatten)]
    renaming: noun::Renaming,
    /// Want its connections up, or down.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    match command {
        Command::Other(command) => GATEWAY.run(client, command),
        Command::Create(new) => {
            let body = new
                .naming
                .body()
                .with_one(client, "subnet", (&SUBNET, new.subnet.as_ref()))?
                .with_one(client, "router", (&ROUTER, new.router.as_ref()))?;
            GATEWAY.create(client, body)
        }
        Command::Update(update) => {
            let body = update.renaming.body().with("enabled", update.enabled);
            GATEWAY.update(client, &update.one, body)
        }
    }
}
