//! Waiting for a tunnel.

use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::shown::LIST;
use crate::client::Client;
use crate::error::CliError;
use crate::output::tell;

/// Whether to wait, and how long.
#[derive(Args, Debug)]
pub(super) struct Wait {
    /// Wait until the tunnel is up, and say how far it is.
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "wait")]
    timeout: u64,
}

impl Wait {
    /// Waits until the tunnel is up, if that is asked for; the connection as it then is.
    pub(super) fn until_up(&self, client: &Client, shown: Value) -> Result<Value, CliError> {
        self.until_up_but(client, shown, None)
    }

    /// The same of one that was restarted: it is up again once that is so since another time.
    pub(super) fn until_up_again(&self, client: &Client, shown: Value) -> Result<Value, CliError> {
        let before = shown.get("since").cloned();
        self.until_up_but(client, shown, before.as_ref())
    }

    fn until_up_but(
        &self,
        client: &Client,
        shown: Value,
        before: Option<&Value>,
    ) -> Result<Value, CliError> {
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
            if state == "up" && (before.is_none() || now.get("since") != before) {
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
