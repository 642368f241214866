//! What is done alike with every noun: listed, shown, changed and deleted.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::client::{Client, id};
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
    pub(crate) which: String,
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    one: One,
    /// Don't ask.
    #[arg(short, long)]
    yes: bool,
}

/// What every new one is given.
#[derive(Args, Debug)]
pub(crate) struct Naming {
    /// What to call it.
    pub(crate) name: String,
    /// Say this of it.
    #[arg(long)]
    description: Option<String>,
}

impl Naming {
    pub(crate) fn body(&self) -> Body {
        Body::default()
            .with("name", Some(&self.name))
            .with("description", self.description.as_ref())
    }
}

/// What of every noun can be changed.
#[derive(Args, Debug)]
pub(crate) struct Renaming {
    /// Call it so.
    #[arg(long)]
    name: Option<String>,
    /// Say this of it.
    #[arg(long)]
    description: Option<String>,
}

/// What is to be changed of one that can be called otherwise and nothing more.
#[derive(Args, Debug)]
pub struct Rename {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) renaming: Renaming,
}

impl Renaming {
    pub(crate) fn body(&self) -> Body {
        Body::default()
            .with("name", self.name.as_ref())
            .with("description", self.description.as_ref())
    }
}

/// A request's body, with what was said and nothing else.
#[derive(Default)]
pub(crate) struct Body(Map<String, Value>);

impl Body {
    pub(crate) fn with(mut self, field: &str, value: Option<impl serde::Serialize>) -> Self {
        if let Some(value) = value {
            self.0.insert(field.to_owned(), json!(value));
        }
        self
    }

    /// The id of the one that is meant; an empty text is none.
    pub(crate) fn with_one(
        self,
        client: &Client,
        field: &str,
        (noun, which): (&Noun, Option<&String>),
    ) -> Result<Self, CliError> {
        let Some(which) = which else {
            return Ok(self);
        };
        let value = match which.as_str() {
            "" => Value::Null,
            which => json!(id(&noun.find(client, which)?)),
        };
        Ok(self.with(field, Some(value)))
    }

    /// The ids of those that are meant.
    pub(crate) fn with_all(
        self,
        client: &Client,
        field: &str,
        (noun, which): (&Noun, Option<&Vec<String>>),
    ) -> Result<Self, CliError> {
        let Some(which) = which else {
            return Ok(self);
        };
        let named = which.iter().filter(|one| !one.is_empty());
        Ok(self.with(field, Some(noun.find_all(client, named)?)))
    }

    /// Nothing, where nothing was said.
    pub(crate) fn some(self) -> Option<Value> {
        (!self.0.is_empty()).then_some(Value::Object(self.0))
    }

    pub(crate) fn into_members(self) -> Map<String, Value> {
        self.0
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

impl Noun {
    /// The path of the one that is meant.
    pub(crate) fn find(&self, client: &Client, which: &str) -> Result<String, CliError> {
        client.find(self.called, self.list, which)
    }

    /// The ids of those that are meant.
    pub(crate) fn find_all<'a>(
        &self,
        client: &Client,
        which: impl IntoIterator<Item = &'a String>,
    ) -> Result<Vec<String>, CliError> {
        let each = which.into_iter();
        each.map(|one| Ok(id(&self.find(client, one)?).to_owned()))
            .collect()
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

    pub(crate) fn create(&self, client: &Client, body: Body) -> Result<String, CliError> {
        let made = client.post(self.list, &body.into_value())?;
        Ok(client.output.one(&made, self.columns))
    }

    pub(crate) fn update(
        &self,
        client: &Client,
        one: &One,
        body: Body,
    ) -> Result<String, CliError> {
        let path = self.find(client, &one.which)?;
        let changed = client.patch(&path, &body.into_value())?;
        Ok(client.output.one(&changed, self.columns))
    }
}
