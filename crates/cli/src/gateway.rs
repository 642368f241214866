//! `adit gateway`.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::client::{Client, id};
use crate::error::CliError;
use crate::network::SUBNET;
use crate::noun::{self, Noun};

pub(crate) const GATEWAY: Noun = Noun {
    called: "gateway",
    list: "/gateways",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("ADDRESSES", "/addresses", false),
        ("STATUS", "/status", false),
        ("ROUTER", "/router", true),
        ("SUBNET", "/subnet", true),
        ("CREATED", "/created_at", true),
    ],
};

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a gateway in a subnet; it has its public addresses at once.
    Create(NewGateway),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct NewGateway {
    /// What to call it.
    name: String,
    /// The subnet that it is made in, by name or id.
    #[arg(long)]
    subnet: String,
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    match command {
        Command::Other(command) => GATEWAY.run(client, command),
        Command::Create(new) => {
            let subnet = SUBNET.find(client, &new.subnet)?;
            let body = json!({"name": new.name, "subnet": id(&subnet)});
            let made = client.post(GATEWAY.list, &body)?;
            Ok(client.output.one(&made, GATEWAY.columns))
        }
    }
}
