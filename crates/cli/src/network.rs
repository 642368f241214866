//! `adit router`, `adit subnet` and `adit machine`.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::client::{Client, id};
use crate::error::CliError;
use crate::noun::{self, Noun};

const ROUTER: Noun = Noun {
    called: "router",
    list: "/routers",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("ENABLED", "/enabled", false),
        ("CREATED", "/created_at", true),
    ],
};

pub(crate) const SUBNET: Noun = Noun {
    called: "subnet",
    list: "/subnets",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("CIDR", "/cidr", false),
        ("ROUTER", "/router", false),
        ("GATEWAY ADDRESS", "/gateway_address", true),
        ("AVAILABLE", "/available_addresses", true),
        ("CREATED", "/created_at", true),
    ],
};

const MACHINE: Noun = Noun {
    called: "machine",
    list: "/machines",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("ADDRESS", "/address", false),
        ("STATUS", "/status", false),
        ("SUBNET", "/subnet", true),
        ("ROUTER", "/router", true),
        ("CREATED", "/created_at", true),
    ],
};

#[derive(Subcommand, Debug)]
pub enum RouterCommand {
    /// Make a router, on which subnets and gateways are made.
    Create(NewRouter),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct NewRouter {
    /// What to call it.
    name: String,
}

#[derive(Subcommand, Debug)]
pub enum SubnetCommand {
    /// Make a subnet on a router, with a network of its own.
    Create(NewSubnet),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct NewSubnet {
    /// What to call it.
    name: String,
    /// The router that it is on, by name or id.
    #[arg(long)]
    router: String,
    /// Its addresses, such as 10.1.0.0/24.
    #[arg(long)]
    cidr: String,
}

#[derive(Subcommand, Debug)]
pub enum MachineCommand {
    /// Make a machine, which is a namespace on this host, to try tunnels with.
    Create(NewMachine),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct NewMachine {
    /// What to call it.
    name: String,
    /// The subnet that it is on, by name or id.
    #[arg(long)]
    subnet: String,
}

pub(crate) fn router(client: &Client, command: &RouterCommand) -> Result<String, CliError> {
    match command {
        RouterCommand::Other(command) => ROUTER.run(client, command),
        RouterCommand::Create(new) => {
            let made = client.post(ROUTER.list, &json!({"name": new.name}))?;
            Ok(client.output.one(&made, ROUTER.columns))
        }
    }
}

pub(crate) fn subnet(client: &Client, command: &SubnetCommand) -> Result<String, CliError> {
    match command {
        SubnetCommand::Other(command) => SUBNET.run(client, command),
        SubnetCommand::Create(new) => {
            let router = ROUTER.find(client, &new.router)?;
            let body = json!({"name": new.name, "router": id(&router), "cidr": new.cidr});
            let made = client.post(SUBNET.list, &body)?;
            Ok(client.output.one(&made, SUBNET.columns))
        }
    }
}

pub(crate) fn machine(client: &Client, command: &MachineCommand) -> Result<String, CliError> {
    match command {
        MachineCommand::Other(command) => MACHINE.run(client, command),
        MachineCommand::Create(new) => {
            let subnet = SUBNET.find(client, &new.subnet)?;
            let body = json!({"name": new.name, "subnet": id(&subnet)});
            let made = client.post(MACHINE.list, &body)?;
            Ok(client.output.one(&made, MACHINE.columns))
        }
    }
}
