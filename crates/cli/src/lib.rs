//! Adit's command line: a client of `/adit/v1`, and of nothing else.
//!
//! | file | what |
//! |---|---|
//! | one per noun | its commands; `noun` has what is done alike with each |
//! | `session`, `kept` | logging in and out, and what of it is kept |
//! | `events`, `audit` | what happens, as it happens, and who changed what |
//! | `client` | requests, and what was refused |
//! | `top` | connections on a screen, as they are |
//! | `output` | tables, JSON and names |
//! | `error` | what went wrong, and the status that the command ends with |

mod audit;
mod client;
mod common;
mod connection;
mod error;
mod events;
mod gateway;
mod kept;
mod network;
mod noun;
mod output;
mod policy;
mod request;
mod session;
mod top;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use client::Client;
pub use common::Common;
use error::CliError;

/// A command with what each can be told.
#[derive(Args, Debug)]
pub struct With<T: Args> {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    own: T,
}

/// A group of commands with what each can be told.
#[derive(Args, Debug)]
pub struct Group<T: Subcommand> {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    own: T,
}

/// The commands of a client.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// List who changed what, newest first.
    Audit(With<audit::Audit>),
    /// Make, show, change and delete connections: the wishes for tunnels.
    Connection(Group<connection::Command>),
    /// Print what is changed and what is seen, as it happens.
    Events(With<events::Events>),
    /// Say how far a connection has come, why no farther, and what to change.
    Explain(With<connection::One>),
    /// Make, show and delete gateways: the public ends of tunnels.
    Gateway(Group<gateway::Command>),
    /// Make, show and delete IKE policies: what phase 1 may be.
    IkePolicy(Group<policy::IkeCommand>),
    /// Make, show and delete IPsec policies: what phase 2 may be.
    IpsecPolicy(Group<policy::IpsecCommand>),
    /// Make, show and delete machines: namespaces on this host, to try tunnels with.
    Machine(Group<network::MachineCommand>),
    /// Ask for a connection in another's name: what the other end has to be told, its key by a link, a test, its confirmation.
    Request(Group<request::Command>),
    /// Make, show and delete routers: a tenant's routing domains.
    Router(Group<network::RouterCommand>),
    /// Make, show and delete subnets of routers.
    Subnet(Group<network::SubnetCommand>),
    /// Read a pre-shared key by the link that you were sent.
    Secret(With<request::Open>),
    /// Log in; what it needs may stand in the environment, as clients/demo-openrc has it.
    Login(With<session::Login>),
    /// Log out.
    Logout(With<session::Logout>),
    /// Write the configuration of the program at the other end.
    PeerConfig(With<connection::PeerConfig>),
    /// Watch connections: their state, what goes through them, and how far the chosen one has come.
    Top(With<top::Top>),
}

/// Does what a command says, and tells what came of it.
#[must_use]
pub fn run(command: &Command) -> ExitCode {
    match dispatch(command) {
        Ok(text) => {
            output::print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            output::complain(&error);
            error.status()
        }
    }
}

fn dispatch(command: &Command) -> Result<String, CliError> {
    let open = |common: &Common| Client::of_session(common);
    match command {
        Command::Audit(it) => audit::run(&open(&it.common)?, &it.own),
        Command::Events(it) => events::run(&open(&it.common)?, &it.own),
        Command::Connection(it) => connection::run(&open(&it.common)?, &it.own),
        Command::Explain(it) => connection::explain(&open(&it.common)?, &it.own),
        Command::Gateway(it) => gateway::run(&open(&it.common)?, &it.own),
        Command::Machine(it) => network::machine(&open(&it.common)?, &it.own),
        Command::Request(it) => request::run(&open(&it.common)?, &it.own),
        Command::Secret(it) => request::open(&it.common, &it.own),
        Command::Router(it) => network::router(&open(&it.common)?, &it.own),
        Command::Subnet(it) => network::subnet(&open(&it.common)?, &it.own),
        Command::IkePolicy(it) => policy::ike(&open(&it.common)?, &it.own),
        Command::IpsecPolicy(it) => policy::ipsec(&open(&it.common)?, &it.own),
        Command::Login(it) => session::log_in(&it.common, &it.own),
        Command::Logout(it) => session::log_out(&open(&it.common)?),
        Command::Top(it) => top::run(&open(&it.common)?),
        Command::PeerConfig(it) => connection::peer_config(&open(&it.common)?, &it.own),
    }
}
