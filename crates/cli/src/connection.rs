//! `adit connection`, `adit explain` and `adit peer-config`.

mod create;
mod credentials;
mod shown;
mod translate;
mod update;
mod wait;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::client::Client;
use crate::error::CliError;
use crate::output::{Column, confirm};
pub(crate) use shown::One;
use shown::{COLUMNS, LIST, find, told};

/// Of what happened.
const LINES: &[Column] = &[("AT", "/at", false), ("WHAT", "/text", false)];

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a connection, with a network, a gateway and policies along where they are asked for.
    Create(Box<create::Create>),
    /// Delete a connection; its gateway and policies stay.
    Delete(Delete),
    /// List connections.
    List,
    /// Say what happened to a connection's tunnel, the latest last.
    Log(One),
    /// Print a connection's pre-shared key.
    Psk(One),
    /// Replace a connection's keys, while packets go on.
    Rekey(One),
    /// Close a connection's tunnel and begin again.
    Restart(Restart),
    /// Show a connection.
    Show(One),
    /// Change a connection; what is not named stays.
    Update(Box<update::Update>),
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    one: One,
    /// Don't ask.
    #[arg(short, long)]
    yes: bool,
}

#[derive(Args, Debug)]
pub struct Restart {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    wait: wait::Wait,
}

/// Whose words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Vendor {
    /// Another Adit's command.
    Adit,
    /// Cisco ASA's commands.
    CiscoAsa,
    /// Cisco IOS-XE's commands.
    CiscoIosXe,
    /// Fortinet FortiOS' commands.
    Fortios,
    /// Juniper Junos' set commands.
    Junos,
    /// libreswan's ipsec.conf and ipsec.secrets.
    Libreswan,
    /// MikroTik RouterOS' commands.
    Mikrotik,
    /// OPNsense: a file of strongSwan's beside what its pages make.
    Opnsense,
    /// Palo Alto Networks PAN-OS' set commands.
    PanOs,
    /// strongSwan's swanctl.conf.
    Strongswan,
    /// Terraform, with Amazon's Site-to-Site VPN at the other end.
    TerraformAws,
    /// Terraform, with Azure's VPN Gateway at the other end.
    TerraformAzure,
    /// Terraform, with Google Cloud's VPN at the other end.
    TerraformGcp,
    /// Terraform, with IBM Cloud's VPN for VPC at the other end.
    TerraformIbm,
    /// VyOS' set commands.
    Vyos,
}

#[derive(Args, Debug)]
pub struct PeerConfig {
    #[command(flatten)]
    one: One,
    /// The program at the other end.
    #[arg(long, value_enum)]
    vendor: Vendor,
    /// Write the pre-shared key, too, and not a placeholder.
    #[arg(long)]
    with_psk: bool,
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    match command {
        Command::Create(create) => create.run(client),
        Command::Delete(delete) => {
            let path = find(client, &delete.one)?;
            confirm(delete.yes, &format!("connection {}", delete.one.connection))?;
            client.delete(&path)?;
            Ok(String::new())
        }
        Command::List => Ok(client.output.list(&client.list(LIST)?, COLUMNS)),
        Command::Log(one) => {
            let log = client.get(&format!("{}/log", find(client, one)?))?;
            let items = log.get("items").and_then(Value::as_array);
            Ok(client.output.list(items.ok_or(CliError::Answer)?, LINES))
        }
        Command::Psk(one) => {
            let shown = client.get(&format!("{}/psk", find(client, one)?))?;
            let psk = shown.get("psk").and_then(Value::as_str);
            Ok(format!("{}\n", psk.ok_or(CliError::Answer)?))
        }
        Command::Rekey(one) => {
            let path = format!("{}/rekey", find(client, one)?);
            Ok(told(client, client.post(&path, &json!({}))?))
        }
        Command::Restart(restart) => {
            let path = format!("{}/restart", find(client, &restart.one)?);
            let shown = client.post(&path, &json!({}))?;
            Ok(told(client, restart.wait.until_up_again(client, shown)?))
        }
        Command::Show(one) => {
            let shown = client.get(&find(client, one)?)?;
            Ok(told(client, shown))
        }
        Command::Update(update) => update.run(client),
    }
}

pub(crate) fn explain(client: &Client, one: &One) -> Result<String, CliError> {
    client.text(&format!("{}/explain", find(client, one)?))
}

pub(crate) fn peer_config(client: &Client, wanted: &PeerConfig) -> Result<String, CliError> {
    let path = find(client, &wanted.one)?;
    let vendor = wanted.vendor.to_possible_value();
    let vendor = vendor.as_ref().map_or("", |value| value.get_name());
    let with_psk = wanted.with_psk;
    client.text(&format!(
        "{path}/peer-config?vendor={vendor}&with_psk={with_psk}"
    ))
}
