//! `adit network`.

use clap::{Args, Subcommand};

use crate::client::Client;
use crate::error::CliError;
use crate::noun::{self, Noun};

pub(crate) const NETWORK: Noun = Noun {
    called: "network",
    list: "/networks",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("DESCRIPTION", "/description", true),
        ("ENABLED", "/enabled", false),
        ("EXTERNAL", "/external", false),
        ("SHARED", "/shared", false),
        ("MTU", "/mtu", false),
        ("SUBNETS", "/subnets", true),
        ("PORT SECURITY", "/port_security", true),
        ("CREATED", "/created_at", true),
    ],
};

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a network, on which subnets are made.
    Create(New),
    /// Change a network; what is not named stays.
    Update(Update),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct New {
    #[command(flatten)]
    naming: noun::Naming,
    /// The most octets of an IP packet on it: 68 to 9000.
    #[arg(long)]
    mtu: Option<u32>,
    /// Have every project use it; for administrators.
    #[arg(long)]
    shared: bool,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    one: noun::One,
    #[command(flatten)]
    renaming: noun::Renaming,
    /// Have it carried, or not.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// The most octets of an IP packet on it: 68 to 9000.
    #[arg(long)]
    mtu: Option<u32>,
    /// Have every project use it, or not; for administrators.
    #[arg(long, value_name = "true|false")]
    shared: Option<bool>,
    /// Filter what new machines on it are sent, or not; for administrators and the network's owner.
    #[arg(long, value_name = "true|false")]
    port_security: Option<bool>,
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    match command {
        Command::Other(command) => NETWORK.run(client, command),
        Command::Create(new) => {
            let body = new
                .naming
                .body()
                .with("mtu", new.mtu)
                .with("shared", new.shared.then_some(true));
            NETWORK.create(client, body)
        }
        Command::Update(update) => {
            let body = update.renaming.body();
            let body = body
                .with("enabled", update.enabled)
                .with("mtu", update.mtu)
                .with("shared", update.shared)
                .with("port_security", update.port_security);
            NETWORK.update(client, &update.one, body)
        }
    }
}
