//! `adit ike-policy` and `adit ipsec-policy`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::Client;
use crate::error::CliError;
use crate::noun::{self, Noun};

pub(crate) const IKE: Noun = Noun {
    called: "IKE policy",
    list: "/ike-policies",
    columns: &[
        ("ID", "/id", false),
        ("NAME", "/name", false),
        ("VERSION", "/parameters/version", false),
        ("ENCRYPTION", "/parameters/encryption", false),
        ("AUTHENTICATION", "/parameters/authentication", false),
        ("GROUPS", "/parameters/groups", false),
        ("LIFETIME", "/parameters/lifetime_s", true),
        ("CONNECTIONS", "/connections", true),
    ],
};

pub(crate) const IPSEC: Noun = Noun {
    called: "IPsec policy",
    list: "/ipsec-policies",
    columns: &[
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
};

#[derive(Subcommand, Debug)]
pub enum IkeCommand {
    /// Make an IKE policy.
    Create(NewIke),
    /// Change what an IKE policy is called and what is said of it.
    Update(noun::Rename),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct NewIke {
    /// What to call it.
    name: String,
    /// Which IKE.
    #[arg(long, value_parser = ["v1", "v2"], default_value = "v2")]
    version: String,
    /// Acceptable ciphers, best first: aes256gcm16, aes256, 3des...
    #[arg(long, value_delimiter = ',', required = true)]
    encryption: Vec<String>,
    /// Acceptable integrity algorithms and hashes, best first: sha256, sha1...
    #[arg(long, value_delimiter = ',', required = true)]
    authentication: Vec<String>,
    /// Acceptable groups by their IANA numbers, best first: 31, 19, 14...
    #[arg(long, value_delimiter = ',', required = true)]
    groups: Vec<u16>,
    /// Seconds until the IKE SA is rekeyed.
    #[arg(long, default_value_t = 36_000)]
    lifetime: u32,
}

#[derive(Subcommand, Debug)]
pub enum IpsecCommand {
    /// Make an IPsec policy.
    Create(NewIpsec),
    /// Change what an IPsec policy is called and what is said of it.
    Update(noun::Rename),
    #[command(flatten)]
    Other(noun::Command),
}

#[derive(Args, Debug)]
pub struct NewIpsec {
    /// What to call it.
    name: String,
    /// What protects packets.
    #[arg(long, value_parser = ["esp", "ah"], default_value = "esp")]
    transform: String,
    /// What of them.
    #[arg(long, value_parser = ["tunnel", "transport"], default_value = "tunnel")]
    encapsulation: String,
    /// Acceptable ciphers, best first: aes256gcm16, aes256, 3des...
    #[arg(long, value_delimiter = ',', required = true)]
    encryption: Vec<String>,
    /// Acceptable integrity algorithms, best first, for ciphers without their own: sha256, sha1...
    #[arg(long, value_delimiter = ',')]
    authentication: Vec<String>,
    /// Acceptable groups of forward secrecy by their IANA numbers; without any there is none.
    #[arg(long, value_delimiter = ',')]
    pfs: Vec<u16>,
    /// Seconds until a Child SA is rekeyed.
    #[arg(long, default_value_t = 10_800)]
    lifetime: u32,
}

fn create(client: &Client, noun: &Noun, name: &str, says: &Value) -> Result<String, CliError> {
    let made = client.post(noun.list, &json!({"name": name, "parameters": says}))?;
    Ok(client.output.one(&made, noun.columns))
}

pub(crate) fn ike(client: &Client, command: &IkeCommand) -> Result<String, CliError> {
    match command {
        IkeCommand::Other(command) => IKE.run(client, command),
        IkeCommand::Update(it) => IKE.update(client, &it.one, it.renaming.body()),
        IkeCommand::Create(new) => {
            let says = json!({
                "version": new.version,
                "encryption": new.encryption,
                "authentication": new.authentication,
                "groups": new.groups,
                "lifetime_s": new.lifetime,
            });
            create(client, &IKE, &new.name, &says)
        }
    }
}

pub(crate) fn ipsec(client: &Client, command: &IpsecCommand) -> Result<String, CliError> {
    match command {
        IpsecCommand::Other(command) => IPSEC.run(client, command),
        IpsecCommand::Update(it) => IPSEC.update(client, &it.one, it.renaming.body()),
        IpsecCommand::Create(new) => {
            let says = json!({
                "transform": new.transform,
                "encapsulation": new.encapsulation,
                "encryption": new.encryption,
                "authentication": new.authentication,
                "pfs": new.pfs,
                "lifetime_s": new.lifetime,
            });
            create(client, &IPSEC, &new.name, &says)
        }
    }
}
