//! `adit events`: server-sent events (HTML Standard 9.2), as lines.

use std::thread;
use std::time::Duration;

use clap::Args;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::client::Client;
use crate::error::CliError;
use crate::output::{Output, print, tell, yaml};

/// How long is waited before the service is asked again, when the connection broke.
const REST: Duration = Duration::from_secs(1);

/// Which events.
#[derive(Args, Debug)]
pub struct Events {
    /// Go on until the command is ended. A connection that breaks is made again, and goes on where it was.
    #[arg(short, long)]
    follow: bool,
    /// Begin after the event with this id.
    #[arg(long, value_name = "EVENT")]
    since: Option<String>,
    /// Of this kind of thing, such as connection or gateway.
    #[arg(long)]
    noun: Option<String>,
    /// Of the thing with this id.
    #[arg(long)]
    id: Option<String>,
    /// Of the things of the project with this id; for administrators.
    #[arg(long, value_name = "ID")]
    of_project: Option<String>,
}

/// What a block of lines says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Sent {
    name: String,
    id: Option<String>,
    data: String,
}

/// What has come, and was not read yet.
#[derive(Default)]
struct Reader(Vec<u8>);

impl Reader {
    /// The blocks that are whole with this piece.
    fn take(&mut self, piece: &Bytes) -> Vec<Sent> {
        self.0.extend_from_slice(piece);
        let mut blocks = Vec::new();
        while let Some(at) = self.0.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = self.0.drain(..at + 2).collect();
            blocks.push(read(&String::from_utf8_lossy(&block)));
        }
        blocks
    }
}

fn read(block: &str) -> Sent {
    let mut sent = Sent::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut sent.name),
            "id" => sent.id = Some(value.to_owned()),
            "data" => {
                if !sent.data.is_empty() {
                    sent.data.push('\n');
                }
                sent.data += value;
            }
            // Comments, and what there may be some day.
            _ => {}
        }
    }
    sent
}

/// An event as a line.
fn line(output: Output, sent: &Sent) -> String {
    let data: Value = serde_json::from_str(&sent.data).unwrap_or_default();
    let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or("-");
    match output {
        Output::Json => {
            let all = json!({"id": sent.id, "event": sent.name, "data": data});
            format!("{all}\n")
        }
        Output::Yaml => {
            let all = json!({"id": sent.id, "event": sent.name, "data": data});
            format!("---\n{}", yaml(&all))
        }
        Output::Name => format!("{}\n", sent.id.as_deref().unwrap_or("-")),
        Output::Table | Output::Wide if sent.name == "reset" => {
            format!("some events are lost: {}\n", text("lost"))
        }
        Output::Table | Output::Wide => {
            let what = match sent.name.as_str() {
                "change" => format!("{} by {}", text("change"), text("actor")),
                "gateway" => text("status").to_owned(),
                _ => {
                    let lines = data.get("lines").and_then(Value::as_array);
                    let lines = lines.into_iter().flatten().filter_map(Value::as_str);
                    let lines: Vec<_> = lines.collect();
                    format!("{}: {}", text("state"), lines.join("; "))
                }
            };
            format!("{}  {}  {}  {what}\n", text("at"), text("noun"), text("id"))
        }
    }
}

impl Events {
    fn path(&self, since: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let asked = [
            ("last_event_id", since),
            ("noun", self.noun.as_deref()),
            ("id", self.id.as_deref()),
            ("project", self.of_project.as_deref()),
        ];
        for (name, value) in asked {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        format!("/events?{}", query.finish())
    }

    /// Prints what comes, until the connection ends, or until all is told that there was.
    fn print_all(&self, client: &Client, since: &mut Option<String>) -> Result<(), CliError> {
        let mut pieces = client.open(&self.path(since.as_deref()))?;
        let mut reader = Reader::default();
        while let Some(piece) = client.next(&mut pieces)? {
            for sent in reader.take(&piece) {
                if sent.id.is_some() {
                    since.clone_from(&sent.id);
                }
                if !sent.data.is_empty() {
                    print(&line(client.output, &sent));
                } else if !self.follow {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn run(client: &Client, events: &Events) -> Result<String, CliError> {
    let mut since = events.since.clone();
    if !events.follow && since.is_none() {
        let what = "--follow, or --since with the id of an event,";
        return Err(CliError::Needed { what });
    }
    loop {
        let outcome = events.print_all(client, &mut since);
        if !events.follow {
            return outcome.map(|()| String::new());
        }
        match outcome {
            // It can be gone on with; before there was anything, what was asked is wrong.
            Ok(()) => tell("the connection ended; it is made again"),
            Err(CliError::Unreachable { source, .. }) if since.is_some() => {
                tell(&format!(
                    "the connection broke ({source}); it is made again"
                ));
            }
            Err(error) => return Err(error),
        }
        thread::sleep(REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_however_they_are_cut() {
        let text = "event: change\nid: 7-1-2\ndata: {\"a\":1}\n\nid: 8-1-3\n\n: nothing\n\n";
        let whole = Reader::default().take(&Bytes::from(text));
        let change = Sent {
            name: "change".to_owned(),
            id: Some("7-1-2".to_owned()),
            data: "{\"a\":1}".to_owned(),
        };
        assert_eq!(whole[0], change);
        assert_eq!(whole[1].id.as_deref(), Some("8-1-3"));
        assert_eq!(whole.len(), 3);
        let mut reader = Reader::default();
        let pieces = text.as_bytes().iter();
        let cut: Vec<_> = pieces
            .flat_map(|octet| reader.take(&Bytes::copy_from_slice(&[*octet])))
            .collect();
        assert_eq!(cut, whole);
    }

    #[test]
    fn an_event_is_a_line() {
        let sent = |name: &str, data: Value| Sent {
            name: name.to_owned(),
            id: Some("7-1-2".to_owned()),
            data: data.to_string(),
        };
        let head = json!({"at": "2026-01-01T00:00:00Z", "noun": "connection", "id": "c"});
        let with = |more: Value| {
            let mut all = head.clone();
            for (name, value) in more.as_object().unwrap() {
                all[name] = value.clone();
            }
            all
        };
        for (name, more, end) in [
            (
                "change",
                json!({"change": "created", "actor": "u"}),
                "created by u",
            ),
            ("gateway", json!({"status": "available"}), "available"),
            (
                "tunnel",
                json!({"state": "up", "lines": ["one", "the tunnel is up"]}),
                "up: one; the tunnel is up",
            ),
        ] {
            let line = line(Output::Table, &sent(name, with(more)));
            assert_eq!(
                line,
                format!("2026-01-01T00:00:00Z  connection  c  {end}\n")
            );
        }
        let reset = sent("reset", json!({"lost": "observations"}));
        let said = line(Output::Table, &reset);
        assert_eq!(said, "some events are lost: observations\n");
    }
}
