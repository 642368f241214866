//! `adit router`.

use clap::{Args, Subcommand};

use crate::client::Client;
use crate::error::CliError;
use crate::noun::{self, Noun};
use crate::subnet::Route;

pub(crate) const ROUTER: Noun = Noun {
    called: "router",
    list: "/routers",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("DESCRIPTION", "/description", true),
        ("ENABLED", "/enabled", false),
        ("OUTSIDE", "/outside_addresses", false),
        ("CREATED", "/created_at", true),
    ],
};

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a router, on which subnets and gateways are made.
    Create(New),
    /// Change a router; what is not named stays.
    Update(Update),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct New {
    #[command(flatten)]
    naming: noun::Naming,
    /// Give it a way outside.
    #[arg(long)]
    outside: bool,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    one: noun::One,
    #[command(flatten)]
    renaming: noun::Renaming,
    /// Have it forward, or not.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// Give it a way outside, or take it.
    #[arg(long, value_name = "true|false")]
    outside: Option<bool>,
    /// A way to a block by a neighbour, such as 10.9.0.0/16=10.1.0.9; all of them, or "" for none.
    #[arg(long = "route", value_name = "CIDR=ADDRESS", value_delimiter = ',')]
    routes: Option<Vec<Route>>,
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    match command {
        Command::Other(command) => ROUTER.run(client, command),
        Command::Create(new) => {
            let body = new
                .naming
                .body()
                .with("outside", new.outside.then_some(true));
            ROUTER.create(client, body)
        }
        Command::Update(update) => {
            let body = update.renaming.body();
            let body = body
                .with("enabled", update.enabled)
                .with("outside", update.outside)
                .with("routes", Route::all(update.routes.as_deref()));
            ROUTER.update(client, &update.one, body)
        }
    }
}
