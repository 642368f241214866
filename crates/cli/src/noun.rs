//! What is done alike with every noun: listed, shown and deleted.

use clap::{Args, Subcommand};

use crate::client::Client;
use crate::error::CliError;
use crate::output::{Column, confirm};

/// A noun: what it is called, where it is, and what a table has of it.
#[derive(Debug)]
pub(crate) struct Noun {
    pub(crate) called: &'static str,
    pub(crate) list: &'static str,
    pub(crate) columns: &'static [Column],
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// List them.
    List,
    /// Show one.
    Show(One),
    /// Delete one that nothing else needs.
    Delete(Delete),
}

#[derive(Args, Debug)]
pub struct One {
    /// Its name or id.
    which: String,
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    one: One,
    /// Don't ask.
    #[arg(short, long)]
    yes: bool,
}

impl Noun {
    /// The path of the one that is meant.
    pub(crate) fn find(&self, client: &Client, which: &str) -> Result<String, CliError> {
        client.find(self.called, self.list, which)
    }

    pub(crate) fn run(&self, client: &Client, command: &Command) -> Result<String, CliError> {
        let columns = self.columns;
        match command {
            Command::List => Ok(client.output.list(&client.list(self.list)?, columns)),
            Command::Show(one) => {
                let shown = client.get(&self.find(client, &one.which)?)?;
                Ok(client.output.one(&shown, columns))
            }
            Command::Delete(delete) => {
                let which = &delete.one.which;
                let path = self.find(client, which)?;
                confirm(delete.yes, &format!("{} {which}", self.called))?;
                client.delete(&path)?;
                Ok(String::new())
            }
        }
    }
}
