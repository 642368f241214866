//! Routes in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::{Noun, Route};
use adit_store::StoreError;

use crate::column::{Stored, Value, text};
use crate::rows::{List, Table};

impl Table for Route {
    const WHAT: &'static str = "route";
    const TABLE: &'static str = "routes";
    const FIXED: &'static [&'static str] = &["router", "destination", "zone"];
    const COLUMNS: &'static [&'static str] = &["name", "connection", "priority"];
    const OF: &'static [(Noun, &'static str)] = &[
        (Noun::Connection, "connection = ?"),
        (Noun::Router, "router = ?"),
    ];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            router: row.parsed("router")?,
            name: row.name()?,
            destination: row.parsed("destination")?,
            connection: row.parsed("connection")?,
            zone: row.plain("zone")?,
            priority: row.plain("priority")?,
            created_at: row.created_at()?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(text(self.router)),
            Value::Text(text(self.destination)),
            Value::Text(self.zone.clone()),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(text(self.connection)),
            Value::Number(self.priority.into()),
        ])
    }
}
