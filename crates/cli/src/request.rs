//! `adit request`, and `adit secret` for whom the keys are.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::common::Common;
use crate::error::CliError;
use crate::kept::{failed, first_line, text};
use crate::noun::Noun;
use crate::output::{Output, confirm};

const REQUESTS: Noun = Noun {
    called: "request",
    list: "/requests",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("STATE", "/state", false),
        ("PEER", "/peer_address", false),
        ("PEER CIDRS", "/peer_cidrs", false),
        ("LOCAL CIDRS", "/local_cidrs", false),
        ("RECIPIENT", "/recipient", true),
        ("CONNECTION", "/connection", true),
        ("CREATED", "/created_at", true),
    ],
};

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Say that the connection works; the request is closed by it.
    Confirm(One),
    /// Delete a request; until it is closed, its connection goes with it.
    Delete(Delete),
    /// List requests.
    List,
    /// Ask for a connection: by a ticket's text, or field by field.
    New(Box<New>),
    /// Make another link to the pre-shared key, in place of the one before.
    Secret(Secret),
    /// Print a request's sheet: what the other end has to be told, and how far it is.
    Show(One),
    /// Try whether packets come through, and print what came of it.
    Test(One),
}

#[derive(Args, Debug)]
pub struct One {
    /// The request's name or id.
    request: String,
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
pub struct Secret {
    #[command(flatten)]
    one: One,
    /// How long the link is good, in hours.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=720))]
    secret_hours: Option<u32>,
}

/// What is asked for.
#[derive(Args, Debug)]
pub struct New {
    /// Read the ticket in this file, or from standard input by "-".
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "peer_address", "peer_cidr", "local_cidr"])]
    ticket: Option<PathBuf>,
    /// What to call the connection.
    #[arg(long)]
    name: Option<String>,
    /// The gateway at the other end: an address, or a host's name.
    #[arg(long, value_name = "ADDRESS")]
    peer_address: Option<String>,
    /// A subnet to be reached there; may be said again.
    #[arg(long, value_name = "CIDR")]
    peer_cidr: Vec<String>,
    /// A subnet to be reached here; may be said again.
    #[arg(long, value_name = "CIDR")]
    local_cidr: Vec<String>,
    /// Whom the pre-shared key is for.
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
    /// An address at the other end that answers echo requests; may be said again.
    #[arg(long, value_name = "ADDRESS")]
    test_address: Vec<String>,
    /// How long the link to the key is good, in hours.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=720))]
    secret_hours: Option<u32>,
}

impl New {
    fn body(&self) -> Result<Value, CliError> {
        let ticket = self
            .ticket
            .as_deref()
            .map(text)
            .transpose()?
            .map(|text| text.to_string());
        let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        Ok(json!({
            "ticket": ticket,
            "name": self.name,
            "peer_address": self.peer_address,
            "peer_cidrs": some(&self.peer_cidr),
            "local_cidrs": some(&self.local_cidr),
            "recipient": self.recipient,
            "test_addresses": some(&self.test_address),
            "secret_hours": self.secret_hours,
        }))
    }
}

/// How the key gets to whom it is for.
fn link(client: &Client, made: &Value) -> String {
    if client.output.is_whole() {
        return client.output.one(made, REQUESTS.columns);
    }
    let text = |place: &str| made.pointer(place).and_then(Value::as_str).unwrap_or("-");
    format!(
        "The pre-shared key is for {}. Send this link, which works once, until {}:\n  {}\n\
         and tell the passphrase by another way:\n  {}\n",
        text("/recipient"),
        text("/secret/expires_at"),
        text("/secret/link"),
        text("/secret/passphrase"),
    )
}

fn sheet(client: &Client, path: &str) -> Result<String, CliError> {
    if client.output == Output::Table || client.output == Output::Wide {
        return client.text(&format!("{path}/sheet"));
    }
    Ok(client.output.one(&client.get(path)?, REQUESTS.columns))
}

pub(crate) fn run(client: &Client, command: &Command) -> Result<String, CliError> {
    match command {
        Command::List => {
            let all = client.list(REQUESTS.list)?;
            Ok(client.output.list(&all, REQUESTS.columns))
        }
        Command::New(new) => {
            let made = client.post(REQUESTS.list, &new.body()?)?;
            let id = made.get("id").and_then(Value::as_str);
            let path = format!("{}/{}", REQUESTS.list, id.ok_or(CliError::Answer)?);
            let link = link(client, &made);
            if client.output.is_whole() {
                return Ok(link);
            }
            Ok(format!("{}\n{link}", sheet(client, &path)?))
        }
        Command::Show(one) => sheet(client, &REQUESTS.find(client, &one.request)?),
        Command::Test(one) => {
            let path = REQUESTS.find(client, &one.request)?;
            client.post(&format!("{path}/test"), &json!({}))?;
            sheet(client, &path)
        }
        Command::Confirm(one) => {
            let path = REQUESTS.find(client, &one.request)?;
            let closed = client.post(&format!("{path}/confirm"), &json!({}))?;
            Ok(client.output.one(&closed, REQUESTS.columns))
        }
        Command::Secret(secret) => {
            let path = REQUESTS.find(client, &secret.one.request)?;
            let wish = json!({"secret_hours": secret.secret_hours});
            Ok(link(
                client,
                &client.post(&format!("{path}/secret"), &wish)?,
            ))
        }
        Command::Delete(delete) => {
            let path = REQUESTS.find(client, &delete.one.request)?;
            confirm(delete.yes, &format!("request {}", delete.one.request))?;
            client.delete(&path)?;
            Ok(String::new())
        }
    }
}

/// A link that somebody was sent.
#[derive(Args, Debug)]
pub struct Open {
    /// The link.
    link: String,
    /// Read the passphrase's first line from this file, or from standard input by "-"; else it is asked for.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Reads a key by its link. Nobody is logged in for that.
pub(crate) fn open(common: &Common, open: &Open) -> Result<String, CliError> {
    let not_url = || CliError::NotUrl {
        url: open.link.clone(),
    };
    let (base, code) = open.link.split_once("/secret?code=").ok_or_else(not_url)?;
    let client = Client::to(base, common.cacert.as_deref(), common.output)?;
    let passphrase = match &open.passphrase_file {
        Some(file) => first_line(file)?,
        None => {
            let typed = rpassword::prompt_password("Passphrase: ");
            Zeroizing::new(typed.map_err(failed(Path::new("the terminal")))?)
        }
    };
    let known = json!({"code": code, "passphrase": *passphrase});
    let opened = client.post("/secrets/open", &known)?;
    match client.output {
        Output::Json | Output::Yaml => Ok(client.output.one(&opened, &[])),
        _ => {
            let psk = opened.get("psk").and_then(Value::as_str);
            Ok(format!("{}\n", psk.ok_or(CliError::Answer)?))
        }
    }
}
