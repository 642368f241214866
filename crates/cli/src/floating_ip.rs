//! `adit floating-ip`.

use clap::{Args, Subcommand};

use crate::client::Client;
use crate::error::CliError;
use crate::machine::MACHINE;
use crate::noun::{self, Body, Noun};

const FLOATING_IP: Noun = Noun {
    called: "floating IP",
    list: "/floating-ips",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("DESCRIPTION", "/description", true),
        ("ADDRESS", "/address", false),
        ("MACHINE ADDRESS", "/machine_address", false),
        ("MACHINE", "/machine", true),
        ("ROUTER", "/router", true),
        ("CREATED", "/created_at", true),
    ],
};

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a floating IP, which has a free address outside at once.
    Create(New),
    /// Change a floating IP; what is not named stays.
    Update(Update),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct New {
    /// What to call it; it may have no name.
    name: Option<String>,
    /// Say this of it.
    #[arg(long)]
    description: Option<String>,
    /// The machine that it stands for, by name or id.
    #[arg(long)]
    machine: Option<String>,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    one: noun::One,
    #[command(flatten)]
    renaming: noun::Renaming,
    /// Have it stand for this machine, by name or id; "" for none.
    #[arg(long)]
    machine: Option<String>,
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    match command {
        Command::Other(command) => FLOATING_IP.run(client, command),
        Command::Create(new) => {
            let body = Body::default()
                .with("name", new.name.as_ref())
                .with("description", new.description.as_ref())
                .with_one(client, "machine", (&MACHINE, new.machine.as_ref()))?;
            FLOATING_IP.create(client, body)
        }
        Command::Update(update) => {
            let body = update.renaming.body();
            let body = body.with_one(client, "machine", (&MACHINE, update.machine.as_ref()))?;
            FLOATING_IP.update(client, &update.one, body)
        }
    }
}
