//! `adit audit`.

use clap::Args;

use crate::client::Client;
use crate::error::CliError;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    ("AT", "/at", false),
    ("WHO", "/actor/name", false),
    ("NOUN", "/noun", false),
    ("ID", "/id", false),
    ("CHANGE", "/change", false),
    ("ADDRESS", "/address", false),
    ("REQUEST", "/request_id", true),
    ("REVISION", "/revision", true),
    ("PROJECT", "/project", true),
    ("USER", "/actor/id", true),
];

/// Which changes. All that are said count.
#[derive(Args, Debug)]
pub struct Audit {
    /// Of this kind of thing, such as connection or ike_policy.
    #[arg(long)]
    noun: Option<String>,
    /// Of the thing with this id.
    #[arg(long)]
    id: Option<String>,
    /// By the user with this id, or by the service itself ("service").
    #[arg(long)]
    actor: Option<String>,
    /// By this request.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Not before this time, such as 2026-11-30T12:00:00Z.
    #[arg(long, visible_alias = "since", value_name = "TIME")]
    from: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Of the things of the project with this id; for administrators.
    #[arg(long, value_name = "ID")]
    of_project: Option<String>,
    /// How many, at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

pub(crate) fn run(client: &Client, audit: &Audit) -> Result<String, CliError> {
    let asked = [
        ("noun", &audit.noun),
        ("id", &audit.id),
        ("actor", &audit.actor),
        ("request_id", &audit.request_id),
        ("from", &audit.from),
        ("until", &audit.until),
        ("project", &audit.of_project),
    ];
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &audit.limit.to_string());
    for (name, value) in asked {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let found = client.get(&format!("/audit?{}", query.finish()))?;
    let items = found.get("items").and_then(serde_json::Value::as_array);
    Ok(client.output.list(items.ok_or(CliError::Answer)?, COLUMNS))
}
