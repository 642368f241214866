//! `adit ike-policy` and `adit ipsec-policy`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::Client;
use crate::error::CliError;
use crate::noun::{self, Body, Noun};

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
    /// Change an IKE policy; what is not named stays. Connections that name it are negotiated again.
    Update(UpdateIke),
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

#[derive(Args, Debug)]
pub struct UpdateIke {
    #[command(flatten)]
    one: noun::One,
    #[command(flatten)]
    renaming: noun::Renaming,
    /// Which IKE.
    #[arg(long, value_parser = ["v1", "v2"])]
    version: Option<String>,
    /// Acceptable ciphers, best first: aes256gcm16, aes256, 3des...
    #[arg(long, value_delimiter = ',')]
    encryption: Option<Vec<String>>,
    /// Acceptable integrity algorithms and hashes, best first: sha256, sha1...
    #[arg(long, value_delimiter = ',')]
    authentication: Option<Vec<String>>,
    /// Acceptable groups by their IANA numbers, best first: 31, 19, 14...
    #[arg(long, value_delimiter = ',')]
    groups: Option<Vec<u16>>,
    /// Seconds until the IKE SA is rekeyed.
    #[arg(long)]
    lifetime: Option<u32>,
}

#[derive(Subcommand, Debug)]
pub enum IpsecCommand {
    /// Make an IPsec policy.
    Create(NewIpsec),
    /// Change an IPsec policy; what is not named stays. Connections that name it are negotiated again.
    Update(UpdateIpsec),
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

#[derive(Args, Debug)]
pub struct UpdateIpsec {
    #[command(flatten)]
    one: noun::One,
    #[command(flatten)]
    renaming: noun::Renaming,
    /// What protects packets.
    #[arg(long, value_parser = ["esp", "ah"])]
    transform: Option<String>,
    /// What of them.
    #[arg(long, value_parser = ["tunnel", "transport"])]
    encapsulation: Option<String>,
    /// Acceptable ciphers, best first: aes256gcm16, aes256, 3des...
    #[arg(long, value_delimiter = ',')]
    encryption: Option<Vec<String>>,
    /// Acceptable integrity algorithms, best first, for ciphers without their own; "" for none.
    #[arg(long, value_delimiter = ',')]
    authentication: Option<Vec<String>>,
    /// Acceptable groups of forward secrecy by their IANA numbers; "" has none.
    #[arg(long, value_delimiter = ',')]
    pfs: Option<Vec<String>>,
    /// Seconds until a Child SA is rekeyed.
    #[arg(long)]
    lifetime: Option<u32>,
}

/// Of a list that may be empty, what was said; an empty text is none.
fn some(said: Option<&Vec<String>>) -> Option<Vec<&String>> {
    said.map(|all| all.iter().filter(|one| !one.is_empty()).collect())
}

/// Numbers of groups.
fn numbers(said: Option<&Vec<String>>) -> Result<Option<Vec<u16>>, CliError> {
    let number = |text: &&String| {
        text.parse().map_err(|_| CliError::Needed {
            what: "a group by its IANA number, such as 14,",
        })
    };
    let said = some(said);
    said.map(|all| all.iter().map(number).collect()).transpose()
}

/// Changes a policy, whose parameters are whole in a request: what was not said stays as it is, or nothing is changed where
/// somebody else changes it meanwhile.
fn update(
    client: &Client,
    noun: &Noun,
    (one, renaming): (&noun::One, &noun::Renaming),
    says: Body,
) -> Result<String, CliError> {
    let says = says.into_members();
    let body = renaming.body();
    if says.is_empty() {
        return noun.update(client, one, body);
    }
    let path = noun.find(client, &one.which)?;
    let before = client.get(&path)?;
    let parameters = before.get("parameters").and_then(Value::as_object);
    let mut parameters = parameters.ok_or(CliError::Answer)?.clone();
    let revision = before.get("revision").and_then(Value::as_u64);
    parameters.extend(says);
    let body = body.with("parameters", Some(parameters)).into_value();
    let changed = client.patch_at(&path, revision.ok_or(CliError::Answer)?, &body)?;
    Ok(client.output.one(&changed, noun.columns))
}

fn create(client: &Client, noun: &Noun, name: &str, says: &Value) -> Result<String, CliError> {
    let made = client.post(noun.list, &json!({"name": name, "parameters": says}))?;
    Ok(client.output.one(&made, noun.columns))
}

pub(crate) fn ike(client: &Client, command: &IkeCommand) -> Result<String, CliError> {
    match command {
        IkeCommand::Other(command) => IKE.run(client, command),
        IkeCommand::Update(it) => {
            let says = Body::default()
                .with("version", it.version.as_ref())
                .with("encryption", it.encryption.as_ref())
                .with("authentication", it.authentication.as_ref())
                .with("groups", it.groups.as_ref())
                .with("lifetime_s", it.lifetime);
            update(client, &IKE, (&it.one, &it.renaming), says)
        }
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
        IpsecCommand::Update(it) => {
            let says = Body::default()
                .with("transform", it.transform.as_ref())
                .with("encapsulation", it.encapsulation.as_ref())
                .with("encryption", it.encryption.as_ref())
                .with("authentication", some(it.authentication.as_ref()))
                .with("pfs", numbers(it.pfs.as_ref())?)
                .with("lifetime_s", it.lifetime);
            update(client, &IPSEC, (&it.one, &it.renaming), says)
        }
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
