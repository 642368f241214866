//! `adit ike-policy` and `adit ipsec-policy`.

use clap::{Args, Subcommand};

use crate::client::Client;
use crate::error::CliError;
use crate::output::{Column, confirm};

/// What policies of one phase are called, where they are, and what a table has of them.
pub(crate) type Kind = (&'static str, &'static str, &'static [Column]);

pub(crate) const IKE: Kind = (
    "IKE policy",
    "/ike-policies",
    &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("VERSION", "/parameters/version", false),
        ("ENCRYPTION", "/parameters/encryption", false),
        ("AUTHENTICATION", "/parameters/authentication", false),
        ("GROUPS", "/parameters/groups", false),
        ("LIFETIME", "/parameters/lifetime_s", true),
        ("CONNECTIONS", "/connections", true),
    ],
);

pub(crate) const IPSEC: Kind = (
    "IPsec policy",
    "/ipsec-policies",
    &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("ENCRYPTION", "/parameters/encryption", false),
        ("AUTHENTICATION", "/parameters/authentication", false),
        ("PFS", "/parameters/pfs", false),
        ("TRANSFORM", "/parameters/transform", true),
        ("ENCAPSULATION", "/parameters/encapsulation", true),
        ("LIFETIME", "/parameters/lifetime_s", true),
        ("CONNECTIONS", "/connections", true),
    ],
);

#[derive(Subcommand, Debug)]
pub enum Command {
    /// List policies.
    List,
    /// Show a policy.
    Show(One),
    /// Delete a policy that no connection names.
    Delete(Delete),
}

#[derive(Args, Debug)]
pub struct One {
    /// Its name or id.
    policy: String,
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    one: One,
    /// Don't ask.
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(client: &Client, kind: Kind, command: &Command) -> Result<String, CliError> {
    let (called, list, columns) = kind;
    let find = |one: &One| client.find(called, list, &one.policy);
    match command {
        Command::List => Ok(client.output.list(&client.list(list)?, columns)),
        Command::Show(one) => Ok(client.output.one(&client.get(&find(one)?)?, columns)),
        Command::Delete(delete) => {
            let path = find(&delete.one)?;
            confirm(delete.yes, &format!("{called} {}", delete.one.policy))?;
            client.delete(&path)?;
            Ok(String::new())
        }
    }
}
