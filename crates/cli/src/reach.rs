//! `adit reach` and `adit summary`.

use clap::Args;
use serde_json::Value;

use crate::client::{Client, id};
use crate::error::CliError;
use crate::machine::MACHINE;
use crate::output::{Column, Output};

const STEPS: &[Column] = &[
    ("VERDICT", "/verdict", false),
    ("BY", "/noun", false),
    ("NAME", "/name", false),
    ("WHAT", "/text", false),
    ("ID", "/id", true),
    ("RULE", "/rule", true),
];

const ATTENTION: &[Column] = &[
    ("WHAT", "/noun", false),
    ("NAME", "/name", false),
    ("SEVERITY", "/severity", false),
    ("WHY", "/reason/evidence", false),
    ("NEXT STEP", "/reason/next_step", false),
    ("ID", "/id", true),
];

/// Who is to reach whom.
#[derive(Args, Debug)]
pub struct Reach {
    /// Who begins: a machine's name or id, or an address.
    from: String,
    /// Who is to be reached, by the same.
    to: String,
    /// The protocol's name, such as tcp, udp or icmp, or its number.
    #[arg(long)]
    protocol: Option<String>,
    /// The port; of ICMP, the type.
    #[arg(long, requires = "protocol")]
    port: Option<u16>,
}

/// Nothing more is to be said.
#[derive(Args, Debug)]
pub struct Summary {}

/// An address, or the id of the machine that is meant.
fn end(client: &Client, text: &str) -> Result<String, CliError> {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let path = MACHINE.find(client, text)?;
    Ok(id(&path).to_owned())
}

pub(crate) fn run(client: &Client, reach: &Reach) -> Result<String, CliError> {
    let (from, to) = (end(client, &reach.from)?, end(client, &reach.to)?);
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("from", &from).append_pair("to", &to);
    if let Some(protocol) = &reach.protocol {
        query.append_pair("protocol", protocol);
    }
    if let Some(port) = reach.port {
        query.append_pair("port", &port.to_string());
    }
    let found = client.get(&format!("/reachability?{}", query.finish()))?;
    let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default();
    let steps = found.get("steps").and_then(Value::as_array);
    let steps = steps.ok_or(CliError::Answer)?;
    Ok(match client.output {
        Output::Table | Output::Wide => {
            let table = client.output.list(steps, STEPS);
            format!("{}: {}\n\n{table}", text("verdict"), text("text"))
        }
        other => other.one(&found, STEPS),
    })
}

pub(crate) fn summary(client: &Client) -> Result<String, CliError> {
    let found = client.get("/summary")?;
    let text = found
        .get("text")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let attention = found.get("attention").and_then(Value::as_array);
    let attention = attention.ok_or(CliError::Answer)?;
    Ok(match client.output {
        Output::Table | Output::Wide if attention.is_empty() => format!("{text}\n"),
        Output::Table | Output::Wide => {
            format!("{text}\n\n{}", client.output.list(attention, ATTENTION))
        }
        other => other.one(&found, ATTENTION),
    })
}
