//! Adit's command line: a client of `/adit/v1`, and of nothing else.
//!
//! | file | what |
//! |---|---|
//! | one per noun | its commands; `noun` has what is done alike with each |
//! | `session`, `profile`, `kept` | logging in and out, of which services and projects, and what of it is kept |
//! | `events`, `audit` | what happens, as it happens, and who changed what |
//! | `client` | requests, and what was refused |
//! | `top` | connections on a screen, as they are |
//! | `output` | tables, JSON, YAML and names |
//! | `error` | what went wrong, and the status that the command ends with |

mod audit;
mod client;
mod common;
mod connection;
mod endpoint_group;
mod error;
mod events;
mod floating_ip;
mod gateway;
mod kept;
mod machine;
mod network;
mod noun;
mod output;
mod policy;
mod profile;
mod project;
mod quota;
mod reach;
mod request;
mod router;
mod security_group;
mod session;
mod subnet;
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
    /// Make, show, change and delete endpoint groups: what is at one end of connections.
    EndpointGroup(Group<endpoint_group::Command>),
    /// Print what is changed and what is seen, as it happens.
    Events(With<events::Events>),
    /// Say how far a connection has come, why no farther, and what to change.
    Explain(With<connection::One>),
    /// Make, show, change and delete floating IPs: addresses outside that stand for machines.
    FloatingIp(Group<floating_ip::Command>),
    /// Make, show, change and delete gateways: the public ends of tunnels.
    Gateway(Group<gateway::Command>),
    /// Make, show, change and delete IKE policies: what phase 1 may be.
    IkePolicy(Group<policy::IkeCommand>),
    /// Make, show, change and delete IPsec policies: what phase 2 may be.
    IpsecPolicy(Group<policy::IpsecCommand>),
    /// Make, show, change and delete machines: namespaces on this host, to try tunnels with.
    Machine(Group<machine::Command>),
    /// Make, show, change and delete networks, on which subnets are.
    Network(Group<network::Command>),
    /// List and choose the services and projects that you logged in to.
    Profile(Group<profile::Command>),
    /// List the projects that you act in; make, change and delete them.
    Project(Group<project::Command>),
    /// Show how many of each thing a project may have, and has.
    Quota(Group<quota::Command>),
    /// Say whether one can reach another, and if not, what is in the way.
    Reach(With<reach::Reach>),
    /// Ask for a connection in another's name: what the other end has to be told, its key by a link, a test, its confirmation.
    Request(Group<request::Command>),
    /// Make, show, change and delete routers: a tenant's routing domains.
    Router(Group<router::Command>),
    /// Make, show, change and delete security groups: what may get to machines and from them.
    SecurityGroup(Group<security_group::Command>),
    /// Make, show, change and delete subnets.
    Subnet(Group<subnet::Command>),
    /// Say how the project is: how many connections carry traffic, and what needs attention.
    Summary(With<reach::Summary>),
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
        Command::EndpointGroup(it) => endpoint_group::run(&open(&it.common)?, &it.own),
        Command::FloatingIp(it) => floating_ip::run(&open(&it.common)?, &it.own),
        Command::Gateway(it) => gateway::run(&open(&it.common)?, &it.own),
        Command::Machine(it) => machine::run(&open(&it.common)?, &it.own),
        Command::Network(it) => network::run(&open(&it.common)?, &it.own),
        Command::Profile(it) => profile::run(&it.common, &it.own),
        Command::Project(it) => project::run(&open(&it.common)?, &it.own),
        Command::Quota(it) => quota::run(&open(&it.common)?, &it.own),
        Command::Reach(it) => reach::run(&open(&it.common)?, &it.own),
        Command::Request(it) => request::run(&open(&it.common)?, &it.own),
        Command::Secret(it) => request::open(&it.common, &it.own),
        Command::Router(it) => router::run(&open(&it.common)?, &it.own),
        Command::SecurityGroup(it) => security_group::run(&open(&it.common)?, &it.own),
        Command::Subnet(it) => subnet::run(&open(&it.common)?, &it.own),
        Command::Summary(it) => reach::summary(&open(&it.common)?),
        Command::IkePolicy(it) => policy::ike(&open(&it.common)?, &it.own),
        Command::IpsecPolicy(it) => policy::ipsec(&open(&it.common)?, &it.own),
        Command::Login(it) => session::log_in(&it.common, &it.own),
        Command::Logout(it) => session::log_out(&it.common),
        Command::Top(it) => top::run(&open(&it.common)?),
        Command::PeerConfig(it) => connection::peer_config(&open(&it.common)?, &it.own),
    }
}
