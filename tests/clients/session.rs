//! A documented session: commands as they are printed, each with the table that it answered there.
//!
//! Ids and public addresses are other ones here. The first time one is printed it is learnt which
//! one it is here; from then on it must be that one, in commands and in tables.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::client::Client;

/// Fields of the documented client that later ones have no more, or not in every table.
const GONE: &[&str] = &["distributed", "ha", "location", "project_id"];

/// Fields that later clients call something else.
const RENAMED: &[(&str, &str)] = &[
    ("dpd", "DPD"),
    ("external_v4_ip", "Ext v4 IP"),
    ("external_v6_ip", "Ext v6 IP"),
];

/// Fields of which only the documented server had nothing to say, or something else at each release.
const FREE: &[&str] = &["mtu", "revision_number"];

/// The field in which a public address is seen first.
const PUBLIC: &str = "external_v4_ip";

/// The ways of saying that there is nothing.
const NOTHING: &[&str] = &["None", "null", "", "False"];

/// Fields and values.
type Table = Vec<(String, String)>;

/// A command, and what it answered.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) command: String,
    table: Table,
}

impl Step {
    /// The steps of a session; each begins with a `$`.
    pub(crate) fn read(session: &str) -> Vec<Self> {
        let mut steps: Vec<Self> = Vec::new();
        let mut goes_on = false;
        for line in session.lines() {
            let text = line.strip_prefix("$ ").unwrap_or(line).trim();
            let part = text.trim_end_matches('\\').trim();
            if line.starts_with("$ ") {
                steps.push(Self {
                    command: part.to_owned(),
                    table: Vec::new(),
                });
            } else if goes_on {
                let command = &mut steps.last_mut().unwrap().command;
                *command = format!("{command} {part}");
            }
            goes_on = text.ends_with('\\');
        }
        let tables = session.split("$ ").skip(1).map(table);
        for (step, table) in steps.iter_mut().zip(tables) {
            step.table = table;
        }
        steps
    }
}

/// The table in a text.
fn table(text: &str) -> Table {
    let rows = text.lines().filter_map(|line| {
        let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        let (field, value) = row.split_once('|')?;
        Some((field.trim().to_owned(), value.trim().to_owned()))
    });
    rows.filter(|(field, _)| field != "Field").collect()
}

/// What stands here for the documented ids and addresses.
#[derive(Debug, Default)]
pub(crate) struct Session(BTreeMap<String, String>);

impl Session {
    /// From here on, `documented` is called `here`.
    pub(crate) fn learn(&mut self, documented: &str, here: &str) {
        self.0.insert(documented.to_owned(), here.to_owned());
    }

    /// What is documented, in the words of here.
    pub(crate) fn translate(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (documented, here) in &self.0 {
            text = text.replace(documented, here);
        }
        text
    }

    /// Runs the command of a step, and compares what is printed.
    #[track_caller]
    pub(crate) fn play(&mut self, client: &Client<'_>, step: &Step) {
        let command = self.translate(&step.command);
        let said = client.works(&command);
        let printed = table(&said);
        if command.contains(" -c ") {
            assert_eq!(printed.len(), step.table.len(), "{command}: {said}");
        }
        for (field, documented) in &step.table {
            let renamed = RENAMED.iter().find(|(old, _)| old == field);
            let name = renamed.map_or(field.as_str(), |(_, new)| new);
            match printed
                .iter()
                .find(|(printed, _)| printed.eq_ignore_ascii_case(name))
            {
                Some((_, here)) => self.compare(&command, field, documented, here),
                None => assert!(GONE.contains(&name), "{command}: no {name} in\n{said}"),
            }
        }
    }

    #[track_caller]
    fn compare(&mut self, command: &str, field: &str, documented: &str, here: &str) {
        // As Python 2 printed its strings.
        let wanted = self.translate(documented).replace("u'", "'");
        let nothing = |text: &str| NOTHING.contains(&text);
        let shape = Shape::of(field, documented);
        if wanted == here || FREE.contains(&field) || (nothing(&wanted) && nothing(here)) {
            return;
        }
        let known = self.0.contains_key(documented);
        assert!(
            shape.is_some() && shape == Shape::of(field, here) && !known,
            "{command}: {field} is {here}, not {wanted}"
        );
        if shape != Some(Shape::Time) {
            self.learn(documented, here);
        }
    }
}

/// What is never the same twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    Address,
    Id,
    Project,
    Time,
}

impl Shape {
    fn of(field: &str, text: &str) -> Option<Self> {
        let hexadecimal = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
        let parts: Vec<_> = text.split('-').map(str::len).collect();
        let digits = text.chars().filter(char::is_ascii_digit).count();
        if field == PUBLIC && text.parse::<Ipv4Addr>().is_ok() {
            Some(Self::Address)
        } else if parts == [8, 4, 4, 4, 12] && hexadecimal(&text.replace('-', "")) {
            Some(Self::Id)
        } else if text.len() == 32 && hexadecimal(text) {
            Some(Self::Project)
        } else if text.len() == 20 && digits == 14 && text.ends_with('Z') {
            Some(Self::Time)
        } else {
            None
        }
    }
}
