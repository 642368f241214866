//! `adit subnet`.

use std::str::FromStr;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::client::Client;
use crate::error::CliError;
use crate::network::NETWORK;
use crate::noun::{self, Noun};
use crate::router::ROUTER;

pub(crate) const SUBNET: Noun = Noun {
    called: "subnet",
    list: "/subnets",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("DESCRIPTION", "/description", true),
        ("CIDR", "/cidr", false),
        ("ROUTER", "/router", false),
        ("NETWORK", "/network", true),
        ("GATEWAY ADDRESS", "/gateway_address", true),
        ("AVAILABLE", "/available_addresses", true),
        ("CREATED", "/created_at", true),
    ],
};

/// A way to a block by a neighbour; an empty text is none.
#[derive(Clone, Serialize, Debug)]
pub(crate) struct Route {
    destination: String,
    next_hop: String,
}

impl FromStr for Route {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').or(text.is_empty().then_some(("", "")));
        let (destination, next_hop) = parts.ok_or("it is no CIDR=ADDRESS")?;
        Ok(Self {
            destination: destination.to_owned(),
            next_hop: next_hop.to_owned(),
        })
    }
}

impl Route {
    /// All of them, where any were said.
    pub(crate) fn all(said: Option<&[Self]>) -> Option<Vec<&Self>> {
        let some = |route: &&Self| !route.destination.is_empty();
        said.map(|routes| routes.iter().filter(some).collect())
    }
}

/// Addresses from one to another.
#[derive(Clone, Serialize, Debug)]
pub(crate) struct Pool {
    first: String,
    last: String,
}

impl FromStr for Pool {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (first, last) = text.split_once('-').ok_or("it is no FIRST-LAST")?;
        Ok(Self {
            first: first.to_owned(),
            last: last.to_owned(),
        })
    }
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a subnet on a router, with a network of its own, or on a network.
    Create(New),
    /// Change a subnet; what is not named stays.
    Update(Update),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct New {
    #[command(flatten)]
    naming: noun::Naming,
    /// The router that it is on, by name or id.
    #[arg(long, required_unless_present = "network", conflicts_with = "network")]
    router: Option<String>,
    /// In place of a router, the network that it is on, by name or id.
    #[arg(long)]
    network: Option<String>,
    /// Its addresses, such as 10.1.0.0/24.
    #[arg(long)]
    cidr: String,
    /// The router's address; the block's first one, if it is left out.
    #[arg(long, value_name = "ADDRESS")]
    gateway_address: Option<String>,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    one: noun::One,
    #[command(flatten)]
    renaming: noun::Renaming,
    /// Put it on this router, by name or id; "" takes it from the one that it is on.
    #[arg(long)]
    router: Option<String>,
    /// The router's address, while no router has it; "" is none.
    #[arg(long, value_name = "ADDRESS")]
    gateway_address: Option<String>,
    /// The addresses that machines get, such as 10.1.0.10-10.1.0.99; all of them.
    #[arg(long = "pool", value_name = "FIRST-LAST", value_delimiter = ',')]
    pools: Option<Vec<Pool>>,
    /// A way of its machines to a block by a neighbour, such as 10.9.0.0/16=10.1.0.9; all of them, or "" for none.
    #[arg(
        long = "host-route",
        value_name = "CIDR=ADDRESS",
        value_delimiter = ','
    )]
    host_routes: Option<Vec<Route>>,
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    match command {
        Command::Other(command) => SUBNET.run(client, command),
        Command::Create(new) => {
            let body = new
                .naming
                .body()
                .with("cidr", Some(&new.cidr))
                .with("gateway_address", new.gateway_address.as_ref())
                .with_one(client, "router", (&ROUTER, new.router.as_ref()))?
                .with_one(client, "network", (&NETWORK, new.network.as_ref()))?;
            SUBNET.create(client, body)
        }
        Command::Update(update) => {
            let address = update.gateway_address.as_deref();
            let address = address.map(|text| (!text.is_empty()).then_some(text));
            let body = update.renaming.body();
            let body = body
                .with("gateway_address", address)
                .with("pools", update.pools.as_ref())
                .with("host_routes", Route::all(update.host_routes.as_deref()))
                .with_one(client, "router", (&ROUTER, update.router.as_ref()))?;
            SUBNET.update(client, &update.one, body)
        }
    }
}
