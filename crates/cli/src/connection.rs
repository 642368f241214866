//! `adit connection`, `adit explain` and `adit peer-config`.

mod create;
mod update;

use std::io::{self, BufRead as _, IsTerminal as _};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use crate::client::Client;
use crate::error::CliError;
use crate::output::{Column, tell};

const LIST: &str = "/connections";

const COLUMNS: &[Column] = &[
    ("ID", "/id", false),
    ("NAME", "/name", false),
    ("STATE", "/state", false),
    ("PEER", "/peer/address", false),
    ("LOCAL CIDRS", "/local/cidrs", false),
    ("PEER CIDRS", "/peer/cidrs", false),
    ("REASON", "/reasons/0/code", false),
    ("GATEWAY", "/gateway", true),
    ("IKE SUITE", "/ike_suite", true),
    ("PACKETS IN", "/traffic/packets_in", true),
    ("PACKETS OUT", "/traffic/packets_out", true),
    ("SINCE", "/since", true),
];

/// What is shown of one.
const ALL: &[Column] = &[
    ("ID", "/id", false),
    ("NAME", "/name", false),
    ("DESCRIPTION", "/description", false),
    ("STATE", "/state", false),
    ("SINCE", "/since", false),
    ("ENABLED", "/enabled", false),
    ("GATEWAY", "/gateway", false),
    ("LOCAL ADDRESS", "/local/address", false),
    ("LOCAL IDENTITY", "/local/identity", false),
    ("LOCAL CIDRS", "/local/cidrs", false),
    ("PEER ADDRESS", "/peer/address", false),
    ("PEER HOST", "/peer/host", false),
    ("PEER IDENTITY", "/peer/identity", false),
    ("PEER CIDRS", "/peer/cidrs", false),
    ("PRE-SHARED KEY", "/psk", false),
    ("IKE POLICY", "/ike_policy/name", false),
    ("IPSEC POLICY", "/ipsec_policy/name", false),
    ("INITIATOR", "/initiator", false),
    ("DEAD PEER", "/dead_peer_detection/action", false),
    ("MTU", "/mtu", false),
    ("IKE SUITE", "/ike_suite", false),
    ("CHILD SUITE", "/children/0/suite", false),
    ("PACKETS IN", "/traffic/packets_in", false),
    ("PACKETS OUT", "/traffic/packets_out", false),
    ("REASON", "/reasons/0/evidence", false),
    ("NEXT STEP", "/reasons/0/next_step", false),
];

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a connection, with a network, a gateway and policies along where they are asked for.
    Create(Box<create::Create>),
    /// Delete a connection; its gateway and policies stay.
    Delete(Delete),
    /// List connections.
    List,
    /// Print a connection's pre-shared key.
    Psk(One),
    /// Show a connection.
    Show(One),
    /// Change a connection; what is not named stays.
    Update(Box<update::Update>),
}

#[derive(Args, Debug)]
pub struct One {
    /// The connection's name or id.
    connection: String,
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    one: One,
    /// Don't ask.
    #[arg(short, long)]
    yes: bool,
}

/// Waiting for a tunnel.
#[derive(Args, Debug)]
struct Wait {
    /// Wait until the tunnel is up, and say how far it is.
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "wait")]
    timeout: u64,
}

/// Whose words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Vendor {
    /// Another Adit's command.
    Adit,
    /// libreswan's ipsec.conf and ipsec.secrets.
    Libreswan,
    /// strongSwan's swanctl.conf.
    Strongswan,
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

/// Refuses what destroys until somebody has agreed.
pub(crate) fn confirm(yes: bool, what: &str) -> Result<(), CliError> {
    let needed = Err(CliError::Needed {
        what: "agreement (--yes, or y at the terminal)",
    });
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return needed;
    }
    tell(&format!("Delete {what}? [y/N]"));
    let mut said = String::new();
    let _ = io::stdin().lock().read_line(&mut said);
    if said.trim().eq_ignore_ascii_case("y") {
        Ok(())
    } else {
        needed
    }
}

fn find(client: &Client, one: &One) -> Result<String, CliError> {
    client.find("connection", LIST, &one.connection)
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
        Command::Psk(one) => {
            let shown = client.get(&format!("{}/psk", find(client, one)?))?;
            let psk = shown.get("psk").and_then(Value::as_str);
            Ok(format!("{}\n", psk.ok_or(CliError::Answer)?))
        }
        Command::Show(one) => {
            let shown = client.get(&find(client, one)?)?;
            Ok(client.output.one(&shown, ALL))
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

impl Wait {
    /// Waits until the tunnel is up, if that is asked for; the connection as it then is.
    fn until_up(&self, client: &Client, shown: Value) -> Result<Value, CliError> {
        if !self.wait {
            return Ok(shown);
        }
        let id = shown.get("id").and_then(Value::as_str);
        let path = format!("{LIST}/{}", id.ok_or(CliError::Answer)?);
        let end = Instant::now() + Duration::from_secs(self.timeout);
        let mut told = String::new();
        loop {
            let now = client.get(&path)?;
            let text = |place: &str| {
                let text = now.pointer(place).and_then(Value::as_str);
                text.unwrap_or_default().to_owned()
            };
            let (state, reason) = (text("/state"), text("/reasons/0/evidence"));
            if state == "up" {
                // What was told once is not in what is shown.
                let mut now = now;
                if let (Some(psk), Value::Object(members)) = (shown.get("psk"), &mut now) {
                    members.insert("psk".to_owned(), psk.clone());
                }
                return Ok(now);
            }
            let line = format!("{state}: {reason}");
            if told != line {
                tell(&line);
                told = line;
            }
            if Instant::now() >= end {
                return Err(CliError::StillDown {
                    seconds: self.timeout,
                    reason,
                });
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}
