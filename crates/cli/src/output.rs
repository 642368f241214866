//! Tables, JSON and names, and what is complained of.

use std::error::Error as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde_json::Value;

use crate::error::CliError;

/// How what is answered is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Output {
    /// What matters most, in columns.
    #[default]
    Table,
    /// More columns.
    Wide,
    /// All that was answered.
    Json,
    /// The same as YAML.
    Yaml,
    /// Ids alone, one on a line.
    Name,
}

/// A column: its title, where its value stands, and whether only wide tables have it.
pub(crate) type Column = (&'static str, &'static str, bool);

/// A value as a table has it.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => {
            let all: Vec<_> = list.iter().map(|one| cell(Some(one))).collect();
            all.join(", ")
        }
        Some(other) => other.to_string(),
    }
}

fn json(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("{text}\n")
}

pub(crate) fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_default()
}

fn id(value: &Value) -> String {
    format!("{}\n", cell(value.get("id")))
}

impl Output {
    /// Whether all that was answered is printed, for a program.
    pub(crate) const fn is_whole(self) -> bool {
        matches!(self, Self::Json | Self::Yaml)
    }

    /// Things, one below another.
    pub(crate) fn list(self, things: &[Value], columns: &[Column]) -> String {
        match self {
            Self::Json => json(&Value::from(things)),
            Self::Yaml => yaml(&Value::from(things)),
            Self::Name => things.iter().map(id).collect(),
            Self::Table | Self::Wide => {
                let columns = columns.iter().filter(|one| self == Self::Wide || !one.2);
                let columns: Vec<_> = columns.collect();
                let mut table = Table::new();
                table.load_preset(presets::NOTHING);
                table.set_header(columns.iter().map(|one| one.0));
                for thing in things {
                    table.add_row(columns.iter().map(|one| cell(thing.pointer(one.1))));
                }
                lines(&table)
            }
        }
    }

    /// One thing, each value on a line.
    pub(crate) fn one(self, thing: &Value, columns: &[Column]) -> String {
        match self {
            Self::Json => json(thing),
            Self::Yaml => yaml(thing),
            Self::Name => id(thing),
            Self::Table | Self::Wide => {
                let mut table = Table::new();
                table.load_preset(presets::NOTHING);
                for (title, place, _) in columns {
                    table.add_row([(*title).to_lowercase(), cell(thing.pointer(place))]);
                }
                lines(&table)
            }
        }
    }
}

/// Without what is left of each line.
fn lines(table: &Table) -> String {
    let text = table.to_string();
    let lines = text.lines().map(|line| {
        let line = line.strip_prefix(' ').unwrap_or(line);
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

/// Prints what a command answers. A reader that has seen enough is no fault.
pub(crate) fn print(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// Says something while a command goes on.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

pub(crate) fn complain(error: &CliError) {
    let mut text = format!("adit: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        text += &format!(": {source}");
        cause = source.source();
    }
    if let Some(hint) = error.hint() {
        text += &format!("\nhint: {hint}");
    }
    tell(&text);
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
